"""The path of media follows from its two ends."""

from typing import Any

import pytest
from cases import SECOND, START, answer, case, dns_flow, flow

from lynccap.correlation.media.paths import Path

RELAY = "203.0.113.13"


def _stream(of: int, from_client: bool = True, seconds: float = 8.0, **facts: Any) -> dict[str, Any]:
    usual = {
        "flow": of,
        "from_client": from_client,
        "carried": "udp",
        "packets": int(seconds * 50),
        "first_time": START,
        "last_time": START + int(seconds * SECOND),
        "first_frame": 20,
        "last_frame": 900,
    }
    return {**usual, **facts}


def _udp(client: str, server: str, port: int = 50_000) -> dict[str, Any]:
    return flow(client, server, port, transport="udp", opening="answered", stack="stun/rtp")


def _success(of: int, relay: str, reflexive: str | None = None) -> list[dict[str, Any]]:
    common = {"flow": of, "method": "allocate", "dialect": "ms-turn", "ms_version": 4}
    return [
        {**common, "frame": 1, "kind": "request", "from_client": True},
        {**common, "frame": 2, "kind": "response", "mapped_address": relay, "xor_mapped_address": reflexive},
    ]


def test_two_hosts_are_a_direct_path() -> None:
    made = case([_udp("10.1.0.9", "10.2.0.9")], media=[_stream(0)])

    assert [one.path for one in made.media] == [Path.DIRECT]


def test_media_on_the_allocations_own_flow_is_relayed_inside() -> None:
    made = case([_udp("10.1.0.9", "10.9.0.8", 3478)], media=[_stream(0)], stun=_success(0, f"{RELAY}:50001"))

    assert [(one.path, one.relay) for one in made.media] == [(Path.RELAY_INTERNAL, "10.9.0.8")]


def test_media_to_somebodys_relayed_port_is_relayed_outside() -> None:
    flows = [_udp("10.2.0.9", "10.9.0.8", 3478), _udp("10.1.0.9", RELAY, 50_001)]

    made = case(flows, media=[_stream(1)], stun=_success(0, f"{RELAY}:50001"))

    assert [one.path for one in made.media] == [Path.RELAY_EXTERNAL]


def test_media_to_a_turn_port_without_its_allocation_is_not_placed() -> None:
    made = case([_udp("10.1.0.9", "10.9.0.8", 3478)], media=[_stream(0)])

    assert [one.path for one in made.media] == [Path.RELAY_UNPLACED]


def test_media_to_a_nat_address_is_reflexive() -> None:
    flows = [_udp("10.2.0.9", "10.9.0.8", 3478), _udp("10.1.0.9", "198.51.100.7", 40_000)]

    made = case(flows, media=[_stream(1)], stun=_success(0, f"{RELAY}:50001", "198.51.100.7:40000"))

    assert [one.path for one in made.media] == [Path.REFLEXIVE]


class TestWhoseItIs:
    """Devices carry media of others too: a browser's, a soft phone's."""

    def _basis(self, stun: list[dict[str, Any]], *more: dict[str, Any], server: str = "10.2.0.9", **given: Any) -> str:
        made = case([_udp("10.1.0.9", server), *more], media=[_stream(0)], stun=stun, **given)
        return made.media[0].basis

    def _check(self, dialect: str) -> list[dict[str, Any]]:
        return [{"flow": 0, "frame": 1, "kind": "request", "method": "binding", "dialect": dialect}]

    def test_nothing_shows_it_without_anything_of_lyncs(self) -> None:
        assert self._basis([]) == ""
        assert self._basis(self._check("rfc5389")) == ""

    def test_checks_in_microsofts_dialect_do(self) -> None:
        assert self._basis(self._check("ms-ice2")) == "checks"

    def test_a_server_of_lyncs_does(self) -> None:
        names = [answer("lyncdiscoverinternal.contoso.example", "10.9.0.5")]

        assert self._basis([], dns_flow(), server="10.9.0.5", dns_answers=[{**one, "flow": 1} for one in names]) == (
            "server"
        )

    @pytest.mark.parametrize(("product", "basis"), [("RTC/5.0", "signalling"), ("Asterisk PBX 18", "")])
    def test_a_session_description_that_a_lync_server_carried_does(self, product: str, basis: str) -> None:
        described = b"v=0\r\no=- 0 0 IN IP4 10.2.0.9\r\nc=IN IP4 10.2.0.9\r\nm=audio 50000 RTP/SAVP 104\r\n"
        sip = [
            {"flow": 1, "frame": 3, "kind": "response", "status": 200, "server": product},
            {"flow": 1, "frame": 4, "kind": "response", "status": 200, "body": described},
        ]

        assert self._basis([], flow("10.1.0.9", "10.9.0.6", 5061, stack="tls/sip"), sip=sip) == basis

    def test_relay_by_the_rfc_is_no_edge(self) -> None:
        asked = {"flow": 0, "frame": 1, "kind": "request", "method": "channel-bind", "dialect": "rfc5389"}
        made = case([_udp("10.1.0.9", "203.0.113.151", 3478)], media=[_stream(0)], stun=[asked])

        assert [(one.path, one.basis) for one in made.media] == [(Path.RELAY_FOREIGN, "")]


@pytest.mark.parametrize(("seconds", "sustained"), [(8.0, True), (4.0, False), (1.5, False)])
def test_only_media_that_stays_is_sustained(seconds: float, sustained: bool) -> None:
    made = case([_udp("10.1.0.9", "10.2.0.9")], media=[_stream(0, seconds=seconds)])

    assert [one.sustained for one in made.media] == [sustained]


@pytest.mark.parametrize(("at", "sustained"), [(4, False), (9, True)])
def test_how_long_it_lasted_is_unknown_when_the_clock_was_set_meanwhile(at: int, sustained: bool) -> None:
    steps = [{"frame": 30, "before": START + at * SECOND, "after": START + (at + 4_000_000) * SECOND}]

    made = case([_udp("10.1.0.9", "10.2.0.9")], media=[_stream(0)], clock_steps=steps)

    assert [one.sustained for one in made.media] == [sustained]


def test_both_directions_are_one_session() -> None:
    made = case([_udp("10.1.0.9", "10.2.0.9")], media=[_stream(0), _stream(0, from_client=False, packets=300)])

    assert [(one.packets_client, one.packets_server) for one in made.media] == [(400, 300)]
