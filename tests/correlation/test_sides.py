"""On which side an address is: told by a topology, shown by routing, else unknown."""

from typing import Any

import pytest
from cases import answer, case, dns_flow, flow, tables

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.roles.sides import Location
from lynccap.topology.directory import Directory
from lynccap.topology.model import Topology

POOL, BRANCH_PC, LYNC_NAME = "10.44.0.5", "10.91.3.7", "lyncdiscoverinternal.kestrel.example"
INNER = answer(LYNC_NAME, POOL)


def _dns() -> dict[str, Any]:
    return dns_flow("10.44.8.1", "10.44.0.53")


def _location(made: Case, address: str) -> Location:
    return made.sides.of(address).location


def test_private_network_that_holds_a_lync_server_is_the_organisations() -> None:
    printer = flow(BRANCH_PC, "10.91.3.99", 9100)
    made = case([_dns(), flow(BRANCH_PC, POOL, 443, first_frame=7), printer], dns_answers=[INNER])

    placed = made.sides.of("10.91.3.99")
    assert placed.location is Location.INSIDE
    assert POOL in placed.says
    assert placed.frame == 1
    assert made.sides.of(BRANCH_PC).frame == 7


def test_private_network_without_a_lync_server_may_be_a_home() -> None:
    named = answer("lyncdiscover.kestrel.example", "198.51.100.4")
    made = case([_dns(), flow("192.168.7.2", "198.51.100.4", 443)], dns_answers=[named])

    assert _location(made, "192.168.7.2") is Location.UNKNOWN


def test_inner_name_that_leads_nowhere_places_nobody() -> None:
    unanswered = flow("192.168.7.2", POOL, 443, opening="unanswered", frames_server=0)
    made = case([_dns(), unanswered], dns_answers=[INNER])

    assert _location(made, "192.168.7.2") is Location.UNKNOWN


@pytest.mark.parametrize("frames_server", [4, 0])
def test_one_sided_capture_places_nobody_by_routing(frames_server: int) -> None:
    made = case(
        [_dns(), flow(BRANCH_PC, POOL, 443, opening="established" if frames_server else "unanswered")],
        dns_answers=[INNER],
    )

    assert (_location(made, BRANCH_PC) is Location.INSIDE) is bool(frames_server)


def test_networks_of_two_captures_are_not_joined() -> None:
    made = tables(
        [_dns(), flow(BRANCH_PC, POOL, 443), flow(BRANCH_PC, "10.91.3.99", 80, capture=1)], dns_answers=[INNER]
    )

    assert _location(build_case(made), "10.91.3.99") is Location.UNKNOWN


def test_public_address_is_unknown_unless_something_shows_it() -> None:
    made = case([_dns(), flow("198.51.100.20", "198.51.100.4", 443)])

    assert _location(made, "198.51.100.20") is Location.UNKNOWN


def test_public_address_that_reaches_an_inner_server_untranslated_is_inside() -> None:
    made = case([_dns(), flow("198.51.100.20", POOL, 5061)], dns_answers=[INNER])

    assert _location(made, "198.51.100.20") is Location.INSIDE


def test_public_address_at_a_translated_edge_is_not_inside() -> None:
    named = answer("sip.kestrel.example", "172.29.4.4")
    made = case([_dns(), flow("198.51.100.20", "172.29.4.4", 443)], dns_answers=[named, INNER])

    assert _location(made, "198.51.100.20") is Location.UNKNOWN


def test_lease_with_the_deployments_servers_is_inside_and_a_providers_is_not() -> None:
    dhcp = flow("0.0.0.0", "255.255.255.255", 67, transport="udp", opening="one-way", stack="dhcp")
    common = {"flow": 0, "kind": "ack", "transaction_id": 1, "mac": "02:00:5e:00:53:07"}
    ours = {**common, "frame": 3, "your_address": "198.51.100.20", "uc_web_server": "pool.kestrel.example"}
    provider = {**common, "frame": 5, "your_address": "203.0.113.9"}
    made = case([dhcp], dhcp=[ours, provider])

    assert _location(made, "198.51.100.20") is Location.INSIDE
    assert _location(made, "203.0.113.9") is Location.UNKNOWN


def test_address_a_private_host_is_translated_to_is_outside() -> None:
    turn = flow("192.168.7.2", "198.51.100.4", 3478, transport="udp", opening="answered", stack="stun")
    told = {"flow": 0, "frame": 2, "kind": "response", "method": "allocate", "xor_mapped_address": "203.0.113.77:4711"}
    made = case([turn], stun=[told])

    assert made.sides.of("203.0.113.77").location is Location.OUTSIDE
    assert made.sides.of("203.0.113.77").frame == 2
    assert _location(made, "192.168.7.2") is Location.UNKNOWN


def _behind(router: str, *addresses: str) -> list[dict[str, Any]]:
    return [flow(one, "198.51.100.4", 443, client_mac=router) for one in addresses]


INTERNET = ("203.0.113.9", "192.0.2.5", "9.9.1.1", "81.3.4.5")


def test_router_of_the_internet_has_outsiders_behind_it() -> None:
    made = case(_behind("02:00:5e:00:53:01", *INTERNET))

    assert {_location(made, one) for one in INTERNET} == {Location.OUTSIDE}


def test_router_of_few_public_networks_shows_nothing() -> None:
    made = case(_behind("02:00:5e:00:53:01", *INTERNET[:3], "203.0.113.10"))

    assert {_location(made, one) for one in INTERNET[:3]} == {Location.UNKNOWN}


def test_public_network_with_an_insider_is_not_called_outside() -> None:
    mac = "02:00:5e:00:53:01"
    insider = flow("81.3.9.9", POOL, 5061, client_mac=mac)
    made = case([_dns(), insider, *_behind(mac, *INTERNET)], dns_answers=[INNER])

    assert _location(made, "81.3.4.5") is Location.UNKNOWN
    assert _location(made, "203.0.113.9") is Location.OUTSIDE


def test_topology_wins() -> None:
    told = Directory(Topology("file.toml", inside=("198.51.100.0/24",), outside=("10.44.0.0/16",)))
    made = build_case(tables([_dns(), flow(BRANCH_PC, POOL, 443)], dns_answers=[INNER]), told)

    assert _location(made, "198.51.100.20") is Location.INSIDE
    assert _location(made, POOL) is Location.OUTSIDE
    assert made.sides.of(POOL).says == "is in a network that the topology file puts outside"


def test_groups_and_links_are_on_no_side() -> None:
    made = case([flow("169.254.3.3", "224.0.0.251", 5353, transport="udp")])

    assert _location(made, "169.254.3.3") is Location.UNKNOWN
    assert _location(made, "224.0.0.251") is Location.UNKNOWN
