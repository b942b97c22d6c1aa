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


def client_hello(extensions: bytes = b"", suites: bytes = bytes.fromhex("002f0035"), version: int = 0x0303) -> bytes:
    body = struct.pack(">H", version) + bytes(range(32)) + b"\0" + struct.pack(">H", len(suites)) + suites + b"\1\0"
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
    return record(22, client_hello(suites=b"\0\x18", version=0x0301)[:6] + random + b"\0\0\2\0\x18\1\0", 0x0301)


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
DNS_QUERY = bytes.fromhex("1a2b01000001000000000000") + b"\x03sip\x07contoso\x03com\0" + bytes.fromhex("00010001")
STUN_BINDING = bytes.fromhex("000100002112a442") + bytes(range(12))
MS_COOKIE = bytes.fromhex("000f000472c64bc6")
TURN_ALLOCATE = bytes.fromhex("00030010") + bytes(range(0x51, 0x61)) + MS_COOKIE + bytes.fromhex("8008000400000006")
TURN_CHALLENGE = (  # the realm is 11 bytes and unpadded, as [MS-TURN] allows
    bytes.fromhex("01130030")
    + bytes(range(0x51, 0x61))
    + MS_COOKIE
    + b"\x00\x09\x00\x10\0\0\4\1Unauthorized"
    + b"\x00\x15\x00\x0bcontoso.com"
    + b"\x00\x14\x00\x01n"
)
DNS_ANSWER = (
    bytes.fromhex("1a2b81800001000100000000")
    + b"\x03sip\x07contoso\x03com\0"
    + bytes.fromhex("00010001 c00c 00010001 0000012c 0004 0a000007")
)
DHCP_ACK = (
    bytes.fromhex("02010600 3903f326 00000000")
    + bytes.fromhex("00000000 0a000063 00000000 00000000 00155d010203")
    + bytes(10 + 192)
    + bytes.fromhex("63825363 350105 3604 0a000001 7811 00 03736970 07636f6e746f736f 03636f6d 00 ff")
)
RTCP_COMPOUND = bytes.fromhex("81c90007deadbeef 11111111 20000003 00010000 00000009 00000000 00000000 80cb0001deadbeef")
RTCP_EXTENDED = bytes.fromhex(
    "80c8000c deadbeef e0000000 80000000 00004e20 00000064 00003e80"
    "0001000c deadbeef 0007d000 0007000c 00000000 00017700"
    "81ca0003 deadbeef 01046162 63640000"
)
RTCP_SEALED = RTCP_COMPOUND[:32] + bytes.fromhex("9d3c5a77 80000001 0102030405060708090a")
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
    "stun": (
        STUN_BINDING,
        TURN_ALLOCATE,
        TURN_CHALLENGE,
        pseudo_client_hello(),
        pseudo_server_hello(),
        struct.pack(">BBH", 2, 0, len(TURN_CHALLENGE)) + TURN_CHALLENGE,
        struct.pack(">H", len(STUN_BINDING)) + STUN_BINDING,
        struct.pack(">HH", 0xFF10, 8 + len(STUN_BINDING)) + b"session1" + STUN_BINDING,
    ),
    "http": (
        b"GET /autodiscover/autodiscoverservice.svc/root HTTP/1.1\r\nHost: lyncdiscover.contoso.com\r\n\r\n",
        b"POST /CertProv/CertProvisioningService.svc/anon HTTP/1.1\nContent-Length: 5\n\n<a/>\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nTrailer: 1\r\n\r\n",
        b"HTTP/1.1 401\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 17\r\n\r\n",
    ),
    "dns": (DNS_QUERY, DNS_ANSWER, struct.pack(">H", len(DNS_ANSWER)) + DNS_ANSWER),
    "dhcp": (DHCP_DISCOVER, DHCP_ACK),
    "ntp": (ntp(3, transmit=0xE0000000_00000001), ntp(4)),
    "rtp": (RTP_PACKET, RTCP_COMPOUND, RTCP_EXTENDED, RTCP_SEALED),
    "psom": (b"\x01\x00\x00\x09opaque",),
}
