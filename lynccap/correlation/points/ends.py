"""Who the ends of a crossing's flows are, quick to ask for many of them."""

from collections.abc import Sequence
from typing import ClassVar

from lynccap.correlation.case import Case
from lynccap.correlation.points.crossing import UNKNOWN, Crossing

COLUMNS = ("transport", "client", "client_port", "server", "server_port", "stack")
End = tuple[str, str, int, str, int, str]
"""Transport, the client's address and port, the server's, and the stack of protocols."""


class Ends:
    """The ends of all flows of some cases."""

    NONE: ClassVar[End] = ("", "", 0, "", 0, "")

    def __init__(self, cases: Sequence[Case]) -> None:
        """The cases in the order crossings number them."""
        self._rows: list[list[End]] = []
        for case in cases:
            columns = (case.tables.flows[name].tolist() for name in COLUMNS)
            self._rows.append(list(zip(*columns, strict=True)))

    def of(self, one: Crossing, letter: str) -> End | None:
        """The ends at "a" or "b", None where that capture lacks the conversation."""
        capture, flow = (one.capture_a, one.flow_a) if letter == "a" else (one.capture_b, one.flow_b)
        return None if flow == UNKNOWN else self._rows[capture][flow]
