"""Files and shared screens on ports of their own (catalogue group 8)."""

from collections.abc import Iterator

from lynccap.correlation.protocol_numbers import OLD_FILE_PORTS
from lynccap.diagnosis.blocked import blocked
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Judgement, Proof
from lynccap.diagnosis.purposes.conferencing import FIRST_MEDIA_PORT
from lynccap.diagnosis.purposes.users import signed_in
from lynccap.diagnosis.subjects import judged
from lynccap.document import Severity

SHOWN = 2


@rule(
    title="A file transfer with an old client is blocked",
    severity=Severity.INFO,
    stage=Stage.CONFERENCE,
    causes=("A firewall between the two clients, or on one of them, lacks TCP 6891 to 6901.",),
    fix=("Open TCP 6891 to 6901 between the clients, or leave it: newer clients do without.",),
    act=("network/firewall team",),
    sources=("ms-int-ports",),
)
def legacy_filetransfer_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client cannot get a file from another one on the ports of Communicator 2007 R2.

    Evidence: SYNs from one user's device to TCP ports 6891 to 6901 of another user's device are refused or unanswered;
    both sign in to Lync.

    Not this: newer clients, which find a way by ICE; hosts that do not sign in to Lync, for file sharing and other
    messengers use these ports too.
    """
    for attempt in inquiry.case.attempts:
        if OLD_FILE_PORTS[0] <= attempt.port <= OLD_FILE_PORTS[1] and attempt.established:
            yield Clear(attempt.client)
    effect = "Clients of Communicator 2007 R2 and older exchange files on these ports. Newer ones do not need them."
    for verdict in judged(inquiry, "legacy-filetransfer-blocked"):
        causes = ("The other client does not wait for the file any more.", "Its own firewall rejects the port.")
        yield blocked(inquiry, verdict, effect, host_causes=causes)


@rule(
    title="A conference's shared screen is blocked: TCP ports of the Front End from 49152 on",
    severity=Severity.MINOR,
    stage=Stage.CONFERENCE,
    causes=("A firewall between the clients and the Front Ends lacks the ports for conference media.",),
    fix=("Open TCP 49152 to 65535 from the clients' subnets to every Front End Server, or the range that is set.",),
    act=("network/firewall team",),
    sources=("ms-int-ports", "notes-poster"),
)
def appshare_conference_49152_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A signed-in device inside cannot open the connection for a conference's shared screen.

    Evidence: SYNs to TCP ports of a Front End from 49152 on are not answered, while the same device's SIP connection
    works; no connection to such a port of this server opens within a minute.

    Not this: ports that are refused, as single addresses are in healthy calls; another range that was set on the
    servers; administrators' programs, which use the same ports after port 135.
    """
    roles = inquiry.case.roles
    for attempt in inquiry.case.attempts:
        if attempt.port >= FIRST_MEDIA_PORT and attempt.established and roles.is_lync(attempt.server):
            yield Clear(attempt.client)
    effect = (
        "Ports from 49152 on carry the media of conferences, over TCP shared screens and programs. "
        "The device's SIP connection carries data meanwhile."
    )
    for verdict in judged(inquiry, "appshare-conference-49152-blocked"):
        attempt = verdict.attempt
        frames = signed_in(inquiry.case, attempt.client)[:SHOWN]
        yield blocked(inquiry, verdict, effect, (Proof(attempt.capture, frames, f"{attempt.client} gets SIP data"),))
