"""Runs the rules over a case: assessments for all of them, findings with causes before symptoms."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case
from lynccap.diagnosis.catalogue import RULES
from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Proof
from lynccap.document import Assessment, Evidence, Finding, Outcome, Rejected, Severity
from lynccap.reference import sources

MAX_FRAMES = 200  # frames one piece of evidence lists: what a person can check, and a display filter can hold
ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class _Kept:
    rule: Rule
    found: Found

    @property
    def severity(self) -> Severity:
        return self.found.severity or self.rule.severity

    @property
    def order(self) -> tuple[object, ...]:
        device = sort_key(self.found.device or "")
        return (
            ORDER.index(self.severity),
            self.rule.stage,
            self.rule.name,
            device,
            self.found.peer or "",
            self.found.port or 0,
            self.found.time,
        )


def judge(case: Case, capture_ids: Sequence[str]) -> tuple[tuple[Assessment, ...], tuple[Finding, ...]]:
    """What every rule says of the case. `capture_ids` names the captures in the findings' evidence."""
    inquiry = Inquiry(case)
    assessments: list[Assessment] = []
    kept: list[_Kept] = []
    for rule in RULES:
        found, told = _assess(rule, inquiry)
        assessments += told
        kept += [_Kept(rule, one) for one in found]
    return tuple(assessments), _numbered(kept, capture_ids)


def _numbered(kept: list[_Kept], capture_ids: Sequence[str]) -> tuple[Finding, ...]:
    """The findings, causes first, each group by severity and stage."""
    causes = {id(one): _cause(one, kept) for one in kept}
    ordered = sorted(kept, key=lambda one: (causes[id(one)] is not None, *one.order))
    numbers = {id(one): f"F{place}" for place, one in enumerate(ordered, 1)}
    return tuple(_finding(numbers[id(one)], one, numbers.get(id(causes[id(one)])), capture_ids) for one in ordered)


def _assess(rule: Rule, inquiry: Inquiry) -> tuple[list[Found], list[Assessment]]:
    try:
        said = list(rule.judge(inquiry))
    except Exception as fault:  # noqa: BLE001  a bug in one rule must neither sink the others nor go unsaid
        where = traceback.extract_tb(fault.__traceback__)[-1]
        reason = f"{type(fault).__name__}: {fault} ({where.name}, line {where.lineno})"
        return [], [Assessment(rule.name, Outcome.RULE_FAILED, reason)]
    found = [one for one in said if isinstance(one, Found)]
    doubts = list(dict.fromkeys(one for one in said if isinstance(one, Doubt)))
    told = []
    if found:
        devices = sorted({one.device for one in found if one.device}, key=sort_key)
        told.append(Assessment(rule.name, Outcome.FIRED, ", ".join(devices)))
    if doubts:
        reason = "; ".join(f"{one.device}: {one.because}" if one.device else one.because for one in doubts)
        told.append(Assessment(rule.name, Outcome.INCONCLUSIVE, reason))
    if not told:
        seen = any(isinstance(one, Clear) for one in said)
        outcome = Outcome.CLEAR if seen else Outcome.NOT_SEEN
        told.append(Assessment(rule.name, outcome, "" if seen else "nothing it could judge is in the capture"))
    return found, told


def _cause(symptom: _Kept, kept: list[_Kept]) -> _Kept | None:
    """The earliest finding on the same device that can explain this one."""
    causes = [
        one
        for one in kept
        if symptom.rule.name in one.rule.explains
        and one.found.device == symptom.found.device
        and one.found.time <= symptom.found.time
    ]
    return min(causes, key=lambda one: (one.rule.stage, one.found.time), default=None)


def _finding(id_: str, one: _Kept, cause: str | None, capture_ids: Sequence[str]) -> Finding:
    rule, found = one.rule, one.found
    return Finding(
        id=id_,
        rule=rule.name,
        title=rule.title,
        severity=one.severity,
        confidence=found.confidence,
        device=found.device,
        peer=found.peer,
        port=found.port,
        transport=found.transport,
        service=found.service,
        says=found.says,
        why=found.why,
        causes=found.causes or rule.causes,
        fix=found.fix or rule.fix,
        act=found.act or rule.act,
        sources=tuple(sources()[key].reference for key in rule.sources),
        evidence=tuple(_evidence(proof, capture_ids) for proof in found.proof if proof.frames),
        caused_by=cause,
        rejected=tuple(Rejected(name, because) for name, because in found.rejected),
    )


def _evidence(proof: Proof, capture_ids: Sequence[str]) -> Evidence:
    frames = tuple(sorted({int(frame) for frame in proof.frames if frame}))
    says = proof.says
    if len(frames) > MAX_FRAMES:
        says = f"{says} (the first {MAX_FRAMES} of {len(frames)} frames)"
        frames = frames[:MAX_FRAMES]
    listed = ", ".join(str(frame) for frame in frames)
    return Evidence(capture_ids[proof.capture], frames, says, f"frame.number in {{{listed}}}")
