"""Small servers of the laboratory: DNS, DHCP with options 43 and 120, NTP, and scripted TCP listeners.

Each `serve_…` function runs until its process is killed. Web and SIP servers are in `web` and `sip`.
"""

import contextlib
import secrets
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

NTP_EPOCH = 2_208_988_800
CERTPROV_PATH = "/CertProv/CertProvisioningService.svc"
DHCP_COOKIE = b"\x63\x82\x53\x63"
DNS_TTL = 1200
VOICE_VLAN = 10

Zone = Mapping[tuple[str, str], Sequence[str]]
"""(name, record type) to record data as in a zone file."""


def serve_dns(
    zone: Zone, delay: float = 0.0, family: socket.AddressFamily = socket.AF_INET, broken: Sequence[str] = ()
) -> None:
    """Answer from the zone; a name with no record of any type is NXDOMAIN. `delay`: seconds of recursion.

    Domains that are `broken` get SERVFAIL.
    """
    listener = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind(("", 53))
    names = {name for name, _ in zone}
    while True:
        wire, client = listener.recvfrom(4096)
        time.sleep(delay)
        query = dns.message.from_wire(wire)
        answer = _resolve(query, zone, names)
        if query.question[0].name.to_text(omit_final_dot=True).endswith(tuple(broken) or ("\0",)):
            answer = dns.message.make_response(query, recursion_available=True)
            answer.set_rcode(dns.rcode.SERVFAIL)
        listener.sendto(answer.to_wire(), client)


def _resolve(query: dns.message.Message, zone: Zone, names: set[str]) -> dns.message.Message:
    answer = dns.message.make_response(query, recursion_available=True)
    question = query.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    kind = dns.rdatatype.to_text(question.rdtype)
    found = zone.get((name, kind)) or zone.get((name, "CNAME"))
    if not found:
        answer.set_rcode(dns.rcode.NOERROR if name in names else dns.rcode.NXDOMAIN)
        parent = name.partition(".")[2] or "."
        soa = f"ns.{parent}. hostmaster.{parent}. 402 900 600 86400 3600"
        answer.authority.append(dns.rrset.from_text(f"{parent}.", DNS_TTL, "IN", "SOA", soa))
        return answer
    shown = kind if (name, kind) in zone else "CNAME"
    answer.answer.append(dns.rrset.from_text(question.name, DNS_TTL, "IN", shown, *found))
    targets = [record.rstrip(".").split()[-1] for record in found]
    for target in targets if shown in ("CNAME", "SRV") else []:
        section = answer.answer if shown == "CNAME" else answer.additional
        if addresses := zone.get((target, "A")):
            section.append(dns.rrset.from_text(f"{target}.", DNS_TTL, "IN", "A", *addresses))
    return answer


def serve_time(stratum: int = 3) -> None:
    """Answer NTP clients with the machine's own clock (RFC 5905, mode 4)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("", 123))
    while True:
        request, client = listener.recvfrom(512)
        now = ntp_now()
        head = struct.pack("!BBbbII4s", 0x24, stratum, 6, -20, 0x0500, 0x0900, b"\x0a\x00\x00\x01")
        listener.sendto(head + now + request[40:48] + now + now, client)


def ntp_now() -> bytes:
    """Return the time as an NTP timestamp."""
    seconds, fraction = divmod(time.time() + NTP_EPOCH, 1)
    return struct.pack("!II", int(seconds), int(fraction * 2**32))


@dataclass(frozen=True)
class Lease:
    """What the DHCP server gives out: addresses by MAC, and the options Lync phones ask for."""

    server: str
    by_mac: Mapping[str, str]
    router: str
    mask: str
    dns_server: str
    domain: str
    web_server: str | None = None
    """FQDN of option 43 sub-option 3; None: this server knows no Lync options."""
    registrar: str | None = None
    """FQDN of option 120."""
    time_server: str | None = None
    interface: str = "eth0"
    voice_vlan: int | None = None
    """Sub-option 10 of option 43, for phones that ask as CPE-OCPHONE."""
    altered: dict[int, bytes] = field(default_factory=dict)
    """Options that phones of class MS-UC-Client get in place of the right ones; empty: left out."""
    answers_inform: bool = True


def serve_dhcp(*leases: Lease) -> None:
    """Answer DISCOVER, REQUEST and INFORM (RFC 2131) by broadcast, as the client asks for; on one interface."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, leases[0].interface.encode())
    listener.bind(("", 67))
    while True:
        request, _ = listener.recvfrom(2048)
        for lease in leases:
            if reply := answer_lease(request, lease):
                listener.sendto(reply, ("255.255.255.255", 68))


def dhcp_options(payload: bytes) -> dict[int, bytes]:
    """Return the options of a DHCP message by code (RFC 2132)."""
    options, at = {}, 240
    while at < len(payload) and payload[at] != 255:
        length = payload[at + 1]
        options[payload[at]] = payload[at + 2 : at + 2 + length]
        at += 2 + length
    return options


def encode_options(options: Mapping[int, bytes]) -> bytes:
    """Return DHCP options as bytes with the magic cookie and the end mark."""
    body = b"".join(bytes([code, len(value)]) + value for code, value in options.items())
    return DHCP_COOKIE + body + b"\xff"


def answer_lease(request: bytes, lease: Lease) -> bytes | None:
    """Return the answer to one DHCP message, None for strangers and for what needs no answer."""
    mac = ":".join(f"{byte:02x}" for byte in request[28:34])
    address = lease.by_mac.get(mac)
    asked = dhcp_options(request)
    kind = {1: 2, 3: 5, 8: 5}.get(asked[53][0])
    if not address or not kind:
        return None
    inform = asked[53] == b"\x08"
    if inform and not lease.answers_inform:
        return None
    options = {53: bytes([kind]), 54: socket.inet_aton(lease.server)}
    if not inform:
        options |= {51: struct.pack("!I", 8 * 3600), 1: socket.inet_aton(lease.mask)}
        options |= {3: socket.inet_aton(lease.router)}
    options |= {6: socket.inet_aton(lease.dns_server), 15: lease.domain.encode()}
    if lease.time_server:
        options[42] = socket.inet_aton(lease.time_server)
    if lease.web_server and asked.get(60) == b"MS-UC-Client":
        options[43] = _vendor_option(lease.web_server)
    if lease.voice_vlan and asked.get(60) == b"CPE-OCPHONE":
        options[43] = struct.pack("!BBH", VOICE_VLAN, 2, lease.voice_vlan)
    if lease.registrar and 120 in asked.get(55, b""):
        options[120] = _sip_servers(lease.registrar)
    if asked.get(60) == b"MS-UC-Client":
        options = {code: value for code, value in (options | lease.altered).items() if value}
    yours = bytes(4) if inform else socket.inet_aton(address)
    head = struct.pack("!BBBB", 2, 1, 6, 0) + request[4:12] + request[12:16] + yours
    return head + bytes(8) + request[28:44] + bytes(192) + encode_options(options)


def _vendor_option(web_server: str) -> bytes:
    return vendor_option(b"MS-UC-Client", b"https", web_server.encode(), b"443", CERTPROV_PATH.encode())


def vendor_option(*values: bytes) -> bytes:
    """Encode option 43: sub-options 1, 2, … in this order."""
    return b"".join(bytes([code, len(value)]) + value for code, value in enumerate(values, start=1))


def _sip_servers(name: str) -> bytes:
    """Encode names for option 120 (RFC 3361 section 3.1)."""
    labels = (bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x00" + b"".join(labels) + b"\x00"


Conversation = Callable[[socket.socket], None]


def serve_tcp(port: int, conversation: Conversation, context: ssl.SSLContext | None = None, address: str = "") -> None:
    """Accept for ever, each connection in a thread; peers that vanish or distrust us are no error."""
    listener = socket.create_server((address, port), backlog=32)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_converse, args=(connection, conversation, context), daemon=True).start()


def _converse(connection: socket.socket, conversation: Conversation, context: ssl.SSLContext | None) -> None:
    with connection, contextlib.suppress(OSError):
        if context is None:
            conversation(connection)
            return
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as protected:
            if _shake_hands(protected):
                conversation(protected)
                protected.unwrap()


def _shake_hands(protected: ssl.SSLSocket) -> bool:
    """Shake hands; False when the peer closes in between: OpenSSL would alert it, Schannel just closes."""
    protected.setblocking(False)
    while True:
        try:
            protected.do_handshake()
        except ssl.SSLWantReadError:
            select.select([protected], [], [])
            if not socket.socket.recv(protected, 1, socket.MSG_PEEK):
                return False
        else:
            protected.setblocking(True)
            return True


def file_share(connection: socket.socket) -> None:
    """Answer SMB2 requests with a bare header of the same command, status access denied."""
    while request := connection.recv(4096):
        header = b"\xfeSMB" + struct.pack("<HHI", 64, 0, 0xC0000022) + request[16:18] + b"\x01\x00"
        body = (header + struct.pack("<II", 1, 0) + request[28:36]).ljust(64, b"\0") + b"\x09\x00" + bytes(7)
        connection.sendall(struct.pack("!I", len(body)) + body)


def data_conference(connection: socket.socket) -> None:
    """Answer each opaque client message of a data conference with opaque bytes, and push updates."""
    while request := connection.recv(4096):
        connection.sendall(secrets.token_bytes(48 + len(request) // 2))
        connection.sendall(secrets.token_bytes(96))
