"""Ports as people write them: 443/tcp, 50000-59999/udp."""

import re

from lynccap.topology.model import TRANSPORTS, Port

_WRITTEN = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?/([a-z]+)", re.ASCII)


def parsed(text: str) -> Port | None:
    """The port, None where the text is none."""
    found = _WRITTEN.fullmatch(text.strip().lower())
    if found is None or found[3] not in TRANSPORTS:
        return None
    return Port(int(found[1]), int(found[2] or found[1]), found[3])


def numbers(port: Port) -> str:
    """`443`, or `50000-59999`."""
    return str(port.first) if port.first == port.last else f"{port.first}-{port.last}"


def written(port: Port) -> str:
    """`443/tcp`, as `parsed` reads it."""
    return f"{numbers(port)}/{port.protocol}"
