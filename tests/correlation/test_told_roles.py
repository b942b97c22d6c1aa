"""A topology is followed where it is of the capture's deployment: roles, ports, sides, names, and what disagrees."""

import pytest
from cases import answer, dns_flow, flow, tables
from topology.deployments import CONTOSO, FABRIKAM, published, tbxml

from lynccap.analysis import Study, document_of
from lynccap.correlation.case import Case, build_case
from lynccap.correlation.media.relays import Side
from lynccap.correlation.roles.claims import Basis
from lynccap.correlation.roles.sides import Location
from lynccap.topology import Directory, read_bytes

PC, FE1, FE2 = "10.7.0.9", "10.1.1.11", "10.1.1.12"
ONE_EDGE = "198.51.100.9"
OWN = answer("lyncdiscoverinternal.contoso.example", FE2)


def directory(text: str, name: str = "t.xml") -> Directory:
    return Directory(read_bytes(text.encode(), name))


CONTOSO_DIRECTORY, FABRIKAM_DIRECTORY = directory(tbxml(CONTOSO)), directory(published(FABRIKAM))


def written(*lines: str) -> Directory:
    return directory("\n".join(('format = "lynccap-topology/1"', *lines)), "t.toml")


def correlated(told: Directory, *flows: dict, **more: list) -> Case:
    return build_case(tables([dns_flow(PC), *flows], **more), told)


def contoso(*flows: dict, **more: list) -> Case:
    answers = [OWN, *more.pop("dns_answers", [])]
    return correlated(CONTOSO_DIRECTORY, *flows, dns_answers=answers, **more)


def served(server: str, software: str = "RTC/7.0", frame: int = 12) -> dict:
    """A SIP answer as only Lync gives it, on flow 1."""
    return {"flow": 1, "frame": frame, "kind": "response", "server": software}


class TestRoles:
    def test_every_address_has_its_role_decisively(self) -> None:
        book = contoso(flow(PC, FE2, 5061)).roles
        claim = book.best(FE2)

        assert claim is not None
        assert (claim.role, claim.basis, claim.decisive, claim.frame) == ("fe", Basis.TOPOLOGY, True, 0)
        assert claim.says == "fe2.contoso.example of pool1.contoso.example"
        assert book.roles_of("10.1.1.21") == {"director"}
        assert book.roles_of("10.1.9.11") == {"edge_int"}
        assert book.is_lync("10.1.9.11")

    def test_a_nat_address_has_the_roles_of_what_is_behind_it(self) -> None:
        book = contoso(flow("192.0.2.7", "203.0.113.11", 443)).roles
        claim = book.best("203.0.113.11")

        assert {"edge_access", "edge_xmpp"} == book.roles_of("203.0.113.11")
        assert claim is not None
        assert "the NAT address of 10.250.1.11" in claim.says
        assert book.word("203.0.113.11", 443) == "Access Edge"

    def test_machines_that_listen_everywhere_are_found_by_dns(self) -> None:
        case = contoso(flow(PC, FE1, 5061), dns_answers=[answer("fe1.contoso.example", FE1)])

        assert case.roles.roles_of(FE1) == {"fe", "sql"}
        assert case.roles.word(FE1) == "Front End Server"
        assert case.directory is not None
        assert case.directory.names_of(FE1)[:2] == ("fe1.contoso.example", "pool1.contoso.example")

    def test_machines_that_nobody_asks_for_are_found_by_their_pool(self) -> None:
        told = directory(tbxml(CONTOSO).replace("10.1.1.12", "0.0.0.0"))
        pool = [answer("pool1.contoso.example", one) for one in (FE1, FE2)]
        case = correlated(told, flow(PC, FE1, 5061), dns_answers=pool)

        assert case.roles.roles_of(FE1) == case.roles.roles_of(FE2) == {"fe", "sql"}
        assert case.roles.is_sip(FE1, 5061)

    def test_a_portal_that_answers_for_everybody_is_no_machine(self) -> None:
        portal = [answer(one, FE1) for one in ("fe1.contoso.example", "www.example.com", "news.example.net")]

        assert not contoso(flow(PC, FE1, 443), dns_answers=portal).roles.roles_of(FE1)

    def test_what_the_topology_does_not_know_stays_inferred(self) -> None:
        proxy = answer("lyncdiscover.contoso.example", "203.0.113.40")
        book = contoso(flow("192.0.2.7", "203.0.113.40", 443), dns_answers=[proxy]).roles

        assert book.has("203.0.113.40", "rp_ext")
        assert book.best("203.0.113.40").basis is Basis.NAME  # type: ignore[union-attr]

    def test_what_is_seen_of_a_told_role_is_told_in_its_word(self) -> None:
        access = [flow("192.0.2.7", "10.250.1.11", 443, stack="tls/sip")]
        case = contoso(*access, sip=[served("10.250.1.11")])

        assert case.roles.roles_of("10.250.1.11") == {"edge_access", "edge_xmpp"}
        assert not case.roles.conflicts

    def test_hosts_of_everybody_are_no_lync_servers(self) -> None:
        told = written(
            *('[[host]]\nrole = "dns"\nname = "dc1.contoso.example"\naddress = "10.1.0.53"',),
            *('[[host]]\nrole = "phone"\nname = "p1.contoso.example"\naddress = "10.7.0.9"',),
        )
        book = correlated(told, dns_answers=[OWN]).roles

        assert book.roles_of("10.1.0.53") == {"dns"}
        assert not book.is_lync("10.1.0.53")
        assert not {"10.1.0.53", PC} & set(book.servers())


class TestNames:
    def test_a_server_is_called_by_its_machines_name_where_the_capture_has_none(self) -> None:
        case = contoso(flow("192.0.2.7", "203.0.113.13", 443))

        assert case.names.called("203.0.113.13") == ("av.contoso.example",)
        assert case.names.called(FE2)[0] == "lyncdiscoverinternal.contoso.example"
        assert "fe2.contoso.example" in case.names.called(FE2)

    def test_names_of_the_topology_conclude_nothing(self) -> None:
        assert not contoso(flow(PC, "10.1.1.21", 443)).names.names_of("10.1.1.21")


class TestPorts:
    """A single-address Edge: Access on 5061, conferences on 444, the relay on 443."""

    @pytest.fixture
    def case(self) -> Case:
        ports = [(5061, "tcp"), (444, "tcp"), (443, "tcp"), (3478, "udp")]
        flows = [flow("192.0.2.7", ONE_EDGE, port, transport=transport, stack="tls") for port, transport in ports]
        hello = {"frame": 4, "kind": "client-hello", "sni": "sip.fabrikam.example", "from_client": True}
        return correlated(
            FABRIKAM_DIRECTORY,
            *flows,
            dns_answers=[answer("access.fabrikam.example", ONE_EDGE)],
            tls=[{"flow": one, **hello} for one in (1, 2)],
        )

    def test_services_are_named_by_the_topologys_ports(self, case: Case) -> None:
        services = list(zip(case.flows["service"], case.flows["service_basis"], strict=True))[1:]

        assert services == [
            ("sip", "topology"),
            ("psom", "topology"),
            ("stun-turn", "topology"),
            ("stun-turn", "topology"),
        ]

    def test_roles_are_told_by_the_port(self, case: Case) -> None:
        words = [case.roles.word(ONE_EDGE, port) for port in (5061, 444, 443, 3478, 50_123)]

        assert words == ["Access Edge", "Web Conferencing Edge", *["external A/V Edge interface"] * 3]

    def test_443_is_not_where_people_sign_in(self, case: Case) -> None:
        assert case.roles.is_sip(ONE_EDGE, 5061)
        assert not case.roles.is_sip(ONE_EDGE, 443)

    def test_without_the_topology_443_is_the_access_edges(self) -> None:
        named = answer("sipexternal.fabrikam.example", ONE_EDGE)
        case = build_case(tables([dns_flow(), flow("192.0.2.7", ONE_EDGE, 443)], dns_answers=[named]))

        assert case.roles.is_sip(ONE_EDGE, 443)

    def test_an_unusual_port_of_sip_is_known(self) -> None:
        told = written(
            *('[[host]]\nrole = "edge_access"\nname = "sip.contoso.example"',),
            *('address = "203.0.113.11"\nports = ["8443/tcp"]',),
        )
        book = correlated(told, flow("192.0.2.7", "203.0.113.11", 8443, stack="tls"), dns_answers=[OWN]).roles

        assert book.is_sip("203.0.113.11", 8443)
        assert not book.is_sip("203.0.113.11", 443)
        assert not book.is_sip("203.0.113.12", 8443)

    def test_bytes_say_more_than_the_topology(self) -> None:
        web = flow("192.0.2.7", ONE_EDGE, 443, stack="http")
        case = correlated(
            FABRIKAM_DIRECTORY,
            web,
            dns_answers=[answer("access.fabrikam.example", ONE_EDGE)],
            certprov=[{"flow": 1, "frame": 5, "step": "root-chains"}],
        )

        assert case.flows["service"].iloc[1] == "certprov"


def allocation(of: int, relay: str) -> list[dict]:
    common = {"flow": of, "method": "allocate", "dialect": "ms-turn", "ms_version": 4, "lifetime": None}
    asked = {**common, "frame": 10 * of + 1, "kind": "request", "from_client": True}
    return [asked, {**common, "frame": 10 * of + 3, "kind": "response", "mapped_address": relay}]


def turn(server: str) -> dict:
    return flow(PC, server, 3478, transport="udp", opening="answered", stack="stun")


class TestSides:
    def test_two_addresses_that_frames_leave_open_are_told(self) -> None:
        flows, relay = [turn("10.1.9.11"), turn("10.250.1.13")], "203.0.113.13:50001"
        case = contoso(*flows, stun=[*allocation(1, relay), *allocation(2, relay)])
        open_ = build_case(case.tables)

        assert [open_.relays.side_of(one) for one in ("10.1.9.11", "10.250.1.13")] == [Side.UNKNOWN] * 2
        assert case.relays.side_of("10.1.9.11") is Side.INTERNAL
        assert case.relays.side_of("10.250.1.13") is case.relays.side_of("203.0.113.13") is Side.EXTERNAL
        assert case.roles.roles_of("10.1.9.11") == {"edge_int"}
        assert not case.roles.conflicts

    def test_an_inner_side_that_hands_out_itself_stays_inner_and_is_told(self) -> None:
        case = contoso(turn("10.1.9.11"), stun=allocation(1, "10.1.9.11:50001"))
        (conflict,) = case.roles.conflicts

        assert case.relays.side_of("10.1.9.11") is Side.INTERNAL
        assert (conflict.address, conflict.told, conflict.seen) == ("10.1.9.11", ("edge_int",), "edge_av")
        assert conflict.frame == 13

    def test_the_topology_places_relays(self) -> None:
        case = contoso(flow(PC, "203.0.113.13", 50_010, transport="udp", opening="answered", stack="rtp"))

        assert case.relays.side_of("203.0.113.13") is Side.EXTERNAL
        assert case.relays.told == {"203.0.113.13"}

    def test_clients_are_placed_by_its_networks_and_servers_by_their_interfaces(self) -> None:
        told = written(
            *("[networks]", 'inside = ["203.0.113.128/25", "10.0.0.0/8"]', 'outside = ["10.250.0.0/16"]'),
            *('[[host]]\nrole = "fe"\nname = "fe1.contoso.example"\naddress = "203.0.113.5"',),
        )
        inside, outside = "203.0.113.200", "10.250.3.4"
        flows = [flow(one, "203.0.113.5", 5061, stack="tls") for one in (inside, outside)]
        devices = correlated(told, *flows, dns_answers=[answer("fe1.contoso.example", "203.0.113.5")]).devices

        assert devices.of(inside).location is Location.INSIDE  # type: ignore[union-attr]
        assert devices.of(outside).location is Location.OUTSIDE  # type: ignore[union-attr]
        assert "topology file" in devices.of(inside).location_basis  # type: ignore[union-attr]

    def test_a_server_is_on_one_side_whoever_asks(self) -> None:
        told = written(
            *("[networks]", 'outside = ["203.0.113.0/24"]'),
            *('[[host]]\nrole = "fe"\nname = "fe1.contoso.example"\naddress = "203.0.113.5"',),
            *(f'[[host]]\nrole = "fe"\nname = "fe2.contoso.example"\naddress = "{FE2}"',),
        )
        flows = [flow("203.0.113.200", "203.0.113.5", 5061, stack="tls"), flow("203.0.113.5", FE2, 5061, stack="tls")]
        case = correlated(told, *flows, dns_answers=[answer("fe1.contoso.example", "203.0.113.5")])
        placed, device = case.sides.of("203.0.113.5"), case.devices.of("203.0.113.5")

        assert placed.location is Location.INSIDE
        assert device is not None
        assert (device.location, device.location_basis) == (placed.location, placed.says)

    def test_networks_alone_are_taken_at_their_word(self) -> None:
        told = written("[networks]", 'inside = ["203.0.113.0/24"]')
        pc = "203.0.113.200"
        case = correlated(told, flow(pc, FE2, 5061, stack="tls"), dns_answers=[OWN])

        assert case.devices.of(pc).location is Location.INSIDE  # type: ignore[union-attr]


class TestConflicts:
    def test_an_edge_that_serves_as_a_front_end_stays_an_edge_and_is_told(self) -> None:
        web = flow(PC, "10.250.1.13", 443, stack="http")
        step = {"flow": 1, "frame": 33, "step": "root-chains", "outcome": "ok", "certificates": ("x",)}
        case = contoso(web, certprov=[step])
        (conflict,) = case.roles.conflicts

        assert case.roles.roles_of("10.250.1.13") == {"edge_av"}
        assert (conflict.address, conflict.told, conflict.seen) == ("10.250.1.13", ("edge_av",), "fe_vip")
        assert (conflict.basis, conflict.capture, conflict.frame) == (Basis.MESSAGES, 0, 33)
        assert conflict.says == (
            "10.250.1.13 is external A/V Edge interface in the topology, but acts as Front End web services: "
            "requests for certificate provisioning"
        )

    def test_a_machine_that_has_moved(self) -> None:
        case = contoso(flow(PC, "10.1.1.99", 5061), dns_answers=[answer("fe2.contoso.example", "10.1.1.99", frame=7)])
        (conflict,) = case.roles.conflicts

        assert (conflict.address, conflict.told, conflict.seen, conflict.frame) == ("10.1.1.99", (), "fe", 7)
        assert conflict.says == (
            "fe2.contoso.example has the address 10.1.1.12 in the topology, but DNS answers 10.1.1.99"
        )

    @pytest.mark.parametrize("address", [FE2, "2001:db8::12"])
    def test_a_machine_where_it_should_be_or_with_another_family_is_none(self, address: str) -> None:
        moved = answer("fe2.contoso.example", address, record_type="AAAA" if ":" in address else "A")

        assert not contoso(flow(PC, address, 5061), dns_answers=[moved]).roles.conflicts

    def test_a_front_end_that_the_topology_does_not_know(self) -> None:
        stranger = flow(PC, "10.1.1.77", 5061, stack="tls/sip")
        (conflict,) = contoso(stranger, sip=[served("10.1.1.77")]).roles.conflicts

        assert (conflict.address, conflict.told, conflict.seen) == ("10.1.1.77", (), "fe")
        assert conflict.says.startswith("10.1.1.77 is not in the topology, but acts as Front End Server")

    @pytest.mark.parametrize(
        ("server", "answers"),
        [
            ("192.0.2.77", []),  # a partner's Edge
            ("10.1.1.77", [answer("pool1.contoso.example", "10.1.1.77")]),  # a load balancer of the pool's
        ],
    )
    def test_partners_and_load_balancers_are_in_no_topology(self, server: str, answers: list) -> None:
        case = contoso(flow(PC, server, 5061, stack="tls/sip"), sip=[served(server)], dns_answers=answers)

        assert not case.roles.conflicts

    def test_what_is_never_seen_is_no_conflict(self) -> None:
        assert not contoso(flow(PC, FE2, 5061, stack="tls/sip"), sip=[served(FE2)]).roles.conflicts

    def test_they_are_in_the_document_with_their_frames(self) -> None:
        case = contoso(flow(PC, "10.1.1.77", 5061, stack="tls/sip"), sip=[served("10.1.1.77")])
        topology = document_of(Study((case,), CONTOSO_DIRECTORY)).topology
        (conflict,) = topology.conflicts

        assert topology.source == CONTOSO_DIRECTORY.topology.source
        assert (conflict.capture, conflict.frames, conflict.seen) == ("C1", (12,), "Front End Server")
        assert any("reverse proxy" in one for one in topology.remarks)


class TestFit:
    """Somebody else's topology says nothing, whatever addresses it shares with the capture."""

    def test_strange_names_set_it_aside(self) -> None:
        case = correlated(FABRIKAM_DIRECTORY, flow(PC, "192.168.1.30", 5061), dns_answers=[OWN])

        assert case.directory is None
        assert case.roles.told is None
        assert "contoso.example" in case.roles.set_aside
        assert not case.roles.roles_of("192.168.1.30") & {"fe"}

    def test_strange_names_set_networks_aside_too(self) -> None:
        told = written('sip_domains = ["wingtip.example"]', "[networks]", 'inside = ["0.0.0.0/0"]')

        assert not correlated(told, flow("203.0.113.7", FE2, 5061), dns_answers=[OWN]).directory

    def test_nothing_at_all_sets_it_aside(self) -> None:
        refused = flow(PC, "192.168.1.30", 443, opening="refused")
        case = correlated(FABRIKAM_DIRECTORY, refused, dns_answers=[answer("www.example.com", "192.0.2.1")])

        assert case.directory is None
        assert not case.roles.is_plausible("192.168.1.30")

    @pytest.mark.parametrize(
        "name", ["access.fabrikam.example", "lyncdiscover.fabrikam.example", "x.fabrikam.example", "fabrikam.example"]
    )
    def test_one_own_name_is_enough(self, name: str) -> None:
        asked = answer(name, "192.0.2.99")

        assert correlated(FABRIKAM_DIRECTORY, flow(PC, "192.168.1.30", 443), dns_answers=[asked]).directory

    def test_partners_records_are_not_strange(self) -> None:
        asked = {"flow": 0, "frame": 2, "kind": "request", "name": "_sipfederationtls._tcp.partner.example"}
        case = correlated(FABRIKAM_DIRECTORY, flow(PC, "192.168.1.30", 5061), dns=[asked])

        assert case.directory

    def test_without_names_what_answers_as_told_is_enough(self) -> None:
        answered = flow(PC, "192.168.1.30", 443, stack="tls/sip")

        assert correlated(FABRIKAM_DIRECTORY, answered, sip=[served("192.168.1.30")]).directory

    def test_without_names_a_port_of_lyncs_is_enough_and_one_of_everybodys_is_not(self) -> None:
        assert correlated(FABRIKAM_DIRECTORY, flow(PC, "192.168.1.30", 8057)).directory
        assert not correlated(FABRIKAM_DIRECTORY, flow(PC, "192.168.1.30", 443)).directory
        assert not correlated(FABRIKAM_DIRECTORY, flow(PC, "192.168.1.31", 8057)).directory

    def test_without_names_what_acts_otherwise_sets_it_aside_and_is_told(self) -> None:
        told = written('[[host]]\nrole = "edge_av"\naddress = "10.1.1.77"')
        case = correlated(told, flow(PC, "10.1.1.77", 5061, stack="tls/sip"), sip=[served("10.1.1.77")])

        assert case.directory is None
        assert "10.1.1.77" in case.roles.set_aside
        assert [one.seen for one in case.roles.conflicts] == ["fe"]
        assert case.roles.roles_of("10.1.1.77") == {"fe"}

    def test_the_document_says_so_and_that_roles_are_inferred(self) -> None:
        case = correlated(FABRIKAM_DIRECTORY, flow(PC, FE2, 5061), dns_answers=[OWN])
        topology = document_of(Study((case,), FABRIKAM_DIRECTORY)).topology

        assert topology.source == "inferred"
        (remark,) = topology.remarks
        assert remark.startswith("case.pcap: the topology is not used: the capture shows servers of contoso.example")
