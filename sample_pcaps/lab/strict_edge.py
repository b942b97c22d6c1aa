"""A partner's Access Edge played by `openssl s_server`, which sends a list of authorities in its CertificateRequest."""

import subprocess
import tempfile
from pathlib import Path

from sample_pcaps.lab.network import die_with_parent
from sample_pcaps.lab.pki import Identity


def serve_strictly(identity: Identity, authorities: bytes, port: int = 5061) -> None:
    """Accept mutual TLS for ever, from whoever shows a certificate of one of these authorities (PEM)."""
    with tempfile.TemporaryDirectory() as folder:
        own, trusted = Path(folder, "own.pem"), Path(folder, "trusted.pem")
        own.write_bytes(identity.key + identity.chain)
        trusted.write_bytes(authorities)
        command = ["openssl", "s_server", "-quiet", "-accept", str(port), "-no_tls1_3", "-cert", str(own)]
        command += ["-cert_chain", str(own), "-CAfile", str(trusted), "-Verify", "3", "-verify_return_error"]
        server = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        assert server.stdin
        assert server.stdout
        while line := server.stdout.readline():
            copied = line.split(b":")[0].lower() in (b"via", b"from", b"to", b"call-id", b"cseq")
            if line.startswith(b"SUBSCRIBE"):
                server.stdin.write(b"SIP/2.0 200 OK\r\n")
            elif copied:
                server.stdin.write(line)
            elif line == b"\r\n":
                server.stdin.write(b"Server: RTC/6.0\r\nContent-Length: 0\r\n\r\n")
                server.stdin.flush()
