"""The time: a phone without it takes good certificates for expired ones (catalogue group 10)."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lynccap.correlation.devices.book import LYNC_PHONE, DeviceFacts
from lynccap.correlation.lookups import Lookup
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.phones.aftermath import quiet_for
from lynccap.document import Confidence, Severity

TIME_SERVICE = "_ntp._udp."
FALLBACK = "time.windows.com"
TRIES = 2
CLOCK_ALERTS = (42, 45, 46)
"""Bad certificate, certificate expired, certificate unknown: what programs say that look at dates (RFC 5246 7.2.2)."""
NTP_PORT = 123


@rule(
    title="The phone finds no time server",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=(
        "A firewall blocks UDP port 123 to the Internet, and the site names no time server of its own.",
        "The record _ntp._udp of the SIP domain and DHCP option 42 are both missing.",
    ),
    fix=("Publish the record _ntp._udp.<SIP domain>, or set DHCP option 42 in the scope of the phones.",),
    act=("DHCP administrator", "DNS administrator"),
    sources=("ms2010-ntp", "sfb-dns"),
    explains=("cert-not-yet-valid-or-clock-skew", "cert-expired"),
)
def phone_ntp_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync phone is told no time server, and the public one it falls back on does not answer.

    Evidence: the phone's question for _ntp._udp, answered that the name does not exist; leases without option 42;
    questions for the time (NTP) that stay unanswered; then the phone refuses a certificate, or never opens TLS.

    Not this: any answer of a time server; a phone that completes TLS, whose clock is right. Inconclusive: no lease in
    the capture; fewer than two questions for the time; a capture that ends within 30 s, or shows one direction.
    """
    asked: dict[tuple[int, str], list[Lookup]] = defaultdict(list)
    for one in inquiry.case.lookups:
        if one.name.startswith(TIME_SERVICE):
            asked[one.capture, one.client].append(one)
    for (capture, client), lookups in asked.items():
        device = inquiry.device(client)
        if device and device.kind == LYNC_PHONE:
            yield _judged(inquiry, capture, device, lookups)


def _judged(inquiry: Inquiry, capture: int, device: DeviceFacts, lookups: list[Lookup]) -> Judgement:
    case = inquiry.case
    ntp = case.messages_of("ntp", *device.addresses)
    acks = [row for boot in case.boots if boot.device.id == device.id for row in boot.acks]
    sessions = case.sessions_of(case.attempts_of(*device.addresses))
    named = any(one.answers for one in lookups) or any(row.ntp_servers or row.time_servers for row in acks)
    if named or any(not row.from_client for row in ntp) or any(one.completed for one in sessions):
        return Clear(device.id)
    alert = next(
        (one for each in sessions for one in each.alerts if one.from_client and one.code in CLOCK_ALERTS), None
    )
    doubt = _undecided(inquiry, capture, device, lookups, ntp, bool(acks))
    if not doubt and alert is None:
        doubt = "it opens TLS and does not refuse a certificate" if sessions else None
        doubt = doubt or quiet_for(inquiry, capture, device.id, ntp[-1].time)
    if doubt:
        return Doubt(device.id, doubt)
    proof = Proof(capture, (alert.frame,), alert.word) if alert else None
    return _without_time(inquiry, capture, device, lookups[0], ntp, proof)


def _undecided(
    inquiry: Inquiry, capture: int, device: DeviceFacts, lookups: list[Lookup], ntp: list[Any], leased: bool
) -> str | None:
    if not all(one.denied for one in lookups):
        return f"DNS did not say that {lookups[0].name} does not exist"
    if not leased:
        return "its lease is not in the capture, and may have named a time server (option 42)"
    if len(ntp) < TRIES:
        return f"it asked for the time {len(ntp)} times; {TRIES} questions are needed to call them unanswered"
    return inquiry.gates.absence(capture, device.id, ntp[0].time, ntp[-1].time, len(ntp))


def _without_time(
    inquiry: Inquiry, capture: int, device: DeviceFacts, lookup: Lookup, ntp: list[Any], alert: Proof | None
) -> Found:
    server = str(inquiry.case.flows.at[ntp[0].flow, "server"])
    public = server in inquiry.case.names.addresses_of(FALLBACK)
    came = "It then refuses a certificate, as a phone does whose clock is wrong." if alert else "It never opens TLS."
    return Found(
        device=device.id,
        peer=server,
        port=NTP_PORT,
        transport="udp",
        service="ntp",
        says=(
            f"{inquiry.word(device.id)} finds no time server: DNS knows no {lookup.name}, DHCP gives no option 42, "
            f"and {FALLBACK if public else server} left {len(ntp)} questions for the time unanswered."
        ),
        why=f"A phone with a wrong clock takes good certificates for expired or not yet valid ones. {came}",
        confidence=Confidence.CERTAIN if alert else Confidence.LIKELY,
        proof=(
            Proof(capture, (lookup.request_frames[0], lookup.response_frame), f"DNS: {lookup.name} does not exist"),
            Proof(capture, tuple(row.frame for row in ntp)[:12], "questions for the time, unanswered"),
            *((alert,) if alert else ()),
        ),
        time=lookup.first_time,
        flows=tuple(sorted({row.flow for row in ntp})),
    )
