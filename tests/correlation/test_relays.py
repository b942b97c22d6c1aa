"""Which side of the Edge a relay address is follows from what it hands out, and is left open where it does not."""

from time import process_time
from typing import Any

import pytest
from cases import answer, case, dns_flow, flow

from lynccap.correlation.media.relays import RelayBook, Side, _place_sides

RELAY = "203.0.113.13"


def _allocation(of: int, relay: str | None, alternate: str | None = None) -> list[dict[str, Any]]:
    common = {"flow": of, "method": "allocate", "dialect": "ms-turn", "ms_version": 4, "lifetime": None}
    asked = {**common, "frame": 10 * of + 1, "kind": "request", "from_client": True}
    challenge = {**common, "frame": 10 * of + 2, "kind": "error", "error_code": 401, "alternate_server": alternate}
    success = {**common, "frame": 10 * of + 3, "kind": "response", "mapped_address": relay}
    return [asked, challenge, success] if relay else [asked]


def _turn(client: str, server: str) -> dict[str, Any]:
    return flow(client, server, 3478, transport="udp", opening="answered", stack="stun")


def test_who_hands_out_another_address_is_the_internal_side() -> None:
    made = case([_turn("10.1.0.9", "10.9.0.8")], stun=_allocation(0, f"{RELAY}:50001"))

    assert made.relays.side_of("10.9.0.8") is Side.INTERNAL
    assert made.relays.side_of(RELAY) is Side.EXTERNAL


@pytest.mark.parametrize(
    ("name", "is_lync"), [("_sip._tls.contoso.example", True), ("www.contoso.example", False), (None, False)]
)
def test_public_relay_is_a_deployments_when_its_client_came_by_lyncs_names(name: str | None, is_lync: bool) -> None:
    flows = [dns_flow(), flow("10.1.0.9", "203.0.113.9", 443, stack="tls"), _turn("10.1.0.9", RELAY)]
    target = answer(name or "", "sip.contoso.example", record_type="SRV", port=443)
    names = [target, answer("sip.contoso.example", "203.0.113.9", frame=4)] if name else []

    made = case(flows, dns_answers=names, stun=_allocation(2, f"{RELAY}:50001"))

    assert made.roles.is_lync(RELAY) is is_lync


def test_relay_with_nothing_of_microsofts_but_the_cookie_is_somebody_elses() -> None:
    google = [{**one, "ms_version": None} for one in _allocation(0, f"{RELAY}:50001")]
    made = case([_turn("10.1.0.9", "10.9.0.8")], stun=google)

    assert made.relays.allocations == []
    assert not made.roles.claims


def test_who_hands_out_itself_is_the_external_side() -> None:
    made = case([_turn("10.1.0.9", RELAY)], stun=_allocation(0, f"{RELAY}:50001"))

    assert made.relays.side_of(RELAY) is Side.EXTERNAL


def test_time_grows_with_the_relays_however_many_there_are() -> None:
    count = 3000
    flows = [_turn(f"10.1.{one >> 8}.{one & 255}", f"10.2.{one >> 8}.{one & 255}") for one in range(count)]
    relays = [f"203.0.{one >> 8}.{one & 255}:50001" for one in range(count)]
    made = case(flows, stun=[row for one, relay in enumerate(relays) for row in _allocation(one, relay, relay)])
    book = RelayBook(made.relays.allocations, relay_hosts=made.relays.relay_hosts)
    begun = process_time()
    _place_sides(book, made.names, frozenset())

    assert book.sides == made.relays.sides
    assert process_time() - begun < 1


def test_two_private_addresses_with_one_relay_are_left_open() -> None:
    flows = [_turn("10.1.0.9", "10.9.0.8"), _turn("10.1.0.10", "172.16.0.8")]
    stun = _allocation(0, f"{RELAY}:50001") + _allocation(1, f"{RELAY}:50002")

    made = case(flows, stun=stun)

    assert {made.relays.side_of("10.9.0.8"), made.relays.side_of("172.16.0.8")} == {Side.UNKNOWN}


@pytest.mark.parametrize("named", [True, False], ids=["by its name", "by the address it gives itself"])
def test_address_behind_nat_is_told_from_the_inside(named: bool) -> None:
    flows = [dns_flow(), _turn("10.1.0.9", "10.9.0.8"), _turn("10.1.0.10", "172.16.0.8")]
    alternate = None if named else f"{RELAY}:3478"
    stun = _allocation(1, f"{RELAY}:50001", "10.9.0.8:3478") + _allocation(2, f"{RELAY}:50002", alternate)
    names = [answer("av.contoso.example", "172.16.0.8")] if named else []

    made = case(flows, stun=stun, dns_answers=names)

    assert made.relays.side_of("172.16.0.8") is Side.EXTERNAL
    assert made.relays.side_of("10.9.0.8") is Side.INTERNAL


def test_address_asked_by_public_clients_is_the_external_side() -> None:
    made = case([_turn("198.51.100.4", "172.16.0.8")], stun=_allocation(0, f"{RELAY}:50001"))

    assert made.relays.side_of("172.16.0.8") is Side.EXTERNAL


def test_microsofts_relays_are_cloud() -> None:
    made = case([_turn("10.1.0.9", "52.113.1.1")], stun=_allocation(0, "52.113.1.1:50001"))

    assert made.relays.cloud == {"52.113.1.1"}
    assert made.roles.servers() == ()


def test_unanswered_allocation_is_kept_without_a_side() -> None:
    made = case([_turn("10.1.0.9", "10.9.0.8")], stun=_allocation(0, None))

    assert [one.answered for one in made.relays.allocations] == [False]
    assert made.relays.side_of("10.9.0.8") is Side.UNKNOWN


def test_internal_interface_is_told_with_the_external_address_it_hands_out() -> None:
    made = case([_turn("10.1.0.9", "10.9.0.8")], stun=_allocation(0, f"{RELAY}:50001"))

    assert made.roles.best("10.9.0.8", "edge_int").says == f"answers MS-TURN allocations and hands out {RELAY}"
    assert made.relays.translated("10.9.0.8") is None
    assert made.relays.handed_out_by("10.9.0.8") == (RELAY,)


def test_external_interface_behind_translation_is_told_with_its_public_address() -> None:
    made = case([_turn("198.51.100.7", "172.29.4.8")], stun=_allocation(0, f"{RELAY}:50001"))

    assert made.relays.side_of("172.29.4.8") is Side.EXTERNAL
    assert made.relays.translated("172.29.4.8") == RELAY
    assert made.roles.best("172.29.4.8", "edge_av").says.endswith(f"is {RELAY} to the outside")


def test_external_interface_without_translation_is_its_own_outside() -> None:
    made = case([_turn("198.51.100.7", RELAY)], stun=_allocation(0, f"{RELAY}:50001"))

    assert made.relays.translated(RELAY) is None
    assert made.roles.best(RELAY, "edge_av").says == "answers MS-TURN allocations"
