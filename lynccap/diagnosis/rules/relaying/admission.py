"""Call admission control: paths that the bandwidth policy refuses, and its own ports (catalogue group 6)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.correlation.rows import rows_of
from lynccap.correlation.sip.dialogs import Dialog
from lynccap.diagnosis.blocked import blocked, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.subjects import judged, subject_of
from lynccap.diagnosis.verdicts import How
from lynccap.diagnosis.ways import media_proof
from lynccap.document import Confidence, Severity

CAC_NUMBER = 4  # ms-client-diagnostics of a call that policy ended (catalogue, cac-denied)
PORTS = "cac-ports-blocked"
DIRECT = (Path.DIRECT, Path.REFLEXIVE)
LISTED = 6


@rule(
    title="The bandwidth policy refuses the path",
    severity=Severity.MINOR,
    stage=Stage.RELAY,
    causes=("The limit of the link between the sites is reached.", "A subnet belongs to the wrong site."),
    fix=("Review the bandwidth policy, and which site the subnets belong to.",),
    act=("Lync administrator", "network team"),
    sources=("ms-turnbwm", "ms-cac", "notes-poster"),
    explains=("ice-all-checks-failed", "codec-downgraded"),
)
def cac_denied(inquiry: Inquiry) -> Iterator[Judgement]:
    """The relay's answer to an Allocate says that call admission control does not allow the path between the sites.

    Evidence: an Allocate response whose bandwidth answers for a site are marked as not valid; no direct media of the
    device afterwards. Certain when its media then goes through a relay, or when readable SIP ends the call with number
    4; else likely.

    Not this: answers marked valid, whatever else fails; direct media that flows all the same. Inconclusive where the
    capture ends before the call could go on.
    """
    held = {one.flow: one for one in inquiry.case.relays.allocations}
    if not held:
        return
    stun = inquiry.case.tables["stun"]
    told = stun[stun["admitted"].notna() & (stun["kind"] == "response") & (stun["method"] == "allocate")]
    denied: dict[tuple[int, str], list[Any]] = {}
    for row in rows_of(told, ("flow", "frame", "time", "admitted", "managed")):
        one = held.get(row.flow)
        if one is None or one.server in inquiry.case.relays.cloud:
            continue
        if row.admitted:
            yield Clear(one.client)
        else:
            denied.setdefault((one.capture, one.client), []).append(row)
    for rows in denied.values():
        yield _denied(inquiry, held[rows[0].flow], rows)


def _denied(inquiry: Inquiry, one: Allocation, rows: list[Any]) -> Judgement:
    first = rows[0]
    after = [each for each in inquiry.case.media_of(one.client) if each.sustained and each.last_time > first.time]
    direct = [each for each in after if each.path in DIRECT and each.first_time >= first.time]
    if direct:
        return Clear(one.client)
    relayed = next((each for each in after if each.relayed), None)
    ended = _ended_by_policy(inquiry, one.client, int(first.time))
    if not relayed and ended is None and (early := inquiry.gates.ended_early(one.capture, int(first.time))):
        return Doubt(one.client, early)
    return _found(inquiry, one, rows, relayed, ended)


def _ended_by_policy(inquiry: Inquiry, client: str, since: int) -> Dialog | None:
    """The call of a device that SIP ends with the policy's number."""
    calls = (one.dialog for one in inquiry.case.calls.of(client) if one.dialog is not None)
    for dialog in calls:
        told = dialog.diagnostics
        if told is not None and told.time >= since and told.diagnostics_id == CAC_NUMBER:
            return dialog
    return None


def _found(
    inquiry: Inquiry, one: Allocation, rows: list[Any], relayed: MediaSession | None, ended: Dialog | None
) -> Found:
    subject = subject_of(inquiry, one.flow)
    proof: list[Proof] = [
        subject.shows("the relay's answers that refuse the path", *(row.frame for row in rows[:LISTED]))
    ]
    then = "No direct media follows."
    if relayed:
        then = "Its media goes through the relay instead."
        proof.append(media_proof(relayed))
    if ended is not None and ended.diagnostics is not None:
        then += f" The call ends with number {CAC_NUMBER} of its diagnostics."
        proof.append(subject.shows("how the call ends", int(ended.diagnostics.frame)))
    return subject.found(
        f"{inquiry.word(one.client)} may not use the path to its peer: the relay {one.server} answers that the "
        f"bandwidth policy refuses it{_sites(rows[0].managed)}.",
        f"{then} Call admission control keeps calls off links that are full.",
        Confidence.CERTAIN if relayed or ended is not None else Confidence.LIKELY,
        *proof,
        device=one.client,
        peer=one.server,
        port=one.port,
        time=int(rows[0].time),
    )


def _sites(managed: Any) -> str:
    """Which of the addresses asked about are refused, where that was kept."""
    answers = getattr(managed, "answers", ())
    refused = [answer.site for answer in answers if not answer.valid]
    return f" ({', '.join(dict.fromkeys(refused))})" if refused else ""


@rule(
    title="The ports of the bandwidth policy service are blocked",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=("A firewall between the sites lacks TCP 448 or 5080.",),
    fix=("Open TCP 448 and 5080 between the pools of the sites.",),
    act=("network/firewall team",),
    sources=("ms-int-ports",),
)
def cac_ports_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server cannot connect to the bandwidth policy service of a Front End, TCP 448 or 5080.

    Evidence: SYNs of a server to these ports of a Front End are unanswered, or refused by a box in between.

    Not this: a Front End that refuses by itself, where call admission control may be switched off: inconclusive.
    """
    yield from open_paths(inquiry, PORTS)
    for verdict in judged(inquiry, PORTS):
        if verdict.how in (How.REFUSED_BY_HOST, How.REFUSED):
            yield Doubt(
                verdict.attempt.client,
                f"{verdict.attempt.server} refuses TCP port {verdict.attempt.port}: call admission control may just be "
                "switched off there",
            )
        else:
            yield blocked(inquiry, verdict, "There the service asks which calls the links between the sites can take.")
