"""How far a TLS handshake came, whose turn it was then, and who ended it how (RFC 5246 7.3, RFC 8446 2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from lynccap.correlation.protocol_numbers import FIN, RST
from lynccap.correlation.rows import rows_of

PATIENCE_NS = 5_000_000_000  # who leaves earlier had its own reason; TCP repeats what is lost well within
CLOSE_NOTIFY = 0  # RFC 5246 7.2.1


class HandshakeOutcome(StrEnum):
    """How a handshake ended."""

    COMPLETED = "completed"
    """Both sides finished, or protected data went both ways."""
    REFUSED = "refused"
    """A fatal alert says why and by whom."""
    CLOSED = "closed"
    """One side left without a reason that can be read."""
    STALLED = "stalled"
    """The side whose turn it was said no more, and the other waited in vain."""
    UNKNOWN = "unknown"
    """The capture does not show it; `doubt` says why."""


class Means(StrEnum):
    """By what a handshake was ended."""

    NONE = ""
    ALERT = "alert"
    CLOSE_NOTIFY = "close_notify"
    ENCRYPTED_ALERT = "encrypted-alert"
    FIN = "fin"
    RST = "rst"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class HandshakeStep:
    """One handshake message, or in TLS 1.3 a side's first protected record."""

    kind: str
    from_client: bool
    frame: int
    time: int


@dataclass(frozen=True, slots=True)
class Parting:
    """What ended a connection: an alert, or the first FIN or RST."""

    means: Means
    from_client: bool
    frame: int
    time: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the capture shows of the connection beside its messages."""

    end: Parting | None
    """The first FIN or RST."""
    last_frame: int
    """Of the connection, whichever side sent it."""
    last_time: int
    """Of that frame …"""
    stop_time: int
    """… and of the capture's last."""
    doubt: str
    """Why the end of this handshake cannot be judged, "" when it can."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """The verdict on one handshake."""

    outcome: HandshakeOutcome
    steps: tuple[HandshakeStep, ...]
    """Up to where it completed or ended."""
    client_due: bool
    """The next message was the client's to send, else the server's; nothing to go by once it completed."""
    end: Parting | None = None
    """Who ended it how; of a silence the side that owed a message, with the last step's frame."""
    waited: float = 0.0
    """Seconds from the last step to the end, or to the capture's."""
    doubt: str = ""

    @property
    def stage(self) -> str:
        """The last message seen, "" when there is none."""
        return self.steps[-1].kind if self.steps else ""

    @property
    def frames(self) -> tuple[int, ...]:
        """The frames that show it."""
        shown = {one.frame for one in self.steps} | ({self.end.frame} if self.end else set())
        return tuple(sorted(shown - {0}))

    @property
    def left_at_certificate(self) -> bool:
        """The client left without a reason right after the server's certificate; one that goes on took it."""
        left = self.outcome is HandshakeOutcome.CLOSED and self.end is not None and self.end.from_client
        return left and self.stage in _WITH_CERTIFICATE and self.waited < PATIENCE_NS / 1e9

    def pause_after(self, kind: str) -> float | None:
        """Seconds from the first message of that kind to what the other side did next; None when it did nothing."""
        first = next((one for one in self.steps if one.kind == kind), None)
        if first is None:
            return None
        followed: list[HandshakeStep | Parting] = [*self.steps, *([self.end] if self.end else [])]
        later = [one.time for one in followed if one.time >= first.time and one.from_client != first.from_client]
        return (later[0] - first.time) / 1e9 if later else None


_STEPS = frozenset(
    {
        *("client-hello", "hello-retry-request", "server-hello", "certificate", "certificate-status"),
        *("server-key-exchange", "certificate-request", "server-hello-done", "client-key-exchange"),
        *("certificate-verify", "session-ticket", "change-cipher-spec", "encrypted-handshake", "finished"),
    }
)
_ENDS_FLIGHT = frozenset(
    {
        *("client-hello", "hello-retry-request", "server-hello-done"),
        *("encrypted-handshake", "finished", "application-data"),
    }
)
"""After these the other side speaks; after every other message the same one goes on."""
_WITH_CERTIFICATE = frozenset(
    {"certificate", "certificate-status", "server-key-exchange", "certificate-request", "server-hello-done"}
)
"""What a server says from its certificate to the end of its flight (RFC 5246 7.3)."""
_FINISHED = frozenset({"encrypted-handshake", "finished"})


def judge_handshake(rows: Sequence[Any], version: str, answered: bool, around: Surroundings) -> Handshake:
    """The verdict on one flow's messages (rows of the table `tls`, in order).

    `answered` tells that protected data went both ways after the handshake.
    """
    steps, completed = _steps(rows, version)
    due = _client_due(steps)
    if completed or answered:
        return Handshake(HandshakeOutcome.COMPLETED, steps, due)
    alert = next((_alert(row) for row in rows if row.kind == "alert" and _is_fatal(row)), None)
    if alert:
        return _ended(HandshakeOutcome.REFUSED, steps, due, alert)
    doubt = _hidden(steps) or around.doubt
    if doubt:
        return Handshake(HandshakeOutcome.UNKNOWN, steps, due, doubt=doubt)
    parting = next((_alert(row) for row in rows if _parts(row)), None)
    if parting:
        return _ended(HandshakeOutcome.CLOSED, steps, due, parting)
    if around.end and not _in_vain(steps, due, around.end):
        return _ended(HandshakeOutcome.CLOSED, steps, due, around.end)
    doubt = _open_flight(steps) or ("" if around.end else _too_quiet(steps, around))
    if doubt:
        return Handshake(HandshakeOutcome.UNKNOWN, steps, due, doubt=doubt)
    silence = Parting(Means.SILENCE, due, steps[-1].frame, around.stop_time)
    return _ended(HandshakeOutcome.STALLED, steps, due, around.end or silence)


def _in_vain(steps: Sequence[HandshakeStep], due: bool, end: Parting) -> bool:
    """Whether the one who left had waited for the other's message."""
    return end.from_client is not due and end.time - steps[-1].time >= PATIENCE_NS


def _ended(outcome: HandshakeOutcome, steps: tuple[HandshakeStep, ...], due: bool, end: Parting) -> Handshake:
    waited = (end.time - steps[-1].time) / 1e9 if steps else 0.0
    return Handshake(outcome, steps, due, end, max(waited, 0.0))


def _steps(rows: Iterable[Any], version: str) -> tuple[tuple[HandshakeStep, ...], bool]:
    """The steps up to where both sides have finished or the first alert came, and whether they finished."""
    steps: list[HandshakeStep] = []
    finished: set[bool] = set()
    hidden = version == "tls1.3"
    for row in rows:
        if row.kind == "alert" and _is_fatal(row):
            break
        protected = row.kind == "application-data" and hidden
        dummy = row.kind == "change-cipher-spec" and hidden  # RFC 8446 D.4
        if not dummy and (row.kind in _STEPS or protected):
            steps.append(HandshakeStep(row.kind, bool(row.from_client), int(row.frame), int(row.time)))
        if row.kind in _FINISHED:
            finished.add(bool(row.from_client))
            if len(finished) == 2:
                return tuple(steps), True
    return tuple(steps), False


def _client_due(steps: Sequence[HandshakeStep]) -> bool:
    if not steps:
        return True
    last = steps[-1]
    return last.from_client is not (last.kind in _ENDS_FLIGHT)


def _hidden(steps: Sequence[HandshakeStep]) -> str:
    """Why the messages themselves do not show how it ended, "" when they do."""
    if not any(one.kind in ("client-hello", "server-hello") for one in steps):
        return "the capture begins after this handshake did"
    if steps[-1].kind == "application-data" and steps[-1].from_client:
        return "TLS 1.3 hides what the server makes of the client's last handshake message"
    return ""


def _open_flight(steps: Sequence[HandshakeStep]) -> str:
    """Why it is not sure whose turn it is, "" when it is."""
    if steps[-1].kind == "application-data":
        return "TLS 1.3 hides whether the server had said everything"
    return ""


def _too_quiet(steps: Sequence[HandshakeStep], around: Surroundings) -> str:
    """Why a silence proves nothing: TCP confirms or repeats every message, unless the capture lacks frames."""
    rest = around.stop_time - around.last_time
    if rest < PATIENCE_NS:
        return f"the capture ends {rest / 1e9:.1f} s after this connection's last frame"
    if around.last_frame <= steps[-1].frame:
        return "nothing confirms or repeats the last message: the capture lacks packets"
    return ""


def _is_fatal(row: Any) -> bool:
    return bool(row.alert_level == "fatal" and row.alert != CLOSE_NOTIFY)


def _parts(row: Any) -> bool:
    """Whether this message takes leave: a close_notify, or an alert that cannot be read."""
    return bool(row.kind == "encrypted-alert" or (row.kind == "alert" and row.alert == CLOSE_NOTIFY))


def _alert(row: Any) -> Parting:
    means = {"encrypted-alert": Means.ENCRYPTED_ALERT}.get(row.kind, Means.ALERT)
    if means is Means.ALERT and row.alert == CLOSE_NOTIFY:
        means = Means.CLOSE_NOTIFY
    return Parting(means, bool(row.from_client), int(row.frame), int(row.time))


def ends_of(tcp_frames: pd.DataFrame) -> Mapping[int, Any]:
    """The first FIN or RST of every flow: rows of the table `tcp_frames`."""
    ending = tcp_frames[(tcp_frames["flags"] & (FIN | RST)) > 0].drop_duplicates("flow")
    return {row.flow: row for row in rows_of(ending, ("flow", "flags", "from_client", "frame", "time"))}


def parting_of(row: Any | None) -> Parting | None:
    """How somebody takes leave by such a row, None where there is none."""
    if row is None:
        return None
    return Parting(Means.RST if row.flags & RST else Means.FIN, row.from_client, row.frame, row.time)
