"""Reads the answers of a DNS message into rows of DNS_ANSWERS, tolerating damaged records.

Addresses that the server sends along for the targets of SRV records (RFC 2782) count as answers: clients use them
without asking again.
"""

from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

MAX_ANSWERS = 200  # records of one message: more than any client uses
ADDRESSES = (dns.rdatatype.A, dns.rdatatype.AAAA)
SERVICE_BINDINGS = (dns.rdatatype.SVCB, dns.rdatatype.HTTPS)
"""What these say stands in their parameters; their target is mostly the owner itself (RFC 9460 2.5.2)."""
Fields = tuple[Any, ...]

# Known beforehand: a record of class ANY, which a hostile message may hold, otherwise teaches the library to read
# its type as opaque text in every class and message from then on.
for _kind in (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.CNAME, dns.rdatatype.SRV):
    dns.rdata.get_rdata_class(dns.rdataclass.IN, _kind)  # type: ignore[no-untyped-call]


def read_answers(wire: bytes) -> list[Fields]:
    """The columns of DNS_ANSWERS from `transaction_id` on, a row a record; none when nothing is readable."""
    try:
        message = dns.message.from_wire(wire, continue_on_error=True, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError, IndexError, KeyError, OverflowError, AttributeError):
        return []
    question = _text(message.question[0].name) if message.question else ""
    rows: list[Fields] = []
    targets = {
        _text(record.target)
        for records in message.answer
        if records.rdtype == dns.rdatatype.SRV
        for record in records
        if hasattr(record, "target")
    }
    along = (one for one in message.additional if one.rdtype in ADDRESSES and _text(one.name) in targets)
    for records in (*message.answer, *along):
        kind = dns.rdatatype.to_text(records.rdtype)
        owner = _text(records.name)
        for record in records:
            if len(rows) < MAX_ANSWERS:
                value, port = _value(record)
                rows.append((message.id, question, owner, kind, value, port))
    return rows


def _value(record: dns.rdata.Rdata) -> tuple[str, int]:
    """The address, target or text of a record, and its port."""
    for name in ("address", "target", "exchange"):
        held = getattr(record, name, None)
        if held is not None and record.rdtype not in SERVICE_BINDINGS:
            return _text(held), int(getattr(record, "port", 0))
    return record.to_text(), 0


def _text(name: object) -> str:
    return str(name).rstrip(".").lower()
