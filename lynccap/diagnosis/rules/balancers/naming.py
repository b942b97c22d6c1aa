"""Names of pools and Edges that do not fit their kind of load balancing (catalogue group 11)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap import reference
from lynccap.correlation.names import SOURCE_DNS
from lynccap.correlation.roles.farms import Farm
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Reading, Severity

WEB_PORTS = (80, 443)
SIP_RECORDS = ("_sipinternaltls.", "_sipinternal.")
INNER, OUTER = ("edge_int",), ("edge_access", "edge_webconf", "edge_av")
HARDWARE, DNS = "a load balancer", "DNS load balancing"


@rule(
    title="Web services use the pool's name under DNS load balancing",
    severity=Severity.MAJOR,
    stage=Stage.BOOTSTRAP,
    causes=("No name of its own was set for the internal web services of the pool.",),
    fix=(
        "Give the internal web services a name of their own that leads to a load balancer, and publish the topology.",
    ),
    act=("DNS administrator", "architect"),
    sources=("ms-dnslb", "ms-dns-fe"),
)
def lb_web_fqdn_equals_pool_fqdn(inquiry: Inquiry) -> Iterator[Judgement]:
    """HTTP or HTTPS goes to a pool's own name, which DNS leads to several servers.

    Evidence: a TLS server name or HTTP host on port 443 or 80 that is the pool's name (clients sign in by it, or SRV
    records or the topology name it); this name has several addresses in DNS.

    Not this: a Standard Edition server, or a pool of one server, whose name has one address; a name of the web
    services' own. Inconclusive where several addresses have the name, but nothing shows that it is a pool's.
    """
    told: set[tuple[str, str]] = set()
    pools = _pool_names(inquiry)
    for flow, name, frame in _asked(inquiry):
        several = len(inquiry.case.names.addresses_of(name)) > 1
        subject = subject_of(inquiry, flow) if several else None
        if subject is None or (subject.device, name) in told or not inquiry.case.roles.is_lync(subject.peer):
            continue
        device = inquiry.device(subject.device)
        if device is not None and device.role is None:
            told.add((subject.device, name))
            yield _same_name(inquiry, subject, name, frame, is_pool=name in pools)


def _pool_names(inquiry: Inquiry) -> frozenset[str]:
    """What SRV records, TLS towards 5061 and the topology call pools."""
    case = inquiry.case
    found = {
        target for target, links in case.names.srv.items() if any(one.name.startswith(SIP_RECORDS) for one in links)
    }
    sip = (one for attempt in case.attempts if attempt.port == 5061 for one in case.sessions_of([attempt]))
    found |= {one.sni.lower().rstrip(".") for one in sip if one.sni}
    found |= {one.pool.lower() for one in case.directory.places} if case.directory else set()
    return frozenset(found - {""})


def _asked(inquiry: Inquiry) -> Iterator[tuple[int, str, int]]:
    """Web connections with the name asked for and the frame of it: flow, name, frame."""
    tables, ports = inquiry.case.tables, inquiry.case.flows["server_port"]
    several = {name for name, found in inquiry.case.names.addresses.items() if len(found) > 1}
    if not several:
        return
    for table, column in ((tables["tls"], "sni"), (tables["http"], "host")):
        named = table[table[column].notna()].drop_duplicates(["flow", column])
        named = named[named["flow"].map(ports).isin(WEB_PORTS)]
        for row in rows_of(named, ("flow", "frame", column)):
            name = str(getattr(row, column)).lower().partition(":")[0].rstrip(".")
            if name in several:
                yield row.flow, name, row.frame


def _same_name(inquiry: Inquiry, subject: Subject, name: str, frame: int, *, is_pool: bool) -> Judgement:
    addresses = inquiry.case.names.addresses_of(name)
    if not is_pool:
        return Doubt(subject.device, f"{name} has several addresses, but nothing shows that it is a pool's name")
    answers = {inquiry.case.names.addresses[name][one].frame for one in addresses}
    scheme = "HTTPS" if subject.port == 443 else "HTTP"
    return subject.found(
        f"{inquiry.word(subject.device)} asks {name} for web services by {scheme}: that is the pool's own name, "
        f"and DNS leads it to {len(addresses)} servers.",
        "DNS load balancing suits SIP only. Web clients need a load balancer: without it requests are spread over "
        "servers that know nothing of each other, and a dead server is asked again and again.",
        Confidence.LIKELY,
        subject.shows(f"the request for {name}", frame),
        subject.shows(f"DNS leads {name} to {', '.join(addresses)}", *answers),
        reading=Reading.PACKETS if scheme == "HTTPS" else inquiry.reading(subject.flow),
    )


@rule(
    title="The Edge is load balanced in two ways, inside and outside",
    severity=Severity.MINOR,
    stage=Stage.NOTE,
    causes=("The Edge pool was designed with one kind of load balancing for each side.",),
    fix=("Use the same kind on both sides of the Edge: DNS load balancing, or a load balancer.",),
    act=("architect",),
    sources=("notes-edge", "ms-hlb", "ms-dnslb"),
)
def lb_edge_mixed_types(inquiry: Inquiry) -> Iterator[Judgement]:
    """DNS spreads connections over the inner sides of an Edge pool, and a load balancer those outside, or vice versa.

    Evidence: the topology has an Edge pool of several machines; on one side its name has several of their addresses in
    DNS and connections go to them; on the other its name leads to one address that no machine has.

    Not this: a migration, in which both kinds are in use on one side; a pool of one Edge. Inconclusive where both kinds
    are seen and no topology tells that they are of one pool.
    """
    case = inquiry.case
    edges = [farm for farm in case.farms.values() if farm.pool == "edge" and farm.sure]
    told = case.roles.told
    if told is None:
        spread = _spread_inside(inquiry)
        for farm in edges if spread else ():
            yield Doubt(farm.vip, f"no topology tells whether {farm.vip} and {', '.join(spread)} are of one Edge pool")
        return
    pools: dict[str, list[Farm]] = defaultdict(list)
    for farm in edges:
        for pool in {one.pool for member in farm.members for one in told.places.get(member, ()) if one.pool}:
            pools[pool].append(farm)
    for pool, farms in pools.items():
        yield from _mixed(inquiry, pool, farms)


def _spread_inside(inquiry: Inquiry) -> list[str]:
    """Inner Edge addresses that share a DNS name."""
    names = inquiry.case.names
    inner = [one for one in inquiry.case.roles.servers() if inquiry.case.roles.has(one, *INNER)]
    shared = {name for one in inner for name in names.names_of(one, SOURCE_DNS)}
    several = [name for name in sorted(shared) if len(set(names.addresses_of(name)) & set(inner)) > 1]
    return list(names.addresses_of(several[0])) if several else []


_Kinds = dict[str, tuple[str, tuple[str, ...]]]
"""Kind of load balancing, to the name that shows it and where DNS leads that."""


def _mixed(inquiry: Inquiry, pool: str, farms: list[Farm]) -> Iterator[Judgement]:
    """By side: how the names of one Edge pool are balanced."""
    inside, outside = (_kinds(inquiry, pool, roles, farms) for roles in (INNER, OUTER))
    one_each = len(inside) == len(outside) == 1
    if one_each and inside.keys() != outside.keys():
        yield _mixture(inquiry, pool, {"inside": inside, "outside": outside}, farms[0])
    else:
        yield Clear(farms[0].vip)


def _kinds(inquiry: Inquiry, pool: str, roles: tuple[str, ...], farms: list[Farm]) -> _Kinds:
    told = inquiry.case.roles.told
    places = [one for one in (told.directory.places if told else ()) if one.pool == pool and one.role in roles]
    mine = {address for one in places for address in (one.address, one.nat) if address}
    found: _Kinds = {}
    for name in dict.fromkeys(name for one in places for name in one.names):
        led = inquiry.case.names.addresses_of(name)
        if len(mine & set(led)) > 1:
            found[DNS] = (name, led)
        if len(led) == 1 and any(led[0] == farm.vip for farm in farms):
            found[HARDWARE] = (name, led)
    return found


def _mixture(inquiry: Inquiry, pool: str, sides: dict[str, _Kinds], farm: Farm) -> Judgement:
    names, flows = inquiry.case.names, inquiry.case.flows
    told = [(side, kind, *named) for side, kinds in sides.items() for kind, named in kinds.items()]
    words = [f"{side} by {kind} ({name}: {', '.join(led)})" for side, kind, name, led in told]
    spread = next(led for _, kind, _, led in told if kind == DNS)
    direct = flows[flows["server"].isin(spread) & (flows["frames_server"] > 0)].drop_duplicates("server")
    if direct.empty:
        return Doubt(farm.vip, f"no connection to {' or '.join(spread)} is in the capture")
    links = [names.addresses[name][one] for _, _, name, led in told for one in led]
    answers = tuple(sorted(int(one) for one in direct["first_frame_server"]))
    return Found(
        device=farm.vip,
        says=f"The Edge pool {pool} is reached {' and '.join(words)}.",
        why=f"{reference.conflicts()['edge-balancing'].report} When one side fails over, the other does not follow.",
        confidence=Confidence.LIKELY,
        proof=(
            Proof(links[0].capture, tuple(sorted({one.frame for one in links})), "where DNS leads the names"),
            Proof(int(direct["capture"].iloc[0]), answers, "answers of the inner or outer addresses themselves"),
        ),
        time=min(one.time for one in links),
    )
