"""Devices and what is known of each, found by any of their addresses."""

from dataclasses import dataclass, field

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.roles.claims import ROLE_NAMES
from lynccap.correlation.roles.sides import Location

__all__ = ["DeviceBook", "DeviceFacts", "Location"]


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """One device and what is known of it."""

    id: str
    addresses: tuple[str, ...]
    macs: tuple[str, ...]
    names: tuple[str, ...]
    kind: str
    """Lync phone, third-party phone, desktop, mobile, client (one of the last two), server, unknown"""
    role: str | None
    basis: str
    location: Location
    location_basis: str
    signs_in: bool
    """It opened a SIP connection; mobile apps speak HTTP only."""
    frame: int
    """A frame that shows the kind, 0 when nothing does."""

    @property
    def is_phone(self) -> bool:
        """Whether it is a telephone of any make."""
        return self.kind.endswith("phone")

    @property
    def word(self) -> str:
        """What to call it at the start of a sentence."""
        noun = {"unknown": "Device", "server": "Server"}.get(self.kind, self.kind[:1].upper() + self.kind[1:])
        return f"{ROLE_NAMES.get(self.role or '', noun)} {self.id}"


@dataclass
class DeviceBook:
    """Devices by any of their addresses."""

    devices: dict[str, DeviceFacts] = field(default_factory=dict)

    def of(self, address: str) -> DeviceFacts | None:
        """The device that holds an address."""
        return self.devices.get(address)

    def all(self) -> tuple[DeviceFacts, ...]:
        """Every device once, ordered by address."""
        return tuple(sorted(set(self.devices.values()), key=lambda one: sort_key(one.id)))
