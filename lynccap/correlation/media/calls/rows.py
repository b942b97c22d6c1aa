"""Calls and legs as flat rows, for tables: one record a row, its fields the columns."""

from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.correlation.media.calls.book import CallBook
from lynccap.correlation.media.calls.records import Call, Half, Leg, Party


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. Times are nanoseconds since 1970-01-01 UTC, 0 where there is none."""

    call: int
    """Its number, from 0 in order of capture and time."""
    capture: int
    party: str
    """Address of the caller, else of who controls the checks, else of who was first; "" when it is not known."""
    party_behind: str
    """Address of the relay it is behind, or "address:port" of the NAT; "" without."""
    peer: str
    """Address of the other party, "" when it is not known."""
    peer_behind: str
    first_time: int
    """Of the INVITE, else of the first check or media packet."""
    answered_time: int
    """Of the accepting answer, where SIP is readable."""
    last_time: int
    seconds: float
    """From the first to the last media packet, 0 without media."""
    kinds: tuple[str, ...]
    """audio, video, data, …"""
    path: str
    """Of the first leg with media, else of the first leg; one of the values of Path, "" without legs."""
    flowing: str
    """Of the same leg; one of the values of Flowing, "" without legs."""
    basis: str
    """What ties it to Lync: relay, server, checks, signalling; "" when nothing does."""
    grouped: str
    """What holds its legs together: dialog, session, parties, flow"""
    call_id: str
    """Of the SIP dialog, "" when it is not readable."""
    from_uri: str
    to_uri: str
    outcome: str
    """How far the dialog came: established, cancelled, refused, …; "" when it is not readable"""
    status: int
    """Final SIP status of the INVITE, 0 without one."""
    ended_by: str
    """caller, callee, "" when nobody did or it is not readable"""


@dataclass(frozen=True, slots=True)
class LegRow:
    """One medium of one call. Times are nanoseconds since 1970-01-01 UTC, 0 where there is none."""

    call: int
    """Number of its call."""
    capture: int
    kind: str
    """audio, video, data, …, "" when nothing tells"""
    party: str
    peer: str
    """Addresses, "" when not known."""
    path: str
    """One of the values of Path."""
    path_basis: str
    transport: str
    """udp, tcp, "" without media"""
    relays: tuple[str, ...]
    """Addresses of the relays its flows lead to."""
    flows: tuple[int, ...]
    """Numbers of the flows that carried it; several where it was recorded at several places of its way."""
    one: str
    other: str
    """The pair used, "address:port"."""
    pair_basis: str
    """nomination, remote-candidates, media; "" when no pair was chosen"""
    offered: tuple[str, ...]
    """Candidates, "address:port", those of the first party first."""
    checked: int
    """Pairs of addresses that were checked."""
    failed: int
    """Pairs, allocations and connections that were tried in vain."""
    tried: tuple[str, ...]
    """What was tried and not used, in order: "pair A - B got no answer"."""
    check_time: int
    """Of the first check."""
    nomination_time: int
    first_time: int
    """Of the first media packet."""
    last_time: int
    delay_forth: float | None
    """Seconds from the answer, else the first check, to the first packet of the first party; None without either."""
    delay_back: float | None
    packets_forth: int
    packets_back: int
    codec_forth: str
    codec_back: str
    loss_forth: float | None
    """Share of the packets lost before the capture, 0 to 1; None for what is not speech."""
    loss_back: float | None
    jitter_forth_ms: float | None
    jitter_back_ms: float | None
    mos_forth: float | None
    """Opinion score, 1 to 4.5; None where there are no figures for the codec."""
    mos_back: float | None
    flowing: str
    """One of the values of Flowing."""
    silent: str
    """Address of the party that is not heard, "" when both are or its address is not known."""
    silent_since: int
    """When its media stopped, 0 when it never began."""
    basis: str
    """What ties it to Lync: relay, server, checks, signalling; "" when nothing does."""


def call_rows(book: CallBook) -> Iterator[CallRow]:
    """One row a call."""
    for number, call in enumerate(book.calls):
        leg = next((one for one in call.legs if one.first_time), call.legs[0] if call.legs else None)
        dialog = call.dialog
        party, peer = call.parties or (None, None)
        yield CallRow(
            call=number,
            capture=call.capture,
            party=party.address if party else "",
            party_behind=_behind(party),
            peer=peer.address if peer else "",
            peer_behind=_behind(peer),
            first_time=call.first_time,
            answered_time=call.answered_time,
            last_time=call.last_time,
            seconds=call.seconds,
            kinds=call.kinds,
            path=leg.path.value if leg else "",
            flowing=leg.flowing.value if leg else "",
            basis=call.basis,
            grouped=call.grouped,
            call_id=dialog.call_id if dialog else "",
            from_uri=dialog.from_uri if dialog else "",
            to_uri=dialog.to_uri if dialog else "",
            outcome=dialog.end.value if dialog else "",
            status=int(dialog.status or 0) if dialog else 0,
            ended_by=dialog.ended_by if dialog else "",
        )


def leg_rows(book: CallBook) -> Iterator[LegRow]:
    """One row a leg."""
    for number, call in enumerate(book.calls):
        yield from (_leg_row(number, call, one) for one in call.legs)


def _leg_row(number: int, call: Call, leg: Leg) -> LegRow:
    delays = call.delays(leg)
    forth: Half = leg.forth
    back: Half = leg.back
    return LegRow(
        call=number,
        capture=leg.capture,
        kind=leg.kind,
        party=leg.parties[0].address,
        peer=leg.parties[1].address,
        path=leg.path.value,
        path_basis=leg.path_basis,
        transport=leg.transport,
        relays=leg.relays,
        flows=leg.flows,
        one=leg.used.one if leg.used else "",
        other=leg.used.other if leg.used else "",
        pair_basis=leg.used.basis if leg.used else "",
        offered=tuple(one.endpoint for one in leg.offered),
        checked=leg.checked,
        failed=len(leg.failures),
        tried=tuple(f"{one.what} {one.one} - {one.other} {one.outcome.value}" for one in leg.tried),
        check_time=leg.check_time,
        nomination_time=leg.used.time if leg.used else 0,
        first_time=leg.first_time,
        last_time=leg.last_time,
        delay_forth=delays[0],
        delay_back=delays[1],
        packets_forth=forth.packets,
        packets_back=back.packets,
        codec_forth=forth.codec,
        codec_back=back.codec,
        loss_forth=forth.loss,
        loss_back=back.loss,
        jitter_forth_ms=forth.jitter_ms,
        jitter_back_ms=back.jitter_ms,
        mos_forth=forth.mos,
        mos_back=back.mos,
        flowing=leg.flowing.value,
        silent=leg.silent,
        silent_since=leg.silent_since,
        basis=leg.basis,
    )


def _behind(party: Party | None) -> str:
    return party.behind if party else ""
