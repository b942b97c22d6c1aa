"""Ports between the pool, the Mediation Server and the gateways (catalogue group 12)."""

from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.roles.claims import GATEWAY, MEDIATION
from lynccap.diagnosis.blocked import HOST_CAUSES, blocked, blocked_paths, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Judgement
from lynccap.diagnosis.rules.voice.ports import trunk_ports
from lynccap.diagnosis.subjects import judged
from lynccap.document import Severity
from lynccap.tables import SECOND

BACKUP_NS = 30 * SECOND  # a caller hears nothing for longer hardly waits; the next trunk is tried within seconds
VOICE = ("voice administrator", "Lync administrator")


@rule(
    title="A gateway cannot reach its port of the Mediation Server",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "A firewall between the gateway and the Mediation Server lacks the port.",
        "The gateway is set to another port than the trunk.",
    ),
    fix=(
        "Set the gateway and the trunk to the same port and transport: by default 5067 with TLS, 5068 with TCP.",
        "Enable TCP on the Mediation Server where the trunk uses it.",
    ),
    act=("Lync administrator", "voice administrator", "network/firewall team"),
    sources=("ms-int-ports", "notes-poster"),
    explains=("trunk-options-unanswered",),
)
def gateway_mediation_5067_5068_closed(inquiry: Inquiry) -> Iterator[Judgement]:
    """A gateway cannot open its trunk to the Mediation Server: no call comes in from the telephone network.

    Evidence: SYNs of a gateway to TCP port 5067 or 5068 of a Mediation Server are refused or unanswered. Likely where
    nothing but these ports shows that it is a gateway.

    Not this: a trunk on a port of its own, through which the same gateway gets through; a Mediation Server that is
    down.
    """
    rule_ = "gateway-mediation-5067-5068-closed"
    effect = "No call from the telephone network comes in through this gateway."
    causes = ("TCP is not enabled for this trunk, or the trunk has another port.", *HOST_CAUSES)
    yield from open_paths(inquiry, rule_)
    for verdict in judged(inquiry, rule_):
        attempt = verdict.attempt
        other = _other_port(inquiry, attempt)
        if other:
            because = f"{attempt.client} reaches {attempt.server} on TCP port {other}, which may be its trunk's"
            yield Doubt(attempt.client, because)
        else:
            yield blocked(inquiry, verdict, effect, host_causes=causes, host_act=VOICE[::-1])


def _other_port(inquiry: Inquiry, failed: Attempt) -> int:
    """Another port of the Mediation Server on which the gateway gets through, 0 without one."""
    same = (one for one in inquiry.case.attempts_of(failed.client) if one.server == failed.server)
    return next((one.port for one in same if one.port != failed.port and one.established), 0)


@rule(
    title="The Mediation Server cannot reach a gateway's port",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "An access list of the gateway, or a firewall before it, drops the Mediation Server's connections.",
        "The trunk names another port than the one on which the gateway listens.",
    ),
    fix=("Set trunk and gateway to the same port and transport.", "Permit the Mediation Server at the gateway."),
    act=("voice administrator", "network/firewall team"),
    sources=("ms-int-ports",),
    explains=("trunk-options-unanswered",),
)
def mediation_gateway_port_closed(inquiry: Inquiry) -> Iterator[Judgement]:
    """The Mediation Server cannot open the trunk to a gateway: calls to the telephone network fail.

    Evidence: SYNs of a Mediation Server to TCP port 5081, 5082, 5060 or 5061 of a gateway are refused or unanswered.
    Likely where nothing but the port shows that it is a gateway; on 5061 that is too little.

    Not this: a backup trunk to another gateway, opened right after; a gateway that is down.
    """
    rule_ = "mediation-gateway-port-closed"
    effect = "Calls to the telephone network fail on this trunk."
    causes = ("The gateway does not listen on this port, or its SIP service is stopped.", *HOST_CAUSES[1:])
    yield from open_paths(inquiry, rule_)
    for verdict in judged(inquiry, rule_):
        attempt = verdict.attempt
        backup = _backup(inquiry, attempt)
        if backup:
            because = f"{attempt.client} reaches another gateway {backup} right after: a backup trunk takes the calls"
            yield Doubt(attempt.client, because)
        else:
            yield blocked(inquiry, verdict, effect, host_causes=causes, host_act=VOICE)


def _backup(inquiry: Inquiry, failed: Attempt) -> str:
    """Another gateway to which the Mediation Server opens a connection right after a failure, "" without one."""
    since = failed.syn_times[0] if failed.syn_times else failed.first_time
    for one in inquiry.case.attempts_of(failed.client):
        if (
            one.port in trunk_ports(GATEWAY)
            and one.server != failed.server
            and 0 <= one.first_time - since <= BACKUP_NS
        ):
            known = inquiry.case.roles.has(one.server, GATEWAY) or not inquiry.case.roles.is_plausible(one.server)
            if one.established and known:
                return one.server
    return ""


@rule(
    title="A Front End cannot reach the Mediation Server: TCP port 5070",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=("A firewall between the Front Ends and the Mediation Server lacks TCP 5070.",),
    fix=("Open TCP 5070 from every Front End to every Mediation Server.", "Start the Mediation service."),
    act=("network/firewall team",),
    sources=("ms-int-ports", "notes-poster"),
)
def fe_mediation_5070_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End cannot hand calls to the Mediation Server.

    Evidence: SYNs of a Front End to TCP port 5070 of a Mediation Server are refused or unanswered.

    Not this: a Front End with a Mediation Server of its own (collocated), which needs no other; one of several
    Mediation Servers, when the next one is reached within 30 s.
    """
    rule_ = "fe-mediation-5070-blocked"
    yield from open_paths(inquiry, rule_)
    for verdict in judged(inquiry, rule_):
        client = verdict.attempt.client
        if inquiry.case.roles.has(client, MEDIATION):
            yield Doubt(client, f"{client} is a Mediation Server itself: its calls may go its own way")
        else:
            effect = "Calls between Lync and the telephone network fail for the users of this Front End."
            yield blocked(inquiry, verdict, effect)


@rule(
    title="A branch appliance cannot reach the central site",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=("A firewall on the way between the branch and the central site lacks the port.",),
    fix=("Open TCP 444 from the branch appliance to the Front Ends, and TCP 5062 to the Edge's internal interface.",),
    act=("network/firewall team",),
    sources=("ms-int-ports", "ms-edge-nat"),
)
def sba_central_444_5062_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A branch appliance cannot reach its parent pool on TCP 444, or the Edge's internal interface on TCP 5062.

    Evidence: SYNs of a branch appliance to TCP port 444 of a Front End, or 5062 of an Edge's internal interface, are
    refused or unanswered. Only the topology tells that a server is a branch appliance.

    Not this: the whole way to the central site is down, so that nothing comes from the other side, or the branch
    appliance hears nobody at all.
    """
    effect = (
        "Port 444 joins the appliance to its parent pool; by port 5062 branch users get the right to use the media "
        "relay. Without them branch users lose conferences, or calls with people outside."
    )
    yield from blocked_paths(inquiry, "sba-central-444-5062-blocked", effect)
