"""What seals everything it carries: DTLS, QUIC, WireGuard, OpenVPN, IKE; and GTP, which does not."""

from dissectors.contract import Verdict
from dissectors.known.recogniser import CERTAIN, LIKELY, REJECT, UNSURE, Recogniser

_DTLS_VERSIONS = (b"\xfe\xff", b"\xfe\xfd", b"\1\0")  # 1.0, 1.2 (1.3 says the same), what early OpenSSL wrote
_DTLS_HEADER, _HANDSHAKE = 13, 22
_QUIC_VERSIONS = (b"\0\0\0\0", b"\0\0\0\1", b"\x6b\x33\x43\xcf")  # negotiation, RFC 9000, RFC 9369
_QUIC_DRAFTS = (b"\xff\0\0", b"\xfa\xce\xb0", b"Q0", b"T05")
_QUIC_SMALLEST = 1200  # bytes of a client's first datagram (RFC 9000 14.1)
_MAX_CONNECTION_ID = 20
_WIREGUARD_SIZES = {1: 148, 2: 92, 3: 64}  # bytes of both handshake messages and the cookie's
_OPENVPN_RESETS = (7 << 3, 8 << 3)  # of client and server, second method
_OPENVPN_SIZES = frozenset((14, 22, 26, 42, 50, 54, 62, 86, 94))
"""Opcode, session, packet number and empty list; with 16, 20, 32 or 64 bytes of seal, a second number and a time;
answers name a session more."""
_IKE_HEADER = 28
_IKE_EXCHANGES = {0x10: (2, 4, 5, 6, 32, 33), 0x20: (34, 35, 36, 37, 38, 43)}  # RFC 2408 3.1, RFC 7296 3.1
_MARKER = bytes(4)
_GTP_SIGNALS = frozenset((1, 2, 3, *range(16, 22), 26, 31, 254, 255))  # 3GPP TS 29.060 7.1


def _dtls(head: bytes) -> Verdict:
    """RFC 6347 4.1: records whose lengths end where the datagram does; a handshake message fits its record.

    Media shares the port, and says more of the flow: it stays at LIKELY.
    """
    if len(head) < _DTLS_HEADER:
        return UNSURE if any(one.startswith(head[1:3]) for one in _DTLS_VERSIONS) else REJECT
    if head[1:3] not in _DTLS_VERSIONS or head[3] > 0 or head[4] > 3:
        return REJECT
    size = int.from_bytes(head[11:13], "big")
    body = head[_DTLS_HEADER : _DTLS_HEADER + size]
    if not size or len(body) < size:
        return UNSURE if size else REJECT
    if head[0] == _HANDSHAKE and head[3:5] == b"\0\0":
        whole, piece = int.from_bytes(body[1:4], "big"), int.from_bytes(body[9:12], "big")
        return LIKELY if piece <= min(whole, size) else REJECT
    return LIKELY


def _quic(head: bytes) -> Verdict:
    """RFC 9000 17.2: a long header with a known version and connection IDs that fit; or Google's of old."""
    if head[0] & 0xC0 != 0xC0:
        return _quic_of_old(head)
    version = head[1:5]
    if len(version) < 4:
        return UNSURE
    known = version in _QUIC_VERSIONS or version.startswith(_QUIC_DRAFTS)
    if not known and any(one & 0x0F != 0x0A for one in version):  # RFC 9000 15: kept for trying out
        return REJECT
    if version[:1] in b"QT":  # Google's own, with both lengths in one byte
        return LIKELY
    if len(head) < 6:
        return UNSURE
    second = 6 + head[5]
    if head[5] > _MAX_CONNECTION_ID or head[second : second + 1] > bytes([_MAX_CONNECTION_ID]):
        return REJECT
    if not any(version):
        return _versions(head[second:])
    return CERTAIN if head[0] & 0x30 == 0 and len(head) >= _QUIC_SMALLEST else LIKELY


def _versions(rest: bytes) -> Verdict:
    """RFC 9000 17.2.1: behind the second connection ID nothing but versions, which the one that was tried is not."""
    offered = rest[1 + rest[0] :] if rest else b""
    sound = (
        bool(offered) and not len(offered) % 4 and all(any(offered[at : at + 4]) for at in range(0, len(offered), 4))
    )
    return LIKELY if sound else REJECT


def _quic_of_old(head: bytes) -> Verdict:
    """draft-hamilton-early-deployment-quic: flags with a version and a connection ID, then the version."""
    if head[0] & 0x09 != 0x09:
        return REJECT
    version = head[9:13]
    if len(version) < 4:
        return UNSURE if b"Q0".startswith(version[:2]) else REJECT
    return CERTAIN if version[:2] == b"Q0" and version[2:].isdigit() else REJECT


def _wireguard(head: bytes) -> Verdict:
    """https://www.wireguard.com/protocol: a kind, three zeros, and a size that goes with it."""
    if head[1:4] != b"\0\0\0"[: len(head) - 1]:
        return REJECT
    size = _WIREGUARD_SIZES.get(head[0], 0)
    if len(head) < max(size, 32):
        return UNSURE
    if head[0] == 4:
        return LIKELY if len(head) % 16 == 0 and not any(head[12:16]) else REJECT
    return LIKELY if len(head) == size else REJECT


def _openvpn(head: bytes) -> Verdict:
    """A reset that opens the session: its session ID, and a first packet with the number 0 at the end."""
    if len(head) < 14:
        return UNSURE
    return LIKELY if len(head) in _OPENVPN_SIZES and any(head[1:9]) and not any(head[-4:]) else REJECT


def _openvpn_stream(head: bytes) -> Verdict:
    """The same behind its length."""
    if len(head) < 3:
        return UNSURE
    if head[2] not in _OPENVPN_RESETS:
        return REJECT
    return _openvpn(head[2 : 2 + head[1]]) if len(head) >= 2 + head[1] else UNSURE


def _ike(head: bytes) -> Verdict:
    """RFC 2408 3.1, RFC 7296 3.1: the length is the datagram's; RFC 3948 2.2: four zeros lead on port 4500."""
    message = head[4:] if head.startswith(_MARKER) else head
    if len(message) < _IKE_HEADER:
        return UNSURE
    if message[18] not in _IKE_EXCHANGES.get(message[17], ()) or not any(message[:8]):
        return REJECT
    size = int.from_bytes(message[24:28], "big")
    if size < max(len(message), _IKE_HEADER):
        return REJECT
    return CERTAIN if size == len(message) else UNSURE


def _gtp(head: bytes) -> Verdict:
    """3GPP TS 29.060 6 and 29.274 5: a length that is the datagram's."""
    if len(head) < 8:
        return UNSURE
    size = int.from_bytes(head[2:4], "big")
    if head[0] >> 5 == 1:
        return LIKELY if head[1] in _GTP_SIGNALS and size == len(head) - 8 else REJECT
    return LIKELY if head[1] and size == len(head) - 4 else REJECT


DTLS = Recogniser("dtls", bytes(range(20, 26)), _dtls)
QUIC = Recogniser("quic", bytes((9, 0x0B, 0x0D, 0x0F, 0x19, 0x1B, 0x1D, *range(0xC0, 0x100))), _quic)
WIREGUARD = Recogniser("wireguard", bytes((1, 2, 3, 4)), _wireguard)
OPENVPN = Recogniser("openvpn", bytes(_OPENVPN_RESETS), _openvpn)
OPENVPN_STREAM = Recogniser("openvpn", b"\0", _openvpn_stream)
IKE = Recogniser("ike", b"", _ike)
GTP = Recogniser("gtp", bytes((*range(0x30, 0x38), 0x40, 0x48)), _gtp)
