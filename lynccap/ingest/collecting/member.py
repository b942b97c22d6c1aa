"""What an archive holds, whatever kind of archive it is."""

from collections.abc import Callable
from dataclasses import dataclass

from lynccap.ingest.sources.inflating import Read

LONGEST_NAME = 200  # characters shown


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive."""

    path: str
    """As the archive has it: not to be used as a path, nor shown."""
    size: int
    """Bytes, as the archive claims."""
    opening: Callable[[], Read]
    """Gives what reads it from its beginning; both raise OSError where the archive is damaged."""
    refusal: str = ""
    """Why it cannot be read, and what to do; "" when it can."""

    @property
    def name(self) -> str:
        """The path to show: no way out of the archive, nothing that a terminal obeys."""
        parts = self.path.replace("\\", "/").split("/")
        kept = [part for part in parts if part not in ("", ".", "..") and not part.endswith(":")]
        name = "".join(one if one.isprintable() else "?" for one in "/".join(kept))
        return name if len(name) <= LONGEST_NAME else f"…{name[-LONGEST_NAME:]}"
