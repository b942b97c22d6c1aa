"""The search for the host that records is bounded."""

import struct

from capture_files import START, SYN, ethernet, ipv4, packed, pcap, read, tcp_body

from lynccap.ingest.soundness import offload


def unsealed(source: str, port: int) -> bytes:
    """A SYN as its stack hands it to a card that computes checksums (RFC 9293 3.1)."""
    body = tcp_body(port, 443, 7, 0, SYN)
    total = sum(struct.unpack(">4H", packed(source) + packed("10.0.0.2"))) + 6 + len(body)
    total = (total & 0xFFFF) + (total >> 16)
    return ethernet(ipv4(source, "10.0.0.2", 6, body[:16] + struct.pack(">H", total) + body[18:], id=port))


def test_hosts_beyond_the_limit_are_not_looked_at(tmp_path, monkeypatch):
    frames = [unsealed(f"10.0.0.{host}", 50_000 + number) for number in range(4) for host in (7, 8, 9)]
    data = pcap([(START + place * 2_000_000, frame) for place, frame in enumerate(frames)])
    assert read(data, tmp_path).captures.at[0, "unsealed_hosts"] == ("10.0.0.7", "10.0.0.8", "10.0.0.9")
    monkeypatch.setattr(offload, "MAX_HOSTS", 2)
    assert read(data, tmp_path).captures.at[0, "unsealed_hosts"] == ("10.0.0.7", "10.0.0.8")
