"""Which of its two network cards an Edge Server sends by, as far as its own link is in the capture."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lynccap.correlation.addresses import is_private, is_public, subnet_of
from lynccap.correlation.edges import Cards, EdgeServer, Sending
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Proof

LISTED = 20  # frames of one piece of evidence
UNTOLD = "which network card of the Edge the packets leave by is not shown: a capture with ARP on both cards tells"


@dataclass(frozen=True, slots=True)
class Sent:
    """What one side of an Edge sends in one capture, by the card it leaves by."""

    edge: EdgeServer
    capture: int
    cards: Cards
    astray: tuple[Sending, ...]
    """By the other side's card."""
    straight: tuple[Sending, ...]
    """By its own."""
    untold: tuple[Sending, ...]
    """By a card of which nothing shows whose it is."""


def sent_inside(inquiry: Inquiry) -> Iterator[Sent]:
    """What the inner sides of our Edges send to hosts inside."""
    for edge in inquiry.case.edges.ours:
        mine = [one for one in inquiry.case.edges.sendings_of(edge.inner) if is_inside(inquiry, one.peer)]
        yield from _by_card(inquiry, edge, mine, inner=True)


def sent_outside(inquiry: Inquiry) -> Iterator[Sent]:
    """What the outer sides of our Edges send to the Internet."""
    for edge in inquiry.case.edges.ours:
        mine = [one for one in inquiry.case.edges.sendings_of(edge.outer) if is_internet(inquiry, one.peer)]
        yield from _by_card(inquiry, edge, mine, inner=False)


def is_inside(inquiry: Inquiry, address: str) -> bool:
    """Whether an address belongs to a network that an Edge reaches by its inner side: no border is passed."""
    return is_private(address) or inquiry.case.sides.of(address).location is Location.INSIDE


def is_internet(inquiry: Inquiry, address: str) -> bool:
    """Whether an address is a public one that nothing places inside: some organisations have public ones there."""
    return is_public(address) and inquiry.case.sides.of(address).location is not Location.INSIDE


def _by_card(inquiry: Inquiry, edge: EdgeServer, mine: Iterable[Sending], *, inner: bool) -> Iterator[Sent]:
    by_capture: dict[int, list[Sending]] = defaultdict(list)
    for one in mine:
        by_capture[one.capture].append(one)
    for capture, ones in by_capture.items():
        cards = inquiry.case.edges.cards(edge, capture)
        own, other = (cards.inner, cards.outer) if inner else (cards.outer, cards.inner)
        groups: dict[str, list[Sending]] = {"astray": [], "straight": [], "untold": []}
        for one in ones:
            groups[_way(one, own, other)].append(one)
        yield Sent(edge, capture, cards, *(tuple(groups[name]) for name in ("astray", "straight", "untold")))


def _way(one: Sending, own: frozenset[str], other: frozenset[str]) -> str:
    if one.mac in own:
        return "untold" if one.mac in other else "straight"
    return "astray" if one.mac in other else "untold"


def networks(ones: Iterable[Sending]) -> dict[str, list[Sending]]:
    """What is sent, by the network of who it is for."""
    found: dict[str, list[Sending]] = defaultdict(list)
    for one in ones:
        found[subnet_of(one.peer)].append(one)
    return found


def first_frames(ones: Iterable[Sending], says: str) -> Proof:
    """The first frame of each of some flows that the Edge sent."""
    ones = list(ones)
    return Proof(ones[0].capture, tuple(sorted(one.first_frame for one in ones))[:LISTED], says)


def requests_of(inquiry: Inquiry, capture: int, flows: Iterable[int], says: str) -> Proof:
    """The first frame that each client sent in some flows."""
    frames = (inquiry.case.facts_of(flow, "first_frame_client")[0] for flow in flows)
    return Proof(capture, tuple(sorted(frame for frame in frames if frame))[:LISTED], says)


def macs(ones: Iterable[Sending]) -> str:
    """The hardware addresses some flows leave by, in words."""
    return ", ".join(sorted({one.mac for one in ones}))
