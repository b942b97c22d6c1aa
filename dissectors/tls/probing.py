"""Tells TLS from what looks like it by the first bytes; the pseudo-TLS opening of TURN over TCP is not TLS."""

from dissectors.contract import Verdict
from dissectors.tls.numbers import (
    ALERT,
    ALERT_LEVELS,
    ALERTS,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEARTBEAT,
    PSEUDO_SUITE,
    VERSIONS,
)

MAX_RECORD = (1 << 14) + 2048  # RFC 5246 6.2.3: a ciphertext record; RFC 8446 allows less


def probe_records(head: bytes) -> Verdict:
    """CERTAIN on a hello, an alert or two records in a row; LIKELY on one plausible record header."""
    if not may_start_record(head):
        return Verdict.REJECT
    if len(head) < 5:
        return Verdict.UNSURE
    content, length = head[0], int.from_bytes(head[3:5], "big")
    if not fits(content, length):
        return Verdict.REJECT
    if content == CHANGE_CIPHER_SPEC and length != 1:
        return Verdict.REJECT
    if content == HANDSHAKE:
        verdict = _probe_handshake(head)
    elif content == ALERT and length == 2:
        verdict = _probe_alert(head)
    else:
        verdict = Verdict.LIKELY
    behind = head[5 + length : 10 + length]
    followed = len(behind) == 5 and may_start_record(behind)
    return Verdict.CERTAIN if verdict == Verdict.LIKELY and followed else verdict


def may_start_record(head: bytes) -> bool:
    """The bytes, perhaps fewer than a header, agree with one: content type, then version 3.0 to 3.4."""
    return CHANGE_CIPHER_SPEC <= head[0] <= HEARTBEAT and head[1:2] in (b"", b"\3") and head[2:3] <= b"\4"


def fits(content: int, length: int) -> bool:
    """Whether a record of this type may have this length."""
    return (length > 0 or content == APPLICATION_DATA) and length <= MAX_RECORD


def _probe_handshake(head: bytes) -> Verdict:
    if head[5:6] not in (b"\1", b"\2"):
        return Verdict.LIKELY if len(head) > 5 else Verdict.UNSURE
    if len(head) < 11:
        return Verdict.UNSURE
    if head[9] != 3 or int.from_bytes(head[6:9], "big") < 38:  # version, random, three lengths
        return Verdict.REJECT
    return _probe_pseudo(head)


def _probe_pseudo(head: bytes) -> Verdict:
    """REJECT the two fixed records that open TURN over TCP in TLS guise ([MS-TURN] 2.1)."""
    if head[:11] == bytes.fromhex("160301002d 01000029 0301"):
        told, pseudo = 48, head[43:48] == b"\0\0\2" + PSEUDO_SUITE
    elif head[:11] == bytes.fromhex("160301004e 02000046 0301"):
        told, pseudo = 80, head[43:44] + head[76:80] == b"\x20" + PSEUDO_SUITE + b"\0\x0e"
    else:
        return Verdict.CERTAIN
    if len(head) < told:
        return Verdict.UNSURE
    return Verdict.REJECT if pseudo else Verdict.CERTAIN


def _probe_alert(head: bytes) -> Verdict:
    if len(head) < 7:
        return Verdict.UNSURE
    return Verdict.CERTAIN if head[5] in ALERT_LEVELS and head[6] in ALERTS else Verdict.REJECT


def probe_ssl2(head: bytes) -> Verdict:
    """A version 2 hello is told by its four lengths adding up (RFC 5246 E.2)."""
    if head[2:3] not in (b"", b"\1") or (len(head) >= 5 and int.from_bytes(head[3:5], "big") not in VERSIONS):
        return Verdict.REJECT
    if len(head) < 11:
        return Verdict.UNSURE
    length = int.from_bytes(head[:2], "big") & 0x7FFF
    suites, session, challenge = (int.from_bytes(head[at : at + 2], "big") for at in (5, 7, 9))
    adds_up = suites and suites % 3 == 0 and 9 + suites + session + challenge == length
    return Verdict.CERTAIN if adds_up and challenge >= 16 else Verdict.REJECT
