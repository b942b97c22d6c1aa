"""Journeys that look worse or better than they were: only what happened is told, and as it was left."""

import pytest
from trips import DEVICE, DNS, PORTAL, SERVER, SRV, WEB_NAME, Trip

OTHER_POOL, EXCHANGE = "10.9.7.7", "10.9.0.44"


def client() -> Trip:
    trip = Trip()
    trip.dns(WEB_NAME, 30, SERVER)
    return trip


def registers(trip: Trip, at: float, *answers: tuple[int | None, int | None], server: str = SERVER) -> Trip:
    """REGISTERs on connections of their own: status, and the expiry asked for."""
    for place, (status, expires) in enumerate(answers):
        of = trip.secure(server, 5061, at + 5 * place, stack="tls/sip", lasts=3)
        says = {} if expires is None else {"expires": expires}
        trip.register(of, at + 1 + 5 * place, status, **says)
    return trip


def test_who_signs_out_and_in_again_is_signed_in() -> None:
    told = registers(client(), 40, (200, 0), (200, 600)).told()["sign-in"]

    assert (told.outcome, told.says) == ("ok", "REGISTER answered 200")


def test_who_signs_in_and_out_is_told_to_have_signed_out() -> None:
    told = registers(client(), 40, (200, 600), (200, 0)).told()["sign-in"]

    assert (told.outcome, told.says) == ("ok", "REGISTER answered 200; it signed out at 22:14:06")


@pytest.mark.parametrize("wrong", [403, 404])
def test_a_wrong_password_that_was_put_right(wrong: int) -> None:
    told = registers(client(), 40, (401, None), (wrong, 600), (401, None), (200, 600)).told()["sign-in"]

    assert (told.outcome, told.says) == ("ok", "REGISTER answered 200 after 2 tries")


def test_sent_on_to_another_pool() -> None:
    trip = registers(client(), 40, (301, 600))
    trip.dns("pool02.contoso.example", 44, OTHER_POOL)
    registers(trip, 45, (200, 600), server=OTHER_POOL)
    told = trip.told()

    assert [told[one].outcome for one in ("sip connect", "tls", "sign-in")] == ["ok", "ok", "ok"]


def test_a_phone_that_starts_twice_and_succeeds_the_second_time() -> None:
    trip = Trip(seconds=300).boot(20)
    trip.dns(WEB_NAME, 21, SERVER)
    trip.refuse(SERVER, 5061, 25)
    trip.boot(100)
    trip.dns(WEB_NAME, 101, SERVER)
    registers(trip, 105, (200, 600))
    journey = trip.journey()

    assert journey.first_failure is None
    assert {one.step for one in journey.stages if one.failed} == set()


def question(trip: Trip, name: str, at: float, record_type: int, answers: int | None) -> None:
    """One question of a type; answered with records, with none, or not in the capture."""
    of = trip.flow(DNS, 53, at, transport="udp", stack="dns", basis="bytes", opening="answered")
    trip.row("dns", of, at, 1, kind="request", from_client=True, name=name, record_type=record_type)
    if answers is not None:
        said = {"rcode": 0, "rcode_name": "NOERROR", "answers": answers, "record_type": record_type}
        trip.row("dns", of, at + 0.01, 2, kind="response", name=name, **said)


def test_a_name_without_ipv6_is_not_missing_when_the_other_answer_is_not_seen() -> None:
    trip = Trip()
    question(trip, WEB_NAME, 30, 28, 0)
    question(trip, WEB_NAME, 30, 1, None)
    told = trip.told()["names"]

    assert (told.outcome, "not all answers" in told.says) == ("unknown", True)


def test_a_name_that_has_no_address_at_all_exists() -> None:
    trip = Trip()
    question(trip, WEB_NAME, 30, 28, 0)
    question(trip, WEB_NAME, 30, 1, 0)
    told = trip.told()["names"]

    assert (told.outcome, told.says) == ("failed", "asked for 1 Lync name, none has the records that were asked for")


def test_a_portal_that_answers_for_every_name_is_no_lync_server() -> None:
    trip = Trip()
    for number, name in enumerate((WEB_NAME, "lyncdiscover.contoso.example", "sip.contoso.example", "www.msn.example")):
        trip.dns(name, 30 + number / 10, PORTAL)
    of = trip.connect(PORTAL, 443, 31, stack="tls")
    trip.tls(of, 31.1, 4, alert=46)
    trip.exchange("autodiscover", PORTAL, 32, outcome="redirected", status=302, location="http://login.hotel.example/")
    told = trip.told()

    assert told["autodiscover"].outcome == "unknown"


def test_a_computer_that_wakes_up_and_kept_all_names() -> None:
    trip = Trip().known()
    trip.dns("time.windows.com", 31, "10.200.0.1")
    registers(trip, 40, (200, 600))
    told = trip.told()

    assert told["sign-in"].outcome == "ok"
    assert "names" not in told or told["names"].outcome != "failed"


def test_a_device_that_only_looks_for_its_mailbox_has_no_lync_journey() -> None:
    trip = Trip().known()
    trip.dns("autodiscover.contoso.example", 30, EXCHANGE)
    trip.refuse(EXCHANGE, 443, 31)
    case = trip.case()
    device = case.devices.of(DEVICE)
    told = {} if device is None else trip.told()

    assert {step for step, one in told.items() if one.outcome in ("failed", "ok")} == set()


def test_a_name_found_later_is_not_lost_with_the_first_question() -> None:
    trip = Trip()
    trip.dns(SRV, 30, rcode=3)
    trip.dns(WEB_NAME, 31, rcode=2)
    trip.dns(WEB_NAME, 33, SERVER)

    assert trip.told()["names"].outcome == "ok"
