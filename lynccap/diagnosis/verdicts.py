"""The composition: *how* a connection attempt ended, *what it means* for this device, and the rule both lead to.

Most of the catalogue's reachability entries are one of a few endings seen on one of a few services. They are told
apart here once; the rules add only their own words.
"""

from dataclasses import dataclass
from enum import StrEnum

from lynccap import reference
from lynccap.correlation.addresses import is_private, is_public, subnet_of
from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.correlation.devices import Location
from lynccap.correlation.roles import CRL_HOST, EDGE_ACCESS, FRONT_END, REVERSE_PROXY, UNSPECIFIED, WEB_ROLES
from lynccap.correlation.sessions import UNKNOWN_CA
from lynccap.diagnosis.contract import Proof
from lynccap.diagnosis.gates import Gates
from lynccap.document import Confidence

TRIES = 3  # a SYN and two repeats: fewer may be one lost packet (catalogue, tcp-filtered-silent)
TTL_SLACK = 1  # a mirror port one hop nearer sees the same host one TTL apart
ELSEWHERE_NS = 5_000_000_000  # a pool member that refuses while the next accepts is load balancing at work
PAIR_NS = 60_000_000_000
HTTP, HTTPS, PSOM = 80, 443, 8057


class How(StrEnum):
    """How an attempt ended, with who ended it as far as the frames tell."""

    REFUSED_BY_HOST = "refused by the host itself"
    REFUSED_BETWEEN = "refused by a box in between"
    REFUSED = "refused"
    FILTERED = "silently dropped"
    PROHIBITED = "forbidden by a router"


class Meaning(StrEnum):
    """What the attempt was for, seen from this device at this step."""

    ROOT_CHAIN = "root chain"
    WEB_PORT = "one web port of two"
    PROXY_80 = "port 80 of the reverse proxy from outside"
    PSOM = "web conferencing data"
    CRL = "revocation list"
    REQUIRED = "a port Lync needs"


_REFUSALS = (How.REFUSED, How.REFUSED_BY_HOST, How.REFUSED_BETWEEN)
RULES: dict[tuple[How, Meaning], str] = {
    **{(how, Meaning.ROOT_CHAIN): "rootchain-http80-refused" for how in _REFUSALS},
    (How.FILTERED, Meaning.ROOT_CHAIN): "rootchain-http80-filtered",
    **{(how, Meaning.WEB_PORT): "port80-open-443-filtered" for how in (*_REFUSALS, How.FILTERED)},
    **{(how, Meaning.PROXY_80): "state-rp80-refused-external" for how in _REFUSALS},
    **{(how, Meaning.PSOM): "psom-8057-blocked-internal" for how in (*_REFUSALS, How.FILTERED)},
    **{(how, Meaning.CRL): "edge-crl-http-blocked" for how in (*_REFUSALS, How.FILTERED)},
    (How.REFUSED, Meaning.REQUIRED): "tcp-refused-by-host",
    (How.REFUSED_BY_HOST, Meaning.REQUIRED): "tcp-refused-by-host",
    (How.REFUSED_BETWEEN, Meaning.REQUIRED): "tcp-rst-by-middlebox",
    (How.FILTERED, Meaning.REQUIRED): "tcp-filtered-silent",
    **{(How.PROHIBITED, meaning): "icmp-admin-prohibited" for meaning in Meaning if meaning is not Meaning.PROXY_80},
}
"""How and what for, to the rule. A pair that is missing is nobody's fault: a proxy may drop port 80 as it likes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One failed attempt, judged."""

    rule: str
    attempt: Attempt
    how: How
    meaning: Meaning
    confidence: Confidence
    says: str
    """What the frames show, without the device."""
    proof: tuple[Proof, ...]
    doubt: str | None
    """Why the capture forbids the verdict."""
    rejected: tuple[tuple[str, str], ...]


def judge_attempts(case: Case, gates: Gates) -> tuple[Verdict, ...]:
    """A verdict for every failed attempt that means something; answered attempts have none."""
    made = []
    for attempt in case.attempts:
        how = _how(case, attempt)
        meaning = _meaning(case, attempt, how) if how else None
        rule = RULES.get((how, meaning)) if how and meaning else None
        if rule and how and meaning and not _reached_elsewhere(case, attempt):
            made.append(_verdict(case, gates, attempt, how, meaning, rule))
    return tuple(made)


def _how(case: Case, attempt: Attempt) -> How | None:
    if attempt.ending is Ending.PROHIBITED:
        return How.PROHIBITED
    if attempt.ending is Ending.UNANSWERED:
        return How.FILTERED
    if attempt.ending is not Ending.REFUSED:
        return None
    own = host_ttls(case, attempt.capture, attempt.server)
    if not own or not attempt.rst_ttls:
        return How.REFUSED
    near = all(any(abs(ttl - one) <= TTL_SLACK for one in own) for ttl in attempt.rst_ttls)
    return How.REFUSED_BY_HOST if near else How.REFUSED_BETWEEN


def host_ttls(case: Case, capture: int, address: str) -> frozenset[int]:
    """The TTLs of a host's packets in one capture, resets left out; empty when it sent nothing else."""
    flows = case.flows[case.flows["capture"] == capture]
    served = flows.loc[flows["server"] == address, ["ttl_server_min", "ttl_server_max"]]
    asked = flows.loc[flows["client"] == address, ["ttl_client_min", "ttl_client_max"]]
    values = {int(value) for part in (served, asked) for value in part.to_numpy().ravel()}
    return frozenset(values - {0})


def _meaning(case: Case, attempt: Attempt, how: How | None) -> Meaning | None:
    held = case.roles.roles_of(attempt.server)
    device = case.devices.of(attempt.client)
    if attempt.port == HTTP and CRL_HOST in held and not held & WEB_ROLES:
        return Meaning.CRL if device and device.role and partner_handshakes(case, attempt) else None
    if attempt.port == HTTP and _at_the_proxy(case, attempt, held):
        return Meaning.PROXY_80
    if attempt.port == PSOM and case.roles.is_plausible(attempt.server):
        return Meaning.PSOM if signed_in(case, attempt.client) else _required(case, attempt, held)
    if attempt.port == HTTP and _wants_root_chain(case, attempt, held) and not _whole_host_fails(case, attempt):
        return Meaning.ROOT_CHAIN
    if _one_of_two(case, attempt, held):
        return Meaning.WEB_PORT
    return _required(case, attempt, held)


def _required(case: Case, attempt: Attempt, held: frozenset[str]) -> Meaning | None:
    if not case.roles.is_lync(attempt.server):
        return None
    for row in reference.services_on("tcp", attempt.port):
        if row.verified and row.port_min == row.port_max and (row.to_role in held or UNSPECIFIED in held):
            return Meaning.REQUIRED
    return None


def _at_the_proxy(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    device = case.devices.of(attempt.client)
    outside = device is None or device.location is not Location.INSIDE
    return REVERSE_PROXY in held and is_public(attempt.server) and outside


def signed_in(case: Case, client: str) -> tuple[int, ...]:
    """Frames that show the client's SIP connection working: server data on 5061, or on 443 at the Access Edge."""
    frames = []
    for attempt in case.attempts_of(client):
        edge = attempt.port == HTTPS and case.roles.has(attempt.server, EDGE_ACCESS)
        if attempt.port == 5061 or edge:
            sessions = (case.sessions.get(flow) for flow in attempt.established)
            frames += [one.data_frame for one in sessions if one and one.completed]
    return tuple(frames)


def _wants_root_chain(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """A phone without the root certificate asks on port 80; one that trusts already, or a PC, has other reasons."""
    device = case.devices.of(attempt.client)
    if device is None or not held & WEB_ROLES:
        return False
    if _has_chain(case, attempt.client):
        return False
    return device.is_phone or (device.kind == "unknown" and bool(distrust(case, attempt.client)))


def _has_chain(case: Case, client: str) -> bool:
    certprov = case.tables["certprov"]
    fetched = certprov[(certprov["step"] == "root-chains") & (certprov["outcome"] == "ok")]
    if client in set(case.flows.loc[fetched["flow"], "client"]):
        return True
    trusted = (
        session.completed
        for attempt in case.attempts_of(client)
        for flow in attempt.established
        if (session := case.sessions.get(flow))
    )
    return any(trusted)


def distrust(case: Case, client: str) -> tuple[tuple[int, int, int], ...]:
    """(capture, frame, time) of every "unknown CA" this client sent to a Lync server."""
    told = []
    for attempt in case.attempts_of(client):
        for flow in attempt.established:
            session = case.sessions.get(flow)
            alert = session.alert(UNKNOWN_CA) if session else None
            if alert and alert.from_client:
                told.append((attempt.capture, alert.frame, alert.time))
    return tuple(told)


def _whole_host_fails(case: Case, attempt: Attempt) -> bool:
    """Other TCP ports of the server were tried too and none answers: port 80 is not the matter."""
    others = [
        one
        for one in case.attempts
        if one.capture == attempt.capture and one.server == attempt.server and one.port != attempt.port
    ]
    return bool(others) and not any(one.established for one in others)


def _one_of_two(case: Case, attempt: Attempt, held: frozenset[str]) -> bool:
    """The same client reaches the server's other web port within a minute."""
    if attempt.port not in (HTTP, HTTPS) or not held & WEB_ROLES or not case.roles.is_lync(attempt.server):
        return False
    other = HTTPS if attempt.port == HTTP else HTTP
    return any(
        one.server == attempt.server
        and one.port == other
        and one.established
        and abs(one.first_time - attempt.first_time) <= PAIR_NS
        for one in case.attempts_of(attempt.client)
    )


def partner_handshakes(case: Case, attempt: Attempt) -> tuple[int, ...]:
    """Flows on 5061 of the same server whose handshake ended after the certificate, around the attempt."""
    flows = case.flows
    near = flows[
        (flows["capture"] == attempt.capture)
        & (flows["server_port"] == 5061)
        & ((flows["client"] == attempt.client) | (flows["server"] == attempt.client))
        & (flows["last_time"] >= attempt.first_time - ELSEWHERE_NS)
        & (flows["first_time"] <= attempt.last_time + 6 * ELSEWHERE_NS)
    ]
    stalled = (flow for flow in near.index if flow in case.sessions)
    return tuple(int(flow) for flow in stalled if case.sessions[flow].stalled_after_certificate)


def _reached_elsewhere(case: Case, attempt: Attempt) -> bool:
    """The client got the same port at another address of the same role within seconds: load balancing at work."""
    roles = case.roles.roles_of(attempt.server)
    return any(
        one.port == attempt.port
        and one.server != attempt.server
        and one.established
        and roles & case.roles.roles_of(one.server)
        and 0 <= one.first_time - attempt.first_time <= ELSEWHERE_NS
        for one in case.attempts_of(attempt.client)
    )


def _verdict(case: Case, gates: Gates, attempt: Attempt, how: How, meaning: Meaning, rule: str) -> Verdict:
    alive = _alive(case, attempt)
    rejected: list[tuple[str, str]] = []
    if how is How.FILTERED:
        confidence, doubt = _filtered(gates, attempt, meaning, alive)
        says = _filtered_words(attempt)
        if alive:
            rejected.append(("host-unreachable", f"{attempt.server} answers elsewhere in this capture"))
    elif how is How.PROHIBITED:
        confidence, doubt = Confidence.CERTAIN, None
        says = _prohibited_words(attempt)
    else:
        confidence, doubt = _refused(attempt, how), None
        says, because = _refused_words(case, attempt, how)
        if because:
            rejected.append(because)
    proofs = [Proof(attempt.capture, attempt.failed_frames, says)]
    if alive and how is not How.PROHIBITED:
        proofs.append(alive[1])
    return Verdict(rule, attempt, how, meaning, confidence, says, tuple(proofs), doubt, tuple(rejected))


def _refused(attempt: Attempt, how: How) -> Confidence:
    if how is How.REFUSED_BY_HOST:
        return Confidence.CERTAIN if len(attempt.rst_frames) >= 2 else Confidence.LIKELY
    return Confidence.LIKELY


def _filtered(
    gates: Gates, attempt: Attempt, meaning: Meaning, alive: tuple[bool, Proof] | None
) -> tuple[Confidence, str | None]:
    first = attempt.syn_times[0] if attempt.syn_times else attempt.first_time
    doubt = gates.absence(attempt.capture, attempt.client, first, attempt.last_time)
    if not doubt and len(attempt.syn_times) < TRIES:
        doubt = f"only {len(attempt.syn_times)} SYN to port {attempt.port} is in the capture; {TRIES} are needed"
    if not doubt and not alive and meaning is not Meaning.CRL:
        doubt = f"nothing at all comes from {attempt.server} in this capture: the host itself may be down"
    return (Confidence.CERTAIN if alive and alive[0] else Confidence.LIKELY), doubt


def _alive(case: Case, attempt: Attempt) -> tuple[bool, Proof] | None:
    """Proof that the server answers somebody: (from another subnet on this very port, the frames)."""
    mine = subnet_of(attempt.client)
    others = [
        one
        for one in case.attempts
        if one.capture == attempt.capture and one.server == attempt.server and one.established
    ]
    same_port = [one for one in others if one.port == attempt.port]
    other_subnet = [one for one in same_port if subnet_of(one.client) != mine]
    best = next(iter(other_subnet or same_port or others), None)
    if best:
        frame = int(case.flows.at[best.established[0], "first_frame_server"])
        says = f"{attempt.server} answers {best.client} on TCP port {best.port}: the host is up"
        return bool(other_subnet), Proof(attempt.capture, (frame,), says)
    flows = case.flows[(case.flows["capture"] == attempt.capture) & (case.flows["frames_server"] > 0)]
    heard = flows[(flows["server"] == attempt.server) & (flows["server_port"] != attempt.port)]
    if heard.empty:
        return None
    frame = int(heard["first_frame_server"].iloc[0])
    return False, Proof(attempt.capture, (frame,), f"{attempt.server} sends packets: the host is up")


def _filtered_words(attempt: Attempt) -> str:
    spread = (attempt.syn_times[-1] - attempt.syn_times[0]) / 1e9 if attempt.syn_times else 0.0
    return (
        f"{len(attempt.syn_times)} SYNs to {attempt.server} TCP port {attempt.port} over {spread:.1f} s "
        "got no answer: no SYN-ACK, no reset, no ICMP"
    )


def _prohibited_words(attempt: Attempt) -> str:
    codes = ", ".join(f"type {kind} code {code}" for kind, code in attempt.icmp_codes)
    return (
        f"{', '.join(attempt.reporters)} answers the SYNs to {attempt.server} TCP port {attempt.port} "
        f"with ICMP {codes}: administratively prohibited"
    )


def _refused_words(case: Case, attempt: Attempt, how: How) -> tuple[str, tuple[str, str] | None]:
    count = len(attempt.rst_frames)
    resets = f"{count} reset{'s' if count != 1 else ''} answer{'s' if count == 1 else ''} the SYNs to {attempt.server}"
    ttls = "/".join(str(ttl) for ttl in attempt.rst_ttls)
    own = "/".join(str(ttl) for ttl in sorted(host_ttls(case, attempt.capture, attempt.server)))
    if how is How.REFUSED_BY_HOST:
        because = f"the resets carry TTL {ttls}, the host's own (TTL {own} on its other packets)"
        return f"{resets} TCP port {attempt.port}, with the host's own TTL {ttls}", (
            "tcp-rst-by-middlebox",
            because,
        )
    if how is How.REFUSED_BETWEEN:
        because = f"the resets carry TTL {ttls}, the host's own packets TTL {own}"
        return (
            f"{resets} TCP port {attempt.port}, but with TTL {ttls} where the host's own packets carry {own}",
            ("tcp-refused-by-host", because),
        )
    return f"{resets} TCP port {attempt.port}; no other packet of that host shows whether it sent them", None


def is_internal_client(case: Case, address: str) -> bool:
    """Whether a device is inside, or may well be."""
    device = case.devices.of(address)
    return is_private(address) and (device is None or device.location is not Location.OUTSIDE)


def serves_front_end(case: Case, address: str) -> bool:
    """Whether an address is held for a Front End."""
    return case.roles.has(address, FRONT_END, *WEB_ROLES)
