"""Every sample gives what its label says, and nothing else."""

from collections import Counter, defaultdict

import pytest
from samples import Sample, document_of, recorded, samples

from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.document import Finding, Reading, rfc3339
from lynccap.ingest import read_recordings
from lynccap.ingest.collecting.collect import collect

SAMPLES = samples()
REAL_PROOFS = 200  # rules that a labelled capture from the laboratory shows, at least
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda one: one.name)


@each_sample
def test_finds_what_the_label_expects(sample: Sample) -> None:
    found = {(one.rule, one.device) for one in document_of(sample.name).findings}

    assert sample.expected() <= found


@each_sample
def test_accuses_nobody_else(sample: Sample) -> None:
    accused = {(one.rule, one.device) for one in document_of(sample.name).findings if one.severity != "info"}

    assert accused <= sample.expected()


@each_sample
def test_says_nothing_the_label_calls_wrong(sample: Sample) -> None:
    found = {(one.rule, one.device) for one in document_of(sample.name).findings}
    found |= {(rule, None) for rule, _ in found}

    assert not sample.wrong() & found


@each_sample
def test_hangs_symptoms_under_their_cause(sample: Sample) -> None:
    caused = {(one.rule, one.device) for one in document_of(sample.name).findings if one.caused_by}

    assert sample.folded() <= caused


@each_sample
def test_no_rule_fails(sample: Sample) -> None:
    failed = [one for one in document_of(sample.name).assessments if one.outcome == "rule-failed"]

    assert not failed


@each_sample
def test_evidence_frames_are_in_the_capture(sample: Sample) -> None:
    document = document_of(sample.name)
    packets = {one.id: one.packets for one in document.captures}

    places = [(proof.capture, frame) for one in document.findings for proof in one.evidence for frame in proof.frames]
    places += [(step.capture, frame) for one in document.devices for step in one.journey for frame in step.frames]

    assert places
    assert all(1 <= frame <= packets[capture] for capture, frame in places)


READABLE = (
    "balancer-by-dns",
    "branches-inside",
    "looked-into",
    "meetings-outside",
    "old-root-chain",
    "published-wrongly",
    "signin-refused",
    "trunks-faults",
)


@pytest.mark.parametrize("name", READABLE)
def test_what_rests_on_messages_says_so(name: str) -> None:
    path = next(one.path for one in SAMPLES if one.name == name)
    (recording,) = read_recordings(collect([str(path)]))
    messages = {int(frame) for table in ("sip", "http") for frame in recording.tables[table]["frame"]}

    unsaid = {
        one.rule
        for one in document_of(name).findings
        if one.reading is Reading.PACKETS and messages & {frame for proof in one.evidence for frame in proof.frames}
    }

    assert messages
    assert not unsaid


@pytest.mark.parametrize("name", ["desktop-signin-healthy", "phone-boot-healthy", "rootchain-80-refused"])
def test_a_step_has_the_time_of_the_frame_it_begins_with(name: str) -> None:
    steps = [one for device in document_of(name).devices for one in device.journey if one.frames]

    assert len(steps) >= 8
    for step in steps:
        digits = len((step.time or "").rstrip("Z").partition(".")[2])
        assert step.time == rfc3339(recorded(name)[step.frames[0] - 1].time, digits)


def test_another_providers_refusal_is_not_the_sign_in() -> None:
    (pc,) = document_of("lookalike-odd-ports").devices

    (sign_in,) = [one for one in pc.journey if one.step == "sign-in"]
    assert "REGISTER" not in sign_in.says
    assert all(one.outcome != "failed" for one in pc.journey)


def test_silence_of_the_inner_relay_is_repaired_for_datagrams_too() -> None:
    findings = document_of("media-hairpin-external-edge").findings

    (one,) = [one for one in findings if one.rule == "relay-all-transports-blocked"]
    assert "UDP 3478" in one.fix[0]


def test_every_capture_has_a_label_and_every_label_a_capture() -> None:
    from samples import CAPTURE_SUFFIXES, FOLDER

    captures = {path.name.split(".pcap")[0] for path in FOLDER.iterdir() if path.name.endswith(CAPTURE_SUFFIXES)}
    rings = {path.parent.name for path in FOLDER.glob("*/*") if path.name.endswith(CAPTURE_SUFFIXES)}

    assert captures | rings == {one.name for one in SAMPLES}


def test_precision_and_recall_over_all_samples_are_one() -> None:
    """Of every rule that accuses: what it hit, missed and accused wrongly, on all labelled samples together."""
    scores: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in SAMPLES:
        told = {(one.rule, one.device, one.severity == "info") for one in document_of(sample.name).findings}
        found = {(rule, device) for rule, device, noted in told if not noted}
        wanted = {one for one in sample.expected() if BY_NAME[one[0]].severity != "info" and (*one, True) not in told}
        wanted |= found & sample.expected()
        for kind, ones in (("hit", found & wanted), ("missed", wanted - found), ("false", found - wanted)):
            for rule, _ in ones:
                scores[rule][kind] += 1
    total = sum(scores.values(), Counter[str]())

    print(f"{'rule':<45} {'hit':>4} {'missed':>6} {'false':>6} {'precision':>9} {'recall':>6}")  # noqa: T201  with -s
    for rule, score in (*sorted(scores.items()), ("all", total)):
        print(_scored(rule, score))  # noqa: T201

    assert total["hit"] > 0
    assert (_precision(total), _recall(total)) == (1.0, 1.0)


def _scored(rule: str, score: Counter[str]) -> str:
    counts = f"{score['hit']:>4} {score['missed']:>6} {score['false']:>6}"
    return f"{rule:<45} {counts} {_precision(score):>9.2f} {_recall(score):>6.2f}"


def _precision(score: Counter[str]) -> float:
    return score["hit"] / max(score["hit"] + score["false"], 1)


def _recall(score: Counter[str]) -> float:
    return score["hit"] / max(score["hit"] + score["missed"], 1)


def test_many_rules_speak_on_captures_of_real_stacks() -> None:
    spoken = {rule for sample in SAMPLES for rule, _ in sample.expected()}

    assert len(spoken) >= REAL_PROOFS


@each_sample
def test_every_device_has_one_cause(sample: Sample) -> None:
    """Symptoms hang under what came first; a device with two causes has two failures, and its label says so."""
    causes = Counter(
        one.device for one in document_of(sample.name).findings if one.device and not one.caused_by and _accuses(one)
    )
    several = {device for device, count in causes.items() if count > 1}

    assert several <= set(sample.label.get("several_causes", ()))


def _accuses(finding: Finding) -> bool:
    return finding.severity != "info"
