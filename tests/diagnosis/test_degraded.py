"""A worse capture never accuses anybody the good one did not; what it cannot carry becomes inconclusive."""

from dataclasses import replace

import pytest
from samples import (
    WORSE,
    Recorded,
    accusations,
    accused,
    analyzed,
    document_of,
    doubled,
    early,
    one_sided,
    outcomes,
    recorded,
    samples,
)

NAMES = [one.name for one in samples()]


@pytest.mark.parametrize("how", WORSE)
@pytest.mark.parametrize("name", NAMES)
def test_worse_copy_accuses_nobody_new(name: str, how: str) -> None:
    """Which rule speaks may change with what is left, e.g. when the phone's DHCP is cut; whom it accuses may not."""
    frames = WORSE[how](name)
    if not frames:
        pytest.skip("nothing is left of this copy")

    assert accused(analyzed(frames)) <= accused(document_of(name))


@pytest.mark.parametrize("name", [one.name for one in samples() if "points" not in one.label])
def test_frames_seen_twice_change_no_verdict(name: str) -> None:
    # The copy is bare frames: the keys that a capture holds are not in it, and what they show may be told otherwise.
    opened = {(one.rule, one.device) for one in document_of(name).findings if one.reading == "decrypted"}
    copy = analyzed(doubled(recorded(name)))

    assert accusations(copy) >= accusations(document_of(name)) - opened
    assert accused(copy) <= accused(document_of(name))
    assert opened or accusations(copy) == accusations(document_of(name))


@pytest.mark.parametrize(
    ("name", "rule", "device"),
    [
        ("rootchain-80-filtered", "rootchain-http80-filtered", "10.60.12.40"),
        ("sip-5061-filtered", "sip-registrar-unreachable-internal", "10.128.18.7"),
        ("psom-internal-and-external", "psom-8057-blocked-internal", "10.128.32.25"),
    ],
)
class TestSilence:
    """Rules that rest on a missing answer."""

    def test_one_direction_is_inconclusive(self, name: str, rule: str, device: str) -> None:
        document = analyzed(_without_answers(name, device))

        assert (rule, device) not in accusations(document)
        assert "inconclusive" in _said_of(document, rule, device)

    def test_capture_that_ends_too_early_is_inconclusive(self, name: str, rule: str, device: str) -> None:
        first = next(
            frame
            for one in document_of(name).findings
            if (one.rule, one.device) == (rule, device)
            for frame in one.evidence[0].frames
        )
        cut = recorded(name)[first - 1].time + 2_000_000_000

        document = analyzed(one for one in recorded(name) if one.time <= cut)

        assert (rule, device) not in accusations(document)
        assert "inconclusive" in _said_of(document, rule, device)


def _said_of(document, rule: str, device: str) -> set[str]:  # type: ignore[no-untyped-def]
    """The outcome of a rule, or of the general rule that steps in when the special one lacks its evidence."""
    general = "tcp-filtered-silent"
    told = [one for one in document.assessments if one.rule in (rule, general) and device in one.reason]
    return {str(one.outcome) for one in told}


def _without_answers(name: str, device: str) -> list[Recorded]:
    """Without what anybody sent to the device."""
    return [one for one in recorded(name) if one.destination() != device]


def test_one_sided_capture_is_told() -> None:
    name = "rootchain-80-refused"
    document = analyzed(one_sided(recorded(name), {one.id for one in document_of(name).devices}))

    assert "one-sided" in {one.code for one in document.captures[0].quality}


def test_refusal_needs_no_patience() -> None:
    """A reset states the verdict itself: the capture may end right behind it."""
    name = "sip-5061-refused-by-host"
    frames = recorded(name)
    last = max(
        frame
        for one in document_of(name).findings
        if one.rule == "sip-registrar-unreachable-internal"
        for frame in one.evidence[0].frames
    )

    assert "fired" in outcomes(analyzed(frames[:last]), "sip-registrar-unreachable-internal")


@pytest.mark.parametrize("passes", [True, False])
def test_resets_on_one_side_of_a_router_may_be_the_routers(passes: bool) -> None:
    """Both sides of it are in the capture; only a reset that is on both has come through it."""
    frames = []
    for one in recorded("rootchain-80-refused"):
        frames.append(one)
        if passes or not _is_reset_of(one, 80):
            frames.append(replace(one, data=_with_ttl_less(one.data), time=one.time + 200_000))
    document = analyzed(sorted(frames, key=lambda one: one.time))

    (told,) = [one for one in document.findings if one.rule == "rootchain-http80-refused"]
    assert ("host's own TTL 62/63" in told.why) == passes
    assert ("whether the host sent them is not shown" in told.why) != passes


def _is_reset_of(one: Recorded, port: int) -> bool:
    """A TCP reset from this port, over Ethernet and IPv4."""
    is_tcp = one.source() is not None and one.data[23] == 6
    return is_tcp and int.from_bytes(one.data[34:36], "big") == port and bool(one.data[47] & 4)


def _with_ttl_less(data: bytes) -> bytes:
    """The Ethernet frame one hop further."""
    return data[:22] + bytes([data[22] - 1]) + data[23:] if data[12:14] == b"\x08\0" else data


def test_early_end_keeps_earlier_findings_only() -> None:
    name = "rootchain-80-refused"

    assert accusations(analyzed(early(recorded(name), 0.2))) <= accusations(document_of(name))


@pytest.mark.parametrize("name", ["ice-relayed", "ice-relay-won-race"])
def test_relayed_media_is_told_once_it_lasts(name: str) -> None:
    """These calls last two seconds, as early media may; slowed down they are calls through the Edge."""
    first = recorded(name)[0].time
    slow = [replace(one, time=first + 10 * (one.time - first)) for one in recorded(name)]

    assert outcomes(document_of(name), "media-relayed-internal-edge") == {"not-seen"}
    assert outcomes(analyzed(slow), "media-relayed-internal-edge") == {"fired"}


def test_the_relays_packets_alone_do_not_make_it_a_client() -> None:
    document = analyzed(one_sided(recorded("signin-remote-user"), {"203.0.113.13"}))

    assert {one.device for one in document.findings} == {"192.0.2.44"}
