"""Addresses at one capture point that stand for others: a translator's, or a balancer's towards its servers."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
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
        return self._clients.get((place, address), ())

    def ends_of(self, place: int, client: str, server: str) -> tuple[int, str, str] | None:
        """Case, client and server that all conversations of two hosts are, as the point nearer to the client has it."""
        found = self._ends.get((place, client, server), set())
        return next(iter(found)) if len(found) == 1 and self.clients_of(place, client) else None

    @cached_property
    def _clients(self) -> dict[tuple[int, str], tuple[tuple[int, str], ...]]:
        stands: dict[tuple[int, str], dict[int, Original]] = defaultdict(dict)
        for place, flows in self._originals.items():
            for flow, one in flows.items():
                stands[place, self._end(place, flow, "client")][flow] = one
        servers = {place: frozenset(self.cases[place].roles.servers()) for place in self._originals}
        return {
            (place, address): tuple(sorted({(one.place, one.client) for one in flows.values()}))
            for (place, address), flows in stands.items()
            if not self._has_own(place, address, flows, servers[place])
        }

    def _has_own(self, place: int, address: str, stands: Mapping[int, Original], servers: Collection[str]) -> bool:
        """Whether it has conversations with Lync servers that nobody's at the other point are."""
        flows = self.cases[place].flows
        mine = flows[flows["client"] == address]
        rest = mine[~mine.index.isin(list(stands)) & mine["server"].isin(list(servers))]
        if len(rest) and not all(one.recreated for one in stands.values()):
            return True
        served = {flows.at[flow, "server"] for flow in stands}
        return not served.issuperset(rest["server"]) or bool(rest["stack"].str.startswith(SEALED).any())

    @cached_property
    def _ends(self) -> dict[tuple[int, str, str], set[tuple[int, str, str]]]:
        found: dict[tuple[int, str, str], set[tuple[int, str, str]]] = defaultdict(set)
        for place, flows in self._originals.items():
            for flow, one in flows.items():
                ends = (place, self._end(place, flow, "client"), self._end(place, flow, "server"))
                found[ends].add((one.place, one.client, one.server))
        return found

    def _end(self, place: int, flow: int, side: str) -> str:
        return str(self.cases[place].flows.at[flow, side])

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
            if one.nearer_client == near and row["client"] != self._end(place, flow, "client"):
                recreated = one.relation == Relation.RECREATED
                yield place, flow, Original(near, str(row["client"]), str(row["server"]), recreated)
