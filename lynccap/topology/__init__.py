"""What customers export of their deployment, in one model, and the questions it answers.

`read_files` reads exports of any known kind, `Directory` answers who has which role, address, name and port, `traps`
tells what the topology cannot say or is often misread, `to_toml` writes the project's own form.
"""

from lynccap.topology.directory import Directory, Listener, Place, with_addresses
from lynccap.topology.errors import UnreadableTopology
from lynccap.topology.files import read_bytes, read_files
from lynccap.topology.model import Topology
from lynccap.topology.toml_form import to_toml
from lynccap.topology.traps import traps

__all__ = [
    "Directory",
    "Listener",
    "Place",
    "Topology",
    "UnreadableTopology",
    "read_bytes",
    "read_files",
    "to_toml",
    "traps",
    "with_addresses",
]
