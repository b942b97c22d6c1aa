"""Speech between a gateway and whoever it speaks with, and what else the gateway says on the way: its reports."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.media.calls.book import CallBook
from lynccap.correlation.media.calls.records import Call, Half, Leg
from lynccap.correlation.roles.claims import GATEWAY, RoleBook
from lynccap.correlation.rows import rows_of
from lynccap.tables import SECOND, Tables

LINGER_NS = SECOND  # a last report follows the last media at once


@dataclass(frozen=True, slots=True)
class TrunkLeg:
    """One audio leg of which one end is a telephone gateway."""

    call: Call
    leg: Leg
    gateway: str
    other: str
    """A Mediation Server, or with media bypass a client."""
    sent: Half
    """What the gateway sent …"""
    heard: Half
    """… and what it got."""
    reports: tuple[tuple[int, int], ...]
    """Time and frame of the gateway's RTCP to the other end, in order."""
    other_reports: tuple[tuple[int, int], ...]

    @property
    def last_heard(self) -> int:
        """When the gateway last sent anything of this call: media, or a report of it. 0 when it sent nothing."""
        return max(self.sent.last_time, self.reports[-1][0] if self.reports else 0)


def read_trunk_legs(tables: Tables, roles: RoleBook, calls: CallBook) -> tuple[TrunkLeg, ...]:
    """All of them, in the order of their calls."""
    gateways = {address for address in roles.claims if roles.has(address, GATEWAY)}
    if not gateways:
        return ()
    found = [one for call in calls.calls for leg in call.legs for one in _of(call, leg, gateways)]
    if not found:
        return ()
    reports = _Reports(tables, gateways)
    return tuple(TrunkLeg(*one, *reports.of(one[1], *one[2:4])) for one in found)


def _of(call: Call, leg: Leg, gateways: set[str]) -> Iterator[tuple[Call, Leg, str, str, Half, Half]]:
    addresses = [party.address for party in leg.parties]
    places = [place for place, address in enumerate(addresses) if address in gateways]
    if leg.kind == "audio" and leg.flows and len(places) == 1 and addresses[1 - places[0]]:
        sent, heard = (leg.forth, leg.back) if places[0] == 0 else (leg.back, leg.forth)
        yield call, leg, addresses[places[0]], addresses[1 - places[0]], sent, heard


class _Reports:
    """RTCP of gateways: on the ports of the media, or on the ones beside them (RFC 3550 11)."""

    def __init__(self, tables: Tables, gateways: set[str]) -> None:
        flows = tables.flows
        names = ["capture", "client", "client_port", "server", "server_port"]
        rtcp = tables["rtcp"]
        ends = flows.loc[rtcp["flow"].unique(), names]
        ends = ends[ends["client"].isin(gateways) | ends["server"].isin(gateways)]
        self._flows = {row.Index: row for row in rows_of(ends, names)}
        self._ports = flows
        self._said: dict[tuple[int, frozenset[str]], list[Any]] = {}
        for row in rows_of(rtcp[rtcp["flow"].isin(list(self._flows))], ("flow", "frame", "time", "from_client")):
            flow = self._flows[row.flow]
            self._said.setdefault((flow.capture, frozenset({flow.client, flow.server})), []).append(row)

    def of(self, leg: Leg, gateway: str, other: str) -> tuple[tuple[tuple[int, int], ...], ...]:
        """The reports of both ends about a leg: those on its ports or beside them, while it lasts and after."""
        said = self._said.get((leg.capture, frozenset({gateway, other})), [])
        if not said:
            return (), ()
        media = {frozenset(_ends(self._ports.loc[flow])) for flow in leg.flows}
        beside = media | {frozenset((address, port + 1) for address, port in ends) for ends in media}
        mine = [row for row in said if frozenset(_ends(self._flows[row.flow])) in beside]
        mine = [row for row in mine if int(row.time) >= leg.first_time - LINGER_NS]
        return tuple(
            tuple((int(row.time), int(row.frame)) for row in mine if self._sender(row) == address)
            for address in (gateway, other)
        )

    def _sender(self, row: Any) -> str:
        flow = self._flows[row.flow]
        return str(flow.client if row.from_client else flow.server)


def _ends(flow: Any) -> tuple[tuple[str, int], tuple[str, int]]:
    return (flow.client, int(flow.client_port)), (flow.server, int(flow.server_port))
