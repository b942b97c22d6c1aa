"""Plain answers, read without a library: most messages hold nothing but addresses, aliases and services."""

from ipaddress import IPv6Address
from struct import Struct
from struct import error as struct_error
from typing import NamedTuple

from dissectors.contract import Malformed
from dissectors.dns.names import ESCAPED, HEADER, MAX_NAME, u16

_FIELDS = Struct(">6H")  # of the header: number, flags, questions, answers, authorities, additional records
_PLAIN = bytes(byte for byte in range(0x100) if byte not in ESCAPED)
_MAX_PLAIN = 64  # records; a datagram of usual size holds fewer
_MAX_POINTERS = 8  # of one name; servers use one or two
_OPCODE, _CUT = 0x7800, 0x0200  # bits of the flags
_RECORD_HEADER = Struct(">HHIH")  # behind the name: type, class, TTL, length
_A, _CNAME, _AAAA, _SRV, _OPT = 1, 5, 28, 33, 41
_PLAIN_TYPES = {_A: "A", _CNAME: "CNAME", _AAAA: "AAAA", _SRV: "SRV"}


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
    question, position = "", HEADER
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
    return wire[start:at], target, u16(wire, start + 4) if record_type == _SRV else 0


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
            target, hops = u16(wire, position) & 0x3FFF if position + 2 <= end else end, hops + 1
            if not HEADER <= target < begin or hops > _MAX_POINTERS:
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
