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
    address_basis: tuple[str, ...]
    """Why they are taken for one machine's, () with one address."""
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
    confidence: str
    """How sure it is: certain, likely or possible."""
    decisive: bool
    """It ties the address to a Lync deployment; other claims only fit one."""
    says: str
    """What shows it."""
    members: tuple[str, ...]
    """Of a load balancer: the hosts it passes connections on to."""
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
    ended_how: str
    """How it ended, when it did not simply close: refused, reset, reset-after-idle, silence, …; "" otherwise"""
    ended_normally: bool
    """Nothing is wrong with the way it ended."""
    ended_by: str
    """Who ended it: client, server, box-client-side, box-between, box-server-side, unknown; "" when it simply closed"""
    ended_by_confidence: str
    """certain, likely or possible; "" when nobody is named"""
    ended_says: str
    """The same in one sentence, with the signs it rests on."""
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


@dataclass(frozen=True, slots=True)
class CallRow:
    """One row a call."""

    call: int
    """Its number, from 0 in order of capture and time."""
    capture: str
    """The file that holds its first frames."""
    party: str
    """Address of the caller, else of who controls the checks, else of who was first; "" when it is not known."""
    party_behind: str
    """Address of the relay it is behind, or "address:port" of the NAT; "" without."""
    peer: str
    """Address of the other party, "" when it is not known."""
    peer_behind: str
    """The same of the other party."""
    first_time: pd.Timestamp
    """Of the INVITE, else of the first check or media packet."""
    answered_time: pd.Timestamp
    """Of the accepting answer, where SIP is readable."""
    last_time: pd.Timestamp
    """Of the last packet or message."""
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
    """The caller's SIP address, "" when it is not readable."""
    to_uri: str
    """The called SIP address."""
    outcome: str
    """How far the dialog came: established, cancelled, refused, …; "" when it is not readable"""
    status: int
    """Final SIP status of the INVITE, 0 without one."""
    ended_by: str
    """caller, callee, "" when nobody did or it is not readable"""


@dataclass(frozen=True, slots=True)
class MediaRow:
    """One row a medium of a call."""

    call: int
    """Number of its call."""
    capture: str
    """The file that holds its first frames."""
    kind: str
    """audio, video, data, …, "" when nothing tells"""
    party: str
    """Address of the first party, "" when it is not known."""
    peer: str
    """Address of the other party, "" when it is not known."""
    path: str
    """One of the values of Path."""
    path_basis: str
    """What shows the path."""
    transport: str
    """udp, tcp, "" without media"""
    relays: tuple[str, ...]
    """Addresses of the relays its flows lead to."""
    connections: tuple[int, ...]
    """Rows of `connections` that carried it; several where it was recorded at several places of its way."""
    frames: tuple[int, ...]
    """That show it, in the file `capture`."""
    one: str
    """The first party's end of the pair used, "address:port"."""
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
    check_time: pd.Timestamp
    """Of the first check."""
    nomination_time: pd.Timestamp
    """When the pair was agreed on."""
    first_time: pd.Timestamp
    """Of the first media packet."""
    last_time: pd.Timestamp
    """Of the last media packet."""
    delay_forth: float | None
    """Seconds from the answer, else the first check, to the first packet of the first party; None without either."""
    delay_back: float | None
    """The same to the first packet of the other party."""
    packets_forth: int
    """Media packets of the first party."""
    packets_back: int
    """Media packets of the other party."""
    codec_forth: str
    """What the first party spoke in."""
    codec_back: str
    """What the other party spoke in."""
    loss_forth: float | None
    """Share of the packets lost before the capture, 0 to 1; None for what is not speech."""
    loss_back: float | None
    """The same of the other party."""
    jitter_forth_ms: float | None
    """Milliseconds of the first party (RFC 3550 6.4.1)."""
    jitter_back_ms: float | None
    """Milliseconds of the other party."""
    mos_forth: float | None
    """Opinion score, 1 to 4.5; None where there are no figures for the codec."""
    mos_back: float | None
    """The same of the other party."""
    flowing: str
    """One of the values of Flowing."""
    silent: str
    """Address of the party that is not heard, "" when both are or its address is not known."""
    silent_since: pd.Timestamp
    """When its media stopped; NaT when it never began."""
    basis: str
    """What ties it to Lync: relay, server, checks, signalling; "" when nothing does."""
