"""The summary on the terminal."""

import re

import pytest
from report import documents
from report.documents import build, finding

from lynccap.report.text import MAX_CAUSES, WIDTH, render_text


def test_the_verdict_leads_and_each_cause_names_who_must_act() -> None:
    said = render_text(documents.one_cause(), colour=False).replace("\u00a0", " ")
    assert said.startswith("14 of 17 devices failed.\nOne cause explains them all.")
    assert "CRITICAL  14 phones in 10.1.2.0/24\n" in said
    assert "  For example: SEP-2-011 (10.1.2.11) opened TCP port 80 of 10.1.1.5 three times in 9.0 s." in said
    assert "who must act  Network/load balancer, then Lync admin\n" in said
    assert "and 8 more" in said
    assert "lynccap explain rootchain-http80-refused" in said
    assert "tls-unknown-ca" not in said


@pytest.mark.parametrize("name", list(documents.ALL))
def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    lines = render_text(documents.ALL[name](), colour=False).splitlines()
    assert lines
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("name", list(documents.ALL))
def test_colour_changes_nothing_but_colour(name: str) -> None:
    plain = render_text(documents.ALL[name](), colour=False)
    coloured = render_text(documents.ALL[name](), colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert coloured != plain


def test_names_cannot_drive_the_terminal() -> None:
    said = render_text(documents.hostile(), colour=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said)


def test_many_causes_are_cut_and_counted() -> None:
    findings = tuple(finding(n, f"rule-{n}", "10.1.2.1") for n in range(MAX_CAUSES + 3))
    said = render_text(build(findings=findings), colour=False).replace("\u00a0", " ")
    assert "3 more causes: see the report." in said
