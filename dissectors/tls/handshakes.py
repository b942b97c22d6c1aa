"""Handshake messages (RFC 5246 7.4): gathered from the records they are spread over, and read."""

from collections.abc import Callable
from dataclasses import replace

from dissectors.contract import Cursor, Malformed, Truncated
from dissectors.tls.extensions import MAX_LIST, numbers
from dissectors.tls.hellos import client_hello, server_hello
from dissectors.tls.message import TlsMessage
from dissectors.tls.names import distinguished_name
from dissectors.tls.numbers import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_TYPES,
    CLIENT_HELLO,
    HANDSHAKE,
    HANDSHAKES,
    SERVER_HELLO,
    version_name,
)
from dissectors.tls.records import CUT, ENCRYPTED, SECRET, bare, leave_open, record_header

MAX_HANDSHAKE = 1 << 18  # real certificate lists and CA lists end below 100 KiB; bounds what is put together


def is_clear(cursor: Cursor, length: int) -> bool:
    """Whether the handshake record ahead can be read, by its first message's type and length."""
    head = cursor.peek(6)
    hello = head[:1] in (b"\1", b"\2")
    if ENCRYPTED not in cursor.notes:
        if hello or len(head) < 4:
            return True
        # A connection caught after its hellos may begin with any byte: type or length make no sense
        return head[0] in HANDSHAKES and int.from_bytes(head[1:4], "big") <= MAX_HANDSHAKE
    if not hello:
        return False
    # In TLS 1.3 a second hello follows the dummy change-cipher-spec of a hello-retry-request (RFC 8446 D.4)
    return int.from_bytes(head[1:4], "big") == length - 4 and head[4:5] == b"\3"


def handshakes(cursor: Cursor, version: int, left: int) -> tuple[TlsMessage, ...]:
    """The handshake messages that end in this record, or the first one, over as many records as it takes."""
    gathered: bytes | bytearray = cursor.take(min(left, cursor.remaining))
    missing, records = left - len(gathered), 1
    while not _first_is_whole(gathered):
        if missing:
            raise Truncated(f"handshake message before offset {cursor.position} does not end")
        content, version, left = record_header(cursor)
        if content != HANDSHAKE:
            raise Malformed(f"record of type {content} inside a handshake message, offset {cursor.position}")
        present = cursor.take(min(left, cursor.remaining))
        gathered = gathered if isinstance(gathered, bytearray) else bytearray(gathered)
        gathered += present
        missing, records = left - len(present), records + 1
    messages, used = _split(bytes(gathered), version)
    if records > 1:
        messages[0] = replace(messages[0], records=records)
    _note_secrecy(cursor, messages)
    unread = len(gathered) - used
    cursor.position -= unread
    if unread:
        leave_open(cursor, version, unread + missing)
    elif missing:
        cursor.position -= 1  # so that the driver asks again and hears that the record is cut
        cursor.notes.add(CUT)
    return tuple(messages)


def _note_secrecy(cursor: Cursor, messages: list[TlsMessage]) -> None:
    """Only clients that offer a PSK may send early data (RFC 8446 4.2.10)."""
    for one in messages:
        if one.kind in ("client-hello", "server-hello"):
            early = one.kind == "client-hello" and one.ticket
            if one.version == "tls1.3" and not early:
                cursor.notes.add(SECRET)


def _first_is_whole(gathered: bytes | bytearray) -> bool:
    if len(gathered) < 4:
        return False
    length = int.from_bytes(gathered[1:4], "big")
    if length > MAX_HANDSHAKE:
        raise Malformed(f"handshake message of {length} bytes")
    return len(gathered) >= 4 + length


def _split(gathered: bytes, version: int) -> tuple[list[TlsMessage], int]:
    """The whole messages at the front, and their length; a bad one ends them, raised when it is the first."""
    messages: list[TlsMessage] = []
    used = 0
    while len(gathered) - used >= 4:
        kind, length = gathered[used], int.from_bytes(gathered[used + 1 : used + 4], "big")
        body = gathered[used + 4 : used + 4 + length]
        if len(body) < length:
            break
        try:
            messages.append(_handshake(kind, body, version))
        except Malformed:
            if not messages:
                raise
            break
        used += 4 + length
    return messages, used


def _handshake(kind: int, body: bytes, version: int) -> TlsMessage:
    if kind not in HANDSHAKES:
        raise Malformed(f"handshake type {kind}")
    read = _READERS.get(kind)
    if read is None:
        return bare(HANDSHAKES[kind], version)
    try:
        return read(Cursor(body), version)
    except Truncated as stop:  # the message is whole, so a length inside it is wrong
        raise Malformed(f"{HANDSHAKES[kind]}: {stop}") from stop


def _certificate(body: Cursor, version: int) -> TlsMessage:
    """RFC 5246 7.4.2."""
    entries = body.sub(body.uint(3))
    certificates: list[bytes] = []
    while entries.remaining and len(certificates) < MAX_LIST:
        certificates.append(entries.take(entries.uint(3)))
    return TlsMessage(kind="certificate", version=version_name(version), certificates=tuple(certificates))


def _certificate_request(body: Cursor, version: int) -> TlsMessage:
    """RFC 5246 7.4.4; before TLS 1.2 without signature algorithms (RFC 4346 7.4.4)."""
    types = body.take(body.uint(1))
    algorithms = numbers(body.sub(body.uint(2)), 2) if version >= 0x0303 else ()
    names = body.sub(body.uint(2))
    length, count = names.remaining, 0
    told: list[str] = []
    while names.remaining:
        name = names.take(names.uint(2))
        count += 1
        if count <= MAX_LIST:
            told.append(distinguished_name(name))
    return TlsMessage(
        kind="certificate-request",
        version=version_name(version),
        signature_algorithms=algorithms,
        certificate_types=tuple([CERTIFICATE_TYPES.get(one, str(one)) for one in types]),
        authorities=count,
        authorities_bytes=length,
        authority_names=tuple(told),
    )


_READERS: dict[int, Callable[[Cursor, int], TlsMessage]] = {
    CLIENT_HELLO: client_hello,
    SERVER_HELLO: server_hello,
    CERTIFICATE: _certificate,
    CERTIFICATE_REQUEST: _certificate_request,
}
