"""What the tables hold beside media and checks that a call is told by, looked up by flow."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lynccap.correlation.media.ice import IceBook
from lynccap.correlation.media.paths import LYNC_CHECKS, MediaSession
from lynccap.correlation.media.relays import RelayBook
from lynccap.correlation.media.stream_quality import StreamQuality
from lynccap.correlation.roles.claims import EDGE_AV, EDGE_INT, RELAY, Basis, RoleBook
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables
from lynccap.topology.directory import Directory

TURN_TCP_PORT = 443
LEAST_OTHER = 10  # packets of another kind on a flow of checks; fewer are RTCP and keep-alives
RELAY_ROLES = (EDGE_AV, EDGE_INT, RELAY)
TUNNEL_NAMES = re.compile(r"(?:u?tun|wg|ipsec|cscotun|vpn)\d*$", re.IGNORECASE)
"""Interfaces that VPN clients make: Linux, BSD, WireGuard, IPsec, AnyConnect; the last is our name for Windows' own."""
TUNNEL_WORDS = re.compile(r"\b(?:vpn|wireguard|tap-windows)\b|anyconnect.*virtual", re.IGNORECASE)
"""What Windows calls the adapters of VPN clients."""
_FLOW = [
    *("capture", "transport", "client", "client_port", "server", "server_port", "first_time", "first_frame"),
    *("frames_client", "frames_server", "last_time_client", "last_time_server", "interface", "client_mac"),
    *("opening", "last_time", "data_frames_client", "data_frames_server"),
]
_STREAM = [
    *("flow", "from_client", "ssrc", "payload_type", "payload_types", "carried", "packets", "bytes", "silences"),
    *("first_time", "last_time", "first_frame", "last_frame"),
]


@dataclass(frozen=True)
class Evidence:
    """All that legs are made of."""

    tables: Tables
    relays: RelayBook
    roles: RoleBook
    ice: IceBook
    media: tuple[MediaSession, ...]
    quality: tuple[StreamQuality, ...]
    proxied: frozenset[int] = frozenset()
    directory: Directory | None = None

    @cached_property
    def streams(self) -> Mapping[int, list[Any]]:
        """Rows of the media table, by flow."""
        found: dict[int, list[Any]] = defaultdict(list)
        for row in rows_of(self.tables.media, _STREAM):
            found[row.flow].append(row)
        return found

    @cached_property
    def flows(self) -> Mapping[int, Any]:
        """Rows of the flows that carry media or checks."""
        numbers = {one.flow for one in self.media} | {one.flow for one in self.ice.pairs}
        rows = self.tables.flows.loc[sorted(numbers), _FLOW]
        return {int(row.Index): row for row in rows_of(rows, _FLOW)}

    @cached_property
    def qualities(self) -> Mapping[tuple[int, bool, int], StreamQuality]:
        """Quality by flow, direction and SSRC."""
        return {(one.flow, bool(one.from_client), one.ssrc): one for one in self.quality}

    @cached_property
    def capture_ends(self) -> Mapping[int, int]:
        """The last time of each capture."""
        return {int(one): int(time) for one, time in self.tables.captures["last_time"].items()}

    @cached_property
    def reports(self) -> Mapping[tuple[int, bool], int]:
        """When the last RTCP of a flow's side came."""
        rtcp = self.tables["rtcp"]
        last = rtcp.groupby(["flow", "from_client"])["time"].max() if len(rtcp) else rtcp["time"]
        return {(int(flow), bool(side)): int(time) for (flow, side), time in last.items()}

    @cached_property
    def icmp(self) -> Mapping[int, list[Any]]:
        """ICMP errors by the flow they quote."""
        found: dict[int, list[Any]] = defaultdict(list)
        icmp = self.tables.icmp
        for row in rows_of(icmp, icmp.columns):
            if row.flow >= 0:
                found[int(row.flow)].append(row)
        return found

    @cached_property
    def allocation_flows(self) -> Mapping[int, Any]:
        """Rows of the flows on which devices asked relays."""
        rows = self.tables.flows.loc[sorted(one.flow for one in self.relays.allocations), _FLOW]
        return {int(row.Index): row for row in rows_of(rows, _FLOW)}

    @cached_property
    def refused_relays(self) -> Mapping[tuple[int, str], list[Any]]:
        """TCP connections to relays' port 443 that did not open, by capture and client."""
        servers = {one.server for one in self.relays.allocations}
        found: dict[tuple[int, str], list[Any]] = defaultdict(list)
        if not servers:
            return found
        flows = self.tables.flows
        failed = flows[(flows["server_port"] == TURN_TCP_PORT) & flows["opening"].isin(("refused", "unanswered"))]
        for row in rows_of(failed[failed["server"].isin(servers)], _FLOW):
            found[row.capture, row.client].append(row)
        return found

    @cached_property
    def stream_kinds(self) -> Mapping[int, str]:
        """The medium a relay was told to allocate for, by flow."""
        return {one.flow: one.stream for one in self.relays.allocations if one.stream}

    @cached_property
    def lync_checks(self) -> frozenset[int]:
        """Flows with checks in Microsoft's dialects."""
        stun = self.tables["stun"]
        return frozenset(stun.loc[stun["dialect"].isin(LYNC_CHECKS), "flow"])

    @cached_property
    def heard(self) -> Mapping[tuple[int, str], set[str]]:
        """Who sent an address anything at all: senders by capture and receiver."""
        flows = self.tables.flows
        found: dict[tuple[int, str], set[str]] = defaultdict(set)
        for side, other in (("client", "server"), ("server", "client")):
            some = flows[flows[f"frames_{side}"] > 0]
            for capture, sender, receiver in zip(some["capture"], some[side], some[other], strict=True):
                found[capture, receiver].add(sender)
        return found

    @cached_property
    def one_way_media(self) -> Mapping[tuple[int, str, str], list[MediaSession]]:
        """Media flows of one direction only, by capture, sender and receiver."""
        found: dict[tuple[int, str, str], list[MediaSession]] = defaultdict(list)
        for one in self.media:
            if not one.packets_server:
                found[one.capture, one.client, one.server].append(one)
            elif not one.packets_client:
                found[one.capture, one.server, one.client].append(one)
        return found

    def carried_more(self, flow: int) -> bool:
        """Whether a flow carried more than the messages of STUN and TURN that could be read on it."""
        row = self.flows[flow]
        return int(row.data_frames_client + row.data_frames_server) > self._stun_messages.get(flow, 0) + LEAST_OTHER

    @cached_property
    def _stun_messages(self) -> Mapping[int, int]:
        return {int(flow): int(count) for flow, count in self.tables["stun"]["flow"].value_counts().items()}

    def would_hear(self, capture: int, receiver: str, sender: str, parties: frozenset[str]) -> bool:
        """Whether an answer to `receiver` would be in the capture: the sender's packets are, or a third host's.

        What the parties send each other shows both of their senders' ways only, not what comes from elsewhere.
        """
        senders = self.heard.get((capture, receiver), ())
        return sender in senders or any(one not in parties for one in senders)

    def is_relay(self, endpoint: str, address: str, port: int) -> bool:
        """Whether a transport address is a relayed one, given out here or at an address known as a relay's."""
        if endpoint in self.relays.relays:
            return True
        if self.directory is not None and not set(RELAY_ROLES).isdisjoint(self.directory.roles_of(address)):
            return True
        return port >= 1024 and address in self._relay_hosts

    @cached_property
    def _relay_hosts(self) -> frozenset[str]:
        """Addresses that messages or a topology show to be a relay's."""
        return frozenset(
            address
            for address, claims in self.roles.claims.items()
            if any(one.role in RELAY_ROLES and one.basis >= Basis.MESSAGES for one in claims)
        )

    def tunnel_of(self, flow: int) -> str:
        """The name of the tunnel interface a flow was recorded on, "" when it was another or is not told."""
        row = self.flows[flow]
        return self._tunnels.get((row.capture, row.interface >> 16, row.interface & 0xFFFF), "")

    @cached_property
    def _tunnels(self) -> Mapping[tuple[int, int, int], str]:
        return {
            (row.capture, row.file, row.number): row.description or row.name
            for row in self.tables.interfaces.itertuples()
            if TUNNEL_NAMES.match(row.name) or TUNNEL_WORDS.search(row.description)
        }

    def edge_of(self, address: str) -> str:
        """What stands for the Edge an address of a relay belongs to: its relay address, else the address itself."""
        return self._edges.get(address, address)

    @cached_property
    def _edges(self) -> dict[str, str]:
        """Addresses of one Edge are those that hand out the same relay address."""
        hosts = self.relays.relay_hosts
        return {one: host for host, servers in sorted(hosts.items()) for one in (*sorted(servers), host)}


def one_of(values: Iterable[str]) -> str:
    """The only value there is, "" when there are none or several."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""
