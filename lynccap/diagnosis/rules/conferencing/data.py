"""Web conferencing data: whiteboard, polls, slides (catalogue group 8)."""

from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.names import SOURCE_DNS, parent_of
from lynccap.correlation.protocol_numbers import PSOM_PORT
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_WEBCONF
from lynccap.correlation.searches import Question, Reply
from lynccap.diagnosis.blocked import blocked, blocked_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.users import is_at_conference, signed_in
from lynccap.diagnosis.subjects import judged
from lynccap.document import Confidence, Severity

HOST_CAUSES = (
    "The web conferencing service is stopped, or does not listen on this address.",
    "The address is a load balancer's: clients have to reach the Front End Server itself.",
    "The server's own firewall rejects the port.",
)
SHOWN = 2  # frames of a working sign-in


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
    effect = (
        "Whiteboard, polls and slides use this connection. The device's SIP connection carries data meanwhile: "
        "sound and messages are not concerned."
    )
    for verdict in judged(inquiry, "psom-8057-blocked-internal"):
        attempt = verdict.attempt
        frames = signed_in(inquiry.case, attempt.client)[:SHOWN]
        extra = (Proof(attempt.capture, frames, f"{attempt.client} gets SIP data over TLS"),)
        yield blocked(inquiry, verdict, effect, extra, HOST_CAUSES)


@rule(
    title="The Web Conferencing Edge cannot be reached from outside",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=(
        "Port 443 of the Web Conferencing Edge's address is not published.",
        "The service on the Edge Server is stopped.",
    ),
    fix=("Publish TCP 443 of the Web Conferencing Edge's address; TCP 444 where all Edge services share one address.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "ms-dns-edge"),
)
def psom_edge_443_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device outside signs in through the Access Edge and cannot reach the Web Conferencing Edge.

    Evidence: SYNs to TCP port 443 (444 where the services share an address) of the Web Conferencing Edge are refused
    or unanswered; the same device's SIP connection through the Access Edge works.

    Not this: an address that the Access Edge or the relay uses on the same port; a certificate that lacks the name,
    which shows after the connection. Inconclusive where the device's sign-in through the Access Edge is not shown:
    the whole Edge may be out of reach.
    """
    case = inquiry.case
    edges = [one for one in case.roles.claims if case.roles.has(one, EDGE_ACCESS, EDGE_WEBCONF)]
    for attempt in (one for edge in edges for one in case.attempts_at(edge)):
        if attempt.established and is_at_conference(case, attempt):
            yield Clear(attempt.client)
    effect = "Outside, whiteboard, polls and slides of meetings use this connection. Signing in works meanwhile."
    for verdict in judged(inquiry, "psom-edge-443-blocked"):
        attempt = verdict.attempt
        frames = signed_in(case, attempt.client, EDGE_ACCESS)[:SHOWN]
        if not frames:
            because = f"nothing shows that {attempt.client} reaches the Access Edge: the whole Edge may be out of reach"
            yield Doubt(attempt.client, because)
            continue
        extra = (Proof(attempt.capture, frames, f"{attempt.client} gets SIP data through the Access Edge"),)
        yield blocked(inquiry, verdict, effect, extra)


@rule(
    title="Front Ends cannot pass meeting data on to the Edge: TCP port 8057 of its internal interface is blocked",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=(
        "A firewall between the Front Ends and the Edge lacks TCP 8057.",
        "The connection goes to a load balancer, which must not take part in it.",
    ),
    fix=("Open TCP 8057 from every Front End Server to every Edge Server's internal interface, not balanced.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "ms-hlb", "notes-poster"),
)
def psom_fe_to_edge_8057_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End cannot open the way for meeting data to an Edge Server.

    Evidence: SYNs of a Front End to TCP port 8057 of an Edge's internal interface are refused or unanswered.

    Not this: no meeting with people outside, for which no such connection is opened; port 8057 of a Front End, which
    clients ask for; an Edge Server that is down.
    """
    effect = (
        "Over this connection the data of meetings gets to people outside. Without it they see no whiteboard, polls "
        "or slides, although their own connection to the Edge opens."
    )
    yield from blocked_paths(inquiry, "psom-fe-to-edge-8057-blocked", effect)


@rule(
    title="The name of the Web Conferencing Edge does not exist outside",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=("The host record of the Web Conferencing Edge is missing in public DNS.",),
    fix=("Add the record of the Web Conferencing Edge's name to public DNS.",),
    act=("DNS administrator",),
    sources=("notes-poster", "ms-dns-edge"),
)
def webconf_name_unresolved(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device that signed in through the Access Edge asks for the Web Conferencing Edge, and the name does not exist.

    Evidence: SIP data through the Access Edge; after it a question for a name of the Web Conferencing Edge, by the
    topology or by its usual beginnings, in the domain of the Access Edge; DNS says that there is no such name.

    Not this: an Edge with one name for all its services, for which no other name is asked; a device that reaches the
    Web Conferencing Edge all the same; another company's name. Inconclusive without an answer of DNS.
    """
    told = _told_names(inquiry)
    names = {one.name for one in inquiry.case.searches.questions}
    known = {one for one in names if one in told or any(EDGE_WEBCONF in row.role for row in reference.name_rows(one))}
    asked: dict[tuple[str, str], list[Question]] = {}
    for one in inquiry.case.searches.questions if known else ():
        if one.name in known:
            asked.setdefault((one.device, one.name), []).append(one)
    for (device, name), questions in asked.items():
        yield from _unresolved(inquiry, device, questions, sure=name in told)


def _told_names(inquiry: Inquiry) -> frozenset[str]:
    told = inquiry.case.roles.told
    places = told.directory.places if told else ()
    return frozenset(name.lower() for one in places if one.role == EDGE_WEBCONF for name in (one.machine, one.pool))


def _unresolved(inquiry: Inquiry, device: str, questions: list[Question], sure: bool) -> Iterator[Judgement]:
    case, first = inquiry.case, questions[0]
    facts = inquiry.device(device)
    addresses = facts.addresses if facts else (device,)
    mine = case.attempts_of(*addresses)
    frames = [frame for one in addresses for frame in signed_in(case, one, EDGE_ACCESS)]
    before = [frame for frame in sorted(frames) if frame < first.frames[0]][:SHOWN]
    names = {name for one in mine if case.roles.has(one.server, EDGE_ACCESS) for name in _names(inquiry, one.server)}
    if not before or not (sure or parent_of(first.name) in {parent_of(name) for name in names}):
        return
    if any(one.reply is Reply.FOUND for one in questions) or any(
        one.established and is_at_conference(case, one) for one in mine
    ):
        yield Clear(device)
    elif not all(one.reply is Reply.EMPTY for one in questions):
        yield Doubt(device, f"the answer of DNS for {first.name} is not in the capture, or is an error")
    else:
        asked = tuple(sorted({frame for one in questions for frame in one.frames}))
        yield Found(
            device=device,
            peer=first.best.server,
            port=53,
            transport="udp",
            service="dns",
            says=f"{inquiry.word(device)} asks DNS for the Web Conferencing Edge, {first.name}, which does not exist.",
            why="It is signed in through the Access Edge. Without this name it gets no whiteboard, polls or slides.",
            confidence=Confidence.CERTAIN,
            proof=(
                Proof(first.capture, asked, "the question, and the answer that there is no such name"),
                Proof(first.capture, tuple(before), f"{device} gets SIP data through the Access Edge"),
            ),
            time=first.first_time,
            rejected=(("cert-missing-webconf-name", "no connection is made for the name"),),
        )


def _names(inquiry: Inquiry, server: str) -> tuple[str, ...]:
    return inquiry.case.names.names_of(server, SOURCE_DNS)
