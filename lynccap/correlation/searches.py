"""What each device asked DNS on its way to its servers, and what it was told in the end.

A question may be sent often, to several servers, and over TCP after UDP: what counts is whether the device got to know
what it wanted. Resolvers and clients keep answers, so that a name nobody asked for proves nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from lynccap.correlation.collector import collector_paused
from lynccap.correlation.devices.book import DeviceBook
from lynccap.correlation.discovery_names import DISCOVERY_NAMES, FALLBACK, OWN_NAMES
from lynccap.correlation.lookups import Lookup

A, CNAME, AAAA, SRV = 1, 5, 28, 33
TYPE_WORDS = {A: "A", CNAME: "CNAME", AAAA: "AAAA", SRV: "SRV"}
ADDRESSES = ("A", "AAAA")
NO_ERROR = "noerror"


class Reply(StrEnum):
    """What DNS said, the best that any server said."""

    FOUND = "found"
    EMPTY = "no such record"
    PARTIAL = "not readable to its end"
    FAILED = "error"
    """SERVFAIL, REFUSED and the like: the server could not, or would not, say."""
    SILENT = "no answer"


_BEST_FIRST = tuple(Reply)


@dataclass(frozen=True, eq=False)
class Question:
    """One name and type that one device asked for, however often, of whichever server."""

    capture: int
    device: str
    """Its id."""
    name: str
    record_type: int
    lookups: tuple[Lookup, ...]
    """In order of time."""

    @cached_property
    def reply(self) -> Reply:
        """The best that any server said."""
        return min((reply_of(one) for one in self.lookups), key=_BEST_FIRST.index)

    @cached_property
    def best(self) -> Lookup:
        """The first lookup that was answered so."""
        return next(one for one in self.lookups if reply_of(one) is self.reply)

    @property
    def records(self) -> tuple[Any, ...]:
        """Rows of DNS_ANSWERS in that answer, aliases and addresses of SRV targets included."""
        return self.best.records

    @property
    def is_no_name(self) -> bool:
        """NXDOMAIN: the name has no record of any type."""
        return self.reply is Reply.EMPTY and self.best.denied

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses it was told for the name; none for SRV."""
        return () if self.record_type == SRV else addresses_in(self.records)

    @property
    def first_time(self) -> int:
        """When it was asked first, nanoseconds."""
        return self.lookups[0].first_time

    @property
    def last_time(self) -> int:
        """When the last packet of it was seen: a question, or the answer."""
        return max(max(one.last_time, one.response_time) for one in self.lookups)

    @property
    def tries(self) -> int:
        """Packets that asked for it."""
        return sum(len(one.request_frames) for one in self.lookups)

    @property
    def frames(self) -> tuple[int, ...]:
        """The first question, and the answer that counts; without one all questions."""
        if self.reply is Reply.SILENT:
            return tuple(frame for one in self.lookups for frame in one.request_frames)
        return self.best.request_frames[0], self.best.response_frame


@dataclass(frozen=True, eq=False)
class Search:
    """How one device looked for its servers in one SIP domain."""

    capture: int
    device: str
    """Its id."""
    addresses: tuple[str, ...]
    """All the device has."""
    domain: str
    questions: tuple[Question, ...]
    """For names of discovery in the domain, in order of time."""

    def of(self, start: str) -> tuple[Question, ...]:
        """The questions for one name, by its beginning: `lyncdiscover.`"""
        return tuple(one for one in self.questions if one.name == start + self.domain)

    def reply(self, start: str) -> Reply | None:
        """What it was told of one name, None when it did not ask."""
        return reply_to(self.of(start))

    @property
    def first_time(self) -> int:
        """When the first question was asked."""
        return self.questions[0].first_time

    @property
    def last_time(self) -> int:
        """When the last packet of a question or an answer was seen."""
        return max(one.last_time for one in self.questions)

    @property
    def told(self) -> tuple[str, ...]:
        """Every address it was told, those that came along with SRV records included."""
        return addresses_in(record for one in self.questions for record in one.records)


@dataclass(frozen=True)
class SearchBook:
    """All questions and searches."""

    questions: tuple[Question, ...] = ()
    """In order of their first packet."""
    searches: tuple[Search, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, list[Question]]:
        return _grouped(self.questions, lambda one: one.name)

    @cached_property
    def _by_device(self) -> dict[str, list[Question]]:
        return _grouped(self.questions, lambda one: one.device)

    @cached_property
    def found_domains(self) -> frozenset[str]:
        """Domains of which anybody finds any name."""
        names = {one.name for one in self.questions if one.reply is Reply.FOUND}
        labels = (name.split(".") for name in names)
        return frozenset(".".join(parts[place:]) for parts in labels for place in range(1, len(parts)))

    def of(self, device: str) -> tuple[Question, ...]:
        """What one device asked, by its id."""
        return tuple(self._by_device.get(device, ()))

    def for_name(self, name: str, device: str | None = None) -> tuple[Question, ...]:
        """What anybody, or one device, asked for a name."""
        return tuple(one for one in self._by_name.get(name, ()) if device in (None, one.device))


def reply_of(lookup: Lookup) -> Reply:
    """What one server said to one question."""
    if not lookup.answered:
        return Reply.SILENT
    if lookup.denied:
        return Reply.EMPTY
    if lookup.rcode_name != NO_ERROR:
        return Reply.FAILED
    wanted = TYPE_WORDS.get(lookup.record_type, "")
    if not lookup.answers:
        return Reply.PARTIAL if lookup.truncated else Reply.EMPTY
    if any(one.record_type == wanted for one in lookup.records):
        return Reply.FOUND
    if lookup.partial or not lookup.records:
        return Reply.PARTIAL
    return Reply.EMPTY


def reply_to(questions: Sequence[Question]) -> Reply | None:
    """What questions for one name came to; an address of one kind that is missing says nothing of the other kind."""
    if not questions:
        return None
    best = min((one.reply for one in questions), key=_BEST_FIRST.index)
    asked = {one.record_type for one in questions}
    if best is Reply.EMPTY and asked == {AAAA} and not any(one.is_no_name for one in questions):
        return Reply.PARTIAL
    return best


def addresses_in(records: Iterable[Any]) -> tuple[str, ...]:
    """The addresses among records, each once."""
    return tuple(dict.fromkeys(one.value for one in records if one.record_type in ADDRESSES))


def domain_of(name: str) -> str:
    """The SIP domain of a name that clients discover servers by, "" for any other."""
    return next((name.removeprefix(start) for start in DISCOVERY_NAMES if name.startswith(start)), "")


@collector_paused()
def read_searches(lookups: Iterable[Lookup], devices: DeviceBook, resolvers: Iterable[str]) -> SearchBook:
    """The questions of all devices; what DNS servers ask, they ask for somebody else."""
    others = frozenset(resolvers)
    grouped: dict[tuple[int, str, str, int], list[Lookup]] = defaultdict(list)
    for one in lookups:
        if one.client not in others:
            key = (one.capture, devices.id_of(one.client) or one.client, one.name, one.record_type)
            grouped[key].append(one)
    questions = tuple(Question(*key, tuple(ones)) for key, ones in grouped.items())
    return SearchBook(questions, tuple(_searches(questions, devices)))


def _grouped(questions: Iterable[Question], key: Callable[[Question], str]) -> dict[str, list[Question]]:
    found: dict[str, list[Question]] = defaultdict(list)
    for one in questions:
        found[key(one)].append(one)
    return found


def _searches(questions: Iterable[Question], devices: DeviceBook) -> Iterable[Search]:
    """One for each device and domain in which it asked for a name that only Lync's clients ask for.

    A resolver that hangs its search list on (lync.example, then lync.example.corp.example) looks for no other domain.
    """
    mine: dict[tuple[int, str, str], list[Question]] = defaultdict(list)
    proven: set[tuple[int, str, str]] = set()
    for one in questions:
        domain = domain_of(one.name) or (one.name.removeprefix(FALLBACK) if one.name.startswith(FALLBACK) else "")
        if domain:
            mine[one.capture, one.device, domain].append(one)
            if one.name.startswith(OWN_NAMES):
                proven.add((one.capture, one.device, domain))
    domains: dict[tuple[int, str], list[str]] = defaultdict(list)
    for capture, address, domain in mine:
        domains[capture, address].append(domain)
    for key, asked in mine.items():
        if key in proven and not any(key[2].startswith(f"{one}.") for one in domains[key[:2]]):
            capture, address, domain = key
            device = devices.of(address)
            yield Search(capture, address, device.addresses if device else (address,), domain, tuple(asked))
