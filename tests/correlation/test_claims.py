"""What a claim rests on decides how far it carries."""

import pytest

from lynccap.correlation.roles.claims import (
    AROUND_LYNC,
    DNS_SERVER,
    EDGE_ACCESS,
    EDGE_AV,
    FRONT_END,
    LOAD_BALANCER,
    MEDIATION,
    ROLE_NAMES,
    SIP_SERVER,
    UNSPECIFIED,
    WEB,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.document import Confidence


@pytest.mark.parametrize(
    ("basis", "decisive", "confidence"),
    [
        (Basis.TOPOLOGY, True, Confidence.CERTAIN),
        (Basis.TOPOLOGY, False, Confidence.POSSIBLE),
        (Basis.MESSAGES, True, Confidence.CERTAIN),
        (Basis.MESSAGES, False, Confidence.LIKELY),
        (Basis.NAME, True, Confidence.LIKELY),
        (Basis.NAME, False, Confidence.POSSIBLE),
        (Basis.CERTIFICATE, False, Confidence.POSSIBLE),
        (Basis.PORT_AND_BYTES, True, Confidence.LIKELY),
        (Basis.PORT_AND_BYTES, False, Confidence.POSSIBLE),
    ],
)
def test_a_claim_is_as_sure_as_what_it_rests_on(basis: Basis, decisive: bool, confidence: Confidence) -> None:
    assert RoleClaim("10.9.0.6", FRONT_END, basis, decisive, "", 0, 1).confidence is confidence


def _claimed(*claims: tuple[str, Basis, bool]) -> RoleBook:
    book = RoleBook()
    for role, basis, decisive in claims:
        book.add(RoleClaim("10.9.0.6", role, basis, decisive, f"says {role}", 0, 1))
    return book


def test_roles_that_exclude_each_other_are_told_with_both_bases_and_the_stronger_is_used() -> None:
    book = _claimed((EDGE_ACCESS, Basis.NAME, True), (FRONT_END, Basis.MESSAGES, True))
    (found,) = book.contradictions()

    assert (found.stronger.role, found.weaker.role) == (FRONT_END, EDGE_ACCESS)
    assert (found.stronger.says, found.weaker.says) == ("says fe", "says edge_access")
    assert book.best("10.9.0.6").role == FRONT_END


@pytest.mark.parametrize("others", [(EDGE_ACCESS, EDGE_AV), (FRONT_END, WEB), (FRONT_END, MEDIATION), (EDGE_ACCESS,)])
def test_roles_that_share_a_host_do_not_contradict(others: tuple[str, ...]) -> None:
    around = (DNS_SERVER, LOAD_BALANCER, SIP_SERVER, UNSPECIFIED)

    assert _claimed(*((role, Basis.NAME, True) for role in (*others, *around))).contradictions() == ()


def test_hosts_around_a_deployment_are_no_lync_servers_however_sure_their_claims() -> None:
    book = _claimed(*((role, Basis.MESSAGES, True) for role in sorted(AROUND_LYNC)))

    assert not book.is_lync("10.9.0.6")
    assert not book.is_plausible("10.9.0.6")
    assert book.servers() == ()
    assert book.best("10.9.0.6") is None


def test_every_role_that_is_claimed_has_a_name() -> None:
    assert set(ROLE_NAMES) >= AROUND_LYNC | {MEDIATION, FRONT_END, EDGE_ACCESS}
