"""Copies of good captures with something missing: a direction, the end, bytes of frames, the file's tail."""

from pathlib import Path

from sample_pcaps.lab.scenario import Derived, run

SHORT_SNAPLEN = "96"
SECONDS_AFTER_FIRST_SYN = 2.0
CUT_AT = 0.62
"""Where the truncated file ends, as a share of its length: within a frame, after the third refusal."""


def client_to_server_only(source: Path, target: Path) -> None:
    """Keep what goes to the servers, as a SPAN port set to receive only does."""
    run("tcpdump", "-n", "-r", str(source), "-w", str(target), "dst net 10.60.2.0/24 or arp or multicast")


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
    whole = source.read_bytes()
    end = 24
    while end < len(whole) * CUT_AT:
        start = end
        end += 16 + int.from_bytes(whole[end + 8 : end + 12], "little")
    target.write_bytes(whole[: start + 16 + (end - start - 16) // 2])


DERIVED = (
    Derived("rootchain-80-filtered-one-sided.pcap", "rootchain-80-filtered.pcap", client_to_server_only),
    Derived("rootchain-80-filtered-short.pcap", "rootchain-80-filtered.pcap", ends_early),
    Derived("rootchain-80-refused-truncated.pcap", "rootchain-80-refused.pcap", cut_within_a_frame),
    Derived("phone-boot-healthy-snaplen96.pcapng", "phone-boot-healthy.pcapng", snaplen_96),
)
