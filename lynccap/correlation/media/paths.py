"""Where media went: which two transport addresses carried it, what kind of path that is, and what ties it to Lync."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lynccap.correlation.addresses import join_endpoint, split_endpoint
from lynccap.correlation.media.relays import RELAY_PORTS, TURN_PORTS, TURN_UDP_PORT, RelayBook, Side
from lynccap.correlation.names import tunnelled
from lynccap.correlation.roles.claims import RoleBook
from lynccap.correlation.rows import rows_of
from lynccap.correlation.sip.bodies import read_body
from lynccap.tables import Tables

SUSTAINED_SECONDS = 5.0  # call set-up probes every path for a moment; media stays (catalogue, media-* entries)
SUSTAINED_PACKETS = 100

Endpoint = tuple[str, int]


class Path(StrEnum):
    """How media got from one device to the other, as far as this flow shows."""

    DIRECT = "direct"
    REFLEXIVE = "reflexive"
    """To an address a relay reported as somebody's NAT address."""
    RELAY_INTERNAL = "relayed by the Edge's internal interface"
    RELAY_EXTERNAL = "relayed by the Edge's external interface"
    RELAY_UNPLACED = "relayed by an Edge interface that could not be placed"
    CLOUD = "relayed by Microsoft's cloud"
    RELAY_FOREIGN = "relayed by a server that is no Lync Edge"
    RELAY_TCP = "relayed over TCP"
    """Of a leg: the device reaches the relay by TCP, whichever side of the Edge that is."""
    TWO_RELAYS = "relayed by two Edges"
    """Of a leg: each party uses the relay of another Edge."""
    VPN = "through a VPN"
    """Of a leg, and only where the capture shows the tunnel."""
    PROXY = "through a proxy"
    """Inside an HTTP CONNECT tunnel; what is told as the relay is the proxy then."""
    UNKNOWN = "by a way that is not shown"
    """Of a leg."""


@dataclass(frozen=True, slots=True)
class MediaSession:
    """The media of one flow, both directions."""

    flow: int
    capture: int
    client: str
    server: str
    client_port: int
    server_port: int
    transport: str
    carried: tuple[str, ...]
    packets_client: int
    packets_server: int
    first_time: int
    last_time: int
    frames: tuple[int, ...]
    """The first and last frame of each RTP stream."""
    path: Path
    relay: str | None
    """The address of the relay the device talks to, None on a direct path."""
    basis: str
    """What shows that this is Lync's media: relay, server, checks, signalling; "" when nothing does."""
    clock_set: bool
    """The recorder's clock was set meanwhile: how long it lasted is unknown."""

    @property
    def seconds(self) -> float:
        """From the first to the last media packet."""
        return (self.last_time - self.first_time) / 1e9

    @property
    def packets(self) -> int:
        """Both directions together."""
        return self.packets_client + self.packets_server

    @property
    def sustained(self) -> bool:
        """Whether this is media and not a probe."""
        return self.seconds > SUSTAINED_SECONDS and self.packets > SUSTAINED_PACKETS and not self.clock_set

    @property
    def relayed(self) -> bool:
        """Whether a media relay is one end of the flow."""
        return self.relay is not None

    @property
    def devices(self) -> tuple[str, ...]:
        """The ends of the flow that are no relay."""
        return tuple(one for one in (self.client, self.server) if one != self.relay)


LYNC_CHECKS = ("ms-ice2", "ms-ice", "ms-turn")
FOREIGN_METHODS = ("refresh", "create-permission", "channel-bind")
"""Of TURN by RFC 5766; Microsoft's dialect has none of them."""


@dataclass(frozen=True)
class _Clues:
    """What tells whose media a flow carries."""

    relays: RelayBook
    roles: RoleBook
    reflexive: set[tuple[str, int]]
    checked: frozenset[int]
    """Flows with connectivity checks or relay messages in Microsoft's dialects."""
    foreign: frozenset[str]
    """Servers that speak TURN by RFC 5766."""
    signalled: frozenset[Endpoint]
    tunnels: set[int]
    """Flows through an HTTP proxy."""
    clock_steps: tuple[tuple[int, int], ...]
    """Capture and time, before and after each step."""
    """Named in session descriptions that a Lync server carried."""

    def basis(self, flow: int, ends: Sequence[Endpoint], relay: str | None) -> str:
        """One of MediaSession.basis."""
        if relay is not None and relay in (*self.relays.sides, *self.relays.relay_hosts):
            return "relay"
        if any(self.roles.is_lync(address) for address, _ in ends):
            return "server"
        if flow in self.checked:
            return "checks"
        return "signalling" if not self.signalled.isdisjoint(ends) else ""


def read_media(tables: Tables, relays: RelayBook, roles: RoleBook) -> tuple[MediaSession, ...]:
    """The media sessions of all captures, in order of their first packet."""
    if tables.media.empty:
        return ()
    clues = _read_clues(tables, relays, roles)
    streams: dict[int, list[Any]] = defaultdict(list)
    for row in rows_of(tables.media, _COLUMNS):
        streams[row.flow].append(row)
    carrying = tables.flows.loc[sorted(streams), _ENDS]
    made = [_session(flow, streams[flow.Index], clues) for flow in rows_of(carrying, _ENDS)]
    return tuple(sorted(made, key=lambda one: (one.capture, one.first_time, one.flow)))


def _read_clues(tables: Tables, relays: RelayBook, roles: RoleBook) -> _Clues:
    stun, servers = tables["stun"], tables.flows["server"]
    foreign = stun.loc[(stun["dialect"] == "rfc5389") & stun["method"].isin(FOREIGN_METHODS), "flow"].unique()
    return _Clues(
        relays=relays,
        roles=roles,
        reflexive={end for one in relays.allocations if (end := split_endpoint(one.reflexive))},
        checked=frozenset(stun.loc[stun["dialect"].isin(LYNC_CHECKS), "flow"]),
        foreign=frozenset(servers[foreign]) - set(relays.sides),
        signalled=frozenset(_signalled(tables, roles)),
        tunnels=tunnelled(tables.flows),
        clock_steps=tuple(
            (int(one.capture), int(time)) for one in tables.clock_steps.itertuples() for time in (one.before, one.after)
        ),
    )


def _signalled(tables: Tables, roles: RoleBook) -> Iterator[Endpoint]:
    sip, flows = tables["sip"], tables.flows
    for flow, body in sip.loc[sip["body"].map(bool), ["flow", "body"]].itertuples(index=False):
        if any(roles.is_lync(flows.at[flow, side]) for side in ("client", "server")):
            described = read_body(body)
            for media in described.media if described else ():
                yield media.address or "", media.port
                yield from ((one.ip, one.port) for one in media.candidates)


def _session(flow: Any, streams: list[Any], clues: _Clues) -> MediaSession:
    ends = ((flow.client, int(flow.client_port)), (flow.server, int(flow.server_port)))
    carried = {one.carried for one in streams}
    path, relay = _path(ends, carried, clues)
    if flow.Index in clues.tunnels:
        path, relay = Path.PROXY, ends[1][0]
    first, last = min(one.first_time for one in streams), max(one.last_time for one in streams)
    return MediaSession(
        flow=int(flow.Index),
        capture=int(flow.capture),
        client=ends[0][0],
        server=ends[1][0],
        client_port=ends[0][1],
        server_port=ends[1][1],
        transport=flow.transport,
        carried=tuple(sorted(carried)),
        packets_client=sum(one.packets for one in streams if one.from_client),
        packets_server=sum(one.packets for one in streams if not one.from_client),
        first_time=int(first),
        last_time=int(last),
        frames=tuple(sorted({int(frame) for one in streams for frame in (one.first_frame, one.last_frame)})),
        path=path,
        relay=relay,
        basis=clues.basis(int(flow.Index), ends, relay),
        clock_set=any(capture == flow.capture and first <= time <= last for capture, time in clues.clock_steps),
    )


_COLUMNS = ["flow", "from_client", "carried", "packets", "first_time", "last_time", "first_frame", "last_frame"]
_ENDS = ["capture", "transport", "client", "client_port", "server", "server_port"]


def _path(ends: Sequence[Endpoint], carried: Iterable[str], clues: _Clues) -> tuple[Path, str | None]:
    relays = clues.relays
    for address, _ in ends:
        if address in relays.cloud:
            return Path.CLOUD, address
        if address in clues.foreign:
            return Path.RELAY_FOREIGN, address
    wrapped = not {"udp", "rfc4571"}.issuperset(carried)
    for address, port in ends:
        placed = address in relays.sides
        if join_endpoint(address, port) in relays.relays or (placed and (wrapped or port in TURN_PORTS)):
            return _RELAY_PATHS[relays.side_of(address)], address
        if address in relays.relay_hosts and port in RELAY_PORTS:
            return Path.RELAY_EXTERNAL, address
        if port == TURN_UDP_PORT or (wrapped and port in TURN_PORTS):
            return Path.RELAY_UNPLACED, address
    for address, port in ends:
        if (address, port) in clues.reflexive:
            host = bool(relays.allocations_of(address))
            return (Path.DIRECT if host else Path.REFLEXIVE), None
    return Path.DIRECT, None


_RELAY_PATHS = {
    Side.INTERNAL: Path.RELAY_INTERNAL,
    Side.EXTERNAL: Path.RELAY_EXTERNAL,
    Side.UNKNOWN: Path.RELAY_UNPLACED,
}
