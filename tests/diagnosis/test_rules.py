"""Every rule is documented, sourced and named as the catalogue names it."""

import pytest

from lynccap.diagnosis.catalogue import BY_NAME, RULES
from lynccap.diagnosis.contract import Rule, Stage
from lynccap.diagnosis.pages import explained
from lynccap.document import Severity
from lynccap.reference import sources

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda one: one.name)


@each_rule
def test_says_what_it_finds_on_what_evidence_and_what_would_disprove_it(rule: Rule) -> None:
    summary, *rest = rule.text.split("\n\n")

    assert summary.endswith(".")
    assert any(part.startswith("Evidence:") for part in rest)
    assert any(part.startswith("Not this") for part in rest)


@each_rule
def test_rests_on_known_sources(rule: Rule) -> None:
    assert rule.sources
    assert set(rule.sources) <= set(sources())


@each_rule
def test_says_who_acts_and_what_to_do(rule: Rule) -> None:
    assert rule.causes
    assert rule.fix
    assert rule.act


@each_rule
def test_explains_only_rules_that_exist(rule: Rule) -> None:
    assert set(rule.explains) <= set(BY_NAME)


@each_rule
def test_has_a_page(rule: Rule) -> None:
    page = explained(rule.name)

    assert page is not None
    assert rule.title in page


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(RULES)


@pytest.mark.parametrize("rule", [one for one in RULES if one.name.startswith("state-")], ids=lambda one: one.name)
def test_what_is_normal_is_never_more_than_a_note(rule: Rule) -> None:
    assert (rule.severity, rule.stage, rule.explains) == (Severity.INFO, Stage.NOTE, ())
