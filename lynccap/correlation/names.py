"""Which names the capture ties to which addresses, and by which frames: DNS, SNI, certificates; and hearsay."""

import ipaddress
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from lynccap.correlation.addresses import is_address
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

DNS_PORT = 53
SOURCE_DNS = "dns"
SOURCE_SNI = "sni"
SOURCE_CERTIFICATE = "certificate"


# Consumer Skype, Teams and Skype for Business Online ask the same questions and speak the same dialects as
# Lync on the customer's premises; what they reach is Microsoft's and nobody's Edge.
CLOUD_DOMAINS = (".skype.com", ".microsoft.com", ".office.com", ".lync.com", ".skype.net", ".msedge.net")
CLOUD_NETWORKS = tuple(
    ipaddress.ip_network(text) for text in ("13.107.64.0/18", "52.112.0.0/14", "52.120.0.0/14", "2603:1063::/38")
)


@dataclass(frozen=True, slots=True)
class NameLink:
    """A name tied to an address or to another name, and the frame that ties it."""

    name: str
    source: str
    capture: int
    frame: int
    time: int


@dataclass
class NameBook:
    """Names by address, addresses by name, and the SRV questions that lead to a name."""

    by_address: dict[str, list[NameLink]] = field(default_factory=lambda: defaultdict(list))
    addresses: dict[str, dict[str, NameLink]] = field(default_factory=lambda: defaultdict(dict))
    srv: dict[str, list[NameLink]] = field(default_factory=lambda: defaultdict(list))
    """By target name: the SRV questions answered with it."""
    recorded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By address: names from the capture files' own name tables. They are what the recording machine's resolver or
    hosts file said, tied to no frame: good to call a device by, never to conclude from."""

    told: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By address: names from the topology, tied to no frame."""

    def called(self, address: str) -> tuple[str, ...]:
        """What to call a server: the names its clients asked for, then those of the topology."""
        asked = [one for one in self.names_of(address, SOURCE_DNS, SOURCE_SNI) if not one.startswith("_")]
        return tuple(dict.fromkeys((*asked, *self.told.get(address, ()))))

    def names_of(self, address: str, *sources: str) -> tuple[str, ...]:
        """The distinct names tied to an address, SRV questions included; `sources` narrows it down."""
        wanted = sources or (SOURCE_DNS, SOURCE_SNI, SOURCE_CERTIFICATE)
        return tuple(sorted({link.name for link in self.by_address.get(address, ()) if link.source in wanted}))

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """The addresses DNS answers gave for a name, in order of appearance."""
        return tuple(self.addresses.get(name.lower().rstrip("."), ()))


def resolvers_of(flows: pd.DataFrame) -> set[str]:
    """DNS servers: what they ask, they ask for somebody else."""
    return set(flows.loc[flows["stack"] == "dns", "server"])


def tunnelled(flows: pd.DataFrame) -> set[int]:
    """Flows through a proxy (CONNECT): what is said inside is of another server than the flow's."""
    inside = [one for one in flows["stack"].unique() if one.removeprefix("pseudo-tls/").startswith("http/")]
    return set(flows.index[flows["stack"].isin(inside)])


def proxied(tables: Tables) -> set[int]:
    """Flows to a proxy: those through a tunnel, and those whose HTTP requests name the server in their target."""
    http = tables["http"]
    requests = http[(http["kind"] == "request") & http["target"].notna()]
    absolute = requests["target"].astype(str).str.lower().str.startswith(("http://", "https://"))
    return tunnelled(tables.flows) | set(requests.loc[absolute, "flow"])


def parent_of(name: str) -> str:
    """The last two labels: a stand-in for the domain an organisation owns."""
    return ".".join(name.split(".")[-2:])


def read_names(tables: Tables) -> NameBook:
    """The names of all captures. A name is lower case without its final dot."""
    book = NameBook()
    captures, servers = tables.flows["capture"].tolist(), tables.flows["server"].tolist()
    seen: set[tuple[str, str, str]] = set()

    def tie(address: str, link: NameLink) -> None:
        if (address, link.name, link.source) not in seen:
            seen.add((address, link.name, link.source))
            book.by_address[address].append(link)

    _read_dns(tables, book, tie)
    book.recorded = _recorded(tables)
    tls = tables["tls"]
    tls = tls[~tls["flow"].isin(list(tunnelled(tables.flows)))]
    for row in rows_of(tls[tls["sni"].notna()], ("flow", "frame", "time", "sni")):
        name = str(row.sni).lower().rstrip(".")
        tie(servers[row.flow], NameLink(name, SOURCE_SNI, captures[row.flow], row.frame, row.time))
    leaves = tables.certificates[tables.certificates["carried"] == "tls"]
    leaves = leaves[~leaves["flow"].isin(list(tunnelled(tables.flows)))]
    shown = leaves[(leaves["position"] == 0) & ~leaves["from_client"]]
    for row in rows_of(shown, ("flow", "frame", "time", "common_name", "names")):
        for name in dict.fromkeys((row.common_name or "", *row.names)):
            if "." in name:
                link = NameLink(name.lower(), SOURCE_CERTIFICATE, captures[row.flow], row.frame, row.time)
                tie(servers[row.flow], link)
    return book


def _recorded(tables: Tables) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for row in tables.host_names.itertuples():
        name = row.name.lower().rstrip(".")
        if name and not is_address(name):
            found[row.address][name] = None
    return {address: tuple(names) for address, names in found.items()}


def _read_dns(tables: Tables, book: NameBook, tie: Callable[[str, NameLink], None]) -> None:
    captures = tables.flows["capture"].tolist()
    answers = tables.dns_answers.sort_values(["time", "frame"], kind="stable")
    # mDNS and LLMNR have DNS's shape, but anyone on the link may answer them.
    answers = answers[answers["flow"].map(tables.flows["server_port"]) == DNS_PORT]
    told = answers[answers["record_type"] == "SRV"]
    for row in rows_of(told, ("flow", "frame", "time", "question", "value")):
        link = NameLink(row.question, SOURCE_DNS, captures[row.flow], row.frame, row.time)
        book.srv[row.value.lower().rstrip(".")].append(link)
    repeats: set[tuple[str, str, str]] = set()
    addresses = answers[answers["record_type"].isin(("A", "AAAA"))]
    for row in rows_of(addresses, ("flow", "frame", "time", "question", "name", "value")):
        told = (row.value, row.question, row.name)
        if told in repeats or not is_address(row.value):
            continue
        repeats.add(told)
        for name in dict.fromkeys((row.question, row.name.lower().rstrip("."))):
            if name.startswith("_"):  # an address in the additional part of an SRV answer belongs to its target
                continue
            link = NameLink(name, SOURCE_DNS, captures[row.flow], row.frame, row.time)
            book.addresses[name].setdefault(row.value, link)
            tie(row.value, link)
            for srv in book.srv.get(name, ()):
                tie(row.value, srv)


def is_cloud(address: str, names: NameBook) -> bool:
    """Whether an address is of Microsoft's cloud, by its network or by a name DNS gave for it."""
    value = ipaddress.ip_address(address)
    if any(value.version == one.version and value in one for one in CLOUD_NETWORKS):
        return True
    return any(name.endswith(CLOUD_DOMAINS) for name in names.names_of(address))
