"""What every client of the laboratory does: ask DNS and NTP, open TCP connections and TLS, exchange HTTP."""

import http.client
import secrets
import socket
import ssl
import struct
import subprocess
import time
from dataclasses import dataclass

import dns.message
import dns.rcode
import dns.rdatatype

from sample_pcaps.lab.services import dhcp_options, encode_options, ntp_now

ANSWER_SECONDS = 8.0
RELEASED_SECONDS = 0.05
BOOTP_SIZE = 300
"""The smallest DHCP message (RFC 951); shorter ones are padded."""
REFUSED_RETRY_SECONDS = 0.5
"""Windows repeats a refused SYN twice, half a second apart, from the same source port."""


@dataclass(frozen=True)
class Resolver:
    """A stub resolver asking one server over UDP."""

    server: str
    """IPv4 or IPv6."""
    payload: int | None = None
    """The largest answer it takes, said by EDNS0 (RFC 6891); None: it does not speak EDNS0."""

    def answer(self, name: str, kind: str, seconds: float = ANSWER_SECONDS) -> dns.message.Message:
        """Return the answer to one query; raises TimeoutError without one."""
        query = dns.message.make_query(name, kind, use_edns=0 if self.payload else None, payload=self.payload)
        family = socket.AF_INET6 if ":" in self.server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(seconds)
            asking.sendto(query.to_wire(), (self.server, 53))
            return dns.message.from_wire(asking.recv(65535))

    def records(self, name: str, kind: str = "A") -> list[str]:
        """Return the answer's records of this kind as text, none for NXDOMAIN."""
        answer = self.answer(name, kind)
        wanted = dns.rdatatype.from_text(kind)
        return [record.to_text() for rrset in answer.answer if rrset.rdtype == wanted for record in rrset]

    def address(self, name: str) -> str:
        """Return the first address of a name that must exist."""
        return self.records(name)[0]


def open_tcp(address: str, port: int, *, source_port: int = 0) -> socket.socket | None:
    """Connect; None when refused, prohibited or unanswered until the kernel gives up."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.bind(("", source_port))
    try:
        connection.connect((address, port))
    except OSError:
        connection.close()
        return None
    return connection


def open_tcp_as_windows(address: str, port: int) -> socket.socket | None:
    """Connect as Windows does: a refusal is taken seriously after the third one only."""
    source_port = 49152 + secrets.randbelow(16000)
    for _ in range(3):
        started = time.monotonic()
        if connection := open_tcp(address, port, source_port=source_port):
            return connection
        if time.monotonic() - started > REFUSED_RETRY_SECONDS:
            return None
        time.sleep(REFUSED_RETRY_SECONDS)
    return None


def open_tls(address: str, port: int, context: ssl.SSLContext, name: str | None) -> ssl.SSLSocket | None:
    """Connect and shake hands; None when TCP fails or this side refuses the certificate (and says so)."""
    connection = open_tcp_as_windows(address, port)
    return protect(connection, context, name) if connection else None


def protect(connection: socket.socket, context: ssl.SSLContext, name: str | None) -> ssl.SSLSocket | None:
    """Shake hands on an open connection; None when either side does not like the other."""
    try:
        return context.wrap_socket(connection, server_hostname=name)
    except OSError:
        connection.close()
        return None


def close_tls(connection: ssl.SSLSocket) -> None:
    """Say close_notify, wait for the peer's, and close."""
    connection.settimeout(1.0)
    try:
        connection.unwrap().close()
    except OSError:
        connection.close()


def exchange(
    connection: socket.socket,
    method: str,
    host: str,
    path: str,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> tuple[int, bytes]:
    """Send one HTTP request and return status and body of the answer."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return response.status, response.read()


def set_clock(server: str) -> None:
    """Ask an NTP server the time as a phone does (RFC 5905, mode 3)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(ANSWER_SECONDS)
        asking.bind(("", 123))
        asking.sendto(b"\x1b" + bytes(39) + ntp_now(), (server, 123))
        asking.recv(512)


@dataclass(frozen=True)
class Bound:
    """What DHCP told a phone."""

    address: str
    options: dict[int, bytes]


class DhcpClient:
    """A DHCP client of one boot (RFC 2131), broadcasting until it has an address."""

    def __init__(self, mac: str, interface: str = "eth0") -> None:
        """Open port 68 on one interface."""
        self._interface = interface
        self._mac = bytes.fromhex(mac.replace(":", ""))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        self._socket.bind(("", 68))
        self._socket.settimeout(ANSWER_SECONDS)

    def boot(self, vendor_class: bytes) -> Bound:
        """Discover, request, and configure the interface."""
        asked = {60: vendor_class, 55: bytes([1, 3, 6, 15, 42, 43])}
        transaction = secrets.token_bytes(4)
        offer = self._ask(transaction, 1, asked)
        wanted = {50: offer[16:20], 54: dhcp_options(offer)[54]}
        answer = self._ask(transaction, 3, wanted | asked)
        address, options = socket.inet_ntoa(answer[16:20]), dhcp_options(answer)
        mask = socket.inet_ntoa(options[1])
        _ip("address", "add", f"{address}/{mask}", "brd", "+", "dev", self._interface)
        _ip("route", "add", "default", "via", socket.inet_ntoa(options[3]))
        return Bound(address, options)

    def leave(self, bound: Bound) -> None:
        """Release the lease, give up the address and close."""
        server = socket.inet_ntoa(bound.options[54])
        head = struct.pack("!BBBBI", 1, 1, 6, 0, secrets.randbits(32)) + bytes(4) + socket.inet_aton(bound.address)
        client = {53: b"\x07", 54: bound.options[54], 61: b"\x01" + self._mac}
        message = head + bytes(12) + self._mac.ljust(16, b"\0") + bytes(192) + encode_options(client)
        self._socket.sendto(message.ljust(BOOTP_SIZE, b"\0"), (server, 67))
        # Without its address the message would not find its way any more.
        time.sleep(RELEASED_SECONDS)
        self._socket.close()
        _ip("address", "flush", "dev", self._interface)

    def inform(self, address: str, vendor_class: bytes) -> dict[int, bytes]:
        """Ask for options 43 and 120 with an address at hand."""
        asked = {60: vendor_class, 55: bytes([43, 120, 6, 15, 42])}
        answer = self._ask(secrets.token_bytes(4), 8, asked, own=socket.inet_aton(address))
        return dhcp_options(answer)

    def _ask(self, transaction: bytes, kind: int, options: dict[int, bytes], own: bytes = bytes(4)) -> bytes:
        head = struct.pack("!BBBB", 1, 1, 6, 0) + transaction + b"\0\0\x80\0" + own + bytes(12)
        client = {53: bytes([kind]), 61: b"\x01" + self._mac}
        message = head + self._mac.ljust(16, b"\0") + bytes(192) + encode_options(client | options)
        self._socket.sendto(message.ljust(BOOTP_SIZE, b"\0"), ("255.255.255.255", 67))
        while True:
            answer = self._socket.recv(2048)
            if answer[4:8] == transaction:
                return answer


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def voice_vlan_of(vendor_option: bytes) -> int:
    """Return the VLAN in option 43 (sub-option 10)."""
    return int.from_bytes(vendor_option[2:4], "big")


def web_server_of(vendor_option: bytes) -> str:
    """Return the FQDN in option 43 (sub-option 3)."""
    at = 0
    while at < len(vendor_option):
        code, length = vendor_option[at], vendor_option[at + 1]
        if code == 3:
            return vendor_option[at + 2 : at + 2 + length].decode()
        at += 2 + length
    raise ValueError("option 43 without a web server")
