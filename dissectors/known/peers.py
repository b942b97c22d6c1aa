"""What peers and games send among themselves and may be mistaken for STUN or media: BitTorrent, game queries."""

import re

from dissectors.contract import Verdict
from dissectors.known.recogniser import CERTAIN, LIKELY, REJECT, UNSURE, Recogniser, begins

_HANDSHAKE = b"\x13BitTorrent protocol"  # BEP 3
_TRACKER = bytes.fromhex("0000041727101980")  # BEP 15: the magic number of a connect request
_DHT = re.compile(rb"d1:[arye](?:d2:id20:|li\d{3}e|d)", re.DOTALL)  # BEP 5
_DHT_END = re.compile(rb"1:y1:[qre]e?", re.DOTALL)
_UTP_SYN, _UTP_EXTENSIONS = 0x41, (0, 2)  # BEP 29: version 1, type 4
_UTP_OTHERS = b"\1\x11\x21\x31"  # data, end, state, reset
_RAKNET = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")
_QUERY = b"\xff\xff\xff\xff"
_QUAKE = re.compile(
    rb"\xff{4}(?:get(?:info|status|challenge|servers)|(?:info|status)Response|challenge|connect)[\s\\\x00]"
)
_VALVE = re.compile(rb"\xff{4}(?:TSource Engine Query\0|I[\x02-\x30][\x20-\x7e]+\0)")


def _torrent(head: bytes) -> Verdict:
    return begins(head, _HANDSHAKE)


def _torrent_datagram(head: bytes) -> Verdict:
    """BEP 5 and 15; of BEP 29 only what opens a connection."""
    if head[0] == _UTP_SYN:
        return _utp(head)
    if head[0] in _UTP_OTHERS:
        return UNSURE if head[1:2] in (b"", b"\0", b"\1", b"\2") else REJECT
    if head[0] == 0:
        return CERTAIN if head[:8] == _TRACKER and head[8:12] == b"\0\0\0\0" else _prefix(head, _TRACKER + bytes(4))
    if _DHT.match(head):
        return CERTAIN if _DHT_END.search(head) else UNSURE
    return UNSURE if len(head) < 12 else REJECT


def _prefix(head: bytes, opening: bytes) -> Verdict:
    return UNSURE if opening.startswith(head) else REJECT


def _utp(head: bytes) -> Verdict:
    """A first packet acknowledges nothing, has the number 1 and carries nothing."""
    if len(head) < 20:
        return UNSURE
    opens = head[1] in _UTP_EXTENSIONS and head[16:20] == b"\0\1\0\0" and not any(head[8:12])
    return LIKELY if opens and len(head) == (20 if head[1] == 0 else 30) else REJECT


def _game(head: bytes) -> Verdict:
    """Queries of Quake and its heirs, of Valve's engine; RakNet's magic before a connection; TeamSpeak's opening."""
    if head.startswith(_QUERY):
        if _QUAKE.match(head) or _VALVE.match(head):
            return CERTAIN
        return UNSURE if len(head) < 25 else REJECT
    if _RAKNET in head[:25]:
        return CERTAIN
    return UNSURE if len(head) < 25 else max(begins(head, b"TS3INIT1"), begins(head, b"VS01"))


TORRENT = Recogniser("bittorrent", b"\x13", _torrent)
TORRENT_DATAGRAM = Recogniser("bittorrent", b"d\0\x41" + _UTP_OTHERS, _torrent_datagram)
GAME = Recogniser("game", b"\xff\1\2\5\6\7\x08\x1cTV", _game)
