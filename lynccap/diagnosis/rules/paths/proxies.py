"""Web proxies in the way: those a client asks itself, and those that answer in a server's name (catalogue group 1)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from lynccap.correlation.addresses import is_address
from lynccap.correlation.clues import OWN_SERVICES, UNKNOWN, service_of_name
from lynccap.correlation.http_pairs import request_answers
from lynccap.correlation.names import CLOUD_DOMAINS, parent_of
from lynccap.correlation.protocol_numbers import ACK, HTTP, HTTPS, RST, SYN
from lynccap.correlation.roles.claims import LOAD_BALANCER, REVERSE_PROXY
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tunnels import CHALLENGE, Tunnel
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Reading, Severity

REFUSALS = frozenset({403, 502, 503, 504})  # catalogue, explicit-proxy-blocks-lync
OWN_PORTS = frozenset({5061, 444})  # of Lync alone: no web server is asked for at them
LISTED = 12
PORTAL = 511  # RFC 6585 6: log in to the network first
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FAR = 8  # hops: whoever answers so much nearer than the server's other port is not the server
_HTTP = ("flow", "frame", "kind", "host", "status", "server", "via", "location")


@rule(
    title="The web proxy refuses Lync",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "The proxy wants a log-on that the client cannot give.",
        "The proxy allows tunnels to port 443 only, or not to this name.",
        "The proxy cannot resolve the internal name.",
    ),
    fix=("Let clients go past the proxy to the internal Lync names and to the Edge addresses.",),
    act=("proxy/network team", "endpoint policy"),
    sources=("kb3123662", "icewarn"),
)
def explicit_proxy_blocks_lync(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client asks a web proxy for a tunnel to a SIP, conferencing or media server, and the proxy never opens one.

    Evidence: CONNECT for a host whose name, or port 5061 or 444, is Lync's; answers 403, 502, 503 or 504, or 407 again
    and again; no 200 for that host.

    Not this: a 407 that is followed by a 200; a client that reaches the host without the proxy; web pages and photos
    that the proxy keeps back. Inconclusive when a single 407, or no answer at all, is all that the capture holds.
    """

    def key(one: Tunnel) -> tuple[int, str, str, str, int]:
        return one.capture, one.client, one.proxy, one.host, one.port

    for _, ones in groupby(sorted(inquiry.case.tunnels, key=lambda one: (key(one), one.time)), key):
        asked = tuple(ones)
        if _is_lyncs(inquiry, asked[0]):
            yield _tunnelled(inquiry, asked)


def _is_lyncs(inquiry: Inquiry, one: Tunnel) -> bool:
    """Whether the host is a Lync server: by what DNS says of it, or by what the client's domain is asked for."""
    case = inquiry.case
    wanted = one.service in OWN_SERVICES or one.port in OWN_PORTS
    addresses = (one.host,) if is_address(one.host) else case.names.addresses_of(one.host)
    if not wanted or any(case.roles.is_plausible(each) for each in addresses):
        return wanted
    domains = {parent_of(each.name) for each in case.lookups if each.name.startswith(("lyncdiscover", "_sip"))}
    return bool(case.names.srv.get(one.host)) or parent_of(one.host) in domains


def _tunnelled(inquiry: Inquiry, asked: Sequence[Tunnel]) -> Judgement:
    first, last = asked[0], asked[-1]
    if any(one.opened for one in asked) or _reached_directly(inquiry, first):
        return Clear(first.client)
    refused = [one for one in asked if one.status in REFUSALS]
    challenged = [one for one in asked if one.status == CHALLENGE]
    if not refused and len(challenged) < 2:
        seen = "a single request for the user's name (407)" if challenged else "no answer that can be read"
        return Doubt(first.client, f"the proxy {first.proxy} was asked for {first.host}, and {seen} is in the capture")
    doubt = inquiry.gates.absence(first.capture, first.client, last.time, last.time)
    if not refused and doubt:
        return Doubt(first.client, f"the proxy {first.proxy} asked for the user's name: {doubt}")
    shown = refused or challenged
    codes = ", ".join(str(status) for status in sorted({one.status for one in shown if one.status}))
    subject = subject_of(inquiry, first.flow)
    frames = [frame for one in shown[:LISTED] for frame in (one.frame, one.answer_frame)]
    return subject.found(
        f"{inquiry.word(first.client)} cannot reach {first.host} TCP port {first.port} through the web proxy "
        f"{first.proxy}: the proxy refuses the tunnel ({codes}).",
        f"{len(shown)} of {len(asked)} requests for a tunnel were answered with {codes}, none was granted.",
        Confidence.CERTAIN,
        subject.shows("requests for a tunnel and the proxy's answers", *frames),
        time=shown[0].time,
        flows=tuple(dict.fromkeys(one.flow for one in shown)),
        reading=Reading.CLEAR,
    )


def _reached_directly(inquiry: Inquiry, one: Tunnel) -> bool:
    """Whether the client has a TLS connection to the host beside the proxy."""
    case = inquiry.case
    addresses = {one.host, *case.names.addresses_of(one.host)}
    reached = [each for each in case.attempts_of(one.client) if each.server in addresses]
    return any(session.completed for session in case.sessions_of(reached))


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer on port 80 in a Lync server's name."""

    flow: int
    request: Any
    response: Any

    @property
    def frames(self) -> tuple[int, int]:
        return int(self.request.frame), int(self.response.frame)

    @property
    def target(self) -> str:
        """The host that the client is sent to, "" when it is sent to none."""
        if self.response.status not in REDIRECTS:
            return ""
        try:
            return (urlsplit(str(self.response.location or "")).hostname or "").rstrip(".")
        except ValueError:
            return ""

    @property
    def is_foreign(self) -> bool:
        """Whether words of something else than the Lync web server are around it."""
        words = str(self.response.server or "").lower()
        return bool(self.response.via) or bool(words and "microsoft" not in words)


@rule(
    title="Something else answers HTTP in the name of a Lync server",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=(
        "A web filter blocks or redirects the request.",
        "A guest network wants a log-on first.",
        "A router hands web traffic to a cache (WCCP).",
    ),
    fix=("Exempt the Lync web hosts from web filtering, log-on pages and caches.",),
    act=("proxy/network team",),
    sources=("notes-http", "rfc6585"),
)
def transparent_http_intercept(inquiry: Inquiry) -> Iterator[Judgement]:
    """A request to port 80 of a Lync server is answered by something that is not that server.

    Evidence: a redirect to a host that has nothing to do with the deployment, or status 511, which asks to log in to
    the network. Likely when the answer is not of a Microsoft web server and its SYN-ACK comes with a far higher TTL
    than that of the same address's port 443.

    Not this: reverse proxies and load balancers, which add headers of their own and may send visitors elsewhere;
    redirects to another name of Lync's. Inconclusive when only the TTL, or only the header of a proxy, is odd.
    """
    asked = _answers(inquiry)
    accepted = _accepted(inquiry, {server for _, _, server in asked})
    for answers in asked.values():
        subject = subject_of(inquiry, answers[0].flow)
        if inquiry.case.roles.has(subject.peer, REVERSE_PROXY, LOAD_BALANCER):
            yield Clear(subject.device)
        else:
            yield _intercepted(inquiry, subject, answers, accepted)


_Ends = tuple[int, str, str]
"""Capture, client and server."""


def _answers(inquiry: Inquiry) -> dict[_Ends, list[_Answer]]:
    """By both ends: what Lync servers, or others in their name, answered on port 80."""
    case = inquiry.case
    http, flows = case.tables["http"], case.flows
    if http.empty:
        return {}
    numbers = http["flow"].unique()
    numbers = numbers[flows["server_port"].to_numpy()[numbers] == HTTP]
    servers = flows["server"].take(numbers)
    lync = {server for server in servers.unique() if case.roles.is_lync(server)}
    wanted = set(servers.index[servers.isin(list(lync))]) - case.proxied
    found: dict[_Ends, list[_Answer]] = {}
    ends = dict(
        zip(
            numbers.tolist(),
            flows[["capture", "client", "server"]].take(numbers).itertuples(index=False, name=None),
            strict=True,
        )
    )
    for request, response in request_answers(rows_of(http[http["flow"].isin(list(wanted))], _HTTP)):
        if response is not None and response.status is not None:
            found.setdefault(ends[int(request.flow)], []).append(_Answer(int(request.flow), request, response))
    return found


def _intercepted(
    inquiry: Inquiry,
    subject: Subject,
    answers: Sequence[_Answer],
    accepted: Mapping[tuple[_Ends, int], tuple[int, int]],
) -> Judgement:
    server = inquiry.server(subject.peer, HTTP)
    for one in answers:
        told = ""
        if one.response.status == PORTAL:
            told = "it asks to log in to the network first (status 511)"
        elif one.target and _is_foreign(inquiry, subject, one):
            told = f"it sends the device to {one.target}, which is no host of the deployment"
        if told:
            return subject.found(
                f"{inquiry.word(subject.device)} asked the {server} on TCP port 80, and something else answered: "
                f"{told}.",
                "No Lync server gives such an answer.",
                Confidence.CERTAIN,
                subject.shows("the request and its answer", *one.frames),
                reading=Reading.CLEAR,
            )
    ends = (subject.capture, subject.device, subject.peer)
    here, there = (accepted.get((ends, port), (0, 0)) for port in (HTTP, HTTPS))
    return _by_ttl(inquiry, subject, answers, here, there)


def _is_foreign(inquiry: Inquiry, subject: Subject, one: _Answer) -> bool:
    """Whether the target has nothing to do with the deployment: no name or address of its servers or of Lync."""
    case, target = inquiry.case, one.target
    if target == subject.peer or target.endswith(CLOUD_DOMAINS) or service_of_name(target) != UNKNOWN:
        return False
    if is_address(target):
        return not case.roles.is_plausible(target)
    own = {parent_of(name) for name in (*case.names.names_of(subject.peer), str(one.request.host or "").lower())}
    lync = any(case.roles.is_plausible(address) for address in case.names.addresses_of(target))
    return bool(own) and parent_of(target) not in own and not lync


def _by_ttl(
    inquiry: Inquiry, subject: Subject, answers: Sequence[_Answer], here: tuple[int, int], there: tuple[int, int]
) -> Judgement:
    """By the first SYN-ACKs of ports 80 and 443: frame and TTL each."""
    odd = next((one for one in answers if one.is_foreign), None)
    near = bool(here[0] and there[0]) and here[1] - there[1] >= FAR
    if not near or any(not one.is_foreign and one.response.server for one in answers):
        if odd is None or not odd.response.via:
            return Clear(subject.device)
        return Doubt(subject.device, f"{subject.peer} answers with the header Via: a proxy, published or in the way")
    why = f"its SYN-ACK comes with TTL {here[1]}, that of port 443 of the same address with TTL {there[1]}"
    if odd is None:
        return Doubt(subject.device, f"something nearer may answer for {subject.peer} on port 80: {why}")
    shown = Proof(subject.capture, (there[0], here[0], *odd.frames), "both ports' SYN-ACKs; the request and its answer")
    return subject.found(
        f"{inquiry.word(subject.device)} asked the {inquiry.server(subject.peer, HTTP)} on TCP port 80, and something "
        "nearer answered in its name.",
        f"The answer is not of a Microsoft web server, and {why}.",
        Confidence.LIKELY,
        shown,
        time=int(inquiry.case.flows.at[subject.flow, "syn_ack_time"]),
    )


def _accepted(inquiry: Inquiry, servers: Collection[str]) -> dict[tuple[_Ends, int], tuple[int, int]]:
    """By both ends and the port: frame and TTL of the first SYN-ACK of these servers' web ports."""
    flows = inquiry.case.flows
    web = flows[flows["server_port"].isin((HTTP, HTTPS)) & flows["server"].isin(list(servers))]
    frames = inquiry.case.tables.tcp_frames
    kept = frames.take(np.flatnonzero(np.isin(frames["flow"].to_numpy(), web.index.to_numpy())))
    kept = kept[(kept["flags"] & (SYN | ACK | RST)) == SYN | ACK]
    ends = web[["capture", "client", "server", "server_port"]].loc[kept["flow"]]
    found: dict[tuple[_Ends, int], tuple[int, int]] = {}
    pairs = zip(ends.itertuples(index=False, name=None), kept["frame"].tolist(), kept["ttl"].tolist(), strict=True)
    for (*both, port), frame, ttl in pairs:
        found.setdefault(((both[0], both[1], both[2]), port), (frame, ttl))
    return found
