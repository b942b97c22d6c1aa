"""Ways between our Edge and those of partners: SIP on port 5061, XMPP on port 5269, and where push notices go."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lynccap.correlation.addresses import is_public
from lynccap.correlation.names import is_cloud
from lynccap.correlation.protocol_numbers import HTTPS, SIP_TLS_PORT
from lynccap.correlation.roles.partners import XMPP_PORT
from lynccap.diagnosis.blocked import blocked
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.liveness import alive
from lynccap.diagnosis.rules.federation.inner import CONSEQUENCES
from lynccap.diagnosis.subjects import judged
from lynccap.diagnosis.verdicts import How, Verdict
from lynccap.document import Confidence, Severity

OUTBOUND = "federation-5061-outbound-blocked"
ONE_PARTNER = (
    "only one partner was tried, and nothing shows that it is not the partner's own fault: "
    "an attempt at a second partner would tell"
)


def _outbound(inquiry: Inquiry) -> Iterator[tuple[Verdict, ...]]:
    """What failed of one Edge towards partners, those without doubt first."""
    groups: dict[tuple[int, str], list[Verdict]] = {}
    for one in judged(inquiry, OUTBOUND):
        groups.setdefault((one.attempt.capture, one.attempt.client), []).append(one)
    for ones in groups.values():
        yield tuple(sorted(ones, key=lambda one: one.doubt is not None))


def _to_cloud(inquiry: Inquiry, ones: Sequence[Verdict]) -> bool:
    return all(is_cloud(one.attempt.server, inquiry.case.names) for one in ones)


def _partners_reached(inquiry: Inquiry, verdict: Verdict) -> list[str]:
    """Other partners that the Edge reaches at the time, or after."""
    attempt = verdict.attempt
    return [
        one.server
        for one in inquiry.case.attempts_of(attempt.client)
        if one.port == SIP_TLS_PORT and one.established and one.server not in inquiry.case.our_edges
        if one.last_time >= attempt.first_time and one.server != attempt.server and is_public(one.server)
    ]


@rule(
    title="The Edge cannot reach its partners on TCP port 5061",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "The outer firewall lacks TCP 5061 from the Access Edge to the Internet.",
        "The Access Edge's address is translated to one that the firewall does not let out.",
    ),
    fix=("Allow the Access Edge to any address on TCP 5061.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat",),
    explains=CONSEQUENCES,
)
def federation_5061_outbound_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """Our Access Edge cannot open port 5061 of partners.

    Evidence: SYNs of our Access Edge to port 5061 of two or more partners are refused or unanswered; of one partner
    only where its host answers otherwise, or a box in between refuses.

    Not this: one partner that is down, or that refuses by itself, while others are reached. Inconclusive: one partner
    alone was tried and nothing of its host is seen.
    """
    for one in inquiry.case.attempts:
        if one.port == SIP_TLS_PORT and one.established and one.client in inquiry.case.our_edges:
            yield Clear(one.client)
    for ones in _outbound(inquiry):
        if not _to_cloud(inquiry, ones):
            yield _cut_off(inquiry, ones)


def _cut_off(inquiry: Inquiry, ones: Sequence[Verdict]) -> Judgement:
    first, servers = ones[0], list(dict.fromkeys(one.attempt.server for one in ones))
    reached = _partners_reached(inquiry, first)
    if reached:
        because = f"{reached[0]} is reached on the same port: what fails is the way to {servers[0]}, or that partner"
        return Doubt(first.attempt.client, because)
    if len(servers) == 1 and not first.doubt and not _partner_is_up(inquiry, first):
        return Doubt(first.attempt.client, ONE_PARTNER)
    many = f" The same holds for {', '.join(servers[1:4])}." if len(servers) > 1 else ""
    effect = f"Messages and calls to partners leave by this port, hybrid users and push notices too.{many}"
    told = blocked(inquiry, first, effect, host_causes=())
    if not isinstance(told, Found):
        return told
    confidence = Confidence.CERTAIN if len(servers) > 1 else Confidence.LIKELY
    proof = (*told.proof, *(piece for one in ones[1:] for piece in one.proof))
    flows = tuple(flow for one in ones for flow in one.attempt.flows)
    time = min(one.attempt.first_time for one in ones)
    # Hosts of several partners do not fail at once: whoever answers in their names, the way is blocked here.
    return replace(told, confidence=confidence, proof=proof, flows=flows, time=time, act=())


def _partner_is_up(inquiry: Inquiry, verdict: Verdict) -> bool:
    """Whether it is not the partner's host that fails: it answers otherwise, and does not refuse by itself."""
    if verdict.how is How.FILTERED:
        return alive(inquiry.case, verdict.attempt) is not None
    return verdict.how is How.REFUSED_BETWEEN


@rule(
    title="Partners cannot reach the Access Edge on TCP port 5061",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=("Only TCP 443 of the Access Edge is published.", "The Access Edge does not listen for partners."),
    fix=("Publish TCP 5061 of the Access Edge.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat",),
    explains=("federation-one-way-messages",),
)
def federation_5061_inbound_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A partner's Edge cannot open port 5061 of our Access Edge, whose port 443 answers.

    Evidence: SYNs of a known partner to port 5061 of our Access Edge are refused or unanswered; port 443 of the Access
    Edge accepts connections meanwhile.

    Not this: strangers and users who try the port; closed federation, which ends connections after TLS. Inconclusive:
    nothing is seen of port 443.
    """
    for attempt in inquiry.case.attempts:
        if attempt.port == SIP_TLS_PORT and attempt.established and attempt.server in inquiry.case.our_edges:
            yield Clear(attempt.server)
    for verdict in judged(inquiry, "federation-5061-inbound-blocked"):
        yield _kept_out(inquiry, verdict)


def _kept_out(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    attempt = verdict.attempt
    web = [one for one in inquiry.case.answers_of(attempt.server) if one.port == HTTPS]
    if not web and not verdict.doubt:
        because = f"nothing shows that port 443 of {attempt.server} works: the whole Edge may be out of reach"
        return Doubt(attempt.server, because)
    proof = tuple(
        Proof(attempt.capture, (one.last_frame,), f"{attempt.server} answers {one.client} on TCP port 443")
        for one in web[:1]
    )
    told = blocked(inquiry, verdict, "What partners send comes in by this port, while port 443 works.", extra=proof)
    if isinstance(told, Found) and verdict.how is How.FILTERED:
        told = replace(told, confidence=Confidence.CERTAIN)
    return _of_our_edge(inquiry, told, verdict)


def _of_our_edge(inquiry: Inquiry, told: Judgement, verdict: Verdict) -> Judgement:
    """Filed under our Edge, whichever end asked: it is ours that is published wrongly, or kept in."""
    attempt = verdict.attempt
    if attempt.server not in inquiry.case.our_edges or isinstance(told, Clear):
        return told
    if isinstance(told, Doubt):
        return replace(told, device=attempt.server)
    return replace(told, device=attempt.server, peer=attempt.client)


@rule(
    title="XMPP partners cannot be reached on TCP port 5269",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=("The outer firewall lacks TCP 5269.",),
    fix=("Open TCP 5269 in both directions between the Edge and the Internet.",),
    act=("network/firewall team",),
    sources=("ms-xmpp",),
)
def xmpp_5269_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """Our Edge and an XMPP partner cannot open port 5269 of each other.

    Evidence: a record _xmpp-server leads to the partner; SYNs to port 5269 of either end are refused or unanswered.

    Not this: Skype for Business 2019, which has no XMPP and does not try; strangers who try the port. Inconclusive:
    nothing of the partner's host is seen, which may be down.
    """
    for attempt in inquiry.case.attempts:
        if attempt.port == XMPP_PORT and attempt.established and attempt.client in inquiry.case.our_edges:
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "xmpp-5269-blocked"):
        told = blocked(inquiry, verdict, "Presence and messages of XMPP partners go by this port.")
        yield _of_our_edge(inquiry, told, verdict)


@rule(
    title="Push notices for mobile devices cannot leave the Edge",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=("The outer firewall lacks TCP 5061 from the Access Edge to Microsoft's push service.",),
    fix=("Allow the Access Edge to any address on TCP 5061.",),
    act=("network/firewall team",),
    sources=("ms-mobility", "ms-dns-fed"),
)
def push_notification_path_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """Our Access Edge cannot reach the service that passes notices on to mobile devices.

    Evidence: SYNs of our Access Edge to port 5061 of Microsoft's cloud are refused or unanswered, while other partners
    are reached or were not tried.

    Not this: an Edge that reaches no partner at all, for which federation-5061-outbound-blocked speaks; the 2013 app on
    Apple devices, and Android, which need no such notices. Inconclusive: a capture that may lack the answers.
    """
    for ones in _outbound(inquiry):
        if _to_cloud(inquiry, ones):
            effect = "Notices for Apple and Windows phones with the 2010 app go there; later apps need none."
            told = blocked(inquiry, ones[0], effect)
            yield replace(told, confidence=Confidence.LIKELY) if isinstance(told, Found) else told
