"""Public captures beside the repository, and what tshark reads in them; without either, tests skip."""

import shutil
import subprocess
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parents[2] / "shared" / "captures"


def capture(name: str) -> Path:
    """The path of a public capture. Skips the calling test when it is not there."""
    path = CAPTURES / name
    if not path.is_file():
        pytest.skip(f"the public capture {name} is not present")
    return path


def fields(
    path: Path,
    display_filter: str,
    *names: str,
    options: tuple[str, ...] = (),
    occurrence: str = "f",
    check: bool = True,
) -> list[list[str]]:
    """One row a frame that passes the filter, the first value of each field ("f"), the last ("l") or all ("a").

    Skips without tshark.
    """
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    command = [
        tshark,
        *options,
        "-r",
        str(path),
        "-Y",
        display_filter,
        "-T",
        "fields",
        "-E",
        f"occurrence={occurrence}",
    ]
    for name in names:
        command += ["-e", name]
    run = subprocess.run(command, capture_output=True, text=True, check=check, timeout=60)
    return [line.split("\t") for line in run.stdout.splitlines()]
