"""What is installed, what is lost without it, and how to get it."""

import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lynccap.programs import program, tshark

MINIMUM_PYTHON = (3, 11)
ASK_SECONDS = 5.0  # for a tool's own version: a tool that takes longer is as good as broken

PACKAGES: dict[str, str] = {
    "click": "The command line does not start.",
    "cryptography": "Certificates are not read, so no certificate failure is found.",
    "defusedxml": "Topology exports in XML are not read: not shown, not imported, and not used by --topology.",
    "dnspython": "DNS answers are not read: names and service records stay unknown.",
    "jinja2": "No HTML report.",
    "msgspec": "No analysis: the document is built on it.",
    "numpy": "No analysis: captures are read with it.",
    "pandas": "No analysis: flows and devices are correlated with it.",
    "pyshark": "TLS sessions are not decrypted, whatever keys there are. All else works.",
    "rich": "No progress bar and no coloured tables.",
    "scapy": "No evidence slices and no redaction for a hand-off.",
    "zstandard": "Captures compressed with Zstandard (.zst) are not read.",
}
"""The packages lynccap requires, and what is lost without each."""
EXTRAS: dict[str, str] = {
    "lz4": "Captures compressed with lz4 (.lz4) are not read until they are unpacked with lz4 -d.",
}
"""The same of those it can do without, each an extra of its own."""

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge", "chrome")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing lynccap may use."""

    name: str
    found: bool
    version: str
    """"" when it is not found, or does not tell."""
    lost: str
    """What is lost without it."""
    get: str
    """How to get it."""
    required: bool


def examine() -> list[Check]:
    """Python, the required packages, then what is optional; imports and changes nothing."""
    return [_python(), *map(_package, PACKAGES), *map(_extra, EXTRAS), _tshark(), _chromium()]


def _python() -> Check:
    wanted = ".".join(map(str, MINIMUM_PYTHON))
    found = sys.version_info >= MINIMUM_PYTHON
    lost = f"lynccap needs Python {wanted} or newer."
    return Check("Python", found, platform.python_version(), lost, f"Install Python {wanted} or newer.", True)


def _package(name: str) -> Check:
    return _installed(name, PACKAGES[name], required=True)


def _extra(name: str) -> Check:
    return _installed(name, EXTRAS[name], required=False)


def _installed(name: str, lost: str, *, required: bool) -> Check:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = ""
    return Check(name, bool(version), version, lost, f"{Path(sys.executable).name} -m pip install {name}", required)


def _tshark() -> Check:
    path = tshark()
    lost = "TLS sessions are not decrypted, whatever keys there are. All else works."
    get = "Install Wireshark with its command line tools; on Debian and Ubuntu the package tshark."
    return Check("tshark", bool(path), _version(path), lost, get, required=False)


def _chromium() -> Check:
    path = program(CHROMIUM_NAMES)
    # On Windows a browser opens a window when asked for its version.
    version = "" if sys.platform == "win32" else _version(path)
    lost = "Nothing for users: only lynccap's own tests of the HTML report use it."
    get = "Install Chromium to run those tests; on Debian and Ubuntu the package chromium."
    return Check("Chromium", bool(path), version, lost, get, required=False)


def _version(program: str) -> str:
    """The first word with a digit in front and a dot in it that `program` prints for --version, else ""."""
    if not program:
        return ""
    try:
        answer = subprocess.run(
            [program, "--version"],
            capture_output=True,
            timeout=ASK_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = answer.stdout[:1000].decode(errors="replace").split()
    return next((word.rstrip(".,") for word in words if word[0].isdigit() and "." in word), "")
