"""Puts IP datagrams together from fragments (RFC 791 3.2, RFC 8200 4.5, RFC 5722), over any number of windows.

A whole datagram is one packet, in the frame that completed it. Of a datagram that is not completed the first fragment
is read as a packet cut short, in its own frame, so that its ports and its first bytes are not lost.
"""

from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field, fields
from operator import attrgetter, itemgetter

import numpy as np

from lynccap.ingest.decoding.network import MORE, OFFSET, UDP, Network, joined, step_up
from lynccap.ingest.decoding.stamps import Stamps
from lynccap.ingest.decoding.tunnels import IP_TUNNELS
from lynccap.ingest.frames import Buffer

MAX_AGE_NS = 60_000_000_000  # RFC 8200 4.5: the rest must come within a minute, or the number may mean another datagram
MAX_DATAGRAMS = 4096  # in parts at a time: more is a flood
MAX_HELD_BYTES = 4 << 20  # of all parts: half the room behind a window's frames, where they are put together
PART_BYTES = 256  # what the objects around a part take beside its bytes
MAX_FRAGMENTS = 128  # of one datagram: 65,535 bytes in the 576 every host must take are 119
MAX_DATAGRAM = 65_535
MAX_COPY_NS = 100_000_000  # a mirror's copy follows at once, a sender's repetition after half a second (RFC 3261 T1)
MAX_DONE = 512  # whole datagrams remembered, so that copies of their fragments are known: those follow closely

Key = tuple[int, ...]
"""What the fragments of one datagram have in common."""
Row = tuple[int, ...]
"""One row of Network, in the order of its columns."""
_by_start = itemgetter(0)
_number = attrgetter("number")


@dataclass(slots=True)
class _First:
    """The fragment a datagram begins with."""

    window: int
    """In which window it came: only there its row and its positions are worth anything."""
    row: int
    position: int
    hardware_at: int
    number: int
    time: int
    hardware: bytes
    data: bytes
    network: Row
    """Version, protocol, source, destination, ttl, ip_id and tos."""
    vlan: int
    sent: int = 0
    """Bytes of the whole datagram, as far as its fragments told when it was given up."""


@dataclass(slots=True)
class _Datagram:
    """What has come of one datagram."""

    began: int
    parts: list[tuple[int, int, bytes]] = field(default_factory=list)
    """Start, end and bytes of each part, in order."""
    got: int = 0
    """Bytes of all parts together."""
    total: int = -1
    opened: bool = False
    """Its first fragment has been seen."""
    first: _First | None = None
    """That fragment, until it has been read."""
    closed: bool = False
    """No more is expected of it; its other fragments are recognised until it is forgotten."""


class Fragments:
    """The datagrams of one capture that are not whole yet."""

    def __init__(self) -> None:
        """None yet."""
        self.incomplete = 0
        self.overlapping = 0
        # Ordered, because taking the first of a plain dict again and again walks over all that were taken before.
        self._pending: OrderedDict[Key, _Datagram] = OrderedDict()
        self._done: dict[Key, tuple[int, frozenset[tuple[int, int]]]] = {}
        self._held = 0
        self._window = 0
        self._rows: list[Row] = []
        self._late: list[_First] = []
        """First fragments of earlier windows that are to be read now."""

    @property
    def busy(self) -> bool:
        """Whether anything is held."""
        return bool(self._pending or self._late)

    def begin(self, time: int) -> None:
        """A new window begins at this time; what is too old to be completed is given up."""
        self._window += 1
        while self._pending:
            key = next(iter(self._pending))
            began = self._pending[key].began
            if not time or not began or began > time - MAX_AGE_NS:
                break
            self._forget(key)

    def end(self) -> None:
        """The capture has ended: give up all that is not whole."""
        self._window += 1
        for key in list(self._pending):
            self._forget(key)

    def join(self, buffer: Buffer, stamps: Stamps, network: Network | None) -> Network:
        """`network` with whole datagrams, and first fragments of others, in place of fragments."""
        self._place_late(buffer, stamps)
        parts = []
        if network is not None:
            pieces = np.flatnonzero(network.fragment)
            if pieces.size:
                self._add(buffer, stamps, network.where(pieces))
                network = network.where(network.fragment == 0)
            parts.append(network)
        rows = np.array(self._rows, np.int64).reshape(-1, len(fields(Network))).T.copy()
        self._rows.clear()
        added = Network(*rows)
        step_up(buffer, added)
        return joined([*parts, added])

    def _add(self, buffer: Buffer, stamps: Stamps, network: Network) -> None:
        columns = [getattr(network, one.name) for one in fields(Network)]
        numbers, times = stamps.number[network.row], stamps.time[network.row]
        idents = np.where(network.version == 6, buffer.uint(">u4", network.position - 4), network.ip_id)
        for ident, number, time, *values in zip(
            *(one.tolist() for one in (idents, numbers, times, *columns)), strict=True
        ):
            self._take(buffer, ident, number, time, values)

    def _take(self, buffer: Buffer, ident: int, number: int, time: int, values: list[int]) -> None:
        """One more fragment."""
        row, version, protocol, source, destination, *_, position, end, wire_end, fragment, vlan, hardware = values
        key = (version, source, destination, ident, vlan, protocol if version == 4 else 0)
        start, size = (fragment & OFFSET) * 8, wire_end - position
        data = buffer.view[position:end].tobytes()
        datagram = self._pending.get(key)
        if datagram is not None and time and datagram.began and abs(time - datagram.began) > MAX_AGE_NS:
            self._forget(key)
            datagram = None
        if datagram is None:
            if self._is_copy(key, start, data, time):
                return
            datagram = self._pending[key] = _Datagram(time)
            self._held += PART_BYTES
        if start == 0 and not datagram.opened:
            datagram.opened = True
            mac = buffer.view[hardware : hardware + 6].tobytes() if hardware >= 0 else b""
            common = tuple(values[1:8])
            datagram.first = _First(self._window, row, position, hardware, number, time, mac, data, common, vlan)
        if datagram.closed:
            self._read_first(datagram)
        elif len(data) < size or start + size > MAX_DATAGRAM or len(datagram.parts) >= MAX_FRAGMENTS:
            self._give_up(datagram)
        elif self._insert(datagram, start, data, bool(fragment & MORE)) and datagram.got == datagram.total:
            self._complete(buffer, key, values, time)
        self._relieve()

    def _insert(self, datagram: _Datagram, start: int, data: bytes, more: bool) -> bool:
        """Add a part; False when it was there already, or contradicts what is there."""
        parts, end = datagram.parts, start + len(data)
        place = bisect_left(parts, start, key=_by_start)
        if place < len(parts) and parts[place][0] == start and parts[place][2] == data:
            return False
        before = parts[place - 1][1] if place else 0
        after = parts[place][0] if place < len(parts) else MAX_DATAGRAM
        total = datagram.total if more else end
        agreed = datagram.total in (-1, total) and (total < 0 or end <= total)
        if start < before or end > after or not agreed or (not more and parts and parts[-1][1] > end):
            datagram.opened, datagram.first = True, None  # none of it is to be believed
            self.overlapping += 1
            self._close(datagram)
            return False
        datagram.total = total
        parts.insert(place, (start, end, data))
        datagram.got += len(data)
        self._held += len(data) + PART_BYTES
        return True

    def _complete(self, buffer: Buffer, key: Key, values: list[int], time: int) -> None:
        datagram = self._pending[key]
        first = datagram.first
        data = b"".join(part for _, _, part in datagram.parts)
        at = buffer.place(data) if first is not None else None
        if first is None or at is None:
            self._give_up(datagram)
            return
        end = at + len(data)
        self._rows.append((values[0], *first.network, at, end, end, 0, values[12], values[13]))
        if len(self._done) >= MAX_DONE:
            del self._done[next(iter(self._done))]
        self._done[key] = time, frozenset((start, hash(part)) for start, _, part in datagram.parts)
        self._close(datagram)
        self._remove(key)

    def _is_copy(self, key: Key, start: int, data: bytes, time: int) -> bool:
        """Whether a fragment is a late copy of one of a whole datagram, as mirrored ports make them."""
        when, parts = self._done.get(key, (0, frozenset()))
        return (start, hash(data)) in parts and abs(time - when) <= MAX_COPY_NS

    def _give_up(self, datagram: _Datagram) -> None:
        """Nothing whole will come of it: read its first fragment."""
        self.incomplete += 1
        self._read_first(datagram)
        self._close(datagram)

    def _read_first(self, datagram: _Datagram) -> None:
        first, datagram.first = datagram.first, None
        if first is None:
            return
        if first.window != self._window:
            first.sent = _sent(datagram, first)
            self._late.append(first)
            return
        at, captured = first.position, first.position + len(first.data)
        sent = at + _sent(datagram, first)
        self._rows.append((first.row, *first.network, at, captured, sent, 0, first.vlan, first.hardware_at))

    def _close(self, datagram: _Datagram) -> None:
        """Let go of its bytes."""
        self._held -= datagram.got + len(datagram.parts) * PART_BYTES
        datagram.parts, datagram.got = [], 0
        datagram.closed = True

    def _forget(self, key: Key) -> None:
        datagram = self._pending[key]
        if not datagram.closed:
            self._give_up(datagram)
        self._remove(key)

    def _remove(self, key: Key) -> None:
        del self._pending[key]
        self._held -= PART_BYTES

    def _relieve(self) -> None:
        """Forget what has waited longest, while too much is held."""
        while len(self._pending) > MAX_DATAGRAMS or self._held > MAX_HELD_BYTES:
            self._forget(next(iter(self._pending)))

    def _place_late(self, buffer: Buffer, stamps: Stamps) -> None:
        """Put first fragments of earlier windows behind the frames; what finds no room waits for the next window."""
        late, self._late = sorted(self._late, key=_number), []
        placed: list[tuple[int, int]] = []
        for first in late:
            at = buffer.place(first.hardware + first.data)
            if at is None:
                self._late.append(first)
                continue
            position = at + len(first.hardware)
            end = position + len(first.data)
            row = len(stamps.number) + len(placed)
            hardware = at if first.hardware else -1
            self._rows.append((row, *first.network, position, end, position + first.sent, 0, first.vlan, hardware))
            placed.append((first.number, first.time))
        if placed:
            stamps.extend(placed)


def _sent(datagram: _Datagram, first: _First) -> int:
    """Bytes of a datagram's payload, as far as its fragments tell; at least one more than its first one has."""
    least = max(len(first.data) + 1, datagram.parts[-1][1] if datagram.parts else 0)
    protocol = first.network[1]
    if datagram.total >= 0:
        return max(least, datagram.total)
    if protocol == UDP:
        return max(least, int.from_bytes(first.data[4:6], "big"))
    # What is inside a tunnel tells its own length.
    return MAX_DATAGRAM if protocol in IP_TUNNELS else least
