"""How findings become causes, and what the verdict says."""

import msgspec
import pytest
from report import documents
from report.documents import build, finding, phone

from lynccap.document import (
    Assessment,
    Document,
    Outcome,
    Quality,
    Reading,
    Role,
    Service,
    Severity,
    Step,
    StepOutcome,
    Topology,
)
from lynccap.report.story import Story
from lynccap.report.text import render_text
from lynccap.report.verdict import caveats, headline, remarks
from lynccap.report.words import NO_BREAK


def told(document: Document) -> str:
    story = Story(document)
    return " ".join((headline(story), *remarks(story), *caveats(story))).replace(NO_BREAK, " ")


def test_findings_of_one_rule_peer_and_port_are_one_cause() -> None:
    story = Story(documents.one_cause())
    assert [len(one.findings) for one in story.causes] == [14, 1]
    assert story.who(story.causes[0]).replace(NO_BREAK, " ") == "14 phones in 10.1.2.0/24"


@pytest.mark.parametrize("difference", [{"peer": "10.1.1.6"}, {"port": 443}, {"transport": "udp"}])
def test_another_peer_port_or_transport_is_another_cause(difference: dict[str, object]) -> None:
    story = Story(build(findings=(finding(1, "r", "10.1.2.1"), finding(2, "r", "10.1.2.2", **difference))))
    assert len(story.causes) == 2


def test_findings_of_one_cause_that_were_read_from_different_things() -> None:
    readings = (Reading.DECRYPTED, Reading.PATTERN)
    alike = (finding(place, "r", f"10.1.2.{place}", reading=one) for place, one in enumerate(readings, 1))
    (cause,) = Story(build(findings=tuple(alike))).causes
    assert cause.reading.startswith("for 1: messages that the key log decrypted; for 1: the pattern")


def test_symptoms_are_under_their_first_cause_and_not_on_top() -> None:
    chain = (
        finding(1, "first", "10.1.2.1"),
        finding(2, "second", "10.1.2.1", caused_by="F0001"),
        finding(3, "third", "10.1.2.1", caused_by="F0002"),
    )
    (cause,) = Story(build(findings=chain)).causes
    assert cause.lead.rule == "first"
    assert [one.rule for one in cause.symptoms] == ["second", "third"]


@pytest.mark.parametrize("parent", ["F0001", "F0002", "missing", "F0003"])
def test_no_finding_is_lost_to_a_missing_circular_or_normal_cause(parent: str) -> None:
    findings = (
        finding(1, "one", "10.1.2.1", caused_by="F0002"),
        finding(2, "two", "10.1.2.1", caused_by=parent),
        finding(3, "state-normal", "10.1.2.1", severity=Severity.INFO),
    )
    story = Story(build(findings=findings))
    kept = [one.rule for cause in story.causes for one in (*cause.findings, *cause.symptoms)]
    assert sorted(kept) == ["one", "two"]
    assert [cause.lead.rule for cause in story.normal] == ["state-normal"]


def test_a_fact_worth_knowing_is_no_failure_and_not_normal() -> None:
    findings = (
        finding(1, "cert-x", "10.1.2.1", severity=Severity.INFO),
        finding(2, "state-x", "10.1.2.1", severity=Severity.INFO),
    )
    story = Story(build(devices=(phone(1),), findings=findings))
    assert not story.causes
    assert [cause.lead.rule for cause in story.notes] == ["cert-x"]
    assert [cause.lead.rule for cause in story.normal] == ["state-x"]


def test_what_is_normal_is_no_failure() -> None:
    story = Story(build(devices=(phone(1),), findings=(finding(1, "state-x", "10.1.2.1"),)))
    assert not story.failed
    assert not story.causes
    assert headline(story) == "No failure was found in what this capture shows."


def test_the_gravest_cause_comes_first_then_the_one_with_most_devices() -> None:
    findings = (
        finding(1, "minor", "10.1.2.1", severity=Severity.MINOR),
        finding(2, "major-one", "10.1.2.1"),
        *(finding(n, "major-many", f"10.1.2.{n}") for n in range(3, 6)),
        finding(9, "critical", "10.1.2.1", severity=Severity.CRITICAL),
    )
    rules = [cause.lead.rule for cause in Story(build(findings=findings)).causes]
    assert rules == ["critical", "major-many", "major-one", "minor"]


def test_addresses_of_one_device_count_once() -> None:
    findings = (finding(1, "r", "10.1.9.1"), finding(2, "r", "2001:db8::1"))
    story = Story(build(devices=(documents.pc(1),), findings=findings))
    assert headline(story).replace(NO_BREAK, " ") == "1 of 1 device failed."
    assert story.who(story.causes[0]) == "PC pc-1.contoso.example (10.1.9.1)"


def test_devices_of_many_subnets_are_counted_by_subnet() -> None:
    findings = tuple(finding(n, "r", f"10.{n}.2.1") for n in range(5))
    story = Story(build(findings=findings))
    assert story.who(story.causes[0]).replace(NO_BREAK, " ") == "5 devices in 5 subnets"


def test_a_finding_without_device_is_told_by_its_server() -> None:
    story = Story(build(findings=(finding(1, "r", None),)))
    assert story.who(story.causes[0]) == f"Server {documents.FRONT_END}"
    assert headline(story).startswith("No device failed in what this capture shows, but one problem was found")


def test_a_failed_step_that_no_finding_confirms_is_no_proven_failure() -> None:
    step = Step("dns", StepOutcome.FAILED, "no answer", None, (1,), documents.CAPTURE)
    device = msgspec.structs.replace(documents.pc(3), journey=(step,))
    text = told(build(devices=(device, phone(1))))
    assert text.startswith("No failure is proven, but a step looks failed on 1 of 2 devices.")
    assert "nothing wrong" not in text
    lack = Quality("snapped", "Frames were cut.", ("what was said",))
    text = told(build(devices=(device,), captures=(documents.capture(quality=(lack,)),)))
    assert text.endswith("This capture has gaps, and gaps can make a step look failed.")


def test_the_verdict_counts_failed_explained_minor_and_quiet_devices() -> None:
    assert told(documents.one_cause()) == (
        "14 of 17 devices failed. One cause explains them all. 1 more device has a minor problem. "
        "2 other devices show no failure. This capture has gaps that can hide more. "
        "2 checks could not decide, "
        "because the capture lacks what they need. "
        "1 check stopped on an error in lynccap, so the results are missing."
    )


def test_health_is_told_with_what_was_checked() -> None:
    text = told(documents.healthy())
    assert text.startswith("No failure was found in what this capture shows. 3 devices were seen.")
    assert "12 checks found the traffic they look at" in text
    assert "5 checks had nothing to look at" in text


def test_a_capture_without_lync_traffic_is_not_called_healthy() -> None:
    text = told(documents.no_lync())
    assert text.startswith("No Lync or Skype for Business server was recognised.")
    assert "no server can be recognised" in text
    assert "No failure" not in text


def test_a_capture_that_decides_nothing_is_not_called_healthy() -> None:
    text = told(documents.inconclusive())
    assert text.startswith("No failure was found, but this capture cannot show whether there is one.")


def test_one_undecided_check_is_told_in_the_singular() -> None:
    undecided = Assessment("dns-no-answer", Outcome.INCONCLUSIVE, "Only one direction was captured.")
    one = documents.build(devices=(documents.pc(1),), assessments=(undecided,))
    assert "1 check could not decide, because the capture lacks what it needs." in told(one)


def test_undecided_checks_are_gathered_by_reason() -> None:
    reasons = dict(Story(documents.inconclusive()).undecided)
    assert reasons["Only one direction was captured."] == ("tcp-filtered-silent", "dns-no-answer")
    assert len(reasons) == 2


def test_failed_and_doubtful_devices_are_told_apart() -> None:
    findings = (finding(1, "a", "10.1.2.1"), finding(2, "b", "10.1.2.2"))
    devices = (phone(1), phone(2), phone(3, failed_at=2))
    document = build(devices=devices, findings=findings, assessments=(Assessment("a", Outcome.FIRED),))
    assert told(document).startswith(
        "2 of 3 devices failed. 2 causes explain them all. "
        "On 1 more device a step looks failed, and no check confirms it."
    )


def test_relay_and_media_traffic_of_others_is_not_taken_for_lync() -> None:
    lack = Quality("no-lync", "Nothing in this capture shows a Lync server.", ("that Lync works",))
    story = Story(build(captures=(documents.capture(quality=(lack,)),)))
    assert headline(story) == "No Lync or Skype for Business server was recognised."


def test_a_host_is_not_called_by_a_service_record() -> None:
    role = Role(
        "Front End Server", (documents.FRONT_END,), ("_sipinternaltls._tcp.x.example", "fe1.x.example"), "dns", "likely"
    )
    story = Story(build(topology=Topology("inferred", (role,))))
    assert story.peer(finding(1, "r", "10.1.2.1")) == "10.1.1.5 (fe1.x.example, Front End Server), TCP port 80"


def test_services_of_lync_are_named_before_those_of_any_network() -> None:
    services = tuple(Service(one, "", "port", 1, 1, 1) for one in ("other", "dns", "strange", "web", "sip"))
    assert [one.service for one in Story(build(services=services)).services] == [
        "sip",
        "web",
        "dns",
        "other",
        "strange",
    ]


def test_a_capture_with_gaps_is_not_called_healthy() -> None:
    lack = Quality("started-late", "2 connections were already open.", ("how they began",))
    story = Story(msgspec.structs.replace(documents.healthy(), captures=(documents.capture(quality=(lack,)),)))
    assert headline(story) == "No failure was found, but this capture has gaps that can hide one."


def test_a_capture_on_a_host_with_offload_has_no_gaps() -> None:
    lack = Quality("segment-offload", "7 frames hold more than Ethernet allows.", ("how large packets were",))
    story = Story(msgspec.structs.replace(documents.healthy(), captures=(documents.capture(quality=(lack,)),)))
    assert headline(story) == headline(Story(documents.healthy()))


def test_a_lone_minor_problem_is_told_once() -> None:
    findings = (finding(1, "r", "10.1.2.1", severity=Severity.MINOR),)
    text = told(build(devices=(phone(1), phone(2)), findings=findings))
    assert text == "No device failed in what this capture shows, but one problem was found."


def test_files_of_one_recording_are_told_as_one() -> None:
    lack = Quality("no-lync", "Nothing.", ("that it works",))
    renamed = msgspec.structs.replace
    first = renamed(documents.capture("r_1.pcap", (lack,)), recording="r_*.pcap", last_time=None)
    later = renamed(documents.capture("r_2.pcap"), recording="r_*.pcap", first_time=None)
    lone = documents.capture("other.pcap")
    story = Story(build(captures=(first, later, lone)))
    assert [(one.name, len(one.files), one.packets) for one in story.recordings] == [
        ("r_*.pcap", 2, first.packets * 2),
        ("other.pcap", 1, lone.packets),
    ]
    assert (story.recordings[0].first_time, story.recordings[0].last_time) == (first.first_time, later.last_time)
    assert story.recordings[0].quality == (lack,)
    assert f"r_*.pcap: 2{NO_BREAK}files" in render_text(build(captures=(first, later)), colour=False)
    assert not Story(build(captures=(first, later))).has_lync
