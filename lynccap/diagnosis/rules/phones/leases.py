"""Questions of phones that DHCP leaves without an answer (catalogue group 10)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.boots import CERTIFICATE_CLASS, VLAN_CLASS, Boot, DhcpTalk, tells_web_service
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.phones.aftermath import unreadable
from lynccap.document import Confidence, Severity

TRIES = 2  # one question may be one lost packet


@rule(
    title="The phone's question to DHCP for the certificate service stays unanswered",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=(
        "The router relays no DHCPINFORM, or relays it to a server that does not know the phones' class.",
        "The DHCP service of the Lync registrar is switched off.",
    ),
    fix=("Let the router relay DHCPINFORM, or switch the registrar's DHCP on (Set-CsRegistrarConfiguration).",),
    act=("DHCP administrator", "network team"),
    sources=("ms2010-dhcp",),
    explains=("tls-unknown-ca",),
)
def phone_dhcp_inform_unanswered(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone gets its address by DHCP, and its questions for the phones' own options get no answer.

    Evidence: an acknowledgement with the phone's address; two or more DHCPINFORM of vendor class MS-UC-Client, none of
    which is acknowledged.

    Not this: servers that gave the options with the address, or answered the class at any other time. Inconclusive:
    one question only, a capture without the lease, one that ends within 9 s, lost packets or shows one direction.
    """
    for boot in inquiry.case.boots:
        informs = [one for one in boot.of_class(CERTIFICATE_CLASS) if one.is_inform]
        if not informs:
            continue
        if any(one.acks for one in boot.of_class(CERTIFICATE_CLASS)) or any(map(tells_web_service, boot.acks)):
            yield Clear(boot.device.id)
        elif doubt := _undecided(inquiry, boot, informs):
            yield Doubt(boot.device.id, doubt)
        else:
            yield _unanswered(inquiry, boot, informs)


def _questions(talks: list[DhcpTalk]) -> list[Any]:
    return [row for one in talks for row in one.asked]


def _undecided(inquiry: Inquiry, boot: Boot, talks: list[DhcpTalk]) -> str | None:
    asked = _questions(talks)
    if len(asked) < TRIES:
        return f"it asked once; {TRIES} questions are needed to call them unanswered"
    if boot.lease is None:
        return "the capture does not show that DHCP answers this phone at all"
    absent = inquiry.gates.absence(boot.capture, boot.device.id, asked[0].time, asked[-1].time, len(asked))
    return absent or unreadable(inquiry, boot.capture)


def _unanswered(inquiry: Inquiry, boot: Boot, talks: list[DhcpTalk]) -> Found:
    asked, lease = _questions(talks), boot.lease
    assert lease is not None
    span = (asked[-1].time - asked[0].time) / 1e9
    return Found(
        device=boot.device.id,
        peer=lease.server,
        port=67,
        transport="udp",
        service="dhcp",
        says=(
            f"{inquiry.word(boot.device.id)} asked DHCP {len(asked)} times in {span:.1f} s for the options of phones "
            "(class MS-UC-Client) and got no answer."
        ),
        why=(
            "It got its address by DHCP before, so a server is there; only this kind of question (DHCPINFORM) is left "
            "unanswered. Without options 43 and 120 a phone with a PIN knows neither certificate service nor registrar."
        ),
        confidence=Confidence.CERTAIN,
        proof=(
            Proof(boot.capture, (lease.frame,), f"DHCP gives it the address {lease.your_address}"),
            Proof(boot.capture, tuple(row.frame for row in asked), "DHCPINFORM of class MS-UC-Client, unanswered"),
        ),
        time=asked[0].time,
        flows=tuple(sorted({row.flow for row in asked})),
        rejected=(("phone-dhcp43-missing", f"none of its {len(asked)} questions of class MS-UC-Client is answered"),),
    )


@rule(
    title="The phone is sent to a voice VLAN in which DHCP does not answer",
    severity=Severity.MINOR,
    stage=Stage.NETWORK,
    causes=("The switch port does not carry that VLAN.", "The VLAN has no DHCP server, or no relay to one."),
    fix=("Carry the VLAN to the phones' ports with DHCP in it, or correct sub-option 10 of option 43.",),
    act=("DHCP administrator", "network team"),
    sources=("ms2010-dhcp", "audiocodes-opt43"),
)
def phone_vlan_option_wrong(inquiry: Inquiry) -> Iterator[Judgement]:
    """DHCP names a voice VLAN to the phone; the phone then asks for an address anew and gets none.

    Evidence: an acknowledgement with option 43, sub-option 10, to vendor class CPE-OCPHONE; afterwards two or more
    questions of the same phone for an address (DHCPDISCOVER), all unanswered.

    Not this: a VLAN that the switch gives by LLDP or CDP, whatever DHCP says; a phone that gets an address afterwards.
    Inconclusive: one question only; a capture that ends within 9 s, or lost packets.
    """
    neighbours = inquiry.case.tables.neighbours
    by_switch = bool((~neighbours["telephone"] & (neighbours["voice_vlan"] > 0)).any()) if len(neighbours) else False
    for boot in inquiry.case.boots:
        sent = next((row for one in boot.of_class(VLAN_CLASS) for row in one.acks if row.vlan), None)
        if sent is None or by_switch:
            continue
        later = [one for one in boot.talks if one.asked[0].time > sent.time and not one.is_inform]
        if not later or any(one.answers for one in later):
            yield Clear(boot.device.id)
        else:
            yield _sent_away(inquiry, boot, sent, later)


def _sent_away(inquiry: Inquiry, boot: Boot, sent: Any, later: list[DhcpTalk]) -> Judgement:
    asked, vlan = [row for row in _questions(later) if row.kind == "discover"], int(sent.vlan)
    if len(asked) < TRIES:
        return Doubt(boot.device.id, f"it asks for an address {len(asked)} times after that; {TRIES} are needed")
    # What DHCP said in the first VLAN is in the capture: it shows what comes to the phone.
    doubt = inquiry.gates.missing(boot.capture, asked[0].time, asked[-1].time, len(asked))
    if doubt or (doubt := unreadable(inquiry, boot.capture)):
        return Doubt(boot.device.id, doubt)
    return Found(
        device=boot.device.id,
        peer=sent.server,
        port=67,
        transport="udp",
        service="dhcp",
        says=(
            f"{inquiry.word(boot.device.id)} was sent to voice VLAN {vlan} by DHCP option 43, asked for an address "
            f"{len(asked)} times after that, and got none."
        ),
        why="In the VLAN it came from DHCP did answer. In the one it was sent to nobody does, so it has no network.",
        confidence=Confidence.LIKELY,
        proof=(
            Proof(boot.capture, (sent.frame,), f"option 43 names voice VLAN {vlan}"),
            Proof(boot.capture, tuple(row.frame for row in asked), "its questions for an address, unanswered"),
        ),
        time=sent.time,
        flows=tuple(sorted({sent.flow, *(row.flow for row in asked)})),
    )
