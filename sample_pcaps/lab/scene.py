"""An office under observation: shorthands every scenario inside an office uses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sample_pcaps.lab.clients import Desktop, Phone, desktop
from sample_pcaps.lab.network import Host, Mirror, Program
from sample_pcaps.lab.office import Office


@dataclass(frozen=True)
class Scene:
    """An office with its running capture."""

    office: Office
    mirror: Mirror

    def user(self, host: Host, name: str, **wants: object) -> Program:
        """Start a desktop client that signs in; `wants` are further fields of `Desktop`."""
        office = self.office
        user, registrar = f"{name}@{office.plan.domain}", office.plan.pool[0]
        base = Desktop(user, office.plan.resolver, office.ca.root_pem, registrar)
        client = replace(base, **wants)  # type: ignore[arg-type]  # the keywords are Desktop's own fields
        return office.net.spawn(host, desktop, client)

    def phone(self, name: str, **knows: object) -> Phone:
        """Describe a phone of this office; `knows` are further fields of `Phone`."""
        plan = self.office.plan
        base = Phone(f"{name}@{plan.domain}", plan.resolver, self.office.ca.root_pem, web_server=plan.web[0])
        return replace(base, **knows)  # type: ignore[arg-type]  # the keywords are Phone's own fields

    @contextmanager
    def recorded(self, path: Path, expression: str = "", *, nanoseconds: bool = False) -> Iterator[None]:
        """Capture at the mirror while the block runs."""
        with self.office.net.capture(self.mirror, path, expression=expression, nanoseconds=nanoseconds):
            yield
