"""How each connection ended: which of the few ways, told from the frames that open, end and stall it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from lynccap.correlation.closings.kinds import How
from lynccap.correlation.protocol_numbers import ACK, FIN, RST, SYN

IDLE_NS = 10_000_000_000  # no stack waits so long between two repeats while it still hopes, and no box forgets sooner
SILENT_NS = 5_000_000_000  # four repeats of the quickest stacks (300 ms, doubled each time)
REPEATS = 3  # a segment and two repeats may be a bad moment; a third is none
STALL_NS = 5_000_000_000  # catalogue, server-zero-window
HANDSHAKE_REPEATS = 2  # of a SYN-ACK: the server's timer ran out twice
COPY_NS = 200_000_000  # a mirror copies a frame sooner, and no stack repeats a SYN or SYN-ACK so soon
FRAGMENTATION_NEEDED = (4, 3, 4)


class Control(NamedTuple):
    """A frame of the table of TCP frames."""

    frame: int
    time: int
    from_client: bool
    flags: int
    seq: int
    ack: int
    ttl: int
    ip_id: int
    window: int
    options: int
    pause: int
    ip_id_before: int


class Error(NamedTuple):
    """An ICMP error that quotes a connection's packet."""

    frame: int
    time: int
    version: int
    type: int
    code: int
    reporter: str
    from_client: bool


class Goodbye(NamedTuple):
    """The first TLS alert of a connection."""

    frame: int
    fatal: bool


@dataclass(slots=True)
class Connection:
    """One connection and what was recorded of its beginning and end."""

    row: Any
    """Of the flows table; its number is `Index`."""
    frames: list[Control]
    errors: list[Error]
    goodbye: Goodbye | None

    @property
    def resets(self) -> list[Control]:
        """All resets, copies included."""
        return [one for one in self.frames if one.flags & RST]

    def last_time(self, client: bool) -> int:
        """When a side spoke last."""
        return int(self.row.last_time_client if client else self.row.last_time_server)

    def tries(self, client: bool, flags: int) -> list[Control]:
        """Distinct SYNs (SYN) or SYN-ACKs (SYN | ACK), or FINs, of a side."""
        found: list[Control] = []
        for one in self.frames:
            same = one.from_client == client and one.flags & (FIN | SYN | RST | (ACK if flags & SYN else 0)) == flags
            if same and (not found or one.time - found[-1].time > COPY_NS):
                found.append(one)
        return found


class Ending(NamedTuple):
    """How a connection ended, in whose name, and by which frames."""

    how: How
    by_client: bool
    when: int
    frames: tuple[int, ...]
    reset: Control | None = None


def ending_of(one: Connection) -> Ending | None:
    """The abnormal end of a connection, None when it has none to tell."""
    # By time: a recorder with several queues writes frames out of order.
    reset = min((frame for frame in one.frames if frame.flags & RST), key=lambda frame: frame.time, default=None)
    if reset and one.row.opening != "unanswered":
        return _reset(one, reset) if _known(one) else None
    for judge in (_by_icmp, _unanswered, _half_open, _silence, _closed_window):
        if found := judge(one):
            return found
    return None


def _known(one: Connection) -> bool:
    """Whether there is a connection at all, and not only a reset to what came too late for it."""
    return bool(one.row.opening != "midstream" or one.row.bytes_client or one.row.bytes_server)


def _reset(one: Connection, reset: Control) -> Ending:
    frames = tuple(frame.frame for frame in one.resets)
    how, silent = _how_reset(one, reset), not reset.from_client
    if how is How.SILENCE:
        return Ending(how, silent, one.last_time(silent), frames)
    return Ending(how, reset.from_client, reset.time, frames, reset)


def _how_reset(one: Connection, reset: Control) -> How:
    opening = one.row.opening
    if opening == "refused":
        return How.REFUSED
    if opening == "half-open":
        return How.HALF_OPEN
    if any(frame.flags & FIN and frame.frame <= reset.frame for frame in one.frames):
        return How.RESET_AFTER_CLOSE
    if one.goodbye and one.goodbye.frame <= reset.frame:
        return How.RESET_AFTER_ALERT if one.goodbye.fatal else How.RESET_AFTER_CLOSE
    if _gave_up(one, reset.from_client, reset.time):
        return How.SILENCE
    return How.RESET_AFTER_IDLE if reset.pause >= IDLE_NS else How.RESET


def _gave_up(one: Connection, client: bool, until: int) -> bool:
    """Whether a side said the same again and again up to a time, and the other nothing.

    A side that is answered and then idle does not wait, however often it had to repeat itself before.
    """
    again = one.row.retransmitted_client if client else one.row.retransmitted_server
    repeats = int(again) + len(one.tries(client, FIN))
    heard = one.last_time(not client)
    waits = one.row.unanswered_client if client else one.row.unanswered_server
    return 0 < heard < until - SILENT_NS and repeats >= REPEATS and waits > 0


def _silence(one: Connection) -> Ending | None:
    if one.row.opening != "established" or one.row.lost_client or one.row.lost_server:
        return None
    for client in (True, False):
        last = one.last_time(client)
        if _gave_up(one, client, last) and not one.tries(not client, FIN):
            frame = int(one.row.last_frame_server if client else one.row.last_frame_client)
            mine = int(one.row.last_frame_client if client else one.row.last_frame_server)
            return Ending(How.SILENCE, not client, one.last_time(not client), tuple(sorted((frame, mine))))
    return None


def _by_icmp(one: Connection) -> Ending | None:
    for error in one.errors:
        if (error.version, error.type, error.code) == FRAGMENTATION_NEEDED or error.type not in (1, 3):
            continue
        if error.type != {4: 3, 6: 1}[error.version]:
            continue
        if one.last_time(not error.from_client) <= error.time and not _closed(one, error.frame):
            return Ending(How.ICMP, not error.from_client, error.time, (error.frame,))
    return None


def _closed(one: Connection, frame: int) -> bool:
    return any(one_.flags & FIN and one_.frame < frame for one_ in one.frames)


def _unanswered(one: Connection) -> Ending | None:
    if one.row.opening != "unanswered":
        return None
    syns = one.tries(True, SYN)
    when = syns[0].time if syns else int(one.row.first_time)
    return Ending(How.UNANSWERED, False, when, tuple(frame.frame for frame in syns))


def _half_open(one: Connection) -> Ending | None:
    """No ACK of the client, or one that did not reach the server, which repeats its SYN-ACK and says nothing more."""
    answers = one.tries(False, SYN | ACK)
    spread = answers[-1].time - answers[0].time if answers else 0
    unheard = one.row.bytes_server == 0 and len(answers) > HANDSHAKE_REPEATS and spread > SILENT_NS // 2
    if one.row.opening != "half-open" and not (unheard and one.row.opening == "established"):
        return None
    frames = [*one.tries(True, SYN), *answers]
    when = answers[-1].time if answers else int(one.row.last_time)
    return Ending(How.HALF_OPEN, True, when, tuple(sorted(frame.frame for frame in frames)))


def _closed_window(one: Connection) -> Ending | None:
    for client in (True, False):
        shut = [x for x in one.frames if x.from_client == client and not x.window and not x.flags & (SYN | FIN | RST)]
        last = int(one.row.last_frame_client if client else one.row.last_frame_server)
        if shut and shut[-1].frame == last and int(one.row.last_time) - shut[0].time >= STALL_NS and len(shut) > 1:
            return Ending(How.CLOSED_WINDOW, client, shut[0].time, tuple(x.frame for x in shut))
    return None
