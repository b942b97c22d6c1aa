"""Servers for sign-in that cannot be reached: the pool inside, the Access Edge outside, the pool one is sent to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.protocol_numbers import HTTPS, SIP_TLS_PORT
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.blocked import blocked
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.sign_in import beside, pool_addresses, sent_on
from lynccap.diagnosis.subjects import found, judged, subject_of
from lynccap.diagnosis.verdicts import How, Verdict
from lynccap.document import Confidence, Reading, Severity

UNSEEN = (
    "The servers are down, or cut off: nothing in the capture comes from them from then on.",
    "A firewall on the way drops the packets.",
)
UNSEEN_ACT = ("Lync administrator", "network/firewall team")


def _together(inquiry: Inquiry, name: str) -> Iterator[tuple[Verdict, ...]]:
    """The verdicts of a rule, those of one client at the addresses of one pool together; those without doubt first."""
    groups: dict[tuple[int, str, frozenset[str]], list[Verdict]] = {}
    for one in judged(inquiry, name):
        pool = frozenset(pool_addresses(inquiry.case, one.attempt.server))
        groups.setdefault((one.attempt.capture, one.attempt.client, pool), []).append(one)
    for ones in groups.values():
        yield tuple(sorted(ones, key=lambda one: one.doubt is not None))


def _lost(inquiry: Inquiry, ones: Sequence[Verdict], effect: str, *extra: Proof) -> Judgement:
    """One finding on all addresses of the pool."""
    first, *others = ones
    more = "".join(f" {one.says}." for one in others)
    told = blocked(inquiry, first, more.lstrip() + (" " if more else "") + effect, extra=extra)
    if not isinstance(told, Found):
        return told
    told = _owned(told, *ones)
    if others:
        proof = (*told.proof, *(piece for one in others for piece in one.proof))
        time = min(one.attempt.first_time for one in ones)
        told = replace(told, proof=proof, time=time, flows=tuple(flow for one in ones for flow in one.attempt.flows))
    return told


def _owned(told: Found, *ones: Verdict) -> Found:
    """Servers of which nothing is heard any more are their administrator's matter first."""
    return told if any(_is_up(one) for one in ones) else replace(told, causes=UNSEEN, act=UNSEEN_ACT)


def _is_up(verdict: Verdict) -> bool:
    """Whether the capture shows that the host is there: it refuses, or it answers elsewhere."""
    return verdict.how is not How.FILTERED or any(name == "host-unreachable" for name, _ in verdict.rejected)


def _signed_in(inquiry: Inquiry, port: int, location: Location) -> Iterator[Clear]:
    """The clients on one side that got through to a SIP port."""
    case = inquiry.case
    through = ((one.client, one.server) for one in case.attempts if one.port == port and one.established)
    for client, server in {client: (client, server) for client, server in through}.values():
        device = inquiry.device(client)
        if device and device.role is None and device.location is location and case.roles.is_sip(server, port):
            yield Clear(client)


@rule(
    title="No server of the pool can be reached on TCP port 5061",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "A firewall between the clients and the pool lacks TCP 5061.",
        "The Front End service is stopped, or the servers are down.",
    ),
    fix=("Open TCP 5061 from the clients' networks to every server of the pool, or start the Front End service.",),
    act=("network/firewall team", "Lync administrator"),
    sources=("ms-int-ports", "notes-poster"),
    explains=("dns-search-order-delay", "registrar-failover-to-backup"),
)
def sip_registrar_unreachable_internal(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client inside cannot open TCP port 5061 of any server of its pool, and nobody beside it can.

    Evidence: SYNs to port 5061 of every known address of the pool (by DNS, topology or load balancer) are refused or
    unanswered; no other device of the client's network gets through. The device shows that it is a user's.

    Not this: one dead member while another accepts; one client that fails while others of its network work; a client
    outside; a host that may be a server, such as an Edge.
    """
    yield from _signed_in(inquiry, SIP_TLS_PORT, Location.INSIDE)
    for ones in _together(inquiry, "sip-registrar-unreachable-internal"):
        addresses = pool_addresses(inquiry.case, ones[0].attempt.server)
        which = f"all {len(addresses)} addresses of the pool fail" if len(addresses) > 1 else "no other one is known"
        effect = f"Clients sign in there: {which}, and nobody of {subnet_of(ones[0].attempt.client)} gets through."
        yield _lost(inquiry, ones, effect + _others(inquiry, ones[0]))


def _others(inquiry: Inquiry, verdict: Verdict) -> str:
    """A sentence on clients of other networks at the same port: the service is up, or is not seen to be."""
    attempt = verdict.attempt
    works = [
        one.client
        for one in inquiry.case.answers_of(attempt.server)
        if one.port == attempt.port and one.last_time >= attempt.first_time
    ]
    if works:
        return f" {works[0]} in another network does: the service runs."
    return ""


@rule(
    title="The Access Edge cannot be reached from outside",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "A firewall or address translation before the Access Edge does not let the port in.",
        "The Access Edge service is stopped.",
    ),
    fix=("Publish the Access Edge on TCP 443, and on 5061 for partners. Check that its service runs.",),
    act=("network/firewall team", "Lync administrator"),
    sources=("ms-edge-nat", "notes-poster"),
    explains=("dns-search-order-delay",),
)
def sip_access_edge_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client outside reaches the web services, and no address of the Access Edge.

    Evidence: the name of the Access Edge was found; SYNs to the port at which people sign in are refused or
    unanswered on every address; port 443 of another server of the deployment answers the same client. Certain when
    clients of several networks fail.

    Not this: a network that lets port 443 out and nothing else; one client that fails while others of its network
    work. Inconclusive: nothing else of the deployment is reached either.
    """
    yield from _signed_in(inquiry, HTTPS, Location.OUTSIDE)
    verdicts = list(_together(inquiry, "sip-access-edge-unreachable"))
    networks: dict[str, set[str]] = {}
    for ones in verdicts:
        networks.setdefault(ones[0].attempt.server, set()).add(subnet_of(ones[0].attempt.client))
    for ones in verdicts:
        count = len(networks[ones[0].attempt.server])
        effect = "People outside sign in there, while web services answer this client."
        effect += f" Clients of {count} networks fail alike." if count > 1 else ""
        told = _lost(inquiry, ones, effect, _web_works(inquiry, ones[0]))
        yield replace(told, confidence=Confidence.CERTAIN) if isinstance(told, Found) and count > 1 else told


def _web_works(inquiry: Inquiry, verdict: Verdict) -> Proof:
    """That the client reaches something else of the deployment."""
    one = beside(inquiry.case, verdict.attempt)[0]
    subject = subject_of(inquiry, one.established[0])
    (frame,) = inquiry.case.facts_of(subject.flow, "first_frame_server")
    return subject.shows(f"{one.server} answers {one.client} on TCP port {one.port}", int(frame))


@rule(
    title="The client's network blocks a port of the Edge that is not 443",
    severity=Severity.MINOR,
    stage=Stage.REACH,
    causes=("All services of the Edge share one address, so that some of them use other ports than 443.",),
    fix=("Give the Edge three addresses, each with its service on TCP 443.",),
    act=("the client's network", "Lync administrator"),
    sources=("ms-dns-edge", "sfb-edge"),
)
def sip_guest_firewall_blocks_nonstandard(inquiry: Inquiry) -> Iterator[Judgement]:
    """A network outside lets port 443 out, and drops port 5061 or 444, at which an Edge with one address listens.

    Evidence: connections of the client to port 443 work; its SYNs to port 5061 or 444 of the Edge get no answer;
    clients of other networks get through on the same port.

    Not this: an Edge that answers nobody there. Inconclusive: nobody of another network is seen to get through.
    """
    for verdict in judged(inquiry, "sip-guest-firewall-blocks-nonstandard"):
        yield _kept_in(inquiry, verdict)


def _kept_in(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    attempt = verdict.attempt
    works = [one for one in inquiry.case.answers_of(attempt.server) if one.port == attempt.port]
    if not works and not verdict.doubt:
        because = (
            f"nobody of another network is seen to get through to {attempt.server} TCP port {attempt.port}: a capture "
            "on the Edge would tell whether this client's network or the Edge drops it"
        )
        return Doubt(attempt.client, because)
    device, server = inquiry.ends(attempt)
    extra = tuple(
        Proof(attempt.capture, (one.last_frame,), f"{attempt.server} answers {one.client} on the same port")
        for one in works[:1]
    )
    return found(
        inquiry,
        verdict,
        f"{device} cannot reach {server} on TCP port {attempt.port}: its own network does not seem to let it out.",
        f"{verdict.says}. Port 443 works for this client, and others reach this port.",
        confidence=Confidence.LIKELY,
        extra=extra,
    )


@rule(
    title="The pool that clients are sent on to cannot be reached",
    severity=Severity.CRITICAL,
    stage=Stage.REACH,
    causes=(
        "The firewall lets clients reach only the first pool or Director.",
        "The servers of the home pool are down.",
    ),
    fix=("Open TCP 5061 from the clients' networks to every pool, not only to the one that DNS names.",),
    act=("network/firewall team",),
    sources=("notes-poster", "notes-edge"),
)
def sip_redirect_target_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client signs in at one server, is sent on to its home pool, and cannot open port 5061 there.

    Evidence: the redirection (301 to REGISTER, where SIP is readable), or a short TLS session with one server after
    which the client for the first time looks for another one; SYNs to port 5061 of that one are refused or unanswered.

    Not this: a client outside, whose requests the Access Edge passes on; the next address of the same name, which the
    client knew before; a client that stays with the first server.
    """
    for verdict in judged(inquiry, "sip-redirect-target-unreachable"):
        shown = sent_on(inquiry.case, verdict.attempt)
        if shown is None:
            continue
        subject = subject_of(inquiry, shown.flow)
        first = inquiry.server(subject.peer, subject.port)
        if shown.status:
            effect = f"The {first} answered the sign-in with status {shown.status} and sent the client there."
        else:
            effect = f"The client left the {first} after a short encrypted session: so does one that is sent on."
        proof = subject.shows("the first server, and what it answers", *shown.frames)
        told = blocked(inquiry, verdict, effect, extra=(proof,))
        if isinstance(told, Found):
            told = _as_read(inquiry, _owned(told, verdict), shown.flow, bool(shown.status))
        yield told


def _as_read(inquiry: Inquiry, told: Found, flow: int, readable: bool) -> Found:
    """With how the sending on was read: an encrypted session is never certain."""
    if readable:
        return replace(told, reading=inquiry.reading(flow))
    confidence = Confidence.LIKELY if told.confidence is Confidence.CERTAIN else told.confidence
    return replace(told, reading=Reading.PATTERN, confidence=confidence)
