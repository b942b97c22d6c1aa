"""What is known of one conversation at two capture points: the record the table of crossings is made of."""

from dataclasses import dataclass

UNKNOWN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One conversation at two points, or one that only one of them shows although both should.

    `capture_a` and `capture_b` are places of cases, flows are numbers of their cases; frames are those of the
    recordings. Numbers are UNKNOWN where nothing tells them.
    """

    capture_a: int
    flow_a: int
    """UNKNOWN where the capture lacks it."""
    capture_b: int
    flow_b: int
    basis: str
    """How it was recognised, a Basis."""
    relation: str
    """same, re-created, undecided (see Relation); absent when one of the captures lacks it."""
    confidence: str
    """certain, likely, possible"""
    nearer_client: int = UNKNOWN
    """The capture whose point is nearer to the client."""
    hops: int = UNKNOWN
    """Routers between the points, as the TTLs of the client's packets tell, else of the server's."""
    client_translated: bool = False
    """The client has another address or port at the other point."""
    server_translated: bool = False
    both: int = UNKNOWN
    """Packets that are at both points; of TCP those with payload, SYN, FIN or RST count."""
    only_a_client: int = UNKNOWN
    """Packets of the client that A shows and B lacks, where B would have shown them; UNKNOWN when it might not."""
    only_a_server: int = UNKNOWN
    only_b_client: int = UNKNOWN
    only_b_server: int = UNKNOWN
    dscp_client_a: int = UNKNOWN
    """Marking of the client's packets at A, the most frequent of those that are at both points."""
    dscp_client_b: int = UNKNOWN
    dscp_server_a: int = UNKNOWN
    dscp_server_b: int = UNKNOWN
    remarked: int = 0
    """Packets whose marking differs between the points."""
    mss_a: int = UNKNOWN
    """Largest segment that the client's SYN offers to take, at A."""
    mss_b: int = UNKNOWN
    frames_a: tuple[int, ...] = ()
    """The first packets that only A shows."""
    frames_b: tuple[int, ...] = ()
    doubt: str = ""
    """Why packets that are at one point only prove nothing; "" when they do."""
