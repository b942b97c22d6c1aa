"""`lynccap topology show` and `import`, as a user meets them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lynccap.cli import main
from lynccap.topology import read_bytes
from topology.deployments import CONTOSO, FABRIKAM, published, tbxml
from topology.test_cmdlets import COMPUTERS, EDGE, INTERFACES

README = Path(__file__).parents[2] / "README.md"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["topology", *(str(one) for one in arguments)])


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "contoso.tbxml"
    path.write_text(tbxml(CONTOSO), "utf-8-sig")
    return path


def test_show_names_role_machine_address_nat_ports_and_names(export: Path) -> None:
    shown = run("show", export)

    assert shown.exit_code == 0
    assert shown.stderr == ""
    part = shown.stdout.partition("edge_av: Edge, outer side: A/V Edge (media relay)")[2].partition("\n\n")[0]
    assert "edge1.contoso.example  external  10.250.1.13  203.0.113.13" in part
    assert "443/tcp, 3478/udp, 50000-59999/tcp+udp" in part
    assert "av.contoso.example" in part
    assert "Skype for Business Server 2019" in shown.stdout
    assert "site Köln" in shown.stdout
    assert "4443/tcp (others use 443)" in shown.stdout


def test_show_tells_what_to_mind(tmp_path: Path) -> None:
    path = tmp_path / "f.xml"
    path.write_text(published(FABRIKAM), "utf-16")
    mind = run("show", path).stdout.partition("Mind:\n")[2]

    assert "one outer address, 198.51.100.9" in mind
    assert "reverse proxy" in mind


def test_import_says_the_same_as_the_export(export: Path, tmp_path: Path) -> None:
    target = tmp_path / "topology.toml"
    written = run("import", export, "-o", target)

    assert written.exit_code == 0
    assert written.stderr == f"Written: {target}\n"
    for form in ("table", "json", "toml"):
        assert run("show", target, "--format", form).stdout == run("show", export, "--format", form).stdout
    assert run("import", export, "-o", "-").stdout == target.read_text("utf-8")


def test_json_is_for_programs(export: Path) -> None:
    told = json.loads(run("show", export, "--format", "json").stdout)
    av = next(one for one in told["roles"] if one["role"] == "edge_av")
    unknown = next(one for one in told["roles"] if one["machine"] == "fe1.contoso.example")

    assert (av["address"], av["nat"], av["names"]) == ("10.250.1.13", "203.0.113.13", ["av.contoso.example"])
    assert {"ports": "3478", "transports": ["udp"]}.items() <= av["ports"][1].items()
    assert unknown["address"] is None


def test_several_files_are_one_topology(tmp_path: Path) -> None:
    for name, text in (("a.csv", INTERFACES), ("b.csv", COMPUTERS), ("c.json", json.dumps([EDGE]))):
        (tmp_path / name).write_text(text)
    shown = run("show", *sorted(tmp_path.iterdir()))

    assert "edge1.contoso.example  external  10.250.1.11  203.0.113.11" in shown.stdout


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text('format = "lynccap-topology/1"\nsource = "a\\u001b[31m"\n[[host]]\nrole = "dns"\naddress = "::1"\n')

    assert "\x1b" not in run("show", path).stdout
    assert "U+001B" in run("show", path).stdout


@pytest.mark.parametrize("command", ["show", "import"])
def test_a_file_that_is_none_is_one_line_and_exit_code_3(command: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    more = ("-o", tmp_path / "out.toml") if command == "import" else ()
    refused = run(command, path, *more)

    assert refused.exit_code == 3
    assert refused.stdout == ""
    assert refused.stderr.startswith("lynccap: notes.txt: is no topology that lynccap knows; what is read: ")
    assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "out.toml").exists()


def test_wrong_usage_is_exit_code_2(tmp_path: Path, export: Path) -> None:
    assert run("show").exit_code == 2
    assert run("show", tmp_path / "gone.xml").exit_code == 2
    assert run("import", export).exit_code == 2
    assert run("import", export, "-o", tmp_path / "no" / "folder.toml").exit_code == 2


def test_the_readmes_example_is_read() -> None:
    example = README.read_text().partition("```toml\n")[2].partition("```")[0]
    assert [one.role for one in read_bytes(example.encode(), "x").hosts] == ["rp_ext", ""]
