"""What a capture shows of its hosts beside one connection: their TTLs, round trips, and until when they speak."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lynccap.correlation.closings.kinds import Points, Sign
from lynccap.tables import Tables

TTL_SLACK = 1  # one hop more or less may be the host on another path, or a box beside it: nobody is named
CHOSEN_TTL = 16  # so low or lower is a program's choice (BGP to a neighbour: 1), not what the host sends resets with
NEARER = 2  # an answer in less than half the round trip did not come from as far away …
NOISE_NS = 300_000  # … unless both are so quick that a busy host makes the difference


@dataclass(frozen=True)
class Hosts:
    """Answers for all captures of a case."""

    tables: Tables
    ttls_of: Callable[[int, str], frozenset[int]]
    """The TTLs of a host's packets in a capture, resets left out."""
    speaks_after: Callable[[int, str, int], int]
    """The last frame an address sent in a capture, 0 when it sent none from a time on."""
    ttl_signs: dict[tuple[int, str, int, int, frozenset[int]], Sign | None] = field(default_factory=dict, compare=False)
    """What was made of TTLs before: the resets of one host are much alike."""

    @cached_property
    def _round_trips(self) -> dict[tuple[int, str, str], tuple[int, int]]:
        flows = self.tables.flows
        opened = flows[(flows["syn_ack_time"] > 0) & (flows["syn_time"] > 0)]
        trips = opened["syn_ack_time"] - opened["syn_time"]
        found: dict[tuple[int, str, str], tuple[int, int]] = {}
        keys = zip(*(opened[name].tolist() for name in ("capture", "client", "server")), strict=True)
        for key, trip in zip(keys, trips.tolist(), strict=True):
            quickest, count = found.get(key, (trip, 0))
            found[key] = min(quickest, trip), count + 1
        return found

    @cached_property
    def _routed(self) -> frozenset[int]:
        captures = self.tables.captures
        return frozenset(captures.index[captures["routed_copies"] > 0].tolist())

    def routed(self, capture: int) -> bool:
        """Whether the capture sees both sides of a router."""
        return capture in self._routed

    def round_trip(self, capture: int, client: str, server: str) -> int:
        """The quickest handshake of two hosts in nanoseconds, 0 when there is none."""
        return self._round_trips.get((capture, client, server), (0, 0))[0]

    def knows_round_trip(self, capture: int, client: str, server: str) -> bool:
        """Whether there is more than one handshake: a single one may have waited for ARP or a busy server."""
        return self._round_trips.get((capture, client, server), (0, 0))[1] > 1

    def too_quick(self, capture: int, client: str, server: str, delays: Sequence[int]) -> bool:
        """Whether answers that took so many nanoseconds all came sooner than this server can answer this client."""
        trip = self.round_trip(capture, client, server)
        if trip <= 0 or min(delays, default=-1) < 0:  # recorded before what it answers: the times mean nothing
            return False
        return max(delays) * NEARER < trip and trip - max(delays) >= NOISE_NS

    def judge_ttls(self, capture: int, own: frozenset[int], seen: frozenset[int]) -> Points:
        """Whether resets with these TTLs came from a host whose other packets carry its `own` ones."""
        if not own or not seen or min(own) <= CHOSEN_TTL:
            return Points.NEITHER
        if own >= seen:
            # Recorded on both sides of a router, and the resets on one side only: they may be the router's own.
            return Points.NEITHER if self.routed(capture) and own != seen else Points.HOST
        near = all(any(abs(ttl - one) <= TTL_SLACK for one in own) for ttl in seen)
        return Points.NEITHER if near else Points.BOX
