"""What a rule is: its card, its docstring, and one pure function from an inquiry to judgements.

A rule answers for every subject it looks at: it *found* something, it is in *doubt* because the capture forbids a
verdict, or the subject is *clear*. A rule that says nothing saw no subject.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from lynccap.document import Confidence, Severity

if TYPE_CHECKING:
    from lynccap.diagnosis.inquiry import Inquiry


class Stage(IntEnum):
    """Where in a device's journey a rule's failure lies: the earliest failing stage is the cause of later ones."""

    NETWORK = 1
    NAMES = 2
    REACH = 3
    BOOTSTRAP = 4
    TRUST = 5
    SIGN_IN = 6
    RELAY = 7
    MEDIA = 8
    CONFERENCE = 9
    NOTE = 10


@dataclass(frozen=True, slots=True)
class Proof:
    """Frames of one capture and what they show."""

    capture: int
    frames: tuple[int, ...]
    says: str


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
    rejected: tuple[tuple[str, str], ...] = ()
    """(rule, because): look-alikes considered and excluded."""

    def __post_init__(self) -> None:
        """Refuse what nobody could check."""
        if not any(one.frames for one in self.proof):
            raise ValueError(f"found without frames: {self.says}")


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
Judge = Callable[["Inquiry"], Iterator[Judgement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of the catalogue."""

    name: str
    title: str
    severity: Severity
    stage: Stage
    causes: tuple[str, ...]
    """Most likely first."""
    fix: tuple[str, ...]
    act: tuple[str, ...]
    """Who owns the change."""
    sources: tuple[str, ...]
    explains: tuple[str, ...]
    """Rules whose findings on the same device may be consequences of this one's."""
    judge: Judge = field(repr=False)
    text: str = field(repr=False)
    """The docstring: what it finds, on what evidence, what would disprove it."""


def rule(
    *,
    title: str,
    severity: Severity,
    stage: Stage,
    causes: tuple[str, ...],
    fix: tuple[str, ...],
    act: tuple[str, ...],
    sources: tuple[str, ...],
    explains: tuple[str, ...] = (),
) -> Callable[[Judge], Rule]:
    """Make a function a rule; its name with hyphens is the catalogue slug, its docstring the rule's text."""

    def make(judge: Judge) -> Rule:
        return Rule(
            name=judge.__name__.replace("_", "-"),
            title=title,
            severity=severity,
            stage=stage,
            causes=causes,
            fix=fix,
            act=act,
            sources=sources,
            explains=explains,
            judge=judge,
            text=inspect.cleandoc(judge.__doc__ or ""),
        )

    return make
