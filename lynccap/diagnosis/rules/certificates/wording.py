"""What rules on certificates have to say alike: the names on one, and who ended a connection over it."""

from collections.abc import Callable, Iterable, Iterator

from lynccap.correlation.arrivals import Aim
from lynccap.correlation.names import SOURCE_SNI
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.misnamed import Named
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity

LISTED = 5  # names of a certificate that a sentence holds; some have a hundred
MAX_TIMES = 10  # failures of one device shown as evidence: more of the same prove no more

Lack = Callable[[Named], str]
"""What is wrong, as a sentence's second half: "… has sip names of other domains only"."""


def listed(names: Iterable[str]) -> str:
    """Names for a sentence, the first few."""
    told = list(dict.fromkeys(names))
    more = f" and {len(told) - LISTED} more" if len(told) > LISTED else ""
    return f"{', '.join(told[:LISTED])}{more}" if told else "no name at all"


def named_as(inquiry: Inquiry, rule: str, lack: Lack) -> Iterator[Judgement]:
    """What one of the rules on missing names says of everybody whose name is its matter.

    A client that goes on all the same is a note: another one may be stricter.
    """
    for one in inquiry.named:
        if one.rule != rule:
            continue
        if one.covered:
            yield Clear(one.device)
        elif one.hurts:
            yield _rejection(inquiry, one, lack)
        elif one.accepted:
            yield _note(inquiry, one, lack) if one.aim.source == SOURCE_SNI else Clear(one.device)
        elif one.doubt:
            yield Doubt(one.device, one.doubt)


def _rejection(inquiry: Inquiry, one: Named, lack: Lack) -> Found:
    """The client ends its connections over the certificate."""
    first = one.rejected[0]
    subject = subject_of(inquiry, first.showing.flow)
    times = f" {len(one.rejected)} times" if len(one.rejected) > 1 else ""
    sure = one.refused or len(one.rejected) > 1
    return subject.found(
        f"{_came(inquiry, one)} {lack(one)}. {one.device} {_how(inquiry, one)}{times}.",
        f"The certificate is for {listed(one.shown.names)}; {_source(one.aim)} shows the name asked for.",
        Confidence.CERTAIN if sure else Confidence.LIKELY,
        subject.shows("the name asked for, the certificate, and the end of the connection", *_frames(inquiry, one)),
        time=first.showing.time,
        flows=tuple(each.showing.flow for each in one.rejected),
        rejected=(("tls-unknown-ca", "no alert 48 was sent: the authority is not what it objects to"),),
    )


def _note(inquiry: Inquiry, one: Named, lack: Lack) -> Found:
    """The client does not mind."""
    first = one.arrivals[0]
    subject = subject_of(inquiry, first.showing.flow)
    return subject.found(
        f"{_came(inquiry, one)} {lack(one)}. {one.device} goes on all the same; stricter clients would not.",
        f"The certificate is for {listed(one.shown.names)}; {_source(one.aim)} shows the name asked for.",
        Confidence.CERTAIN,
        subject.shows("the name asked for, and the certificate", one.aim.frame, first.showing.frame),
        time=first.showing.time,
        severity=Severity.INFO,
        explains=(),
    )


def _came(inquiry: Inquiry, one: Named) -> str:
    server = inquiry.server(one.shown.holder, one.shown.port)
    return f"{inquiry.word(one.device)} asks {server} on TCP port {one.shown.port} for {one.aim.name}, but"


def _source(aim: Aim) -> str:
    return "its TLS hello" if aim.source == SOURCE_SNI else "the DNS answer before the connection"


def _how(inquiry: Inquiry, one: Named) -> str:
    codes = (session.refusal.code for session in _sessions(inquiry, one) if session.refusal)
    code = next(codes, None)
    return "closes the connection right after the certificate" if code is None else f"refuses it (TLS alert {code})"


def _sessions(inquiry: Inquiry, one: Named) -> list[TlsSession]:
    return [inquiry.case.sessions[each.showing.flow] for each in one.rejected]


def _frames(inquiry: Inquiry, one: Named) -> set[int]:
    """The name, the certificate and the end of each failure."""
    frames = {one.aim.frame}
    for each in one.rejected[:MAX_TIMES]:
        end = inquiry.case.sessions[each.showing.flow].handshake.end
        frames |= {each.showing.frame, end.frame if end else 0}
    return frames


def of_holder(inquiry: Inquiry, shown: Presented) -> Subject:
    """A list of certificates with its server as the device, for what is wrong whoever looks at it."""
    return subject_of(inquiry, shown.showings[0].flow, of_client=False)


def the_holder(inquiry: Inquiry, shown: Presented) -> str:
    """The server that showed a list, at the start of a sentence."""
    return f"The {inquiry.server(shown.holder, shown.port)}"
