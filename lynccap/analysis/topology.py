"""What the document tells of the deployment: roles, from where they are known, and what contradicts what."""

from collections.abc import Iterator, Sequence

from lynccap.analysis.study import Study
from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.correlation.roles.claims import BASIS_WORDS, CLOUD, LOAD_BALANCER, NOT_LYNC, Contradiction, role_name
from lynccap.document import INFERRED, Confidence, Conflict, Role, Topology
from lynccap.topology.traps import traps

UNTOLD = frozenset({CLOUD, "any"})  # roles of services that are nobody's machine


def topology_of(study: Study) -> Topology:
    """Where the topology is from, the roles that the captures show, conflicts and remarks."""
    cases, directory = study.cases, study.directory
    used = next((case.directory for case in cases if case.directory), None)
    remarks = [_set_aside(case) for case in cases if case.roles.set_aside]
    if used:
        remarks += [*traps(used), *used.topology.remarks]
    return Topology(
        source=directory.topology.source if directory and used else INFERRED,
        roles=_roles(cases),
        conflicts=tuple(_conflicts(study)),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _set_aside(case: Case) -> str:
    return (
        f"{case.tables.captures['name'].iloc[0]}: the topology is not used: {case.roles.set_aside}. "
        "If it is of this deployment all the same, write the SIP domain of the capture into its sip_domains"
    )


def _conflicts(study: Study) -> Iterator[Conflict]:
    for case, files in study:
        for one in case.roles.conflicts:
            capture, frames = next(iter(files.split((one.frame,)).items()), (files.ids[0], ()))
            yield Conflict(
                address=one.address,
                told=tuple(map(role_name, one.told)),
                seen=role_name(one.seen),
                basis=BASIS_WORDS[one.basis],
                capture=capture,
                frames=frames,
                says=one.says,
            )
        for pair in case.roles.contradictions():
            yield _contradiction(pair, files)


def _contradiction(pair: Contradiction, files: Origins) -> Conflict:
    """Two things the capture itself says of one address that cannot both be true; the stronger one is used."""
    one, other = pair.stronger, pair.weaker
    capture, frames = next(iter(files.split((one.frame, other.frame)).items()), (files.ids[0], ()))
    return Conflict(
        address=one.address,
        told=(role_name(one.role),),
        seen=role_name(other.role),
        basis=BASIS_WORDS[other.basis],
        capture=capture,
        frames=frames,
        says=(
            f"{one.address} looks like {role_name(one.role)} ({BASIS_WORDS[one.basis]}: {one.says}) and like "
            f"{role_name(other.role)} ({BASIS_WORDS[other.basis]}: {other.says}); one host is hardly both"
        ),
    )


def _roles(cases: Sequence[Case]) -> tuple[Role, ...]:
    """One entry a role and address: names belong to addresses, not to roles."""
    found: dict[tuple[str, str], tuple[set[str], str, Confidence]] = {}
    for case in cases:
        for address in _shown(case):
            tied = set(case.names.called(address))
            for role in case.roles.roles_of(address) - UNTOLD:
                claim = case.roles.best(address, role)
                if claim:
                    basis = f"{BASIS_WORDS[claim.basis]}: {claim.says}"
                    names, *_ = found.setdefault((role, address), (set(), basis, claim.confidence))
                    names |= tied
    # Lync's own roles come first: a host is called by the first one that it has.
    ordered = sorted(found.items(), key=lambda item: (item[0][0] in NOT_LYNC, item[0][0], sort_key(item[0][1])))
    return tuple(
        Role(role_name(role), (address,), tuple(sorted(names)), basis, confidence, _members(cases, role, address))
        for (role, address), (names, basis, confidence) in ordered
    )


def _members(cases: Sequence[Case], role: str, address: str) -> tuple[str, ...]:
    found = {one for case in cases for one in case.roles.members_of(address)} if role == LOAD_BALANCER else set()
    return tuple(sorted(found, key=sort_key))


def _shown(case: Case) -> Iterator[str]:
    """The servers; those of a topology only where the capture shows them: the rest is the customer's secret."""
    seen = {*case.flows["client"].unique(), *case.flows["server"].unique(), *case.relays.relay_hosts}
    return (one for one in case.roles.claims if not case.directory or one in seen)
