"""A document as SARIF 2.1.0 (OASIS), for tools that collect findings."""

import json
from typing import Any
from urllib.parse import quote

from lynccap.document import Document, Evidence, Finding, Outcome, Severity
from lynccap.report.plain import harmless

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: dict[Severity, str] = {
    Severity.CRITICAL: "error",
    Severity.MAJOR: "error",
    Severity.MINOR: "warning",
    Severity.INFO: "note",
}
OPEN = {Outcome.INCONCLUSIVE: "warning", Outcome.RULE_FAILED: "error"}


def render_sarif(document: Document) -> bytes:
    """`document` as one SARIF run, UTF-8 JSON ending with a newline; its locations are captures, by name."""
    document = harmless(document)
    artifacts = {one.id: place for place, one in enumerate(document.captures)}
    rules = {one.rule: one for one in reversed(document.findings)}
    order = {rule: place for place, rule in enumerate(sorted(rules))}
    driver = {
        "name": document.tool.name,
        "version": document.tool.version,
        "rules": [_rule(rules[rule]) for rule in order],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(document)}],
        "artifacts": [
            {
                "location": {"uri": quote(one.name, safe="")},
                "length": one.bytes,
                "hashes": {"sha-256": one.sha256},
            }
            for one in document.captures
        ],
        "results": [_result(one, order[one.rule], document, artifacts) for one in document.findings],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2).encode() + b"\n"


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.rule,
        "shortDescription": {"text": finding.title},
        "fullDescription": {"text": finding.why},
        "help": {"text": "\n".join(finding.fix) or "Nothing to do."},
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
    }


def _result(finding: Finding, place: int, document: Document, artifacts: dict[str, int]) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": place,
        "level": LEVELS[finding.severity],
        "message": {"text": finding.says},
        "locations": [_location(one, finding, document, artifacts) for one in finding.evidence],
        "partialFingerprints": {"lynccapFinding/v1": finding.id},
        "properties": {
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "device": finding.device,
            "peer": finding.peer,
            "port": finding.port,
            "transport": finding.transport,
            "service": finding.service,
            "act": list(finding.act),
            "causedBy": finding.caused_by,
            "reading": finding.reading.value,
        },
    }


def _location(evidence: Evidence, finding: Finding, document: Document, artifacts: dict[str, int]) -> dict[str, Any]:
    place = artifacts.get(evidence.capture)
    artifact: dict[str, Any] = {"uri": quote(evidence.capture, safe="")}
    if place is not None:
        artifact = {"uri": quote(document.captures[place].name, safe=""), "index": place}
    location = {
        "physicalLocation": {"artifactLocation": artifact},
        "message": {"text": evidence.says},
        "properties": {"frames": list(evidence.frames), "displayFilter": evidence.display_filter},
    }
    if finding.device:
        location["logicalLocations"] = [{"name": finding.device, "kind": "device"}]
    return location


def _notifications(document: Document) -> list[dict[str, Any]]:
    """What stays open, so that silence is not read as health."""
    lacks = [
        {"level": "warning", "message": {"text": f"{capture.name}: {lack.says}"}}
        for capture in document.captures
        for lack in capture.quality
    ]
    return lacks + [
        {"level": OPEN[one.outcome], "message": {"text": f"{one.rule}: {one.reason or one.outcome.value}"}}
        for one in document.assessments
        if one.outcome in OPEN
    ]
