"""MS-TURN and MS-ICE2 as bytes: what the laboratory's relay, clients and checks write and read.

Independent of the product's dissectors on purpose: samples written by the code that later reads them would
prove nothing. Sources: [MS-TURN] 2.1 and 2.2, [MS-ICE2] 2.2, RFC 5389.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import socket
import struct
import time
import zlib
from dataclasses import dataclass, field

Address = tuple[str, int]
Attribute = tuple[int, bytes]

COOKIE = bytes.fromhex("72C64BC6")
RFC5389_COOKIE = bytes.fromhex("2112A442")

BINDING, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0101, 0x0111
ALLOCATE, ALLOCATE_SUCCESS, ALLOCATE_ERROR = 0x0003, 0x0103, 0x0113
SEND, DATA_INDICATION = 0x0004, 0x0115
SET_ACTIVE, SET_ACTIVE_SUCCESS = 0x0006, 0x0106

MAPPED_ADDRESS = 0x0001
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
LIFETIME = 0x000D
ALTERNATE_SERVER = 0x000E
MAGIC_COOKIE = 0x000F
BANDWIDTH = 0x0010
DESTINATION_ADDRESS = 0x0011
REMOTE_ADDRESS = 0x0012
DATA = 0x0013
NONCE = 0x0014  # [MS-TURN] numbers these two the other way round than RFC 5389
REALM = 0x0015
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
MS_VERSION = 0x8008
MS_XOR_MAPPED_ADDRESS = 0x8020
FINGERPRINT = 0x8028
ICE_CONTROLLED, ICE_CONTROLLING = 0x8029, 0x802A
APP_ID = 0x8037
MS_SEQUENCE_NUMBER = 0x8050
CANDIDATE_IDENTIFIER = 0x8054
MS_SERVICE_QUALITY = 0x8055
IMPLEMENTATION_VERSION = 0x8070

TURN_CONTROL, END_TO_END = 2, 3
SHA256_SINCE = 3  # the first MS-VERSION whose MESSAGE-INTEGRITY is HMAC-SHA256


@dataclass(frozen=True)
class Message:
    type: int
    attributes: list[Attribute] = field(default_factory=list)
    transaction: bytes = field(default_factory=lambda: RFC5389_COOKIE + os.urandom(12))

    def get(self, wanted: int) -> bytes | None:
        return next((value for number, value in self.attributes if number == wanted), None)

    def address(self, wanted: int) -> Address | None:
        value = self.get(wanted)
        if value is None:
            return None
        xored = wanted in (XOR_MAPPED_ADDRESS, MS_XOR_MAPPED_ADDRESS)
        return unpack_address(value, self.transaction if xored else bytes(16))


def pack_address(address: Address, mask: bytes = bytes(16)) -> bytes:
    """An IPv4 address attribute; `mask` is the transaction ID for the XORed ones, else zeros."""
    host, port = address
    plain = struct.pack("!H", port) + socket.inet_aton(host)
    cover = mask[:2] + mask[:4]
    return b"\x00\x01" + bytes(a ^ b for a, b in zip(plain, cover, strict=True))


def unpack_address(value: bytes, mask: bytes = bytes(16)) -> Address:
    cover = mask[:2] + mask[:4]
    plain = bytes(a ^ b for a, b in zip(value[2:8], cover, strict=True))
    return socket.inet_ntoa(plain[2:]), struct.unpack_from("!H", plain)[0]


def encode_turn(message: Message, key: bytes = b"", version: int = 2) -> bytes:
    """An MS-TURN message: cookie first, values unpadded, MESSAGE-INTEGRITY last when there is a key."""
    body = b"".join(_attribute(*item) for item in [(MAGIC_COOKIE, COOKIE), *message.attributes])
    if not key:
        return _header(message, len(body)) + body
    digest = hashlib.sha256 if version >= SHA256_SINCE else hashlib.sha1
    size = digest().digest_size
    covered = _header(message, len(body) + 4 + size) + body
    return covered + _attribute(MESSAGE_INTEGRITY, hmac.digest(key, _fill_block(covered), digest))


def encode_check(message: Message, password: str, *, legacy_fingerprint: bool = False) -> bytes:
    """An MS-ICE2 check or its answer: values padded to 4 bytes, MESSAGE-INTEGRITY, FINGERPRINT last."""
    body = b"".join(_attribute(number, value, pad=True) for number, value in message.attributes)
    covered = _header(message, len(body) + 24 + 8) + body
    covered += _attribute(MESSAGE_INTEGRITY, hmac.digest(password.encode(), _fill_block(covered), "sha1"))
    checksum = _legacy_crc32(covered) if legacy_fingerprint else zlib.crc32(covered)
    return covered + _attribute(FINGERPRINT, struct.pack("!I", checksum ^ 0x5354554E))


def decode(data: bytes) -> Message | None:
    """The message in one datagram or one frame, None when these bytes are not STUN-shaped (media, noise)."""
    if len(data) < 20 or data[0] > 3:
        return None
    kind, length = struct.unpack_from("!HH", data)
    if 20 + length != len(data):
        return None
    pad = not is_turn(data)
    attributes, at = [], 20
    while at + 4 <= len(data):
        number, size = struct.unpack_from("!HH", data, at)
        attributes.append((number, data[at + 4 : at + 4 + size]))
        at += 4 + size + (-size % 4 if pad else 0)
    return Message(kind, attributes, data[4:20])


def is_turn(data: bytes) -> bool:
    return data[20:28] == struct.pack("!HH", MAGIC_COOKIE, 4) + COOKIE


def long_term_key(username: bytes, realm: bytes, password: bytes, version: int) -> bytes:
    """MD5 of the three; for HMAC-SHA256 the digest is SHA-256, which no public source confirms."""
    digest = "sha256" if version >= SHA256_SINCE else "md5"
    return hashlib.new(digest, b":".join((username, realm, password))).digest()


def access_token() -> bytes:
    """A username as MRAS hands out: 36 bytes of version, length, expiry, identity; a 20-byte digest."""
    expiry = int((time.time() + 8 * 3600 + 11_644_473_600) * 10_000_000)
    head = struct.pack("!BBHII", 2, 0, 36, expiry & 0xFFFFFFFF, expiry >> 32)
    return head + os.urandom(20) + bytes(4) + os.urandom(20)


def _header(message: Message, length: int) -> bytes:
    return struct.pack("!HH", message.type, length) + message.transaction


def _attribute(number: int, value: bytes, *, pad: bool = False) -> bytes:
    return struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4 if pad else 0)


def _fill_block(data: bytes) -> bytes:
    """Microsoft's dialects hash whole 64-byte blocks."""
    return data + bytes(-len(data) % 64)


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
        table.append(0x08BBE8EA if value == 0x8BBEB8EA else value)  # the entry older clients have wrong
    return table


_CRC_TABLE = _crc_table()


def _legacy_crc32(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def pseudo_client_hello() -> bytes:
    """50 bytes: one suite, no extension."""
    hello = b"\x03\x01" + _random() + b"\x00" + b"\x00\x02\x00\x18" + b"\x01\x00"
    return b"\x16\x03\x01\x00\x2d" + b"\x01\x00\x00\x29" + hello


def pseudo_server_hello() -> bytes:
    """83 bytes: ServerHello and ServerHelloDone in one record, no certificate."""
    hello = b"\x03\x01" + _random() + b"\x20" + os.urandom(32) + b"\x00\x18\x00"
    return b"\x16\x03\x01\x00\x4e" + b"\x02\x00\x00\x46" + hello + b"\x0e\x00\x00\x00"


def _random() -> bytes:
    return struct.pack("!I", int(time.time())) + os.urandom(28)


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack("!BBH", kind, 0, len(payload)) + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next 4-byte frame; asyncio.IncompleteReadError at the end of the connection."""
    kind, _, length = struct.unpack("!BBH", await reader.readexactly(4))
    return kind, await reader.readexactly(length)
