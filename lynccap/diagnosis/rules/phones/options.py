"""Option 43 of DHCP: the address of the certificate service, which phones with a PIN depend on (catalogue group 10)."""

from collections.abc import Iterator
from typing import Any

from lynccap import reference
from lynccap.correlation.addresses import is_address
from lynccap.correlation.boots import CERTIFICATE_CLASS, Boot, DhcpTalk, tells_web_service
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.phones.aftermath import Harm, unreadable, without_chain
from lynccap.document import Confidence, Severity

OPTION, REGISTRAR_OPTION = 43, 120
NAMES_SERVICE = "Option 43 names the service from which a phone gets its certificates; a phone with a PIN needs it."


def _asking(inquiry: Inquiry) -> Iterator[tuple[Boot, tuple[DhcpTalk, ...]]]:
    """The devices that asked for option 43 by the phones' vendor class and were answered, with those questions."""
    for boot in inquiry.case.boots:
        talks = [one for one in boot.of_class(CERTIFICATE_CLASS) if one.wants(OPTION) and one.acks]
        if talks:
            yield boot, tuple(talks)


def _told(talks: tuple[DhcpTalk, ...]) -> list[Any]:
    """The acknowledgements that name the certificate service, or try to."""
    return [row for one in talks for row in one.acks if tells_web_service(row) or row.vendor_damaged]


@rule(
    title="DHCP does not tell the phone where to get its certificates (option 43)",
    severity=Severity.CRITICAL,
    stage=Stage.NETWORK,
    causes=(
        "Option 43 is not configured in the DHCP scope of the phones.",
        "The vendor class MS-UC-Client is not defined on the DHCP server, or option 43 is set for another class.",
        "A relay between phone and server strips the option.",
    ),
    fix=("Set the values that DHCPUtil prints for the class MS-UC-Client in the scope of the phones.",),
    act=("DHCP administrator",),
    sources=("ms2010-dhcp", "schertz-opt43", "ms-int-ports"),
    explains=("tls-unknown-ca",),
)
def phone_dhcp43_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone asks DHCP where the certificate service is and is answered without it.

    Evidence: a question of vendor class MS-UC-Client that lists option 43; its acknowledgement without that option, or
    with another vendor's; no request for the root certificates follows, and the phone ends TLS with alert 48 or never
    opens it.

    Not this: a phone that holds the root certificates, or asks for them all the same; one that asks the directory; a
    phone of another make that works without. Inconclusive: a capture that ends within 30 s, or shows one direction.
    """
    for boot, talks in _asking(inquiry):
        if _told(talks):
            yield Clear(boot.device.id)
            continue
        last = talks[-1]
        harm = without_chain(inquiry, boot, last.acks[-1].time)
        if not isinstance(harm, Harm):
            yield harm
        elif doubt := unreadable(inquiry, boot.capture):
            yield Doubt(boot.device.id, doubt)
        else:
            yield _left_without(inquiry, boot, last, harm)


def _left_without(inquiry: Inquiry, boot: Boot, talk: DhcpTalk, harm: Harm) -> Found:
    device, server = boot.device.id, talk.acks[-1].server
    return _found(
        boot,
        talk,
        f"{inquiry.word(device)} asked DHCP for option 43 and was answered without it"
        + (f" by {server}." if server else "."),
        f"{NAMES_SERVICE} {harm.says}",
        harm,
        "the question of class MS-UC-Client, and the answer without option 43",
        ("phone-dhcp-inform-unanswered", f"{server or 'DHCP'} answers its question of class MS-UC-Client"),
    )


def _found(boot: Boot, talk: DhcpTalk, says: str, why: str, harm: Harm, shows: str, rejected: tuple[str, str]) -> Found:
    asked = talk.asked[0]
    return Found(
        device=boot.device.id,
        peer=talk.acks[-1].server,
        port=67,
        transport="udp",
        service="dhcp",
        says=says,
        why=why,
        confidence=Confidence.CERTAIN if harm.shown else Confidence.LIKELY,
        proof=(Proof(boot.capture, tuple(sorted({asked.frame, talk.acks[-1].frame})), shows), *harm.proof),
        time=asked.time,
        flows=tuple(sorted({row.flow for row in (*talk.asked, *talk.acks)})),
        rejected=(rejected,),
    )


@rule(
    title="DHCP option 43 sends the phone to a wrong address for its certificates",
    severity=Severity.CRITICAL,
    stage=Stage.NETWORK,
    causes=("The option was typed in by hand, as hexadecimal digits, with a mistake.",),
    fix=("Make the option's value anew with DHCPUtil and set it as it is.",),
    act=("DHCP administrator",),
    sources=("ms2010-dhcp43", "audiocodes-opt43"),
    explains=("tls-unknown-ca",),
)
def phone_dhcp43_malformed(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone is told the address of the certificate service by DHCP, and the address is wrong.

    Evidence: the acknowledgement to a question of vendor class MS-UC-Client, whose option 43 has a sub-option that is
    missing or differs from what phones accept: identifier, scheme, name, port, path, or lengths that do not add up; or
    its name is one DNS does not know. Then no root certificates are fetched.

    Not this: option 43 for other classes, which has other contents; a phone that holds the root certificates; an
    option of which a second server gives a right one. Inconclusive: a capture that ends within 30 s.
    """
    for boot, talks in _asking(inquiry):
        told = _told(talks)
        faults = {row.Index: _faults(inquiry, boot, row) for row in told}
        if not told:
            continue
        if not all(faults.values()):
            yield Clear(boot.device.id)
            continue
        harm = without_chain(inquiry, boot, told[-1].time)
        if isinstance(harm, Harm):
            yield _misled(inquiry, boot, talks, told[-1], faults[told[-1].Index], harm)
        else:
            yield harm


def _faults(inquiry: Inquiry, boot: Boot, ack: Any) -> list[tuple[str, tuple[int, ...]]]:
    """What is wrong with one option 43, in words, with the frames beside the acknowledgement that show it."""
    if ack.vendor_damaged:
        return [("the lengths of its parts do not add up", ())]
    found: list[tuple[str, tuple[int, ...]]] = [(says, ()) for says in _wrong_parts(ack)]
    name = ack.uc_web_server
    if not name:
        found.append((f"{_part('43.3')} is missing", ()))
    elif is_address(name):
        found.append((f"{_part('43.3')} is the address {name}: it must be a name", ()))
    elif frames := _unknown_to_dns(inquiry, boot, name):
        found.append((f"{_part('43.3')} is {name}, and DNS does not know that name", frames))
    return found


def _wrong_parts(ack: Any) -> Iterator[str]:
    given = {"43.1": ack.uc_identifier, "43.2": ack.uc_scheme, "43.4": ack.uc_port, "43.5": ack.uc_path}
    for option, value in given.items():
        wanted = reference.dhcp_options()[option].expected.partition(",")[0].partition(" ")[0]
        exact = option == "43.1"
        if value is None or (value != wanted if exact else value.lower() != wanted.lower()):
            yield f"{_part(option)} is {value or 'missing'} in place of {wanted}"


def _part(option: str) -> str:
    row = reference.dhcp_options()[option]
    return f"sub-option {option.partition('.')[2]} ({row.name})"


def _unknown_to_dns(inquiry: Inquiry, boot: Boot, name: str) -> tuple[int, ...]:
    """The frames in which DNS says so, none when it was not asked or told an address at any time."""
    asked = [one for one in inquiry.case.lookups_of(*boot.device.addresses) if one.name == name.lower().rstrip(".")]
    if any(one.answers or not one.denied for one in asked):
        return ()
    return tuple(frame for one in asked[:1] for frame in (one.request_frames[0], one.response_frame))


def _misled(
    inquiry: Inquiry,
    boot: Boot,
    talks: tuple[DhcpTalk, ...],
    ack: Any,
    faults: list[tuple[str, tuple[int, ...]]],
    harm: Harm,
) -> Found:
    talk = next(one for one in talks if ack in one.acks)
    says = "; ".join(text for text, _ in faults)
    frames = tuple(frame for _, ones in faults for frame in ones)
    if frames:
        shown = Proof(
            boot.capture, tuple(sorted(frames)), "the name asked of DNS, and the answer that it does not exist"
        )
        harm = Harm(harm.says, (shown, *harm.proof), True)
    return _found(
        boot,
        talk,
        f"{inquiry.word(boot.device.id)} was told a wrong address for its certificates by DHCP option 43: {says}.",
        f"{NAMES_SERVICE} {harm.says}",
        harm,
        "the question of class MS-UC-Client, and the wrong option 43",
        ("phone-dhcp43-missing", f"the answer of {ack.server or 'DHCP'} brings option 43"),
    )
