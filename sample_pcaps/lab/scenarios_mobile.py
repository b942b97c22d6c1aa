"""Scenarios of mobile clients at the reverse proxy: the web API over TLS whose keys are in the capture."""

from collections.abc import Callable, Mapping
from pathlib import Path

from sample_pcaps.lab.clients import Noise, noise
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.network import F5, LINUX, PHONE, Network
from sample_pcaps.lab.pki import Authority
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.services import serve_dns, serve_tcp
from sample_pcaps.lab.ucwa import Mobile, failing_pages, mobile, pages
from sample_pcaps.lab.web import Page, Reply, Site, lync_http

PROXY, NAMES, SHOP = "198.51.100.41", "203.0.113.53", "203.0.113.88"
WEB, DISCOVERY = "lyncext.wingtip.example", "lyncdiscover.wingtip.example"
ZONE = {
    (DISCOVERY, "A"): [PROXY],
    (WEB, "A"): [PROXY],
    ("meet.wingtip.example", "A"): [PROXY],
    ("sip.wingtip.example", "A"): ["198.51.100.40"],
    ("shop.relecloud.example", "A"): [SHOP],
}


def visit(folder: Path, name: str, site: Callable[[str, str], Mapping[str, Page]]) -> None:
    """Record the reverse proxy's outer network while a mobile client works and a PC shops elsewhere."""
    keylog = folder / "keys.log"
    with Network() as net:
        isp, company = net.segment("203.0.113.0/24", delay=0.006), net.segment("198.51.100.32/27", delay=0.002)
        net.router({isp: "203.0.113.1", company: "198.51.100.33"})
        phone = net.host("203.0.113.77", isp, gateway="203.0.113.1", stack=PHONE, vendor="28:37:37")
        names, shop = (net.host(one, isp, gateway="203.0.113.1", stack=LINUX) for one in (NAMES, SHOP))
        proxy = net.host(PROXY, company, gateway="198.51.100.33", stack=LINUX, vendor=F5)
        span = net.mirror(isp, [phone])
        net.start()
        ca = Authority("Lab Trust Network", "Lab Public")
        net.serve(names, serve_dns, ZONE, 0.01)
        context = ca.issue(WEB, DISCOVERY, "meet.wingtip.example").server_context()
        context.keylog_filename = str(keylog)
        net.serve(proxy, serve_tcp, 443, Site(site(WEB, "sip.wingtip.example")).conversation(), context)
        net.serve(proxy, serve_tcp, 80, Site(lync_http(WEB, ca.chain_pkcs7(), DISCOVERY)).conversation())
        front = Site({"/": Reply(b"<html>offers</html>" * 90)}, "nginx").conversation()
        net.serve(shop, serve_tcp, 443, front, ca.issue("shop.relecloud.example").server_context())
        with net.capture(span, folder / f"{name}.pcap"):
            resolver = Resolver(NAMES)
            shopping = net.spawn(phone, noise, Noise(resolver, 4.0, ("shop.relecloud.example",), ca.root_pem))
            net.join(net.spawn(phone, mobile, Mobile("kim@wingtip.example", resolver, ca.root_pem)), timeout=40)
            net.join(shopping, timeout=40)
    embed_keys(folder / f"{name}.pcap", keylog, folder / f"{name}.pcapng")


def healthy(folder: Path) -> None:
    """401s that are normal, 201, events held back by the server, address book, group, join page."""
    visit(folder, "ucwa-mobile", pages)


def failing(folder: Path) -> None:
    """The application answers 500 with its reason, the address book 404; everything else works."""
    visit(folder, "ucwa-mobile-500", failing_pages)


SCENARIOS = (
    Scenario((), healthy, others=("ucwa-mobile.pcapng",)),
    Scenario((), failing, others=("ucwa-mobile-500.pcapng",)),
)
