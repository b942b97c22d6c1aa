"""A client that asks for every name it knows, and finds no server."""

from collections.abc import Iterator, Sequence

from lynccap import reference
from lynccap.correlation.journeys.discovery import fits, rounds_of
from lynccap.correlation.searches import SRV, Question, Reply, Search
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.names.asking import FAILED, found, opened, shown_all, unheard
from lynccap.document import Confidence, Severity


@rule(
    title="The client ran through all its names without finding a server",
    severity=Severity.CRITICAL,
    stage=Stage.NAMES,
    causes=(
        "The client is in a network whose DNS does not know the inner zone.",
        "A VPN gives the client a wrong DNS server.",
        "The records were never made for this SIP domain.",
    ),
    fix=("Publish the records for the place where this client is, or give it the DNS server that has them.",),
    act=("DNS administrator",),
    sources=("notes-poster", "ms-dns"),
)
def dns_all_discovery_exhausted(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client asks for every name of its list, gets no usable answer, and never reaches a server.

    Evidence: the names in the order of a known client, to the last one, each without a record or leading to an
    address that cannot be reached; no SIP or HTTPS connection to a Lync server afterwards.

    Not this: mobile apps, whose list is Autodiscover only. Inconclusive: a SIP domain of which nothing shows that it
    exists, as it may be a typing error; a capture of one direction, with losses, or that ends early.
    """
    for search in inquiry.client_searches:
        device = inquiry.device(search.device)
        if device is not None and device.kind == "mobile":
            continue
        if not ran_through(inquiry, search):
            yield Clear(search.device)
            continue
        last = search.last_time
        doubt = unheard(inquiry, search.capture, search.addresses[0], last, last)
        if not doubt and search.domain not in inquiry.case.searches.found_domains:
            doubt = f"nothing in the capture shows that the SIP domain {search.domain} exists: it may be mistyped"
        if doubt:
            yield Doubt(search.device, doubt)
            continue
        names = len({one.name for one in search.questions})
        dead = [one for one in search.questions if one.reply is Reply.FOUND]
        ending = f"; {len(dead)} of them lead to addresses that do not answer" if dead else "; none exists"
        yield found(
            search.questions[0],
            f"{inquiry.word(search.device)} asks DNS for all {names} names by which it could find its server in "
            f"{search.domain}{ending}.",
            "It has no further way to find a server by itself, and none is reached afterwards. "
            f"Others do find names of {search.domain}, so the domain exists.",
            Confidence.CERTAIN,
            shown_all(search.questions, "the questions and the answers"),
            rejected=(("dns-server-no-answer", f"DNS answers on all {names} names in this capture"),),
        )


def ran_through(inquiry: Inquiry, search: Search) -> bool:
    """Whether all names of a client's list led nowhere."""
    if any(one.reply is not Reply.EMPTY and not _leads_nowhere(inquiry, search, one) for one in search.questions):
        return False
    if next(opened(inquiry, search.addresses, search.first_time, search.capture), None):
        return False
    return _is_whole_list(search.questions)


def not_exhausted(inquiry: Inquiry, search: Search) -> tuple[tuple[str, str], ...]:
    """What excludes dns-all-discovery-exhausted, where a server is reached."""
    one = next(opened(inquiry, search.addresses, search.first_time, search.capture), None)
    if one is None:
        return ()
    _, attempt = one
    reached = f"{search.addresses[0]} reaches {attempt.server} on TCP port {attempt.port} in this capture"
    return (("dns-all-discovery-exhausted", reached),)


def _leads_nowhere(inquiry: Inquiry, search: Search, question: Question) -> bool:
    """Whether everything the answer leads to was tried and failed."""
    told = search.told if question.record_type == SRV else question.addresses
    failed = {one.server for one in inquiry.case.attempts_of(*search.addresses) if one.ending in FAILED}
    return question.reply is Reply.FOUND and bool(told) and failed.issuperset(told)


def _is_whole_list(questions: Sequence[Question]) -> bool:
    """Whether the names follow the order of a client to its last one."""
    rounds = rounds_of([(one.first_time, one.name) for one in questions])
    asked = {name for name, _ in rounds}
    for row in reference.discovery_orders().values():
        named = [step for step in row.steps if " " not in step]
        if "mobile" not in row.kinds and fits(rounds, row) and named[-1] in asked:
            return True
    return False
