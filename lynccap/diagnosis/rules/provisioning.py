"""Certificate provisioning: the web service behind ports 80 and 443 that phones need first (catalogue group 2)."""

from collections.abc import Iterator
from typing import Any

from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Found, Judgement, Proof
from lynccap.diagnosis.rules.reach import FOR_ROOT_CHAIN
from lynccap.document import Confidence, Severity


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
    reset by the server before the answer was complete.

    Not this: a single 401 on a protected address, which is authentication; an answer the capture itself cut.
    """
    exchanges = _exchanges(inquiry)
    for (_, client, _), rows in exchanges.groupby(["capture", "client", "server"], sort=True, observed=True):
        bad = rows[rows["outcome"].isin(("http-error", "fault")) | rows["reset"]]
        good = rows[rows["outcome"] == "ok"]
        if bad.empty or (len(good) and good["time"].max() > bad["time"].max()):
            yield Clear(client)
        else:
            yield _failed(inquiry, bad)


def _exchanges(inquiry: Inquiry) -> Any:
    """The exchanges with their ends; `reset` where the server broke the connection before it had answered."""
    certprov, flows = inquiry.case.tables["certprov"], inquiry.case.flows
    ends = {name: certprov["flow"].map(flows[name]) for name in ("capture", "client", "server", "closing")}
    lossless = certprov["flow"].map(flows["lost_server"]) == 0
    broken = certprov["outcome"].isin(("no-answer", "cut")) & (ends["closing"] == "server-rst") & lossless
    return certprov.assign(**ends, reset=broken)


def _failed(inquiry: Inquiry, bad: Any) -> Judgement:
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
    frames = tuple(sorted({int(frame) for name in ("first_frame", "frame") for frame in bad[name]}))
    return Found(
        device=first["client"],
        peer=first["server"],
        port=port,
        transport="tcp",
        service="certprov",
        says=f"{device} asked {server} for {what} and was answered with {answered}, {times}.",
        why=" ".join(sentences),
        confidence=Confidence.CERTAIN,
        proof=(Proof(int(first["capture"]), frames, f"certificate provisioning: {answered}"),),
        time=int(bad["time"].min()),
        rejected=(("rootchain-http80-refused", "the connection was accepted"),),
    )


def _answers(bad: Any) -> str:
    statuses = sorted({int(one) for one in bad["status"] if one is not None})
    words = [f"HTTP {one}" for one in statuses] + (["a reset"] if bad["reset"].any() else [])
    faulty = (bad["outcome"] == "fault").any()
    return " and ".join(words) + (" (SOAP fault)" if faulty else "")
