"""Who answers names, time, leases and directory questions is told by the answers, and is no Lync server for it."""

from typing import Any

import pytest
from cases import case, flow

from lynccap.correlation.roles.by_network import MAX_HOSTS
from lynccap.correlation.roles.claims import Basis

NAMES, LEASES, RELAY = "10.77.0.2", "10.77.0.3", "10.77.20.1"


def _roles(flows: list[dict[str, Any]], **messages: Any) -> dict[str, frozenset[str]]:
    made = case(flows, **messages)
    assert not any(made.roles.is_plausible(one) or made.roles.is_lync(one) for one in made.roles.claims)
    assert made.roles.servers() == ()
    return {address: made.roles.roles_of(address) for address in sorted(made.roles.claims)}


def _udp(client: str, server: str, port: int, **facts: Any) -> dict[str, Any]:
    return flow(client, server, port, transport="udp", **{"opening": "answered", **facts})


def _dns(**facts: Any) -> dict[str, Any]:
    return {"flow": 0, "frame": 4, "kind": "response", "name": "www.osprey.example", "dialect": "dns", **facts}


def test_whoever_answers_from_port_53_is_a_dns_server() -> None:
    made = case([_udp("10.77.8.1", NAMES, 53, stack="dns")], dns=[_dns(rcode=3), _dns(frame=9)])

    claim = made.roles.best(NAMES, "dns")
    assert (claim.basis, claim.decisive, claim.frame) == (Basis.MESSAGES, True, 4)
    assert _roles([_udp("10.77.8.1", NAMES, 53)], dns=[_dns()]) == {NAMES: {"dns"}}


def test_a_question_nobody_answers_shows_no_server() -> None:
    assert _roles([_udp("10.77.8.1", NAMES, 53, opening="one-way")], dns=[_dns(kind="request", from_client=True)]) == {}


@pytest.mark.parametrize("port", [5353, 5355])
def test_names_told_on_the_link_make_no_dns_server(port: int) -> None:
    assert _roles([_udp("10.77.8.1", "10.77.8.2", port)], dns=[_dns()]) == {}


def test_late_capture_that_begins_with_the_answer_finds_the_same_server() -> None:
    late = _udp(NAMES, "10.77.8.1", 50_000, client_port=53, originator="first-frame")

    assert _roles([late], dns=[_dns(from_client=True)]) == {NAMES: {"dns"}}


@pytest.mark.parametrize(("kind", "found"), [("server", True), ("symmetric", False), ("broadcast", False)])
def test_only_an_answer_to_a_client_makes_a_time_server(kind: str, found: bool) -> None:
    ntp = {"flow": 0, "frame": 4, "kind": kind, "version": 4, "stratum": 2, "leap": 0, "transmit_time": 1}
    expected = {NAMES: {"ntp"}} if found else {}

    assert _roles([_udp("10.77.8.1", NAMES, 123)], ntp=[ntp]) == expected


def _lease(**facts: Any) -> dict[str, Any]:
    usual = {"flow": 0, "frame": 6, "kind": "ack", "transaction_id": 9, "mac": "02:00:5e:00:53:31"}
    return {**usual, "from_client": True, **facts}


def _answering(sender: str) -> list[dict[str, Any]]:
    return [_udp(sender, "255.255.255.255", 68, client_port=67, opening="one-way", stack="dhcp")]


def test_dhcp_server_is_the_one_it_names_and_the_relay_is_none() -> None:
    answer = _lease(server=LEASES, relay_address=RELAY, your_address="10.77.20.9")

    assert _roles(_answering(RELAY), dhcp=[answer]) == {LEASES: {"dhcp"}}


def test_relay_that_stands_in_for_its_server_is_no_server() -> None:
    answer = _lease(server=RELAY, relay_address=RELAY, your_address="10.77.20.9")

    assert _roles(_answering(RELAY), dhcp=[answer]) == {}


def test_server_without_a_name_of_its_own_is_whoever_sent_the_answer() -> None:
    assert _roles(_answering(LEASES), dhcp=[_lease(your_address="10.77.20.9")]) == {LEASES: {"dhcp"}}
    assert _roles(_answering(RELAY), dhcp=[_lease(relay_address=RELAY)]) == {}


def test_asking_for_a_lease_names_nobody() -> None:
    asked = _lease(kind="request", server=LEASES)

    assert _roles([_udp("0.0.0.0", "255.255.255.255", 67, opening="one-way")], dhcp=[asked]) == {}


def test_kerberos_and_ldap_together_fit_a_domain_controller() -> None:
    flows = [flow("10.77.8.1", NAMES, 88, stack="kerberos"), flow("10.77.8.1", NAMES, 389, stack="ldap")]

    assert _roles(flows) == {NAMES: {"dc"}}
    assert _roles(flows[1:]) == {}
    assert _roles([flows[0], {**flows[1], "server": "10.77.0.9"}]) == {}
    assert not case(flows).roles.best(NAMES, "dc").decisive


def test_a_lync_server_that_also_answers_dns_is_called_by_its_lync_role() -> None:
    sip = {"flow": 1, "frame": 5, "kind": "response", "status": 200, "server": "RTC/6.0"}
    flows = [_udp("10.77.8.1", NAMES, 53), flow("10.77.8.1", NAMES, 5060, stack="sip")]
    made = case(flows, dns=[_dns()], sip=[sip])

    assert made.roles.best(NAMES).role == "fe"
    assert made.roles.word(NAMES, 53) == "DNS server"
    assert made.roles.is_lync(NAMES)


def test_a_database_counts_where_a_lync_server_asks_it() -> None:
    sip = {"flow": 0, "frame": 5, "kind": "response", "status": 200, "server": "RTC/6.0"}
    asked = [flow("10.77.8.1", "10.77.4.11", 5060, stack="sip"), flow("10.77.4.11", "10.77.4.60", 1433, stack="tds")]
    made = case([*asked, flow("10.77.8.1", "10.77.4.61", 1433, stack="tds")], sip=[sip])

    assert made.roles.roles_of("10.77.4.60") == {"sql"}
    assert not made.roles.is_plausible("10.77.4.60")
    assert not made.roles.roles_of("10.77.4.61")


def test_a_scan_of_dns_servers_is_told_up_to_a_bound() -> None:
    flows = [_udp("10.77.8.1", f"198.18.{number // 250}.{number % 250 + 1}", 53) for number in range(MAX_HOSTS + 20)]
    made = case(flows, dns=[_dns(flow=number) for number in range(len(flows))])

    assert len(made.roles.claims) == MAX_HOSTS
