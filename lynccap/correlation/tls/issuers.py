"""Whether certificates that clients fetched over HTTP belong above those that servers and clients presented in TLS."""

from typing import NamedTuple

from lynccap.tables import Tables

MAX_LINKS = 10_000  # of all captures: a client fetches an issuer once and caches it


class IssuerLink(NamedTuple):
    """A certificate presented in TLS, and a fetched one that bears its issuer's name."""

    presented: int
    """Row of the certificates table."""
    fetched: int
    """The same."""
    root: bool
    """The fetched certificate names itself as its issuer: the chain ends there."""


def issuer_links(tables: Tables) -> tuple[IssuerLink, ...]:
    """The links of one capture each, by the names of issuer and subject; signatures are not checked here.

    Certificates that signed themselves need nobody above them and are left out as presented ones.
    """
    if not (tables.certificates["carried"] == "aia").any():
        return ()
    certificates = tables.certificates[tables.certificates["unreadable"] == ""]
    capture = certificates["flow"].map(tables.flows["capture"])
    fetched: dict[tuple[int, str], list[tuple[int, bool]]] = {}
    for row, of in zip(certificates.itertuples(), capture, strict=True):
        if row.carried == "aia" and row.subject:
            fetched.setdefault((of, row.subject), []).append((row.Index, row.self_signed))
    links: list[IssuerLink] = []
    for row, of in zip(certificates.itertuples(), capture, strict=True):
        if row.carried == "tls" and not row.self_signed and len(links) < MAX_LINKS:
            links += [IssuerLink(row.Index, index, root) for index, root in fetched.get((of, row.issuer), ())]
    return tuple(links)
