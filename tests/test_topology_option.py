"""`--topology` as a user meets it, on samples: the same findings or more precise ones, none from a wrong file."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from samples import FOLDER, document_of, sample
from topology.deployments import FABRIKAM, published

from lynccap.analysis import Study
from lynccap.analysis import document_of as judged
from lynccap.cli import main
from lynccap.correlation.case import build_case
from lynccap.document import Document
from lynccap.ingest import read_each
from lynccap.ingest.collecting.collect import collect
from lynccap.topology import Directory, read_bytes

PSOM = "psom-internal-and-external"
MARGIE = """
format = "lynccap-topology/1"
sip_domains = ["margie.example"]

[[pool]]
name = "mt-pool.margie.example"
[[pool.machine]]
name = "mt-fe01.margie.example"
interfaces = [{ side = "primary", address = "0.0.0.0" }]

[[pool]]
name = "mt-edge.margie.example"
[[pool.machine]]
name = "mt-edge1.margie.example"
interfaces = [
  { side = "internal", address = "10.128.2.9" },
  { side = "external", number = 1, address = "192.0.2.70" },
  { side = "external", number = 2, address = "192.0.2.71" },
]

[[service]]
name = "Registrar"
pool = "mt-pool.margie.example"
ports = [{ port = "5061", protocol = "mtls", owner = "Registrar", usage = "SipServer" }]

[[service]]
name = "EdgeServer"
pool = "mt-edge.margie.example"
ports = [
  { port = "443", protocol = "tls", side = "external", number = 1, owner = "AccessEdge", usage = "SipClient" },
  { port = "443", protocol = "tls", side = "external", number = 2, owner = "DataEdge", usage = "PsomClient" },
]
"""
DMZ = "media-hairpin-external-edge-dmz"
FABRIKAM_EDGE = """
format = "lynccap-topology/1"
sip_domains = ["fabrikam.example"]

[networks]
inside = ["10.20.0.0/16"]

[[host]]
role = "edge_int"
name = "edge01.fabrikam.example"
address = "10.20.60.21"

[[host]]
role = "edge_av"
name = "av.fabrikam.example"
address = "172.16.60.13"
nat = "203.0.113.13"

[[host]]
role = "fe"
name = "fe01.fabrikam.example"
address = "10.20.40.21"
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def told(name: str, text: str) -> Document:
    """The analysis of a sample with a topology."""
    directory = Directory(read_bytes(text.encode(), "topology.toml"))
    cases = [build_case(tables, directory) for tables in read_each(collect([str(sample(name).path)]))]
    return judged(Study(tuple(cases), directory))


def findings(document: Document) -> set[tuple[str, str | None, str | None, str]]:
    return {(one.rule, one.device, one.peer, one.confidence) for one in document.findings}


def accusations(document: Document) -> set[tuple[str, str | None, str | None, str]]:
    return {(one.rule, one.device, one.peer, one.confidence) for one in document.findings if one.severity != "info"}


def roles(document: Document) -> dict[tuple[str, str], str]:
    return {(one.role, address): one.confidence for one in document.topology.roles for address in one.addresses}


@pytest.fixture
def margie(tmp_path: Path) -> Path:
    path = tmp_path / "margie.toml"
    path.write_text(MARGIE)
    return path


class TestRightTopology:
    @pytest.mark.parametrize(("name", "text"), [(PSOM, MARGIE), (DMZ, FABRIKAM_EDGE)])
    def test_no_finding_is_lost(self, name: str, text: str) -> None:
        document = told(name, text)

        assert findings(document_of(name)) <= findings(document)
        assert accusations(document) == accusations(document_of(name))

    def test_roles_are_certain_and_machines_without_address_are_found(self) -> None:
        document = told(PSOM, MARGIE)

        assert roles(document) == {
            ("Access Edge", "192.0.2.70"): "certain",
            ("Web Conferencing Edge", "192.0.2.71"): "certain",
            ("Front End Server", "10.128.1.50"): "certain",
            ("DNS server", "10.128.1.10"): "certain",
            ("time server", "10.128.1.10"): "certain",
        }
        own = [one for one in document.topology.roles if one.role not in ("DNS server", "time server")]
        assert {one.basis.partition(":")[0] for one in own} == {"topology file"}
        assert not document.topology.conflicts

    def test_without_it_each_role_says_how_sure_it_is(self) -> None:
        document = document_of(PSOM)

        assert document.topology.source == "inferred"
        assert roles(document)["SIP server", "10.128.1.50"] == "possible"
        assert roles(document)["Front End Server", "10.128.1.50"] == "likely"

    def test_sides_and_nat_addresses_are_told(self) -> None:
        document = told(DMZ, FABRIKAM_EDGE)

        assert roles(document)["external A/V Edge interface", "203.0.113.13"] == "certain"
        assert roles(document)["internal Edge interface", "10.20.60.21"] == "certain"
        assert not document.topology.conflicts

    def test_a_wrong_side_is_followed_and_told(self) -> None:
        swapped = FABRIKAM_EDGE.replace("edge_int", "x").replace("edge_av", "edge_int").replace('"x"', '"edge_av"')
        conflicts = told(DMZ, swapped).topology.conflicts

        assert [(one.address, one.told, one.seen) for one in conflicts] == [
            ("203.0.113.13", ("internal Edge interface",), "external A/V Edge interface")
        ]
        assert all(one.frames for one in conflicts)


class TestWrongTopology:
    """Somebody else's, with the very addresses of the capture."""

    @pytest.mark.parametrize(
        "name",
        [
            PSOM,
            DMZ,
            "rootchain-80-refused",
            "lookalike-odd-ports",
            "lookalike-other-host-refuses-80",
            "lookalike-phone-provisioning-refused",
            "external-signin-rp80-refused",
            "edge-crl-refused",
        ],
    )
    @pytest.mark.parametrize("role", ["fe", "fe_vip", "edge_av"])
    def test_it_accuses_nobody(self, name: str, role: str) -> None:
        (tables,) = read_each(collect([str(sample(name).path)]))
        hosts = "".join(
            f'[[host]]\nrole = "{role}"\nname = "srv{n}.stranger.example"\naddress = "{one}"\n'
            for n, one in enumerate(sorted(set(tables.flows["server"])))
        )
        text = f'format = "lynccap-topology/1"\nsip_domains = ["stranger.example"]\n{hosts}'
        directory = Directory(read_bytes(text.encode(), "stranger.toml"))
        document = judged(Study((build_case(tables, directory),), directory))

        assert findings(document) == findings(document_of(name))
        assert document.topology.source == "inferred"
        assert "the topology is not used" in document.topology.remarks[0]


RIGHT_BY_LUCK = [
    # sample, role and address that are right, address that is told to be a server too
    ("lookalike-other-host-refuses-80", "fe", "172.31.1.13", "172.31.1.77"),
    ("rootchain-80-filtered", "fe", "10.60.2.70", "10.60.12.40"),
    ("vxlan-80-refused", "fe", "172.22.1.40", "172.22.8.61"),
]


class TestNamelessTopology:
    """Nothing but roles and addresses: private networks are alike everywhere."""

    @pytest.mark.parametrize(("name", "role", "right", "wrong"), RIGHT_BY_LUCK)
    @pytest.mark.parametrize("claimed", ["fe", "edge_int"])
    def test_one_that_is_right_of_one_address_accuses_nobody(
        self, name: str, role: str, right: str, wrong: str, claimed: str
    ) -> None:
        document = told(
            name,
            'format = "lynccap-topology/1"\n'
            f'[[host]]\nrole = "{role}"\naddress = "{right}"\n[[host]]\nrole = "{claimed}"\naddress = "{wrong}"\n',
        )

        assert document.topology.source != "inferred"
        assert {one[:3] for one in findings(document)} == {one[:3] for one in findings(document_of(name))}
        assert {sure for (_, address), sure in roles(document).items() if address == wrong} <= {"possible"}

    def test_what_the_capture_bears_out_it_tells_for_certain(self) -> None:
        document = told(
            "rootchain-80-filtered",
            'format = "lynccap-topology/1"\n[[host]]\nrole = "fe"\naddress = "10.60.2.70"\n',
        )

        assert roles(document)["Front End Server", "10.60.2.70"] == "certain"


class TestCommand:
    def test_analyze_follows_it(self, margie: Path) -> None:
        result = run("analyze", sample(PSOM).path, "--topology", margie, "--format", "json")
        topology = json.loads(result.stdout)["topology"]

        assert result.exit_code == 0
        assert topology["source"] == "topology file margie.toml"
        assert str(margie.parent) not in result.stdout

    def test_the_summary_names_it_and_what_to_mind(self, margie: Path, tmp_path: Path) -> None:
        more = tmp_path / "more.toml"
        more.write_text(
            'format = "lynccap-topology/1"\n[[simple_url]]\ncomponent = "meet"\ndomain = "margie.example"\n'
            'url = "https://meet.margie.example"\n'
            '[[host]]\nrole = "sql"\nname = "sql1.margie.example"\naddress = "10.128.3.3"\n'
        )
        target = tmp_path / "r.html"
        result = run("analyze", sample(PSOM).path, "--topology", margie, "--topology", more, "-o", target)

        assert "Topology: topology file margie.toml, topology file more.toml." in result.stdout
        assert "A reverse proxy answers outside for meet.margie.example" in result.stdout
        assert "A reverse proxy answers outside for meet.margie.example" in target.read_text()

    def test_conflicts_are_in_every_report(self, margie: Path, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.toml"
        wrong.write_text(MARGIE.replace("0.0.0.0", "10.128.1.51"))
        says = "The capture disagrees with the topology: mt-fe01.margie.example has the address 10.128.1.51"

        for name in ("r.html", "r.md"):
            run("analyze", sample(PSOM).path, "--topology", wrong, "-o", tmp_path / name)
            assert says in (tmp_path / name).read_text().replace("\\", "")

    def test_flows_are_named_by_it(self, margie: Path) -> None:
        listed = json.loads(run("flows", sample(PSOM).path, "--topology", margie, "--format", "json").stdout)
        edge = [(one["service"], one["service_basis"], one["role"]) for one in listed if one["server"] == "192.0.2.70"]

        assert edge == [("sip", "topology", "Access Edge")]

    @pytest.mark.parametrize("command", ["analyze", "flows"])
    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"hello",
            b"<Topology",
            b'<!DOCTYPE x [<!ENTITY a "b">]><TopologyBuilder>&a;</TopologyBuilder>',
            b"PK\x03\x04broken",
            b"\xff\xfe<\x00T",
            b'format = "lynccap-topology/1"\n[[host]]\nrole = "king"\naddress = "10.0.0.1"\n',
        ],
    )
    def test_what_cannot_be_read_is_one_line_and_exit_code_3(
        self, command: str, content: bytes, tmp_path: Path
    ) -> None:
        path = tmp_path / "bad.xml"
        path.write_bytes(content)
        result = run(command, sample(PSOM).path, "--topology", path)

        assert result.exit_code == 3
        assert result.stdout == ""
        assert result.stderr.startswith("lynccap: bad.xml: ")
        assert result.stderr.count("\n") == 1

    def test_a_file_that_is_not_there_is_wrong_usage(self, tmp_path: Path) -> None:
        assert run("analyze", sample(PSOM).path, "--topology", tmp_path / "gone.xml").exit_code == 2

    def test_hostile_names_are_harmless_in_reports(self, tmp_path: Path) -> None:
        hostile = tmp_path / "x.toml"
        evil = "<script>alert(1)</script>.margie.example"
        hostile.write_text(MARGIE.replace("mt-edge1.margie.example", evil).replace("192.0.2.70", "10.128.1.50"))
        target = tmp_path / "r.html"
        result = run("analyze", sample(PSOM).path, "--topology", hostile, "-o", target)

        assert result.exit_code == 0
        assert "<script>alert" not in target.read_text()

    def test_an_export_works_as_well(self, tmp_path: Path) -> None:
        path = tmp_path / "fabrikam.xml"
        path.write_text(published(FABRIKAM), "utf-16")
        capture = FOLDER / "rootchain-80-refused.pcap"
        result = run("analyze", capture, "--topology", path, "--format", "json")
        document = json.loads(result.stdout)

        assert "fabrikam.xml" in document["topology"]["source"]
        assert {one["rule"] for one in document["findings"]} >= {"rootchain-http80-refused", "tls-unknown-ca"}
