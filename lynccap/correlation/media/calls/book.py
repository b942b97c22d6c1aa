"""All calls of a case: legs put together by their dialog, their ICE session, or their two parties."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lynccap.correlation.media.calls.descriptions import Described, DescriptionBook, read_descriptions
from lynccap.correlation.media.calls.evidence import Evidence
from lynccap.correlation.media.calls.legs import read_leg, strongest
from lynccap.correlation.media.calls.records import Call, Leg, Party, addresses_of
from lynccap.correlation.media.calls.strands import Strand, read_strands
from lynccap.correlation.sip.dialogs import Dialog
from lynccap.tables import SECOND

MAX_LEGS = 5_000  # a trunk has some thousands of calls in an hour; random bytes on random ports make any number
TOGETHER_NS = 30 * SECOND  # a second medium is added to a call within its first seconds or much later


@dataclass(frozen=True)
class CallBook:
    """The calls, in order of time within each capture."""

    calls: tuple[Call, ...] = ()
    left_out: int = 0
    """Legs beyond MAX_LEGS: those that nothing ties to Lync and that carried least."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The legs of all calls."""
        return tuple(leg for call in self.calls for leg in call.legs)

    def of(self, *addresses: str) -> tuple[Call, ...]:
        """The calls that a device took part in, by any of its addresses, in order."""
        places = {place for address in addresses for place in self._by_address.get(address, ())}
        return tuple(self.calls[place] for place in sorted(places))

    @cached_property
    def _by_address(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for place, call in enumerate(self.calls):
            parties = [party for leg in call.legs for party in leg.parties]
            for address in {*addresses_of(parties), *call.signalled}:
                found[address].append(place)
        return found


def read_calls(evidence: Evidence, dialogs: Sequence[Dialog]) -> CallBook:
    """The calls of a case; `dialogs` are those of readable SIP."""
    book = read_descriptions(dialogs)
    strands = read_strands(evidence)
    kept = _bounded(strands)
    legs = [read_leg(one, book, evidence) for one in kept]
    calls = [*_by_dialog(legs, book, evidence), *_by_parties([leg for leg, described in legs if described is None])]
    calls.sort(key=lambda one: (one.capture, one.first_time, one.last_time, one.legs and one.legs[0].frames))
    return CallBook(tuple(calls), len(strands) - len(kept))


def _bounded(strands: list[Strand]) -> list[Strand]:
    if len(strands) <= MAX_LEGS:
        return strands
    weight = {
        id(one): (any(media.basis for media in one.sessions), bool(one.pairs), sum(m.packets for m in one.sessions))
        for one in strands
    }
    kept = {id(one) for one in sorted(strands, key=lambda one: weight[id(one)], reverse=True)[:MAX_LEGS]}
    return [one for one in strands if id(one) in kept]


def _by_dialog(legs: list[tuple[Leg, Described | None]], book: DescriptionBook, evidence: Evidence) -> list[Call]:
    """One call a dialog about media, also of those whose media is not in the capture."""
    of: dict[int, list[Leg]] = defaultdict(list)
    for leg, described in legs:
        if described is not None:
            of[id(described)].append(leg)
    told = [one for one in book.described if one.opens_media or id(one) in of]
    opened = evidence.tables.flows.loc[[one.dialog.opening.flow for one in told], ["client", "server"]]
    ends = opened.itertuples(index=False, name=None)
    return [_dialogs(one, of[id(one)], signalled) for one, signalled in zip(told, ends, strict=True)]


def _dialogs(described: Described, legs: list[Leg], signalled: tuple[str, ...]) -> Call:
    dialog = described.dialog
    closing = dialog.closing
    last = max([dialog.opening.last_time, *(one.last_time for one in legs)])
    return Call(
        capture=dialog.capture,
        parties=_parties(legs),
        legs=tuple(legs),
        dialog=dialog,
        first_time=dialog.opening.time,
        last_time=max(last, closing.time) if closing is not None else last,
        basis=_basis(legs),
        grouped="dialog",
        signalled=signalled,
    )


def _by_parties(legs: list[Leg]) -> list[Call]:
    """Media of the same two devices at the same time are one call, unless two of them are of one kind: two calls."""
    groups: list[list[Leg]] = []
    open_: dict[tuple[int, frozenset[str]], list[list[Leg]]] = defaultdict(list)
    for leg in sorted(legs, key=lambda one: (one.begun, one.frames)):
        addresses = addresses_of(leg.parties)
        known = open_[leg.capture, frozenset(addresses)] if len(addresses) == 2 and leg.kind else []
        fitting = next((one for one in known if _joins(leg, one)), None)
        if fitting is None:
            fitting = []
            groups.append(fitting)
            known.append(fitting)
        fitting.append(leg)
        known[:] = [one for one in known if max(other.ended for other in one) + TOGETHER_NS >= leg.begun]
    return [_grouped(one) for one in groups]


def _joins(leg: Leg, group: list[Leg]) -> bool:
    if any(one.kind == leg.kind or not one.kind for one in group):
        return False
    return any(leg.begun <= one.ended and one.begun <= leg.ended for one in group)


def _grouped(legs: list[Leg]) -> Call:
    grouped = "parties" if len(legs) > 1 else "session" if legs[0].checked else "flow"
    return Call(
        capture=legs[0].capture,
        parties=_parties(legs),
        legs=tuple(legs),
        dialog=None,
        first_time=min(one.begun for one in legs),
        last_time=max(one.ended for one in legs),
        basis=_basis(legs),
        grouped=grouped,
    )


def _parties(legs: Sequence[Leg]) -> tuple[Party, Party] | None:
    best = max(legs, key=lambda one: sum(bool(party.address) + party.seen for party in one.parties), default=None)
    return best.parties if best else None


def _basis(legs: Sequence[Leg]) -> str:
    return strongest({one.basis for one in legs})
