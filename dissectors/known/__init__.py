"""Protocols that are recognised and not read, so that nothing of theirs is taken for Lync's.

Weak shapes give LIKELY at most, and a single magic byte is no recognition at all.
"""

from collections.abc import Sequence

from dissectors.contract import Verdict
from dissectors.known.directory import LDAP, SNMP
from dissectors.known.peers import GAME, TORRENT, TORRENT_DATAGRAM
from dissectors.known.recogniser import Recogniser, by_first_byte, strongest_of
from dissectors.known.text import FTP, IMAP, POP3, RTSP, SMTP, SSDP, SSH, SYSLOG, TFTP, WS_DISCOVERY, XMPP
from dissectors.known.tunnels import DTLS, GTP, IKE, OPENVPN, OPENVPN_STREAM, QUIC, WIREGUARD
from dissectors.known.windows import NETBIOS_DATAGRAM, NETBIOS_NAME, RDP, RPC, SMB, SSRP, TDS

__all__ = ["DATAGRAMS", "STREAMS", "Recogniser", "recognise"]

STREAMS: tuple[Recogniser, ...] = (
    *(SMB, LDAP, TDS, RDP, RPC, XMPP),
    *(SSH, SMTP, FTP, POP3, IMAP, RTSP, TORRENT, OPENVPN_STREAM),
)
"""What TCP carries; in the order in which ties between equal verdicts are broken."""

DATAGRAMS: tuple[Recogniser, ...] = (
    *(NETBIOS_NAME, NETBIOS_DATAGRAM, LDAP, SNMP, SSRP, SSDP, WS_DISCOVERY, TFTP, SYSLOG),
    *(IKE, QUIC, DTLS, TORRENT_DATAGRAM, GAME, WIREGUARD, OPENVPN, GTP),
)
"""What UDP carries."""

_STREAM_TABLE, _DATAGRAM_TABLE = by_first_byte(STREAMS), by_first_byte(DATAGRAMS)


def recognise(heads: Sequence[bytes], on_tcp: bool) -> tuple[Recogniser | None, Verdict]:
    """Who recognises what the sides sent first, LIKELY or CERTAIN, else (None, REJECT). No head is empty."""
    return strongest_of(_STREAM_TABLE if on_tcp else _DATAGRAM_TABLE, heads)
