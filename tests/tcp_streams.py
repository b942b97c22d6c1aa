"""Public captures as tshark reads them: the bytes of each TCP stream, and the values of fields."""

import shutil
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

CAPTURES = Path(__file__).resolve().parent.parent.parent / "shared" / "captures"
"""Public captures beside the repository; tests skip where they are not."""

FIELDS = (
    "tcp.stream",
    "tcp.srcport",
    "tcp.seq",
    "tcp.payload",
    "tls.handshake.type",
    "tls.handshake.extensions_server_name",
    "tls.handshake.certificate",
    "tls.alert_message.desc",
    "tls.alert_message.level",
    "tls.handshake.ciphersuite",
    "tls.handshake.cipherspec",
    "tls.handshake.extensions_alpn_str",
    "tls.handshake.ja3",
    "tls.handshake.ja3s",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.extensions_supported_group",
    "tls.handshake.session_id",
    "tls.handshake.random",
    "tls.handshake.dnames_len",
    "x509af.serialNumber",
    "http.request.method",
    "http.request.uri",
    "http.response.code",
)


@dataclass(frozen=True)
class TcpReading:
    """What one run of tshark told of a capture's TCP frames."""

    rows: tuple[dict[str, list[str]], ...]

    def values(self, field: str) -> Counter[str]:
        """How often each value of the field occurs."""
        return Counter(value for row in self.rows for value in row[field])

    def streams(self) -> list[bytes]:
        """What each side of each connection sent, up to its first gap, in order of appearance."""
        segments: dict[tuple[str, str], dict[int, bytes]] = defaultdict(dict)
        for row in self.rows:
            data = bytes.fromhex("".join(row["tcp.payload"]))
            kept = segments[row["tcp.stream"][0], row["tcp.srcport"][0]]
            sequence = int(row["tcp.seq"][0])
            if len(data) > len(kept.get(sequence, b"")):
                kept[sequence] = data
        return [_joined(kept) for kept in segments.values() if kept]


@cache
def read_tcp(name: str) -> TcpReading:
    """tshark's reading of a public capture; skips the test where the capture or tshark is missing."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    path = CAPTURES / name
    if not path.is_file():
        pytest.skip(f"public capture {name} is not here")
    command = [
        "tshark",
        "-n",
        "-o",
        "tcp.reassemble_out_of_order:TRUE",
        "-r",
        str(path),
        "-Y",
        "tcp && !icmp",
    ]
    shape = ["-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|", "-E", "separator=/t"]
    wanted = [part for field in FIELDS for part in ("-e", field)]
    done = subprocess.run([*command, *shape, *wanted], capture_output=True, text=True, check=False, timeout=60)
    return TcpReading(tuple(_row(line) for line in done.stdout.splitlines()))


def _row(line: str) -> dict[str, list[str]]:
    values = line.split("\t")
    return {field: value.split("|") if value else [] for field, value in zip(FIELDS, values, strict=True)}


def _joined(segments: dict[int, bytes]) -> bytes:
    joined = b""
    start = min(segments)
    for sequence, data in sorted(segments.items()):
        known = start + len(joined) - sequence
        if known < 0:
            break
        joined += data[known:]
    return joined
