"""DNS servers that do not answer, answer with errors, or answer late."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from lynccap.correlation.lookups import Lookup
from lynccap.correlation.searches import Question, Reply, reply_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import found, shown_all, signs_in, unheard
from lynccap.document import Confidence, Severity

TRIES = 3  # a question and two repeats (catalogue, dns-server-no-answer)
SLOW_MEDIAN_S, SLOW_NAME_S = 0.5, 2.0  # catalogue, dns-slow
MEASURED = 5  # answers a median is made of
SLOW_NAMES = 2  # one name that takes long is one recursive miss
SHOWN = 6


def _asked(inquiry: Inquiry) -> dict[tuple[int, str], list[Question]]:
    """By capture and client: its questions for Lync's names, where it has any."""
    found: dict[tuple[int, str], list[Question]] = defaultdict(list)
    for search in inquiry.client_searches:
        found[search.capture, search.device] += search.questions
    return found


@rule(
    title="The DNS server does not answer",
    severity=Severity.CRITICAL,
    stage=Stage.NAMES,
    causes=(
        "The DNS server is down.",
        "UDP port 53 is blocked on the way.",
        "DHCP names a wrong DNS server.",
    ),
    fix=("Make the DNS server reachable from this device, or give the device the right one by DHCP.",),
    act=("network team", "DNS administrator"),
    sources=("ms-dns", "rfc1035"),
    explains=(
        "dns-search-order-delay",
        "dns-slow",
        "dns-all-discovery-exhausted",
        "edge-cannot-resolve-next-hop",
        "phone-ntp-missing",
    ),
)
def dns_server_no_answer(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device asks a DNS server for its Lync servers, again and again, and gets no answer.

    Evidence: a question and two repeats without any answer; the server answers this device nothing from then on.

    Not this: a second server answers the same question; the DNS server answers other questions of the device; a
    device that goes on as if it had been answered. Inconclusive: a capture of one direction, with losses, that ends
    within 9 s, or that lacks fragments of answers.
    """
    for (_, device), questions in _asked(inquiry).items():
        silent = [one for one in questions if one.reply is Reply.SILENT]
        if not silent:
            yield Clear(device)
            continue
        by_server: dict[str, list[Lookup]] = defaultdict(list)
        for question in silent:
            for lookup in question.lookups:
                by_server[lookup.server].append(lookup)
        for server, lookups in by_server.items():
            yield _unanswered(inquiry, silent, server, lookups)


def _unanswered(inquiry: Inquiry, silent: list[Question], server: str, lookups: list[Lookup]) -> Judgement:
    first = lookups[0]
    frames = sorted(frame for one in lookups for frame in one.request_frames)
    device, last = silent[0].device, max(one.last_time for one in lookups)
    doubt = unheard(inquiry, first.capture, first.client, first.first_time, last, len(frames))
    if not doubt and max(_tries(one, server) for one in silent) < TRIES:
        doubt = f"{server} was asked fewer than {TRIES} times for any one name"
    other = _answered_after(inquiry, device, server, first.first_time)
    if not doubt and other:
        doubt = f"{server} answers {device} on {other.name}, so only some names hang"
    if not doubt and signs_in(inquiry, (first.client,), first.first_time, first.capture) is not None:
        doubt = f"{device} signs in all the same, so it may have been answered unseen"
    if doubt:
        return Doubt(device, doubt)
    names = sorted({one.name for one in silent})
    others = [one for one in inquiry.case.lookups if one.server == server and one.client != first.client]
    heard = [one for one in others if one.answered and one.response_time >= first.first_time]
    extra = [Proof(heard[0].capture, (heard[0].response_frame,), f"it answers {heard[0].client}")] if heard else []
    up = ("host-unreachable", f"{server} answers {heard[0].client} in this capture") if heard else None
    whom = "only this device gets none" if heard else "nobody gets one in this capture"
    return found(
        silent[0],
        f"{inquiry.word(device)} asks the DNS server {server} {len(frames)} times for {_listed(names)} "
        "and gets no answer.",
        f"The device cannot learn where its servers are. No other DNS server answered it; of answers from {server}, "
        f"{whom}.",
        Confidence.CERTAIN,
        Proof(first.capture, tuple(frames[:SHOWN]), "the questions; no answer follows"),
        *extra,
        peer=server,
        time=first.first_time,
        rejected=(up,) if up else (),
    )


def _tries(question: Question, server: str) -> int:
    return sum(len(one.request_frames) for one in question.lookups if one.server == server)


def _answered_after(inquiry: Inquiry, device: str, server: str, since: int) -> Lookup | None:
    """An answer of this server to the same device, whatever it asked."""
    answered = (one for question in inquiry.case.searches.of(device) for one in question.lookups if one.answered)
    return next((one for one in answered if one.server == server and one.response_time >= since), None)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@rule(
    title="The DNS server answers with an error for the SIP domain",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=(
        "The delegation of the zone is broken.",
        "The server forwards the question in a loop.",
        "The inner copy of the zone did not load.",
    ),
    fix=("Repair the zone on the DNS server, or the way by which the server finds it.",),
    act=("DNS administrator",),
    sources=("ms-dns", "rfc1035"),
    explains=("dns-search-order-delay",),
)
def dns_servfail_refused(inquiry: Inquiry) -> Iterator[Judgement]:
    """A DNS server answers a device's questions for Lync's names with SERVFAIL or REFUSED.

    Evidence: response code 2 or 5 for names of the SIP domain; the same server answers for other domains.

    Not this: an error that is followed by an answer, of this server or another one; a server that fails for every
    domain, and then inconclusive.
    """
    for search in inquiry.client_searches:
        failed = [one for one in search.questions if one.reply is Reply.FAILED]
        codes = sorted({one.best.rcode_name for one in failed})
        if not failed or not set(codes) <= {"servfail", "refused"}:
            yield Clear(search.device)
            continue
        server = failed[0].best.server
        late = inquiry.gates.ended_early(search.capture, failed[-1].best.first_time)
        elsewhere = _of_other_domains(inquiry, server, search.domain, search.capture)
        good = next((one for one in elsewhere if reply_of(one) in (Reply.FOUND, Reply.EMPTY)), None)
        if late:
            yield Doubt(search.device, "the capture ends too soon to show whether a later question is answered")
        elif elsewhere and not good:
            yield Doubt(search.device, f"{server} fails for other domains as well: the server itself may be ill")
        else:
            extra = (
                [Proof(good.capture, (good.request_frames[0], good.response_frame), f"it answers for {good.name}")]
                if good
                else []
            )
            yield found(
                failed[0],
                f"{inquiry.word(search.device)} is told {' and '.join(one.upper() for one in codes)} by the DNS server "
                f"{server} for {len(failed)} Lync name{'s' * (len(failed) != 1)} of {search.domain}.",
                "That is no answer: the server says that it could not find out, or will not say. "
                + ("For other domains it answers." if good else "No other domain was asked for in this capture."),
                Confidence.CERTAIN if good else Confidence.LIKELY,
                shown_all(failed, "the questions and the errors"),
                *extra,
                rejected=(("dns-server-no-answer", f"{server} answers for {good.name} in this capture"),)
                if good
                else (),
            )


def _of_other_domains(inquiry: Inquiry, server: str, domain: str, capture: int) -> list[Lookup]:
    """Answered questions to a server for names that are not in a domain."""
    lookups = inquiry.case.lookups
    mine = (one for one in lookups if one.server == server and one.capture == capture and one.answered)
    return [one for one in mine if not one.name.endswith(domain)]


@rule(
    title="DNS answers come late",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=("The DNS server is overloaded, or far away.",),
    fix=("Give the devices a DNS server of their own site.",),
    act=("DNS administrator",),
    sources=("ms-dns", "lynccap-terms"),
    explains=("dns-search-order-delay",),
)
def dns_slow(inquiry: Inquiry) -> Iterator[Judgement]:
    """Answers to a device's questions for its Lync servers take long.

    Evidence: half of the answers take more than 0.5 s, or several Lync names take more than 2 s; questions repeated.

    Not this: one name that takes long, as the server had to find it first. Inconclusive: a capture that lost packets,
    or whose clock was set, as the first answer may be missing.
    """
    for (_, device), questions in _asked(inquiry).items():
        answered = [one for one in questions if one.reply in (Reply.FOUND, Reply.EMPTY)]
        if not answered:
            continue
        waits = {one: _seconds(one) for one in answered}
        slow = [one for one in answered if waits[one] > SLOW_NAME_S]
        middle = median(waits.values())
        if len({one.name for one in slow}) < SLOW_NAMES and not (len(answered) >= MEASURED and middle > SLOW_MEDIAN_S):
            yield Clear(device)
            continue
        told = slow or sorted((one for one in answered if waits[one] > SLOW_MEDIAN_S), key=lambda one: -waits[one])
        yield _late(inquiry, device, told, waits, middle)


def _late(
    inquiry: Inquiry, device: str, slow: list[Question], waits: dict[Question, float], middle: float
) -> Judgement:
    first = slow[0]
    start, end = first.first_time, max(one.last_time for one in slow)
    gates = inquiry.gates
    doubt = gates.lossy(first.capture, start, end) or gates.clock_set(first.capture, start, end)
    if doubt:
        return Doubt(device, doubt)
    repeated = [one for one in slow if one.tries > 1]
    worst = max(slow, key=lambda one: waits[one])
    answered = ("dns-server-no-answer", f"{worst.name} is answered after {waits[worst]:.1f} s")
    silent = any(one.reply is Reply.SILENT for one in inquiry.case.searches.of(device))
    return found(
        first,
        f"{inquiry.word(device)} waits {waits[worst]:.1f} s for DNS to answer on {worst.name}; "
        f"half of its {len(waits)} Lync names take longer than {middle:.1f} s.",
        "Every name a client asks for comes before the next step of its sign-in. "
        + (f"It repeated {len(repeated)} of the slow questions." if repeated else "It did not repeat its questions."),
        Confidence.CERTAIN if repeated else Confidence.LIKELY,
        shown_all(slow, "the questions and their late answers"),
        peer=worst.best.server,
        rejected=() if silent else (answered,),
    )


def _seconds(question: Question) -> float:
    """From the first time it was asked, of whichever server, to the first answer that counts."""
    return (question.best.response_time - question.first_time) / 1e9
