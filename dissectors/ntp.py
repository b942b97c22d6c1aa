"""NTP packets (RFC 5905): enough to see a phone get its time, and how good that time is."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from struct import Struct
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Verdict

HEADER = 48  # RFC 5905 7.3
CONTROL_HEADER = 12  # RFC 9327 2
MODES = {1: "symmetric", 2: "symmetric", 3: "client", 4: "server", 5: "broadcast", 6: "control"}
VERSIONS = range(1, 5)
MAX_STRATUM = 16  # 16 is "unsynchronised"; what lies above is reserved
MAX_POLL = 17  # RFC 5905 7.2: log2 seconds, about 36 hours

_AUTHENTICATORS = (0, 4, 20, 24)  # none, crypto-NAK, key number with MD5 or SHA-1
_FIELDS = Struct(">iI4sQQQQ")  # root delay, which old versions sign; dispersion, reference, four timestamps
_UNIX_EPOCH = 2_208_988_800  # seconds from 1900-01-01 to 1970-01-01
_ERA = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpMessage(Message):
    """One NTP packet."""

    protocol: ClassVar[str] = "ntp"

    kind: str
    """client, server, symmetric, broadcast, control"""
    version: int
    stratum: int
    leap: int
    """3: the clock is not synchronised."""
    transmit_time: int
    """Nanoseconds since 1970-01-01 UTC; 0 when the packet carries none."""
    receive_time: int = 0
    """When the server got the question it answers, by its own clock; the same form."""
    originate_time: int = 0
    """When that question was sent, by the client's clock: the transmit_time of the packet it answers."""
    root_delay: int = 0
    """Nanoseconds to the reference clock and back."""
    root_dispersion: int = 0
    """Nanoseconds by which the server may be wrong, by its own estimate."""
    reference: str | None = None
    """Where the server has its time from: a name such as GPS at stratum 1, else an IPv4 address (RFC 5905 7.3)."""
    kiss: str | None = None
    """Kiss code, such as RATE or DENY: the server refuses (RFC 5905 7.4)."""


@dataclass(frozen=True, slots=True)
class Ntp:
    """Reads NTP headers of versions 1 to 4; extension fields and authenticators stay closed."""

    name: str = "ntp"

    def probe(self, head: bytes, /) -> Verdict:
        """LIKELY when every field of the header is in its range: NTP has no magic value."""
        if not head:
            return Verdict.UNSURE
        mode = head[0] & 7
        if mode not in MODES or (head[0] >> 3) & 7 not in VERSIONS:
            return Verdict.REJECT
        if mode == 6:
            return _probe_control(head)
        return _probe_header(head, mode)

    def parse(self, cursor: Cursor, /) -> tuple[NtpMessage]:
        """One packet with its authenticator. Raises Truncated, and Malformed for another mode or version."""
        first = cursor.uint(1)
        leap, version, mode = first >> 6, (first >> 3) & 7, first & 7
        if mode not in MODES or version not in VERSIONS:
            raise Malformed(f"NTP version {version} mode {mode}")
        if mode == 6:
            body = Cursor(cursor.take(CONTROL_HEADER - 1))
            body.take(9)
            cursor.take(body.uint(2))
            return (NtpMessage(kind="control", version=version, stratum=0, leap=leap, transmit_time=0),)
        header = cursor.take(HEADER - 1)
        _pass_authenticator(cursor)
        return (_message(MODES[mode], version, leap, header),)


NTP = Ntp()


def _probe_header(head: bytes, mode: int) -> Verdict:
    fields = head[1:4]
    poll, precision = int.from_bytes(fields[1:2], signed=True), int.from_bytes(fields[2:3], signed=True)
    if (fields and fields[0] > MAX_STRATUM) or not -8 <= poll <= MAX_POLL or not -40 <= precision <= 0:
        return Verdict.REJECT
    if len(head) < HEADER:
        return Verdict.UNSURE
    if not _trailer_fits(head[HEADER:]):
        return Verdict.REJECT
    # An answer tells a time and a precision; a simple client leaves all but its time empty (RFC 4330 5)
    empty = mode not in (4, 5) and not any(head[4:40])
    told = precision < 0 and (mode not in (4, 5) or any(head[40:48]))
    return Verdict.LIKELY if empty or told else Verdict.REJECT


def _trailer_fits(trailer: bytes) -> bool:
    """Extension fields, then perhaps an authenticator (RFC 5905 7.3 and 7.5)."""
    while len(trailer) not in _AUTHENTICATORS:
        length = int.from_bytes(trailer[2:4], "big")
        if length < 16 or length % 4 or length > len(trailer):
            return False
        trailer = trailer[length:]
    return True


def _probe_control(head: bytes) -> Verdict:
    """RFC 9327 2: the count of data bytes fills the packet, save for padding."""
    if len(head) < CONTROL_HEADER:
        return Verdict.UNSURE
    padding = len(head) - CONTROL_HEADER - int.from_bytes(head[10:12], "big")
    return Verdict.LIKELY if 1 <= head[1] & 0x1F <= 12 and 0 <= padding < 4 else Verdict.REJECT


def _message(kind: str, version: int, leap: int, header: bytes) -> NtpMessage:
    """`header` is what follows the first byte (RFC 5905 7.3)."""
    delay, dispersion, reference, _, originate, receive, transmit = _FIELDS.unpack(header[3:])
    stratum, answers = header[0], kind in ("server", "broadcast", "symmetric")
    code = reference.rstrip(b"\0")
    name = code.decode("ascii") if code and code.isascii() and code.decode("ascii").isprintable() else None
    address = str(IPv4Address(reference)) if any(reference) else None
    return NtpMessage(
        kind=kind,
        version=version,
        stratum=stratum,
        leap=leap,
        transmit_time=_nanoseconds(transmit),
        receive_time=_nanoseconds(receive),
        originate_time=_nanoseconds(originate),
        root_delay=delay * 1_000_000_000 >> 16,
        root_dispersion=dispersion * 1_000_000_000 >> 16,
        reference=(name if stratum <= 1 else address) if answers and stratum else None,
        kiss=name if answers and not stratum else None,
    )


def _pass_authenticator(cursor: Cursor) -> None:
    """Move behind what follows the header, unless it is another packet."""
    if NTP.probe(cursor.peek(HEADER)) < Verdict.LIKELY:
        cursor.rest()


def _nanoseconds(timestamp: int) -> int:
    """A 64-bit timestamp as Unix time; without its top bit it counts from 2036 (RFC 4330 3)."""
    if not timestamp:
        return 0
    seconds, fraction = timestamp >> 32, timestamp & (_ERA - 1)
    if not seconds >> 31:
        seconds += _ERA
    return (seconds - _UNIX_EPOCH) * 1_000_000_000 + (fraction * 1_000_000_000 >> 32)
