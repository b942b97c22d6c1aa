"""Scenarios of users who reach their registrar and are not let in, each for a reason of its own."""

import time
from dataclasses import replace
from pathlib import Path

from sample_pcaps.lab.gatekeeper import Verdict, Visitor, gatekeeper, knock
from sample_pcaps.lab.kerberos import ask_ticket, know_nobody
from sample_pcaps.lab.network import HP, HYPER_V, Network
from sample_pcaps.lab.office import Office, Plan
from sample_pcaps.lab.phones_astray import clocked
from sample_pcaps.lab.scenario import Scenario, embed_keys
from sample_pcaps.lab.services import serve_tcp

PEATBOG = Plan(
    domain="peatbog.example",
    pcs="10.213.64.0/24",
    phones="10.213.80.0/24",
    servers="10.213.6.0/24",
    outside="198.51.100.64/27",
    web=("pbweb.peatbog.example", "10.213.6.31"),
    pool=("pbpool.peatbog.example", "10.213.6.30"),
    names="10.213.6.5",
    intranet=("mire.peatbog.example", "10.213.6.70"),
    files="10.213.6.71",
)
CERTIFICATES = ("pbcert.peatbog.example", "10.213.6.40")
BRANCH = ("pbsba.peatbog.example", "10.213.6.50")
SALTMARSH = Plan(
    domain="saltmarsh.example",
    pcs="10.166.20.0/24",
    phones="10.166.30.0/24",
    servers="10.166.2.0/24",
    outside="203.0.113.96/27",
    web=("smweb.saltmarsh.example", "10.166.2.41"),
    pool=("smpool.saltmarsh.example", "10.166.2.40"),
    names="10.166.2.8",
    intranet=("reed.saltmarsh.example", "10.166.2.90"),
    files="10.166.2.91",
)
ACCESS = "203.0.113.103"
HOMES = "192.0.2.64/27"
REALM = "PEATBOG.EXAMPLE"
OLD_AGENT = "UCCAPI/4.0.7577.4087 OC/4.0.7577.4087 (Microsoft Lync 2010)"
AGAIN = Verdict(401, "Unauthorized")
INSIDE = {
    "ada": AGAIN,
    "bert": Verdict(401, "Unauthorized", '1013;reason="Significant time skew detected during authentication"'),
    "cleo": Verdict(404, "Not Found", '4005;reason="Destination URI either not enabled for SIP or does not exist"'),
    "dirk": Verdict(403, "Forbidden", '17002;reason="Client version is not allowed"'),
    "edda": Verdict(403, "Forbidden", '4004;reason="Credentials provided are not authorized to act as specified from"'),
    "gita": Verdict(primary="no"),
}
NOT_OUTSIDE = Verdict(403, "Forbidden", '4003;reason="User is not authorized for remote access"')


def inside(folder: Path) -> None:
    """One pool and seven users with a fate each, two of whom are let in; with the pool's keys."""
    plain, keylog = folder / "signin-refused.pcap", folder / "signin-refused.keylog"
    with Network() as net:
        office = Office(net, PEATBOG)
        office.server(CERTIFICATES[1])  # a host without the web services that its name promises
        office.server(BRANCH[1])
        pcs = [office.device(f"10.213.64.{n}", office.pcs, vendor=HP) for n in range(21, 29)]
        mirror = net.mirror(office.pcs)
        zone = office.zone()
        zone |= {(name, "A"): [address] for name, address in (CERTIFICATES, BRANCH)}
        zone[f"_sipinternaltls._tcp.{PEATBOG.domain}", "SRV"].append(f"10 0 5061 {BRANCH[0]}.")
        office.open(zone=zone, serves_sip=False)
        context = office.identity().server_context()
        context.keylog_filename = str(keylog)
        net.serve(office.pool, serve_tcp, 5061, gatekeeper(PEATBOG.pool[0], CERTIFICATES[0], INSIDE), context)
        net.serve(office.names, know_nobody, REALM)
        time.sleep(1.0)
        base = Visitor("", PEATBOG.resolver, office.ca.root_pem, PEATBOG.pool[0])
        visitors = [
            replace(base, user="ada", proofs=3),
            replace(base, user="bert"),
            replace(base, user="cleo"),
            replace(base, user="dirk", agent=OLD_AGENT),
            replace(base, user="edda"),
            replace(base, user="finn", fetches_at=CERTIFICATES[0], stays=12.0),
            replace(base, user="gita", refused_by=BRANCH[0], stays=12.0),
        ]
        with net.capture(mirror, plain):
            talks = [net.spawn(pcs[7], clocked, PEATBOG.names, 26.0)]
            services = (f"sip/{PEATBOG.pool[0]}", f"http/{PEATBOG.web[0]}")
            talks.append(net.spawn(pcs[6], ask_ticket, PEATBOG.names, REALM, *services))
            for pc, one in zip(pcs, visitors, strict=False):
                talks.append(net.spawn(pc, knock, replace(one, user=f"{one.user}@{PEATBOG.domain}")))
                time.sleep(0.4)
            net.join(*talks, timeout=60)
    embed_keys(plain, keylog, folder / "signin-refused.pcapng")
    plain.unlink()


def outside(folder: Path) -> None:
    """Two users outside are turned away by the Access Edge, one inside works; the same with and without keys."""
    plain, keylog = folder / "signin-outside-refused.pcap", folder / "signin-outside-refused.keylog"
    with Network() as net:
        office = Office(net, SALTMARSH)
        homes = net.segment(HOMES, delay=0.006)
        net.router({office.outside: "203.0.113.126", homes: "192.0.2.94"}, gateway="203.0.113.97")
        edge = office.device(ACCESS, office.outside, vendor=HYPER_V)
        edge.ip("route", "add", HOMES, "via", "203.0.113.126")
        office.router.ip("route", "add", HOMES, "via", "203.0.113.126")
        guests = [net.host(f"192.0.2.{n}", homes, gateway="192.0.2.94", vendor=HP) for n in (70, 77)]
        pcs = [office.device(f"10.166.20.{n}", office.pcs, vendor=HP) for n in (11, 12)]
        mirror = net.mirror((office.pcs, homes))
        sip = f"sip.{SALTMARSH.domain}"
        zone = office.zone() | {(sip, "A"): [ACCESS], (f"_sip._tls.{SALTMARSH.domain}", "SRV"): [f"0 0 443 {sip}."]}
        office.open(zone=zone, serves_sip=False)
        fates = {"kim": NOT_OUTSIDE, "lou": NOT_OUTSIDE}
        for host, name, port, identity in (
            (office.pool, SALTMARSH.pool[0], 5061, office.identity()),
            (edge, sip, 443, office.public_ca.issue(sip)),
        ):
            context = identity.server_context()
            context.keylog_filename = str(keylog)
            header = "ms-diagnostics" if host is office.pool else "ms-diagnostics-public"
            net.serve(host, serve_tcp, port, gatekeeper(name, SALTMARSH.web[0], fates, header), context)
        time.sleep(0.5)
        base = Visitor(
            "", SALTMARSH.resolver, office.ca.root_pem + office.public_ca.root_pem, SALTMARSH.pool[0], tries=3
        )
        with net.capture(mirror, plain):
            talks = [net.spawn(pcs[1], clocked, SALTMARSH.names, 26.0)]
            net.spawn(pcs[0], knock, replace(base, user=f"ida@{SALTMARSH.domain}", stays=300.0))
            for guest, user in zip(guests, ("kim", "lou"), strict=True):
                one = replace(base, user=f"{user}@{SALTMARSH.domain}", registrar=sip, port=443)
                talks.append(net.spawn(guest, knock, one))
                time.sleep(0.6)
            net.join(*talks, timeout=60)
    embed_keys(plain, keylog, folder / "signin-outside-refused-keys.pcapng")
    keylog.unlink()


SCENARIOS = (
    Scenario((), inside, others=("signin-refused.pcapng",)),
    Scenario(("signin-outside-refused",), outside, others=("signin-outside-refused-keys.pcapng",)),
)
