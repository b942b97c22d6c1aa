"""Media that only looks like a hairpin or a fallback: outsiders, mobiles, partners, probes, sharing."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sample_pcaps.lab.clients import join_data
from sample_pcaps.lab.connecting import Resolver, close_tls, exchange, open_tcp, open_tls
from sample_pcaps.lab.media import RTAUDIO_WIDE, SILK_WIDE, SIREN, Agent, connect
from sample_pcaps.lab.media_network import (
    ACCESS_EDGE,
    AV_PUBLIC,
    DNS_SERVER,
    EDGE_INTERNAL,
    PARTNER_EDGE_INTERNAL,
    Deployment,
    SignIn,
)
from sample_pcaps.lab.network import Network
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_media import (
    EDGE_NAMES,
    SIGN_IN_S,
    TALK_S,
    TCP_INSIDE,
    UDP_INSIDE,
    Reach,
    agent,
    call,
    film,
    gather,
    user,
)

PUBLIC_RESOLVER = "192.0.2.1"
UDP_OUTSIDE: Reach = ("udp", AV_PUBLIC)
RANGE_INWARDS = f"iifname eth2 ip daddr {AV_PUBLIC} udp dport 50000-59999"
RELAYED = f"udp {EDGE_INTERNAL}"
MOBILE_AGENT = (("User-Agent", "iPhoneLync"), ("Accept", "application/vnd.microsoft.rtc.autodiscover+json"))
"""The kind of client as [MS-UCWA]-era servers name it; the full string of a real one is not public."""


def direct_with_probes(folder: Path) -> None:
    """Everybody allocates on the Edge and probes every candidate; both calls end up direct."""
    with Network() as net:
        office = Deployment(net)
        office.guard()
        with film(office, net.mirror(office.backbone), folder / "media-direct-ice-probes.pcap"):
            office.sign_in(office.anna, user("anna", EDGE_NAMES[0]))
            office.sign_in(office.dieter, user("dieter"))
            anna, ben = agent(office.anna, 50006, version=4), agent(office.ben, 50010)
            wants = [UDP_INSIDE, TCP_INSIDE]
            asyncio.run(call((anna, wants), (ben, wants), ("direct", "direct"), RTAUDIO_WIDE))


def outside_sign_in(name: str, *lookups: tuple[str, str]) -> SignIn:
    return SignIn(
        f"{name}@fabrikam.example",
        ACCESS_EDGE,
        443,
        "sip.fabrikam.example",
        PUBLIC_RESOLVER,
        lookups,
        seconds=TALK_S + 1,
    )


def external_user(folder: Path) -> None:
    """A user with a public address talks to one inside; seen in the outer DMZ, beside a web visitor."""
    with Network() as net:
        office = Deployment(net)
        office.publish()
        # The port range is open inwards: the outside PC may send straight to the inside one's relayed port.
        office.guard("iifname eth2 ip daddr 203.0.113.12 tcp dport {80, 443}", RANGE_INWARDS)
        eva, visitor = office.outsider("192.0.2.44"), office.outsider("192.0.2.90")
        with film(office, net.mirror(office.dmz_out), folder / "media-external-user.pcap"):
            office.sign_in(eva, outside_sign_in("eva"))
            office.run(visitor, visit, office.authority.root_pem)
            outside, ben = agent(eva, 50004, version=4), agent(office.ben, 50012, version=4)
            ways = "direct", RELAYED
            asyncio.run(call((outside, [UDP_OUTSIDE]), (ben, [UDP_INSIDE]), ways, SILK_WIDE))


def visit(root: bytes) -> None:
    """Join the data of a meeting's web page now and then: HTTPS of somebody who is not calling."""
    for _ in range(2):
        join_data(Resolver(PUBLIC_RESOLVER), client_context([root]), "webext.fabrikam.example", 443, turns=0)


def external_user_at_home(folder: Path) -> None:
    """A user behind a home router has a private address and is outside all the same; captured on that PC."""
    with Network() as net:
        office = Deployment(net)
        office.guard()
        home = office.home_worker()
        with film(office, home, folder / "media-external-user-home.pcap"):
            names = (
                ("lyncdiscoverinternal.fabrikam.example", "A"),
                ("_sipinternaltls._tcp.fabrikam.example", "SRV"),
            )
            found = (("_sip._tls.fabrikam.example", "SRV"), ("sip.fabrikam.example", "A"), EDGE_NAMES[1])
            office.sign_in(home, outside_sign_in("paul", *names, *found))
            paul, ben = agent(home, 50008, version=4), agent(office.ben, 50014, version=4)
            ways = f"udp {AV_PUBLIC}", RELAYED
            asyncio.run(call((paul, [UDP_OUTSIDE]), (ben, [UDP_INSIDE]), ways, RTAUDIO_WIDE))


def few_checks_outside(folder: Path) -> None:
    """A PC inside may reach the external Edge interface, allocates there too and probes; media is direct."""
    with Network() as net:
        office = Deployment(net)
        office.guard(f"iifname eth0 ip daddr {AV_PUBLIC} udp dport {{3478, 50000-59999}}")
        with film(office, net.mirror(office.backbone), folder / "media-few-stun-checks-external.pcap"):
            office.sign_in(office.anna, user("anna", *EDGE_NAMES))
            office.sign_in(office.ben, user("ben"))
            anna, ben = agent(office.anna, 50002), agent(office.ben, 50016)
            wants = [UDP_INSIDE, UDP_OUTSIDE]
            asyncio.run(call((anna, wants), (ben, [UDP_INSIDE]), ("direct", "direct"), SIREN))


def tcp_unused(folder: Path) -> None:
    """Both ends hold a TCP 443 allocation in reserve; the media is relayed over UDP."""
    with Network() as net:
        office = Deployment(net, floors_apart=True)
        office.guard()
        with film(office, net.mirror(office.backbone), folder / "media-tcp443-parallel-unused.pcap"):
            office.sign_in(office.carla, user("carla"))
            office.sign_in(office.dieter, user("dieter", EDGE_NAMES[0]))
            carla, dieter = agent(office.carla, 50034, version=4), agent(office.dieter, 50036)
            wants = [UDP_INSIDE, TCP_INSIDE]
            asyncio.run(call((carla, wants), (dieter, wants), (RELAYED, RELAYED), SILK_WIDE))


def sharing_over_tcp(folder: Path) -> None:
    """Anna talks directly and shares her screen over TCP 443, as sharing always does; UDP 3478 answers."""
    with Network() as net:
        office = Deployment(net)
        office.guard()
        with film(office, net.mirror(office.floors[0]), folder / "media-app-sharing-tcp443.pcap"):
            office.sign_in(office.anna, user("anna", EDGE_NAMES[0], seconds=TALK_S + 4))
            asyncio.run(_talk_and_share(office))


async def _talk_and_share(office: Deployment) -> None:
    anna, ben = agent(office.anna, 50022), agent(office.ben, 50028)
    talking = call((anna, [UDP_INSIDE]), (ben, [UDP_INSIDE]), ("direct", "direct"), RTAUDIO_WIDE)
    sharer, viewer = agent(office.anna, 50040), agent(office.ben, 50044)
    await asyncio.gather(talking, _share(sharer, viewer))


async def _share(sharer: Agent, viewer: Agent) -> None:
    await asyncio.sleep(SIGN_IN_S + 0.4)
    sharer.rfc4571 = viewer.rfc4571 = True
    await asyncio.gather(gather(sharer, [TCP_INSIDE]), gather(viewer, [TCP_INSIDE]))
    await connect(sharer, viewer, transport="tcp")
    await asyncio.gather(sharer.share(10.5, (1, 6), (260, 1240)), viewer.share(10.5, (1, 1), (24, 60)))
    await asyncio.gather(sharer.close(), viewer.close())


def federated(folder: Path) -> None:
    """The other end is a partner's: relayed by the own internal Edge interface, as a remote party must be."""
    with Network() as net:
        office = Deployment(net)
        partner = office.federate()
        office.guard()
        with film(office, net.mirror(office.backbone), folder / "media-federated.pcap"):
            office.sign_in(office.anna, user("anna", EDGE_NAMES[0]))
            anna, pia = agent(office.anna, 50030, version=4), agent(partner, 50052, version=4)
            reach: Reach = ("udp", PARTNER_EDGE_INTERNAL)
            ways = RELAYED, f"udp {PARTNER_EDGE_INTERNAL}"
            asyncio.run(call((anna, [UDP_INSIDE]), (pia, [reach]), ways, SILK_WIDE))


def federated_direct(folder: Path) -> None:
    """The firewall lets clients out: media goes from inside straight to the partner's Edge."""
    with Network() as net:
        office = Deployment(net)
        partner = office.federate()
        office.guard(
            f"iifname eth0 ip daddr {AV_PUBLIC} udp dport 3478",
            "iifname eth0 oifname eth2 meta l4proto udp",
        )
        office.firewall.rule("postrouting", "ip saddr 10.20.0.0/16 oifname {eth1, eth2} snat to 203.0.113.1")
        with film(office, net.mirror(office.backbone), folder / "media-federated-direct.pcap"):
            office.sign_in(office.ben, user("ben", *EDGE_NAMES))
            ben, pia = agent(office.ben, 50042, version=4), agent(partner, 50054, version=4)
            reach: Reach = ("udp", PARTNER_EDGE_INTERNAL)
            ways = "direct", f"udp {PARTNER_EDGE_INTERNAL}"
            asyncio.run(call((ben, [UDP_INSIDE, UDP_OUTSIDE]), (pia, [reach]), ways, SIREN))


def mobile_on_wifi(folder: Path) -> None:
    """A mobile on the office Wi-Fi signs in through the reverse proxy and uses the external Edge."""
    with Network() as net:
        office = Deployment(net, floors_apart=True)
        office.publish()
        phone = office.mobile()
        office.guard(
            f"iifname eth0 ip daddr {AV_PUBLIC} udp dport 3478",
            "iifname eth0 ip daddr 203.0.113.12 tcp dport {80, 443}",
        )
        with film(office, net.mirror(office.backbone), folder / "media-mobile-wifi.pcap"):
            office.run(phone, use_mobile, office.authority.root_pem)
            office.sign_in(office.ben, user("ben", EDGE_NAMES[0]))
            mona, ben = agent(phone, 50046, version=4), agent(office.ben, 50048, version=4)
            ways = f"udp {AV_PUBLIC}", RELAYED
            asyncio.run(call((mona, [UDP_OUTSIDE]), (ben, [UDP_INSIDE]), ways, SILK_WIDE))


def use_mobile(root: bytes) -> None:
    """Find the external web services as a mobile does, and keep a UCWA session going in TLS."""
    resolver = Resolver(DNS_SERVER)
    resolver.records("lyncdiscoverinternal.fabrikam.example")
    address = resolver.address("lyncdiscover.fabrikam.example")
    if connection := open_tcp(address, 80):
        with connection:
            path = "/?sipuri=mona@fabrikam.example"
            exchange(connection, "GET", "lyncdiscover.fabrikam.example", path, headers=MOBILE_AGENT)
    name = "webext.fabrikam.example"
    connection = open_tls(resolver.address(name), 443, client_context([root]), name)
    assert connection is not None
    for step in (
        "Autodiscover/user",
        "ucwa/oauth/v1/token",
        "ucwa/v1/applications",
        "ucwa/v1/events",
        "ucwa/v1/bye",
    ):
        exchange(connection, "GET", name, f"/{step}", headers=MOBILE_AGENT)
    close_tls(connection)


SCENARIOS = (
    Scenario(("media-direct-ice-probes",), direct_with_probes),
    Scenario(("media-external-user",), external_user),
    Scenario(("media-external-user-home",), external_user_at_home),
    Scenario(("media-few-stun-checks-external",), few_checks_outside),
    Scenario(("media-tcp443-parallel-unused",), tcp_unused),
    Scenario(("media-app-sharing-tcp443",), sharing_over_tcp),
    Scenario(("media-federated",), federated),
    Scenario(("media-federated-direct",), federated_direct),
    Scenario(("media-mobile-wifi",), mobile_on_wifi),
)
