"""All claims the captures support, in the order in which they are made: later ones build on earlier ones."""

from lynccap.correlation.names import NameBook
from lynccap.correlation.roles.balancers import claim_balancers
from lynccap.correlation.roles.by_messages import claim_by_messages
from lynccap.correlation.roles.by_name import claim_by_dhcp, claim_by_name
from lynccap.correlation.roles.by_network import claim_network
from lynccap.correlation.roles.by_topology import claim_by_topology
from lynccap.correlation.roles.by_traffic import claim_askers, claim_both_ways, claim_by_tls, claim_crl_hosts
from lynccap.correlation.roles.claims import RoleBook
from lynccap.correlation.roles.partners import claim_partners
from lynccap.correlation.roles.proxies import claim_proxies
from lynccap.correlation.roles.telephony import claim_telephony
from lynccap.tables import Tables
from lynccap.topology.directory import Directory


def read_roles(tables: Tables, names: NameBook, directory: Directory | None = None) -> RoleBook:
    """The claims the captures support, and those of a topology; media relays are added by the relays module."""
    book = RoleBook()
    claim_by_name(book, tables, names)
    claim_by_dhcp(book, tables, names)
    claim_by_messages(book, tables)
    claim_by_tls(book, tables)
    claim_askers(book, tables)
    claim_both_ways(book, tables)
    claim_crl_hosts(book, tables, names)
    claim_telephony(book, tables)
    claim_proxies(book, tables)
    claim_partners(book, tables, names)
    claim_balancers(book, tables, names)
    claim_network(book, tables)
    return claim_by_topology(book, tables, names, directory) if directory else book
