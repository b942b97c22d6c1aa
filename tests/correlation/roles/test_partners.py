"""Federation partners are the other ends of our own Access Edge; users, clouds and unknown pairs are not."""

from typing import Any

import pytest
from cases import answer, case, dns_flow, flow

from lynccap.correlation.case import Case

EDGE, PARTNER, DOMAIN = "203.0.113.44", "198.51.100.9", "merganser.example"
QUESTION = f"_sipfederationtls._tcp.{DOMAIN}"


def _ask(name: str = QUESTION) -> dict[str, Any]:
    return {"flow": 0, "frame": 2, "kind": "request", "from_client": True, "name": name, "dialect": "dns"}


def _records(address: str = PARTNER) -> list[dict[str, Any]]:
    host = f"sip.{DOMAIN}"
    return [answer(QUESTION, host, record_type="SRV", port=5061), answer(host, address, frame=4)]


def _tls(client: str, server: str, port: int = 5061, **facts: Any) -> dict[str, Any]:
    return flow(client, server, port, stack="tls", first_frame_server=21, **facts)


def _case(*flows: dict[str, Any], answers: list[dict[str, Any]] | None = None, **more: Any) -> Case:
    return case([dns_flow(EDGE, "203.0.113.53"), *flows], dns=[_ask()], dns_answers=answers or [], **more)


def _partners(made: Case) -> set[str]:
    return {one for one in made.roles.claims if made.roles.has(one, "federated_edge", "xmpp_partner")}


def test_whom_our_edge_found_by_dns_is_a_partner_with_its_domain() -> None:
    made = _case(_tls(EDGE, PARTNER), answers=_records())
    claim = made.roles.best(PARTNER, "federated_edge")

    assert _partners(made) == {PARTNER}
    assert claim.says.endswith(f"for {DOMAIN}")
    assert claim.frame == 21
    assert not made.roles.is_plausible(PARTNER) or made.roles.has(PARTNER, "edge_access")


def test_a_partner_without_a_name_is_told_with_less_certainty() -> None:
    made = _case(_tls(EDGE, PARTNER))

    assert _partners(made) == {PARTNER}
    assert not made.roles.best(PARTNER, "federated_edge").decisive


@pytest.mark.parametrize("shows", [True, False])
def test_who_comes_in_has_to_show_a_servers_certificate(shows: bool) -> None:
    shown = [{"flow": 1, "frame": 25, "from_client": True, "common_name": f"sip.{DOMAIN}"}] if shows else []

    assert _partners(_case(_tls(PARTNER, EDGE), certificates=shown)) == ({PARTNER} if shows else set())


def test_one_sided_or_refused_connections_show_no_partner() -> None:
    assert _partners(_case(_tls(EDGE, PARTNER, frames_server=0, opening="unanswered"))) == set()
    assert _partners(_case(flow(EDGE, PARTNER, 5061, stack=""))) == set()


def test_microsofts_cloud_is_told_as_that() -> None:
    made = _case(_tls(EDGE, "52.112.64.9"))

    assert _partners(made) == set()
    assert made.roles.has("52.112.64.9", "cloud")


def test_two_public_hosts_on_5061_leave_open_who_is_whose_partner() -> None:
    flows = [_tls(EDGE, PARTNER), _tls(PARTNER, EDGE)]
    shown = [{"flow": n, "frame": 9, "from_client": True, "common_name": "x.example"} for n in (0, 1)]

    assert _partners(case(flows, certificates=shown)) == set()


def test_the_one_that_several_others_speak_with_is_ours() -> None:
    others = ("198.51.100.9", "192.0.2.77")
    flows = [made for other in others for made in (_tls(EDGE, other), _tls(other, EDGE))]

    assert _partners(case(flows)) == set(others)


def test_the_pool_inside_is_no_partner() -> None:
    assert _partners(_case(_tls("10.77.4.11", EDGE), _tls(EDGE, "10.77.4.11"))) == set()


def test_xmpp_counts_with_our_edge_only() -> None:
    xmpp = flow(EDGE, PARTNER, 5269, stack="xmpp")

    assert _case(xmpp).roles.roles_of(PARTNER) == {"xmpp_partner"}
    assert not case([flow("203.0.113.90", PARTNER, 5269, stack="xmpp")]).roles.claims
