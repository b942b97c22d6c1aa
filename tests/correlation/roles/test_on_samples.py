"""What real stacks show of roles, whole and worse: the same claims or fewer, never other ones."""

import io
from collections.abc import Callable, Sequence

import pytest
from samples import Recorded, document_of, doubled, early, late, lossy, one_sided, pcap_of, recorded, snapped

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.roles.claims import AROUND_LYNC, NETWORK_ROLES
from lynccap.correlation.roles.sides import Location
from lynccap.ingest import Source, read_each

BALANCER, SNAT, MEMBERS = "10.155.9.200", "10.155.9.202", {"10.155.9.21", "10.155.9.22"}
PROXY = "203.0.113.210"
HERE = {
    "roles-load-balancer": {(BALANCER, "load_balancer"), (SNAT, "load_balancer")},
    "roles-dns-balanced": set(),
    "roles-reverse-proxy": set(),
    "rtp-gateway-clear": {("10.60.12.90", "gateway")},
    "federation-mtls-ok": {("198.51.100.20", "federated_edge")},
    "desktop-signin-healthy": set(),
    "lookalike-odd-ports": set(),
    "lookalike-webrtc-call": set(),
}
"""What hosts around the deployment each sample shows, the network's own servers left out."""
WORSE: dict[str, Callable[[Sequence[Recorded]], list[Recorded]]] = {
    "late": late,
    "early": early,
    "lossy": lossy,
    "snapped": snapped,
    "doubled": doubled,
}


def _case(frames: Sequence[Recorded]) -> Case:
    (tables,) = read_each([Source("copy.pcap", io.BytesIO(pcap_of(frames)))])
    return build_case(tables)


def _around(made: Case) -> set[tuple[str, str]]:
    wanted = AROUND_LYNC - NETWORK_ROLES
    return {(one, role) for one in made.roles.claims for role in made.roles.roles_of(one) & wanted}


@pytest.mark.parametrize("name", HERE)
def test_samples_show_these_hosts_around_the_deployment(name: str) -> None:
    made = _case(recorded(name))

    assert _around(made) == HERE[name]
    assert made.roles.contradictions() == ()


@pytest.mark.parametrize("worse", WORSE)
@pytest.mark.parametrize("name", ["roles-load-balancer", "roles-dns-balanced", "roles-reverse-proxy"])
def test_worse_copies_show_nothing_else(name: str, worse: str) -> None:
    made = _case(WORSE[worse](recorded(name)))

    assert _around(made) <= HERE[name]
    assert set(made.roles.members_of(BALANCER)) <= MEMBERS


def test_one_side_of_a_balancer_shows_only_what_was_sent() -> None:
    frames = one_sided(recorded("roles-load-balancer"), ["10.155.32.31", "10.155.32.44", "10.155.32.58"])

    assert _around(_case(frames)) == set()


def test_members_and_sides_on_the_load_balancers_sample() -> None:
    made = _case(recorded("roles-load-balancer"))

    assert set(made.roles.members_of(BALANCER)) == MEMBERS
    assert made.sides.of("10.155.32.31").location is Location.INSIDE


def test_the_proxy_is_told_from_both_its_halves_and_its_clients_are_no_insiders() -> None:
    made = _case(recorded("roles-reverse-proxy"))

    assert made.roles.has(PROXY, "rp_ext")
    assert made.roles.has("172.23.60.14", "fe_vip")
    assert not made.roles.roles_of("203.0.113.211")
    assert made.sides.of("198.51.100.20").location is Location.UNKNOWN
    assert made.sides.of(PROXY).location is Location.OUTSIDE


def test_dns_dhcp_and_time_servers_of_a_phones_boot() -> None:
    made = _case(recorded("phone-boot-healthy"))
    found = {role for one in made.roles.claims for role in made.roles.roles_of(one)}

    assert found >= {"dns", "dhcp", "ntp"}


def test_the_document_says_whom_a_load_balancer_passes_connections_on_to() -> None:
    told = {one.addresses: one.members for one in document_of("roles-load-balancer").topology.roles if one.members}

    assert {frozenset(members) for members in told.values()} == {frozenset(MEMBERS)}
    assert (BALANCER,) in told
