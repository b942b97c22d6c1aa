"""Roles are claimed for a reason, and only Lync's own names are decisive."""

import pytest
from cases import answer, case, dns_flow, flow


def _roles(*links: tuple[str, str], **more: object) -> dict[str, frozenset[str]]:
    made = case([dns_flow(), *more.pop("flows", [])], dns_answers=[answer(*one) for one in links], **more)
    return {address: made.roles.roles_of(address) for address in made.roles.claims}


def test_discovery_name_makes_the_pools_web_services() -> None:
    assert _roles(("lyncdiscoverinternal.contoso.example", "10.9.0.5")) == {"10.9.0.5": frozenset({"fe_vip"})}


def test_public_lyncdiscover_is_the_reverse_proxy_and_a_private_one_the_pool() -> None:
    roles = _roles(("lyncdiscover.contoso.example", "203.0.113.7"), ("lyncdiscover.fabrikam.example", "10.9.0.5"))

    assert roles == {"203.0.113.7": frozenset({"rp_ext"}), "10.9.0.5": frozenset({"fe_vip"})}


def test_srv_record_gives_its_targets_address_the_role() -> None:
    srv = answer("_sipinternaltls._tcp.contoso.example", "pool.contoso.example", record_type="SRV", port=5061)
    made = case([dns_flow()], dns_answers=[srv, answer("pool.contoso.example", "10.9.0.6", frame=4)])

    assert made.roles.roles_of("10.9.0.6") == {"fe"}
    assert made.roles.is_lync("10.9.0.6")


def test_everybodys_names_claim_nothing_alone() -> None:
    assert _roles(("meet.stranger.example", "203.0.113.9"), ("sip.stranger.example", "203.0.113.8")) == {}


def test_everybodys_names_count_beside_a_lync_name_of_their_domain() -> None:
    roles = _roles(("lyncdiscover.contoso.example", "203.0.113.7"), ("webcon.contoso.example", "203.0.113.9"))

    assert roles["203.0.113.9"] == {"edge_webconf"}


def test_answers_of_anybody_on_the_link_claim_nothing() -> None:
    mdns = flow("10.1.0.9", "224.0.0.251", 5353, transport="udp", opening="one-way", stack="dns")

    made = case([mdns], dns_answers=[answer("lyncdiscoverinternal.contoso.example", "10.9.0.66")])

    assert not made.roles.claims


def test_microsofts_cloud_is_nobodys_deployment() -> None:
    made = case([dns_flow()], dns_answers=[answer("lyncdiscover.contoso.example", "52.112.64.1")])

    assert not made.roles.is_lync("52.112.64.1")
    assert made.roles.servers() == ()


def test_tls_on_5061_is_plausible_and_not_decisive() -> None:
    sip = flow("10.1.0.9", "10.9.0.6", 5061, stack="tls")
    hello = {"flow": 0, "frame": 4, "first_frame": 4, "kind": "server-hello"}

    made = case([sip], tls=[hello])

    assert made.roles.is_plausible("10.9.0.6")
    assert not made.roles.is_lync("10.9.0.6")


@pytest.mark.parametrize(
    ("says", "is_lync"),
    [
        ({"server": "RTC/5.0"}, True),
        ({"remote_user": True}, True),
        ({"server": "Janus WebRTC/1.1"}, False),
        ({"server": "Asterisk PBX 18"}, False),
    ],
)
def test_sip_answers_say_whose_server_it_is(says: dict[str, object], is_lync: bool) -> None:
    sip = flow("10.1.0.9", "10.9.0.6", 5060, stack="sip")
    made = case([sip], sip=[{"flow": 0, "frame": 4, "first_frame": 4, "kind": "response", "status": 200, **says}])

    assert made.roles.is_lync("10.9.0.6") is is_lync


def test_a_role_is_named_by_the_port_asked() -> None:
    names = ("lyncdiscoverinternal.contoso.example", "sipinternal.contoso.example")
    made = case([dns_flow()], dns_answers=[answer(name, "10.9.0.5") for name in names])

    assert made.roles.word("10.9.0.5", 5061) == "Front End Server"
    assert made.roles.word("10.9.0.5", 443) == "Front End web services"


def test_who_asks_for_federation_records_is_an_edge_and_a_dns_server_is_not() -> None:
    flows = [dns_flow("192.0.2.10"), dns_flow("10.1.0.9", "192.0.2.53"), dns_flow("192.0.2.53", "198.51.100.53")]
    asked = [
        {
            "flow": of,
            "frame": 5,
            "kind": "request",
            "name": "_sipfederationtls._tcp.partner.example",
            "from_client": True,
        }
        for of in (0, 2)
    ]

    made = case(flows, dns=asked)

    assert made.roles.roles_of("192.0.2.10") == {"edge_access"}
    assert not made.roles.roles_of("192.0.2.53")


class TestWebServices:
    """Paths are asked of whatever answers; only what the services themselves say makes their server Lync's."""

    def _claims(
        self, target: str, stack: str = "http", content: str = "text/html", **says: object
    ) -> tuple[bool, bool]:
        """Whether the server is held for one at all, and for Lync's."""
        web = flow("10.1.0.9", "10.0.0.8", 8080, stack=stack)
        http = [
            {"flow": 0, "frame": 4, "kind": "request", "target": target, "from_client": True},
            {"flow": 0, "frame": 5, "kind": "response", "status": 200, "content_type": content},
        ]
        usual = {"flow": 0, "frame": 5, "outcome": "ok", "status": 200, "resource": "root"}

        made = case([web], http=http, autodiscover=[{**usual, **says}])
        return made.roles.is_plausible("10.0.0.8"), made.roles.is_lync("10.0.0.8")

    @pytest.mark.parametrize(
        ("says", "is_lync"),
        [
            ({}, False),
            ({"outcome": "challenged", "status": 401}, False),
            ({"outcome": "http-error", "status": 404}, False),
            ({"outcome": "fault", "status": 500}, True),
            ({"outcome": "http-error", "status": 403, "fault_id": 4004}, True),
            ({"links": ("User=https://web/",)}, True),
            ({"content": "application/vnd.microsoft.rtc.autodiscover+xml"}, True),
        ],
    )
    def test_only_their_own_answers_are_decisive(self, says: dict[str, object], is_lync: bool) -> None:
        assert self._claims("/autodiscover/autodiscoverservice.svc/root", **says) == (True, is_lync)

    def test_a_proxy_is_not_the_server_behind_it(self) -> None:
        links = ("User=https://web/",)

        assert self._claims("http://lyncdiscover.contoso.example/", links=links) == (False, False)
        assert self._claims("/", stack="http/tls/http", links=links) == (False, False)


@pytest.mark.parametrize(
    ("asked", "identifier", "is_lync"),
    [
        ("MS-UC-Client", None, True),
        (None, "MS-UC-Client", True),
        ("MS-UC-Client", "MS-UC-Cl1ent", True),
        ("vendor.of.phones", "abcd", False),
        (None, "abcd", False),
    ],
)
def test_option_43_of_another_makers_phone_makes_its_registrar_no_lync_server(
    asked: str | None, identifier: str | None, is_lync: bool
) -> None:
    talk = flow("0.0.0.0", "255.255.255.255", 67, stack="dhcp", transport="udp")
    question = {"flow": 0, "frame": 1, "kind": "request", "mac": "00:15:65:00:00:01", "vendor_class": asked}
    told = {"uc_identifier": identifier, "sip_encoding": 1, "sip_servers": ("10.9.0.48",)}
    answered = {"flow": 0, "frame": 2, "kind": "ack", "mac": "00:15:65:00:00:01", "from_client": False, **told}
    made = case([talk], dhcp=[question, answered])

    assert made.roles.is_lync("10.9.0.48") is is_lync
