"""What a rule is: its card, its docstring, and one pure function from an inquiry to judgements."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Judgement
from lynccap.document import Severity


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


Judge = Callable[[Inquiry], Iterator[Judgement]]


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
