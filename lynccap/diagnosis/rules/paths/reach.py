"""Reachability: ports that are refused, silently dropped, or forbidden (catalogue group 1)."""

from collections.abc import Iterator
from itertools import islice

from lynccap.correlation.protocol_numbers import HTTP, HTTPS, INITIAL_TTLS
from lynccap.correlation.roles.claims import EDGE_INT, RELAY
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Judgement
from lynccap.diagnosis.liveness import accepted_meanwhile
from lynccap.diagnosis.meanings import Meaning
from lynccap.diagnosis.subjects import found, judged, reached
from lynccap.diagnosis.verdicts import How, Verdict
from lynccap.document import Severity

LISTED = 3  # devices a sentence names
REJECTS_THIS_CLIENT = "A rule on the server, or before it, rejects this client: others are accepted on the same port."


def _is_towards_relay(inquiry: Inquiry, verdict: Verdict) -> bool:
    return verdict.attempt.port == 443 and inquiry.case.roles.has(verdict.attempt.server, EDGE_INT, RELAY)


def consequences(inquiry: Inquiry, verdict: Verdict) -> tuple[str, ...]:
    """What may follow from this very failure: no root chain, no trust; no inner relay, another way for media."""
    if verdict.meaning is Meaning.ROOT_CHAIN:
        return ("tls-unknown-ca",)
    if _is_towards_relay(inquiry, verdict):
        return ("media-via-external-edge-from-inside", "media-tcp443-fallback", "appshare-external-fails")
    if verdict.attempt.port in (HTTP, HTTPS):
        return ("meeting-content-https-fails", "mobile-desktop-ok-mobile-fails", "tlsdsk-enrolment-failed")
    return ()


OPEN_RELAY = (
    "Open TCP 443 from the device's subnet to the server, and check that UDP 3478 is open too: "
    "media that has only TCP suffers from every lost packet.",
)
UNKNOWN_SENDER = ("network/firewall team", "service owner of the server")


def _with_others(inquiry: Inquiry, name: str) -> Iterator[tuple[Verdict, str]]:
    """The verdicts of one rule, each with a sentence on the other devices at the same port of the server."""
    clients: dict[tuple[int, str, int], dict[str, None]] = {}
    for one in judged(inquiry, name):
        clients.setdefault(_target(one), {})[one.attempt.client] = None
    for one in judged(inquiry, name):
        others = [client for client in islice(clients[_target(one)], LISTED + 1) if client != one.attempt.client]
        more = len(clients[_target(one)]) - 1 - len(others[:LISTED])
        listed = ", ".join(others[:LISTED]) + (f" and {more} more" if more else "")
        yield one, f" The same happens to {listed}." if others else ""


def _target(verdict: Verdict) -> tuple[int, str, int]:
    return verdict.attempt.capture, verdict.attempt.server, verdict.attempt.port


def _distance(verdict: Verdict) -> str:
    """How far away the sender of the resets is, by the hops their TTL has lost."""
    if len(verdict.attempt.rst_ttls) != 1:
        return ""
    (ttl,) = verdict.attempt.rst_ttls
    hops = min(initial for initial in INITIAL_TTLS if initial >= ttl) - ttl
    return f" Their sender is {hops} {'hop' if hops == 1 else 'hops'} away from the place of the capture."


def _stop(
    inquiry: Inquiry,
    verdict: Verdict,
    what: str,
    causes: tuple[str, ...] = (),
    fix: tuple[str, ...] = (),
    more: str = "",
) -> Judgement:
    attempt = verdict.attempt
    device, server = inquiry.ends(attempt)
    says = f"{device} cannot reach {server} on TCP port {attempt.port}: {what}."
    act = UNKNOWN_SENDER if verdict.how is How.REFUSED else ()
    explains = consequences(inquiry, verdict)
    return found(inquiry, verdict, says, f"{verdict.says}.{more}", causes=causes, act=act, explains=explains, fix=fix)


@rule(
    title="A required port is refused",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "The service is stopped or does not listen on this port.",
        "A DNS record, a manual setting or a publishing rule sends the client to the wrong port.",
        "The load balancer address has no listener for this port.",
        "The server's own firewall answers with a reset.",
    ),
    fix=(
        "Start the service, or bind it to the port.",
        "Add the listener on the load balancer, or correct the record that sent the client there.",
    ),
    act=("service owner of the server", "load balancer team"),
    sources=("ms-int-ports",),
    explains=("dns-search-order-delay",),
)
def tcp_refused_by_host(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device opens a TCP connection to a port the port table names, and a reset comes back.

    Evidence: SYN to a known Lync server on a required port; a reset to each SYN and never a SYN-ACK. Certain when two
    resets carry the TTL of the server's other packets; likely when nothing shows who sent them.

    Not this: ICE probes to candidates, which are refused in healthy calls; port 80 of the reverse proxy from outside;
    a pool member that refuses while the next one accepts within 30 s; a restart, after which others
    are accepted; a TTL that is clearly not the server's.
    """
    yield from reached(inquiry)
    for verdict, more in _with_others(inquiry, "tcp-refused-by-host"):
        selective = accepted_meanwhile(inquiry.case, verdict.attempt)
        causes = (REJECTS_THIS_CLIENT, *tcp_refused_by_host.causes[2:]) if selective else ()
        yield _stop(inquiry, verdict, "the connection is refused", causes, more=more)


@rule(
    title="A box in between refuses a required port",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "A firewall rule rejects with a reset.",
        "An intrusion prevention system resets the connection.",
        "A load balancer without a healthy node answers for it.",
    ),
    fix=("Permit the device's subnet to this address and port on the box that sent the reset.",),
    act=("network/firewall team",),
    sources=("ms-int-ports",),
    explains=("dns-search-order-delay",),
)
def tcp_refused_by_middlebox(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device opens a TCP connection to a required port, and a reset comes back that the server did not send.

    Evidence: the reset's TTL differs by more than one from every other packet of that server in the same capture.

    Not this: servers whose TTL varies on accepted connections too; load balancers that answer with their own TTL.
    """
    yield from reached(inquiry)
    for verdict, more in _with_others(inquiry, "tcp-refused-by-middlebox"):
        what = "resets come back that the server itself may not have sent"
        yield _stop(inquiry, verdict, what, more=_distance(verdict) + more)


@rule(
    title="Packets to a required port vanish",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "A firewall drops the packets without an answer.",
        "The server's network has no route back to the device.",
        "The load balancer listens for another network only.",
    ),
    fix=("Open the port from the device's subnet to the server, in the direction the device opens it.",),
    act=("network/firewall team",),
    sources=("ms-int-ports",),
    explains=(
        "media-via-external-edge-from-inside",
        "media-tcp443-fallback",
        "dns-search-order-delay",
    ),
)
def tcp_filtered_silent(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device repeats its SYN to a required port and nothing at all comes back, while the server is alive.

    Evidence: a SYN and at least two repeats; no SYN-ACK, reset or ICMP; another port of the server answers, or this
    port answers another subnet.

    Not this, and then inconclusive: the capture shows one direction only, ends within 9 s, lost packets itself, or
    nothing proves that the server is up.
    """
    yield from reached(inquiry)
    for verdict, more in _with_others(inquiry, "tcp-filtered-silent"):
        fix = OPEN_RELAY if _is_towards_relay(inquiry, verdict) else ()
        yield _stop(inquiry, verdict, verdict.vanished, fix=fix, more=more)
