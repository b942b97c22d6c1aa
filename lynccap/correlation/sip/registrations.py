"""Registrations: the REGISTER requests with which a device proves itself, and how that ended ([MS-SIPREGE] 3.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lynccap.correlation.sip.transactions import Transaction
from lynccap.tables import SECOND

CHALLENGES = (401, 407)  # RFC 3261 22.1


class RegistrationEnd(StrEnum):
    """How an attempt to register ended."""

    REGISTERED = "registered"
    REMOVED = "removed"
    """Signed out: the registrar took the device off its list as asked."""
    REDIRECTED = "redirected"
    """To another registrar: normal, when that one answers."""
    CHALLENGED = "challenged"
    """The last answer asks for proof, and the device sent none: normal once, a loop when it begins again."""
    REFUSED = "refused"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Registration:
    """One attempt to register: REGISTER requests of one Call-ID on one flow up to a final word."""

    flow: int
    capture: int
    from_client: bool
    """Whether the side that opened the flow registers."""
    user: str
    epid: str
    call_id: str
    transactions: tuple[Transaction, ...]
    end: RegistrationEnd
    status: int | None
    """Of the last answer."""
    challenges: int
    """Answers that asked for proof: 401 and 407."""
    offered: tuple[str, ...]
    """Schemes the registrar offers."""
    used: tuple[str, ...]
    """Schemes the device answered with."""
    redirected_to: str
    """Contact of the redirection, "" without one."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Of its requests and their final answers."""
        rows = [row for one in self.transactions for row in (one.request, one.final) if row is not None]
        return tuple(int(row.frame) for row in rows)

    @property
    def time(self) -> int:
        """When it began."""
        return self.transactions[0].time

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        return (self.transactions[-1].last_time - self.time) / SECOND

    @property
    def answer(self) -> Any | None:
        """The row of the last final answer: expiry, diagnostics, presence state, Server."""
        return self.transactions[-1].final


def read_registrations(transactions: Iterable[Transaction]) -> tuple[Registration, ...]:
    """The attempts in the order they began."""
    open_: dict[tuple[Any, ...], list[Transaction]] = {}
    found: list[Registration] = []
    for one in transactions:
        if one.method != "REGISTER":
            continue
        asked = open_.setdefault((one.flow, one.asked_by_client, one.first.call_id), [])
        asked.append(one)
        if one.status is not None and one.status not in CHALLENGES:
            found.append(_registration(asked))
            asked.clear()
    found += [_registration(asked) for asked in open_.values() if asked]
    return tuple(sorted(found, key=lambda one: (one.time, one.flow)))


def _registration(asked: list[Transaction]) -> Registration:
    last = asked[-1]
    row = asked[0].first
    rows = [row for one in asked for row in (one.request, *one.answers) if row is not None]
    moved = last.status is not None and 300 <= last.status < 400
    return Registration(
        flow=last.flow,
        capture=last.capture,
        from_client=last.asked_by_client,
        user=row.from_uri or "",
        epid=row.epid or "",
        call_id=row.call_id or "",
        transactions=tuple(asked),
        end=_end(last),
        status=last.status,
        challenges=sum(one.status in CHALLENGES for one in asked),
        offered=_schemes(row.authenticate for row in rows),
        used=_schemes(row.authorization for row in rows),
        redirected_to=(last.final.contact or "") if moved and last.final else "",
    )


def _schemes(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for value in values if value for name in value.split(",")))


def _end(last: Transaction) -> RegistrationEnd:
    status = last.status
    if status is None:
        return RegistrationEnd.UNANSWERED
    if status in CHALLENGES:
        return RegistrationEnd.CHALLENGED
    if status >= 400:
        return RegistrationEnd.REFUSED
    if status >= 300:
        return RegistrationEnd.REDIRECTED
    removes = last.request is not None and last.request.expires == 0
    return RegistrationEnd.REMOVED if removes else RegistrationEnd.REGISTERED
