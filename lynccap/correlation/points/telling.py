"""Sentences on two capture points: what they have in common, how their clocks stand, what got lost or changed."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from lynccap.correlation.points.clock_relations import ClockRelation
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.ends import Ends
from lynccap.correlation.points.relations import Relation
from lynccap.tables import SECOND

MAX_TOLD = 20  # differences told of two captures: the table of crossings has them all
DOUBTS = {
    "one-direction": "Packets of one direction only are in both, so how far it is off is not known exactly",
    "clock-set": "One of the clocks was set while it recorded, so how they stand to each other is not known",
    "unsteady": "The clocks moved against each other, so how they stand to each other is not known",
    "no-packets": "How their clocks stand to each other is not known",
}
Names = Sequence[str]


def tell(crossings: Crossings, clock: ClockRelation, ends: Ends, names: Names) -> tuple[str, ...]:
    """What two captures, whose `names` are given by place of case, show together."""
    mine = [one for one in crossings.all if (one.capture_a, one.capture_b) == (clock.capture_a, clock.capture_b)]
    a, b = names[clock.capture_a], names[clock.capture_b]
    if clock.same_recording:
        return (_same_recording(clock, a, b),)
    if clock.capture_a == clock.capture_b:
        return (_both_sides(mine, a), *_differences(mine, ends, names))
    return (*_common(mine, a, b), *_clocks(clock, a, b), *_places(mine, names), *_differences(mine, ends, names))


def _same_recording(clock: ClockRelation, a: str, b: str) -> str:
    shifted = "" if not clock.offset_ns else f", with all times {_span(clock.offset_ns)} {_later(clock.offset_ns)}"
    return f"{a} and {b} hold the same recording{shifted}: the second one proves nothing more"


def _both_sides(mine: Sequence[Crossing], name: str) -> str:
    return f"{name} shows {_conversations(len(mine))} twice, on both sides of a device that changes their addresses"


def _common(mine: Sequence[Crossing], a: str, b: str) -> Iterator[str]:
    same = sum(one.relation in (Relation.SAME, Relation.UNDECIDED) for one in mine)
    made = sum(one.relation == Relation.RECREATED for one in mine)
    if same:
        yield f"{a} and {b} show the same {_conversations(same)}"
    if made:
        yield (
            f"{_conversations(made).capitalize()} in {a} {_have(made)} the same contents in {b} over another "
            "connection: a proxy or load balancer between the two points ends connections and opens its own"
        )


def _clocks(clock: ClockRelation, a: str, b: str) -> Iterator[str]:
    if clock.offset_ns is not None and clock.error_ns is not None:
        drift = f", and drifts {clock.drift_ppm:+.1f} µs a second" if clock.drift_ppm else ""
        stands = f"{_span(clock.offset_ns)} {_ahead(clock.offset_ns)} that of {a}"
        if abs(clock.offset_ns) <= clock.error_ns:
            stands = f"the same as that of {a}, as far as the packets tell"
        yield f"The clock of {b} is {stands} (± {_span(clock.error_ns)}){drift}"
    elif clock.doubt in DOUBTS:
        yield DOUBTS[clock.doubt]


def _places(mine: Sequence[Crossing], names: Names) -> Iterator[str]:
    nearer = Counter(one.nearer_client for one in mine if one.nearer_client != UNKNOWN)
    hops = Counter(one.hops for one in mine if one.hops != UNKNOWN)
    if len(nearer) == 1:
        (place,) = nearer
        routers = hops.most_common(1)[0][0] if hops else UNKNOWN
        between = {UNKNOWN: "", 0: ", with no router in between", 1: ", with one router in between"}
        yield f"{names[place]} was recorded nearer to the clients{between.get(routers, f', {routers} routers apart')}"
    for side in ("client", "server"):
        count = sum(getattr(one, f"{side}_translated") for one in mine if one.relation == Relation.SAME)
        if count:
            yield f"In {_conversations(count)} the {side}'s address or port differs at the points: it is translated"


def _differences(mine: Sequence[Crossing], ends: Ends, names: Names) -> Iterator[str]:
    told = [*_lacking(mine, ends, names), *_remarked(mine, ends, names), *_clamped(mine, names)]
    yield from told[:MAX_TOLD]
    if len(told) > MAX_TOLD:
        yield f"{len(told) - MAX_TOLD} more differences are in the table of crossings"


def _lacking(mine: Sequence[Crossing], ends: Ends, names: Names) -> Iterator[str]:
    """Packets that passed one point and not the next, by sender, receiver and kind."""
    counts: Counter[tuple[int, int, str, str, str]] = Counter()
    for one in mine:
        for here, there in (("a", "b"), ("b", "a")):
            for side in ("client", "server"):
                amount = getattr(one, f"only_{here}_{side}")
                if amount > 0:
                    counts[_place(one, here), _place(one, there), *_way(one, here, side, ends)] += amount
    for key, amount in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        first, second, sender, receiver, kind = key
        noun, verb, they = (kind, "is", "it was") if amount == 1 else (f"{kind}s", "are", "they were")
        if first == second:
            yield (
                f"{amount} {noun} from {sender} to {receiver} {verb} on one side of that device in {names[first]} and "
                f"not on the other: it did not pass {'it' if amount == 1 else 'them'} on, or the recorder missed some"
            )
            continue
        yield (
            f"{amount} {noun} from {sender} to {receiver} {verb} in {names[first]} and not in {names[second]}: "
            f"{they} lost or dropped between the two points, or took another way"
        )


def _remarked(mine: Sequence[Crossing], ends: Ends, names: Names) -> Iterator[str]:
    found: dict[tuple[int, int, int, int], list[tuple[Crossing, str]]] = defaultdict(list)
    for one in mine:
        for side in ("client", "server"):
            a, b = getattr(one, f"dscp_{side}_a"), getattr(one, f"dscp_{side}_b")
            if a != b and UNKNOWN not in (a, b):
                found[one.capture_a, one.capture_b, a, b].append((one, side))
    for (first, second, a, b), ones in sorted(found.items(), key=lambda item: item[0]):
        sender, receiver, _ = _way(ones[0][0], "a", ones[0][1], ends)
        more = f" (and of {_conversations(len(ones) - 1, 'more ')})" if len(ones) > 1 else ""
        yield (
            f"Packets from {sender} to {receiver}{more} carry DSCP {a} in {names[first]} and {b} in {names[second]}: "
            "their marking is changed in between"
        )


def _clamped(mine: Sequence[Crossing], names: Names) -> Iterator[str]:
    sizes = Counter((one.capture_a, one.mss_a, one.capture_b, one.mss_b) for one in mine if one.mss_a != one.mss_b)
    for (a, before, b, after), amount in sorted(sizes.items()):
        if UNKNOWN not in (before, after):
            yield (
                f"In {_conversations(amount)} the client's largest segment is {before} bytes in {names[a]} and {after} "
                f"in {names[b]}: a device in between changes it"
            )


def _way(one: Crossing, letter: str, side: str, ends: Ends) -> tuple[str, str, str]:
    """Sender and receiver as one capture shows them, and what to call the packets."""
    other = "b" if letter == "a" else "a"
    transport, client, _, address, port, stack = ends.of(one, letter) or ends.of(one, other) or ends.NONE
    server = f"{address} port {port}"
    sender, receiver = (client, server) if side == "client" else (server, client)
    if UNKNOWN in (one.flow_a, one.flow_b) and transport == "tcp":
        return sender, receiver, "SYN"
    return sender, receiver, "RTP packet" if stack.endswith("rtp") else f"{transport.upper()} packet"


def _place(one: Crossing, letter: str) -> int:
    return int(getattr(one, f"capture_{letter}"))


def _conversations(amount: int, more: str = "") -> str:
    return f"one {more}conversation" if amount == 1 else f"{amount} {more}conversations"


def _have(amount: int) -> str:
    return "has" if amount == 1 else "have"


def _span(nanoseconds: int) -> str:
    amount = abs(nanoseconds)
    return f"{amount / SECOND:.3f} s" if amount >= SECOND // 10 else f"{amount / 1e6:.3f} ms"


def _ahead(nanoseconds: int) -> str:
    return "ahead of" if nanoseconds > 0 else "behind"


def _later(nanoseconds: int) -> str:
    return "later" if nanoseconds > 0 else "earlier"
