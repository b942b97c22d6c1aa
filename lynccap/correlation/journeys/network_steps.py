"""Link and address: which VLAN the switch gave, and what DHCP handed out."""

from typing import Any

from lynccap.correlation.boots import dhcp_messages
from lynccap.correlation.journeys.facts import StageFacts, StageName, listed
from lynccap.correlation.journeys.view import DeviceView
from lynccap.document import StepOutcome


def link(view: DeviceView) -> StageFacts | None:
    """The voice VLAN by LLDP-MED or CDP, or by DHCP option 43; frames of neighbours stay on their own link."""
    told = view.coverage.neighbours_of(view.device)
    offers = [row for row in told if not row.telephone and row.voice_vlan > 0]
    if offers:
        return _by_switch(view, offers[0], offers)
    asked = dhcp_messages(view.case.leases, view.device)
    row = next((row for row in asked if row.vlan and row.kind in ("offer", "ack")), None)
    if row:
        says = f"got voice VLAN {int(row.vlan)} by DHCP" + _used(view, int(row.vlan))
        capture = view.coverage.captures[row.flow]
        return StageFacts(StageName.LINK, StepOutcome.OK, says, capture, int(row.time), (int(row.frame),))
    if not told:
        return None
    first, frames = told[0], listed(row.frame for row in told)
    says = "LLDP or CDP is on its link, but no frame there gives a voice VLAN"
    return StageFacts(StageName.LINK, StepOutcome.UNKNOWN, says, int(first.capture), int(first.time), frames)


def _by_switch(view: DeviceView, first: Any, offers: list[Any]) -> StageFacts:
    given = sorted({int(row.voice_vlan) for row in offers})
    used = sorted(set().union(*(view.coverage.vlans.get(one, set()) for one in view.device.addresses)) - {-1})
    where = f"{first.device}, port {first.port}" if first.port else first.device
    says = f"the switch ({where}) gives voice VLAN {', '.join(map(str, given))} by {first.protocol.upper()}"
    if used and not set(given) & set(used):
        # The recorder may stand behind the switch, where tags are others.
        says += f"; its frames bear VLAN {', '.join(map(str, used))}"
        outcome = StepOutcome.UNKNOWN
    else:
        says += "; its frames are in it" if used else ""
        outcome = StepOutcome.OK if used else StepOutcome.UNKNOWN
    frames = listed(row.frame for row in offers)
    return StageFacts(StageName.LINK, outcome, says, int(first.capture), int(first.time), frames)


def _used(view: DeviceView, vlan: int) -> str:
    used = any(vlan in view.coverage.vlans.get(one, ()) for one in view.device.addresses)
    return "; its frames are in it" if used else ""


def address(view: DeviceView) -> StageFacts | None:
    """The address by DHCP (RFC 2131 3), with what its options say of Lync."""
    rows = dhcp_messages(view.case.leases, view.device)
    if not rows:
        return None
    acks = [row for row in rows if row.kind == "ack"]
    refusals = [row for row in rows if row.kind == "nak"]
    if acks and not (refusals and refusals[-1].time > acks[-1].time):
        outcome, says = StepOutcome.OK, _granted(acks) + (", after a refusal" if refusals else "")
    elif refusals:
        said = f": {refusals[-1].message}" if refusals[-1].message else ""
        outcome, says = StepOutcome.FAILED, f"the DHCP server {refusals[-1].server or ''} refused its address{said}"
    else:
        outcome, says = StepOutcome.UNKNOWN, "asked by DHCP; no acknowledgement is in the capture"
    first = rows[0]
    decisive = [row.frame for row in (acks[:1] if outcome is StepOutcome.OK else refusals[-1:])]
    capture = view.coverage.captures[first.flow]
    frames = listed((row.frame for row in rows), first.frame, *decisive)
    return StageFacts(StageName.ADDRESS, outcome, " ".join(says.split()), capture, int(first.time), frames)


def _granted(acks: list[Any]) -> str:
    leased = next((row for row in reversed(acks) if row.your_address), None)
    got = f"got {leased.your_address} by DHCP" if leased else "got options by DHCP"
    web = next((row.uc_web_server for row in acks if row.uc_web_server), None)
    sip = next((row.sip_servers for row in acks if row.sip_servers), ())
    lync = f"; option 43 names {web}" if web else ""
    return got + lync + (f"; option 120 names {', '.join(sip)}" if sip else "")
