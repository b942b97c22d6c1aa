"""The README tells the truth: its generated parts, its commands, its excerpt."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from lynccap.cli import main
from lynccap.diagnosis.pages import overview

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_rule_table_is_the_rules_own() -> None:
    shown = README.split("-->\n", 1)[1].split("\n<!-- end of rules", 1)[0]

    assert shown == overview().rstrip()


def test_excerpt_is_what_the_command_prints() -> None:
    excerpt = README.split("```text\n", 1)[1].split("\n```", 1)[0]

    printed = CliRunner().invoke(main, ["analyze", str(ROOT / "sample_pcaps/rootchain-80-refused.pcap")]).stdout

    assert excerpt == printed.rstrip()


def test_has_exactly_two_set_up_commands_of_one_line() -> None:
    blocks = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)

    assert len(blocks) == 2
    assert not any("\n" in one for one in blocks)


def test_ci_runs_the_readmes_test_command() -> None:
    command = re.findall(r"```sh\n(.*?)\n```", README, re.DOTALL)[1]

    assert command in (ROOT / ".ci/run").read_text().splitlines()


def test_every_command_is_listed() -> None:
    assert all(f"`lynccap {name}" in README for name in main.commands)


def test_script_runs_and_names_the_phone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script = README.split("```python\n", 1)[1].split("\n```", 1)[0]
    monkeypatch.chdir(ROOT)

    exec(compile(script, "README.md", "exec"), {})

    printed = capsys.readouterr().out
    assert "192.168.20.151" in printed
    assert "rootchain-http80-refused" in printed
