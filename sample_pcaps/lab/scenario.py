"""What a scenario is: a function that runs a network and leaves its captures, and derived, damaged copies."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scenario:
    """One run of one network; `record(folder)` writes `NAME.pcap` for each of its names."""

    names: tuple[str, ...]
    record: Callable[[Path], None]
    pcapng: bool = False
    """The finished captures are stored as pcapng instead of pcap."""

    def make(self, folder: Path) -> list[Path]:
        """Run the network and return the finished captures."""
        self.record(folder)
        return [self._finished(folder / f"{name}.pcap") for name in self.names]

    def _finished(self, path: Path) -> Path:
        if not self.pcapng:
            return path
        target = path.with_suffix(".pcapng")
        run("editcap", "-F", "pcapng", str(path), str(target))
        path.unlink()
        return target


@dataclass(frozen=True)
class Derived:
    """A copy of another capture with something missing; `make(source, target)` writes it."""

    name: str
    source: str
    make: Callable[[Path, Path], None]


def run(*command: str) -> None:
    """Run a program of the capture tool set; its failure ends the build with its own words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
