"""Kerberos messages (RFC 4120): who asks for a ticket for which service, whether it is granted, and why not.

Names and times only: tickets, keys and what proves a user stay closed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict
from dissectors.der import enter_der, open_der, read_der, read_header

KINDS = {
    0x6A: "as-req",
    0x6B: "as-rep",
    0x6C: "tgs-req",
    0x6D: "tgs-rep",
    0x6E: "ap-req",
    0x6F: "ap-rep",
    0x74: "safe",
    0x75: "priv",
    0x76: "cred",
    0x7E: "error",
}
"""By the outer tag (RFC 4120 5.10)."""
MAX_PARTS = 16  # components of a principal's name; services have two or three
MAX_NAME = 255
MAX_HEADER = 6  # a tag, and a length of at most five bytes
_INTEGER, _SEQUENCE, _TIME, _TEXT = 0x02, 0x30, 0x18, 0x1B
_TICKET = 0x61
_REQUESTS = ("as-req", "tgs-req")
_REPLIES = ("as-rep", "tgs-rep")
_VERSION = b"\2\1\5"
_OTHER_LENGTH = "the length before the message is another's"


@dataclass(frozen=True, slots=True, kw_only=True)
class KerberosMessage(Message):
    """One message."""

    protocol: ClassVar[str] = "kerberos"

    kind: str
    """as-req, as-rep, tgs-req, tgs-rep, error; ap-req, ap-rep, safe, priv and cred are only named"""
    realm: str | None = None
    """Of the service, as written."""
    service: str | None = None
    """Whom the ticket is for, its parts joined by "/": sip/pool.example, krbtgt/EXAMPLE."""
    error: int | None = None
    """Of an error its code: 7 unknown service, 37 clocks too far apart (RFC 4120 7.5.9)."""
    server_time: int | None = None
    """Of an error the clock of who sent it, seconds since 1970-01-01 UTC."""
    client_time: int | None = None
    """The same of who had asked, where the error repeats it."""


@dataclass(frozen=True, slots=True)
class Kerberos:
    """Reads version 5 in datagrams and, behind its length, in TCP (RFC 4120 7.2)."""

    name: str = "kerberos"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN when version and kind of message stand where they belong, and the kind agrees with the tag."""
        try:
            _open(Cursor(head))
        except Truncated:
            return Verdict.UNSURE
        except Malformed:
            return Verdict.REJECT
        return Verdict.CERTAIN

    def parse(self, cursor: Cursor, /) -> tuple[KerberosMessage]:
        """One message, with its length where that goes before. Raises Truncated, Malformed."""
        size = cursor.uint(4) if cursor.peek(1) == b"\0" else None
        header = Cursor(cursor.peek(MAX_HEADER))
        _, length = read_header(header)
        whole = header.position + length
        if size is not None and whole != size:
            raise Malformed(_OTHER_LENGTH)
        message = cursor.take(whole)
        try:
            kind, body = _open(Cursor(message)), Cursor(message)
            open_der(body, message[0])
            return (_read(kind, _fields(enter_der(body, _SEQUENCE))),)
        except Truncated as stop:
            raise Malformed(f"a value is longer than what holds it: {stop}") from stop


KERBEROS = Kerberos()


def _open(cursor: Cursor) -> str:
    """The kind of message that begins here, which need not be there to its end."""
    if cursor.peek(1) == b"\0":
        size = cursor.uint(4)
        start = cursor.position
        tag, length = read_header(cursor)
        if cursor.position - start + length != size:
            raise Malformed(_OTHER_LENGTH)
    else:
        tag, _ = read_header(cursor)
    if tag not in KINDS:
        raise Malformed(f"no kind of Kerberos message: {tag:#x}")
    open_der(cursor, _SEQUENCE)
    first = open_der(cursor, 0xA0, 0xA1)
    version = cursor.take(3)
    open_der(cursor, first + 1)
    if version != _VERSION or cursor.take(3) != bytes((_INTEGER, 1, tag & 0x1F)):
        raise Malformed("no Kerberos version 5, or another kind than the tag says")
    return KINDS[tag]


def _fields(sequence: Cursor) -> dict[int, Cursor]:
    """The numbered fields of a sequence, each as a cursor over its value."""
    found: dict[int, Cursor] = {}
    while sequence.remaining:
        tag, value = read_der(sequence)
        if not 0xA0 <= tag <= 0xBE:
            raise Malformed(f"no numbered field: {tag:#x}")
        found.setdefault(tag - 0xA0, value)
    return found


def _read(kind: str, fields: dict[int, Cursor]) -> KerberosMessage:
    if kind == "error":
        return KerberosMessage(
            kind=kind,
            realm=_text(fields.get(9)),
            service=_principal(fields.get(10)),
            error=_number(fields.get(6)),
            server_time=_time(fields.get(4)),
            client_time=_time(fields.get(2)),
        )
    if kind in _REQUESTS and 4 in fields:
        asked = _fields(enter_der(fields[4], _SEQUENCE))
        return KerberosMessage(kind=kind, realm=_text(asked.get(2)), service=_principal(asked.get(3)))
    if kind in _REPLIES and 5 in fields:
        ticket = _fields(enter_der(enter_der(fields[5], _TICKET), _SEQUENCE))
        return KerberosMessage(kind=kind, realm=_text(ticket.get(1)), service=_principal(ticket.get(2)))
    return KerberosMessage(kind=kind)


def _text(value: Cursor | None) -> str | None:
    if value is None:
        return None
    return enter_der(value, _TEXT).rest()[:MAX_NAME].decode("utf-8", "replace")


def _number(value: Cursor | None) -> int | None:
    return None if value is None else int.from_bytes(enter_der(value, _INTEGER).rest()[:4], "big", signed=True)


def _principal(value: Cursor | None) -> str | None:
    """RFC 4120 5.2.2: a kind of name, and its parts."""
    if value is None:
        return None
    names = _fields(enter_der(value, _SEQUENCE)).get(1)
    parts: list[str] = []
    listed = enter_der(names, _SEQUENCE) if names is not None else Cursor(b"")
    while listed.remaining and len(parts) < MAX_PARTS:
        parts.append(enter_der(listed, _TEXT).rest()[:MAX_NAME].decode("utf-8", "replace"))
    return "/".join(parts)


def _time(value: Cursor | None) -> int | None:
    """RFC 4120 5.2.3: YYYYMMDDHHMMSSZ; None for what is no time."""
    if value is None:
        return None
    written = enter_der(value, _TIME).rest()[:15].decode("ascii", "replace")
    try:
        return int(datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
