"""Both halves of a reverse proxy at one address make one; other web proxies and other users of its ports do not."""

from typing import Any

import pytest
from cases import answer, case, dns_flow, flow

from lynccap.correlation.case import Case

PROXY, POOL, OUTSIDER = "172.29.6.4", "10.77.4.11", "198.51.100.77"


def _asks(of: int, name: str, at: int) -> dict[str, Any]:
    return {"flow": of, "frame": at, "kind": "client-hello", "from_client": True, "sni": name}


def _case(
    outer: str = "lyncdiscover.osprey.example",
    inner: str = "lyncdiscover.osprey.example",
    asker: str = OUTSIDER,
    port: int = 4443,
    inner_stack: str = "tls",
    more: list[dict[str, Any]] | None = None,
) -> Case:
    flows = [
        flow(asker, PROXY, 443, stack="tls"),
        flow(PROXY, POOL, port, stack=inner_stack, first_frame=12, first_frame_server=13),
        *(more or []),
    ]
    hellos = [_asks(0, outer, 4), *([_asks(1, inner, 15)] if inner_stack == "tls" else [])]
    return case(flows, tls=hellos)


def _roles(made: Case) -> dict[str, frozenset[str]]:
    return {address: made.roles.roles_of(address) for address in sorted(made.roles.claims)}


def test_both_halves_make_a_reverse_proxy_and_the_host_asked_serves_the_web_site() -> None:
    made = _case(inner="webext.osprey.example")
    claim = made.roles.best(PROXY, "rp_ext")

    assert claim.decisive
    assert claim.frame == 12
    assert OUTSIDER in claim.says
    assert made.roles.has(POOL, "fe_vip")
    assert made.roles.best(POOL, "fe_vip").frame == 13


def test_http_to_port_8080_is_the_other_inner_half() -> None:
    assert _case(port=8080, inner_stack="http").roles.has(PROXY, "rp_ext")
    assert not _case(port=8080).roles.has(PROXY, "rp_ext")


def test_everybodys_names_before_everybodys_port_are_anybodys_proxy() -> None:
    made = _case(outer="meet.osprey.example", port=8080, inner_stack="http")

    assert _roles(made) == {}


def test_everybodys_names_count_where_the_host_behind_is_lyncs() -> None:
    sip = flow("10.77.8.1", POOL, 5060, stack="sip")
    outer = flow(OUTSIDER, PROXY, 443, stack="tls")
    inner = flow(PROXY, POOL, 4443, stack="tls")
    answer = {"flow": 2, "frame": 30, "kind": "response", "status": 200, "server": "RTC/6.0"}
    made = case([outer, inner, sip], tls=[_asks(0, "meet.osprey.example", 4)], sip=[answer])

    assert made.roles.has(PROXY, "rp_ext")


def test_a_user_inside_is_no_outsider() -> None:
    made = _case(asker="10.77.8.1")

    assert not made.roles.has(PROXY, "rp_ext")


def test_the_inner_half_alone_fits_the_proxys_inner_side() -> None:
    inner = flow(PROXY, POOL, 4443, stack="tls")
    made = case([inner], tls=[_asks(0, "lyncdiscover.osprey.example", 4)])

    assert made.roles.roles_of(PROXY) == {"rp_int"}
    assert not made.roles.best(PROXY, "rp_int").decisive
    assert not made.roles.is_plausible(PROXY)


@pytest.mark.parametrize("name", ["pool.osprey.example", "edge-int.osprey.example"])
def test_servers_that_use_4443_among_themselves_are_no_proxies(name: str) -> None:
    inner = flow(PROXY, POOL, 4443, stack="tls")

    assert _roles(case([inner], tls=[_asks(0, name, 4)])) == {}


def test_a_client_of_a_forward_proxy_on_8080_is_no_reverse_proxy() -> None:
    asked = {"flow": 0, "frame": 4, "kind": "request", "from_client": True, "method": "GET"}
    asked |= {"target": "http://lyncdiscover.osprey.example/", "host": "lyncdiscover.osprey.example"}

    assert _roles(case([flow(PROXY, POOL, 8080, stack="http")], http=[asked])) == {}


@pytest.mark.parametrize("unheard", [{"opening": "unanswered", "frames_server": 0}, {"opening": "half-open"}])
def test_a_pool_that_never_answered_shows_no_proxy(unheard: dict[str, Any]) -> None:
    flows = [flow(OUTSIDER, PROXY, 443, stack="tls"), flow(PROXY, POOL, 4443, stack="tls", **unheard)]
    made = case(flows, tls=[_asks(0, "lyncdiscover.osprey.example", 4)])

    assert not made.roles.has(PROXY, "rp_ext")
    assert not made.roles.has(POOL, "fe_vip")


def _tries(*more: dict[str, Any], count: int = 3, client: str = PROXY) -> Case:
    vain = [flow(client, POOL, 4443, opening="refused", client_port=50_000 + one) for one in range(count)]
    known = [answer("lyncdiscoverinternal.osprey.example", POOL)]
    return case([dns_flow(), *vain, *more], dns_answers=known)


def test_who_asks_for_the_external_site_in_vain_again_and_again_fits_a_proxys_inner_side() -> None:
    claim = _tries(flow(PROXY, POOL, 443, stack="tls", data_frames_client=4)).roles.best(PROXY, "rp_int")

    assert not claim.decisive
    assert "4443" in claim.says


@pytest.mark.parametrize(
    "made",
    [
        _tries(count=2),
        _tries(client="10.77.4.12"),
        _tries(flow(PROXY, POOL, 5061, stack="tls", data_frames_client=4)),
        _tries(flow(PROXY, POOL, 443, opening="established", data_frames_client=0)),
    ],
    ids=["too seldom", "beside the server", "signs in as well", "a monitor"],
)
def test_others_who_ask_for_it_in_vain_are_no_proxies(made: Case) -> None:
    assert not any(made.roles.has(one, "rp_int") for one in made.roles.claims)
