"""Addresses at one capture point that stand for others: a translator's, or a balancer's towards its servers."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lynccap.correlation.case import Case
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.relations import Relation

SEALED = "tls"  # what is encrypted end to end is known again behind every device that passes it on unread


@dataclass(frozen=True, slots=True)
class Original:
    """Who an address stands for in one conversation, by the point nearer to the client."""

    place: int
    """Of the case that shows it."""
    client: str
    server: str
    recreated: bool
    """Over another connection."""


@dataclass(frozen=True)
class StandIns:
    """The conversations whose client has another address at the point nearer to it."""

    cases: Sequence[Case]
    crossings: Crossings

    def clients_of(self, place: int, address: str) -> tuple[tuple[int, str], ...]:
        """Case and address of those that an address of a case stands for; () when it has conversations of its own.

        A balancer's other connections to the same servers are others' as well, or its questions whether they are up.
        """
        stands = {
            flow: one for flow, one in self._originals.get(place, {}).items() if self._client(place, flow) == address
        }
        if not stands:
            return ()
        flows = self.cases[place].flows
        mine = flows[flows["client"] == address]
        rest = mine[~mine.index.isin(list(stands)) & mine["server"].isin(self._servers(place))]
        if len(rest) and not all(one.recreated for one in stands.values()):
            return ()
        served = {flows.at[flow, "server"] for flow in stands}
        if not served.issuperset(rest["server"]) or (rest["stack"].str.startswith(SEALED)).any():
            return ()
        return tuple(sorted({(one.place, one.client) for one in stands.values()}))

    def ends_of(self, place: int, client: str, server: str) -> tuple[int, str, str] | None:
        """Case, client and server that all conversations of two hosts are, as the point nearer to the client has it."""
        behind = self.clients_of(place, client)
        flows = self._originals.get(place, {})
        found = {
            (one.place, one.client, one.server)
            for flow, one in flows.items()
            if self._client(place, flow) == client and self.cases[place].flows.at[flow, "server"] == server
        }
        return next(iter(found)) if behind and len(found) == 1 else None

    def _servers(self, place: int) -> list[str]:
        return list(self.cases[place].roles.servers())

    def _client(self, place: int, flow: int) -> str:
        return str(self.cases[place].flows.at[flow, "client"])

    @cached_property
    def _originals(self) -> Mapping[int, Mapping[int, Original]]:
        """By case and flow."""
        found: dict[int, dict[int, Original]] = defaultdict(dict)
        for place, flow, one in self._read():
            found[place][flow] = one
        return found

    def _read(self) -> Iterator[tuple[int, int, Original]]:
        for one in self.crossings.all:
            if one.client_translated and UNKNOWN not in (one.flow_a, one.flow_b) and one.capture_a != one.capture_b:
                yield from self._translated(one)

    def _translated(self, one: Crossing) -> Iterator[tuple[int, int, Original]]:
        ends = ((one.capture_a, one.flow_a), (one.capture_b, one.flow_b))
        for (place, flow), (near, origin) in (ends, ends[::-1]):
            row = self.cases[near].flows.loc[origin]
            if one.nearer_client == near and row["client"] != self._client(place, flow):
                recreated = one.relation == Relation.RECREATED
                yield place, flow, Original(near, str(row["client"]), str(row["server"]), recreated)
