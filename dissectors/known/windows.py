"""What Windows hosts speak among themselves: SMB, remote desktop, SQL Server, DCE/RPC, NetBIOS names."""

from typing import Literal

from dissectors.contract import Verdict
from dissectors.known.recogniser import CERTAIN, LIKELY, REJECT, UNSURE, Recogniser

_SMB_MAGICS = (b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB")  # 1, 2 and 3, encrypted, compressed ([MS-SMB2] 2.2)
_NAME_LETTERS = frozenset(b"ABCDEFGHIJKLMNOP")  # RFC 1001 14.1: half a byte a letter
_NAME_LENGTH = 32
_NAME_OPENINGS = (b"\x20", b"")
_CONNECTION_REQUEST, _CONNECTION_CONFIRM = 0xE0, 0xD0  # X.224 13.3, 13.4
_RDP_NEGOTIATIONS = (b"\1", b"\2", b"\3")  # request, response, failure ([MS-RDPBCGR] 2.2.1.1.1 to 2.2.1.2.2)
_TDS_PRELOGIN, _TDS_LOGIN, _TDS_RESPONSE, _TDS_BATCH = 0x12, 0x10, 0x04, 0x01  # [MS-TDS] 2.2.3.1.1
_TDS_TOKENS = bytes.fromhex("79 81 a9 aa ab ad d1 e3 fd fe ff")  # that answers begin with ([MS-TDS] 2.2.7)
_TDS_HEADER = 8
_TDS_VERSIONS = range(0x70, 0x75)
_LETTERS = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
_RPC_BINDS = (11, 12, 13, 14, 15)  # bind, its answers, alter context and its answer (C706 12.6.4)
_RPC_OTHERS = (0, 2, 3, 16)  # request, response, fault, third leg of authentication
_RPC_SMALLEST = 16
_RPC_ORDERS: dict[bytes, Literal["little", "big"]] = {b"\x10\0\0\0": "little", b"\0\0\0\0": "big"}


def _smb(head: bytes) -> Verdict:
    """RFC 1002 4.3 in front of [MS-SMB] or [MS-SMB2]; the session request of old clients counts too."""
    if head[0] == 0:
        magic = head[4:8]
        if magic in _SMB_MAGICS:
            return CERTAIN
        return UNSURE if len(head) < 8 and any(one.startswith(magic) for one in _SMB_MAGICS) else REJECT
    if head[0] == 0x81:
        if head[1:3] not in (b"\0\0", b"\0", b"") or head[4:5] not in _NAME_OPENINGS:
            return REJECT
        if len(head) < 5 + _NAME_LENGTH:
            return UNSURE if _NAME_LETTERS.issuperset(head[5:]) else REJECT
        return CERTAIN if _is_name(head, 5) else REJECT
    if len(head) < 4:
        return UNSURE
    return LIKELY if head == b"\x82\0\0\0" or (head[:4] == b"\x83\0\0\1" and len(head) == 5) else REJECT


def _is_name(head: bytes, at: int) -> bool:
    letters = head[at : at + _NAME_LENGTH]
    return len(letters) == _NAME_LENGTH and _NAME_LETTERS.issuperset(letters)


def _rdp(head: bytes) -> Verdict:
    """RFC 1006 with an X.224 connection request or confirm, as [MS-RDPBCGR] 2.2.1.1 and 2.2.1.2 fill them.

    Others connect the same way, but put called and calling selectors where RDP has a cookie or what it negotiates.
    """
    if len(head) < 11:
        return UNSURE if b"\3\0".startswith(head[:2]) else REJECT
    size, code, user = int.from_bytes(head[2:4], "big"), head[5], head[11:]
    sound = head[:2] == b"\3\0" and head[4] == size - 5 and code in (_CONNECTION_REQUEST, _CONNECTION_CONFIRM)
    if not sound or head[10]:
        return REJECT
    if size == 11:
        return LIKELY if len(head) == 11 else REJECT
    if user[:1] in _RDP_NEGOTIATIONS and user[2:4] in (b"\x08\0", b"\x08", b""):
        return CERTAIN if len(user) >= 4 else UNSURE
    cookie = b"Cookie: mst"  # hash or the token of a load balancer ("msts=")
    if user.startswith(cookie):
        return CERTAIN
    return UNSURE if cookie.startswith(user) else REJECT


def _tds(head: bytes) -> Verdict:
    """[MS-TDS] 2.2.3.1, with the options of a prelogin (2.2.6.5), a login (2.2.6.4), or what answers one."""
    if len(head) < _TDS_HEADER + 5:
        return UNSURE if head[1:2] in (b"", b"\0", b"\1") and head[7:8] in (b"", b"\0") else REJECT
    size = int.from_bytes(head[2:4], "big")
    if head[1] > 1 or head[7] or size < len(head[:size]):
        return REJECT
    if head[0] == _TDS_LOGIN:
        return _tds_login(head, size)
    if head[0] == _TDS_BATCH:
        # Headers for all of a batch ([MS-TDS] 2.2.5.3), or the statement itself in 16-bit letters.
        stated = _LETTERS.issuperset(head[8:16:2]) and not any(head[9:16:2])
        return LIKELY if stated or head[8:12] == b"\x16\0\0\0" else REJECT
    options = int.from_bytes(head[9:11], "big")
    version_first = head[8] == 0 and head[11:13] == b"\0\6"
    if version_first and options % 5 == 1 and options + 6 <= size - _TDS_HEADER:
        return CERTAIN
    return LIKELY if head[0] == _TDS_RESPONSE and head[8] in _TDS_TOKENS else REJECT


def _tds_login(head: bytes, size: int) -> Verdict:
    if len(head) < _TDS_HEADER + 8:
        return UNSURE
    length = int.from_bytes(head[8:12], "little")
    # Only the first packet of a login that takes several says less than its length.
    return CERTAIN if head[15] in _TDS_VERSIONS and (length == size - 8 or (head[1] == 0 and length > size)) else REJECT


def _ssrp(head: bytes) -> Verdict:
    """[MC-SQLR] 2.2.5: a host's instances and their ports. Its questions are too short to tell."""
    if len(head) < 14:
        return UNSURE
    whole = int.from_bytes(head[1:3], "little") == len(head) - 3
    return CERTAIN if whole and head[3:14] == b"ServerName;" else REJECT


def _rpc(head: bytes) -> Verdict:
    """C706 12.6.3: version 5, a little- or big-endian sender, a length that holds header and authentication."""
    order = head[4:8]
    if head[1:2] > b"\1" or not any(one.startswith(order) for one in _RPC_ORDERS):
        return REJECT
    if len(head) < _RPC_SMALLEST:
        return UNSURE
    kind, endian = head[2], _RPC_ORDERS[order]
    size, sealed = int.from_bytes(head[8:10], endian), int.from_bytes(head[10:12], endian)
    if size < _RPC_SMALLEST + sealed:
        return REJECT
    if kind in _RPC_BINDS:
        return CERTAIN
    return LIKELY if kind in _RPC_OTHERS else REJECT


def _netbios_name(head: bytes) -> Verdict:
    """RFC 1002 4.2: shaped like DNS, with one name of half-byte letters and a type of its own."""
    if head[12:13] not in _NAME_OPENINGS:
        return REJECT
    if len(head) < 48:
        return UNSURE if _NAME_LETTERS.issuperset(head[13:45]) else REJECT
    if not _is_name(head, 13):
        return REJECT
    return CERTAIN if head[45:48] in (b"\0\0\x20", b"\0\0\x21", b"\0\0\x0a") else REJECT


def _netbios_datagram(head: bytes) -> Verdict:
    """RFC 1002 4.4.1: a datagram from one half-byte name to another."""
    if len(head) < 15 + _NAME_LENGTH:
        return UNSURE if head[14:15] in _NAME_OPENINGS and _NAME_LETTERS.issuperset(head[15:]) else REJECT
    return CERTAIN if head[14] == _NAME_LENGTH and _is_name(head, 15) else REJECT


SMB = Recogniser("smb", b"\0\x81\x82\x83", _smb)
RDP = Recogniser("rdp", b"\3", _rdp)
TDS = Recogniser("tds", bytes((_TDS_PRELOGIN, _TDS_LOGIN, _TDS_RESPONSE, _TDS_BATCH)), _tds)
SSRP = Recogniser("ssrp", b"\5", _ssrp)
RPC = Recogniser("dce-rpc", b"\5", _rpc)
NETBIOS_NAME = Recogniser("nbns", b"", _netbios_name)
NETBIOS_DATAGRAM = Recogniser("nbds", b"\x10\x11\x12", _netbios_datagram)
