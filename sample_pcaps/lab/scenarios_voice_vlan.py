"""Scenarios of a phone that learns its VLAN: from the switch by LLDP-MED and CDP, or by DHCP."""

from pathlib import Path

from sample_pcaps.lab.clients import phone_in_voice_vlan
from sample_pcaps.lab.neighbours import announce
from sample_pcaps.lab.network import CISCO, PHONE, POLYCOM, Network
from sample_pcaps.lab.office import Office
from sample_pcaps.lab.scenario import Scenario
from sample_pcaps.lab.scenarios_phone import CONTOSO, LITWARE
from sample_pcaps.lab.scene import Scene

VOICE_VLAN = 200
PATIENCE_S = 2.5


def by_neighbour(folder: Path) -> None:
    """The switch names the voice VLAN; the phone boots in it; SPAN of the phone's port with its tags."""
    with Network() as net:
        office = Office(net, CONTOSO)
        switch = net.host(None, office.pcs, vendor=CISCO)
        mac = f"{POLYCOM}:2a:58:03"
        device = office.device(None, office.pcs, stack=PHONE, mac=mac)
        device.plug(office.phones, None, mac=mac)
        pc = office.device("10.20.30.59", office.pcs)
        scene = Scene(office, net.mirror((office.pcs, office.phones), tags={office.phones: VOICE_VLAN}))
        office.open()
        office.lease_phones({mac: "10.20.31.107"})
        with scene.recorded(folder / "phone-boot-lldp-voice-vlan.pcap"):
            net.serve(switch, announce, VOICE_VLAN)
            talks = [*office.make_noise(5.0, pc), scene.user(pc, "kim", stays=3.0)]
            booting = net.spawn(device, phone_in_voice_vlan, scene.phone("hall", mac=mac, stays=2.0), 8.0)
            net.join(booting, *talks, timeout=40)


def by_dhcp(folder: Path) -> None:
    """No switch tells: the phone asks for the VLAN by DHCP in the data VLAN, leaves it, and boots in the voice VLAN."""
    with Network() as net:
        office = Office(net, LITWARE)
        mac = f"{POLYCOM}:e0:61:7a"
        device = office.device(None, office.pcs, stack=PHONE, mac=mac)
        device.plug(office.phones, None, mac=mac)
        pc = office.device("10.9.100.16", office.pcs)
        scene = Scene(office, net.mirror((office.pcs, office.phones), tags={office.phones: VOICE_VLAN}))
        office.open()
        office.lease_pcs({mac: "10.9.100.201"}, voice_vlan=VOICE_VLAN)
        office.lease_phones({mac: "10.9.200.35"})
        with scene.recorded(folder / "phone-boot-dhcp-voice-vlan.pcap"):
            talks = [*office.make_noise(5.0, pc), scene.user(pc, "raj", stays=3.0)]
            booting = net.spawn(device, phone_in_voice_vlan, scene.phone("yard", mac=mac, stays=2.0), PATIENCE_S)
            net.join(booting, *talks, timeout=40)


SCENARIOS = (
    Scenario(("phone-boot-lldp-voice-vlan",), by_neighbour),
    Scenario(("phone-boot-dhcp-voice-vlan",), by_dhcp),
)
