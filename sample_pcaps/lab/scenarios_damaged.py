"""Copies of good captures: a direction, begin, end or bytes missing, or every frame doubled."""

import struct
from pathlib import Path

from sample_pcaps.lab.scenario import Derived, run

SHORT_SNAPLEN = "96"
SECONDS_AFTER_FIRST_SYN = 2.0
ECHO_SECONDS = "0.000004"
REFUSALS_KEPT = 3
"""How many refused attempts the truncated file still holds."""
SECONDS_AFTER_REFUSALS = 0.5


def client_to_server_only(source: Path, target: Path) -> None:
    """Keep what goes to the servers, as a SPAN port set to receive only does."""
    run(
        "tcpdump",
        "-n",
        "-Z",
        "root",
        "-r",
        str(source),
        "-w",
        str(target),
        "dst net 10.60.2.0/24 or arp or multicast",
    )


def ends_early(source: Path, target: Path) -> None:
    """End shortly after the first SYN nobody answers."""
    expression = "tcp[tcpflags] == tcp-syn and src net 10.60.12.0/24 and dst port 80"
    first = run("tcpdump", "-n", "-tt", "-c", "1", "-r", str(source), expression).split()[0]
    run(
        "editcap",
        "-F",
        "pcap",
        "-B",
        f"{float(first) + SECONDS_AFTER_FIRST_SYN:.6f}",
        str(source),
        str(target),
    )


def snaplen_96(source: Path, target: Path) -> None:
    """Keep the first 96 bytes of each frame and its length on the wire."""
    run("editcap", "-F", "pcapng", "-s", SHORT_SNAPLEN, str(source), str(target))


def cut_within_a_frame(source: Path, target: Path) -> None:
    """End the file in the middle of a frame, as a full disk or an aborted download leaves it."""
    expression = "tcp[tcpflags] == tcp-syn and dst host 192.168.1.30 and dst port 80"
    seen = run("tcpdump", "-n", "-tt", "-c", str(REFUSALS_KEPT), "-r", str(source), expression)
    last = float(seen.splitlines()[-1].split()[0]) + SECONDS_AFTER_REFUSALS
    whole, start, time = source.read_bytes(), 24, 0.0
    while time < last:
        seconds, micros, captured = struct.unpack_from("<III", whole, start)
        time = seconds + micros / 1_000_000
        middle, start = start + 16 + captured // 2, start + 16 + captured
    target.write_bytes(whole[:middle])


def starts_after_refusals(source: Path, target: Path) -> None:
    """Begin when the phone's attempts on port 80 are over."""
    expression = "tcp[tcpflags] == tcp-syn and dst host 192.168.1.30 and dst port 80"
    last = run("tcpdump", "-n", "-tt", "-r", str(source), expression).splitlines()[-1].split()[0]
    start = float(last) + SECONDS_AFTER_REFUSALS
    run("editcap", "-F", "pcap", "-A", f"{start:.6f}", str(source), str(target))


def each_frame_twice(source: Path, target: Path) -> None:
    """Repeat every frame a few microseconds later, as a SPAN of both ends of a conversation does."""
    echo = target.with_suffix(".echo")
    run("editcap", "-F", "pcap", "-t", ECHO_SECONDS, str(source), str(echo))
    run("mergecap", "-F", "pcap", "-w", str(target), str(source), str(echo))
    echo.unlink()


DERIVED = (
    Derived("rootchain-80-filtered-one-sided.pcap", "rootchain-80-filtered.pcap", client_to_server_only),
    Derived("rootchain-80-filtered-short.pcap", "rootchain-80-filtered.pcap", ends_early),
    Derived("rootchain-80-refused-truncated.pcap", "rootchain-80-refused.pcap", cut_within_a_frame),
    Derived("rootchain-80-refused-late.pcap", "rootchain-80-refused.pcap", starts_after_refusals),
    Derived("rootchain-80-refused-duplicated.pcap", "rootchain-80-refused.pcap", each_frame_twice),
    Derived("phone-boot-healthy-snaplen96.pcapng", "phone-boot-healthy.pcapng", snaplen_96),
)
