"""DNS that misleads: one company inside with a fault for each of its clients, and people outside with theirs."""

import time
from collections.abc import Mapping
from pathlib import Path

from sample_pcaps.lab.network import HP, LINUX, POLYCOM, WINDOWS, Host, Network, Program
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.pki import Authority
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.searching import BY_RECORDS, INSIDE, OUTSIDE, Inquirer, Search, inquire, search
from sample_pcaps.lab.services import Zone, serve_dns, serve_tcp
from sample_pcaps.lab.sip import PHONE_AGENT, registrar
from sample_pcaps.lab.web import Reply, Site, lync_http, lync_https

MOBILE_AGENT = "AndroidLync/5.4.1106.0 (Nexus 5 Android 6.0)"
MOBILE = ("lyncdiscoverinternal", "lyncdiscover")

QUORUM = Plan(
    domain="quorum.example",
    pcs="10.62.20.0/24",
    phones="10.62.30.0/24",
    servers="10.62.1.0/24",
    outside="203.0.113.0/26",
    web=("ucweb.quorum.example", "10.62.1.21"),
    pool=("ucpool.quorum.example", "10.62.1.21"),
    names="10.62.1.5",
    intranet=("wiki.quorum.example", "10.62.1.50"),
    files="10.62.1.51",
)
DEAF, SLOW, EMPTY, PUBLIC = "10.62.1.7", "10.62.1.8", "10.62.1.9", "203.0.113.20"
SECOND, GONE, PROXY = "10.62.1.22", "10.62.1.23", "203.0.113.30"


def _inner_zone(office: Office) -> Zone:
    pool, web = office.plan.pool, office.plan.web
    """The company's own records, and those of the companies it bought: some were forgotten, some are wrong."""
    return office.zone() | {
        ("lyncdiscover.mersey.example", "A"): [PROXY],
        ("sip.trent.example", "A"): [pool[1]],
        ("_sipinternaltls._tcp.severn.example", "SRV"): ["0 0 5061 sipgw.severn.example."],
        ("_sipinternaltls._tcp.avon.example", "SRV"): ["0 0 5601 ucpool.avon.example."],
        ("ucpool.avon.example", "A"): [pool[1]],
        ("_sipinternaltls._tcp.kelvin.example", "SRV"): [f"0 0 5061 {pool[0]}."],
        ("ucupdates-r2.kelvin.example", "A"): [web[1]],
        ("_sipinternaltls._tcp.ouse.example", "SRV"): ["0 0 5061 ucpair.ouse.example."],
        ("ucpair.ouse.example", "A"): [GONE, pool[1]],
        ("intra.quorum.example", "A"): ["10.62.1.50"],
    }


def inside(folder: Path) -> None:
    """Sixteen clients and an Edge of one company, almost each with another fault; SPAN of both client VLANs."""
    with Network() as net:
        office = Office(net, QUORUM)
        pcs = {n: office.device(f"10.62.20.{n}", office.pcs, vendor=HP) for n in range(21, 36)}
        phone = office.device("10.62.30.31", office.phones, vendor=POLYCOM)
        edge = office.device("10.62.30.40", office.phones)
        others = {one: office.server(one, stack=LINUX) for one in (DEAF, SLOW, EMPTY, GONE)}
        second = office.server(SECOND)
        public = office.device(PUBLIC, office.outside, stack=LINUX)
        proxy = office.device(PROXY, office.outside, stack=LINUX)
        office.router.rule("forward", f"ip daddr {DEAF} drop")
        scene = Scene(office, net.mirror((office.pcs, office.phones)))
        zone = _inner_zone(office)
        net.start()
        identity = office.ca.issue(
            QUORUM.pool[0],
            *("lyncdiscoverinternal.quorum.example", QUORUM.web[0], "sip.trent.example", "ucpair.ouse.example"),
        ).server_context()
        net.serve(office.names, serve_dns, zone, 0.0, 2, ("harbor.example",))
        net.serve(others[SLOW], serve_dns, zone, 2.4)
        net.serve(others[EMPTY], serve_dns, {("www.quorum.example", "A"): ["203.0.113.40"]})
        net.serve(public, serve_dns, {("lyncdiscoverinternal.quorum.example", "A"): [PROXY]}, 0.01)
        pages = Site(lync_https(QUORUM.web[0], QUORUM.pool[0])).conversation()
        plain = Site(lync_http(QUORUM.web[0], office.ca.chain_pkcs7(), "lyncdiscoverinternal.quorum.example"))
        for host in (office.pool, second):
            net.serve(host, serve_tcp, 443, pages, identity)
            net.serve(host, serve_tcp, 80, plain.conversation())
            net.serve(host, serve_tcp, 5061, registrar(QUORUM.pool[0], QUORUM.web[0]), identity)
        news = Site({"/news": Reply(b"<html>soup</html>")}, "Apache/2.4.10").conversation()
        net.serve(office.intranet, serve_tcp, 80, news)
        outer = office.public_ca.issue("lyncdiscover.mersey.example").server_context()
        net.serve(proxy, serve_tcp, 443, pages, outer)
        with scene.recorded(folder / "names-inside.pcap", "not arp"):
            talks = _inside(net, office, pcs, phone)
            asked = (("_sipfederationtls._tcp.partner.example", "SRV"), (QUORUM.pool[0], "A"))
            talks.append(net.spawn(edge, inquire, Inquirer(EMPTY, asked, QUORUM.intranet[1])))
            net.join(*talks, timeout=80)
            time.sleep(10.0)


def _inside(net: Network, office: Office, pcs: Mapping[int, Host], phone: Host) -> list[Program]:
    def client(host: Host, user: str, resolver: str = QUORUM.names, **more: object) -> Program:
        time.sleep(0.15)
        base = {"steps": INSIDE, **more}
        return net.spawn(host, search, Search(user, resolver, office.ca.root_pem, **base))  # type: ignore[arg-type]

    outer_root = office.public_ca.root_pem
    away = Search("gail@mersey.example", QUORUM.names, outer_root, MOBILE)
    started = [client(pcs[21], "anna@quorum.example")]
    time.sleep(1.5)
    return [
        *started,
        client(pcs[22], "bert@quorum.example", DEAF, steps=MOBILE, visits=QUORUM.intranet[1]),
        client(pcs[23], "cleo@harbor.example", others=("intra.quorum.example",)),
        net.spawn(pcs[24], search, away),
        client(pcs[25], "dina@tyne.example", steps=MOBILE, agent=MOBILE_AGENT),
        client(pcs[26], "egon@severn.example", steps=BY_RECORDS[:1]),
        client(pcs[27], "fred@avon.example", steps=BY_RECORDS[:1]),
        client(pcs[28], "hugo@trent.example", steps=BY_RECORDS),
        client(pcs[29], "ines@quorum.example", EMPTY, steps=INSIDE),
        client(pcs[30], "jana@quorum.example", SLOW, steps=BY_RECORDS),
        client(phone, "lobby@kelvin.example", steps=BY_RECORDS[:1], agent=PHONE_AGENT, refuses_foreign=True,
               others=("ucupdates-r2.kelvin.example",)),
        *(client(pcs[n], f"user{n}@ouse.example", steps=BY_RECORDS[:1], picks=n < 33) for n in (31, 32, 33)),
        client(pcs[34], "kurt@quorum.example", PUBLIC, steps=MOBILE),
        client(pcs[35], "lena@quorum.example", steps=MOBILE, known={f"{MOBILE[0]}.quorum.example": SECOND}),
    ]  # fmt: skip


ISP = "198.51.100.0/25"
NAMES, WEB_PROXY, EDGE, WEBSITE, HOSTER = "198.51.100.5", "192.0.2.20", "192.0.2.21", "192.0.2.22", "192.0.2.23"
OUTER_ZONE: Zone = {
    ("lyncdiscover.aspen.example", "A"): [WEB_PROXY],
    ("lyncdiscover.alder.example", "A"): ["10.9.8.7"],
    **{(f"{name}.birch.example", "A"): [WEBSITE] for name in ("lyncdiscoverinternal", "sipinternal", "www", "shop")},
    ("lyncdiscover.birch.example", "A"): [WEB_PROXY],
    ("lyncdiscover.cedar.example", "A"): [EDGE],
    ("sip.cedar.example", "A"): [EDGE],
    ("_sip._tls.cedar.example", "SRV"): ["0 0 443 sip.cedar.example."],
    ("lyncdiscover.elder.example", "CNAME"): ["uc.hoster.example."],
    ("uc.hoster.example", "A"): [HOSTER],
    ("lyncdiscover.hazel.example", "A"): [WEB_PROXY],
    ("lyncdiscover.hazel.example", "AAAA"): ["2001:db8:77::20"],
}


def outside(folder: Path) -> None:
    """Seven people outside, each with another company's public DNS; SPAN of their provider's switch."""
    with Network() as net:
        isp, web = net.segment(ISP, delay=0.004), net.segment("192.0.2.0/26", delay=0.002)
        router = net.router({isp: "198.51.100.1", web: "192.0.2.1"})
        router.ip("route", "add", "blackhole", "10.0.0.0/8")
        people = {n: net.host(f"198.51.100.{n}", isp, gateway="198.51.100.1", stack=WINDOWS, vendor=HP)
                  for n in range(61, 68)}  # fmt: skip
        _number_ipv6(router, people[66])
        names = net.host(NAMES, isp, gateway="198.51.100.1", stack=LINUX)
        hosts = {one: net.host(one, web, gateway="192.0.2.1", stack=LINUX)
                 for one in (WEB_PROXY, EDGE, WEBSITE, HOSTER)}  # fmt: skip
        span = net.mirror(isp)
        net.start()
        ca = Authority("Lab Trust Network", "Lab Public")
        net.serve(names, serve_dns, OUTER_ZONE, 0.006)
        net.serve(names, serve_tcp, 80, Site({"/news": Reply(b"<html>weather</html>")}, "nginx").conversation())
        domains = ("aspen", "birch", "hazel")
        published = ca.issue(*(f"lyncdiscover.{one}.example" for one in domains)).server_context()
        net.serve(
            hosts[WEB_PROXY], serve_tcp, 443, Site(lync_https("web.aspen.example", "x")).conversation(), published
        )
        edge = ca.issue("sip.cedar.example", "access.cedar.example").server_context()
        net.serve(hosts[EDGE], serve_tcp, 443, registrar("sip.cedar.example", "web.cedar.example"), edge)
        front = Site({"/": Reply(b"<html>birch trees</html>")}, "nginx").conversation()
        for host, name in ((WEBSITE, "www.birch.example"), (HOSTER, "uc.hoster.example")):
            net.serve(hosts[host], serve_tcp, 443, front, ca.issue(name).server_context())
        net.serve(hosts[WEBSITE], serve_tcp, 80, front)
        with net.capture(span, folder / "names-outside.pcap", expression="not arp"):
            talks = _outside(net, people, ca.root_pem)
            records = tuple((f"_sipfederationtls._tcp.{one}.example", "SRV") for one in ("aspen", "nobody"))
            talks.append(net.spawn(hosts[EDGE], inquire, Inquirer(NAMES, records, "198.51.100.5")))
            net.join(*talks, timeout=80)
            time.sleep(10.0)


def _number_ipv6(router: Host, pc: Host) -> None:
    router.speak_ipv6("2001:db8:62::1/64", interface="eth0")
    with router.entered():
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
    router.ip("-6", "route", "add", "blackhole", "2001:db8:77::/48")
    pc.speak_ipv6("2001:db8:62::66/64", gateway="2001:db8:62::1")


def _outside(net: Network, people: Mapping[int, Host], root: bytes) -> list[Program]:
    def client(number: int, user: str, **more: object) -> Program:
        time.sleep(0.15)
        base = {"steps": MOBILE, "agent": MOBILE_AGENT, **more}
        return net.spawn(people[number], search, Search(user, NAMES, root, **base))  # type: ignore[arg-type]

    started = [client(61, "nora@aspen.example")]
    time.sleep(1.5)
    return [
        *started,
        client(62, "olaf@alder.example", visits=WEBSITE),
        client(63, "pia@birch.example", others=("www.birch.example", "shop.birch.example")),
        client(64, "rolf@cedar.example", steps=(*OUTSIDE[:2], "_sip._tls")),
        client(65, "sara@elder.example"),
        client(66, "timo@hazel.example", speaks_ipv6=True),
        client(67, "ulf@larch.example"),
    ]


SCENARIOS = (
    Scenario(("names-inside",), inside),
    Scenario(("names-outside",), outside),
)
