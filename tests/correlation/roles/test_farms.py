"""Servers behind a shared address, by what is passed on and by the topology."""

from cases import answer, dns_flow, flow, tables
from farms import NODES, OWN, VIP, Farm, pool, written

from lynccap.correlation.case import Case, build_case

POOL = "fronts.kestrel.example"
PORTS = '{ port = "5061", protocol = "mtls", owner = "Registrar", usage = "SipServer" }'


def told(*addresses: str, machines: int = 2) -> Case:
    """A topology of some Front Ends, and where DNS leads their pool's name."""
    made = {f"fe{place}.kestrel.example": {"primary": NODES[place]} for place in range(machines)}
    directory = written(pool(POOL, made, "Registrar", PORTS))
    answers = [answer(POOL, one) for one in addresses]
    return build_case(tables([dns_flow(), flow("10.1.0.9", NODES[0], 5061)], dns_answers=answers), directory)


def test_bytes_passed_on_show_members_and_the_balancers_own_address() -> None:
    farm = Farm().case().farms[VIP]

    assert (farm.members, farm.own, farm.pool, farm.sure) == (NODES, (VIP, OWN), "fe", True)
    assert farm.frame > 0


def test_address_of_no_machine_is_the_load_balancers() -> None:
    farm = told(VIP).farms[VIP]

    assert (farm.members, farm.sure, farm.frame) == (NODES, True, 0)
    assert POOL in farm.says


def test_machines_own_addresses_are_dns_load_balancing() -> None:
    assert told(*NODES).farms == {}


def test_pool_of_one_machine_needs_no_load_balancer() -> None:
    assert told(VIP, machines=1).farms == {}
