"""How an attempt ended and what it was for decide the rule; what disproves it keeps it silent."""

from typing import Any

import pytest
from cases import SECOND, START, answer, case, dns_flow, flow, reset, syn

from lynccap.correlation.case import Case
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judge import _reasons
from lynccap.diagnosis.judgements import Doubt
from lynccap.diagnosis.verdicts import How, Verdict

POOL, OTHER_POOL, CLIENT, PC = "10.9.0.5", "10.9.0.6", "10.1.0.9", "10.2.0.9"
POOL_NAMES = [
    answer(name, address)
    for name in ("lyncdiscoverinternal.contoso.example", "sipinternal.contoso.example")
    for address in (POOL, OTHER_POOL)
]


def verdicts(made: Case) -> list[Verdict]:
    return list(Inquiry(made).verdicts)


def refused(
    port: int = 5061, ttl: int = 126, tries: int = 2, **facts: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Flows (numbered from 1) and control frames of a refused port, after the DNS flow."""
    flows = [
        flow(CLIENT, POOL, port, opening="refused", ttl_server_min=0, ttl_server_max=0, **facts) for _ in range(tries)
    ]
    frames = [
        one
        for number in range(1, tries + 1)
        for one in (syn(number, 10 * number, START), reset(number, 10 * number + 1, START + 500_000, ttl))
    ]
    return flows, frames


def silent(port: int = 5061, syns: int = 3, client: str = CLIENT) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A flow (number 1) whose SYNs got no answer, and the SYNs."""
    one = flow(client, POOL, port, opening="unanswered", frames_server=0, syns=syns, last_time=START + 7 * SECOND)
    return one, [syn(1, 10 + n, START + (2**n - 1) * SECOND) for n in range(syns)]


def alive(port: int = 443, client: str = PC) -> dict[str, Any]:
    """A connection of somebody else that the pool answers."""
    return flow(client, POOL, port, stack="tls")


def judged(flows: list[dict[str, Any]], frames: list[dict[str, Any]], **more: Any) -> list[Verdict]:
    return verdicts(case([dns_flow(CLIENT), *flows], dns_answers=POOL_NAMES, tcp_frames=frames, **more))


class TestRefusal:
    def test_with_the_hosts_own_ttl_is_the_hosts(self) -> None:
        flows, frames = refused()

        (one,) = judged([*flows, alive()], frames)

        assert (one.rule, one.how, one.confidence) == ("tcp-refused-by-host", How.REFUSED_BY_HOST, "certain")

    def test_seen_once_is_likely(self) -> None:
        flows, frames = refused(tries=1)

        (one,) = judged([*flows, alive()], frames)

        assert one.confidence == "likely"

    def test_from_a_host_that_sent_nothing_else_accuses_no_box_in_between(self) -> None:
        flows, frames = refused()

        (one,) = judged(flows, frames)

        assert (one.rule, one.how, one.confidence) == ("tcp-refused-by-host", How.REFUSED, "likely")

    def test_with_another_ttl_is_possibly_a_box_in_between(self) -> None:
        flows, frames = refused(ttl=62)

        (one,) = judged([*flows, alive()], frames)

        assert (one.rule, one.confidence) == ("tcp-refused-by-middlebox", "possible")
        assert dict(one.rejected)["tcp-refused-by-host"]

    def test_with_another_ttl_and_quicker_than_the_host_is_likely_one(self) -> None:
        flows, frames = refused(ttl=62)
        reachable = flow(CLIENT, POOL, 443, syn_time=START, syn_ack_time=START + 20_000_000)

        (one,) = judged([*flows, reachable], frames)

        assert (one.rule, one.confidence) == ("tcp-refused-by-middlebox", "likely")

    def test_one_hop_apart_names_nobody(self) -> None:
        flows, frames = refused(ttl=125)

        (one,) = judged([*flows, alive()], frames)

        assert (one.rule, one.how, one.confidence) == ("tcp-refused-by-host", How.REFUSED, "likely")

    def test_then_accepted_is_a_restart_and_no_finding(self) -> None:
        flows, frames = refused()

        assert judged([*flows, alive(5061, CLIENT)], frames) == []

    def test_by_one_pool_member_while_the_next_accepts_is_load_balancing(self) -> None:
        flows, frames = refused()
        next_member = flow(CLIENT, OTHER_POOL, 5061, first_time=START + 2 * SECOND)

        assert judged([*flows, alive(), next_member], frames) == []

    @pytest.mark.parametrize("port", [3389, 8081, 5985, 22])
    def test_of_a_port_lync_does_not_need_is_nothing(self, port: int) -> None:
        flows, frames = refused(port)

        assert judged([*flows, alive()], frames) == []

    def test_towards_a_scanner_is_nothing(self) -> None:
        flows, frames = refused()
        scan = [flow(CLIENT, POOL, port, opening="refused") for port in range(5000, 5030)]

        assert judged([*flows, alive(), *scan], frames) == []

    def test_by_a_host_that_is_not_lync_is_nothing(self) -> None:
        flows, frames = refused()

        assert verdicts(case([dns_flow(CLIENT), *flows], tcp_frames=frames)) == []


class TestSilence:
    def test_with_another_subnet_getting_through_is_certain(self) -> None:
        one, frames = silent()

        (verdict,) = judged([one, alive(5061)], frames)

        assert (verdict.rule, verdict.confidence, verdict.doubt) == ("tcp-filtered-silent", "certain", None)

    def test_with_another_port_answering_is_likely(self) -> None:
        one, frames = silent()

        (verdict,) = judged([one, alive(443)], frames)

        assert (verdict.confidence, verdict.doubt) == ("likely", None)

    def test_of_a_host_that_says_nothing_is_doubted(self) -> None:
        one, frames = silent()

        (verdict,) = judged([one], frames)

        assert "may be down" in (verdict.doubt or "")

    def test_after_two_syns_is_doubted(self) -> None:
        one, frames = silent(syns=2)

        (verdict,) = judged([one, alive()], frames)

        assert "3 are needed" in (verdict.doubt or "")

    def test_at_the_end_of_the_capture_is_doubted(self) -> None:
        one, frames = silent()

        (verdict,) = judged([one, alive()], frames, seconds=8.0)

        assert "capture ends" in (verdict.doubt or "")

    def test_of_a_device_recorded_one_way_is_doubted(self) -> None:
        one, frames = silent()
        flows = [dns_flow(CLIENT) | {"frames_server": 0}, one, alive()]

        (verdict,) = verdicts(case(flows, dns_answers=POOL_NAMES, tcp_frames=frames))

        assert "both directions" in (verdict.doubt or "")

    def test_while_the_capture_lost_packets_is_doubted(self) -> None:
        one, frames = silent()

        (verdict,) = judged([one, alive() | {"lost_server": 1400}], frames)

        assert "acknowledged" in (verdict.doubt or "")

    def test_on_port_80_of_the_proxy_from_outside_is_nobodys_fault(self) -> None:
        outside = flow("198.51.100.4", "203.0.113.6", 80, opening="unanswered", frames_server=0)
        frames = [syn(1, 10 + n, START + n * SECOND) for n in range(3)]
        works = flow("198.51.100.4", "203.0.113.6", 443, stack="tls")

        made = case(
            [dns_flow("198.51.100.4"), outside, works],
            dns_answers=[answer("lyncdiscover.contoso.example", "203.0.113.6")],
            tcp_frames=frames,
        )

        assert verdicts(made) == []


class TestPhone:
    """What port 80 means to a phone without its root certificates."""

    def _phone(
        self, *flows: dict[str, Any], frames: list[dict[str, Any]], boots: bool = True, **more: Any
    ) -> list[Verdict]:
        asked = {"flow": 0, "frame": 1, "kind": "request", "name": "ucupdates-r2.contoso.example", "from_client": True}
        lease = {"flow": 0, "frame": 1, "time": START - SECOND, "kind": "ack", "mac": "m", "your_address": CLIENT}
        return judged(list(flows), frames, dns=[asked], dhcp=[lease] if boots else [], **more)

    def test_refusal_is_the_root_chain(self) -> None:
        flows, frames = refused(80)

        (one,) = self._phone(*flows, alive(), frames=frames)

        assert one.rule == "rootchain-http80-refused"

    def test_refusal_of_a_phone_that_neither_boots_nor_distrusts_may_be_a_firmware_check(self) -> None:
        flows, frames = refused(80)

        (one,) = self._phone(*flows, alive(), frames=frames, boots=False)

        assert one.rule == "tcp-refused-by-host"

    def test_phone_that_completes_tls_holds_the_chain_already(self) -> None:
        flows, frames = refused(80)
        works = flow(CLIENT, POOL, 443, stack="tls")
        data = [{"flow": 3, "frame": 40 + n, "kind": "application-data", "from_client": bool(n)} for n in range(2)]

        (one,) = self._phone(*flows, works, frames=frames, tls=data)

        assert one.rule == "port80-open-443-filtered"

    def test_whole_host_refusing_is_not_about_the_root_chain(self) -> None:
        flows, frames = refused(80)
        also = flow(CLIENT, POOL, 443, opening="refused")

        rules = {one.rule for one in self._phone(*flows, also, frames=frames)}

        assert rules == {"tcp-refused-by-host"}


def test_a_doubt_many_devices_share_is_told_once() -> None:
    doubts = [Doubt(f"10.1.2.{number}", "it ends too early") for number in range(1, 9)]

    told = _reasons([*doubts, Doubt(None, "it is cut"), *doubts])

    shown = ", ".join(f"10.1.2.{number}" for number in range(1, 6))
    assert told == f"{shown} and 3 more: it ends too early; it is cut"
