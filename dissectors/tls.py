"""TLS on the wire: records, hellos, certificates, alerts (RFC 5246 and its E.2 for SSLv2 hellos, RFC 8446).

What encryption hides stays hidden: after change-cipher-spec a handshake record is opaque, and in TLS 1.3 all
that follows the server-hello is application data. That encryption has begun is remembered in the notes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct, unpack_from
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

MAX_RECORD = (1 << 14) + 2048  # RFC 5246 6.2.3: a ciphertext record; RFC 8446 allows less
MAX_HANDSHAKE = 1 << 18  # real certificate lists and CA lists end below 100 KiB; bounds what is put together
MAX_LIST = 1000  # certificates, names or suites kept of one message

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, SERVER_HELLO, SESSION_TICKET, CERTIFICATE, CERTIFICATE_REQUEST = 1, 2, 4, 11, 13

HANDSHAKES = {
    0: "hello-request",
    CLIENT_HELLO: "client-hello",
    SERVER_HELLO: "server-hello",
    SESSION_TICKET: "session-ticket",
    CERTIFICATE: "certificate",
    12: "server-key-exchange",
    CERTIFICATE_REQUEST: "certificate-request",
    14: "server-hello-done",
    15: "certificate-verify",
    16: "client-key-exchange",
    20: "finished",
    22: "certificate-status",
}
"""RFC 5246 7.4, RFC 5077 3.3, RFC 6066 8."""

VERSIONS = {
    0x0002: "ssl2",
    0x0300: "ssl3",
    0x0301: "tls1.0",
    0x0302: "tls1.1",
    0x0303: "tls1.2",
    0x0304: "tls1.3",
}

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 5246 7.2, RFC 6066 9, RFC 7301 3.2, RFC 8446 6."""

ALERT_LEVELS = {1: "warning", 2: "fatal"}

_SERVER_NAME, _ALPN, _TICKET, _PRE_SHARED_KEY, _SUPPORTED_VERSIONS = 0, 16, 35, 41, 43
_HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random that makes a server-hello a hello-retry-request (RFC 8446 4.1.3)."""
_PSEUDO_SUITE = b"\x00\x18"  # the suite of the pseudo-TLS opening, [MS-TURN] 2.1
_HEADER = Struct(">BHH")  # of a record: content type, version, length
_ENCRYPTED = "encrypted"
_DATA_SEEN = "data-seen"
_CUT = "cut"
"""The record the cursor stands in ends beyond the bytes there are, and all it held of use was told."""
_OPEN = "open-record"
"""The cursor stands inside a handshake record: "open-record VERSION BYTES_LEFT"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsMessage(Message):
    """One handshake message, alert, change-cipher-spec, or a direction's first application-data record."""

    protocol: ClassVar[str] = "tls"

    kind: str
    """client-hello, server-hello, hello-retry-request, hello-request, certificate, server-key-exchange,
    certificate-request, server-hello-done, certificate-verify, client-key-exchange, finished, session-ticket,
    certificate-status, change-cipher-spec, encrypted-handshake, alert, encrypted-alert, application-data"""
    version: str | None = None
    """Negotiated in a server-hello, highest offered in a client-hello, else of the record: ssl2 … tls1.3"""
    sni: str | None = None
    alpn: str | None = None
    """Comma-separated protocol names, in order."""
    suites: tuple[int, ...] = ()
    """Offered suites, or the one chosen; three-byte numbers are SSLv2's."""
    random: bytes = b""
    """32 bytes of a hello; an SSLv2 hello has none. Key logs name a session by the client's (NSS key log format)."""
    session_id: bytes = b""
    ticket: bool = False
    """The client offered a session ticket or PSK: an abbreviated handshake has no certificate."""
    certificates: tuple[bytes, ...] = ()
    """DER, leaf first; an empty tuple in a certificate message is an empty certificate list."""
    authorities: int = 0
    """Distinguished names in a certificate-request."""
    authorities_bytes: int = 0
    alert_level: str | None = None
    alert: int | None = None
    alert_name: str | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """Reads TLS records; the pseudo-TLS opening of TURN over TCP is not TLS, though it looks like it."""

    name: str = "tls"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN on a hello, an alert or two records in a row; LIKELY on one plausible record header."""
        if not head:
            return Verdict.UNSURE
        if head[0] & 0x80:
            return _probe_ssl2(head)
        return _probe_records(head)

    def parse(self, cursor: Cursor, /) -> tuple[TlsMessage, ...]:
        """The messages the next record completes; a handshake message takes as many records as it needs.

        Empty for application data after the first record of the direction. Raises Truncated and Malformed.
        """
        if cursor.notes:
            if _CUT in cursor.notes:
                raise Truncated(f"the record at offset {cursor.position} does not end")
            open_record = _open_record(cursor)
            if open_record:
                return _handshakes(cursor, *open_record)
        if cursor.peek(1) >= b"\x80":
            return (_ssl2_hello(cursor),)
        content, version, length = _record_header(cursor)
        if content == HANDSHAKE and _is_clear(cursor, length):
            return _handshakes(cursor, version, length)
        if content == APPLICATION_DATA:
            return _application_data(cursor, version, length)
        fragment = cursor.take(length)
        if content == ALERT:
            return _alerts(fragment, version)
        if content == HEARTBEAT:
            return ()
        if content == CHANGE_CIPHER_SPEC:
            if length != 1 and _ENCRYPTED not in cursor.notes:  # a renegotiation encrypts it
                raise Malformed(f"change-cipher-spec of {length} bytes before offset {cursor.position}")
            cursor.notes.add(_ENCRYPTED)
            return (_bare("change-cipher-spec", version),)
        return (_bare("encrypted-handshake", version),)


TLS = Tls()


def _probe_records(head: bytes) -> Verdict:
    if not _may_start_record(head):
        return Verdict.REJECT
    if len(head) < 5:
        return Verdict.UNSURE
    content, length = head[0], int.from_bytes(head[3:5], "big")
    if not _fits(content, length):
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
    followed = len(behind) == 5 and _may_start_record(behind)
    return Verdict.CERTAIN if verdict == Verdict.LIKELY and followed else verdict


def _may_start_record(head: bytes) -> bool:
    """The bytes, perhaps fewer than a header, agree with one: content type, then version 3.0 to 3.4."""
    return CHANGE_CIPHER_SPEC <= head[0] <= HEARTBEAT and head[1:2] in (b"", b"\3") and head[2:3] <= b"\4"


def _fits(content: int, length: int) -> bool:
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
        told, pseudo = 48, head[43:48] == b"\0\0\2" + _PSEUDO_SUITE
    elif head[:11] == bytes.fromhex("160301004e 02000046 0301"):
        told, pseudo = 80, head[43:44] + head[76:80] == b"\x20" + _PSEUDO_SUITE + b"\0\x0e"
    else:
        return Verdict.CERTAIN
    if len(head) < told:
        return Verdict.UNSURE
    return Verdict.REJECT if pseudo else Verdict.CERTAIN


def _probe_alert(head: bytes) -> Verdict:
    if len(head) < 7:
        return Verdict.UNSURE
    return Verdict.CERTAIN if head[5] in ALERT_LEVELS and head[6] in ALERTS else Verdict.REJECT


def _probe_ssl2(head: bytes) -> Verdict:
    """A version 2 hello is told by its four lengths adding up (RFC 5246 E.2)."""
    if head[2:3] not in (b"", b"\1") or (len(head) >= 5 and int.from_bytes(head[3:5], "big") not in VERSIONS):
        return Verdict.REJECT
    if len(head) < 11:
        return Verdict.UNSURE
    length = int.from_bytes(head[:2], "big") & 0x7FFF
    suites, session, challenge = (int.from_bytes(head[at : at + 2], "big") for at in (5, 7, 9))
    adds_up = suites and suites % 3 == 0 and 9 + suites + session + challenge == length
    return Verdict.CERTAIN if adds_up and challenge >= 16 else Verdict.REJECT


def _record_header(cursor: Cursor) -> tuple[int, int, int]:
    """Content type, version and length of the record at the cursor, which moves behind the header."""
    start = cursor.position
    if cursor.end - start < _HEADER.size:
        return _short_header(cursor)
    content, version, length = _HEADER.unpack_from(cursor.data, start)
    if not CHANGE_CIPHER_SPEC <= content <= HEARTBEAT or not 0x0300 <= version <= 0x0304:
        raise Malformed(f"no TLS record at offset {start}")
    if not _fits(content, length):
        raise Malformed(f"TLS record of type {content} with {length} bytes at offset {start}")
    cursor.position = start + _HEADER.size
    return content, version, length


def _short_header(cursor: Cursor) -> tuple[int, int, int]:
    """Raises Malformed when the bytes there are begin no record, else Truncated where they end."""
    start = cursor.position
    if not cursor.remaining:
        raise Truncated(f"record wanted at offset {start}")
    if not _may_start_record(cursor.peek(_HEADER.size)):
        raise Malformed(f"no TLS record at offset {start}")
    return cursor.uint(1), cursor.uint(2), cursor.uint(2)


def _is_clear(cursor: Cursor, length: int) -> bool:
    """Whether the handshake record ahead can be read, by its first message's type and length."""
    head = cursor.peek(6)
    hello = head[:1] in (b"\1", b"\2")
    if _ENCRYPTED not in cursor.notes:
        if hello or len(head) < 4:
            return True
        # A connection caught after its hellos may begin with any byte: type or length make no sense
        return head[0] in HANDSHAKES and int.from_bytes(head[1:4], "big") <= MAX_HANDSHAKE
    if not hello:
        return False
    # In TLS 1.3 a second hello follows the dummy change-cipher-spec of a hello-retry-request (RFC 8446 D.4)
    return int.from_bytes(head[1:4], "big") == length - 4 and head[4:5] == b"\3"


def _open_record(cursor: Cursor) -> tuple[int, int] | None:
    """Version and bytes left of the handshake record the last parse stopped in; forgotten once asked."""
    for note in cursor.notes:
        if note.startswith(_OPEN):
            cursor.notes.remove(note)
            _, version, left = note.split()
            return int(version), int(left)
    return None


def _handshakes(cursor: Cursor, version: int, left: int) -> tuple[TlsMessage, ...]:
    """The handshake messages that end in this record, or the first one, over as many records as it takes."""
    gathered: bytes | bytearray = cursor.take(min(left, cursor.remaining))
    missing = left - len(gathered)
    while not _first_is_whole(gathered):
        if missing:
            raise Truncated(f"handshake message before offset {cursor.position} does not end")
        content, version, left = _record_header(cursor)
        if content != HANDSHAKE:
            raise Malformed(f"record of type {content} inside a handshake message, offset {cursor.position}")
        present = cursor.take(min(left, cursor.remaining))
        gathered = gathered if isinstance(gathered, bytearray) else bytearray(gathered)
        gathered += present
        missing = left - len(present)
    messages, used = _split(bytes(gathered), version)
    unread = len(gathered) - used
    cursor.position -= unread
    if unread:
        cursor.notes.add(f"{_OPEN} {version} {unread + missing}")
    elif missing:
        cursor.position -= 1  # so that the driver asks again and hears that the record is cut
        cursor.notes.add(_CUT)
    return messages


def _first_is_whole(gathered: bytes | bytearray) -> bool:
    if len(gathered) < 4:
        return False
    length = int.from_bytes(gathered[1:4], "big")
    if length > MAX_HANDSHAKE:
        raise Malformed(f"handshake message of {length} bytes")
    return len(gathered) >= 4 + length


def _split(gathered: bytes, version: int) -> tuple[tuple[TlsMessage, ...], int]:
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
    return tuple(messages), used


def _handshake(kind: int, body: bytes, version: int) -> TlsMessage:
    if kind not in HANDSHAKES:
        raise Malformed(f"handshake type {kind}")
    read = _READERS.get(kind)
    if read is None:
        return _bare(HANDSHAKES[kind], version)
    try:
        return read(Cursor(body), version)
    except Truncated as stop:  # the message is whole, so a length inside it is wrong
        raise Malformed(f"{HANDSHAKES[kind]}: {stop}") from stop


def _client_hello(body: Cursor, _: int) -> TlsMessage:
    """RFC 5246 7.4.1.2, RFC 8446 4.1.2."""
    version, random = body.uint(2), body.take(32)
    session_id = body.take(body.uint(1))
    suites = _numbers(body.sub(body.uint(2)), 2)
    body.take(body.uint(1))
    extensions = _extensions(body)
    offered = _numbers(_inner(extensions, _SUPPORTED_VERSIONS, 1), 2) if _SUPPORTED_VERSIONS in extensions else ()
    return TlsMessage(
        kind="client-hello",
        version=_version(max((one for one in offered if one in VERSIONS), default=version)),
        sni=_server_name(extensions),
        alpn=_protocols(extensions),
        suites=suites,
        random=random,
        session_id=session_id,
        ticket=bool(extensions.get(_TICKET)) or _PRE_SHARED_KEY in extensions,
    )


def _server_hello(body: Cursor, _: int) -> TlsMessage:
    """RFC 5246 7.4.1.3, RFC 8446 4.1.3."""
    version, random = body.uint(2), body.take(32)
    session_id = body.take(body.uint(1))
    suite = body.uint(2)
    body.take(1)
    extensions = _extensions(body)
    chosen = extensions.get(_SUPPORTED_VERSIONS, b"")
    return TlsMessage(
        kind="hello-retry-request" if random == _HELLO_RETRY else "server-hello",
        version=_version(int.from_bytes(chosen, "big") if len(chosen) == 2 else version),
        alpn=_protocols(extensions),
        suites=(suite,),
        random=random,
        session_id=session_id,
    )


def _certificate(body: Cursor, version: int) -> TlsMessage:
    """RFC 5246 7.4.2."""
    entries = body.sub(body.uint(3))
    certificates: list[bytes] = []
    while entries.remaining and len(certificates) < MAX_LIST:
        certificates.append(entries.take(entries.uint(3)))
    return TlsMessage(kind="certificate", version=_version(version), certificates=tuple(certificates))


def _certificate_request(body: Cursor, version: int) -> TlsMessage:
    """RFC 5246 7.4.4; before TLS 1.2 without signature algorithms (RFC 4346 7.4.4)."""
    body.take(body.uint(1))
    if version >= 0x0303:
        body.take(body.uint(2))
    names = body.sub(body.uint(2))
    length, count = names.remaining, 0
    while names.remaining:
        names.take(names.uint(2))
        count += 1
    return TlsMessage(
        kind="certificate-request", version=_version(version), authorities=count, authorities_bytes=length
    )


_READERS: dict[int, Callable[[Cursor, int], TlsMessage]] = {
    CLIENT_HELLO: _client_hello,
    SERVER_HELLO: _server_hello,
    CERTIFICATE: _certificate,
    CERTIFICATE_REQUEST: _certificate_request,
}


def _ssl2_hello(cursor: Cursor) -> TlsMessage:
    """RFC 5246 E.2."""
    start = cursor.position
    if _probe_ssl2(cursor.peek(11)) == Verdict.REJECT:
        raise Malformed(f"no TLS record at offset {start}")
    body = cursor.sub(cursor.uint(2) & 0x7FFF)
    body.take(1)
    version, suites, session, _ = (body.uint(2) for _ in range(4))
    return TlsMessage(
        kind="client-hello",
        version=_version(version),
        suites=_numbers(body.sub(suites), 3),
        session_id=body.take(session),
    )


def _application_data(cursor: Cursor, version: int, length: int) -> tuple[TlsMessage, ...]:
    """One message for the first record, told by its header even when it is cut off; none for later ones."""
    first = _DATA_SEEN not in cursor.notes
    cursor.notes.add(_DATA_SEEN)
    if first and 0 < cursor.remaining < length:
        cursor.notes.add(_CUT)
    else:
        cursor.take(length)
    if first:
        return (_bare("application-data", version),)
    _skip_application_data(cursor)
    return ()


def _skip_application_data(cursor: Cursor) -> None:
    """Pass the whole records that follow at once: a long transfer has thousands."""
    while True:
        head = cursor.peek(5)
        length = int.from_bytes(head[3:5], "big")
        whole = len(head) == 5 and cursor.remaining >= 5 + length and length <= MAX_RECORD
        if not whole or head[0] != APPLICATION_DATA or not _may_start_record(head):
            return
        cursor.position += 5 + length


def _alerts(fragment: bytes, version: int) -> tuple[TlsMessage, ...]:
    """A record of two bytes is an alert in the clear; any cipher makes it longer (RFC 5246 7.2)."""
    if len(fragment) != 2:
        return (_bare("encrypted-alert", version),)
    level, code = fragment
    if level not in ALERT_LEVELS:
        raise Malformed(f"alert level {level}")
    return (
        TlsMessage(
            kind="alert",
            version=_version(version),
            alert_level=ALERT_LEVELS[level],
            alert=code,
            alert_name=ALERTS.get(code, f"alert {code}"),
        ),
    )


@lru_cache(maxsize=256)
def _bare(kind: str, version: int) -> TlsMessage:
    """A message of which nothing more is told: most are, and equal ones are one object."""
    return TlsMessage(kind=kind, version=_version(version))


def _version(number: int) -> str:
    if number >> 8 == 0x7F:  # drafts of RFC 8446
        return "tls1.3"
    return VERSIONS.get(number, f"0x{number:04x}")


def _numbers(cursor: Cursor, width: int) -> tuple[int, ...]:
    count = min(cursor.remaining // width, MAX_LIST)
    if width == 2:
        return unpack_from(f">{count}H", cursor.take(2 * count))
    return tuple(cursor.uint(width) for _ in range(count))


def _extensions(body: Cursor) -> dict[int, bytes]:
    """Extension contents by type (RFC 5246 7.4.1.4); empty when the hello has none."""
    extensions: dict[int, bytes] = {}
    if body.remaining:
        block = body.sub(body.uint(2))
        while block.position < block.end:
            kind = block.uint(2)
            extensions[kind] = block.take(block.uint(2))
    return extensions


def _inner(extensions: dict[int, bytes], kind: int, width: int) -> Cursor:
    """The list in an extension that is there, behind its length of `width` bytes; empty when it has no content."""
    content = Cursor(extensions[kind])
    return content.sub(content.uint(width)) if content.end else content


def _server_name(extensions: dict[int, bytes]) -> str | None:
    """The first host name (RFC 6066 3)."""
    if _SERVER_NAME not in extensions:
        return None
    names = _inner(extensions, _SERVER_NAME, 2)
    while names.position < names.end:
        kind, name = names.uint(1), names.take(names.uint(2))
        if kind == 0:
            return name.decode("ascii", "backslashreplace")
    return None


def _protocols(extensions: dict[int, bytes]) -> str | None:
    """RFC 7301 3.1."""
    if _ALPN not in extensions:
        return None
    names = _inner(extensions, _ALPN, 2)
    found: list[str] = []
    while names.remaining and len(found) < MAX_LIST:
        found.append(names.take(names.uint(1)).decode("ascii", "backslashreplace"))
    return ",".join(found) or None
