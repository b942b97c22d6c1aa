"""The search for a server: records that are missing, and what the client does without them."""

from collections.abc import Iterator

from lynccap.correlation.addresses import is_public
from lynccap.correlation.discovery_names import FALLBACK
from lynccap.correlation.searches import Question, Reply, Search
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import (
    answer_words,
    found,
    is_inside,
    is_outside,
    of_cloud,
    shown,
    shown_all,
    signs_in,
    unheard,
)
from lynccap.diagnosis.rules.names.exhausted import not_exhausted, ran_through
from lynccap.document import Confidence, Severity

AUTODISCOVER = INNER, OUTER = "lyncdiscoverinternal.", "lyncdiscover."
INNER_SRV, OUTER_SRV = "_sipinternaltls._tcp.", "_sip._tls."
FALLBACKS = ("sipinternal.", FALLBACK, "sipexternal.")


@rule(
    title="lyncdiscoverinternal is missing, and inside clients are sent to the outside",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=("The record for lyncdiscoverinternal was never made in the inner zone.",),
    fix=("Make lyncdiscoverinternal an A or CNAME record that leads to the inner web services.",),
    act=("DNS administrator",),
    sources=("notes-poster", "ms-dns-autod"),
    explains=("dns-search-order-delay",),
)
def dns_lyncdiscoverinternal_missing_inside(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client inside is told that lyncdiscoverinternal does not exist and goes the way of clients outside.

    Evidence: a device inside; no record for lyncdiscoverinternal; lyncdiscover has a public address; the device goes
    there, or does not get on at all.

    Not this: Lync 2010, which asks for SRV records only; a client that signs in inside by SRV records all the same;
    mobile apps, which use the outer web services by design; users of Microsoft's cloud. Inconclusive: a capture that
    ends before it could have signed in.
    """
    for search in inquiry.client_searches:
        if search.reply(INNER) is not Reply.EMPTY:
            yield from (Clear(search.device) for _ in search.of(INNER)[:1])
            continue
        outer = [one for one in search.of(OUTER) if one.reply is Reply.FOUND]
        public = [address for one in outer for address in one.addresses if is_public(address)]
        if of_cloud(inquiry, search.questions):
            continue
        is_sent_out = public and not _is_mobile(inquiry, search)
        if not is_sent_out or not is_inside(inquiry, *search.addresses):
            yield Clear(search.device)
            continue
        inside = _signed_in_inside(inquiry, search)
        late = inquiry.gates.ended_early(search.capture, search.last_time)
        went = next((pair for pair in _tried(inquiry, search) if pair[1] in public), None)
        if inside or (not went and late):
            yield Clear(search.device) if inside else Doubt(search.device, str(late))
            continue
        missing = search.of(INNER)[0]
        proof = [
            shown(missing, f"{missing.name} {answer_words(missing)}"),
            shown(outer[0], f"{outer[0].name}: a public address"),
        ]
        if went:
            proof.append(Proof(search.capture, (went[0],), f"it goes to {went[1]}"))
        yield found(
            missing,
            f"{inquiry.word(search.device)} is inside, but {missing.name} {answer_words(missing)}, and "
            f"{outer[0].name} sends it to the public address {public[0]}.",
            "Inside, Autodiscover is to be found under lyncdiscoverinternal. Without it the client takes the way of "
            "clients outside, through the firewall and the reverse proxy.",
            Confidence.CERTAIN,
            *proof,
            rejected=(
                ("state-dns-fallback-nxdomain", f"{search.addresses[0]} is inside, where {missing.name} is to exist"),
            ),
        )


def _is_mobile(inquiry: Inquiry, search: Search) -> bool:
    device = inquiry.device(search.device)
    return device is not None and device.kind == "mobile"


def _signed_in_inside(inquiry: Inquiry, search: Search) -> bool:
    reached = signs_in(inquiry, search.addresses, search.first_time, search.capture)
    return reached is not None and not is_public(reached[1].server)


def _tried(inquiry: Inquiry, search: Search) -> list[tuple[int, str]]:
    """(first frame, server) of the device's connections, whatever became of them, from the search on."""
    flows = inquiry.case.flows
    tries = inquiry.case.attempts_of(*search.addresses)
    mine = (flow for one in tries if one.last_time >= search.first_time for flow in one.flows)
    return [(int(flows.at[flow, "first_frame"]), str(flows.at[flow, "server"])) for flow in mine]


@rule(
    title="No Autodiscover record exists for the SIP domain",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("The record for lyncdiscover is missing for this SIP domain.",),
    fix=("Make a lyncdiscover record for each SIP domain, and lyncdiscoverinternal in the inner zone.",),
    act=("DNS administrator",),
    sources=("notes-edge", "ms-dns", "ms-dns-autod"),
    explains=("dns-search-order-delay", "mobile-desktop-ok-mobile-fails"),
)
def dns_lyncdiscover_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """Neither of the two Autodiscover names exists: mobile apps stop there, desktop clients go on with SRV records.

    Evidence: no record for lyncdiscoverinternal and none for lyncdiscover; the client does not get on, or is outside
    and gets on by SRV records, which mobile apps do not ask for.

    Not this: a client inside that gets on by SRV records; a client whose servers were typed in by hand; a client that
    asks on to the end of its list in vain, of which dns-all-discovery-exhausted tells.
    """
    for search in inquiry.client_searches:
        replies = [search.reply(one) for one in AUTODISCOVER]
        if None in replies:
            continue
        if replies != [Reply.EMPTY, Reply.EMPTY]:
            yield Clear(search.device)
        elif not ran_through(inquiry, search):
            yield _no_autodiscover(inquiry, search)


def _no_autodiscover(inquiry: Inquiry, search: Search) -> Judgement:
    asked = [one for start in AUTODISCOVER for one in search.of(start) if one.reply is Reply.EMPTY]
    goes_on = signs_in(inquiry, search.addresses, search.first_time, search.capture) is not None
    later = {one.name for one in search.questions} - {one.name for one in asked}
    if goes_on and (not later or not is_outside(inquiry, *search.addresses)):
        return Clear(search.device)
    doubt = (
        None if goes_on else unheard(inquiry, search.capture, search.addresses[0], search.last_time, search.last_time)
    )
    if doubt or (later and not goes_on and not _is_mobile(inquiry, search)):
        return Doubt(search.device, doubt or "it asks on for SRV records, and what became of that is not seen")
    return found(
        asked[0],
        f"{inquiry.word(search.device)} finds no Autodiscover for {search.domain}: neither lyncdiscoverinternal nor "
        "lyncdiscover exists.",
        "Mobile apps and the Windows Store app know no other way to their servers. "
        + ("This client goes on with SRV records." if goes_on else "This client stops there."),
        Confidence.CERTAIN,
        shown_all(asked, "both questions and the answers that there is no such name"),
        severity=Severity.MINOR if goes_on else None,
        rejected=not_exhausted(inquiry, search),
    )


@rule(
    title="The SRV record for sign-in is missing",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=(
        "The host of the DNS zone offers no SRV records.",
        "The record was forgotten for one of the SIP domains.",
    ),
    fix=("Make the SRV record, or keep sip.<SIP domain> as an A record with a certificate that fits.",),
    act=("DNS administrator",),
    sources=("notes-edge", "notes-poster"),
    explains=("dns-search-order-delay",),
)
def dns_sip_srv_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client finds no SRV record for its side and falls back to names such as sip.<domain>.

    Evidence: no _sipinternaltls._tcp inside, or no _sip._tls outside; a question for sip, sipinternal or sipexternal
    follows.

    Not this: a client that Autodiscover has answered; _sipinternaltls missing outside, or _sip._tls inside; a client
    that finds nothing at all, of which dns-all-discovery-exhausted tells. Inconclusive: nothing shows on which side
    the client is.
    """
    for search in inquiry.client_searches:
        fallback = [one for start in FALLBACKS for one in search.of(start)]
        missing = [one for start in (INNER_SRV, OUTER_SRV) for one in search.of(start) if one.reply is Reply.EMPTY]
        if Reply.FOUND in (search.reply(one) for one in (*AUTODISCOVER, INNER_SRV, OUTER_SRV)):
            yield Clear(search.device)
        elif missing and ran_through(inquiry, search):
            continue
        elif missing and [one for one in fallback if one.last_time > missing[0].first_time]:
            yield _no_srv(inquiry, search, missing, fallback)


def _no_srv(inquiry: Inquiry, search: Search, missing: list[Question], fallback: list[Question]) -> Judgement:
    sides = {INNER_SRV: is_inside(inquiry, *search.addresses), OUTER_SRV: is_outside(inquiry, *search.addresses)}
    needed = [one for one in missing if any(sides[start] and one.name.startswith(start) for start in sides)]
    if not needed and len({one.name for one in missing}) < len(sides):
        if any(sides.values()):
            return Clear(search.device)
        return Doubt(search.device, "nothing shows on which side the client is, and each side needs another record")
    asked = (needed or missing)[0]
    works = next((one for one in fallback if one.reply is Reply.FOUND), None)
    next_step = f"It goes on with {works.name}, which exists." if works else "The names it falls back to do not help."
    return found(
        asked,
        f"{inquiry.word(search.device)} finds no SRV record {asked.name} and falls back to {fallback[0].name}.",
        f"Clients without Autodiscover, telephones first of all, find their server by this record. {next_step}",
        Confidence.CERTAIN,
        shown_all(missing, "the question for the SRV record, and the answer that there is none"),
        shown_all(fallback, "the names it falls back to"),
        rejected=not_exhausted(inquiry, search),
    )
