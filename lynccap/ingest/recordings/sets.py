"""Which files are pieces of one recording: ring buffers by their names, and files of one network adapter.

Names only propose: files are put in order by what is in them, and a silence between two that their numbers do not
bridge ends the recording (see `merging`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from lynccap.ingest.sources.source import Source

COMPRESSED = re.compile(r"\.(gz|zst|zstd|bz2|xz|lz4)$", re.IGNORECASE)
# Only what can be a date and a time: twelve digits may also be a hardware address or a telephone number.
DAY = r"(?:19|20)\d{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"
STAMP = DAY + r"[-_T. ]?(?:[01]\d|2[0-3])[-_:.]?[0-5]\d(?:[-_:.]?[0-6]\d)?"
RINGS = (
    re.compile(rf"^(?P<stem>.*?_)(?P<number>\d{{5,}})_{STAMP}(?P<end>\.[^.]*|)$"),  # dumpcap -b
    re.compile(rf"^(?P<stem>.*?_){STAMP}_(?P<number>\d{{5,}})(?P<end>\.[^.]*|)$"),  # dumpcap -b nametimenum:2
    re.compile(rf"^(?P<stem>.*?){STAMP}(?P<number>)(?P<end>\D*)$"),  # tcpdump -G with a date in the name
    re.compile(r"^(?P<stem>.*\.(?:pcap|pcapng|cap|dmp))(?P<number>\d*)(?P<end>)$", re.IGNORECASE),  # tcpdump -C
)
"""How recorders number the files of one recording."""
ADAPTER = re.compile(r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", re.IGNORECASE)  # \Device\NPF_{…}: made once


@dataclass(frozen=True, slots=True)
class RingName:
    """What the name of a ring buffer's file says."""

    stem: str
    """The same for all files of the ring, with "*" where they differ."""
    number: int | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A file and what tells its place in a recording."""

    source: Source
    first_time: int = 0
    """Nanoseconds, of its first frame; 0 when it has none."""
    adapters: frozenset[str] = frozenset()
    """Names of its interfaces that no other machine has, each with its capture filter.

    With another filter other packets are missing: what one file proves of them the other does not.
    """
    ring: RingName | None = None
    """What its name says of its place in a ring buffer."""

    @property
    def number(self) -> int | None:
        """Its number among the files of a ring buffer."""
        return self.ring.number if self.ring else None


def ring_name(source: Source) -> RingName | None:
    """What the name says of the file's place in a ring buffer, None when it is not named like one."""
    path = PurePath(source.where)
    name = COMPRESSED.sub("", path.name)
    for pattern in RINGS:
        found = pattern.match(name)
        if found:
            digits = found["number"]
            number = int(digits) if digits else 0 if pattern is RINGS[-1] else None
            return RingName(str(path.with_name(f"{found['stem']}*{found['end']}")), number)
    return None


def is_adapter(name: str) -> bool:
    """Whether an interface's name is one that no other machine has."""
    return ADAPTER.search(name) is not None


def recordings(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that may belong to one recording, each group in the order of their first frames.

    The groups come in the order of the first piece that was named of each. Of a ring's file that was given twice,
    packed and unpacked, the second is left out.
    """
    groups: list[list[Piece]] = []
    by_key: dict[str, list[Piece]] = {}
    rings: set[tuple[RingName | None, int]] = set()
    for piece in pieces:
        keys = _keys(piece)
        found = next((by_key[key] for key in keys if key in by_key), None)
        if found is None:
            found = []
            groups.append(found)
        again = (piece.ring, piece.first_time) in rings and piece.number is not None and piece.first_time > 0
        if not again:
            found.append(piece)
        rings.add((piece.ring, piece.first_time))
        by_key.update(dict.fromkeys(keys, found))
    return [sorted(group, key=lambda one: one.first_time) for group in groups]


def set_name(sources: Sequence[Source]) -> str:
    """What a recording is called: its file's name, or its files' names with "*" where they differ."""
    if len(sources) == 1:
        return sources[0].name
    names = [one.name for one in sources]
    rings = {PurePath(ring.stem).name for ring in map(ring_name, sources) if ring}
    return rings.pop() if len(rings) == 1 else " + ".join(names)


def _keys(piece: Piece) -> list[str]:
    return ([piece.ring.stem] if piece.ring else []) + sorted(piece.adapters)
