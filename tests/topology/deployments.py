"""Fictitious deployments, written in both shapes of XML that servers export."""

from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

BUILDER = "urn:schema:Microsoft.Rtc.Management.Deploy.TopologyBuilder.2008"
WRITABLE = "urn:schema:Microsoft.Rtc.Management.Deploy.WritableTopology.2008"
PUBLISHED = "urn:schema:Microsoft.Rtc.Management.Deploy.Topology.2008"
ROLES = "urn:schema:Microsoft.Rtc.Management.Deploy.ServiceRoles.2008"
URLS = "urn:schema:Microsoft.Rtc.Management.Settings.SimpleUrl.2008"
SCOPES = "urn:schema:Microsoft.Rtc.Management.ScopeFramework.2008"

EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True)
class Net:
    side: str
    address: str
    nat: str = ""
    number: int = 1


@dataclass(frozen=True)
class Listening:
    owner: str
    usage: str
    side: str
    port: int
    protocol: str
    number: int = 1
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Does:
    name: str
    ports: tuple[Listening, ...] = ()
    director: bool = False
    external: str = ""
    needs: tuple[tuple[str, str], ...] = ()
    """Service and pool"""


@dataclass(frozen=True)
class Cluster:
    fqdn: str
    machines: dict[str, tuple[Net, ...]]
    """By name; "" for the cluster's own, as single servers have it."""
    services: tuple[Does, ...]
    branch: bool = False


@dataclass(frozen=True)
class Deployment:
    domains: tuple[str, ...]
    site: str
    clusters: tuple[Cluster, ...]
    urls: tuple[tuple[str, str, str], ...]
    version: int


def edge(*numbers: int, sip: int, data: int, names: tuple[str, str, str]) -> Does:
    """An Edge whose three services are on these outer interfaces and ports; the relay is on 443."""
    access, conferencing, media = numbers

    def out(owner: str, usage: str, port: int, protocol: str, number: int, name: str, **more: str) -> Listening:
        return Listening(owner, usage, "External", port, protocol, number, {"ConfiguredFqdn": name} | more)

    return Does(
        "EdgeServer",
        (
            Listening("AccessEdge", "SipServer", "Internal", 5061, "Mtls"),
            out("AccessEdge", "SipClient", sip, "Tls", access, names[0]),
            out("AccessEdge", "SipServer", 5061, "Mtls", access, names[0]),
            Listening("DataEdge", "PsomServer", "Internal", 8057, "Mtls"),
            out("DataEdge", "PsomClient", data, "Tls", conferencing, names[1]),
            Listening("MediaRelayAuthenticationEdge", "SipServer", "Internal", 5062, "Mtls", 1, {"GruuType": "MRAS"}),
            Listening("MediaRelayEdge", "TURNServer", "Internal", 443, "Tcp"),
            Listening("MediaRelayEdge", "TURNServer", "Internal", 3478, "Udp"),
            out("MediaRelayEdge", "TURNServer", 443, "Tcp", media, names[2]),
            out("MediaRelayEdge", "TURNServer", 3478, "Udp", media, names[2]),
            out("MediaRelayEdge", "MediaCommunication", 50000, "TcpOrUdp", media, names[2], Range="10000"),
            Listening("XmppFederationProxy", "XmppServer", "External", 5269, "Tls", access),
        ),
        needs=(("Registrar", ""),),
    )


def web(external: str) -> Does:
    return Does(
        "WebServices",
        (
            Listening("OCSWebSite", "WebSite", "Primary", 80, "Http"),
            Listening("OCSWebSite", "WebSite", "Primary", 443, "Https"),
            Listening("OCSWebSite", "WebSite", "External", 8080, "Http", 1, {"ConfiguredPort": "80"}),
            Listening("OCSWebSite", "WebSite", "External", 4443, "Https", 1, {"ConfiguredPort": "443"}),
        ),
        external=external,
    )


REGISTRAR = (
    Listening("Registrar", "SipServer", "Primary", 5061, "Mtls", 1, {"GruuType": "HomeServer"}),
    Listening("Registrar", "WebServer", "Primary", 444, "Mtls", 1, {"UrlPath": "/LiveServer/Focus/"}),
)
CONFERENCES = Does(
    "ConfServices",
    (
        Listening("DataConf", "PsomClient", "Primary", 8057, "Tls"),
        Listening("MediaComp", "AudioCommunication", "Primary", 49152, "TcpOrUdp", 1, {"Range": "8348"}),
    ),
)
MEDIATION = Does(
    "MediationServer",
    (
        Listening("Mediation", "SipServer", "Primary", 5070, "Mtls"),
        Listening("Mediation", "SipClient", "Pstn", 5067, "Tls"),
    ),
)


def inner(address: str, *more: Net) -> tuple[Net, ...]:
    return (Net("Primary", address), Net("External", EVERYWHERE), *more)


CONTOSO = Deployment(
    domains=("contoso.example", "sales.contoso.example"),
    site="Köln",
    clusters=(
        Cluster(
            "pool1.contoso.example",
            {
                "FE1.contoso.example": inner(EVERYWHERE),
                "fe2.contoso.example": inner("10.1.1.12"),
            },
            (
                Does("Registrar", REGISTRAR),
                web("web1.contoso.example"),
                CONFERENCES,
                Does("UserStore"),
            ),
        ),
        Cluster(
            "dir.contoso.example",
            {"": inner("10.1.1.21")},
            (Does("Registrar", REGISTRAR, director=True), web("webdir.contoso.example")),
        ),
        Cluster(
            "edge.contoso.example",
            {
                "edge1.contoso.example": (
                    Net("Internal", "10.1.9.11"),
                    Net("External", "10.250.1.11", "203.0.113.11", 1),
                    Net("External", "10.250.1.12", "203.0.113.12", 2),
                    Net("External", "10.250.1.13", "203.0.113.13", 3),
                ),
            },
            (
                edge(
                    *(1, 2, 3),
                    sip=443,
                    data=443,
                    names=("sip.contoso.example", "conf.contoso.example", "av.contoso.example"),
                ),
                Does(
                    "ManagementServices", (Listening("ReplicationService", "Replication", "Internal", 4443, "Https"),)
                ),
            ),
        ),
        Cluster(
            "med.contoso.example",
            {"": (Net("Primary", "10.1.1.31"), Net("Pstn", "10.1.8.31"))},
            (MEDIATION,),
        ),
        Cluster("wac.contoso.example", {"": ()}, (Does("WacService"),)),
        Cluster("sba.contoso.example", {"": inner("10.7.1.5")}, (Does("Registrar", REGISTRAR), MEDIATION), branch=True),
    ),
    urls=(
        ("Meet", "contoso.example", "https://meet.contoso.example"),
        ("Dialin", "*", "https://dialin.contoso.example"),
        ("Cscp", "*", "https://admin.contoso.example"),
    ),
    version=8,
)
FABRIKAM = Deployment(
    domains=("fabrikam.example",),
    site="Main",
    clusters=(
        Cluster(
            "lync.fabrikam.example",
            {"": inner("192.168.1.30")},
            (Does("Registrar", REGISTRAR), web("lyncweb.fabrikam.example"), CONFERENCES, Does("CentralMgmt")),
        ),
        Cluster(
            "edge.fabrikam.example",
            {"": (Net("Internal", "192.168.9.9"), Net("External", "198.51.100.9"))},
            (edge(1, 1, 1, sip=5061, data=444, names=("access.fabrikam.example",) * 3),),
        ),
    ),
    urls=(("Meet", "fabrikam.example", "https://meet.fabrikam.example"),),
    version=7,
)


def attributes(**values: str | int) -> str:
    return "".join(f" {name}={quoteattr(str(value))}" for name, value in values.items() if value != "")


def _domains(one: Deployment, namespace: str = "") -> str:
    inside = "".join(f"<InternalDomain{attributes(Name=name)} />" for name in one.domains)
    return f"<InternalDomains{attributes(DefaultDomain=one.domains[0], xmlns=namespace)}>{inside}</InternalDomains>"


def simple_urls(one: Deployment) -> str:
    inside = "".join(
        f"<SimpleUrl{attributes(Component=component, Domain=domain, ActiveUrl=url)} />"
        for component, domain, url in one.urls
    )
    return f'<SimpleUrlConfiguration xmlns="{URLS}">{inside}</SimpleUrlConfiguration>'


def _nets(nets: tuple[Net, ...], namespace: str = "") -> str:
    return "".join(
        "<NetInterface"
        + attributes(InterfaceSide=one.side, InterfaceNumber=one.number, IPAddress=one.address, xmlns=namespace)
        + attributes(ConfiguredIPAddress=one.nat)
        + " />"
        for one in nets
    )


def _ports(service: Does) -> str:
    inside = "".join(
        "<Port"
        + attributes(Owner=f"urn:component:{one.owner}", Usage=one.usage, InterfaceSide=one.side)
        + attributes(InterfaceNumber=one.number, Port=one.port, Protocol=one.protocol)
        + attributes(**({"UrlPath": "/"} | one.extra))
        + " />"
        for one in service.ports
    )
    special = ""
    if service.name == "Registrar":
        special = f'<RegistrarService xmlns="{ROLES}" IsDirector="{str(service.director).lower()}" />'
    if service.external:
        host = attributes(Host=service.external)
        special = (
            f'<WebService xmlns="{ROLES}"><ExternalSettings{host}><OverrideUrls /></ExternalSettings></WebService>'
        )
    return f'<Ports xmlns="{ROLES}">{inside}</Ports>{special}'


def _needs(one: Deployment, service: Does) -> list[tuple[str, str]]:
    return [(name, pool or one.clusters[0].fqdn) for name, pool in service.needs]


def tbxml(one: Deployment) -> str:
    """As Topology Builder saves it: unique ids, pools inside their sites."""

    def cluster(place: Cluster) -> str:
        machines = "".join(
            f"<Machine{attributes(Fqdn=name)}>{_nets(nets, PUBLISHED)}</Machine>"
            for name, nets in place.machines.items()
        )
        stores = f"<SqlInstances><SqlInstance{attributes(UniqueId=f'sql-{place.fqdn}', Name='rtc')} /></SqlInstances>"
        head = attributes(UniqueId=f"id-{place.fqdn}", Fqdn=place.fqdn)
        return f"<Cluster{head}><Machines>{machines}</Machines>{stores}</Cluster>"

    def service(place: Cluster, does: Does) -> str:
        where = ("sql-" if does.name.endswith("Store") else "id-") + place.fqdn
        head = attributes(UniqueId=f"{does.name} {place.fqdn}", RoleName=does.name, InstalledOn=where)
        needs = "".join(
            f"<Dependency{attributes(ServiceUniqueId=f'{name} {pool}')} />" for name, pool in _needs(one, does)
        )
        return (
            f"<Service{head}{attributes(ServiceVersion=one.version)}>"
            f"<DependsOn>{needs}</DependsOn>{_ports(does)}</Service>"
        )

    central = "".join(cluster(place) for place in one.clusters if not place.branch)
    branches = "".join(cluster(place) for place in one.clusters if place.branch)
    services = "".join(service(place, does) for place in one.clusters for does in place.services)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<TopologyBuilder IsFreeFromChanges="true" FileName="C:\\x.tbxml" xmlns="{BUILDER}"><NewTopology>'
        f'<PartialTopology IsPublished="false" xmlns="{WRITABLE}">{_domains(one, PUBLISHED)}{simple_urls(one)}'
        f'<CentralSites><CentralSite SiteId="1"><Name xmlns="{PUBLISHED}">{one.site}</Name>'
        f"<Clusters>{central}</Clusters>"
        f'<RemoteSites><RemoteSite SiteId="2"><Name xmlns="{PUBLISHED}">Branch</Name><Clusters>{branches}</Clusters>'
        "</RemoteSite></RemoteSites></CentralSite></CentralSites>"
        f"<Services>{services}</Services></PartialTopology></NewTopology></TopologyBuilder>"
    )


def published(one: Deployment) -> str:
    """As `Get-CsTopology -AsXml` prints it: joined by site and number."""
    numbers = {place.fqdn: (2 if place.branch else 1, n) for n, place in enumerate(one.clusters, start=1)}

    def id(fqdn: str) -> str:
        site, number = numbers[fqdn]
        return f"<ClusterId{attributes(SiteId=site, Number=number)} />"

    def cluster(place: Cluster) -> str:
        machines = "".join(
            f"<Machine{attributes(OrdinalInCluster=n, Fqdn=name or place.fqdn)}>{_nets(nets)}</Machine>"
            for n, (name, nets) in enumerate(place.machines.items(), start=1)
        )
        return f"<Cluster{attributes(Fqdn=place.fqdn)}>{id(place.fqdn)}{machines}</Cluster>"

    def service_id(name: str, fqdn: str) -> str:
        site, number = numbers[fqdn]
        return f"<ServiceId{attributes(SiteId=site, RoleName=name, Instance=number)} />"

    def service(place: Cluster, does: Does) -> str:
        where = id(place.fqdn)
        if does.name.endswith("Store"):
            where = f'<SqlInstanceId Name="rtc">{where}</SqlInstanceId>'
        needs = "".join(f"<Dependency>{service_id(name, pool)}</Dependency>" for name, pool in _needs(one, does))
        return (
            f"<Service{attributes(RoleVersion=1, ServiceVersion=one.version)}>{service_id(does.name, place.fqdn)}"
            f"<DependsOn>{needs}</DependsOn><InstalledOn>{where}</InstalledOn>{_ports(does)}</Service>"
        )

    clusters = "".join(cluster(place) for place in one.clusters)
    services = "".join(service(place, does) for place in one.clusters for does in place.services)
    return (
        f'<Topology xmlns="{PUBLISHED}" Signature="bd39024c">{_domains(one)}'
        f'<Sites><CentralSite SiteId="1"><Name>{one.site}</Name><Location /></CentralSite>'
        '<RemoteSite SiteId="2"><Name>Branch</Name></RemoteSite></Sites>'
        f"<Clusters>{clusters}</Clusters><Services>{services}</Services></Topology>"
    )


def anchored(document: str) -> str:
    """A settings document as the configuration store keeps it."""
    return (
        f'<AnchoredXml xmlns="{SCOPES}" SchemaWriteVersion="1"><Key ScopeClass="Global" />'
        f'<Dictionary Count="1"><Item><Key /><Value Signature="2ffb">{document}</Value></Item></Dictionary>'
        "</AnchoredXml>"
    )


def doc_item_set(one: Deployment) -> str:
    """The document of a configuration export: the topology and the simple URLs among other settings."""
    documents = (published(one), anchored(simple_urls(one)), anchored("<Other xmlns='urn:x' />"))
    items = "".join(f'<DocItem Name="urn:xds:{n}"><Data>{text}</Data></DocItem>' for n, text in enumerate(documents))
    return f'<?xml version="1.0"?><DocItemSet xmlns="urn:schema:doc">{items}</DocItemSet>'
