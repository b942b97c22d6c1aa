"""What a client says of its media when it ends a call: the number, its own words, and the warning bits of ICE.

Sources: [MS-OCER] 2.2.1 (ms-client-diagnostics), the client table of reference/ice_flags.csv.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dissectors.sip import read_media_debug
from dissectors.sip.headers import leading_number, parameters
from lynccap import reference
from lynccap.correlation.sip.dialogs import Dialog
from lynccap.reference.rows import IceFlagRow


@dataclass(frozen=True, slots=True)
class ClientWord:
    """One ms-client-diagnostics header of a call."""

    number: int
    reason: str
    """The client's own text, "" without one."""
    warnings: tuple[IceFlagRow, ...]
    """The confirmed bits it set that calls that work do not have."""
    flow: int
    frame: int
    time: int


def client_word(dialog: Dialog | None) -> ClientWord | None:
    """The last word of a client on a call: of the request that ended it, else of an answer to the call; None: none."""
    for row in _rows(dialog) if dialog else ():
        number = leading_number(row.client_diagnostics) if row.client_diagnostics else None
        if number is not None:
            reason = parameters(row.client_diagnostics).get("reason") or ""
            warnings = tuple(_warnings(row.client_diagnostics))
            return ClientWord(number, reason, warnings, int(row.flow), int(row.frame), int(row.time))
    return None


def _rows(dialog: Dialog) -> Iterator[Any]:
    if dialog.closing is not None and dialog.closing.request is not None:
        yield dialog.closing.request
    yield from reversed(dialog.opening.answers)


def _warnings(text: str) -> Iterator[IceFlagRow]:
    said = 0
    for medium in read_media_debug(text):
        said |= medium.ice_warn or 0
    for flag in reference.ice_flags():
        if flag.table == "client" and flag.verified and not flag.expected and said & flag.bit:
            yield flag
