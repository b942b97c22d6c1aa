"""What the stages ask of flows and messages, device by device: columns as lists and rows by key, each made once."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np

from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.sip.registrations import Registration

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Column(Generic[Value]):
    """A column of the flows as it lies in memory, read value by value: there may be a million flows."""

    values: "np.ndarray[Any, Any]"

    def __getitem__(self, flow: int) -> Value:
        """The value of one flow, a Python object."""
        value = self.values[flow]
        found: Value = value.item() if isinstance(value, np.generic) else value
        return found


@dataclass(frozen=True)
class FlowFacts:
    """Columns of the flows, and rows by what they are asked for."""

    case: Case

    @cached_property
    def clients(self) -> Column[str]:
        """Of each flow."""
        return self._column("client")

    @cached_property
    def servers(self) -> Column[str]:
        """Of each flow."""
        return self._column("server")

    @cached_property
    def ports(self) -> Column[int]:
        """The server's, of each flow."""
        return self._column("server_port")

    @cached_property
    def captures(self) -> Column[int]:
        """Of each flow."""
        return self._column("capture")

    @cached_property
    def first_frames(self) -> Column[int]:
        """Of each flow."""
        return self._column("first_frame")

    @cached_property
    def first_times(self) -> Column[int]:
        """Of each flow."""
        return self._column("first_time")

    @cached_property
    def last_heard(self) -> Column[int]:
        """When the server of each flow sent for the last time."""
        return self._column("last_time_server")

    @cached_property
    def openings(self) -> Column[str]:
        """Of each flow."""
        return self._column("opening")

    @cached_property
    def stacks(self) -> Column[str]:
        """Of each flow."""
        return self._column("stack")

    @cached_property
    def services(self) -> Column[str]:
        """Of each flow."""
        return self._column("service")

    def _column(self, name: str) -> Column[Any]:
        return Column(self.case.flows[name].to_numpy())

    @cached_property
    def starts(self) -> list[int]:
        """The first time of each capture."""
        numbers: list[int] = self.case.tables.captures["first_time"].tolist()
        return numbers

    @cached_property
    def ends(self) -> list[int]:
        """The last time of each capture."""
        numbers: list[int] = self.case.tables.captures["last_time"].tolist()
        return numbers

    @cached_property
    def digits(self) -> list[int]:
        """Decimals of the times of each capture."""
        numbers: list[int] = self.case.tables.captures["digits"].tolist()
        return numbers

    @cached_property
    def vlans(self) -> dict[str, set[int]]:
        """By client: the VLANs its flows bear."""
        found: dict[str, set[int]] = defaultdict(set)
        for client, vlan in self.case.flows[["client", "vlan"]].drop_duplicates().itertuples(index=False):
            found[client].add(int(vlan))
        return found

    @cached_property
    def registrations(self) -> dict[str, list[Registration]]:
        """By the address that registers, in order of time."""
        found: dict[str, list[Registration]] = defaultdict(list)
        for one in self.case.dialogs.registrations:
            found[(self.clients if one.from_client else self.servers)[one.flow]].append(one)
        return found

    @cached_property
    def _requests(self) -> dict[str, dict[tuple[int, int], tuple[int, int]]]:
        return {}

    def request_of(self, protocol: str, row: Any) -> tuple[int, int]:
        """Frame and time of the request of an exchange; those of its answer where the request is not readable."""
        if protocol not in self._requests:
            table = self.case.tables[protocol]
            asked = table[table["kind"] == "request"]
            columns = [asked[name].tolist() for name in ("flow", "first_frame", "frame", "time")]
            self._requests[protocol] = {
                (flow, first): (frame, time) for flow, first, frame, time in zip(*columns, strict=True)
            }
        found = self._requests[protocol].get((row.flow, row.first_frame))
        return found or (int(row.frame), int(row.time))

    @cached_property
    def hellos(self) -> dict[int, int]:
        """By flow: when the client said hello in TLS first."""
        table = self.case.tables["tls"]
        first = table[table["kind"] == "client-hello"].drop_duplicates("flow")
        return dict(zip(first["flow"].tolist(), first["time"].tolist(), strict=True))

    @cached_property
    def _neighbours(self) -> dict[str, list[Any]]:
        """By hardware address of a telephone: all LLDP and CDP frames of its capture, which hears no other telephone.

        Switches do not pass such frames on: whoever is heard with one telephone is on its link.
        """
        found: dict[str, list[Any]] = {}
        table = self.case.tables.neighbours
        for _, rows in table.groupby("capture"):
            phones = {mac for mac in rows.loc[rows["telephone"], "mac"] if mac}
            if len(phones) == 1:
                found.setdefault(phones.pop(), []).extend(rows.itertuples())
        return found

    def neighbours_of(self, device: DeviceFacts) -> list[Any]:
        """The LLDP and CDP frames on a telephone's link, its own too; empty where it is not heard."""
        return [row for mac in device.macs for row in self._neighbours.get(mac, ())]
