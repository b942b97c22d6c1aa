"""Where a SIP message begins and ends: over UDP one a datagram, over TCP by Content-Length, compressed by packets.

After NEGOTIATE with LZ77-8K a connection carries compression packets instead of text ([MS-SIPCOMP]); they are
read as long as nothing contradicts, and then the number of bytes left unread is told.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from dissectors.contract import Cursor, Malformed, Truncated, Verdict
from dissectors.sip.compression import Inflater
from dissectors.sip.headers import MAX_VALUE, read_headers
from dissectors.sip.message import SipMessage, StartLine, build

MAX_HEAD = 64 * 1024
"""Bytes of start line and headers; Lync's longest, with Kerberos data and route sets, stay under half."""

MAX_LINE = 8 * 1024
"""Bytes of a start line: the longest GRUU with its parameters is under 1 KiB."""

COMPRESSED = "sip-compressed"
"""In a cursor's notes: compression was negotiated on this stream."""

_REQUEST = re.compile(rb"([!%'*+.`~\w-]{1,32})[ \t]+(\S+)[ \t]+SIP/2\.0[ \t]*")
_RESPONSE = re.compile(rb"SIP/2\.0[ \t]+(\d{3})(?:[ \t](.*))?")
_REQUEST_BEGINS = re.compile(rb"[A-Z]{1,32}(?:[ \t]+(?P<uri>\S*)(?P<rest>[ \t].*)?)?")
_SCHEMES = (b"sip:", b"sips:", b"tel:", b"im:", b"pres:")
_VERSION = b"SIP/2.0"
_BLANK = re.compile(rb"[\r\n]+")
_FIRST_BYTES = frozenset(byte for byte in range(256) if re.match(rb"[!%'*+.`~\w\r\n-]", bytes((byte,))))
"""A blank line's, or the first letter of a method or a version; most bytes of other protocols are neither."""
_EMPTY_LINE = re.compile(rb"\n\r?\n")


class Sip:
    """SIP over UDP, one message a datagram, and over TCP, framed by Content-Length."""

    name = "sip"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN on a whole start line that names SIP/2.0, UNSURE while it is incomplete."""
        if head and head[0] not in _FIRST_BYTES:
            return Verdict.REJECT
        blank = _BLANK.match(head)
        return _judge_start(head, blank.end() if blank else 0, len(head))

    def parse(self, cursor: Cursor, /) -> tuple[SipMessage, ...]:
        """Read the next message; blank lines between messages (keep-alives) are consumed and yield nothing.

        A message without Content-Length reaches to the next start line or to the end of the bytes (RFC 3261
        18.3); one whose announced body the bytes cut short is told with `complete=False`. Raises Truncated when the
        head is cut short, Malformed when no start line stands where one must, when the head exceeds its limits, or on
        a Content-Length that is no number.
        """
        if isinstance(cursor.decoder, _Compressed):
            return cursor.decoder.read(cursor)
        if blank := _BLANK.match(cursor.data, cursor.position, cursor.end):
            cursor.position = blank.end()
            return ()
        if not cursor.remaining:
            raise Truncated(f"no message at offset {cursor.position}")
        judged = _judge_start(cursor.data, cursor.position, cursor.end)
        if judged is Verdict.REJECT:
            if COMPRESSED in cursor.notes:
                cursor.decoder = _Compressed()
                return self.parse(cursor)
            raise Malformed(f"no SIP start line at offset {cursor.position}")
        message = _read(cursor)
        if message.method == "NEGOTIATE" and message.status in (None, 200):
            cursor.notes.add(COMPRESSED)
        return (message,)


class _Compressed:
    """One direction after compression began: its packets, and their text up to the end of the last whole message."""

    def __init__(self) -> None:
        self._inflater = Inflater()
        self._text = bytearray()
        self._searched = 0
        self._wanted = 0

    def read(self, cursor: Cursor) -> tuple[SipMessage, ...]:
        """The messages the next packet completes; none as long as it completes none."""
        unread = cursor.remaining
        try:
            self._text += self._inflater.inflate(cursor)
            messages = tuple(self._messages())
        except Malformed as fault:
            raise Malformed(f"{unread} bytes of compressed SIP are not read from here on: {fault}") from None
        if self._text and not messages and not cursor.remaining:
            raise Truncated("the last message in the compressed bytes goes on behind them")
        return messages

    def _messages(self) -> Iterator[SipMessage]:
        while self._text:
            if blank := _BLANK.match(self._text):
                del self._text[: blank.end()]
            elif not self._complete():
                return
            else:
                message = _read(Cursor(bytes(self._text[: self._wanted])))
                del self._text[: self._wanted]
                self._searched = self._wanted = 0
                yield replace(message, compression=message.compression or "LZ77-8K")

    def _complete(self) -> bool:
        """Whether a whole message is there; the text is searched once, however small its packets are."""
        if not self._wanted:
            if not self._searched and _judge_start(bytes(self._text[:MAX_LINE]), 0, len(self._text)) is Verdict.REJECT:
                raise Malformed("no SIP start line in it")
            empty = _EMPTY_LINE.search(self._text, self._searched)
            if not empty:
                self._searched = max(1, len(self._text) - 2)
                if len(self._text) > MAX_HEAD:
                    raise Malformed(f"no end of the headers within {MAX_HEAD} bytes")
                return False
            announced = read_headers(bytes(self._text[: empty.end()])).get("content-length", ["0"])[0]
            self._wanted = empty.end() + _announced(announced)
        return len(self._text) >= self._wanted


def _judge_start(data: bytes, start: int, end: int) -> Verdict:
    limit = min(end, start + MAX_LINE)
    newline = data.find(b"\n", start, limit)
    line = data[start : limit if newline < 0 else newline].rstrip(b"\r")
    if newline >= 0:
        return Verdict.CERTAIN if _RESPONSE.fullmatch(line) or _REQUEST.fullmatch(line) else Verdict.REJECT
    if limit - start == MAX_LINE:
        return Verdict.REJECT
    return Verdict.UNSURE if _could_begin(line) else Verdict.REJECT


def _could_begin(line: bytes) -> bool:
    """Whether more bytes can make a start line of this one."""
    if line.startswith(_VERSION[: len(line)]):
        return len(line) <= len(_VERSION) + 1 or _response_begins(line)
    begun = _REQUEST_BEGINS.fullmatch(line)
    if not begun:
        return False
    uri, rest = begun["uri"], (begun["rest"] or b"").strip()
    if uri and not any(scheme.startswith(uri[: len(scheme)].lower()) for scheme in _SCHEMES):
        return False
    return _VERSION.startswith(rest)


def _response_begins(line: bytes) -> bool:
    code = line[len(_VERSION) :].split(maxsplit=1)[:1]
    return not code or code[0][:3].isdigit()


def _read(cursor: Cursor) -> SipMessage:
    start = cursor.position
    empty = _EMPTY_LINE.search(cursor.data, start, min(cursor.end, start + MAX_HEAD))
    if not empty:
        if cursor.remaining >= MAX_HEAD:
            raise Malformed(f"no end of the headers within {MAX_HEAD} bytes of offset {start}")
        raise Truncated(f"the headers of the message at offset {start} go on behind the last byte")
    head = cursor.take(empty.end() - start)
    line, _, lines = head.partition(b"\n")
    start_line, headers = _start_line(line.strip()), read_headers(lines)
    announced = _announced(headers["content-length"][0]) if "content-length" in headers else None
    complete = announced is None or announced <= cursor.remaining
    return build(start_line, headers, _body(cursor, announced), complete)


def _body(cursor: Cursor, announced: int | None) -> bytes:
    if announced is not None:
        return cursor.take(min(announced, cursor.remaining))
    if _judge_start(cursor.data, cursor.position, cursor.end) is Verdict.CERTAIN:
        return b""
    return cursor.rest()


def _announced(value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise Malformed(f"Content-Length {value[:20]!r}")
    return int(value)


def _start_line(line: bytes) -> StartLine:
    if response := _RESPONSE.fullmatch(line):
        reason = _text((response[2] or b"").strip()) or None
        return StartLine("response", status=int(response[1]), reason=reason)
    if request := _REQUEST.fullmatch(line):
        return StartLine("request", method=_text(request[1]), uri=_text(request[2]))
    raise Malformed("no SIP start line")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")[:MAX_VALUE]


SIP = Sip()
