"""Web conferencing data: whiteboard, polls, slides (catalogue group 8)."""

from collections.abc import Iterator

from lynccap.correlation.protocol_numbers import PSOM_PORT
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Judgement, Proof
from lynccap.diagnosis.meanings import signed_in
from lynccap.diagnosis.subjects import found, judged
from lynccap.diagnosis.verdicts import How
from lynccap.document import Severity

HOST_CAUSES = (
    "The web conferencing service is stopped, or does not listen on this address.",
    "The address is a load balancer's: clients have to reach the Front End Server itself.",
    "The server's own firewall rejects the port.",
)


@rule(
    title="Web conferencing data is blocked: TCP port 8057 of the Front End",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=("A firewall or a load balancer between the clients and the Front Ends.",),
    fix=("Open TCP 8057 from the clients' subnets to every Front End Server itself, not to a load balancer address.",),
    act=("network/firewall team",),
    sources=("ms-int-ports",),
)
def psom_8057_blocked_internal(inquiry: Inquiry) -> Iterator[Judgement]:
    """A signed-in device inside cannot reach the web conferencing service of a Front End.

    Evidence: SYNs to TCP port 8057 of a Front End are refused or unanswered, while the same device's SIP connection
    works.

    Not this: a meeting without whiteboard, polls or slides, which opens no such connection; a server that is down.
    """
    for attempt in inquiry.case.attempts:
        if attempt.port == PSOM_PORT and attempt.established:
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "psom-8057-blocked-internal"):
        attempt = verdict.attempt
        device, server = inquiry.ends(attempt)
        ending = "is refused" if verdict.how is not How.FILTERED else "is silently dropped"
        says = f"{device} gets no web conferencing data from {server}: TCP port 8057 {ending}."
        why = (
            f"{verdict.says}. Whiteboard, polls and slides use this connection. "
            "The device's SIP connection carries data meanwhile."
        )
        frames = signed_in(inquiry.case, attempt.client)[:2]
        extra = (Proof(attempt.capture, frames, f"{attempt.client} gets SIP data over TLS"),)
        by_host = verdict.how is How.REFUSED_BY_HOST
        yield found(
            inquiry,
            verdict,
            says,
            why,
            extra=extra,
            causes=HOST_CAUSES if by_host else (),
            act=("service owner of the server", "network/firewall team") if by_host else (),
        )
