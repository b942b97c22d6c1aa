"""The composition: *how* a connection attempt ended, *what it means* for this device, and the rule both lead to.

Most of the catalogue's reachability entries are one of a few endings seen on one of a few services. They are told
apart here once; the rules add only their own words.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from lynccap.correlation.attempts import TRIES, Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.correlation.closings.claims import Refusal
from lynccap.correlation.closings.kinds import EndedBy
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.points.vantage import Elsewhere, Fate, Vantage
from lynccap.correlation.protocol_numbers import PSOM_PORT
from lynccap.correlation.roles.claims import SIP_SERVER, UNSPECIFIED
from lynccap.diagnosis.gates import Gates
from lynccap.diagnosis.judgements import Proof
from lynccap.diagnosis.liveness import alive, restarting
from lynccap.diagnosis.meanings import Meaning, meaning_of
from lynccap.diagnosis.purposes.needed import rule_of_path
from lynccap.diagnosis.reports import REPORTS, report_words
from lynccap.document import Confidence

ELSEWHERE_NS = 30_000_000_000  # a client goes through the pool's addresses, some 20 s each when one is silent
WAIT_NS = 2_500_000_000  # the quickest stacks repeat a SYN after 1 s and 3 s


class How(StrEnum):
    """How an attempt ended, with who ended it as far as the frames tell."""

    REFUSED_BY_HOST = "refused by the host itself"
    REFUSED_BETWEEN = "refused by a box in between"
    REFUSED = "refused"
    FILTERED = "silently dropped"
    PROHIBITED = "forbidden by a router"
    UNREACHABLE = "the last router cannot reach the host"
    NO_ROUTE = "a router knows no way"


_REFUSED_BY = {EndedBy.SERVER: How.REFUSED_BY_HOST, EndedBy.BOX_BETWEEN: How.REFUSED_BETWEEN}
_REPORTED = {
    Ending.PROHIBITED: How.PROHIBITED,
    Ending.UNREACHABLE: How.UNREACHABLE,
    Ending.NO_ROUTE: How.NO_ROUTE,
}
_REFUSALS = (How.REFUSED, How.REFUSED_BY_HOST, How.REFUSED_BETWEEN)
_STOPPED = (*_REFUSALS, How.FILTERED)
_BY_MEANING = {
    Meaning.WEB_PORT: "port80-open-443-filtered",
    Meaning.PSOM: "psom-8057-blocked-internal",
    Meaning.DATA_OUTSIDE: "psom-edge-443-blocked",
    Meaning.SLIDES: "wac-unreachable",
    Meaning.JOIN_PAGE: "meeting-join-url-fails",
    Meaning.FILES: "legacy-filetransfer-blocked",
    Meaning.BACK_IN: "mobile-hairpin-blocked",
    Meaning.CRL: "edge-crl-http-blocked",
    Meaning.POOL_BEHIND_PROXY: "rp-backend-4443-unreachable",
    Meaning.DISCOVERY: "autodiscover-both-ports-fail",
    Meaning.DISCOVERY_443: "autodiscover-443-fails-80-works",
    Meaning.REDIRECTED: "sip-redirect-target-unreachable",
    Meaning.REGISTRAR: "sip-registrar-unreachable-internal",
    Meaning.ACCESS_EDGE: "sip-access-edge-unreachable",
    Meaning.PARTNER: "federation-5061-outbound-blocked",
    Meaning.FROM_PARTNER: "federation-5061-inbound-blocked",
    Meaning.XMPP: "xmpp-5269-blocked",
    Meaning.FIRMWARE: "firmware-http-download-blocked",
}
"""Where refusal and silence are one and the same failure."""
RULES: dict[tuple[How, Meaning], str] = {
    **{(how, meaning): rule for meaning, rule in _BY_MEANING.items() for how in _STOPPED},
    **{(how, Meaning.ROOT_CHAIN): "rootchain-http80-refused" for how in _REFUSALS},
    (How.FILTERED, Meaning.ROOT_CHAIN): "rootchain-http80-filtered",
    **{(how, Meaning.PROXY_80): "state-rp80-refused-external" for how in _REFUSALS},
    (How.FILTERED, Meaning.SHARING): "appshare-conference-49152-blocked",
    **{(how, Meaning.SHARED): "lb-port-missing-on-vip" for how in (How.REFUSED, How.REFUSED_BY_HOST, How.FILTERED)},
    (How.REFUSED_BETWEEN, Meaning.SHARED): "tcp-refused-by-middlebox",
    (How.FILTERED, Meaning.GUEST): "sip-guest-firewall-blocks-nonstandard",
    (How.REFUSED, Meaning.REQUIRED): "tcp-refused-by-host",
    (How.REFUSED_BY_HOST, Meaning.REQUIRED): "tcp-refused-by-host",
    (How.REFUSED_BETWEEN, Meaning.REQUIRED): "tcp-refused-by-middlebox",
    (How.FILTERED, Meaning.REQUIRED): "tcp-filtered-silent",
    **{
        (how, meaning): rule
        for how, rule in (
            (How.PROHIBITED, "icmp-admin-prohibited"),
            (How.UNREACHABLE, "host-unreachable"),
            (How.NO_ROUTE, "icmp-no-route"),
        )
        for meaning in Meaning
        if meaning not in (Meaning.PROXY_80, Meaning.SHARING, Meaning.FILES)
    },
    **{(how, Meaning.CLIENT_CRL): "client-crl-ocsp-unreachable" for how in How},
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
    vanished: str = "its packets vanish without an answer"
    """Of what is silently dropped: what vanishes."""


MAY_BE_DOWN = frozenset(
    {Meaning.CRL, Meaning.CLIENT_CRL, Meaning.DISCOVERY, Meaning.GUEST, Meaning.ACCESS_EDGE, Meaning.PARTNER}
    | {Meaning.REDIRECTED, Meaning.REGISTRAR}
)
"""What fails is the same thing whether or not the host behind is up: the rule says what else tells the two apart."""

ONE_HOST = frozenset({Meaning.WEB_PORT, Meaning.DISCOVERY_443})
"""The host itself answers on its other port, and may send the client on to one of the same role: no load balancing."""
EACH_HOST = frozenset({"fe-444-blocked", "smb-445-blocked", "cls-blocked", "cms-replication-4443-blocked"})
"""Paths to one server and no other: that its neighbour is reached helps nobody."""


def judge_attempts(case: Case, gates: Gates, vantage: Vantage | None = None) -> tuple[Verdict, ...]:
    """A verdict for every failed attempt that means something; answered attempts have none.

    With `vantage` other captures of the same connections have their say.
    """
    made = []
    for attempt in case.attempts:
        refusal = _refusal(case, attempt, vantage)
        how = _how(attempt, refusal)
        meaning = meaning_of(case, attempt) if how else None
        rule = _rule(case, attempt, how, meaning) if how and meaning else None
        one_only = meaning is Meaning.SHARED or rule in EACH_HOST
        alone = one_only or not _reached_elsewhere(case, attempt, meaning in ONE_HOST)
        if rule and how and meaning and alone:
            one = _verdict(case, gates, attempt, how, meaning, rule, refusal)
            made.append(_as_seen_elsewhere(one, vantage) if vantage else one)
    return tuple(made)


def _rule(case: Case, attempt: Attempt, how: How, meaning: Meaning) -> str | None:
    """Of a path with a rule of its own that, unless routers say what is wrong."""
    return RULES.get((how, meaning)) or (rule_of_path(case, attempt) if meaning is Meaning.NEEDED else None)


def _refusal(case: Case, attempt: Attempt, vantage: Vantage | None) -> Refusal | None:
    if attempt.ending is not Ending.REFUSED:
        return None
    return vantage.refusal_of(attempt) if vantage else case.closings.refusal_of(attempt)


def _as_seen_elsewhere(one: Verdict, vantage: Vantage) -> Verdict:
    """A verdict of silence with what another capture shows of the same SYNs."""
    other = vantage.unanswered(one.attempt) if one.how is How.FILTERED else None
    if other is None:
        return one
    if other.fate is Fate.ANSWERED:
        return replace(one, doubt=one.doubt or f"{other.name} shows an answer that this capture lacks")
    says = f"{one.says}; {_elsewhere_words(other)}"
    proof = (*one.proof, Proof(0, other.frames, _elsewhere_words(other), other.place))
    if other.fate is not Fate.ANSWER_LOST:
        return replace(one, says=says, proof=proof)
    answer = "reset" if other.refused else "answer"
    return replace(
        one,
        says=says,
        proof=proof,
        vanished=f"its packets reach the server, and the server's {answer} vanishes on the way back",
    )


def _elsewhere_words(other: Elsewhere) -> str:
    if other.fate is Fate.LOST:
        lost = "they are dropped between the two points, or go another way"
        return f"they never reach {other.name}, nearer to the server: {lost}"
    if other.fate is Fate.UNANSWERED:
        return f"{other.name} shows them too, and no answer"
    word = "a reset" if other.refused else "its answer"
    return f"{other.name}, nearer to the server, shows them and {word}: what is lost is lost between the two points"


def _how(attempt: Attempt, refusal: Refusal | None) -> How | None:
    if attempt.ending in _REPORTED:
        return _REPORTED[attempt.ending]
    if attempt.ending is Ending.UNANSWERED:
        return How.FILTERED
    if attempt.ending is Ending.REJECTED:
        return How.REFUSED_BY_HOST if attempt.reporters == (attempt.server,) else How.REFUSED_BETWEEN
    return _REFUSED_BY.get(refusal.ended_by, How.REFUSED) if refusal else None


def _reached_elsewhere(case: Case, attempt: Attempt, by_name_only: bool) -> bool:
    """The client got the same port at another address of the same role or name within seconds: load balancing."""
    roles = frozenset() if by_name_only else case.roles.roles_of(attempt.server) - {UNSPECIFIED, SIP_SERVER}
    names = set(case.names.names_of(attempt.server, SOURCE_DNS))
    return any(
        one.port == attempt.port
        and one.server != attempt.server
        and one.established
        and (
            attempt.port == PSOM_PORT
            or roles & case.roles.roles_of(one.server)
            or not names.isdisjoint(case.names.names_of(one.server, SOURCE_DNS))
        )
        and 0 <= one.first_time - attempt.first_time <= ELSEWHERE_NS
        for one in case.attempts_of(attempt.client)
    )


def _verdict(
    case: Case, gates: Gates, attempt: Attempt, how: How, meaning: Meaning, rule: str, refusal: Refusal | None
) -> Verdict:
    up = alive(case, attempt)
    rejected: list[tuple[str, str]] = []
    if how is How.FILTERED:
        confidence, doubt = _filtered(gates, attempt, meaning, up)
        says = _filtered_words(attempt)
        if up:
            rejected.append(("host-unreachable", f"{attempt.server} answers elsewhere in this capture"))
    elif attempt.ending in _REPORTED:
        confidence, doubt = REPORTS[attempt.ending](case, attempt)
        says = report_words(attempt)
    else:
        confidence, doubt = _refused(case, attempt, how, refusal)
        says, because = _refused_words(case, attempt, how, refusal)
        if because:
            rejected.append(because)
    proofs = [Proof(attempt.capture, attempt.failed_frames, says)]
    if up and attempt.ending not in _REPORTED:
        proofs.append(up[1])
    return Verdict(rule, attempt, how, meaning, confidence, says, tuple(proofs), doubt, tuple(rejected))


def _refused(case: Case, attempt: Attempt, how: How, refusal: Refusal | None) -> tuple[Confidence, str | None]:
    """A foreign TTL may be the host's habit for resets; with an answer too quick for the host, hardly."""
    doubt = None if how is How.REFUSED_BETWEEN else restarting(case, attempt)
    if attempt.ending is Ending.REJECTED or (refusal and refusal.by_second_point):
        return Confidence.CERTAIN, doubt
    if how is How.REFUSED_BY_HOST:
        return (Confidence.CERTAIN if attempt.refusals >= 2 else Confidence.LIKELY), doubt
    if how is How.REFUSED_BETWEEN and not (refusal and refusal.quick):
        return Confidence.POSSIBLE, doubt
    return Confidence.LIKELY, doubt


def _filtered(
    gates: Gates, attempt: Attempt, meaning: Meaning, up: tuple[bool, Proof] | None
) -> tuple[Confidence, str | None]:
    first = attempt.syn_times[0] if attempt.syn_times else attempt.first_time
    doubt = gates.absence(attempt.capture, attempt.client, first, attempt.last_time, len(attempt.syn_times))
    spread = attempt.syn_times[-1] - first if attempt.syn_times else 0
    stubborn = len(attempt.syn_times) >= 2 * TRIES and spread >= 2 * WAIT_NS and attempt.most_tries >= 2
    if not doubt and not stubborn and (attempt.most_tries < TRIES or attempt.longest_wait < WAIT_NS):
        doubt = (
            f"no connection to port {attempt.port} repeats its SYN often enough: {TRIES} are needed over "
            f"{WAIT_NS / 1e9:.1f} s, {attempt.most_tries} were sent over {attempt.longest_wait / 1e9:.1f} s"
        )
    if not doubt and not up and meaning not in MAY_BE_DOWN:
        doubt = f"nothing comes from {attempt.server} from then on: the host itself may be down"
    doubt = doubt or gates.cut_off(attempt.capture, attempt.client, first)
    return (Confidence.CERTAIN if up and up[0] else Confidence.LIKELY), doubt


def _filtered_words(attempt: Attempt) -> str:
    spread = (attempt.syn_times[-1] - attempt.syn_times[0]) / 1e9 if attempt.syn_times else 0.0
    return (
        f"{len(attempt.syn_times)} SYNs to {attempt.server} TCP port {attempt.port} over {spread:.1f} s "
        "got no answer: no SYN-ACK, no reset, no ICMP"
    )


def _refused_words(
    case: Case, attempt: Attempt, how: How, refusal: Refusal | None
) -> tuple[str, tuple[str, str] | None]:
    if attempt.ending is Ending.REJECTED:
        who = ", ".join(attempt.reporters)
        return f"{who} answers the SYNs to {attempt.server} TCP port {attempt.port} with ICMP port unreachable", None
    count = attempt.refusals
    resets = f"{count} reset{'s' if count != 1 else ''} answer{'s' if count == 1 else ''} the SYNs to {attempt.server}"
    if refusal and refusal.by_second_point:
        return f"{resets} TCP port {attempt.port}, but {refusal.by_second_point}", (
            "tcp-refused-by-host",
            refusal.by_second_point,
        )
    ttls = "/".join(str(ttl) for ttl in attempt.rst_ttls)
    own = "/".join(str(ttl) for ttl in sorted(case.ttls_of(attempt.capture, attempt.server)))
    if how is How.REFUSED_BY_HOST:
        because = f"the resets carry TTL {ttls}, the host's own (TTL {own} on its other packets)"
        return f"{resets} TCP port {attempt.port}, with the host's own TTL {ttls}", (
            "tcp-refused-by-middlebox",
            because,
        )
    if how is How.REFUSED_BETWEEN:
        because = f"the resets carry TTL {ttls}, the host's own packets TTL {own}"
        return (
            f"{resets} TCP port {attempt.port}, but with TTL {ttls} where the host's own packets carry {own}",
            ("tcp-refused-by-host", because),
        )
    unknown = f"the host's own packets carry TTL {own}, the resets {ttls}" if own else "it sends no other packet"
    return f"{resets} TCP port {attempt.port}; whether the host sent them is not shown: {unknown}", None
