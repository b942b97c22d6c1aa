"""Roles of the network around a deployment: who answered names, time, leases and directory questions."""

from collections import defaultdict
from typing import Any

import pandas as pd

from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.attempts import TWO_WAY
from lynccap.correlation.names import DNS_PORT
from lynccap.correlation.roles.claims import (
    DATABASE,
    DHCP_SERVER,
    DIRECTORY,
    DNS_SERVER,
    TIME_SERVER,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

MAX_HOSTS = 500  # of each role: a site has a few, a scan of the Internet's DNS servers any number
TIME_PORT = 123
DHCP_ANSWERS = ("offer", "ack", "nak")
DIRECTORY_STACKS = frozenset({"ldap", "kerberos"})


def claim_network(book: RoleBook, tables: Tables) -> None:
    """DNS, time and DHCP servers by their answers, domain controllers by two protocols, databases by who asks."""
    _claim_dns(book, tables)
    _claim_time(book, tables)
    _claim_dhcp(book, tables)
    _claim_directories(book, tables)
    _claim_databases(book, tables)


def _is_host(address: str | None) -> bool:
    """Whether a single host can be reached there: nobody's own are 0.0.0.0, groups and link-local addresses."""
    return bool(address) and (is_private(str(address)) or is_public(str(address)))


def _senders(tables: Tables, rows: pd.DataFrame, *, alike: bool = True) -> pd.DataFrame:
    """The rows with the `capture` they are of, and `sender` and `port` of whoever sent them.

    `alike`: of a sender's messages on one flow the first tells all.
    """
    rows = rows.drop_duplicates(["flow", "from_client"]) if alike else rows
    flows = tables.flows.loc[rows["flow"], ["client", "client_port", "server", "server_port", "capture"]]
    flows = flows.set_index(rows.index)
    forth = rows["from_client"]
    sender = flows["client"].where(forth, flows["server"])
    port = flows["client_port"].where(forth, flows["server_port"])
    return rows.assign(sender=sender, port=port, capture=flows["capture"])


def _claim_dns(book: RoleBook, tables: Tables) -> None:
    """RFC 1035 4.2: whoever answers from port 53. mDNS and LLMNR have ports of their own: anyone may answer them."""
    dns = tables["dns"]
    answers = _senders(tables, dns[dns["kind"] == "response"])
    for row in answers[answers["port"] == DNS_PORT].drop_duplicates("sender")[:MAX_HOSTS].itertuples():
        _add(book, row.sender, DNS_SERVER, "answers DNS questions", row)


def _claim_time(book: RoleBook, tables: Tables) -> None:
    """RFC 5905 3: mode 4 is an answer to a client; peers and broadcasts are not."""
    ntp = tables["ntp"]
    answers = _senders(tables, ntp[ntp["kind"] == "server"])
    for row in answers[answers["port"] == TIME_PORT].drop_duplicates("sender")[:MAX_HOSTS].itertuples():
        _add(book, row.sender, TIME_SERVER, "answers requests for the time", row)


def _claim_dhcp(book: RoleBook, tables: Tables) -> None:
    """RFC 2131 4.3.1: the server names itself in option 54; a relay that answers in its place only passes it on.

    A relay may put its own address there so that clients renew through it (RFC 5107): nobody is claimed then.
    """
    dhcp = tables["dhcp"]
    answers = _senders(tables, dhcp[dhcp["kind"].isin(DHCP_ANSWERS)], alike=False)
    for row in answers.drop_duplicates(["sender", "server", "relay_address"])[:MAX_HOSTS].itertuples():
        if row.server and row.server != row.relay_address:
            _add(book, row.server, DHCP_SERVER, f"named as the server in a DHCP {row.kind}", row)
        elif not row.server and not row.relay_address:
            _add(book, row.sender, DHCP_SERVER, f"sent a DHCP {row.kind}", row)


def _claim_directories(book: RoleBook, tables: Tables) -> None:
    """Whoever answers both Kerberos and LDAP looks like a domain controller; other directories do so as well."""
    flows = tables.flows
    spoken = flows[flows["stack"].isin(list(DIRECTORY_STACKS)) & flows["opening"].isin(TWO_WAY)]
    heard: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows_of(spoken, ("server", "stack", "capture", "first_frame_server")):
        heard[row.server].setdefault(row.stack, row)
    for server, stacks in heard.items():
        if stacks.keys() == DIRECTORY_STACKS:
            first = min(stacks.values(), key=lambda row: int(row.Index))
            says = "answers Kerberos and LDAP"
            frame = int(first.first_frame_server)
            book.add(RoleClaim(server, DIRECTORY, Basis.PORT_AND_BYTES, False, says, int(first.capture), frame))


def _claim_databases(book: RoleBook, tables: Tables) -> None:
    """Whoever answers a Lync server's TDS; other databases are nobody's here."""
    flows = tables.flows
    spoken = flows[(flows["stack"] == "tds") & (flows["frames_server"] > 0) & flows["opening"].isin(TWO_WAY)]
    asked = spoken.drop_duplicates(["client", "server"])
    for row in rows_of(asked, ("client", "server", "capture", "first_frame_server")):
        if book.is_lync(row.client):
            says, frame = f"answers TDS to {row.client}", int(row.first_frame_server)
            claim = RoleClaim(row.server, DATABASE, Basis.PORT_AND_BYTES, True, says, int(row.capture), frame)
            book.add(claim)


def _add(book: RoleBook, address: str | None, role: str, says: str, row: Any) -> None:
    if _is_host(address):
        book.add(RoleClaim(str(address), role, Basis.MESSAGES, True, says, int(row.capture), int(row.frame)))
