"""SIP clients by what they call themselves: the epid of a device, and the address it believes to have ([MS-SIPRE])."""

from collections import defaultdict
from dataclasses import dataclass

from lynccap.correlation.addresses import is_address, split_endpoint
from lynccap.correlation.roles.claims import RoleBook
from lynccap.tables import Tables

MAX_ADDRESSES = 8  # of one client: one that seems to be everywhere is a load test or a replay


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A SIP client seen at an address."""

    address: str
    name: str
    """ "user epid", as no two clients share it"""
    epid: str
    user: str
    host: str
    """The address it gives itself in Via, "" when it gives a name or none."""
    capture: int
    frame: int
    time: int
    messages: frozenset[tuple[str, int]]
    """Call-ID and CSeq of what it sent."""

    @property
    def translated(self) -> bool:
        """Whether it believes to have another address than its packets come from: NAT is in between."""
        return bool(self.host) and self.host != self.address


def read_endpoints(tables: Tables, roles: RoleBook) -> list[Endpoint]:
    """The clients that opened SIP connections and spoke readably for themselves, in the order they were seen.

    A request with more than one Via was passed on, and a server's own requests name no user's device.
    """
    sip = tables["sip"]
    own = sip[(sip["kind"] == "request") & (sip["hops"] <= 1) & sip["from_client"] & sip["from_epid"].notna()]
    clients, captures = own["flow"].map(tables.flows["client"]), own["flow"].map(tables.flows["capture"])
    grouped: dict[tuple[str, str, str, str], list[tuple[int, int, int, tuple[str, int]]]] = defaultdict(list)
    columns = (clients, captures, own["from_uri"], own["from_epid"], own["via_host"], own["frame"], own["time"])
    messages = zip(own["call_id"], own["cseq"], strict=True)
    for row, message in zip(zip(*columns, strict=True), messages, strict=True):
        client, capture, user, epid, via, frame, time = row
        if not roles.is_plausible(client):
            key = (client, (user or "").lower(), epid.lower(), _host(via))
            grouped[key].append((int(time), int(frame), int(capture), message))
    found = [_endpoint(key, seen) for key, seen in grouped.items()]
    return sorted(found, key=lambda one: (one.time, one.frame))


def _endpoint(key: tuple[str, str, str, str], seen: list[tuple[int, int, int, tuple[str, int]]]) -> Endpoint:
    client, user, epid, host = key
    time, frame, capture, _ = min(seen)
    messages = frozenset((call or "", int(number or 0)) for *_, (call, number) in seen)
    return Endpoint(client, f"{user} {epid}", epid, user, host, capture, frame, time, messages)


def _host(via: str | None) -> str:
    endpoint = split_endpoint(via)
    host = endpoint[0] if endpoint else (via or "")
    return host if is_address(host) else ""
