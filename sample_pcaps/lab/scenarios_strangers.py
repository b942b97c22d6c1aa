"""Scenarios with strangers: other people's protocols on Lync's ports, beside a Lync that works."""

import asyncio
import ssl
from pathlib import Path

from sample_pcaps.lab.media_network import opener
from sample_pcaps.lab.network import LINUX, LabError, Network
from sample_pcaps.lab.office import Office
from sample_pcaps.lab.pki import client_context
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_desktop import ALPINE, TREY
from sample_pcaps.lab.scene import Scene
from sample_pcaps.lab.services import serve_tcp
from sample_pcaps.lab.strangers import (
    monitor,
    play_and_share,
    provider,
    serve_dtls,
    softphone,
    speak_dtls,
    swallow,
)
from sample_pcaps.lab.web import Reply, Site
from sample_pcaps.lab.webrtc import Browser, call, serve_turn

GAME_S = 4.0
CALL_S = 8.0


def odd_ports(folder: Path) -> None:
    """SIP of another provider on 443, HTTP on 5061, TLS on 3478, DTLS on UDP 443, a game, file sharing."""
    with Network() as net:
        office = Office(net, ALPINE)
        pc = office.device("172.31.7.58", office.pcs)
        telco, vpn, peer = (office.device(f"192.0.2.{n}", office.outside, stack=LINUX) for n in (60, 61, 62))
        station = office.server("172.31.1.79", stack=LINUX)
        scene = Scene(office, net.mirror(office.pcs, [pc]))
        zone = office.zone() | {
            ("voip.telco.example", "A"): ["192.0.2.60"],
            ("monitor.alpine.example", "A"): ["172.31.1.79"],
        }
        office.open(zone=zone)
        net.serve(telco, serve_tcp, 443, provider())
        net.serve(vpn, serve_dtls, office.public_ca.issue("vpn.telco.example"))
        net.serve(peer, swallow, (3478, 6881, 50004, 50010))
        broken = Site({"/status": Reply(b"no data", status=500), "/health": Reply(b"no data", status=503)}, "Jetty")
        net.serve(station, serve_tcp, 5061, broken.conversation())
        page = Site({"/": Reply(b"<html>all lamps green</html>" * 20)}, "Jetty").conversation()
        net.serve(station, serve_tcp, 3478, page, office.ca.issue("monitor.alpine.example").server_context())
        with scene.recorded(folder / "lookalike-odd-ports.pcap"):
            talks = [*office.make_noise(6.0, pc), scene.user(pc, "rosa", stays=4.0)]
            talks.append(net.spawn(pc, _ask_strangers, office.ca.root_pem))
            talks.append(net.spawn(pc, play_and_share, "192.0.2.62", GAME_S))
            net.join(*talks, timeout=40)


def _ask_strangers(root: bytes) -> None:
    for name in ("voip.telco.example", "monitor.alpine.example"):
        ALPINE.resolver.address(name)
    softphone("192.0.2.60")
    monitor("172.31.1.79", client_context([root], newest=ssl.TLSVersion.TLSv1_2))
    speak_dtls("192.0.2.61")


def webrtc(folder: Path) -> None:
    """Two browsers call each other directly, with a TURN server by the book in reserve."""
    with Network() as net:
        office = Office(net, TREY)
        one, other = office.device("192.168.44.121", office.pcs), office.device("192.168.45.122", office.phones)
        relay = office.device("203.0.113.151", office.outside, stack=LINUX)
        scene = Scene(office, net.mirror(office.pcs))
        zone = office.zone() | {("turn.relecloud.example", "A"): ["203.0.113.151"]}
        office.open(zone=zone)
        net.serve(relay, serve_turn, "203.0.113.151")
        with scene.recorded(folder / "lookalike-webrtc-call.pcap"):
            talks = [*office.make_noise(5.0, one), scene.user(one, "mia", stays=3.0)]
            with one.entered():
                TREY.resolver.address("turn.relecloud.example")
            caller = Browser(opener(one), "192.168.44.121", 50020, controlling=True)
            callee = Browser(opener(other), "192.168.45.122", 50031, controlling=False)
            asyncio.run(call(caller, callee, ("203.0.113.151", 3478), CALL_S))
            net.join(*talks, timeout=40)
        if min(caller.received, callee.received) < CALL_S * 49:
            raise LabError("the browsers did not hear each other")


SCENARIOS = (
    Scenario(("lookalike-odd-ports",), odd_ports),
    Scenario(("lookalike-webrtc-call",), webrtc),
)
