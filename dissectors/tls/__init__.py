"""TLS on the wire: records, hellos, certificates, alerts (RFC 5246 and its E.2 for SSLv2 hellos, RFC 8446).

What encryption hides stays hidden: after change-cipher-spec a handshake record is opaque, and in TLS 1.3 all
that follows the server-hello is application data. That encryption has begun is remembered in the notes.
"""

from dataclasses import dataclass

from dissectors.contract import Cursor, Malformed, Truncated, Verdict
from dissectors.tls.extensions import MAX_LIST
from dissectors.tls.handshakes import MAX_HANDSHAKE, handshakes, is_clear
from dissectors.tls.hellos import ssl2_hello
from dissectors.tls.message import TlsMessage
from dissectors.tls.numbers import (
    ALERT,
    ALERT_LEVELS,
    ALERTS,
    APPLICATION_DATA,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    HANDSHAKE,
    HANDSHAKES,
    HEARTBEAT,
    SERVER_HELLO,
    SESSION_TICKET,
    VERSIONS,
)
from dissectors.tls.probing import MAX_RECORD, probe_records, probe_ssl2
from dissectors.tls.records import CUT, ENCRYPTED, SECRET, alerts, application_data, bare, open_record, record_header
from dissectors.tls.suites import FORWARD_SECRET, SUITES, key_exchange, suite_name

__all__ = [
    "ALERT",
    "ALERTS",
    "ALERT_LEVELS",
    "APPLICATION_DATA",
    "CERTIFICATE",
    "CERTIFICATE_REQUEST",
    "CHANGE_CIPHER_SPEC",
    "CLIENT_HELLO",
    "FORWARD_SECRET",
    "HANDSHAKE",
    "HANDSHAKES",
    "HEARTBEAT",
    "MAX_HANDSHAKE",
    "MAX_LIST",
    "MAX_RECORD",
    "SERVER_HELLO",
    "SESSION_TICKET",
    "SUITES",
    "TLS",
    "VERSIONS",
    "Tls",
    "TlsMessage",
    "key_exchange",
    "suite_name",
]


@dataclass(frozen=True, slots=True)
class Tls:
    """Reads TLS records; the pseudo-TLS opening of TURN over TCP is not TLS, though it looks like it."""

    name: str = "tls"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN on a hello, an alert or two records in a row; LIKELY on one plausible record header."""
        if not head:
            return Verdict.UNSURE
        if head[0] & 0x80:
            return probe_ssl2(head)
        return probe_records(head)

    def parse(self, cursor: Cursor, /) -> tuple[TlsMessage, ...]:
        """The messages the next record completes; a handshake message takes as many records as it needs.

        Empty for application data after the first record of the direction. Raises Truncated and Malformed.
        """
        if cursor.notes:
            if CUT in cursor.notes:
                raise Truncated(f"the record at offset {cursor.position} does not end")
            left = open_record(cursor)
            if left:
                return handshakes(cursor, *left)
        if cursor.peek(1) >= b"\x80":
            return (ssl2_hello(cursor),)
        content, version, length = record_header(cursor)
        if content == HANDSHAKE and is_clear(cursor, length):
            return handshakes(cursor, version, length)
        if content == APPLICATION_DATA:
            return application_data(cursor, version, length)
        fragment = cursor.take(length)
        if content == ALERT:
            return alerts(fragment, version)
        if content == HEARTBEAT:
            return ()
        if content == CHANGE_CIPHER_SPEC:
            if length != 1 and ENCRYPTED not in cursor.notes:  # a renegotiation encrypts it
                raise Malformed(f"change-cipher-spec of {length} bytes before offset {cursor.position}")
            cursor.notes.add(ENCRYPTED)
            return (bare("change-cipher-spec", version),)
        cursor.notes.discard(SECRET)  # TLS 1.3 has no such record: an older version was agreed on
        return (bare("encrypted-handshake", version),)


TLS = Tls()
