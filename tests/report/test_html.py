"""The page a customer gets."""

import base64
import hashlib
import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report import documents
from report.documents import build, finding, phone
from report.pages import Page

from lynccap.document import Assessment, Confidence, Device, Document, Outcome
from lynccap.report import html
from lynccap.report.html import render_html

MAX_PAGE = 5_000_000  # bytes with 500 devices


@cache
def page_of(name: str) -> Page:
    return Page(render_html(documents.ALL[name]()))


@pytest.fixture
def one_cause() -> Page:
    return page_of("one cause")


def test_the_verdict_is_the_first_thing_said(one_cause: Page) -> None:
    verdict = one_cause.said("verdict")
    assert verdict.startswith("14 of 17 devices failed. One cause explains them all.")
    assert one_cause.said().index(verdict[:40]) < 200


def test_a_cause_card_says_who_must_act_and_what_to_do(one_cause: Page) -> None:
    verdict = one_cause.said("verdict")
    order = (
        "Critical 14 phones in 10.1.2.0/24",
        "The phone could not fetch the root certificate chain, because TCP port 80 was refused",
        "For example: SEP-2-011 (10.1.2.11) opened TCP port 80 of 10.1.1.5 three times in 9.0 s.",
        "Towards 10.1.1.5 (pool.contoso.example, Front End Server), TCP port 80",
        "Who must act Network/load balancer, then Lync admin",
        "What to do Open TCP ports 80 and 443 from the phone subnets",
        "How sure Certain for 11, likely for 3",
        "Also caused 14 later symptoms",
        "Minor PC pc-1.contoso.example (10.1.9.1)",
    )
    places = [verdict.index(part) for part in order]
    assert places == sorted(places)
    assert all(f"SEP-2-0{n}" in verdict for n in range(10, 24))
    assert verdict.count("does not trust the server's certificate") == 1  # as a consequence, with no card of its own


def test_a_finding_is_told_with_all_its_proof(one_cause: Page) -> None:
    said = one_cause.said("cause-1")
    for part in (
        "Critical: sign-in, calls or conferencing are lost",
        "Likely for some: the frames show most of it",
        "Why A phone without the root chain trusts no server.",
        "What it may come from, most likely first The load balancer address has no listener on port 80.",
        "SEP-2-010 (10.1.2.10) opened TCP port 80 of 10.1.1.5 three times in 9.0 s.",
        "site-berlin.pcapng, frames 400, 401, 406, 407, 419, 420",
        "ip.addr == 10.1.2.10 && ip.addr == 10.1.1.5 && tcp.port == 80 && tcp.flags.syn == 1",
        "Considered and excluded",
        "No HTTP request was ever sent. certprov-http-error",
        "What it caused",
        "The phone ended TLS because it does not trust the server's certificate 14 phones in 10.1.2.0/24",
    ):
        assert part in said


@pytest.mark.parametrize("name", [name for name in documents.ALL if name != "hostile"])
def test_every_finding_and_every_check_is_on_the_page(name: str) -> None:
    document, page = documents.ALL[name](), page_of(name)
    ids = set(page.attributes("id"))
    assert {f"finding-{one.id}" for one in document.findings} <= ids
    said = page.said("checks")
    assert all(one.rule in said for one in document.assessments)


@pytest.mark.parametrize("name", list(documents.ALL))
def test_the_page_is_well_formed_and_its_inner_links_lead_somewhere(name: str) -> None:
    page = page_of(name)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    links = page.attributes("href") + [f"#{one}" for one in page.attributes("aria-labelledby")]
    assert links
    assert {one.removeprefix("#") for one in links} <= set(ids)


@pytest.mark.parametrize("name", list(documents.ALL))
def test_the_page_loads_nothing_from_outside(name: str) -> None:
    page = page_of(name)
    assert not page.attributes("src")
    assert all(one.startswith("#") for one in page.attributes("href"))
    assert not re.search(r"url\(|@import|https?:", page.own["style"] + page.own["script"])
    assert {"link", "img", "iframe", "object", "embed", "base", "form"}.isdisjoint(tag for tag, _ in page.elements)


def test_the_policy_allows_this_style_and_this_script_only() -> None:
    page = Page(render_html(documents.hostile()))
    (policy,) = [given["content"] for _, given in page.elements if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.own[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert not page.attributes("style")
    assert not any(key.startswith("on") for _, given in page.elements for key in given)


def test_hostile_names_are_text_and_nothing_else() -> None:
    source = render_html(documents.hostile())
    page = Page(source)
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert "img" not in [tag for tag, _ in page.elements]
    assert documents.SCRIPT in page.text
    assert documents.QUOTES in page.text
    assert "evil⟨U+202E⟩gpj.exe" in page.text
    assert "esc⟨U+001B⟩[31m" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", source)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_no_name_breaks_the_page(name: str) -> None:
    device = Device(id=name, addresses=(name,), macs=(name,), names=(name,), kind=name, role=name, basis=name)
    bad = finding(1, name, name, id=name, title=name, peer=name, says=name, act=(name,))
    source = render_html(build(devices=(device,), findings=(bad,)))
    source.encode()
    page = Page(source)
    assert len(page.attributes("id")) == len(set(page.attributes("id")))
    assert [tag for tag, _ in page.elements].count("script") == 1


def test_five_hundred_devices_fit_the_budget_and_are_all_there() -> None:
    page = page_of("five hundred")
    assert len(page.source.encode()) <= MAX_PAGE
    assert sum(given.get("data-state") == "failed" for _, given in page.elements) == 500
    assert "500 phones in 10.1.2.0/24 and 10.1.3.0/24" in page.said("verdict")


def test_devices_beyond_the_limit_are_counted_and_the_failed_ones_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(html, "MAX_DEVICES", 2)
    devices = (phone(1), phone(2), phone(3))
    said = Page(render_html(build(devices=devices, findings=(finding(1, "r", "10.1.2.3"),)))).said("devices")
    assert "SEP-2-003 10.1.2.3, phone Failed" in said
    assert "1 more device" in said
    assert "SEP-2-002" not in said


def test_findings_beyond_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html.Page, "MAX_MEMBERS", 2)
    findings = tuple(finding(n, "r", f"10.1.2.{n}") for n in range(1, 6))
    assert "3 more findings" in Page(render_html(build(findings=findings))).said("cause-1")


def test_what_is_normal_has_its_own_section(one_cause: Page) -> None:
    assert "Autodiscover was tried on HTTP and HTTPS at once" in one_cause.said("normal")
    assert "Autodiscover was tried" not in one_cause.said("findings")
    assert "Who must act" not in one_cause.said("normal")


def test_a_journey_names_each_outcome_in_words_and_signs(one_cause: Page) -> None:
    said = one_cause.said("device-1")
    assert "✓ DHCP ok" in said
    assert "✕ Root chain failed" in said
    assert "○ Web ticket not seen" in said
    assert "was refused on TCP port 80 of 10.1.1.5, three times in 9.0 s. 2026-03-02 08:15:03.412 UTC 412–414" in said


def test_what_the_capture_lacks_is_told_with_what_it_forbids(one_cause: Page) -> None:
    said = one_cause.said("limits")
    assert "The capture starts 4.1 s after the first phone began to sign in." in said
    assert "Not concluded from it: whether DHCP was asked." in said
    assert "The capture holds one direction only of 3 flows. media-one-way ice-failed" in said


def test_services_servers_and_captures_are_listed(one_cause: Page) -> None:
    assert "SIP (sign-in, presence, calls) tls port 5061 and certificate 41 9 120 4.2 MB" in one_cause.said("services")
    assert "Front End Server 10.1.1.5 pool.contoso.example certificate name and port 5061" in one_cause.said("topology")
    said = one_cause.said("captures")
    assert documents.capture().sha256 in said
    assert "2026-03-02 08:26:10.004 UTC (12 min 3 s)" in said


def test_a_check_that_broke_down_is_not_hidden(one_cause: Page) -> None:
    assert "Broke down: 1 check." in one_cause.said("checks")
    assert "crl-expired KeyError" in one_cause.said("checks")


def test_only_words_that_occur_are_explained(one_cause: Page) -> None:
    said = one_cause.said("glossary")
    assert "Root chain The certificates a phone must hold" in said
    assert "PSOM" not in said


def test_members_that_differ_from_the_first_say_how() -> None:
    findings = (
        finding(1, "r", "10.1.2.1"),
        finding(2, "r", "10.1.2.2", fix=("another fix",), act=("PKI",), confidence=Confidence.LIKELY),
    )
    page = Page(render_html(build(findings=findings)))
    assert "Another fix." in page.said("finding-F0002")
    assert "Who must act here: PKI." in page.said("finding-F0002")
    assert "What to do here" not in page.said("finding-F0001")


def test_a_document_with_nothing_in_it_is_still_a_page() -> None:
    empty = Document(
        tool=documents.build().tool,
        captures=(),
        topology=documents.no_lync().topology,
        devices=(),
        services=(),
        assessments=(Assessment("x", Outcome.NOT_SEEN),),
        findings=(),
    )
    said = Page(render_html(empty)).said()
    assert "No Lync or Skype for Business server was recognised." in said
    assert "No conversation was found." in said
