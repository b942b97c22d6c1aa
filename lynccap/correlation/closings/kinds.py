"""The ways connections end, those who end them, and the signs by which they are known."""

from dataclasses import dataclass
from enum import StrEnum


class How(StrEnum):
    """How a connection ended, or never began."""

    REFUSED = "refused"
    """A reset answered the SYN."""
    ICMP = "icmp"
    """An ICMP error answered its packets, and nothing else came back from then on."""
    UNANSWERED = "unanswered"
    """Nothing came back to the SYNs."""
    HALF_OPEN = "half-open"
    """The handshake was never completed at both ends."""
    RESET = "reset"
    """A reset while the connection was in use."""
    RESET_AFTER_IDLE = "reset-after-idle"
    """A reset after a long pause, or in answer to what followed the pause."""
    RESET_AFTER_ALERT = "reset-after-alert"
    """A fatal TLS alert had told why."""
    RESET_AFTER_CLOSE = "reset-after-close"
    """A FIN or TLS close_notify went before: Windows and many programs take leave like this. No failure."""
    SILENCE = "silence"
    """One side repeats itself and the other never answers again."""
    CLOSED_WINDOW = "closed-window"
    """One side stopped reading and never went on (RFC 9293 3.8.6.1)."""


class EndedBy(StrEnum):
    """Who ended it. A box at a side is on the way from the capture point to that host."""

    CLIENT = "client"
    SERVER = "server"
    BOX_CLIENT_SIDE = "box-client-side"
    """Or a filter on that host itself: not its TCP."""
    BOX_BETWEEN = "box-between"
    BOX_SERVER_SIDE = "box-server-side"
    UNKNOWN = "unknown"

    @property
    def is_box(self) -> bool:
        """Whether it is neither of the two hosts."""
        return self in (EndedBy.BOX_CLIENT_SIDE, EndedBy.BOX_BETWEEN, EndedBy.BOX_SERVER_SIDE)


class Points(StrEnum):
    """What a sign speaks for."""

    HOST = "host"
    """For the host in whose name the packet came."""
    BOX = "box"
    """Against it: somebody else sent the packet."""
    NEITHER = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing the frames show about who sent the last word."""

    name: str
    """ttl, timing, both-directions, icmp, alive, repeats, window-closed, second-point, ip-id, sequence, options,
    window"""
    points: Points
    says: str
    numbers: tuple[int, ...] = ()
    """What it was read from: TTLs, nanoseconds, identifications, sequence numbers."""
    strong: bool = True
    """It can carry a claim; a weak one only supports or weakens one, for stacks and paths differ too much in it."""
