"""Whole journeys of real stacks, and what is left of them in worse copies of the captures."""

import pytest
from samples import WORSE, analyzed, devices_of, document_of, recorded, samples

from lynccap.document import Document, StepOutcome, rfc3339

SIGNS = {"ok": "+", "failed": "!", "unknown": "?", "skipped": "-", "not-seen": "0"}
PHONE = "+address +names +time {} ?web ticket +sip connect {} ?sign-in"
BOOTED = PHONE.format("+root chain +web services", "+tls")
DESKTOP = "+names +autodiscover +web services ?web ticket +sip connect +tls ?sign-in"


def told(document: Document) -> dict[str, str]:
    """By device: the steps of its journey, each with a sign for how it ended."""
    return {one.id: " ".join(SIGNS[step.outcome] + step.step for step in one.journey) for one in document.devices}


@pytest.mark.parametrize(
    ("name", "journeys"),
    [
        ("phone-boot-healthy", {"10.20.30.57": DESKTOP, "10.20.31.101": BOOTED}),
        ("phone-boot-lldp-voice-vlan", {"10.20.30.59": DESKTOP, "10.20.31.107": f"+link {BOOTED}"}),
        ("phone-boot-dhcp-voice-vlan", {"10.9.100.16": DESKTOP, "10.9.200.35": f"+link {BOOTED}"}),
        (
            "rootchain-80-refused",
            {
                "192.168.10.23": "+names +sip connect +tls ?sign-in",
                "192.168.20.151": "+address +names +time !root chain !web services 0web ticket +sip connect !tls",
                "192.168.20.152": PHONE.format("-root chain +web services", "+tls"),
            },
        ),
        ("desktop-signin-healthy", {"192.168.44.102": DESKTOP, "192.168.44.117": DESKTOP}),
        ("ucwa-mobile", {"203.0.113.77": "+names +autodiscover +web services +web ticket +applications"}),
        ("ucwa-mobile-500", {"203.0.113.77": "+names +autodiscover +web services +web ticket !applications"}),
        (
            "mras-504",
            dict.fromkeys(("10.20.31.57", "10.20.32.83"), "+names +sip connect +tls +sign-in !relay credentials"),
        ),
        ("turn-401-again", {"10.20.31.57": "+names +sip connect +tls +sign-in +relay credentials !relay"}),
        (
            "signin-keys-tls12-embedded",
            dict.fromkeys(
                ("10.20.31.57", "10.20.32.83"),
                "+names +sip connect +tls +sign-in +relay credentials +relay",
            ),
        ),
        (
            "edge-crl-ok",
            {
                "192.0.2.10": "+names +next hop +crl +tls +federation",
                "198.51.100.20": "+next hop +tls +federation",
                "198.51.100.201": "+sip connect +tls ?sign-in",
            },
        ),
        (
            "edge-crl-blocked",
            {"192.0.2.10": "+names +next hop !crl !tls", "198.51.100.201": "+sip connect +tls ?sign-in"},
        ),
        (
            "edge-crl-refused",
            {"192.0.2.9": "+sip connect +tls ?sign-in", "203.0.113.20": "+names +next hop !crl !tls"},
        ),
        (
            "federation-mtls-ok",
            {
                "192.0.2.10": "+names +next hop +crl +tls +federation",
                "198.51.100.20": "+next hop +tls +federation",
                "198.51.100.201": "+sip connect +tls ?sign-in",
            },
        ),
        (
            "federation-empty-certificate",
            {
                "192.0.2.9": "+sip connect +tls ?sign-in",
                "192.0.2.131": "+next hop +tls +federation",
                "203.0.113.20": "+names +next hop +crl !tls +federation",
            },
        ),
    ],
)
def test_journeys(name: str, journeys: dict[str, str]) -> None:
    found = {device: _without_media(steps) for device, steps in told(document_of(name)).items()}

    assert found == journeys


def _without_media(steps: str) -> str:
    return steps.partition(" +call")[0].partition(" +media")[0].partition(" ?media")[0]


@pytest.mark.parametrize("name", [one.name for one in samples() if len(one.files()) == 1])
def test_steps_begin_with_their_first_frame(name: str) -> None:
    steps = [step for one in document_of(name).devices for step in one.journey if step.frames]

    for step in steps:
        digits = len((step.time or "").rstrip("Z").partition(".")[2])
        assert step.time == rfc3339(recorded(name)[step.frames[0] - 1].time, digits), step
        assert len(step.frames) <= 12


@pytest.mark.parametrize("name", ["rootchain-80-refused", "phone-boot-healthy", "edge-crl-blocked", "mras-504"])
@pytest.mark.parametrize("worse", sorted(WORSE))
def test_worse_copies_accuse_nobody_else_and_miss_nothing_for_sure(name: str, worse: str) -> None:
    whole = _failed(document_of(name))
    copy = analyzed(WORSE[worse](name))

    assert _failed(copy) <= whole
    if worse in ("one-sided", "late"):
        assert not [step for one in copy.devices for step in one.journey if step.outcome is StepOutcome.NOT_SEEN]


def _failed(document: Document) -> set[tuple[str, str]]:
    return {(one.id, step.step) for one in document.devices for step in one.journey if step.outcome == "failed"}


def test_a_start_cut_off_turns_not_seen_and_skipped_into_unknown() -> None:
    """The phone that kept its root chain, from where it asks DHCP for Lync's options on."""
    phone = "192.168.20.152"
    frames = recorded("rootchain-80-refused")
    whole = {one.step: one.outcome for one in _journey(document_of("rootchain-80-refused"), phone)}
    cut = {one.step: one for one in _journey(analyzed(frames[46:]), phone)}

    assert whole["root chain"] == "skipped"
    assert cut["root chain"].outcome == "unknown"
    assert "the capture starts only" in cut["root chain"].says


def _journey(document: Document, address: str) -> tuple:  # type: ignore[type-arg]
    return next(one.journey for one in document.devices if one.id == address)


def test_one_side_alone_shows_no_silence() -> None:
    devices = devices_of("rootchain-80-filtered-one-sided")
    document = document_of("rootchain-80-filtered-one-sided")

    steps = {step.step: step for one in devices for step in _journey(document, one)}
    assert steps["root chain"].outcome == "unknown"
