"""What every reader of a capture file format offers, and what files say about themselves beside their frames."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import Frames

UNKNOWN = -1
WHOLE_COPY = "ask for a whole copy of the file"
SAVE_AGAIN = "save it as pcapng with Wireshark"


@dataclass(slots=True)
class Interface:
    """Where frames were captured, as far as the file says."""

    link: int
    """LINKTYPE, -1 when frames differ."""
    name: str = ""
    description: str = ""
    snap_length: int = 0
    """0 when there is no limit."""
    filter: str = ""
    """What was to be recorded, as text or as hexadecimal instructions; "" for everything."""
    received: int = UNKNOWN
    """Packets the interface saw that were to be recorded, by the recorder's own count."""
    dropped: int = UNKNOWN
    """Packets the recorder lost, by its own count."""


@dataclass(slots=True)
class Notes:
    """What a file tells beside its frames."""

    interfaces: list[Interface] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=dict)
    """Names by address, as the recorder resolved them."""
    secrets: list[bytes] = field(default_factory=list)
    """TLS key logs the file carries."""
    comments: list[tuple[int, str]] = field(default_factory=list)
    """Remarks by frame number; 0 is the file itself."""
    recorder: str = ""
    """Program and system that recorded, in their own words."""


class Reader(Protocol):
    """Yields the frames of one file format, buffer by buffer."""

    notes: Notes
    """Complete when the frames are read."""
    damage: str
    """One line: what stopped the reading and at which byte, "" when nothing did."""

    @property
    def format(self) -> str:
        """What the document calls it, with the version where versions differ: "pcap", "netmon-2.3"."""
        ...

    @property
    def digits(self) -> int:
        """Decimal digits of the finest time resolution."""
        ...

    @classmethod
    def accepts(cls, head: bytes) -> bool:
        """Whether the first bytes of a file (up to 4096) are this format's."""
        ...

    def __init__(self, window: Window) -> None:
        """Read the file's header. Raises ValueError, with the byte and what to do, when nothing can be read with it."""
        ...

    def frames(self) -> Iterator[Frames]:
        """The frames in the order Wireshark numbers them. A batch is to be used before the next is asked for.

        Never raises: what stops the reading is said in `damage`, and what came before has been yielded.
        """
        ...
