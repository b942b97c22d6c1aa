"""Topology exports in XML: what Topology Builder saves (.tbxml) and what `Get-CsTopology -AsXml` prints.

The two say the same with other words: a file of Topology Builder joins services and pools by unique ids and keeps
pools inside their sites, a published topology joins all by site and number. Settings, simple URLs among them, come in
documents of their own beside a published topology (`DocItemSet`, `AnchoredXml`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.topology.draft import Draft
from lynccap.topology.errors import UnreadableTopology
from lynccap.topology.model import Port
from lynccap.topology.xml_tree import Node

BRANCH_SITES = ("RemoteSite", "BranchSite")
"""What stands in `RemoteSites`; no export of a deployment with a branch was at hand, so the names are UNVERIFIED."""
KINDS = {
    "TopologyBuilder": "Topology Builder file",
    "PartialTopology": "Topology Builder file",
    "Topology": "Get-CsTopology export",
    "DocItemSet": "configuration export",
    "AnchoredXml": "settings export",
}
"""The roots that are read, and what they are called."""
URN_PREFIXES = ("urn:component:", "urn:application:")


def read_xml(root: Node, name: str, draft: Draft) -> None:
    """Take what a document says. Raises UnreadableTopology when it says nothing of a topology."""
    found = _topologies(root)
    urls = list(root.all("SimpleUrl"))
    if not found and not urls:
        raise UnreadableTopology(
            f"{name}: XML without a topology; export one with Get-CsTopology -AsXml or save it in Topology Builder"
        )
    if len(found) > 1:
        raise UnreadableTopology(f"{name}: holds {len(found)} topologies; export the one in use with Get-CsTopology")
    draft.source(f"{KINDS.get(root.tag, 'XML export')} {name}")
    for one in found:
        _domains(one, draft)
        _Reader(one, draft).read()
    for url in urls:
        draft.simple_url(url.get("Component"), url.get("Domain"), url.get("ActiveUrl"))


def _topologies(root: Node) -> list[Node]:
    """Topology Builder keeps the published topology beside the new one: the new one is what it shows."""
    new = root.first("NewTopology")
    within = new or root
    found = [one for tag in ("PartialTopology", "Topology") for one in within.all(tag)]
    return [one for one in found if one.first("Clusters") or one.first("Services")]


def _domains(topology: Node, draft: Draft) -> None:
    for domains in topology.all("InternalDomains"):
        draft.domain(domains.get("DefaultDomain"))
        for domain in domains.all("InternalDomain"):
            draft.domain(domain.get("Name"))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the sites an element stands."""

    site: str
    branch: bool


class _Reader:
    """Joins clusters, machines and services by their ids."""

    def __init__(self, topology: Node, draft: Draft) -> None:
        self._topology = topology
        self._draft = draft
        self._pools: dict[str, str] = {}
        """By unique id, or "site/number"; databases by the id of their instance too."""
        self._branches: set[str] = set()
        self._identities: dict[str, str] = {}
        """`name:pool` of a service by its id."""

    def read(self) -> None:
        clusters = []
        for node, place in _placed(self._topology):
            if node.tag in ("CentralSite", *BRANCH_SITES):
                self._site(node)
            elif node.tag == "Cluster":
                clusters.append((node, place))
        for node, place in clusters:
            self._cluster(node, place)
        services = [(one, self._service(one)) for group in self._topology.all("Services") for one in group.children]
        for node, identity in services:
            if identity:
                self._details(node, identity)

    def _site(self, node: Node) -> None:
        id = node.get("SiteId")
        named = next((one.text for one in node.children if one.tag == "Name"), "")
        if node.tag in BRANCH_SITES:
            self._branches.add(id)
        self._draft.site(id, named)

    def _cluster(self, node: Node, place: _Place) -> None:
        own = node.first("ClusterId")
        site = own.get("SiteId") if own else place.site
        key = _cluster_key(own) if own else node.get("UniqueId")
        name = self._draft.pool(node.get("Fqdn") or key, site, branch=place.branch or site in self._branches)
        if name.startswith("$"):
            self._draft.remark(f"{name} is a variable of a script, not a name; export the topology that was published")
        self._pools[key] = name
        for instance in node.all("SqlInstance"):
            self._pools[instance.get("UniqueId")] = name
        for machine in node.all("Machine"):
            self._machine(machine, name)

    def _machine(self, node: Node, pool: str) -> None:
        name = self._draft.machine(node.get("Fqdn") or pool, pool)
        for one in node.all("NetInterface"):
            number = _number(one.get("InterfaceNumber")) or 1
            for suffix in ("IPAddress", "IPv6Address"):
                if one.get(suffix):
                    side = one.get("InterfaceSide")
                    self._draft.interface(name, side, number, one.get(suffix), one.get(f"Configured{suffix}"))

    def _service(self, node: Node) -> str:
        """`name:pool`, "" when it cannot be told."""
        if node.tag != "Service":
            return ""
        own = next((one for one in node.children if one.tag == "ServiceId"), None)
        name = node.get("RoleName") or (own.get("RoleName") if own else "")
        pool = self._pools.get(_installed_on(node))
        if not name or pool is None:
            self._draft.remark(f"service {name or 'without a name'}: its pool is not in the export; it was left out")
            return ""
        identity = self._draft.service(
            name,
            pool,
            role="director" if _is_director(node) else "",
            version=_number(node.get("ServiceVersion")),
            external_fqdn=next((one.get("Host") for one in node.all("ExternalSettings")), ""),
        )
        self._identities[_service_key(own) if own else node.get("UniqueId")] = identity
        return identity

    def _details(self, node: Node, identity: str) -> None:
        for one in node.all("Port"):
            port = _port(one)
            if port is None:
                self._draft.remark(f"{identity}: a port without a number was left out")
            else:
                self._draft.port(identity, port)
        for needed in node.all("Dependency"):
            id = needed.first("ServiceId")
            other = self._identities.get(_service_key(id) if id else needed.get("ServiceUniqueId"))
            if other:
                self._draft.depends(identity, other)


def _placed(topology: Node) -> Iterator[tuple[Node, _Place]]:
    """Every element with the site it stands in."""
    waiting = [(topology, _Place("", False))]
    while waiting:
        node, place = waiting.pop()
        yield node, place
        if node.tag in ("CentralSite", *BRANCH_SITES):
            place = _Place(node.get("SiteId"), node.tag in BRANCH_SITES)
        waiting.extend((one, place) for one in reversed(node.children))


def _installed_on(service: Node) -> str:
    inside = next((one for one in service.children if one.tag == "InstalledOn"), None)
    cluster = inside.first("ClusterId") if inside else None
    return _cluster_key(cluster) if cluster else service.get("InstalledOn")


def _cluster_key(id: Node) -> str:
    return f"{id.get('SiteId')}/{id.get('Number')}"


def _service_key(id: Node) -> str:
    return f"{id.get('SiteId')}/{id.get('RoleName')}/{id.get('Instance')}"


def _is_director(service: Node) -> bool:
    return any(one.get("IsDirector").lower() == "true" for one in service.all("RegistrarService"))


def _port(node: Node) -> Port | None:
    first, count = _number(node.get("Port")), _number(node.get("Range")) or 1
    if first is None:
        return None
    return Port(
        first,
        first + count - 1,
        node.get("Protocol").lower(),
        node.get("InterfaceSide").lower(),
        _number(node.get("InterfaceNumber")) or 1,
        component_of(node.get("Owner")),
        node.get("Usage"),
        _number(node.get("ConfiguredPort")),
        node.get("ConfiguredFqdn"),
        node.get("UrlPath").strip("/") and node.get("UrlPath"),
    )


def component_of(owner: str) -> str:
    """The component's own name: `AccessEdge` of `urn:component:AccessEdge`."""
    return next((owner[len(prefix) :] for prefix in URN_PREFIXES if owner.startswith(prefix)), owner)


def _number(text: str) -> int | None:
    """A small number in decimal, None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
