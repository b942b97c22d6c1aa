"""Picks the few frames out in which switches and phones tell each other who they are: LLDP and Cisco's discovery."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lynccap.ingest.decoding.cursor import CDP_TYPE, LLDP_TYPE, NO_ADDRESS, Cursor
from lynccap.ingest.decoding.stamps import Stamps
from lynccap.ingest.frames import Buffer, Flags

MAX_ANNOUNCEMENTS = 10_000  # of one capture: a port sends one every half minute or minute
MAX_BYTES = 1600  # of one: an Ethernet frame


class Announcement(NamedTuple):
    """What one frame carried behind its EtherType or SNAP header."""

    frame: int
    time: int
    mac: bytes
    """Source hardware address, b"" where the link has none."""
    kind: int
    """LLDP_TYPE or CDP_TYPE."""
    data: bytes


class Announcements:
    """The announcements of one capture."""

    def __init__(self) -> None:
        """None yet."""
        self.count = 0
        """All that were seen."""
        self.kept: list[Announcement] = []
        self._same: dict[bytes, bytes] = {}

    def add(self, buffer: Buffer, stamps: Stamps, cursor: Cursor) -> None:
        """Keep those among the frames of a window; `cursor` stands at their network layer."""
        rows = np.flatnonzero(_announces(cursor))
        if not rows.size:
            return
        self.count += rows.size
        self.kept += _read(buffer, stamps, cursor.where(rows[: MAX_ANNOUNCEMENTS - len(self.kept)]), self._same)


def _announces(cursor: Cursor) -> Flags:
    flags: Flags = (cursor.kind == LLDP_TYPE) | (cursor.kind == CDP_TYPE)
    return flags


def _read(buffer: Buffer, stamps: Stamps, cursor: Cursor, same: dict[bytes, bytes]) -> Iterator[Announcement]:
    """One by one; `same` keeps equal bytes once, for they are repeated all day."""
    columns = (stamps.number[cursor.row], stamps.time[cursor.row], cursor.hardware, cursor.kind, cursor.position)
    ends = np.minimum(cursor.end, cursor.position + MAX_BYTES)
    for frame, time, hardware, kind, start, end in zip(*(one.tolist() for one in (*columns, ends)), strict=True):
        mac = b"" if hardware == NO_ADDRESS else bytes(buffer.view[hardware : hardware + 6])
        data = bytes(buffer.view[start:end])
        yield Announcement(frame, time, mac, kind, same.setdefault(data, data))
