"""Findings for tools that collect SARIF."""

import json
from typing import Any

import pytest
from report import documents

from lynccap.document import Document
from lynccap.report.sarif import render_sarif


def run(document: Document) -> dict[str, Any]:
    log = json.loads(render_sarif(document))
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    return only  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", list(documents.ALL))
def test_each_finding_is_a_result_that_points_at_its_rule_and_capture(name: str) -> None:
    document = documents.ALL[name]()
    told = run(document)
    rules = told["tool"]["driver"]["rules"]
    assert len({one["id"] for one in rules}) == len(rules)
    assert len(told["results"]) == len(document.findings)
    for result, one in zip(told["results"], document.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert [place["properties"]["frames"] for place in result["locations"]] == [
            list(proof.frames) for proof in one.evidence
        ]


def test_levels_follow_severity() -> None:
    told = run(documents.one_cause())
    levels = {one["ruleId"]: one["level"] for one in told["results"]}
    assert levels == {
        "rootchain-http80-refused": "error",
        "tls-unknown-ca": "error",
        "dns-srv-missing": "warning",
        "state-autodiscover-race": "note",
    }


def test_locations_are_the_captures_by_name() -> None:
    told = run(documents.one_cause())
    place = told["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "site-berlin.pcapng", "index": 0}
    assert told["artifacts"][0]["hashes"] == {"sha-256": documents.capture().sha256}


def test_a_name_cannot_become_a_scheme_or_a_path() -> None:
    (artifact,) = run(documents.hostile())["artifacts"]
    assert set("<>:/\"' ").isdisjoint(artifact["location"]["uri"])


def test_what_could_not_be_decided_is_notified() -> None:
    (invocation,) = run(documents.one_cause())["invocations"]
    told = [(one["level"], one["message"]["text"]) for one in invocation["toolExecutionNotifications"]]
    assert ("error", "crl-expired: KeyError") in told
    assert ("warning", "ice-failed: The capture holds one direction only of 3 flows.") in told
    assert any(text.startswith("site-berlin.pcapng: The capture starts") for _, text in told)
