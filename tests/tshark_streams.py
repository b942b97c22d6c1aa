"""The RTP streams tshark finds in a capture."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_LINE = re.compile(
    r"^\s*(?P<start>[\d.]+)\s+(?P<end>[\d.]+)\s+(?P<source>\S+)\s+(?P<source_port>\d+)\s+(?P<target>\S+)\s+"
    r"(?P<target_port>\d+)\s+0x(?P<ssrc>[0-9A-F]{8})\s.*?\s(?P<packets>\d+)\s+(?P<lost>-?\d+) \(\S+%\)"
    r"\s+(?P<times>.+?)\s*X?\s*$"
)


@dataclass(frozen=True)
class Stream:
    """Times in µs; jitters are 0 where tshark knows no clock rate."""

    source: tuple[str, int]
    target: tuple[str, int]
    ssrc: int
    packets: int
    lost: int
    longest_gap: float
    mean_jitter: float
    max_jitter: float


def streams_of(path: Path, *options: str) -> list[Stream]:
    """Skips the calling test without tshark."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    command = [tshark, "-n", "-r", str(path), "-o", "rtp.heuristic_rtp:TRUE", *options, "-q", "-z", "rtp,streams"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return [_stream(found) for line in run.stdout.splitlines() if (found := _LINE.match(line))]


def _stream(found: re.Match[str]) -> Stream:
    *_, longest, _, mean, highest = (float(one) * 1000 for one in found["times"].split())
    return Stream(
        source=(found["source"], int(found["source_port"])),
        target=(found["target"], int(found["target_port"])),
        ssrc=int(found["ssrc"], 16),
        packets=int(found["packets"]),
        lost=int(found["lost"]),
        longest_gap=longest,
        mean_jitter=mean,
        max_jitter=highest,
    )
