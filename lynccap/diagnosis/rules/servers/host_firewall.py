"""A server whose own firewall lets nothing of Lync through (catalogue group 13)."""

from collections.abc import Iterator
from dataclasses import dataclass

from lynccap import reference
from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.attempts import Answer, Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.purposes.needed import targets_of
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

MANAGEMENT_PORTS = frozenset({135, 445, 3389, 5985})
"""RPC, file sharing, remote desktop and remote management: Windows opens them by rules of its own."""
LEAST_PORTS = 2  # of one port alone the service may be stopped
SHOWN = 6  # attempts a proof lists


@dataclass(frozen=True, slots=True)
class Shut:
    """A server none of whose Lync ports answers another network, while Windows itself does."""

    server: str
    silent: tuple[Attempt, ...]
    answer: Answer
    """Of one of Windows' own ports, from the same networks."""


def shut(inquiry: Inquiry) -> list[Shut]:
    """The servers of a case that look so."""
    case = inquiry.case
    silent = {one.server for one in case.attempts if one.ending is Ending.UNANSWERED}
    suspects = filter(case.roles.is_lync, sorted(silent))
    return [found for server in suspects if (found := _shut(case, server)) is not None]


def _shut(case: Case, server: str) -> Shut | None:
    ports = _lync_ports(case, server)
    asked = [one for one in case.attempts_at(server) if one.port in ports]
    silent = [one for one in asked if one.ending is Ending.UNANSWERED and subnet_of(one.client) != subnet_of(server)]
    if len({one.port for one in silent}) < LEAST_PORTS or any(one.ending is not Ending.UNANSWERED for one in asked):
        return None
    networks = {subnet_of(one.client) for one in silent}
    answers = (one for one in case.latest_answers(server) if one.port in MANAGEMENT_PORTS)
    answer = next((one for one in answers if subnet_of(one.client) in networks), None)
    return Shut(server, tuple(silent), answer) if answer else None


def _lync_ports(case: Case, server: str) -> frozenset[int]:
    """The single TCP ports that the port table gives a server's roles, Windows' own left out."""
    held = targets_of(case, server)
    rows = (row for row in reference.ports() if row.transport == "tcp" and not row.is_pool and row.to_role in held)
    return frozenset(port for row in rows for port in range(row.port_min, row.port_max + 1)) - MANAGEMENT_PORTS


@rule(
    title="All Lync ports of a server are silent, although Windows answers",
    severity=Severity.INFO,
    stage=Stage.REACH,
    causes=(
        "The Windows firewall was off when the Lync services were started, so that its rules for Lync are missing.",
        "A firewall before the server lets management pass, and no Lync.",
    ),
    fix=("Start the Windows firewall, then restart the Lync services: they add their rules.",),
    act=("Lync administrator",),
    sources=("ms-int-ports",),
)
def windows_firewall_off_at_start(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server answers remote desktop, file sharing or remote calls, and none of its Lync ports from other networks.

    Evidence: SYNs from another network to two and more Lync ports of the server without any answer; the same network
    gets an answer on TCP port 135, 445, 3389 or 5985; nobody gets one on a Lync port.

    Not this: a stopped service, whose port refuses and is not silent; one silent port of several.
    """
    alike = shut(inquiry)
    for one in alike:
        yield _judged(inquiry, one)
    dead = {one.server for one in alike}
    for verdict in inquiry.verdicts:
        if verdict.attempt.server not in dead:
            yield Clear(verdict.attempt.server)


def _judged(inquiry: Inquiry, one: Shut) -> Judgement:
    for attempt in one.silent:
        times = attempt.syn_times
        doubt = inquiry.gates.absence(attempt.capture, attempt.client, times[0], times[-1], len(times))
        if doubt:
            return Doubt(one.server, doubt)
    subject = subject_of(inquiry, one.silent[0].flows[0], of_client=False)
    ports = ", ".join(str(port) for port in sorted({each.port for each in one.silent}))
    clients = ", ".join(sorted({each.client for each in one.silent}))
    frames = tuple(each.syn_frames[0] for each in one.silent[:SHOWN])
    return subject.found(
        f"{inquiry.word(one.server)} answers {one.answer.client} on TCP port {one.answer.port}, "
        f"but nobody on a Lync port: {ports} are silent.",
        f"It was asked in vain by {clients}. A stopped service would refuse, for the host is up. "
        "Silence is a firewall's.",
        Confidence.POSSIBLE,
        subject.shows("the first SYN to each silent port", *frames),
        Proof(subject.capture, (one.answer.last_frame,), f"Windows answers on TCP port {one.answer.port}"),
        peer=None,
        port=None,
        flows=tuple(flow for each in one.silent for flow in each.flows),
        rejected=(("tcp-refused-by-host", "no port refuses"),),
    )
