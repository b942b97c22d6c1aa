"""Recognises DNS (RFC 1035) and reads its header and question; answers are read one layer up, by a library.

LLMNR (RFC 4795) and multicast DNS (RFC 6762) have the same shape; the layer above tells them apart by port.
"""

from dataclasses import dataclass
from typing import ClassVar

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
_SPECIAL = frozenset(b'"().;\\@$')  # escaped in the text of a name, as zone files do (RFC 1035 5.1)
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
        short = False
        for framed in (True, False):
            try:
                message, stop = _read(head, 0, len(head), framed)
            except Truncated:
                short = True
            except Malformed:
                continue
            else:
                return _judge(message, whole=framed or stop == len(head))
        return Verdict.UNSURE if short else Verdict.REJECT

    def parse(self, cursor: Cursor, /) -> tuple[DnsMessage, ...]:
        """Read the message of a datagram, or the next message of one side's TCP stream.

        Bytes are a stream's when they begin with the length of a message that holds together. Raises
        Truncated when a promised record lies behind the last byte, Malformed when header or names break
        RFC 1035.
        """
        short: Truncated | None = None
        fault: Malformed | None = None
        for framed in (True,) if _TCP in cursor.notes else (True, False):
            try:
                message, stop = _read(cursor.data, cursor.position, cursor.end, framed)
            except Truncated as stopped:
                short = short or stopped
            except Malformed as stopped:
                fault = stopped
            else:
                cursor.position = stop
                if framed:
                    cursor.notes.add(_TCP)
                return (message,)
        raise short or fault or Malformed("not DNS")


def _judge(message: DnsMessage, *, whole: bool) -> Verdict:
    if any(control in message.name for control in _CONTROLS) or not (message.record_type or message.answers):
        return Verdict.REJECT
    return Verdict.CERTAIN if whole and message.record_type else Verdict.LIKELY


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
    flags = _u16(data, start + 2)
    questions, answers, *others = (_u16(data, start + offset) for offset in (4, 6, 8, 10))
    records = answers + sum(others)
    _check_header(flags, questions, records)
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
    position = _skip_records(data, position, end, records, cut=bool(flags & 0x0200))
    message = DnsMessage(
        transaction_id=_u16(data, start),
        kind="response" if flags & 0x8000 else "request",
        opcode=flags >> 11 & 0xF,
        rcode=flags & 0xF,
        truncated=bool(flags & 0x0200),
        name=name,
        record_type=record_type,
        answers=answers,
        wire=data[start:position],
    )
    return message, position


def _u16(data: bytes, offset: int) -> int:
    return data[offset] << 8 | data[offset + 1]


def _check_header(flags: int, questions: int, records: int) -> None:
    opcode = flags >> 11 & 0xF
    if opcode not in _OPCODES or flags & 0x0040:
        raise Malformed(f"opcode {opcode} or the reserved bit of the flags {flags:#06x}")
    if questions > MAX_QUESTIONS or questions * _QUESTION + records * _RECORD > MAX_MESSAGE - _HEADER:
        raise Malformed(f"{questions} questions and {records} records promised, more than a message holds")
    if not questions and not records and not flags & 0x8000 and opcode not in _ASKS_NOTHING:
        raise Malformed("a query that asks nothing")


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
        labels.append("".join(_escaped(byte) for byte in data[position + 1 : position + 1 + length]))
        position += 1 + length
    return ".".join(labels).lower()


def _escaped(byte: int) -> str:
    if byte in _SPECIAL:
        return "\\" + chr(byte)
    return chr(byte) if 0x20 < byte < 0x7F else f"\\{byte:03d}"


DNS = Dns()
