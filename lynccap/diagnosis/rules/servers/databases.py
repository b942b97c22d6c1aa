"""The databases of a pool (catalogue group 13)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.attempts import OPEN, TWO_WAY, Attempt
from lynccap.correlation.roles.claims import FRONT_END
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.blocked import blocked, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import judged, subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

RULE = "sql-unreachable"
DATABASE_PORT, BROWSER_PORT = 1433, 1434
MIRROR_NS = 60 * SECOND  # the client library asks the mirror when the principal stays silent, within its login timeout
ASKED = 2  # unanswered questions; one datagram may be lost
EFFECT = (
    "The Front End keeps its users' data and the pool's settings there. Users stay signed in for some time with "
    "limited service; new ones fail."
)
_COLUMNS = ("capture", "client", "server", "first_time", "first_frame", "last_frame", "frames_client", "opening")


@rule(
    title="A Front End has lost its SQL Server",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "The SQL Server is down, or does not listen on this port.",
        "A firewall between the Front Ends and the SQL Server lacks the port.",
    ),
    fix=(
        "Start the SQL Server, or fail its databases over.",
        "Open TCP 1433, or the instance's fixed port, and UDP 1434 from every Front End.",
    ),
    act=("database administrator", "network/firewall team"),
    sources=("notes-poster", "ms-sql"),
)
def sql_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End cannot reach the SQL Server with its databases.

    Evidence: SYNs of a Front End to TCP port 1433 of a database server are refused or unanswered; questions for the
    instance's port (UDP 1434) stay unanswered besides. By UDP alone: where that server answered them before.

    Not this: a mirror that takes over; UDP 1434 that never answered, which fixed ports make needless; another
    program's database.
    """
    yield from open_paths(inquiry, RULE)
    failing = set()
    for verdict in judged(inquiry, RULE):
        attempt = verdict.attempt
        failing.add((attempt.client, attempt.server))
        mirror = _mirror(inquiry, attempt)
        if mirror:
            because = f"{attempt.client} opens port 1433 of {mirror} right after: a mirror may have taken over"
            yield Doubt(attempt.client, because)
            continue
        questions = _unanswered(inquiry, attempt.client, attempt.server)
        yield blocked(inquiry, verdict, EFFECT + _also(questions), _proofs(questions))
    yield from _browsers(inquiry, failing)


def _mirror(inquiry: Inquiry, failed: Attempt) -> str:
    """The other database server that the Front End turned to after the failure, "" without."""
    for one in inquiry.case.attempts_of(failed.client):
        later = 0 <= one.first_time - failed.first_time <= MIRROR_NS
        if one.port == DATABASE_PORT and one.server != failed.server and one.established and later:
            return one.server
    return ""


def _questions(inquiry: Inquiry) -> Iterator[Any]:
    """The conversations of Front Ends with UDP port 1434 of one host."""
    flows, roles = inquiry.case.flows, inquiry.case.roles
    asked = flows[(flows["server_port"] == BROWSER_PORT) & (flows["transport"] == "udp")]
    for row in rows_of(asked, _COLUMNS):
        if roles.has(row.client, FRONT_END) and roles.is_lync(row.client):
            yield row


def _unanswered(inquiry: Inquiry, client: str, server: str) -> list[Any]:
    return [
        row
        for row in _questions(inquiry)
        if (row.client, row.server) == (client, server) and row.opening not in TWO_WAY
    ]


def _also(questions: list[Any]) -> str:
    return " Its questions for the instance's port (UDP 1434) are not answered either." if questions else ""


def _proofs(questions: list[Any]) -> tuple[Proof, ...]:
    says = "questions to UDP port 1434, unanswered"
    return tuple(Proof(row.capture, _ends(row), says) for row in questions[:ASKED])


def _ends(row: Any) -> tuple[int, ...]:
    return tuple(sorted({int(row.first_frame), int(row.last_frame)}))


def _browsers(inquiry: Inquiry, failing: set[tuple[str, str]]) -> Iterator[Judgement]:
    """Servers that told the port of an instance before, and do so no more."""
    pairs: dict[tuple[int, str, str], list[Any]] = {}
    for row in _questions(inquiry):
        pairs.setdefault((row.capture, row.client, row.server), []).append(row)
    for (_, client, server), rows in pairs.items():
        answered = [row for row in rows if row.opening in TWO_WAY]
        last = max((row.first_time for row in answered), default=0)
        lost = [row for row in rows if row.opening not in TWO_WAY and row.first_time > last]
        if answered and lost and (client, server) not in failing:
            yield _by_browser(inquiry, answered, lost)


def _serves(inquiry: Inquiry, client: str, server: str, since: int) -> bool:
    """Whether the server answers the client over TCP from then on."""
    flows = inquiry.case.flows
    both = flows[(flows["client"] == client) & (flows["server"] == server) & (flows["transport"] == "tcp")]
    return bool((both["opening"].isin(OPEN) & (both["last_time_server"] >= since)).any())


def _by_browser(inquiry: Inquiry, answered: list[Any], lost: list[Any]) -> Judgement:
    first, client, server = lost[0], lost[0].client, lost[0].server
    tries = sum(int(row.frames_client) for row in lost)
    if _serves(inquiry, client, server, first.first_time):
        return Doubt(client, f"{server} still serves {client} on TCP: only its port list (UDP 1434) is silent")
    doubt = inquiry.gates.absence(first.capture, client, first.first_time, first.first_time, tries)
    if doubt or tries < ASKED:
        return Doubt(client, doubt or f"only one question to UDP port 1434 of {server} is unanswered")
    subject = subject_of(inquiry, first.Index)
    return subject.found(
        f"{inquiry.word(client)} no longer learns from {server} on which port its SQL instance listens: "
        f"UDP port {BROWSER_PORT} is silent.",
        f"{tries} questions got no answer; the server answered the same question before. {EFFECT}",
        Confidence.LIKELY,
        subject.shows("an answered question", *_ends(answered[-1])),
        subject.shows("questions without an answer", *(frame for row in lost[:ASKED] for frame in _ends(row))),
        flows=tuple(int(row.Index) for row in lost),
    )
