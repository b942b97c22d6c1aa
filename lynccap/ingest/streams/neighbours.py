"""Reads what switches and phones announce into rows of NEIGHBOURS."""

from collections.abc import Iterable
from typing import Any

from dissectors.cdp import CDP, CdpMessage
from dissectors.contract import dissect
from dissectors.lldp import LLDP, LldpMessage
from lynccap.ingest.decoding import CDP_TYPE, Announcement
from lynccap.ingest.schemas import Arrays, columns_of_rows
from lynccap.tables import NEIGHBOURS

UNTOLD = -1
_COLUMNS = {name: dtype for name, dtype in NEIGHBOURS.items() if name != "capture"}
Fields = tuple[Any, ...]


def neighbours_of(announcements: Iterable[Announcement]) -> Arrays:
    """The columns of NEIGHBOURS but `capture`; frames that cannot be read have no row."""
    read: dict[tuple[int, bytes], Fields | None] = {}
    rows = []
    for frame, time, mac, kind, data in announcements:
        key = (kind, data)
        if key not in read:
            read[key] = _fields(kind, data)
        fields = read[key]
        if fields is not None:
            rows.append((frame, time, mac.hex(":"), *fields))
    return columns_of_rows(_COLUMNS, rows)


def _fields(kind: int, data: bytes) -> Fields | None:
    """The columns from `protocol` on."""
    message = next((one.message for one in dissect(CDP if kind == CDP_TYPE else LLDP, data).messages), None)
    if isinstance(message, LldpMessage):
        names = (message.protocol, message.system_name or message.chassis, message.port, message.telephone)
        vlans = (message.voice_vlan, message.native_vlan, message.voice_dscp, message.voice_priority)
        return (*names, *(UNTOLD if one is None else one for one in vlans))
    if isinstance(message, CdpMessage):
        device = message.system_name or message.device or ""
        vlans = (message.voice_vlan, message.native_vlan, None, None)
        told = (UNTOLD if one is None else one for one in vlans)
        return (message.protocol, device, message.port or "", message.telephone, *told)
    return None
