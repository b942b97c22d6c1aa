"""What servers say in SIP between domains: a next server that cannot be reached, a partner that is not allowed."""

from collections.abc import Iterator, Sequence

from lynccap.correlation.addresses import is_address
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.correlation.roles.claims import GATEWAY
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.sip_answers import asker_of, meaning_of_number, quoted, refusals, said_by
from lynccap.diagnosis.subjects import times_in_words
from lynccap.document import Confidence, Severity

GATEWAY_TIMEOUT = 504  # RFC 3261 21.5.5: the next server did not answer in time
NEXT_HOP = {
    1007: "the connection",
    1008: "DNS",
    1009: "DNS",
    1010: "certificates",
    1014: "DNS",
    1034: "the partner",
    1047: "certificates",
}
"""Numbers of diagnostics by which a server says why it could not pass a request on, and where to look."""
CAUSES = {
    "the connection": ("The next server is down, or a firewall between the two blocks its port.",),
    "DNS": ("DNS has no record, or a wrong one, for the next server.",),
    "certificates": ("One of the two servers does not trust the other's certificate, or it is for another name.",),
    "the partner": ("The partner's server failed and did not say why.",),
}
UNAUTHORISED = frozenset({1002, 1005, 1012, 1027})
REFUSED = (403, 404)
SHOWN = 5  # of the same answers, as many as make the point
NAMED = 3


def _number(one: Transaction) -> int | None:
    number = one.final.diagnostics_id if one.final is not None else None
    return None if number is None else int(number)


def _first_legs(inquiry: Inquiry, ones: Iterator[Transaction]) -> Iterator[list[Transaction]]:
    """Refusals with one answer of one asker to users of one domain, each on the leg on which it was seen first."""
    seen: set[tuple[int, object, object]] = set()
    found: dict[tuple[int, str, str, int | None], list[Transaction]] = {}
    for one in ones:
        leg = (one.capture, one.first.call_id, one.first.cseq)
        if leg not in seen and _of_lync(inquiry, one):
            seen.add(leg)
            device = asker_of(inquiry, one).device
            found.setdefault((one.capture, device, _domain(one.first.to_uri), _number(one)), []).append(one)
    yield from found.values()


def _domain(uri: str | None) -> str:
    return (uri or "").rpartition("@")[2].partition(";")[0].lower()


def _named(uris: Sequence[str | None], unknown: str) -> str:
    """Users in a sentence, each once, the first ones by name."""
    each = list(dict.fromkeys(quoted(one or unknown) for one in uris))
    more = f" and {len(each) - NAMED} more" if len(each) > NAMED else ""
    return ", ".join(each[:NAMED]) + more


def _of_lync(inquiry: Inquiry, one: Transaction) -> bool:
    subject, roles = asker_of(inquiry, one), inquiry.case.roles
    return roles.is_lync(subject.peer) or roles.is_lync(subject.device)


def _kept(inquiry: Inquiry, ones: Sequence[Transaction]) -> list[Transaction]:
    """Those whose request the same asker did not make again to the same user with success."""
    wishes = {(one.method, one.first.to_uri) for one in ones}
    asker, granted = asker_of(inquiry, ones[0]).device, dict[object, int]()
    for one in inquiry.case.dialogs.transactions:
        wish = (one.method, one.first.to_uri)
        if wish in wishes and (one.status or GATEWAY_TIMEOUT) < 300 and asker_of(inquiry, one).device == asker:
            granted[wish] = one.time
    return [one for one in ones if granted.get((one.method, one.first.to_uri), 0) <= one.last_time]


@rule(
    title="A server says that it cannot reach or trust the next one",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "DNS has no record, or a wrong one, for the next server.",
        "One of the two servers does not trust the other's certificate.",
        "The next server, or the partner's, does not answer.",
    ),
    fix=("Act on the number at the server that wrote it: it says what failed there.",),
    act=("Lync administrator",),
    sources=("ms-ocer",),
)
def sip_504_nexthop(inquiry: Inquiry) -> Iterator[Judgement]:
    """A request is answered with status 504, and the diagnostics say that the next server was not reached or trusted.

    Evidence: readable SIP; status 504 with diagnostics 1007, 1008, 1009, 1010, 1014, 1034 or 1047; the server that
    wrote it; where the capture shows it, the connection of that server that failed.

    Not this: one 504 while servers fail over, after which the same request is accepted; requests for relay
    credentials, which have a rule of their own. Inconclusive: one 504 right before the capture ends, so that nobody
    knows whether it would have worked the next time.
    """
    told = (one for one in refusals(inquiry) if one.status == GATEWAY_TIMEOUT and _number(one) in NEXT_HOP)
    for ones in _first_legs(inquiry, (one for one in told if not one.asks_credentials)):
        yield _unreached(inquiry, ones)


def _unreached(inquiry: Inquiry, told: Sequence[Transaction]) -> Judgement:
    ones = _kept(inquiry, told)
    if not ones:
        return Clear(asker_of(inquiry, told[0]).device)
    first = ones[0]
    subject = asker_of(inquiry, first)
    if len(ones) == 1 and (because := inquiry.gates.ended_early(first.capture, first.last_time)):
        return Doubt(subject.device, f"one 504 may be a failover, and {because}")
    row = first.final
    assert row is not None  # _number is told by it
    number = int(row.diagnostics_id)
    where, failed = NEXT_HOP[number], _failed_at(inquiry, row.diagnostics_source or "")
    proof = [subject.shows("the request, and the answer", *_frames(ones))]
    proof += [Proof(one.capture, one.failed_frames, f"{one.client} fails to reach {one.server}") for one in failed]
    often = f" It happened {times_in_words(len(ones))}." if len(ones) > 1 else ""
    whom = _named([one.first.to_uri for one in ones], "somebody")
    return subject.found(
        f"{inquiry.word(subject.device)} asks for {whom} and gets status 504: the next server on the way could not be "
        "reached or trusted.",
        f"{said_by(row)}. {meaning_of_number(row)} The matter is {where} at the server that wrote this.{often}",
        Confidence.CERTAIN,
        *proof,
        time=first.time,
        causes=CAUSES[where],
        flows=tuple(dict.fromkeys([*(one.flow for one in ones), *(flow for one in failed for flow in one.flows)])),
        reading=inquiry.reading(*(one.flow for one in ones)),
    )


def _frames(ones: Sequence[Transaction]) -> list[int]:
    return [int(row.frame) for one in ones[:SHOWN] for row in (one.request, one.final) if row is not None]


def _failed_at(inquiry: Inquiry, source: str) -> list[Attempt]:
    """Connections to port 5061 that the server of a name could not open."""
    case = inquiry.case
    addresses = {*case.names.addresses_of(source), *_topology_addresses(inquiry, source)} if source else set()
    attempts = case.attempts_of(*sorted(addresses))
    return [one for one in attempts if one.port == SIP_TLS_PORT and not one.established and one.failed_frames]


def _topology_addresses(inquiry: Inquiry, name: str) -> list[str]:
    return [address for address, names in inquiry.case.names.told.items() if name.lower() in names]


@rule(
    title="A partner's domain or user is not allowed",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The policy of the user, or the list of allowed domains, leaves the partner out.",
        "This kind of request does not pass between partners.",
    ),
    fix=("Allow the domain for federation, and federation for the user.",),
    act=("Lync administrator",),
    sources=("ms-ocer", "netdork-fed"),
)
def federation_domain_not_authorised(inquiry: Inquiry) -> Iterator[Judgement]:
    """A request between two domains is refused, as the domain or the user is not allowed to talk to the other.

    Evidence: readable SIP; status 403 or 404 with diagnostics 1002, 1005, 1012 or 1027.

    Not this: other refusals, which have other numbers; a partner whose requests are held back for their number; a
    request that is accepted later. Inconclusive: a refusal without a number, between two domains.
    """
    told = (one for one in refusals(inquiry) if one.status in REFUSED)
    for ones in _first_legs(inquiry, told):
        if _number(ones[0]) in UNAUTHORISED:
            yield _unauthorised(inquiry, ones)
        elif _number(ones[0]) is None and _crosses(inquiry, ones[0]):
            because = f"status {ones[0].status} came without a number of diagnostics: a trace of the Edge Server has it"
            yield Doubt(asker_of(inquiry, ones[0]).device, because)


def _crosses(inquiry: Inquiry, one: Transaction) -> bool:
    """Whether a request goes from one SIP domain to another: numbers at a gateway's address are in none."""
    subject = asker_of(inquiry, one)
    if any(inquiry.case.roles.has(end, GATEWAY) for end in (subject.device, subject.peer)):
        return False
    domains = {_domain(one.first.from_uri), _domain(one.first.to_uri)} - {""}
    return len(domains) == 2 and not any(one.startswith("[") or is_address(one.partition(":")[0]) for one in domains)


def _unauthorised(inquiry: Inquiry, told: Sequence[Transaction]) -> Judgement:
    ones = _kept(inquiry, told)
    if not ones:
        return Clear(asker_of(inquiry, told[0]).device)
    first, row = ones[0], ones[0].final
    subject = asker_of(inquiry, first)
    assert row is not None  # _number is told by it
    who, whom = (_named([getattr(one.first, end) for one in ones], "a user") for end in ("from_uri", "to_uri"))
    methods = ", ".join(dict.fromkeys(one.method for one in ones))
    return subject.found(
        f"{inquiry.word(subject.device)} is refused: {who} may not talk to {whom} in another domain.",
        f"{methods} was answered {times_in_words(len(ones))} with {said_by(row)}. {meaning_of_number(row)}",
        Confidence.CERTAIN,
        subject.shows("the request, and the answer", *_frames(ones)),
        time=first.time,
        flows=tuple(dict.fromkeys(one.flow for one in ones)),
        reading=inquiry.reading(*(one.flow for one in ones)),
    )
