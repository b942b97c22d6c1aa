"""SIP and XMPP between the pool and the inner side of its Edge Servers."""

from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.diagnosis.blocked import blocked, blocked_paths, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Judgement, Proof
from lynccap.diagnosis.subjects import judged
from lynccap.document import Severity

CONSEQUENCES = ("sip-504-nexthop", "federation-one-way-messages")


@rule(
    title="The Edge cannot reach the pool on TCP port 5061",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "The inner firewall lacks TCP 5061 from the Edge to its next server inside.",
        "The Front End or Director service is stopped.",
    ),
    fix=("Allow TCP 5061 between the Edge's inner side and the pool or Director, in both directions.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "notes-poster"),
    explains=CONSEQUENCES,
)
def sip_edge_to_nexthop_5061_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """An Edge Server takes people and partners in, and cannot hand them on to its Director or pool.

    Evidence: SYNs of an Edge's internal interface to port 5061 of a Front End or Director are refused or unanswered.

    Not this: an Edge that cannot find the name of its next server and never tries; one member of the pool that is
    dead while the next one accepts.
    """
    rule_name = "sip-edge-to-nexthop-5061-blocked"
    yield from open_paths(inquiry, rule_name)
    for verdict in judged(inquiry, rule_name):
        says, proof = _other_way(inquiry, verdict.attempt)
        effect = f"Everything that people outside and partners send enters the pool by this connection.{says}"
        yield blocked(inquiry, verdict, effect, extra=proof)


@rule(
    title="The pool cannot reach the Edge on TCP port 5061",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "The inner firewall allows TCP 5061 in one direction only.",
        "The Access Edge service is stopped.",
    ),
    fix=("Allow TCP 5061 from every Front End and Director to the inner side of every Edge Server.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "ms-director", "notes-edge"),
    explains=CONSEQUENCES,
)
def sip_pool_to_edge_5061_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End or Director cannot open SIP to the inner side of an Edge Server.

    Evidence: SYNs of a Front End or Director to port 5061 of an Edge's internal interface are refused or unanswered.
    The other direction, which has connections of its own, may work all the while: people can receive, and not send.

    Not this: messages that get lost inside the servers while the connection stands; an Edge Server that is down.
    """
    rule_name = "sip-pool-to-edge-5061-blocked"
    yield from open_paths(inquiry, rule_name)
    for verdict in judged(inquiry, rule_name):
        says, proof = _other_way(inquiry, verdict.attempt)
        effect = f"Messages to partners and to people outside leave the pool by this connection.{says}"
        yield blocked(inquiry, verdict, effect, extra=proof)


def _other_way(inquiry: Inquiry, attempt: Attempt) -> tuple[str, tuple[Proof, ...]]:
    """Whether the other end opens SIP towards this one: a sentence, and its frame."""
    for one in inquiry.case.answers_of(attempt.client):
        if one.client == attempt.server and one.port == SIP_TLS_PORT:
            says = f"{attempt.client} accepts {attempt.server} on the same port"
            return f" The other direction works: {says}.", (Proof(attempt.capture, (one.last_frame,), says),)
    return "", ()


@rule(
    title="The pool cannot reach the Edge's XMPP proxy on TCP port 23456",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=(
        "The inner firewall lacks TCP 23456.",
        "The port is sent through a load balancer, which has no listener for it.",
    ),
    fix=("Open TCP 23456 from the Front Ends to each Edge Server itself; do not balance it.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "ms-edge-hlb"),
)
def xmpp_23456_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """The pool's XMPP gateway cannot reach the XMPP proxy of an Edge Server.

    Evidence: SYNs of a Front End to port 23456 of an Edge's internal interface are refused or unanswered.

    Not this: deployments without XMPP, whose servers never try; an Edge Server that is down.
    """
    effect = "Presence and messages of XMPP partners go over this connection."
    yield from blocked_paths(inquiry, "xmpp-23456-blocked", effect)
