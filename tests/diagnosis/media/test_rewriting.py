"""Clear SIP at two capture points: altered by something in between, or sent anew by somebody else."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.vantage import Vantage
from lynccap.diagnosis.inquiry import Inquiry

GATEWAY, MEDIATION = "10.8.0.7", "10.9.0.15"
RULE = "sip-alg-rewrites"


def invite(
    *, contact: str = f"{GATEWAY}:5060", media: tuple[str, int] = (GATEWAY, 6_000), at: float = 5.0, **facts: Any
) -> Scene:
    """A gateway's INVITE at one capture point."""
    scene = Scene()
    of = scene.exchange(GATEWAY, MEDIATION, 5_060, at, stack="sip")
    address, port = media
    body = f"v=0\r\no=- 0 0 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
    asked = {"branch": "z9hG4bK1", "contact": contact, "body": body.encode(), "content_type": "application/sdp"}
    scene.asks_sip(of, at, "INVITE", 100, asked={**asked, **facts}, call_id="one", branch="z9hG4bK1")
    return scene


def both(here: Scene, there: Scene) -> Inquiry:
    cases = [here.case(), there.case()]
    return Inquiry(cases[0], Vantage(0, cases, Crossings()))


def test_a_media_port_and_a_contact_that_differ() -> None:
    here, there = invite(), invite(at=5.2, contact="203.0.113.77:1024", media=("203.0.113.77", 30_006))
    (asked, *_), (altered, *_) = ([row["frame"] for row in one.messages["sip"]] for one in (here, there))

    one = fires(both(here, there), RULE, GATEWAY, {asked, altered})

    assert (one.confidence, one.peer, one.port, one.reading) == ("certain", MEDIATION, 5_060, "clear")
    assert "Contact 10.8.0.7:5060 here, 203.0.113.77:1024 in case.pcap" in one.why
    assert "media address (audio) 10.8.0.7:6000 here, 203.0.113.77:30006 in case.pcap" in one.why


def test_the_same_message_is_nothing() -> None:
    silent(both(invite(), invite(at=5.2)), RULE)


def test_a_border_controller_sends_messages_of_its_own() -> None:
    there = invite(at=5.2, branch="z9hG4bK2", contact="203.0.113.77:1024", media=("203.0.113.77", 30_006))

    silent(both(invite(), there), RULE)


def test_what_was_protected_cannot_have_been_altered() -> None:
    here, there = invite(), invite(at=5.2, contact="203.0.113.77:1024")
    for one in (here, there):
        one.opened(1)

    silent(both(here, there), RULE)


def test_one_capture_point_alone_shows_nothing() -> None:
    silent(invite(), RULE)


def test_a_message_that_is_cut_off_is_doubted() -> None:
    inconclusive(both(invite(), invite(at=5.2, body=None)), RULE, because="does not hold the whole message")
