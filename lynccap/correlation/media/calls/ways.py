"""The pair that carried a leg's media, and the class of the way it took, each with what shows it.

The classes are those of [MS-ICE2] 1.3 and 3.1.4.8: host, reflexive and relayed candidates; protocols of the leg beside.
"""

from collections.abc import Iterator

from lynccap.correlation.addresses import is_private, is_public, join_endpoint, split_endpoint
from lynccap.correlation.media.calls.descriptions import Described
from lynccap.correlation.media.calls.evidence import Evidence
from lynccap.correlation.media.calls.parties import Ends
from lynccap.correlation.media.calls.records import UsedPair
from lynccap.correlation.media.calls.strands import Strand, order
from lynccap.correlation.media.checks import CheckOutcome
from lynccap.correlation.media.ice import CheckPair
from lynccap.correlation.media.paths import Path

RELAYED = frozenset({Path.RELAY_INTERNAL, Path.RELAY_EXTERNAL, Path.RELAY_UNPLACED})
FOREIGN = (Path.CLOUD, Path.RELAY_FOREIGN)
WORST_FIRST = (Path.RELAY_EXTERNAL, Path.RELAY_INTERNAL, Path.RELAY_UNPLACED)
ANSWERED = (CheckOutcome.SUCCEEDED, CheckOutcome.ONE_WAY)

Told = tuple[Path, str]
"""A class and its basis."""


def read_used(strand: Strand, pair: CheckPair | None, described: Described | None, kind: str) -> UsedPair | None:
    """The pair of a leg: the checked one that was chosen, that a description names, or whose flow carries the media."""
    if pair is not None:
        nomination = _nomination(pair)
        basis = "nomination" if nomination[0] else "media"
        return UsedPair(pair.one, pair.other or "", basis, pair.outcome, *nomination)
    named = _named(described, kind) if described is not None else None
    if named is not None:
        return UsedPair(*named, "remote-candidates", None, 0, 0)
    if not strand.sessions:
        return None
    media = max(strand.sessions, key=lambda one: (one.packets, -one.flow))
    ends = join_endpoint(media.client, media.client_port), join_endpoint(media.server, media.server_port)
    return UsedPair(*ends, "media", None, 0, 0)


def chosen_pair(strand: Strand) -> CheckPair | None:
    """Of the checked pairs the one that carried media, nominated ones first; without media the nominated one."""
    carrying = [one for one in strand.pairs if one.media is not None]
    nominated = [one for one in strand.pairs if one.nominated]
    both = [one for one in carrying if one.nominated]
    answered = [one for one in carrying if one.outcome in ANSWERED]
    if strand.sessions:
        usable = both or answered or [one for one in nominated if one.flow in {media.flow for media in strand.sessions}]
        usable = usable or [one for one in carrying if len(carrying) == 1]
    else:
        usable = nominated
    return max(usable, key=lambda one: (_nomination(one)[1], -one.flow), default=None)


def _nomination(pair: CheckPair) -> tuple[int, int]:
    found = [side for side in (pair.forth, pair.back) if side.nomination_frame]
    return (found[0].nomination_frame, found[0].nomination_time) if found else (0, 0)


def _named(described: Described, kind: str) -> tuple[str, str] | None:
    """The offerer's address and the other party's, by a description that names the path chosen."""
    for _, line in described.lines(kind):
        chosen = next(((ip, port) for component, ip, port in line.remote_candidates if component == 1), None)
        if chosen and line.address:
            return join_endpoint(line.address, line.port), join_endpoint(*chosen)
    return None


def read_path(strand: Strand, ends: Ends, pair: CheckPair | None, used: UsedPair | None, evidence: Evidence) -> Told:
    """The class of a leg's way, and what shows it."""
    tunnel = _proxy(strand, evidence) or _vpn(strand, evidence)
    for told in (_foreign(strand), tunnel, _relayed(strand, ends, pair, used, evidence)):
        if told is not None:
            return told
    if used is None:
        return Path.UNKNOWN, "no pair of addresses was chosen"
    return _unrelayed(strand, ends, pair, used)


def _foreign(strand: Strand) -> Told | None:
    found = next((one for one in strand.sessions if one.path in FOREIGN), None)
    return (found.path, f"{found.relay} is its relay") if found else None


def _proxy(strand: Strand, evidence: Evidence) -> Told | None:
    flows = [one.flow for one in strand.sessions] or [one.flow for one in strand.pairs if one.nominated]
    found = next((one for one in flows if one in evidence.proxied), None)
    if found is None:
        return None
    return Path.PROXY, f"inside an HTTP CONNECT tunnel of {evidence.flows[found].server}"


def _vpn(strand: Strand, evidence: Evidence) -> Told | None:
    """A flow that was recorded on the inner interface of a tunnel; nothing less shows one."""
    flows = [one.flow for one in strand.sessions] or [one.flow for one in strand.pairs if one.nominated]
    found = next((name for one in flows if (name := evidence.tunnel_of(one))), None)
    return (Path.VPN, f"recorded on its tunnel interface {found}") if found else None


def _relayed(
    strand: Strand, ends: Ends, pair: CheckPair | None, used: UsedPair | None, evidence: Evidence
) -> Told | None:
    near = _near(strand, pair, evidence)
    far = list(_far(ends, used, evidence))
    edges = list(dict.fromkeys(evidence.edge_of(one) for one in (*(address for _, address, _ in near), *far)))
    if not edges:
        return None
    if len(edges) > 1:
        return Path.TWO_RELAYS, " and ".join(edges)
    tcp = next((address for _, address, transport in near if transport == "tcp"), None)
    if tcp:
        return Path.RELAY_TCP, f"TCP to {tcp}"
    found = {path for path, _, _ in near} or {Path.RELAY_EXTERNAL}
    path = next(one for one in WORST_FIRST if one in found)
    return path, ", ".join(dict.fromkeys(address for one, address, _ in near if one is path)) or edges[0]


def _near(strand: Strand, pair: CheckPair | None, evidence: Evidence) -> list[tuple[Path, str, str]]:
    """The relays the flows of the leg lead to: side, address, transport."""
    found = [
        (one.path, one.relay, one.transport) for one in order(strand.sessions) if one.path in RELAYED and one.relay
    ]
    if found or strand.sessions or pair is None or pair.allocation is None:
        return found
    flow = evidence.flows[pair.flow]
    side = evidence.relays.side_of(flow.server)
    paths = {"internal": Path.RELAY_INTERNAL, "external": Path.RELAY_EXTERNAL}
    return [(paths.get(side, Path.RELAY_UNPLACED), flow.server, flow.transport)]


def _far(ends: Ends, used: UsedPair | None, evidence: Evidence) -> Iterator[str]:
    """The relays whose relayed ports are ends of the pair."""
    for endpoint in (used.one, used.other) if used else ():
        end = split_endpoint(endpoint)
        kinds = [side.kinds[endpoint][0] for side in ends.sides if endpoint in side.kinds]
        relayed = "relay" in kinds if any(kinds) else end is not None and evidence.is_relay(endpoint, *end)
        if end is not None and relayed and end[1] not in (443, 3478):
            yield end[0]


def _unrelayed(strand: Strand, ends: Ends, pair: CheckPair | None, used: UsedPair) -> Told:
    for endpoint in (used.one, used.other):
        if any(side.kinds.get(endpoint, ("", ""))[0] in ("srflx", "prflx") for side in ends.sides):
            return Path.REFLEXIVE, f"{endpoint} was offered as an address of a NAT"
    if pair is not None:
        for own, learnt in ((pair.one, pair.forth.reflexive), (pair.other, pair.back.reflexive)):
            if learnt and own not in learnt and pair.allocation is None:
                return Path.REFLEXIVE, f"{own} was seen as {learnt[0]} by the other party"
    reflexive = next((one for one in strand.sessions if one.path is Path.REFLEXIVE), None)
    if reflexive is not None:
        return Path.REFLEXIVE, "a relay reported one of its ends as the address of a NAT"
    for party, endpoint in zip(ends.parties, (used.one, used.other), strict=True):
        behind = split_endpoint(party.endpoint)
        if party.address and not party.seen and behind and behind[0] != party.address and is_private(party.address):
            return Path.UNKNOWN, f"{party.endpoint} is in front of {party.address}: a NAT or a relay"
        if not party.address:
            return Path.UNKNOWN, f"whose address {endpoint} is, is not shown"
    for endpoint in (used.one, used.other):
        end = split_endpoint(endpoint)
        told = any(side.kinds.get(endpoint, ("", ""))[0] == "host" for side in ends.sides)
        if end is not None and is_public(end[0]) and not told:
            return Path.UNKNOWN, f"{endpoint} is public, and nothing shows whether a relay is there or a device"
    return Path.DIRECT, "between the addresses of the two parties"
