"""What needs TCP port 80: a phone's root chain, half of the web services, revocation lists (catalogue group 2)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.roles import CRL_HOST, WEB_ROLES
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.meanings import HTTP, distrust, partner_handshakes
from lynccap.diagnosis.rules.reach import FOR_ROOT_CHAIN, found, judged
from lynccap.diagnosis.verdicts import How, Verdict
from lynccap.document import Confidence, Severity

PCS_WORK = "PCs get the root certificate from Active Directory, so they keep working and only phones fail."
OPEN_80 = (
    "Open TCP 80 and 443 from the phones' subnets to every Front End and Director, on the load balancer too.",
    "Check afterwards with the cmdlet Test-CsPhoneBootstrap.",
)


NO_LISTENER = "The load balancer address has no listener on port 80."
REJECTED = "An internal firewall rejects port 80."
NO_BINDING = "The web server's binding for port 80 was removed."
REFUSED_BY = {
    How.REFUSED_BY_HOST: (NO_LISTENER, NO_BINDING, "The server's own firewall rejects port 80."),
    How.REFUSED_BETWEEN: (REJECTED, "A load balancer without a healthy node answers with resets."),
}
"""Causes in the order the resets' TTL suggests."""


def _bootstraps(inquiry: Inquiry) -> Iterator[Clear]:
    """Phones that reached port 80: the subjects on which a root chain rule is clear."""
    for attempt in inquiry.case.attempts:
        device = inquiry.device(attempt.client)
        if device and device.is_phone and attempt.port == HTTP and attempt.established:
            yield Clear(attempt.client)


def _unknown_ca(inquiry: Inquiry, client: str) -> Proof | None:
    """The alert by which the device refused a Lync server's certificate."""
    for capture, frame, _ in distrust(inquiry.case, client):
        return Proof(capture, (frame,), f"{client} ends TLS with alert 48, unknown CA")
    return None


def _tried_tls(inquiry: Inquiry, client: str) -> bool:
    sessions = inquiry.case.sessions
    return any(flow in sessions for one in inquiry.case.attempts_of(client) for flow in one.established)


def _pc_works(inquiry: Inquiry, attempt: Attempt) -> Proof | None:
    """Another device's completed TLS with the same server."""
    for one in inquiry.case.attempts:
        if one.server != attempt.server or one.client == attempt.client or one.capture != attempt.capture:
            continue
        for session in (inquiry.case.sessions.get(flow) for flow in one.established):
            if session and session.completed:
                says = f"{one.client} completes TLS with {one.server} on TCP port {one.port}"
                return Proof(one.capture, (session.hello_frame or session.data_frame, session.data_frame), says)
    return None


def _root_chain(inquiry: Inquiry, verdict: Verdict, ending: str, certain: bool) -> Judgement:
    attempt = verdict.attempt
    device, server = inquiry.ends(attempt)
    alert, works = _unknown_ca(inquiry, attempt.client), _pc_works(inquiry, attempt)
    says = f"{device} could not fetch the root certificates from {server}: TCP port 80 {ending}."
    sentences = [f"{verdict.says}.", FOR_ROOT_CHAIN]
    if alert:
        sentences.append("It then refuses the server's certificate with TLS alert 48, unknown CA.")
    if works:
        sentences.append(PCS_WORK)
    extra = tuple(one for one in (alert, works) if one)
    confidence = Confidence.CERTAIN if certain else Confidence.LIKELY
    return found(inquiry, verdict, says, " ".join(sentences), confidence, extra, REFUSED_BY.get(verdict.how, ()))


@rule(
    title="The phone cannot fetch its root certificates: port 80 is refused",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(NO_LISTENER, REJECTED, NO_BINDING),
    fix=OPEN_80,
    act=("network/load balancer team", "Lync administrator"),
    sources=("ms-hlb", "ms-phoneboot"),
    explains=("tls-unknown-ca",),
)
def rootchain_http80_refused(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone asks the web services for the root certificate chain over TCP 80 and is refused, so it never trusts TLS.

    Evidence: a phone (by DHCP vendor class, User-Agent or the names it asks for) sends SYNs to port 80 of the web
    services and gets resets; it never fetches the chain; another port of the server answers; then the phone ends TLS
    with alert 48, or never starts it.

    Not this: a phone that completes TLS and so holds the chain; a phone outside, which never fetches it; a PC that
    races autodiscover over ports 80 and 443.
    """
    yield from _bootstraps(inquiry)
    for verdict in judged(inquiry, "rootchain-http80-refused"):
        client = verdict.attempt.client
        late = inquiry.gates.ended_early(verdict.attempt.capture, verdict.attempt.last_time)
        silent = (
            not _tried_tls(inquiry, client)
            and not late
            and not inquiry.gates.one_sided(verdict.attempt.capture, client)
        )
        yield _root_chain(inquiry, verdict, "is refused", bool(_unknown_ca(inquiry, client)) or silent)


@rule(
    title="The phone cannot fetch its root certificates: port 80 is silently dropped",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(
        "A firewall between the phones' network and the servers passes port 443 only.",
        "Routing sends the answer another way.",
        "Network access control holds the phone in a network of its own.",
    ),
    fix=OPEN_80,
    act=("network/firewall team",),
    sources=("ms-hlb", "ms-phoneboot"),
    explains=("tls-unknown-ca",),
)
def rootchain_http80_filtered(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone asks the web services for the root certificate chain over TCP 80 and its packets vanish.

    Evidence: three or more SYNs of a phone to port 80 of the web services without any answer; another port of the
    same server answers in the same capture; the phone never fetches the chain.

    Not this, and then inconclusive: a capture of one direction, one that ends within 9 s, one that lost packets.
    """
    yield from _bootstraps(inquiry)
    for verdict in judged(inquiry, "rootchain-http80-filtered"):
        certain = verdict.confidence is Confidence.CERTAIN
        yield _root_chain(inquiry, verdict, "is silently dropped", certain)


@rule(
    title="The certificate provisioning service answers with an error",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=(
        "The web server's application pool for certificate provisioning is stopped.",
        "Request filtering on the web server refuses the request.",
        "The load balancer sends the request to another product's web server.",
    ),
    fix=(
        "Repair the web services of the Front End.",
        "Check that the load balancer leads to the Lync web server.",
    ),
    act=("Lync administrator",),
    sources=("ms-phoneboot", "ms-ocauthws"),
    explains=("tls-unknown-ca",),
)
def certprov_http_error(inquiry: Inquiry) -> Iterator[Judgement]:
    """The certificate provisioning service is reached and fails.

    Evidence: a request to CertProvisioningService.svc, answered with HTTP 4xx or 5xx, with a SOAP fault, or cut off
    before the answer was complete.

    Not this: a single 401 on a protected address, which is authentication; an answer the capture itself cut.
    """
    certprov = inquiry.case.tables["certprov"]
    flows = inquiry.case.flows
    exchanges = certprov.assign(
        client=certprov["flow"].map(flows["client"]), server=certprov["flow"].map(flows["server"])
    )
    for (client, server), rows in exchanges.groupby(["client", "server"], sort=True, observed=True):
        bad = rows[rows["outcome"].isin(("http-error", "fault"))]
        if bad.empty or (
            (rows["outcome"] == "ok").any() and rows.loc[rows["outcome"] == "ok", "time"].max() > bad["time"].max()
        ):
            yield Clear(client)
        else:
            yield _certprov_failed(inquiry, client, server, bad)


def _certprov_failed(inquiry: Inquiry, client: str, server: str, bad: Any) -> Judgement:
    flows = inquiry.case.flows
    flow = int(bad["flow"].iloc[0])
    capture = int(flows.at[flow, "capture"])
    if bad["status"].isna().all():
        return Doubt(client, "the capture lacks the status line of the answer")
    statuses = sorted({int(one) for one in bad["status"].dropna()})
    words = " and ".join(f"HTTP {one}" for one in statuses)
    times = "once" if len(bad) == 1 else f"{len(bad)} times"
    faults = sorted({str(one) for one in bad["fault_reason"].dropna()})
    reason = f" The server's own words: {'; '.join(faults)}." if faults else ""
    chain = (bad["step"] == "root-chains").any()
    what = "the root certificates" if chain else "certificate provisioning"
    return Found(
        device=client,
        peer=server,
        port=int(flows.at[flow, "server_port"]),
        transport="tcp",
        service="certprov",
        says=(
            f"{inquiry.word(client)} asked {inquiry.server(server)} for {what} and was answered with {words}, {times}."
        ),
        why=f"The port is open and the request arrived; the service behind it failed.{reason}"
        + (f" {FOR_ROOT_CHAIN}" if chain else ""),
        confidence=Confidence.CERTAIN,
        proof=(
            Proof(
                capture,
                tuple(sorted({*bad["frame"], *bad["first_frame"]})),
                f"certificate provisioning answered {words}",
            ),
        ),
        time=int(bad["time"].min()),
        rejected=(("rootchain-http80-refused", "the connection was accepted and answered"),),
    )


@rule(
    title="One of the two web ports is closed",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=(
        "A firewall rule passes only one of the two web ports.",
        "The load balancer address listens on only one of them.",
    ),
    fix=("Open TCP 80 and 443 to all Front Ends and Directors from every client subnet, on the load balancer too.",),
    act=("network/firewall team",),
    sources=("ms-hlb", "ms-int-ports"),
)
def port80_open_443_filtered(inquiry: Inquiry) -> Iterator[Judgement]:
    """The same web server answers a device on one of the ports 80 and 443 and not on the other.

    Evidence: a completed connection to one of them and, within 60 s and from the same device, resets or silence on
    the other; the server is a Front End, a Director or their load balancer address.

    Not this: clients outside at the reverse proxy, where port 80 may stay closed; Edge Servers, which never serve it;
    a phone that has no root certificate yet, for which the root chain rules speak.
    """
    for attempt in inquiry.case.attempts:
        if attempt.established and attempt.port in (80, 443) and inquiry.case.roles.has(attempt.server, *WEB_ROLES):
            yield Clear(attempt.client)
    for verdict in judged(inquiry, "port80-open-443-filtered"):
        attempt = verdict.attempt
        device, server = inquiry.ends(attempt)
        other = 443 if attempt.port == HTTP else HTTP
        says = f"{device} reaches {server} on TCP port {other} but not on {attempt.port}."
        why = f"{verdict.says}. Lync clients use both ports of the web services; phones need port 80 before all else."
        yield found(inquiry, verdict, says, why)


@rule(
    title="The Edge cannot fetch a revocation list",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=(
        "The outbound policy of the perimeter network lacks TCP port 80.",
        "A proxy is required that the Edge Server does not know.",
    ),
    fix=("Allow TCP 80 (and DNS) from the Access Edge's external address to any host.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat",),
)
def edge_crl_http_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """The Edge fails to fetch a certificate revocation list over port 80, and a federation handshake fails with it.

    Evidence: a Lync server's SYN to port 80 of a host that a certificate names as its CRL distribution point (or whose
    name says so) is refused or gets no answer; in the same seconds a TLS handshake on port 5061 ends after the
    certificate without any data.

    Not this: no fetch at all, which a cached list explains; a fetch that worked.
    """
    crl = inquiry.case.tables["crl"]
    fetched = crl[crl["outcome"] == "ok"]
    for client in sorted(set(inquiry.case.flows.loc[fetched["flow"], "client"])):
        yield Clear(client)
    for verdict in judged(inquiry, "edge-crl-http-blocked"):
        yield _crl_blocked(inquiry, verdict)


def _crl_blocked(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    case, attempt = inquiry.case, verdict.attempt
    device = inquiry.word(attempt.client)
    flows = partner_handshakes(case, attempt)
    claim = case.roles.best(attempt.server, CRL_HOST)
    host = next(iter(case.names.names_of(attempt.server, "dns")), attempt.server)
    frames = tuple(
        sorted(
            {
                frame
                for flow in flows
                for frame in (case.sessions[flow].certificate_frame, int(case.flows.at[flow, "last_frame"]))
            }
        )
    )
    partners = sorted(
        {str(case.flows.at[flow, side]) for flow in flows for side in ("client", "server")} - {attempt.client}
    )
    says = (
        f"{device} cannot fetch the revocation list from {host} ({attempt.server}): "
        f"TCP port 80 {'is refused' if attempt.refused else 'does not answer'}. "
        f"TLS with {', '.join(partners)} on port 5061 fails at the same time."
    )
    told = attempt.refused or verdict.rejected
    unknown = "" if told else " Whether a firewall drops them or the host is down is not visible."
    why = (
        f"{verdict.says}.{unknown} Windows checks a partner's certificate against this list before it trusts it; "
        "without it the handshake waits and may end. That one causes the other is likely, not proven."
    )
    proof = Proof(attempt.capture, frames, "the TLS handshake on 5061 ends after the certificate, without data")
    named = Proof(claim.capture, (claim.frame,), f"{host}: {claim.says}") if claim else None
    return found(inquiry, verdict, says, why, Confidence.LIKELY, tuple(one for one in (proof, named) if one))
