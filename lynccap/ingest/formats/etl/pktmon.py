"""Packets of Microsoft-Windows-PktMon, as `pktmon start --capture` records them.

Event 160 is a packet passing a component, event 170 one that a component dropped; both are PktGroupId (64 bits);
PktNumber, AppearanceCount, DirTag, PacketType, ComponentId, EdgeId, FilterId (16 bits each); DropReason, DropLocation
(32); OriginalPayloadSize, LoggedPayloadSize (16); and the bytes. Nothing is aligned. A packet appears once at every
component it passes, with the same PktGroupId. Event 20 names a component: Id, Type (16 bits), Name, Description (text).
Sources: [NetMon_Parsers_for_PacketMon]; [jdu2600] (the provider's manifest); [etl-parser]; [CSS_SQL_Networking_Tools];
packet types also [ntdiff] _PKTMON_PACKET_TYPE, where 3 was mobile broadband up to Windows 10 2004 and is IP since: raw
IP either way; component types [ntdiff] _PKTMON_COMPONENT_TYPE and [NetMon_Parsers_for_PacketMon].

Each appearance is a frame, as `pktmon etl2pcap` writes them; its interface tells component and edge. Other than in what
`pktmon etl2pcap` writes by default, dropped packets are frames too: numbers agree up to the first of them.
"""

import struct
import uuid
from collections import Counter
from typing import ClassVar

from lynccap.ingest.formats.etl.drop_reasons import DROP_REASONS
from lynccap.ingest.formats.etl.packets import ETHERNET, IEEE_802_11, RAW_IP, Interfaces, Packet, printable
from lynccap.ingest.formats.etl.records import Event, wide
from lynccap.ingest.formats.reading import Interface

COMPONENT, FLOW, DROP = 20, 160, 170
# Windows 11 names events that carry packets in a form nobody tells (fields 8 to 12): UNVERIFIED, left out and counted.
# Event 240 repeats a drop that was reported already.
UNKNOWN_FORMS = frozenset({200, 210, 220, 230})
# 2 is NDIS's native 802.11 [NetMon_Parsers_for_PacketMon], [NetworkMiner]; whether such frames are decrypted like those
# of ndiscap is UNVERIFIED, so that they are left as they are.
LINKS = {1: ETHERNET, 2: IEEE_802_11, 3: RAW_IP}
COMPONENT_TYPES = (
    "",
    "NDIS",
    "miniport",
    "filter",
    "protocol",
    "virtual machine NIC",
    "virtual switch miniport",
    "virtual switch external miniport",
    "virtual switch protocol NIC",
    "NetVsc miniport",
    "HTTP",
    "IP interface",
    "load balancer",
    "IPsec",
    "NetCx",
    "HTTP message",
)

MALFORMED = "packet events whose parts do not add up"
NO_PACKET = "events that hold a payload without its packet"
UNKNOWN_FORM = "packet events of a form that is not known yet"

_HEADER = struct.Struct("<Q7H2I2H")


class Pktmon:
    """Reads each appearance of a packet."""

    GUID: ClassVar[bytes] = uuid.UUID("4d4f80d9-c8bd-4d73-bb5b-19c90402c5ac").bytes_le
    PACKETS: ClassVar[frozenset[int]] = frozenset({FLOW, DROP})
    CONTEXT: ClassVar[frozenset[int]] = frozenset({COMPONENT}) | UNKNOWN_FORMS

    def __init__(self) -> None:
        """No component is known."""
        self.left_out: Counter[str] = Counter()
        self._interfaces = Interfaces()
        self._components: dict[int, str] = {}  # bounded: their numbers have 16 bits

    def learn(self, event: Event) -> None:
        """A component, or a packet in a form that is not known."""
        if event.id in UNKNOWN_FORMS:
            self.left_out[UNKNOWN_FORM] += 1
            return
        name = wide(event.data, 4)
        description = wide(event.data, name[1]) if name else None
        if name and description:
            number, kind = struct.unpack_from("<2H", event.data)
            shown = (COMPONENT_TYPES[kind] if kind < len(COMPONENT_TYPES) else "", name[0], description[0])
            self._components[number] = ", ".join(text for text in map(printable, shown) if text)

    def packet(self, event: Event) -> Packet | None:
        """The packet of this event."""
        data = event.data
        fields = _HEADER.unpack_from(data) if len(data) >= _HEADER.size else None
        if fields is None or _HEADER.size + fields[11] != len(data):
            self.left_out[MALFORMED] += 1
            return None
        kind, component, edge, reason, location, original = *fields[4:7], *fields[8:11]
        link = LINKS.get(kind)
        if link is None:  # payloads of TCP, UDP, HTTP and the like, without the headers before them
            self.left_out[NO_PACKET] += 1
            return None
        dropped = event.id == DROP
        interface = self._interfaces.of(
            (component, edge, link, dropped), lambda: self._named(component, edge, link, dropped)
        )
        payload = data[_HEADER.size :]
        remark = _drop(reason, location, component) if dropped else ""
        return Packet(interface, link, max(original, len(payload)), payload, remark)

    def finish(self) -> None:
        """Nothing is ever incomplete: a packet is one event."""

    def _named(self, component: int, edge: int, link: int, dropped: bool) -> Interface:
        name = f"component {component} edge {edge}" + (" drops" if dropped else "")
        return Interface(link, name=name, description=self._components.get(component, ""))


def _drop(reason: int, location: int, component: int) -> str:
    name = DROP_REASONS.get(reason, "")
    shown = f"0x{reason:x} ({name})" if name else f"0x{reason:x}"
    return f"dropped by Windows: reason {shown}, component {component}, location 0x{location:08x}"
