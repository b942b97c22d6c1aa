"""One dataclass a table: its fields are the columns of the table's CSV file, in order.

Lists are tuples; `None` is an empty cell. `source` names rows of the table of sources. Where a table has
`verified`, false marks a fact nobody found in a page: it may classify, it never grounds a finding alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PortRow:
    """One path of a deployment: who opens it, who listens, what for."""

    id: str
    ports: str
    """As people write it: "5061", "50000-59999"."""
    port_min: int
    port_max: int
    transport: str
    """tcp or udp"""
    protocol: str
    service: str
    from_role: str
    """The side that opens the connection."""
    to_role: str
    """The side that listens."""
    purpose: str
    workloads: tuple[str, ...]
    required: str
    """required, conditional or optional"""
    when: str
    versions: tuple[str, ...]
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A part a machine plays in a deployment."""

    role: str
    description: str
    kind: str
    """client, server, network or other"""
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NameRow:
    """What a DNS name says about the host behind it.

    A pattern ends in `.*` (any domain), is a whole name, or is a placeholder such as `<pool>`: a name every
    deployment chooses for itself, which no lookup can match.
    """

    pattern: str
    record_type: tuple[str, ...]
    zone: str
    """internal, external or both"""
    role: tuple[str, ...]
    """Of the target."""
    service: str
    port: int | None
    purpose: str
    missing_means: str
    decisive: bool
    """The name alone says the role."""
    verified: bool
    source: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """Where a fact comes from."""

    key: str
    kind: str
    reference: str
