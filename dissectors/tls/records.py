"""Records (RFC 5246 6.2): their headers, and what is remembered of them between one message and the next."""

from functools import lru_cache
from struct import Struct

from dissectors.contract import Cursor, Malformed, Truncated
from dissectors.tls.message import TlsMessage
from dissectors.tls.numbers import (
    ALERT_LEVELS,
    ALERTS,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HEARTBEAT,
    version_name,
)
from dissectors.tls.probing import MAX_RECORD, fits, may_start_record

ENCRYPTED = "encrypted"
CUT = "cut"
"""The record the cursor stands in ends beyond the bytes there are, and all it held of use was told."""
SECRET = "tls1.3"
"""This side's hello was TLS 1.3's and without early data: what is protected next belongs to the handshake."""
_DATA_SEEN = "data-seen"
_OPEN = "open-record"
"""The cursor stands inside a handshake record: "open-record VERSION BYTES_LEFT"."""
_HEADER = Struct(">BHH")  # content type, version, length
_SEALED_ALERT = (
    19  # bytes: level, code, the hidden type and a tag of 16 (RFC 8446 5.2); no handshake message is as short
)


def record_header(cursor: Cursor) -> tuple[int, int, int]:
    """Content type, version and length of the record at the cursor, which moves behind the header."""
    start = cursor.position
    if cursor.end - start < _HEADER.size:
        return _short_header(cursor)
    content, version, length = _HEADER.unpack_from(cursor.data, start)
    if not CHANGE_CIPHER_SPEC <= content <= HEARTBEAT or not 0x0300 <= version <= 0x0304:
        raise Malformed(f"no TLS record at offset {start}")
    if not fits(content, length):
        raise Malformed(f"TLS record of type {content} with {length} bytes at offset {start}")
    cursor.position = start + _HEADER.size
    return content, version, length


def _short_header(cursor: Cursor) -> tuple[int, int, int]:
    """Raises Malformed when the bytes there are begin no record, else Truncated where they end."""
    start = cursor.position
    if not cursor.remaining:
        raise Truncated(f"record wanted at offset {start}")
    if not may_start_record(cursor.peek(_HEADER.size)):
        raise Malformed(f"no TLS record at offset {start}")
    return cursor.uint(1), cursor.uint(2), cursor.uint(2)


def leave_open(cursor: Cursor, version: int, left: int) -> None:
    """Remember that the cursor stands `left` bytes before the end of a handshake record."""
    cursor.notes.add(f"{_OPEN} {version} {left}")


def open_record(cursor: Cursor) -> tuple[int, int] | None:
    """Version and bytes left of the handshake record the last parse stopped in; forgotten once asked."""
    for note in cursor.notes:
        if note.startswith(_OPEN):
            cursor.notes.remove(note)
            _, version, left = note.split()
            return int(version), int(left)
    return None


def application_data(cursor: Cursor, version: int, length: int) -> tuple[TlsMessage, ...]:
    """One message for the first record, told by its header even when it is cut off; none for later ones."""
    if SECRET in cursor.notes:
        cursor.notes.remove(SECRET)
        if length == _SEALED_ALERT:
            cursor.take(length)
            return (bare("encrypted-alert", version),)
    first = _DATA_SEEN not in cursor.notes
    cursor.notes.add(_DATA_SEEN)
    if first and 0 < cursor.remaining < length:
        cursor.notes.add(CUT)
    else:
        cursor.take(length)
    if first:
        return (bare("application-data", version),)
    _skip_application_data(cursor)
    return ()


def _skip_application_data(cursor: Cursor) -> None:
    """Pass the whole records that follow at once: a long transfer has thousands."""
    while True:
        head = cursor.peek(5)
        length = int.from_bytes(head[3:5], "big")
        whole = len(head) == 5 and cursor.remaining >= 5 + length and length <= MAX_RECORD
        if not whole or head[0] != APPLICATION_DATA or not may_start_record(head):
            return
        cursor.position += 5 + length


def alerts(fragment: bytes, version: int) -> tuple[TlsMessage, ...]:
    """A record of two bytes is an alert in the clear; any cipher makes it longer (RFC 5246 7.2)."""
    if len(fragment) != 2:
        return (bare("encrypted-alert", version),)
    level, code = fragment
    if level not in ALERT_LEVELS:
        raise Malformed(f"alert level {level}")
    return (
        TlsMessage(
            kind="alert",
            version=version_name(version),
            alert_level=ALERT_LEVELS[level],
            alert=code,
            alert_name=ALERTS.get(code, f"alert {code}"),
        ),
    )


@lru_cache(maxsize=256)
def bare(kind: str, version: int) -> TlsMessage:
    """A message of which nothing more is told: most are, and equal ones are one object."""
    return TlsMessage(kind=kind, version=version_name(version))
