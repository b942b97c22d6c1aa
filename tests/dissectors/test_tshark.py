"""TLS and HTTP of public captures: what is read here is what tshark reads."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from tcp_streams import TcpReading, read_tcp

from dissectors import identify
from dissectors.contract import Message, dissect
from dissectors.http import HttpMessage
from dissectors.tls import VERSIONS, TlsMessage
from dissectors.tls.numbers import is_grease
from lynccap.ingest.streams.x509.certificates import read_certificate
from lynccap.tables import CERTIFICATES

pytestmark = pytest.mark.tshark

TLS_CAPTURES = [
    "real/02-teams.pcap",
    "real/03-teams.pcap",
    "real/11-TLS.pcap",
    "real/44-certificate-request-failed.pcap",
    "real/45-tls_1_2_expired_certificate_alert_16.pcap",
    "real/48-rsasnakeoil2.cap",
    "real/52-input.pcap",
    "real/59-pppoe-over-qinq.pcap",
    "protocols/1-suricata-verify-input.pcap",
    "protocols/2-1-suricata-verify-input.pcap",
    "protocols/3-2-1-suricata-verify-input.pcap",
    "protocols/7-6-5-4-3-2-1-suricata-verify-input.pcap",
    "protocols/PcapFlowLab-tls_1_2_expired_certificate_alert_16.pcap",
    "protocols/PcapFlowLab-tls_sni_in_second_segment_20.pcap",
    "protocols/TracePcap-discord.pcap",
    "protocols/TracePcap-whatsapp_login_chat.pcap",
    "protocols/Wireshark-hart_ip.pcap",
    "protocols/arkime-arkime_synthetic.pcap",
    "protocols/arkime-badcurveball.pcap",
    "protocols/ja4-browsers-x509.pcapng",
    "protocols/ja4-chrome-cloudflare-quic-with-secrets.pcapng",
    "protocols/ja4-latest.pcapng",
    "protocols/log4shell-pcaps-log4shell-ldaps-port-1399-dsb.pcapng",
    "protocols/nDPI-geforcenow.pcapng",
    "protocols/nDPI-lru_ipv6_caches.pcapng",
    "protocols/nDPI-tls_alert.pcap",
    "protocols/nfstream-http_ipv6.pcap",
    "protocols/nfstream-malware.pcap",
    "protocols/nfstream-tls_alert.pcap",
    "protocols/suricata-verify-input.pcap",
    "protocols/zeek-certificate-request-failed.pcap",
    "damaged/Malcolm-Test-Artifacts-broken.pcap",
    "damaged/PcapPlusPlus-ssl-malformed1.pcap",
    "damaged/Wireshark-ssl.dump.pcap",
    "damaged/ja4-badcurveball.pcap",
    "damaged/mercury-client_hello_sslv3.pcap",
    "damaged/mercury-corner-cases.pcap",
    "damaged/mercury-full_cert_empty_second_cert.pcap",
    "damaged/mercury-server_hello_tlsv1.pcap",
    "damaged/mercury-tlsv1_encrypted_handshake_cert_false_positive.pcap",
    "damaged/suricata-verify-input.pcap",
    "damaged/suricata-verify-tls_DER-incomplete-content.pcap",
    "damaged/tcpreplay-test2.rewrite_mtutrunc",
    "damaged/zeek-globus-url-copy-bad-encoding.pcap",
    "layers/PcapPlusPlus-pcapng-example.pcapng",
    "layers/nDPI-ossfuzz_seed_fake_traces_1.pcapng",
    "layers/nDPI-psiphon3.pcap",
    "layers/zeek-openjdk-25.0.2-zeek.org.pcap",
    "formats/PcapPlusPlus-many_interfaces-1.pcapng",
    "formats/Wireshark-many_interfaces.pcapng",
    "formats/log4shell-pcaps-log4shell-ldaps-port-443-dsb.pcapng",
    "formats/nDPI-riot.pcapng",
    "formats/nDPI-steam.pcapng",
    "formats/pcapsql-tls12-dsb.pcapng",
]
"""Every public capture in which tshark sees TLS over TCP."""
HTTP_CAPTURES = [
    "real/49-ocsp.pcapng",
    "real/52-input.pcap",
    "real/55-webdav.pcap",
    "protocols/ipfixprobe-http.pcap",
    "protocols/zeek-wikipedia.pcap",
]
HANDSHAKES = {
    "0": {"hello-request"},
    "1": {"client-hello"},
    "2": {"server-hello", "hello-retry-request"},
    "4": {"session-ticket"},
    "11": {"certificate"},
    "12": {"server-key-exchange"},
    "13": {"certificate-request"},
    "14": {"server-hello-done"},
    "15": {"certificate-verify"},
    "16": {"client-key-exchange"},
    "22": {"certificate-status"},
}
FIELDS = list(CERTIFICATES)[list(CERTIFICATES).index("subject") :]
NUMBERS = {name: f"0x{number:04x}" for number, name in VERSIONS.items()}
LEVELS = {"warning": 1, "fatal": 2}
EXPLAINED = tomllib.loads((Path(__file__).parent / "tls_differences.toml").read_text())
"""By capture: the fields in which tshark differs, each with the reason."""


def dissected(capture: str) -> list[Message]:
    found: list[Message] = []
    for data in read_tcp(capture).streams():
        dissector, _ = identify(data)
        if dissector is not None and dissector.name in ("tls", "http"):
            found += [placed.message for placed in dissect(dissector, data).messages]
    return found


def counted(values: Iterable[object]) -> Counter[str]:
    return Counter(str(value) for value in values if value is not None)


def read_here(found: list[TlsMessage]) -> dict[str, Counter[str]]:
    """What tshark's fields would hold of these messages."""
    clients = [one for one in found if one.kind == "client-hello"]
    servers = [one for one in found if one.kind in HANDSHAKES["2"]]
    chosen = [NUMBERS[one.version] for one in servers if one.version == "tls1.3"]
    certificates = [der for one in found for der in one.certificates]
    serials = [read_certificate(der)[FIELDS.index("serial")] for der in certificates]
    return {
        "tls.handshake.extensions_server_name": counted(one.sni for one in found),
        "tls.alert_message.desc": counted(one.alert for one in found),
        "tls.alert_message.level": counted(LEVELS.get(one.alert_level) for one in found),
        "tls.handshake.certificate": counted(der.hex() for der in certificates),
        "x509af.serialNumber": counted(one or None for one in serials),
        "tls.handshake.ciphersuite": counted(f"0x{suite:04x}" for one in found if one.random for suite in one.suites),
        "tls.handshake.cipherspec": counted(
            f"0x{suite:06x}" for one in found if not one.random for suite in one.suites
        ),
        "tls.handshake.extensions_alpn_str": counted(name for one in found if one.alpn for name in one.alpn.split(",")),
        "tls.handshake.ja3": counted(one.ja3 for one in clients),
        "tls.handshake.ja3s": counted(one.ja3 for one in servers),
        "tls.handshake.extensions.supported_version": counted(
            [*(NUMBERS.get(name, name) for one in clients for name in one.versions), *chosen]
        ),
        "tls.handshake.extensions_supported_group": counted(
            f"0x{one:04x}" for hello in clients for one in hello.groups
        ),
        "tls.handshake.session_id": counted(one.session_id.hex() or None for one in found),
        "tls.handshake.random": counted(one.random.hex() or None for one in found),
        "tls.handshake.dnames_len": counted(
            one.authorities_bytes for one in found if one.kind == "certificate-request"
        ),
        "tls.handshake.type": Counter(
            {number: sum(one.kind in kinds for one in found) for number, kinds in HANDSHAKES.items()}
        ),
    }


def read_by_tshark(tshark: TcpReading, field: str) -> Counter[str]:
    """The same of tshark, as we write it: bytes without colons, numbers without zeroes in front, no GREASE."""
    values = tshark.values(field)
    if field == "tls.handshake.type":
        return Counter({number: values[number] for number in HANDSHAKES})
    if field == "tls.handshake.extensions_server_name":
        return values
    plain: Counter[str] = Counter()
    for value, times in values.items():
        text = value.replace(":", "")
        if field == "x509af.serialNumber":
            text = f"{int(text, 16):x}"
        if field != "tls.handshake.extensions.supported_version" or not is_grease(int(value, 16)):
            plain[text] += times
    return plain


@pytest.mark.parametrize("capture", TLS_CAPTURES)
def test_tls_is_read_as_tshark_reads_it(capture: str):
    tshark = read_tcp(capture)

    found = [one for one in dissected(capture) if isinstance(one, TlsMessage)]

    here = read_here(found)
    serials = here.pop("x509af.serialNumber")
    different = {field for field, values in here.items() if values != read_by_tshark(tshark, field)}
    if serials - read_by_tshark(tshark, "x509af.serialNumber"):  # OCSP answers bring further ones
        different.add("x509af.serialNumber")
    assert different == set(EXPLAINED.get(capture, {}).get("fields", []))
    assert found or different


def test_every_explained_difference_is_of_a_capture_that_is_compared():
    assert set(EXPLAINED) <= set(TLS_CAPTURES)


PUBLISHED = {
    "protocols/ja4-latest.pcapng": {
        "pdx-col.eum-appdynamics.com": {"t13d1516h2_8daaf6152771_e5627efa2ab1"},
        "discovery.cem.cloud.us": {"t12d190800_d83cc789557e_7af1ed941c26"},
        "ping-edge.smartscreen.microsoft.com": {"t13d1516h2_8daaf6152771_e5627efa2ab1"},
        "data-edge.smartscreen.microsoft.com": {"t13d1516h2_8daaf6152771_e5627efa2ab1"},
        "app.slack.com": {"t13d1516h2_8daaf6152771_9b887d9acb53"},
    },
    "protocols/ja4-browsers-x509.pcapng": {
        "edge.microsoft.com": {"t13d1516h2_8daaf6152771_e5627efa2ab1"},
        "nym1-ib.adnxs.com": {"t13d1516h2_8daaf6152771_e5627efa2ab1"},
        "lptag.liveperson.net": {"t13d1516h2_8daaf6152771_e5627efa2ab1"},
    },
    "damaged/ja4-badcurveball.pcap": {"bad.curveballtest.com": {"t13d1615h2_46e7e9700bed_45f260be83e2"}},
    "real/02-teams.pcap": {
        "substrate.office.com": {"t12d1311h2_8b80da21ef18_77989cba1f4a"},
        "presence.teams.microsoft.com": {"t12d1311h2_8b80da21ef18_77989cba1f4a"},
        "mobile.pipe.aria.microsoft.com": {
            "t12d150700_0707305c9f76_0f3b2bcde21d",
            "t12d220700_0d4ca5d4ec72_3304d8368043",
        },
    },
}
"""JA4 by server name, as FoxIO publishes it beside its captures, and nDPI beside the last one."""


@pytest.mark.parametrize("capture", PUBLISHED)
def test_ja4_is_the_published_one(capture: str):
    hellos = [one for one in dissected(capture) if isinstance(one, TlsMessage) and one.ja4]

    found = {name: {one.ja4 for one in hellos if one.sni == name} for name in PUBLISHED[capture]}

    assert found == PUBLISHED[capture]


@pytest.mark.parametrize("capture", HTTP_CAPTURES)
def test_http_is_read_as_tshark_reads_it(capture: str):
    tshark = read_tcp(capture)

    found = [one for one in dissected(capture) if isinstance(one, HttpMessage)]

    assert found
    assert counted(one.target for one in found) == tshark.values("http.request.uri")
    assert counted(one.method for one in found) == tshark.values("http.request.method")
    assert counted(one.status for one in found) == tshark.values("http.response.code")
