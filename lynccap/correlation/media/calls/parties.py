"""The two parties of a leg: who is behind the addresses that were checked and the flows that carried media.

In a check the user name tells the sides apart: the asked side's name, a colon, the asking side's (RFC 8445 7.2.2).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lynccap.correlation.addresses import is_private, is_public, join_endpoint, split_endpoint
from lynccap.correlation.media.calls.descriptions import Described, candidate_keys
from lynccap.correlation.media.calls.evidence import Evidence, one_of
from lynccap.correlation.media.calls.records import Offered, Party
from lynccap.correlation.media.calls.strands import Strand, order
from lynccap.correlation.media.ice import CheckPair
from lynccap.correlation.media.paths import MediaSession

MAX_OFFERED = 128  # candidates listed of a leg; as many as a description may hold


@dataclass
class Side:
    """One end of a leg: all transport addresses that are its own, and what they showed."""

    hosts: dict[str, str] = field(default_factory=dict)
    """"address:port" to the device behind it: of a relayed one the holder of the allocation, else its own address."""
    spoke: set[str] = field(default_factory=set)
    """Those of them that sent something."""
    kinds: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Those of them that a description offers, with kind of candidate and transport."""
    controls: bool = False
    first_time: int = 1 << 62
    device: str = ""
    """The device's own address, from packets or its allocation."""

    def add(self, endpoint: str, host: str, *, spoke: bool, time: int) -> None:
        """One more transport address."""
        self.hosts.setdefault(endpoint, host)
        if spoke:
            self.spoke.add(endpoint)
            self.first_time = min(self.first_time, time)

    def addresses(self) -> set[str]:
        """The IP addresses, of relayed ones the relay's."""
        own = {self.device} if self.device else set()
        return own | {end[0] for one in self.hosts if (end := split_endpoint(one))}


@dataclass(frozen=True)
class Ends:
    """Both parties, and the sides they are made from."""

    parties: tuple[Party, Party]
    sides: tuple[Side, Side]
    offered: tuple[Offered, ...]

    def party_of(self, media: MediaSession, from_client: bool) -> int:
        """Which party sends a direction of a flow: the first one when nothing tells."""
        ends = ((media.client, media.client_port), (media.server, media.server_port))
        for place, (address, port) in enumerate(ends):
            if address == media.relay:
                continue
            found = self._side_of(address, join_endpoint(address, port))
            if found is not None:
                return found if (place == 0) == from_client else 1 - found
        return 0 if from_client else 1

    def _side_of(self, address: str, endpoint: str) -> int | None:
        for match in (endpoint, address):
            mine = [
                match in side.hosts or match == side.device or match == party.address
                for side, party in zip(self.sides, self.parties, strict=True)
            ]
            if mine[0] != mine[1]:
                return 0 if mine[0] else 1
        return None


def read_ends(strand: Strand, evidence: Evidence, described: Described | None, kind: str) -> Ends:
    """The parties of a strand, the caller or who controls the checks first."""
    one, other = _sides(strand, evidence)
    if described is not None:
        one, other = _describe(one, other, described, kind)
    elif (other.controls, -other.first_time) > (one.controls, -one.first_time):
        one, other = other, one
    parties = (_party(one, evidence), _party(other, evidence))
    offered = (*_offered(0, one, evidence), *_offered(1, other, evidence))[:MAX_OFFERED]
    return Ends(parties, (one, other), offered)


def _sides(strand: Strand, evidence: Evidence) -> tuple[Side, Side]:
    by_name: dict[str, Side] = {}
    unnamed: list[CheckPair] = []
    for pair in strand.pairs:
        names = _names(pair)
        if names is None:
            unnamed.append(pair)
            continue
        for name, place in zip(names, (0, 1), strict=True):
            _put(by_name.setdefault(name, Side()), pair, place)
    found = list(by_name.values())[:2]
    if not found and unnamed:
        found = [Side(), Side()]
        for place in (0, 1):
            _put(found[place], unnamed[0], place)
    found += [Side() for _ in range(2 - len(found))]
    _add_media(found, strand, evidence)
    return found[0], found[1]


def _names(pair: CheckPair) -> tuple[str, str] | None:
    """The names of the sides `one` and `other`."""
    for checks, place in ((pair.forth, 0), (pair.back, 1)):
        asked, _, asker = (checks.username or "").partition(":")
        if asked and asker:
            return (asker, asked) if place == 0 else (asked, asker)
    return None


def _put(side: Side, pair: CheckPair, place: int) -> None:
    endpoint = (pair.one, pair.other)[place]
    asks, asked = (pair.forth, pair.back) if place == 0 else (pair.back, pair.forth)
    side.controls = side.controls or asks.role == "controlling"
    if endpoint is None:
        return
    host = pair.hosts[place] if len(pair.hosts) > place else endpoint
    spoke = bool(asks.requests or asked.answered or asked.errors)
    side.add(endpoint, host, spoke=spoke, time=asks.first_time or asked.first_answer_time or pair.first_time)
    carried = place == 0 and pair.allocation is not None
    if carried or host != _address(endpoint):
        side.device = side.device or host


def _address(endpoint: str) -> str:
    end = split_endpoint(endpoint)
    return end[0] if end else endpoint


def _add_media(found: list[Side], strand: Strand, evidence: Evidence) -> None:
    """The ends of media flows, which are all there is when no checks are in the capture."""
    for media in order(strand.sessions):
        near = [end for end in _ends(media) if end[0] != media.relay]
        for address, endpoint, spoke in near:
            side = _owner(found, address, endpoint, strand)
            if side is not None:
                side.add(endpoint, address, spoke=spoke, time=media.first_time)
                if media.relay:
                    side.device = side.device or address
        if media.relay and len(near) == 1:
            _add_far(found, media, near[0], evidence)


def _ends(media: MediaSession) -> Iterator[tuple[str, str, bool]]:
    yield media.client, join_endpoint(media.client, media.client_port), bool(media.packets_client)
    yield media.server, join_endpoint(media.server, media.server_port), bool(media.packets_server)


def _owner(found: list[Side], address: str, endpoint: str, strand: Strand) -> Side | None:
    """The side a device's address belongs to: its own, or one that has none yet."""
    by_port = [one for one in found if endpoint in one.hosts]
    for fitting in (by_port, [one for one in found if address in one.addresses()]):
        if len(fitting) == 1:
            return fitting[0]
    if strand.pairs:
        return None  # an address of which the checks know nothing: a NAT's, seen from its other side
    return next((one for one in found if not one.hosts), None)


def _add_far(found: list[Side], media: MediaSession, near: tuple[str, str, bool], evidence: Evidence) -> None:
    """The party behind the relay: as the allocation names it, or the relayed port itself."""
    far = next((one for one in found if near[1] not in one.hosts and near[0] not in one.addresses()), None)
    if far is None or far.hosts:
        return
    heard = media.packets_server if near[0] == media.client else media.packets_client
    allocation = next((one for one in evidence.relays.allocations_of(near[0]) if one.flow == media.flow), None)
    active = allocation.active.peer if allocation and allocation.active else None
    port = media.server_port if media.relay == media.server else media.client_port
    end = active or join_endpoint(media.relay or "", port)
    if active is None and end not in evidence.relays.relays:
        return  # the relay's own port says nothing of whom it relays to
    holder = evidence.relays.holder_of(end)
    if holder is not None and holder.client == near[0]:
        return
    far.add(end, holder.client if holder else _address(end), spoke=bool(heard), time=media.first_time)
    far.device = holder.client if holder else far.device


def _describe(one: Side, other: Side, described: Described, kind: str) -> tuple[Side, Side]:
    """The caller's side first, and what both offered."""
    offers: tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]] = ({}, {})
    for description, line in described.lines(kind):
        for endpoint, type_, transport in candidate_keys(line):
            offers[description.party].setdefault(endpoint, (type_, transport))
    if len(one.hosts.keys() & offers[1].keys()) + len(other.hosts.keys() & offers[0].keys()) > len(
        one.hosts.keys() & offers[0].keys()
    ) + len(other.hosts.keys() & offers[1].keys()):
        one, other = other, one
    one.kinds, other.kinds = offers
    return one, other


def _party(side: Side, evidence: Evidence) -> Party:
    relayed = [one for one in side.hosts if _is_relayed(one, side, evidence)]
    own = [one for one in side.hosts if one in side.spoke and one not in relayed]
    if side.device:
        endpoint = _used(side, [one for one in side.hosts if _address(one) == side.device]) or join_first(side)
        return Party(side.device, endpoint, _relay_of(relayed, side), True, "allocation")
    private = [one for one in own if not is_public(_address(one))]
    if private or (own and not relayed and not _unseen(side, own, relayed)):
        endpoint = (private or own)[0]
        return Party(_address(endpoint), endpoint, "", True, "packets")
    reached = _used(side, [*own, *relayed])
    relay = _relay_of(relayed, side) if not own else ""
    hidden = _unseen(side, own, relayed)
    if hidden:
        return Party(hidden, reached, relay, False, "description" if side.kinds else "checks")
    address = _address(own[0]) if own else ""
    if not address and not relayed and side.hosts:  # nothing of it is in the capture but that it was asked
        only = one_of(_address(one) for one in side.hosts)
        return Party(only, next(iter(side.hosts)), "", False, "checks" if only else "")
    return Party(address, reached, relay, bool(own), "packets" if own else "")


def join_first(side: Side) -> str:
    """The first transport address of a side, "" without any."""
    return next(iter(side.hosts), "")


def _used(side: Side, endpoints: Iterable[str]) -> str:
    listed = list(endpoints)
    return next((one for one in listed if one in side.spoke), listed[0] if listed else "")


def _relay_of(relayed: list[str], side: Side) -> str:
    spoken = [one for one in relayed if one in side.spoke] or relayed
    return _address(spoken[0]) if spoken else ""


def _is_relayed(endpoint: str, side: Side, evidence: Evidence) -> bool:
    offered = side.kinds.get(endpoint, ("", ""))[0]
    if offered:
        return offered == "relay"
    end = split_endpoint(endpoint)
    return end is not None and evidence.is_relay(endpoint, *end)


def _unseen(side: Side, own: list[str], relayed: list[str]) -> str:
    """The one private address that was offered and never spoke here: the device's own, behind NAT or a relay."""
    offered = [one for one, (kind, _) in side.kinds.items() if kind == "host"]
    silent = [one for one in side.hosts if one not in own and one not in relayed]
    return one_of(_address(one) for one in (offered or silent) if is_private(_address(one)))


def _offered(place: int, side: Side, evidence: Evidence) -> Iterator[Offered]:
    if side.kinds:
        yield from (Offered(place, one, *told, "description") for one, told in side.kinds.items())
        return
    for one in side.hosts:
        yield Offered(place, one, "relay" if _is_relayed(one, side, evidence) else "", "", "checks")
