"""Networks of real hosts: one Linux namespace each, joined by userspace switches, captured by tcpdump.

Everything a capture holds was sent by the kernel's own TCP/IP (or by a program through a real socket);
routers forward, firewalls are nftables, the delay is in the cable. Nothing is named in the system: namespaces
are held by descriptors only and vanish with the process, so runs cannot collide, scenarios can run in
parallel and nothing is left behind.

How to use it (root needed)::

    with Network() as net:
        pcs = net.segment("10.20.30.0/24")
        servers = net.segment("10.20.40.0/24")
        core = net.router({pcs: "10.20.30.1", servers: "10.20.40.1"})
        pc = net.host("10.20.30.57", pcs, gateway="10.20.30.1", stack=WINDOWS, vendor=DELL)
        web = net.host("10.20.40.11", servers, gateway="10.20.40.1", stack=WINDOWS, vendor=VMWARE)
        core.rule("forward", "ip saddr 10.20.30.0/24 tcp dport 80 reject with tcp reset")
        span = net.mirror(servers)          # SPAN of a whole switch; net.mirror(pcs, [pc]) of one access port
        net.start()                         # from here on no more hosts, mirrors or cables
        net.serve(web, serve_something, 443)            # a program that runs until the network closes
        with net.capture(span, Path("x.pcap")):         # a Host can be the capture point as well
            actor = net.spawn(pc, connect_somewhere, "10.20.40.11")   # a program that ends
            net.join(actor, timeout=40)                 # raises LabError when it failed or hangs

Programs are plain Python functions; they run in a forked process inside the namespace of their host (`serve`,
`spawn`) or right here in a `with host.entered():` block. Loopback is up in every host. A host may be plugged
into more segments (`host.plug(segment, address)`, an Edge with two legs), onto a point-to-point line without
Ethernet (`net.line(pc, "10.8.0.2", router, "10.8.0.1")`, a VPN), gets further routes with
`host.ip("route", "add", ...)` and firewall rules with `host.rule(chain, text)`, chains: `input`, `output`,
`forward`, `prerouting`, `postrouting` (the last two are nat chains). A host without an address
(`address=None`) gets one by DHCP. Rules may be added at any time. A cable's one-way delay in seconds is given
by `delay=` of `host`, `plug` and, for all its cables, `segment`. A host with `offloads=True` leaves checksums and
segmentation to its network card, as a capture on the host itself then shows.
"""

import ctypes
import fcntl
import multiprocessing
import os
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from sample_pcaps.lab.wire import Line, MirrorPort, Port, Wire

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
IFF_TAP_NO_PI = 0x1002
PR_SET_PDEATHSIG = 1
FULL_FRAME = 262144
"""tcpdump's own largest snap length."""
CAPTURE_START_SECONDS = 10.0
SETTLE_SECONDS = 0.4
"""How long a capture runs on after its last program, for FIN and ACK still on the wire."""

DELL = "b8:ca:3a"
HP = "3c:d9:2b"
POLYCOM = "00:04:f2"
AASTRA = "00:08:5d"
AUDIOCODES = "00:90:8f"
VMWARE = "00:50:56"
HYPER_V = "00:15:5d"
CISCO = "00:1b:0d"
JUNIPER = "00:05:85"
F5 = "00:01:d7"

Program = multiprocessing.process.BaseProcess

_libc = ctypes.CDLL(None, use_errno=True)
_fork = multiprocessing.get_context("fork")


class LabError(RuntimeError):
    """The laboratory could not do what a scenario asked for."""


@dataclass(frozen=True)
class Stack:
    """What an operating system's TCP/IP looks like from outside."""

    ttl: int
    timestamps: bool
    syn_retries: int
    """SYN retransmissions after 1, 2, 4, … seconds before connect() gives up."""


WINDOWS = Stack(ttl=128, timestamps=False, syn_retries=3)
PHONE = Stack(ttl=64, timestamps=False, syn_retries=3)
LINUX = Stack(ttl=64, timestamps=True, syn_retries=3)
NETWORK_GEAR = Stack(ttl=255, timestamps=False, syn_retries=3)


@dataclass(frozen=True)
class Segment:
    """One switch with its subnet."""

    subnet: IPv4Network
    delay: float


class Host:
    """One machine: a network namespace with its interfaces, routes and firewall."""

    def __init__(self, network: "Network", stack: Stack, vendor: str) -> None:
        """Make an empty machine; `Network.host` and `Network.router` are the usual makers."""
        self._network = network
        self._vendor = vendor
        self.addresses: list[str] = []
        self.ports: list[Port] = []
        self.macs: list[str] = []
        self.fd = _new_namespace()
        with self.entered():
            _run("ip", "link", "set", "lo", "up")
            _configure(stack)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Run a block of this process inside the machine."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _enter(self.fd)
        try:
            yield
        finally:
            _enter(home)
            os.close(home)

    def plug(
        self,
        segment: Segment,
        address: str | None,
        *,
        delay: float | None = None,
        mac: str | None = None,
        offloads: bool = False,
    ) -> Port:
        """Connect a new interface (eth0, eth1, …) to a switch."""
        name = f"eth{len(self.ports)}"
        mac = mac or self._network.next_mac(self._vendor)
        with self.entered():
            cable = _open_behind_card(name) if offloads else _open_tap(name)
            port = Port(cable, str(segment.subnet), segment.delay if delay is None else delay)
            _run("ip", "link", "set", name, "address", mac, "up")
            if address:
                length = segment.subnet.prefixlen
                _run("ip", "address", "add", f"{address}/{length}", "brd", "+", "dev", name)
                self.addresses.append(address)
        self.ports.append(port)
        self.macs.append(mac)
        self._network.wire.ports.append(port)
        return port

    def ip(self, *arguments: str) -> None:
        """Run the `ip` command inside the machine."""
        with self.entered():
            _run("ip", *arguments)

    def speak_ipv6(self, address: str, *, gateway: str | None = None, interface: str = "eth0") -> None:
        """Give an interface an IPv6 address, "address/length"; hosts are IPv4 only before."""
        with self.entered():
            _allow_ipv6(interface)
            _run("ip", "address", "add", address, "dev", interface, "nodad")
            if gateway:
                _run("ip", "route", "add", "default", "via", gateway)

    def bridge(self, *interfaces: str) -> None:
        """Join interfaces of the machine to a switch of its own."""
        with self.entered():
            _bridge("br0", interfaces)

    def rule(self, chain: str, text: str) -> None:
        """Append a rule in nftables syntax to one chain of the machine's firewall."""
        hooks = {"prerouting": ("nat", -100), "postrouting": ("nat", 100)}
        kind, priority = hooks.get(chain, ("filter", 0))
        hook = f"{{ type {kind} hook {chain} priority {priority}; }}"
        with self.entered():
            _run("nft", "add table ip lab")
            _run("nft", f"add chain ip lab {chain} {hook}")
            _run("nft", f"add rule ip lab {chain} {text}")


class Mirror:
    """A capture station on a mirror port: it hears, and has no address to speak with."""

    def __init__(self, fd: int) -> None:
        """Hold the station's namespace."""
        self.fd = fd


class Network:
    """A whole network; see the module's own page for its use."""

    def __init__(self) -> None:
        """Begin with no hosts."""
        self.wire = Wire()
        self._numbers = count(1)
        self._programs: list[Program] = []
        self._started = False

    def __enter__(self) -> Self:
        """Return the network itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop every program; the namespaces go with their last holder."""
        for program in self._programs:
            program.kill()
            program.join()

    def next_mac(self, vendor: str) -> str:
        """Return an address nobody has, under the given three-byte vendor prefix."""
        number = next(self._numbers) * 0x1357 & 0xFFFFFF
        return ":".join([vendor, *(f"{byte:02x}" for byte in number.to_bytes(3, "big"))])

    def segment(self, subnet: str, *, delay: float = 0.0001) -> Segment:
        """Add a switch for one subnet; `delay` is the one-way delay of each of its cables in seconds."""
        return Segment(IPv4Network(subnet), delay)

    def host(
        self,
        address: str | None,
        segment: Segment,
        *,
        gateway: str | None = None,
        stack: Stack = WINDOWS,
        vendor: str = DELL,
        mac: str | None = None,
        delay: float | None = None,
        offloads: bool = False,
    ) -> Host:
        """Add a machine with one interface."""
        host = Host(self, stack, vendor)
        host.plug(segment, address, delay=delay, mac=mac, offloads=offloads)
        if gateway:
            host.ip("route", "add", "default", "via", gateway)
        return host

    def router(
        self,
        legs: Mapping[Segment, str],
        *,
        gateway: str | None = None,
        vendor: str = CISCO,
        stack: Stack = NETWORK_GEAR,
    ) -> Host:
        """Add a machine that forwards between its legs; firewalls are routers with rules."""
        router = Host(self, stack, vendor)
        for segment, address in legs.items():
            router.plug(segment, address)
        with router.entered():
            _sysctl("ip_forward", 1)
        if gateway:
            router.ip("route", "add", "default", "via", gateway)
        return router

    def mirror(
        self,
        segments: Segment | Sequence[Segment],
        hosts: Sequence[Host] = (),
        *,
        tags: Mapping[Segment, int] | None = None,
    ) -> Mirror:
        """Add a SPAN port: of whole switches, or of the access ports of some hosts on them.

        `tags` gives the VLAN of segments whose frames are copied with their 802.1Q tag.
        """
        mirror = Mirror(_new_namespace())
        chosen = [segments] if isinstance(segments, Segment) else segments
        names = tuple(str(segment.subnet) for segment in chosen)
        by_name = {str(segment.subnet): vlan for segment, vlan in (tags or {}).items()}
        watched = [port for host in hosts for port in host.ports if port.segment in names]
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _enter(mirror.fd)
        try:
            _configure(LINUX)
            fd = _open_tap("eth0")
            _run("ip", "link", "set", "eth0", "arp", "off", "up")
        finally:
            _enter(home)
            os.close(home)
        self.wire.mirrors.append(MirrorPort(fd, names, tuple(watched), by_name))
        return mirror

    def line(self, near: Host, near_address: str, far: Host, far_address: str, *, delay: float = 0.004) -> None:
        """Join two machines by a point-to-point line (tun0 on both) that carries bare IP packets, as a VPN does."""
        ends = []
        for host, own, other in ((near, near_address, far_address), (far, far_address, near_address)):
            with host.entered():
                ends.append(_open_device("tun0", IFF_TUN_NO_PI))
                _run("ip", "address", "add", own, "peer", other, "dev", "tun0")
                _run("ip", "link", "set", "tun0", "mtu", "1400", "up")
            host.addresses.append(own)
        self.wire.lines.append(Line((ends[0], ends[1]), delay))

    def start(self) -> None:
        """Switch the wire on."""
        self._started = True
        self._launch(None, self.wire.carry)

    def serve(self, host: Host, program: Callable[..., object], *arguments: Any) -> Program:
        """Start a program on a host that runs until the network closes."""
        return self._launch(host.fd, program, *arguments)

    def spawn(self, host: Host, program: Callable[..., object], *arguments: Any) -> Program:
        """Start a program on a host that ends by itself; `join` waits for it."""
        return self._launch(host.fd, program, *arguments)

    def join(self, *programs: Program, timeout: float) -> None:
        """Wait for programs; raise LabError when one failed or is still running after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for program in programs:
            program.join(max(0.0, deadline - time.monotonic()))
            if program.exitcode != 0:
                raise LabError(f"{program.name} ended with {program.exitcode} (None: did not end)")

    @contextmanager
    def capture(
        self,
        point: Host | Mirror,
        path: Path,
        *,
        interface: str = "eth0",
        expression: str = "",
        snaplen: int = FULL_FRAME,
        nanoseconds: bool = False,
        link: str = "",
    ) -> Iterator[None]:
        """Record into `path` (pcap) while the block runs; raises LabError when the kernel dropped frames.

        `link` asks for one of the interface's link types by tcpdump's name for it.
        """
        # Without immediate mode the last second's frames still wait in the kernel when tcpdump has to end.
        command = ["tcpdump", "-n", "-U", "--immediate-mode", "-Z", "root", "-B", "16384"]
        command += ["-s", str(snaplen), "-i", interface]
        command += ["--time-stamp-precision=nano"] if nanoseconds else []
        command += ["-y", link] if link else []
        command += ["-w", str(path), *([expression] if expression else [])]
        with _recorder(point.fd, command, path, "listening on", "\n0 packets dropped by kernel"):
            yield

    @contextmanager
    def dumpcap(
        self,
        point: Host | Mirror,
        path: Path,
        interfaces: Sequence[str] = ("eth0",),
        *,
        kilobytes: int | None = None,
    ) -> Iterator[None]:
        """Record one or more interfaces into one pcapng; `kilobytes` begins a new file of a ring whenever one is full.

        The files of a ring are called NAME_00001_DATE and so on, in `path`'s folder.
        """
        command = ["dumpcap", "-q", "-n", "-B", "16", "-w", str(path)]
        for interface in interfaces:
            command += ["-i", interface]
        command += ["-b", f"filesize:{kilobytes}"] if kilobytes else []
        with _recorder(point.fd, command, path, "File: ", "/0 (pcap:0/"):
            yield

    def _launch(self, fd: int | None, program: Callable[..., object], *arguments: Any) -> Program:
        if not self._started:
            raise LabError("start the network before its programs")
        name = f"{program.__module__}.{program.__qualname__}"
        process = _fork.Process(target=_inside, args=(fd, program, arguments), name=name, daemon=False)
        process.start()
        self._programs.append(process)
        return process


def _inside(fd: int | None, program: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    die_with_parent()
    if fd is not None:
        _enter(fd)
    program(*arguments)


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def _recorder(fd: int, command: list[str], path: Path, listens: str, lossless: str) -> Iterator[None]:
    """Run a recorder that says `listens` when it is ready, and `lossless` at its end when nothing was dropped."""
    log = path.with_name(path.name + ".log")
    with log.open("wb") as errors:
        recorder = _start_inside(fd, command, errors)
    try:
        _await_text(log, listens, recorder)
        yield
        time.sleep(SETTLE_SECONDS)
    finally:
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
    if lossless not in log.read_text():
        raise LabError(f"{path.name}: {command[0]} lost frames: {log.read_text()}")
    log.unlink()


def _start_inside(fd: int, command: list[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        die_with_parent()
        _enter(fd)

    return subprocess.Popen(command, stderr=errors, preexec_fn=prepare)


def _await_text(log: Path, text: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + CAPTURE_START_SECONDS
    while text not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise LabError(f"the recorder did not start: {log.read_text()}")
        time.sleep(0.02)


def _new_namespace() -> int:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if _libc.unshare(CLONE_NEWNET):
        raise LabError(f"no network namespaces here ({os.strerror(ctypes.get_errno())}): the laboratory needs root")
    try:
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    finally:
        _enter(home)
        os.close(home)


def _enter(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        raise LabError(f"cannot enter the namespace: {os.strerror(ctypes.get_errno())}")


def _open_tap(name: str) -> int:
    return _open_device(name, IFF_TAP_NO_PI)


def _open_device(name: str, kind: int) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), kind))
    return fd


def _open_behind_card(name: str) -> int:
    """Make an interface whose card seals and cuts what it sends: a veth pair offloads, the TAP behind it does not.

    The card is a machine of its own: a bridge beside the interface would take its packets up before the interface.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    card = _new_namespace()
    _enter(card)
    try:
        fd = _open_tap("wire")
        holder = f"/proc/{os.getpid()}/fd/{home}"
        _run("ip", "link", "add", "card", "type", "veth", "peer", "name", name, "netns", holder)
        _without_ipv6()
        _bridge("br0", ("wire", "card"))
    finally:
        _enter(home)
        os.close(home)
        os.close(card)
    return fd


def _bridge(name: str, interfaces: Sequence[str]) -> None:
    _run("ip", "link", "add", name, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
    for interface in interfaces:
        _run("ip", "link", "set", interface, "master", name, "up")
    _run("ip", "link", "set", name, "up")


def _without_ipv6() -> None:
    for scope in ("all", "default"):
        Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6").write_text("1")


def _allow_ipv6(interface: str) -> None:
    for name in ("lo", interface):
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("0")


def _configure(stack: Stack) -> None:
    _sysctl("ip_default_ttl", stack.ttl)
    _sysctl("tcp_timestamps", int(stack.timestamps))
    _sysctl("tcp_syn_retries", stack.syn_retries)
    # Linux's newer linear start (four SYNs a second apart) is unlike any client of these deployments.
    _sysctl("tcp_syn_linear_timeouts", 0)
    _sysctl("icmp_ratelimit", 0)
    for scope in ("all", "default"):
        _sysctl(f"conf/{scope}/rp_filter", 0)
    _without_ipv6()


def _sysctl(name: str, value: int) -> None:
    Path("/proc/sys/net/ipv4", name).write_text(str(value))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")
