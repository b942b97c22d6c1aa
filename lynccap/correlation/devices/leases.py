"""Which machine held which address, and when, by what DHCP says (RFC 2131)."""

from collections import defaultdict

import pandas as pd

from lynccap.correlation.devices.hardware import Holding
from lynccap.tables import Tables

Leases = dict[str, list[Holding]]
"""By address, in the order of time."""


def read_leases(tables: Tables) -> Leases:
    """Addresses that servers gave to MACs, and those that clients say they have."""
    dhcp = tables["dhcp"]
    given = dhcp[(dhcp["kind"] == "ack") & dhcp["your_address"].notna()]
    # A client that has an address names it when it renews, asks for more, or gives it back.
    said = dhcp[dhcp["from_client"] & dhcp["client_address"].notna()]
    found: Leases = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for address, mac, capture, frame, time in sorted(
        [*_rows(given, "your_address", tables), *_rows(said, "client_address", tables)], key=lambda one: one[4]
    ):
        before = found[address][-1].mac if found[address] else None
        if mac and (before != mac or (address, mac) not in seen):
            seen.add((address, mac))
            found[address].append(Holding(address, mac, int(capture), int(frame), int(time)))
    return dict(found)


def read_docks(tables: Tables) -> frozenset[str]:
    """MACs that told DHCP different host names (option 12): a dock or adapter that several machines use in turn."""
    dhcp = tables["dhcp"]
    said = dhcp[dhcp["from_client"] & dhcp["host_name"].notna()].drop_duplicates(["mac", "host_name"])
    names: dict[str, set[str]] = defaultdict(set)
    for mac, name in zip(said["mac"], said["host_name"], strict=True):
        names[mac].add(name.lower().partition(".")[0])
    return frozenset(mac for mac, ones in names.items() if len(ones) > 1)


def _rows(dhcp: pd.DataFrame, column: str, tables: Tables) -> list[tuple[str, str, int, int, int]]:
    captures = dhcp["flow"].map(tables.flows["capture"])
    columns = (dhcp[column], dhcp["mac"], captures, dhcp["frame"], dhcp["time"])
    return [row for row in zip(*columns, strict=True) if row[0] and row[0] != "0.0.0.0"]
