"""What a phone asks beside its sign-in: the directory for a root certificate, and its updates (catalogue group 10)."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from lynccap.correlation.attempts import OPEN, TRIES
from lynccap.correlation.devices.book import LYNC_PHONE, DeviceFacts
from lynccap.correlation.lookups import Lookup
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.root_chain import has_chain
from lynccap.diagnosis.purposes.users import signed_in
from lynccap.document import Confidence, Severity

LDAP = 389
UPDATES = "ucupdates"
ADDRESS = 1  # DNS record type A
_FLOW = ("capture", "client", "server", "opening", "syns", "first_frame", "first_time", "last_frame", "last_time")


@rule(
    title="The phone cannot ask the directory for its root certificate",
    severity=Severity.MINOR,
    stage=Stage.BOOTSTRAP,
    causes=("A firewall between phones and domain controllers blocks TCP port 389.",),
    fix=("Set DHCP option 43, so that phones fetch the root certificates over port 80, or open TCP port 389.",),
    act=("network team",),
    sources=("schertz-opt43",),
    explains=("tls-unknown-ca",),
)
def phone_ldap_root_fallback_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone that is tied to a PC asks Active Directory for the root certificate and does not get through.

    Evidence: connections of a Lync phone to TCP port 389 that are refused, or dropped without an answer.

    Not this: a phone that gets through to any domain controller; one that holds or fetches the root certificates
    otherwise, as phones with a PIN do. Inconclusive: unanswered connections in a capture of one direction, or one
    that ends within 9 s.
    """
    flows = inquiry.case.flows
    tried = flows[flows["server_port"] == LDAP]
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in rows_of(tried[tried["transport"] == "tcp"], _FLOW):
        device = inquiry.device(row.client)
        if device and device.kind == LYNC_PHONE:
            rows[device.id].append(row)
    for device_id, mine in rows.items():
        device = inquiry.device(device_id)
        assert device is not None
        if any(row.opening in OPEN for row in mine) or _has_other_way(inquiry, device):
            yield Clear(device_id)
        else:
            yield _blocked(inquiry, device, mine)


def _has_other_way(inquiry: Inquiry, device: DeviceFacts) -> bool:
    if any(has_chain(inquiry.case, one) for one in device.addresses):
        return True
    return any(row.step == "root-chains" for row in inquiry.case.messages_of("certprov", *device.addresses))


def _blocked(inquiry: Inquiry, device: DeviceFacts, rows: list[Any]) -> Judgement:
    silent = [row for row in rows if row.opening == "unanswered"]
    refused = [row for row in rows if row.opening == "refused"]
    if not refused:
        tries = sum(row.syns for row in silent)
        if tries < TRIES:
            return Doubt(device.id, f"it sends {tries} SYNs to port {LDAP}; {TRIES} are needed to call them unanswered")
        first, last = silent[0], silent[-1]
        if doubt := inquiry.gates.absence(first.capture, device.id, first.first_time, last.last_time, tries):
            return Doubt(device.id, doubt)
    first = (refused or silent)[0]
    ending = "is refused" if refused else "gets no answer"
    return Found(
        device=device.id,
        peer=first.server,
        port=LDAP,
        transport="tcp",
        service="other",
        says=f"{inquiry.word(device.id)} asks the directory at {first.server} on TCP port {LDAP} and {ending}.",
        why="A phone that DHCP names no certificate service looks for the root certificate in Active Directory.",
        confidence=Confidence.CERTAIN,
        proof=(Proof(first.capture, tuple(sorted({first.first_frame, first.last_frame})), f"its connection {ending}"),),
        time=first.first_time,
        flows=tuple(row.Index for row in rows),
    )


@rule(
    title="A new phone finds no update service",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The optional record ucupdates-r2 is not in DNS.",),
    fix=("Add ucupdates-r2.<suffix> for the web services, and that name to their certificate.",),
    act=("DNS administrator",),
    sources=("ms-dns-fe", "ms2010-devupd"),
)
def phone_ucupdates_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone nobody has signed in to asks for ucupdates-r2 to find its firmware, and DNS does not know the name.

    Evidence: the question, answered that the name does not exist, before any sign-in of that phone.

    Not this: a phone that is signed in, or was before the capture began: it is told its update service by its
    registrar; a name that exists under another suffix. Inconclusive: no answer to the question.
    """
    asked: dict[tuple[int, str], list[Lookup]] = defaultdict(list)
    for one in inquiry.case.lookups:
        if one.name.startswith(UPDATES) and one.record_type == ADDRESS:
            asked[one.capture, one.client].append(one)
    for (_, client), lookups in asked.items():
        device = inquiry.device(client)
        if device and device.kind == LYNC_PHONE:
            yield _updates(inquiry, device, lookups)


def _updates(inquiry: Inquiry, device: DeviceFacts, lookups: list[Lookup]) -> Judgement:
    if any(one.answers for one in lookups) or _was_signed_in(inquiry, device, lookups[0].first_time):
        return Clear(device.id)
    missing = [one for one in lookups if one.denied]
    if len(missing) < len(lookups):
        return Doubt(device.id, f"DNS did not say that {lookups[0].name} does not exist")
    one = missing[0]
    return Found(
        device=device.id,
        peer=one.server,
        port=53,
        transport="udp",
        service="dns",
        says=f"{inquiry.word(device.id)} asked for {one.name} to find its updates; DNS does not know that name.",
        why="Only a phone nobody has signed in to needs this record. Without it the phone keeps its firmware.",
        confidence=Confidence.CERTAIN,
        proof=(Proof(one.capture, (one.request_frames[0], one.response_frame), f"{one.name} does not exist"),),
        time=one.first_time,
        rejected=(("dns-server-no-answer", f"{one.server} answers that the name does not exist"),),
    )


def _was_signed_in(inquiry: Inquiry, device: DeviceFacts, before: int) -> bool:
    case = inquiry.case
    done = {frame for one in device.addresses for frame in signed_in(case, one)}
    sessions = case.sessions_of(case.attempts_of(*device.addresses))
    if any(one.data_frame in done and one.data_time < before for one in sessions):
        return True
    return any(one.ending.value == "midstream" for one in case.attempts_of(*device.addresses))
