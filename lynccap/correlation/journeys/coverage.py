"""What the capture could have shown of a device: without it nothing absent may be told as absent."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from lynccap.correlation.addresses import Scope, scope_of, subnet_of
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.flow_facts import FlowFacts
from lynccap.correlation.roles.claims import REVERSE_PROXY, WEB_ROLES

LEAD_NS = 30_000_000_000  # the steps of one sign-in lie closer together, the pauses behind those that fail included
PATIENCE_NS = 9_000_000_000  # three tries of the slowest common schedule: who goes on, has gone on by then
WEB_PORTS = (80, 443)
WEB = "web services"
"""Beside the services of flows: any connection to a Lync web server, whatever is said on it."""
TOLD_BY = ("dns", "ntp", "sip", "http")
"""The services whose flows show by themselves that the capture point sees such traffic."""
MAX_ASKERS = 20_000  # clients whose subnets are looked at: a large site; a flood has a million
DATAGRAMS = frozenset({"dns", "ntp"})


@dataclass(frozen=True)
class Span:
    """When a device is seen in a capture."""

    capture: int
    first: int
    midstream: bool
    """A connection of it to a Lync server is older than the capture."""


@dataclass(frozen=True)
class Coverage(FlowFacts):
    """What can be told of the time and the place the captures cover."""

    @cached_property
    def two_way(self) -> frozenset[tuple[int, str, str]]:
        """Capture, address and transport of whoever opened a flow that is seen in both directions."""
        flows = self.case.flows
        both = flows[(flows["frames_client"] > 0) & (flows["frames_server"] > 0)]
        seen = both[["capture", "client", "transport"]].drop_duplicates()
        return frozenset(seen.itertuples(index=False, name=None))

    def is_two_way(self, capture: int, addresses: Iterable[str], transport: str) -> bool:
        """Whether answers to a device reach the capture: else one that is missing proves nothing.

        They must do so over the same transport, as answers may come another way than those of another server do.
        """
        return any((capture, one, transport) in self.two_way for one in addresses)

    def waits_in_vain(self, capture: int, addresses: Iterable[str], since: int) -> bool:
        """Whether a datagram's answer that is missing did not arrive: others do, and the capture goes on for long."""
        return self.is_two_way(capture, addresses, "udp") and self.ends[capture] - since >= PATIENCE_NS

    @cached_property
    def _spans(self) -> dict[str, Span]:
        flows = self.case.flows
        older = (flows["opening"] == "midstream") & flows["server"].isin(self.case.roles.servers())
        midstream = set(flows.loc[older, "client"])
        found: dict[str, tuple[int, int]] = {}
        for side in ("client", "server"):
            mine = flows.loc[flows[side].isin(list(self.case.devices.devices)), [side, "first_time", "capture"]]
            first = mine.sort_values("first_time", kind="stable").drop_duplicates(side)
            for address, time, capture in first.itertuples(index=False):
                found[address] = min(found.get(address, (time, capture)), (time, capture))
        return {
            address: Span(int(capture), int(time), address in midstream) for address, (time, capture) in found.items()
        }

    def span_of(self, device: DeviceFacts) -> Span | None:
        """When the device is first seen; None when no flow has any of its addresses."""
        seen = [self._spans[one] for one in device.addresses if one in self._spans]
        return min(seen, key=lambda one: one.first) if seen else None

    @cached_property
    def _askers(self) -> dict[str, set[str]]:
        """By service: the clients that used it, and their subnets."""
        flows = self.case.flows
        found: dict[str, set[str]] = defaultdict(set)
        asked = flows.loc[flows["service"].isin(TOLD_BY), ["service", "client"]].drop_duplicates()[:MAX_ASKERS]
        for service, client in asked.itertuples(index=False):
            found[service] |= {client, subnet_of(client)}
        web = [one for one in self.case.roles.servers() if self.case.roles.has(one, *WEB_ROLES, REVERSE_PROXY)]
        for client in flows.loc[flows["server"].isin(web) & flows["server_port"].isin(WEB_PORTS), "client"].unique()[
            :MAX_ASKERS
        ]:
            found[WEB] |= {client, subnet_of(client)}
        for row in self.case.tables["dhcp"].itertuples():
            found["dhcp"] |= {subnet_of(one) for one in (row.your_address, row.client_address) if one}
            found["dhcp"].add(row.mac)
        return found

    @cached_property
    def _alone(self) -> dict[int, frozenset[str]]:
        """By capture: the addresses that are an end of every conversation between two hosts, with several others."""
        flows = self.case.flows
        found: dict[int, frozenset[str]] = {}
        for capture, rows in flows.groupby("capture"):
            pairs = rows[["client", "server"]].drop_duplicates().itertuples(index=False, name=None)
            found[int(capture)] = _common_ends(pairs)
        return found

    @cached_property
    def _datagrams(self) -> frozenset[str]:
        flows = self.case.flows
        return frozenset(flows.loc[flows["transport"] == "udp", "client"])

    def blind_spot(self, device: DeviceFacts, services: Iterable[str]) -> str:
        """Why the capture point may not see these services of a device, "" when it does.

        It does where the same services of the same device, or of its subnet, are seen; and where the device is an end
        of everything that is, as on the device itself.
        """
        span = self.span_of(device)
        if span is None:
            return "no packet of it is in the capture"
        places = {*device.addresses, *device.macs, *(subnet_of(one) for one in device.addresses)}
        if any(places & self._askers.get(one, set()) for one in services):
            return ""
        own = any(one in self._alone.get(span.capture, ()) for one in device.addresses)
        needs_udp = not DATAGRAMS.isdisjoint(services)
        if own and (not needs_udp or not self._datagrams.isdisjoint(device.addresses)):
            return ""
        return "the capture point may not see it"

    @cached_property
    def _boots(self) -> dict[str, int]:
        """By hardware address: when it first asked for any address at all (RFC 2131 4.4.1)."""
        dhcp = self.case.tables["dhcp"]
        asked = dhcp[dhcp["kind"] == "discover"]
        return {mac: int(time) for mac, time in asked.groupby("mac")["time"].min().items()}

    def cut_off(self, device: DeviceFacts, before: int, after: int) -> str:
        """Why the time of a step may not be covered, "" when it is.

        Both are nanoseconds: `before` when the next step began, 0 when none is seen; `after` when the last one before
        it began. A device that starts up in the capture has all its steps in it.
        """
        span = self.span_of(device)
        if span is None:
            return "no packet of it is in the capture"
        if span.midstream:
            return "the capture starts after it had connected"
        booted = min((self._boots[mac] for mac in device.macs if mac in self._boots), default=0)
        lead = (before or span.first) - self.starts[span.capture]
        if lead < LEAD_NS and (before or not after) and not (booted and booted < before):
            return f"the capture starts only {max(lead, 0) / 1e9:.1f} s before {'the next step' if before else 'it'}"
        left = self.ends[span.capture] - (after or span.first)
        if not before and left < PATIENCE_NS:
            return f"the capture ends {max(left, 0) / 1e9:.1f} s after the step before"
        return ""


def _common_ends(pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The addresses that are an end of every conversation between two hosts; none when there is only one."""
    hosts = (pair for pair in pairs if all(scope_of(one) in (Scope.PRIVATE, Scope.PUBLIC) for one in pair))
    common, count = frozenset(next(hosts, ())), 1
    for pair in hosts:
        common, count = common & set(pair), count + 1
        if not common:
            break
    return common if count > 1 else frozenset()
