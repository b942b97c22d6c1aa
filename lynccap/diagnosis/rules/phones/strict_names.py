"""Strict names: a phone that does not follow a service record into another domain (catalogue group 10)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.devices.book import LYNC_PHONE, DeviceFacts
from lynccap.correlation.discovery_names import DISCOVERY_NAMES
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.phones.aftermath import to_registrars
from lynccap.document import Confidence, Severity

_SERVICES = ("_sipinternaltls._tcp.", "_sip._tls.", "_sipinternal._tcp.")
_FALLBACKS = ("sipinternal.", "sip.", "sipexternal.")


@dataclass(frozen=True, slots=True)
class _Told:
    """A service record whose target is in another domain, as one device was told it."""

    capture: int
    device: DeviceFacts
    question: str
    target: str
    flow: int
    frame: int
    time: int


@rule(
    title="The phone does not follow a service record into another domain",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("The service record of the SIP domain names a server of another domain.",),
    fix=(
        "Let the record name a server in the SIP domain itself, for example sip.<domain>, "
        "and give the certificate that name.",
    ),
    act=("DNS administrator",),
    sources=("schertz-cu7", "notes-edge"),
)
def phone_strict_dns_refuses(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync phone is told a registrar of another domain than the user's and stops there (since update CU7 of 2013).

    Evidence: a service record whose target is in another domain; the phone goes on looking for a registrar, and opens
    no connection to that target; a PC that is told the same does.

    Not this: a phone that connects all the same, as older programs do; phones of other makes. Inconclusive: nothing
    shows that somebody signs in on the phone; a capture that ends within 9 s, or shows one direction.
    """
    told: dict[tuple[int, str], _Told] = {}
    for one in _foreign(inquiry):
        if one.device.kind == LYNC_PHONE:
            told.setdefault((one.capture, one.device.id), one)
    for one in told.values():
        yield _judged(inquiry, one)


def _foreign(inquiry: Inquiry) -> Iterator[_Told]:
    """The records of another domain, with the device that was told each."""
    answers, flows = inquiry.case.tables.dns_answers, inquiry.case.flows
    records = answers[answers["record_type"] == "SRV"]
    for row in rows_of(records, ("flow", "frame", "time", "question", "value")):
        target = str(row.value).lower().rstrip(".")
        start = next((one for one in _SERVICES if row.question.startswith(one)), "")
        domain = row.question.removeprefix(start)
        if not start or target == domain or target.endswith(f".{domain}"):
            continue
        device = inquiry.device(flows.at[row.flow, "client"])
        if device:
            capture = int(flows.at[row.flow, "capture"])
            yield _Told(capture, device, row.question, target, row.flow, row.frame, row.time)


def _judged(inquiry: Inquiry, told: _Told) -> Judgement:
    device = told.device
    if to_registrars(inquiry, device):
        return Clear(device.id)
    searching = _goes_on(inquiry, told)
    if not searching:
        return Doubt(device.id, "nothing shows that somebody signs in on this phone, so it may have no use for it")
    doubt = inquiry.gates.absence(told.capture, device.id, told.time, searching[-1].last_time)
    return Doubt(device.id, doubt) if doubt else _refused(inquiry, told, searching)


def _goes_on(inquiry: Inquiry, told: _Told) -> list[Any]:
    """What it asks DNS afterwards to find another registrar, or the same question again."""
    names = (*DISCOVERY_NAMES, *_FALLBACKS)
    asked = inquiry.case.lookups_of(*told.device.addresses)
    return [one for one in asked if one.first_time > told.time and one.name.startswith(names)]


def _follower(inquiry: Inquiry, told: _Told) -> Proof | None:
    """A device that is no phone and connects to the target after it was told the same."""
    case, addresses = inquiry.case, set(inquiry.case.names.addresses_of(told.target))
    for one in _foreign(inquiry):
        if one.device.is_phone or (one.capture, one.question, one.target) != (told.capture, told.question, told.target):
            continue
        for attempt in case.attempts_of(*one.device.addresses):
            if attempt.server in addresses and attempt.established:
                frame = int(case.flows.at[attempt.established[0], "first_frame"])
                says = f"{one.device.id} is told the same and connects to {attempt.server}"
                return Proof(told.capture, tuple(sorted((one.frame, frame))), says)
    return None


def _refused(inquiry: Inquiry, told: _Told, searching: list[Any]) -> Found:
    follower = _follower(inquiry, told)
    frames = sorted({one.request_frames[0] for one in searching})[:4]
    return Found(
        device=told.device.id,
        peer=str(inquiry.case.flows.at[told.flow, "server"]),
        port=53,
        transport="udp",
        service="dns",
        says=(
            f"{inquiry.word(told.device.id)} asked for {told.question}, was told {told.target}, and does not go there."
        ),
        why=(
            "Since an update of 2013 Lync phones take only registrars in the domain of the user. "
            "It opens no connection to that server and looks for another."
            + (" A PC that is told the same connects." if follower else "")
        ),
        confidence=Confidence.CERTAIN if follower else Confidence.LIKELY,
        proof=(
            Proof(told.capture, (told.frame,), f"the record names {told.target}, of another domain"),
            Proof(told.capture, tuple(frames), "the phone looks for another registrar"),
            *((follower,) if follower else ()),
        ),
        time=told.time,
        flows=(told.flow,),
        rejected=(("dns-srv-target-unresolvable", follower.says),) if follower else (),
    )
