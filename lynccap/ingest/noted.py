"""What a file says about itself, as tables."""

from lynccap.ingest.frames import Ints
from lynccap.ingest.reading import Notes
from lynccap.ingest.schemas import NOTES, Arrays, Row, columns_of_rows

CAPTURE = 0  # put right when captures are joined


def tables_of(notes: Notes, frames: Ints) -> dict[str, Arrays]:
    """The tables of `notes`; `frames` counts those of each interface, as far as there are any."""
    counts = frames.tolist() + [0] * len(notes.interfaces)
    rows: dict[str, list[Row]] = {
        "interfaces": [
            (
                CAPTURE,
                place,
                one.name,
                one.description,
                one.link,
                one.snap_length,
                counts[place],
                one.received,
                one.dropped,
            )
            for place, one in enumerate(notes.interfaces)
        ],
        "host_names": [
            (CAPTURE, address, name) for address, names in sorted(notes.names.items()) for name in sorted(names)
        ],
        "comments": [(CAPTURE, frame, says) for frame, says in notes.comments],
    }
    return {name: columns_of_rows(NOTES[name], made) for name, made in rows.items()}
