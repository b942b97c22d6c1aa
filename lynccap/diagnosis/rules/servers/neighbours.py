"""Ports that Lync's servers need of one another (catalogue group 13)."""

from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt
from lynccap.diagnosis.blocked import blocked, blocked_paths, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Judgement
from lynccap.diagnosis.rules.servers.host_firewall import shut
from lynccap.diagnosis.subjects import judged
from lynccap.document import Severity


@rule(
    title="Conference control is blocked: TCP port 444 of a Front End",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "A firewall between the servers, or the Windows firewall of the Front End, lacks TCP 444.",
        "An intrusion prevention system takes the traffic for something else.",
    ),
    fix=("Open TCP 444 to every Front End from the other Front Ends, the Directors and the branch appliances.",),
    act=("network/firewall team",),
    sources=("ms-int-ports", "ms-director", "notes-poster"),
)
def fe_444_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End or Director cannot reach TCP port 444 of a Front End, by which conferences are controlled.

    Evidence: SYNs of one Lync server to TCP port 444 of a Front End are refused or unanswered.

    Not this: a Front End all of whose Lync ports are silent; port 444 of an Edge with a single address, which serves
    meeting data; a Front End that is down.
    """
    effect = (
        "Front Ends command conferences on each other over this port, and Directors check client certificates: "
        "conferences held there, or sign-in through the Director, fail."
    )
    rule_ = "fe-444-blocked"
    dead = {one.server for one in shut(inquiry)}
    yield from open_paths(inquiry, rule_)
    for verdict in judged(inquiry, rule_):
        attempt = verdict.attempt
        if attempt.server in dead:
            because = f"all Lync ports of {attempt.server} that anybody asks for are silent, not port 444 alone"
            yield Doubt(attempt.client, because)
        else:
            yield blocked(inquiry, verdict, effect)


@rule(
    title="File sharing between servers is blocked: TCP port 445",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=("A firewall between the servers lacks TCP 445.", "The file share's server is stopped."),
    fix=("Open TCP 445 from the server with the central store to the others, and from Front Ends to the file share.",),
    act=("network/firewall team",),
    sources=("ms-int-ports", "notes-poster"),
)
def smb_445_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End cannot reach TCP port 445 of another Lync server, or of the pool's file share.

    Evidence: SYNs of a Front End to TCP port 445 of a Front End, or of the file share of the topology, are refused or
    unanswered.

    Not this: an Edge, which gets its configuration on port 4443; any other file server.
    """
    effect = (
        "The configuration is copied to servers of the domain as files, and address book and meeting content lie on "
        "the file share: they go out of date, or are missing."
    )
    yield from blocked_paths(inquiry, "smb-445-blocked", effect)


@rule(
    title="A Persistent Chat port is closed",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=("A firewall lacks the port.", "The Persistent Chat service is stopped."),
    fix=(
        "Open TCP 5041 from the Front Ends, 881 between the Persistent Chat Servers and 443 from the clients.",
        "Start the Persistent Chat services.",
    ),
    act=("network/firewall team", "Lync administrator"),
    sources=("ms-int-ports",),
)
def pchat_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End, another Persistent Chat Server or a client cannot reach a port of a Persistent Chat Server.

    Evidence: SYNs to TCP port 5041, 881 or 443 of a Persistent Chat Server are refused or unanswered. The topology, or
    for 5041 a Front End that asks, tells what it is.

    Not this: a deployment whose topology has no Persistent Chat Server.
    """
    effect = "Chat rooms, or the files in them, cannot be used through it."
    rule_, told = "pchat-unreachable", inquiry.case.roles.told
    yield from open_paths(inquiry, rule_)
    deployed = told is None or any(one.role == "pchat" for ones in told.places.values() for one in ones)
    for verdict in judged(inquiry, rule_):
        if deployed:
            yield blocked(inquiry, verdict, effect)
        else:
            yield Doubt(verdict.attempt.client, "the topology has no Persistent Chat Server")


@rule(
    title="Centralized logging cannot reach a server",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("A firewall lacks TCP 50001 to 50003.", "The logging agent is stopped."),
    fix=("Open TCP 50001 to 50003 towards the server for as long as logs are wanted.",),
    act=("network/firewall team",),
    sources=("notes-poster", "ms-edge-nat"),
)
def cls_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server cannot steer the logging agent of another one. Users notice nothing.

    Evidence: SYNs of a Front End or Director to TCP port 50001, 50002 or 50003 of a Front End, a Director or an Edge's
    internal interface are refused or unanswered.

    Not this: the same numbers on the external A/V Edge interface, which are relay ports; media over TCP between
    servers, which takes ports of that range as well.
    """
    rule_ = "cls-blocked"
    effect = "Central logging takes its agents' logs over this port. Nothing else needs it."
    yield from open_paths(inquiry, rule_)
    for verdict in judged(inquiry, rule_):
        if _exchange_media(inquiry, verdict.attempt):
            because = f"{verdict.attempt.client} and {verdict.attempt.server} exchange media: the port may be media's"
            yield Doubt(verdict.attempt.client, because)
        else:
            yield blocked(inquiry, verdict, effect)


def _exchange_media(inquiry: Inquiry, attempt: Attempt) -> bool:
    """Whether the two hosts have media, or check ways for it, between them."""
    pair = {attempt.client, attempt.server}
    if any({one.client, one.server} == pair for one in inquiry.case.media_of(attempt.client)):
        return True
    ends = inquiry.case.facts_of
    return any(set(ends(one.flow, "client", "server")) == pair for one in inquiry.case.ice.pairs)
