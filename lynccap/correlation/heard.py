"""When hosts last sent and were sent anything: whether silence is theirs, or the capture's.

A host that is heard afterwards was up, and the capture stood where it could be heard.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from lynccap.correlation.attempts import Attempt, Ending

UNHEARD_NS = 2_000_000_000  # data a server that is up would have acknowledged long before


@dataclass(frozen=True)
class HeardBook:
    """Who was heard when, and with which TTLs; times in nanoseconds since 1970."""

    flows: pd.DataFrame
    attempts: Sequence[Attempt]

    def heard_after(self, capture: int, address: str, time: int) -> int:
        """The last frame an address sent in a capture, 0 when it sent none at or after `time`."""
        last, frame = self._last_sent.get((capture, address), (0, 0))
        return frame if last >= time else 0

    def fell_silent(self, server: str, since: int) -> bool:
        """Whether somebody else's data or SYNs to the server stay without any answer from then on."""
        unheard, tried = self._unheard.get(server, 0), self._last_in_vain.get(server, 0)
        return unheard >= since or tried > since

    def heard_by(self, capture: int, address: str, time: int) -> bool:
        """Whether anybody sent the address anything at or after `time`."""
        return self._last_received.get((capture, address), 0) >= time

    def ttls_of(self, capture: int, address: str) -> frozenset[int]:
        """The TTLs of a host's TCP packets in one capture, resets left out; empty when it sent none.

        Other protocols say little: multicast and ICMP have TTLs of their own.
        """
        return self._ttls.get((capture, address), frozenset())

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
    def _ttls(self) -> dict[tuple[int, str], frozenset[int]]:
        found: dict[tuple[int, str], set[int]] = defaultdict(set)
        tcp = self.flows[self.flows["transport"] == "tcp"]
        for side in ("client", "server"):
            columns = ["capture", side, f"ttl_{side}_min", f"ttl_{side}_max"]
            for capture, address, low, high in tcp[columns].drop_duplicates().itertuples(index=False):
                found[capture, address] |= {low, high} - {0}
        return {key: frozenset(values) for key, values in found.items()}


def _latest(table: pd.DataFrame) -> pd.DataFrame:
    """Of each capture and address (the first two columns) the row with the latest time (the third)."""
    capture, address, time, *_ = table.columns
    return table.sort_values(time, kind="stable").drop_duplicates([capture, address], keep="last")
