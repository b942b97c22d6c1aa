"""What the files of one recording are, and what they say about themselves, as tables without their capture."""

from collections.abc import Sequence

from lynccap.ingest.recordings.files import FileFacts
from lynccap.ingest.schemas import NOTES, Arrays, Row, columns_of_rows
from lynccap.tables import FILES

CAPTURE = "capture"
COLUMNS = {
    name: {column: kind for column, kind in columns.items() if column != CAPTURE}
    for name, columns in {**NOTES, "files": FILES}.items()
}


def tables_of(files: Sequence[FileFacts]) -> dict[str, Arrays]:
    """The files of one recording, their interfaces, host names and comments."""
    rows: dict[str, list[Row]] = {name: [] for name in COLUMNS}
    for place, file in enumerate(files):
        rows["files"].append(tuple(getattr(file, column) for column in COLUMNS["files"]))
        for number, one in enumerate(file.notes.interfaces):
            facts = (one.name, one.description, one.link, one.snap_length)
            counts = (file.interface_frames[number], one.received, one.dropped)
            rows["interfaces"].append((place, number, *facts, *counts))
        rows["comments"] += [(place, frame, says) for frame, says in file.notes.comments]
    pairs = {(address, name) for file in files for address, names in file.notes.names.items() for name in names}
    rows["host_names"] = sorted(pairs)
    return {name: columns_of_rows(columns, rows[name]) for name, columns in COLUMNS.items()}
