"""Whole messages of every protocol in the registry, by its name: what the shared promises are tested on."""

import struct


def record(content: int, fragment: bytes, version: int = 0x0303) -> bytes:
    return struct.pack(">BHH", content, version, len(fragment)) + fragment


def handshake(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def extension(kind: int, content: bytes) -> bytes:
    return struct.pack(">HH", kind, len(content)) + content


def server_name(name: bytes) -> bytes:
    return extension(0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name)


def client_hello(
    extensions: bytes = b"", suites: bytes = bytes.fromhex("002f0035"), version: int = 0x0303
) -> bytes:
    body = (
        struct.pack(">H", version)
        + bytes(range(32))
        + b"\0"
        + struct.pack(">H", len(suites))
        + suites
        + b"\1\0"
    )
    return handshake(1, body + (struct.pack(">H", len(extensions)) + extensions if extensions else b""))


def server_hello(
    extensions: bytes = b"", session_id: bytes = b"", version: int = 0x0303, random: bytes = bytes(32)
) -> bytes:
    body = struct.pack(">H", version) + random + bytes([len(session_id)]) + session_id + b"\0\x2f\0"
    return handshake(2, body + (struct.pack(">H", len(extensions)) + extensions if extensions else b""))


def certificate_list(*certificates: bytes) -> bytes:
    entries = b"".join(len(one).to_bytes(3, "big") + one for one in certificates)
    return handshake(11, len(entries).to_bytes(3, "big") + entries)


def ssl2_hello(suites: bytes = bytes.fromhex("00002f010080"), version: int = 0x0301) -> bytes:
    body = struct.pack(">BHHHH", 1, version, len(suites), 0, 16) + suites + bytes(16)
    return struct.pack(">H", 0x8000 | len(body)) + body


def pseudo_client_hello(random: bytes = bytes(32)) -> bytes:
    return record(
        22, client_hello(suites=b"\0\x18", version=0x0301)[:6] + random + b"\0\0\2\0\x18\1\0", 0x0301
    )


def pseudo_server_hello() -> bytes:
    hello = struct.pack(">H", 0x0301) + bytes(32) + b"\x20" + bytes(32) + b"\0\x18\0"
    return record(22, handshake(2, hello) + handshake(14, b""), 0x0301)


def ntp(mode: int, stratum: int = 2, transmit: int = 0xE0000000_80000000, leap: int = 0) -> bytes:
    head = bytes([leap << 6 | 4 << 3 | mode, stratum, 6, 0xEA])
    return head + bytes(36) + transmit.to_bytes(8, "big")


SIP_REGISTER = (
    b"REGISTER sip:contoso.com SIP/2.0\r\n"
    b"Via: SIP/2.0/TLS 10.0.0.5:50000\r\n"
    b"From: <sip:ada@contoso.com>;tag=1;epid=0a0b\r\n"
    b"To: <sip:ada@contoso.com>\r\n"
    b"Call-ID: 1234\r\n"
    b"CSeq: 1 REGISTER\r\n"
    b"User-Agent: UCCAPI/15.0 OC/15.0\r\n"
    b"Content-Length: 0\r\n\r\n"
)
SIP_ANSWER = (
    b"SIP/2.0 401 Unauthorized\r\n"
    b"From: <sip:ada@contoso.com>;tag=1\r\n"
    b"To: <sip:ada@contoso.com>;tag=2\r\n"
    b"Call-ID: 1234\r\n"
    b"CSeq: 1 REGISTER\r\n"
    b'WWW-Authenticate: NTLM realm="SIP Communications Service"\r\n'
    b"Content-Length: 0\r\n\r\n"
)
DNS_QUERY = (
    bytes.fromhex("1a2b01000001000000000000") + b"\x03sip\x07contoso\x03com\0" + bytes.fromhex("00010001")
)
STUN_BINDING = bytes.fromhex("000100002112a442") + bytes(range(12))
RTP_PACKET = bytes.fromhex("80727d0a00004e20deadbeef") + bytes(range(160))
DHCP_DISCOVER = (
    bytes.fromhex("01010600 3903f326 00000000")
    + bytes(16)
    + bytes.fromhex("00155d010203")
    + bytes(10 + 192)
    + bytes.fromhex("63825363 350101 3c0c")
    + b"MS-UC-Client"
    + bytes.fromhex("3702782b ff")
)

EXAMPLES: dict[str, tuple[bytes, ...]] = {
    "sip": (SIP_REGISTER, SIP_ANSWER),
    "tls": (
        record(22, client_hello(server_name(b"sip.contoso.com")), 0x0301),
        record(22, server_hello() + certificate_list(b"leaf", b"root") + handshake(14, b"")),
        record(22, certificate_list(b"split over two records")[:9])
        + record(22, certificate_list(b"split over two records")[9:]),
        record(21, b"\2\x30"),
        record(20, b"\1"),
        record(23, bytes(40)),
        ssl2_hello(),
    ),
    "stun": (STUN_BINDING, pseudo_client_hello(), pseudo_server_hello()),
    "http": (
        b"GET /autodiscover/autodiscoverservice.svc/root HTTP/1.1\r\nHost: lyncdiscover.contoso.com\r\n\r\n",
        b"POST /CertProv/CertProvisioningService.svc/anon HTTP/1.1\nContent-Length: 5\n\n<a/>\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nTrailer: 1\r\n\r\n",
        b"HTTP/1.1 401\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 17\r\n\r\n",
    ),
    "dns": (DNS_QUERY,),
    "dhcp": (DHCP_DISCOVER,),
    "ntp": (ntp(3, transmit=0xE0000000_00000001), ntp(4)),
    "rtp": (RTP_PACKET,),
    "psom": (b"\x01\x00\x00\x09opaque",),
}
