"""Whole messages of every protocol in the registry, by its name: what the shared promises are tested on."""

import struct

from known_examples import der


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


def krb_name(*parts: str) -> bytes:
    """A principal's name (RFC 4120 5.2.2)."""
    return der(0x30, der(0xA0, b"\2\1\2"), der(0xA1, der(0x30, *(der(0x1B, one.encode()) for one in parts))))


def krb_request(kind: int, *service: str, realm: str = "CEDAR.EXAMPLE") -> bytes:
    """AS-REQ (10) or TGS-REQ (12) for a service (RFC 4120 5.4.1)."""
    wanted = [der(0xA0, b"\3\5\0\0\0\0\x10"), der(0xA2, der(0x1B, realm.encode())), der(0xA3, krb_name(*service))]
    fields = [der(0xA1, b"\2\1\5"), der(0xA2, bytes((2, 1, kind))), der(0xA4, der(0x30, *wanted))]
    return der(0x60 | kind, der(0x30, *fields))


def krb_reply(kind: int, *service: str, realm: str = "CEDAR.EXAMPLE") -> bytes:
    """AS-REP (11) or TGS-REP (13) with a ticket (RFC 4120 5.4.2)."""
    ticket = [der(0xA0, b"\2\1\5"), der(0xA1, der(0x1B, realm.encode())), der(0xA2, krb_name(*service))]
    sealed = der(0x30, der(0xA0, b"\2\1\x12"), der(0xA2, der(0x04, bytes(32))))
    body = der(0x61, der(0x30, *ticket, der(0xA3, sealed)))
    user = [der(0xA3, der(0x1B, realm.encode())), der(0xA4, krb_name("ada"))]
    fields = [der(0xA0, b"\2\1\5"), der(0xA1, bytes((2, 1, kind))), *user, der(0xA5, body), der(0xA6, sealed)]
    return der(0x60 | kind, der(0x30, *fields))


def krb_error(code: int, *service: str, realm: str = "CEDAR.EXAMPLE", client: str = "", server: str = "") -> bytes:
    """KRB-ERROR (RFC 4120 5.9.1); `client` and `server` are times."""
    fields = [der(0xA0, b"\2\1\5"), der(0xA1, b"\2\1\x1e")]
    fields += [der(0xA2, der(0x18, client.encode()))] if client else []
    fields += [der(0xA4, der(0x18, (server or "20240102030405Z").encode())), der(0xA5, b"\2\1\0")]
    fields += [der(0xA6, bytes((2, 1, code))), der(0xA9, der(0x1B, realm.encode())), der(0xAA, krb_name(*service))]
    return der(0x7E, der(0x30, *fields))


KRB_AS_REQ = krb_request(10, "krbtgt", "CEDAR.EXAMPLE")
KRB_TGS_REP = krb_reply(13, "sip", "pool.cedar.example")
KRB_ERROR = krb_error(7, "sip", "pool.cedar.example")


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
SIP_OFFER = (
    b"v=0\r\no=- 0 0 IN IP4 10.0.0.5\r\ns=session\r\nc=IN IP4 10.0.0.5\r\nt=0 0\r\nm=audio 50020 RTP/SAVP 114\r\n"
    b"a=ice-ufrag:/4N5\r\na=candidate:1 1 UDP 2130706431 10.0.0.5 50020 typ host\r\na=encryption:required\r\n"
)
SIP_INVITE = (
    b"INVITE sip:bob@contoso.com SIP/2.0\r\n"
    b"Via: SIP/2.0/TLS 10.0.0.5:50000;branch=z9hG4bK1\r\n"
    b"f: <sip:ada@contoso.com>;tag=1;epid=0a0b\r\n"
    b"t: <sip:bob@contoso.com>\r\n"
    b"i: 5678\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Record-Route: <sip:pool.contoso.com:5061;transport=tls;opaque=state:F;lr;ms-route-sig=aa>\r\n"
    b"c: application/sdp\r\n"
    b"l: " + str(len(SIP_OFFER)).encode() + b"\r\n\r\n" + SIP_OFFER
)
MRAS_DOCUMENT = (
    b'<request requestID="1" version="1.0" to="sip:mras@contoso.com" from="sip:ada@contoso.com" '
    b'xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp"><credentialsRequest credentialsRequestID="1">'
    b"<identity>sip:ada@contoso.com</identity><location>internet</location><duration>480</duration>"
    b"</credentialsRequest></request>"
)
SIP_SERVICE = (
    b"SERVICE sip:mras@contoso.com SIP/2.0\r\n"
    b"From: <sip:ada@contoso.com>;tag=2;epid=0a0b\r\n"
    b"To: <sip:mras@contoso.com>\r\n"
    b"Call-ID: 9abc\r\n"
    b"CSeq: 1 SERVICE\r\n"
    b"Content-Type: application/msrtc-media-relay-auth+xml\r\n"
    b"Content-Length: " + str(len(MRAS_DOCUMENT)).encode() + b"\r\n\r\n" + MRAS_DOCUMENT
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
TURN_BANDWIDTH = (  # a reservation check of [MS-TURNBWM]: step, amounts, the remote site, where both ends are
    bytes.fromhex("0003 0038")
    + bytes(range(0x51, 0x61))
    + MS_COOKIE
    + bytes.fromhex("8056 0004 00000000  8058 0010 00000022 000000a5 0000001e 000000a0")
    + bytes.fromhex("8059 0008 0001 9302 9153 51a3  8068 0004 01020000")
)
ICE_CHECK = bytes.fromhex(  # RFC 5769 2.1
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36"
    "000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
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

CERTIFICATE_REQUEST = (
    bytes.fromhex("02 0140 0004 0403 0401 0019 0017") + bytes.fromhex("3015311330110603550403") + b"\x0c\x0aContoso CA"
)


def lldp(kind: int, value: bytes) -> bytes:
    return struct.pack(">H", kind << 9 | len(value)) + value


def cdp(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, 4 + len(value)) + value


LLDP_OF_SWITCH = (
    lldp(1, b"\x04\x02\0\0\0\0\x01")
    + lldp(2, b"\x05Gi1/0/7")
    + lldp(3, b"\0\x78")
    + lldp(5, b"switch-3")
    + lldp(7, b"\0\x14\0\x04")
    + lldp(127, b"\0\x80\xc2\x01" + struct.pack(">H", 20))
    + lldp(127, b"\0\x12\xbb\x01" + b"\0\x37\x04")
    + lldp(127, b"\0\x12\xbb\x02" + b"\x01" + (1 << 22 | 120 << 9 | 5 << 6 | 46).to_bytes(3, "big"))
    + lldp(0, b"")
)
CDP_OF_SWITCH = (
    b"\x02\xb4\0\0"
    + cdp(0x01, b"switch-4")
    + cdp(0x03, b"FastEthernet0/3")
    + cdp(0x04, b"\0\0\0\x28")
    + cdp(0x0A, struct.pack(">H", 20))
    + cdp(0x0E, b"\x01" + struct.pack(">H", 120))
    + cdp(0x13, b"\0")
)
EXAMPLES_ON_LINKS: dict[str, tuple[bytes, ...]] = {
    "lldp": (LLDP_OF_SWITCH, LLDP_OF_SWITCH[:-2] + lldp(4, b"to the phones")),
    "cdp": (CDP_OF_SWITCH,),
}
"""What lies behind an EtherType or SNAP, never in a flow."""

EXAMPLES: dict[str, tuple[bytes, ...]] = {
    "sip": (SIP_REGISTER, SIP_ANSWER, SIP_INVITE, SIP_SERVICE),
    "tls": (
        record(22, client_hello(server_name(b"sip.contoso.com")), 0x0301),
        record(22, server_hello() + certificate_list(b"leaf", b"root") + handshake(14, b"")),
        record(22, certificate_list(b"split over two records")[:9])
        + record(22, certificate_list(b"split over two records")[9:]),
        record(
            22,
            client_hello(
                server_name(b"sip.contoso.com")
                + extension(10, bytes.fromhex("0006 1a1a 001d 0017"))
                + extension(13, bytes.fromhex("0004 0403 0401"))
                + extension(16, b"\0\3\2h2")
                + extension(43, bytes.fromhex("06 1a1a 0304 0303"))
            ),
            0x0301,
        ),
        record(22, handshake(13, CERTIFICATE_REQUEST) + handshake(14, b"")),
        record(21, b"\2\x30"),
        record(20, b"\1"),
        record(23, bytes(40)),
        ssl2_hello(),
    ),
    "stun": (
        STUN_BINDING,
        TURN_ALLOCATE,
        TURN_CHALLENGE,
        TURN_BANDWIDTH,
        ICE_CHECK,
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
    "http2": (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        bytes.fromhex("00000c 04 00 00000000 0003 00000064 0004 00010000"),
    ),
    "dns": (DNS_QUERY, DNS_ANSWER, struct.pack(">H", len(DNS_ANSWER)) + DNS_ANSWER),
    "dhcp": (DHCP_DISCOVER, DHCP_ACK),
    "dhcpv6": (bytes.fromhex("01 abcdef 0001 000a 00030001 00155d010203 0006 0002 0017"),),
    "kerberos": (KRB_AS_REQ, struct.pack(">I", len(KRB_AS_REQ)) + KRB_AS_REQ, KRB_TGS_REP, KRB_ERROR),
    "ntp": (ntp(3, transmit=0xE0000000_00000001), ntp(4)),
    "rtp": (RTP_PACKET, RTCP_COMPOUND, RTCP_EXTENDED, RTCP_SEALED),
    "psom": (b"\x01\x00\x00\x09opaque",),
}
