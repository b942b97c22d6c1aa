"""What the doctor finds."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from lynccap import doctor
from lynccap.doctor import EXTRAS, PACKAGES, Check, examine
from lynccap.programs import WIRESHARK_FOLDERS

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def by_name() -> dict[str, Check]:
    return {one.name: one for one in examine()}


def test_every_required_package_is_examined_and_no_other() -> None:
    declared = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    assert {re.split("[<>=~! ]", one)[0] for one in declared} == set(PACKAGES)


def test_every_extra_that_users_install_is_examined_and_not_required() -> None:
    declared = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    assert set(declared) - {"test", "fuzz"} == set(EXTRAS)
    assert not any(by_name()[name].required for name in EXTRAS)
    assert all(f"pip install {name}" in by_name()[name].get for name in EXTRAS)


def test_what_is_installed_is_found_with_its_version() -> None:
    checks = by_name()
    assert checks["msgspec"].found
    assert checks["msgspec"].version == metadata.version("msgspec")
    assert checks["Python"].version.startswith(f"{sys.version_info.major}.{sys.version_info.minor}")


def test_every_check_says_what_is_lost_and_how_to_get_it() -> None:
    assert all(one.lost and one.get for one in examine())
    assert "Nothing for users" in by_name()["Chromium"].lost
    assert not by_name()["Chromium"].required


def test_what_is_missing_is_reported_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "version", absent)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    checks = by_name()
    assert not checks["scapy"].found
    assert (checks["tshark"].found, checks["tshark"].version) == (False, "")
    assert checks["Python"].found


@pytest.mark.parametrize("failure", [OSError("gone"), subprocess.TimeoutExpired("tshark", 5)])
def test_a_program_that_does_not_answer_is_found_without_version(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(shutil, "which", lambda name, **_: f"/opt/{name}")
    monkeypatch.setattr(doctor.subprocess, "run", broken)
    assert by_name()["tshark"] == Check(
        "tshark", True, "", by_name()["tshark"].lost, by_name()["tshark"].get, required=False
    )


def test_a_program_outside_the_search_path_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = WIRESHARK_FOLDERS[0]
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"{folder}/{name}" if path == folder else None)
    monkeypatch.setattr(doctor, "_version", lambda program: "4.2.0" if program else "")
    assert by_name()["tshark"].version == "4.2.0"


def test_nothing_heavy_is_imported() -> None:
    heavy = "{'numpy', 'pandas', 'scapy', 'jinja2'}"
    code = f"import sys, lynccap.doctor; lynccap.doctor.examine(); sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
