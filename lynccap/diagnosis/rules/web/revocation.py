"""Revocation lists: what the Edge has to fetch over port 80 before it trusts a partner (catalogue groups 2, 4, 14)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.roles.claims import CRL_HOST
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.revocation import acts_as_server, partner_handshakes
from lynccap.diagnosis.subjects import day, found, judged
from lynccap.diagnosis.verdicts import How, Verdict
from lynccap.document import Confidence, Severity

CLOCK_SLACK_NS = 300_000_000_000  # two clocks may differ: what Kerberos allows
WAITS = (
    "Windows checks a partner's certificate against this list before it trusts it; without it the handshake waits "
    "and may end. That one causes the other is likely, not proven."
)


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
    explains=("federation-tls-failed",),
)
def edge_crl_http_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """The Edge fails to fetch a certificate revocation list over port 80, and a federation handshake fails with it.

    Evidence: a Lync server's connection to port 80 of a host that a certificate names as its CRL distribution point
    (or whose name says so) is refused, gets no answer, or brings an HTTP error instead of the list; in the same
    seconds a TLS handshake on port 5061 ends after the certificate without any data.

    Not this: no fetch at all, which a cached list explains; a fetch that worked.
    """
    crl = inquiry.case.tables["crl"]
    fetched = crl[crl["outcome"] == "ok"]
    for client in sorted(set(inquiry.case.flows.loc[fetched["flow"], "client"])):
        yield Clear(client)
    for verdict in judged(inquiry, "edge-crl-http-blocked"):
        yield _blocked(inquiry, verdict)
    yield from _answered_with_errors(inquiry)


def _blocked(inquiry: Inquiry, verdict: Verdict) -> Judgement:
    attempt = verdict.attempt
    known = verdict.how is not How.FILTERED or verdict.rejected
    unknown = "" if known else " Whether a firewall drops them or the host is down is not visible."
    ending = f"TCP port 80 {'is refused' if verdict.how is not How.FILTERED else 'does not answer'}"
    says, extra = _consequence(inquiry, attempt, ending)
    return found(inquiry, verdict, says, f"{verdict.says}.{unknown} {WAITS}", Confidence.LIKELY, extra)


def _answered_with_errors(inquiry: Inquiry) -> Iterator[Judgement]:
    """Fetches of a server that were answered with something that is no list."""
    crl = inquiry.case.tables["crl"]
    no_list = crl["outcome"].isin(("http-error", "redirected", "challenged")) | (
        (crl["outcome"] == "ok") & ~crl["content_ok"]
    )
    wrong = crl[no_list & crl["kind"].isin(("crl", "delta-crl"))]
    concerned = frozenset(wrong["flow"].tolist())
    for attempt in inquiry.case.attempts:
        if concerned.isdisjoint(attempt.flows):
            continue
        if not acts_as_server(inquiry.case, attempt.client) or not partner_handshakes(inquiry.case, attempt):
            continue
        yield _wrong_answer(inquiry, attempt, wrong[wrong["flow"].isin(attempt.flows)])


def _wrong_answer(inquiry: Inquiry, attempt: Attempt, rows: Any) -> Found:
    statuses = " and ".join(f"HTTP {one}" for one in sorted({int(one) for one in rows["status"] if one is not None}))
    empty = " without a list in it" if (rows["outcome"] == "ok").all() else ""
    says, extra = _consequence(inquiry, attempt, f"the answer is {statuses}{empty}")
    frames = tuple(sorted({int(frame) for name in ("first_frame", "frame") for frame in rows[name]}))
    return Found(
        device=attempt.client,
        peer=attempt.server,
        port=attempt.port,
        transport="tcp",
        service="crl",
        says=says,
        why=WAITS,
        confidence=Confidence.LIKELY,
        proof=(Proof(attempt.capture, frames, f"the list was asked for and answered with {statuses}"), *extra),
        time=int(rows["time"].min()),
        causes=("The list is not published where the certificate says.", "A proxy in between answers instead."),
    )


def _consequence(inquiry: Inquiry, attempt: Attempt, ending: str) -> tuple[str, tuple[Proof, ...]]:
    """What happened and what failed beside it, with the frames of the latter."""
    case = inquiry.case
    claim = case.roles.best(attempt.server, CRL_HOST)
    host = next(iter(case.names.names_of(attempt.server, "dns")), attempt.server)
    flows = partner_handshakes(case, attempt)
    ends = {str(case.flows.at[flow, side]) for flow in flows for side in ("client", "server")}
    partners = ", ".join(sorted(ends - {attempt.client}))
    frames = {case.sessions[flow].certificate_frame for flow in flows}
    frames |= {int(case.flows.at[flow, "last_frame"]) for flow in flows}
    says = (
        f"{inquiry.word(attempt.client)} cannot fetch the revocation list from {host} ({attempt.server}): {ending}. "
        f"TLS with {partners} on port 5061 fails at the same time."
    )
    failed = Proof(
        attempt.capture, tuple(sorted(frames)), "the TLS handshake on 5061 ends after the certificate, without data"
    )
    named = (Proof(claim.capture, (claim.frame,), f"{host}: {claim.says}"),) if claim and claim.frame else ()
    return says, (failed, *named)


@rule(
    title="The Edge fetched a revocation list over port 80",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Windows checks partners' certificates against their published lists.",),
    fix=("Nothing: this is by design.",),
    act=("nobody",),
    sources=("ms-edge-nat",),
)
def state_edge_crl_fetch(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server downloads a certificate revocation list in the clear.

    Evidence: HTTP 200 with a list as its content, to a host a Lync server asked.

    Not this: a failed fetch; a list that had ended, or not begun, when it was fetched, by the recorder's clock.
    """
    case = inquiry.case
    crl = case.tables["crl"]
    lists = crl[crl["kind"].isin(("crl", "delta-crl")) & (crl["outcome"] == "ok") & crl["content_ok"]]
    told: set[int] = set()
    for one in lists.itertuples():
        device = inquiry.device(case.flows.at[one.flow, "client"])
        if device is None or device.role is None:
            continue
        outdated = _outdated(one)
        if outdated:
            yield Doubt(device.id, outdated)
        if outdated or one.flow in told:
            continue
        told.add(one.flow)
        row = case.flows.loc[one.flow]
        yield Found(
            device=row["client"],
            peer=row["server"],
            port=int(row["server_port"]),
            transport="tcp",
            service="crl",
            says=f"{device.word} fetched the revocation list {one.url} over TCP port {row['server_port']}.",
            why="The list is signed, so plain HTTP is normal and needed: the firewall has to let the Edge do this.",
            confidence=Confidence.CERTAIN,
            proof=(
                Proof(
                    int(row["capture"]),
                    (int(row["first_frame"]), int(one.frame)),
                    "the connection and the list in the answer",
                ),
            ),
            time=int(one.time),
        )


def _outdated(fetched: Any) -> str | None:
    """Why a list was not in force when it was fetched; the recorder's clock may be wrong, so it proves nothing."""
    if fetched.next_update and fetched.next_update < fetched.time:
        return f"by the recorder's clock {fetched.url} was fetched after its end on {day(fetched.next_update)}"
    if fetched.this_update > fetched.time + CLOCK_SLACK_NS:
        return f"by the recorder's clock {fetched.url} was fetched before its beginning on {day(fetched.this_update)}"
    return None
