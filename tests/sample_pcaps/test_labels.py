import ipaddress
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
CAPTURES = sorted(
    path
    for path in SAMPLES.iterdir()
    if path.suffix in {".pcap", ".pcapng"} or (path.is_dir() and list(path.glob("*.pcap*")))
)
LARGEST_TOGETHER = 15_000_000  # about 100 kB a sample: a clone stays a matter of seconds
FIELDS = {
    "look": {"filter", "frames", "says"},
    "device": {"address", "name", "kind", "happened"},
    "expect": {"rule", "device", "peer", "port", "folded"},
    "wrong": {"rule", "device", "because"},
}
NEEDED = {
    "look": {"filter", "says"},
    "device": {"address", "kind", "happened"},
    "expect": {"rule"},
    "wrong": {"rule", "because"},
}


def label_of(capture: Path) -> dict[str, Any]:
    return tomllib.loads(capture.with_suffix(".toml").read_text(encoding="utf-8"))


def files_of(capture: Path) -> list[Path]:
    """The files of a ring buffer's folder, or the one file."""
    return sorted(capture.iterdir()) if capture.is_dir() else [capture]


def test_every_label_has_its_capture() -> None:
    labels = {path.stem for path in SAMPLES.glob("*.toml")}
    assert labels == {path.stem for path in CAPTURES}
    assert len(CAPTURES) >= 12


def test_captures_stay_small() -> None:
    assert sum(file.stat().st_size for capture in CAPTURES for file in files_of(capture)) < LARGEST_TOGETHER


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_label_tells_everything_asked_of_it(capture: Path) -> None:
    label = label_of(capture)
    assert label["shows"].endswith(".")
    assert label["capture_point"]
    assert label["quality"]
    for kind, allowed in FIELDS.items():
        for entry in label.get(kind, []):
            assert NEEDED[kind] <= entry.keys() <= allowed, (kind, entry)
    assert label["device"]
    assert label.get("wrong"), "a label without a look-alike proves little"


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_label_names_addresses_that_are_in_the_capture(capture: Path) -> None:
    label, raw = label_of(capture), b"".join(file.read_bytes() for file in files_of(capture))
    named = {device["address"] for device in label["device"]}
    for entry in (*label.get("expect", []), *label.get("wrong", [])):
        named |= {entry[key] for key in ("device", "peer") if key in entry}
    assert [address for address in sorted(named) if ipaddress.ip_address(address).packed not in raw] == []


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_no_rule_is_both_expected_and_wrong(capture: Path) -> None:
    label = label_of(capture)
    expected = {(entry["rule"], entry.get("device")) for entry in label.get("expect", [])}
    for entry in label.get("wrong", []):
        clashes = {pair for pair in expected if pair[0] == entry["rule"]}
        if "device" in entry:
            clashes &= {(entry["rule"], entry["device"])}
        assert not clashes, entry


def test_readme_has_a_row_for_every_sample() -> None:
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.stem for path in CAPTURES if f"| {path.stem} |" not in text] == []


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("capture", [path for path in CAPTURES if "look" in label_of(path)], ids=lambda path: path.stem)
def test_label_points_to_frames_that_are_there(capture: Path) -> None:
    looks = label_of(capture)["look"]
    counts = [counted(file, [look["filter"] for look in looks]) for file in files_of(capture)]
    for look, parts in zip(looks, zip(*counts, strict=True), strict=True):
        assert sum(parts) == look.get("frames", max(sum(parts), 1)), look["filter"]


def counted(file: Path, filters: list[str]) -> list[int]:
    """How many frames tshark shows for each filter, told in one run; a comma would end a filter for it."""
    assert not [one for one in filters if "," in one]
    command = ["tshark", "-q", "-r", str(file), "-z", ",".join(("io,stat,0", *filters))]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (row,) = [line for line in told.splitlines() if "<>" in line and line.startswith("|")]
    _, _, *cells = row.split("|")  # what is behind the last filter's cells fills the line
    return [int(frames) for frames in cells[: 2 * len(filters) : 2]]
