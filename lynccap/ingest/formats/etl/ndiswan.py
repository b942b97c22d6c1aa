"""Packets of Microsoft-Windows-Ras-NdisWanPacketCapture: what a Windows VPN carries, before or after its encryption.

Events 5001 (sent) and 5002 (received) are a whole packet each, made up as Ethernet: RoutingDomainID, RRASUserName
(texts), FragmentSize (32 bits), the bytes. Sources: [etl2pcapng] src/main.c; [etl-parser]; a Wireshark dissector in Lua
made after Message Analyzer. Other than with etl2pcapng, users have no interfaces of their own: their names stay in the
trace.
"""

import uuid
from collections import Counter
from typing import ClassVar

from lynccap.ingest.formats.etl.packets import ETHERNET, Interfaces, Packet, printable
from lynccap.ingest.formats.etl.records import Event, wide
from lynccap.ingest.formats.reading import Interface

SENT, RECEIVED = 5001, 5002
MALFORMED = "packet events of a VPN whose parts do not add up"


class Ndiswan:
    """Reads the packets of VPN connections."""

    GUID: ClassVar[bytes] = uuid.UUID("d84521f7-2235-4237-a7c0-14e3a9676286").bytes_le
    PACKETS: ClassVar[frozenset[int]] = frozenset({SENT, RECEIVED})
    CONTEXT: ClassVar[frozenset[int]] = frozenset()

    def __init__(self) -> None:
        """No connection is known."""
        self.left_out: Counter[str] = Counter()
        self._interfaces = Interfaces()

    def learn(self, event: Event) -> None:
        """Nothing is needed beforehand."""

    def packet(self, event: Event) -> Packet | None:
        """The packet of this event."""
        domain = wide(event.data, 0)
        user = wide(event.data, domain[1]) if domain else None
        begin = user[1] + 4 if user else 0
        size = int.from_bytes(event.data[begin - 4 : begin], "little") if user else 0
        if domain is None or user is None or begin + size != len(event.data):
            self.left_out[MALFORMED] += 1
            return None
        name = printable(domain[0])
        interface = self._interfaces.of(name, lambda: Interface(ETHERNET, name="vpn", description=name))
        return Packet(interface, ETHERNET, size, event.data[begin:])

    def finish(self) -> None:
        """Nothing is ever incomplete: a packet is one event."""
