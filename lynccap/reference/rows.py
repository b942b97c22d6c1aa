"""One dataclass a table: its fields are the columns of the table's CSV file, in order.

Lists are tuples; `None` is an empty cell. `source` names rows of the table of sources. Where a table has
`verified`, false marks a fact nobody found in a page: it may classify, it never grounds a finding alone.
"""

from dataclasses import dataclass

WIDEST_SERVICE = 100
"""Ports of the widest range one service listens on; media pools have hundreds or thousands."""


@dataclass(frozen=True, slots=True)
class PortRow:
    """One path of a deployment: who opens it, who listens, what for."""

    id: str
    ports: str
    """As people write it: "5061", "50000-59999"."""
    port_min: int
    port_max: int
    transport: str
    """tcp or udp"""
    protocol: str
    service: str
    from_role: str
    """The side that opens the connection."""
    to_role: str
    """The side that listens."""
    purpose: str
    workloads: tuple[str, ...]
    required: str
    """required, conditional or optional"""
    when: str
    versions: tuple[str, ...]
    verified: bool
    source: tuple[str, ...]

    @property
    def is_pool(self) -> bool:
        """Whether its ports are a pool for media, a range so wide that a port in it says nothing of the service."""
        return self.port_max - self.port_min >= WIDEST_SERVICE


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A part a machine plays in a deployment."""

    role: str
    description: str
    kind: str
    """client, server, network or other"""
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NameRow:
    """What a DNS name says about the host behind it.

    A pattern ends in `.*` (any domain), is a whole name, or is a placeholder such as `<pool>`: a name every
    deployment chooses for itself, which no lookup can match.
    """

    pattern: str
    record_type: tuple[str, ...]
    zone: str
    """internal, external or both"""
    role: tuple[str, ...]
    """Of the target."""
    service: str
    port: int | None
    purpose: str
    missing_means: str
    decisive: bool
    """The name alone says the role."""
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Where a fact comes from."""

    key: str
    kind: str
    reference: str


@dataclass(frozen=True, slots=True)
class UrlRow:
    """A path of the web services and what answers there."""

    path: str
    """Beginning of the path, without case; a placeholder such as `<crl>` where the host decides the path."""
    service: str
    purpose: str
    internal: bool
    external: bool
    http80_allowed: bool
    """A request without TLS is part of the design."""
    authentication: str
    normal_statuses: tuple[int, ...]
    """HTTP statuses that are no failure as a first answer; empty where no page says."""
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlsAlertRow:
    """A TLS alert."""

    code: int
    name: str
    meaning: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IcmpRow:
    """An ICMP error."""

    version: int
    """4 or 6"""
    type: int
    code: int
    name: str
    says: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StunErrorRow:
    """An error code of STUN, TURN and MS-TURN."""

    code: int
    name: str
    meaning: str
    normal: bool
    """Part of a healthy exchange when it comes once."""
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SipDiagnosticRow:
    """Codes of the ms-diagnostics family of SIP headers; a row may span a range."""

    code_min: int
    code_max: int
    header: str
    """diagnostics (written by servers), client (written by endpoints) or any"""
    area: str
    meaning: str
    normal: bool
    """Bookkeeping, not a failure."""
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CodecRow:
    """A codec under its usual RTP payload type; rates in kbit/s, None where unknown."""

    name: str
    payload_type: int
    encoding: str
    """As an SDP's rtpmap writes it."""
    clock_rate: int | None
    """Hz of the RTP timestamp"""
    media: str
    """audio, video, data, dtmf, silence or redundancy"""
    payload_kbps: float | None
    ip_kbps: float | None
    """With headers of IP, UDP, RTP and SRTP."""
    ip_fec_kbps: float | None
    """The same with forward error correction."""
    use: str
    verified: bool
    source: tuple[str, ...]

    @property
    def wideband(self) -> bool:
        """Whether it carries speech of 16 kHz and more; G.722 has a clock rate of 8000 by mistake (RFC 3551 4.5.2)."""
        return self.media == "audio" and ((self.clock_rate or 0) >= 16_000 or self.encoding == "G722")


@dataclass(frozen=True, slots=True)
class DhcpOptionRow:
    """A DHCP option a phone depends on."""

    option: str
    """Number, with the sub-option behind a dot."""
    name: str
    expected: str
    failure: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiscoveryOrderRow:
    """What a kind of client asks for, first to last."""

    client: str
    product: str
    """What to call such clients in a sentence."""
    kinds: tuple[str, ...]
    """The kinds of device that they are."""
    steps: tuple[str, ...]
    """Beginnings of DNS names; steps that ask no DNS, or no one name, have spaces."""
    says: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertificateRuleRow:
    """What the certificate of a role has to say, and must not."""

    id: str
    roles: tuple[str, ...]
    interface: str
    subject: str
    names_rule: str
    names_required: tuple[str, ...]
    names_refused: tuple[str, ...]
    usages: tuple[str, ...]
    issuer: str
    wildcard: str
    refused: tuple[str, ...]
    key_exportable: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicAuthorityRow:
    """An organisation whose root certificates come with operating systems; the list is never complete."""

    organisation: str
    """How its name begins among the words of an issuer (O=)."""
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrivateSuffixRow:
    """A last label of names that exist inside organisations only."""

    suffix: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """Two sources that disagree, and how to speak about it."""

    id: str
    position_a: str
    position_b: str
    report: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AmbiguousPortRow:
    """A port that means several services, and how to tell them apart."""

    ports: str
    port_min: int
    port_max: int
    transport: str
    services: tuple[str, ...]
    meanings: tuple[str, ...]
    tell: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QualityThresholdRow:
    """From where on a measure of media quality is noticeable, and poor.

    `poor` is Microsoft's limit for a poor call; `warn` is this project's own.
    """

    metric: str
    warn: float
    poor: float
    unit: str
    lower_is_worse: bool
    column: str
    """Name in the Quality of Experience reports."""
    says: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IceFlagRow:
    """A bit of an ICE warning; the two tables give the same bit different meanings."""

    table: str
    """client (ICEWarn of a client's diagnostics) or report (Quality of Experience report)"""
    bit: int
    meaning: str
    expected: bool
    """Common in calls that worked."""
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecaptureRow:
    """How to record better what a capture lacks, by the code of its quality entry."""

    code: str
    where: str
    """The system or place the advice is for."""
    advice: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SipProductRow:
    """What a server calls itself in SIP (User-Agent, Server), and the role that tells."""

    words: str
    """Anywhere in the header, letters as written."""
    role: str
    product: str
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopologyServiceRow:
    """Which role a service of a topology export has, where its component listens.

    Exports and cmdlets name the same service differently; both names have rows. The first row that fits counts.
    """

    name: str
    """Of the service."""
    component: str
    """"" for any."""
    side: str
    """internal, external, or "" for any"""
    role: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopologyUsageRow:
    """The service at a port of a topology export, by what the export calls the port. The first row that fits counts."""

    usage: str
    component: str
    """"" for any."""
    service: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServicePropertyRow:
    """A property of `Get-CsService` that is a port, as the topology itself would describe it."""

    property: str
    count_property: tuple[str, ...]
    """Says how many ports there are, where it is a range."""
    published_property: str
    """Says by which port others reach it."""
    fqdn_property: str
    """Says by which name others reach it."""
    component: str
    usage: str
    side: str
    protocol: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceVersionRow:
    """The product that a service's version in a topology stands for."""

    version: int
    product: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceSignRow:
    """What a device shows of itself, and the kind of device it tells. The first row that fits counts."""

    sign: str
    """user-agent (beginning of a word), vendor-class (beginning of DHCP option 60), question (beginning of a name asked
    of DNS) or mac (beginning of a hardware address, which alone proves nothing: makers make more than phones)"""
    pattern: str
    """Without case."""
    kind: str
    product: str
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VirtualMacRow:
    """The beginning of hardware addresses that belong to a group of machines and identify none of them."""

    prefix: str
    says: str
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InspectionProductRow:
    """An issuer under which a product that looks into TLS makes its certificates."""

    issuer: str
    """One attribute of the issuer's name (RFC 4514): CN=… or O=…, `*` for anything."""
    product: str
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BalancerPortsRow:
    """Where a load balancer has to listen for a pool."""

    pool: str
    """Role of its members."""
    ports: tuple[int, ...]
    balancing: str
    """hardware: everything goes through it; dns: only the web services do, DNS spreads the rest"""
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeededPathRow:
    """Paths of the port table whose failure is one entry of the catalogue."""

    rule: str
    """Slug of the entry."""
    paths: tuple[str, ...]
    """Ids of rows of the port table."""
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Q850CauseRow:
    """Why the telephone network ended a call (ITU-T Q.850)."""

    cause: int
    meaning: str
    """For the middle of a sentence."""
    everyday: bool
    """It says nothing of a fault: the callee is busy, absent or unwilling."""
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StrangerRow:
    """A path on which a host of which nothing else is known is taken for what the path leads to, or comes from."""

    path: str
    """Id of a row of the port table."""
    end: str
    """from or to: which end nothing but the port and the other end tells"""
    known: tuple[str, ...]
    """Roles of which the other end has to have one."""
    source: tuple[str, ...]
