"""TLS and HTTP of public captures: what is read here is what tshark reads."""

from collections import Counter
from collections.abc import Iterable

import pytest
from tcp_streams import read_tcp

from dissectors import identify
from dissectors.contract import Message, dissect
from dissectors.http import HttpMessage
from dissectors.tls import TlsMessage

pytestmark = pytest.mark.tshark

TLS_CAPTURES = [
    "real/02-teams.pcap",
    "real/11-TLS.pcap",
    "real/44-certificate-request-failed.pcap",
    "real/45-tls_1_2_expired_certificate_alert_16.pcap",
    "real/48-rsasnakeoil2.cap",
    "real/52-input.pcap",
    "real/59-pppoe-over-qinq.pcap",
    "protocols/nDPI-tls_alert.pcap",
    "protocols/ja4-browsers-x509.pcapng",
    "protocols/PcapFlowLab-tls_sni_in_second_segment_20.pcap",
]
HTTP_CAPTURES = [
    "real/49-ocsp.pcapng",
    "real/52-input.pcap",
    "real/55-webdav.pcap",
    "protocols/ipfixprobe-http.pcap",
    "protocols/zeek-wikipedia.pcap",
]
HANDSHAKES = {
    "1": {"client-hello"},
    "2": {"server-hello", "hello-retry-request"},
    "11": {"certificate"},
    "13": {"certificate-request"},
    "14": {"server-hello-done"},
}


def dissected(capture: str) -> list[Message]:
    found: list[Message] = []
    for data in read_tcp(capture).streams():
        dissector, _ = identify(data)
        if dissector is not None and dissector.name in ("tls", "http"):
            found += [placed.message for placed in dissect(dissector, data).messages]
    return found


def counted(values: Iterable[object]) -> Counter[str]:
    return Counter(str(value) for value in values if value is not None)


@pytest.mark.parametrize("capture", TLS_CAPTURES)
def test_tls_is_read_as_tshark_reads_it(capture: str):
    tshark = read_tcp(capture)

    found = [one for one in dissected(capture) if isinstance(one, TlsMessage)]

    assert found
    assert counted(one.sni for one in found) == tshark.values("tls.handshake.extensions_server_name")
    assert counted(one.alert for one in found) == tshark.values("tls.alert_message.desc")
    assert counted(der.hex() for one in found for der in one.certificates) == Counter(
        {der.replace(":", ""): times for der, times in tshark.values("tls.handshake.certificate").items()}
    )
    types = tshark.values("tls.handshake.type")
    assert {number: sum(one.kind in kinds for one in found) for number, kinds in HANDSHAKES.items()} == {
        number: types[number] for number in HANDSHAKES
    }


@pytest.mark.parametrize("capture", HTTP_CAPTURES)
def test_http_is_read_as_tshark_reads_it(capture: str):
    tshark = read_tcp(capture)

    found = [one for one in dissected(capture) if isinstance(one, HttpMessage)]

    assert found
    assert counted(one.target for one in found) == tshark.values("http.request.uri")
    assert counted(one.method for one in found) == tshark.values("http.request.method")
    assert counted(one.status for one in found) == tshark.values("http.response.code")
