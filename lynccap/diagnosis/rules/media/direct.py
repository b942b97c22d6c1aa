"""Direct ways that are shut: between two subnets, and to the conference server itself (catalogue group 6)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.addresses import split_endpoint, subnet_of
from lynccap.correlation.media.calls.records import Attempted, Call, Flowing, Leg, Tried
from lynccap.correlation.media.calls.ways import RELAYED
from lynccap.correlation.media.ice import CheckPair
from lynccap.correlation.media.paths import Path
from lynccap.correlation.roles.claims import FRONT_END, LOAD_BALANCER, WEB
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.media.legs import legs, pair_proof, pairs_of, relayed_beside, subject_of_leg, with_gateway
from lynccap.document import Confidence, Severity

BY_RELAY = frozenset({*RELAYED, Path.RELAY_TCP, Path.TWO_RELAYS})
CONFERENCE_ROLES = (FRONT_END, WEB)
CONFERENCE_PORTS = "p058"
"""Row of ports.csv."""
ENOUGH_REQUESTS = 2  # one request may be lost

Blocked = tuple[Leg, CheckPair]


@rule(
    title="Two inside networks cannot exchange media directly",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=(
        "A firewall between the two networks.",
        "A firewall on one of the devices.",
        "The media ports of clients (1024 to 65535, or the range they are given) are not open.",
    ),
    fix=("Open the media port range of clients between the two networks, or restrict clients to a range and open it.",),
    act=("network/firewall team",),
    sources=("ms-clientports", "notes-edge"),
    explains=("media-relayed-internal-edge",),
)
def media_direct_blocked_between_subnets(inquiry: Inquiry) -> Iterator[Judgement]:
    """Two devices inside check each other's own addresses in vain, and their media takes a relay instead.

    Evidence: connectivity checks from device to device, unanswered, with time enough for an answer before another
    pair was chosen; relayed media. Certain when the checks of both devices are in the capture, else likely.

    Not this: a device outside, or at home; a call through a VPN; checks that were broken off because a better pair
    worked; a path that ICMP forbids, which says so itself. Inconclusive when nothing shows where one of the two is, or
    no answer could be seen.
    """
    blocked: dict[frozenset[str], list[Blocked]] = defaultdict(list)
    for _, leg in legs(inquiry):
        if leg.path not in BY_RELAY or leg.flowing is Flowing.UNKNOWN or with_gateway(inquiry, leg):
            continue
        hosts = [one.address for one in leg.parties]
        for pair in _between_hosts(inquiry, leg):
            places = [inquiry.case.sides.of(one).location for one in hosts]
            if Location.OUTSIDE in places:
                yield Clear(hosts[0])
            elif Location.UNKNOWN in places:
                yield Doubt(hosts[0], f"nothing in the capture shows whether {hosts[0]} and {hosts[1]} are both inside")
            else:
                blocked[frozenset(map(subnet_of, hosts))].append((leg, pair))
    for found in blocked.values():
        yield _no_way_between(inquiry, found)


def _between_hosts(inquiry: Inquiry, leg: Leg) -> list[CheckPair]:
    """The first pair of the two devices' own addresses that was tried in vain."""
    first, second = (one.address for one in leg.parties)
    wanted = {first, second}
    if not first or not second or any(inquiry.case.roles.is_plausible(one) for one in wanted):
        return []
    tried = {frozenset((one.one, one.other)) for one in leg.tried if one.outcome is Attempted.UNANSWERED}
    for pair in pairs_of(inquiry, leg):
        ends = {end[0] for one in (pair.one, pair.other or "") if (end := split_endpoint(one))}
        if pair.allocation is None and ends == wanted and frozenset((pair.one, pair.other or "")) in tried:
            enough = max(side.requests + side.repeats for side in (pair.forth, pair.back)) >= ENOUGH_REQUESTS
            return [pair] if enough else []
    return []


def _unseen(inquiry: Inquiry, leg: Leg, device: str, since: int, tries: int) -> str | None:
    """Why an answer may be missing in the capture; how long it may take the devices themselves decide by choosing."""
    if leg.used is None:
        return inquiry.gates.absence(leg.capture, device, since, leg.last_check_time, tries)
    gates, end = inquiry.gates, leg.last_check_time
    return gates.one_sided(leg.capture, device) or gates.lossy(leg.capture, since, end, tries)


def _no_way_between(inquiry: Inquiry, found: list[Blocked]) -> Judgement:
    leg, pair = found[0]
    one, other = (party.address for party in leg.parties)
    both = bool(pair.forth.requests and pair.back.requests)
    device = one if leg.parties[0].seen else other
    peer = other if device == one else one
    tries = pair.forth.requests + pair.back.requests + pair.forth.repeats + pair.back.repeats
    doubt = _unseen(inquiry, leg, device, leg.check_time, tries)
    if doubt:
        return Doubt(device, doubt)
    nets = sorted({subnet_of(one), subnet_of(other)})
    where = f"networks {nets[0]} and {nets[1]}" if len(nets) > 1 else f"network {nets[0]}"
    subject = subject_of_leg(inquiry, leg, device, (pair.flow, *leg.flows))
    frames = (*pair.forth.frames[:4], *pair.back.frames[:4])
    asked = "Both asked each other" if both else f"{device} asked, and nothing of {peer} comes directly"
    calls = f" So did {len(found) - 1} more calls between the same networks." if len(found) > 1 else ""
    return subject.found(
        f"{inquiry.word(device)} and {peer} cannot reach each other directly for media ({where}): the call is "
        f"{leg.path}.",
        f"{asked}: {tries} checks between {pair.one} and {pair.other} got no answer.{calls}",
        Confidence.CERTAIN if both else Confidence.LIKELY,
        subject.shows("checks from device to device, unanswered", *frames),
        Proof(leg.capture, leg.frames[-2:], "the last packets of the relayed media"),
        time=pair.first_time,
        port=int(inquiry.case.facts_of(pair.flow, "server_port")[0]),
        rejected=(("icmp-admin-prohibited", "no ICMP message answers the checks"),),
    )


@rule(
    title="The conference server cannot be reached directly for media",
    severity=Severity.CRITICAL,
    stage=Stage.CONFERENCE,
    causes=("A firewall is open for the address of the pool or its load balancer only, not for each Front End.",),
    fix=("Open the client networks to every Front End Server itself: UDP and TCP 49152 to 65535, and TCP 8057.",),
    act=("network/firewall team",),
    sources=("notes-poster", "ms-int-ports"),
    explains=("ice-all-checks-failed", "media-start-late"),
)
def conference_media_direct_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client inside gets no answer from a Front End Server's conference ports: it uses a relay, or has no media.

    Evidence: connectivity checks to a Front End's own address, ports 49152 to 65535, unanswered; media then takes a
    relay, or there is none. Certain when the server shows itself alive meanwhile, else likely.

    Not this: participants outside, who use the Edge; calls between two clients; checks that were not needed because
    another pair was chosen at once. Inconclusive when nothing shows where the client is, or the capture cannot show
    answers.
    """
    said: set[tuple[str, str]] = set()
    for call, leg in legs(inquiry):
        for tried, client, server, port in _towards_conference(inquiry, leg):
            if (client, server) in said or with_gateway(inquiry, leg):
                continue
            said.add((client, server))
            yield _no_way_in(inquiry, call, leg, tried, client, server, port)


def _towards_conference(inquiry: Inquiry, leg: Leg) -> Iterator[tuple[Tried, str, str, int]]:
    """Pairs of a client's own address with a Front End's that were tried in vain."""
    if leg.path not in BY_RELAY and leg.flowing is not Flowing.NOTHING:
        return
    low, high = _conference_ports()
    for tried in leg.tried:
        ends = split_endpoint(tried.one), split_endpoint(tried.other)
        if tried.what != "pair" or tried.outcome is not Attempted.UNANSWERED or None in ends:
            continue
        for (client, _), (server, port) in (ends, ends[::-1]):  # type: ignore[misc]
            if _is_member(inquiry, server) and not inquiry.case.roles.is_plausible(client) and low <= port <= high:
                yield tried, client, server, port


def _is_member(inquiry: Inquiry, server: str) -> bool:
    """Whether it is a Front End Server itself and no load balancer's address."""
    roles = inquiry.case.roles
    shared = roles.has(server, LOAD_BALANCER) or server in inquiry.case.farms
    return roles.has(server, *CONFERENCE_ROLES) and not shared


def _conference_ports() -> tuple[int, int]:
    row = next(one for one in reference.ports() if one.id == CONFERENCE_PORTS)
    return row.port_min, row.port_max


def _no_way_in(inquiry: Inquiry, call: Call, leg: Leg, tried: Tried, client: str, server: str, port: int) -> Judgement:
    place = inquiry.case.sides.of(client).location
    if place is Location.OUTSIDE:
        return Clear(client)
    if place is Location.UNKNOWN:
        return Doubt(client, f"nothing in the capture shows whether {client} is inside: from outside the Edge is used")
    doubt = _unseen(inquiry, leg, client, tried.time, len(tried.frames))
    if doubt:
        return Doubt(client, doubt)
    beside = relayed_beside(inquiry, leg, client)
    alive = inquiry.case.heard_after(leg.capture, server, tried.time)
    subject = subject_of_leg(inquiry, leg, client, tuple(one.flow for one in pairs_of(inquiry, leg)))
    instead = f"its media is {leg.path}" if leg.path in BY_RELAY else "it gets no media at all"
    if beside and leg.path not in BY_RELAY:
        instead = f"media by the relay {beside.relay} begins meanwhile"
    proofs = [pair_proof(leg, f"checks from {client} to {server}, unanswered", Attempted.UNANSWERED)]
    if alive:
        proofs.append(subject.shows(f"{server} sends packets meanwhile: it is up", alive))
    return subject.found(
        f"{inquiry.word(client)} cannot reach the conference on {inquiry.server(server)} directly at UDP port {port}: "
        f"{instead}.",
        f"{len(tried.frames)} checks from {tried.one} to {tried.other} got no answer."
        + (f" {server} is up meanwhile." if alive else "")
        + " A conference needs every Front End Server itself; calls between two clients do not.",
        Confidence.CERTAIN if alive else Confidence.LIKELY,
        *proofs,
        peer=server,
        port=port,
        time=tried.time,
        rejected=(("lb-conference-via-vip", f"nothing shows a load balancer at {server}"),),
    )
