"""Other products' bytes on Lync's ports, and ports that tell nothing: none is called Lync's, none is accused."""

import shutil
import socket
import struct
import subprocess
from pathlib import Path

import pytest
import tls_sessions
from capture_files import CLIENT, Connection, pcap, timed, udp
from known_examples import DATAGRAMS, DHT_QUERY, QUIC_INITIAL, STREAMS, UTP_SYN
from protocol_examples import SIP_ANSWER, SIP_REGISTER
from tls_sessions import Spoken

from lynccap.analysis import analyze
from lynccap.document import Document
from lynccap.ingest import Source

STRANGER = "198.51.100.77"
HTTP_GET = b"GET /index.html HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
HTTP_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CONNECT = b"CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n"
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def analyzed(frames: list[bytes], folder: Path) -> Document:
    path = folder / "foreign.pcap"
    path.write_bytes(pcap(timed(frames)))
    return analyze([Source(str(path))])


def talk(port: int, *said: tuple[int, bytes]) -> list[bytes]:
    """A TCP connection on which client (0) and server (1) say these bytes."""
    one = Connection(server=(STRANGER, port))
    return [*one.open(), *(frame for side, data in said for frame in one.say(side, data)), *one.close()]


def datagrams(port: int, *said: tuple[int, bytes]) -> list[bytes]:
    ends = (CLIENT, (STRANGER, port))
    return [udp(ends[side], ends[1 - side], data) for side, data in said]


def is_foreign(document: Document, service: str, stack: str) -> None:
    assert [(one.service, one.stack) for one in document.services] == [(service, stack)]
    assert [one for one in document.findings if one.severity != "info"] == []
    assert document.topology.roles == ()
    assert [one for one in document.assessments if one.outcome == "rule-failed"] == []


@pytest.fixture(scope="module")
def tls(tmp_path_factory) -> Spoken:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls_sessions, "NAME", "www.example.com")
        pem, _ = tls_sessions.mint(tmp_path_factory.mktemp("tls"), "www.example.com")
        return tls_sessions.speak(*tls_sessions.contexts(pem))


@pytest.mark.parametrize("port", [443, 80, 3478, 8057])
def test_sip_on_a_port_of_something_else(tmp_path, port):
    is_foreign(analyzed(talk(port, (0, SIP_REGISTER), (1, SIP_ANSWER)), tmp_path), "sip", "sip")


@pytest.mark.parametrize("port", [5061, 5060, 8057, 3478, 4443, 5062])
def test_http_on_a_port_of_lync(tmp_path, port):
    is_foreign(analyzed(talk(port, (0, HTTP_GET), (1, HTTP_OK)), tmp_path), "http", "http")


@pytest.mark.parametrize("port", [3478, 443, 8443, 5062])
def test_tls_of_anybody(tmp_path, tls, port):
    is_foreign(analyzed(talk(port, (0, tls.client), (1, tls.server)), tmp_path), "tls", "tls")


@pytest.mark.parametrize("port", [5061, 443, 8057, 3478])
def test_echo(tmp_path, port):
    text = b"anybody there? 1234567890\r\n"
    document = analyzed(talk(port, (0, text), (1, text)), tmp_path)

    is_foreign(document, "other", "")


@pytest.mark.parametrize("port", [8080, 443, 5061])
def test_tls_inside_connect_is_the_proxys_business(tmp_path, tls, port):
    said = ((0, CONNECT), (1, CONNECTED), (0, tls.client), (1, tls.server))

    is_foreign(analyzed(talk(port, *said), tmp_path), "tls", "http/tls")


@pytest.mark.parametrize("name", list(STREAMS))
@pytest.mark.parametrize("port", [443, 5061, 8057])
def test_known_streams_on_ports_of_lync(tmp_path, name, port):
    services = {"smb": "smb", "tds": "sql", "xmpp": "xmpp"}
    document = analyzed(talk(port, (0, STREAMS[name][0])), tmp_path)

    is_foreign(document, services.get(name, "other"), name)


@pytest.mark.parametrize("name", list(DATAGRAMS))
@pytest.mark.parametrize("port", [443, 3478])
def test_known_datagrams_on_ports_of_lync(tmp_path, name, port):
    document = analyzed(datagrams(port, *[(0, one) for one in DATAGRAMS[name]]), tmp_path)

    is_foreign(document, "sql" if name == "ssrp" else "other", name)


def test_quic_and_what_follows_its_handshake(tmp_path):
    short = [(side, bytes([0x40 | side, *range(20)]) + bytes([turn]) * 900) for turn in range(40) for side in (0, 1)]
    document = analyzed(datagrams(443, (0, QUIC_INITIAL), (1, QUIC_INITIAL), *short), tmp_path)

    is_foreign(document, "other", "quic")


def test_real_dtls_hello_on_443(tmp_path):
    is_foreign(analyzed(datagrams(443, (0, dtls_hello())), tmp_path), "other", "dtls")


def dtls_hello() -> bytes:
    """What OpenSSL's client sends first. Skips the calling test without openssl."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        command = [program, "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{listener.getsockname()[1]}"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return listener.recv(4096)
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("port", [3478, 50000])
def test_torrents_are_neither_relay_nor_media(tmp_path, port):
    said = [(0, UTP_SYN), (1, b"\x21\0" + UTP_SYN[2:])]
    said += [
        (side, bytes([1, 0]) + struct.pack(">HIII", 7, turn, 5, 900) + b"x" * 900)
        for turn in range(30)
        for side in (0, 1)
    ]

    is_foreign(analyzed(datagrams(port, (0, DHT_QUERY), (1, DHT_QUERY)), tmp_path), "other", "bittorrent")
    is_foreign(analyzed(datagrams(port, said[0], *said[2:]), tmp_path), "other", "bittorrent")


@pytest.mark.parametrize("port", [3478, 50000, 27015])
def test_game_whose_counters_look_like_rtp_is_no_media(tmp_path, port):
    """A first byte of 0x80 and numbers that count, as engines send them; what would be the SSRC never stays."""
    query = DATAGRAMS["game"][0]
    moves = [
        (side, struct.pack("<IIQ", 0x0A80 + turn * 256, turn * 77, turn**9 % 2**63) + bytes(40))
        for turn in range(50)
        for side in (0, 1)
    ]

    is_foreign(analyzed(datagrams(port, (0, query), *moves), tmp_path), "other", "game")
    assert all("rtp" not in one.stack for one in analyzed(datagrams(port, *moves), tmp_path).services)


def test_lync_behind_a_proxy_does_not_make_the_proxy_lync(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tls_sessions, "NAME", "lyncdiscover.contoso.example")
        pem, _ = tls_sessions.mint(tmp_path, "lyncdiscover.contoso.example")
        spoken = tls_sessions.speak(*tls_sessions.contexts(pem))

    said = ((0, CONNECT), (1, CONNECTED), (0, spoken.client), (1, spoken.server))

    is_foreign(analyzed(talk(8080, *said), tmp_path), "tls", "http/tls")
