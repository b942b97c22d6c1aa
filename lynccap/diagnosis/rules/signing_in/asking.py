"""What devices asked of Lync's SIP servers themselves: servers that pass requests on for others are left out."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.sip.registrations import Registration, RegistrationEnd
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.sip_answers import asker_of, quoted, refusals
from lynccap.diagnosis.subjects import Subject, subject_of

SHOWN = 5  # of the same refusals, as many as make the point
SIGN_IN = "REGISTER"
TIME_SKEW = 1013
"""Number of the diagnostics: clocks too far apart ([MS-OCER])."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests of one user on one device that one server refused for the same reason, in order of time."""

    subject: Subject
    steps: tuple[Transaction, ...]

    @property
    def row(self) -> Any:
        """The last refusal: a row of the sip table."""
        return self.steps[-1].final

    @property
    def number(self) -> int:
        """Of its diagnostics; -1 without one."""
        return number_of(self.steps[-1])

    @property
    def user(self) -> str:
        """Who asked, for a sentence."""
        return user_word(self.steps[-1].first.from_uri)

    @property
    def frames(self) -> tuple[int, ...]:
        """Of the first requests and their refusals."""
        rows = (row for one in self.steps[:SHOWN] for row in (one.request, one.final) if row is not None)
        return tuple(int(row.frame) for row in rows)


def user_word(uri: str | None) -> str:
    """A user in a sentence, without the scheme of the address."""
    return quoted((uri or "").removeprefix("sip:")) or "an unnamed user"


def number_of(one: Transaction) -> int:
    """Of the diagnostics in its final answer; -1 without one."""
    number = None if one.final is None else one.final.diagnostics_id
    return -1 if number is None else int(number)


def passed_on(one: Transaction) -> bool:
    """Whether who asks only passes on what another host asked (RFC 3261 16.6): a proxy adds a Via of its own."""
    return one.request is not None and one.request.hops > 1


def refused(inquiry: Inquiry, is_meant: Callable[[Transaction], bool], *methods: str) -> list[Refused]:
    """Final errors of Lync's servers, alike ones together; what was granted later is none."""
    groups: dict[tuple[Any, ...], list[tuple[Subject, Transaction]]] = defaultdict(list)
    for one in refusals(inquiry, *methods):
        if passed_on(one) or not is_meant(one):
            continue
        subject = asker_of(inquiry, one)
        if inquiry.case.roles.is_lync(subject.peer):
            key = (subject.capture, subject.device, subject.peer, one.method, one.first.from_uri, number_of(one))
            groups[key].append((subject, one))
    granted = _granted(inquiry) if groups else {}
    return [_refused(ones) for ones in groups.values() if granted.get(_wish(*ones[-1]), 0) < ones[-1][1].time]


def _refused(ones: Sequence[tuple[Subject, Transaction]]) -> Refused:
    """The subject is the first one's; its other conversations are told beside it."""
    first = ones[0][0]
    others = tuple(dict.fromkeys(one.flow for one, _ in ones if one.flow != first.flow))
    steps = tuple(step for _, step in ones)
    facts = (first.capture, first.device, first.peer, first.port, first.transport, first.service)
    return Refused(Subject(*facts, steps[0].time, first.flow, others), steps)


def _wish(subject: Subject, one: Transaction) -> tuple[Any, ...]:
    return subject.capture, subject.device, one.method, one.first.from_uri, one.first.to_uri


def _granted(inquiry: Inquiry) -> dict[tuple[Any, ...], int]:
    """When each device was last granted what it asked for."""
    found: dict[tuple[Any, ...], int] = {}
    for one in inquiry.case.dialogs.transactions:
        if one.request is not None and 200 <= (one.status or 0) < 300:
            found[_wish(asker_of(inquiry, one), one)] = one.time
    return found


@dataclass(frozen=True, slots=True)
class SignIn:
    """All that one user on one device tried to sign in with in one capture, in order of time."""

    user: str
    subjects: tuple[Subject, ...]
    tries: tuple[Registration, ...]
    """As many as there are subjects."""

    @property
    def subject(self) -> Subject:
        """Of the last try."""
        return self.subjects[-1]

    @property
    def signed_in(self) -> bool:
        """Whether any of them worked."""
        return any(one.end is RegistrationEnd.REGISTERED for one in self.tries)


def sign_ins(inquiry: Inquiry) -> Iterator[SignIn]:
    """Who tried to sign in at Lync's servers, as far as SIP is readable."""
    found: dict[tuple[int, str, str], list[tuple[Subject, Registration]]] = defaultdict(list)
    for one in inquiry.case.dialogs.registrations:
        if passed_on(one.transactions[0]) or one.end is RegistrationEnd.REMOVED:
            continue
        subject = subject_of(inquiry, one.flow, one.from_client)
        if inquiry.case.roles.is_lync(subject.peer):
            found[subject.capture, subject.device, one.user].append((subject, one))
    for (_, _, user), pairs in found.items():
        subjects, tries = zip(*pairs, strict=True)
        yield SignIn(user, subjects, tries)
