"""The cables and switches of the laboratory: TAP devices joined by one forwarding process.

Every network port of the laboratory is a TAP device inside the namespace of its host; its other end is a file
descriptor held here. The wire process learns MAC addresses like a switch, waits the delay of the cable, and
copies frames to mirror ports. TAP devices do no checksum or segmentation offload, so a capture holds what a
real cable holds.
"""

import contextlib
import heapq
import os
import select
import time
from dataclasses import dataclass, field
from random import Random

UDP = 17
LARGEST_FRAME = 2048
"""Bytes read at once: an Ethernet frame of MTU 1500 with VLAN tags fits."""


def is_rtp(frame: bytes, source_port: int) -> bool:
    """Say whether an untagged IPv4 frame holds RTP, not RTCP or a check, from this UDP port (RFC 3550, RFC 5761)."""
    if frame[12:14] != b"\x08\x00" or frame[23] != UDP:
        return False
    udp = 14 + (frame[14] & 0x0F) * 4
    payload = frame[udp + 8 :]
    from_port = int.from_bytes(frame[udp : udp + 2], "big") == source_port
    return from_port and len(payload) >= 12 and payload[0] >> 6 == 2 and not 192 <= payload[1] <= 223


@dataclass(eq=False)
class Impairment:
    """What a bad cable does to the RTP packets of one UDP port; they are numbered from 0 as they are sent."""

    source_port: int
    lost: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()
    late: frozenset[int] = frozenset()
    """Held back by `late_by` seconds: others overtake them."""
    late_by: float = 0.05
    jitter: float = 0.0
    """The most a packet is held back, without being overtaken."""
    random: Random = field(default_factory=lambda: Random(3550))
    _number: int = -1
    _latest: float = 0.0

    def arrivals(self, frame: bytes, arrival: float) -> tuple[float, ...]:
        """Return when copies of a frame come out of the cable that would have come out at `arrival`."""
        if not is_rtp(frame, self.source_port):
            return (arrival,)
        self._number += 1
        if self._number in self.lost:
            return ()
        if self._number in self.late:
            return (arrival + self.late_by,)
        self._latest = max(self._latest, arrival + self.random.uniform(0.0, self.jitter))
        return (self._latest,) * (2 if self._number in self.doubled else 1)


@dataclass(eq=False)
class Port:
    """One switch port: the descriptor of its TAP device, its segment and the one-way delay of its cable."""

    fd: int
    segment: str
    delay: float
    impairment: Impairment | None = None
    """What the cable does besides to what comes in here."""

    def arrivals(self, frame: bytes) -> tuple[float, ...]:
        """Return when a frame just sent comes in."""
        arrival = time.monotonic() + self.delay
        return self.impairment.arrivals(frame, arrival) if self.impairment else (arrival,)


@dataclass(eq=False)
class MirrorPort:
    """A port that receives a copy of every frame entering or leaving the watched ports of some segments."""

    fd: int
    segments: tuple[str, ...]
    watched: tuple[Port, ...]
    """Empty: every port of the segments."""
    tags: dict[str, int]
    """VLAN of each segment whose frames are copied with their 802.1Q tag, as from a trunk."""

    def sees(self, port: Port) -> bool:
        """Say whether a frame on this port is copied."""
        return port.segment in self.segments and (not self.watched or port in self.watched)

    def copy(self, frame: bytes, segment: str) -> bytes:
        """Return the frame as it leaves the mirror port."""
        if segment not in self.tags:
            return frame
        return frame[:12] + b"\x81\x00" + self.tags[segment].to_bytes(2, "big") + frame[12:]


@dataclass(frozen=True)
class Line:
    """A cable between two TUN devices, which hold bare IP packets."""

    ends: tuple[int, int]
    delay: float

    def other(self, end: int) -> int:
        """Return the descriptor at the other end."""
        return self.ends[0] if end == self.ends[1] else self.ends[1]


@dataclass
class Wire:
    """All switches of one network, run by `carry` in a process of its own."""

    ports: list[Port] = field(default_factory=list)
    mirrors: list[MirrorPort] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    _learned: dict[tuple[str, bytes], Port] = field(default_factory=dict)
    _due: list[tuple[float, int, int, bytes]] = field(default_factory=list)
    _sequence: int = 0

    def carry(self) -> None:
        """Forward frames for ever."""
        by_fd = {port.fd: port for port in self.ports}
        by_end = {end: line for line in self.lines for end in line.ends}
        readable = [*by_fd, *by_end, *(mirror.fd for mirror in self.mirrors)]
        while True:
            wait = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            for fd in select.select(readable, [], [], wait)[0]:
                frame = os.read(fd, LARGEST_FRAME)
                if fd in by_fd:
                    self.forward(by_fd[fd], frame)
                elif line := by_end.get(fd):
                    self._send_at(time.monotonic() + line.delay, line.other(fd), frame)
            self.deliver_due()

    def forward(self, source: Port, frame: bytes) -> None:
        """Send a frame that came in at a port to where it belongs, and to the mirrors."""
        self._learned[source.segment, frame[6:12]] = source
        known = None if frame[0] & 1 else self._learned.get((source.segment, frame[:6]))
        others = (port for port in self.ports if port.segment == source.segment and port is not source)
        targets = [known] if known else list(others)
        for arrival in source.arrivals(frame):
            self._copy_to(targets, source, frame, arrival)

    def _copy_to(self, targets: list[Port], source: Port, frame: bytes, arrival: float) -> None:
        for mirror in self.mirrors:
            if mirror.sees(source) or any(mirror.sees(port) for port in targets):
                self._send_at(arrival, mirror.fd, mirror.copy(frame, source.segment))
        for port in targets:
            if port is not source:
                self._send_at(arrival + port.delay, port.fd, frame)

    def _send_at(self, when: float, fd: int, frame: bytes) -> None:
        # The sequence keeps frames of one cable in order when they are due at the same instant.
        self._sequence += 1
        heapq.heappush(self._due, (when, self._sequence, fd, frame))

    def deliver_due(self) -> None:
        """Put what has travelled its cable into the hosts."""
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, fd, frame = heapq.heappop(self._due)
            # A device that is down refuses the frame, as an unplugged host would.
            with contextlib.suppress(OSError):
                os.write(fd, frame)
