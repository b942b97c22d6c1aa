"""What is known of Lync and Skype for Business deployments, as data: one CSV file a table, one row a fact.

Only the table that is asked for is read, once.
"""

import fnmatch
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType

from lynccap.reference.reader import read
from lynccap.reference.rows import (
    AmbiguousPortRow,
    BalancerPortsRow,
    CertificateRuleRow,
    CodecRow,
    ConflictRow,
    DeviceSignRow,
    DhcpOptionRow,
    DiscoveryOrderRow,
    IceFlagRow,
    IcmpRow,
    InspectionProductRow,
    NameRow,
    NeededPathRow,
    PortRow,
    PrivateSuffixRow,
    PublicAuthorityRow,
    Q850CauseRow,
    QualityThresholdRow,
    RecaptureRow,
    RoleRow,
    ServicePropertyRow,
    ServiceVersionRow,
    SipDiagnosticRow,
    SipProductRow,
    SourceRow,
    StrangerRow,
    StunErrorRow,
    TlsAlertRow,
    TopologyServiceRow,
    TopologyUsageRow,
    UrlRow,
    VirtualMacRow,
)

SERVICES = (
    "sip",
    "psom",
    "stun-turn",
    "rtp",
    "rtcp",
    "certprov",
    "web-ticket",
    "autodiscover",
    "crl",
    "ocsp",
    "address-book",
    "device-update",
    "ucwa",
    "meet",
    "web",
    "mras",
    "dns",
    "dhcp",
    "ntp",
    "app-sharing",
    "xmpp",
    "sql",
    "smb",
    "cms-replication",
    "http",
    "tls",
    "other",
)
"""Every value of `service`, in the document's order."""

MAX_CACHED = 4096  # distinct ports or names of one capture that are worth remembering; more are looked up again
MAX_PORT_DIGITS = 5  # of 65535
MAX_NAME = 255  # octets of a DNS name (RFC 1035 2.3.4): nothing longer can match


@cache
def ports() -> tuple[PortRow, ...]:
    """The paths of a deployment: who opens which port on whom."""
    return read(PortRow, "ports.csv")


@cache
def roles() -> Mapping[str, RoleRow]:
    """The roles by name."""
    return MappingProxyType({row.role: row for row in read(RoleRow, "roles.csv")})


@cache
def names() -> tuple[NameRow, ...]:
    """What DNS names say of the host behind them."""
    return read(NameRow, "names.csv")


@cache
def sources() -> Mapping[str, SourceRow]:
    """Where the facts come from, by key."""
    return MappingProxyType({row.key: row for row in read(SourceRow, "sources.csv")})


@cache
def urls() -> tuple[UrlRow, ...]:
    """The paths of the web services, and what answers there."""
    return read(UrlRow, "urls.csv")


@cache
def topology_services() -> tuple[TopologyServiceRow, ...]:
    """Which service of a topology export has which role; the first row that fits counts."""
    return read(TopologyServiceRow, "topology_services.csv")


@cache
def topology_usages() -> tuple[TopologyUsageRow, ...]:
    """Which service is at a port of a topology export; the first row that fits counts."""
    return read(TopologyUsageRow, "topology_usages.csv")


@cache
def service_properties() -> tuple[ServicePropertyRow, ...]:
    """The properties of `Get-CsService` that are ports."""
    return read(ServicePropertyRow, "service_properties.csv")


@cache
def service_versions() -> Mapping[int, ServiceVersionRow]:
    """What the versions of services in a topology stand for."""
    return MappingProxyType({row.version: row for row in read(ServiceVersionRow, "service_versions.csv")})


@cache
def tls_alerts() -> Mapping[int, TlsAlertRow]:
    """TLS alerts by code."""
    return MappingProxyType({row.code: row for row in read(TlsAlertRow, "tls_alerts.csv")})


@cache
def icmp_codes() -> Mapping[tuple[int, int, int], IcmpRow]:
    """ICMP errors by version (4, 6), type and code."""
    rows = read(IcmpRow, "icmp_codes.csv")
    return MappingProxyType({(row.version, row.type, row.code): row for row in rows})


@cache
def stun_errors() -> Mapping[int, StunErrorRow]:
    """Errors of STUN, TURN and MS-TURN by code."""
    return MappingProxyType({row.code: row for row in read(StunErrorRow, "stun_errors.csv")})


@cache
def sip_diagnostics() -> tuple[SipDiagnosticRow, ...]:
    """Codes, and ranges of codes, of ms-diagnostics and its kin."""
    return read(SipDiagnosticRow, "sip_diagnostics.csv")


@cache
def sip_products() -> tuple[SipProductRow, ...]:
    """What servers and gateways call themselves in SIP; the first row that fits counts."""
    return read(SipProductRow, "sip_products.csv")


@cache
def codecs() -> Mapping[int, CodecRow]:
    """Codecs by the RTP payload type they usually have; what an SDP says goes before."""
    return MappingProxyType({row.payload_type: row for row in read(CodecRow, "codecs.csv")})


@cache
def dhcp_options() -> Mapping[str, DhcpOptionRow]:
    """DHCP options phones depend on, by number ("120") or number and sub-option ("43.3")."""
    return MappingProxyType({row.option: row for row in read(DhcpOptionRow, "dhcp_options.csv")})


@cache
def discovery_orders() -> Mapping[str, DiscoveryOrderRow]:
    """In which order each kind of client looks for its servers."""
    return MappingProxyType({row.client: row for row in read(DiscoveryOrderRow, "discovery_orders.csv")})


@cache
def certificate_rules() -> Mapping[str, CertificateRuleRow]:
    """What the certificate of each role has to say, by the rule's id."""
    return MappingProxyType({row.id: row for row in read(CertificateRuleRow, "certificate_rules.csv")})


@cache
def public_authorities() -> tuple[PublicAuthorityRow, ...]:
    """Organisations whose root certificates come with operating systems; never all of them."""
    return read(PublicAuthorityRow, "public_authorities.csv")


@cache
def private_suffixes() -> tuple[PrivateSuffixRow, ...]:
    """Last labels of names that exist inside organisations only."""
    return read(PrivateSuffixRow, "private_suffixes.csv")


@cache
def conflicts() -> Mapping[str, ConflictRow]:
    """Where sources disagree, by id."""
    return MappingProxyType({row.id: row for row in read(ConflictRow, "conflicts.csv")})


@cache
def ambiguous_ports() -> tuple[AmbiguousPortRow, ...]:
    """Ports that do not say their service."""
    return read(AmbiguousPortRow, "ambiguous_ports.csv")


@cache
def balancer_ports() -> tuple[BalancerPortsRow, ...]:
    """Ports on which a load balancer has to listen for a pool."""
    return read(BalancerPortsRow, "balancer_ports.csv")


@cache
def quality_thresholds() -> Mapping[str, QualityThresholdRow]:
    """Limits of media quality by metric."""
    return MappingProxyType({row.metric: row for row in read(QualityThresholdRow, "quality_thresholds.csv")})


@cache
def device_signs() -> tuple[DeviceSignRow, ...]:
    """What devices show of themselves, and the kind it tells; the first row that fits counts."""
    return read(DeviceSignRow, "device_signs.csv")


@cache
def inspection_products() -> tuple[InspectionProductRow, ...]:
    """Products that look into TLS, by the issuers of their certificates."""
    return read(InspectionProductRow, "inspection_products.csv")


@lru_cache(maxsize=MAX_CACHED)
def inspection_product(issuer: str) -> InspectionProductRow | None:
    """The product that issues under a name (RFC 4514), None when no verified row fits."""
    told = [one.replace("\\", "").lower() for one in re.split(r"(?<!\\)[,+]", issuer)]
    rows = (row for row in inspection_products() if row.verified)
    return next((row for row in rows if fnmatch.filter(told, row.issuer.lower())), None)


@cache
def virtual_macs() -> tuple[VirtualMacRow, ...]:
    """Beginnings of hardware addresses that several machines share."""
    return read(VirtualMacRow, "virtual_macs.csv")


@cache
def ice_flags() -> tuple[IceFlagRow, ...]:
    """Bits of ICE warnings, for both tables."""
    return read(IceFlagRow, "ice_flags.csv")


@cache
def recapture(code: str) -> tuple[RecaptureRow, ...]:
    """How to record again where a capture lacks something, by the code of its quality entry."""
    return tuple(row for row in recaptures() if row.code == code)


@cache
def recaptures() -> tuple[RecaptureRow, ...]:
    """All advice on recording again."""
    return read(RecaptureRow, "recapture.csv")


@lru_cache(MAX_CACHED)
def url_row(target: str) -> UrlRow | None:
    """What answers at an HTTP request target such as "/ucwa/v1?x=1": the longest known path it begins with.

    Case does not matter. None for a path of no known service.
    """
    asked = target.lower()
    fitting = [row for row in urls() if _begins(asked, row.path.lower())]
    return max(fitting, key=lambda row: len(row.path), default=None)


def _begins(target: str, path: str) -> bool:
    if path.startswith("<") or not target.startswith(path):
        return False
    rest = target.removeprefix(path)
    return path.endswith("=") or not rest or rest[0] in "/?"


def sip_diagnostic(code: int) -> SipDiagnosticRow | None:
    """What a code of ms-diagnostics or ms-client-diagnostics says: its own row, else the range it lies in."""
    fitting = [row for row in sip_diagnostics() if row.code_min <= code <= row.code_max]
    return min(fitting, key=lambda row: row.code_max - row.code_min, default=None)


@cache
def needed_paths() -> tuple[NeededPathRow, ...]:
    """Paths of the port table whose failure is a rule of its own, in the order of their rank."""
    return read(NeededPathRow, "needed_paths.csv")


@cache
def needed_ports() -> Mapping[int, tuple[tuple[str, PortRow], ...]]:
    """(rule, path) of these paths by TCP port; the pools of media are left out."""
    by_id = {row.id: row for row in ports()}
    found: dict[int, list[tuple[str, PortRow]]] = {}
    for rule, path in ((row.rule, by_id[id_]) for row in needed_paths() for id_ in row.paths):
        if path.transport == "tcp" and not path.is_pool:
            for port in range(path.port_min, path.port_max + 1):
                found.setdefault(port, []).append((rule, path))
    return MappingProxyType({port: tuple(ones) for port, ones in found.items()})


@cache
def q850_causes() -> Mapping[int, Q850CauseRow]:
    """Causes of the telephone network by number."""
    return MappingProxyType({row.cause: row for row in read(Q850CauseRow, "q850_causes.csv")})


@cache
def strangers() -> Mapping[str, StrangerRow]:
    """By path: the end that may be a host of which nothing else is known."""
    return MappingProxyType({row.path: row for row in read(StrangerRow, "strangers.csv")})


@lru_cache(MAX_CACHED)
def services_on(transport: str, port: int) -> tuple[PortRow, ...]:
    """The paths that may use `port` of `transport` ("tcp", "udp"), the narrowest range first."""
    fitting = [row for row in ports() if row.transport == transport and row.port_min <= port <= row.port_max]
    return tuple(sorted(fitting, key=lambda row: (row.port_max - row.port_min, row.id)))


@lru_cache(MAX_CACHED)
def name_rows(name: str) -> tuple[NameRow, ...]:
    """What the DNS name `name` says, the longest pattern first; its case and a final dot do not matter.

    Empty for a name no pattern fits. Two rows of one pattern differ by zone.
    """
    if len(name) > MAX_NAME:
        return ()
    asked = name.lower().removesuffix(".")
    fitting = [row for row in names() if _fits(row.pattern, asked)]
    return tuple(sorted(fitting, key=lambda row: -len(row.pattern)))


def _fits(pattern: str, name: str) -> bool:
    if pattern.endswith(".*"):
        start = pattern.removesuffix("*")
        return name.startswith(start) and len(name) > len(start)
    return name == pattern and not pattern.startswith("<")


def search_ports(query: str) -> list[PortRow]:
    """The paths that fit every word of `query`, in the table's order; all of them for an empty query.

    A number fits the ports and ranges that hold it; a range "50000-59999" fits what it overlaps. A service or
    a role fits as a whole; any other word fits where it occurs in the row. "5061/tcp" is two words.
    """
    words = query.lower().replace("/", " ").split()
    return [row for row in ports() if all(_says(row, word) for word in words)]


def _says(row: PortRow, word: str) -> bool:
    numbers = word.split("-")
    if len(numbers) <= 2 and all(one.isdecimal() and len(one) <= MAX_PORT_DIGITS for one in numbers):
        return row.port_min <= int(numbers[-1]) and int(numbers[0]) <= row.port_max
    if word in _services_with_ports():
        return row.service == word
    if word in roles():
        return word in (row.from_role, row.to_role)
    return word.replace("-", " ") in _text(row)


@cache
def _services_with_ports() -> frozenset[str]:
    return frozenset(row.service for row in ports())


def _text(row: PortRow) -> str:
    described = [roles()[role].description for role in (row.from_role, row.to_role)]
    cells = [
        row.id,
        row.transport,
        row.protocol,
        row.service,
        row.from_role,
        row.to_role,
        row.purpose,
        row.when,
    ]
    return " ".join([*cells, *described, *row.workloads]).lower().replace("-", " ")
