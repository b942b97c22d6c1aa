"""The DNS dissector: header, first question, and where the records end."""

from dataclasses import replace
from struct import Struct

from dissectors.contract import Cursor, Malformed, Truncated, Verdict
from dissectors.dns.message import RCODES, DnsMessage, LocalNameMessage
from dissectors.dns.names import HEADER, NETBIOS_LABEL, name_text, netbios_name, skip_name, u16

MAX_MESSAGE = 65535
"""Bytes of a message: what a datagram and the length before a TCP message can hold."""

MAX_QUESTIONS = 64
"""Questions in one message; unicast DNS asks one, multicast DNS a packet full."""

_QUESTION = 5  # smallest: root name, type, class
_RECORD = 11  # smallest: root name, type, class, TTL, length
_TCP = "tcp"
_OPCODES = frozenset((0, 1, 2, 4, 5, 6))  # query, inverse query, status, notify, update, stateful (IANA)
_ASKS_NOTHING = frozenset((6,))  # stateful operations carry neither questions nor records (RFC 8490 5.4)
_CLASSES = frozenset((1, 3, 4, 254, 255))  # internet, chaos, hesiod, none, any
_INTERNET = (b"\0\1", b"\x80\1")  # the class clients ask in, with and without the bit of multicast DNS
_LOCAL = 0x8000
"""Multicast DNS marks classes with it: answer to me alone (RFC 6762 5.4), and forget older answers (10.2)."""
_FIELDS = Struct(">6H")  # of the header: number, flags, questions, answers, authorities, additional records
_EITHER, _UNFRAMED = (True, False), (False,)
_RESPONSE, _AUTHORITATIVE, _CUT = 0x8000, 0x0400, 0x0200  # bits of the flags
_OPT = 41
_NETBIOS_LENGTH = bytes((NETBIOS_LABEL,))
_NETBIOS_TYPES = frozenset((0x20, 0x21))  # name, node status (RFC 1002 4.2.1.2)
_COMMON_TYPES = frozenset((1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 64, 65, 255))
"""A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, NAPTR, SVCB, HTTPS, ANY: what clients ask for."""
_HOST_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_CONTROLS = tuple(f"\\{byte:03d}" for byte in range(0x20))  # no host name holds one; chance bytes do


class Dns:
    """DNS over UDP, one message a datagram, and over TCP, each message behind its two-byte length."""

    name = "dns"

    def probe(self, head: bytes, /) -> Verdict:
        """Judge by header, counts and records: CERTAIN when they end where the message does, else LIKELY."""
        short, size = False, len(head)
        framings = _framings(head, 0, size)
        if framings is _UNFRAMED and size >= HEADER and _header_fault(*_counts(head, 0)):
            return Verdict.REJECT
        for framed in framings:
            try:
                message, stop = _read(head, 0, size, framed)
            except Truncated:
                short = True
            except Malformed:
                continue
            else:
                return _judge(message, whole=framed or stop == size)
        return Verdict.UNSURE if short else Verdict.REJECT

    def parse(self, cursor: Cursor, /) -> tuple[DnsMessage, ...]:
        """Read the message of a datagram, or the next message of one side's TCP stream.

        Bytes are a stream's when they begin with the length of a message that holds together. Raises
        Truncated when a promised record lies behind the last byte, Malformed when header or names break
        RFC 1035.
        """
        data, position, end = cursor.data, cursor.position, cursor.end
        # Only their words: an exception that is kept refers to this call, and the call to it.
        short, fault = "", "not DNS"
        for framed in (True,) if _TCP in cursor.notes else _framings(data, position, end):
            try:
                message, stop = _read(data, position, end, framed)
            except Truncated as stopped:
                short = short or str(stopped)
            except Malformed as stopped:
                fault = str(stopped)
            else:
                cursor.position = stop
                if framed:
                    cursor.notes.add(_TCP)
                return (message,)
        raise Truncated(short) if short else Malformed(fault)


DNS = Dns()


def read_question(data: bytes) -> DnsMessage | None:
    """Header and question of a datagram of which only the beginning was captured; None when it is not surely DNS.

    Nothing behind the question vouches for it, so it must be one question of a usual kind for a host's name. Never
    raises.
    """
    if len(data) < HEADER or data[4:6] != b"\0\1":
        return None
    try:
        end = skip_name(data, HEADER, len(data)) + 4
        if end > len(data):
            return None
        # The records that are not here are not promised either; whether they could be is judged by the true header.
        asked, _ = _read_message(data[:6] + bytes(6) + data[HEADER:end], 0, end)
    except (Truncated, Malformed):
        return None
    usual = asked.record_type in _COMMON_TYPES and _HOST_LETTERS.issuperset(asked.name) and asked.name
    if not usual or data[end - 2 : end] not in _INTERNET or asked.dialect == "nbns" or _header_fault(*_counts(data, 0)):
        return None
    return replace(asked, answers=u16(data, 6), complete=False, wire=data[:end])


def _judge(message: DnsMessage, *, whole: bool) -> Verdict:
    name = message.name
    if "\\" in name and any(control in name for control in _CONTROLS):
        return Verdict.REJECT
    if not message.record_type and not _answers_of_itself(message.wire):
        return Verdict.REJECT
    return Verdict.CERTAIN if whole and message.record_type else Verdict.LIKELY


def _framings(data: bytes, position: int, end: int) -> tuple[bool, ...]:
    """With and without a length before the message; only without where the length cannot but contradict RFC 1035.

    It spares the bytes of a datagram, which are almost never framed, the whole reading.
    """
    start = position + 2
    if start + HEADER >= end:
        return _EITHER
    length, (flags, questions, records) = u16(data, position), _counts(data, start)
    if length < HEADER or _header_fault(flags, questions, records):
        return _UNFRAMED
    begins_badly = 0x40 <= data[start + HEADER] < 0xC0  # no label, no pointer
    return _UNFRAMED if begins_badly and length > HEADER and (questions or records) else _EITHER


def _counts(data: bytes, start: int) -> tuple[int, int, int]:
    """The flags of a header, its questions and its records of all sections."""
    _, flags, questions, answers, authorities, additional = _FIELDS.unpack_from(data, start)
    return flags, questions, answers + authorities + additional


def _read(data: bytes, position: int, end: int, framed: bool) -> tuple[DnsMessage, int]:
    """The message at `position` and the offset behind it; `framed` messages have their length before them."""
    if not framed:
        return _read_message(data, position, min(end, position + MAX_MESSAGE))
    start = position + 2
    if start > end:
        raise Truncated(f"no length at offset {position}")
    stop = start + u16(data, position)
    if stop - start < HEADER:
        raise Malformed(f"a length of {stop - start} bytes, less than a header")
    message, after = _read_message(data, start, min(stop, end))
    if after != stop:
        raise Malformed(f"the records end at offset {after}, the message at {stop}")
    return message, stop


def _read_message(data: bytes, start: int, end: int) -> tuple[DnsMessage, int]:
    if end - start < HEADER:
        raise Truncated(f"{end - start} bytes of a header of {HEADER}")
    number, flags, questions, answers, authorities, additional = _FIELDS.unpack_from(data, start)
    records = answers + authorities + additional
    if fault := _header_fault(flags, questions, records):
        raise Malformed(fault)
    name, record_type, of_class = "", 0, 0
    position = start + HEADER
    for index in range(questions):
        after = skip_name(data, position, end)
        if after + 4 > end:
            raise Truncated(f"the question at offset {position} goes on behind the last byte")
        if index == 0:
            name = name_text(data, start, position, end)
            record_type, of_class = u16(data, after), u16(data, after + 2)
            if of_class & ~_LOCAL not in _CLASSES:
                raise Malformed(f"question of class {of_class}")
        position = after + 4
    extended = -1
    if records:
        position, extended = _skip_records(data, position, end, records, cut=bool(flags & _CUT))
    wire, rcode, edns_size = data[start:position], flags & 0xF, None
    if extended >= 0:
        rcode, edns_size = rcode | data[extended + 5] << 4, u16(data, extended + 3)
    kind, dialect = DnsMessage, "dns"
    if of_class & _LOCAL or wire[HEADER : HEADER + 1] == _NETBIOS_LENGTH or not (number or record_type):
        kind, dialect, name = _neighbours(wire, number, name, record_type, of_class)
    return kind(
        dialect=dialect,
        transaction_id=number,
        kind="response" if flags & _RESPONSE else "request",
        opcode=flags >> 11 & 0xF,
        rcode=rcode,
        rcode_name=RCODES.get(rcode) or f"rcode-{rcode}",
        authoritative=flags & _AUTHORITATIVE != 0,
        truncated=flags & _CUT != 0,
        edns_size=edns_size,
        name=name,
        record_type=record_type,
        answers=answers,
        complete=True,
        wire=wire,
    ), position


def _neighbours(
    wire: bytes, number: int, name: str, record_type: int, of_class: int
) -> tuple[type[DnsMessage], str, str]:
    """What a message that may be NetBIOS's or multicast DNS's is, its dialect and its name."""
    if wire[HEADER : HEADER + 1] == _NETBIOS_LENGTH and (not record_type or record_type in _NETBIOS_TYPES):
        packed = netbios_name(wire[HEADER + 1 : HEADER + 1 + NETBIOS_LABEL])
        if packed:
            return LocalNameMessage, "nbns", packed
    if of_class & _LOCAL or (not number and not record_type and _forgets(wire, 0, len(wire))):
        return LocalNameMessage, "mdns", name
    return DnsMessage, "dns", name


def _answers_of_itself(wire: bytes) -> bool:
    """Whether a message without a question begins with a record there can be: numbers of other protocols fit too."""
    record_type, of_class = _first_record(wire, 0, len(wire)) if u16(wire, 6) else (0, 0)
    return bool(record_type) and of_class & ~_LOCAL in _CLASSES


def _forgets(data: bytes, start: int, end: int) -> bool:
    """Whether the first record of an answer to no question tells its readers to forget older ones."""
    return bool(_first_record(data, start, end)[1] & _LOCAL)


def _first_record(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Type and class of what follows the header, (0, 0) where no record does."""
    try:
        after = skip_name(data, start + HEADER, end)
    except (Truncated, Malformed):
        return 0, 0
    return (u16(data, after), u16(data, after + 2)) if after + 4 <= end else (0, 0)


def _header_fault(flags: int, questions: int, records: int) -> str:
    """What these numbers contradict, "" when nothing."""
    opcode = flags >> 11 & 0xF
    if opcode not in _OPCODES or flags & 0x0040:
        return f"opcode {opcode} or the reserved bit of the flags {flags:#06x}"
    if questions > MAX_QUESTIONS or questions * _QUESTION + records * _RECORD > MAX_MESSAGE - HEADER:
        return f"{questions} questions and {records} records promised, more than a message holds"
    if not questions and not records and not flags & _RESPONSE and opcode not in _ASKS_NOTHING:
        return "a query that asks nothing"
    return ""


def _skip_records(data: bytes, position: int, end: int, count: int, *, cut: bool) -> tuple[int, int]:
    """The offset behind the records, and that of the EDNS record (RFC 6891 6.1.2), -1 without one."""
    extended = -1
    for _ in range(count):
        try:
            after = skip_name(data, position, end)
            if after + 10 > end:
                raise Truncated(f"the record at offset {position} goes on behind the last byte")
            if not data[position] and u16(data, after) == _OPT:
                extended = position
            after += 10 + u16(data, after + 8)
            if after > end:
                raise Truncated(f"the record at offset {position} goes on behind the last byte")
        except Truncated:
            if cut:  # with TC set a server may promise records it did not send (RFC 2181 9)
                return end, extended
            raise
        position = after
    return position, extended
