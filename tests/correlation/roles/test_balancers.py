"""A load balancer is told by what it passes on; pools without one, proxies and peers are not."""

from typing import Any

import pytest
from cases import START, answer, case, dns_flow, flow

from lynccap.correlation.case import Case
from lynccap.document import Confidence
from lynccap.tables import SECOND

VIP, SNAT = "10.77.4.100", "10.77.4.101"
MEMBERS = ("10.77.4.11", "10.77.4.12")
CLIENTS = tuple(f"10.77.8.{number}" for number in range(1, 7))
MILLI = SECOND // 1000


def _hello(of: int, random: bytes, at: int = START, **facts: Any) -> dict[str, Any]:
    usual = {"flow": of, "frame": 10 * of + 4, "time": at, "kind": "client-hello", "random": random}
    return {**usual, "from_client": True, "sni": "pool.osprey.example", **facts}


def _passing(
    inner: str = SNAT,
    members: tuple[str, ...] = MEMBERS,
    port: int = 5061,
    back: int | None = None,
    late: int = MILLI,
    sites: bool = False,
) -> Case:
    """Every client's hello at the shared address and again at a member; without `inner` from the client itself."""
    flows, hellos = [], []
    for number, client in enumerate(CLIENTS):
        random, at = bytes([number + 1]) * 32, START + number * SECOND
        flows += [flow(client, VIP, port, first_time=at)]
        flows += [flow(inner or client, members[number % len(members)], back or port, first_time=at + late)]
        name = f"site{number}.example" if sites else "pool.osprey.example"
        hellos += [_hello(2 * number + part, random, at + part * late, sni=name) for part in (0, 1)]
    return case(flows, tls=hellos)


def _balancers(made: Case) -> set[str]:
    return {address for address in made.roles.claims if made.roles.has(address, "load_balancer")}


@pytest.mark.parametrize("inner", [SNAT, VIP, ""])
def test_same_hellos_at_several_members_make_a_load_balancer(inner: str) -> None:
    made = _passing(inner)
    claim = made.roles.best(VIP, "load_balancer")

    assert _balancers(made) == {VIP, inner} - {""}
    assert (claim.confidence, claim.frame) == (Confidence.CERTAIN, 14)
    assert made.roles.members_of(VIP) == MEMBERS
    assert made.roles.members_of(MEMBERS[0]) == ()
    assert not made.roles.is_plausible(VIP)


def test_web_services_may_be_passed_on_to_the_external_web_sites_port() -> None:
    assert _balancers(_passing(port=443, back=4443)) == {VIP, SNAT}
    assert _balancers(_passing(port=1080, back=443)) == set()


def test_one_member_is_translation_as_well() -> None:
    assert _balancers(_passing(members=MEMBERS[:1])) == set()


def test_members_anywhere_are_a_proxys() -> None:
    assert _balancers(_passing(port=443, members=("203.0.113.4", "198.51.100.9"))) == set()


def test_a_hello_that_comes_again_much_later_was_not_passed_on() -> None:
    assert _balancers(_passing(late=30 * SECOND)) == set()


def test_names_of_several_sites_are_a_proxys() -> None:
    assert _balancers(_passing(sites=True)) == set()


def test_dns_load_balancing_has_members_and_no_shared_address() -> None:
    flows = [dns_flow(), *(flow(one, MEMBERS[n % 2], 5061) for n, one in enumerate(CLIENTS))]
    hellos = [_hello(number + 1, bytes([number + 1]) * 32) for number in range(len(CLIENTS))]
    names = [answer("pool.osprey.example", one) for one in MEMBERS]
    srv = answer("_sipinternaltls._tcp.osprey.example", "pool.osprey.example", record_type="SRV", port=5061, frame=2)
    made = case(flows, tls=hellos, dns_answers=[srv, *names])

    assert _balancers(made) == set()
    assert made.roles.has(MEMBERS[0], "fe")


def _returning(macs: tuple[str, ...], ttl: int = 128, own: tuple[str, ...] = MEMBERS) -> Case:
    """Flows to the shared address, answered by these cards; each member also has a flow of its own."""
    at = {f"02:00:5e:00:53:0{number + 1}": address for number, address in enumerate(own)}
    usual = {"ttl_server_min": ttl, "ttl_server_max": ttl}
    flows = [
        flow(CLIENTS[n], VIP, 443, server_mac=mac, first_time=START + n * SECOND, first_frame_server=20 + n, **usual)
        for n, mac in enumerate(macs)
    ]
    flows += [flow(address, "10.77.0.2", 135, client_mac=mac) for mac, address in at.items()]
    return case(flows)


ONE, TWO = "02:00:5e:00:53:01", "02:00:5e:00:53:02"


def test_answers_from_the_cards_of_several_hosts_are_direct_server_return() -> None:
    made = _returning((ONE, TWO, ONE, TWO))

    assert _balancers(made) == {VIP}
    assert made.roles.members_of(VIP) == MEMBERS
    assert made.roles.best(VIP, "load_balancer").confidence is Confidence.LIKELY
    assert made.roles.best(VIP, "load_balancer").frame == 20


def test_an_address_that_moved_to_another_host_is_a_clusters() -> None:
    assert _balancers(_returning((ONE, ONE, TWO, TWO))) == set()


def test_two_routers_in_front_of_an_address_are_no_members() -> None:
    assert _balancers(_returning((ONE, TWO, ONE, TWO), ttl=127)) == set()


def test_cards_that_are_nobodys_own_tell_no_members() -> None:
    assert _balancers(_returning((ONE, TWO, ONE, TWO), own=())) == set()


def _following(members: tuple[str, ...] = MEMBERS, port: int = 443, shared: bool = True, skip: int = 0) -> Case:
    """Connections at the shared address, each followed by another one; their bytes have nothing in common."""
    flows, certificates = [], []
    for number, client in enumerate(CLIENTS):
        at, member = START + number * SECOND, members[number % len(members)]
        flows += [flow(client, VIP, port, first_time=at)]
        flows += [flow(VIP, member, port, first_time=at + 3 * MILLI)] if number >= skip else []
        name = "pool.osprey.example" if shared else f"{member}.example"
        certificates += [{"flow": len(flows) - 1, "frame": 8, "common_name": name, "names": (name,)}]
    return case(flows, certificates=certificates)


def test_each_connection_followed_by_one_to_a_member_fits_a_load_balancer() -> None:
    made = _following()

    assert _balancers(made) == {VIP}
    assert made.roles.best(VIP, "load_balancer").confidence is Confidence.POSSIBLE
    assert made.roles.members_of(VIP) == MEMBERS


@pytest.mark.parametrize(
    "looks_alike",
    [
        {"shared": False},  # a reverse proxy in front of sites that have nothing in common
        {"port": 25},  # a mail relay
        {"skip": 1},  # peers that open connections of their own
        {"members": MEMBERS[:1]},
    ],
)
def test_others_that_pass_connections_on_are_no_load_balancer(looks_alike: dict[str, Any]) -> None:
    assert _balancers(_following(**looks_alike)) == set()


def test_without_what_was_in_front_nothing_is_told() -> None:
    full = _passing()
    late = [dict(row._asdict()) for row in full.tables.flows.itertuples(index=False)][1::2]
    hellos = full.tables["tls"].iloc[1::2].assign(flow=range(6)).to_dict("records")

    assert _balancers(case(late, tls=hellos)) == set()
