"""The capture file formats that are read, told apart by their first bytes, and those that are only named."""

from lynccap.ingest.pcap import PcapReader
from lynccap.ingest.pcapng import PcapngReader
from lynccap.ingest.reading import Reader

HEAD_BYTES = 4096  # what recognises a format lies within them
READERS: tuple[type[Reader], ...] = (PcapReader, PcapngReader)
NAMED = {
    b"RTSS": "a Network Monitor 1 capture",
    b"GMBU": "a Network Monitor 2 capture",
    b"snoop\x00\x00\x00": "a snoop capture",
}
"""First bytes of what is recognised but not read."""


def reader_of(head: bytes) -> type[Reader] | None:
    """The reader for a file that begins with these bytes."""
    return next((one for one in READERS if one.accepts(head)), None)


def named(head: bytes) -> str:
    """What a file that is not read is, "" when that is unknown."""
    return next((says for start, says in NAMED.items() if head.startswith(start)), "")
