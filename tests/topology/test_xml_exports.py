"""Both shapes of XML, in every wrapping and encoding they arrive in, and the traps they hold."""

import io
import zipfile
from dataclasses import replace

import pytest

from lynccap.topology import Directory, Topology, UnreadableTopology, read_bytes, traps
from topology.deployments import CONTOSO, FABRIKAM, anchored, doc_item_set, published, simple_urls, tbxml

SHAPES = {"tbxml": tbxml, "published": published, "configuration": doc_item_set}
SHAPE = pytest.mark.parametrize("shape", SHAPES)


def read(text: str, encoding: str = "utf-8") -> Topology:
    return read_bytes(text.encode(encoding), "file")


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"folder/{name}", content)
    return out.getvalue()


def same(one: Topology, other: Topology) -> bool:
    """Whether both say the same, whatever they were read from; a published topology has its URLs elsewhere."""
    return replace(one, source="", simple_urls=()) == replace(other, source="", simple_urls=())


@SHAPE
class TestBothShapes:
    def test_addresses_of_roles_with_those_behind_nat(self, shape: str) -> None:
        known = Directory(read(SHAPES[shape](CONTOSO)))

        assert known.addresses_of("edge_access") == ("10.250.1.11", "203.0.113.11")
        assert known.addresses_of("edge_webconf") == ("10.250.1.12", "203.0.113.12")
        assert known.addresses_of("edge_av") == ("10.250.1.13", "203.0.113.13")
        assert known.addresses_of("edge_int") == ("10.1.9.11",)
        assert known.addresses_of("director") == ("10.1.1.21",)
        assert known.addresses_of("fe") == ("10.1.1.12",)
        assert known.addresses_of("mediation") == ("10.1.1.31", "10.1.8.31", "10.7.1.5")
        assert known.addresses_of("sba") == ("10.7.1.5",)

    def test_an_address_and_its_nat_address_have_the_same_roles_and_names(self, shape: str) -> None:
        known = Directory(read(SHAPES[shape](CONTOSO)))

        assert known.roles_of("10.250.1.13") == known.roles_of("203.0.113.13") == ("edge_av",)
        assert known.names_of("203.0.113.13") == ("av.contoso.example",)
        assert known.roles_of("10.250.1.11") == ("edge_access", "edge_xmpp")
        assert known.names_of("10.1.9.11") == ("edge1.contoso.example", "edge.contoso.example")
        assert known.names_of("10.1.1.12") == ("fe2.contoso.example", "pool1.contoso.example")
        assert known.roles_of("192.0.2.1") == known.names_of("192.0.2.1") == ()

    def test_listeners_have_transport_range_and_purpose(self, shape: str) -> None:
        found = Directory(read(SHAPES[shape](CONTOSO))).listeners
        relays = {(one.transport, one.first, one.last) for one in found if one.role == "edge_av"}
        inner = {(one.first, one.purpose) for one in found if one.role == "edge_int" and one.transport == "tcp"}

        assert relays == {("tcp", 443, 443), ("udp", 3478, 3478), ("tcp", 50000, 59999), ("udp", 50000, 59999)}
        assert inner == {
            (443, "MediaRelayEdge TURNServer"),
            (4443, "ReplicationService Replication"),
            (5061, "AccessEdge SipServer"),
            (5062, "MediaRelayAuthenticationEdge SipServer"),
            (8057, "DataEdge PsomServer"),
        }

    def test_the_outer_web_site_listens_on_the_same_address_and_is_published_on_another_port(self, shape: str) -> None:
        found = Directory(read(SHAPES[shape](CONTOSO))).listeners
        outer = {(one.first, one.published) for one in found if one.address == "10.1.1.12" and one.published}

        assert outer == {(8080, 80), (4443, 443)}

    def test_domains_sites_names_and_versions(self, shape: str) -> None:
        found = read(SHAPES[shape](CONTOSO))

        assert found.sip_domains == ("contoso.example", "sales.contoso.example")
        assert [(one.id, one.name) for one in found.sites] == [("1", "Köln"), ("2", "Branch")]
        assert found.published_names[:2] == ("web1.contoso.example", "webdir.contoso.example")
        assert {one.version for one in found.services} == {8}
        assert found.remarks == ()

    def test_a_service_names_what_it_needs(self, shape: str) -> None:
        found = read(SHAPES[shape](CONTOSO))
        edge = next(one for one in found.services if one.name == "EdgeServer")

        assert edge.depends_on == ("Registrar:pool1.contoso.example",)

    def test_a_database_is_on_the_machines_of_its_instance(self, shape: str) -> None:
        known = Directory(read(SHAPES[shape](CONTOSO)))

        assert {one.machine for one in known.places if one.role == "sql"} == {
            "fe1.contoso.example",
            "fe2.contoso.example",
        }


def test_the_shapes_say_the_same() -> None:
    first, second, third = (read(shape(CONTOSO)) for shape in SHAPES.values())
    assert same(first, second)
    assert same(second, third)
    assert first.simple_urls == third.simple_urls != second.simple_urls == ()


class TestWrappings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    @SHAPE
    def test_encodings_of_windows(self, shape: str, encoding: str) -> None:
        text = SHAPES[shape](CONTOSO)
        assert read(text, encoding) == read(text)

    def test_an_encoding_that_the_declaration_got_wrong(self) -> None:
        text = '<?xml version="1.0" encoding="utf-16"?>' + published(CONTOSO)
        assert same(read(text, "utf-8"), read(published(CONTOSO)))

    def test_the_code_page_of_a_country_is_said(self) -> None:
        found = read(published(CONTOSO), "cp1252")

        assert found.sites[0].name == "Köln"
        assert "no UTF-8" in found.remarks[0]

    def test_a_script_around_the_document(self) -> None:
        text = f'<#\n notes #>\n$xml = @"\n{published(CONTOSO)}\n"@\nPublish-CsTopology -FileName $xml\n'
        assert same(read(text), read(published(CONTOSO)))

    def test_what_a_console_showed(self) -> None:
        text = f"PS C:\\> Get-CsTopology -AsXml\r\n{published(CONTOSO)}\r\nPS C:\\> _"
        assert same(read(text), read(published(CONTOSO)))

    def test_a_prompt_behind_the_document(self) -> None:
        assert same(read(f"{published(CONTOSO)}\r\nPS C:\\> exit"), read(published(CONTOSO)))

    def test_two_documents_in_one_script_are_refused(self) -> None:
        with pytest.raises(UnreadableTopology, match="2 ends; save the XML alone"):
            read(f"a {published(CONTOSO)} b {published(FABRIKAM)} c")

    def test_the_zip_of_a_configuration_export(self) -> None:
        data = zipped(**{"DocItemSet.xml": doc_item_set(CONTOSO).encode(), "notes.txt": b"hello"})
        found = read_bytes(data, "Config.zip")

        assert same(found, read(published(CONTOSO)))
        assert found.source == "configuration export Config.zip/DocItemSet.xml"
        assert len(found.simple_urls) == 3

    def test_settings_alone_give_the_urls(self) -> None:
        assert [one.component for one in read(anchored(simple_urls(CONTOSO))).simple_urls] == ["meet", "dialin", "cscp"]

    def test_the_new_topology_of_topology_builder_counts(self) -> None:
        old = f"<OldTopology>{published(FABRIKAM)}</OldTopology></TopologyBuilder>"
        assert read(tbxml(CONTOSO).replace("</TopologyBuilder>", old)) == read(tbxml(CONTOSO))


class TestTraps:
    def test_one_outer_address_for_all_edge_services_is_told(self) -> None:
        known = Directory(read(published(FABRIKAM)))
        by_port = {
            (one.first, one.role)
            for one in known.listeners
            if one.address == "198.51.100.9" and one.transport == "tcp" and one.first == one.last != 5269
        }
        told = [one for one in traps(known) if "one outer address" in one]

        assert known.roles_at("198.51.100.9", 443, "tcp") == ("edge_av",)
        assert known.roles_at("198.51.100.9", 5061, "tcp") == ("edge_access",)
        assert known.roles_at("198.51.100.9", 443, "udp") == known.roles_at("198.51.100.9", 80, "tcp") == ()
        assert by_port == {(5061, "edge_access"), (444, "edge_webconf"), (443, "edge_av")}
        assert len(told) == 1
        assert "edge_access on 5061; edge_webconf on 444; edge_av on 443" in told[0]

    def test_three_outer_addresses_are_no_trap(self) -> None:
        assert not [one for one in traps(Directory(read(published(CONTOSO)))) if "one outer address" in one]

    def test_all_addresses_are_no_address(self) -> None:
        known = Directory(read(published(CONTOSO)))

        assert known.roles_of("0.0.0.0") == ()
        assert [one.first for one in known.listeners if one.machine == "fe1.contoso.example" and not one.address]
        assert any("fe1.contoso.example, wac.contoso.example are not in the export" in one for one in traps(known))

    def test_the_reverse_proxy_and_the_load_balancer_are_missed(self) -> None:
        told = " ".join(traps(Directory(read(tbxml(CONTOSO)))))

        assert "reverse proxy answers outside for web1.contoso.example" in told
        assert "meet.contoso.example" in told
        assert "admin.contoso.example" not in told
        assert "pool1.contoso.example need a load balancer" in told

    def test_an_edge_shown_with_its_machine_name_missing_takes_the_pools(self) -> None:
        assert Directory(read(tbxml(FABRIKAM))).names_of("192.168.9.9") == ("edge.fabrikam.example",)

    def test_what_makes_no_sense_is_left_out_and_said(self) -> None:
        text = published(FABRIKAM).replace('"192.168.9.9"', '"192.168.9.999"').replace('Port="444"', 'Port="70444"')
        found = read(text)

        assert Directory(found).addresses_of("edge_int") == ()
        assert any("'192.168.9.999' is no IP address" in one for one in found.remarks)
        assert any("port 70444" in one for one in found.remarks)

    def test_a_nat_address_listens_where_its_own_does(self) -> None:
        known = Directory(read(published(CONTOSO)))

        assert known.roles_at("203.0.113.11", 443, "tcp") == ("edge_access",)
        assert known.roles_at("203.0.113.13", 55_555, "udp") == ("edge_av",)

    def test_variables_of_a_script_are_no_names(self) -> None:
        found = read(published(FABRIKAM).replace("lync.fabrikam.example", "$ServerFqdn"))
        assert found.remarks[0].startswith("$serverfqdn is a variable of a script")

    def test_a_service_on_an_unknown_pool_is_left_out_and_said(self) -> None:
        found = read(tbxml(FABRIKAM).replace('InstalledOn="id-edge.fabrikam.example"', 'InstalledOn="gone"'))

        assert Directory(found).addresses_of("edge_av") == ()
        assert found.remarks == ("service EdgeServer: its pool is not in the export; it was left out",)
