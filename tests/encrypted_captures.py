"""Captures of real TLS sessions whose plaintext and keys are known, built in memory."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from capture_files import Connection, pcap, timed
from tls_sessions import Said, contexts, converse, mint

REGISTER = (
    b"REGISTER sip:contoso.com SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.1:50000\r\nFrom: <sip:ann@contoso.com>;tag=1\r\n"
    b"To: <sip:ann@contoso.com>\r\nCall-ID: 7\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
UNAUTHORIZED = (
    b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/TLS 10.0.0.1:50000\r\nFrom: <sip:ann@contoso.com>;tag=1\r\n"
    b"To: <sip:ann@contoso.com>;tag=2\r\nCall-ID: 7\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
)
SIGN_IN: Said = [(0, REGISTER), (1, UNAUTHORIZED)]


@dataclass
class Office:
    """A server with a certificate, its clients, and the key log of all their sessions."""

    folder: Path
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ciphers: str = ""
    with_rsa: bool = False
    asks: bool = False
    frames: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.identity, self.certificate = mint(self.folder, with_rsa=self.with_rsa)
        self.client, self.server = contexts(self.identity, self.version, asks=self.asks)
        if self.asks:
            self.client.load_cert_chain(self.identity)
        if self.ciphers:
            for one in (self.client, self.server):
                one.set_ciphers(self.ciphers)
        self.keylog = self.folder / "keys.log"
        self.server.keylog_filename = str(self.keylog)

    def talk(
        self, connection: Connection, lines: Said, session: ssl.SSLSession | None = None, before: Said | None = None
    ) -> ssl.SSLSession | None:
        """One connection from SYN to FIN, with what is said `before` TLS begins; its session."""
        said, session = converse(self.client, self.server, lines, session)
        self.frames += connection.open()
        for side, data in [*(before or []), *said]:
            self.frames += connection.say(side, data)
        self.frames += connection.close()
        return session

    def capture(self, name: str = "office.pcap", frames: Iterable[bytes] | None = None) -> Path:
        """The capture file of all that was talked, or of these frames."""
        path = self.folder / name
        path.write_bytes(pcap(timed(self.frames if frames is None else frames)))
        return path


def plain_capture(folder: Path, connection: Connection, lines: Said) -> Path:
    """The same talk in the clear."""
    frames = connection.open()
    for side, text in lines:
        frames += connection.say(side, text)
    path = folder / "plain.pcap"
    path.write_bytes(pcap(timed([*frames, *connection.close()])))
    return path
