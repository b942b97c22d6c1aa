"""The command line as a user meets it: what it prints where, and with which exit code."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from capture_files import Connection
from click.testing import CliRunner, Result
from encrypted_captures import SIGN_IN, Office
from samples import FOLDER

from lynccap import __version__
from lynccap.cli import main

REFUSED = FOLDER / "rootchain-80-refused.pcap"
HEALTHY = FOLDER / "desktop-signin-healthy.pcap"


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], input=stdin)


class TestAnalyze:
    def test_a_dash_is_standard_output_and_no_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

        result = run("analyze", REFUSED, "-o", "-", "--format", "json")

        assert json.loads(result.stdout)["findings"]
        assert not list(tmp_path.iterdir())

    def test_prints_a_summary_that_names_the_cause(self) -> None:
        result = run("analyze", REFUSED)

        assert result.exit_code == 0
        assert "192.168.20.151" in result.stdout
        assert "port 80 is refused" in result.stdout
        assert result.stderr == ""

    def test_writes_html_and_json_into_a_folder(self, tmp_path: Path) -> None:
        result = run("analyze", REFUSED, "-o", tmp_path / "out")

        assert result.exit_code == 0
        assert (tmp_path / "out" / "report.html").read_text().startswith("<!doctype html>")
        assert json.loads((tmp_path / "out" / "report.json").read_text())["schema"] == "lynccap/1"

    @pytest.mark.parametrize("name", ["a.html", "a.json", "a.md", "a.csv", "a.sarif"])
    def test_takes_the_format_from_the_file_name(self, tmp_path: Path, name: str) -> None:
        result = run("analyze", HEALTHY, "-o", tmp_path / name)

        assert result.exit_code == 0
        assert (tmp_path / name).stat().st_size > 100

    def test_one_format_goes_to_standard_output(self) -> None:
        result = run("analyze", HEALTHY, "--format", "json")

        assert json.loads(result.stdout)["captures"][0]["name"] == HEALTHY.name

    def test_several_formats_need_a_folder(self) -> None:
        result = run("analyze", HEALTHY, "--format", "json,html")

        assert result.exit_code == 2
        assert "folder" in result.stderr

    def test_unknown_format_is_named(self) -> None:
        result = run("analyze", HEALTHY, "--format", "pdf")

        assert result.exit_code == 2
        assert "pdf" in result.stderr

    @pytest.mark.parametrize(("level", "code"), [("critical", 1), ("minor", 1), ("never", 0)])
    def test_fail_on_decides_the_exit_code(self, level: str, code: int) -> None:
        assert run("analyze", REFUSED, "--fail-on", level).exit_code == code

    def test_fail_on_passes_a_healthy_capture(self) -> None:
        assert run("analyze", HEALTHY, "--fail-on", "minor").exit_code == 0

    def test_device_keeps_only_that_device(self) -> None:
        document = json.loads(run("analyze", REFUSED, "--format", "json", "--device", "192.168.20.151").stdout)

        assert [one["id"] for one in document["devices"]] == ["192.168.20.151"]
        assert {one["device"] for one in document["findings"]} == {"192.168.20.151"}

    @pytest.mark.parametrize("address", ["2001:db8:29:14::a7c1", "fe80::3ed9:2bff:fe00:c166"])
    def test_device_may_be_asked_for_by_any_of_its_addresses(self, address: str) -> None:
        path = FOLDER / "devices-dual-stack.pcap"
        document = json.loads(run("analyze", path, "--format", "json", "--device", address).stdout)

        assert [one["id"] for one in document["devices"]] == ["172.29.14.23"]
        assert len(document["devices"][0]["address_basis"]) == 2
        assert {one["device"] for one in document["findings"]} == {"172.29.14.23"}

    @pytest.mark.parametrize(("device", "says"), [("10.99.99.99", "192.168.20.151"), ("banana", "IP address")])
    def test_device_that_is_not_there_is_an_error(self, device: str, says: str) -> None:
        result = run("analyze", REFUSED, "--device", device)

        assert result.exit_code == 2
        assert says in result.stderr

    def test_captures_are_judged_each_by_itself(self, tmp_path: Path) -> None:
        """What worked in one capture neither clears nor accuses anybody in another."""
        (tmp_path / "1.cap").write_bytes((FOLDER / "lookalike-phone-has-chain.pcap").read_bytes())
        (tmp_path / "2.cap").write_bytes(REFUSED.read_bytes())

        alone = json.loads(run("analyze", REFUSED, "--format", "json").stdout)["findings"]
        together = json.loads(run("analyze", tmp_path, "--format", "json").stdout)["findings"]

        def accused(findings: list[dict[str, str]]) -> list[tuple[str, str]]:
            return sorted((one["rule"], one["device"]) for one in findings if one["severity"] != "info")

        assert accused(together) == accused(alone)

    def test_reads_gzip_from_standard_input(self) -> None:
        result = run("analyze", "-", "--format", "json", stdin=gzip.compress(HEALTHY.read_bytes(), mtime=0))

        assert result.exit_code == 0
        assert json.loads(result.stdout)["captures"][0]["packets"] > 100

    def test_a_folder_gives_every_capture_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "b.cap").write_bytes(HEALTHY.read_bytes())
        (tmp_path / "a.cap").write_bytes(REFUSED.read_bytes())
        (tmp_path / "notes.txt").write_text("not a capture")

        document = json.loads(run("analyze", tmp_path, "--format", "json").stdout)

        assert [one["name"] for one in document["captures"]] == ["a.cap", "b.cap"]

    def test_evidence_names_the_capture_it_is_in(self, tmp_path: Path) -> None:
        (tmp_path / "1.cap").write_bytes(HEALTHY.read_bytes())
        (tmp_path / "2.cap").write_bytes(REFUSED.read_bytes())

        document = json.loads(run("analyze", tmp_path, "--format", "json").stdout)

        cause = next(one for one in document["findings"] if one["rule"] == "rootchain-http80-refused")
        assert {one["capture"] for one in cause["evidence"]} == {document["captures"][1]["id"]}


class TestBadInput:
    @pytest.mark.parametrize(
        ("content", "says"),
        [(None, "no such file"), (b"", "empty"), (b"This is a letter, not a capture.\n" * 9, "not a capture")],
    )
    def test_is_one_line_and_exit_code_three(self, tmp_path: Path, content: bytes | None, says: str) -> None:
        path = tmp_path / "ticket.cap"
        if content is not None:
            path.write_bytes(content)

        result = run("analyze", path)

        assert result.exit_code == 3
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert str(path) in result.stderr
        assert says in result.stderr

    def test_capture_without_packets_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "header-only.pcap"
        path.write_bytes(REFUSED.read_bytes()[:24])

        result = run("analyze", path)

        assert result.exit_code == 3
        assert "no packets" in result.stderr

    def test_folder_without_captures_is_an_error(self, tmp_path: Path) -> None:
        assert run("analyze", tmp_path).exit_code == 3

    def test_truncated_capture_yields_what_it_holds_and_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.pcap"
        path.write_bytes(REFUSED.read_bytes()[:-7])

        result = run("analyze", path, "--format", "json")

        capture = json.loads(result.stdout)["captures"][0]
        assert result.exit_code == 0
        assert capture["packets"] > 200
        assert [one["code"] for one in capture["quality"]] == ["damaged"]
        assert "byte" in capture["quality"][0]["says"]

    def test_output_that_cannot_be_written_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")

        result = run("analyze", HEALTHY, "-o", tmp_path / "file" / "report.html")

        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1


class TestFlows:
    def test_table_names_service_stack_and_role(self) -> None:
        result = run("flows", HEALTHY)

        line = next(one for one in result.stdout.splitlines() if ":5061 " in one)
        assert " sip " in line
        assert " tls " in line
        assert "Front End" in line

    def test_json_has_every_flow(self) -> None:
        rows = json.loads(run("flows", HEALTHY, "--format", "json").stdout)

        assert {"service", "stack", "role", "outcome"} <= set(rows[0])
        assert sum(one["frames_client"] + one["frames_server"] for one in rows) > 300

    def test_csv_has_a_header(self) -> None:
        assert run("flows", HEALTHY, "--format", "csv").stdout.startswith("capture,transport,client,")


class TestCatalogue:
    def test_rules_lists_every_rule_once(self) -> None:
        named = [line.split()[0] for line in run("rules").stdout.splitlines() if line.startswith("  ")]

        assert len(named) == len(set(named)) >= 19

    def test_explain_tells_what_would_disprove_a_rule(self) -> None:
        page = run("explain", "rootchain-http80-refused").stdout

        assert "Evidence:" in page
        assert "Not this:" in page
        assert "Who acts:" in page

    def test_explain_suggests_what_was_meant(self) -> None:
        result = run("explain", "rootchain-http80-refusd")

        assert result.exit_code == 2
        assert "rootchain-http80-refused" in result.stderr

    def test_ports_finds_a_number(self) -> None:
        assert "PSOM" in run("ports", "8057").stdout

    def test_ports_says_when_nothing_fits(self) -> None:
        assert run("ports", "nosuchthing").exit_code == 2


def test_doctor_names_what_is_missing_or_found() -> None:
    result = run("doctor")

    assert result.exit_code == 0
    assert "tshark" in result.stdout


def test_version() -> None:
    assert __version__ in run("--version").stdout


def test_same_input_gives_the_same_bytes_in_another_process() -> None:
    command = [sys.executable, "-m", "lynccap", "analyze", str(REFUSED), "--format", "json"]

    first, second = (
        subprocess.run(command, check=True, capture_output=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    )

    assert first == second


def test_one_unreadable_file_among_several_is_told_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.pcap").write_bytes(b"\xd4\xc3\xb2\xa1 cut")

    result = run("analyze", tmp_path / "broken.pcap", REFUSED, "--format", "json")

    captures = {one["name"]: one for one in json.loads(result.stdout)["captures"]}
    assert result.exit_code == 0
    assert captures[REFUSED.name]["packets"] > 200
    assert "damaged" in [one["code"] for one in captures["broken.pcap"]["quality"]]


class TestKeys:
    @pytest.fixture
    def office(self, tmp_path: Path) -> Office:
        office = Office(tmp_path / "office")
        office.talk(Connection(server=("10.0.0.2", 5061)), SIGN_IN)
        office.capture()
        return office

    @pytest.mark.tshark
    @pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
    def test_a_key_log_opens_what_analyze_and_flows_show(self, office: Office) -> None:
        shown = run("flows", office.folder / "office.pcap", "--keylog", office.keylog)
        analyzed = run("analyze", office.folder / "office.pcap", "--keylog", office.keylog)

        assert "tls/sip" in shown.stdout
        assert (shown.exit_code, shown.stderr) == (0, "")
        assert "keys opened the one TLS session." in analyzed.stdout

    def test_without_tshark_one_line_says_so_and_the_rest_is_told(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

        shown = run("flows", office.folder / "office.pcap", "--keylog", office.keylog)
        analyzed = run("analyze", office.folder / "office.pcap", "--keylog", office.keylog)

        assert len(shown.stderr.splitlines()) == 1
        assert "tshark is not installed" in shown.stderr
        assert "10.0.0.2:5061" in shown.stdout
        assert analyzed.stdout.count("tshark") == 1
        assert (shown.exit_code, analyzed.exit_code, analyzed.stderr) == (0, 0, "")

    def test_no_tshark_decrypts_nothing_and_is_no_fault(self, office: Office) -> None:
        shown = run("flows", office.folder / "office.pcap", "--keylog", office.keylog, "--no-tshark")

        assert "tls/sip" not in shown.stdout
        assert (shown.exit_code, shown.stderr) == (0, "")

    @pytest.mark.parametrize("option", ["--keylog", "--rsa-key"])
    def test_a_file_without_keys_is_one_line(self, office: Office, option: str) -> None:
        result = run("analyze", office.folder / "office.pcap", option, office.folder / "office.pcap")

        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
        assert str(office.folder / "office.pcap") in result.stderr

    def test_a_file_that_is_missing_is_a_usage_error(self) -> None:
        assert run("analyze", REFUSED, "--keylog", "nowhere.log").exit_code == 2
