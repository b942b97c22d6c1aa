"""The capture file formats that are read, told apart by their first bytes."""

from lynccap.ingest.formats.etl.reader import EtlReader
from lynccap.ingest.formats.netmon import NetmonReader
from lynccap.ingest.formats.nstrace import NstraceReader
from lynccap.ingest.formats.pcap import PcapReader
from lynccap.ingest.formats.pcapng import PcapngReader
from lynccap.ingest.formats.reading import Reader
from lynccap.ingest.formats.snoop import SnoopReader

READERS: tuple[type[Reader], ...] = (PcapReader, PcapngReader, SnoopReader, NetmonReader, NstraceReader, EtlReader)


def reader_of(head: bytes) -> type[Reader] | None:
    """The reader for a file that begins with these bytes."""
    return next((one for one in READERS if one.accepts(head)), None)
