"""Names and time: what a device asked DNS for, in which client's order, and whom it asked for the time."""

from typing import Any

from lynccap.correlation.discovery_names import DISCOVERY_NAMES, FALLBACK, PHONE_NAMES
from lynccap.correlation.journeys.discovery import order_words
from lynccap.correlation.journeys.facts import StageFacts, StageName, listed
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.names import DNS_PORT
from lynccap.document import StepOutcome

TRIES = 3  # a question and two repeats: fewer may be one lost packet
NAMED = 4  # names a sentence lists
LYNC_NAMES = (*DISCOVERY_NAMES, *PHONE_NAMES)


def names(view: DeviceView) -> StageFacts | None:
    """The DNS questions that lead to Lync, of a server all questions, and what became of them."""
    rows = [row for row in view.messages("dns") if view.coverage.ports[row.flow] == DNS_PORT]
    asked = [row for row in rows if row.kind == "request"]
    told = dict.fromkeys(row.name for row in asked) if view.device.role else _lync_names(view, asked)
    if not told:
        return None
    wanted = list(told)
    mine = [row for row in rows if row.name in told]
    first = next(row for row in asked if row.name in told)
    outcome, answered = _answers(view, wanted, mine)
    lync = {name for name in wanted if name.startswith((*DISCOVERY_NAMES, FALLBACK))}
    noun = ("name" if view.device.role else "Lync name") + "s" * (len(wanted) != 1)
    order = order_words([(row.time, row.name) for row in asked if row.name in lync], view.device.kind)
    says = f"asked for {len(wanted)} {noun}{order}, {answered}"
    decisive = next((row.frame for row in mine if row.kind == "response" and row.answers > 0), 0)
    frames = listed((row.frame for row in mine), first.frame, decisive)
    return StageFacts(StageName.NAMES, outcome, says, view.coverage.captures[first.flow], int(first.time), frames)


def _lync_names(view: DeviceView, asked: list[Any]) -> dict[str, None]:
    """Of the names asked for, in order, those that Lync's clients look for and those that led to a Lync server."""
    every = dict.fromkeys(row.name for row in asked)
    domains = {name.removeprefix(start) for name in every for start in DISCOVERY_NAMES if name.startswith(start)}
    fallbacks = {FALLBACK + domain for domain in domains}  # the name alone is any SIP product's
    addresses, roles = view.case.names.addresses_of, view.case.roles
    return dict.fromkeys(
        name
        for name in every
        if name in fallbacks or name.startswith(LYNC_NAMES) or any(roles.is_lync(one) for one in addresses(name))
    )


def _answers(view: DeviceView, wanted: list[str], rows: list[Any]) -> tuple[StepOutcome, str]:
    answers = [row for row in rows if row.kind == "response"]
    exist = {row.name for row in answers if row.rcode == 0 and row.answers > 0}
    found = [name for name in wanted if name in exist]
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        return StepOutcome.OK, f"{len(found)} exist{'s' * (len(found) == 1)}: {', '.join(found[:NAMED])}{more}"
    errors = sorted({row.rcode_name for row in answers if row.rcode not in (0, 3)})
    if answers and _all_answered(rows, answers):
        empty = "none has the records that were asked for" if any(row.rcode == 0 for row in answers) else "none exists"
        return StepOutcome.FAILED, f"the DNS server answered {', '.join(errors)}" if errors else empty
    if answers:
        return StepOutcome.UNKNOWN, "not all answers are in the capture"
    return _unanswered(view, rows)


def _all_answered(rows: list[Any], answers: list[Any]) -> bool:
    """Whether nothing may have been found: a name that has no address of one kind may have one of the other."""
    missing = {row.name for row in answers if row.rcode}  # such an answer is about the name, whatever was asked
    told = {(row.name, row.record_type) for row in answers}
    return all(row.name in missing or (row.name, row.record_type) in told for row in rows if row.kind == "request")


def _unanswered(view: DeviceView, requests: list[Any]) -> tuple[StepOutcome, str]:
    """No answer to several questions is a failure where the capture shows what comes to the device."""
    capture = view.coverage.captures[requests[0].flow]
    if len(requests) >= TRIES and view.coverage.waits_in_vain(capture, view.device.addresses, requests[0].time):
        return StepOutcome.FAILED, f"no answer to {len(requests)} questions"
    return StepOutcome.UNKNOWN, "no answer that can be read is in the capture"


def time(view: DeviceView) -> StageFacts | None:
    """The time by NTP (RFC 5905), which a telephone needs to judge certificates."""
    rows = view.messages("ntp")
    if not rows:
        return None
    first, answer = rows[0], next((row for row in rows if not row.from_client), None)
    capture, asked = view.coverage.captures[first.flow], sum(bool(row.from_client) for row in rows)
    if answer:
        outcome, says = StepOutcome.OK, f"got the time from {view.coverage.servers[answer.flow]}"
    elif asked >= TRIES and view.coverage.waits_in_vain(capture, view.device.addresses, first.time):
        outcome, says = StepOutcome.FAILED, f"asked for the time {asked} times without an answer"
    else:
        outcome, says = StepOutcome.UNKNOWN, "asked for the time; no answer is in the capture"
    frames = listed((row.frame for row in rows), first.frame, answer.frame if answer else 0)
    return StageFacts(StageName.TIME, outcome, says, capture, int(first.time), frames)
