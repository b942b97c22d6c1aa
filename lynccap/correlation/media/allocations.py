"""TURN allocations: what each device asked a relay for, step by step, what it was given, and how that ended.

The exchange is that of [MS-TURN] 3.1 and 3.2: a request without credentials, a challenge (401), the signed request,
the success with a relay address and a lifetime; refreshes; a release, which is a request for lifetime 0.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from lynccap.correlation.names import tunnelled
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

MAX_STEPS = 512  # of one flow; an hour of refreshes has about ten
_BEGUN = ("flow", "frame", "time")
STREAMS = {1: "audio", 2: "video", 3: "supplemental video", 4: "data"}
CHALLENGE, STALE_NONCE, TRY_ALTERNATE = 401, 438, 300
LYNC_REALM = "rtcmedia"


class AllocationStepKind(StrEnum):
    """What one message did for an allocation."""

    REQUEST = "request"
    """Without credentials."""
    SIGNED = "signed request"
    REFRESH = "refresh"
    """A signed request when there is an allocation already."""
    RELEASE = "release"
    REPEAT = "repeated request"
    """The same transaction once more: nothing had come back."""
    CHALLENGED = "challenge"
    REJECTED = "credentials rejected"
    """401 to a signed request."""
    STALE = "stale nonce"
    ALTERNATE = "sent to another relay"
    """300."""
    ERROR = "error"
    GRANTED = "granted"
    REFRESHED = "refreshed"
    RELEASED = "released"
    ACTIVATE = "set active destination"
    ACTIVATED = "active destination set"


class AllocationEnding(StrEnum):
    """How an allocation ended, as far as the capture shows."""

    NOT_GRANTED = "never granted"
    RELEASED = "released"
    CLOSED = "closed with its connection"
    LAPSED = "not renewed within its lifetime"
    ELSEWHERE = "granted from another address of the relay"
    """The answer to a request of this flow is in another one: a relay that sends clients on answers so."""
    ALIVE = "still alive when the capture ends"


@dataclass(frozen=True, slots=True)
class AllocationStep:
    """One message of the exchange."""

    kind: AllocationStepKind
    frame: int
    time: int
    code: int | None = None
    """Of errors."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A request to send plain media to one peer from now on (Set Active Destination)."""

    peer: str
    """As "address:port"."""
    frame: int
    time: int
    success_frame: int | None
    code: int | None
    """Of the error it was answered with."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """One flow on which a device asked a relay for an allocation."""

    flow: int
    capture: int
    client: str
    server: str
    port: int
    transport: str
    request_frames: tuple[int, ...]
    request_times: tuple[int, ...]
    challenge_frames: tuple[int, ...]
    """401 and 438 answers."""
    success_frames: tuple[int, ...]
    errors: tuple[tuple[int, int], ...]
    """Frame and code of errors other than 401 and 438."""
    reflexive: str | None
    alternate: str | None
    """ALTERNATE-SERVER of the challenge: the address the relay gives itself."""
    peers: tuple[str, ...]
    """Peers named in Send and Set Active Destination, as "address:port"."""
    relays: tuple[str, ...]
    """The allocated addresses as "address:port", in the order they were given; several after a release."""
    steps: tuple[AllocationStep, ...]
    """At most MAX_STEPS, the first ones."""
    lifetime: int | None
    """Seconds, as last granted."""
    bandwidth: int | None
    """Peak kilobits per second, as last granted."""
    stream: str | None
    """audio, video, supplemental video or data, as asked for."""
    connection_id: bytes
    """The relay session, which may span several flows; b"" when neither side told it."""
    session_id: bytes
    """Its name in 0xFF10 frames, b"" without."""
    activations: tuple[Activation, ...]
    ending: AllocationEnding
    ended: int
    """When it ended (nanoseconds), 0 when it was never granted or is alive."""
    tunnelled: bool = False
    """It was asked for through an HTTP proxy, which is then what `server` and `port` are."""

    @property
    def answered(self) -> bool:
        """Whether the relay said anything."""
        return bool(self.challenge_frames or self.success_frames or self.errors)

    @property
    def relay(self) -> str | None:
        """The first address allocated, as "address:port"."""
        return self.relays[0] if self.relays else None

    @property
    def active(self) -> Activation | None:
        """The last activation the relay agreed to."""
        return next((one for one in reversed(self.activations) if one.success_frame is not None), None)

    def active_at(self, time: int) -> str | None:
        """The peer plain data went to at a time: the last activation asked for by then that the relay agreed to."""
        agreed = [one.peer for one in self.activations if one.success_frame is not None and one.time <= time]
        return agreed[-1] if agreed else None


def read_allocations(tables: Tables) -> list[Allocation]:
    """The allocations of all captures, in the order of their flows."""
    stun = tables["stun"]
    turn = stun[(stun["dialect"] == "ms-turn") & stun["method"].notna()]
    control = turn[turn["method"].isin(("allocate", "set-active-destination"))]
    if control.empty:
        return []
    named = turn.loc[turn["destination"].notna(), ["flow", "destination"]].drop_duplicates()
    peers: dict[int, list[str]] = defaultdict(list)
    for flow, peer in zip(named["flow"].tolist(), named["destination"].tolist(), strict=True):
        peers[flow].append(peer)
    granted_on, tunnels = _granted_on(control), tunnelled(tables.flows)
    begun = turn.drop_duplicates("flow")
    first = {flow: (frame, time) for flow, frame, time in zip(*(begun[one] for one in _BEGUN), strict=True)}
    rows: dict[int, list[Any]] = defaultdict(list)
    for row in rows_of(control, control.columns):
        rows[int(row.flow)].append(row)
    flows = tables.flows.loc[sorted(rows)]
    ends = tables.captures["last_time"]
    return [
        _allocation(
            flow,
            rows[flow.Index],
            tuple(peers[flow.Index]),
            first[flow.Index],
            _ending(flow, rows[flow.Index], int(ends[flow.capture]), granted_on),
            flow.Index in tunnels,
        )
        for flow in rows_of(flows, flows.columns)
        if any(row.method == "allocate" for row in rows[flow.Index]) and _is_microsofts(rows[flow.Index])
    ]


def _is_microsofts(rows: list[Any]) -> bool:
    """Whether an exchange has what only Microsoft's dialect has: the cookie is that of an early draft, and the relays
    of Google Talk used it as well (draft-rosenberg-midcom-turn).
    """
    return any(
        row.ms_version is not None
        or row.connection_id
        or row.stream_type is not None
        or (row.realm or "").strip('"') == LYNC_REALM
        for row in rows
    )


def _allocation(
    flow: Any,
    rows: list[Any],
    peers: tuple[str, ...],
    first: tuple[int, int],
    end: tuple[AllocationEnding, int],
    through_proxy: bool,
) -> Allocation:
    allocate = [row for row in rows if row.method == "allocate"]
    requests = [row for row in allocate if row.kind == "request"]
    successes = [row for row in allocate if row.kind == "response"]
    errors = [row for row in allocate if row.kind == "error"]
    challenges = [row for row in errors if row.error_code in (CHALLENGE, STALE_NONCE)]
    granted = [row for row in successes if row.lifetime != 0]
    client, server, port = _ends(flow, allocate)
    return Allocation(
        flow=int(flow.Index),
        capture=int(flow.capture),
        client=client,
        server=server,
        port=int(port),
        transport=flow.transport,
        request_frames=tuple(int(row.frame) for row in requests) or (int(first[0]),),
        request_times=tuple(int(row.time) for row in requests) or (int(first[1]),),
        challenge_frames=tuple(int(row.frame) for row in challenges),
        success_frames=tuple(int(row.frame) for row in successes),
        errors=tuple((int(row.frame), int(row.error_code)) for row in errors if _is_refusal(row)),
        reflexive=_first(successes, "xor_mapped_address"),
        alternate=_first(errors, "alternate_server"),
        peers=peers,
        relays=tuple(dict.fromkeys(row.mapped_address for row in successes if row.mapped_address)),
        steps=tuple(_steps(rows)),
        lifetime=_first(granted[::-1], "lifetime"),
        bandwidth=_first(granted[::-1], "bandwidth"),
        stream=STREAMS.get(_first(requests, "stream_type") or 0),
        connection_id=_first(successes, "connection_id") or _first(allocate, "connection_id") or b"",
        session_id=_first(successes, "session_id") or _first(allocate, "session_id") or b"",
        activations=tuple(_activations(rows)),
        ending=end[0],
        ended=end[1],
        tunnelled=through_proxy,
    )


def _ends(flow: Any, allocate: list[Any]) -> tuple[str, str, int]:
    """Who asks, whom, on which port.

    A capture that begins later than the flow, or lacks what the client sent, holds the relay's packet first.
    """
    if any((row.kind == "request") != bool(row.from_client) for row in allocate):
        return flow.server, flow.client, flow.client_port
    return flow.client, flow.server, flow.server_port


def _is_refusal(row: Any) -> bool:
    return row.error_code is not None and row.error_code not in (CHALLENGE, STALE_NONCE)


def _first(rows: list[Any], name: str) -> Any:
    """The first value of a column that is one."""
    return next((found for row in rows if (found := getattr(row, name))), None)


def _steps(rows: list[Any]) -> Iterator[AllocationStep]:
    """The messages of one flow in order, each with what it did; answers find their request by its transaction."""
    asked: dict[Any, AllocationStepKind] = {}
    last, holds = AllocationStepKind.REQUEST, False
    for row in rows[:MAX_STEPS]:
        if row.kind == "request":
            kind = _asks(row, holds)
            repeated = row.transaction_id in asked
            last = asked.setdefault(row.transaction_id, kind) if row.transaction_id else kind
            yield AllocationStep(AllocationStepKind.REPEAT if repeated else kind, int(row.frame), int(row.time))
            continue
        answers = asked.get(row.transaction_id, last)
        kind = _says(row, answers)
        if kind in (AllocationStepKind.GRANTED, AllocationStepKind.RELEASED):
            holds = kind is AllocationStepKind.GRANTED
        yield AllocationStep(kind, int(row.frame), int(row.time), _code(row))


def _code(row: Any) -> int | None:
    return int(row.error_code) if row.kind == "error" and row.error_code is not None else None


def _asks(row: Any, holds: bool) -> AllocationStepKind:
    if row.method != "allocate":
        return AllocationStepKind.ACTIVATE
    if row.lifetime == 0:
        return AllocationStepKind.RELEASE
    if not (row.has_integrity or row.has_username):
        return AllocationStepKind.REQUEST
    return AllocationStepKind.REFRESH if holds else AllocationStepKind.SIGNED


_SUCCESSES = {
    AllocationStepKind.REFRESH: AllocationStepKind.REFRESHED,
    AllocationStepKind.RELEASE: AllocationStepKind.RELEASED,
    AllocationStepKind.ACTIVATE: AllocationStepKind.ACTIVATED,
}
_ERRORS = {STALE_NONCE: AllocationStepKind.STALE, TRY_ALTERNATE: AllocationStepKind.ALTERNATE}


def _says(row: Any, asked: AllocationStepKind) -> AllocationStepKind:
    if row.kind != "error":
        if row.method != "allocate":
            return AllocationStepKind.ACTIVATED
        return AllocationStepKind.RELEASED if row.lifetime == 0 else _SUCCESSES.get(asked, AllocationStepKind.GRANTED)
    if row.error_code == CHALLENGE:
        return AllocationStepKind.CHALLENGED if asked is AllocationStepKind.REQUEST else AllocationStepKind.REJECTED
    return _ERRORS.get(row.error_code, AllocationStepKind.ERROR)


def _activations(rows: list[Any]) -> Iterator[Activation]:
    active = [row for row in rows if row.method == "set-active-destination"]
    answers: dict[Any, Any] = {}
    for row in active:
        if row.kind != "request":
            answers.setdefault(row.transaction_id, row)
    seen: set[Any] = set()
    for row in active:
        if len(seen) >= MAX_STEPS:
            return
        if row.kind != "request" or not row.destination or (row.transaction_id and row.transaction_id in seen):
            continue
        seen.add(row.transaction_id)
        answer = answers.get(row.transaction_id)
        frame = int(answer.frame) if answer is not None and answer.kind == "response" else None
        code = None if answer is None else _code(answer)
        yield Activation(row.destination, int(row.frame), int(row.time), frame, code)


def _granted_on(control: pd.DataFrame) -> dict[bytes, int]:
    """The flow of the success each transaction got."""
    good = control[(control["method"] == "allocate") & (control["kind"] == "response")]
    return {one: flow for one, flow in zip(good["transaction_id"], good["flow"], strict=True) if one}


def _ending(flow: Any, rows: list[Any], capture_end: int, granted_on: dict[bytes, int]) -> tuple[AllocationEnding, int]:
    allocate = [row for row in rows if row.method == "allocate"]
    granted = [row for row in allocate if row.kind == "response" and row.lifetime != 0]
    last = granted[-1] if granted else None
    # Who asks for the release is done with it, whatever the answer.
    released = [row for row in allocate if row.lifetime == 0 and (last is None or row.time >= last.time)]
    if released and (last is not None or any(row.kind == "response" for row in released)):
        return AllocationEnding.RELEASED, int(released[0].time)
    if last is None:
        asked = (granted_on.get(row.transaction_id, flow.Index) for row in allocate)
        elsewhere = any(one != flow.Index for one in asked)
        return AllocationEnding.ELSEWHERE if elsewhere else AllocationEnding.NOT_GRANTED, 0
    if flow.transport == "tcp" and flow.closing:
        return AllocationEnding.CLOSED, int(flow.last_time)
    # What still flows is alive, whatever its lifetime says: a refresh may have been missed by the recorder.
    expires = int(last.time) + int(last.lifetime or 0) * 1_000_000_000
    if last.lifetime and flow.last_time <= expires < capture_end:
        return AllocationEnding.LAPSED, expires
    return AllocationEnding.ALIVE, 0
