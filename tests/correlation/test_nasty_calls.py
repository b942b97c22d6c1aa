"""Calls that look like another kind of call: what is told of them must be true, or nothing."""

from collections.abc import Sequence
from typing import Any

import pytest
from cases import SECOND, START, answer, case, dns_flow, flow
from tcp_streams import CAPTURES

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.journeys.facts import StageFacts
from lynccap.correlation.journeys.machine import Journeys
from lynccap.correlation.media.calls.records import Call, Flowing, Leg
from lynccap.correlation.media.paths import Path
from lynccap.ingest import read_each
from lynccap.ingest.collecting.collect import collect

ADA, BOB, EVE, SIP = "10.1.0.9", "10.2.0.9", "10.3.0.9", "10.9.0.5"
AUDIO = ((104, 1000),)


def stream(of: int, from_client: bool, begin: float, end: float, **facts: Any) -> dict[str, Any]:
    usual = {"ssrc": 0x1234_0000 + 2 * of + from_client, "payload_type": 104, "payload_types": AUDIO, "carried": "udp"}
    count = int((end - begin) * 50)
    times = {"first_time": START + round(begin * SECOND), "last_time": START + round(end * SECOND)}
    sizes = {"packets": count, "bytes": count * 60, "expected": count, "first_frame": 20, "last_frame": 900}
    return {"flow": of, "from_client": from_client, **usual, **times, **sizes, **facts}


def media(client: str = ADA, server: str = BOB, port: int = 50_020, **facts: Any) -> dict[str, Any]:
    more = {"client_port": 50_000, "opening": "answered", "stack": "rtp", **facts}
    return flow(client, server, port, transport="udp", **more)


def sdp(address: str, port: int, direction: str = "sendrecv", kind: str = "audio") -> bytes:
    lines = ["v=0", f"o=- 0 0 IN IP4 {address}", "s=session", f"c=IN IP4 {address}", "t=0 0"]
    return "\r\n".join([*lines, f"m={kind} {port} RTP/SAVP 104", f"a={direction}", ""]).encode()


def sip(at: float, method: str, cseq: int = 1, status: int | None = None, **facts: Any) -> dict[str, Any]:
    asked = facts.pop("by_client", True)
    tags = {"from_tag": "a", "to_tag": None} if asked else {"from_tag": "b", "to_tag": "a"}
    return {
        "flow": 0,
        "frame": int(at * 1000) + 1,
        "first_frame": int(at * 1000) + 1,
        "time": START + round(at * SECOND),
        "from_client": asked is (status is None),
        "kind": "request" if status is None else "response",
        "method": method,
        "status": status,
        "cseq": cseq,
        "call_id": "call",
        **tags,
        "from_uri": "sip:ada@contoso.example",
        "to_uri": "sip:bob@contoso.example",
        **facts,
    }


OFFER, ANSWER = sdp(ADA, 50_000), sdp(BOB, 50_020)
SIGNALLING = flow(ADA, SIP, 5061, stack="sip", client_port=51_000)


def accepted(at: float = 3.0) -> list[dict[str, Any]]:
    return [sip(1.0, "INVITE", body=OFFER), sip(at, "INVITE", status=200, to_tag="b", body=ANSWER)]


def hangs_up(at: float) -> list[dict[str, Any]]:
    return [sip(at, "BYE", 9, to_tag="b"), sip(at + 0.1, "BYE", 9, 200, to_tag="b")]


def hold(at: float, direction: str, cseq: int) -> list[dict[str, Any]]:
    back = {"sendonly": "recvonly", "inactive": "inactive"}.get(direction, "sendrecv")
    return [
        sip(at, "INVITE", cseq, to_tag="b", body=sdp(ADA, 50_000, direction)),
        sip(at + 0.1, "INVITE", cseq, 200, to_tag="b", body=sdp(BOB, 50_020, back)),
    ]


def told(
    streams: Sequence[dict[str, Any]], *messages: dict[str, Any], others: Sequence[dict[str, Any]] = (), **more: Any
) -> Case:
    flows = [SIGNALLING, media(), *others, dns_flow(ADA)]
    name = "lyncdiscoverinternal.contoso.example"
    asked = {"flow": len(flows) - 1, "frame": 2, "time": START, "from_client": True, "kind": "request", "name": name}
    found = [answer(name, SIP, flow=len(flows) - 1)]
    return case(flows, media=list(streams), sip=list(messages), seconds=900, dns=[asked], dns_answers=found, **more)


def only(made: Case) -> tuple[Call, Leg]:
    (call,) = made.calls.calls
    (leg,) = call.legs
    return call, leg


def step(made: Case, name: str = "media", address: str = ADA) -> StageFacts | None:
    device = made.devices.of(address)
    assert device is not None
    return next((one for one in Journeys(made).of(device).stages if one.step == name), None)


def test_ringing_music_of_a_call_that_is_cancelled_is_no_one_way_call() -> None:
    cancel = [sip(20, "CANCEL"), sip(20.1, "CANCEL", status=200), sip(20.2, "INVITE", status=487, to_tag="b")]
    ringing = sip(2, "INVITE", status=183, to_tag="b", body=ANSWER)
    made = told([stream(1, False, 2.1, 20)], accepted()[0], ringing, *cancel)

    assert only(made)[1].flowing is Flowing.UNKNOWN


def test_ringing_music_before_the_answer_is_part_of_the_call() -> None:
    ringing = sip(2, "INVITE", status=183, to_tag="b", body=ANSWER)
    offer, answer = accepted(20)
    made = told([stream(1, False, 2.1, 80), stream(1, True, 20.1, 80)], offer, ringing, answer, *hangs_up(80))

    assert only(made)[1].flowing is Flowing.BOTH_WAYS


def test_media_that_goes_on_behind_the_bye_makes_no_one_way_call() -> None:
    made = told([stream(1, True, 3, 60), stream(1, False, 3, 75)], *accepted(), *hangs_up(60))

    assert only(made)[1].flowing is Flowing.BOTH_WAYS


@pytest.mark.parametrize(("resumed", "flowing"), [(620, Flowing.BOTH_WAYS), (None, Flowing.HELD)])
def test_a_call_held_for_ten_minutes(resumed: float | None, flowing: Flowing) -> None:
    again = hold(620, "sendrecv", 3) if resumed else []
    back = [stream(1, False, 3, 20), *([stream(1, False, 620, 700, ssrc=0x9999_0001)] if resumed else [])]
    made = told([stream(1, True, 3, 700), *back], *accepted(), *hold(20, "sendonly", 2), *again)

    assert only(made)[1].flowing is flowing


def test_a_call_that_is_taken_back_from_hold_and_stays_silent() -> None:
    messages = [*accepted(), *hold(20, "sendonly", 2), *hold(320, "sendrecv", 3), *hangs_up(400)]
    made = told([stream(1, True, 3, 400), stream(1, False, 3, 20)], *messages)

    assert only(made)[1].flowing is Flowing.ONE_WAY


def test_a_camera_on_one_side_only_is_no_failure() -> None:
    video = {"payload_type": 34, "payload_types": ((34, 1000),)}
    made = told([stream(1, True, 3, 60, **video)])

    assert step(made).outcome != "failed"


def test_who_only_reports_is_not_said_to_talk() -> None:
    reports = [{"flow": 1, "frame": 5, "time": START + 9 * SECOND, "from_client": False, "packet_type": 201}]
    made = told([stream(1, True, 3, 60)], *accepted(), rtcp=reports)

    assert only(made)[1].flowing is Flowing.QUIET
    assert "sent no" in step(made).says


def test_a_call_that_is_passed_on_is_with_two_people() -> None:
    """The telephone keeps its SSRC; the peers have their own."""
    same = {"ssrc": 0xABCD_0001}
    streams = [
        stream(1, True, 3, 30, **same),
        stream(1, False, 3, 30),
        stream(2, True, 31, 90, **same),
        stream(2, False, 31, 90),
    ]
    made = told(streams, others=[media(ADA, EVE, 50_040)])

    assert [{one.address for one in leg.parties} for leg in made.calls.legs] == [{ADA, BOB}, {ADA, EVE}]


def test_two_calls_of_the_same_two_right_after_each_other() -> None:
    streams = [stream(1, True, 3, 30), stream(1, False, 3, 30), stream(2, True, 31, 90), stream(2, False, 31, 90)]
    made = told(streams, others=[media(ADA, BOB, 50_060, client_port=50_002)])

    assert len(made.calls.calls) == 2


def test_speech_and_pictures_in_one_flow() -> None:
    video = {"payload_type": 34, "payload_types": ((34, 1000),)}
    made = told([stream(1, True, 3, 60), stream(1, False, 3, 60), stream(1, True, 20, 60, ssrc=0x7777_0001, **video)])

    assert only(made)[1].flowing is Flowing.BOTH_WAYS


def test_an_ssrc_that_changes_is_no_second_call() -> None:
    made = told([stream(1, True, 3, 60), stream(1, False, 3, 30), stream(1, False, 30.5, 60, ssrc=0x7777_0001)])

    assert only(made)[1].flowing is Flowing.BOTH_WAYS


def test_two_devices_behind_one_nat_address_are_not_one() -> None:
    nat = "203.0.113.7"
    made = case([media(nat, nat, 40_000, client_port=41_000)], media=[stream(0, True, 3, 60), stream(0, False, 3, 60)])
    (leg,) = made.calls.legs

    assert (leg.flowing, leg.path) in ((Flowing.BOTH_WAYS, Path.UNKNOWN), (Flowing.BOTH_WAYS, Path.REFLEXIVE))


def test_keys_pressed_and_nothing_else_show_no_silence() -> None:
    keys = {"payload_type": 101, "payload_types": ((101, 12),), "packets": 60}
    made = told([stream(1, True, 3, 9, **keys)])

    assert only(made)[1].flowing is Flowing.UNKNOWN


@pytest.mark.parametrize("kept", [20.0, 60.0, 300.0])
def test_sealed_signalling_may_hide_that_nobody_answered(kept: float) -> None:
    """A gateway plays its ringing one way before anybody answers."""
    media_to_server = media(ADA, SIP, 50_020)
    made = told([stream(2, True, 3, 3 + kept)], others=[media_to_server])
    _, leg = only(made)

    assert (leg.basis, leg.kind, leg.flowing) == ("server", "audio", Flowing.ONE_WAY)
    assert step(made).outcome == ("failed" if kept > 180 else "unknown")


@pytest.mark.parametrize("status", [480, 408])
def test_who_is_not_there_is_no_failure(status: int) -> None:
    made = told([stream(1, True, 2, 4)], accepted()[0], sip(9, "INVITE", status=status, to_tag="b"))

    assert step(made, "call").outcome != "failed"


def test_relays_given_back_once_a_direct_pair_is_chosen_are_no_hanging_up() -> None:
    """The capture ends half a second behind it: of the pictures nothing could have come yet."""
    path = CAPTURES / "real" / "02-teams.pcap"
    if not path.exists():
        pytest.skip("public captures are not here")
    legs = [leg for tables in read_each(collect([str(path)])) for leg in build_case(tables).calls.legs if leg.basis]

    assert {leg.kind for leg in legs} == {"audio", "video"}
    assert {leg.flowing for leg in legs} == {Flowing.UNKNOWN}


EDGE = "203.0.113.13"


def test_a_public_address_may_be_a_relay_of_which_nothing_else_is_seen() -> None:
    """As in a capture whose frames are cut short, or with the relay of a partner."""
    made = case([media(ADA, EDGE, 53_526)], media=[stream(0, True, 3, 60), stream(0, False, 3, 60)])
    (leg,) = made.calls.legs

    assert (leg.path, leg.flowing) == (Path.UNKNOWN, Flowing.BOTH_WAYS)


def test_a_conference_is_with_a_server_and_not_with_a_user() -> None:
    made = told([stream(2, True, 3, 60), stream(2, False, 3, 60)], others=[media(ADA, SIP, 50_020)])

    assert step(made).says.startswith(f"talked with the Front End web services {SIP} for 57.0 s")


@pytest.mark.parametrize(("status", "outcome"), [(486, "ok"), (503, "failed"), (480, "unknown")])
def test_a_call_without_media_is_told_of_the_device_that_made_it(status: int, outcome: str) -> None:
    made = told([], sip(1.0, "INVITE", body=OFFER), sip(2.0, "INVITE", status=status, to_tag="b"))

    assert step(made, "call").outcome == outcome
