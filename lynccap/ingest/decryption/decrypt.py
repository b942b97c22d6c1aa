"""Decrypts the TLS connections of one recording for which there are keys, and notes for the others why not."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lynccap.ingest.decryption.gathering import Gathered, gather
from lynccap.ingest.decryption.keylog import read_keylog
from lynccap.ingest.decryption.keys import Keys
from lynccap.ingest.decryption.matching import OLD, Match, match, read_handshakes, tls_flows
from lynccap.ingest.decryption.outcomes import Outcome, Reason
from lynccap.ingest.decryption.plaintext import Plaintext, add_plaintext
from lynccap.ingest.decryption.slicing import Slice, slice_of
from lynccap.ingest.engine import CaptureParts
from lynccap.ingest.frames import Frames
from lynccap.ingest.schemas import Row, columns_of_rows
from lynccap.ingest.streams.dissection import Facts
from lynccap.programs import tshark
from lynccap.tables import DECRYPTIONS

Reopen = Callable[[], Iterator[Frames] | None]
"""Gives the frames of the recording once more, None when its source can be read only once."""


def decrypt(part: CaptureParts, keys: Keys, reopen: Reopen) -> None:
    """Put what the keys, and those the recording carries itself, open of its TLS into its tables.

    Without any key nothing is done. Whatever goes wrong with tshark becomes a reason, never an error.
    """
    if part.secrets:
        own = read_keylog((keys.keylog.text(), *part.secrets))
        keys = replace(keys, keylog=own)
    if not keys:
        return
    tls = part.tables["tls"]
    handshakes = read_handshakes(tls, tls_flows(part.flows, tls))
    matches = match(handshakes.values(), keys)
    matched = {flow: one for flow, one in matches.items() if not one.reason}
    work = _Work(part, keys, matched, frozenset(flow for flow in matched if handshakes[flow].version in OLD))
    if work.matched:
        work.run(reopen)
    rows = [work.row(flow) if flow in work.matched else _refused(flow, one) for flow, one in matches.items()]
    part.tables["decryptions"] = columns_of_rows(DECRYPTIONS, rows)


def _refused(flow: int, one: Match) -> Row:
    return (flow, Outcome.NOT_DECRYPTED.value, one.reason.value, one.kind.value, 0, 0)


@dataclass(slots=True)
class _Work:
    """The connections of one recording that have keys, on their way through tshark."""

    part: CaptureParts
    keys: Keys
    matched: Mapping[int, Match]
    old: frozenset[int]
    """Those of a version before TLS 1.3."""
    found: Mapping[int, Gathered] = field(default_factory=dict)
    slice: Slice = field(default_factory=Slice)
    plaintext: Plaintext = field(default_factory=lambda: Plaintext(Slice()))
    shut: frozenset[int] = frozenset()
    """Those of which some records stayed encrypted."""
    failed: Reason = Reason.NONE
    """What kept all of them from being decrypted."""

    def run(self, reopen: Reopen) -> None:
        program = tshark() if self.keys.tshark else ""
        if not program:
            self.failed = Reason.NO_TSHARK if self.keys.tshark else Reason.TSHARK_OFF
            return
        windows = reopen()
        if windows is None:
            self.failed = Reason.READ_ONCE
            return
        self.found = gather(windows, self.part.flows, self.matched)
        stacks = self.part.flows["stack"]
        self.slice = slice_of(self.found, [flow for flow in self.matched if stacks[flow].startswith("http/")])
        self.plaintext = Plaintext(self.slice)
        if any(record.is_data for record in self.slice.records):
            self._ask(program)
        self.shut = self.old & self.plaintext.shut()
        add_plaintext(self.part, self.plaintext, {flow: self._ends(flow) for flow in self.matched})

    def _ask(self, program: str) -> None:
        """Let tshark decrypt the slice; what it says before it fails is kept."""
        try:
            from lynccap.ingest.decryption.tshark import TsharkFailed, TsharkLimit, decrypted_records
        except ImportError:  # pyshark is not installed
            self.failed = Reason.NO_TSHARK
            return
        try:
            # The folder is this user's alone (mkdtemp), as the keys in it must be.
            with tempfile.TemporaryDirectory(prefix="lynccap-", ignore_cleanup_errors=True) as name:
                folder = Path(name)
                capture, preferences = self._laid_out(folder)
                self.failed = Reason.TSHARK_FAILED
                decrypted_records(program, folder, capture, preferences, self.plaintext.take)
                self.failed = Reason.NONE
        except TsharkLimit:
            self.failed = Reason.TSHARK_LIMIT
        except TsharkFailed:
            self.failed = Reason.TSHARK_FAILED
        except OSError:
            self.failed = self.failed or Reason.NO_FOLDER

    def _laid_out(self, folder: Path) -> tuple[Path, list[str]]:
        """The slice and the keys, written into `folder`: the capture's path and tshark's preferences."""
        capture = folder / "slice.pcap"
        with capture.open("wb") as file:
            file.writelines(self.slice.pcap())
        return capture, self._preferences(folder)

    def _preferences(self, folder: Path) -> list[str]:
        """tshark's preferences for the keys, which are written into `folder`."""
        wanted = []
        if self.keys.keylog:
            wanted.append(f"tls.keylog_file:{_written(folder / 'keys.log', self.keys.keylog.text())}")
        for place, key in enumerate(self.keys.rsa):
            wanted.append(f'uat:rsa_keys:"{_written(folder / f"{place}.pem", key.pem)}",""')
        return wanted

    def _ends(self, flow: int) -> Facts:
        bounded = self.found[flow].bounded
        stopped = bounded or bool(self.failed) or flow in self.slice.broken
        return Facts((True, True), (stopped, stopped), (bounded, bounded))

    def row(self, flow: int) -> Row:
        """The row of DECRYPTIONS of a connection that has a key."""
        told = [self.plaintext.bytes_of(2 * flow + bit) for bit in (0, 1)]
        reason = self._reason(flow, any(told))
        outcome = Outcome.NOT_DECRYPTED if not any(told) else Outcome.PARTLY if reason else Outcome.DECRYPTED
        return (flow, outcome.value, reason.value, self.matched[flow].kind.value, *told)

    def _reason(self, flow: int, any_told: bool) -> Reason:
        if self.failed:
            return self.failed
        if flow in self.slice.broken:
            return Reason.GAPS
        if self.found[flow].bounded:
            return Reason.TOO_LARGE
        if not any_told:
            return Reason.NOTHING_FOUND
        return Reason.NOT_ALL if flow in self.shut else Reason.NONE


def _written(path: Path, secret: bytes) -> str:
    path.touch(mode=0o600)
    path.write_bytes(secret)
    return path.as_posix()
