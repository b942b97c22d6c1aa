"""The three proofs every rule has: it fires on its case, is silent on its look-alike, and doubts a degraded capture.

tests/diagnosis/test_proofs.py looks for calls of these functions with a rule's name and misses none of the three.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

from lynccap.correlation.case import Case
from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found

if TYPE_CHECKING:
    from scenes import Scene

    Told = Case | Inquiry | Scene

Kind = TypeVar("Kind", Found, Doubt)


def fires(
    told: "Told", rule: str, device: str | None, frames: Collection[int] | None = None, beside: Collection[str] = ()
) -> Found:
    """What the rule finds: one finding, on that device, with exactly these frames where they are given.

    `beside`: further devices on each of which it finds the same, such as the other end of a call.
    """
    one, *others = sorted(_of(told, rule, Found), key=lambda each: each.device != device)
    assert one.device == device
    assert {each.device for each in others} == set(beside)
    assert len(others) == len(set(beside))
    if frames is not None:
        assert {frame for proof in one.proof for frame in proof.frames} == set(frames)
    return one


def silent(told: "Told", rule: str) -> None:
    """The rule finds nothing; whether it doubts is not asked."""
    assert _of(told, rule, Found) == []


def inconclusive(told: "Told", rule: str, because: str) -> None:
    """The rule finds nothing, and says why it cannot decide in words that hold `because`."""
    silent(told, rule)
    doubts = [one.because for one in _of(told, rule, Doubt)]
    assert any(because in one for one in doubts), doubts


def _of(told: "Told", rule: str, kind: type[Kind]) -> list[Kind]:
    if not isinstance(told, Inquiry):
        told = Inquiry(told if isinstance(told, Case) else told.case())
    return [one for one in BY_NAME[rule].judge(told) if isinstance(one, kind)]


def sample_fires(name: str, rule: str) -> set[int]:
    """The frames of all findings of a rule on a labelled sample; none is a failure."""
    from samples import document_of

    found = [one for one in document_of(name).findings if one.rule == rule]
    assert found
    return {frame for one in found for proof in one.evidence for frame in proof.frames}
