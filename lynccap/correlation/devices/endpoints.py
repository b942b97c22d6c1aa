"""SIP clients by what they call themselves: the epid of a device, and the address it believes to have ([MS-SIPRE])."""

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
    flow = own["flow"]
    own = own.assign(client=flow.map(tables.flows["client"]), capture=flow.map(tables.flows["capture"]))
    own = own[~own["client"].isin(list(servers))]
    said = own.drop_duplicates(["client", "from_uri", "from_epid", "via_host"])
    columns = ("client", "capture", "from_uri", "from_epid", "via_host", "frame")
    found: dict[tuple[str, str, str], Endpoint] = {}
    for client, capture, user, epid, via, frame in said[list(columns)].itertuples(index=False):
        name = f"{(user or '').lower()} {epid.lower()}"
        one = Endpoint(client, name, epid.lower(), _host(via), int(capture), int(frame))
        found.setdefault((client, name, one.host), one)
    return EndpointBook(tuple(found.values()), _copied(own))


def _copied(own: pd.DataFrame) -> frozenset[str]:
    places = own.drop_duplicates(["client", "from_epid"])["from_epid"]
    moving = own[own["from_epid"].isin(list(places[places.duplicated()]))]
    message = ["from_uri", "from_epid", "call_id", "cseq"]
    moving = moving.drop_duplicates([*message, "client"])
    twice = moving[moving.duplicated(message)].drop_duplicates(["from_uri", "from_epid"])
    return frozenset(
        f"{(user or '').lower()} {epid.lower()}"
        for user, epid in zip(twice["from_uri"], twice["from_epid"], strict=True)
    )


@lru_cache(maxsize=65536)
def _host(via: str | None) -> str:
    endpoint = split_endpoint(via)
    host = endpoint[0] if endpoint else (via or "")
    return host if is_address(host) else ""
