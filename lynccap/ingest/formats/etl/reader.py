"""Yields the packets of a Windows event trace as frames.

Frames are numbered from 1 in order of time, events of the same instant in order of their buffers: the order in which
`etl2pcapng` and `pktmon etl2pcap` write them, because Windows hands events over by time. `ndiscap` and `pktmon` say
where the numbers may differ from theirs. Time is UTC in steps of 100 ns.

The file is walked three times: over the headers of its buffers; over the records, of which a row of numbers is kept for
each that holds a packet; over those records in order of time. Each byte is read at most once a walk.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, ClassVar

import numpy as np

from lynccap.ingest.formats.etl.ndiscap import Ndiscap
from lynccap.ingest.formats.etl.ndiswan import Ndiswan
from lynccap.ingest.formats.etl.packets import Packet, Provider
from lynccap.ingest.formats.etl.pktmon import Pktmon
from lynccap.ingest.formats.etl.records import (
    BUFFER_HEADER_BYTES,
    EVENT_HEADER_BYTES,
    EVENT_HEADERS,
    EVENT_KEY,
    BufferHeader,
    Records,
    buffer_header,
    read_event,
)
from lynccap.ingest.formats.etl.session import CONVERT, CPU_CYCLES, begins_trace, read_session
from lynccap.ingest.formats.reading import Interface, Notes
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import FramePacker, Frames
from lynccap.ingest.sources.source import UnreadableCapture

HEAD_BYTES = BUFFER_HEADER_BYTES + 65_535  # the first record lies within them: its size has 16 bits
MAX_BUFFERS = 4 << 20  # of 64 KiB each, which is usual: 256 GiB
MAX_PACKETS = 16 << 20  # packet events: 20 bytes for each, and as much to sort them, are 0.6 GiB
MAX_REMARKS = 100_000  # on single frames
SORTED_AT_ONCE = 65_536  # places turned into Python numbers together
RECORD_AGAIN = "record again with 'netsh trace start capture=yes', or 'pktmon start --capture'"


@dataclass(slots=True)
class _Buffers:
    """The buffers of the file, in its order."""

    at: "array[int]" = field(default_factory=lambda: array("Q"))
    held: "array[int]" = field(default_factory=lambda: array("I"))
    """Bytes of each that are in the file and hold something."""
    sequence: "array[int]" = field(default_factory=lambda: array("q"))
    processor: "array[int]" = field(default_factory=lambda: array("H"))


@dataclass(slots=True)
class _Index:
    """The records that hold packets, in the order of their buffers."""

    time: "array[int]" = field(default_factory=lambda: array("Q"))
    at: "array[int]" = field(default_factory=lambda: array("Q"))
    size: "array[int]" = field(default_factory=lambda: array("H"))
    processor: "array[int]" = field(default_factory=lambda: array("H"))


class EtlReader:
    """Yields the packets of a Windows event trace."""

    format: ClassVar[str] = "etl"

    @classmethod
    def accepts(cls, head: bytes) -> bool:
        """Whether a file that begins with `head` is an event trace."""
        return begins_trace(head)

    def __init__(self, window: Window) -> None:
        """Read the first record. Raises ValueError when it is cut off, compressed, or has a clock nobody explains."""
        self._session = read_session(bytes(window.view[: min(HEAD_BYTES, window.filled)]))
        self._window = window
        self.digits = 7
        self.damage = ""
        self.notes = Notes(recorder=self._session.recorder)
        providers: tuple[Provider, ...] = (Ndiscap(), Ndiswan(), Pktmon())
        self._providers = {one.GUID: one for one in providers}
        self._interfaces: dict[int, int] = {}
        self._events = self._lossy = self._compressed = self._frames = self._remarks = 0
        self._first_broken = -1
        self._broken = 0
        self._cut = -1  # where the buffer starts that the file ends in

    def frames(self) -> Iterator[Frames]:
        """The frames in order of time; `damage` tells what could not be read."""
        try:
            file = self._window.whole()
        except (OSError, UnreadableCapture):  # without their words: they name the reader's own path
            self._hurt("the file could not be read a second time: copy it to a disk with room for it")
            return
        with file:
            buffers = self._survey(file)
            index = self._collect(file, buffers)
            if index.at:
                yield from self._pack(file, index)
        self._conclude(len(buffers.at), len(index.at))

    def _survey(self, file: BinaryIO) -> _Buffers:
        """Find every buffer. Blank ones, as in the tail of a file that was allocated beforehand, are stepped over."""
        buffers, at, slots = _Buffers(), 0, 0
        end = _size(file)
        while at + BUFFER_HEADER_BYTES <= end:
            slots += 1
            if slots > MAX_BUFFERS:
                self._hurt(f"only the first {MAX_BUFFERS} buffers were read, up to byte {at}")
                return buffers
            data = self._bytes(file, at, BUFFER_HEADER_BYTES)
            header = buffer_header(data) if len(data) == BUFFER_HEADER_BYTES else None
            if header is None:
                if data.strip(b"\0"):
                    self._break(at)
                at += self._session.buffer_bytes
                continue
            self._note_buffer(buffers, header, at, end)
            at += header.size
        if at < end and self._bytes(file, at, BUFFER_HEADER_BYTES).strip(b"\0"):
            self._hurt(f"cut off at byte {end}, inside the header of the buffer that starts at byte {at}")
        return buffers

    def _note_buffer(self, buffers: _Buffers, header: BufferHeader, at: int, end: int) -> None:
        self._lossy += header.lost
        if header.compressed:
            self._compressed += 1
            return
        if at + header.filled > end:
            self._hurt(f"cut off at byte {end}, inside the buffer that starts at byte {at}")
            self._cut = at
        buffers.at.append(at)
        buffers.held.append(min(header.filled, end - at))
        buffers.sequence.append(header.sequence)
        buffers.processor.append(header.processor)

    def _collect(self, file: BinaryIO, buffers: _Buffers) -> _Index:
        """Walk the buffers by sequence number, so that what one processor wrote keeps its order."""
        index = _Index()
        for place in np.argsort(np.array(buffers.sequence, np.int64), kind="stable").tolist():
            at = buffers.at[place]
            if not self._walk(index, self._bytes(file, at, buffers.held[place]), at, buffers.processor[place]):
                self._hurt(f"only the first {MAX_PACKETS} packet events were read")
                break
        self._events -= bool(self._events)  # the first record is the header of the trace itself
        return index

    def _walk(self, index: _Index, data: bytes, at: int, processor: int) -> bool:
        """Note the events of one buffer; False when there is no room for more."""
        records, fields = Records(data), EVENT_KEY.unpack_from
        for position, size, kind in records:
            self._events += 1
            if kind not in EVENT_HEADERS or size < EVENT_HEADER_BYTES:
                continue
            time, guid, number = fields(data, position)
            provider = self._providers.get(guid)
            if provider is None:
                continue
            if number in provider.CONTEXT:
                event = read_event(data[position : position + size], processor)
                if event is not None:
                    provider.learn(event)
            elif number in provider.PACKETS:
                if len(index.at) >= MAX_PACKETS:
                    return False
                index.time.append(time)
                index.at.append(at + position)
                index.size.append(size)
                index.processor.append(processor)
        if records.broken >= 0 and at != self._cut:
            self._break(at + records.broken)
        return True

    def _pack(self, file: BinaryIO, index: _Index) -> Iterator[Frames]:
        packer = FramePacker()
        for packet, time in self._packets(file, index):
            self._frames += 1
            full = packer.add(time, packet.wire, packet.link, self._place(packet.interface), packet.data)
            if full is not None:
                yield full
            if packet.remark:
                self._remark(packet.remark)
        last = packer.flush()
        if last is not None:
            yield last

    def _packets(self, file: BinaryIO, index: _Index) -> Iterator[tuple[Packet, int]]:
        order = np.argsort(np.frombuffer(index.time, np.uint64), kind="stable")
        columns = [np.frombuffer(one, one.typecode) for one in (index.at, index.size, index.processor)]
        for begin in range(0, len(order), SORTED_AT_ONCE):
            places = order[begin : begin + SORTED_AT_ONCE]
            for at, size, processor in zip(*(column[places].tolist() for column in columns), strict=True):
                event = read_event(self._bytes(file, at, size), processor)
                provider = self._providers.get(event.provider) if event else None
                if event is None or provider is None:
                    self._break(at)
                    continue
                packet = provider.packet(event)
                if packet is not None:
                    yield packet, self._session.clock.nanoseconds(event.time)

    def _place(self, interface: Interface) -> int:
        place = self._interfaces.get(id(interface))
        if place is None:
            place = self._interfaces[id(interface)] = len(self.notes.interfaces)
            self.notes.interfaces.append(interface)
        return place

    def _remark(self, text: str) -> None:
        self._remarks += 1
        if self._remarks <= MAX_REMARKS:
            self.notes.comments.append((self._frames, text))

    def _conclude(self, buffers: int, packet_events: int) -> None:
        """Say what the trace lacks, once everything is read."""
        session, left_out = self._session, self._left_out()
        if self._broken == 1:
            self._hurt(f"damaged at byte {self._first_broken}: the rest of that buffer was not read")
        elif self._broken:
            where = f"{self._broken} places, the first at byte {self._first_broken}"
            self._hurt(f"damaged in {where}: the rest of those buffers was not read")
        if self._compressed:
            self._hurt(f"compressed buffers ({self._compressed}) were not read: {CONVERT}")
        if not self._frames and not packet_events:
            self._hurt(f"this trace holds {self._events} events but no packets: {RECORD_AGAIN}")
        elif not self._frames:
            self._hurt(f"no packet event ({packet_events}) could be read; {'; '.join(left_out)}")
        if session.events_lost:
            self.notes.interfaces.append(Interface(-1, name="event trace session", dropped=session.events_lost))
        for text in (*self._losses(buffers), *left_out):
            self.notes.comments.append((0, text))

    def _left_out(self) -> list[str]:
        says = []
        for provider in self._providers.values():
            provider.finish()
            says += [f"left out: {what} ({count})" for what, count in sorted(provider.left_out.items()) if count]
        return says

    def _losses(self, buffers: int) -> Iterator[str]:
        session = self._session
        if session.events_lost or session.buffers_lost:
            lost = f"events {session.events_lost}, buffers of events {session.buffers_lost}"
            yield f"lost by the recorder, so that packets may be missing: {lost}"
        elif self._lossy:
            yield f"lost by the recorder, so that packets may be missing: events before {self._lossy} of its buffers"
        if session.buffers_written > buffers + self._compressed + self._broken:
            yield f"the recorder wrote {session.buffers_written} buffers, {buffers} were found: the file is not whole"
        if not session.stopped:
            yield "the trace was not stopped before it was copied: its end may be missing"
        if session.clock.kind == CPU_CYCLES:
            yield "times are counted in processor cycles, which may drift"
        if self._remarks > MAX_REMARKS:
            yield f"dropped by Windows, not listed: packets {self._remarks - MAX_REMARKS}"

    def _bytes(self, file: BinaryIO, at: int, count: int) -> bytes:
        try:
            file.seek(at)
            return file.read(count)
        except OSError as problem:
            if "reading stopped" not in self.damage:
                self._hurt(f"reading stopped at byte {at}: {problem.strerror}")
            return b""

    def _break(self, at: int) -> None:
        self._broken += 1
        if self._first_broken < 0:
            self._first_broken = at

    def _hurt(self, says: str) -> None:
        self.damage = "; ".join(one for one in (self.damage, says) if one)


def _size(file: BinaryIO) -> int:
    try:
        return file.seek(0, 2)
    except OSError:
        return 0
