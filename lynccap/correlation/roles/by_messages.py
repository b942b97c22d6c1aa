"""Roles by messages: whoever answers as only a Lync server answers is one."""

import re
from typing import Any

from lynccap.correlation.addresses import is_public
from lynccap.correlation.names import proxied
from lynccap.correlation.roles.claims import (
    EDGE_ACCESS,
    FRONT_END,
    REVERSE_PROXY,
    WEB,
    WEB_ROLES,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

_LYNC_SERVER = re.compile(r"RTC/\d")


def claim_by_messages(book: RoleBook, tables: Tables) -> None:
    """Servers of web exchanges, and whoever answers SIP as Lync does."""
    flows, elsewhere, xml = tables.flows, proxied(tables), _xml_answers(tables)
    for protocol, words in (
        ("certprov", "certificate provisioning"),
        ("web-ticket", "web tickets"),
        ("autodiscover", "Lync autodiscover"),
    ):
        for row in rows_of(tables[protocol], tables[protocol].columns):
            if row.flow in elsewhere:
                continue
            server = flows.at[row.flow, "server"]
            outer = is_public(server) and not book.has(server, *WEB_ROLES)
            role, decisive = REVERSE_PROXY if outer else WEB, _is_services(row, xml)
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(server, role, Basis.MESSAGES, decisive, f"requests for {words}", capture, row.frame))
    answers = tables["sip"][tables["sip"]["kind"] == "response"]
    for row in rows_of(answers, ("flow", "frame", "from_client", "server", "remote_user")):
        says = "" if row.flow in elsewhere else _says_lync(row)
        if says:
            side = "client" if row.from_client else "server"
            address = flows.at[row.flow, side]
            role = EDGE_ACCESS if is_public(address) else FRONT_END
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(address, role, Basis.MESSAGES, True, says, capture, row.frame))


def _xml_answers(tables: Tables) -> frozenset[tuple[int, int]]:
    """Flow and frame of every HTTP answer whose content is XML."""
    http = tables["http"]
    found = http[(http["kind"] == "response") & http["content_type"].astype(str).str.contains("xml", case=False)]
    return frozenset(zip(found["flow"], found["frame"], strict=True))


def _is_services(row: Any, xml: frozenset[tuple[int, int]]) -> bool:
    """Whether an exchange was answered as only the real service does.

    Errors, redirects, challenges and pages come from anything that answers HTTP: a portal answers everything with 200.
    """
    if row.outcome != "ok":
        return row.outcome == "fault" or row.fault_id is not None
    content = (getattr(row, name, None) for name in ("certificates", "links", "access_location"))
    return any(content) or (row.flow, row.frame) in xml


def _says_lync(row: Any) -> str:
    """What in a SIP answer only a Lync server writes, "" when nothing: WebRTC servers are not RTC/5.0."""
    if _LYNC_SERVER.match(row.server or ""):
        return f"SIP Server: {row.server}"
    return "SIP answer with ms-user-logon-data" if row.remote_user else ""
