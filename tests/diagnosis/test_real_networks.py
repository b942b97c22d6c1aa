"""Shapes real networks have, on which a rule must still speak, or say nothing more than the frames."""

from typing import Any

import pytest
from cases import SECOND, START, answer, case, dns_flow, flow, reset, syn

from lynccap.correlation.attempts import Ending
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found

POOL, MEMBER, CLIENT, PC = "10.9.0.5", "10.9.0.6", "10.1.0.9", "10.2.0.9"
NAMES = [answer("lyncdiscoverinternal.contoso.example", POOL), answer("sipinternal.contoso.example", POOL)]


def judged(rule: str, *flows: dict[str, Any], **more: Any) -> list[Found | Doubt]:
    made = case([dns_flow(CLIENT), *flows], **{"dns_answers": NAMES, **more})
    return [one for one in BY_NAME[rule].judge(Inquiry(made)) if isinstance(one, Found | Doubt)]


def silent(of: int, port: int = 5061, server: str = POOL) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    one = flow(
        CLIENT, server, port, opening="unanswered", frames_server=0, last_time_server=0, last_time=START + 7 * SECOND
    )
    return one, [syn(of, 40 + n, START + (2**n - 1) * SECOND) for n in range(3)]


def open_before(seconds: int, **facts: Any) -> dict[str, Any]:
    at = START - seconds * SECOND
    times = {"first_time": at, "last_time": at, "last_time_client": at, "last_time_server": at, "syn_ack_time": at}
    return flow(CLIENT, POOL, 443, **{**times, **facts})


class TestSilence:
    """One PC, one server: it answers on one port and then not on the other."""

    def _said(self, *others: dict[str, Any], heard: int = START + 9 * SECOND) -> list[Found | Doubt]:
        one, frames = silent(1)
        dns = dns_flow(CLIENT) | {"last_time_server": heard}
        made = case([dns, one, *others], dns_answers=NAMES, tcp_frames=frames)
        said = BY_NAME["sip-registrar-unreachable-internal"].judge(Inquiry(made))
        return [x for x in said if isinstance(x, Found | Doubt)]

    def test_after_a_recent_answer_is_likely(self) -> None:
        (one,) = self._said(open_before(3))

        assert isinstance(one, Found)
        assert one.confidence == "likely"
        assert one.act == ()  # the network team first, as the rule says

    def test_long_after_the_last_answer_is_the_servers_matter_first(self) -> None:
        (one,) = self._said(open_before(25))

        assert isinstance(one, Found)
        assert (one.confidence, one.act[0]) == ("likely", "Lync administrator")
        assert one.causes[0].startswith("The servers are down")

    def test_while_the_server_leaves_other_data_unanswered_is_the_servers_matter_first(self) -> None:
        (one,) = self._said(open_before(3, last_time_client=START + 20 * SECOND))

        assert isinstance(one, Found)
        assert (one.confidence, one.act[0]) == ("likely", "Lync administrator")

    @pytest.mark.parametrize(("lost", "doubted"), [(1_400, False), (90_000, True)])
    def test_is_doubted_for_many_losses_and_not_for_a_stray_one(self, lost: int, doubted: bool) -> None:
        stranger = flow(PC, "10.9.0.99", 445, bytes_server=2_000_000, lost_server=lost, last_time=START + 50 * SECOND)

        (one,) = self._said(open_before(3), stranger)

        assert isinstance(one, Doubt) is doubted


class TestRefusal:
    def test_by_icmp_port_unreachable_names_the_reporter(self) -> None:
        one, frames = silent(1)
        error = {
            "flow": 1,
            "frame": 50,
            "version": 4,
            "type": 3,
            "code": 3,
            "reporter": "10.1.0.1",
            "from_client": True,
        }

        (said,) = judged("sip-registrar-unreachable-internal", one, open_before(3), tcp_frames=frames, icmp=[error])

        assert isinstance(said, Found)
        assert "10.1.0.1" in said.why
        assert "port unreachable" in said.why

    def test_while_another_session_lives_across_it_is_no_restart(self) -> None:
        refused = [flow(CLIENT, POOL, 5061, opening="refused", last_time=START + SECOND) for _ in range(2)]
        frames = [one for of in (1, 2) for one in (syn(of, 10 * of), reset(of, 10 * of + 1))]
        lives = flow(PC, POOL, 5061, syn_ack_time=START - SECOND, last_time_server=START + 30 * SECOND)
        later = flow("10.2.0.10", POOL, 5061, syn_ack_time=START + 4 * SECOND)

        (said,) = judged("tcp-refused-by-host", *refused, lives, later, tcp_frames=frames)

        assert isinstance(said, Found)

    def test_of_one_conference_member_while_another_accepts_is_nothing(self) -> None:
        refused = flow(CLIENT, MEMBER, 8057, opening="refused")
        accepted = flow(CLIENT, POOL, 8057, first_time=START + 2 * SECOND)
        frames = [syn(1, 10), reset(1, 11)]

        assert (
            judged("psom-8057-blocked-internal", refused, accepted, *_signed_in(3), tcp_frames=frames, tls=_data(3))
            == []
        )


def _signed_in(of: int) -> list[dict[str, Any]]:
    return [flow(CLIENT, POOL, 5061, stack="tls")]


def _data(of: int) -> list[dict[str, Any]]:
    return [{"flow": of, "frame": 30 + n, "kind": "application-data", "from_client": bool(n)} for n in range(2)]


def test_conference_data_on_a_pool_member_nobody_signs_in_at_counts() -> None:
    refused = flow(CLIENT, MEMBER, 8057, opening="refused")

    (said,) = judged(
        "psom-8057-blocked-internal", refused, *_signed_in(2), tcp_frames=[syn(1, 10), reset(1, 11)], tls=_data(2)
    )

    assert isinstance(said, Found)
    assert said.peer == MEMBER


def test_port_of_a_living_connection_is_not_called_unreachable() -> None:
    lives = flow(CLIENT, POOL, 5061, opening="midstream", syns=0, last_time_server=START + 50 * SECOND)
    one, frames = silent(1)
    made = case([dns_flow(CLIENT), one, lives], dns_answers=NAMES, tcp_frames=frames)

    assert {attempt.ending for attempt in made.attempts_of(CLIENT)} == {Ending.MIDSTREAM}


def test_option_120_in_the_lease_and_43_in_the_inform_belong_together() -> None:
    dhcp = flow("0.0.0.0", "255.255.255.255", 67, transport="udp", stack="dhcp")
    lease = {
        "flow": 1,
        "frame": 2,
        "kind": "ack",
        "mac": "m",
        "your_address": CLIENT,
        "sip_servers": ("pool.contoso.example",),
    }
    inform = {
        "flow": 1,
        "frame": 4,
        "kind": "ack",
        "mac": "m",
        "client_address": CLIENT,
        "uc_identifier": "MS-UC-Client",
    }

    made = case([dns_flow(CLIENT), dhcp], dhcp=[lease, inform], dns_answers=[answer("pool.contoso.example", POOL)])

    assert made.roles.is_lync(POOL)


def test_public_client_that_asks_for_inner_names_may_be_inside() -> None:
    asker = "198.51.100.9"
    asked = {
        "flow": 0,
        "frame": 1,
        "kind": "request",
        "name": "lyncdiscoverinternal.contoso.example",
        "from_client": True,
    }
    made = case([dns_flow(asker)], dns=[asked], dns_answers=NAMES)

    device = made.devices.of(asker)

    assert device is not None
    assert device.location is Location.UNKNOWN
