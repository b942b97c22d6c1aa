"""What speaks ASN.1 in the clear around a Lync deployment: LDAP, SNMP."""

from dissectors.contract import Cursor, Malformed, Truncated, Verdict
from dissectors.der import enter_der, open_der, read_header
from dissectors.known.recogniser import CERTAIN, REJECT, UNSURE, Recogniser

_INTEGER, _OCTETS, _SEQUENCE, _CONTROLS = 0x02, 0x04, 0x30, 0xA0
_LDAP_OPERATIONS = frozenset((0x42, 0x4A, 0x50, *range(0x60, 0x70), 0x73, 0x77, 0x78, 0x79))  # RFC 4511 4.1.1
_SNMP_OPERATIONS = range(0xA0, 0xA9)  # RFC 3416 3
_SNMP_PLAIN, _SNMP_3 = (b"\0", b"\1"), b"\3"


def _ldap(head: bytes) -> Verdict:
    """RFC 4511 4.1.1: a sequence of a number and an operation that fills it, but for controls."""
    cursor = Cursor(head)
    try:
        end = _end(cursor, _SEQUENCE)
        if not 1 <= enter_der(cursor, _INTEGER).remaining <= 4:
            return REJECT
        tag, size = read_header(cursor)
    except Truncated:
        return UNSURE
    except Malformed:
        return REJECT
    after = cursor.position + size
    controls = after < end and head[after : after + 1] in (b"", bytes([_CONTROLS]))
    return CERTAIN if tag in _LDAP_OPERATIONS and (after == end or controls) else REJECT


def _snmp(head: bytes) -> Verdict:
    """RFC 1157 4, RFC 3412 6: a version, then community and operation up to the end, or a version 3 header."""
    cursor = Cursor(head)
    try:
        end = _end(cursor, _SEQUENCE)
        version = enter_der(cursor, _INTEGER).rest()
        if version == _SNMP_3:
            return CERTAIN if open_der(cursor, _SEQUENCE) and cursor.take(2) == b"\2\4" else REJECT
        enter_der(cursor, _OCTETS)
        tag, size = read_header(cursor)
    except Truncated:
        return UNSURE
    except Malformed:
        return REJECT
    whole = cursor.position + size == end
    return CERTAIN if version in _SNMP_PLAIN and tag in _SNMP_OPERATIONS and whole else REJECT


def _end(cursor: Cursor, tag: int) -> int:
    """Behind the value with this tag, as its length says; the cursor moves into it."""
    found, length = read_header(cursor)
    if found != tag:
        raise Malformed(f"tag {found:#x}")
    return cursor.position + length


_SEQUENCES = bytes([_SEQUENCE])
LDAP = Recogniser("ldap", _SEQUENCES, _ldap)
SNMP = Recogniser("snmp", _SEQUENCES, _snmp)
