"""What session descriptions in readable SIP say of media: who offered which addresses, and what was put on hold.

RFC 3264; [MS-ICE2] 3.1.4.8.2.7 for the second offer, which names the pair that was chosen.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dissectors.sip.sdp import Media
from lynccap.correlation.addresses import join_endpoint
from lynccap.correlation.sip.bodies import read_body
from lynccap.correlation.sip.dialogs import Dialog
from lynccap.tables import SECOND

KINDS = frozenset({"audio", "video", "applicationsharing", "application", "data", "image", "main-audio"})
"""m= lines that open a call; message is a chat."""
LINGER_NS = 5 * SECOND  # media that goes on behind the BYE is still that call's
OPEN_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Description:
    """One description of a dialog: 0 the caller's, 1 the callee's."""

    party: int
    time: int
    media: tuple[Media, ...]


@dataclass(frozen=True)
class Described:
    """A dialog with its descriptions, in order of time."""

    dialog: Dialog
    descriptions: tuple[Description, ...]

    @property
    def begin(self) -> int:
        """Of the INVITE."""
        return self.dialog.opening.time

    @property
    def end(self) -> int:
        """Of the request that ended it; never when it is not readable."""
        closing = self.dialog.closing
        return closing.time if closing is not None else OPEN_END

    @property
    def opens_media(self) -> bool:
        """Whether it is about speech, pictures or desktops at all."""
        return any(one.kind in KINDS for description in self.descriptions for one in description.media)

    def lines(self, kind: str) -> Iterator[tuple[Description, Media]]:
        """The m= lines of one medium."""
        for description in self.descriptions:
            yield from ((description, one) for one in description.media if one.kind == kind)

    def held(self, kind: str) -> tuple[tuple[int, int], ...]:
        """When a medium was on hold, from and to; the last may be open."""
        spans: list[tuple[int, int]] = []
        holding: dict[int, bool] = {}
        since = 0
        for description, line in self.lines(kind):
            before = any(holding.values())
            holding[description.party] = line.held
            if any(holding.values()) and not before:
                since = description.time
            elif before and not any(holding.values()):
                spans.append((since, description.time))
        return (*spans, *([(since, OPEN_END)] if any(holding.values()) else []))


@dataclass(frozen=True)
class DescriptionBook:
    """All dialogs that describe media."""

    described: tuple[Described, ...] = ()

    def find(self, capture: int, keys: Iterable[str], time: int) -> tuple[Described, str] | None:
        """The dialog in which one of these transport addresses or ICE names was described at a time, and the medium."""
        for key in keys:
            for begin, end, one, kind in self._by_key.get((capture, key), ()):
                if begin <= time <= end + LINGER_NS:
                    return one, kind
        return None

    @cached_property
    def _by_key(self) -> dict[tuple[int, str], list[tuple[int, int, Described, str]]]:
        found: dict[tuple[int, str], list[tuple[int, int, Described, str]]] = defaultdict(list)
        for one in self.described:
            for kind, key in dict.fromkeys(_keys(one)):
                found[one.dialog.capture, key].append((one.begin, one.end, one, kind))
        return found


def read_descriptions(dialogs: Sequence[Dialog]) -> DescriptionBook:
    """The descriptions of all dialogs."""
    return DescriptionBook(tuple(_described(one) for one in dialogs))


def offered_codecs(dialog: Dialog, kind: str) -> tuple[dict[int, str], dict[int, str]]:
    """What caller and callee say they can speak in a medium: "name/clock rate" by payload type; {} when untold."""
    told: tuple[dict[int, str], dict[int, str]] = ({}, {})
    for description, line in _described(dialog).lines(kind):
        if line.port:
            told[description.party].update(line.codecs)
    return told


def candidate_keys(line: Media) -> Iterator[tuple[str, str, str]]:
    """The transport addresses of an m= line: "address:port", kind of candidate, transport."""
    for one in line.candidates:
        yield join_endpoint(one.ip, one.port), one.type or "", one.transport
    if line.address and line.port > 0 and not line.candidates:
        yield join_endpoint(line.address, line.port), "", ""


def _described(dialog: Dialog) -> Described:
    found: list[Description] = []
    for one in (dialog.opening, *dialog.later):
        asker = 0 if one.request is None or one.request.from_tag == dialog.from_tag else 1
        found += _of(one.request, asker)
        for row in one.answers:
            found += _of(row, 1 - asker)
    found.sort(key=lambda description: description.time)
    return Described(dialog, tuple(found))


def _of(row: Any | None, party: int) -> Iterator[Description]:
    described = read_body(row.body) if row is not None else None
    if described is not None:
        yield Description(party, int(row.time), described.media)  # type: ignore[union-attr]


def _keys(one: Described) -> Iterator[tuple[str, str]]:
    for description in one.descriptions:
        for line in description.media:
            if line.ice_ufrag:
                yield line.kind, line.ice_ufrag
            for endpoint, _, _ in candidate_keys(line):
                yield line.kind, endpoint
            if line.address and line.port > 0:
                yield line.kind, join_endpoint(line.address, line.port)
