"""Load balancers and the hosts behind them: one address that accepts, several that are given the work.

What is passed on unread keeps its bytes: the same TLS hello (its random is never used twice, RFC 5246 7.4.1.2) towards
one address and towards another one behind it. Where answers go back directly, the packets of the shared address come
from the members' own network cards. A pool name with several DNS records has members and no such address: nothing
here fires on it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import pandas as pd

from lynccap.correlation.addresses import Scope, is_private, scope_of, subnet_of
from lynccap.correlation.names import SOURCE_CERTIFICATE, SOURCE_SNI, NameBook, tunnelled
from lynccap.correlation.protocol_numbers import INITIAL_TTLS, SIP_TLS_PORT
from lynccap.correlation.roles.claims import LOAD_BALANCER, Basis, PassedOn, RoleBook, RoleClaim
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

MIN_MEMBERS = 2  # one host behind an address is translation or a proxy as well
CARRY_NS = 1_000_000_000  # from a connection at the shared address to the one it is passed on with
MIN_PAIRS = 6  # connections passed on after their bytes were changed: fewer may be chance
WEB_PORT, PUBLISHED_PORT = 443, 4443
SHARED_PORTS = frozenset({80, WEB_PORT, SIP_TLS_PORT, PUBLISHED_PORT, 8080})
"""Of services that stand behind load balancers in a deployment (port table). Mail and name servers, too, open a
connection for each that they accept, on one port: those are none of them."""
MAX_SHARED = 200  # addresses with several cards that are looked at; each costs a pass over the flows
MAX_FLOWS = 50_000  # connections that are compared; a capture of a busy pool has a tenth of that


def claim_balancers(book: RoleBook, tables: Tables, names: NameBook) -> None:
    """Load balancers by what they pass on, and their members."""
    _claim_same_hellos(book, tables)
    _claim_direct_return(book, tables)
    _claim_followers(book, tables, names)


def _claim(book: RoleBook, claim: RoleClaim, members: dict[str, None]) -> None:
    book.add(claim)
    book.members[claim.address].update(members)


def _claim_same_hellos(book: RoleBook, tables: Tables) -> None:
    """One client hello at the shared address and again at a member: several members make it a load balancer.

    Hosts of one network, on one port, for one server name: what passes many names on is a proxy.
    """
    groups: dict[tuple[str, int, str], list[PassedOn]] = defaultdict(list)
    book.passed += _passed(tables)
    for one in book.passed:
        groups[one.vip, one.port, one.name].append(one)
    for (vip, port, _), ones in sorted(groups.items()):
        members = dict.fromkeys(one.member for one in ones)
        if _is_farm(members) and vip not in members:
            says = f"passes TLS of port {port} on unread to {', '.join(members)}"
            first = ones[0]
            _claim(book, RoleClaim(vip, LOAD_BALANCER, Basis.MESSAGES, True, says, first.capture, first.frame), members)
            for one in ones:
                _claim_source(book, one)


def _claim_source(book: RoleBook, one: PassedOn) -> None:
    """The address that a load balancer puts in place of its clients' is its own: what they say comes from there."""
    if one.source and one.source != one.vip:
        says = f"opens the connections that {one.vip} passes on"
        book.add(RoleClaim(one.source, LOAD_BALANCER, Basis.MESSAGES, True, says, one.capture, one.frame))


def _passed(tables: Tables) -> Iterator[PassedOn]:
    """The connections whose client hello came once more, at another server, at once."""
    tls = tables["tls"]
    hellos = tls[(tls["kind"] == "client-hello") & tls["from_client"]].drop_duplicates("flow")
    again = hellos[hellos["random"].duplicated(keep=False)]
    if again.empty:
        return
    again = again[again["random"].astype(bool) & ~again["flow"].isin(list(tunnelled(tables.flows)))]
    again = again.sort_values(["time", "frame"], kind="stable")
    flows = tables.flows.loc[again["flow"], ["capture", "client", "server", "server_port"]].set_index(again.index)
    groups: dict[tuple[int, bytes], list[Any]] = defaultdict(list)
    columns = ("flow", "frame", "time", "random", "sni", *flows.columns)
    for row in rows_of(again.join(flows), columns):
        groups[row.capture, row.random].append(row)
    for rows in groups.values():
        first, last = rows[0], rows[-1]
        two = len({row.server for row in rows}) == MIN_MEMBERS and first.server != last.server
        if two and last.time - first.time <= CARRY_NS and _same_service(first.server_port, last.server_port):
            name, source = str(first.sni or "").lower(), last.client if last.client != first.client else ""
            facts = (first.server, last.server, int(first.server_port), source, name)
            ends = (first.client, int(first.time), (int(first.flow), int(last.flow)))
            yield PassedOn(*facts, int(first.capture), int(last.frame), *ends)


def _same_service(front: int, back: int) -> bool:
    return front == back or (front, back) == (WEB_PORT, PUBLISHED_PORT)


def _is_farm(members: Iterable[str]) -> bool:
    """Several hosts of one network: what leads to hosts anywhere is a proxy for all the world."""
    found = set(members)
    near = len({subnet_of(one) for one in found}) == 1 or all(is_private(one) for one in found)
    return len(found) >= MIN_MEMBERS and near


def _claim_direct_return(book: RoleBook, tables: Tables) -> None:
    """Answers of one address come in turns from cards that are other hosts' own: direct server return.

    An address that moves to another host changes its card once; routers in front of it lower the TTL.
    """
    flows = tables.flows
    heard = flows[(flows["server_mac"] != "") & flows["ttl_server_max"].isin(INITIAL_TTLS)]
    cards = set(zip(heard["capture"], heard["server"], heard["server_mac"], strict=True))
    counts = Counter((capture, server) for capture, server, _ in cards)
    shared = sorted(one for one, count in counts.items() if count > 1)
    own = _own_addresses(flows) if shared else {}
    for capture, vip in shared[:MAX_SHARED]:
        rows = heard[(heard["capture"] == capture) & (heard["server"] == vip)].sort_values("first_time", kind="stable")
        members = _in_turns(str(vip), list(rows["server_mac"]), own.get(capture, {}))
        if members:
            says = f"its answers come from the network cards of {', '.join(members)}"
            frame = int(rows["first_frame_server"].iloc[0])
            claim = RoleClaim(str(vip), LOAD_BALANCER, Basis.PORT_AND_BYTES, True, says, int(capture), frame)
            _claim(book, claim, members)
            book.direct_returns[str(vip)] = int(capture)


def _own_addresses(flows: pd.DataFrame) -> dict[int, dict[str, set[str]]]:
    """By capture and MAC: the addresses whose packets came from it, link-local ones left out."""
    found: dict[int, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for side in ("client", "server"):
        columns = ["capture", f"{side}_mac", side]
        heard = flows.loc[(flows[f"frames_{side}"] > 0) & (flows[f"{side}_mac"] != ""), columns]
        for capture, mac, address in heard.drop_duplicates().itertuples(index=False):
            if scope_of(address) in (Scope.PRIVATE, Scope.PUBLIC):
                found[capture][mac].add(address)
    return found


def _in_turns(vip: str, macs: list[str], own: dict[str, set[str]]) -> dict[str, None]:
    """The hosts whose cards took turns in answering; empty when they did not, or a card is a router's."""
    changes = sum(one != other for one, other in pairwise(macs))
    behind = {mac: own.get(mac, set()) - {vip} for mac in dict.fromkeys(macs)}
    if changes < MIN_MEMBERS or any(len(addresses) != 1 for addresses in behind.values()):
        return {}
    members = {next(iter(addresses)): None for addresses in behind.values()}
    return members if len(members) >= MIN_MEMBERS else {}


def _claim_followers(book: RoleBook, tables: Tables, names: NameBook) -> None:
    """Each connection at the shared address is followed by one of its own to one of several members, same port.

    Servers of a pool open connections to each other as well, but not one for each client that comes. A reverse
    proxy does, to hosts that have nothing in common: members are asked for, or show, a name that they share.
    """
    flows = tables.flows
    spoken = flows[flows["server_port"].isin(SHARED_PORTS) & (flows["opening"] == "established")][:MAX_FLOWS]
    both = set(spoken["client"]) & set(spoken["server"])
    if not both:
        return
    fronts: dict[tuple[int, str, int], list[int]] = defaultdict(list)
    backs: dict[tuple[int, str, int], list[Any]] = defaultdict(list)
    columns = ["capture", "client", "server", "server_port", "first_time", "first_frame"]
    for row in rows_of(spoken[spoken["client"].isin(list(both)) | spoken["server"].isin(list(both))], columns):
        if row.server in both:
            fronts[row.capture, row.server, row.server_port].append(int(row.first_time))
        if row.client in both:
            backs[row.capture, row.client, row.server_port].append(row)
    for key in sorted(backs.keys() & fronts.keys()):
        capture, vip, port = key
        members = dict.fromkeys(row.server for row in backs[key])
        if not _follow(sorted(fronts[key]), backs[key]) or not _is_farm(members):
            continue
        if frozenset.intersection(*(_names_at(one, names) for one in members)):
            says = f"each connection to port {port} is followed by one to {' or '.join(members)}"
            frame = int(backs[key][0].first_frame)
            claim = RoleClaim(str(vip), LOAD_BALANCER, Basis.PORT_AND_BYTES, False, says, int(capture), frame)
            _claim(book, claim, members)


def _names_at(address: str, names: NameBook) -> frozenset[str]:
    return frozenset(names.names_of(address, SOURCE_SNI, SOURCE_CERTIFICATE))


def _follow(fronts: list[int], backs: list[Any]) -> bool:
    """Whether the connections behind come one for each in front, each soon after it, and to different hosts in turn."""
    if len(backs) < MIN_PAIRS or len(backs) != len(fronts):
        return False
    times = sorted(int(row.first_time) for row in backs)
    return all(0 <= back - front <= CARRY_NS for front, back in zip(fronts, times, strict=True))
