"""How each TCP connection attempt of a client to a server port ended: the facts a verdict is made from."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from lynccap.tables import Tables

MAX_ATTEMPTS = 20_000  # client/server/port groups looked at; a scan beyond it is counted, not judged one by one
SAME_SYN_NS = 1_000_000  # copies of one SYN by a mirror port arrive within a millisecond

SYN, RST, ACK = 2, 4, 16


class Ending(StrEnum):
    """How the attempts of one client to one server port ended, all taken together."""

    ANSWERED = "answered"
    """At least one connection was established."""
    REFUSED = "refused"
    """Every SYN that got an answer got a reset."""
    PROHIBITED = "prohibited"
    """ICMP said that policy forbids it."""
    NO_ROUTE = "no-route"
    """ICMP said that there is no way."""
    UNANSWERED = "unanswered"
    """Nothing came back."""
    HALF_OPEN = "half-open"
    """SYN-ACK seen, the client never completed."""
    MIDSTREAM = "midstream"
    """The capture began after the connection."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """All TCP flows of one client to one server port in one capture."""

    capture: int
    client: str
    server: str
    port: int
    flows: tuple[int, ...]
    ending: Ending
    established: tuple[int, ...]
    """The flows that were established or seen in mid-stream."""
    refused: tuple[int, ...]
    unanswered: tuple[int, ...]
    first_time: int
    last_time: int
    syn_times: tuple[int, ...]
    """Distinct SYNs of the flows that failed, mirror copies left out."""
    syn_frames: tuple[int, ...]
    """All frames of those SYNs."""
    rst_frames: tuple[int, ...]
    rst_ttls: tuple[int, ...]
    rst_delays: tuple[int, ...]
    """Nanoseconds from a SYN to the reset that answered it."""
    icmp_frames: tuple[int, ...]
    icmp_codes: tuple[tuple[int, int], ...]
    """Type and code of the ICMP errors that quote a SYN, distinct."""
    reporters: tuple[str, ...]
    """Who sent the ICMP errors."""

    @property
    def failed_frames(self) -> tuple[int, ...]:
        """Every frame that shows the failure, in order."""
        return tuple(sorted({*self.syn_frames, *self.rst_frames, *self.icmp_frames}))


def read_attempts(tables: Tables, servers: Iterable[str] | None = None) -> tuple[Attempt, ...]:
    """The attempts towards `servers` (all when None), in order of their first frame."""
    flows = tables.flows[tables.flows["transport"] == "tcp"]
    if servers is not None:
        flows = flows[flows["server"].isin(list(servers))]
    keys = ["capture", "client", "server", "server_port"]
    groups = list(flows.groupby(keys, sort=False, observed=True))[:MAX_ATTEMPTS]
    handshakes = tables.tcp_frames[tables.tcp_frames["flow"].isin(flows.index)]
    by_flow = dict(list(handshakes.groupby("flow", sort=False)))
    errors = tables.icmp[tables.icmp["flow"] >= 0]
    icmp_by_flow = dict(list(errors.groupby("flow", sort=False)))
    made = [_attempt(key, group, by_flow, icmp_by_flow) for key, group in groups]
    return tuple(sorted(made, key=lambda one: (one.capture, one.first_time, one.flows)))


def _attempt(
    key: tuple[int, str, str, int],
    group: pd.DataFrame,
    by_flow: dict[int, pd.DataFrame],
    icmp_by_flow: dict[int, pd.DataFrame],
) -> Attempt:
    opening = group["opening"]
    refused = tuple(group.index[opening == "refused"])
    unanswered = tuple(group.index[opening == "unanswered"])
    open_flows = tuple(group.index[opening.isin(("established", "midstream"))])
    failed = [flow for flow in group.index if flow in (*refused, *unanswered)]
    syns, resets, delays = _handshake([by_flow[flow] for flow in failed if flow in by_flow])
    errors = [icmp_by_flow[flow] for flow in group.index if flow in icmp_by_flow]
    icmp = pd.concat(errors) if errors else None
    codes = () if icmp is None else tuple(sorted(set(zip(icmp["type"], icmp["code"], strict=True))))
    versions = () if icmp is None else tuple(icmp["version"].unique())
    return Attempt(
        capture=int(key[0]),
        client=str(key[1]),
        server=str(key[2]),
        port=int(key[3]),
        flows=tuple(int(flow) for flow in group.index),
        ending=_ending(opening, codes, versions),
        established=open_flows,
        refused=refused,
        unanswered=unanswered,
        first_time=int(group["first_time"].min()),
        last_time=int(group["last_time"].max()),
        syn_times=_distinct(syns),
        syn_frames=tuple(frame for _, frame in syns),
        rst_frames=tuple(frame for frame, _ in resets),
        rst_ttls=tuple(sorted({ttl for _, ttl in resets})),
        rst_delays=tuple(delays),
        icmp_frames=() if icmp is None else tuple(int(frame) for frame in icmp["frame"]),
        icmp_codes=tuple((int(kind), int(code)) for kind, code in codes),
        reporters=() if icmp is None else tuple(sorted(set(icmp["reporter"]))),
    )


def _handshake(
    parts: list[pd.DataFrame],
) -> tuple[list[tuple[int, int]], list[tuple[int, int]], list[int]]:
    """SYNs as (time, frame), resets as (frame, ttl), and the delays between them, of flows that failed."""
    syns: list[tuple[int, int]] = []
    resets: list[tuple[int, int]] = []
    delays: list[int] = []
    for rows in parts:
        last_syn = 0
        for row in rows.itertuples():
            if row.from_client and row.flags & SYN:
                syns.append((int(row.time), int(row.frame)))
                last_syn = int(row.time)
            elif not row.from_client and row.flags & RST:
                resets.append((int(row.frame), int(row.ttl)))
                if last_syn:
                    delays.append(int(row.time) - last_syn)
    return sorted(syns), resets, delays


def _distinct(syns: list[tuple[int, int]]) -> tuple[int, ...]:
    times: list[int] = []
    for time, _ in syns:
        if not times or time - times[-1] > SAME_SYN_NS:
            times.append(time)
    return tuple(times)


PROHIBITED_CODES = {4: {(3, 9), (3, 10), (3, 13)}, 6: {(1, 1), (1, 5), (1, 6)}}
"""RFC 1812 5.2.7.1, RFC 4443 3.1: administratively prohibited, source policy, reject route."""
NO_ROUTE_CODES = {4: {(3, 0), (3, 1), (3, 5), (3, 6), (3, 7)}, 6: {(1, 0), (1, 3)}}


def _ending(opening: "pd.Series[str]", codes: tuple[tuple[int, int], ...], versions: tuple[int, ...]) -> Ending:
    seen = set(opening)
    if "established" in seen:
        return Ending.ANSWERED
    for table, ending in ((PROHIBITED_CODES, Ending.PROHIBITED), (NO_ROUTE_CODES, Ending.NO_ROUTE)):
        if any(code in table.get(int(version), set()) for version in versions for code in codes):
            return ending
    for name, ending in (
        ("refused", Ending.REFUSED),
        ("midstream", Ending.MIDSTREAM),
        ("half-open", Ending.HALF_OPEN),
    ):
        if name in seen:
            return ending
    return Ending.UNANSWERED
