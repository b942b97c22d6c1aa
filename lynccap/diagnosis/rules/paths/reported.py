"""What routers and firewalls say of packets they do not pass on: forbidden, or no way (catalogue group 1)."""

from collections.abc import Iterator

from lynccap.correlation.attempts import NO_ROUTE_CODES, PROHIBITED_CODES
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Judgement
from lynccap.diagnosis.meanings import Meaning
from lynccap.diagnosis.reports import no_way
from lynccap.diagnosis.rules.paths.datagrams import bounced_from_relay
from lynccap.diagnosis.rules.paths.reach import consequences
from lynccap.diagnosis.subjects import FOR_ROOT_CHAIN, found, judged, reached
from lynccap.document import Confidence, Severity

LOST_WITH_IT = ("tls-unknown-ca", "media-via-external-edge-from-inside", "media-tcp443-fallback")


@rule(
    title="A router or firewall says that policy forbids the connection",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=("An access list on the reporting router or firewall.",),
    fix=("Change the rule on the device that sent the ICMP message: its address is in the evidence.",),
    act=("network/firewall team",),
    sources=("ms-int-ports",),
    explains=LOST_WITH_IT,
)
def icmp_admin_prohibited(inquiry: Inquiry) -> Iterator[Judgement]:
    """ICMP "administratively prohibited" quotes a packet of a device to a Lync server.

    Evidence: ICMP type 3 code 9, 10 or 13 (or ICMPv6 type 1 code 1, 5, 6) whose quoted addresses and ports are those
    of the flow, and no answer on that flow.

    Not this: quoted ICE probes towards another client, or flows that were answered all the same.
    """
    yield from reached(inquiry)
    for verdict in judged(inquiry, "icmp-admin-prohibited"):
        attempt = verdict.attempt
        device, server = inquiry.ends(attempt)
        says = (
            f"{device} may not reach {server} on TCP port "
            f"{attempt.port}: {', '.join(attempt.reporters)} says that policy forbids it."
        )
        why = f"{verdict.says}."
        if verdict.meaning is Meaning.ROOT_CHAIN:
            why = f"{why} Port 80 is where a Lync phone fetches the root certificate chain. {FOR_ROOT_CHAIN}"
        yield found(inquiry, verdict, says, why, explains=consequences(inquiry, verdict))
    for one in bounced_from_relay(inquiry, PROHIBITED_CODES):
        subject = one.subject
        says = (
            f"{inquiry.word(subject.device)} may not reach {inquiry.server(subject.peer, subject.port)} on UDP port "
            f"{subject.port}: {', '.join(one.reporters)} says that policy forbids it."
        )
        yield one.found(says, Confidence.CERTAIN)


@rule(
    title="A router has no route to a server",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=(
        "The route to the voice, server or perimeter network is missing on the reporting router.",
        "The addresses of VPN clients are not routed.",
    ),
    fix=("Add the route on the router that sent the ICMP message: its address is in the evidence.",),
    act=("network team",),
    sources=("notes-edge", "ms-edge-nic", "rfc792"),
    explains=(
        *LOST_WITH_IT,
        "dns-search-order-delay",
    ),
)
def icmp_no_route(inquiry: Inquiry) -> Iterator[Judgement]:
    """A router answers a device's packets to a Lync server with ICMP "network unreachable": it knows no way there.

    Evidence: ICMP type 3 code 0, 5, 6 or 7 (ICMPv6 type 1 code 0) whose quoted addresses and ports are those of the
    flow, again for every try, and no answer on that flow. Certain when every try is answered so.

    Not this: reports of the private candidates of a far party, which are normal while ICE looks for a path; a single
    report while routes change, which is inconclusive.
    """
    yield from reached(inquiry)
    for verdict in judged(inquiry, "icmp-no-route"):
        device, server = inquiry.ends(verdict.attempt)
        says = (
            f"{device} cannot reach {server} on TCP port {verdict.attempt.port}: "
            f"{', '.join(verdict.attempt.reporters)} knows no route to it."
        )
        yield found(inquiry, verdict, says, f"{verdict.says}.", explains=consequences(inquiry, verdict))
    for one in bounced_from_relay(inquiry, NO_ROUTE_CODES):
        subject = one.subject
        confidence, doubt = no_way(subject.peer, len(one.errors), one.sent)
        says = (
            f"{inquiry.word(subject.device)} cannot reach {inquiry.server(subject.peer, subject.port)} on UDP port "
            f"{subject.port}: {', '.join(one.reporters)} knows no route to it."
        )
        yield Doubt(subject.device, doubt) if doubt else one.found(says, confidence)
