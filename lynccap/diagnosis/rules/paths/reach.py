"""Reachability: ports that are refused, silently dropped, or forbidden (catalogue group 1)."""

from collections.abc import Iterator

from lynccap.correlation.attempts import PROHIBITED_CODES
from lynccap.correlation.media.relays import TURN_UDP_PORT
from lynccap.correlation.roles.claims import EDGE_INT, RELAY
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Found, Judgement, Proof
from lynccap.diagnosis.meanings import Meaning
from lynccap.diagnosis.subjects import found, judged, reached
from lynccap.diagnosis.verdicts import How, Verdict, accepted_meanwhile
from lynccap.document import Confidence, Severity

REJECTS_THIS_CLIENT = "A rule on the server, or before it, rejects this client: others are accepted on the same port."
FOR_ROOT_CHAIN = "Without it the phone has no root certificate and trusts no Lync server."


def _is_towards_relay(inquiry: Inquiry, verdict: Verdict) -> bool:
    return verdict.attempt.port == 443 and inquiry.case.roles.has(verdict.attempt.server, EDGE_INT, RELAY)


def _consequences(inquiry: Inquiry, verdict: Verdict) -> tuple[str, ...]:
    """What may follow from this very failure: no root chain, no trust; no inner relay, another way for media."""
    if verdict.meaning is Meaning.ROOT_CHAIN:
        return ("tls-unknown-ca",)
    if _is_towards_relay(inquiry, verdict):
        return ("media-via-external-edge-from-inside", "media-tcp443-fallback")
    return ()


OPEN_RELAY = (
    "Open TCP 443 from the device's subnet to the server, and check that UDP 3478 is open too: "
    "media that has only TCP suffers from every lost packet.",
)
UNKNOWN_SENDER = ("network/firewall team", "service owner of the server")


def _stop(
    inquiry: Inquiry, verdict: Verdict, what: str, causes: tuple[str, ...] = (), fix: tuple[str, ...] = ()
) -> Judgement:
    attempt = verdict.attempt
    device, server = inquiry.ends(attempt)
    says = f"{device} cannot reach {server} on TCP port {attempt.port}: {what}."
    act = UNKNOWN_SENDER if verdict.how is How.REFUSED else ()
    explains = _consequences(inquiry, verdict)
    return found(inquiry, verdict, says, f"{verdict.says}.", causes=causes, act=act, explains=explains, fix=fix)


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
    for verdict in judged(inquiry, "tcp-refused-by-host"):
        selective = accepted_meanwhile(inquiry.case, verdict.attempt)
        causes = (REJECTS_THIS_CLIENT, *tcp_refused_by_host.causes[2:]) if selective else ()
        yield _stop(inquiry, verdict, "the connection is refused", causes)


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
)
def tcp_refused_by_middlebox(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device opens a TCP connection to a required port, and a reset comes back that the server did not send.

    Evidence: the reset's TTL differs by more than one from every other packet of that server in the same capture.

    Not this: servers whose TTL varies on accepted connections too; load balancers that answer with their own TTL.
    """
    yield from reached(inquiry)
    for verdict in judged(inquiry, "tcp-refused-by-middlebox"):
        yield _stop(inquiry, verdict, "resets come back that the server itself may not have sent")


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
    explains=("media-via-external-edge-from-inside", "media-tcp443-fallback"),
)
def tcp_filtered_silent(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device repeats its SYN to a required port and nothing at all comes back, while the server is alive.

    Evidence: a SYN and at least two repeats; no SYN-ACK, reset or ICMP; another port of the server answers, or this
    port answers another subnet.

    Not this, and then inconclusive: the capture shows one direction only, ends within 9 s, lost packets itself, or
    nothing proves that the server is up.
    """
    yield from reached(inquiry)
    for verdict in judged(inquiry, "tcp-filtered-silent"):
        fix = OPEN_RELAY if _is_towards_relay(inquiry, verdict) else ()
        yield _stop(inquiry, verdict, verdict.vanished, fix=fix)


@rule(
    title="A router or firewall says that policy forbids the connection",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=("An access list on the reporting router or firewall.",),
    fix=("Change the rule on the device that sent the ICMP message: its address is in the evidence.",),
    act=("network/firewall team",),
    sources=("ms-int-ports",),
    explains=("tls-unknown-ca", "media-via-external-edge-from-inside", "media-tcp443-fallback"),
)
def icmp_admin_prohibited(inquiry: Inquiry) -> Iterator[Judgement]:
    """ICMP "administratively prohibited" quotes a packet of a device to a Lync server.

    Evidence: ICMP type 3 code 9, 10 or 13 (or ICMPv6 type 1 code 1, 5, 6) whose quoted addresses and ports are those
    of the flow, and no answer on that flow.

    Not this: quoted ICE probes towards another client, or flows that were answered all the same.
    """
    yield from reached(inquiry)
    for verdict in judged(inquiry, "icmp-admin-prohibited"):
        attempt = verdict.attempt
        device, server = inquiry.ends(attempt)
        says = (
            f"{device} may not reach {server} on TCP port "
            f"{attempt.port}: {', '.join(attempt.reporters)} says that policy forbids it."
        )
        why = f"{verdict.says}."
        if verdict.meaning is Meaning.ROOT_CHAIN:
            why = f"{why} Port 80 is where a Lync phone fetches the root certificate chain. {FOR_ROOT_CHAIN}"
        yield found(inquiry, verdict, says, why, explains=_consequences(inquiry, verdict))
    yield from _prohibited_datagrams(inquiry)


def _has_relay_or_media(inquiry: Inquiry, device: str) -> bool:
    """Another path of the device works: what was forbidden was one of many that ICE tries."""
    allocated = any(one.success_frames for one in inquiry.case.relays.allocations_of(device))
    return allocated or any(one.sustained and device in one.devices for one in inquiry.case.media)


def _prohibited_datagrams(inquiry: Inquiry) -> Iterator[Judgement]:
    case = inquiry.case
    errors = case.tables.icmp
    errors = errors[(errors["flow"] >= 0) & (errors["quoted_transport"] == "udp") & errors["from_client"]]
    for flow, rows in errors.groupby("flow", sort=True):
        row = case.flows.loc[flow]
        policy = [one for one in rows.itertuples() if (one.type, one.code) in PROHIBITED_CODES.get(one.version, set())]
        wanted = row["server_port"] == TURN_UDP_PORT and case.roles.is_lync(row["server"])
        if not policy or row["frames_server"] or not wanted or _has_relay_or_media(inquiry, row["client"]):
            continue
        reporter = policy[0].reporter
        server = inquiry.server(row["server"], row["server_port"])
        frames = tuple(sorted({int(row["first_frame_client"]), *(int(one.frame) for one in policy)}))
        yield Found(
            device=row["client"],
            peer=row["server"],
            port=int(row["server_port"]),
            transport="udp",
            service=row["service"],
            says=(
                f"{inquiry.word(row['client'])} may not reach {server} on UDP port "
                f"{row['server_port']}: {reporter} says that policy forbids it."
            ),
            why=f"{reporter} answers its datagrams with ICMP type {policy[0].type} code {policy[0].code}.",
            confidence=Confidence.CERTAIN,
            proof=(Proof(int(row["capture"]), frames, "the datagrams and the ICMP messages that quote them"),),
            time=int(row["first_time"]),
        )
