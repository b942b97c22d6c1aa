"""First bytes of every protocol that is recognised and not read, by its name, as the standards lay them out."""

import struct


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    return bytes([tag]) + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")) + content


def half_bytes(name: str, kind: int) -> bytes:
    """A NetBIOS name, RFC 1001 14.1."""
    whole = name.ljust(15).encode() + bytes([kind])
    return b"\x20" + b"".join(bytes([0x41 + (one >> 4), 0x41 + (one & 15)]) for one in whole) + b"\0"


def dtls(body: bytes, kind: int = 22, version: bytes = b"\xfe\xff") -> bytes:
    return bytes([kind]) + version + bytes(8) + struct.pack(">H", len(body)) + body


def tds(kind: int, body: bytes) -> bytes:
    return struct.pack(">BBHHBB", kind, 1, 8 + len(body), 0, 1, 0) + body


def rpc(kind: int, body: bytes) -> bytes:
    return struct.pack("<BBBB4sHHI", 5, 0, kind, 3, b"\x10\0\0\0", 16 + len(body), 0, 1) + body


LDAP_SEARCH = der(
    0x30,
    b"\x02\x01\x02",
    der(0x63, b"\x04\0\x0a\x01\0\x0a\x01\0\x02\x01\0\x02\x01\0\x01\x01\0", der(0x87, b"objectclass"), b"\x30\0"),
)
LDAP_OF_WINDOWS = b"\x30\x84\0\0\0\x0c\x02\x01\x01\x61\x84\0\0\0\x03\x0a\x01\0"
DTLS_HELLO = dtls(b"\x01\0\0\x40\0\0\0\0\0\0\0\x40\xfe\xfd" + bytes(62))
QUIC_INITIAL = b"\xc3\0\0\0\x01\x08" + bytes(range(8)) + b"\0\0\x44\x9e" + bytes(1182)
DHT_QUERY = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
UTP_SYN = b"\x41\0\x12\x34" + b"\0\x01\x02\x03" + bytes(4) + b"\0\x10\0\0" + b"\0\x01\0\0"
IKE_INIT = b"\1\2\3\4\5\6\7\x08" + bytes(8) + b"\x21\x20\x22\x08" + bytes(4) + struct.pack(">I", 28 + 40) + bytes(40)

STREAMS: dict[str, tuple[bytes, ...]] = {
    "smb": (
        b"\0\0\0\x54\xffSMB\x72" + bytes(79),
        b"\0\0\0\x68\xfeSMB\x40\0" + bytes(98),
        b"\x81\0\0\x44" + half_bytes("SERVER", 0x20) + half_bytes("CLIENT", 0),
        b"\x82\0\0\0",
    ),
    "ldap": (LDAP_SEARCH, LDAP_OF_WINDOWS, b"\x30\x05\x02\x01\x03\x42\0"),
    "tds": (
        tds(0x12, bytes.fromhex("00 000b 0006 01 0011 0001 ff") + bytes(6) + b"\1"),
        tds(0x10, struct.pack("<I", 90) + b"\x04\0\0\x74" + bytes(82)),
        tds(0x04, b"\xfd\0\0\0\0" + bytes(8)),
        tds(0x01, "select 1".encode("utf-16-le")),
    ),
    "rdp": (
        bytes.fromhex("0300002b 26e00000000000") + b"Cookie: mstshash=ada\r\n" + bytes.fromhex("0100080003000000"),
        bytes.fromhex("03000013 0ee00000000000 01000800 03000000"),
        bytes.fromhex("03000013 0ed00000123400 02000800 02000000"),
        bytes.fromhex("0300000b 06e00000000000"),
    ),
    "dce-rpc": (rpc(11, bytes(56)), rpc(12, bytes(44)), rpc(2, bytes(24))),
    "xmpp": (
        b"<?xml version='1.0'?><stream:stream to='b.example' xmlns='jabber:server' "
        b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
        b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>",
    ),
    "ssh": (b"SSH-2.0-OpenSSH_9.6\r\n",),
    "smtp": (b"220 mail.example.com ESMTP ready\r\n", b"EHLO client.example.com\r\n"),
    "ftp": (b"220 (vsFTPd 3.0.3)\r\n",),
    "pop3": (b"+OK POP3 server ready\r\n",),
    "imap": (b"* OK IMAP4rev1 server ready\r\n",),
    "rtsp": (b"DESCRIBE rtsp://a.example/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
    "bittorrent": (b"\x13BitTorrent protocol" + bytes(48),),
    "openvpn": (b"\0\x0e\x38" + bytes(range(1, 9)) + bytes(5),),
}
DATAGRAMS: dict[str, tuple[bytes, ...]] = {
    "nbns": (b"\x12\x34\x01\x10\0\x01" + bytes(6) + half_bytes("SERVER", 0x20) + b"\0\x20\0\x01",),
    "nbds": (
        bytes.fromhex("110a1234 0a000005 008a 00bb 0000") + half_bytes("CLIENT", 0) + half_bytes("WORKGROUP", 0x1D),
    ),
    "ldap": (LDAP_SEARCH,),
    "snmp": (
        der(0x30, b"\x02\x01\x01", b"\x04\x06public", der(0xA0, b"\x02\x01\x07\x02\x01\0\x02\x01\0\x30\0")),
        der(
            0x30, b"\x02\x01\x03", der(0x30, b"\x02\x04\0\0\x12\x34\x02\x02\x05\xdc\x04\x01\x04\x02\x01\x03"), b"\x04\0"
        ),
    ),
    "ssrp": (b"\x05\x1d\0ServerName;A;InstanceName;B;;",),
    "ssdp": (
        b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\n\r\n',
        b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice\r\n\r\n",
    ),
    "ws-discovery": (
        b'<?xml version="1.0"?><Envelope xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery"></Envelope>',
    ),
    "tftp": (b"\0\x01SEP001122334455.cnf.xml\0octet\0",),
    "syslog": (
        b"<34>1 2026-01-01T00:00:00Z host app - - - text",
        b"<13>Oct 11 22:14:15 host su: failed",
        b"<190>1234: Mar  1 00:00:01: %SYS-5",
    ),
    "ike": (IKE_INIT, bytes(4) + IKE_INIT),
    "quic": (
        QUIC_INITIAL,
        b"\xe3\0\0\0\x01\x08" + bytes(range(8)) + b"\x04abcd" + bytes(60),
        b"\x0d" + bytes(range(8)) + b"Q043" + bytes(40),
        b"\xc0\0\0\0\0\x08" + bytes(range(8)) + b"\x04abcd" + b"\0\0\0\x01\x6b\x33\x43\xcf",
        b"\xc3Q046\x50" + bytes(range(8)) + bytes(30),
    ),
    "dtls": (DTLS_HELLO, dtls(b"\x03" * 30, version=b"\xfe\xfd")[:13] + b"\x03\0\0\x12\0\0\0\0\0\0\0\x12" + bytes(18)),
    "bittorrent": (DHT_QUERY, UTP_SYN, bytes.fromhex("0000041727101980 00000000 12345678")),
    "game": (
        b"\xff\xff\xff\xffTSource Engine Query\0",
        b"\xff\xff\xff\xffgetinfo xxx",
        b"\x01" + bytes(8) + bytes.fromhex("00ffff00fefefefefdfdfdfd12345678") + bytes(8),
    ),
    "wireguard": (b"\1\0\0\0" + bytes(range(144)), b"\2\0\0\0" + bytes(range(88))),
    "openvpn": (b"\x38" + bytes(range(1, 9)) + bytes(5),),
    "gtp": (b"\x32\x01\0\x04\0\0\0\0\0\0\0\0", b"\x48\x20\0\x08" + bytes(8)),
}
LIKELY = {
    "smb": {b"\x82\0\0\0"},
    "tds": {STREAMS["tds"][2], STREAMS["tds"][3]},
    "rdp": {STREAMS["rdp"][3]},
    "dce-rpc": {STREAMS["dce-rpc"][2]},
    "quic": {DATAGRAMS["quic"][1], *DATAGRAMS["quic"][3:]},
    "bittorrent": {UTP_SYN},
    **{name: set(DATAGRAMS[name]) for name in ("dtls", "syslog", "wireguard", "openvpn", "gtp")},
}
LIKELY["openvpn"] |= set(STREAMS["openvpn"])
"""Those another protocol could share; all others are certain."""
