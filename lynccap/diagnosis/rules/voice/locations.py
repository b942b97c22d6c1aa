"""Where a device is, for emergency calls: the location service and the emergency gateway (catalogue group 12)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.blocked import blocked_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

PATH = "/locationinformation/"
CHALLENGE, MISSING, FAILED = 401, 404, 400


@rule(
    title="The location service fails",
    severity=Severity.MINOR,
    stage=Stage.BOOTSTRAP,
    causes=("The web service of the pool fails, or the location database behind it.",),
    fix=("Check the LocationInformation web service of the pool and its database.",),
    act=("Lync administrator",),
    sources=("ms-int-ports", "notes-poster"),
)
def e911_lis_fails(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client is not told where it is, or emergency calls cannot leave the pool.

    Evidence: the Location Information service answers a request with an error, where HTTP is readable; or a Front End
    cannot reach the emergency gateway of the topology on TCP port 5066.

    Not this: the question for a ticket (401), which is normal; a service that is not there (404), where locations are
    not deployed; a network for which no location is known.
    """
    yield from blocked_paths(inquiry, "e911-lis-fails", "Emergency calls leave the pool through this gateway.")
    for row in _answers(inquiry):
        subject = subject_of(inquiry, row.flow)
        status = int(row.status or 0)
        if status < FAILED or status == CHALLENGE:
            yield Clear(subject.device)
        elif status == MISSING:
            yield Doubt(subject.device, f"{subject.peer} has no location service (404): perhaps it is not deployed")
        elif not inquiry.case.roles.is_plausible(subject.peer):
            yield Doubt(subject.device, f"nothing else shows that {subject.peer} is a Lync server")
        else:
            yield subject.found(
                f"{inquiry.word(subject.device)} asks {inquiry.server(subject.peer, subject.port)} where it is, "
                f"and gets HTTP status {status}.",
                "The Location Information service tells a client its location for emergency calls (E9-1-1).",
                Confidence.LIKELY,
                subject.shows(f"HTTP status {status} from the location service", int(row.frame)),
                time=int(row.time),
                service="web",
                reading=inquiry.reading(row.flow),
            )


def _answers(inquiry: Inquiry) -> Iterator[Any]:
    """The last answer of every conversation with the location service."""
    http = inquiry.case.tables["http"]
    asked = http[(http["kind"] == "request") & http["target"].astype(str).str.lower().str.contains(PATH, regex=False)]
    if asked.empty:
        return
    last = {int(row.flow): row for row in rows_of(asked, ("flow", "time"))}
    answers = http[(http["kind"] == "response") & http["flow"].isin(list(last))]
    found: dict[int, Any] = {}
    for row in rows_of(answers, ("flow", "frame", "time", "status")):
        if int(row.time) >= int(last[int(row.flow)].time):
            found.setdefault(int(row.flow), row)
    yield from found.values()
