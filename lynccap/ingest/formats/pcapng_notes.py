"""What pcapng files say about themselves: options of blocks, names, statistics, secrets and comments.

Layouts and codes: draft-ietf-opsawg-pcapng, its sections on options, on the section header, interface description,
enhanced packet, name resolution, interface statistics and decryption secrets blocks, and on the obsolete packet block.
"""

import socket
import struct
from collections import Counter
from collections.abc import Iterator

import numpy as np

from lynccap.ingest.formats.reading import UNKNOWN, Interface, Notes
from lynccap.ingest.frames import Buffer, Flags, Ints

MAX_OPTIONS = 64  # of one block; the specification knows fewer than 20 kinds for any
MAX_COMMENTS = 1000  # nobody reads more; a tool may put one into every packet
MAX_COMMENT = 2000  # characters: a page
MAX_LABEL = 255  # characters of an interface's name or a program's; longer than any system makes them
MAX_NAMES = 20_000  # pairs of address and name: ten times what a large site's servers and phones have
MAX_NAME_RECORDS = 100_000  # looked at, because one name may be said again and again
MAX_NAME = 255  # bytes of a domain name (RFC 1035 2.3.4)
MAX_SECRETS = 16 << 20  # bytes: some 90,000 sessions
MAX_COUNT = 1 << 40  # packets nobody loses in one recording: a larger count is none

COMMENT, END = 1, 0
HARDWARE, SYSTEM, PROGRAM = 2, 3, 4  # of a section
NAME, DESCRIPTION, RESOLUTION, FILTER, OFFSET = 2, 3, 9, 11, 14  # of an interface
LOST_BEFORE = 4  # of a packet
RECEIVED, LOST_BY_INTERFACE, ACCEPTED, LOST_BY_SYSTEM = 4, 5, 6, 7  # of statistics
ADDRESSES = {1: (4, socket.AF_INET), 2: (16, socket.AF_INET6)}  # record type to bytes and family
TEXT_FILTER = b"\0"  # the first byte of a capture filter kept as text
KEY_LOG = 0x544C534B  # the type of secrets that are a TLS key log

MICROSECONDS = 6  # the resolution assumed when an interface states none
NO_DROP_COUNT = 0xFFFF  # in the old packet block


class FileNotes:
    """Collects the notes of one file, block by block; `data` is a block's bytes, whole or within a buffer."""

    def __init__(self) -> None:
        """Nothing told yet."""
        self.notes = Notes()
        self._filtered: list[bool] = []
        self._lost: Counter[int] = Counter()
        self._names = 0
        self._name_records = 0
        self._secret_bytes = 0

    def section(self, data: bytes | memoryview, position: int, end: int, order: str) -> None:
        """The options of a section header: the recorder and comments about the file."""
        told: dict[int, str] = {}
        for code, value in _options(data, position, end, order):
            if code == COMMENT:
                self._comment(0, _text(value, MAX_COMMENT))
            elif code in (HARDWARE, SYSTEM, PROGRAM):
                told.setdefault(code, _text(value, MAX_LABEL))
        recorder = ", ".join(told[code] for code in (PROGRAM, SYSTEM, HARDWARE) if told.get(code))
        self.notes.recorder = self.notes.recorder or recorder

    def interface(self, data: bytes | memoryview, position: int, end: int, order: str) -> tuple[int, int]:
        """One more interface; its time resolution (if_tsresol) and offset in seconds (if_tsoffset)."""
        link, snap_length = struct.unpack_from(f"{order}H2xI", data, position)
        made = Interface(link, snap_length=snap_length)
        filtered = False
        resolution, offset = MICROSECONDS, 0
        for code, value in _options(data, position + 8, end, order):
            if code == RESOLUTION and len(value) == 1:
                resolution = value[0]
            elif code == OFFSET and len(value) == 8:
                (offset,) = struct.unpack(f"{order}q", value)
            elif code == NAME:
                made.name = _text(value, MAX_LABEL)
            elif code == DESCRIPTION:
                made.description = _text(value, MAX_LABEL)
            elif code == COMMENT:
                self._comment(0, _text(value, MAX_COMMENT))
            elif code == FILTER and len(value) > 1:
                filtered = True
                made.filter = value[:MAX_COMMENT].hex()
                if value.startswith(TEXT_FILTER):
                    made.filter = _text(value[1:], MAX_COMMENT)
                    self._comment(0, f"Capture filter: {made.filter}")
        self.notes.interfaces.append(made)
        self._filtered.append(filtered)
        return resolution, offset

    def names(self, data: bytes | memoryview, position: int, end: int, order: str) -> None:
        """The records of a name resolution block; those of other kinds of address are passed over."""
        head = struct.Struct(f"{order}2H").unpack_from
        while position + 4 <= end and self._names < MAX_NAMES and self._name_records < MAX_NAME_RECORDS:
            self._name_records += 1
            kind, length = head(data, position)
            position += 4
            if kind == END or position + length > end:
                return
            size, family = ADDRESSES.get(kind, (length, None))
            if family is not None and length > size:
                address = socket.inet_ntop(family, bytes(data[position : position + size]))
                self._name(address, bytes(data[position + size : position + length]))
            position += length + (-length & 3)

    def statistics(self, data: bytes | memoryview, position: int, end: int, order: str, first: int) -> None:
        """An interface statistics block; `first` is the place of its section's first interface."""
        if position + 12 > end:
            return
        place = first + struct.unpack_from(f"{order}I", data, position)[0]
        if place >= len(self.notes.interfaces):
            return
        told: dict[int, int] = {}
        for code, value in _options(data, position + 12, end, order):
            if len(value) == 8 and (count := struct.unpack(f"{order}Q", value)[0]) < MAX_COUNT:
                told[code] = count
        one = self.notes.interfaces[place]
        # Some systems count what they receive before the capture filter, some behind it.
        received = UNKNOWN if self._filtered[place] else told.get(RECEIVED, UNKNOWN)
        received = told.get(ACCEPTED, received)
        one.received = one.received if received == UNKNOWN else received
        lost = [told[code] for code in (LOST_BY_INTERFACE, LOST_BY_SYSTEM) if code in told]
        one.dropped = sum(lost) if lost else one.dropped

    def secrets(self, data: bytes | memoryview, position: int, end: int, order: str) -> None:
        """A decryption secrets block; only TLS key logs are kept."""
        if position + 8 > end:
            return
        kind, length = struct.unpack_from(f"{order}2I", data, position)
        fits = position + 8 + length <= end and self._secret_bytes + length <= MAX_SECRETS
        if kind == KEY_LOG and length and fits:
            self.notes.secrets.append(bytes(data[position + 8 : position + 8 + length]))
            self._secret_bytes += length

    def packets(self, buffer: Buffer, at: Ints, end: Ints, big: Flags, interface: Ints, frame: Ints) -> None:
        """The options of packet blocks that have some: from `at` to `end` in the buffer, of the numbered frames."""
        remarks: list[tuple[Ints, Ints, Ints]] = []
        for order, mine in (("<", np.flatnonzero(~big)), (">", np.flatnonzero(big))):
            for place, code, where, length in _packet_options(buffer, order, at[mine], end[mine]):
                row = mine[place]
                found = code == COMMENT
                remarks.append((frame[row[found]], where[found], length[found]))
                counted = np.flatnonzero((code == LOST_BEFORE) & (length == 8))
                if counted.size:
                    counts = buffer.gather(f"{order}u8", where[counted])
                    self._add_lost(interface[row[counted]], np.where(counts < MAX_COUNT, counts, 0).astype(np.int64))
        if remarks:
            frames, where, length = (np.concatenate(columns) for columns in zip(*remarks, strict=True))
            chosen = np.argsort(where)[: MAX_COMMENTS - len(self.notes.comments)]
            for number, start, size in zip(frames[chosen], where[chosen], length[chosen], strict=True):
                self._comment(int(number), _text(bytes(buffer.view[start : start + size]), MAX_COMMENT))

    def old_packets(self, counts: Ints, interface: Ints) -> None:
        """The drop counts of old packet blocks."""
        told = counts != NO_DROP_COUNT
        self._add_lost(interface[told], counts[told])

    def settle(self) -> None:
        """All is read: an interface without statistics lost what its packets said."""
        for place, count in self._lost.items():
            one = self.notes.interfaces[place]
            if one.dropped == UNKNOWN:
                one.dropped = min(count, MAX_COUNT)

    def _add_lost(self, interface: Ints, counts: Ints) -> None:
        places, inverse = np.unique(interface, return_inverse=True)
        sums = np.zeros(len(places), np.int64)
        np.add.at(sums, inverse, counts)
        self._lost.update(dict(zip(places.tolist(), sums.tolist(), strict=True)))

    def _comment(self, frame: int, says: str) -> None:
        if says and len(self.notes.comments) < MAX_COMMENTS:
            self.notes.comments.append((frame, says))

    def _name(self, address: str, names: bytes) -> None:
        for name in names.split(b"\0"):
            text = _text(name, MAX_NAME) if len(name) <= MAX_NAME else ""
            if text and self._names < MAX_NAMES:
                known = self.notes.names.setdefault(address, set())
                self._names += text not in known
                known.add(text)


def _options(data: bytes | memoryview, position: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    head = struct.Struct(f"{order}2H").unpack_from
    for _ in range(MAX_OPTIONS):
        if position + 4 > end:
            return
        code, length = head(data, position)
        position += 4
        if code == END or position + length > end:
            return
        yield code, bytes(data[position : position + length])
        position += length + (-length & 3)


def _packet_options(buffer: Buffer, order: str, at: Ints, end: Ints) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """The first option of every block, then the second, …: rows of `at`, codes, and where values of what length lie."""
    rows = np.arange(len(at))
    for _ in range(MAX_OPTIONS):
        more = at + 4 <= end
        rows, at, end = rows[more], at[more], end[more]
        if not rows.size:
            return
        code, length = buffer.uint(f"{order}u2", at), buffer.uint(f"{order}u2", at + 2)
        at = at + 4
        sound = (code != END) & (at + length <= end)
        rows, at, end, code, length = rows[sound], at[sound], end[sound], code[sound], length[sound]
        yield rows, code, at, length
        at = at + (length + 3 & -4)


def _text(value: bytes, limit: int) -> str:
    """A string of the file on one line: UTF-8, whatever is not printable shown as a space."""
    decoded = value.split(b"\0", 1)[0].decode("utf-8", "replace")[:limit]
    return "".join(one if one.isprintable() else " " for one in decoded).strip()
