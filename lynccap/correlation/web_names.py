"""By which names the web services are asked from outside and from inside: as topology and Autodiscover tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from lynccap.correlation.names import proxied
from lynccap.correlation.roles.claims import RoleBook
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

INNER, OUTER = "internal/", "external/"
"""Beginnings of the tokens of links in Autodiscover's answers: for whom the link is ([MS-OCDISCWS] 2.2)."""
FOR_MOBILES = ("ucwa", "mcx")  # without a beginning they are for mobile apps, which use the name for outside anywhere
USUAL = ("webext.", "lswebext.")  # habits for the external web name, which clients are told and never guess
SIMPLE = ("meet.", "dialin.", "lyncdiscover.")  # asked from inside as well, at the pool's own address, by design


@dataclass(frozen=True, slots=True)
class WebNames:
    """Names of the web services, lower case."""

    inner: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()

    def is_outer(self, name: str) -> bool:
        """Whether a name is for people outside, and for mobile apps anywhere."""
        return name in self.outer or name.startswith(USUAL)


def read_web_names(tables: Tables, roles: RoleBook) -> WebNames:
    """The names that Lync's own Autodiscover and a topology tell, those of simple addresses left out."""
    told = list(_links(tables, roles))
    inner = {host for token, host in told if token.startswith(INNER)}
    outer = {host for token, host in told if token.startswith(OUTER) or token in FOR_MOBILES}
    if roles.told:
        outer |= {name.lower() for name in roles.told.directory.topology.published_names}
    outer = {name for name in outer if not name.startswith(SIMPLE)}
    return WebNames(frozenset(inner), frozenset(outer - inner))


def _links(tables: Tables, roles: RoleBook) -> Iterator[tuple[str, str]]:
    """Token and host of every link in answers of Lync's servers."""
    table = tables["autodiscover"]
    answered = table[table["links"].map(bool)] if len(table) else table
    elsewhere = proxied(tables) if len(answered) else set()
    for row in rows_of(answered, ("flow", "links")):
        if row.flow not in elsewhere and roles.is_lync(str(tables.flows.at[row.flow, "server"])):
            for token, _, target in (link.partition("=") for link in row.links):
                if host := _host(target):
                    yield token.lower(), host


def _host(target: str) -> str:
    try:
        return (urlsplit(target).hostname or "").lower()
    except ValueError:
        return ""
