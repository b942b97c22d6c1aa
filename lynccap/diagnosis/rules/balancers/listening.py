"""Ports of a load balancer's address: those that it lacks, and those that are none of its (catalogue group 11)."""

from collections.abc import Iterator

from lynccap.correlation.protocol_numbers import PSOM_PORT
from lynccap.correlation.roles.farms import Farm
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.purposes.conferencing import FIRST_MEDIA_PORT
from lynccap.diagnosis.purposes.pools import member_answers
from lynccap.diagnosis.subjects import FOR_ROOT_CHAIN, Subject, found, judged, subject_of
from lynccap.diagnosis.verdicts import Verdict
from lynccap.document import Confidence, Severity

SHOWN_ANSWERS = 2
TEAM = ("load balancer team",)


@rule(
    title="The load balancer does not listen on a port that its servers have",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=("The port was forgotten when the load balancer was set up: 80, 8080 and 4443 most often.",),
    fix=("Add a listener for this port on the load balancer's address, with all servers of the pool behind it.",),
    act=TEAM,
    sources=("notes-http", "notes-poster", "ms-int-ports", "ms-hlb"),
    explains=("tls-unknown-ca",),
)
def lb_port_missing_on_vip(inquiry: Inquiry) -> Iterator[Judgement]:
    """Connections to a port of a load balancer's address fail, while the servers behind it listen on this port.

    Evidence: SYNs to a load balancer's address are refused by it, or vanish; the port is one that a load balancer of
    this pool has to have; a server behind it accepts connections on the same port, without which it is only likely.

    Not this: 5061 where DNS spreads the clients over the servers themselves; a reset that a box in between sent; a
    listener that was just being restarted. Inconclusive where the answer may just be missing.
    """
    for vip in inquiry.case.farms:
        for attempt in inquiry.case.attempts_at(vip):
            if attempt.established:
                yield Clear(attempt.client)
    for verdict in judged(inquiry, "lb-port-missing-on-vip"):
        yield _missing(inquiry, verdict)


def _missing(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    attempt = verdict.attempt
    farm = inquiry.case.farms[attempt.server]
    answers = member_answers(inquiry.case, attempt)[:SHOWN_ANSWERS]
    extra = tuple(
        Proof(attempt.capture, (one.last_frame,), f"a server behind it answers {one.client} on TCP {one.port}")
        for one in answers
    )
    behind = ", ".join(farm.members)
    why = f"{verdict.says}. It is a load balancer's address: {farm.says}."
    if answers:
        why = f"{why} Behind it the port is open."
    if attempt.port == 80 and (device := inquiry.device(attempt.client)) and device.is_phone:
        why = f"{why} Port 80 is where a Lync phone fetches the root certificates. {FOR_ROOT_CHAIN}"
    return found(
        inquiry,
        verdict,
        f"{inquiry.word(attempt.client)} cannot reach the load balancer {attempt.server} on TCP port {attempt.port}, "
        f"which it should pass on to {behind}.",
        why,
        Confidence.CERTAIN if answers else Confidence.LIKELY,
        extra,
    )


@rule(
    title="Conference data or media is sent to the load balancer",
    severity=Severity.MINOR,
    stage=Stage.CONFERENCE,
    causes=("DNS leads the name of a single server to the load balancer's address.",),
    fix=("Let the name of each Front End Server lead to that server's own address.",),
    act=("network team", "DNS administrator"),
    sources=("notes-poster",),
    explains=("psom-8057-blocked-internal", "psom-fe-to-edge-8057-blocked"),
)
def lb_conference_via_vip(inquiry: Inquiry) -> Iterator[Judgement]:
    """Web conferencing data or conference media goes to a load balancer's address instead of one server's.

    Evidence: SYNs to TCP port 8057 of a load balancer's address, or media to its ports from 49152 on. A conference is
    held by one server: any other server behind the address does not know it.

    Not this: the address of a single server; ports of the A/V Edge. Inconclusive where only the times of connections
    speak for a load balancer.
    """
    case = inquiry.case
    farms = {vip: farm for vip, farm in case.farms.items() if case.roles.is_lync(vip)}
    for vip, farm in farms.items():
        for flow in _conference_flows(inquiry, farm):
            yield _misled(inquiry, farm, subject_of(inquiry, flow))
        if farm.pool != "edge":
            for attempt in case.attempts_at(vip):
                if attempt.port != PSOM_PORT:
                    yield Clear(attempt.client)


def _conference_flows(inquiry: Inquiry, farm: Farm) -> list[int]:
    """The first flow of each client."""
    flows = inquiry.case.flows
    towards = flows[(flows["server"] == farm.vip) & ~flows["client"].isin(farm.members)]
    data = (towards["transport"] == "tcp") & (towards["server_port"] == PSOM_PORT)
    carrying = [one.flow for one in inquiry.case.media_of(farm.vip)] if farm.pool != "edge" else []
    media = (towards["server_port"] >= FIRST_MEDIA_PORT) & towards.index.isin(carrying)
    first = towards[data | media].drop_duplicates(["capture", "client"])
    return [int(one) for one in first.index]


def _misled(inquiry: Inquiry, farm: Farm, subject: Subject) -> Judgement:
    if not farm.sure:
        because = f"only the times of connections speak for a load balancer at {farm.vip}: it may be a server"
        return Doubt(subject.device, because)
    what = "web conferencing data" if subject.port == PSOM_PORT else "conference media"
    row = inquiry.case.flows.loc[subject.flow]
    ends = (int(row["first_frame_client"]), int(row["first_frame_server"]))
    return subject.found(
        f"{inquiry.word(subject.device)} asks the load balancer {farm.vip} for {what}, "
        f"{subject.transport.upper()} port {subject.port}, instead of one server.",
        f"It is a load balancer's address: {farm.says}. A conference is held by one of the servers behind it, "
        f"{', '.join(farm.members)}; the others do not know it.",
        Confidence.LIKELY,
        subject.shows("its first packet to that port, and what came back", *ends),
    )
