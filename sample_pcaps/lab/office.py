"""A site with Lync: subnets, router, names, web and SIP servers, the Internet beyond, its certificates.

A scenario describes its site in a `Plan` (its own names and addresses), adds devices, mirrors and firewall
rules, calls `open`, and runs its clients.
"""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from sample_pcaps.lab.clients import Noise, noise
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.network import (
    CISCO,
    DELL,
    F5,
    HYPER_V,
    LINUX,
    VMWARE,
    WINDOWS,
    Host,
    Network,
    Program,
    Segment,
    Stack,
)
from sample_pcaps.lab.pki import Authority, Identity
from sample_pcaps.lab.services import (
    Lease,
    Zone,
    data_conference,
    file_share,
    serve_dhcp,
    serve_dns,
    serve_tcp,
    serve_time,
)
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import Page, Reply, Site, lync_http, lync_https


@dataclass(frozen=True)
class Plan:
    """Names and addresses of one site; (name, address) pairs are servers."""

    domain: str
    """SIP domain."""
    pcs: str
    phones: str
    servers: str
    outside: str
    """Subnet of the Internet."""
    web: tuple[str, str]
    """Internal web services; the pool's own address, or a load balancer's."""
    pool: tuple[str, str]
    names: str
    """Address of the DNS and time server."""
    intranet: tuple[str, str]
    files: str
    sites: Mapping[str, str] = field(default_factory=dict)
    """HTTPS sites on the Internet by name."""
    last_gateway: bool = False
    """Routers have the last address of each subnet instead of the first."""
    router_vendor: str = CISCO
    server_vendor: str = VMWARE
    wan_delay: float = 0.009
    servers_offload: bool = False
    """Servers leave checksums and segmentation to their network cards."""

    def gateway(self, subnet: str) -> str:
        """Return the router's address in a subnet."""
        hosts = IPv4Network(subnet)
        return str(hosts[-2] if self.last_gateway else hosts[1])

    @property
    def resolver(self) -> Resolver:
        """The stub resolver of every device inside."""
        return Resolver(self.names)


class Office:
    """The site being built and run."""

    def __init__(self, net: Network, plan: Plan) -> None:
        """Build router and servers; devices come later."""
        self.net, self.plan = net, plan
        self.ca = Authority(plan.domain.partition(".")[0].title(), plan.domain.partition(".")[0])
        self.public_ca = Authority("Lab Trust Network", "Lab Public")
        self.pcs, self.phones = net.segment(plan.pcs), net.segment(plan.phones)
        self.servers = net.segment(plan.servers)
        self.outside = net.segment(plan.outside, delay=plan.wan_delay)
        segments = (self.pcs, self.phones, self.servers, self.outside)
        legs = {one: plan.gateway(str(one.subnet)) for one in segments}
        self.router = net.router(legs, vendor=plan.router_vendor)
        self.names = self.server(plan.names, vendor=HYPER_V)
        self.pool = self.server(plan.pool[1])
        self.shares_web = plan.web[1] == plan.pool[1]
        self.web = self.pool if self.shares_web else self.server(plan.web[1], stack=LINUX, vendor=F5)
        self.intranet = self.server(plan.intranet[1], stack=LINUX, vendor=HYPER_V)
        self.files = self.server(plan.files)
        self.sites = {
            name: self.device(address, self.outside, stack=LINUX, vendor=HYPER_V)
            for name, address in plan.sites.items()
        }

    def server(self, address: str, *, stack: Stack = WINDOWS, vendor: str | None = None) -> Host:
        """Add a server."""
        vendor = vendor or self.plan.server_vendor
        return self.device(address, self.servers, stack=stack, vendor=vendor, offloads=self.plan.servers_offload)

    def device(
        self,
        address: str | None,
        segment: Segment,
        *,
        stack: Stack = WINDOWS,
        vendor: str = DELL,
        mac: str | None = None,
        offloads: bool = False,
    ) -> Host:
        """Add a device; its gateway is the router, told by DHCP when it has no address yet."""
        gateway = self.plan.gateway(str(segment.subnet)) if address else None
        return self.net.host(address, segment, gateway=gateway, stack=stack, vendor=vendor, mac=mac, offloads=offloads)

    def zone(self) -> dict[tuple[str, str], list[str]]:
        """Return the usual records of the site; a scenario may add and remove before `open`."""
        domain, plan = self.plan.domain, self.plan
        web, pool = plan.web, plan.pool
        addresses = {web[0]: web[1], pool[0]: pool[1], f"dc1.{domain}": plan.names, **plan.sites}
        addresses |= {plan.intranet[0]: plan.intranet[1], f"lyncdiscoverinternal.{domain}": web[1]}
        addresses |= {f"ucupdates-r2.{domain}": web[1]}
        zone = {(name, "A"): [address] for name, address in addresses.items()}
        zone[f"_sipinternaltls._tcp.{domain}", "SRV"] = [f"0 0 5061 {pool[0]}."]
        zone[f"_ntp._udp.{domain}", "SRV"] = [f"0 100 123 dc1.{domain}."]
        return zone

    def open(
        self,
        *,
        zone: Zone | None = None,
        http_pages: Mapping[str, Page] | None = None,
        serves_http: bool = True,
        serves_sip: bool = True,
        newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
        https_pages: dict[str, Page] | None = None,
        keylog: Path | None = None,
    ) -> None:
        """Start the network and all servers; nothing listens on port 80, or 5061, that is not served."""
        net = self.net
        net.start()
        net.serve(self.names, serve_dns, zone or self.zone())
        net.serve(self.names, serve_time)
        if serves_http:
            net.serve(self.web, serve_tcp, 80, Site(http_pages or self.http_pages()).conversation())
        context = self.identity().server_context(newest=newest_tls)
        if keylog:
            context.keylog_filename = str(keylog)
        self._open_lync(context, serves_sip=serves_sip, pages=https_pages or {})
        news = Site({"/news": Reply(b"<html><body>Canteen: soup.</body></html>" * 20)}, "Apache/2.4.10")
        net.serve(self.intranet, serve_tcp, 80, news.conversation())
        net.serve(self.files, serve_tcp, 445, file_share)
        front = Site({"/": Reply(b"<html><body>" + b"welcome " * 200 + b"</body></html>")}, "nginx")
        for name, host in self.sites.items():
            context = self.public_ca.issue(name).server_context(newest=ssl.TLSVersion.TLSv1_3)
            net.serve(host, serve_tcp, 443, front.conversation(), context)

    def http_pages(self) -> dict[str, Page]:
        """Return the pages of the web services on port 80."""
        discovery = f"lyncdiscoverinternal.{self.plan.domain}"
        return lync_http(self.plan.web[0], self.ca.chain_pkcs7(), discovery)

    def identity(self) -> Identity:
        """Issue the certificate of web services and pool."""
        names = [f"lyncdiscoverinternal.{self.plan.domain}", f"sip.{self.plan.domain}", self.plan.web[0]]
        return self.ca.issue(self.plan.pool[0], *names)

    def _open_lync(self, context: ssl.SSLContext, *, serves_sip: bool, pages: dict[str, Page]) -> None:
        web, pool = self.plan.web[0], self.plan.pool[0]
        self.net.serve(self.web, serve_tcp, 443, Site(lync_https(web, pool) | pages).conversation(), context)
        if serves_sip:
            self.net.serve(self.pool, serve_tcp, 5061, registrar(pool, web), context)
        self.net.serve(self.pool, serve_tcp, 8057, data_conference, context)

    def lease_pcs(self, leases: Mapping[str, str], *, voice_vlan: int) -> None:
        """Serve DHCP on the PC segment; phones that ask there are told their VLAN."""
        gateway = self.plan.gateway(self.plan.pcs)
        mask, names = str(self.pcs.subnet.netmask), self.plan.names
        lease = Lease(gateway, leases, gateway, mask, names, self.plan.domain, voice_vlan=voice_vlan)
        self.net.serve(self.router, serve_dhcp, lease)

    def lease_phones(self, leases: Mapping[str, str], *, time_server: bool = True) -> None:
        """Serve DHCP with the Lync options on the phone segment, from the router."""
        plan = self.plan
        gateway = plan.gateway(plan.phones)
        lease = Lease(
            server=gateway,
            by_mac=leases,
            router=gateway,
            mask=str(self.phones.subnet.netmask),
            dns_server=plan.names,
            domain=plan.domain,
            web_server=plan.web[0],
            registrar=plan.pool[0],
            time_server=plan.names if time_server else None,
            interface="eth1",
        )
        self.net.serve(self.router, serve_dhcp, lease)

    def make_noise(self, seconds: float, *hosts: Host) -> Iterator[Program]:
        """Start the everyday traffic of these devices."""
        plan = Noise(
            resolver=self.plan.resolver,
            seconds=seconds,
            sites=tuple(self.plan.sites),
            root=self.public_ca.root_pem,
            intranet=self.plan.intranet[0],
            file_server=self.plan.files,
            time_server=self.plan.names,
        )
        for host in hosts:
            yield self.net.spawn(host, noise, plan)
