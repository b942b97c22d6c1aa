"""What servers do as clients: reach the next hop, prove themselves, fetch revocation lists, federate."""

from collections.abc import Sequence
from typing import Any

from lynccap.correlation.addresses import is_public
from lynccap.correlation.attempts import Attempt
from lynccap.correlation.journeys.connecting import connection, tls
from lynccap.correlation.journeys.exchanges import exchange
from lynccap.correlation.journeys.facts import StageFacts, StageName, listed
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.correlation.roles.claims import CRL_HOST, EDGE_ACCESS
from lynccap.document import StepOutcome


def next_hop(view: DeviceView) -> StageFacts | None:
    """The TCP connection to the next SIP server."""
    return connection(view, StageName.NEXT_HOP, view.sip_attempts, "the next server") if view.sip_attempts else None


def next_hop_tls(view: DeviceView) -> StageFacts | None:
    """The TLS handshake with the next SIP server, in which both sides show certificates."""
    return tls(view, StageName.TLS, view.sip_sessions) if view.sip_sessions else None


def revocation(view: DeviceView) -> StageFacts | None:
    """Revocation lists and OCSP over HTTP (RFC 5280 5, RFC 6960): a host that cannot be reached goes first."""
    tries = [one for one in view.attempts if view.case.roles.has(one.server, CRL_HOST) and one.port == 80]
    reached = {one.server for one in tries if one.established}
    lost = [one for one in tries if one.server not in reached]
    if lost:
        return connection(view, StageName.CRL, lost, "the revocation list's host")
    words = "asked for revocation data"
    told = exchange(view, StageName.CRL, view.messages("crl"), words, judge=_revocation_outcome)
    if told or not tries:
        return told
    step = connection(view, StageName.CRL, tries, "the revocation list's host")
    return StageFacts(StageName.CRL, StepOutcome.UNKNOWN, step.says, step.capture, step.time, step.frames)


def _revocation_outcome(view: DeviceView, row: Any) -> StepOutcome:
    if row.outcome == "ok":
        return StepOutcome.OK if row.content_ok else StepOutcome.UNKNOWN
    from_host = view.case.roles.has(view.coverage.servers[row.flow], CRL_HOST) and row.flow not in view.case.proxied
    return StepOutcome.FAILED if row.outcome == "http-error" and from_host else StepOutcome.UNKNOWN


def federation(view: DeviceView) -> StageFacts | None:
    """Whether an Access Edge and a partner's exchange protected data, whoever of them opened the connection."""
    if view.device.role != EDGE_ACCESS:
        return None
    out = [one for one in view.sip_attempts if _is_partner(view, one.server, one.port)]
    came = [one for address in view.device.addresses for one in view.case.attempts_at(address)]
    back = [one for one in came if _is_partner(view, one.client, one.port)]
    sessions = view.case.sessions_of([*out, *back])
    done = [one for one in sessions if one.completed]
    if not done:
        return None
    first = min(done, key=lambda one: (one.data_time, one.flow))
    ways = _ways(view, {one.flow for one in done}, out, back)
    says = f"protected data went both ways with the partner {_partner(view, first.flow)}{ways}"
    frames = listed((one.data_frame for one in done), first.data_frame)
    capture = view.coverage.captures[first.flow]
    return StageFacts(StageName.FEDERATION, StepOutcome.OK, says, capture, first.data_time, frames)


def _is_partner(view: DeviceView, address: str, port: int) -> bool:
    """Servers of other organisations are reached over the Internet, on the port for servers."""
    return port == SIP_TLS_PORT and is_public(address) and address not in view.device.addresses


def _partner(view: DeviceView, flow: int) -> str:
    server = view.coverage.servers[flow]
    return view.coverage.clients[flow] if server in view.device.addresses else server


def _ways(view: DeviceView, done: set[int], out: Sequence[Attempt], back: Sequence[Attempt]) -> str:
    """Who opened the connections on which data flowed."""
    opened, accepted = (any(done & set(one.established) for one in ones) for ones in (out, back))
    if opened and accepted:
        return ", on connections that each opened"
    return ", on connections of this server" if opened else ", on connections of the partner only"
