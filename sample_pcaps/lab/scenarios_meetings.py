"""Scenarios of meetings and mobile apps: what people outside, and inside, cannot open beside what they can."""

import ssl
import time
from pathlib import Path

from sample_pcaps.lab.clients import Desktop
from sample_pcaps.lab.connecting import Resolver
from sample_pcaps.lab.network import HP, LINUX, PHONE, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.participants import (
    App,
    app,
    asks,
    calls,
    checks_in_vain,
    impatient,
    joins,
    member,
    opens,
    reads,
)
from sample_pcaps.lab.pki import Authority
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import data_conference, serve_tcp
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.visitors import NAMES, Shore
from sample_pcaps.lab.web import Reply, Site, lync_http, lync_https

POLL_S = 12.0
"""After so long the impatient proxy closes; real ones do after a minute or more."""


def meetings_outside(folder: Path) -> None:
    """Six visitors of four organisations; mirror of the visitors' network.

    teasel: the Web Conferencing Edge and the join page refuse, the proxy speaks TLS 1.0 only; sorrel: neither name is
    in DNS; bryony: the proxy cuts polls off; yarrow: healthy.
    """
    with Network() as net:
        shore = Shore(net, "192.0.2.128/26", "192.0.2.129")
        edges = {name: f"192.0.2.{number}" for name, number in (("teasel", 141), ("sorrel", 151), ("yarrow", 161))}
        hosts = {name: shore.outer(address) for name, address in edges.items()}
        for name, data in (("teasel", "192.0.2.142"), ("yarrow", "192.0.2.162")):
            hosts[name].ip("address", "add", f"{data}/26", "dev", "eth0")
        proxies = {name: shore.outer(f"192.0.2.{n}") for name, n in (("teasel", 143), ("yarrow", 163), ("bryony", 173))}
        closed = shore.outer("192.0.2.144")
        seats = [shore.visitor(f"203.0.113.{n}") for n in (111, 112, 113)]
        phones = [shore.visitor(f"203.0.113.{n}", PHONE, "28:37:37") for n in (114, 115, 116)]
        span = net.mirror(shore.isp, [*seats, *phones])
        names = {f"sip.{name}.example": address for name, address in edges.items()}
        names |= {"webcon.teasel.example": "192.0.2.142", "meet.teasel.example": closed.addresses[0]}
        names |= {"webcon.yarrow.example": "192.0.2.162", "meet.yarrow.example": "192.0.2.163"}
        names |= {f"lyncdiscover.{name}.example": host.addresses[0] for name, host in proxies.items()}
        records = {(f"_sip._tls.{name}.example", "SRV"): [f"0 0 443 sip.{name}.example."] for name in edges}
        shore.open(names, records)
        for name, address in edges.items():
            identity = shore.public_ca.issue(f"sip.{name}.example", f"webcon.{name}.example").server_context()
            answer = registrar(f"fe.{name}.example", f"ext.{name}.example")
            net.serve(hosts[name], serve_tcp, 443, answer, identity, address)
            if name == "yarrow":
                net.serve(hosts[name], serve_tcp, 443, data_conference, identity, "192.0.2.162")
        for name, host in proxies.items():
            discovery = f"lyncdiscover.{name}.example"
            oldest = name == "teasel"
            newest = ssl.TLSVersion.TLSv1 if oldest else ssl.TLSVersion.TLSv1_2
            context = shore.public_ca.issue(discovery, f"meet.{name}.example").server_context(newest=newest)
            page = Reply(b"<html><head><title>Join</title></head>" + b"<p>Joining...</p>" * 20 + b"</html>")
            site = Site(lync_https(discovery, "sip") | {"/meet/ada/4m2": page}).conversation()
            net.serve(host, serve_tcp, 443, impatient(POLL_S) if name == "bryony" else site, context)
            net.serve(host, serve_tcp, 80, Site(lync_http(discovery, b"", discovery)).conversation())
        resolver, root = Resolver(NAMES), shore.public_ca.root_pem
        talks = {
            "teasel": (opens("webcon.teasel.example", 443), opens("meet.teasel.example", 443)),
            "sorrel": tuple(
                asks(name)
                for name in (
                    *("lyncdiscoverinternal.sorrel.example", "webcon.sorrel.example", "meet.sorrel.example"),
                    "meet.tansy.example",
                )
            ),
            "yarrow": (joins("webcon.yarrow.example", 443), reads("meet.yarrow.example", "/meet/ada/4M2")),
        }
        with net.capture(span, folder / "meetings-outside.pcap"):
            running = []
            for seat, (name, mine) in zip(seats, talks.items(), strict=True):
                user = Desktop(f"ada@{name}.example", resolver, root, f"sip.{name}.example", 443, stays=12.0)
                running.append(net.spawn(seat, member, user, *mine))
                time.sleep(0.3)
            for phone, (name, rounds) in zip(phones, (("teasel", 2), ("bryony", 3), ("yarrow", 0)), strict=True):
                running.append(net.spawn(phone, app, App(f"{name}.example", resolver, root, rounds=rounds)))
                time.sleep(0.3)
            net.join(*running, timeout=90)


THISTLE = Plan(
    domain="thistle.example",
    pcs="10.141.16.0/24",
    phones="10.141.48.0/24",
    servers="10.141.2.0/24",
    outside="198.51.100.96/27",
    web=("webint.thistle.example", "10.141.2.40"),
    pool=("fe4.thistle.example", "10.141.2.41"),
    names="10.141.2.8",
    intranet=("desk.thistle.example", "10.141.2.90"),
    files="10.141.2.91",
)
PROXY = "198.51.100.101"


def meetings_inside(folder: Path) -> None:
    """Slides, files, screens and mobile apps of one company; SPAN of PCs and Wi-Fi.

    mae: no slides, no shared screen; moe: cannot check the certificate of the second server for slides, gets no file
    from mae; may: the join page's certificate lacks its name. Three mobile devices: one cannot get out and back in,
    one is led to the site for people inside, one works.
    """
    with Network() as net:
        office = Office(net, THISTLE)
        mae, moe, may = (office.device(f"10.141.16.{n}", office.pcs, vendor=HP) for n in (21, 22, 23))
        stuck, misled, free = (
            office.device(f"10.141.48.{n}", office.phones, stack=PHONE, vendor="28:37:37") for n in (31, 32, 33)
        )
        _, checked, _ = (office.server(f"10.141.2.{n}") for n in (60, 61, 62))  # only the second one listens
        proxy = office.device(PROXY, office.outside, stack=LINUX)
        office.router.rule("forward", "ip daddr 10.141.2.41 tcp dport 49152-65535 drop")
        office.router.rule("forward", f"ip saddr 10.141.48.31 ip daddr {PROXY} tcp dport 443 drop")
        scene = Scene(office, net.mirror((office.pcs, office.phones)))
        zone = office.zone()
        inner = THISTLE.web[1]
        zone |= {("wac.thistle.example", "A"): ["10.141.2.60"]}
        zone |= {("oos.thistle.example", "A"): ["10.141.2.61"], ("pki.thistle.example", "A"): ["10.141.2.62"]}
        zone |= {("webext.thistle.example", "A"): [PROXY], ("lyncdiscoverinternal.burdock.example", "A"): [inner]}
        zone |= {("webext.burdock.example", "A"): [inner], ("meet.thistle.example", "A"): [inner]}
        office.open(zone=zone)
        listed = Authority("Thistle Slides", "thistle-slides", cdp="http://pki.thistle.example/slides.crl")
        front = Site({"/m/participantframe.aspx": Reply(b"<html>slides</html>" * 40)}).conversation()
        shown = listed.issue("oos.thistle.example").server_context()
        net.serve(checked, serve_tcp, 443, front, shown)
        outer = office.ca.issue("webext.thistle.example").server_context()
        net.serve(proxy, serve_tcp, 443, impatient(1.0), outer)
        net.serve(proxy, serve_tcp, 80, Site({}).conversation())
        meeting = joins(THISTLE.pool[0], 8057)
        talks = {
            mae: (meeting, opens("wac.thistle.example", 443), calls("10.141.2.41", 51_044)),
            moe: (meeting, checks_in_vain("oos.thistle.example", "pki.thistle.example"), calls("10.141.16.21", 6893)),
            may: (meeting, reads("meet.thistle.example", "/meet/may/1a")),
        }
        pages = THISTLE.resolver, office.ca.root_pem
        with scene.recorded(folder / "meetings-inside.pcap"):
            running = []
            for host, name in ((mae, "mae"), (moe, "moe"), (may, "may")):
                user = Desktop(f"{name}@thistle.example", *pages, THISTLE.pool[0], stays=10.0)
                running.append(net.spawn(host, member, user, *talks[host]))
                time.sleep(0.4)
            for phone, domain in ((stuck, "thistle"), (misled, "burdock"), (free, "thistle")):
                plan = App(f"{domain}.example", *pages, web=f"webext.{domain}.example", rounds=1)
                running.append(net.spawn(phone, app, plan))
                time.sleep(0.4)
            net.join(*running, timeout=90)


SCENARIOS = (
    Scenario(("meetings-outside",), meetings_outside),
    Scenario(("meetings-inside",), meetings_inside),
)
