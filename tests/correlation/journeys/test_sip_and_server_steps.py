"""SIP, relay credentials, relays and what servers do: the last telling answer counts, and what was before is told."""

from typing import Any

import pytest
from trips import DEVICE, SERVER, WEB_NAME, Trip

PARTNER, EDGE, CRL = "198.51.100.20", "203.0.113.20", "198.51.100.66"


def client() -> Trip:
    trip = Trip()
    trip.dns(WEB_NAME, 30, SERVER)
    return trip


def test_a_connection_that_worked_at_the_third_try() -> None:
    trip = client()
    trip.refuse(SERVER, 5061, 31)
    trip.refuse(SERVER, 5061, 40)
    trip.secure(SERVER, 5061, 50)
    told = trip.told()["sip connect"]

    assert (told.outcome, told.says) == ("ok", f"reached the SIP server ({SERVER} TCP 5061) after 3 tries")
    assert told.time == trip.flows[1]["first_time"]
    assert told.frames == (trip.flows[1]["first_frame"], trip.flows[3]["first_frame"])


@pytest.mark.parametrize(("lasts", "outcome"), [(1, "failed"), (60, "ok")])
def test_a_server_lost_later(lasts: float, outcome: str) -> None:
    """A connection that still carries something when a further one fails is not lost."""
    trip = client()
    trip.secure(SERVER, 5061, 31, lasts=lasts)
    trip.refuse(SERVER, 5061, 60)
    journey = trip.journey()
    told = {one.step: one for one in journey.stages}["sip connect"]

    assert told.outcome == outcome
    assert ("it worked before at 22:13:51" in told.says) is (outcome == "failed")
    assert (journey.first_failure == told) is (outcome == "failed")


@pytest.mark.parametrize(
    ("tries", "heard", "outcome"), [(3, True, "failed"), (2, True, "unknown"), (3, False, "unknown")]
)
def test_silence_of_the_sip_server(tries: int, heard: bool, outcome: str) -> None:
    trip = client()
    if heard:
        trip.flow("10.7.7.7", 445, 20)
    trip.silence(SERVER, 5061, 40, tries)

    assert trip.told()["sip connect"].outcome == outcome


def test_a_connection_older_than_the_capture() -> None:
    trip = client()
    of = trip.connect(SERVER, 5061, 1, opening="midstream", stack="sip")
    trip.register(of, 20, 200)
    told = trip.told()

    assert told["sip connect"].says == f"was connected to the SIP server ({SERVER} TCP 5061) before the capture starts"
    assert told["sign-in"].outcome == "ok"


def test_a_pool_member_that_answers_makes_up_for_one_that_does_not() -> None:
    trip = client()
    trip.dns("sipinternal.contoso.example", 30.5, "10.9.0.7")
    trip.refuse("10.9.0.7", 5061, 31)
    trip.secure(SERVER, 5061, 40)

    assert trip.told()["sip connect"].outcome == "ok"


def registered(*answers: int | None, **says: Any) -> Trip:
    trip = client()
    for place, status in enumerate(answers):
        of = trip.secure(SERVER, 5061, 40 + 5 * place, stack="tls/sip", lasts=60)
        trip.register(of, 41 + 5 * place, status, **says)
    return trip


@pytest.mark.parametrize(
    ("answers", "outcome", "says"),
    [
        ((200,), "ok", "REGISTER answered 200"),
        ((403,), "failed", "REGISTER answered 403"),
        ((401,), "unknown", "REGISTER answered 401"),
        ((301,), "unknown", "sent on to another server"),
        ((None,), "unknown", "REGISTER has no answer in the capture"),
        ((503, 200), "ok", "REGISTER answered 200 after 2 tries"),
        ((301, 200), "ok", "REGISTER answered 200"),
        ((200, 403), "failed", "REGISTER answered 403; it worked before at 22:14:01"),
        ((200, 401), "ok", "REGISTER answered 200"),
    ],
)
def test_sign_in(answers: tuple[int | None, ...], outcome: str, says: str) -> None:
    told = registered(*answers).told()["sign-in"]

    assert (told.outcome, says in told.says) == (outcome, True), told.says


def test_sign_out_is_no_failure() -> None:
    told = registered(200, expires=0).told()["sign-in"]

    assert (told.outcome, told.says) == ("ok", "REGISTER answered 200; it signed out")


def test_sealed_sip_is_unknown() -> None:
    trip = client()
    trip.secure(SERVER, 5061, 40)
    told = trip.told()

    assert (told["tls"].outcome, told["sign-in"].outcome) == ("ok", "unknown")
    assert "relay credentials" not in told


def test_a_connection_without_tls() -> None:
    trip = client()
    trip.connect(SERVER, 5061, 40)

    assert trip.told()["tls"].says == f"nothing of TLS is seen on its connection to {SERVER}"


def test_tls_that_failed_and_then_worked() -> None:
    trip = client()
    of = trip.connect(SERVER, 5061, 40, stack="tls", data_frames_client=5)
    trip.tls(of, 40.1, 4, alert=48)
    refused = trip.told()["tls"]
    trip.secure(SERVER, 5061, 50)
    told = trip.told()["tls"]

    assert (refused.outcome, refused.says) == (
        "failed",
        f"TLS with {SERVER} ended: the device sent alert 48, unknown ca (it does not trust who issued the certificate)",
    )  # fmt: skip
    assert (told.outcome, told.says) == ("ok", f"TLS with {SERVER} completed (tls1.2) after 2 tries")


@pytest.mark.parametrize(
    ("says", "outcome"),
    [
        ({"outcome": "ok", "status": 200, "granted": True}, "ok"),
        ({"outcome": "sip-error", "status": 504}, "failed"),
        ({"outcome": "fault", "status": 200}, "failed"),
        ({"outcome": "no-answer"}, "unknown"),
    ],
)
def test_relay_credentials(says: dict[str, Any], outcome: str) -> None:
    trip = registered(200)
    trip.row("mras", 1, 45, 60, **says)

    assert trip.told()["relay credentials"].outcome == outcome


def edge() -> Trip:
    """An Access Edge that looks for a partner."""
    trip = Trip(EDGE)
    trip.dns("_sipfederationtls._tcp.lucerne.example", 30)
    trip.dns("sip.lucerne.example", 30.2, PARTNER)
    trip.dns("crl.labpublic.example", 30.4, CRL)
    return trip


def test_a_server_does_not_sign_in() -> None:
    trip = edge()
    trip.secure(PARTNER, 5061, 31)
    trip.exchange("crl", CRL, 32, content_ok=True)
    journey = trip.journey()

    assert [(one.step, one.outcome) for one in journey.stages] == [
        ("names", "ok"), ("next hop", "ok"), ("crl", "ok"), ("tls", "ok"), ("federation", "ok")
    ]  # fmt: skip
    assert journey.reached is not None
    assert journey.reached.step == "federation"
    assert journey.stages[-1].says.endswith("on connections of this server")


def test_a_revocation_list_out_of_reach_comes_before_the_handshake_that_waits_for_it() -> None:
    trip = edge()
    of = trip.connect(PARTNER, 5061, 31, stack="tls", data_frames_client=5)
    trip.tls(of, 31.1, 4)
    trip.silence(CRL, 80, 32)
    journey = trip.journey()

    assert journey.first_failure is not None
    assert journey.first_failure.step == "crl"
    assert [one.step for one in journey.stages if one.failed] == ["crl", "tls"]


@pytest.mark.parametrize(
    ("says", "outcome"),
    [({"outcome": "http-error", "status": 404}, "failed"), ({"content_ok": False}, "unknown")],
)
def test_revocation_data_that_is_none(says: dict[str, Any], outcome: str) -> None:
    trip = edge()
    trip.secure(PARTNER, 5061, 31)
    trip.exchange("crl", CRL, 32, **says)

    assert trip.told()["crl"].outcome == outcome


def test_a_partner_that_calls_back() -> None:
    trip = edge()
    trip.secure(PARTNER, 5061, 31)
    trip.flow(EDGE, 5061, 40, client=PARTNER, stack="tls", data_frames_client=5)
    trip.tls(len(trip.flows) - 1, 40.1)

    assert trip.told()["federation"].says.endswith("on connections that each opened")


RELAY = "10.9.0.8"
GRANT = {"mapped_address": "203.0.113.13:50001", "xor_mapped_address": f"{DEVICE}:50000", "lifetime": 600}


def turn(trip: Trip, at: float, *steps: int | None) -> None:
    """Requests to a relay, each answered with a code, granted (0) or not answered (None)."""
    heard = sum(one is not None for one in steps)
    opening = "answered" if heard else "one-way"
    of = trip.flow(RELAY, 3478, at, transport="udp", stack="stun", opening=opening, frames_server=heard)
    common = {"method": "allocate", "dialect": "ms-turn", "ms_version": 4}
    for number, code in enumerate(steps):
        tid = bytes([of, number]) * 8
        proof = {"has_username": bool(number), "has_integrity": bool(number)}
        when, place = at + 2 * number, 10 + 2 * number
        trip.row("stun", of, when, place, kind="request", from_client=True, transaction_id=tid, **common, **proof)
        if code is not None:
            said = GRANT if code == 0 else {"error_code": code, "alternate_server": f"{RELAY}:3478"}
            kind = "error" if code else "response"
            trip.row("stun", of, when + 0.1, place + 1, kind=kind, transaction_id=tid, **common, **said)


@pytest.mark.parametrize(
    ("steps", "outcome", "says"),
    [
        ((401, 0), "ok", f"allocated a relay at {RELAY} UDP 3478"),
        ((401, 401), "failed", f"relay at {RELAY} UDP 3478 rejected its credentials (401)"),
        ((401, 508), "failed", f"relay at {RELAY} UDP 3478 answered error 508"),
        ((401,), "unknown", f"relay at {RELAY} UDP 3478 asked for credentials; what followed is not in the capture"),
        ((None, None, None), "failed", f"relay at {RELAY} UDP 3478 did not answer"),
        ((None,), "unknown", f"relay at {RELAY} UDP 3478 did not answer"),
    ],
)
def test_relay(steps: tuple[int | None, ...], outcome: str, says: str) -> None:
    trip = client()
    turn(trip, 50, *steps)
    told = trip.told()["relay"]

    assert (told.outcome, told.says) == (outcome, says)
    assert told.time == trip.flows[1]["first_time"]


def test_silence_of_a_relay_tells_nothing_where_only_one_side_is_seen() -> None:
    trip = Trip()
    trip.dns(WEB_NAME, 30, SERVER, client="10.1.0.200")
    turn(trip, 50, None, None, None)

    assert trip.told()["relay"].outcome == "unknown"


def test_a_relay_that_was_granted_later() -> None:
    trip = client()
    turn(trip, 50, None, None, None)
    turn(trip, 60, 401, 0)

    assert trip.told()["relay"].says == f"allocated a relay at {RELAY} UDP 3478 after 2 tries"


def test_relays_asked_at_once_are_no_tries() -> None:
    trip = client()
    turn(trip, 50, None, None, None)
    turn(trip, 51, 401, 0)

    assert trip.told()["relay"].says == f"allocated a relay at {RELAY} UDP 3478"
