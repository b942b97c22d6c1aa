"""Load balancers that end idle connections too soon (catalogue group 11)."""

from collections.abc import Iterator, Sequence

from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.closings.kinds import EndedBy, How
from lynccap.correlation.closings.pauses import alike
from lynccap.correlation.closings.words import pause_words
from lynccap.correlation.roles.claims import LOAD_BALANCER
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.cuts import by_subject, cut, first_time, proof_of, unknown_sender
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

WANTED_NS = 1800 * SECOND  # idle timeout that load balancers of web services should have (ms-hlb)
CONSTANT, EQUAL = 2, 3  # connections cut after the same pause: enough for a timer, enough to be sure


@rule(
    title="The load balancer's idle timeout is too short",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=("The load balancer ends idle connections after its default time, often 300 s.",),
    fix=("Set the idle timeout of the virtual server to 1800 s.",),
    act=("load balancer team",),
    sources=("ms-hlb",),
)
def lb_idle_timeout_short(inquiry: Inquiry) -> Iterator[Judgement]:
    """A load balancer in front of Lync servers resets connections after a constant silence below 1800 s.

    Evidence: resets with the load balancer's own TTL after the same pause, within 10 %, on two connections or more;
    certain with three.

    Not this: a server that is no load balancer and ends idle connections itself; a box before the load balancer;
    a single connection, or an unknown sender, proves no timer.
    """
    cuts = [one for one in cut(inquiry, How.RESET_AFTER_IDLE) if inquiry.case.roles.has(one.server, LOAD_BALANCER)]
    own = [one for one in cuts if one.ended_by is EndedBy.SERVER]
    for ones in by_subject(cuts):
        mine = [one for one in ones if one.ended_by is EndedBy.SERVER and one.pause < WANTED_NS]
        if mine:
            yield _timed(inquiry, mine, [one for one in own if one.server == mine[0].server])
        elif any(one.ended_by is EndedBy.UNKNOWN for one in ones):
            yield unknown_sender(inquiry, ones[-1])
        else:
            yield Clear(ones[0].client)


def _timed(inquiry: Inquiry, mine: Sequence[Closing], own: Sequence[Closing]) -> Judgement:
    one = max(mine, key=lambda each: len(alike(each, own)))
    equal = alike(one, own)
    if len(equal) < CONSTANT:
        return Doubt(
            one.client,
            f"{one.server} resets one connection after {pause_words(one.pause)} of silence: only the same pause on "
            "others, or the settings of the load balancer, show a timer",
        )
    shown = [each for each in mine if each in equal]
    subject, proof = proof_of(inquiry, shown)
    return subject.found(
        f"{inquiry.word(one.client)} loses idle connections at the load balancer {one.server}, TCP port {one.port}, "
        f"after {pause_words(one.pause)} of silence; it should wait 1800 s.",
        f"{len(equal)} connections were reset after the same pause, with the load balancer's own TTL.",
        Confidence.CERTAIN if len(equal) >= EQUAL else Confidence.LIKELY,
        proof,
        time=first_time(inquiry, shown[0]),
        flows=tuple(each.flow for each in shown),
        rejected=(("rst-midstream-idle", "the resets carry the TTL of the load balancer's other packets"),),
    )
