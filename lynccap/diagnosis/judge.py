"""Runs the rules over a case: assessments for all of them, findings with causes before symptoms."""

import traceback
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.vantage import Vantage
from lynccap.diagnosis.catalogue import RULES
from lynccap.diagnosis.contract import Rule
from lynccap.diagnosis.folding import Kept, fold
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Proof
from lynccap.document import Assessment, Evidence, Finding, Outcome, Rejected
from lynccap.reference import sources

MAX_REASONS, MAX_DEVICES = 10, 5  # of what a rule could not decide: what a person reads; 500 devices may have as many
MAX_FRAMES = 200  # frames one piece of evidence lists: what a person can check, and a display filter can hold


def judge(
    cases: Sequence[Case], origins: Sequence[Origins], crossings: Crossings | None = None
) -> tuple[tuple[Assessment, ...], tuple[Finding, ...]]:
    """What every rule says of the captures, each judged by itself: one capture's silence proves nothing of another.

    `crossings` are the conversations that several of them show: there one corrects the other, and what both show is
    one finding. `origins`, one for each case, names the files that the findings' evidence is in.
    """
    crossed = crossings or Crossings()
    views = [Vantage(place, cases, crossed) if crossed.all else None for place in range(len(cases))]
    inquiries = [Inquiry(case, view) for case, view in zip(cases, views, strict=True)]
    asked: list[list[_Said]] = []
    kept: list[Kept] = []
    for rule in RULES:
        asked.append([_ask(rule, inquiry) for inquiry in inquiries])
        for place, one in enumerate(asked[-1]):
            devices = cases[place].devices
            kept += [Kept(rule, found, place, devices.id_of(found.device)) for found in one.found]
    kept = fold(kept, cases, crossed)
    assessments = [one for rule, said in zip(RULES, asked, strict=True) for one in _assessed(rule, said, kept)]
    return tuple(assessments), _numbered(kept, origins)


@dataclass(frozen=True, slots=True)
class _Said:
    """What one rule said of one capture."""

    found: tuple[Found, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    clear: bool = False
    fault: str = ""


def _ask(rule: Rule, inquiry: Inquiry) -> _Said:
    try:
        said = list(rule.judge(inquiry))
    except Exception as fault:  # noqa: BLE001  a bug in one rule must neither sink the others nor go unsaid
        where = traceback.extract_tb(fault.__traceback__)[-1]
        return _Said(fault=f"{type(fault).__name__}: {fault} ({where.name}, line {where.lineno})")
    return _Said(
        tuple(one for one in said if isinstance(one, Found)),
        tuple(dict.fromkeys(one for one in said if isinstance(one, Doubt))),
        any(isinstance(one, Clear) for one in said),
    )


def _assessed(rule: Rule, said: Sequence[_Said], kept: Sequence[Kept]) -> list[Assessment]:
    """One entry for each outcome that is more than silence, else one that says which silence it is."""
    told = [Assessment(rule.name, Outcome.RULE_FAILED, one.fault) for one in said if one.fault]
    mine = [one for one in kept if one.rule is rule]
    devices = sorted({one.found.device for one in mine if one.found.device}, key=sort_key)
    doubts = [doubt for one in said for doubt in one.doubts]
    if mine:
        told.append(Assessment(rule.name, Outcome.FIRED, ", ".join(devices)))
    if doubts:
        told.append(Assessment(rule.name, Outcome.INCONCLUSIVE, _reasons(doubts)))
    if not told and any(one.clear for one in said):
        told.append(Assessment(rule.name, Outcome.CLEAR))
    return told or [Assessment(rule.name, Outcome.NOT_SEEN, "nothing it could judge is in the capture")]


def _reasons(doubts: Sequence[Doubt]) -> str:
    """Why a rule could not decide: each reason once, with the devices it holds for."""
    holds: dict[str, dict[str, None]] = {}
    for one in doubts:
        holds.setdefault(one.because, {}).update({one.device: None} if one.device else {})
    told = [
        f"{_some(list(devices), MAX_DEVICES)}: {because}" if devices else because for because, devices in holds.items()
    ]
    return _some(told, MAX_REASONS, "; ")


def _some(ones: list[str], limit: int, between: str = ", ") -> str:
    more = f" and {len(ones) - limit} more" if len(ones) > limit else ""
    return between.join(ones[:limit]) + more


def _numbered(kept: list[Kept], origins: Sequence[Origins]) -> tuple[Finding, ...]:
    """The findings, causes first, each group by severity and stage."""
    causes = _causes(kept)
    ordered = sorted(kept, key=lambda one: (id(one) in causes, *one.order))
    numbers = {id(one): f"F{place}" for place, one in enumerate(ordered, 1)}
    told = {symptom: numbers[id(cause)] for symptom, cause in causes.items()}
    return tuple(_finding(numbers[id(one)], one, told.get(id(one)), origins) for one in ordered)


def _causes(kept: Sequence[Kept]) -> dict[int, Kept]:
    """By the id() of what is a symptom: the earliest finding on the same subject that can explain it."""
    explaining: dict[Hashable, list[Kept]] = defaultdict(list)
    for one in kept:
        for name in one.explains:
            for subject in _subjects(one):
                explaining[name, subject].append(one)
    causes = {}
    for symptom in kept:
        known = chain.from_iterable(explaining.get((symptom.rule.name, one), ()) for one in _subjects(symptom))
        before = (one for one in known if one.found.time <= symptom.found.time)
        cause = min(before, key=lambda one: (one.rule.stage, one.found.time), default=None)
        if cause:
            causes[id(symptom)] = cause
    return causes


def _subjects(one: Kept) -> Iterator[Hashable]:
    """Its device as each capture calls it, and its conversations: of one of these both ends may be found at fault."""
    yield from one.seen
    yield from (("flow", one.place, flow) for flow in one.found.flows)


def _finding(id_: str, one: Kept, cause: str | None, origins: Sequence[Origins]) -> Finding:
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
        evidence=tuple(piece for proof in one.proof for piece in _evidence(proof, origins[proof.place or 0])),
        caused_by=cause,
        rejected=tuple(Rejected(name, because) for name, because in found.rejected),
        reading=found.reading,
    )


def _evidence(proof: Proof, origins: Origins) -> Iterator[Evidence]:
    """One piece of evidence for each file that holds frames of the proof."""
    for file, frames in origins.split(proof.frames).items():
        says = proof.says
        if len(frames) > MAX_FRAMES:
            says = f"{says} (the first {MAX_FRAMES} of {len(frames)} frames)"
        listed = ", ".join(str(frame) for frame in frames[:MAX_FRAMES])
        yield Evidence(file, frames[:MAX_FRAMES], says, f"frame.number in {{{listed}}}")
