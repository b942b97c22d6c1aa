"""What carries STUN messages: nothing, 0xFF10, pseudo-TLS with 4-byte frames, 2-byte lengths, channels.

[MS-TURN] 2.1 (pseudo-TLS, 4-byte frames) and 2.2.3 (0xFF10), RFC 4571, RFC 5766 11.4. A TCP framing once seen
is remembered in the cursor's notes, because a frame of media alone does not show it.
"""

from collections.abc import Callable

from dissectors.contract import Cursor, Malformed, Truncated, Verdict
from dissectors.stun.attributes import MAX_INNER
from dissectors.stun.message import StunMessage, message_of, read_message
from dissectors.stun.shape import HEADER, NO, PLAUSIBLE, SHORT, STRONG, Fit, fit_message, message_size, u16

_TURN_TCP = "turn-tcp"
_RFC4571 = "rfc4571"

_CONTROL, _DATA = 2, 3  # types of the 4-byte frame; the byte after the type is reserved and 0
_MTURN = b"\xff\x10"
_MTURN_ID = 8  # bytes of the session id, which the frame's length counts
_LEAST_RELAYED = 8  # bytes of the shortest packet that is relayed, an RTCP header with its SSRC

_Found = tuple[StunMessage, ...]
_Reader = Callable[[Cursor], _Found]

_CLIENT_HELLO = bytes.fromhex("160301002d010000290301") + bytes(32) + bytes.fromhex("00000200180100")
_CLIENT_FREE = ((11, 43),)  # the random
_SERVER_HELLO = (
    bytes.fromhex("160301004e020000460301") + bytes(32) + b"\x20" + bytes(32) + bytes.fromhex("0018000e000000")
)
_SERVER_FREE = ((11, 43), (44, 76))  # the random and the session id


class Stun:
    """STUN in every dialect and framing of Lync and Skype for Business media relays."""

    name = "stun"

    def probe(self, head: bytes, /) -> Verdict:
        """Judge by structure: a cookie or the pseudo-TLS opening is CERTAIN, lengths that agree are LIKELY.

        ChannelData and frames of media alone are never enough: a length is all they have.
        """
        if not head:
            return Verdict.UNSURE
        best = NO
        for fit, _ in _OPENINGS_OF[head[0]]:
            best = max(best, fit(head, 0, len(head)))
        return _VERDICTS[best]

    def parse(self, cursor: Cursor, /) -> tuple[StunMessage, ...]:
        """Read one message or one frame of a datagram or of one side's TCP stream.

        Raises Truncated when the bytes end first, Malformed when they fit no framing or no attribute walk.
        """
        if cursor.peek(1) == _CLIENT_HELLO[:1]:
            for opening, read in _HELLOS:
                if opening(cursor.data, cursor.position, cursor.end) is STRONG:
                    return read(cursor)
        if _TURN_TCP in cursor.notes:
            return _read_frame(cursor)
        if _RFC4571 in cursor.notes:
            return _read_rfc4571(cursor)
        return _best_reader(cursor)(cursor)


def _best_reader(cursor: Cursor) -> _Reader:
    if not cursor.remaining:
        raise Truncated(f"no message at offset {cursor.position}")
    best, best_fit = None, NO
    for fit, read in _UNITS_OF[cursor.data[cursor.position]]:
        found = fit(cursor.data, cursor.position, cursor.end)
        if found > best_fit:
            best, best_fit = read, found
        if best_fit is STRONG:
            break
    if best is None:
        raise Malformed(f"neither STUN nor a frame that carries it at offset {cursor.position}")
    if best_fit is SHORT:
        raise Truncated(f"the message at offset {cursor.position} goes on behind the last byte")
    return best


def _differs(data: bytes, start: int, end: int, magic: bytes) -> bool:
    """Whether [start, end) already contradicts `magic`; fewer bytes than it has need not."""
    return not magic.startswith(data[start : min(end, start + len(magic))])


def _fit_hello(data: bytes, start: int, end: int, template: bytes, free: tuple[tuple[int, int], ...]) -> Fit:
    if _differs(data, start, end, template[:11]):
        return NO
    seen = bytearray(data[start : min(end, start + len(template))])
    for low, high in free:
        seen[low:high] = bytes(max(0, min(high, len(seen)) - low))
    if not template.startswith(bytes(seen)):
        return NO
    return STRONG if len(seen) == len(template) else SHORT


def _fit_client_hello(data: bytes, start: int, end: int) -> Fit:
    return _fit_hello(data, start, end, _CLIENT_HELLO, _CLIENT_FREE)


def _fit_server_hello(data: bytes, start: int, end: int) -> Fit:
    return _fit_hello(data, start, end, _SERVER_HELLO, _SERVER_FREE)


def _fit_bare(data: bytes, start: int, end: int) -> Fit:
    found = fit_message(data, start, end)
    if found is PLAUSIBLE:
        after = start + message_size(data, start)
        if after < end and fit_message(data, after, end) is NO:
            return NO  # without a cookie, a datagram must end with its message
    return found


def _fit_exact(data: bytes, start: int, end: int, size: int) -> Fit:
    """How well a message fits that must fill `size` bytes from `start`."""
    if end - start >= 4 and message_size(data, start) != size:
        return NO
    return fit_message(data, start, min(end, start + size))


def _fit_mturn(data: bytes, start: int, end: int) -> Fit:
    if _differs(data, start, end, _MTURN):
        return NO
    if end - start < 4:
        return SHORT
    size = u16(data, start + 2)
    after, inner = start + 4 + size, start + 4 + _MTURN_ID
    if size < _MTURN_ID or (after < end and _differs(data, after, end, _MTURN)):
        return NO
    if after > end:
        return SHORT
    strong = after > inner and _fit_exact(data, inner, after, after - inner) is STRONG
    return STRONG if strong else PLAUSIBLE


def _fit_control(data: bytes, start: int, end: int) -> Fit:
    if _differs(data, start, end, bytes((_CONTROL, 0))):
        return NO
    if end - start < 4:
        return SHORT
    size = u16(data, start + 2)
    if size < HEADER:
        return NO
    stop = min(end, start + 4 + size)
    return max(_fit_exact(data, start + 4, stop, size), _fit_mturn(data, start + 4, stop))


def _fit_rfc4571(data: bytes, start: int, end: int) -> Fit:
    if end - start < 2:
        return SHORT
    size = u16(data, start)
    return _fit_exact(data, start + 2, end, size) if size >= HEADER else NO


def _fit_data(data: bytes, start: int, end: int) -> Fit:
    if _differs(data, start, end, bytes((_DATA, 0))):
        return NO
    if end - start < 4:
        return SHORT
    after = start + 4 + u16(data, start + 2)
    if after >= end:
        return PLAUSIBLE if after == end else SHORT
    follows = data[after : after + 2]
    return PLAUSIBLE if follows[0] in (_CONTROL, _DATA) and follows[1:] in (b"", b"\0") else NO


def _fit_channel(data: bytes, start: int, end: int) -> Fit:
    if data[start] & 0xC0 != 0x40:
        return NO
    if end - start < 4:
        return SHORT
    after = start + 4 + u16(data, start + 2)
    if after > end:
        return SHORT
    padded = after + -(after - start) % 4
    if padded < end and not (data[padded] < 4 or data[padded] & 0xC0 == 0x40):
        # over TCP only a message or another channel can follow (RFC 7983)
        return NO
    return PLAUSIBLE


def _read_client_hello(cursor: Cursor) -> _Found:
    cursor.take(len(_CLIENT_HELLO))
    cursor.notes.add(_TURN_TCP)
    return (StunMessage(kind="pseudo-client-hello", framing=_TURN_TCP),)


def _read_server_hello(cursor: Cursor) -> _Found:
    cursor.take(len(_SERVER_HELLO))
    cursor.notes.add(_TURN_TCP)
    return (StunMessage(kind="pseudo-server-hello", framing=_TURN_TCP),)


def _read_bare(cursor: Cursor) -> _Found:
    return (read_message(cursor.take(message_size(cursor.data, cursor.position))),)


def _read_mturn(cursor: Cursor) -> _Found:
    return (_mturn(cursor),)


def _mturn(cursor: Cursor) -> StunMessage:
    cursor.take(2)
    frame = cursor.sub(cursor.uint(2))
    session = frame.take(_MTURN_ID)
    payload = frame.rest()
    if _fits_exactly(payload):
        return read_message(payload, "mturn", session)
    return _data_unit("mturn", payload, session=session)


def _read_frame(cursor: Cursor) -> _Found:
    """One 4-byte frame ([MS-TURN] 2.1)."""
    frame_type, reserved = cursor.uint(1), cursor.uint(1)
    if frame_type not in (_CONTROL, _DATA) or reserved:
        raise Malformed(f"frame type {frame_type}, reserved byte {reserved}: not a TURN frame over TCP")
    payload = cursor.take(cursor.uint(2))
    if frame_type == _DATA:
        first = u16(payload, 0) if len(payload) > 2 else 0
        if 0 < first < len(payload) - 2:
            found = tuple([_data_unit(_TURN_TCP, one) for one in _relayed(payload)])
        else:
            found = (_data_unit(_TURN_TCP, payload[2:] if first == len(payload) - 2 else payload),)
    elif payload.startswith(_MTURN):
        found = (_mturn(_whole(payload)),)
    elif len(payload) >= HEADER and message_size(payload, 0) == len(payload) and not payload[0] & 0xC0:
        found = (read_message(payload, _TURN_TCP),)
    else:
        raise Malformed("a control frame without a STUN message of its size")
    cursor.notes.add(_TURN_TCP)
    return found


def _relayed(payload: bytes) -> list[bytes]:
    """The packets of a data frame: a relayed TCP stream keeps its own RFC 4571 lengths, often several in a frame.

    Some senders fold the length into the frame's: then the payload is one packet.
    """
    found, position = [], 0
    while len(payload) - position >= 2 + _LEAST_RELAYED:
        after = position + 2 + u16(payload, position)
        if after < position + 2 + _LEAST_RELAYED or after > len(payload):
            break
        found.append(payload[position + 2 : after])
        position = after
    return found if found and position == len(payload) else [payload]


def _whole(payload: bytes) -> Cursor:
    """A cursor over a 0xFF10 frame that must fill its outer frame."""
    if len(payload) < 4 or 4 + u16(payload, 2) != len(payload) or len(payload) < 4 + _MTURN_ID:
        raise Malformed("a multiplexed TURN frame that does not fill the frame around it")
    return Cursor(payload)


def _read_rfc4571(cursor: Cursor) -> _Found:
    payload = cursor.take(cursor.uint(2))
    cursor.notes.add(_RFC4571)
    return (read_message(payload, _RFC4571) if _fits_exactly(payload) else _data_unit(_RFC4571, payload),)


def _read_channel(cursor: Cursor) -> _Found:
    cursor.take(2)
    payload = cursor.take(cursor.uint(2))
    cursor.take(min(-len(payload) % 4, cursor.remaining))  # padded over TCP only
    return (_data_unit("channel", payload, method="channel-data"),)


def _fits_exactly(payload: bytes) -> bool:
    return _fit_exact(payload, 0, len(payload), len(payload)) >= PLAUSIBLE


def _data_unit(framing: str, payload: bytes, *, method: str | None = None, session: bytes = b"") -> StunMessage:
    return message_of(
        kind="data",
        method=method,
        framing=framing,
        session_id=session,
        inner=payload[:MAX_INNER],
        inner_length=len(payload),
    )


_Fitting = Callable[[bytes, int, int], Fit]
_Unit = tuple[_Fitting, _Reader]

_HELLOS: tuple[_Unit, ...] = (
    (_fit_client_hello, _read_client_hello),
    (_fit_server_hello, _read_server_hello),
)
_OPENINGS: tuple[_Unit, ...] = (
    (_fit_bare, _read_bare),
    *_HELLOS,
    (_fit_control, _read_frame),
    (_fit_mturn, _read_mturn),
    (_fit_rfc4571, _read_rfc4571),
)
"""Units whose bytes say of themselves that STUN is meant; the first of equal fits wins."""
_UNITS: tuple[_Unit, ...] = (*_OPENINGS, (_fit_data, _read_frame), (_fit_channel, _read_channel))
"""All units of a stream that is known to be STUN's."""


def _by_first_byte(units: tuple[_Unit, ...]) -> tuple[tuple[_Unit, ...], ...]:
    """For every first byte the units it does not contradict; what one byte contradicts, more bytes do not mend."""
    return tuple(tuple(unit for unit in units if unit[0](bytes((byte,)), 0, 1) is not NO) for byte in range(256))


_OPENINGS_OF, _UNITS_OF = _by_first_byte(_OPENINGS), _by_first_byte(_UNITS)

_VERDICTS = {
    Fit.NO: Verdict.REJECT,
    Fit.SHORT: Verdict.UNSURE,
    Fit.PLAUSIBLE: Verdict.LIKELY,
    Fit.STRONG: Verdict.CERTAIN,
}

STUN = Stun()
