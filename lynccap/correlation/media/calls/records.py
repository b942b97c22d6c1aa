"""What is told of a call: its parties, its legs, and of each leg the way its media took."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lynccap.correlation.media.checks import CheckOutcome
from lynccap.correlation.media.paths import SUSTAINED_PACKETS, SUSTAINED_SECONDS, Path
from lynccap.correlation.sip.dialogs import Dialog
from lynccap.tables import SECOND


class Flowing(StrEnum):
    """In which directions a leg's media went, as far as the place of the capture shows."""

    BOTH_WAYS = "both ways"
    ONE_WAY = "one way"
    """One direction never began, or stopped while the other went on."""
    QUIET = "one side sent no media"
    """One side sends none or pauses, but what it sends beside media (RTCP) arrives: its way is open."""
    HELD = "on hold"
    """Signalling put it on hold, and media stopped."""
    NOTHING = "none"
    """Checks were made, and no media followed."""
    UNKNOWN = "unknown"
    """The capture cannot show it."""


class Attempted(StrEnum):
    """What came of something that was tried and did not carry the media."""

    UNANSWERED = "got no answer"
    ONE_WAY = "was answered in one direction only"
    REFUSED = "was refused"
    """By a STUN error, or a TCP reset."""
    UNREACHABLE = "was reported unreachable (ICMP)"
    PROHIBITED = "was forbidden (ICMP)"
    ANSWERED = "was answered, but not chosen"
    NOT_NEEDED = "was not needed"
    """Too little time was left for an answer before another pair was chosen, or the capture ended."""
    UNSEEN = "cannot be judged"
    """The capture shows nothing that comes back to who asked."""


FAILED = frozenset(
    {Attempted.UNANSWERED, Attempted.ONE_WAY, Attempted.REFUSED, Attempted.UNREACHABLE, Attempted.PROHIBITED}
)


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two ends of a leg."""

    address: str
    """The device's own address where it is known, else that of `endpoint`; "" when nothing tells."""
    endpoint: str
    """The "address:port" the other party's media is for, "" when that is not known."""
    relay: str
    """The address of the relay the party is behind, "" without one."""
    seen: bool
    """Whether packets of the device itself are in the capture; an address that was only offered may be anybody's."""
    basis: str
    """What tells the address: packets, allocation, checks, description; "" when it is not known."""

    @property
    def behind(self) -> str:
        """The relay it is behind, or the "address:port" its own is hidden by; "" without either."""
        if self.relay or not self.address:
            return self.relay or self.endpoint
        return self.endpoint if self.endpoint and not _is_of(self.endpoint, self.address) else ""

    @property
    def word(self) -> str:
        """What to call it in a sentence."""
        if not self.address:
            return f"somebody behind {self.behind}" if self.behind else "somebody"
        return f"{self.address} (behind {self.behind})" if self.behind and not self.seen else self.address


@dataclass(frozen=True, slots=True)
class Offered:
    """One candidate of one party."""

    party: int
    """0 or 1: the place in the leg's parties."""
    endpoint: str
    kind: str
    """host, srflx, prflx, relay; "" where only a check names it"""
    transport: str
    """UDP, TCP-ACT, TCP-PASS; "" where only a check names it"""
    basis: str
    """description or checks"""


@dataclass(frozen=True, slots=True)
class Tried:
    """One pair, relay or connection that was tried for a leg and did not carry its media."""

    what: str
    """pair, allocation, connection"""
    one: str
    other: str
    """Both "address:port"; of allocations and connections the device's address and the relay's."""
    outcome: Attempted
    codes: tuple[int, ...]
    """STUN errors."""
    time: int
    frames: tuple[int, ...]

    @property
    def failed(self) -> bool:
        """Whether it was tried in vain; what was not needed did not fail."""
        return self.outcome in FAILED


@dataclass(frozen=True, slots=True)
class UsedPair:
    """The two transport addresses that carried the media, or were chosen to."""

    one: str
    other: str
    basis: str
    """nomination, remote-candidates (of a description), media (the 5-tuple that carries it)"""
    outcome: CheckOutcome | None
    """Of its checks, None when none are in the capture."""
    frame: int
    """Of the answered nomination, 0 without."""
    time: int
    """When it was nominated, 0 when that is not in the capture."""


@dataclass(frozen=True, slots=True)
class Half:
    """One direction of a leg. Times are nanoseconds, 0 when it carried nothing."""

    packets: int = 0
    first_time: int = 0
    last_time: int = 0
    codec: str = ""
    loss: float | None = None
    """Share lost before the capture, 0 to 1; None for what is not speech."""
    jitter_ms: float | None = None
    mos: float | None = None
    """1 to 4.5; None where the model has no figures."""
    mos_basis: str = ""


@dataclass(frozen=True, slots=True)
class Leg:
    """One medium of a call: all flows that carried it, and what was checked for it."""

    capture: int
    kind: str
    """audio, video, data, … as a description or the relay was told, or by payload type; "" when nothing tells"""
    parties: tuple[Party, Party]
    """Who asked first: the caller, else the controlling side, else who sent the first packet."""
    flows: tuple[int, ...]
    """That carried its media; two where it was recorded before and behind a relay."""
    transport: str
    """Of the flows: udp, tcp, or both as "tcp/udp"."""
    offered: tuple[Offered, ...]
    checked: int
    """Pairs of addresses that were checked."""
    used: UsedPair | None
    path: Path
    path_basis: str
    relays: tuple[str, ...]
    """The addresses of the relays its flows lead to."""
    tried: tuple[Tried, ...]
    """In order of time."""
    check_time: int
    """Of the first check, 0 without."""
    last_check_time: int
    forth: Half
    """What the first party sent."""
    back: Half
    flowing: Flowing
    silent: str
    """Of ONE_WAY and QUIET: the address of the party that is not heard."""
    silent_since: int
    """Of them: when its media stopped, 0 when there never was any."""
    basis: str
    """What ties it to Lync: relay, server, checks, signalling; "" when nothing does."""
    frames: tuple[int, ...]
    """First and last of each stream; of a leg without media those of its checks."""

    @property
    def first_time(self) -> int:
        """Of the first media packet, 0 without any."""
        return min((one.first_time for one in (self.forth, self.back) if one.packets), default=0)

    @property
    def last_time(self) -> int:
        """Of the last media packet, 0 without any."""
        return max(self.forth.last_time, self.back.last_time)

    @property
    def seconds(self) -> float:
        """From the first to the last media packet."""
        return (self.last_time - self.first_time) / SECOND

    @property
    def sustained(self) -> bool:
        """Whether its media stayed: call set-up tries every way for a moment."""
        return self.seconds > SUSTAINED_SECONDS and self.forth.packets + self.back.packets > SUSTAINED_PACKETS

    @property
    def begun(self) -> int:
        """Of the first check or media packet."""
        return min((one for one in (self.check_time, self.first_time) if one), default=0)

    @property
    def ended(self) -> int:
        """Of the last media packet, else of the last check."""
        return self.last_time or self.last_check_time

    @property
    def failures(self) -> tuple[Tried, ...]:
        """What was tried in vain."""
        return tuple(one for one in self.tried if one.failed)


@dataclass(frozen=True, slots=True)
class Call:
    """One call: a SIP dialog with media, the media of two parties, or both."""

    capture: int
    parties: tuple[Party, Party] | None
    """None when neither media nor checks of it are in the capture."""
    legs: tuple[Leg, ...]
    dialog: Dialog | None
    """Where SIP is readable."""
    first_time: int
    """Of the INVITE, else of the first check or media packet."""
    last_time: int
    basis: str
    """What ties it to Lync: relay, server, checks, signalling; "" when nothing does."""
    grouped: str
    """What holds its legs together: dialog, session (of ICE), parties (the same two at the same time), flow"""
    signalled: tuple[str, ...] = ()
    """The ends of the connection its INVITE was seen on first: a device and its server, or two servers."""

    @property
    def seconds(self) -> float:
        """How long media flowed, from the first to the last packet of any leg."""
        times = [one for one in self.legs if one.last_time]
        if not times:
            return 0.0
        return (max(one.last_time for one in times) - min(one.first_time for one in times)) / SECOND

    @property
    def kinds(self) -> tuple[str, ...]:
        """The media of its legs."""
        return tuple(sorted({one.kind for one in self.legs if one.kind}))

    @property
    def answered_time(self) -> int:
        """When it was accepted, 0 when that is not readable."""
        final = self.dialog.opening.final if self.dialog else None
        return int(final.time) if final is not None and final.status < 300 else 0

    def delays(self, leg: Leg) -> tuple[float | None, float | None]:
        """Seconds from the answer, else from the first check, to the first media packet of each party."""
        since = self.answered_time or leg.check_time
        return _after(since, leg.forth), _after(since, leg.back)


def _is_of(endpoint: str, address: str) -> bool:
    return endpoint.rpartition(":")[0].strip("[]") == address


def _after(since: int, half: Half) -> float | None:
    return (half.first_time - since) / SECOND if since and half.packets else None


def addresses_of(parties: Iterable[Party]) -> tuple[str, ...]:
    """The addresses of parties whose packets are in the capture."""
    return tuple(dict.fromkeys(one.address for one in parties if one.seen and one.address))
