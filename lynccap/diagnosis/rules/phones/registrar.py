"""How a phone finds its registrar: DHCP option 120, or a DNS service record it accepts (catalogue group 10)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.boots import CERTIFICATE_CLASS, Boot, DhcpTalk
from lynccap.correlation.devices.book import LYNC_PHONE
from lynccap.correlation.lookups import Lookup
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.phones.aftermath import to_registrars, unreadable
from lynccap.document import Confidence, Severity

OPTION, ADDRESSES = 120, 1
INSIDE = "_sipinternaltls."
REGISTRAR_NAMES = (INSIDE, "_sipinternal.", "_sip._tls.", "sipinternal.", "sip.", "sipexternal.")
"""Beginnings of the names that lead a phone to its registrar."""


def _asking(inquiry: Inquiry) -> Iterator[tuple[Boot, DhcpTalk, list[Any]]]:
    """The devices that asked for option 120 by the phones' class: the last such question, and what all were told."""
    for boot in inquiry.case.boots:
        talks = [one for one in boot.of_class(CERTIFICATE_CLASS) if one.wants(OPTION) and one.acks]
        if talks:
            yield boot, talks[-1], [row for row in boot.acks if row.sip_encoding is not None]


def _asked_dns(inquiry: Inquiry, boot: Boot) -> list[Lookup]:
    """What it asked DNS on the way to a registrar."""
    asked = inquiry.case.lookups_of(*boot.device.addresses)
    return [one for one in asked if one.capture == boot.capture and one.name.startswith(REGISTRAR_NAMES)]


def _found(
    inquiry: Inquiry,
    boot: Boot,
    talk: DhcpTalk,
    ack: Any,
    says: str,
    why: str,
    shows: str,
    *more: Proof,
    rejected: tuple[str, str],
) -> Found:
    return Found(
        device=boot.device.id,
        peer=ack.server,
        port=67,
        transport="udp",
        service="dhcp",
        says=f"{inquiry.word(boot.device.id)} {says}",
        why=why,
        confidence=Confidence.CERTAIN,
        proof=(Proof(boot.capture, (talk.asked[0].frame, ack.frame), shows), *more),
        time=talk.asked[0].time,
        flows=(talk.asked[0].flow, ack.flow),
        rejected=(rejected,),
    )


@rule(
    title="Neither DHCP (option 120) nor DNS tells the phone its registrar",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("Option 120 is missing in the DHCP scope of the phones, and DNS has no service record in its place.",),
    fix=("Set option 120 to the name of the pool, or add the record _sipinternaltls._tcp of the SIP domain.",),
    act=("DHCP administrator",),
    sources=("ms2010-dhcp", "ms-int-ports", "ms2010-logon"),
    explains=("dns-sip-srv-missing", "dns-all-discovery-exhausted"),
)
def phone_dhcp120_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone is told its registrar neither by DHCP nor by DNS.

    Evidence: a question of vendor class MS-UC-Client that lists option 120, and its acknowledgement without it; the
    phone's question for _sipinternaltls._tcp, answered that the name does not exist; no connection to port 5061.

    Not this: any name of a registrar that DNS does know; a connection to a registrar; a phone that did not ask for the
    option. Inconclusive: DNS was not asked, or did not answer; a capture that ends within 9 s, or lost packets.
    """
    for boot, talk, told in _asking(inquiry):
        asked = _asked_dns(inquiry, boot)
        if told or any(one.answers for one in asked) or to_registrars(inquiry, boot.device):
            yield Clear(boot.device.id)
        elif doubt := _undecided(inquiry, boot, talk, asked):
            yield Doubt(boot.device.id, doubt)
        else:
            yield _nowhere(inquiry, boot, talk, asked)


def _undecided(inquiry: Inquiry, boot: Boot, talk: DhcpTalk, asked: list[Lookup]) -> str | None:
    inside = [one for one in asked if one.name.startswith(INSIDE)]
    if not inside:
        return "the capture does not show that it asked DNS for its registrar"
    if not all(one.denied or one.rcode_name == "noerror" for one in asked):
        return "DNS did not answer all its questions for a registrar"
    last = max(one.last_time for one in asked)
    absent = inquiry.gates.absence(boot.capture, boot.device.id, max(last, talk.acks[-1].time), last)
    return absent or unreadable(inquiry, boot.capture)


def _nowhere(inquiry: Inquiry, boot: Boot, talk: DhcpTalk, asked: list[Lookup]) -> Found:
    names = ", ".join(dict.fromkeys(one.name for one in asked))
    frames = {frame for one in asked for frame in (one.request_frames[0], one.response_frame)}
    servers = " and ".join(sorted({one.server for one in asked}))
    return _found(
        inquiry,
        boot,
        talk,
        talk.acks[-1],
        "finds no registrar: DHCP answers without option 120, and DNS knows no record for it.",
        f"It asked DNS for {names} and was told that there is none. It opens no connection to TCP port 5061.",
        "the question of class MS-UC-Client, and the answer without option 120",
        Proof(boot.capture, tuple(sorted(frames)), "the questions to DNS, and the answers: no such record"),
        rejected=("dns-server-no-answer", f"{servers} answers all its questions for a registrar"),
    )


@rule(
    title="DHCP gives the phone an address in place of the registrar's name (option 120)",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("Option 120 was set up for other SIP phones, which take addresses.",),
    fix=("Set option 120 to the name of the pool, in the form of DNS labels (first byte 0).",),
    act=("DHCP administrator",),
    sources=("schertz-opt43", "ms2010-dhcp43", "rfc3361"),
    explains=(
        "tls-unknown-ca",
        "cert-name-mismatch",
    ),
)
def phone_dhcp120_is_ip(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync phone is told the address of its registrar, not its name, and cannot use it: TLS needs a name.

    Evidence: an acknowledgement to the phone whose option 120 begins with byte 1; then no connection to a registrar,
    or one whose certificate the phone itself refuses.

    Not this: SIP phones of other makes, which take addresses; a phone that finds its registrar by DNS, or signs in.
    Inconclusive: a capture that ends within 9 s, or shows one direction.
    """
    for boot, talk, told in _asking(inquiry):
        if boot.device.kind != LYNC_PHONE or not told or any(row.sip_encoding != ADDRESSES for row in told):
            continue
        yield _judged(inquiry, boot, talk, told[-1])


def _judged(inquiry: Inquiry, boot: Boot, talk: DhcpTalk, ack: Any) -> Judgement:
    opened = to_registrars(inquiry, boot.device)
    refused = [proof for flow in opened if (proof := _name_refused(inquiry, boot, flow, ack))]
    if (opened and not refused) or any(one.answers for one in _asked_dns(inquiry, boot)):
        return Clear(boot.device.id)
    doubt = None if opened else inquiry.gates.absence(boot.capture, boot.device.id, ack.time, ack.time)
    if doubt:
        return Doubt(boot.device.id, doubt)
    came = "It refuses the certificate it is shown there." if opened else "It opens no connection to a registrar."
    return _found(
        inquiry,
        boot,
        talk,
        ack,
        f"was told an address as its registrar by DHCP option 120, not a name: {', '.join(ack.sip_servers)}.",
        f"A Lync phone compares the name with the certificate, so it can only use a name. {came}",
        "the question of class MS-UC-Client, and option 120 with an address",
        *refused[:1],
        rejected=("phone-dhcp120-missing", f"the answer of {ack.server or 'DHCP'} brings option 120"),
    )


def _name_refused(inquiry: Inquiry, boot: Boot, flow: int, ack: Any) -> Proof | None:
    """The phone's own end of TLS with the address it was told, once it had seen the certificate."""
    session: TlsSession | None = inquiry.case.sessions.get(flow)
    if inquiry.case.flows.at[flow, "server"] not in ack.sip_servers or session is None or session.completed:
        return None
    end = session.handshake.end
    if end is None or not end.from_client or not session.certificate_frame:
        return None
    says = f"{boot.device.id} ends TLS after the certificate"
    return Proof(boot.capture, (session.certificate_frame, end.frame), says)
