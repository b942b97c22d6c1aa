"""A flow's service rests on its bytes, its messages, its server's role, or its port, in this order."""

from typing import Any

import pytest
from cases import answer, case, dns_flow, flow, tables

from dissectors.mras import MEDIA_TYPE
from lynccap import reference
from lynccap.correlation.roles.claims import EDGE_INT, Basis, RoleBook, RoleClaim
from lynccap.correlation.services import name_services

POOL, EDGE, PROXY = "10.9.0.5", "203.0.113.5", "203.0.113.6"
NAMES = [
    answer("lyncdiscoverinternal.contoso.example", POOL),
    answer("sipexternal.contoso.example", EDGE),
    answer("lyncdiscover.contoso.example", PROXY),
]


def _services(*flows: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    made = case([dns_flow(), *flows], dns_answers=NAMES, **more).flows
    return list(zip(made["service"], made["service_basis"], strict=True))[1:]


@pytest.mark.parametrize(
    ("server", "port", "stack", "service", "basis"),
    [
        (POOL, 443, "tls", "web", "role"),
        (POOL, 5061, "tls", "sip", "port"),
        (POOL, 8057, "tls", "psom", "port"),
        (EDGE, 443, "tls", "sip", "role"),
        (PROXY, 443, "tls", "web", "role"),
        (POOL, 80, "", "web", "role"),
        ("198.51.100.9", 443, "tls", "tls", "bytes"),
        ("198.51.100.9", 5061, "", "other", ""),
        ("198.51.100.9", 445, "", "smb", "port"),
        ("198.51.100.9", 5060, "sip", "sip", "bytes"),
    ],
)
def test_service_and_basis(server: str, port: int, stack: str, service: str, basis: str) -> None:
    assert _services(flow("10.1.0.9", server, port, stack=stack)) == [(service, basis)]


def test_messages_say_more_than_the_port() -> None:
    web = flow("10.1.0.9", POOL, 80, stack="http")

    assert _services(web, certprov=[{"flow": 1, "frame": 5, "step": "root-chains"}]) == [("certprov", "bytes")]


@pytest.mark.parametrize(("server", "service"), [(POOL, "ucwa"), ("198.51.100.9", "http")])
def test_paths_mean_something_on_lync_servers_only(server: str, service: str) -> None:
    web = flow("10.1.0.9", server, 80, stack="http")
    asked = {"flow": 1, "frame": 5, "kind": "request", "target": "/ucwa/v1/applications", "from_client": True}

    assert [one for one, _ in _services(web, http=[asked])] == [service]


WEBCON, ONE_EDGE, EDGE_INNER = "203.0.113.7", "203.0.113.8", "10.9.0.8"
CLIENT = "10.1.0.9"


@pytest.mark.parametrize(
    ("stack", "service"),
    [
        ("smb", "smb"),
        ("tds", "sql"),
        ("ssrp", "sql"),
        ("xmpp", "xmpp"),
        ("ldap", "other"),
        ("quic", "other"),
        ("dtls/rtp", "rtp"),
        ("pseudo-tls/stun/rtp", "rtp"),
        ("http/tls", "tls"),
        ("tls/sip", "sip"),
        ("tls/psom", "psom"),
    ],
)
@pytest.mark.parametrize("server", ["198.51.100.9", POOL])
def test_bytes_are_believed_whatever_the_port_and_the_server(server: str, stack: str, service: str) -> None:
    assert _services(flow(CLIENT, server, 5061, stack=stack)) == [(service, "bytes")]


@pytest.mark.parametrize(
    ("port", "transport", "service", "basis"),
    [
        (5062, "tcp", "mras", "role"),
        (4443, "tcp", "cms-replication", "role"),
        (23456, "tcp", "xmpp", "role"),
        (8057, "tcp", "psom", "role"),
        (5061, "tcp", "sip", "role"),
        (443, "tcp", "stun-turn", "role"),
        (3478, "udp", "stun-turn", "role"),
        (3478, "tcp", "tls", "bytes"),
        (50001, "tcp", "tls", "bytes"),
    ],
)
def test_port_table_names_what_the_edge_offers_the_pool(port: int, transport: str, service: str, basis: str) -> None:
    roles = RoleBook()
    roles.add(RoleClaim(EDGE_INNER, EDGE_INT, Basis.MESSAGES, True, "relays", 0, 1))
    flows = [flow(POOL, EDGE_INNER, port, transport=transport, stack="tls" if transport == "tcp" else "")]

    (named,) = name_services(tables(flows), roles).itertuples()

    assert (named.service, named.service_basis) == (service, basis)


@pytest.mark.parametrize("port", [5062, 4443, 23456, 8057, 8058, 5061, 444, 3478])
def test_ports_of_lync_elsewhere_tell_nothing(port: int) -> None:
    assert _services(flow(CLIENT, "198.51.100.9", port, stack="")) == [("other", "")]


WEBCON_NAMES = [
    *NAMES,
    answer("webcon.contoso.example", WEBCON),
    answer("sipexternal.contoso.example", ONE_EDGE),
    answer("webcon.contoso.example", ONE_EDGE),
]


class TestWebConferencing:
    """Under TLS nothing says PSOM: every clue beside the bytes counts, and its word is told."""

    def _named(self, *flows: dict[str, Any], names: list[dict[str, Any]] | None = None, **more: Any) -> tuple[str, str]:
        given = names or WEBCON_NAMES
        made = case([dns_flow(), *flows], dns_answers=given, **more).flows
        return made["service"].iloc[-1], made["service_basis"].iloc[-1]

    def test_by_its_server(self) -> None:
        assert self._named(flow(CLIENT, WEBCON, 443, stack="tls")) == ("psom", "role")

    def test_by_the_name_asked_for(self) -> None:
        hello = {"flow": 1, "frame": 4, "kind": "client-hello", "sni": "webcon.contoso.example", "from_client": True}

        assert self._named(flow(CLIENT, ONE_EDGE, 443, stack="tls"), tls=[hello]) == ("psom", "sni")
        assert self._named(flow(CLIENT, ONE_EDGE, 444, stack="tls"), tls=[hello]) == ("psom", "sni")

    def test_name_of_another_service_is_that_service(self) -> None:
        hello = {"flow": 1, "frame": 4, "kind": "client-hello", "sni": "sipexternal.contoso.example"}

        assert self._named(flow(CLIENT, ONE_EDGE, 443, stack="tls"), tls=[hello]) == ("sip", "sni")

    def test_one_address_of_several_services_is_left_open(self) -> None:
        assert self._named(flow(CLIENT, ONE_EDGE, 443, stack="tls")) == ("tls", "bytes")

    def test_by_the_only_name_this_client_resolved(self) -> None:
        """Another client asked for the other name of the same address."""
        other = dns_flow("10.1.0.77")
        names = [*NAMES, answer("webcon.contoso.example", ONE_EDGE)]
        names.append(answer("sipexternal.contoso.example", ONE_EDGE, flow=1))
        spoken = flow(CLIENT, ONE_EDGE, 443, stack="tls")

        assert self._named(other, spoken, names=names) == ("psom", "dns")
        assert self._named(other, {**spoken, "client": "10.1.0.88"}, names=names) == ("tls", "bytes")

    @pytest.mark.parametrize(
        ("also", "named"),
        [((), ("psom", "certificate")), (("sipexternal.contoso.example",), ("tls", "bytes"))],
        ids=["alone", "shared"],
    )
    def test_by_a_certificate_that_names_nothing_else(self, also: tuple[str, ...], named: tuple[str, str]) -> None:
        leaf = {"flow": 1, "frame": 5, "common_name": "webcon.contoso.example", "names": also, "sha256": "a"}

        assert self._named(flow(CLIENT, ONE_EDGE, 443, stack="tls"), certificates=[leaf]) == named

    @pytest.mark.parametrize(("shown", "basis"), [("a", "certificate"), ("b", "port")])
    @pytest.mark.parametrize("port", [8057, 8058])
    def test_inside_by_the_certificate_of_the_pools_sip(self, port: int, shown: str, basis: str) -> None:
        sip, psom = flow(CLIENT, POOL, 5061, stack="tls"), flow(CLIENT, POOL, port, stack="tls")
        leaves = [
            {"flow": 1, "frame": 5, "common_name": "pool.contoso.example", "sha256": "a"},
            {"flow": 2, "frame": 9, "common_name": "pool.contoso.example", "sha256": shown},
        ]

        assert self._named(sip, psom, certificates=leaves) == ("psom", basis)

    def test_certificate_of_the_pool_on_another_port_is_not_enough(self) -> None:
        sip, other = flow(CLIENT, POOL, 5061, stack="tls"), flow(CLIENT, POOL, 9999, stack="tls")
        leaves = [{"flow": one, "frame": 5, "common_name": "pool.contoso.example", "sha256": "a"} for one in (1, 2)]

        assert self._named(sip, other, certificates=leaves) == ("tls", "bytes")

    def test_pool_to_edge_by_the_certificate_of_the_client(self) -> None:
        leaf = {"flow": 1, "frame": 7, "from_client": True, "common_name": "pool.contoso.example", "sha256": "a"}
        hello = {"flow": 1, "frame": 5, "kind": "server-hello", "from_client": False}
        linked = flow(POOL, EDGE_INNER, 8057, stack="tls")

        assert self._named(linked, certificates=[leaf], tls=[hello]) == ("psom", "certificate")


MRAS = {"flow": 1, "kind": "request", "method": "SERVICE", "content_type": MEDIA_TYPE, "from_client": True}


@pytest.mark.parametrize(
    ("others", "service"),
    [
        ([], "mras"),
        ([{"flow": 1, "kind": "response", "status": 200}], "mras"),
        ([{**MRAS, "method": "REGISTER"}], "sip"),
    ],
)
def test_connections_for_relay_credentials_alone(others: list[dict[str, Any]], service: str) -> None:
    assert _services(flow(POOL, EDGE_INNER, 5062, stack="sip"), sip=[MRAS, *others]) == [(service, "bytes")]


@pytest.mark.parametrize(
    ("transport", "stack", "payload_type", "service"),
    [
        ("tcp", "pseudo-tls/stun/rtp", 127, "app-sharing"),
        ("tcp", "pseudo-tls/stun/rtp", 111, "rtp"),
        ("tcp", "stun/rtp", 127, "rtp"),
        ("udp", "stun/rtp", 127, "rtp"),
    ],
)
def test_application_sharing_is_its_payload_over_lyncs_tcp(
    transport: str, stack: str, payload_type: int, service: str
) -> None:
    one = flow(CLIENT, "198.51.100.9", 443, transport=transport, stack=stack)

    assert _services(one, media=[{"flow": 1, "payload_type": payload_type}]) == [(service, "bytes")]


@pytest.mark.parametrize("service", ["address-book", "device-update", "ucwa", "meet", "web"])
def test_every_web_service_is_reached_by_its_path(service: str) -> None:
    path = next(row.path for row in reference.urls() if row.service == service)
    asked = {"flow": 1, "frame": 5, "kind": "request", "target": path, "from_client": True}

    assert _services(flow(CLIENT, POOL, 80, stack="http"), http=[asked]) == [(service, "bytes")]


def test_revocation_is_told_from_status_requests() -> None:
    rows = [{"flow": 1, "kind": "crl"}, {"flow": 2, "kind": "ocsp"}]
    flows = [flow(CLIENT, "198.51.100.9", 80, stack="http") for _ in rows]

    assert _services(*flows, crl=rows) == [("crl", "bytes"), ("ocsp", "bytes")]
