"""Hellos of clients and servers, from SSLv2's frame to TLS 1.3."""

from dissectors.contract import Cursor, Malformed, Verdict
from dissectors.tls.extensions import (
    GROUPS,
    KEY_SHARE,
    MAX_LIST,
    POINT_FORMATS,
    PRE_SHARED_KEY,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_VERSIONS,
    TICKET,
    application_protocols,
    listed,
    numbers,
    read_extensions,
    server_name,
    supported_versions,
)
from dissectors.tls.fingerprints import ja3, ja3s, ja4
from dissectors.tls.message import TlsMessage
from dissectors.tls.numbers import VERSIONS, is_grease, version_name
from dissectors.tls.probing import probe_ssl2
from dissectors.tls.suites import suite_name

HELLO_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random that makes a server-hello a hello-retry-request (RFC 8446 4.1.3)."""


def client_hello(body: Cursor, _: int) -> TlsMessage:
    """RFC 5246 7.4.1.2, RFC 8446 4.1.2."""
    version, random = body.uint(2), body.take(32)
    session_id = body.take(body.uint(1))
    suites = numbers(body.sub(body.uint(2)), 2)
    body.take(body.uint(1))
    extensions = read_extensions(body)
    offered = supported_versions(extensions)
    highest = max((one for one in offered if one in VERSIONS), default=version)
    protocols = application_protocols(extensions)
    groups, algorithms = listed(extensions, GROUPS), listed(extensions, SIGNATURE_ALGORITHMS)
    kinds, formats = tuple(extensions)[:MAX_LIST], extensions.get(POINT_FORMATS, b"")[1:]
    return TlsMessage(
        kind="client-hello",
        version=version_name(highest),
        versions=tuple([version_name(one) for one in offered if not is_grease(one)]),
        sni=server_name(extensions),
        alpn=_text(protocols),
        suites=suites,
        groups=groups,
        signature_algorithms=algorithms,
        random=random,
        session_id=session_id,
        ticket=bool(extensions.get(TICKET)) or PRE_SHARED_KEY in extensions,
        ja3=ja3(version, suites, kinds, groups, formats),
        ja4=ja4(highest, suites, kinds, algorithms, protocols[0] if protocols else b""),
    )


def server_hello(body: Cursor, _: int) -> TlsMessage:
    """RFC 5246 7.4.1.3, RFC 8446 4.1.3."""
    version, random = body.uint(2), body.take(32)
    session_id = body.take(body.uint(1))
    suite = body.uint(2)
    body.take(1)
    extensions = read_extensions(body)
    chosen, share = extensions.get(SUPPORTED_VERSIONS, b""), extensions.get(KEY_SHARE, b"")
    return TlsMessage(
        kind="hello-retry-request" if random == HELLO_RETRY else "server-hello",
        version=version_name(int.from_bytes(chosen, "big") if len(chosen) == 2 else version),
        alpn=_text(application_protocols(extensions)),
        suites=(suite,),
        suite=suite_name(suite),
        groups=(int.from_bytes(share[:2], "big"),) if share else (),
        random=random,
        session_id=session_id,
        ticket=PRE_SHARED_KEY in extensions,
        ja3=ja3s(version, suite, tuple(extensions)[:MAX_LIST]),
    )


def ssl2_hello(cursor: Cursor) -> TlsMessage:
    """A client-hello in the frame of SSLv2 (RFC 5246 E.2). Raises Truncated and Malformed."""
    start = cursor.position
    if probe_ssl2(cursor.peek(11)) == Verdict.REJECT:
        raise Malformed(f"no TLS record at offset {start}")
    body = cursor.sub(cursor.uint(2) & 0x7FFF)
    body.take(1)
    version, suites, session, _ = (body.uint(2) for _ in range(4))
    return TlsMessage(
        kind="client-hello",
        version=version_name(version),
        suites=numbers(body.sub(suites), 3),
        session_id=body.take(session),
    )


def _text(protocols: tuple[bytes, ...]) -> str | None:
    return ",".join([one.decode("ascii", "backslashreplace") for one in protocols]) or None
