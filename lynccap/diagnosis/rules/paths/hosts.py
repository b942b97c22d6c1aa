"""Servers that are not there: no answer on their own link, or the last router says so (catalogue group 1)."""

from collections.abc import Iterator

from lynccap.correlation.attempts import UNREACHABLE_CODES, Attempt, Ending
from lynccap.correlation.link_addresses import Unresolved
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found, Judgement, Proof
from lynccap.diagnosis.reports import host_gone
from lynccap.diagnosis.rules.paths.datagrams import bounced_from_relay
from lynccap.diagnosis.rules.paths.reach import consequences
from lynccap.diagnosis.subjects import found, judged, reached
from lynccap.document import Confidence, Severity

ASKED = 3  # questions without an answer: one may be lost
ASKED_NS = 1_500_000_000  # hosts ask once a second


@rule(
    title="A server's address does not answer at all",
    severity=Severity.CRITICAL,
    stage=Stage.NETWORK,
    causes=(
        "The server is down.",
        "A DNS record still names the address of a server that is gone.",
        "The server is in the wrong VLAN, or its cable is.",
    ),
    fix=("Bring the server back, or take its address out of DNS.",),
    act=("network team", "server owner"),
    sources=("ms-dnslb", "rfc792"),
    explains=(
        "tls-unknown-ca",
        "media-via-external-edge-from-inside",
        "media-tcp443-fallback",
        "dns-search-order-delay",
        "dns-stale-pool-member",
    ),
)
def host_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """Nobody is at a Lync server's address: its link has no answer for it, or the last router says that.

    Evidence: ICMP type 3 code 1 (ICMPv6 type 1 code 3) for a device's packets to the server (certain), or three and
    more ARP questions for its address that nobody answers (likely); no packet of the server afterwards.

    Not this: a server that sends packets elsewhere in the capture, as a load balancer's address in another VLAN does;
    and then inconclusive: a capture that shows no answer to any ARP question of that host, ends within 9 s, or lost
    packets itself.
    """
    yield from reached(inquiry)
    for verdict in judged(inquiry, "host-unreachable"):
        device, server = inquiry.ends(verdict.attempt)
        reporters = ", ".join(verdict.attempt.reporters)
        says = f"{device} cannot reach {server}: {reporters} says that the host does not answer."
        yield found(inquiry, verdict, says, f"{verdict.says}.", explains=consequences(inquiry, verdict))
    for one in bounced_from_relay(inquiry, UNREACHABLE_CODES):
        subject = one.subject
        confidence, doubt = host_gone(inquiry.case, subject.capture, subject.peer, subject.time)
        says = (
            f"{inquiry.word(subject.device)} cannot reach {inquiry.server(subject.peer, subject.port)}: "
            f"{', '.join(one.reporters)} says that the host does not answer."
        )
        yield Doubt(subject.device, doubt) if doubt else one.found(says, confidence)
    for silence in inquiry.case.links.unresolved:
        if inquiry.case.roles.is_lync(silence.address) and not _is_heard(inquiry, silence):
            yield from _unanswered(inquiry, silence)


def _is_heard(inquiry: Inquiry, silence: Unresolved) -> bool:
    """Whether any packet has the address as its sender, a reset included."""
    case = inquiry.case
    refused = any(one.rst_frames for one in case.attempts_at(silence.address) if one.capture == silence.capture)
    return refused or bool(case.heard_after(silence.capture, silence.address, 0))


def _unanswered(inquiry: Inquiry, silence: Unresolved) -> Iterator[Judgement]:
    waiting = [
        one
        for one in inquiry.case.attempts_at(silence.address)
        if one.capture == silence.capture and one.ending is Ending.UNANSWERED
    ]
    doubt = _doubt(inquiry, silence)
    for device in dict.fromkeys(one.client for one in waiting) or (silence.asker,):
        mine = [one for one in waiting if one.client == device]
        yield Doubt(device, doubt) if doubt else _gone(inquiry, silence, device, mine)


def _doubt(inquiry: Inquiry, silence: Unresolved) -> str | None:
    if not silence.hears_others:
        return (
            f"the capture shows no ARP answer to {silence.asker} from anybody, so that of {silence.address} may "
            "only not be recorded"
        )
    first, last = silence.times[0], silence.times[-1]
    if len(silence.times) < ASKED or last - first < ASKED_NS:
        return (
            f"{silence.asker} asks for {silence.address} {len(silence.times)} times over {(last - first) / 1e9:.1f} s "
            f"only; {ASKED} questions over {ASKED_NS / 1e9:.1f} s are needed"
        )
    return inquiry.gates.missing(silence.capture, first, last, len(silence.times))


def _gone(inquiry: Inquiry, silence: Unresolved, device: str, waiting: list[Attempt]) -> Found:
    asked = f"{silence.asker} asks {len(silence.times)} times who has {silence.address}, and nobody answers"
    proof = [Proof(silence.capture, silence.frames, asked)]
    if waiting:
        syns = tuple(frame for one in waiting for frame in one.syn_frames)
        proof.append(Proof(silence.capture, syns, f"SYNs of {device} to {silence.address}, unanswered"))
    return Found(
        device=device,
        peer=silence.address,
        port=waiting[0].port if waiting else None,
        transport="tcp" if waiting else None,
        says=f"{inquiry.word(device)} cannot reach {inquiry.server(silence.address)}: nobody is at that address.",
        why=f"{asked}. The address sends no packet in the whole capture.",
        confidence=Confidence.LIKELY,
        proof=tuple(proof),
        time=min([silence.times[0], *(one.first_time for one in waiting)]),
        flows=tuple(flow for one in waiting for flow in one.flows),
        rejected=(("tcp-filtered-silent", f"no packet of {silence.address} shows that the host is up"),),
    )
