"""Web requests of one client that go to one server and then to another (catalogue group 11)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from lynccap.correlation.roles.claims import PROXY_INSIDE, REVERSE_PROXY
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

SHOWN = 12
WEB_PORTS = (80, 443)
SESSION = 1800 * SECOND  # as long as a load balancer keeps a client with its server (ms-hlb)
CHANGES = 2  # once there and back again: a single change may be a server that was taken out
TEAM = ("load balancer team",)


@rule(
    title="One client's web requests go to different servers",
    severity=Severity.MINOR,
    stage=Stage.NOTE,
    causes=("The load balancer keeps no client with its server (persistence) on the internal web address.",),
    fix=("Set persistence by source address for TCP 80 and 443 of the internal web services.",),
    act=TEAM,
    sources=("ms-hlb",),
)
def lb_no_affinity_internal_web(inquiry: Inquiry) -> Iterator[Judgement]:
    """The internal web requests of one client are spread over several servers within one session.

    Evidence: behind the load balancer, TLS connections of one client on port 443 go to one server, to another one and
    back within half an hour; or answers from one address name different servers in X-MS-Server-Fqdn.

    Not this: web services for outside, which need none of it from 2013 on; SIP; a single change, after which a server
    may just be gone, which is inconclusive, as is a client that may be outside.
    """
    visits: dict[tuple[int, str, str], list[_Visit]] = defaultdict(list)
    for visit in (*_hellos(inquiry), *_answers(inquiry)):
        visits[visit.capture, visit.client, visit.vip].append(visit)
    for (_, client, vip), ones in visits.items():
        for told in (True, False):
            alike = sorted((one for one in ones if one.by_name is told), key=lambda one: one.time)
            if len(alike) > 1:
                yield _affinity(inquiry, client, vip, alike)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One web connection of a client and the server that got it."""

    capture: int
    client: str
    vip: str
    port: int
    node: str
    time: int
    frame: int
    flow: int
    by_name: bool


def _hellos(inquiry: Inquiry) -> Iterator[_Visit]:
    for one in inquiry.case.roles.passed:
        if one.port in WEB_PORTS:
            yield _Visit(
                one.capture, one.client, one.vip, one.port, one.member, one.time, one.frame, one.flows[0], by_name=False
            )


def _answers(inquiry: Inquiry) -> Iterator[_Visit]:
    """Of connections in which the server names itself, the first answer."""
    http, flows = inquiry.case.tables["http"], inquiry.case.flows
    named = http[http["server_fqdn"].notna() & (http["kind"] == "response")].drop_duplicates("flow")
    for row in rows_of(named, ("flow", "frame", "time", "server_fqdn")):
        flow = flows.loc[row.flow]
        if flow["server_port"] in WEB_PORTS:
            yield _Visit(
                *(int(flow["capture"]), flow["client"], flow["server"], int(flow["server_port"])),
                *(str(row.server_fqdn).lower(), row.time, row.frame, row.flow),
                by_name=True,
            )


def _affinity(inquiry: Inquiry, client: str, vip: str, visits: list[_Visit]) -> Judgement:
    changes = [(one, then) for one, then in pairwise(visits) if one.node != then.node and _in_session(one, then)]
    device = inquiry.device(client)
    roles = inquiry.case.roles
    if not changes or not roles.is_lync(vip) or device is None or roles.has(client, REVERSE_PROXY, PROXY_INSIDE):
        return Clear(client)
    if device.location is Location.OUTSIDE or roles.has(vip, REVERSE_PROXY):
        return Clear(client)
    if device.location is Location.UNKNOWN:
        return Doubt(client, f"nothing in the capture shows whether {client} is inside or outside")
    if len(changes) < CHANGES:
        because = f"{client} changes from {changes[0][0].node} to {changes[0][1].node} once: the first may be gone"
        return Doubt(client, because)
    shown = list(dict.fromkeys(one for pair in changes for one in pair))[:SHOWN]
    nodes = ", ".join(dict.fromkeys(one.node for one in visits))
    return Found(
        device=client,
        peer=vip,
        port=visits[0].port,
        transport="tcp",
        service=str(inquiry.case.flows.at[visits[0].flow, "service"]),
        says=f"{inquiry.word(client)} is sent to {nodes} in turns for its web requests to {vip}.",
        why=(
            f"{len(visits)} connections changed the server {len(changes)} times. "
            "What one server knows of the client's session the other one does not."
        ),
        confidence=Confidence.CERTAIN,
        proof=(Proof(visits[0].capture, tuple(sorted({one.frame for one in shown})), f"given to {nodes}"),),
        time=shown[0].time,
        flows=tuple(dict.fromkeys(one.flow for one in visits)),
    )


def _in_session(one: _Visit, then: _Visit) -> bool:
    return then.time - one.time <= SESSION
