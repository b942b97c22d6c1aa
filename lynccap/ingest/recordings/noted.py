"""What capture files say about themselves, as tables."""

from collections.abc import Sequence

from lynccap.ingest.recordings.files import FileFacts
from lynccap.ingest.schemas import NOTES, Arrays, Row, columns_of_rows

CAPTURE = 0  # put right when captures are joined


def tables_of(files: Sequence[FileFacts]) -> dict[str, Arrays]:
    """The interfaces, host names and comments of the files of one recording."""
    rows: dict[str, list[Row]] = {name: [] for name in NOTES}
    for place, file in enumerate(files):
        for number, one in enumerate(file.notes.interfaces):
            facts = (one.name, one.description, one.link, one.snap_length)
            counts = (file.interface_frames[number], one.received, one.dropped)
            rows["interfaces"].append((CAPTURE, place, number, *facts, *counts))
        rows["comments"] += [(CAPTURE, place, frame, says) for frame, says in file.notes.comments]
    pairs = {(address, name) for file in files for address, names in file.notes.names.items() for name in names}
    rows["host_names"] = [(CAPTURE, address, name) for address, name in sorted(pairs)]
    return {name: columns_of_rows(NOTES[name], made) for name, made in rows.items()}
