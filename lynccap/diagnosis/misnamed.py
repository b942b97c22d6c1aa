"""Certificates that are not for the name by which a client came: *what the name was for*, to the rule it belongs to.

Most entries on missing names are one failure seen on different services; here they are told apart once.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lynccap.correlation.arrivals import Aim, Arrival
from lynccap.correlation.case import Case
from lynccap.correlation.names import CLOUD_DOMAINS, SOURCE_SNI
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_INT, EDGE_WEBCONF
from lynccap.correlation.tls.handshakes import Handshake, HandshakeOutcome, Means
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.holders import INNER_EDGE_PORTS, held_at
from lynccap.reference import name_rows

CONFIGURATION_PORT = 4443
NAME_ALERTS = frozenset({42, 46})  # bad_certificate, certificate_unknown: what libraries say of a name (RFC 5246 7.2.2)
DISCOVERY = ("lyncdiscover.", "lyncdiscoverinternal.")


class Reaction(StrEnum):
    """What a client did with a certificate."""

    REFUSED = "refused it"
    """It says so in an alert that names no other reason."""
    LEFT = "left"
    """It closed at once without a word."""
    ACCEPTED = "accepted it"
    UNUSED = "finished the handshake and said nothing more"
    """Windows may look at the name only then; so does a client whose other connection was quicker."""
    UNKNOWN = "unknown"
    """The capture does not show it."""
    OTHER = "something else"
    """It ended for another reason, or somebody else ended it."""


REJECTING = (Reaction.REFUSED, Reaction.LEFT)


def reaction_to(session: TlsSession | None) -> Reaction:
    """What the client did with the server's certificate in one handshake."""
    if session is None:
        return Reaction.UNKNOWN
    handshake = session.handshake
    if handshake.outcome is HandshakeOutcome.COMPLETED:
        return Reaction.ACCEPTED if session.completed else Reaction.UNUSED
    if handshake.outcome is HandshakeOutcome.UNKNOWN:
        return Reaction.UNKNOWN
    if handshake.end is None or not handshake.end.from_client:
        return Reaction.OTHER
    if handshake.outcome is HandshakeOutcome.REFUSED:
        refusal = session.refusal
        return Reaction.REFUSED if refusal and refusal.code in NAME_ALERTS else Reaction.OTHER
    return Reaction.LEFT if _prompt(handshake) else Reaction.OTHER


def _prompt(handshake: Handshake) -> bool:
    """Whether the client closed soon after the certificate, without any alert that tells another reason."""
    spoken = handshake.end is not None and handshake.end.means is Means.ENCRYPTED_ALERT
    return handshake.left_at_certificate and not spoken


@dataclass(frozen=True, slots=True)
class Named:
    """What one client met at one port by one name: every time it did."""

    rule: str
    """The rule it belongs to."""
    shown: Presented
    device: str
    aim: Aim
    """The last name by which it came."""
    arrivals: tuple[Arrival, ...]
    rejected: tuple[Arrival, ...]
    """Those it ended over the certificate …"""
    refused: bool
    """… and whether it said so in an alert."""
    accepted: bool
    """It went on with the server in one of them."""
    covered: bool
    doubt: str
    """Why the capture does not show what the client made of it."""

    @property
    def hurts(self) -> bool:
        """Whether the client ended connections over the certificate and never got over it."""
        return bool(self.rejected) and not self.accepted


_Fits = Callable[[frozenset[str], Presented, Aim], bool]


def _configuration(held: frozenset[str], shown: Presented, _aim: Aim) -> bool:
    return EDGE_INT in held and shown.port == CONFIGURATION_PORT


def _inner_edge(held: frozenset[str], shown: Presented, _aim: Aim) -> bool:
    return EDGE_INT in held and shown.port in INNER_EDGE_PORTS


def _hosted(_held: frozenset[str], shown: Presented, aim: Aim) -> bool:
    """The name is Lync's, DNS sends it on to Microsoft's cloud, and the certificate is for where it leads."""
    led = [one for one in aim.aliases if one.endswith(CLOUD_DOMAINS)]
    own = not aim.name.endswith(CLOUD_DOMAINS) and bool(name_rows(aim.name))
    return own and any(shown.covers(one) for one in led) and not shown.covers(aim.name)


def _discovery(held: frozenset[str], _shown: Presented, aim: Aim) -> bool:
    return bool(held) and aim.name.startswith(DISCOVERY)


def _conference(held: frozenset[str], _shown: Presented, aim: Aim) -> bool:
    known = name_rows(aim.name)
    meant = any(EDGE_WEBCONF in row.role and row.verified for row in known)
    return EDGE_WEBCONF in held and (meant or (not known and EDGE_ACCESS not in held))


def _subject_only(held: frozenset[str], shown: Presented, aim: Aim) -> bool:
    leaf = shown.leaf
    return bool(held and leaf.common_name) and leaf.common_name.lower() == aim.name


def _sip_domain(held: frozenset[str], shown: Presented, aim: Aim) -> bool:
    others = any(name.startswith("sip.") for name in shown.names)
    return bool(held) and aim.name.startswith("sip.") and others


def _server(held: frozenset[str], _shown: Presented, _aim: Aim) -> bool:
    return bool(held)


NAMES: tuple[tuple[str, _Fits], ...] = (
    ("cms-replication-name-mismatch", _configuration),
    ("cert-edge-internal-cn-wrong", _inner_edge),
    ("cert-foreign-hostname", _hosted),
    ("cert-lyncdiscover-missing-on-web", _discovery),
    ("cert-missing-webconf-name", _conference),
    ("cert-cn-not-repeated-in-san", _subject_only),
    ("cert-missing-sip-domain", _sip_domain),
    ("cert-name-mismatch", _server),
)
"""The most particular first: the rule, and whether a name at a server of these roles is its matter."""


def judge_names(case: Case) -> tuple[Named, ...]:
    """What every client met by every name, covered or not; servers nothing but a certificate ties to Lync are none."""
    groups: dict[tuple[int, str, str], list[Arrival]] = defaultdict(list)
    for one in case.arrivals:
        groups[id(one.shown), one.showing.viewer, one.aims[-1].name].append(one)
    places = {_place(shown) for shown in case.presented if shown.by_server}
    held = {place: held_at(case, place[1], place[2]) for place in places}
    made = []
    for arrivals in groups.values():
        first = arrivals[0]
        rule = _rule_for(held[_place(first.shown)], first)
        if rule and (first.covered or not _default_only(case, first)):
            made.append(_named(case, rule, arrivals))
    return tuple(made)


def _rule_for(held: frozenset[str], one: Arrival) -> str:
    aim = one.aims[-1]
    if not held and not aim.aliases:
        return ""  # a server of no Lync role, and no name of Lync's that leads to it: most of all web traffic
    return next((rule for rule, fits in NAMES if fits(held, one.shown, aim)), "")


def _default_only(case: Case, one: Arrival) -> bool:
    """The client named no server in its hello, and others that did were shown a fitting certificate there."""
    if one.aims[-1].source == SOURCE_SNI:
        return False
    alike = (each for each in case.presented if each.by_server and each is not one.shown)
    here = (each for each in alike if (each.capture, each.holder, each.port) == _place(one.shown))
    return any(each.covers(aim.name) for each in here for aim in one.aims)


def _place(shown: Presented) -> tuple[int, str, int]:
    return shown.capture, shown.holder, shown.port


def _named(case: Case, rule: str, arrivals: list[Arrival]) -> Named:
    first = arrivals[0]
    covered = all(one.covered for one in arrivals)
    told = [] if covered else [(one, reaction_to(case.sessions.get(one.showing.flow))) for one in arrivals]
    return Named(
        rule=rule,
        shown=first.shown,
        device=first.showing.viewer,
        aim=first.aims[-1],
        arrivals=tuple(arrivals),
        rejected=tuple(one for one, how in told if how in REJECTING),
        refused=any(how is Reaction.REFUSED for _, how in told),
        accepted=any(how is Reaction.ACCEPTED for _, how in told),
        covered=covered,
        doubt=next((doubt for one, how in told if (doubt := _doubt(case, one, how))), ""),
    )


def _doubt(case: Case, one: Arrival, how: Reaction) -> str:
    if how is Reaction.UNUSED:
        return f"{one.showing.viewer} {how} to {one.shown.holder}: whether over the name is not shown"
    session = case.sessions.get(one.showing.flow)
    return session.handshake.doubt if session and how is Reaction.UNKNOWN else ""
