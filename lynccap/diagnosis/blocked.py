"""A path that is blocked, in words: who cannot reach whom, what that breaks, and who has to act by how it ended."""

from collections.abc import Iterator, Sequence

from lynccap import reference
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Judgement, Proof
from lynccap.diagnosis.purposes.needed import rule_of_path, told_by_port
from lynccap.diagnosis.subjects import found, judged
from lynccap.diagnosis.verdicts import How, Verdict
from lynccap.document import Confidence

SERVICE_OWNER = ("service owner of the server", "network/firewall team")
HOST_CAUSES = (
    "The service is stopped, or does not listen on this address and port.",
    "The server's own firewall rejects the port.",
)
_ENDED = {
    How.REFUSED_BY_HOST: "the server itself refuses the connection",
    How.REFUSED_BETWEEN: "resets come back that the server itself may not have sent",
    How.REFUSED: "the connection is refused",
}


def blocked_paths(inquiry: Inquiry, rule: str, effect: str) -> Iterator[Judgement]:
    """What a rule of reference/needed_paths.csv says where `effect` (a sentence) is all there is to add."""
    yield from open_paths(inquiry, rule)
    for verdict in judged(inquiry, rule):
        yield blocked(inquiry, verdict, effect)


def open_paths(inquiry: Inquiry, rule: str) -> Iterator[Clear]:
    """The devices that got through on a path of the rule."""
    ports = {port for port, paths in reference.needed_ports().items() if any(name == rule for name, _ in paths)}
    for attempt in inquiry.case.attempts:
        if attempt.port in ports and attempt.established and rule_of_path(inquiry.case, attempt) == rule:
            yield Clear(attempt.client)


def blocked(
    inquiry: Inquiry,
    verdict: Verdict,
    effect: str,
    extra: tuple[Proof, ...] = (),
    host_causes: Sequence[str] = HOST_CAUSES,
    host_act: Sequence[str] = SERVICE_OWNER,
) -> Judgement:
    """One blocked path; the rule's own causes and owners hold for a firewall, other ones where the host refuses.

    `effect`: sentences on what does not work without it.
    """
    attempt = verdict.attempt
    device, server = inquiry.ends(attempt)
    by_host = verdict.how is How.REFUSED_BY_HOST
    ended = _ENDED.get(verdict.how, verdict.vanished)
    guessed = told_by_port(inquiry.case, attempt)
    because = " What the other host is, only its port and who asks it show." if guessed else ""
    return found(
        inquiry,
        verdict,
        f"{device} cannot reach {server} on TCP port {attempt.port}: {ended}.",
        f"{verdict.says}. {effect}{because}",
        Confidence.LIKELY if guessed and verdict.confidence is Confidence.CERTAIN else None,
        extra=extra,
        causes=tuple(host_causes) if by_host else (),
        act=tuple(host_act) if by_host else (),
    )
