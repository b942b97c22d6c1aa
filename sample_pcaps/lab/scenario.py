"""What a scenario is: a function that runs a network and leaves its capture, and derived, damaged copies."""

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
    others: tuple[str, ...] = ()
    """What it writes besides: pcapng files of dumpcap's own, and folders of them that are one ring buffer each."""

    @property
    def files(self) -> tuple[str, ...]:
        """The finished captures' file (or folder) names."""
        return (*(f"{name}.{'pcapng' if self.pcapng else 'pcap'}" for name in self.names), *self.others)

    def make(self, folder: Path) -> None:
        """Run the network and leave the finished captures in a folder."""
        self.record(folder)
        for name in self.names if self.pcapng else ():
            path = folder / f"{name}.pcap"
            run("editcap", "-F", "pcapng", str(path), str(path.with_suffix(".pcapng")))
            path.unlink()


@dataclass(frozen=True)
class Derived:
    """A copy of another capture with something missing; `make(source, target)` writes it."""

    name: str
    source: str
    make: Callable[[Path, Path], None]


def embed_keys(capture: Path, keylog: Path, target: Path) -> None:
    """Copy a capture into a pcapng that holds the keys of its TLS sessions in a Decryption Secrets Block."""
    run("editcap", "-F", "pcapng", "--inject-secrets", f"tls,{keylog}", str(capture), str(target))


def run(*command: str) -> str:
    """Run a program of the capture tool set and return what it prints; its failure ends the build."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
