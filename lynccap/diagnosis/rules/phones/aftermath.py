"""What a phone did once DHCP had left it without something: what proves the harm, and what shows that there is none."""

from dataclasses import dataclass

from lynccap.correlation.boots import Boot
from lynccap.correlation.devices.book import LYNC_PHONE, DeviceFacts
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Proof
from lynccap.diagnosis.purposes.root_chain import distrust, has_chain

PATIENCE_NS = 30_000_000_000  # the steps of one boot lie closer together
LDAP = 389
WEB_PORTS = (80, 443)


@dataclass(frozen=True, slots=True)
class Harm:
    """What came of it."""

    says: str
    """A sentence."""
    proof: tuple[Proof, ...] = ()
    shown: bool = False
    """The phone itself says so, or a server does; else it only falls silent."""


def without_chain(inquiry: Inquiry, boot: Boot, since: int) -> Harm | Doubt | Clear:
    """Whether the phone got no root certificates from then on, `since` in nanoseconds.

    Clear where it has them, or goes for them by another way.
    """
    case, device = inquiry.case, boot.device
    if any(has_chain(case, one) for one in device.addresses) or _asked_for_chain(inquiry, boot):
        return Clear(device.id)
    alerts = [one for address in device.addresses for one in distrust(case, address) if one[2] >= since]
    if alerts:
        capture, frame, _ = alerts[0]
        proof = Proof(capture, (frame,), f"{device.id} ends TLS with alert 48, unknown CA")
        return Harm("It then refuses the server's certificate with TLS alert 48, unknown CA.", (proof,), True)
    if device.kind != LYNC_PHONE:
        return Clear(device.id)
    doubt = _tries_otherwise(inquiry, boot, since) or quiet_for(inquiry, boot.capture, device.id, since)
    return Doubt(device.id, doubt) if doubt else Harm("It never asks for the root certificates and never opens TLS.")


def _asked_for_chain(inquiry: Inquiry, boot: Boot) -> bool:
    rows = inquiry.case.messages_of("certprov", *boot.device.addresses)
    return any(row.step == "root-chains" for row in rows)


def _tries_otherwise(inquiry: Inquiry, boot: Boot, since: int) -> str | None:
    """What it does in place of asking for the root certificates: the matter is another one then, or nobody's."""
    case, addresses = inquiry.case, boot.device.addresses
    attempts = case.attempts_of(*addresses)
    if any(one.last_time >= since for one in case.sessions_of(attempts)):
        return "it opens TLS and says nothing of trust, so it may hold the root certificates from before"
    tried = (flow for one in attempts if one.port in WEB_PORTS for flow in one.flows)
    if any(case.flows.at[flow, "first_time"] >= since for flow in tried):
        return "it tries the web services all the same, so it knows their name from elsewhere"
    flows = case.flows
    mine = flows["client"].isin(addresses) & (flows["server_port"] == LDAP) & (flows["data_frames_server"] > 0)
    return "it asks the directory (LDAP), where it may get the root certificates" if mine.any() else None


def quiet_for(inquiry: Inquiry, capture: int, device: str, since: int) -> str | None:
    """Why what the phone does not do from then on proves nothing; None when it does."""
    late = inquiry.gates.ended_early(capture, since, PATIENCE_NS)
    return inquiry.gates.one_sided(capture, device) or late or inquiry.gates.absence(capture, device, since, since)


def to_registrars(inquiry: Inquiry, device: DeviceFacts) -> list[int]:
    """The connections a device tried to open to any registrar."""
    flows = inquiry.case.flows
    direct = flows["client"].isin(device.addresses) & (flows["server_port"] == SIP_TLS_PORT)
    attempts = inquiry.case.attempts_of(*device.addresses)
    sip = [flow for one in attempts if inquiry.case.roles.is_sip(one.server, one.port) for flow in one.flows]
    return sorted({*flows.index[direct & (flows["transport"] == "tcp")].tolist(), *sip})


def unreadable(inquiry: Inquiry, capture: int) -> str | None:
    """Why a DHCP message that is missing may have been there."""
    anomalies = inquiry.case.tables.anomalies
    dhcp = anomalies[(anomalies["protocol"] == "dhcp") & (anomalies["flow"] >= 0)]
    if dhcp.empty or not (dhcp["flow"].map(inquiry.case.flows["capture"]) == capture).any():
        return None
    return f"DHCP messages cannot be read to their end: {dhcp['says'].iloc[0]}"
