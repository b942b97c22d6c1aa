"""Several Edges behind one name: sent to one and answered by another, and tokens that only some of them take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lynccap.correlation.addresses import is_private, is_public, split_endpoint
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.relays import Side
from lynccap.correlation.roles.claims import EDGE_AV, EDGE_INT
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tls.presented import Presented
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.relaying.asks import WITHOUT_RELAY, consequences
from lynccap.diagnosis.rules.relaying.refusing import (
    ROUNDS,
    Asked,
    everything_asked,
    granted_after,
    refusals_of,
    served_at,
)
from lynccap.diagnosis.subjects import day, subject_of
from lynccap.document import Confidence, Severity

TRIES = 2
TOKEN_NS = 8 * 3_600_000_000_000  # a token lives eight hours (catalogue, turn-token-expired-after-cert-change)
LISTED = 8


@rule(
    title="The relay that a device is sent to does not answer it, or another one does",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=(
        "The load balancer of the A/V Edge translates source addresses, or sends the requests to another server.",
        "The address that the Edge tells cannot be reached from outside, as a private one.",
    ),
    fix=("Publish each A/V Edge by its own real address, without source translation.",),
    act=("load balancer team",),
    sources=("ms-turn", "ms-edge-hlb"),
    explains=(
        "turn-allocate-401-loop",
        "stun-3478-blocked-external",
        "stun-3478-blocked-internal",
        "relay-all-transports-blocked",
        "no-relay-candidates-offered",
        *WITHOUT_RELAY,
    ),
)
def turn_alternate_server_ignored(inquiry: Inquiry) -> Iterator[Judgement]:
    """A challenge names another address of the Edge, the device asks there, and that address does not answer it.

    Evidence: error 401 with an Alternate-Server other than the address asked; requests of the device to that address;
    their answers come from another address, or never; no success. Certain for answers from elsewhere and for a private
    address that is told to a device outside, else likely.

    Not this: an Alternate-Server that is the address already used, or the other side of its translation, where the
    same requests are recorded again; a success there.
    Inconclusive in a capture that lacks packets, shows one direction or ends too soon.
    """
    for one in inquiry.case.relays.allocations:
        if one.transport != "udp" or one.server in inquiry.case.relays.cloud or not one.challenge_frames:
            continue
        there = (split_endpoint(one.alternate) or ("",))[0]
        if not there or there == one.server or one.success_frames:
            yield Clear(one.client)
        elif inquiry.case.relays.translated(one.server) != there:
            yield from _sent_on(inquiry, one, there)


def _sent_on(inquiry: Inquiry, one: Allocation, there: str) -> Iterator[Judgement]:
    mine = inquiry.case.relays.allocations_of(one.client)
    followed = [
        each for each in mine if each.server == there and each.capture == one.capture and each.transport == "udp"
    ]
    if not followed:
        if is_private(one.server) and is_public(there) and inquiry.case.relays.side_of(one.server) is Side.EXTERNAL:
            yield Clear(one.client)  # seen behind the translation: the same interface
        return
    if any(each.success_frames or _is_same(inquiry, one, each) for each in followed):
        yield Clear(one.client)
        return
    strays = _strays(inquiry, followed)
    if strays:
        yield _ignored(inquiry, one, there, followed, strays)
    elif not any(each.answered for each in followed):
        times = sorted(time for each in followed for time in each.request_times)
        doubt = inquiry.gates.absence(one.capture, one.client, times[0], times[-1], len(times))
        if not doubt and len(times) < TRIES:
            doubt = f"{there} was asked only once"
        yield Doubt(one.client, doubt) if doubt else _ignored(inquiry, one, there, followed, ())


def _is_same(inquiry: Inquiry, one: Allocation, other: Allocation) -> bool:
    """Whether both are the same packets, recorded on both sides of a translation."""
    stun = inquiry.case.tables["stun"]
    mine = stun[
        stun["flow"].isin((one.flow, other.flow)) & (stun["kind"] == "request") & stun["transaction_id"].astype(bool)
    ]
    return bool((mine.groupby("transaction_id")["flow"].nunique() > 1).any())


def _strays(inquiry: Inquiry, followed: Sequence[Allocation]) -> tuple[tuple[int, str], ...]:
    """(frame, sender) of the answers to these requests that came from another address."""
    stun = inquiry.case.tables["stun"]
    flows = [each.flow for each in followed]
    asked = stun[stun["flow"].isin(flows) & (stun["kind"] == "request")]["transaction_id"]
    wanted = [one for one in asked if one]
    answers = stun[
        ~stun["flow"].isin(flows) & stun["kind"].isin(("response", "error")) & stun["transaction_id"].isin(wanted)
    ]
    clients = {each.client for each in followed}
    found = []
    for row in rows_of(answers, ("flow", "frame", "from_client")):
        client, server = inquiry.case.facts_of(row.flow, "client", "server")
        sender = client if row.from_client else server
        if sender not in clients:
            found.append((int(row.frame), str(sender)))
    return tuple(found)


def _ignored(
    inquiry: Inquiry, one: Allocation, there: str, followed: Sequence[Allocation], strays: Sequence[tuple[int, str]]
) -> Found:
    leaked = is_private(there) and (is_public(one.client) or inquiry.is_placed(one.client, Location.OUTSIDE))
    senders = ", ".join(dict.fromkeys(sender for _, sender in strays))
    how = f"the answers come from {senders}" if strays else "nothing answers there"
    frames = [frame for each in followed for frame in each.request_frames[:LISTED]]
    subject = subject_of(inquiry, one.flow)
    proof = [
        subject.shows(f"the challenge that names {there}", one.challenge_frames[0]),
        subject.shows(f"requests to {there}", *frames),
    ]
    if strays:
        proof.append(subject.shows(f"answers from {senders}", *(frame for frame, _ in strays[:LISTED])))
    causes = turn_alternate_server_ignored.causes
    return subject.found(
        f"{inquiry.word(one.client)} is sent by the relay {one.server} to {there}, asks there, and {how}.",
        "A request over UDP has to go to the address that the challenge names, and its answer has to come from there."
        + (f" {there} is a private address, which nobody outside can reach." if leaked else ""),
        Confidence.CERTAIN if strays or leaked else Confidence.LIKELY,
        *proof,
        device=one.client,
        peer=one.server,
        port=one.port,
        flows=(one.flow, *(each.flow for each in followed)),
        causes=causes[::-1] if leaked else (),
        explains=(
            *consequences(inquiry, one.client, turn_alternate_server_ignored.explains),
            *_reported(inquiry, followed),
        ),
    )


def _reported(inquiry: Inquiry, followed: Sequence[Allocation]) -> tuple[str, ...]:
    """The rules on ICMP, where it speaks of these very requests."""
    quoted = inquiry.case.tables.icmp["flow"].isin([each.flow for each in followed]).any()
    return ("icmp-no-route", "icmp-admin-prohibited", "host-unreachable") if quoted else ()


@dataclass(frozen=True, slots=True)
class _Populations:
    """Who a relay refuses and whom it serves, by when they signed in."""

    refused: tuple[Asked, ...]
    served: tuple[Allocation, ...]
    """Of devices that were seen to sign in, or to get credentials, before."""


@rule(
    title="Relays refuse the tokens of everybody who signed in before a certificate was replaced",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=("The certificate for A/V authentication was replaced without rolling it over.",),
    fix=("Let the users sign in again.", "Stage such certificates in future, with -Roll."),
    act=("Lync administrator",),
    sources=("ms-edge-changes",),
    explains=("turn-allocate-401-loop",),
)
def turn_token_expired_after_cert_change(inquiry: Inquiry) -> Iterator[Judgement]:
    """A relay refuses the credentials of devices signed in for long, and takes those of devices that just signed in.

    Evidence: two or more devices whose signed requests are refused (401, 431, 436) three times or more, none of them
    seen to sign in or to get credentials in the capture; another device that did so and is served by the same relay
    afterwards. Certain where a new certificate of the Edge is seen as well, else likely.

    Not this: a single device; devices that are refused although they have just signed in. Inconclusive where nobody
    who signed in later is in the capture.
    """
    by_server: dict[tuple[int, str], list[Asked]] = {}
    for asked in everything_asked(inquiry):
        refused = refusals_of(asked)
        if len(refused) >= ROUNDS and not granted_after(asked.allocations, refused[0][1].time):
            by_server.setdefault((asked.capture, asked.server), []).append(asked)
        elif any(one.success_frames for one in asked.allocations):
            yield Clear(asked.client)
    for loops in by_server.values():
        if len(loops) > 1:
            yield from _after_change(inquiry, loops)


def _after_change(inquiry: Inquiry, loops: Sequence[Asked]) -> Iterator[Judgement]:
    fresh = [asked for asked in loops if _signed_in(inquiry, asked.client, refusals_of(asked)[0][0].time)]
    if fresh:
        return  # who has just signed in is refused too: it is not the age of the tokens
    since = min(refusals_of(asked)[0][0].time for asked in loops)
    served = tuple(
        one
        for one in served_at(inquiry, loops[0])
        if one.request_times[-1] >= since and _signed_in(inquiry, one.client, one.request_times[-1])
    )
    if not served:
        yield from (
            Doubt(asked.client, f"nobody who signed in later and asks {asked.server} is in the capture")
            for asked in loops
        )
        return
    for asked in loops:
        yield _old_token(inquiry, asked, _Populations(tuple(loops), served))


def _signed_in(inquiry: Inquiry, client: str, before: int) -> int:
    """A frame in which the capture shows a device getting credentials or opening its SIP connection; 0 for none."""
    case = inquiry.case
    for row in case.messages_of("mras", client):
        if row.granted and row.time <= before:
            return int(row.frame)
    for attempt in case.attempts_of(client):
        if attempt.first_time > before or not case.roles.is_sip(attempt.server, attempt.port):
            continue
        for flow in attempt.established:
            opening, frame = case.facts_of(flow, "opening", "first_frame")
            if opening == "established":
                return int(frame)
    return 0


def _old_token(inquiry: Inquiry, asked: Asked, people: _Populations) -> Found:
    refused, other = refusals_of(asked), people.served[0]
    changed = _new_certificate(inquiry, asked)
    signed = _signed_in(inquiry, other.client, other.request_times[-1])
    proof = [
        asked.subject.shows(
            "signed requests that are refused", *(step.frame for pair in refused[:LISTED] for step in pair)
        ),
        Proof(
            asked.capture, tuple(sorted({signed, other.success_frames[0]})), f"{other.client} signs in and is served"
        ),
    ]
    if changed:
        showing = changed.showings[0]
        proof.append(
            Proof(
                changed.capture,
                (showing.frame,),
                f"a certificate of the Edge, valid since {day(changed.leaf.not_before)}",
            )
        )
    return asked.subject.found(
        f"{inquiry.word(asked.client)} gets no media relay from {asked.server}: its credentials are from before, and "
        f"{other.client}, which signed in within the capture, is served.",
        f"{len(people.refused)} devices are refused, none of which is seen to sign in. Tokens for the relay live up to "
        "eight hours, and a new certificate makes older ones void."
        + ("" if changed else " That a certificate was replaced is not in the capture."),
        Confidence.CERTAIN if changed else Confidence.LIKELY,
        *proof,
        time=refused[0][0].time,
    )


def _new_certificate(inquiry: Inquiry, asked: Asked) -> Presented | None:
    """A certificate that the relay's machine shows and that has been valid for less than a token's life."""
    for one in inquiry.case.presented:
        if one.holder != asked.server and not inquiry.case.roles.has(one.holder, EDGE_INT, EDGE_AV):
            continue
        since = one.leaf.not_before
        if isinstance(since, int) and 0 <= asked.subject.time - since <= TOKEN_NS:
            return one
    return None
