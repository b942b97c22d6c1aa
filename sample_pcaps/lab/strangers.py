"""Programs that have nothing to do with Lync and use its ports or look like its protocols."""

import random
import secrets
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from sample_pcaps.lab.connecting import close_tls, exchange, open_tcp, open_tcp_as_windows, open_tls
from sample_pcaps.lab.network import die_with_parent
from sample_pcaps.lab.pki import Identity
from sample_pcaps.lab.services import Conversation
from sample_pcaps.lab.web import read_message

SOFTPHONE = "LabPhone/3.2"


def provider() -> Conversation:
    """Return another provider's SIP server: digest challenge, then 403."""

    def talk(connection: socket.socket) -> None:
        waiting = b""
        while request := read_message(connection, waiting):
            head, waiting = request
            wanted = ("via:", "from:", "to:", "call-id:", "cseq:")
            echoed = [line for line in head.split("\r\n")[1:] if line.lower().startswith(wanted)]
            challenge = f'WWW-Authenticate: Digest realm="telco.example", nonce="{secrets.token_hex(8)}"'
            known = "Authorization:" in head
            start = "SIP/2.0 403 Forbidden" if known else "SIP/2.0 401 Unauthorized"
            lines = [start, *echoed, *([] if known else [challenge]), "Server: LabProxy/5.7", "Content-Length: 0"]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())

    return talk


def softphone(address: str) -> None:
    """Register with another provider: its TLS port is closed, so on TCP 443 in the clear; it does not let us in."""
    open_tcp_as_windows(address, 5061)
    connection = open_tcp(address, 443)
    if connection is None:
        return
    with connection:
        call = secrets.token_hex(8)
        for number in (1, 2):
            proof = (
                'Digest username="4711", realm="telco.example", uri="sip:telco.example", response="0123456789abcdef"'
            )
            lines = [
                "REGISTER sip:telco.example SIP/2.0",
                f"v: SIP/2.0/TCP {connection.getsockname()[0]}:5060;branch=z9hG4bK{secrets.token_hex(4)}",
                "f: <sip:4711@telco.example>;tag=a1",
                "t: <sip:4711@telco.example>",
                f"i: {call}",
                f"CSeq: {number} REGISTER",
                f"User-Agent: {SOFTPHONE}",
                *([f"Authorization: {proof}"] if number == 2 else []),
                "Content-Length: 0",
            ]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            read_message(connection, b"")


def monitor(address: str, context: ssl.SSLContext) -> None:
    """Ask a monitoring station over HTTP on port 5061, which fails, and over TLS on port 3478."""
    if connection := open_tcp(address, 5061):
        with connection:
            for path in ("/status", "/health"):
                exchange(connection, "GET", "monitor.alpine.example:5061", path)
    if protected := open_tls(address, 3478, context, "monitor.alpine.example"):
        exchange(protected, "GET", "monitor.alpine.example:3478", "/")
        close_tls(protected)


def serve_dtls(identity: Identity, port: int = 443) -> None:
    """A VPN concentrator's DTLS, by OpenSSL."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder, "own.pem")
        own.write_bytes(identity.key + identity.chain)
        command = ["openssl", "s_server", "-dtls1_2", "-accept", str(port), "-cert", str(own), "-quiet"]
        # Its standard input stays open: at its end the server would hang up.
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, preexec_fn=die_with_parent
        ) as server:
            server.wait()


def speak_dtls(address: str, port: int = 443) -> None:
    """Connect to it and say a few words."""
    command = ["openssl", "s_client", "-dtls1_2", "-connect", f"{address}:{port}", "-quiet"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as client:
        assert client.stdin
        for _ in range(5):
            time.sleep(0.3)
            client.stdin.write(secrets.token_hex(150).encode() + b"\n")
            client.stdin.flush()
        client.terminate()


def play_and_share(address: str, seconds: float) -> None:
    """A game whose packets begin like RTP or like a check, and a file sharing program's queries; nobody answers."""
    end, chance = time.monotonic() + seconds, random.Random(27015)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as game,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sharing,
    ):
        while time.monotonic() < end:
            body = chance.randbytes(chance.randint(20, 180))
            game.sendto(
                struct.pack("!BBI", 0x80, chance.randrange(256), chance.getrandbits(32)) + body, (address, 50004)
            )
            game.sendto(struct.pack("!HH", chance.choice((0x0001, 0x0101)), len(body)) + body, (address, 3478))
            query = b"d1:ad2:id20:" + chance.randbytes(20) + b"e1:q4:ping1:t2:aa1:y1:qe"
            sharing.sendto(query, (address, 6881))
            sharing.sendto(struct.pack("!BBHIIIHH", 0x41, 0, 7, 1, 0, 65535, 1, 0), (address, 50010))
            time.sleep(0.05)


def swallow(ports: tuple[int, ...]) -> None:
    """Take datagrams on some ports and say nothing."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
    for sock, port in zip(sockets, ports, strict=True):
        sock.bind(("", port))
    time.sleep(3600)
