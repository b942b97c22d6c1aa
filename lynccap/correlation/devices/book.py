"""Devices and what is known of each, found by any of their addresses."""

from dataclasses import dataclass, field

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.roles.claims import ROLE_NAMES
from lynccap.correlation.roles.sides import Location

LYNC_PHONE = "Lync phone"
"""The kind of a telephone with Microsoft's own program: Lync Phone Edition."""


@dataclass(frozen=True, slots=True)
class Link:
    """Why two addresses are those of one machine."""

    first: str
    second: str
    says: str
    capture: int
    frame: int
    """That shows it, 0 when no single one does."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """One device and what is known of it."""

    id: str
    """The address it used most with Lync servers; of equals the lowest, IPv4 first."""
    addresses: tuple[str, ...]
    """All it had, `id` first; of a shared device the one address only."""
    macs: tuple[str, ...]
    """Its own hardware addresses, never a router's."""
    names: tuple[str, ...]
    kind: str
    """Lync phone, third-party phone, phone (of any make), desktop, mobile, client (one of the last two), room system,
    gateway, server, unknown"""
    role: str | None
    basis: str
    location: Location
    location_basis: str
    signs_in: bool
    """It opened a SIP connection; mobile apps speak HTTP only."""
    frame: int
    """A frame that shows the kind, 0 when nothing does."""
    links: tuple[Link, ...] = ()
    """Why its addresses are taken for one machine's: one fewer than there are addresses."""
    instances: tuple[str, ...] = ()
    """What its SIP clients are called, as "user epid": the same in every capture ([MS-SIPRE])."""
    shared: bool = False
    """Several machines use its address: behind NAT, or one after another."""

    @property
    def is_phone(self) -> bool:
        """Whether it is a telephone of any make."""
        return self.kind.endswith("phone")

    @property
    def word(self) -> str:
        """What to call it at the start of a sentence."""
        if self.shared:
            return f"Address {self.id}"
        noun = {"unknown": "Device", "server": "Server"}.get(self.kind, self.kind[:1].upper() + self.kind[1:])
        word = ROLE_NAMES.get(self.role or "", noun)
        return f"{word[:1].upper()}{word[1:]} {self.id}"


@dataclass
class DeviceBook:
    """Devices by any of their addresses."""

    devices: dict[str, DeviceFacts] = field(default_factory=dict)

    def of(self, address: str) -> DeviceFacts | None:
        """The device that holds an address."""
        return self.devices.get(address)

    def id_of(self, address: str | None) -> str | None:
        """The id of the device that holds an address, else the address itself."""
        device = self.devices.get(address or "")
        return device.id if device else address

    def all(self) -> tuple[DeviceFacts, ...]:
        """Every device once, ordered by address."""
        return tuple(sorted({one.id: one for one in self.devices.values()}.values(), key=lambda one: sort_key(one.id)))
