"""What a switch and a phone tell each other at the port: LLDP with its media extension, and CDP.

Sources: IEEE 802.1AB clause 8 and 9, ANSI/TIA-1057 clause 10 (LLDP-MED), Cisco's published CDP version 2 layout.
"""

import socket
import struct
import time

LLDP_GROUP = bytes.fromhex("0180c200000e")
LLDP_TYPE = 0x88CC
CDP_GROUP = bytes.fromhex("01000ccccccc")
CDP_SNAP = bytes.fromhex("aaaa0300000c2000")
MED = b"\x00\x12\xbb"
VOICE = 1
ALL_ETHER_TYPES = 3
"""ETH_P_ALL."""


def _tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!H", kind << 9 | len(value)) + value


def network_policy(vlan: int, *, unknown: bool = False) -> bytes:
    """The voice policy: VLAN tagged, priority 5, DSCP 46; `unknown`: a phone asks for it."""
    bits = VOICE << 24 | unknown << 23 | (not unknown) << 22 | vlan << 9 | (0 if unknown else 5 << 6 | 46)
    return _tlv(127, MED + b"\x02" + struct.pack("!I", bits))


def switch_lldp(mac: bytes, vlan: int) -> bytes:
    """What the switch says on a phone's port."""
    body = _tlv(1, b"\x04" + mac) + _tlv(2, b"\x05Gi1/0/17") + _tlv(3, struct.pack("!H", 120))
    body += _tlv(5, b"sw-floor2") + _tlv(6, b"Lab switch") + _tlv(7, struct.pack("!HH", 0x0014, 0x0004))
    body += _tlv(127, b"\x00\x80\xc2\x01" + struct.pack("!H", 100))  # port VLAN (802.1)
    body += _tlv(127, MED + b"\x01" + struct.pack("!HB", 0x000B, 4)) + network_policy(vlan)
    return body + _tlv(0, b"")


def phone_lldp(mac: bytes, address: str = "0.0.0.0") -> bytes:
    """What a phone says: an endpoint of class III that does not know its policy yet."""
    body = _tlv(1, b"\x05\x01" + socket.inet_aton(address)) + _tlv(2, b"\x03" + mac)
    body += _tlv(3, struct.pack("!H", 120)) + _tlv(5, b"Lync Phone") + _tlv(7, struct.pack("!HH", 0x0024, 0x0024))
    body += _tlv(127, MED + b"\x01" + struct.pack("!HB", 0x0023, 3)) + network_policy(0, unknown=True)
    body += _tlv(127, MED + b"\x06" + b"4.0.7577.4455") + _tlv(127, MED + b"\x0a" + b"CX600")
    return body + _tlv(0, b"")


def switch_cdp(vlan: int) -> bytes:
    """The same by CDP: appliance VLAN reply for the phone, native VLAN for the PC behind it."""

    def field(kind: int, value: bytes) -> bytes:
        return struct.pack("!HH", kind, 4 + len(value)) + value

    body = field(0x0001, b"sw-floor2") + field(0x0003, b"GigabitEthernet1/0/17")
    body += field(0x0004, struct.pack("!I", 0x28)) + field(0x0005, b"Lab switch 1.0") + field(0x0006, b"LAB-24P")
    body += field(0x000A, struct.pack("!H", 100)) + field(0x000B, b"\x01")
    body += field(0x000E, b"\x01" + struct.pack("!H", vlan))
    return struct.pack("!BBH", 2, 180, _cdp_checksum(b"\x02\xb4\x00\x00" + body)) + body


def _cdp_checksum(data: bytes) -> int:
    """The Internet checksum; a last odd byte counts as the low one, as Cisco does."""
    if len(data) % 2:
        last = data[-1]
        data = data[:-1] + (struct.pack("!H", last) if last < 0x80 else struct.pack("!BB", 0xFF, last - 1))
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _open(interface: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_ETHER_TYPES))
    sock.bind((interface, ALL_ETHER_TYPES))
    return sock


def announce(vlan: int, interface: str = "eth0", every: float = 2.0) -> None:
    """Be a switch: say both for ever."""
    with _open(interface) as sock:
        mac = sock.getsockname()[4]
        while True:
            sock.send(LLDP_GROUP + mac + struct.pack("!H", LLDP_TYPE) + switch_lldp(mac, vlan))
            cdp = CDP_SNAP + switch_cdp(vlan)
            sock.send(CDP_GROUP + mac + struct.pack("!H", len(cdp)) + cdp)
            time.sleep(every)


def learn_voice_vlan(interface: str, seconds: float) -> int | None:
    """Be a phone: say what it is, then listen for the voice VLAN; None when no neighbour tells."""
    with _open(interface) as sock:
        mac = sock.getsockname()[4]
        deadline = time.monotonic() + seconds
        for _ in range(2):
            sock.send(LLDP_GROUP + mac + struct.pack("!H", LLDP_TYPE) + phone_lldp(mac))
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                frame = sock.recv(2048)
            except TimeoutError:
                return None
            marker = frame.find(MED + b"\x02")
            if frame[12:14] == struct.pack("!H", LLDP_TYPE) and frame[6:12] != mac and marker > 0:
                return int.from_bytes(frame[marker + 4 : marker + 8], "big") >> 9 & 0xFFF
    return None
