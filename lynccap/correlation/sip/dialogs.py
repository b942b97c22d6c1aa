"""Calls and subscriptions: SIP dialogs from the request that opened them to the one that ended them (RFC 3261 12).

A proxy's capture holds the same dialog on both of its sides, and servers answer on connections of their own: a dialog
is told by its Call-ID and tags within one capture, whatever the flow. What is told of its opening is what the flow
on which it was first seen says.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lynccap.correlation.sip.registrations import CHALLENGES, Registration, read_registrations
from lynccap.correlation.sip.transactions import Transaction, read_transactions
from lynccap.tables import SECOND, Tables

CANCELLED = 487  # RFC 3261 21.4.25


class DialogEnd(StrEnum):
    """How far a dialog came."""

    ESTABLISHED = "established"
    """Accepted; whether and by whom it was ended is told apart."""
    REDIRECTED = "redirected"
    CANCELLED = "cancelled"
    """The caller gave up before an answer, or another device of the callee took the call."""
    CHALLENGED = "challenged"
    """The last answer asks for proof, and none was sent."""
    REFUSED = "refused"
    PENDING = "pending"
    """Provisional answers, and no final one within the capture."""
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Dialog:
    """One call: an INVITE without To tag and what followed it."""

    capture: int
    call_id: str
    from_uri: str
    to_uri: str
    from_tag: str
    to_tag: str
    """Of the accepting answer, "" without one."""
    opening: Transaction
    """The INVITE where it was seen first."""
    later: tuple[Transaction, ...]
    """What followed in the dialog, on any flow: UPDATE, INFO, further INVITEs, BYE."""
    end: DialogEnd
    status: int | None
    ended_by: str
    """caller or callee, "" as long as nobody did"""
    closing: Transaction | None
    """The BYE or CANCEL that ended it."""

    @property
    def seconds(self) -> float | None:
        """From the accepting answer to the BYE; None when either is missing."""
        accepted = self.opening.final
        if self.end is not DialogEnd.ESTABLISHED or accepted is None or self.closing is None:
            return None
        return (self.closing.time - int(accepted.time)) / SECOND

    @property
    def diagnostics(self) -> Any | None:
        """The row of the sip table whose diagnostics tell of the end: the closing request, its answer, the refusal."""
        rows = [*_rows(self.closing), *reversed(self.opening.answers)]
        return next((row for row in rows if row.diagnostics), None)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One SUBSCRIBE without To tag, its renewals and its notifications (RFC 6665)."""

    capture: int
    call_id: str
    event: str
    subscriber: str
    target: str
    opening: Transaction
    renewals: tuple[Transaction, ...]
    notifications: tuple[Any, ...]
    """Rows of NOTIFY and BENOTIFY in its dialog."""
    status: int | None
    """Of the answer to the opening."""

    @property
    def expires(self) -> int | None:
        """Seconds granted."""
        return self.opening.final.expires if self.opening.final is not None else None

    @property
    def ended(self) -> str | None:
        """Why the server ended it, "" without a reason; None as long as it did not."""
        last = [row for row in self.notifications if row.subscription_state == "terminated"]
        return (last[-1].subscription_reason or "") if last else None


@dataclass(frozen=True, slots=True)
class DialogBook:
    """What readable SIP says, over all captures; empty when none is readable."""

    transactions: tuple[Transaction, ...] = ()
    registrations: tuple[Registration, ...] = ()
    calls: tuple[Dialog, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()


def read_dialogs(tables: Tables) -> DialogBook:
    """Transactions, registrations, calls and subscriptions of the sip table."""
    transactions = read_transactions(tables)
    by_call: dict[tuple[int, str], list[Transaction]] = defaultdict(list)
    for one in transactions:
        if one.first.call_id:
            by_call[one.capture, one.first.call_id].append(one)
    groups = [_Group(group) for group in by_call.values()]
    return DialogBook(
        transactions=transactions,
        registrations=read_registrations(transactions),
        calls=tuple(_call(ones, group) for group in groups for ones in _openings(group.every, "INVITE")),
        subscriptions=tuple(
            _subscription(ones, group) for group in groups for ones in _openings(group.every, "SUBSCRIBE")
        ),
    )


class _Group:
    """The transactions of one Call-ID, found by what ties them to a dialog: one Call-ID may have had very many."""

    def __init__(self, every: list[Transaction]) -> None:
        self.every = every
        self.within: dict[frozenset[str | None], list[Transaction]] = defaultdict(list)
        """Requests made within a dialog, by its two tags."""
        self.cancels: dict[Any, tuple[int, Transaction]] = {}
        """The first CANCEL of each CSeq number, and its place."""
        self.notices: dict[str | None, list[Any]] = defaultdict(list)
        """Rows of NOTIFY and BENOTIFY, by To tag."""
        self.renewals: dict[str | None, list[Transaction]] = defaultdict(list)
        """SUBSCRIBEs with a To tag, by From tag."""
        for place, one in enumerate(every):
            row = one.request
            if row is None:
                continue
            if row.to_tag:
                self.within[frozenset((row.from_tag, row.to_tag))].append(one)
            if one.method == "CANCEL":
                self.cancels.setdefault(row.cseq, (place, one))
            elif one.method in ("NOTIFY", "BENOTIFY"):
                self.notices[row.to_tag].append(row)
            elif one.method == "SUBSCRIBE" and row.to_tag:
                self.renewals[row.from_tag].append(one)


def _openings(group: list[Transaction], method: str) -> Iterable[list[Transaction]]:
    """Of the requests that open a dialog, those of one: by From tag, over flows and rounds of authentication."""
    found: dict[str | None, list[Transaction]] = defaultdict(list)
    for one in group:
        if one.method == method and one.request is not None and not one.request.to_tag:
            found[one.request.from_tag].append(one)
    return found.values()


def _decisive(openings: list[Transaction]) -> Transaction:
    """On the flow of the first one the last, which is the one behind the challenges."""
    return [one for one in openings if one.flow == openings[0].flow][-1]


def _call(openings: list[Transaction], group: _Group) -> Dialog:
    opening = _decisive(openings)
    request, accepted = opening.request, opening.final if (opening.status or 0) < 300 else None
    assert request is not None  # _openings leaves out those without
    to_tag = accepted.to_tag if accepted is not None else None
    later = tuple(group.within.get(frozenset((request.from_tag, to_tag)), ())) if to_tag else ()
    closing = next((one for one in later if one.method == "BYE"), None)
    if closing is None and accepted is None:
        closing = _cancel(openings, group)
    return Dialog(
        capture=opening.capture,
        call_id=request.call_id,
        from_uri=request.from_uri or "",
        to_uri=request.to_uri or "",
        from_tag=request.from_tag or "",
        to_tag=to_tag or "",
        opening=opening,
        later=later,
        end=_end(opening),
        status=opening.status,
        ended_by=_ended_by(closing, request.from_tag),
        closing=closing,
    )


def _cancel(openings: list[Transaction], group: _Group) -> Transaction | None:
    numbers = {one.request.cseq for one in openings if one.request is not None}
    found = [group.cancels[number] for number in numbers if number in group.cancels]
    return min(found, key=lambda placed: placed[0])[1] if found else None


def _ended_by(closing: Transaction | None, from_tag: str | None) -> str:
    if closing is None or closing.request is None:
        return ""
    return "caller" if closing.request.from_tag == from_tag else "callee"


def _end(opening: Transaction) -> DialogEnd:
    status = opening.status
    if status is None:
        return DialogEnd.PENDING if opening.answers else DialogEnd.UNANSWERED
    if status < 300:
        return DialogEnd.ESTABLISHED
    if status < 400:
        return DialogEnd.REDIRECTED
    if status in CHALLENGES:
        return DialogEnd.CHALLENGED
    return DialogEnd.CANCELLED if status == CANCELLED else DialogEnd.REFUSED


def _rows(transaction: Transaction | None) -> list[Any]:
    return [] if transaction is None else [row for row in (transaction.request, transaction.final) if row is not None]


def _subscription(openings: list[Transaction], group: _Group) -> Subscription:
    opening = _decisive(openings)
    request = opening.request
    assert request is not None  # _openings leaves out those without
    return Subscription(
        capture=opening.capture,
        call_id=request.call_id,
        event=request.event or "",
        subscriber=request.from_uri or "",
        target=request.to_uri or "",
        opening=opening,
        renewals=tuple(group.renewals.get(request.from_tag, ())),
        notifications=tuple(group.notices.get(request.from_tag, ())),
        status=opening.status,
    )
