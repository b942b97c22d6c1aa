"""Recognises DNS (RFC 1035) and reads its header, its question and plain answers; others are a library's, one layer up.

LLMNR (RFC 4795) and multicast DNS (RFC 6762) have the same shape; the layer above tells them apart by port.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address
from struct import Struct
from struct import error as struct_error
from typing import ClassVar, NamedTuple

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

MAX_NAME = 255
"""Bytes of a name on the wire (RFC 1035 2.3.4); also ends every chain of pointers."""

MAX_MESSAGE = 65535
"""Bytes of a message: what a datagram and the length before a TCP message can hold."""

MAX_QUESTIONS = 64
"""Questions in one message; unicast DNS asks one, multicast DNS a packet full."""

_HEADER = 12
_QUESTION = 5  # smallest: root name, type, class
_RECORD = 11  # smallest: root name, type, class, TTL, length
_TCP = "tcp"
_OPCODES = frozenset((0, 1, 2, 4, 5, 6))  # query, inverse query, status, notify, update, stateful (IANA)
_ASKS_NOTHING = frozenset((6,))  # stateful operations carry neither questions nor records (RFC 8490 5.4)
_CLASSES = frozenset((1, 3, 4, 254, 255))  # internet, chaos, hesiod, none, any
_UNICAST_REPLY = 0x8000  # multicast DNS marks the question's class with it (RFC 6762 5.4)
_FIELDS = Struct(">6H")  # of the header: number, flags, questions, answers, authorities, additional records
_EITHER, _UNFRAMED = (True, False), (False,)
_SPECIAL = b'"().;\\@$'
_ESCAPED = {
    **{byte: f"\\{byte:03d}" for byte in (*range(0x21), *range(0x7F, 0x100))},
    **{byte: "\\" + chr(byte) for byte in _SPECIAL},
}
"""How bytes of a name that are no plain letters are written, as in zone files (RFC 1035 5.1)."""
_PLAIN = bytes(byte for byte in range(0x100) if byte not in _ESCAPED)
_MAX_PLAIN = 64  # records; a datagram of usual size holds fewer
_MAX_POINTERS = 8  # of one name; servers use one or two
_OPCODE, _CUT = 0x7800, 0x0200  # bits of the flags
_RECORD_HEADER = Struct(">HHIH")  # behind the name: type, class, TTL, length
_A, _CNAME, _AAAA, _SRV, _OPT = 1, 5, 28, 33, 41
_PLAIN_TYPES = {_A: "A", _CNAME: "CNAME", _AAAA: "AAAA", _SRV: "SRV"}
_CONTROLS = tuple(f"\\{byte:03d}" for byte in range(0x20))  # no host name holds one; chance bytes do


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsMessage(Message):
    """Header and first question of one DNS message."""

    protocol: ClassVar[str] = "dns"

    transaction_id: int
    kind: str
    """request or response"""
    opcode: int
    rcode: int
    truncated: bool
    """The TC bit."""
    name: str
    """The name asked, lower case, without the final dot; "" for the root and when nothing is asked."""
    record_type: int
    """Of the first question, 0 when nothing is asked."""
    answers: int
    """Records the header promises in the answer section."""
    wire: bytes
    """The whole message without the length TCP puts before it, for the library that reads the records."""


class Dns:
    """DNS over UDP, one message a datagram, and over TCP, each message behind its two-byte length."""

    name = "dns"

    def probe(self, head: bytes, /) -> Verdict:
        """Judge by header, counts and records: CERTAIN when they end where the message does, else LIKELY."""
        short, size = False, len(head)
        framings = _framings(head, 0, size)
        if framings is _UNFRAMED and size >= _HEADER and _header_fault(*_counts(head, 0)):
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


class Answer(NamedTuple):
    """A record of an answer section."""

    name: str
    """Of its owner, as DnsMessage has names."""
    record_type: str
    value: str
    """Address or target name."""
    port: int
    """Of SRV, else 0."""


def plain_answers(wire: bytes) -> tuple[str, tuple[Answer, ...]] | None:
    """The name asked and the answers of a whole message of A, AAAA, CNAME and SRV records, as most are.

    Records of one name and type stand together; repeated ones count once, and of CNAMEs the last one counts. Addresses
    that come along for the targets of SRV records (RFC 2782) follow the answers.
    None for everything else, and whenever a record or a name is unusual: that takes more care. Never raises.
    """
    try:
        return _plain_answers(wire)
    except (Malformed, struct_error):
        return None


def _plain_answers(wire: bytes) -> tuple[str, tuple[Answer, ...]]:
    _, flags, questions, answers, authorities, additional = _FIELDS.unpack_from(wire)
    if flags & (_OPCODE | _CUT) or questions > 1 or answers + authorities + additional > _MAX_PLAIN:
        raise Malformed("no plain query")
    question, position = "", _HEADER
    if questions:
        question, position = _plain_name(wire, position, len(wire))
        position += 4
    found, position = _plain_records(wire, position, answers)
    targets = {answer.value for answer in found if answer.record_type == "SRV"}
    if targets and additional:
        _, position = _plain_records(wire, position, authorities, ())
        others, _ = _plain_records(wire, position, additional, (_A, _AAAA))
        found += [answer for answer in others if answer.name in targets]
    return question, tuple(found)


def _plain_records(
    wire: bytes, position: int, count: int, kinds: tuple[int, ...] | None = None
) -> tuple[list[Answer], int]:
    """Records of these types (None: no others may be there), and the offset behind them."""
    found: dict[tuple[str, int], dict[tuple[bytes, str], Answer]] = {}
    for _ in range(count):
        name, position = _plain_name(wire, position, len(wire))
        record_type, record_class, _, size = _RECORD_HEADER.unpack_from(wire, position)
        start, position = position + 10, position + 10 + size
        if position > len(wire) or (record_class != 1 and record_type != _OPT):
            raise Malformed("no plain record")
        if kinds is not None and record_type not in kinds:
            continue
        order, value, port = _plain_value(wire, start, position, record_type)
        same = found.setdefault((name, record_type), {})
        if record_type == _CNAME:
            same.clear()
        same.setdefault((order, value), Answer(name, _PLAIN_TYPES[record_type], value, port))
    return [answer for same in found.values() for answer in same.values()], position


def _plain_value(wire: bytes, start: int, end: int, record_type: int) -> tuple[bytes, str, int]:
    """What orders a record among its like, its address or target, and its port."""
    if record_type == _A and end - start == 4:
        return b"", ".".join(map(str, wire[start:end])), 0
    # Libraries differ in how they write addresses that embed another one; those have leading zeros.
    if record_type == _AAAA and end - start == 16 and wire[start]:
        return b"", str(IPv6Address(wire[start:end])), 0
    at = start + 6 if record_type == _SRV else start
    if record_type not in (_CNAME, _SRV) or at >= end:
        raise Malformed("no plain record")
    target, after = _plain_name(wire, at, end)
    if after != end:
        raise Malformed("bytes behind the target")
    return wire[start:at], target, _u16(wire, start + 4) if record_type == _SRV else 0


def _plain_name(wire: bytes, position: int, end: int) -> tuple[str, int]:
    """The name at `position` and the offset behind it. Raises Malformed when a letter of it would be escaped.

    What a pointer leads to must end before what held the pointer.
    """
    labels: list[str] = []
    begin, after, size, hops = position, 0, 1, 0
    while position < end:
        length = wire[position]
        if not length:
            return ".".join(labels).lower(), after or position + 1
        stop = position + 1 + length
        if length >= 0xC0:
            target, hops = _u16(wire, position) & 0x3FFF if position + 2 <= end else end, hops + 1
            if not _HEADER <= target < begin or hops > _MAX_POINTERS:
                break
            after = after or position + 2
            position, begin, end = target, target, begin
            continue
        size += 1 + length
        label = wire[position + 1 : stop]
        if length > 63 or size > MAX_NAME or stop > end or label.translate(None, _PLAIN):
            break
        labels.append(label.decode("ascii"))
        position = stop
    raise Malformed("no plain name")


def _judge(message: DnsMessage, *, whole: bool) -> Verdict:
    name = message.name
    if "\\" in name and any(control in name for control in _CONTROLS):
        return Verdict.REJECT
    if not message.record_type and not message.answers:
        return Verdict.REJECT
    return Verdict.CERTAIN if whole and message.record_type else Verdict.LIKELY


def _framings(data: bytes, position: int, end: int) -> tuple[bool, ...]:
    """With and without a length before the message; only without where the length cannot but contradict RFC 1035.

    It spares the bytes of a datagram, which are almost never framed, the whole reading.
    """
    start = position + 2
    if start + _HEADER >= end:
        return _EITHER
    length, (flags, questions, records) = _u16(data, position), _counts(data, start)
    if length < _HEADER or _header_fault(flags, questions, records):
        return _UNFRAMED
    begins_badly = 0x40 <= data[start + _HEADER] < 0xC0  # no label, no pointer
    return _UNFRAMED if begins_badly and length > _HEADER and (questions or records) else _EITHER


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
    stop = start + _u16(data, position)
    if stop - start < _HEADER:
        raise Malformed(f"a length of {stop - start} bytes, less than a header")
    message, after = _read_message(data, start, min(stop, end))
    if after != stop:
        raise Malformed(f"the records end at offset {after}, the message at {stop}")
    return message, stop


def _read_message(data: bytes, start: int, end: int) -> tuple[DnsMessage, int]:
    if end - start < _HEADER:
        raise Truncated(f"{end - start} bytes of a header of {_HEADER}")
    number, flags, questions, answers, authorities, additional = _FIELDS.unpack_from(data, start)
    records = answers + authorities + additional
    if fault := _header_fault(flags, questions, records):
        raise Malformed(fault)
    name, record_type = "", 0
    position = start + _HEADER
    for index in range(questions):
        after = _skip_name(data, position, end)
        if after + 4 > end:
            raise Truncated(f"the question at offset {position} goes on behind the last byte")
        if index == 0:
            name, record_type = _name_text(data, start, position, end), _u16(data, after)
            _check_class(_u16(data, after + 2))
        position = after + 4
    position = _skip_records(data, position, end, records, cut=bool(flags & _CUT))
    message = DnsMessage(
        transaction_id=number,
        kind="response" if flags & 0x8000 else "request",
        opcode=flags >> 11 & 0xF,
        rcode=flags & 0xF,
        truncated=bool(flags & _CUT),
        name=name,
        record_type=record_type,
        answers=answers,
        wire=data[start:position],
    )
    return message, position


def _u16(data: bytes, offset: int) -> int:
    return data[offset] << 8 | data[offset + 1]


def _header_fault(flags: int, questions: int, records: int) -> str:
    """What these numbers contradict, "" when nothing."""
    opcode = flags >> 11 & 0xF
    if opcode not in _OPCODES or flags & 0x0040:
        return f"opcode {opcode} or the reserved bit of the flags {flags:#06x}"
    if questions > MAX_QUESTIONS or questions * _QUESTION + records * _RECORD > MAX_MESSAGE - _HEADER:
        return f"{questions} questions and {records} records promised, more than a message holds"
    if not questions and not records and not flags & 0x8000 and opcode not in _ASKS_NOTHING:
        return "a query that asks nothing"
    return ""


def _check_class(number: int) -> None:
    if number & ~_UNICAST_REPLY not in _CLASSES:
        raise Malformed(f"question of class {number}")


def _skip_records(data: bytes, position: int, end: int, count: int, *, cut: bool) -> int:
    for _ in range(count):
        try:
            after = _skip_name(data, position, end)
            if after + 10 > end:
                raise Truncated(f"the record at offset {position} goes on behind the last byte")
            after += 10 + _u16(data, after + 8)
            if after > end:
                raise Truncated(f"the record at offset {position} goes on behind the last byte")
        except Truncated:
            if cut:  # with TC set a server may promise records it did not send (RFC 2181 9)
                return end
            raise
        position = after
    return position


def _skip_name(data: bytes, position: int, end: int) -> int:
    """The offset behind a name, whose labels and whose pointer's place are checked, not where it points."""
    limit = position + MAX_NAME
    while position < end:
        length = data[position]
        if length == 0:
            return position + 1
        if length >= 0xC0:
            if position + 2 > end:
                break
            return position + 2
        if length > 63:
            raise Malformed(f"label type {length >> 6} at offset {position}")
        position += 1 + length
        if position >= limit:
            raise Malformed(f"a name of more than {MAX_NAME} bytes")
    raise Truncated(f"the name goes on behind offset {end}")


def _name_text(data: bytes, start: int, position: int, end: int) -> str:
    """The name at `position` as text; every pointer must lead backwards, which ends every chain."""
    labels: list[str] = []
    size, floor = 0, position
    while data[position]:
        length = data[position]
        if length >= 0xC0:
            target = start + (_u16(data, position) & 0x3FFF) if position + 2 <= end else end
            if not start + _HEADER <= target < floor:
                raise Malformed(f"the pointer at offset {position} does not lead backwards")
            position = floor = target
            continue
        size += 1 + length
        if length > 63 or size >= MAX_NAME or position + 1 + length >= end:
            raise Malformed(f"the name at offset {position} does not hold together")
        labels.append(data[position + 1 : position + 1 + length].decode("latin-1").translate(_ESCAPED))
        position += 1 + length
    return ".".join(labels).lower()


DNS = Dns()
