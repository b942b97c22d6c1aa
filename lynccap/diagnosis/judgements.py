"""What a rule may say of a subject, and the frames it says it with.

It *found* something, it is in *doubt* because the capture forbids a verdict, or the subject is *clear*. A rule that
says nothing saw no subject.
"""

from dataclasses import dataclass

from lynccap.document import Confidence, Reading, Severity


@dataclass(frozen=True, slots=True)
class Proof:
    """Frames of one capture and what they show."""

    capture: int
    frames: tuple[int, ...]
    says: str
    place: int | None = None
    """Of the case whose frames they are, where that is not the one that is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing a rule found, for one device."""

    device: str | None
    says: str
    why: str
    confidence: Confidence
    proof: tuple[Proof, ...]
    time: int
    """Nanoseconds since 1970 of the first frame that shows it."""
    peer: str | None = None
    port: int | None = None
    transport: str | None = None
    service: str | None = None
    severity: Severity | None = None
    """Where it differs from the rule's."""
    causes: tuple[str, ...] = ()
    """Where the frames rank them better than the rule does."""
    fix: tuple[str, ...] = ()
    """Where it differs from the rule's."""
    act: tuple[str, ...] = ()
    """Where somebody else than the rule says owns the change."""
    explains: tuple[str, ...] | None = None
    """Which of the rule's consequences this finding can have; None for all of them."""
    flows: tuple[int, ...] = ()
    """The conversations it is about, where device and peer do not tell them."""
    rejected: tuple[tuple[str, str], ...] = ()
    """(rule, because): look-alikes considered and excluded."""
    reading: Reading = Reading.PACKETS
    """From what it was read; a pattern of encrypted traffic is never certain."""

    def __post_init__(self) -> None:
        """Refuse what nobody could check."""
        if not any(frame > 0 for one in self.proof for frame in one.frames):
            raise ValueError(f"found without frames: {self.says}")
        if self.reading is Reading.PATTERN and self.confidence is Confidence.CERTAIN:
            raise ValueError(f"certain of what is encrypted: {self.says}")


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something that looks like the rule's case, but the capture cannot carry a verdict."""

    device: str | None
    because: str


@dataclass(frozen=True, slots=True)
class Clear:
    """A subject the rule looked at and found in order."""

    device: str | None


Judgement = Found | Doubt | Clear
