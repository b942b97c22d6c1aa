"""How each TCP connection attempt of a client to a server port ended: the facts a verdict is made from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from lynccap.correlation.protocol_numbers import RST, SYN
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

MAX_FLOWS = 200_000  # connections to Lync servers looked at one by one: an hour of the busiest pool, not a flood
TRIES = 3  # a SYN and two repeats: fewer may be one lost packet (catalogue, tcp-filtered-silent)
SCAN_PORTS = 12  # a client that tries more ports of one server is a scanner
COPIES_NS = 200_000_000  # a mirror copies a frame sooner, and no stack repeats a SYN or its refusal so soon

OPEN = ("established", "midstream")
TWO_WAY = (*OPEN, "answered")
"""Openings of flows in which both sides were heard; the last of those that are not TCP."""
FAILED = ("refused", "unanswered")

_FLOW_COLUMNS = ["capture", "client", "server", "server_port", "opening", "first_time", "last_time", "last_time_server"]
_FRAME_COLUMNS = ["frame", "time", "from_client", "flags", "ttl"]
_ICMP_COLUMNS = ["frame", "version", "type", "code", "reporter", "from_client"]


class Ending(StrEnum):
    """How the attempts of one client to one server port ended, all taken together."""

    ANSWERED = "answered"
    """At least one connection was established."""
    REFUSED = "refused"
    """Every SYN that got an answer got a reset."""
    PROHIBITED = "prohibited"
    """ICMP said that policy forbids it."""
    UNREACHABLE = "unreachable"
    """ICMP said that the last router cannot reach the host."""
    NO_ROUTE = "no-route"
    """ICMP said that there is no way."""
    EXPIRED = "expired"
    """ICMP said that it ran out of hops on its way."""
    REJECTED = "rejected"
    """ICMP said that the port is unreachable: an active refusal, by the reporter."""
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
    first_time: int
    last_time: int
    syn_times: tuple[int, ...]
    """Distinct SYNs of the flows that failed, mirror copies left out."""
    longest_wait: int
    """Nanoseconds between the first and the last SYN of the most patient of those flows."""
    most_tries: int
    """Distinct SYNs of the most patient of those flows."""
    syn_frames: tuple[int, ...]
    """All frames of those SYNs."""
    refusals: int
    """Distinct resets, mirror copies left out."""
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


@dataclass(frozen=True, slots=True)
class Answer:
    """One connection a server accepted."""

    port: int
    client: str
    opened: int
    """When the SYN-ACK was seen, 0 for connections older than the capture."""
    last_time: int
    """When the server last sent on it."""
    last_frame: int
    flow: int


def read_answers(flows: pd.DataFrame, attempts: Iterable[Attempt]) -> dict[str, tuple[Answer, ...]]:
    """By server: the connections it accepted, in the order they were opened."""
    opened, times, frames = flows["syn_ack_time"], flows["last_time_server"], flows["last_frame_server"]
    found: dict[str, list[Answer]] = {}
    for one in attempts:
        for flow in one.established:
            answer = Answer(one.port, one.client, int(opened[flow]), int(times[flow]), int(frames[flow]), flow)
            found.setdefault(one.server, []).append(answer)
    return {server: tuple(sorted(ones, key=lambda one: (one.opened, one.flow))) for server, ones in found.items()}


def read_attempts(
    tables: Tables, servers: Iterable[str] | None = None, exempt: Iterable[str] = ()
) -> tuple[Attempt, ...]:
    """The attempts towards `servers` (all when None), in order of their first frame; `exempt` are never scanners.

    Connections that fail after the last one that worked are an attempt of their own: the server was lost later.
    """
    flows = tables.flows[tables.flows["transport"] == "tcp"]
    if servers is not None:
        flows = flows[flows["server"].isin(list(servers))]
    flows = _without_scans(flows, frozenset(exempt))[:MAX_FLOWS]
    groups: dict[tuple[int, str, str, int], list[Any]] = {}
    for row in rows_of(flows, _FLOW_COLUMNS):
        groups.setdefault((row.capture, row.client, row.server, row.server_port), []).append(row)
    ends = _by_flow(tables.tcp_frames[tables.tcp_frames["flow"].isin(flows.index)], _FRAME_COLUMNS)
    errors = _by_flow(tables.icmp[tables.icmp["flow"].isin(flows.index)], _ICMP_COLUMNS)
    made = [_attempt(key, part, ends, errors) for key, rows in groups.items() for part in _parts(rows)]
    return tuple(sorted(made, key=lambda one: (one.capture, one.first_time, one.flows)))


def _without_scans(flows: pd.DataFrame, exempt: frozenset[str]) -> pd.DataFrame:
    """Without the flows of a client that tries many ports of one server: it looks for open ones, not for Lync."""
    pairs = flows[["client", "server", "server_port"]].astype({"client": object, "server": object})
    ports = pairs.drop_duplicates().groupby(["client", "server"], sort=False, observed=True).size()
    scans = ports[(ports > SCAN_PORTS) & ~ports.index.get_level_values("client").isin(list(exempt))]
    if scans.empty:
        return flows
    scanned = pd.MultiIndex.from_frame(pairs[["client", "server"]]).isin(scans.index)
    return flows[~scanned]


def _by_flow(table: pd.DataFrame, columns: list[str]) -> dict[int, list[Any]]:
    rows: dict[int, list[Any]] = {}
    for row in rows_of(table, ("flow", *columns)):
        rows.setdefault(row.flow, []).append(row)
    return rows


def _parts(rows: list[Any]) -> Iterator[list[Any]]:
    """The flows up to the last good one, and those that failed after it."""
    good = [row for row in rows if row.opening in OPEN]
    if not good:
        yield rows
        return
    last = max(row.last_time_server for row in good)
    later = [row.opening in FAILED and row.first_time > last for row in rows]
    yield [row for row, is_later in zip(rows, later, strict=True) if not is_later]
    if any(later):
        yield [row for row, is_later in zip(rows, later, strict=True) if is_later]


def _attempt(
    key: tuple[int, str, str, int], rows: list[Any], ends: dict[int, list[Any]], errors: dict[int, list[Any]]
) -> Attempt:
    failed = [row.Index for row in rows if row.opening in FAILED]
    heard = [_handshake(ends.get(flow, [])) for flow in failed]
    resets = [reset for one in heard for reset in one.resets]
    icmp = [error for flow in failed for error in errors.get(flow, []) if error.from_client]
    return Attempt(
        capture=int(key[0]),
        client=str(key[1]),
        server=str(key[2]),
        port=int(key[3]),
        flows=tuple(int(row.Index) for row in rows),
        ending=_ending({row.opening for row in rows}, icmp),
        established=tuple(int(row.Index) for row in rows if row.opening in OPEN),
        refused=tuple(int(row.Index) for row in rows if row.opening == "refused"),
        first_time=int(min(row.first_time for row in rows)),
        last_time=int(max(row.last_time for row in rows)),
        syn_times=tuple(sorted(time for one in heard for time in one.tries)),
        longest_wait=max((one.spread for one in heard), default=0),
        most_tries=max((len(one.tries) for one in heard), default=0),
        syn_frames=tuple(frame for _, frame in sorted(syn for one in heard for syn in one.syns)),
        refusals=sum(one.refusals for one in heard),
        rst_frames=tuple(sorted(frame for frame, _ in resets)),
        rst_ttls=tuple(sorted({ttl for _, ttl in resets})),
        rst_delays=tuple(delay for one in heard for delay in one.delays),
        icmp_frames=tuple(int(error.frame) for error in icmp),
        icmp_codes=tuple(sorted({(int(error.type), int(error.code)) for error in icmp})),
        reporters=tuple(sorted({str(error.reporter) for error in icmp})),
    )


@dataclass(slots=True)
class _Handshake:
    """The SYNs and resets of one flow that never opened."""

    syns: list[tuple[int, int]]
    """(time, frame), copies included"""
    tries: list[int]
    """Times of distinct SYNs."""
    resets: list[tuple[int, int]]
    """(frame, ttl), copies included"""
    refusals: int
    """Distinct resets."""
    delays: list[int]

    @property
    def spread(self) -> int:
        """From the first SYN to its last repeat, in nanoseconds."""
        return self.tries[-1] - self.tries[0] if self.tries else 0


def _handshake(rows: list[Any]) -> _Handshake:
    heard = _Handshake([], [], [], 0, [])
    last_reset = 0
    for row in rows:
        time = int(row.time)
        if row.from_client and row.flags & SYN:
            heard.syns.append((time, int(row.frame)))
            if not heard.tries or time - heard.tries[-1] > COPIES_NS:
                heard.tries.append(time)
        elif not row.from_client and row.flags & RST:
            heard.resets.append((int(row.frame), int(row.ttl)))
            if not last_reset or time - last_reset > COPIES_NS:
                heard.refusals += 1
                if heard.tries:
                    heard.delays.append(time - heard.tries[-1])
            last_reset = time
    return heard


PROHIBITED_CODES = {4: {(3, 9), (3, 10), (3, 13)}, 6: {(1, 1), (1, 5), (1, 6)}}
"""RFC 1812 5.2.7.1, RFC 4443 3.1: administratively prohibited, source policy, reject route."""
UNREACHABLE_CODES = {4: {(3, 1)}, 6: {(1, 3)}}
NO_ROUTE_CODES = {4: {(3, 0), (3, 5), (3, 6), (3, 7)}, 6: {(1, 0)}}
EXPIRED_CODES = {4: {(11, 0)}, 6: {(3, 0)}}
PORT_CODES = {4: {(3, 3)}, 6: {(1, 4)}}
_ICMP_ENDINGS = (
    (PROHIBITED_CODES, Ending.PROHIBITED),
    (UNREACHABLE_CODES, Ending.UNREACHABLE),
    (NO_ROUTE_CODES, Ending.NO_ROUTE),
    (EXPIRED_CODES, Ending.EXPIRED),
    (PORT_CODES, Ending.REJECTED),
)


def _ending(seen: set[str], icmp: list[Any]) -> Ending:
    if "established" in seen:
        return Ending.ANSWERED
    if "midstream" in seen:
        return Ending.MIDSTREAM
    for table, ending in _ICMP_ENDINGS:
        if any((error.type, error.code) in table.get(error.version, set()) for error in icmp):
            return ending
    for name, ending in (
        ("refused", Ending.REFUSED),
        ("half-open", Ending.HALF_OPEN),
    ):
        if name in seen:
            return ending
    return Ending.UNANSWERED
