"""From frames to packets: link, network and transport headers, tunnels and fragments, by masks and gathers.

Every read is masked by the captured length.
"""

from lynccap.ingest.decoding.arp import MAX_RESOLUTIONS
from lynccap.ingest.decoding.cursor import CDP_TYPE, IPV4_TYPE, IPV6_TYPE, LLDP_TYPE, REASONS, bare
from lynccap.ingest.decoding.decoder import Decoder
from lynccap.ingest.decoding.neighbours import MAX_ANNOUNCEMENTS, Announcement
from lynccap.ingest.decoding.network import ICMP, ICMP6, OFFSET, TCP, UDP, Network, network_layer
from lynccap.ingest.decoding.transport import Packets

__all__ = [
    "CDP_TYPE",
    "ICMP",
    "ICMP6",
    "IPV4_TYPE",
    "IPV6_TYPE",
    "LLDP_TYPE",
    "MAX_ANNOUNCEMENTS",
    "MAX_RESOLUTIONS",
    "OFFSET",
    "REASONS",
    "TCP",
    "UDP",
    "Announcement",
    "Decoder",
    "Network",
    "Packets",
    "bare",
    "network_layer",
]
