"""FINGERPRINT: a checksum that tells STUN from what shares its port, in the standard way and in Microsoft's old one.

RFC 5389 15.5; [MS-ICE2] 3.1.4.8.2: every check and every answer goes out twice, the twin with a CRC of a table
in which one entry is wrong, because older implementations have that table. Twins differ in nothing else, and a
message whose bytes never lead to that entry (two of three checks) has one checksum both ways: it is NORMAL.
"""

from __future__ import annotations

import zlib

FINGERPRINT = 0x8028
NORMAL, LEGACY, WRONG = "normal", "legacy", "wrong"

MAX_LEGACY = 1500
"""Bytes the old checksum is tried on: it costs Python time for each byte, and checks fit one datagram."""

_MASK = 0x5354554E
_RIGHT, _OLD = 0x8BBEB8EA, 0x08BBE8EA


def judge(data: bytes) -> str:
    """Which of the two checksums a whole message carries that ends with FINGERPRINT (8 bytes with its header)."""
    told, covered = int.from_bytes(data[-4:], "big") ^ _MASK, data[:-8]
    if told == zlib.crc32(covered):
        return NORMAL
    return LEGACY if len(data) <= MAX_LEGACY and told == _legacy_crc(covered) else WRONG


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return _OLD if value == _RIGHT else value


_TABLE = tuple(_entry(value) for value in range(256))


def _legacy_crc(data: bytes) -> int:
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
