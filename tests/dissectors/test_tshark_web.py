"""HTTP and OCSP, DNS, DHCP and NTP of public captures, through all of ingest: the tables hold what tshark reads.

tshark_web_differences.toml tells which files differ in what, and why.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from tshark_fields import capture, fields

from lynccap.ingest import read_tables
from lynccap.ingest.sources.source import Source
from lynccap.tables import Tables

pytestmark = pytest.mark.tshark

REASONS = tomllib.loads(Path(__file__).with_name("tshark_web_differences.toml").read_text())["reason"]
CAPTURES = [
    "protocols/TracePcap-dns_demo.pcap",
    "protocols/TracePcap-whatsapp_login_chat.pcap",
    "protocols/Wireshark-LDAP-capture2.pcap",
    "protocols/Wireshark-adwin_config.pcap.gz",
    "protocols/arkime-arkime_synthetic.pcap",
    "protocols/chains-dns.pcap",
    "protocols/ipfixprobe-http.pcap",
    "protocols/ipfixprobe-mixed.pcap",
    "protocols/ja4-gre-sample.pcap",
    "protocols/ja4-latest.pcapng",
    "protocols/libtrace-8021x.pcap",
    "protocols/zeek-wikipedia.pcap",
    "real/02-teams.pcap",
    "real/35-nb6-startup.pcap",
    "real/49-ocsp.pcapng",
    "real/52-input.pcap",
    "real/53-Option43-filtered.pcapng",
    "real/55-webdav.pcap",
    "real/58-input.pcap",
]
SEPARATOR = "^"
FILTER = "(http or dns or mdns or llmnr or dhcp or ntp) and !icmp and !icmpv6"
TOLD = (
    *("http.request.method", "http.request.uri", "http.response.code", "http.host", "http.user_agent"),
    *("dns.qry.name", "dns.qry.type", "dns.flags.response", "dns.flags.rcode", "dns.rr.udp_payload_size"),
    *("dns.a", "dns.aaaa", "dns.cname", "dns.srv.target", "dns.ptr.domain_name"),
    *("dhcp.option.dhcp", "dhcp.ip.your", "dhcp.option.vendor_class_id", "dhcp.option.hostname"),
    *("dhcp.option.sip_server.name", "dhcp.option.ntp_server", "dhcp.option.request_list_item"),
    *("ntp.stratum", "ocsp.responseStatus", "ocsp.serialNumber"),
)
ANSWERS = {
    "A": "dns.a",
    "AAAA": "dns.aaaa",
    "CNAME": "dns.cname",
    "SRV": "dns.srv.target",
    "PTR": "dns.ptr.domain_name",
}
DHCP_KINDS = (
    *("discover", "offer", "request", "decline", "ack", "nak", "release", "inform"),
    *("force-renew", "lease-query", "lease-unassigned", "lease-unknown", "lease-active"),
)


def counted(values: Iterable[object]) -> Counter[str]:
    return Counter(str(value) for value in values if value is not None)


def by_tshark(name: str) -> dict[str, Counter[str]]:
    options = ("-E", f"aggregator={SEPARATOR}")
    rows = fields(capture(name), FILTER, *TOLD, options=options, occurrence="a")
    told: dict[str, Counter[str]] = {field: Counter() for field in TOLD}
    told["names"] = Counter()
    for row in rows:
        values = {field: value.split(SEPARATOR) if value else [] for field, value in zip(TOLD, row, strict=True)}
        for field, found in values.items():
            told[field].update(found)
        told["names"].update(
            f"{_name(values['dns.qry.name'][0])} {values['dns.qry.type'][0]}" for _ in values["dns.qry.name"][:1]
        )
    told["edns"] = Counter({str(int(size, 0)): times for size, times in told["dns.rr.udp_payload_size"].items()})
    told["rcodes"] = told["dns.flags.rcode"]
    told["ocsp"] = Counter({serial.lstrip("0"): times for serial, times in told["ocsp.serialNumber"].items()})
    return told


def _name(text: str) -> str:
    return text.lower().replace("<root>", "")


def by_us(tables: Tables) -> dict[str, Counter[str]]:
    http, dhcp, ntp = tables["http"], tables["dhcp"], tables["ntp"]
    asked = [row for name in ("dns", "local-names") for row in tables[name].itertuples() if row.dialect != "nbns"]
    return {
        "http.request.method": counted(http["method"]),
        "http.request.uri": counted(http["target"]),
        "http.response.code": counted(http["status"]),
        "http.host": counted(http["host"]),
        "http.user_agent": counted(http["user_agent"]),
        "names": Counter(f"{row.name} {row.record_type}" for row in asked if row.record_type),
        "rcodes": Counter(str(row.rcode & 15) for row in asked if row.kind == "response"),
        "edns": Counter(str(int(row.edns_size)) for row in asked if row.edns_size is not None),
        "dhcp.option.dhcp": Counter(str(DHCP_KINDS.index(one) + 1) for one in dhcp["kind"] if one != "bootp"),
        "dhcp.ip.your": Counter(one or "0.0.0.0" for one in dhcp["your_address"]),
        "dhcp.option.vendor_class_id": counted(dhcp["vendor_class"]),
        "dhcp.option.hostname": counted(dhcp["host_name"]),
        "dhcp.option.sip_server.name": Counter(one for names in dhcp["sip_servers"] for one in names),
        "dhcp.option.ntp_server": Counter(one for servers in dhcp["ntp_servers"] for one in servers),
        "dhcp.option.request_list_item": Counter(str(one) for codes in dhcp["requested_options"] for one in codes),
        "ntp.stratum": counted(ntp.loc[ntp["kind"] != "control", "stratum"]),
        "ocsp.responseStatus": counted(tables["crl"]["ocsp_status"]),
    }


def differences(name: str) -> dict[str, tuple[object, object]]:
    theirs, tables = by_tshark(name), read_tables([Source(str(capture(name)))])
    ours = by_us(tables)
    assert any(ours.values())
    found = {
        field: (mine - theirs[field], theirs[field] - mine) for field, mine in ours.items() if mine != theirs[field]
    }
    # tshark's values are those of all sections; answers are of one, and addresses may come along for it.
    answers = tables.dns_answers
    for kind, field in ANSWERS.items():
        mine = set(answers.loc[answers["record_type"] == kind, "value"])
        beyond = mine - {_name(value) for value in theirs[field]}
        if beyond:
            found[field] = (beyond, theirs[field])
    serials = set(tables.revocations["serial"]) - {""}
    if serials - set(theirs["ocsp"]):
        found["ocsp.serialNumber"] = (serials, theirs["ocsp"])
    return found


@pytest.mark.parametrize("name", CAPTURES)
def test_tables_hold_what_tshark_reads(name: str):
    explained = {field for reason in REASONS if name in reason["files"] for field in reason["fields"]}

    found = differences(name)

    assert set(found) == explained, found


def test_every_difference_is_of_a_capture_that_is_compared():
    assert {name for reason in REASONS for name in reason["files"]} <= set(CAPTURES)
