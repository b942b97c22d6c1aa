"""Join pages of meetings, and what is put into them (catalogue group 8)."""

from collections.abc import Iterator
from dataclasses import replace

from lynccap.correlation.names import SOURCE_DNS, SOURCE_SNI, parent_of
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import REVERSE_PROXY, WEB_ROLES
from lynccap.correlation.searches import AAAA, Question, Reply
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.asking import (
    answers_in_words,
    asked_of_lync,
    asked_of_servers,
    by_client,
    by_server,
    frames_of,
    subject_asking,
)
from lynccap.diagnosis.blocked import blocked
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.meanings import Meaning
from lynccap.diagnosis.purposes.conferencing import JOIN_PAGE
from lynccap.diagnosis.purposes.users import meeting_frames, signed_in
from lynccap.diagnosis.subjects import found, judged, subject_of
from lynccap.diagnosis.verdicts import Verdict
from lynccap.diagnosis.web_failures import OF_TLS, FailedSession, bad_answers, failed_sessions
from lynccap.document import Confidence, Severity

SHOWN = 2
EFFECT = "Whoever follows the link of an invitation gets nowhere."
ALONE = "Nothing shows whether its sign-in works."


@rule(
    title="A meeting's join page cannot be opened",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=(
        "The join page is not published: no reverse proxy, or no rule for its name.",
        "The record of the meet name is missing in DNS.",
        "The certificate lacks the meet name.",
    ),
    fix=("Publish the meet address through the reverse proxy, with its DNS record and its name in the certificate.",),
    act=("reverse proxy team", "DNS administrator"),
    sources=("notes-edge", "notes-poster", "ms-simple"),
    explains=OF_TLS,
)
def meeting_join_url_fails(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device asks for the join page of a meeting (meet.DOMAIN) and does not get it.

    Evidence: DNS says that the meet name of a Lync domain does not exist; or connections to the address that DNS gave
    for it fail on TCP port 443; or TLS for that name ends without data; or the page is answered with an error. Certain
    where the device's SIP connection works meanwhile.

    Not this: people who are called into a meeting, and need no page; another company's meet name; a page that comes
    later. Inconclusive: the answer of DNS is not in the capture.
    """
    yield from _names(inquiry)
    for verdict in judged(inquiry, "meeting-join-url-fails"):
        yield _closed(inquiry, verdict)
    for failed in failed_sessions(inquiry, lambda server: _has_page(inquiry, server), JOIN_PAGE):
        yield _no_session(inquiry, failed)
    pages = (one for one in asked_of_servers(inquiry, "web-service") if one.row.service == "meet")
    asked = (one for one in pages if _is_own_page(inquiry, one))
    for _, ones in by_client(asked):
        for part in by_server(ones):
            yield _answered(inquiry, part)


def _has_page(inquiry: Inquiry, server: str) -> bool:
    """Whether a server, perhaps of Lync, is known by the name of a join page."""
    case = inquiry.case
    names = case.names.names_of(server, SOURCE_DNS, SOURCE_SNI)
    return any(one.lower().startswith(JOIN_PAGE) for one in names) and case.roles.is_plausible(server)


def _is_own_page(inquiry: Inquiry, one: WebExchange) -> bool:
    """Whether a page is of a Lync server, or asked for by the meet name of a domain whose people use Lync."""
    if inquiry.case.roles.is_lync(one.server):
        return True
    return one.host.startswith(JOIN_PAGE) and _is_lyncs(inquiry, one.client, one.host.removeprefix(JOIN_PAGE))


def _works(inquiry: Inquiry, capture: int, client: str) -> tuple[Confidence, tuple[Proof, ...], str]:
    """How sure it is that only the page fails: the working SIP connection, with its proof and its words."""
    frames = signed_in(inquiry.case, client)[:SHOWN]
    if not frames:
        return Confidence.LIKELY, (), ALONE
    return Confidence.CERTAIN, (Proof(capture, frames, f"{client} gets SIP data"),), "Its SIP connection works."


def _closed(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    confidence, proof, words = _works(inquiry, verdict.attempt.capture, verdict.attempt.client)
    less = verdict if confidence is Confidence.CERTAIN else replace(verdict, confidence=Confidence.LIKELY)
    return blocked(inquiry, less, f"DNS gave it this address for the meet name. {EFFECT} {words}", proof)


def _names(inquiry: Inquiry) -> Iterator[Judgement]:
    asked: dict[tuple[str, str], list[Question]] = {}
    for one in inquiry.case.searches.questions:
        if one.name.startswith(JOIN_PAGE) and one.record_type != AAAA:
            asked.setdefault((one.device, one.name), []).append(one)
    for (device, name), questions in asked.items() if asked else ():
        if not _is_lyncs(inquiry, device, name.removeprefix(JOIN_PAGE)):
            continue
        replies = {one.reply for one in questions}
        if Reply.FOUND in replies:
            yield Clear(device)
        elif replies == {Reply.EMPTY}:
            yield _no_name(inquiry, questions)
        else:
            yield Doubt(device, f"the answer of DNS for {name} is not in the capture, or is an error")


def _is_lyncs(inquiry: Inquiry, device: str, domain: str) -> bool:
    """Whether people of a domain use Lync: somebody finds its servers, or the topology has it."""
    case = inquiry.case
    told = case.roles.told.directory.topology.sip_domains if case.roles.told else ()
    if domain in told:
        return True
    found = any(one.domain == domain and any(map(case.roles.is_plausible, one.told)) for one in case.searches.searches)
    servers = [one.server for one in case.attempts_of(device) if case.roles.is_sip(one.server, one.port)]
    named = {parent_of(name) for one in servers if case.roles.is_lync(one) for name in case.names.names_of(one)}
    return found or domain in named


def _no_name(inquiry: Inquiry, questions: list[Question]) -> Found:
    first = questions[0]
    confidence, proof, words = _works(inquiry, first.capture, first.best.client)
    frames = tuple(sorted({frame for one in questions for frame in one.frames}))
    return Found(
        device=first.device,
        peer=first.best.server,
        port=53,
        transport="udp",
        service="dns",
        says=f"{inquiry.word(first.device)} cannot open the meeting's join page: {first.name} does not exist in DNS.",
        why=f"{EFFECT} {words}",
        confidence=confidence,
        proof=(Proof(first.capture, frames, "the question, and the answer that there is no such name"), *proof),
        time=first.first_time,
    )


def _no_session(inquiry: Inquiry, failed: FailedSession) -> Judgement:
    subject, name = subject_of(inquiry, failed.flows[0]), failed.sessions[0].sni
    confidence, proof, words = _works(inquiry, subject.capture, failed.client)
    server = inquiry.server(failed.server, failed.port)
    return subject.found(
        f"{inquiry.word(failed.client)} cannot open the meeting's join page of {name} at {server}: {failed.says}.",
        f"{EFFECT} {words}",
        confidence,
        subject.shows("the hello for the meet name, and how TLS ends", *failed.frames),
        *proof,
        flows=failed.flows,
        service="meet",
    )


def _answered(inquiry: Inquiry, asked: list[WebExchange]) -> Judgement:
    bad = bad_answers(asked)
    if not bad:
        return Clear(asked[0].client)
    subject, answered = subject_asking(inquiry, bad), answers_in_words(bad)
    confidence, proof, words = _works(inquiry, subject.capture, subject.device)
    server = inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{inquiry.word(subject.device)} asked {server} for a meeting's join page and was answered with {answered}.",
        f"{EFFECT} {words}",
        confidence,
        subject.shows(f"the request for the join page: {answered}", *frames_of(bad)),
        *proof,
        service="meet",
        reading=inquiry.reading(subject.flow, *subject.others),
    )


@rule(
    title="Slides and attachments of a meeting do not download",
    severity=Severity.MINOR,
    stage=Stage.CONFERENCE,
    causes=(
        "The web services are not published, or the proxy's rule lacks their path.",
        "Port 443 of the web services is blocked.",
    ),
    fix=("Publish the web services with every path (/*), and open TCP 443 to them.",),
    act=("network/firewall team", "reverse proxy team"),
    sources=("notes-poster", "notes-edge"),
)
def meeting_content_https_fails(inquiry: Inquiry) -> Iterator[Judgement]:
    """A participant gets a meeting's data, and not the files that were put into the meeting.

    Evidence: protected data of a server for meeting data; requests for content of meetings at the web services that
    are answered with errors, or, where they cannot be read, connections to TCP port 443 of the web services that fail
    from then on.

    Not this: a meeting without files; slides that Office Web Apps renders, on another host; a challenge before a web
    ticket. Inconclusive where nothing shows the device in a meeting, or the capture cannot prove that nobody answers.
    """
    content = [one for one in asked_of_lync(inquiry, "web-service") if one.row.service == "meeting-content"]
    for client, asked in by_client(content):
        for part in by_server(asked):
            yield _no_content(inquiry, client, part)
    for verdict in inquiry.verdicts:
        attempt = verdict.attempt
        web = inquiry.case.roles.has(attempt.server, REVERSE_PROXY, *WEB_ROLES)
        if verdict.meaning is not Meaning.REQUIRED or attempt.port != HTTPS or not web:
            continue
        before = [one for one in meeting_frames(inquiry.case, attempt.client) if one < attempt.failed_frames[0]]
        if before:
            shown = (Proof(attempt.capture, tuple(before[:SHOWN]), f"{attempt.client} gets a meeting's data"),)
            device, server = inquiry.ends(attempt)
            says = f"{device} is in a meeting and cannot reach {server} on TCP port 443, which has the meeting's files."
            why = f"{verdict.says}. What was asked for is not readable: that it was a file is likely, not proven."
            yield found(inquiry, verdict, says, why, Confidence.LIKELY, shown)


def _no_content(inquiry: Inquiry, client: str, asked: list[WebExchange]) -> Judgement:
    bad = bad_answers(asked)
    frames = meeting_frames(inquiry.case, client)[:SHOWN]
    if not bad:
        return Clear(client)
    if not frames:
        return Doubt(client, "nothing shows whether the meeting's data reaches it: more than the files may fail")
    subject, answered = subject_asking(inquiry, bad), answers_in_words(bad)
    server = inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{inquiry.word(client)} asked {server} for files of a meeting and was answered with {answered}.",
        "Its connection for the meeting's data works: only what is downloaded from the web services is missing.",
        Confidence.LIKELY,
        subject.shows(f"requests for meeting content: {answered}", *frames_of(bad)),
        subject.shows("data of the meeting arrives", *frames),
        reading=inquiry.reading(subject.flow, *subject.others),
    )
