"""What servers say of a refusal in SIP: the status, and ms-diagnostics by number and in the packet's own words."""

from collections.abc import Iterator
from typing import Any

from lynccap import reference
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.subjects import Subject, told_on

MAX_QUOTED = 160  # characters of a stranger's text that a sentence can hold


def refusals(inquiry: Inquiry, *methods: str) -> Iterator[Transaction]:
    """The transactions of some methods (all when none is named) whose final answer is an error, in order of time."""
    for one in inquiry.case.dialogs.transactions:
        if one.request is not None and (one.status or 0) >= 400 and (not methods or one.method in methods):
            yield one


def asker_of(inquiry: Inquiry, one: Transaction) -> Subject:
    """The conversation of a transaction, seen from who asked."""
    return told_on(inquiry, one.flow, of_client=one.asked_by_client)


def said_by(row: Any) -> str:
    """What one answer says: status and reason, number and text of its diagnostics, and the server that wrote them."""
    said = f'status {row.status} "{quoted(row.reason)}"' if row.reason else f"status {row.status}"
    if row.diagnostics_id is not None:
        said += f", diagnostics number {int(row.diagnostics_id)}"
    if row.diagnostics_reason:
        said += f' "{quoted(row.diagnostics_reason)}"'
    return said + (f", written by {quoted(row.diagnostics_source)}" if row.diagnostics_source else "")


def meaning_of_number(row: Any) -> str:
    """What the number of its diagnostics means, a sentence; "" without one, or where only its range is known."""
    number = None if row.diagnostics_id is None else int(row.diagnostics_id)
    told = None if number is None else reference.sip_diagnostic(number)
    return told.meaning if told and told.verified and told.code_min == told.code_max else ""


def quoted(text: str) -> str:
    """A stranger's words, short enough for a sentence."""
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]}…"
