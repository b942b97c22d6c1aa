"""Packets, times, interfaces, recorders and comments of pcapng files are read as Wireshark's tools read them."""

import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from capture_files import CLIENT, KEY_LOG, SERVER, full_pcapng, pcap, timed, udp
from tshark_fields import CAPTURES, capture, fields

from lynccap.ingest import Source, read_tables
from lynccap.ingest.formats.pcapng import PcapngReader
from lynccap.ingest.formats.window import Window
from lynccap.ingest.sources.source import Feed
from lynccap.tables import Tables

pytestmark = pytest.mark.tshark

FOLDER = CAPTURES / "formats"


def begins(path: Path) -> bytes:
    data = path.read_bytes()
    return zlib.decompressobj(31).decompress(data, 4096) if data.startswith(b"\x1f\x8b") else data


FORMATS = sorted(path.name for path in FOLDER.glob("*") if PcapngReader.accepts(begins(path)))
EXPLAINED = {
    "gopacket-test201.pcapng": "interfaces",  # tshark 4.0 names those of every section by the first one's
    "gopacket-test202.pcapng": "interfaces",
    "1-gopacket-test201.pcapng": "interfaces",
    "1-gopacket-test202.pcapng": "interfaces",
    "gopacket-test102.pcapng": "interfaces",  # a line break in a name, which tshark shows as its escape
    "libtrace-complex.pcapng": "interfaces",
    "1-Wireshark-dhcp_big_endian.pcapng": "times",  # in the year 151,994, which nanoseconds in 64 bits do not reach
    "1-Wireshark-dhcp_little_endian.pcapng": "times",
    "1-gopacket-test901.pcapng": "packets",
    "gopacket-test901.pcapng": "packets",  # tshark reads no section of a version it does not know
    # tshark gives up at a Bluetooth packet without its pseudo-header, and names interfaces by the first section.
    "Wireshark-pcap-ng_Wi-Fi_Bluetooth_USB_Cooked_timestamps_issue_1.ntar": "packets interfaces",
}
"""What differs, and why; everything else about these files must still agree."""

Row = tuple[int, str, str]
"""Time in nanoseconds (0 for none), interface, comments of one frame."""


def nanoseconds(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0")) if whole else 0


def rows_of_tshark(path: Path) -> list[Row]:
    names = ("frame.time_epoch", "frame.interface_name", "frame.comment")
    found = fields(path, "frame", *names, options=("-n",), occurrence="a", check=False)
    return [(nanoseconds(row[0]), row[1] if len(row) > 1 else "", "\t".join(row[2:])) for row in found]


def rows_read(path: Path) -> list[Row]:
    times: list[int] = []
    interfaces: list[int] = []
    with Feed(Source(str(path))) as feed:
        reader = PcapngReader(Window(feed))
        for frames in reader.frames():
            times += frames.time.tolist()
            interfaces += frames.interface.tolist()
    said: dict[int, list[str]] = {}
    for frame, says in reader.notes.comments:
        said.setdefault(frame, []).append(says)
    words = [one.name or one.description or "unknown" for one in reader.notes.interfaces]
    return [
        (time, words[place] if words and place >= 0 else "", ",".join(said.get(number, ())))
        for number, (time, place) in enumerate(zip(times, interfaces, strict=True), 1)
    ]


def differences(path: Path) -> str:
    theirs, ours = rows_of_tshark(path), rows_read(path)
    found = ["packets"] if len(theirs) != len(ours) else []
    for place, what in enumerate(("times", "interfaces", "comments")):
        pairs = [(one[place], other[place]) for one, other in zip(theirs, ours, strict=False)]
        # A simple packet names no interface to tshark.
        if any(one != other for one, other in pairs if what != "interfaces" or one):
            found.append(what)
    return " ".join(found)


@pytest.mark.parametrize("name", FORMATS)
def test_public_files_are_read_as_tshark_reads_them(name):
    assert differences(FOLDER / name) == EXPLAINED.get(name, "")


def tool(name: str, *arguments: object) -> str:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    command = [program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def of_capinfos(path: Path) -> tuple[list[tuple[str, str, int]], str]:
    """Name, description and packets of every interface, and the recorder."""
    told = tool("capinfos", path)
    interfaces = []
    for part in told.split("Interface #")[1:]:
        facts = dict(re.findall(r"^ +(Name|Description|Number of packets) = (.*)$", part, re.MULTILINE))
        interfaces.append((facts.get("Name", ""), facts.get("Description", ""), int(facts["Number of packets"])))
    facts = dict(re.findall(r"^Capture (application|oper-sys|hardware): +(.*)$", told, re.MULTILINE))
    return interfaces, ", ".join(facts[one] for one in ("application", "oper-sys", "hardware") if one in facts)


def told(tables: Tables) -> tuple[list[tuple[str, str, int]], str]:
    rows = tables.interfaces[["name", "description", "frames"]].itertuples(index=False, name=None)
    return list(rows), tables.captures.at[0, "recorder"]


@pytest.mark.parametrize(
    "name",
    [
        "Wireshark-210411_win10_radiotap.pcapng",
        "Wireshark-220614_ip_flags_google.pcapng",
        "Wireshark-XHC1-SanDiskExtremePortableSSD.pcapng",
        "Wireshark-many_interfaces.pcapng",
        "PcapPlusPlus-ldap.pcapng",
        "gopacket-test101.pcapng",
        "nDPI-knxip.pcapng",
        "scapy-pfcp.pcap",
        "zeek-gap-data-missing.pcapng",
    ],
)
def test_interfaces_and_recorders_are_those_capinfos_tells(name):
    path = capture(f"formats/{name}")
    assert told(read_tables([Source(str(path))])) == of_capinfos(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_with_everything_is_understood_by_wireshark_too(order, tmp_path):
    path = tmp_path / "full.pcapng"
    path.write_bytes(full_pcapng(order))
    assert differences(path) == ""
    assert told(read_tables([Source(str(path))])) == of_capinfos(path)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.pcap"
    path.write_bytes(pcap(timed([udp(CLIENT, SERVER, bytes(place)) for place in range(4)]), digits=9))
    return path


def test_comments_and_secrets_that_editcap_puts_in_are_found(plain, tmp_path):
    keys, path = tmp_path / "keys.txt", tmp_path / "edited.pcapng"
    keys.write_bytes(KEY_LOG)
    tool("editcap", "-a", "2:no answer to this", "-a", "4:bye", "--capture-comment", "site Bremen",
         "--inject-secrets", f"tls,{keys}", plain, path)  # fmt: skip
    tables = read_tables([Source(str(path))])
    assert tables.comments[["frame", "says"]].values.tolist() == [
        [0, "site Bremen"],
        [2, "no answer to this"],
        [4, "bye"],
    ]
    assert tables.captures.at[0, "secrets"] == (KEY_LOG,)
    assert "ditcap" in tables.captures.at[0, "recorder"]
    assert tables.captures.at[0, "digits"] == 9


def test_merged_files_keep_their_interfaces(plain, tmp_path):
    path = tmp_path / "merged.pcapng"
    tool("mergecap", "-I", "none", "-w", path, plain, plain)
    tables = read_tables([Source(str(path))])
    assert tables.interfaces["frames"].tolist() == [4, 4]
    assert told(tables) == of_capinfos(path)
