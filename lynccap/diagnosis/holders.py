"""Servers that showed a certificate, and what ties each to its role: never the certificate it is judged by."""

from collections.abc import Iterator
from dataclasses import dataclass

from lynccap import reference
from lynccap.correlation.addresses import is_public, subnet_of
from lynccap.correlation.case import Case
from lynccap.correlation.roles.claims import (
    BASIS_WORDS,
    CLOUD,
    EDGE_ACCESS,
    EDGE_WEBCONF,
    NOT_LYNC,
    PARTNER,
    REVERSE_PROXY,
    XMPP_PARTNER,
    Basis,
    RoleClaim,
)
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.tls.presented import Presented

OUTER_EDGE = (EDGE_ACCESS, EDGE_WEBCONF)
OUTSIDE = (*OUTER_EDGE, REVERSE_PROXY)
INNER_EDGE_PORTS = frozenset({5061, 5062, 8057, 4443})
"""Of an Edge's inner side, where it shows its certificate: SIP, credentials, meeting data, configuration."""
ACCESS_SERVICES = ("_sip._tls.", "_sipfederationtls._tcp.")
_TIES = frozenset({Basis.NAME, Basis.MESSAGES, Basis.TOPOLOGY})
_OTHERS = frozenset({CLOUD, PARTNER, XMPP_PARTNER})
"""Whose certificates are somebody else's to mend."""


@dataclass(frozen=True, slots=True)
class Holder:
    """One port of a server with the certificates it showed there, and the role it has."""

    shown: Presented
    claim: RoleClaim
    """What ties the address to the role."""
    doubt: str
    """Why that is too weak to accuse by, "" when it is not."""

    @property
    def tie(self) -> str:
        """What ties it, as a sentence."""
        return f"Its role is shown by the {BASIS_WORDS[self.claim.basis]}: {self.claim.says}."


def holders(case: Case, *roles: str) -> Iterator[Holder]:
    """The servers that showed certificates at a port of one of some roles, the deployment's own only."""
    for shown in case.presented:
        claim = _claim_at(case, shown, roles) if shown.by_server else None
        if claim:
            yield Holder(shown, claim, "" if _sure(case, shown.holder) else _weak(shown.holder, claim))


def held_at(case: Case, address: str, port: int) -> frozenset[str]:
    """The roles an address has at a port, by something else than a certificate; empty when unsure."""
    if not _sure(case, address) or case.roles.has(address, CLOUD):
        return frozenset()
    told = case.roles.told.roles_at(address, port) if case.roles.told else frozenset()
    return told or frozenset(one.role for one in _ties(case, address)) - NOT_LYNC


def outside(case: Case, shown: Presented) -> bool:
    """Whether a list was shown to the outside: some organisations have public addresses inside, with inner names.

    An Edge behind a translator has a private address, and shows the list to public ones.
    """
    if is_public(shown.holder):
        return _beyond(case, shown.holder)
    return any(is_public(one.viewer) and _beyond(case, one.viewer) for one in shown.showings)


def _beyond(case: Case, address: str) -> bool:
    """Whether an address is outside, a public one of which nothing shows where it is included."""
    place = case.sides.of(address).location
    if place is Location.UNKNOWN:
        return is_public(address) and not case.sides.has_inner_names(address)
    return place is Location.OUTSIDE


def own_domains(case: Case) -> frozenset[str]:
    """The SIP domains of the deployment, as the topology tells them, or as clients asked for Lync's own names."""
    told = case.directory.topology.sip_domains if case.directory else ()
    links = (link.name for links in case.names.by_address.values() for link in links if link.source != "certificate")
    asked = (domain for name in links if (domain := _domain_asked(name)))
    return frozenset({*told, *asked})


def _domain_asked(name: str) -> str:
    row = next((one for one in reference.name_rows(name) if one.decisive or one.service == "autodiscover"), None)
    return name.removeprefix(row.pattern.removesuffix("*")) if row and row.pattern.endswith(".*") else ""


def _claim_at(case: Case, shown: Presented, roles: tuple[str, ...]) -> RoleClaim | None:
    if case.roles.has(shown.holder, *_OTHERS):
        return None
    told = case.roles.told.roles_at(shown.holder, shown.port) if case.roles.told else frozenset()
    fitting = told or {row.to_role for row in reference.services_on("tcp", shown.port)}
    claims = [one for one in _ties(case, shown.holder) if one.role in roles and one.role in fitting]
    return max(claims, key=lambda one: (one.decisive, one.basis, -one.frame), default=None)


def _ties(case: Case, address: str) -> list[RoleClaim]:
    return [one for one in case.roles.claims.get(address, ()) if one.basis in _TIES]


def _sure(case: Case, address: str) -> bool:
    """Whether something other than a certificate shows a Lync server there, or in the same subnet beside it."""
    if _decisive(case, address):
        return True
    if not any(one.role not in NOT_LYNC for one in _ties(case, address)):
        return False
    beside = (one for one in case.roles.servers() if one != address and subnet_of(one) == subnet_of(address))
    return any(_decisive(case, one) for one in beside)


def _decisive(case: Case, address: str) -> bool:
    return any(one.decisive and one.role not in NOT_LYNC for one in _ties(case, address))


def _weak(address: str, claim: RoleClaim) -> str:
    return (
        f"only {claim.says} ties {address} to Lync, which fits other servers too; "
        "a topology file, or a client's question for Lync's own names, would decide it"
    )


def access_names(case: Case, holder: str) -> tuple[str, ...]:
    """The names of the Access Edge at an address: targets of its SRV records, and those of the topology."""
    told = case.roles.told.places.get(holder, ()) if case.roles.told else ()
    configured = (name for place in told if place.role == EDGE_ACCESS for name in place.names)
    targets = (
        name
        for name in case.names.names_of(holder, "dns")
        if any(link.name.startswith(ACCESS_SERVICES) for link in case.names.srv.get(name, ()))
    )
    return tuple(dict.fromkeys((*configured, *targets)))
