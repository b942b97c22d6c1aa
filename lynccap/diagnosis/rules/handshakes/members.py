"""Members of an Edge pool that show different certificates (catalogue group 4)."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_AV, EDGE_INT, EDGE_WEBCONF
from lynccap.correlation.tls.presented import Presented
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.subjects import day, subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

ROLLOVER_NS = 14 * 86_400 * SECOND  # members are given a new certificate one after the other, within days
EDGE_ROLES = (EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, EDGE_INT)


@rule(
    title="Members of an Edge pool show different certificates",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("Each member got a certificate of its own request, where one was to be exported with its key.",),
    fix=("Export one certificate with its private key, and import it on all members of the Edge pool.",),
    act=("PKI team",),
    sources=("notes-edge", "notes-sec2", "ms-cert-ext"),
)
def cert_pool_members_differ(inquiry: Inquiry) -> Iterator[Judgement]:
    """Edge Servers behind one name show leaves with different serial numbers at the same port.

    Evidence: one service name with several addresses that are an Edge's; at the same port each shows another leaf for
    that name. Inner and outer side have different names and are compared separately.

    Not this: members of a Front End pool, which have a certificate each; a certificate that is being replaced.
    """
    told: set[tuple[str, str, int]] = set()
    shown = _edge_lists(inquiry)
    for name, members in _pools(inquiry).items():
        lists = [one for address in members for one in shown.get(address, ()) if one.covers(name)]
        for one, other in combinations(lists, 2):
            same_place = one.port == other.port and one.capture == other.capture and one.holder != other.holder
            key = (min(one.holder, other.holder), max(one.holder, other.holder), one.port)
            if not same_place or key in told:
                continue
            told.add(key)
            if one.leaf.sha256 == other.leaf.sha256:
                yield Clear(one.holder)
            else:
                yield _differ(inquiry, name, one, other, shown)


def _pools(inquiry: Inquiry) -> dict[str, list[str]]:
    """The Edges' addresses by the names that lead to them, by DNS or the topology."""
    names = inquiry.case.names
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for name, addresses in names.addresses.items():
        found[name].update(dict.fromkeys(addresses))
    for address, told in names.told.items():
        for name in told:
            found[name.lower()][address] = None
    roles = inquiry.case.roles
    edges = {name: [one for one in ones if roles.has(one, *EDGE_ROLES)] for name, ones in found.items()}
    return {name: ones for name, ones in edges.items() if len(ones) > 1}


def _edge_lists(inquiry: Inquiry) -> dict[str, list[Presented]]:
    found: dict[str, list[Presented]] = defaultdict(list)
    for one in inquiry.case.presented:
        if one.by_server and one.readable and inquiry.case.roles.has(one.holder, *EDGE_ROLES):
            found[one.holder].append(one)
    return found


def _differ(
    inquiry: Inquiry, name: str, one: Presented, other: Presented, shown: dict[str, list[Presented]]
) -> Found | Doubt:
    changing = any(len([each for each in shown[side.holder] if each.port == side.port]) > 1 for side in (one, other))
    newest = max(one.leaf.not_before, other.leaf.not_before)
    now = one.showings[0].time
    if changing or (abs(one.leaf.not_before - other.leaf.not_before) > ROLLOVER_NS and now - newest < ROLLOVER_NS):
        because = f"its certificate and that of {other.holder} differ, but the newer one began on {day(newest)} only"
        return Doubt(one.holder, f"{because}: they may be in the middle of a replacement")
    subject = subject_of(inquiry, one.showings[0].flow, of_client=False)
    server = inquiry.server(one.holder, one.port)
    return subject.found(
        f"{server[:1].upper()}{server[1:]} and {other.holder} stand behind the name {name}, "
        f"but show different certificates on TCP port {one.port}.",
        f"The serial numbers are {one.leaf.serial} and {other.leaf.serial}. All members of an Edge pool need the same "
        "certificate with the same key: sessions that change over, and relay tokens, fail otherwise.",
        Confidence.CERTAIN,
        subject.shows("the certificates of both", one.showings[0].frame, other.showings[0].frame),
        peer=other.holder,
        time=one.showings[0].time,
        flows=(one.showings[0].flow, other.showings[0].flow),
    )
