"""Which protocol a flow is: what its stack says here is what ndpiReader says, where both have an opinion.

ndpi_differences.toml lists every kind of disagreement with its reason; a new kind fails.
"""

import csv
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tshark_fields import CAPTURES

from lynccap.ingest import Source, UnreadableCapture, read_tables

LARGEST = 2 << 20  # bytes; all files together then take a third of the time
FILES = [
    path
    for folder in ("real", "protocols")
    for path in sorted((CAPTURES / folder).glob("*"))
    if path.is_file() and path.stat().st_size <= LARGEST
]
REASONS = tomllib.loads(Path(__file__).with_name("ndpi_differences.toml").read_text())["reason"]
EXPLAINED = {(one["ndpi"], ours) for one in REASONS for ours in one["ours"]}
NDPI = shutil.which("ndpiReader")
TRANSPORTS = {"6": "tcp", "17": "udp"}
SAME = {
    "TLS": {"tls"},
    "HTTP": {"http"},
    "SSDP": {"ssdp"},
    "SIP": {"sip"},
    "RTSP": {"rtsp"},
    "STUN": {"stun"},
    "RTP": {"rtp"},
    "RTCP": {"rtcp", "rtp"},
    "DTLS": {"dtls", "stun"},
    "QUIC": {"quic"},
    "DNS": {"dns"},
    "MDNS": {"mdns"},
    "LLMNR": {"llmnr"},
    "DHCP": {"dhcp"},
    "NTP": {"ntp"},
    "LDAP": {"ldap"},
    "Kerberos": {"kerberos"},
    "NetBIOS": {"nbns", "nbds", "smb"},
    "SMBv1": {"smb"},
    "SMBv23": {"smb"},
    "RDP": {"rdp"},
    "MsSQL-TDS": {"tds"},
    "DCE_RPC": {"dce-rpc"},
    "Jabber": {"xmpp"},
    "SSH": {"ssh"},
    "FTP_CONTROL": {"ftp"},
    "SMTP": {"smtp"},
    "POP3": {"pop3"},
    "IMAP": {"imap"},
    "SNMP": {"snmp"},
    "Syslog": {"syslog"},
    "TFTP": {"tftp"},
    "BitTorrent": {"bittorrent"},
    "OpenVPN": {"openvpn"},
    "WireGuard": {"wireguard"},
    "IPsec": {"ike"},
    "GTP": {"gtp"},
    "MQTT": set(),
    "BGP": set(),
    "Modbus": set(),
    "H323": set(),
    "MGCP": set(),
    "Radius": set(),
    "NFS": set(),
}
"""What nDPI calls a protocol, and the protocols of a stack that are the same; none: this one is not known here."""

pytestmark = [
    pytest.mark.skipif(NDPI is None, reason="ndpiReader is not installed"),
    pytest.mark.skipif(not FILES, reason="the public captures are not beside the project"),
]


def named_by_ndpi(path: Path, target: Path) -> Iterator[tuple[tuple[str, frozenset[tuple[str, int]]], str]]:
    """Each flow that nDPI names by its bytes: transport and both ends, and the name."""
    target.unlink(missing_ok=True)
    command = [str(NDPI), "-i", str(path), "-d", "-q", "-C", str(target)]
    subprocess.run(command, capture_output=True, check=False, timeout=60)
    if not target.exists():
        return
    with target.open(errors="replace") as lines:
        for row in csv.DictReader(lines):
            if row["protocol"] in TRANSPORTS:
                ends = frozenset((row[f"{side}_ip"], int(row[f"{side}_port"])) for side in ("src", "dst"))
                yield (TRANSPORTS[row["protocol"]], ends), row["ndpi_proto"]


def stacks_of(path: Path) -> dict[tuple[str, frozenset[tuple[str, int]]], set[str]]:
    """The protocols of each pair of ends that have one stack; several flows between the same ends may differ."""
    try:
        flows = read_tables([Source(str(path))]).flows
    except UnreadableCapture:
        return {}
    found: dict[tuple[str, frozenset[tuple[str, int]]], set[str]] = {}
    for row in flows[flows["stack"] != ""].itertuples():
        ends = frozenset(((row.client, row.client_port), (row.server, row.server_port)))
        found.setdefault((row.transport, ends), set()).update(row.stack.split("/"))
    return found


def test_protocols_are_those_ndpi_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agreed: Counter[str] = Counter()
    differing: dict[tuple[str, str], list[str]] = {}
    for path in FILES:
        ours = stacks_of(path)
        for flow, name in named_by_ndpi(path, tmp_path / "flows.csv"):
            protocol = name.split(".")[0]
            stack = ours.get(flow)
            if stack is None or protocol not in SAME:
                continue
            if stack & SAME[protocol]:
                agreed[protocol] += 1
            else:
                differing.setdefault((protocol, "/".join(sorted(stack))), []).append(f"{path.name}: {sorted(flow[1])}")
    both, different = agreed.total(), sum(map(len, differing.values()))
    with capsys.disabled():
        sys.stdout.write(f"\nnDPI: {both} of {both + different} flows agree in {len(agreed)} protocols\n")
    assert both > 500
    assert {kind: flows for kind, flows in differing.items() if kind not in EXPLAINED} == {}
