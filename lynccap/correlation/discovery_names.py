"""Beginnings of the DNS names by which clients look for their servers, by the reference tables.

`sip.` is none of them: every SIP product asks for it.
"""

from lynccap import reference


def _asked(zone: str) -> tuple[str, ...]:
    """The names of one zone that some client's order of discovery holds."""
    steps = dict.fromkeys(f"{step}." for row in reference.discovery_orders().values() for step in row.steps)
    zone_of = {row.pattern.removesuffix("*"): row.zone for row in reference.names()}
    return tuple(step for step in steps if zone_of.get(step) == zone)


INNER_NAMES = _asked("internal")
"""Those that only insiders are told."""
DISCOVERY_NAMES = (*INNER_NAMES, *_asked("external"))
"""All of them; other SIP products share `_sip._tls.`."""
SHARED_NAMES = ("_sip._tls.",)
OWN_NAMES = tuple(name for name in DISCOVERY_NAMES if name not in SHARED_NAMES)
"""Those that nobody but Lync's clients asks for."""
FALLBACK = "sip."
"""What clients ask for in the domain of their user when nothing else is there; other SIP products do so too."""
PHONE_NAMES = tuple(row.pattern for row in reference.device_signs() if row.sign == "question")
"""Of the firmware of telephones nobody has signed in to."""
