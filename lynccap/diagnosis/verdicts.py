"""The composition: *how* a connection attempt ended, *what it means* for this device, and the rule both lead to.

Most of the catalogue's reachability entries are one of a few endings seen on one of a few services. They are told
apart here once; the rules add only their own words.
"""

from dataclasses import dataclass
from enum import StrEnum

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.diagnosis.gates import Gates
from lynccap.diagnosis.judgements import Proof
from lynccap.diagnosis.meanings import Meaning, meaning_of
from lynccap.document import Confidence

TRIES = 3  # a SYN and two repeats: fewer may be one lost packet (catalogue, tcp-filtered-silent)
TTL_SLACK = 1  # a mirror port one hop nearer sees the same host one TTL apart
ELSEWHERE_NS = 5_000_000_000  # a pool member that refuses while the next accepts is load balancing at work


class How(StrEnum):
    """How an attempt ended, with who ended it as far as the frames tell."""

    REFUSED_BY_HOST = "refused by the host itself"
    REFUSED_BETWEEN = "refused by a box in between"
    REFUSED = "refused"
    FILTERED = "silently dropped"
    PROHIBITED = "forbidden by a router"


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
        meaning = meaning_of(case, attempt) if how else None
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
        confidence, doubt = _refused(case, attempt, how), None
        says, because = _refused_words(case, attempt, how)
        if because:
            rejected.append(because)
    proofs = [Proof(attempt.capture, attempt.failed_frames, says)]
    if alive and how is not How.PROHIBITED:
        proofs.append(alive[1])
    return Verdict(rule, attempt, how, meaning, confidence, says, tuple(proofs), doubt, tuple(rejected))


def _refused(case: Case, attempt: Attempt, how: How) -> Confidence:
    """A foreign TTL may be the host's habit for resets; with an answer too quick for the host, hardly."""
    if how is How.REFUSED_BY_HOST:
        return Confidence.CERTAIN if len(attempt.rst_frames) >= 2 else Confidence.LIKELY
    if how is How.REFUSED_BETWEEN and not _too_quick(case, attempt):
        return Confidence.POSSIBLE
    return Confidence.LIKELY


def _too_quick(case: Case, attempt: Attempt) -> bool:
    """Every reset came back in less than half the round trip that this client has with the server."""
    flows = case.flows
    opened = flows[
        (flows["capture"] == attempt.capture)
        & (flows["client"] == attempt.client)
        & (flows["server"] == attempt.server)
        & (flows["syn_ack_time"] > 0)
    ]
    if opened.empty or not attempt.rst_delays:
        return False
    return max(attempt.rst_delays) * 2 < int((opened["syn_ack_time"] - opened["syn_time"]).min())


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
