"""Link, address, names and time: worked, failed, not told."""

from typing import Any

import pytest
from trips import DEVICE, DNS, MAC, SERVER, SRV, WEB_NAME, Trip

SWITCH = {"mac": "00:1b:0d:00:c1:66", "protocol": "lldp", "device": "sw2", "port": "Gi1/0/9", "voice_vlan": 200}
PHONE = {"mac": MAC, "protocol": "lldp", "device": "phone", "telephone": True, "voice_vlan": -1}


def phone(*neighbours: dict[str, Any], vlan: int = 200) -> Trip:
    trip = Trip().boot(1).known()
    trip.rows["neighbours"] = [
        {"frame": 1 + place, "time": 1, "dscp": -1, "native_vlan": -1, "priority": -1, **row}
        for place, row in enumerate(neighbours)
    ]
    trip.dns(SRV, 2, "")
    for row in trip.flows:
        row["vlan"] = vlan
    return trip


@pytest.mark.parametrize(
    ("trip", "outcome", "says"),
    [
        (
            phone(SWITCH, PHONE),
            "ok",
            "the switch (sw2, port Gi1/0/9) gives voice VLAN 200 by LLDP; its frames are in it",
        ),
        (phone(SWITCH, PHONE, vlan=100), "unknown", "its frames bear VLAN 100"),
        (phone(SWITCH, PHONE, vlan=-1), "unknown", "gives voice VLAN 200"),  # the recorder may not see tags
        (phone(PHONE), "unknown", "no frame there gives a voice VLAN"),
    ],
)
def test_link(trip: Trip, outcome: str, says: str) -> None:
    link = trip.told()["link"]

    assert (link.outcome, says in link.says) == (outcome, True)
    assert link.frames[0] == 1


def test_a_switch_heard_without_the_phone_or_with_two_is_not_on_its_link() -> None:
    other = {**PHONE, "mac": "00:04:f2:00:00:77"}

    assert "link" not in phone(SWITCH).told()
    assert "link" not in phone(SWITCH, PHONE, other).told()


def test_the_voice_vlan_may_come_by_dhcp() -> None:
    trip = Trip().known()
    trip.dhcp("discover", 0.5, vendor_class="CPE-OCPHONE")
    trip.dhcp("offer", 0.6, vlan=200)
    told = trip.boot(1).told()

    assert told["link"].says.startswith("got voice VLAN 200 by DHCP")
    assert told["address"].outcome == "ok"


def test_address_tells_what_the_options_say_of_lync() -> None:
    trip = Trip().boot(1).known()
    trip.dhcp("inform", 2, client_address=DEVICE)
    trip.dhcp("ack", 2.1, client_address=DEVICE, uc_web_server="web.contoso.example", sip_servers=("pool.a.example",))
    told = trip.told()["address"]

    assert told.outcome == "ok"
    assert told.says == f"got {DEVICE} by DHCP; option 43 names web.contoso.example; option 120 names pool.a.example"
    assert (told.frames[0], told.time) == (2, trip.rows["dhcp"][0]["time"])


def test_a_refused_address() -> None:
    trip = Trip().boot(1).known()
    trip.dhcp("request", 40)
    trip.dhcp("nak", 40.1, message="wrong network", server=DNS)
    refused = trip.told()["address"]
    again = trip.boot(45).told()["address"]

    assert (refused.outcome, refused.says) == ("failed", f"the DHCP server {DNS} refused its address: wrong network")
    assert (again.outcome, again.says) == ("ok", f"got {DEVICE} by DHCP, after a refusal")


def test_an_address_that_was_asked_for_and_not_seen_granted() -> None:
    trip = Trip().known()
    trip.dhcp("request", 1, vendor_class="MS-UC-Client", client_address=DEVICE)

    assert trip.told()["address"].outcome == "unknown"


@pytest.mark.parametrize(
    ("answers", "outcome", "says"),
    [
        ((SERVER, SERVER), "ok", f"2 exist: {WEB_NAME}, {SRV}"),
        ((3, SERVER), "ok", f"1 exists: {SRV}"),
        ((3, 3), "failed", "none exists"),
        ((2, 2), "failed", "the DNS server answered SERVFAIL"),
        ((3, None), "unknown", "not all answers are in the capture"),
        ((None, None), "unknown", "no answer that can be read is in the capture"),
    ],
)
def test_names(answers: tuple[Any, Any], outcome: str, says: str) -> None:
    trip = Trip()
    for place, (name, said) in enumerate(zip((WEB_NAME, SRV), answers, strict=True)):
        trip.dns(name, 30 + place, *((said, 0) if isinstance(said, str) else ("", said)))
    told = trip.told()["names"]

    assert told.outcome == outcome
    assert told.says.endswith(says)
    assert told.frames[0] == 2


@pytest.mark.parametrize(("heard", "outcome"), [(True, "failed"), (False, "unknown")])
def test_silence_of_dns_is_a_failure_where_the_capture_hears_the_device(heard: bool, outcome: str) -> None:
    trip = Trip()
    for at in (30, 31, 33):
        trip.dns(WEB_NAME, at, rcode=None)
    if heard:
        trip.flow("10.7.7.7", 137, 20, transport="udp", opening="answered")
    told = trip.told()["names"]

    assert told.outcome == outcome
    assert ("no answer to 3 questions" in told.says) is heard


def test_silence_at_the_end_of_the_capture_tells_nothing() -> None:
    trip = Trip(seconds=35)
    trip.flow("10.7.7.7", 137, 20, transport="udp", opening="answered")
    for at in (30, 31, 33):
        trip.dns(WEB_NAME, at, rcode=None)

    assert trip.told()["names"].outcome == "unknown"


def test_names_of_others_are_no_step_of_the_sign_in() -> None:
    trip = Trip().known(5)
    trip.dns("www.example.org", 30, "198.51.100.7")
    trip.secure(SERVER, 5061, 60, stack="tls/sip")

    assert "names" not in trip.told() or trip.told()["names"].outcome != "ok"


def test_names_that_do_not_exist_do_not_matter_once_the_server_is_reached() -> None:
    trip = Trip().known()
    trip.dns(WEB_NAME.replace("contoso", "fabrikam"), 31, rcode=3)
    trip.secure(SERVER, 5061, 60)
    journey = trip.journey()

    names = next(one for one in journey.stages if one.step == "names")
    assert names.outcome == "skipped"
    assert names.says.endswith("none exists; it went on without")
    assert journey.first_failure is None


def ntp(trip: Trip, *answered: bool) -> Trip:
    for place, heard in enumerate(answered):
        frames = {"opening": "answered" if heard else "one-way", "frames_server": int(heard)}
        of = trip.flow(DNS, 123, 40 + place, transport="udp", stack="ntp", **frames)
        trip.row("ntp", of, 40 + place, 1, from_client=True, kind="request")
        if heard:
            trip.row("ntp", of, 40.1 + place, 2, kind="response")
    return trip


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [((True,), "ok"), ((False, True), "ok"), ((False, False, False), "failed"), ((False,), "unknown")],
)
def test_time(answered: tuple[bool, ...], outcome: str) -> None:
    trip = ntp(Trip().boot(1).known(), *answered)
    trip.flow("10.7.7.7", 137, 20, transport="udp", opening="answered")

    assert trip.told()["time"].outcome == outcome


def test_only_phones_need_the_time() -> None:
    trip = Trip()
    trip.dns(WEB_NAME, 30, SERVER)

    assert "time" not in ntp(trip, True).told()
