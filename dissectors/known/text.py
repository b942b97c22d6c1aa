"""What begins with a line or a tag of text: XMPP, SSH, mail and file transfer, RTSP, discovery, logs, TFTP."""

import re

from dissectors.contract import Verdict
from dissectors.known.recogniser import CERTAIN, LIKELY, REJECT, UNSURE, Recogniser, begins

_MAX_LINE = 512  # RFC 5321 4.5.3.1.5: longer lines are not in use where these protocols begin
_MAX_PROLOGUE = 256  # bytes of XML before a stream's tag
_STREAM = re.compile(rb"<stream:stream[\s>]")
_XMPP_SPACE = re.compile(rb"jabber:(?:client|server|component)|http://etherx\.jabber\.org/streams")
_PRINTABLE = re.compile(rb"[\t\x20-\x7e]*\Z")


def _xmpp(head: bytes) -> Verdict:
    """RFC 6120 4.2: an XML stream in one of the Jabber name spaces."""
    opened = _STREAM.search(head[:_MAX_PROLOGUE])
    if opened:
        return CERTAIN if _XMPP_SPACE.search(head) else (UNSURE if b">" not in head[opened.end() :] else REJECT)
    openings = (b"<?xml ", b"<stream:stream")
    return UNSURE if len(head) < _MAX_PROLOGUE and begins(head, *openings) is not REJECT else REJECT


class _Line:
    """Judges by the first line: `certain` decides alone, `likely` only in company."""

    def __init__(self, certain: bytes, likely: bytes = b"(?!)") -> None:
        self._certain, self._likely = re.compile(certain, re.IGNORECASE), re.compile(likely, re.IGNORECASE)

    def __call__(self, head: bytes) -> Verdict:
        line = head[:_MAX_LINE]
        if self._certain.match(line):
            return CERTAIN
        if self._likely.match(line):
            return LIKELY
        return UNSURE if len(head) < _MAX_LINE and _PRINTABLE.match(line.rstrip(b"\r")) else REJECT


_SHORTEST_LOG = 24  # bytes with which priority, number and date are complete


def _syslog(head: bytes) -> Verdict:
    """RFC 3164 4.1, RFC 5424 6: a priority of at most 191, then a version, a date or a program."""
    return LIKELY if _SYSLOG.match(head) else (UNSURE if len(head) < _SHORTEST_LOG else REJECT)


_SYSLOG = re.compile(rb"<(?:\d{1,2}|1[0-8]\d|19[01])>(?:1 [\d-]|\d*:? ?[A-Z][a-z]{2} [ \d]\d |[\w.\[\]/-]{2,48}: )")


def _tftp(head: bytes) -> Verdict:
    """RFC 1350 5: asks for a file by name and mode; phones ask for their configuration."""
    if len(head) < 4:
        return UNSURE
    return CERTAIN if _TFTP.match(head) else (UNSURE if _TFTP_OPEN.match(head) else REJECT)


_TFTP = re.compile(rb"\0[\1\2][\x20-\x7e]{1,255}\0(?i:octet|netascii|mail)\0")
_TFTP_OPEN = re.compile(rb"\0[\1\2][\x20-\x7e]{1,255}(?:\0[a-z]{0,8})?\Z", re.IGNORECASE)


def _discovery(head: bytes) -> Verdict:
    """WS-Discovery 1.1: SOAP in one datagram."""
    if b"/ws/2005/04/discovery" in head or b"/ws-dd/ns/discovery/" in head:
        return CERTAIN
    return UNSURE if len(head) < _MAX_LINE else REJECT


_SSDP = (b"M-SEARCH * HTTP/1.", b"NOTIFY * HTTP/1.")


def _ssdp(head: bytes) -> Verdict:
    """UPnP 1.1: requests for everything ("*"), and the answers that name what was searched."""
    if head.startswith(b"HTTP/1.1 200 OK\r\n"):
        return CERTAIN if b"\r\nusn:" in head.lower() else (REJECT if b"\r\n\r\n" in head else UNSURE)
    return max(begins(head, *_SSDP), UNSURE if b"HTTP/1.1 200 OK\r\n".startswith(head) else REJECT)


XMPP = Recogniser("xmpp", b"<", _xmpp)
SSH = Recogniser("ssh", b"S", _Line(rb"SSH-(?:1\.\d+|2\.0)-[\x21-\x7e]"))
SMTP = Recogniser(
    "smtp", b"2EHehL", _Line(rb"220[ -][^\r\n]*\bE?SMTP\b|(?:EHLO|HELO|LHLO) [\x21-\x7e]+\r\n", rb"220[ -]")
)
FTP = Recogniser(
    "ftp",
    b"2UAFSua",
    _Line(
        rb"220[ -][^\r\n]*(?:\bFTP\b|FTPd|FileZilla|Pure-FTP)", rb"220[ -]|USER |AUTH (?:TLS|SSL)\r\n|FEAT\r\n|SYST\r\n"
    ),
)
POP3 = Recogniser("pop3", b"+UCASuca", _Line(rb"\+OK [^\r\n]*\bPOP3?\b", rb"\+OK|USER |CAPA\r\n|AUTH\b|STLS\r\n|APOP "))
IMAP = Recogniser("imap", b"*", _Line(rb"\* (?:OK|PREAUTH) [^\r\n]*\bIMAP", rb"\* OK\b"))
RTSP = Recogniser("rtsp", b"ADOPRST", _Line(rb"(?:[A-Z_]+ (?:rtspu?://[^ \r\n]+|\*) )?RTSP/1\.\d(?: \d{3}|\r?\n)"))
SYSLOG = Recogniser("syslog", b"<", _syslog)
TFTP = Recogniser("tftp", b"\0", _tftp)
SSDP = Recogniser("ssdp", b"MNH", _ssdp)
WS_DISCOVERY = Recogniser("ws-discovery", b"<", _discovery)
