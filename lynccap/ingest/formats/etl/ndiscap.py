"""Packets of Microsoft-Windows-NDIS-PacketCapture, as `netsh trace start capture=yes` records them.

Event 1001 is a packet or a part of one: MiniportIfIndex, LowerIfIndex and FragmentSize (32 bits each), the bytes, and
in later Windows two numbers more. Event 1003 is the same at a virtual switch, with names of ports before the bytes and
out-of-band data behind them. Event 1002 (metadata of wireless frames) is not read. Keywords say the medium, the
direction, and where a packet begins and ends; up to Windows 8 a packet may take several events.
Sources: [etl2pcapng] src/main.c; [wireshark] extcap/etw_ndiscap.c and epan/dissectors/packet-message_analyzer.c;
[etl-parser]; [jdu2600] (the provider's manifest); [CSS_SQL_Networking_Tools] ETLFileReader (12 bytes before the frame).

Differences from etl2pcapng, which gives each part to whatever packet is open: parts are joined by processor, thread and
interface, and a packet whose beginning or end was lost is left out. The length a raw IP packet had on the wire is what
its header says (etl2pcapng adds an Ethernet header to it).
"""

import struct
import uuid
from collections import Counter
from typing import ClassVar

from lynccap.ingest.formats.etl.packets import ETHERNET, IEEE_802_11, RAW_IP, Interfaces, Packet, printable
from lynccap.ingest.formats.etl.records import Event, wide
from lynccap.ingest.formats.reading import Interface

FRAGMENT, VMSWITCH_FRAGMENT, SOURCE_INFO = 1001, 1003, 5101
KEYWORD_ETHERNET, KEYWORD_WWAN, KEYWORD_TUNNEL, KEYWORD_802_11 = 0x1, 0x200, 0x8000, 0x10000
KEYWORD_START, KEYWORD_END, KEYWORD_DIRECTION = 0x40000000, 0x80000000, 0x300000000
MAX_PACKET = 262_144  # the largest snap length in use; no adapter takes more at once
MAX_OPEN = 256  # packets that are being joined: one a processor is usual
PROTECTED = 0x40  # in the second byte of an 802.11 header
VLAN_ENTRY = 4  # place of the 802.1Q entry among the out-of-band entries, each the size of a pointer

MALFORMED = "packet events whose parts do not add up"
NO_BEGINNING = "parts of packets whose beginning the trace does not hold"
NO_END = "packets whose end the trace does not hold"
TOO_LONG = f"packets of more than {MAX_PACKET} bytes"
TUNNEL = "packets of a tunnel interface, whose form is not known"  # sources disagree: UNVERIFIED


class Ndiscap:
    """Joins fragments to packets."""

    GUID: ClassVar[bytes] = uuid.UUID("2ed6006e-4729-4609-b423-3ee7bcd678ef").bytes_le
    PACKETS: ClassVar[frozenset[int]] = frozenset({FRAGMENT, VMSWITCH_FRAGMENT})
    CONTEXT: ClassVar[frozenset[int]] = frozenset({SOURCE_INFO})

    def __init__(self) -> None:
        """Nothing learnt, nothing open."""
        self.left_out: Counter[str] = Counter()
        self._interfaces = Interfaces()
        self._names: dict[int, str] = {}
        self._open: dict[tuple[int, ...], bytearray] = {}

    def learn(self, event: Event) -> None:
        """The name of an interface: SourceId (8 bits), SourceName (text), IfIndex (32 bits)."""
        name = wide(event.data, 1)
        if name and name[1] + 4 <= len(event.data) and len(self._names) < MAX_OPEN:
            (index,) = struct.unpack_from("<I", event.data, name[1])
            self._names[index] = printable(name[0])

    def packet(self, event: Event) -> Packet | None:
        """The packet that ends with this event."""
        link = _link(event.keyword)
        fragment = self._plain(event, link) if event.id == FRAGMENT else self._switched(event, link)
        if fragment is None:
            self.left_out[MALFORMED] += 1
            return None
        if link < 0:
            self.left_out[TUNNEL] += 1
            return None
        interface, part = fragment
        whole = self._joined(event, (id(interface), event.keyword & KEYWORD_DIRECTION), part)
        return None if whole is None else _packet(interface, link, whole)

    def finish(self) -> None:
        """Count the packets still open."""
        self.left_out[NO_END] += len(self._open)
        self._open.clear()

    def _plain(self, event: Event, link: int) -> tuple[Interface, bytes] | None:
        if len(event.data) < 12:
            return None
        miniport, lower, size = struct.unpack_from("<3I", event.data)
        if 12 + size > len(event.data):
            return None
        interface = self._interfaces.of((miniport, lower, link), lambda: self._named(miniport, lower, link))
        return interface, event.data[12 : 12 + size]

    def _named(self, miniport: int, lower: int, link: int) -> Interface:
        notes = [self._names.get(lower) or self._names.get(miniport, "")]
        if lower != miniport:  # a filter between: the same packets are seen at the miniport too
            notes.append(f"a filter over ndis-{miniport}")
        return Interface(link, name=f"ndis-{lower}", description=", ".join(one for one in notes if one))

    def _switched(self, event: Event, link: int) -> tuple[Interface, bytes] | None:
        """The members up to the bytes vary in length; they are right when the last one ends with the event.

        The form of a destination (number and three texts) is told by one source only: UNVERIFIED, hence this proof.
        """
        data, at = event.data, 12
        if len(data) < at:
            return None
        _, lower, port = struct.unpack_from("<3I", data)
        texts: list[str] = []
        for _ in range(3):
            text = wide(data, at)
            if text is None:
                return None
            texts.append(text[0])
            at = text[1]
        begin = _behind_destinations(data, at)
        if begin is None or begin + 4 > len(data):
            return None
        (size,) = struct.unpack_from("<I", data, begin)
        behind = begin + 4 + size
        if behind + 4 > len(data) or behind + 4 + int.from_bytes(data[behind : behind + 4], "little") != len(data):
            return None
        vlan = _vlan(data[behind + 4 :], event.pointer)
        name, nic, kind = (printable(one) for one in texts)
        interface = self._interfaces.of(
            (lower, port, vlan, link),
            lambda: Interface(
                link,
                name=f"vmswitch-port-{port}",
                description=", ".join(one for one in (kind, nic, name, f"VLAN {vlan}" if vlan else "") if one),
            ),
        )
        return interface, data[begin + 4 : behind]

    def _joined(self, event: Event, stream: tuple[int, int], part: bytes) -> bytes | None:
        key = (event.processor, event.thread, *stream)
        if event.keyword & KEYWORD_START:
            if self._open.pop(key, None) is not None:
                self.left_out[NO_END] += 1
            if event.keyword & KEYWORD_END:
                return part
            if len(self._open) >= MAX_OPEN:
                del self._open[next(iter(self._open))]
                self.left_out[NO_END] += 1
            self._open[key] = bytearray(part)
            return None
        joined = self._open.get(key)
        if joined is None:
            self.left_out[NO_BEGINNING] += 1
            return None
        if len(joined) + len(part) > MAX_PACKET:
            del self._open[key]
            self.left_out[TOO_LONG] += 1
            return None
        joined += part
        if not event.keyword & KEYWORD_END:
            return None
        del self._open[key]
        return bytes(joined)


def _link(keyword: int) -> int:
    if keyword & KEYWORD_802_11:
        return IEEE_802_11
    if keyword & KEYWORD_WWAN:
        return RAW_IP
    return -1 if keyword & KEYWORD_TUNNEL and not keyword & KEYWORD_ETHERNET else ETHERNET


def _packet(interface: Interface, link: int, data: bytes) -> Packet:
    if link == IEEE_802_11 and len(data) > 1 and data[1] & PROTECTED:
        # Windows hands the frame over decrypted, with the bit still set [etl2pcapng]
        data = data[:1] + bytes([data[1] & ~PROTECTED]) + data[2:]
    return Packet(interface, link, max(len(data), _said_length(link, data)), data)


def _said_length(link: int, data: bytes) -> int:
    """What the IP header says, where a capture was told to cut packets; the events themselves do not tell."""
    if link == ETHERNET:
        begin, kind = 14, data[12:14]
    elif link == RAW_IP and data:
        begin, kind = 0, {4: b"\x08\x00", 6: b"\x86\xdd"}.get(data[0] >> 4, b"")
    else:
        return 0
    if kind == b"\x08\x00" and len(data) >= begin + 20:
        return begin + int.from_bytes(data[begin + 2 : begin + 4], "big")
    if kind == b"\x86\xdd" and len(data) >= begin + 40:
        return begin + 40 + int.from_bytes(data[begin + 4 : begin + 6], "big")
    return 0


def _behind_destinations(data: bytes, at: int) -> int | None:
    if at + 4 > len(data):
        return None
    count, at = int.from_bytes(data[at : at + 4], "little"), at + 4
    for _ in range(count):
        at += 4
        for _ in range(3):
            text = wide(data, at)
            if text is None:
                return None
            at = text[1]
    return at


def _vlan(entries: bytes, pointer: int) -> int:
    """VlanId: bits 4 to 15 of the 802.1Q entry [etl2pcapng]."""
    at = VLAN_ENTRY * pointer
    return int.from_bytes(entries[at : at + pointer], "little") >> 4 & 0xFFF if at + pointer <= len(entries) else 0
