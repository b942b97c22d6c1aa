"""The Mediation Server by its own words in SIP, and the gateways, IP telephone systems and SBCs it speaks with."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lynccap import reference
from lynccap.correlation.names import proxied
from lynccap.correlation.roles.claims import GATEWAY, MEDIATION, Basis, RoleBook, RoleClaim
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

_LYNC_WORD = re.compile(r"\bRTCC?/\d")


@dataclass(frozen=True, slots=True)
class _Sender:
    """Whoever wrote a SIP message, and what it calls itself."""

    address: str
    other: str
    word: str
    """User-Agent of a request, Server of an answer; "" when it says nothing."""
    capture: int
    frame: int


def claim_telephony(book: RoleBook, tables: Tables) -> None:
    """Mediation Servers that name themselves so, and whoever else they exchange SIP with.

    A Mediation Server speaks to gateways in plain or encrypted SIP and to the pool always encrypted: the other end of
    what can be read is a gateway, unless it calls itself a Lync server.
    """
    senders = list(_senders(tables))
    mediation: set[str] = set()
    for one in senders:
        if _role_of(one.word) == MEDIATION and _LYNC_WORD.search(one.word):
            mediation.add(one.address)
            _add(book, one, MEDIATION, f"SIP says {one.word}", decisive=True)
    lync = {one.address for one in senders if _LYNC_WORD.search(one.word)}
    for one in senders:
        if one.other in mediation and one.address not in lync:
            known = _role_of(one.word) == GATEWAY
            says = f"exchanges SIP with the Mediation Server {one.other}" + (f", says {one.word}" if one.word else "")
            _add(book, one, GATEWAY, says, decisive=known)


def _add(book: RoleBook, one: _Sender, role: str, says: str, *, decisive: bool) -> None:
    book.add(RoleClaim(one.address, role, Basis.MESSAGES, decisive, says, one.capture, one.frame))


def _role_of(word: str) -> str:
    """The role that a product's own words tell, "" when none is known."""
    return next((row.role for row in reference.sip_products() if row.verified and row.words in word), "")


def _senders(tables: Tables) -> Iterator[_Sender]:
    """The first message of every sender, flow and word; what came through others names another's program."""
    sip = tables["sip"]
    direct = sip[~sip["flow"].isin(list(proxied(tables))) & (sip["hops"] <= 1)]
    word = direct["user_agent"].where(direct["kind"] == "request", direct["server"]).fillna("")
    told = direct[["flow", "frame", "from_client"]].assign(word=word).drop_duplicates(["flow", "from_client", "word"])
    ends = tables.flows.loc[told["flow"], ["client", "server", "capture"]].set_index(told.index)
    for row in rows_of(told.join(ends), ("frame", "from_client", "word", "client", "server", "capture")):
        sides = (row.client, row.server) if row.from_client else (row.server, row.client)
        yield _Sender(*sides, row.word, row.capture, row.frame)
