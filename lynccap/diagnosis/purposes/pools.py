"""Pools behind one address: what a load balancer is asked for, and what it asks its members for."""

from lynccap import reference
from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.attempts import Answer, Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.correlation.names import SOURCE_DNS, parent_of
from lynccap.correlation.roles.farms import Farm


def is_pool_member(case: Case, server: str) -> bool:
    """A Lync server, or one beside it: meetings are held at a named member, often not the one signed in at."""
    if case.roles.is_plausible(server):
        return True
    parents = {parent_of(name) for name in case.names.names_of(server)}
    return any(
        subnet_of(one) == subnet_of(server) or parents & {parent_of(name) for name in case.names.names_of(one)}
        for one in case.roles.servers()
    )


def is_by_balancer(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A load balancer looks after its members, and finds out by such connections which of them are gone."""
    return any(attempt.client in farm.own and attempt.server in farm.members for farm in case.farms.values())


def is_at_balancer(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A shared address, on a port that a load balancer of this pool has to have; silence is more often a filter's."""
    farm = case.farms.get(attempt.server)
    if farm is None or not farm.sure or not case.roles.is_lync(attempt.server):
        return False
    return attempt.ending is not Ending.UNANSWERED and attempt.port in _to_pass_on(case, farm)


def members_accept(case: Case, attempt: Attempt, _held: frozenset[str]) -> bool:
    """A shared address whose members do listen on this port; of silence, where this client's network sees them do."""
    farm = case.farms.get(attempt.server)
    if farm is None or not farm.sure or attempt.port not in _to_pass_on(case, farm):
        return False
    answers = member_answers(case, attempt)
    if attempt.ending is Ending.UNANSWERED:
        return any(subnet_of(one.client) == subnet_of(attempt.client) for one in answers)
    return bool(answers)


def member_answers(case: Case, attempt: Attempt) -> list[Answer]:
    """Connections on the same port that servers behind a shared address accepted."""
    farm = case.farms.get(attempt.server)
    accepted = (one for member in (farm.members if farm else ()) for one in case.answers_of(member))
    return [one for one in accepted if one.port == attempt.port]


def _to_pass_on(case: Case, farm: Farm) -> frozenset[int]:
    """Ports a load balancer needs for a pool; where DNS spreads clients over the members itself, the web ones."""
    names = {name for member in farm.members for name in case.names.names_of(member, SOURCE_DNS)}
    spread = any(len(set(case.names.addresses_of(name)) & set(farm.members)) > 1 for name in names)
    kind = "dns" if spread else "hardware"
    rows = (row for row in reference.balancer_ports() if row.pool == farm.pool and row.balancing == kind)
    return frozenset(port for row in rows for port in row.ports)
