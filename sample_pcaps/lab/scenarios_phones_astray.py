"""Scenarios of phones that go astray, each for its own reason, beside others that work."""

import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

from sample_pcaps.lab import phones_astray
from sample_pcaps.lab.network import AASTRA, HP, PHONE, POLYCOM, Host, Network, Program
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.phones_astray import Astray, clocked
from sample_pcaps.lab.pki import Authority
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import CERTPROV_PATH, Lease, serve_dhcp, serve_tcp, vendor_option
from sample_pcaps.lab.sip import registrar
from sample_pcaps.lab.web import SOAP, WEB_TICKET_PATH, Reply, web_ticket_answer

PROSEWARE = Plan(
    domain="proseware.example",
    pcs="10.84.12.0/24",
    phones="10.84.40.0/24",
    servers="10.84.2.0/24",
    outside="203.0.113.32/27",
    web=("pwweb.proseware.example", "10.84.2.31"),
    pool=("pwpool.proseware.example", "10.84.2.30"),
    names="10.84.2.7",
    intranet=("desk.proseware.example", "10.84.2.77"),
    files="10.84.2.78",
)
COHO = Plan(
    domain="cohovineyard.example",
    pcs="172.27.96.0/24",
    phones="172.27.97.0/24",
    servers="172.27.3.0/24",
    outside="198.51.100.32/27",
    web=("cvfe.cohovineyard.example", "172.27.3.19"),
    pool=("cvfe.cohovineyard.example", "172.27.3.19"),
    names="172.27.3.11",
    intranet=("cellar.cohovineyard.example", "172.27.3.64"),
    files="172.27.3.65",
    sites={"time.windows.com": "198.51.100.45"},
    last_gateway=True,
)
MARGIES = Plan(
    domain="margiestravel.example",
    pcs="192.168.140.0/24",
    phones="192.168.141.0/24",
    servers="192.168.130.0/24",
    outside="192.0.2.32/27",
    web=("mtweb.margiestravel.example", "192.168.130.21"),
    pool=("mtpool.margiestravel.example", "192.168.130.20"),
    names="192.168.130.5",
    intranet=("trips.margiestravel.example", "192.168.130.90"),
    files="192.168.130.91",
)

OLDER = "CPE/4.0.7577.4100 OCPhone/4.0.7577.4100 (Microsoft Lync Phone Edition)"


def _lease(office: Office, mac: str, address: str, **more: object) -> Lease:
    plan = office.plan
    gateway = plan.gateway(plan.phones)
    base = Lease(
        gateway, {mac: address}, gateway, str(office.phones.subnet.netmask), plan.names, plan.domain,
        plan.web[0], plan.pool[0], plan.names, "eth1",
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]  # the keywords are Lease's own fields


def _phone(office: Office, user: str, **knows: object) -> Astray:
    plan = office.plan
    base = Astray(
        f"{user}@{plan.domain}", plan.resolver, plan.pool[1], web=plan.web, chain=office.ca.root_pem,
        asks=((f"_ntp._udp.{plan.domain}", "SRV"),),
    )  # fmt: skip
    return replace(base, **knows)  # type: ignore[arg-type]  # the keywords are Astray's own fields


def dhcp_options(folder: Path) -> None:
    """One DHCP server, six phones, and each is told something else; DNS has no service record."""
    with Network() as net:
        office = Office(net, PROSEWARE)
        macs = {f"{POLYCOM}:91:3d:{n:02x}": f"10.84.40.{100 + n}" for n in range(1, 7)}
        hosts = [office.device(None, office.phones, stack=PHONE, mac=mac) for mac in macs]
        pc = office.device("10.84.12.40", office.pcs, vendor=HP)
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        zone = office.zone()
        inside = f"_sipinternaltls._tcp.{PROSEWARE.domain}"
        del zone[inside, "SRV"], zone[f"ucupdates-r2.{PROSEWARE.domain}", "A"]
        office.open(zone=zone)
        by_hand = vendor_option(b"MS-UC-Client", b"http", b"10.84.2.31", b"443", CERTPROV_PATH.encode())
        address = b"\x01" + socket.inet_aton(PROSEWARE.pool[1])
        altered: list[dict[int, bytes]] = [{43: b""}, {43: by_hand}, {120: b""}, {120: address}, {}, {}]
        pairs = zip(macs.items(), altered, strict=True)
        leases = [_lease(office, mac, given, altered=options) for (mac, given), options in pairs]
        net.serve(office.router, serve_dhcp, *leases)
        srv = ((f"_ntp._udp.{PROSEWARE.domain}", "SRV"), (inside, "SRV"))
        fresh = (*srv, (f"ucupdates-r2.{PROSEWARE.domain}", "A"))
        with scene.recorded(folder / "phones-dhcp-options.pcap"):
            talks = [net.spawn(pc, clocked, PROSEWARE.names, 22.0)]
            for number, (mac, host) in enumerate(zip(macs, hosts, strict=True)):
                one = _phone(office, f"desk{number}", mac=mac, asks=fresh if number == 4 else srv)
                if number < 2:
                    talks.append(net.spawn(host, phones_astray.boot, one))
                elif number < 5:
                    plan = replace(one, signs_in=number == 4)
                    talks.append(net.spawn(host, phones_astray.boot_with_service, plan))
                else:
                    plan = replace(one, roots=(office.ca.root_pem,))
                    talks.append(net.spawn(host, phones_astray.other_make, plan, PROSEWARE.intranet[1]))
                time.sleep(0.6)
            net.join(*talks, timeout=60)


def cut_short(folder: Path) -> None:
    """Phones that are left alone: no answer to their class, no time, no directory, no DHCP in their VLAN."""
    with Network() as net:
        office = Office(net, COHO)
        macs = {f"{AASTRA}:44:0a:{n:02x}": f"172.27.97.{60 + n}" for n in range(1, 6)}
        hosts = [office.device(None, office.phones, stack=PHONE, mac=mac) for mac in macs]
        dead = net.segment("172.27.98.0/24")
        hosts[4].plug(dead, None, mac=list(macs)[4])
        scene = Scene(office, net.mirror((office.phones, dead), tags={dead: 398}))
        zone = office.zone()
        del zone[f"_ntp._udp.{COHO.domain}", "SRV"]
        office.router.rule("forward", "udp dport 123 oifname eth3 drop")
        office.router.rule("forward", "tcp dport 389 drop")
        office.open(zone=zone)
        (deaf, clockless, tied, healthy, sent), ours = list(macs), list(macs.values())
        leases = [
            _lease(office, deaf, ours[0], answers_inform=False),
            _lease(office, clockless, ours[1], time_server=None),
            _lease(office, tied, ours[2]),
            _lease(office, healthy, ours[3]),
            _lease(office, sent, ours[4], voice_vlan=398),
        ]
        net.serve(office.router, serve_dhcp, *leases)
        with scene.recorded(folder / "phones-cut-short.pcap"):
            plans = [
                _phone(office, name, mac=mac)
                for name, mac in zip(("hall", "gate", "desk", "bar", "yard"), macs, strict=True)
            ]
            trusting = replace(plans[1], roots=(office.ca.root_pem,))
            talks = [
                net.spawn(hosts[0], phones_astray.boot, replace(plans[0], informs=2)),
                net.spawn(hosts[1], phones_astray.boot_without_time, trusting, "time.windows.com"),
                net.spawn(hosts[2], phones_astray.boot_tied_to_pc, plans[2], COHO.names),
                net.spawn(hosts[3], phones_astray.boot_with_service, plans[3]),
                net.spawn(hosts[4], phones_astray.boot_into_dead_vlan, plans[4]),
            ]
            net.join(*talks, timeout=90)


def after_change(folder: Path) -> None:
    """A new authority, TLS 1.0 switched off, a record of another domain, a wrong PIN; with the web server's keys."""
    plain, keylog = folder / "phones-after-change.pcap", folder / "phones-after-change.keylog"
    with Network() as net:
        office, before = Office(net, MARGIES), Authority("Margies", "margies-old")
        member, strict = (office.server(f"192.168.130.{n}") for n in (22, 23))
        phones = [office.device(f"192.168.141.{n}", office.phones, stack=PHONE, vendor=POLYCOM) for n in range(31, 38)]
        pcs = [office.device(f"192.168.140.{n}", office.pcs, vendor=HP) for n in (51, 52)]
        scene = Scene(office, net.mirror((office.phones, office.pcs)))
        domain, pool = MARGIES.domain, MARGIES.pool[0]
        zone = office.zone()
        zone[pool, "A"].append("192.168.130.22")
        zone[f"mtdir.{domain}", "A"] = ["192.168.130.23"]
        zone["_sipinternaltls._tcp.cruises.example", "SRV"] = [f"0 0 5061 mtdir.{domain}."]
        office.open(zone=zone, https_pages={f"{WEB_TICKET_PATH}/pin".lower(): _by_pin}, keylog=keylog)
        for host, name in ((member, pool), (strict, f"mtdir.{domain}")):
            context = before.issue(name).server_context()
            if host is strict:
                context.minimum_version = ssl.TLSVersion.TLSv1_2
            net.serve(host, serve_tcp, 5061, registrar(name, MARGIES.web[0]), context)
        both = office.ca.root_pem + before.root_pem
        with scene.recorded(plain):
            talks = [scene.user(pcs[0], "ana", root=both, discovers=False, stays=1.0)]
            directed = {
                "user": "bo@cruises.example",
                "registrar": f"mtdir.{domain}",
                "discovers": False,
                "stays": 1.0,
                "root": both,
            }
            talks.append(scene.user(pcs[1], "bo", resolver=MARGIES.resolver, **directed))
            talks += _phones(office, phones, before.root_pem)
            talks.append(net.spawn(pcs[0], clocked, MARGIES.names, 46.0))
            net.join(*talks, timeout=80)
    embed_keys(plain, keylog, folder / "phones-after-change.pcapng")
    plain.unlink()


def _phones(office: Office, hosts: list[Host], old_root: bytes) -> list[Program]:
    """Start the seven phones of the changed site, each with its own fate."""
    net, domain = office.net, MARGIES.domain
    clock, inside = (f"_ntp._udp.{domain}", "SRV"), (f"_sipinternaltls._tcp.{domain}", "SRV")
    elsewhere = "_sipinternaltls._tcp.cruises.example"
    known = _phone(office, "lobby", asks=(clock, inside), roots=(old_root,))
    fates = [
        (phones_astray.settle, known),
        (phones_astray.settle, replace(known, user=f"bar@{domain}")),
        (phones_astray.settle, replace(known, user=f"spa@{domain}", registrar="192.168.130.22")),
        (phones_astray.settle, replace(known, user=f"gym@{domain}", registrar="192.168.130.23")),
        (
            phones_astray.settle,
            replace(
                known,
                user="deck@cruises.example",
                asks=(clock, (elsewhere, "SRV"), ("_sip._tls.cruises.example", "SRV"), ("sip.cruises.example", "A")),
                signs_in=False,
            ),
        ),
        (phones_astray.boot_with_service, replace(known, user=f"pool@{domain}", agent=OLDER)),
        (phones_astray.boot_with_service, replace(known, user=f"shop@{domain}")),
    ]
    return [net.spawn(host, what, plan) for host, (what, plan) in zip(hosts, fates, strict=True)]


def _by_pin(head: str) -> Reply:
    """Refuse the one phone, which this scenario tells by its program, and give the others their ticket."""
    if OLDER not in head:
        return Reply(web_ticket_answer(), SOAP, thinking=0.09)
    reason = "Authentication failed. Either the extension or the PIN is wrong."
    diagnosis = f"<ErrorId>28020</ErrorId><Reason>{reason}</Reason>"
    fault = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client'
        f"</faultcode><faultstring>{reason}</faultstring><detail><OCSDiagnosticsFault xmlns="
        f'"http://schemas.microsoft.com/OCS/AuthWebServices/"><Ms-Diagnostics-Fault>{diagnosis}'
        "</Ms-Diagnostics-Fault></OCSDiagnosticsFault></detail></s:Fault></s:Body></s:Envelope>"
    )
    return Reply(fault.encode(), SOAP, status=500, thinking=0.11)


SCENARIOS = (
    Scenario(("phones-dhcp-options",), dhcp_options),
    Scenario(("phones-cut-short",), cut_short),
    Scenario((), after_change, others=("phones-after-change.pcapng",)),
)
