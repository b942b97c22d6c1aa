"""Messages of clear SIP that are not the same at two capture points: something in between has altered them.

One message is told by its Call-ID, CSeq, tags and topmost Via branch (RFC 3261 17.1.3): a proxy or a border controller
that passes a request on adds its own Via, so that what it sends is another message.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.addresses import join_endpoint
from lynccap.correlation.points.vantage import Vantage
from lynccap.correlation.rows import rows_of
from lynccap.correlation.sip.bodies import read_body

MAX_MESSAGES = 2_000  # of one capture that are compared: a helper alters the first call as it does the others
COLUMNS = ("flow", "frame", "time", "from_client", "kind", "method", "status", "call_id", "cseq", "branch", "contact")
_READ = (*COLUMNS, "from_tag", "body", "content_type")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One message at two points."""

    here: Any
    """Row of the sip table: flow, frame, time and from_client of this capture."""
    there: Any
    place: int
    """Of the other point's case."""
    changes: tuple[tuple[str, str, str], ...]
    """What differs, as it is here and there; empty where nothing does."""
    cut: bool
    """One of the captures does not hold the whole message: what is missing is not altered."""


def compare_messages(vantage: Vantage) -> Iterator[Rewritten]:
    """The messages of clear SIP that a later capture of the study shows as well, in order."""
    case = vantage.cases[vantage.place]
    mine = _messages(case)
    for place in range(vantage.place + 1, len(vantage.cases)) if mine else ():
        other = _messages(vantage.cases[place])
        for key in mine.keys() & other.keys():
            here, there = mine[key], other[key]
            cut = bool(here.content_type) and (here.body is None) != (there.body is None)
            yield Rewritten(here, there, place, () if cut else tuple(_changes(here, there)), cut)


def _messages(case: Any) -> dict[Hashable, Any]:
    """Each message's row, the first one of repeats; what was decrypted cannot have been altered."""
    table = case.tables["sip"]
    if table.empty:
        return {}
    clear = table[~table["flow"].isin(list(case.decrypted)) & table["branch"].notna()]
    found: dict[Hashable, Any] = {}
    for row in rows_of(clear.head(MAX_MESSAGES), _READ):
        found.setdefault((row.kind, row.method, row.status, row.call_id, row.cseq, row.branch, row.from_tag), row)
    return found


def _changes(here: Any, there: Any) -> Iterator[tuple[str, str, str]]:
    if (here.contact or "") != (there.contact or ""):
        yield "Contact", here.contact or "none", there.contact or "none"
    if here.body == there.body:
        return
    one, other = _described(here.body), _described(there.body)
    for kind in one:
        if kind in other and one[kind] != other[kind]:
            yield f"media address ({kind})", one[kind], other[kind]


def _described(body: bytes | None) -> dict[str, str]:
    """By medium the address and port of a session description."""
    read = read_body(body)
    return {one.kind: join_endpoint(one.address or "", one.port) for one in (read.media if read else ())}
