"""What devices asked of DHCP and were told, question by question (RFC 2131 3): the first thing a phone's boot shows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.devices.book import DeviceBook, DeviceFacts
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

CERTIFICATE_CLASS = "MS-UC-Client"
"""The vendor class, in exactly these letters, by which phones ask for the certificate service and the registrar."""
VLAN_CLASS = "CPE-OCPHONE"
"""… and for the voice VLAN."""
QUESTIONS = frozenset({"discover", "request", "inform"})
ANSWERS = frozenset({"offer", "ack", "nak"})


@dataclass(frozen=True, slots=True)
class DhcpTalk:
    """The messages of one machine that bear one transaction number: what it asked, and what it was told."""

    capture: int
    mac: str
    asked: tuple[Any, ...]
    """Rows of the dhcp table in the order of time, those that repeat a question among them; never empty."""
    answers: tuple[Any, ...]
    """The same: offers, acknowledgements and refusals, of every server."""

    @property
    def vendor_class(self) -> str:
        """Option 60 of the questions, "" without one."""
        return next((str(row.vendor_class) for row in self.asked if row.vendor_class), "")

    @property
    def is_inform(self) -> bool:
        """Whether only options were asked for, with an address at hand."""
        return any(row.kind == "inform" for row in self.asked)

    @property
    def acks(self) -> tuple[Any, ...]:
        """The acknowledgements."""
        return tuple(row for row in self.answers if row.kind == "ack")

    @property
    def frames(self) -> tuple[int, ...]:
        """Of every message."""
        return tuple(sorted(row.frame for row in (*self.asked, *self.answers)))

    def wants(self, option: int) -> bool:
        """Whether an option is on its list (option 55): a server sends what is asked for."""
        return any(option in row.requested_options for row in self.asked)


@dataclass(frozen=True, slots=True)
class Boot:
    """What one device asked of DHCP in one capture."""

    capture: int
    device: DeviceFacts
    talks: tuple[DhcpTalk, ...]
    """In the order they began."""

    @property
    def acks(self) -> tuple[Any, ...]:
        """All acknowledgements it got."""
        return tuple(row for one in self.talks for row in one.acks)

    @property
    def lease(self) -> Any | None:
        """The first acknowledgement that gave it an address."""
        return next((row for row in self.acks if row.your_address), None)

    def of_class(self, vendor_class: str) -> tuple[DhcpTalk, ...]:
        """The talks in which it called itself that."""
        return tuple(one for one in self.talks if one.vendor_class == vendor_class)


def tells_web_service(ack: Any) -> bool:
    """Whether option 43 holds anything of what leads to the certificate service (sub-options 1 to 5)."""
    return any((ack.uc_identifier, ack.uc_scheme, ack.uc_web_server, ack.uc_port, ack.uc_path))


def dhcp_messages(leases: dict[str, list[Any]], device: DeviceFacts) -> list[Any]:
    """The DHCP messages of a device, in order of time; one that sent nothing else is known by its lease.

    `leases` are Case.leases.
    """
    mine = [row for one in device.addresses for row in leases.get(one, ())]
    macs = device.macs or tuple(dict.fromkeys(row.mac for row in mine))
    found = {row.Index: row for row in (*mine, *(row for mac in macs for row in leases.get(mac, ())))}
    return sorted(found.values(), key=lambda row: (row.time, row.frame))


def read_boots(tables: Tables, devices: DeviceBook) -> tuple[Boot, ...]:
    """The boots of the devices that got, or said that they have, an address; in the order they began."""
    talks: dict[tuple[int, str], list[DhcpTalk]] = defaultdict(list)
    for one in _talks(tables):
        talks[one.capture, one.mac].append(one)
    found = (
        Boot(capture, device, tuple(ones))
        for (capture, _), ones in talks.items()
        if (device := _device(ones, devices)) is not None
    )
    return tuple(found)


def _talks(tables: Tables) -> Iterable[DhcpTalk]:
    dhcp = tables["dhcp"]
    rows: dict[tuple[int, str, int], list[Any]] = defaultdict(list)
    captures = tables.flows["capture"].to_numpy()
    for row in rows_of(dhcp.sort_values("frame", kind="stable"), dhcp.columns):
        rows[int(captures[row.flow]), row.mac, row.transaction_id].append(row)
    for (capture, mac, _), ones in rows.items():
        if asked := tuple(row for row in ones if row.kind in QUESTIONS):
            yield DhcpTalk(capture, mac, asked, tuple(row for row in ones if row.kind in ANSWERS))


def _device(talks: Iterable[DhcpTalk], devices: DeviceBook) -> DeviceFacts | None:
    """The device that holds the address a machine was given last, or said that it has."""
    rows = [row for one in talks for row in (*one.acks, *one.asked)]
    held = [one for row in reversed(rows) for one in (row.your_address, row.client_address) if one]
    return next((device for one in held if (device := devices.of(one)) is not None), None)
