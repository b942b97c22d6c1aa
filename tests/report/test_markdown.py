"""The report as Markdown for a ticket."""

import re

import pytest
from report import documents

from lynccap.report.markdown import render_markdown


def test_a_ticket_holds_verdict_cause_action_and_proof() -> None:
    said = render_markdown(documents.one_cause()).replace("\u00a0", " ")
    order = (
        "# 14 of 17 devices failed.",
        "## 1. The phone could not fetch the root certificate chain",
        "- Who must act: **Network/load balancer, then Lync admin**",
        "1. Open TCP ports 80 and 443",
        "frames 400, 401, 406, 407, 419, 420, filter `ip.addr == 10.1.2.10 && ip.addr == 10.1.1.5",
        "**Considered and excluded**",
        "## 2. The PC asked for an SRV record",
        "## Looks odd, is normal",
        "## What this capture cannot show",
        "## Captures",
    )
    places = [said.index(part) for part in order]
    assert places == sorted(places)


def test_hostile_names_are_no_markup() -> None:
    said = render_markdown(documents.hostile())
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", said)
    assert "<script" not in outside
    assert "<img" not in outside
    assert "](" not in outside.replace(r"\](", "")
    assert "**bold**" not in outside
    assert "://" not in outside
    assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e]", said)


@pytest.mark.parametrize("name", list(documents.ALL))
def test_every_cause_is_told_and_the_text_is_the_same_each_time(name: str) -> None:
    document = documents.ALL[name]()
    said = render_markdown(document)
    assert said == render_markdown(document)
    assert said.endswith("Wireshark.\n")
