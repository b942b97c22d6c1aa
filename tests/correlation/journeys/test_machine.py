"""What is absent, what it means, and where a journey failed first."""

import pytest
from trips import DEVICE, SERVER, SRV, WEB_NAME, Trip

from lynccap.correlation.journeys.facts import LISTED, StageFacts, StageName, listed
from lynccap.correlation.journeys.machine import first_failure
from lynccap.correlation.journeys.stages import BRANCHES, Branch
from lynccap.document import StepOutcome

OK, FAILED = StepOutcome.OK, StepOutcome.FAILED


def stage(name: str, outcome: StepOutcome, time: int = 0) -> StageFacts:
    return StageFacts(StageName(name), outcome, "", 0, time, (1,))


@pytest.mark.parametrize(
    ("stages", "failed"),
    [
        ((("names", OK, 1), ("sip connect", OK, 2)), None),
        ((("names", FAILED, 1), ("sip connect", FAILED, 2)), "names"),
        ((("names", FAILED, 1), ("sip connect", OK, 2), ("tls", FAILED, 3)), "tls"),
        ((("root chain", FAILED, 1), ("sip connect", OK, 2), ("tls", FAILED, 3)), "root chain"),
        ((("root chain", FAILED, 1), ("tls", OK, 2)), None),
        ((("web ticket", FAILED, 1), ("tls", OK, 2)), "web ticket"),
        ((("web ticket", FAILED, 1), ("sign-in", OK, 2)), None),
        ((("sip connect", FAILED, 9), ("tls", OK, 2)), "sip connect"),  # lost after it had worked
        ((("web services", FAILED, 1), ("sign-in", OK, 2)), "web services"),  # signed in, and meetings do not open
        ((("relay credentials", FAILED, 1), ("relay", OK, 2)), None),
        ((("sign-in", OK, 1), ("relay", FAILED, 2), ("media", OK, 3)), "relay"),
    ],
)
def test_the_first_failure_that_was_not_made_good(
    stages: tuple[tuple[str, StepOutcome, int], ...], failed: str | None
) -> None:
    found = first_failure([stage(*one) for one in stages], Branch.PHONE)

    assert (found.step if found else None) == failed


def test_each_stage_occurs_once_in_a_branch_and_proves_only_others_of_its_own_journey() -> None:
    for stages in BRANCHES.values():
        names = [one.name for one in stages]
        assert len(names) == len(set(names))
        for one in stages:
            assert one.name not in one.proves
            assert bool(one.services) or not one.absent


def test_mobiles_and_servers_have_no_stage_of_a_sign_in_over_sip() -> None:
    sip = {"sip connect", "sign-in", "root chain", "time", "link"}

    assert not sip & {one.name for one in BRANCHES[Branch.MOBILE]}
    assert not sip & {one.name for one in BRANCHES[Branch.SERVER]}


def test_listed_keeps_what_must_be_there() -> None:
    frames = listed(range(1, 40), 77, 0)

    assert (len(frames), frames[0], frames[-1]) == (LISTED, 1, 77)


def desktop() -> Trip:
    trip = Trip().known(-9)
    trip.exchange("autodiscover", SERVER, 1, links=("User=x",), user_agent="OC/15.0.4420 (Microsoft Lync)")
    return trip


def test_names_kept_from_before_are_skipped_where_questions_would_be_seen() -> None:
    trip = Trip().known(-9)
    trip.exchange("autodiscover", SERVER, 40, links=("User=x",), user_agent="OC/15.0.4420 (Microsoft Lync)")
    told = trip.told()["names"]

    assert told.outcome == "skipped"
    assert told.says == "no DNS question of this device for a Lync name: it went on without"


def test_a_capture_that_begins_late_tells_nothing_of_what_came_before() -> None:
    told = desktop().told()["names"]

    assert told.outcome == "unknown"
    assert "the capture starts only 11." in told.says


def test_a_capture_point_that_sees_no_dns_tells_nothing_of_it() -> None:
    trip = Trip()
    trip.dns(WEB_NAME, -9, SERVER, client="10.77.0.9")  # another subnet's
    trip.secure(SERVER, 443, 2)
    trip.exchange("autodiscover", SERVER, 40, links=("User=x",), user_agent="OC/15.0.4420 (Microsoft Lync)")
    told = trip.told()["names"]

    assert told.outcome == "unknown"
    assert told.says.endswith("the capture point may not see it")


def test_sip_that_never_begins_is_not_seen_where_others_of_the_subnet_connect() -> None:
    trip = desktop()
    trip.secure(SERVER, 5061, 2, client="10.1.0.200")
    trip.dns(SRV, 40)
    told = trip.told()["sip connect"]

    assert (told.outcome, told.says) == ("not-seen", "no SIP connection of this device is in the capture")


def test_sip_that_may_begin_behind_the_end_of_the_capture_is_unknown() -> None:
    trip = desktop()
    trip.seconds = 42
    trip.secure(SERVER, 5061, 2, client="10.1.0.200")
    trip.dns(SRV, 40)
    told = trip.told()["sip connect"]

    assert told.outcome == "unknown"


def test_a_device_that_was_connected_before_the_capture() -> None:
    trip = Trip().known(-9)
    trip.dns("www.example.org", -8)
    trip.connect(SERVER, 5061, 60, opening="midstream")
    trip.exchange("autodiscover", SERVER, 61, links=("User=x",), user_agent="OC/15.0.4420 (Microsoft Lync)")
    told = trip.told()["names"]

    assert (told.outcome, "the capture starts after it had connected" in told.says) == ("unknown", True)


def test_where_the_device_is_the_end_of_everything_the_capture_was_made_on_it() -> None:
    trip = Trip()
    trip.dns(WEB_NAME, -5, SERVER)
    trip.exchange("web-service", SERVER, 1, service="abs", user_agent="OC/15.0.4420 (Microsoft Lync)")
    alone = trip.told()["sip connect"]
    trip.flow("10.3.0.3", 445, 3, client="10.3.0.4")
    among = trip.told()["sip connect"]

    assert (alone.outcome, among.outcome) == ("not-seen", "unknown")


def test_of_a_device_of_unknown_kind_only_what_is_seen_is_told() -> None:
    trip = Trip().known()
    trip.secure(SERVER, 5061, 60)

    assert [one.step for one in trip.journey().stages] == ["sip connect", "tls", "sign-in"]


def test_a_device_with_two_addresses_has_one_journey() -> None:
    from dataclasses import replace

    from lynccap.correlation.journeys.machine import Journeys

    trip = Trip()
    trip.dns(WEB_NAME, 30, SERVER)
    trip.refuse(SERVER, 5061, 40)
    trip.connect(SERVER, 5061, 50, client="2001:db8::9", stack="tls", data_frames_client=5)
    trip.tls(2, 50.1)
    case = trip.case()
    one = case.devices.of(DEVICE)
    assert one is not None
    both = replace(one, addresses=(DEVICE, "2001:db8::9"))

    told = {stage.step: stage for stage in Journeys(case).of(both).stages}
    assert told["sip connect"].says.endswith("after 2 tries")
    assert told["tls"].outcome == "ok"


def test_a_journey_is_the_same_each_time() -> None:
    trip = desktop()
    trip.secure(SERVER, 5061, 2)

    assert trip.journey().stages == trip.journey().stages
