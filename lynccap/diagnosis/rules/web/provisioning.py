"""Certificate provisioning: the web service behind ports 80 and 443 that phones need first (catalogue group 2)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.roles.claims import REVERSE_PROXY, WEB_ROLES
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.meanings import distrust
from lynccap.diagnosis.rules.paths.reach import FOR_ROOT_CHAIN
from lynccap.document import Confidence, Severity

CHALLENGES = 3  # answers 401 to an anonymous request; one or two are a client trying its luck


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

    Evidence: a request to CertProvisioningService.svc, answered with HTTP 4xx or 5xx, with a SOAP fault, or with a
    reset by the server before the answer was complete; an anonymous request answered 401 again and again; a request
    for the root chain answered without any certificate, after which the phone trusts nothing.

    Not this: a single 401 on a protected address, which is authentication; an answer the capture itself cut; a
    failure after which any server of the pool answers well.
    """
    for (_, client), rows in _exchanges(inquiry).groupby(["capture", "client"], sort=True, observed=True):
        bad = rows[_is_bad(inquiry, client, rows)]
        good = rows[(rows["outcome"] == "ok") & ~rows.index.isin(bad.index) & rows["step"].isin(bad["step"])]
        if bad.empty or (len(good) and good["time"].max() > bad["time"].max()):
            yield Clear(client)
            continue
        for _, part in bad.groupby("server", sort=True, observed=True):
            yield _failed(inquiry, part)


def _exchanges(inquiry: Inquiry) -> Any:
    """The exchanges with their ends; `reset` where the server broke the connection before it had answered."""
    certprov, flows = inquiry.case.tables["certprov"], inquiry.case.flows
    ends = {name: certprov["flow"].map(flows[name]) for name in ("capture", "client", "server", "closing")}
    lossless = certprov["flow"].map(flows["lost_server"]) == 0
    broken = certprov["outcome"].isin(("no-answer", "cut")) & (ends["closing"] == "server-rst") & lossless
    return certprov.assign(**ends, reset=broken)


def _is_bad(inquiry: Inquiry, client: str, rows: Any) -> Any:
    """Which exchanges of one client failed."""
    chain = rows["step"] == "root-chains"
    bad = rows["outcome"].isin(("http-error", "fault")) | rows["reset"]
    challenged = chain & (rows["outcome"] == "challenged")
    if challenged.sum() >= CHALLENGES:
        bad |= challenged
    if distrust(inquiry.case, client):
        bad |= chain & (rows["outcome"] == "ok") & (rows["certificates"].map(len) == 0)
    return bad


def _failed(inquiry: Inquiry, bad: Any) -> Found:
    first = bad.iloc[0]
    port = int(inquiry.case.flows.at[first["flow"], "server_port"])
    device, server = inquiry.word(first["client"]), inquiry.server(first["server"], port)
    chain = (bad["step"] == "root-chains").any()
    what = "the root certificates" if chain else "certificate provisioning"
    answered = _answers(bad)
    times = "once" if len(bad) == 1 else f"{len(bad)} times"
    faults = sorted({str(one) for one in bad["fault_reason"] if one})
    sentences = ["The port is open and the request arrived; the service behind it failed."]
    if faults:
        sentences.append(f"The server's own words: {'; '.join(faults)}.")
    if chain:
        sentences.append(FOR_ROOT_CHAIN)
    return Found(
        device=first["client"],
        peer=first["server"],
        port=port,
        transport="tcp",
        service="certprov",
        says=f"{device} asked {server} for {what} and was answered with {answered}, {times}.",
        why=" ".join(sentences),
        confidence=Confidence.CERTAIN,
        proof=(Proof(int(first["capture"]), _frames(bad), f"certificate provisioning: {answered}"),),
        time=int(bad["time"].min()),
        rejected=(("rootchain-http80-refused", "the connection was accepted"),),
    )


def _frames(rows: Any) -> tuple[int, ...]:
    return tuple(sorted({int(frame) for name in ("first_frame", "frame") for frame in rows[name]}))


def _answers(bad: Any) -> str:
    """What came back, in words: statuses, and what they cannot say."""
    statuses = sorted({int(one) for one in bad["status"] if one is not None})
    words = [f"HTTP {one}" for one in statuses] + (["a reset"] if bad["reset"].any() else [])
    told = " and ".join(words)
    if (bad["outcome"] == "fault").any():
        return f"a SOAP fault ({told})"
    if (bad["outcome"] == "ok").all():
        return f"{told} without any certificate in it"
    return told


@rule(
    title="The request for the root certificates is redirected to HTTPS",
    severity=Severity.CRITICAL,
    stage=Stage.BOOTSTRAP,
    causes=("The load balancer redirects port 80 to HTTPS on the internal address too.",),
    fix=("Exempt the internal web services address from the redirect to HTTPS.",),
    act=("load balancer team",),
    sources=("ms-phoneboot", "ms-hlb"),
    explains=("tls-unknown-ca",),
)
def certprov_redirected_to_https(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone asks for the root chain over port 80 and is sent to HTTPS, which it cannot trust yet.

    Evidence: a request for the root chain answered with a redirect to an https address; then the phone ends TLS with
    alert 48, unknown CA.

    Not this, and then inconclusive: no alert follows in the capture. A redirect outside, which is legitimate.
    """
    exchanges = _exchanges(inquiry)
    chain = exchanges[exchanges["step"] == "root-chains"]
    for (_, client), rows in chain.groupby(["capture", "client"], sort=True, observed=True):
        inner = rows["server"].map(lambda server: not _is_outer(inquiry, server))
        sent = rows[(rows["outcome"] == "redirected") & rows["location"].map(_is_https) & inner]
        alerts = [one for one in distrust(inquiry.case, client) if not sent.empty and one[2] >= sent["time"].min()]
        if sent.empty or (rows["outcome"] == "ok").any():
            yield Clear(client)
        elif not alerts:
            yield Doubt(client, "the capture does not show what the phone does after the redirect")
        else:
            yield _redirected(inquiry, sent, alerts[0][1])


def _is_outer(inquiry: Inquiry, server: str) -> bool:
    """The reverse proxy, where a redirect to HTTPS is legitimate."""
    held = inquiry.case.roles.roles_of(server)
    return REVERSE_PROXY in held and not held & WEB_ROLES


def _is_https(location: str | None) -> bool:
    return (location or "").lower().startswith("https:")


def _redirected(inquiry: Inquiry, sent: Any, alert: int) -> Found:
    first = sent.iloc[0]
    port = int(inquiry.case.flows.at[first["flow"], "server_port"])
    capture = int(first["capture"])
    device, server = inquiry.word(first["client"]), inquiry.server(first["server"], port)
    return Found(
        device=first["client"],
        peer=first["server"],
        port=port,
        transport="tcp",
        service="certprov",
        says=f"{device} asked {server} for the root certificates and was redirected to HTTPS.",
        why=f"HTTPS needs the very certificates it asked for. {FOR_ROOT_CHAIN}",
        confidence=Confidence.CERTAIN,
        proof=(
            Proof(capture, _frames(sent), f"the request, and the redirect to {first['location']}"),
            Proof(capture, (alert,), f"{first['client']} then ends TLS with alert 48, unknown CA"),
        ),
        time=int(first["time"]),
    )
