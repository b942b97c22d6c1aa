"""SIP clients by what they call themselves: the epid of a device, and the address it believes to have ([MS-SIPRE])."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from lynccap.correlation.addresses import is_address, split_endpoint
from lynccap.tables import Tables

MAX_ADDRESSES = 8  # of one client: one that seems to be everywhere is a load test or a replay


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A SIP client seen at an address."""

    address: str
    name: str
    """ "user epid", as no two clients share it"""
    epid: str
    host: str
    """The address it gives itself in Via, "" when it gives a name or none."""
    capture: int
    frame: int

    @property
    def translated(self) -> bool:
        """Whether it believes to have another address than its packets come from: NAT is in between."""
        return bool(self.host) and self.host != self.address


@dataclass(frozen=True)
class EndpointBook:
    """The SIP clients of a capture."""

    endpoints: tuple[Endpoint, ...]
    """In the order they were seen; one entry for each address it has or believes to have."""
    copied: frozenset[str]
    """Names of those of which one message is seen from two addresses: before and behind a NAT."""


def read_endpoints(tables: Tables, servers: frozenset[str]) -> EndpointBook:
    """The clients that opened SIP connections and spoke readably for themselves.

    A request with more than one Via was passed on, and a server's own requests name no user's device.
    """
    sip = tables["sip"]
    mine = (sip["kind"] == "request") & (sip["hops"] <= 1) & sip["from_client"] & sip["from_epid"].notna()
    own = sip.loc[mine, ["flow", "frame", "from_uri", "from_epid", "via_host", "call_id", "cseq"]]
    said = own.drop_duplicates(["flow", "from_epid", "via_host", "from_uri"])
    clients, captures = said["flow"].map(tables.flows["client"]), said["flow"].map(tables.flows["capture"])
    columns = (clients, captures, said["from_uri"], said["from_epid"], said["via_host"], said["frame"].tolist())
    found: dict[tuple[str, str, str], Endpoint] = {}
    for client, capture, user, epid, via, frame in zip(*columns, strict=True):
        if client not in servers:
            name = _name(user, epid)
            one = Endpoint(client, name, epid.lower(), _host(via), capture, frame)
            found.setdefault((client, name, one.host), one)
    endpoints = tuple(found.values())
    return EndpointBook(endpoints, _copied(tables, own, endpoints))


def _copied(tables: Tables, own: pd.DataFrame, endpoints: tuple[Endpoint, ...]) -> frozenset[str]:
    places = {(one.name, one.address): one.epid for one in endpoints}
    counts = Counter(name for name, _ in places)
    epids = {epid for (name, _), epid in places.items() if counts[name] > 1}
    if not epids:
        return frozenset()
    moving = own[own["from_epid"].str.lower().isin(epids)]
    moving = moving.assign(client=moving["flow"].map(tables.flows["client"]))
    message = ["from_uri", "from_epid", "call_id", "cseq"]
    moving = moving.drop_duplicates([*message, "client"])
    twice = moving[moving.duplicated(message)]
    return frozenset(_name(user, epid) for user, epid in zip(twice["from_uri"], twice["from_epid"], strict=True))


def _name(user: str | None, epid: str) -> str:
    return f"{(user or '').lower()} {epid.lower()}"


@lru_cache(maxsize=65536)
def _host(via: str | None) -> str:
    endpoint = split_endpoint(via)
    host = endpoint[0] if endpoint else (via or "")
    return host if is_address(host) else ""
