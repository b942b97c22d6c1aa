"""A network told step by step: connections, handshakes and messages at given seconds, as the tables ingest makes."""

from scene_flows import ANYBODY, RESOLVER, SERVER_TTL, moment
from scene_media import Media
from scene_names import Names
from scene_sip import Sip
from scene_web import Web

from lynccap.correlation.origins import Origins
from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judge import judge
from lynccap.diagnosis.judgements import Doubt, Found
from lynccap.document import Finding, Severity

__all__ = ["ANYBODY", "RESOLVER", "SERVER_TTL", "Scene", "accused", "doubts", "findings", "found", "moment"]

NOTES = (Severity.INFO,)


class Scene(Sip, Names, Web, Media):
    """All that can happen in one network; each part stands in its own module."""


def found(rule: str, scene: Scene, seconds: float = 90.0) -> list[Found]:
    """What a rule found."""
    return [one for one in BY_NAME[rule].judge(Inquiry(scene.case(seconds))) if isinstance(one, Found)]


def doubts(rule: str, scene: Scene, seconds: float = 90.0) -> list[Doubt]:
    """What a rule doubted."""
    return [one for one in BY_NAME[rule].judge(Inquiry(scene.case(seconds))) if isinstance(one, Doubt)]


def findings(scene: Scene, seconds: float = 90.0) -> list[Finding]:
    """Everything found that is no mere note; a rule that failed is a failure of the test."""
    case = scene.case(seconds)
    assessments, told = judge([case], [Origins(case.tables, ["c1"])])
    failed = [one for one in assessments if one.outcome == "rule-failed"]
    assert failed == []
    return [one for one in told if one.severity not in NOTES]


def accused(scene: Scene, seconds: float = 90.0) -> set[tuple[str, str | None]]:
    """Rule and device of everything found that is no mere note."""
    return {(one.rule, one.device) for one in findings(scene, seconds)}
