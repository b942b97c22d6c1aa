"""STUN, MS-TURN and ICE messages written byte by byte, and what the dissector reads in them."""

import struct

from dissectors.contract import dissect
from dissectors.stun import STUN, StunMessage

RFC_COOKIE = bytes.fromhex("2112a442")
MS_COOKIE = (0x000F, bytes.fromhex("72c64bc6"))
RANDOM_ID = bytes(range(0x51, 0x61))
RFC_ID = RFC_COOKIE + bytes(range(12))

CLIENT_HELLO = bytes.fromhex(
    "16 0301 002d 01 000029 0301"
    "c1fcd5a3 00112233 44556677 8899aabb ccddeeff 00112233 44556677 8899aabb"
    "00 0002 0018 01 00"
)
SERVER_HELLO = bytes.fromhex("16 0301 004e 02 000046 0301" + "5a" * 32 + "20" + "a5" * 32 + "0018 00 0e 000000")


def stun(
    message_type: int, *attributes: tuple[int, bytes], transaction: bytes = RANDOM_ID, padded: bool = False
) -> bytes:
    body = b""
    for number, value in attributes:
        padding = bytes(-len(value) % 4) if padded else b""
        body += struct.pack(">HH", number, len(value)) + value + padding
    return struct.pack(">HH", message_type, len(body)) + transaction + body


def address(ip: str, port: int, mask: bytes = bytes(16)) -> bytes:
    packed = bytes(int(part) for part in ip.split("."))
    masked = bytes(a ^ b for a, b in zip(packed, mask, strict=False))
    return b"\0\1" + (port ^ int.from_bytes(mask[:2], "big")).to_bytes(2, "big") + masked


def frame(frame_type: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", frame_type, 0, len(payload)) + payload


def rfc4571(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload


def mturn(session: bytes, payload: bytes) -> bytes:
    return b"\xff\x10" + (len(session) + len(payload)).to_bytes(2, "big") + session + payload


def only(data: bytes) -> StunMessage:
    found = dissect(STUN, data)
    assert found.anomaly is None, found.anomaly
    (placed,) = found.messages
    assert isinstance(placed.message, StunMessage)
    return placed.message


def messages(data: bytes) -> list[StunMessage]:
    found = dissect(STUN, data)
    assert found.anomaly is None, found.anomaly
    return [placed.message for placed in found.messages if isinstance(placed.message, StunMessage)]


ALLOCATE = stun(0x0003, MS_COOKIE, (0x8008, b"\0\0\0\4"), (0x8055, b"\0\1\0\0"))
CHALLENGE = stun(
    0x0113,
    MS_COOKIE,
    (0x0009, b"\0\0\4\1Unauthorized"),
    (0x0015, b"contoso.com\0\0"),  # 13 bytes, not padded
    (0x0014, b"nonce-17"),
    (0x000E, address("203.0.113.9", 3478)),
)
ALLOCATED = stun(
    0x0103,
    MS_COOKIE,
    (0x0001, address("203.0.113.9", 50123)),
    (0x8020, address("198.51.100.7", 40001, RANDOM_ID)),
    (0x000D, b"\0\0\2\x58"),
    (0x8050, bytes(range(20)) + b"\0\0\0\1"),
    (0x8095, b"SESSION1"),
)
CHECK = stun(
    0x0001,
    (0x0006, b"peer:own!"),
    (0x0025, b""),
    (0x8054, b"1\0\0\0"),
    (0x8070, b"\0\0\0\3"),
    (0x0008, bytes(20)),
    transaction=RFC_ID,
    padded=True,
)
OLD_CHECK = stun(0x0001, (0x0006, b"abc"), (0x0008, bytes(20)))

EXAMPLES = {
    "allocate": ALLOCATE,
    "challenge": CHALLENGE,
    "allocated": ALLOCATED,
    "ice check": CHECK,
    "draft-06 check": OLD_CHECK,
    "classic request": stun(0x0001),
    "multiplexed": mturn(b"SESSION1", CHECK),
    "client hello": CLIENT_HELLO,
    "server hello": SERVER_HELLO,
    "framed": frame(2, ALLOCATE),
    "rfc4571": rfc4571(CHECK),
}
