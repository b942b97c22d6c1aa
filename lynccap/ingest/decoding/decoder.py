"""From frames to packets, window by window: links, shims, IP, fragments, tunnels, transport."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from lynccap.ingest.decoding.arp import Resolutions
from lynccap.ingest.decoding.cursor import BROKEN, ENCRYPTED, REASONS, Cursor
from lynccap.ingest.decoding.fragments import Fragments
from lynccap.ingest.decoding.links import links
from lynccap.ingest.decoding.neighbours import Announcements
from lynccap.ingest.decoding.network import ESP, Intern, Network, joined, network_layer
from lynccap.ingest.decoding.shims import step_over
from lynccap.ingest.decoding.stamps import Stamps
from lynccap.ingest.decoding.transport import Packets, transport
from lynccap.ingest.decoding.tunnels import inside
from lynccap.ingest.frames import Buffer, Frames

MAX_TUNNELS = 6  # mirrored traffic of an overlay in a provider's tunnel: three; more is nesting for its own sake


class Decoder:
    """Decodes one capture's frames; holds the datagrams that are still in pieces."""

    def __init__(self, intern: Intern) -> None:
        """`intern` turns the two halves of IPv6 addresses into codes."""
        self.unread: Counter[str] = Counter()
        """Frames of which a layer is not read, by reason (one of REASONS). Fragments are counted by datagram below."""
        self.announcements = Announcements()
        self.resolutions = Resolutions()
        self._intern = intern
        self._fragments = Fragments()

    @property
    def incomplete(self) -> int:
        """Datagrams given up because fragments are missing, cut short or too many."""
        return self._fragments.incomplete

    @property
    def overlapping(self) -> int:
        """Datagrams that are not read because their fragments contradict each other (RFC 5722)."""
        return self._fragments.overlapping

    def decode(self, frames: Frames) -> Packets:
        """The packets of one window."""
        buffer, stamps = frames.buffer, Stamps.of(frames)
        if self._fragments.busy and len(frames):
            self._fragments.begin(int(frames.time[0]))
        cursor = links(frames)
        step_over(buffer, cursor)
        network, unread = network_layer(buffer, cursor, self._intern)
        self.unread.update(unread)
        if len(network) < len(cursor):
            self.announcements.add(buffer, stamps, cursor)
            self.resolutions.add(buffer, stamps, cursor)
        return self._packets(buffer, stamps, self._whole(buffer, stamps, network))

    def finish(self) -> Iterator[Packets]:
        """What is left of datagrams that never became whole; to be called after the last window."""
        while self._fragments.busy:
            self._fragments.end()
            buffer, stamps = Buffer(0), Stamps.none()
            yield self._packets(buffer, stamps, self._fragments.join(buffer, stamps, None))

    def _whole(self, buffer: Buffer, stamps: Stamps, network: Network) -> Network:
        """Whole datagrams in place of fragments."""
        if self._fragments.busy or network.fragment.any():
            return self._fragments.join(buffer, stamps, network)
        return network

    def _packets(self, buffer: Buffer, stamps: Stamps, network: Network) -> Packets:
        """The innermost packets."""
        packets = self._transport(buffer, stamps, network)
        cursor = inside(packets)
        if cursor is not None or stamps.late:
            network = packets.network if cursor is None else self._opened(buffer, stamps, packets, cursor)
            packets = self._transport(buffer, stamps, stamps.in_order(network))
        if len(packets.tcp) < len(packets):
            self._note(ENCRYPTED, int((packets.network.protocol == ESP).sum()))
        return packets

    def _transport(self, buffer: Buffer, stamps: Stamps, network: Network) -> Packets:
        packets = transport(buffer, stamps, network)
        self._note(BROKEN, packets.broken)
        return packets

    def _opened(self, buffer: Buffer, stamps: Stamps, packets: Packets, cursor: Cursor) -> Network:
        """The packets in place of the tunnels that carry them; `cursor` is where those may begin."""
        outside: list[Network] = []
        for _ in range(MAX_TUNNELS):
            step_over(buffer, cursor)
            network, unread = network_layer(buffer, cursor, self._intern)
            self._note(ENCRYPTED, unread[REASONS[ENCRYPTED]])  # else the outer packet is all there is to read
            if not len(network):
                break
            outside.append(packets.network.where(~np.isin(packets.network.row, network.row)))
            packets = self._transport(buffer, stamps, self._whole(buffer, stamps, network))
            deeper = inside(packets)
            if deeper is None:
                break
            cursor = deeper
        return joined([*outside, packets.network])

    def _note(self, reason: int, frames: int) -> None:
        if frames:
            self.unread[REASONS[reason]] += frames
