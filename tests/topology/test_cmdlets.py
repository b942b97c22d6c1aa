"""Tables of PowerShell as CSV and JSON, as Export-Csv and ConvertTo-Json write them."""

import json
from pathlib import Path

import pytest

from lynccap.topology import Directory, Topology, UnreadableTopology, read_bytes, read_files, traps

INTERFACES = """#TYPE Microsoft.Rtc.Management.Xds.DisplayNetworkInterface
"Identity","ComputerFqdn","IPAddress","IPv6Address","Interface","InterfaceNumber","ConfiguredFqdn",\
"ConfiguredIPAddress","ConfiguredIPv6Address"
"fe1.contoso.example/Primary/1","fe1.contoso.example","10.1.1.11","2001:db8::11","Primary","1",,,
"edge1.contoso.example/Internal/1","edge1.contoso.example","10.1.9.11",,"Internal","1",,,
"edge1.contoso.example/External/1","edge1.contoso.example","10.250.1.11",,"External","1",,"203.0.113.11",
"""
COMPUTERS = """"Identity","Pool","Fqdn"
"fe1.contoso.example","pool1.contoso.example","fe1.contoso.example"
"edge1.contoso.example","edge.contoso.example","edge1.contoso.example"
"""
EDGE = {
    "Identity": "EdgeServer:edge.contoso.example",
    "AccessEdgeInternalSipPort": 5061,
    "AccessEdgeExternalSipPort": 5061,
    "AccessEdgeClientSipPort": 5061,
    "DataPsomServerPort": 8057,
    "DataPsomClientPort": 444,
    "MediaRelayAuthEdgePort": 5062,
    "MediaRelayInternalTurnTcpPort": 443,
    "MediaRelayExternalTurnTcpPort": 443,
    "MediaRelayInternalTurnUdpPort": 3478,
    "MediaRelayExternalTurnUdpPort": 3478,
    "MediaCommunicationPortStart": 50000,
    "MediaCommunicationPortCount": 10000,
    "AccessEdgeExternalFqdn": "sip.contoso.example",
    "AVEdgeExternalFqdn": "av.contoso.example",
    "DependentServiceList": ["Registrar:pool1.contoso.example"],
    "SiteId": "Site:Berlin",
    "PoolFqdn": "edge.contoso.example",
    "Version": 8,
    "Role": "EdgeServer",
}
WEB = {
    "Identity": "WebServer:pool1.contoso.example",
    "PrimaryHttpPort": 80,
    "PrimaryHttpsPort": 443,
    "ExternalHttpPort": 8080,
    "ExternalHttpsPort": 4443,
    "PublishedPrimaryHttpPort": 80,
    "PublishedExternalHttpsPort": 443,
    "ABHandlerExternalUri": "https://web1.contoso.example/abs/handler",
    "PoolFqdn": "pool1.contoso.example",
    "Role": "WebServer",
}


def read(text: str, encoding: str = "utf-8") -> Topology:
    return read_bytes(text.encode(encoding), "table.csv")


def deployment(folder: Path, **files: str) -> Topology:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-16")
    return read_files(folder / name for name in files)


@pytest.fixture
def known(tmp_path: Path) -> Directory:
    return Directory(deployment(tmp_path, a=json.dumps([EDGE, WEB]), b=INTERFACES, c=COMPUTERS))


def test_tables_together_are_a_deployment(known: Directory) -> None:
    assert known.addresses_of("fe") == ("10.1.1.11", "2001:db8::11")
    assert known.addresses_of("edge_int") == ("10.1.9.11",)
    assert known.roles_of("203.0.113.11") == ("edge_access", "edge_webconf", "edge_av")
    assert known.names_of("10.1.1.11") == ("fe1.contoso.example", "pool1.contoso.example")
    assert known.topology.published_names == ("web1.contoso.example",)
    assert [one.name for one in known.topology.sites] == ["Berlin"]


def test_properties_are_ports(known: Directory) -> None:
    av = {(one.transport, one.first, one.last) for one in known.listeners if one.role == "edge_av"}
    web = {(one.first, one.published) for one in known.listeners if one.role == "fe" and one.address == "10.1.1.11"}

    assert av == {("tcp", 443, 443), ("udp", 3478, 3478), ("tcp", 50000, 59999), ("udp", 50000, 59999)}
    assert {(80, None), (443, None)} <= web


def test_the_order_of_files_does_not_matter_for_who_is_who(tmp_path: Path) -> None:
    one = Directory(deployment(tmp_path, a=INTERFACES, b=COMPUTERS, c=json.dumps([EDGE, WEB])))
    assert one.addresses_of("fe") == ("10.1.1.11", "2001:db8::11")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(encoding: str) -> None:
    assert read(INTERFACES, encoding).pools == read(INTERFACES).pools
    assert len(read(INTERFACES).pools) == 2


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_the_separators_of_other_countries(delimiter: str) -> None:
    assert read(INTERFACES.replace(",", delimiter)).pools == read(INTERFACES).pools


def test_three_outer_addresses_are_not_given_to_services_that_do_not_say_theirs(tmp_path: Path) -> None:
    more = '"edge1.contoso.example/External/2","edge1.contoso.example","10.250.1.12",,"External","2",,,\n'
    known = Directory(deployment(tmp_path, a=json.dumps([EDGE]), b=INTERFACES + more, c=COMPUTERS))

    assert known.addresses_of("edge_access") == known.addresses_of("edge_av") == ()
    assert known.roles_of("10.250.1.12") == ()
    assert any("which outer address of edge1.contoso.example" in one for one in traps(known))


def test_services_whose_ports_export_csv_lost_are_told() -> None:
    text = '"Identity","SipPort","PoolFqdn","Role"\n"Registrar:p.example","5061","p.example","Registrar"\n'
    lost = (
        text + '"WebServer:p.example",,"p.example","WebServer"\n"UserDatabase:s.example",,"s.example","UserDatabase"\n'
    )

    assert read(text).remarks == ()
    assert "came without their ports" in read(lost).remarks[0]
    assert len(read(lost).remarks) == 1


def test_computers_that_export_csv_lost_are_told() -> None:
    lost = '"Identity","Computers","Fqdn","Site"\n"p.example","System.Collections.ArrayList","p.example","Site:Bonn"\n'
    kept = json.dumps({"Identity": "p.example", "Computers": ["a.example", "b.example"], "Fqdn": "p.example"})

    assert "Export-Csv lost the computers" in read(lost).remarks[0]
    assert [one.name for one in read(kept).pools[0].machines] == ["a.example", "b.example"]


def test_a_list_of_hosts_adds_what_exports_lack(tmp_path: Path) -> None:
    balancer = "lb;10.1.1.10;fe_vip;203.0.113.5;80/tcp 443/tcp"
    hosts = f"Name;IP;Role;NAT;Ports\nfe9.example;10.1.1.9;;;\n{balancer}\n;10.1.1.1;queen;;\n"
    service = json.dumps([WEB | {"PoolFqdn": "fe9.example"}])
    known = Directory(deployment(tmp_path, a=service, b=hosts))

    assert known.addresses_of("fe") == ("10.1.1.9",)
    assert known.addresses_of("fe_vip") == ("10.1.1.10", "203.0.113.5")
    assert {one.first for one in known.listeners if one.role == "fe_vip"} == {80, 443}
    assert known.topology.remarks == ("b: 'queen' is no role; lynccap ports shows them",)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "just words\n",
        "[1, 2, 3]",
        "{}",
        "[[[]]]",
        '"unclosed',
        "#TYPE Something\n",
        "name,colour\nx,red\n",
    ],
)
def test_other_tables_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(UnreadableTopology, match="no topology that lynccap knows; what is read") as caught:
        read(text)
    assert "\n" not in str(caught.value)
