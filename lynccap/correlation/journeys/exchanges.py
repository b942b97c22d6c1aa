"""What stages that are requests and answers share: which answers count, whose they are, and what was said last."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from lynccap.correlation.addresses import is_address
from lynccap.correlation.journeys.facts import StageFacts, StageName, after_tries, listed, worked_before
from lynccap.correlation.journeys.view import DeviceView
from lynccap.document import StepOutcome
from lynccap.reference import name_rows

BAD = frozenset({"fault", "http-error", "sip-error"})
CONTENTS = (
    ("certificates",),
    ("links", "access_location", "sip_client_internal", "sip_client_external"),
)
"""What answers of provisioning and of autodiscover hold, by their columns; those of other services are not kept."""

Judge = Callable[[DeviceView, Any], StepOutcome]


def exchange(
    view: DeviceView,
    name: StageName,
    rows: Sequence[Any],
    words: str,
    protocol: str = "http",
    judge: Judge | None = None,
) -> StageFacts | None:
    """A stage that is a kind of request, by its rows in order of time: it is as the last telling answer left it."""
    if not rows:
        return None
    told = [(row, (judge or web_outcome)(view, row)) for row in rows]
    good = [row for row, outcome in told if outcome is StepOutcome.OK]
    bad = [row for row, outcome in told if outcome is StepOutcome.FAILED]
    if bad and not (good and good[-1].time > bad[-1].time):
        since = view.coverage.request_of(protocol, good[-1])[1] if good else 0
        lost = [row for row in bad if not good or row.time > good[-1].time]
        return _told(view, name, StepOutcome.FAILED, lost[0], lost[0], words, protocol, worked_before(since))
    if good:
        before = [row for row in bad if row.time < good[-1].time]
        row = next(row for row in good if not before or row.time > before[-1].time)
        first = min((*before, row), key=lambda one: one.time)
        return _told(view, name, StepOutcome.OK, first, row, words, protocol, after_tries(len(before) + 1))
    return _told(view, name, StepOutcome.UNKNOWN, rows[0], rows[0], words, protocol, _doubt(view, rows[0]))


def _told(
    view: DeviceView, name: StageName, outcome: StepOutcome, first: Any, row: Any, words: str, protocol: str, more: str
) -> StageFacts:
    """`first` is the exchange it began with, `row` the one that is told."""
    server = view.coverage.servers[row.flow]
    through = "through the proxy" if row.flow in view.case.proxied else "from"
    status = row.outcome if row.status is None else f"{'SIP' if protocol == 'sip' else 'HTTP'} {int(row.status)}"
    begin, time = view.coverage.request_of(protocol, first)
    asked, _ = view.coverage.request_of(protocol, row)
    frames = listed((asked,), begin, row.frame)
    capture = view.coverage.captures[first.flow]
    return StageFacts(name, outcome, f"{words} {through} {server}: {status}{more}", capture, time, frames)


def web_outcome(view: DeviceView, row: Any) -> StepOutcome:
    """What one answer means: content of the service's own is good, an error of a Lync server is bad.

    Errors, pages and redirects come from anything that answers HTTP: they tell nothing unless Lync's server sent them.
    """
    if row.outcome == "redirected":
        return StepOutcome.OK if _leads_to_lync(view, row) else StepOutcome.UNKNOWN
    if row.outcome == "ok":
        return StepOutcome.UNKNOWN if _is_empty(row) or not _is_answer(view, row) else StepOutcome.OK
    theirs = view.is_lync(row.flow) or row.fault_id is not None
    return StepOutcome.FAILED if row.outcome in BAD and theirs else StepOutcome.UNKNOWN


def _is_answer(view: DeviceView, row: Any) -> bool:
    """Whether a good answer is the service's: by its content where that is kept, else by its server."""
    return _has_content(row) or view.is_lync(row.flow) or bool(getattr(row, "lync_answer", False))


def _has_content(row: Any) -> bool:
    columns = next((ones for ones in CONTENTS if hasattr(row, ones[0])), ())
    return any(getattr(row, one) for one in columns)


def _is_empty(row: Any) -> bool:
    """Whether an answer lacks what was asked for: a portal answers everything with a page of its own."""
    return any(hasattr(row, ones[0]) for ones in CONTENTS) and not _has_content(row)


def _leads_to_lync(view: DeviceView, row: Any) -> bool:
    host = _host_of(row.location)
    if (row.location or "").startswith("/") and not host:
        return view.is_lync(row.flow)  # a path on the same host
    addresses = (host,) if is_address(host) else view.case.names.addresses_of(host)
    by_name = any(one.decisive or one.service == "autodiscover" for one in name_rows(host)) if host else False
    return by_name or any(view.case.roles.is_lync(one) for one in addresses)


def _host_of(location: str | None) -> str:
    try:
        return (urlsplit(location or "").hostname or "").lower()
    except ValueError:  # brackets that hold no address: whatever a capture says
        return ""


def _doubt(view: DeviceView, row: Any) -> str:
    if row.outcome == "redirected":
        return f"; it points to {_host_of(row.location) or 'nowhere'}, which nothing ties to Lync"
    if row.outcome == "ok" and _is_empty(row):
        return ", with nothing of it in the answer"
    if row.flow in view.case.proxied and row.outcome in BAD:
        return "; the proxy may have answered itself"
    if (row.outcome in BAD or row.outcome == "ok") and not view.is_lync(row.flow):
        return f"; {view.coverage.servers[row.flow]} answered, which nothing ties to Lync"
    return ""
