"""Autodiscover, root chain, web services, web ticket, UCWA: what counts as an answer, and whose it is."""

from typing import Any

import pytest
from trips import DEVICE, PORTAL, PROXY, SERVER, WEB_NAME, Trip

MOBILE = {"user_agent": "iPhoneLync/5.0"}
LINKS = ("User=https://web.contoso.example/",)
FAULT = {"outcome": "http-error", "status": 500}


def phone() -> Trip:
    return Trip().boot(1).known()


def client() -> Trip:
    trip = Trip()
    trip.dns(WEB_NAME, 30, SERVER)
    return trip


@pytest.mark.parametrize(
    ("says", "outcome", "words"),
    [
        ({"links": LINKS}, "ok", f"asked for autodiscover from {SERVER}: HTTP 200"),
        ({}, "unknown", "with nothing of it in the answer"),
        (FAULT, "failed", "HTTP 500"),
        ({"outcome": "no-answer", "status": None}, "unknown", "no-answer"),
        ({"outcome": "redirected", "status": 302, "location": f"https://{WEB_NAME}/x"}, "ok", "HTTP 302"),
        ({"outcome": "redirected", "status": 302, "location": "/Autodiscover/root"}, "ok", "HTTP 302"),
        (
            {"outcome": "redirected", "status": 302, "location": "https://login.portal.example/?u=lyncdiscover"},
            "unknown",
            "it points to login.portal.example, which nothing ties to Lync",
        ),
        ({"outcome": "redirected", "status": 302, "location": "https://[broken/"}, "unknown", "points to nowhere"),
        ({"outcome": "redirected", "status": 302}, "unknown", "points to nowhere"),
    ],
)
def test_autodiscover(says: dict[str, Any], outcome: str, words: str) -> None:
    trip = client()
    trip.exchange("autodiscover", SERVER, 31, **says)
    told = trip.told()["autodiscover"]

    assert (told.outcome, words in told.says) == (outcome, True), told.says


@pytest.mark.parametrize(("first", "outcome"), [(FAULT, "ok"), ({"links": LINKS}, "failed")])
def test_the_last_answer_counts(first: dict[str, Any], outcome: str) -> None:
    trip = client()
    trip.exchange("autodiscover", SERVER, 31, **first)
    trip.exchange("autodiscover", SERVER, 35, **({"links": LINKS} if outcome == "ok" else FAULT))
    told = trip.told()["autodiscover"]

    assert told.outcome == outcome
    assert told.says.endswith("after 2 tries" if outcome == "ok" else "it worked before at 22:13:51")


@pytest.mark.parametrize(
    ("server", "says", "outcome", "words"),
    [
        (SERVER, {"certificates": (b"x",)}, "ok", "HTTP 200"),
        (SERVER, FAULT, "failed", "HTTP 500"),
        (SERVER, {}, "unknown", "with nothing of it in the answer"),
        (PORTAL, {"outcome": "http-error", "status": 404}, "unknown", f"{PORTAL} answered, which nothing ties to Lync"),
        (PORTAL, FAULT, "unknown", f"{PORTAL} answered, which nothing ties to Lync"),
        (PORTAL, {**FAULT, "fault_id": 28020}, "failed", "HTTP 500"),
    ],
)
def test_root_chain(server: str, says: dict[str, Any], outcome: str, words: str) -> None:
    trip = phone()
    trip.exchange("certprov", server, 31, step="root-chains", **says)
    told = trip.told()["root chain"]

    assert (told.outcome, words in told.says) == (outcome, True), told.says


def test_an_error_behind_a_proxy_may_be_the_proxys_own() -> None:
    trip = phone()
    trip.exchange(
        "certprov", PROXY, 31, 8080, step="root-chains", target="http://web.contoso.example/CertProv", **FAULT
    )
    told = trip.told()["root chain"]

    assert told.outcome == "unknown"
    assert f"through the proxy {PROXY}: HTTP 500; the proxy may have answered itself" in told.says


def test_other_questions_to_provisioning_are_no_root_chain() -> None:
    trip = phone()
    trip.exchange("certprov", SERVER, 31, step="metadata")
    trip.exchange("certprov", SERVER, 32, step="get-certificate", certificates=(b"x",))
    told = trip.told()

    assert told["certificate"].outcome == "ok"
    assert told["root chain"].outcome != "ok"


def test_port_80_that_is_refused() -> None:
    trip = phone()
    trip.refuse(SERVER, 80, 31)
    told = trip.told()["root chain"]

    assert told.outcome == "failed"
    assert told.says == f"TCP port 80 of the web services ({SERVER} TCP 80) was refused"
    assert (told.time, told.frames[0]) == (trip.flows[-1]["first_time"], trip.flows[-1]["first_frame"])


def test_port_80_does_not_matter_to_a_phone_that_trusts() -> None:
    trip = phone()
    trip.refuse(SERVER, 80, 31)
    trip.secure(SERVER, 443, 40)

    assert trip.told()["root chain"].outcome == "skipped"


@pytest.mark.parametrize(("at", "outcome"), [(60, "skipped"), (5, "unknown")])
def test_a_phone_that_has_the_chain_does_not_ask(at: float, outcome: str) -> None:
    """Told only where the capture begins early enough; a phone that gets its address in it is covered from there."""
    trip = Trip().known()
    trip.dhcp("inform", 1, client_address=DEVICE, vendor_class="MS-UC-Client")
    trip.secure(SERVER, 443, at)

    assert trip.told()["root chain"].outcome == outcome


def test_a_phone_that_starts_up_in_the_capture_is_covered() -> None:
    trip = phone()
    trip.secure(SERVER, 443, 5)

    told = trip.told()["root chain"]
    assert (told.outcome, "it went on without" in told.says) == ("skipped", True)


@pytest.mark.parametrize(
    ("alert", "upto", "seconds", "outcome", "words"),
    [
        (None, 9, 120, "ok", "TLS with 10.9.0.6 completed (tls1.2)"),
        (48, 4, 120, "failed", "the device sent alert 48, unknown ca"),
        (None, 4, 120, "failed", "the device said no more for"),
        (None, 4, 43, "unknown", "its end is not visible: the capture ends"),
    ],
)
def test_web_services_are_reached_when_tls_is(
    alert: int | None, upto: int, seconds: float, outcome: str, words: str
) -> None:
    trip = client()
    trip.seconds = seconds
    of = trip.connect(SERVER, 443, 40, stack="tls", data_frames_client=5)
    trip.tls(of, 40.1, upto, alert)
    told = trip.told()["web services"]

    assert (told.outcome, words in told.says) == (outcome, True), told.says


def test_what_is_asked_inside_tls_is_unknown() -> None:
    trip = client()
    trip.secure(SERVER, 443, 40)

    assert (
        trip.told()["web ticket"].says == "what it asked of the web services is inside TLS, which cannot be read here"
    )


@pytest.mark.parametrize(
    ("says", "outcome"),
    [({}, "ok"), (FAULT, "failed"), ({"outcome": "challenged", "status": 401}, "unknown")],
)
def test_web_ticket(says: dict[str, Any], outcome: str) -> None:
    trip = client()
    trip.exchange("web-ticket", SERVER, 40, 443, step="issue", **says)

    assert trip.told()["web ticket"].outcome == outcome


@pytest.mark.parametrize(
    ("says", "outcome"),
    [({"status": 201}, "ok"), (FAULT, "failed"), ({"outcome": "challenged", "status": 401}, "unknown")],
)
def test_ucwa_session(says: dict[str, Any], outcome: str) -> None:
    trip = client()
    trip.exchange("autodiscover", SERVER, 31, links=LINKS, **MOBILE)
    trip.exchange("web-service", SERVER, 40, 443, service="ucwa", operation="create-application", **says)
    told = trip.told()

    assert told["applications"].outcome == outcome
    assert not {"sip connect", "tls", "sign-in", "root chain", "time"} & set(told)


def tunnel(trip: Trip, host: str, status: int | None, at: float = 40) -> None:
    of = trip.connect(PROXY, 8080, at, stack="http/tls" if status == 200 else "http", data_frames_client=5)
    trip.asked(of, at, method="CONNECT", target=f"{host}:443")
    if status:
        trip.row("http", of, at + 0.2, 6, kind="response", status=status)
    if status == 200:
        trip.tls(of, at + 0.3)


@pytest.mark.parametrize(
    ("status", "outcome", "words"),
    [
        (200, "ok", f"reached the SIP server sip.contoso.example TCP 443 through the proxy {PROXY}"),
        (403, "failed", "the proxy answered 403"),
        (407, "unknown", "the proxy answered 407"),
        (None, "unknown", "no answer can be read"),
    ],
)
def test_sip_through_a_proxy(status: int | None, outcome: str, words: str) -> None:
    trip = client()
    trip.dns("_sip._tls.contoso.example", 31)
    trip.rows["dns_answers"].append(
        {"flow": 1, "frame": 103, "question": "_sip._tls.contoso.example", "record_type": "SRV",
         "value": "sip.contoso.example", "name": "_sip._tls.contoso.example", "time": 1}
    )  # fmt: skip
    tunnel(trip, "sip.contoso.example", status)
    told = trip.told()

    assert (told["sip connect"].outcome, words in told["sip connect"].says) == (outcome, True)
    assert ("tls" in told) is (status == 200)
    if status == 200:
        assert told["tls"].says == "TLS with sip.contoso.example completed (tls1.2)"
