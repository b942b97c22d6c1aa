"""The case: everything correlation made of the tables, in one value that rules and reports read."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.arrivals import Arrival, read_arrivals
from lynccap.correlation.attempts import Answer, Attempt, Ending, read_answers, read_attempts
from lynccap.correlation.boots import Boot, read_boots
from lynccap.correlation.clocks import ClockOffset, clock_offsets
from lynccap.correlation.closings.book import ClosingBook, read_closings
from lynccap.correlation.closings.hosts import Hosts
from lynccap.correlation.collector import collector_paused
from lynccap.correlation.devices.book import DeviceBook
from lynccap.correlation.devices.reading import read_devices
from lynccap.correlation.edges import EdgeBook, read_edges
from lynccap.correlation.link_addresses import LinkBook
from lynccap.correlation.log_ons import LogOn, read_log_ons
from lynccap.correlation.lookups import Lookup, read_lookups
from lynccap.correlation.media.calls.book import CallBook, read_calls
from lynccap.correlation.media.calls.evidence import Evidence
from lynccap.correlation.media.ice import IceBook, read_ice
from lynccap.correlation.media.paths import MediaSession, read_media
from lynccap.correlation.media.received import ReceivedBook
from lynccap.correlation.media.relay_asks import RelayAsk, read_relay_asks
from lynccap.correlation.media.relays import RelayBook, read_relays
from lynccap.correlation.media.sharing import SharingOffer, read_sharing
from lynccap.correlation.media.stream_quality import StreamQuality, read_stream_quality
from lynccap.correlation.media.trunks import TrunkLeg, read_trunk_legs
from lynccap.correlation.names import DNS_PORT, NameBook, proxied, read_names, resolvers_of
from lynccap.correlation.owed_answers import OwedAnswer, read_owed_answers
from lynccap.correlation.roles.claims import RoleBook
from lynccap.correlation.roles.farms import Farm, read_farms
from lynccap.correlation.roles.inference import read_roles
from lynccap.correlation.roles.partners import our_edges
from lynccap.correlation.roles.sides import SideBook, read_sides
from lynccap.correlation.rows import rows_of
from lynccap.correlation.searches import SearchBook, read_searches
from lynccap.correlation.services import name_services
from lynccap.correlation.sip.dialogs import DialogBook, read_dialogs
from lynccap.correlation.targets import targets_of
from lynccap.correlation.tickets import Ticket, read_tickets
from lynccap.correlation.tls.issuers import IssuerLink, issuer_links
from lynccap.correlation.tls.listeners import Listener, read_listeners
from lynccap.correlation.tls.presented import Presented, read_presented
from lynccap.correlation.tls.sessions import TlsSession, read_sessions
from lynccap.correlation.tunnels import Tunnel, read_tunnels
from lynccap.correlation.web_exchanges import WebExchange, read_exchanges
from lynccap.correlation.web_names import WebNames, read_web_names
from lynccap.tables import Tables
from lynccap.topology.directory import Directory

UNHEARD_NS = 2_000_000_000  # data a server that is up would have acknowledged long before


@dataclass(frozen=True, slots=True)
class RecorderLoss:
    """What a recorder lost on one interface, by its own count."""

    interface: str
    """What to call it."""
    lost: int
    packets: int
    """That should have been recorded there, the lost ones included."""

    @property
    def share(self) -> float:
        """Lost packets among all."""
        return self.lost / self.packets


@dataclass(frozen=True)
class Case:
    """One or more captures, correlated."""

    tables: Tables
    flows: pd.DataFrame
    """`tables.flows` with `service` and `service_basis`."""
    names: NameBook
    roles: RoleBook
    relays: RelayBook
    media: tuple[MediaSession, ...]
    attempts: tuple[Attempt, ...]
    """TCP connection attempts to addresses that hold a role."""
    sessions: dict[int, TlsSession]
    sides: SideBook
    """On which side of the organisation's border an address is."""
    devices: DeviceBook
    sharing: tuple[SharingOffer, ...]
    """Shared screens, as readable SIP describes them."""
    web_names: WebNames
    """The names of the web services for people outside, and for those inside."""
    directory: Directory | None = None
    """What the customer's topology says, where one was given that is of this deployment."""

    def facts_of(self, flow: int, *columns: str) -> tuple[Any, ...]:
        """What some columns of `flows` say of one flow, as plain Python values: `flows.at` takes far longer."""
        return tuple(self._facts(name)[flow] for name in columns)

    def _facts(self, column: str) -> list[Any]:
        if column not in self._columns:
            self._columns[column] = self.flows[column].tolist()
        return self._columns[column]

    @cached_property
    def _columns(self) -> dict[str, list[Any]]:
        return {}

    def attempts_of(self, *addresses: str) -> tuple[Attempt, ...]:
        """The attempts made from any of some addresses, those of one address in their order."""
        return tuple(one for address in addresses for one in self._by_client.get(address, ()))

    def attempts_at(self, server: str) -> tuple[Attempt, ...]:
        """The attempts made towards one server."""
        return self._by_server.get(server, ())

    def sessions_of(self, attempts: Iterable[Attempt]) -> list[TlsSession]:
        """The TLS sessions on the connections that some attempts opened, in their order."""
        return [self.sessions[flow] for one in attempts for flow in one.established if flow in self.sessions]

    def answers_of(self, server: str) -> tuple[Answer, ...]:
        """The connections a server accepted, in the order they were opened."""
        return self._answers.get(server, ())

    def latest_answers(self, server: str) -> tuple[Answer, ...]:
        """Of every port and client subnet the connection on which the server spoke last: at most a few each."""
        return self._latest_answers.get(server, ())

    def ports_tried(self, server: str) -> frozenset[int]:
        """The ports anybody tried to reach on a server."""
        return self._ports_tried.get(server, frozenset())

    @cached_property
    def closings(self) -> ClosingBook:
        """How connections ended that did not simply close, and by whom."""
        return read_closings(self.tables, Hosts(self.tables, self.ttls_of, self.heard_after))

    @cached_property
    def owed_answers(self) -> tuple[OwedAnswer, ...]:
        """The TLS connections that the server's side ended while the client waited for an answer."""
        return read_owed_answers(self.tables)

    @cached_property
    def links(self) -> LinkBook:
        """Who holds an address on the link, as ARP tells."""
        return LinkBook(self.tables)

    @cached_property
    def edges(self) -> EdgeBook:
        """The Edge Servers: their addresses on both sides, and their network cards."""
        return read_edges(self.tables, self.roles, self.relays)

    @cached_property
    def dialogs(self) -> DialogBook:
        """Registrations, calls and subscriptions, where SIP is readable."""
        return read_dialogs(self.tables)

    @cached_property
    def relay_asks(self) -> tuple[RelayAsk, ...]:
        """What devices asked relays over UDP, and whether anything came back."""
        return read_relay_asks(self.tables, self.relays.allocations)

    @cached_property
    def ice(self) -> IceBook:
        """The connectivity checks, pair by pair."""
        return read_ice(self.tables, self.relays, self.media)

    @cached_property
    def calls(self) -> CallBook:
        """Who talked with whom, by which way, after what was tried."""
        evidence = Evidence(
            tables=self.tables,
            relays=self.relays,
            roles=self.roles,
            ice=self.ice,
            media=self.media,
            quality=self.stream_quality,
            proxied=self.proxied,
            directory=self.directory,
        )
        return read_calls(evidence, self.dialogs.calls)

    @cached_property
    def trunk_legs(self) -> tuple[TrunkLeg, ...]:
        """The speech of calls with telephone gateways."""
        return read_trunk_legs(self.tables, self.roles, self.calls)

    @cached_property
    def received(self) -> ReceivedBook:
        """The streams of Lync's calls: who sends, who hears, where they were recorded."""
        return ReceivedBook(self.tables, self.calls, self.stream_quality)

    @cached_property
    def stream_quality(self) -> tuple[StreamQuality, ...]:
        """Loss, jitter, round trip and rating of every audio stream."""
        return read_stream_quality(self.tables)

    @cached_property
    def lookups(self) -> tuple[Lookup, ...]:
        """What clients asked DNS servers, and what they were told."""
        return read_lookups(self.tables)

    def lookups_of(self, *addresses: str) -> list[Lookup]:
        """What was asked from any of some addresses, in order of time."""
        found = [one for address in addresses for one in self._lookups.get(address, ())]
        return sorted(found, key=lambda one: one.first_time)

    @cached_property
    def _lookups(self) -> dict[str, list[Lookup]]:
        found: dict[str, list[Lookup]] = defaultdict(list)
        for one in self.lookups:
            found[one.client].append(one)
        return found

    @cached_property
    def searches(self) -> SearchBook:
        """What devices asked DNS on their way to Lync, name by name."""
        dns = self.flows[self.flows["server_port"] == DNS_PORT]  # whoever answers LLMNR asks DNS for itself
        return read_searches(self.lookups, self.devices, resolvers_of(dns))

    @cached_property
    def log_ons(self) -> tuple[LogOn, ...]:
        """The log-ons to web services, where HTTP is readable."""
        return read_log_ons(self.tables)

    @cached_property
    def tickets(self) -> tuple[Ticket, ...]:
        """The Kerberos tickets that clients asked for."""
        return read_tickets(self.tables)

    @cached_property
    def issuers(self) -> tuple[IssuerLink, ...]:
        """Which certificates that were fetched belong above which that were presented."""
        return issuer_links(self.tables)

    @cached_property
    def presented(self) -> tuple[Presented, ...]:
        """The lists of certificates that servers and clients showed, each once."""
        return read_presented(self.tables)

    def hello_of(self, flow: int, kind: str) -> Any | None:
        """The first client-hello or server-hello of a flow: a row with `version` and `suites`; None without one."""
        return self._hellos.get((flow, kind))

    @cached_property
    def _hellos(self) -> dict[tuple[int, str], Any]:
        tls = self.tables["tls"]
        hellos = tls[tls["kind"].isin(("client-hello", "server-hello"))].drop_duplicates(["flow", "kind"])
        return {(row.flow, row.kind): row for row in rows_of(hellos, ("flow", "kind", "version", "suites"))}

    @cached_property
    def arrivals(self) -> tuple[Arrival, ...]:
        """By which names clients came to the servers that showed them certificates."""
        return read_arrivals(self.tables, self.names, self.sessions, self.presented)

    @cached_property
    def shown_on(self) -> dict[int, Presented]:
        """By flow the list its server showed; of one list at most MAX_SHOWINGS flows."""
        return {showing.flow: one for one in self.presented if one.by_server for showing in one.showings}

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """The ports at which TLS was spoken, with who got through there and who did not."""
        return read_listeners(self.flows, self.sessions)

    @cached_property
    def exchanges(self) -> tuple[WebExchange, ...]:
        """Requests to web services with their answers, where HTTP is readable."""
        return read_exchanges(self.tables)

    def exchanges_of(self, client: str) -> tuple[WebExchange, ...]:
        """What one client asked of web services, in the order of their time."""
        return self._exchanges.get(client, ())

    @cached_property
    def _exchanges(self) -> dict[str, tuple[WebExchange, ...]]:
        found: dict[str, list[WebExchange]] = defaultdict(list)
        for one in self.exchanges:
            found[one.client].append(one)
        return {client: tuple(ones) for client, ones in found.items()}

    @cached_property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """The connections that proxies were asked for (CONNECT), in order of time."""
        return read_tunnels(self.tables, self.names)

    def tunnels_of(self, *addresses: str) -> tuple[Tunnel, ...]:
        """Those that a device asked for, by its addresses."""
        return tuple(one for one in self.tunnels if one.client in addresses)

    @cached_property
    def our_edges(self) -> frozenset[str]:
        """Addresses of Access Edges that are the deployment's own; partners' Edges are none of them."""
        return our_edges(self.roles, self.tables)

    @cached_property
    def sign_in_ports(self) -> dict[str, frozenset[int]]:
        """By host name the ports at which _sip._tls records say that people outside sign in."""
        answers = self.tables.dns_answers
        told = answers[(answers["record_type"] == "SRV") & answers["question"].str.startswith("_sip._tls.")]
        found: dict[str, frozenset[int]] = {}
        for row in rows_of(told, ("value", "port")):
            name = str(row.value).lower().rstrip(".")
            found[name] = found.get(name, frozenset()) | {int(row.port)}
        return found

    @cached_property
    def farms(self) -> dict[str, Farm]:
        """Servers that share one address of a load balancer, by that address."""
        return read_farms(self.roles, self.names)

    @cached_property
    def clocks(self) -> tuple[ClockOffset, ...]:
        """How far time servers were from the clock of the capture."""
        return clock_offsets(self.tables)

    @cached_property
    def _answers(self) -> dict[str, tuple[Answer, ...]]:
        return read_answers(self.flows, self.attempts)

    @cached_property
    def _latest_answers(self) -> dict[str, tuple[Answer, ...]]:
        made = {}
        for server, answers in self._answers.items():
            best: dict[tuple[int, str], Answer] = {}
            for one in answers:
                key = (one.port, subnet_of(one.client))
                if key not in best or one.last_time > best[key].last_time:
                    best[key] = one
            made[server] = tuple(best.values())
        return made

    @cached_property
    def _ports_tried(self) -> dict[str, frozenset[int]]:
        return {server: frozenset(one.port for one in ones) for server, ones in self._by_server.items()}

    @cached_property
    def proxied(self) -> frozenset[int]:
        """The flows whose server is a proxy: what is said on them is said to another server."""
        return frozenset(proxied(self.tables))

    @cached_property
    def decrypted(self) -> frozenset[int]:
        """The flows whose TLS was read to its end with a key."""
        table = self.tables.decryptions
        return frozenset(table.loc[table["outcome"] == "decrypted", "flow"])

    def ttls_of(self, capture: int, address: str) -> frozenset[int]:
        """The TTLs of a host's TCP packets in one capture, resets left out; empty when it sent none.

        Other protocols say little: multicast and ICMP have TTLs of their own.
        """
        return self._ttls.get((capture, address), frozenset())

    def messages_of(self, protocol: str, *addresses: str) -> list[Any]:
        """One protocol's messages on the flows opened from any of some addresses: rows of its table, in order."""
        if protocol not in self._messages:
            rows: dict[str, list[Any]] = defaultdict(list)
            table = self.tables[protocol]
            owners = table["flow"].map(self.flows["client"])
            for owner, row in zip(owners, rows_of(table, table.columns), strict=True):
                rows[owner].append(row)
            self._messages[protocol] = rows
        found = [row for address in addresses for row in self._messages[protocol].get(address, ())]
        return sorted(found, key=lambda row: int(row.Index)) if len(addresses) > 1 else found

    def rows_on(self, protocol: str, flows: Iterable[int]) -> Any:
        """One protocol's table, only what is on some flows: for asking again and again, flow by flow."""
        if protocol not in self._places:
            self._places[protocol] = self.tables[protocol].groupby("flow").indices
        places = self._places[protocol]
        found = sorted(int(place) for flow in set(flows) for place in places.get(flow, ()))
        return self.tables[protocol].take(found)

    @cached_property
    def _places(self) -> dict[str, dict[Any, Any]]:
        return {}

    def flows_of(self, side: str, address: str) -> Any:
        """The flows whose client, or server, is an address: for asking again and again."""
        if side not in self._places:
            self._places[side] = self.flows.groupby(side, observed=True).indices
        return self.flows.take(self._places[side].get(address, ()))

    def media_of(self, *addresses: str) -> list[MediaSession]:
        """The media sessions that have any of some addresses at an end."""
        found = {one.flow: one for address in addresses for one in self._media.get(address, ())}
        return list(found.values())

    @cached_property
    def _media(self) -> dict[str, list[MediaSession]]:
        found: dict[str, list[MediaSession]] = defaultdict(list)
        for one in self.media:
            for device in one.devices:
                found[device].append(one)
        return found

    def heard_after(self, capture: int, address: str, time: int) -> int:
        """The last frame an address sent in a capture, 0 when it sent none at or after `time`."""
        last, frame = self._last_sent.get((capture, address), (0, 0))
        return frame if last >= time else 0

    def fell_silent(self, server: str, since: int) -> bool:
        """Whether somebody else's data or SYNs to the server stay without any answer from then on."""
        unheard, tried = self._unheard.get(server, 0), self._last_in_vain.get(server, 0)
        return unheard >= since or tried > since

    @cached_property
    def _unheard(self) -> dict[str, int]:
        """By server: when a client last spoke that had been left without an answer."""
        flows = self.flows[self.flows["frames_server"] > 0]
        left = flows[flows["last_time_client"] - flows["last_time_server"] > UNHEARD_NS]
        latest = left.groupby("server", observed=True)["last_time_client"].max()
        return dict(zip(latest.index, latest.tolist(), strict=True))

    @cached_property
    def _last_in_vain(self) -> dict[str, int]:
        """By server: when somebody last began to repeat SYNs that nothing answers."""
        found: dict[str, int] = defaultdict(int)
        for one in self.attempts:
            if one.ending is Ending.UNANSWERED and len(one.syn_times) > 1:
                found[one.server] = max(found[one.server], one.first_time)
        return found

    def heard_by(self, capture: int, address: str, time: int) -> bool:
        """Whether anybody sent the address anything at or after `time`."""
        return self._last_received.get((capture, address), 0) >= time

    @cached_property
    def _last_sent(self) -> dict[tuple[int, str], tuple[int, int]]:
        found: dict[tuple[int, str], tuple[int, int]] = {}
        answering = self.flows[self.flows["opening"] != "refused"]  # a reset may be anybody's
        for side in ("client", "server"):
            columns = ["capture", side, f"last_time_{side}", f"last_frame_{side}"]
            for capture, address, time, frame in _latest(answering[columns]).itertuples(index=False):
                found[capture, address] = max(found.get((capture, address), (0, 0)), (int(time), int(frame)))
        return found

    @cached_property
    def _last_received(self) -> dict[tuple[int, str], int]:
        found: dict[tuple[int, str], int] = defaultdict(int)
        for side, other in (("client", "server"), ("server", "client")):
            columns = ["capture", side, f"last_time_{other}"]
            for capture, address, time in _latest(self.flows[columns]).itertuples(index=False):
                found[capture, address] = max(found[capture, address], int(time))
        return found

    @cached_property
    def _by_client(self) -> dict[str, tuple[Attempt, ...]]:
        return _grouped(self.attempts, lambda one: one.client)

    @cached_property
    def _by_server(self) -> dict[str, tuple[Attempt, ...]]:
        return _grouped(self.attempts, lambda one: one.server)

    @cached_property
    def _ttls(self) -> dict[tuple[int, str], frozenset[int]]:
        found: dict[tuple[int, str], set[int]] = defaultdict(set)
        tcp = self.flows[self.flows["transport"] == "tcp"]
        for side in ("client", "server"):
            columns = ["capture", side, f"ttl_{side}_min", f"ttl_{side}_max"]
            for capture, address, low, high in tcp[columns].drop_duplicates().itertuples(index=False):
                found[capture, address] |= {low, high} - {0}
        return {key: frozenset(values) for key, values in found.items()}

    @cached_property
    def _messages(self) -> dict[str, dict[str, list[Any]]]:
        return {}

    def recorder_losses(self, capture: int) -> tuple[RecorderLoss, ...]:
        """The interfaces of a capture on which the recorder lost packets, each at its worst, the worst first."""
        table = self.tables.interfaces
        losing = table[(table["capture"] == capture) & (table["dropped"] > 0)]
        if losing.empty:
            return ()
        # Of a file that is an extract, the interface saw more than the file holds.
        losses = (
            RecorderLoss(
                row.description or row.name or str(row.number),
                int(row.dropped),
                int(max(row.received, row.frames + row.dropped)),
            )
            for row in losing.itertuples()
        )
        worst: dict[str, RecorderLoss] = {}
        for one in sorted(losses, key=lambda loss: loss.share, reverse=True):
            worst.setdefault(one.interface, one)
        return tuple(worst.values())

    @cached_property
    def leases(self) -> dict[str, list[Any]]:
        """The DHCP messages by hardware address and by the address given."""
        dhcp = self.tables["dhcp"]
        found: dict[str, list[Any]] = defaultdict(list)
        for row in rows_of(dhcp, dhcp.columns):
            for key in {row.mac, row.your_address, row.client_address} - {None}:
                found[key].append(row)
        return found

    @cached_property
    def boots(self) -> tuple[Boot, ...]:
        """What each device asked of DHCP, and what it was told."""
        return read_boots(self.tables, self.devices)


def _latest(table: pd.DataFrame) -> pd.DataFrame:
    """Of each capture and address (the first two columns) the row with the latest time (the third)."""
    capture, address, time, *_ = table.columns
    return table.sort_values(time, kind="stable").drop_duplicates([capture, address], keep="last")


def _grouped(attempts: tuple[Attempt, ...], key: Callable[[Attempt], str]) -> dict[str, tuple[Attempt, ...]]:
    groups: dict[str, list[Attempt]] = defaultdict(list)
    for one in attempts:
        groups[key(one)].append(one)
    return {name: tuple(ones) for name, ones in groups.items()}


@collector_paused()
def build_case(tables: Tables, directory: Directory | None = None) -> Case:
    """Correlate what was read; a directory of the customer's topology, where there is one, wins over what is seen."""
    names = read_names(tables)
    roles = read_roles(tables, names, directory)
    relays = read_relays(tables, names, roles)
    flows = name_services(tables, roles)
    told = roles.told.directory if roles.told else None
    sides = read_sides(tables, names, roles)
    web_names, sharing = read_web_names(tables, roles), read_sharing(tables)
    return Case(
        tables=tables,
        flows=flows,
        names=names,
        roles=roles,
        relays=relays,
        media=read_media(tables, relays, roles),
        attempts=read_attempts(tables, targets_of(tables, names, roles, web_names, sharing), roles.servers()),
        sessions=read_sessions(tables),
        sides=sides,
        devices=read_devices(tables, flows, names, roles, relays, sides),
        sharing=sharing,
        web_names=web_names,
        directory=told,
    )
