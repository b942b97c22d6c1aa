"""The tables `calls` and `media`."""

from collections.abc import Iterator

import pandas as pd

from lynccap.correlation.case import Case
from lynccap.correlation.media.calls.records import Call, Leg, Party
from lynccap.correlation.origins import Origins
from lynccap.results.building import of_rows, timestamp
from lynccap.results.material import Material
from lynccap.results.rows import CallRow, MediaRow


def calls(material: Material) -> pd.DataFrame:
    """One row a call, in order of recording and time."""
    return of_rows(CallRow, (_call(number, call, files) for number, call, _, files, _ in _numbered(material)))


def media(material: Material) -> pd.DataFrame:
    """One row a medium of a call."""
    return of_rows(
        MediaRow,
        (
            _medium(number, call, leg, files, first)
            for number, call, _, files, first in _numbered(material)
            for leg in call.legs
        ),
    )


def _numbered(material: Material) -> Iterator[tuple[int, Call, Case, Origins, int]]:
    """Every call with its number, its case with its files, and the row of the case's first connection."""
    number = 0
    for (case, files), first in zip(material.study, material.first_connections, strict=True):
        for call in case.calls.calls:
            yield number, call, case, files, first
            number += 1


def _call(number: int, call: Call, files: Origins) -> CallRow:
    leg = next((one for one in call.legs if one.first_time), call.legs[0] if call.legs else None)
    dialog = call.dialog
    party, peer = call.parties or (None, None)
    return CallRow(
        call=number,
        capture=_capture(leg, files),
        party=party.address if party else "",
        party_behind=_behind(party),
        peer=peer.address if peer else "",
        peer_behind=_behind(peer),
        first_time=timestamp(call.first_time),
        answered_time=timestamp(call.answered_time),
        last_time=timestamp(call.last_time),
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


def _capture(leg: Leg | None, files: Origins) -> str:
    """The file that holds the first frame of a leg, the first file of the recording without any."""
    return next(iter(files.split(leg.frames)), files.ids[0]) if leg else files.ids[0]


def _medium(number: int, call: Call, leg: Leg, files: Origins, first: int) -> MediaRow:
    forth_delay, back_delay = call.delays(leg)
    forth, back = leg.forth, leg.back
    capture = _capture(leg, files)
    return MediaRow(
        call=number,
        capture=capture,
        kind=leg.kind,
        party=leg.parties[0].address,
        peer=leg.parties[1].address,
        path=leg.path.value,
        path_basis=leg.path_basis,
        transport=leg.transport,
        relays=leg.relays,
        connections=tuple(first + flow for flow in leg.flows),
        frames=files.split(leg.frames).get(capture, ()),
        one=leg.used.one if leg.used else "",
        other=leg.used.other if leg.used else "",
        pair_basis=leg.used.basis if leg.used else "",
        offered=tuple(one.endpoint for one in leg.offered),
        checked=leg.checked,
        failed=len(leg.failures),
        tried=tuple(f"{one.what} {one.one} - {one.other} {one.outcome.value}" for one in leg.tried),
        check_time=timestamp(leg.check_time),
        nomination_time=timestamp(leg.used.time if leg.used else 0),
        first_time=timestamp(leg.first_time),
        last_time=timestamp(leg.last_time),
        delay_forth=forth_delay,
        delay_back=back_delay,
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
        silent_since=timestamp(leg.silent_since),
        basis=leg.basis,
    )


def _behind(party: Party | None) -> str:
    return party.behind if party else ""
