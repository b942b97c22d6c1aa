"""Public captures of what resembles STUN: whole conversations of it are not called STUN."""

import pytest
from tshark_fields import CAPTURES

from lynccap.ingest import Source, read_tables

NAMES = (
    "*BitTorrent*", "nDPI-steam*", "*quic*", "*ThreadCommissioning*", "*dtls12*", "nDPI-dtls*", "nfstream-dtls*",
    "*modbus*", "*wireguard*", "*radius*", "*snmp*", "*sctp*", "*gtp*", "*vxlan*", "*teredo*", "*game*", "*dns*",
)  # fmt: skip
FOUND = sorted(
    {path for name in NAMES for path in CAPTURES.rglob(name) if path.is_file() and "damaged" not in path.parts}
)


@pytest.mark.skipif(not FOUND, reason="the public captures are not present")
def test_the_captures_are_enough():
    assert len(FOUND) > 10


@pytest.mark.parametrize("path", FOUND, ids=[path.name for path in FOUND])
def test_no_flow_is_stun(path):
    flows = read_tables([Source(str(path))]).flows

    assert [stack for stack in flows["stack"] if "stun" in stack] == []
