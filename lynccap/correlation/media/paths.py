"""Where media went: which two transport addresses carried it, and what kind of path that is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from lynccap.correlation.addresses import join_endpoint, split_endpoint
from lynccap.correlation.media.relays import RELAY_PORTS, TURN_PORTS, TURN_UDP_PORT, RelayBook, Side
from lynccap.tables import Tables

SUSTAINED_SECONDS = 5.0  # call set-up probes every path for a moment; media stays (catalogue, media-* entries)
SUSTAINED_PACKETS = 100


class Path(StrEnum):
    """How media got from one device to the other, as far as this flow shows."""

    DIRECT = "direct"
    REFLEXIVE = "reflexive"
    """To an address a relay reported as somebody's NAT address."""
    RELAY_INTERNAL = "relayed by the Edge's internal interface"
    RELAY_EXTERNAL = "relayed by the Edge's external interface"
    RELAY_UNPLACED = "relayed by an Edge interface that could not be placed"
    CLOUD = "relayed by Microsoft's cloud"


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
        return self.seconds > SUSTAINED_SECONDS and self.packets > SUSTAINED_PACKETS

    @property
    def relayed(self) -> bool:
        """Whether a media relay is one end of the flow."""
        return self.relay is not None

    @property
    def devices(self) -> tuple[str, ...]:
        """The ends of the flow that are no relay."""
        return tuple(one for one in (self.client, self.server) if one != self.relay)


def read_media(tables: Tables, relays: RelayBook) -> tuple[MediaSession, ...]:
    """The media sessions of all captures, in order of their first packet."""
    reflexive = {end for one in relays.allocations if (end := split_endpoint(one.reflexive))}
    made = [
        _session(int(flow), rows, tables.flows.loc[int(flow)], relays, reflexive)
        for flow, rows in tables.media.groupby("flow", sort=True)
    ]
    return tuple(sorted(made, key=lambda one: (one.capture, one.first_time, one.flow)))


def _session(
    flow: int, rows: pd.DataFrame, row: "pd.Series[object]", relays: RelayBook, reflexive: set[tuple[str, int]]
) -> MediaSession:
    ends = (
        (str(row["client"]), int(str(row["client_port"]))),
        (str(row["server"]), int(str(row["server_port"]))),
    )
    path, relay = _path(ends, set(rows["carried"]), relays, reflexive)
    client = rows["from_client"]
    return MediaSession(
        flow=flow,
        capture=int(str(row["capture"])),
        client=ends[0][0],
        server=ends[1][0],
        client_port=ends[0][1],
        server_port=ends[1][1],
        transport=str(row["transport"]),
        carried=tuple(sorted(set(rows["carried"]))),
        packets_client=int(rows.loc[client, "packets"].sum()),
        packets_server=int(rows.loc[~client, "packets"].sum()),
        first_time=int(rows["first_time"].min()),
        last_time=int(rows["last_time"].max()),
        frames=tuple(sorted({int(frame) for name in ("first_frame", "last_frame") for frame in rows[name]})),
        path=path,
        relay=relay,
    )


def _path(
    ends: tuple[tuple[str, int], ...], carried: Iterable[str], relays: RelayBook, reflexive: set[tuple[str, int]]
) -> tuple[Path, str | None]:
    for address, _ in ends:
        if address in relays.cloud:
            return Path.CLOUD, address
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
        if (address, port) in reflexive:
            host = bool(relays.allocations_of(address))
            return (Path.DIRECT if host else Path.REFLEXIVE), None
    return Path.DIRECT, None


_RELAY_PATHS = {
    Side.INTERNAL: Path.RELAY_INTERNAL,
    Side.EXTERNAL: Path.RELAY_EXTERNAL,
    Side.UNKNOWN: Path.RELAY_UNPLACED,
}
