"""Real TLS bytes: two ends of Python's ssl talk through memory, and what each sent is kept."""

import shutil
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

NAME = "sip.contoso.com"
LONGEST_ANSWER = 20  # seconds


@dataclass
class Spoken:
    """What each side sent."""

    client: bytes = b""
    server: bytes = b""
    session: ssl.SSLSession | None = field(default=None, repr=False)
    turns: list[tuple[int, bytes]] = field(default_factory=list, repr=False)
    """The same in order: 0 and what the client sent, 1 and what the server sent."""
    ends: tuple[object, ...] = field(default=(), repr=False)
    """Kept: a server forgets the sessions of connections that end without a goodbye of its own."""

    def add(self, side: int, data: bytes) -> None:
        """What one side sends next."""
        if data:
            self.turns.append((side, data))
            if side:
                self.server += data
            else:
                self.client += data


def mint(folder: Path, name: str = NAME, *, with_rsa: bool = False) -> tuple[Path, bytes]:
    """A self-signed certificate with its key as a PEM file, and its DER."""
    key = rsa.generate_private_key(65537, 2048) if with_rsa else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path, certificate.public_bytes(serialization.Encoding.DER)


def contexts(
    identity: Path,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    *,
    trusting: bool = True,
    asks: bool = False,
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Client and server contexts; `asks` lets the server request a client certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(identity)
    server.set_alpn_protocols(["http/1.1"])
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.maximum_version = version
        if version < ssl.TLSVersion.TLSv1_2:
            for one in (client, server):
                one.minimum_version = version
                one.set_ciphers("ALL:@SECLEVEL=0")
    client.set_alpn_protocols(["h2", "http/1.1"])
    if trusting:
        client.load_verify_locations(identity)
    if asks:
        server.verify_mode = ssl.CERT_OPTIONAL
        server.load_verify_locations(identity)
    return client, server


@contextmanager
def openssl_server(identity: Path, *options: str) -> Iterator[int]:
    """The port of a real OpenSSL server of one connection: it can do what Python's ssl cannot. Skips without it."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("the openssl program is not installed")
    command = [program, "s_server", "-accept", "127.0.0.1:0", "-cert", str(identity), "-key", str(identity), *options]
    with subprocess.Popen([*command, "-naccept", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        timer = Timer(LONGEST_ANSWER, run.kill)
        timer.start()
        try:
            said = next((line for line in run.stdout if line.startswith("ACCEPT")), "")
            assert said, "the openssl server does not start"
            yield int(said.rsplit(":", 1)[1])
        finally:
            timer.cancel()
            run.kill()


def speak_with(port: int, client_context: ssl.SSLContext) -> Spoken:
    """Handshake and one write with a server on this machine; or as far as it goes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(incoming, outgoing, server_hostname=NAME)
    spoken = Spoken()
    with socket.create_connection(("127.0.0.1", port), LONGEST_ANSWER) as link:
        for step in (client.do_handshake, lambda: client.write(b"hello")):
            while True:
                failed = done = False
                try:
                    step()
                    done = True
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError:
                    failed = True
                sent = outgoing.read()
                spoken.add(0, sent)
                link.sendall(sent)
                if failed:
                    return spoken
                if done:
                    break
                received = link.recv(1 << 16)
                if not received:
                    return spoken
                spoken.add(1, received)
                incoming.write(received)
    return spoken


def speak(
    client_context: ssl.SSLContext, server_context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Spoken:
    """Handshake, two client writes, one server write, the client's goodbye; or as far as it goes."""
    to_client, from_client, to_server, from_server = (ssl.MemoryBIO() for _ in range(4))
    client = client_context.wrap_bio(to_client, from_client, server_hostname=NAME, session=session)
    server = server_context.wrap_bio(to_server, from_server, server_side=True)
    spoken = Spoken(ends=(client, server))

    def carry() -> None:
        up, down = from_client.read(), from_server.read()
        to_server.write(up)
        to_client.write(down)
        spoken.add(0, up)
        spoken.add(1, down)

    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                carry()
                return spoken
            carry()
    for text in (b"hello", b"again"):
        client.write(text)
        carry()
        server.read()
    server.write(b"welcome")
    carry()
    client.read()
    spoken.session = client.session
    try:
        client.unwrap()
    except ssl.SSLError:
        carry()
    return spoken


Said = list[tuple[int, bytes]]
"""What went over the wire in order: 0 for the client and 1 for the server, and the bytes."""


def converse(
    client_context: ssl.SSLContext,
    server_context: ssl.SSLContext,
    lines: Said,
    session: ssl.SSLSession | None = None,
) -> tuple[Said, ssl.SSLSession | None]:
    """Handshake, then `lines` under encryption, then the client's goodbye; and the session, to resume it."""
    to_client, from_client, to_server, from_server = (ssl.MemoryBIO() for _ in range(4))
    client = client_context.wrap_bio(to_client, from_client, server_hostname=NAME, session=session)
    server = server_context.wrap_bio(to_server, from_server, server_side=True)
    ends, said = (client, server), []

    def carry() -> None:
        for side, (source, target) in enumerate(((from_client, to_server), (from_server, to_client))):
            data = source.read()
            if data:
                said.append((side, data))
                target.write(data)

    for _ in range(4):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
            carry()
    for side, text in lines:
        ends[side].write(text)
        carry()
        with suppress(ssl.SSLWantReadError):
            while ends[1 - side].read(1 << 16):
                pass
    session = client.session
    for end in (*ends, client):  # a session that is not closed on both sides is not resumed
        with suppress(ssl.SSLError):
            end.unwrap()
        carry()
    return said, session
