"""Names that an Edge asks for: its partners' federation records, and its way inside."""

from collections.abc import Iterator

from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_INT
from lynccap.correlation.searches import SRV, Question, Reply, domain_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import answer_words, attempts_of, found, shown, unheard, within
from lynccap.diagnosis.rules.names.wrong_side import inner_names
from lynccap.document import Confidence, Severity

FEDERATION = "_sipfederationtls._tcp."


@rule(
    title="A partner's federation record is missing",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("The record _sipfederationtls is missing for that SIP domain.",),
    fix=("Let the partner publish the record, or enter the name of its Access Edge by hand.",),
    act=("DNS administrator", "the partner"),
    sources=("notes-poster", "notes-edge", "ms-dns-fed"),
)
def dns_federation_srv_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """An Edge asks where a partner's Access Edge is, and no record says so.

    Evidence: an Edge asks for _sipfederationtls._tcp of a domain and is told that there is none; no connection to
    port 5061 in that domain follows; something else shows that the domain uses Lync.

    Not this: a partner that is listed with its Access Edge, to which the Edge connects all the same; a domain whose
    people were only mistaken for partners. Inconclusive: nothing shows that the asker is an Edge, or that the domain
    uses Lync at all.
    """
    for question in inquiry.case.searches.questions:
        if question.record_type != SRV or not question.name.startswith(FEDERATION):
            continue
        domain = question.name.removeprefix(FEDERATION)
        if question.reply is Reply.EMPTY and not _connects(inquiry, question, domain):
            yield _no_federation(inquiry, question, domain)
        elif question.reply in (Reply.EMPTY, Reply.FOUND):
            yield Clear(question.device)


def _no_federation(inquiry: Inquiry, question: Question, domain: str) -> Judgement:
    since = question.best.response_time
    doubt = unheard(inquiry, question.capture, question.best.client, since, since)
    if not inquiry.case.roles.has(question.best.client, EDGE_ACCESS, EDGE_INT):
        doubt = doubt or "nothing shows that it is an Edge Server that asks"
    known = _uses_lync(inquiry, domain)
    if not known:
        doubt = doubt or f"nothing in the capture shows that {domain} uses Lync: not every domain is a partner's"
    if doubt or known is None:
        return Doubt(question.device, str(doubt))
    return found(
        question,
        f"{inquiry.word(question.device)} finds no federation record of {domain}: {question.name} "
        f"{answer_words(question)}.",
        "Without the record nobody finds that domain's Access Edge by himself; mobile push needs it too. "
        "No connection to port 5061 of that domain follows.",
        Confidence.CERTAIN,
        shown(question, "the question, and the answer that there is no such record"),
        known,
    )


def _connects(inquiry: Inquiry, question: Question, domain: str) -> bool:
    """Whether the asker speaks with port 5061 of an address whose name is in the domain."""
    names = inquiry.case.names
    mine = (one for one in attempts_of(inquiry, question.device) if one.port == SIP_TLS_PORT and one.established)
    return any(within(name, domain) for one in mine for name in names.names_of(one.server))


def _uses_lync(inquiry: Inquiry, domain: str) -> Proof | None:
    """A name of the domain that only Lync has and that exists, or a server of it that shows its certificate."""
    for one in inquiry.case.searches.questions:
        if one.reply is Reply.FOUND and domain_of(one.name) == domain:
            return Proof(one.capture, one.frames, f"{one.name} exists")
    for certificate in inquiry.case.presented:
        if certificate.port == SIP_TLS_PORT and any(within(name, domain) for name in certificate.names):
            return Proof(certificate.capture, (certificate.showings[0].frame,), f"a server of {domain} shows itself")
    return None


@rule(
    title="The Edge cannot find its pool",
    severity=Severity.CRITICAL,
    stage=Stage.NAMES,
    causes=("The Edge's hosts file, or the DNS zone of its network, lacks the names of the pool and its servers.",),
    fix=("Put the names of the next hop and of every pool member into the Edge's hosts file, or into a zone it asks.",),
    act=("Lync administrator", "DNS administrator"),
    sources=("ms-edge-nic", "ms-dns"),
)
def edge_cannot_resolve_next_hop(inquiry: Inquiry) -> Iterator[Judgement]:
    """An Edge asks DNS for its pool or Director, is told that there is no such name, and never connects to it.

    Evidence: an Edge asks for a name of an inner server and is told that there is none; no connection to port 5061 of
    an inner address follows.

    Not this: an Edge with a hosts file, which connects without asking. Inconclusive: nothing shows that the asker is
    an Edge; a capture that cannot prove that no connection followed, or of the Edge's outer side only.
    """
    inner = inner_names(inquiry)
    for question in inquiry.case.searches.questions if inner else ():
        if question.name not in inner or not _is_edge(inquiry, question):
            continue
        if question.reply is not Reply.EMPTY:
            yield Clear(question.device)
        else:
            yield from _no_next_hop(inquiry, question)


def _is_edge(inquiry: Inquiry, question: Question) -> bool:
    device = inquiry.device(question.device)
    return inquiry.case.roles.has(question.best.client, EDGE_ACCESS, EDGE_INT) or bool(
        device and device.role in (EDGE_ACCESS, EDGE_INT)
    )


def _no_next_hop(inquiry: Inquiry, question: Question) -> Iterator[Judgement]:
    mine = attempts_of(inquiry, question.device)
    if any(one.port == SIP_TLS_PORT and is_private(one.server) for one in mine):
        yield Clear(question.device)
        return
    since = question.best.response_time
    doubt = unheard(inquiry, question.capture, question.best.client, since, since)
    if not doubt and is_public(question.best.client):
        doubt = "only the Edge's outer side is seen here: what it asks on its inner side is not"
    if doubt:
        yield Doubt(question.device, doubt)
        return
    yield found(
        question,
        f"{inquiry.word(question.device)} asks DNS for {question.name}, its way inside, which "
        f"{answer_words(question)}.",
        "Everything outside users and partners want goes through the Edge to this server. "
        "No connection to port 5061 inside follows.",
        Confidence.CERTAIN,
        shown(question, "the question, and the answer that there is no such name"),
        rejected=(
            ("dns-server-no-answer", f"{question.best.server} answers that {question.name} {answer_words(question)}"),
        ),
    )
