"""Addresses that are right on the other side only: inside answers outside, outside answers inside."""

from collections.abc import Iterable, Iterator

from lynccap import reference
from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.roles.claims import EDGE_INT, FRONT_END
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.searches import Question, Search, addresses_in
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import (
    FAILED,
    LED_ASTRAY,
    SHOWN,
    found,
    is_inside,
    is_outside,
    of_cloud,
    shown,
    unheard,
)
from lynccap.document import Confidence, Severity

INNER_ANSWERS = ("lyncdiscoverinternal.", "_sipinternaltls._tcp.", "_sipinternal._tcp.", "sipinternal.")
POOL_RECORD = "_sipinternaltls._tcp."
OUTER_ANSWERS = ("lyncdiscover.", "_sip._tls.", "sipexternal.", "sip.")


@rule(
    title="A client inside is given an outer address",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=(
        "The inner DNS server has no zone of its own for the SIP domain.",
        "The client asks a public DNS server, or uses DNS over HTTPS.",
    ),
    fix=("Keep an inner zone for the SIP domain, or single inner zones for its Lync names (split DNS).",),
    act=("DNS administrator",),
    sources=("ms-dns", "ms-mobility", "ms-simple"),
    explains=(
        "dns-search-order-delay",
        *LED_ASTRAY,
        "autodiscover-both-ports-fail",
        "autodiscover-443-fails-80-works",
        "lb-port-missing-on-vip",
        "host-unreachable",
        "icmp-no-route",
        "icmp-admin-prohibited",
    ),
)
def dns_internal_client_gets_public_ip(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client inside asks for a name of an inner server and is told a public address.

    Evidence: the client is inside; the answer for lyncdiscoverinternal, sipinternal or the target of
    _sipinternaltls is public; others are told a private address for the same name, or the address serves outer names
    or lies outside; connections there fail, or go out and come back.

    Not this: outer web service names for mobile apps; meeting and dial-in addresses. Inconclusive: nothing shows that
    the public address is not used inside, as some organisations do.
    """
    for search in inquiry.client_searches:
        for question in search.questions:
            told = addresses_in(question.records) if question.name.startswith(INNER_ANSWERS) else ()
            if told and not all(map(is_public, told)):
                yield Clear(search.device)
            elif told and is_inside(inquiry, *search.addresses) and not of_cloud(inquiry, search.questions):
                yield _public_inside(inquiry, search, question, told)


def _public_inside(inquiry: Inquiry, search: Search, question: Question, told: tuple[str, ...]) -> Judgement:
    because = _is_outer(inquiry, question, told)
    if because is None:
        return Doubt(search.device, f"{told[0]} is public, but nothing shows that it is not used inside")
    tried = [one for one in inquiry.case.attempts_of(*search.addresses) if one.server in told]
    failed = [one for one in tried if one.ending in FAILED]
    harm = "It has not tried the address in this capture."
    if tried:
        harm = "Its connections there fail." if failed else "Its connections go out through the firewall and come back."
    proof = [shown(question, f"{question.name} is {told[0]}"), because]
    if tried:
        proof.append(Proof(search.capture, _frames(inquiry, tried), "its connections to that address"))
    return found(
        question,
        f"{inquiry.word(search.device)} is inside, but is told the public address {told[0]} for {question.name}.",
        f"The name is that of an inner server: {because.says}. {harm}",
        Confidence.CERTAIN if failed else Confidence.LIKELY,
        *proof,
        rejected=(("dns-wildcard-catchall", f"{search.addresses[0]} is inside"),),
    )


def _is_outer(inquiry: Inquiry, question: Question, told: tuple[str, ...]) -> Proof | None:
    """What shows that the addresses are those of the outer side."""
    for one in inquiry.case.searches.for_name(question.name):
        inner = [address for address in addresses_in(one.records) if is_private(address)]
        if inner:
            return Proof(one.capture, one.frames, f"{one.device} is told {inner[0]} for the same name")
    for address in told:
        side = inquiry.case.sides.of(address)
        if side.location is Location.OUTSIDE:
            frame = side.frame or question.best.response_frame
            return Proof(question.capture, (frame,), f"{address} is outside: {side.says}")
        outer = [link for link in inquiry.case.names.by_address.get(address, ()) if _is_outer_name(link.name)]
        if outer:
            return Proof(outer[0].capture, (outer[0].frame,), f"{address} also serves {outer[0].name}")
    return None


def _is_outer_name(name: str) -> bool:
    """Whether only the outer side has the name; _sip._tls is often asked for inside as well."""
    rows = reference.name_rows(name)
    return (
        bool(rows)
        and all(one.zone == "external" and one.decisive for one in rows)
        and not name.startswith("_sip._tls.")
    )


def _frames(inquiry: Inquiry, attempts: Iterable[object]) -> tuple[int, ...]:
    flows = inquiry.case.flows
    return tuple(sorted(int(flows.at[flow, "first_frame"]) for one in attempts for flow in one.flows))[:SHOWN]  # type: ignore[attr-defined]


@rule(
    title="A client outside is given a private address",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("The inner zone leaked into public DNS.", "An alias in public DNS leads to an inner host."),
    fix=("Correct the public zone: outside, every Lync name needs a public address.",),
    act=("DNS administrator",),
    sources=("notes-edge", "ms-dns"),
    explains=(
        "dns-search-order-delay",
        *LED_ASTRAY,
        "autodiscover-both-ports-fail",
        "autodiscover-443-fails-80-works",
        "host-unreachable",
        "icmp-no-route",
        "icmp-admin-prohibited",
    ),
)
def dns_external_client_gets_private_ip(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client outside asks for an outer name and is told a private address, which it cannot reach.

    Evidence: the client, or the DNS server it asks, is outside; the answer for lyncdiscover, sip, sipexternal or the
    target of _sip._tls is private; connections there are not answered.

    Not this: a VPN client with inner DNS, which is inside; an address that answers. Inconclusive: the address is not
    tried, or the capture cannot prove that nothing answered.
    """
    for search in inquiry.client_searches:
        for question in search.questions:
            told = addresses_in(question.records) if question.name.startswith(OUTER_ANSWERS) else ()
            outside = is_outside(inquiry, *search.addresses) or (
                inquiry.case.sides.of(question.best.server).location is Location.OUTSIDE
                and not is_inside(inquiry, *search.addresses)
            )
            if not told or not outside:
                continue
            if not all(map(is_private, told)):
                yield Clear(search.device)
            else:
                yield _private_outside(inquiry, search, question, told)


def _private_outside(inquiry: Inquiry, search: Search, question: Question, told: tuple[str, ...]) -> Judgement:
    flows = inquiry.case.flows
    mine = flows[
        flows["client"].isin(search.addresses) & flows["server"].isin(told) & (flows["capture"] == search.capture)
    ]
    if mine.empty:
        return Doubt(search.device, f"{question.name} is the private address {told[0]}, but nobody tries it")
    if (mine["frames_server"] > 0).any():
        return Clear(search.device)
    first, last = mine.iloc[0], int(mine["last_time"].max())
    doubt = unheard(inquiry, search.capture, str(first["client"]), int(first["first_time"]), last)
    if doubt:
        return Doubt(search.device, doubt)
    return found(
        question,
        f"{inquiry.word(search.device)} is outside, but is told the private address {told[0]} for {question.name}.",
        "Private addresses are routed inside only. Its connections there get no answer.",
        Confidence.CERTAIN,
        shown(question, f"{question.name} is {told[0]}"),
        Proof(search.capture, tuple(int(one) for one in mine["first_frame"])[:SHOWN], "connections without an answer"),
    )


@rule(
    title="Public DNS gives away the name of an inner server",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("A host record or alias in public DNS that nobody outside needs.",),
    fix=("Remove it: outside only the names of services belong into DNS.",),
    act=("DNS administrator", "security team"),
    sources=("notes-edge",),
)
def dns_edge_internal_name_public(inquiry: Inquiry) -> Iterator[Judgement]:
    """Somebody outside asks for the name of an inner server, or of the Edge's inner side, and gets an address.

    Evidence: an answer outside for a name that the topology file, or DNS inside, ties to an inner server.

    Not this: an inner DNS server, or somebody inside, that asks. Inconclusive: nothing shows on which side the asker
    is.
    """
    inner = inner_names(inquiry)
    for question in inquiry.case.searches.questions if inner else ():
        if question.addresses and question.name in inner:
            asker = question.best.client
            if is_inside(inquiry, asker) or is_private(question.best.server):
                yield Clear(question.device)
            elif not is_outside(inquiry, asker):
                yield Doubt(question.device, f"nothing shows on which side {asker} is, which asks for an inner server")
            else:
                yield _disclosed(inquiry, question)


def _disclosed(inquiry: Inquiry, question: Question) -> Found:
    return found(
        question,
        f"{inquiry.word(question.device)} is outside and is told the address {question.addresses[0]} of "
        f"{question.name}, an inner server.",
        "Names of inner servers tell strangers how the network is built, and no client outside needs them.",
        Confidence.CERTAIN,
        shown(question, "the question from outside, and the answer"),
    )


def inner_names(inquiry: Inquiry) -> frozenset[str]:
    """Names of inner servers: by the topology, by the record for sign-in inside, by the Edge's inner side."""
    case = inquiry.case
    told = {
        name
        for address, names in case.names.told.items()
        if case.roles.has(address, EDGE_INT, FRONT_END) and is_private(address)
        for name in names
    }
    pools = {name for name, links in case.names.srv.items() if any(one.name.startswith(POOL_RECORD) for one in links)}
    edges = {
        link.name
        for address in case.roles.servers()
        if is_private(address) and case.roles.has(address, EDGE_INT)
        for link in case.names.by_address.get(address, ())
        if link.source == SOURCE_DNS
    }
    return frozenset(name for name in told | pools | edges if not reference.name_rows(name))
