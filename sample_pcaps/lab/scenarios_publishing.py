"""Scenarios of web services as the outside sees them, of reverse proxies, and of what runs over plain HTTP."""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path

from sample_pcaps.lab.clients import Desktop, Phone, phone
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.network import HP, PHONE, POLYCOM, Host, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.passing import publish
from sample_pcaps.lab.pki import Authority, client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import CERTPROV_PATH, serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.visitors import (
    NAMES,
    Seeker,
    Shore,
    log_on_in_clear,
    moved,
    seek,
    sign_in_and_look_for,
    travelling_phone,
)
from sample_pcaps.lab.web import SOAP, Page, Reply, Site, lync_http, lync_https, root_chains_answer

ROOT = "/autodiscover/autodiscoverservice.svc/root"
PORTAL = Reply(b"<html><body><form>Sign in to the portal</form></body></html>", status=403)


def outer_pages(web: str, target: str) -> dict[str, Page]:
    """The pages of port 80 for people outside: a link onwards, and the words for where they are."""
    pages = lync_http(web, b"", target)
    outside = {path: _outside(pages[path]) for path in ("/", ROOT)}
    return {**pages, **outside}


def _outside(page: Page) -> Reply:
    assert isinstance(page, Reply)
    return dataclasses.replace(page, body=page.body.replace(b'"Internal"', b'"External"'))


def _serve(shore: Shore, host: Host, pages: Mapping[str, Page] | None, *names: str, server: str = "nginx") -> None:
    """Port 443 under these names, and port 80 with these pages, where there are any."""
    context = shore.public_ca.issue(*names).server_context()
    shore.net.serve(host, serve_tcp, 443, Site(lync_https(names[0], names[0])).conversation(), context)
    if pages:
        shore.net.serve(host, serve_tcp, 80, Site(pages, server).conversation())


def discovery_outside(folder: Path) -> None:
    """Six visitors ask six organisations for autodiscover; mirror of the visitors' network.

    quayside: 443 without the name, 80 answers; tidemark: 80 redirects to that 443; breakwater: both ports closed;
    sandbar: a portal's page on 80; pontoon: healthy; jetsam: HTTP by design, the link leads to flotsam, which works.
    """
    with Network() as net:
        shore = Shore(net, "198.51.100.192/26", "198.51.100.193")
        sites = {
            name: f"198.51.100.{number}"
            for number, name in enumerate(("quayside", "tidemark", "breakwater", "sandbar", "pontoon", "jetsam"), 201)
        }
        hosts = {name: shore.outer(address) for name, address in sites.items()}
        visitors = [shore.visitor(f"203.0.113.{number}") for number in range(81, 87)]
        span = net.mirror(shore.isp, visitors)
        names = {f"lyncdiscover.{name}.example": address for name, address in sites.items()}
        shore.open(names | {"ucext.flotsam.example": sites["jetsam"]})
        linked = "https://lyncdiscover.tidemark.example/Autodiscover/AutodiscoverService.svc/root"
        quay, flot = "ucext.quayside.example", "ucext.flotsam.example"
        _serve(shore, hosts["quayside"], outer_pages(quay, "lyncdiscover.quayside.example"), quay)
        _serve(shore, hosts["tidemark"], {"/": moved(linked)}, "ucext.tidemark.example", "meet.tidemark.example")
        _serve(shore, hosts["pontoon"], None, "ucext.pontoon.example", "lyncdiscover.pontoon.example")
        _serve(shore, hosts["jetsam"], outer_pages(flot, flot), flot)
        net.serve(hosts["sandbar"], serve_tcp, 80, Site({"/": PORTAL}, "Apache").conversation())
        with net.capture(span, folder / "discovery-outside.pcap"):
            talks = []
            for visitor, name in zip(visitors, sites, strict=True):
                plan = Seeker(
                    f"{name}.example", shore.public_ca.root_pem, tls_first=name not in ("tidemark", "sandbar")
                )
                talks.append(net.spawn(visitor, seek, plan))
                time.sleep(0.4)
            net.join(*talks, timeout=40)
            time.sleep(1.0)


def published_wrongly(folder: Path) -> None:
    """Four reverse proxies and their pools; mirror of the network between them.

    portside: port 4443 is dropped, 8080 works; keelboat: 443 and 80 go to the pool's inner site; starboard: the host
    header is replaced on the way to 8080; galley: healthy.
    """
    with Network() as net:
        shore = Shore(net, "198.51.100.128/26", "198.51.100.129")
        inside = net.segment("10.77.4.0/24")
        wall = net.router({shore.sea: "198.51.100.130", inside: "10.77.4.1"})
        firms = ("portside", "keelboat", "starboard", "galley")
        proxies = {name: shore.outer(f"198.51.100.{number}") for number, name in enumerate(firms, 141)}
        for proxy in proxies.values():
            proxy.ip("route", "add", "10.77.4.0/24", "via", "198.51.100.130")
        pools = {
            name: net.host(f"10.77.4.{number}", inside, gateway="10.77.4.1") for number, name in enumerate(firms, 21)
        }
        visitors = [shore.visitor(f"203.0.113.{number}") for number in range(91, 95)]
        span = net.mirror(shore.sea)
        wall.rule("forward", "ip daddr 10.77.4.21 tcp dport 4443 drop")
        shore.open({f"lyncdiscover.{name}.example": f"198.51.100.{number}" for number, name in enumerate(firms, 141)})
        for name in firms:
            _publish(shore, name, proxies[name], pools[name])
        with net.capture(span, folder / "published-wrongly.pcap"):
            talks = []
            for visitor, name in zip(visitors, firms, strict=True):
                for first in (False, True):
                    plan = Seeker(f"{name}.example", shore.public_ca.root_pem, tls_first=first)
                    talks.append(net.spawn(visitor, seek, plan))
                    time.sleep(0.7)
            net.join(*talks, timeout=60)
            time.sleep(9.5)


def _publish(shore: Shore, name: str, proxy: Host, pool: Host) -> None:
    """One organisation: the pool's sites, and the proxy that leads to them."""
    net, discovery = shore.net, f"lyncdiscover.{name}.example"
    own = Authority(name.title(), name)
    secure, plain = (443, 80) if name == "keelboat" else (4443, 8080)
    behind = pool.addresses[0]
    inner = own.issue(f"fe3.{name}.example", discovery).server_context()
    net.serve(pool, serve_tcp, secure, Site(lync_https(f"ucext.{name}.example", "sip")).conversation(), inner)
    pages = outer_pages(f"ucext.{name}.example", discovery)
    known = {path: _under(discovery, page) for path, page in pages.items()}
    net.serve(pool, serve_tcp, plain, Site(known).conversation())
    outer = shore.public_ca.issue(f"ucext.{name}.example", discovery).server_context()
    net.serve(proxy, serve_tcp, 443, publish((behind, secure), client_context([own.root_pem])), outer)
    renamed = f"fe3.{name}.example" if name == "starboard" else ""
    net.serve(proxy, serve_tcp, 80, publish((behind, plain), None, renamed))


def _under(host: str, page: Page) -> Page:
    """The page under this host name; 404 under any other."""
    missing = Reply(b"<html><body>Not found.</body></html>", status=404)

    def answer(head: str) -> Reply:
        assert isinstance(page, Reply)
        return page if f"Host: {host}" in head else missing

    return answer


LUGGER = Plan(
    domain="lugger.example",
    pcs="10.203.16.0/24",
    phones="10.203.24.0/24",
    servers="10.203.2.0/24",
    outside="192.0.2.64/26",
    web=("weblug.lugger.example", "10.203.2.40"),
    pool=("fe1.lugger.example", "10.203.2.41"),
    names="10.203.2.8",
    intranet=("board.lugger.example", "10.203.2.90"),
    files="10.203.2.91",
)


def old_chain(folder: Path) -> None:
    """Port 80 hands out the root certificates of the authority before; SPAN of phones and PCs.

    A new phone fetches them and trusts nobody; a settled one works, and its firmware check fails; a PC logs on to the
    address book in the clear; another phone and another PC are healthy.
    """
    with Network() as net:
        office = Office(net, LUGGER)
        mac = f"{POLYCOM}:91:0c:2e"
        fresh = office.device(None, office.phones, stack=PHONE, mac=mac)
        settled, healthy = (
            office.device(f"10.203.24.{n}", office.phones, stack=PHONE, vendor=POLYCOM) for n in (61, 62)
        )
        careless, pc = (office.device(f"10.203.16.{n}", office.pcs, vendor=HP) for n in (33, 34))
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        before = Authority("Lugger Before", "lugger-2009")
        broken = Reply(b"<html>Server Error in '/RequestHandler' Application.</html>", status=500)
        pages = office.http_pages() | {
            f"{CERTPROV_PATH}/anon".lower(): Reply(root_chains_answer(before.chain_pkcs7()), SOAP),
            "/requesthandler/ucdevice.upx": broken,
            "/abs/int/handler": Reply(b"\x80\x81" * 300, "application/octet-stream"),
        }
        office.open(http_pages=pages)
        office.lease_phones({mac: "10.203.24.51"})
        with scene.recorded(folder / "old-root-chain.pcap"):
            talks = [scene.user(pc, "wim", stays=3.0)]
            talks.append(net.spawn(settled, phone, scene.phone("hall", trusts_root=True, stays=4.0)))
            quiet = scene.phone("gate", trusts_root=True, checks_updates=False, stays=4.0)
            talks.append(net.spawn(healthy, phone, quiet))
            talks.append(net.spawn(careless, log_on_in_clear, LUGGER.resolver, LUGGER.web[0]))
            new = scene.phone("desk9", mac=mac, root=before.root_pem, checks_updates=False, stays=1.0)
            talks.append(net.spawn(fresh, phone, new))
            net.join(*talks, timeout=60)


def led_inside(folder: Path) -> None:
    """Five visitors of five organisations; mirror of the visitors' network.

    mizzen: the link leads to a name for people inside; gunwale: a phone taken home that lacks the private authority;
    bowline: SIP works and nothing is published; topsail: the proxy gets nothing from its pool; ratline: healthy.
    """
    with Network() as net:
        shore = Shore(net, "192.0.2.192/27", "192.0.2.193")
        firms = ("mizzen", "gunwale", "bowline", "topsail", "ratline")
        addresses = {name: f"192.0.2.{number}" for number, name in enumerate(firms, 201)}
        hosts = {name: shore.outer(address) for name, address in addresses.items()}
        seekers = {
            name: shore.visitor(f"203.0.113.{number}") for name, number in zip(firms, range(101, 106), strict=True)
        }
        span = net.mirror(shore.isp, list(seekers.values()))
        names = {f"lyncdiscover.{name}.example": address for name, address in addresses.items() if name != "bowline"}
        names |= {"sip.bowline.example": addresses["bowline"]}
        shore.open(names, {("_sip._tls.bowline.example", "SRV"): ["0 0 443 sip.bowline.example."]})
        inner = outer_pages("ucext.mizzen.example", "fe2.corp.mizzen.example")
        _serve(shore, hosts["mizzen"], inner, "ucext.mizzen.example", "lyncdiscover.mizzen.example")
        private = Authority("Gunwale", "gunwale").issue("lyncdiscover.gunwale.example")
        site = Site(lync_https("ucext.gunwale.example", "sip")).conversation()
        net.serve(hosts["gunwale"], serve_tcp, 443, site, private.server_context())
        edge = shore.public_ca.issue("sip.bowline.example").server_context()
        net.serve(hosts["bowline"], serve_tcp, 443, registrar("fe.bowline.example", "ucext.bowline.example"), edge)
        gateway = {"/": Reply(b"<html>Bad Gateway</html>", status=502)}
        net.serve(hosts["topsail"], serve_tcp, 80, Site(gateway, "nginx").conversation())
        healthy = outer_pages("ucext.ratline.example", "lyncdiscover.ratline.example")
        _serve(shore, hosts["ratline"], healthy, "ucext.ratline.example", "lyncdiscover.ratline.example")
        resolver, root = Resolver(NAMES), shore.public_ca.root_pem
        with net.capture(span, folder / "led-inside.pcap"):
            user = Desktop("ole@bowline.example", resolver, root, "sip.bowline.example", 443, stays=3.0)
            web = ("meet.bowline.example", "dialin.bowline.example")
            talks = [net.spawn(seekers["bowline"], sign_in_and_look_for, user, web)]
            away = Phone("desk4@gunwale.example", resolver, root, web_server="lyncdiscover.gunwale.example", pause=0.4)
            talks.append(net.spawn(seekers["gunwale"], travelling_phone, away))
            for name in ("mizzen", "topsail", "ratline"):
                time.sleep(0.3)
                plan = Seeker(f"{name}.example", root, tls_first=False)
                talks.append(net.spawn(seekers[name], seek, plan))
            net.join(*talks, timeout=60)


SCENARIOS = (
    Scenario(("discovery-outside",), discovery_outside),
    Scenario(("published-wrongly",), published_wrongly),
    Scenario(("old-root-chain",), old_chain),
    Scenario(("led-inside",), led_inside),
)
