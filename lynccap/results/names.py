"""The tables `roles` and `dns_names`."""

from collections.abc import Iterator

import pandas as pd

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case
from lynccap.correlation.names import SOURCE_DNS, SOURCE_SNI, NameLink
from lynccap.correlation.origins import Origins
from lynccap.correlation.roles.claims import BASIS_WORDS, LOAD_BALANCER, role_name
from lynccap.results.building import of_rows
from lynccap.results.material import Material
from lynccap.results.rows import NameRow, RoleRow


def roles(material: Material) -> pd.DataFrame:
    """One row a claim, the strongest of an address first."""
    return of_rows(RoleRow, (row for case, files in material.study for row in _roles(case, files)))


def _roles(case: Case, files: Origins) -> Iterator[RoleRow]:
    for address in sorted(case.roles.claims, key=sort_key):
        claims = case.roles.claims[address]
        for claim in sorted(claims, key=lambda one: (-one.decisive, -one.basis, one.frame, one.role)):
            capture, frame = files.place(claim.frame) if claim.frame else ("", 0)
            yield RoleRow(
                address=address,
                role=claim.role,
                title=role_name(claim.role),
                basis=BASIS_WORDS[claim.basis],
                confidence=str(claim.confidence),
                decisive=claim.decisive,
                says=claim.says,
                members=case.roles.members_of(address) if claim.role == LOAD_BALANCER else (),
                names=case.names.names_of(address, SOURCE_DNS, SOURCE_SNI),
                capture=capture,
                frame=frame,
            )


def dns_names(material: Material) -> pd.DataFrame:
    """One row a name and address, in order of the name."""
    return of_rows(NameRow, (row for case, files in material.study for row in _names(case, files)))


def _names(case: Case, files: Origins) -> Iterator[NameRow]:
    found = [(link, address) for address, links in case.names.by_address.items() for link in links]
    for link, address in sorted(found, key=lambda one: (one[0].name, sort_key(one[1]), one[0].source)):
        yield _name(link, address, files)


def _name(link: NameLink, address: str, files: Origins) -> NameRow:
    capture, frame = files.place(link.frame)
    return NameRow(link.name, address, link.source, pd.Timestamp(link.time, tz="UTC"), capture, frame)
