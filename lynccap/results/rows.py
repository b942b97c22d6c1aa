"""The rows of the result tables: one class a table, one field a column.

`capture` is the capture's id in the document (C1, C2, …) and `frame` a frame number of that file, as Wireshark counts
them; 0 is no frame. Times are of dtype `datetime64[ns, UTC]`, NaT where there is none. What was not seen is "", an
empty tuple, or -1 for numbers that may be 0.
"""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One row a device: a person's machine, a phone, a server that acts as a client."""

    device: str
    """The address it is called by, as in all tables."""
    addresses: tuple[str, ...]
    """All of its addresses."""
    macs: tuple[str, ...]
    """Hardware addresses, where the capture shows its own and not a router's."""
    names: tuple[str, ...]
    """Host and user names that packets show."""
    kind: str
    """Lync phone, third-party phone, desktop, mobile, client (one of the last two), server, unknown, …"""
    role: str
    """Of a server: what it is in the deployment."""
    basis: str
    """What shows the kind."""
    location: str
    """inside, outside or unknown"""
    location_basis: str
    """What shows the side."""


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One row a claim that an address holds a server role."""

    address: str
    """IPv4 or IPv6."""
    role: str
    """Code of the role."""
    title: str
    """What people call it."""
    basis: str
    """topology file, messages exchanged, name asked for it, certificate, port and first bytes"""
    decisive: bool
    """It ties the address to a Lync deployment; other claims only fit one."""
    says: str
    """What shows it."""
    names: tuple[str, ...]
    """Of the address, by DNS and by what clients asked for in TLS."""
    capture: str
    """The file."""
    frame: int
    """A frame that shows it."""


@dataclass(frozen=True, slots=True)
class JourneyRow:
    """One row a step of a device, in the order in which a sign-in takes them."""

    device: str
    """The device, as in `devices`."""
    position: int
    """From 0 within the device's journey."""
    step: str
    """Name of the step."""
    outcome: str
    """ok, failed, skipped, not-seen or unknown"""
    says: str
    """What happened, in one sentence."""
    time: pd.Timestamp
    """When the step began."""
    capture: str
    """The file."""
    frames: tuple[int, ...]
    """The frames that show it."""


@dataclass(frozen=True, slots=True)
class NameRow:
    """One row a name that packets tie to an address."""

    name: str
    """Lower case, without a final dot."""
    address: str
    """IPv4 or IPv6."""
    source: str
    """dns: an answer gave the address for it; sni: a client asked for it in TLS; certificate: it was shown there"""
    time: pd.Timestamp
    """When it was tied first."""
    capture: str
    """The file."""
    frame: int
    """A frame that shows it."""


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One row a conversation between two ports."""

    capture: str
    """The file."""
    transport: str
    """tcp, udp, or "ip-N" with the protocol's number"""
    client: str
    """Address of the end that began."""
    client_port: int
    """Its port."""
    server: str
    """Address of the other end."""
    server_port: int
    """Its port."""
    client_device: str
    """The device the client's address belongs to, "" when it is none."""
    server_device: str
    """The same of the server."""
    role: str
    """What the server is at this port, "" when unknown."""
    service: str
    """sip, web, stun-turn, rtp, …"""
    service_basis: str
    """What the service was told by: bytes, sni, role, dns, certificate, port; "" when by nothing."""
    stack: str
    """Protocols by their bytes from the outside in, "/"-separated."""
    opening: str
    """TCP: established, half-open, refused, unanswered, midstream; others: answered, one-way"""
    closing: str
    """TCP: "" (still open), client-fin, server-fin, client-rst, server-rst: who ended first"""
    first_time: pd.Timestamp
    """Of its first packet."""
    seconds: float
    """From its first packet to its last."""
    frames_client: int
    """Frames the client sent."""
    frames_server: int
    """Frames the server sent."""
    bytes_client: int
    """Payload bytes the client sent, repeats included."""
    bytes_server: int
    """Payload bytes the server sent."""
    retransmitted_client: int
    """TCP segments the client sent again."""
    retransmitted_server: int
    """TCP segments the server sent again."""
    first_frame: int
    """Its first frame."""
    last_frame: int
    """Its last frame, in the file that holds it."""
