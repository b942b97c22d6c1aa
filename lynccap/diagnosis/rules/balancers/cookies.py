"""Cookies by which a load balancer keeps clients with their server (catalogue group 11)."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.subjects import told_on
from lynccap.document import Confidence, Severity

COOKIE = "ms-wsman"
OF_BALANCERS = ("bigipserver", "nsc_", "citrix_ns_id", "arrtrafficcookie", "arraffinity", "awsalb", "barracuda")
"""Beginnings of names that load balancers use unless told otherwise; lower case."""
BAD_ATTRIBUTES = {"httponly": "HttpOnly", "expires": "an expiry", "max-age": "an expiry"}
GENERATION = re.compile(r"\b(?:OC|(?:iPhone|iPad|Android|WP|Nokia)Lync)/(\d+)\.")
LYNC_2010 = 4  # major version of its clients and apps; those of Lync 2013 are 5 and 15


@rule(
    title="The cookie for Lync 2010 clients is not as they need it",
    severity=Severity.MINOR,
    stage=Stage.NOTE,
    causes=("The load balancer was left with its own defaults for cookies.",),
    fix=(
        "Set a cookie MS-WSMAN without HttpOnly and without expiry in every answer to a request that lacks it; "
        "no cookie is needed once no Lync 2010 server or app is left.",
    ),
    act=("load balancer team",),
    sources=("ms-hlb", "ms-edge-changes"),
)
def lb_cookie_wrong(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync 2010 client gets a persistence cookie that it cannot use. Only where HTTP can be read.

    Evidence: answers to a Lync 2010 client or app set MS-WSMAN with HttpOnly or an expiry, or set a load balancer's
    cookie of another name instead, or set it once in a connection while later requests still come without it.

    Not this: clients of Lync 2013 and later, which need no cookie. Inconclusive where no request tells the generation
    of its client, or the capture lacks answers.
    """
    http = inquiry.case.tables["http"]
    setting = http.loc[http["set_cookies"].map(bool) & (http["kind"] == "response"), "flow"].unique()
    if not len(setting):
        return
    agents = _agents(inquiry, http)
    for flow, rows in http[http["flow"].isin(setting)].groupby("flow", sort=True):
        server = inquiry.case.flows.at[flow, "server"]
        fault = _fault(rows)
        if not inquiry.case.roles.is_lync(server) or (not fault and not _sets_ours(rows)):
            continue
        yield _judged(inquiry, int(flow), fault, agents)


def _agents(inquiry: Inquiry, http: Any) -> dict[str, set[int]]:
    """The generations of Lync that each client names."""
    found: dict[str, set[int]] = defaultdict(set)
    named = http[http["user_agent"].notna() & (http["kind"] == "request")].drop_duplicates(["flow", "user_agent"])
    for row in rows_of(named, ("flow", "user_agent")):
        found[inquiry.case.flows.at[row.flow, "client"]].update(map(int, GENERATION.findall(row.user_agent)))
    return found


def _judged(inquiry: Inquiry, flow: int, fault: tuple[str, int] | None, agents: dict[str, set[int]]) -> Judgement:
    subject = told_on(inquiry, flow)
    generations = agents.get(subject.device, set())
    if fault is None or (generations and LYNC_2010 not in generations):
        return Clear(subject.device)
    if not generations:
        return Doubt(
            subject.device, f"nothing shows whether {subject.device} is a Lync 2010 client: later ones need none"
        )
    if inquiry.case.flows.at[flow, "lost_server"]:
        return Doubt(subject.device, f"the capture lacks bytes that {subject.peer} sent on that connection")
    says, frame = fault
    device, server = inquiry.word(subject.device), inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{device} is a Lync 2010 client, and {server} {says}.",
        "Lync 2010 clients hand back a cookie named MS-WSMAN, and only without HttpOnly and expiry. "
        "Without it each request may go to another server.",
        Confidence.CERTAIN,
        subject.shows("the answer that sets the cookie, or should", frame),
    )


def _sets_ours(rows: Any) -> bool:
    return any(_name(one) == COOKIE for cookies in rows["set_cookies"] for one in cookies)


def _name(cookie: str) -> str:
    return cookie.partition(";")[0].strip().lower()


def _fault(rows: Any) -> tuple[str, int] | None:
    """What is wrong with the cookies of one connection, and the frame of the answer."""
    others: tuple[str, int] | None = None
    ours = False
    lacking = False
    for row in rows_of(rows.sort_values("frame", kind="stable"), ("frame", "kind", "cookies", "set_cookies")):
        if row.kind == "request":
            lacking = COOKIE not in {one.lower() for one in row.cookies}
            continue
        mine = next((one for one in row.set_cookies if _name(one) == COOKIE), None)
        if mine:
            bad = [BAD_ATTRIBUTES[one] for one in mine.lower().split("; ")[1:] if one in BAD_ATTRIBUTES]
            if bad:
                return f"sets it the cookie MS-WSMAN with {' and '.join(dict.fromkeys(bad))}", row.frame
        elif ours and lacking:
            return "sets it the cookie MS-WSMAN only once in a connection, though a later request lacks it", row.frame
        named = next((one for one in row.set_cookies if _name(one).startswith(OF_BALANCERS)), None)
        if named and others is None:
            others = (f"sets it the cookie {named.partition(';')[0]} instead of MS-WSMAN", row.frame)
        ours = ours or bool(mine)
    return None if ours else others
