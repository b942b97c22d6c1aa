"""With keys the rules see what was said inside TLS, as if it had been said in the clear."""

import shutil

import pytest
from capture_files import Connection
from cases import case, flow
from encrypted_captures import Office, plain_capture

from lynccap.analysis import analyze
from lynccap.ingest import Source
from lynccap.ingest.decryption.keys import read_keys

BODY = b"<x:GetRootCertChains/>"
ASKED = b"POST /CertProv/CertProvisioningService.svc/anon HTTP/1.1\r\nHost: fe\r\nContent-Length: %d\r\n\r\n%s"
REFUSED = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n"
    b'X-Ms-diagnostics: 28031;source="fe";reason="Internal error."\r\n\r\n'
)


@pytest.mark.tshark
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_a_rule_fires_inside_tls_at_the_frames_of_the_capture(tmp_path):
    lines = [(0, ASKED % (len(BODY), BODY)), (1, REFUSED)]
    office = Office(tmp_path / "office")
    office.talk(Connection(), lines)
    capture = Source(str(office.capture()))
    plain = Source(str(plain_capture(tmp_path, Connection(server=("10.0.0.2", 80)), lines)))

    (opened,), (clear,) = analyze([capture], keys=read_keys([office.keylog])).findings, analyze([plain]).findings

    assert opened.rule == clear.rule == "certprov-http-error"
    sealed = [number for number, frame in enumerate(office.frames, 1) if frame[54:55] == b"\x17"]
    assert opened.evidence[0].frames == tuple(sealed[:2])
    assert not analyze([capture]).findings


def test_what_was_decrypted_to_its_end_counts_as_open():
    rows = [{"flow": 0, "outcome": "decrypted"}, {"flow": 1, "outcome": "partly", "reason": "gaps"}]

    made = case([flow("10.1.0.9", "10.1.0.5", 443), flow("10.1.0.9", "10.1.0.5", 443)], decryptions=rows)

    assert made.decrypted == {0}
