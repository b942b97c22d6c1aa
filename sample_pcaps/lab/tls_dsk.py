"""TLS-DSK: the TLS 1.0 handshake a client and its registrar carry inside SIP ([MS-SIPAE] 3.1 to 3.3)."""

import base64
import contextlib
import re
import ssl

from sample_pcaps.lab.pki import Identity, client_context

GSSAPI_DATA = re.compile(r'gssapi-data="([^"]+)"')


class Handshake:
    """One side of it: bytes of the peer in, own bytes out, both as base64 text."""

    def __init__(self, context: ssl.SSLContext, *, server: bool) -> None:
        """Send nothing yet."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server)

    def step(self, header: str = "") -> str:
        """Take the peer's header, if there is one, and return the own flight."""
        if found := GSSAPI_DATA.search(header):
            self._incoming.write(base64.b64decode(found[1]))
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return base64.b64encode(self._outgoing.read()).decode()


def client_side(identity: Identity, root: bytes) -> Handshake:
    """The user proves herself by the certificate she was given."""
    context = client_context([root], newest=ssl.TLSVersion.TLSv1, names_checked=False)
    context.set_ciphers("AES128-SHA:AES256-SHA:@SECLEVEL=0")
    identity.load_into(context)
    return Handshake(context, server=False)


def server_side(identity: Identity, root: bytes) -> Handshake:
    """The registrar asks for the user's certificate."""
    context = identity.server_context(newest=ssl.TLSVersion.TLSv1)
    context.load_verify_locations(cadata=root.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    return Handshake(context, server=True)
