"""The analysis as data: the `lynccap/1` JSON document, a published contract.

Deterministic: the same input, version and options give the same bytes. No clock, no path, everything sorted by its
maker. The JSON Schema is derived from these classes.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

SCHEMA: Final = "lynccap/1"
INFERRED: Final = "inferred"
"""Where a topology is from that no file told."""
MAX_POINTS = 20  # of one file: a server has a few; Windows names one for each component
MAX_CROSSINGS = 2000  # those that differ at the two points first: a page cannot tell more, a table can
MAX_COMMENTS = 50  # of one file: a page of them; tools may put one into every packet


class Severity(StrEnum):
    """How much a finding costs its users."""

    CRITICAL = "critical"
    """A device or a site loses sign-in, calls or conferencing."""
    MAJOR = "major"
    """A workload fails, or breaks for a class of users."""
    MINOR = "minor"
    """Degraded, risky or cosmetic."""
    INFO = "info"
    """Worth knowing; nothing is wrong."""


class Reading(StrEnum):
    """From what a finding was read."""

    PACKETS = "packets"
    """Addresses, ports, timing, and what is never encrypted."""
    CLEAR = "clear"
    """Messages that were sent in the clear."""
    DECRYPTED = "decrypted"
    """Messages that a key log opened."""
    PATTERN = "pattern"
    """Sizes, timing and ends of encrypted connections; what was said is not known."""


class Confidence(StrEnum):
    """How far the frames carry a finding."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Outcome(StrEnum):
    """What one rule says of one capture."""

    FIRED = "fired"
    CLEAR = "clear"
    NOT_SEEN = "not-seen"
    INCONCLUSIVE = "inconclusive"
    RULE_FAILED = "rule-failed"


class StepOutcome(StrEnum):
    """How one step of a device's journey went."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_SEEN = "not-seen"
    UNKNOWN = "unknown"


class _Part(msgspec.Struct, frozen=True):
    """A piece of the document."""


class Tool(_Part, frozen=True):
    """Who wrote the document."""

    name: str
    version: str


class Quality(_Part, frozen=True):
    """Something the capture lacks, and what may therefore not be concluded from it."""

    code: str
    says: str
    forbids: tuple[str, ...] = ()
    recapture: tuple[str, ...] = ()
    """How to record it better: "where: what to do"."""


class Remark(_Part, frozen=True):
    """What somebody wrote into a capture file."""

    frame: int
    """0 for the file itself"""
    says: str


class Point(_Part, frozen=True):
    """An interface packets were captured on."""

    name: str
    packets: int
    dropped: int | None
    """Packets the recorder lost on it, by its own count; None when it does not say."""


class Capture(_Part, frozen=True):
    """One capture file that was read. Times are RFC 3339 UTC with the file's own resolution."""

    id: str
    name: str
    sha256: str
    format: str
    packets: int
    bytes: int
    first_time: str | None
    last_time: str | None
    quality: tuple[Quality, ...] = ()
    recording: str | None = None
    """What the recording is called when the file is one of several that were read as one."""
    comments: tuple[Remark, ...] = ()
    """The first MAX_COMMENTS of the file."""
    recorder: str | None = None
    """Program and system that recorded it, in their own words."""
    points: tuple[Point, ...] = ()
    """The interfaces that have a name and on which packets were captured, the first MAX_POINTS."""
    repeated: tuple[str, ...] = ()
    """Further recordings that were given and hold the same packets: they were not judged again."""


class Role(_Part, frozen=True):
    """A server role and the addresses found to hold it."""

    role: str
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    basis: str
    confidence: Confidence
    """certain: the topology says so, or messages that only this role exchanges; likely: something else that only Lync
    has; possible: it fits, and other products look alike"""
    members: tuple[str, ...] = ()
    """Of a load balancer: the hosts it passes connections on to."""


class Conflict(_Part, frozen=True):
    """Where a capture shows another role of an address than the topology tells; a topology that is used is followed."""

    address: str
    told: tuple[str, ...]
    """Its roles in the topology, empty when it is not there."""
    seen: str
    """The role it shows."""
    basis: str
    """What shows it."""
    capture: str
    frames: tuple[int, ...]
    says: str


class Topology(_Part, frozen=True):
    """What is known of the deployment, and from where."""

    source: str
    """INFERRED, or the files it was read from, with their kinds"""
    roles: tuple[Role, ...] = ()
    """Of the addresses the captures show."""
    conflicts: tuple[Conflict, ...] = ()
    remarks: tuple[str, ...] = ()
    """What the topology cannot say, what could not be read of it, and why it was not used."""


class Step(_Part, frozen=True):
    """One step of a device's journey."""

    step: str
    outcome: StepOutcome
    says: str
    time: str | None = None
    frames: tuple[int, ...] = ()
    capture: str | None = None


class Device(_Part, frozen=True):
    """One user's machine, phone or server, over all its addresses."""

    id: str
    addresses: tuple[str, ...]
    macs: tuple[str, ...]
    names: tuple[str, ...]
    kind: str
    role: str | None
    basis: str
    journey: tuple[Step, ...] = ()
    location: str = "unknown"
    """Seen from the organisation whose servers it uses: inside, outside or unknown."""
    location_basis: str = ""
    address_basis: tuple[str, ...] = ()
    """Why its addresses are taken for one machine's: what joins two of them; () with one address."""


class ClockOffset(_Part, frozen=True):
    """Two captures that show the same conversations, and how their clocks stand to each other."""

    capture_a: str
    """The first file of the recording, like `capture_b`; the same for both sides of one recording"""
    capture_b: str
    """The other capture."""
    offset_seconds: float | None
    """B's clock less A's: positive when B's is ahead; None when nothing tells it"""
    error_seconds: float | None
    """The offset is within so much of the truth; None when nothing bounds it"""
    drift_ppm: float | None
    """By how much B's clock runs faster, microseconds a second; None when they are too short to tell"""
    packets: int
    """Packets in both by which it was measured"""
    doubt: str
    """one-direction, clock-set, unsteady, no-packets, or "" """
    same_recording: bool
    """One is a copy or an extract of the other: they are one point, not two"""
    conversations: int
    """In both"""
    says: tuple[str, ...]
    """The same in sentences."""


class Crossing(_Part, frozen=True):
    """One conversation at two capture points. Numbers are null where the captures do not tell."""

    capture_a: str
    """The first file of the recording that is called A."""
    capture_b: str
    """The same of B."""
    transport: str
    """tcp, udp"""
    client_a: str | None
    """Address and port; None where the capture lacks the conversation"""
    server_a: str | None
    """The same of the server."""
    client_b: str | None
    """The client as B shows it."""
    server_b: str | None
    """The server as B shows it."""
    basis: str
    """tls-random, tcp-sequence, tcp-syn, stun-transaction, rtp-ssrc, dns-question, addresses, absent"""
    relation: str
    """same; re-created (a proxy or load balancer ends it and opens its own); undecided; absent (lacking at one)"""
    confidence: Confidence
    """How sure it is that both show one conversation."""
    nearer_client: str | None
    """The capture whose point is nearer to the client"""
    hops: int | None
    """Routers between the points"""
    packets_both: int | None
    """Packets at both; of TCP those with payload, SYN, FIN or RST count here and below"""
    only_a_client: int | None
    """Packets of the client that A shows and B surely lacks"""
    only_a_server: int | None
    """The same of the server."""
    only_b_client: int | None
    """Packets of the client that B shows and A surely lacks."""
    only_b_server: int | None
    """The same of the server."""
    dscp_client_a: int | None
    """Marking (DSCP) of the client's packets at A."""
    dscp_client_b: int | None
    """The same at B."""
    dscp_server_a: int | None
    """Marking of the server's packets at A."""
    dscp_server_b: int | None
    """The same at B."""
    remarked: int
    """Packets with another DSCP at the other point"""
    mss_a: int | None
    """Largest segment that the client's SYN offers to take, at A."""
    mss_b: int | None
    """The same at B."""
    frames_a: tuple[int, ...]
    """The first packets that only A shows, as frames of the file `capture_a`"""
    frames_b: tuple[int, ...]
    """The same of B."""
    doubt: str
    """Why packets at one point only prove nothing, or "" """


class Service(_Part, frozen=True):
    """Traffic of one service in one stack of protocols."""

    service: str
    stack: str
    """Protocols from the outside in, "/"-separated; "" when no bytes tell."""
    basis: str
    """What the service was told by: bytes, sni, role, dns, certificate or port; "" when by nothing."""
    flows: int
    packets: int
    bytes: int


class Assessment(_Part, frozen=True):
    """What one rule said of the captures, and why."""

    rule: str
    outcome: Outcome
    reason: str = ""


class Evidence(_Part, frozen=True):
    """Frames of one capture and what they show."""

    capture: str
    frames: tuple[int, ...]
    says: str
    display_filter: str


class Rejected(_Part, frozen=True):
    """A look-alike that was considered and excluded."""

    rule: str
    because: str


class Finding(_Part, frozen=True):
    """One thing wrong, or worth knowing, with the frames that show it."""

    id: str
    rule: str
    title: str
    severity: Severity
    confidence: Confidence
    device: str | None
    peer: str | None
    port: int | None
    transport: str | None
    service: str | None
    says: str
    why: str
    causes: tuple[str, ...]
    fix: tuple[str, ...]
    act: tuple[str, ...]
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    caused_by: str | None = None
    rejected: tuple[Rejected, ...] = ()
    reading: Reading = Reading.PACKETS

    def __post_init__(self) -> None:
        """Refuse a finding nobody could check."""
        if not any(one.frames for one in self.evidence):
            raise ValueError(f"{self.rule}: a finding without frames is an opinion")


class Document(_Part, frozen=True, kw_only=True):
    """Everything one analysis says."""

    schema: Literal["lynccap/1"] = SCHEMA
    tool: Tool
    captures: tuple[Capture, ...]
    topology: Topology
    devices: tuple[Device, ...]
    services: tuple[Service, ...]
    assessments: tuple[Assessment, ...]
    findings: tuple[Finding, ...]
    clock_offsets: tuple[ClockOffset, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    """The first MAX_CROSSINGS, those that differ between the points before the others."""


def to_json(document: Document) -> bytes:
    """The document as indented UTF-8 JSON, ending with a newline; the same bytes for the same document."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def from_json(data: bytes) -> Document:
    """The document of `data`. Raises msgspec.ValidationError when it does not follow the contract."""
    return msgspec.json.decode(data, type=Document)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Document)}


def rfc3339(nanoseconds: int, digits: int) -> str | None:
    """A time in UTC with `digits` decimals (0 to 9), None for 0, which stands for no time."""
    if not nanoseconds:
        return None
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    whole = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    decimals = f".{rest:09d}"[: digits + 1] if digits else ""
    return f"{whole:%Y-%m-%dT%H:%M:%S}{decimals}Z"
