"""What reads bytes or text that a capture brought, each by itself: none raises, and what they read can be written.

A reader takes bytes and returns what it read of them. `SEEDS_OF_READERS` are valid inputs of each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from known_examples import DATAGRAMS, STREAMS
from protocol_examples import CERTIFICATE_REQUEST, EXAMPLES, EXAMPLES_ON_LINKS, MRAS_DOCUMENT, SIP_OFFER

from dissectors import DISSECTORS, RIDERS, SIP_RIDERS
from dissectors.bundles import certificates_of
from dissectors.cdp import CDP
from dissectors.contract import AnomalyKind, Dissector, Malformed, Message, Verdict, dissect
from dissectors.dns import plain_answers
from dissectors.elements import read_elements
from dissectors.http import HttpMessage
from dissectors.known import recognise
from dissectors.lldp import LLDP
from dissectors.sip import SipMessage, read_candidate, read_media_debug, read_remote_candidates, read_sdp
from dissectors.sip.provisioning import GROUP, read_provisioning
from dissectors.tls.names import distinguished_name
from fuzz.tape import Tape, number, piece
from lynccap.ingest.decryption.keylog import read_keylog
from lynccap.ingest.decryption.keys import UnusableKey, read_keys
from lynccap.ingest.schemas import MESSAGES, Rows
from lynccap.ingest.streams.dns_answers import read_answers
from lynccap.ingest.streams.x509.chains import Chains
from lynccap.ingest.streams.x509.revocations import read_revocations

Reader = Callable[[bytes], object]
EVERY: tuple[Dissector, ...] = (*DISSECTORS, LLDP, CDP)
NEGOTIATE = b"NEGOTIATE sip:a SIP/2.0\r\nCompression: LZ77-8K\r\nContent-Length: 0\r\n\r\n"
DAY = datetime(2020, 1, 1, tzinfo=UTC)


def keep_writable(value: object) -> None:
    """Holds what was read against the promise that it can be written: text that has an encoding."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, Mapping):
        keep_writable(tuple(value.items()))
    elif isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        for one in value:
            keep_writable(one)
    elif is_dataclass(value):
        keep_writable([getattr(value, one.name) for one in fields(value)])


def _dissected(dissector: Dissector, data: bytes) -> tuple[Message, ...]:
    """The messages, which fit into their columns; a stream's are also read as one datagram is."""
    read = dissect(dissector, data)
    assert dissector.probe(data) in Verdict
    assert read.consumed <= len(data)
    assert read.anomaly is None or read.anomaly.kind is not AnomalyKind.NO_PROGRESS
    assert all(placed.start < placed.end <= len(data) for placed in read.messages)
    messages = tuple(placed.message for placed in read.messages)
    _keep_columns(messages)
    return messages


def _keep_columns(messages: Iterable[Message]) -> None:
    rows = Rows()
    for message in messages:
        if message.protocol in MESSAGES:
            rows.add_message(message, 0, 1, 1, 0)
    for name in {one.protocol for one in messages} & MESSAGES.keys():
        rows.take(name)


def _on_http(rider: Any, data: bytes) -> Message:
    """What rides on HTTP: the target, the body asked with, then the answer."""
    target, _, rest = data.partition(b"\n")
    asked, _, body = rest.partition(b"\n")
    request = HttpMessage(kind="request", version="1.1", method="GET", target=target.decode("latin-1"), body=asked)
    response = HttpMessage(kind="response", version="1.1", status=200, body=body)
    rider.claims(request)
    read = rider.read(request, response)
    _keep_columns([read])
    return read


def _on_sip(rider: Any, data: bytes) -> Message:
    kind = rider.MEDIA_TYPE
    asked, _, body = data.partition(b"\n")
    request = SipMessage(kind="request", method="SERVICE", content_type=kind, body=asked)
    read = rider.read(request, SipMessage(kind="response", status=200, content_type=kind, body=body))
    _keep_columns([read])
    return read


def _sdp(data: bytes) -> object:
    read = read_sdp(data)
    return read and (read, [(one.held, one.ice) for one in read.media])


def _lines(data: bytes) -> Iterator[object]:
    for line in data.decode("utf-8", "replace").splitlines():
        for read in (read_candidate, read_remote_candidates):
            try:
                yield read(line)
            except Malformed:
                continue


def _names_of_dns(data: bytes) -> object:
    """The plain reading of answers and the library's say the same."""
    plain, whole = plain_answers(data), read_answers(data)
    if plain is not None:
        question, answers = plain
        identifier = int.from_bytes(data[:2], "big")
        assert [(identifier, question, *one) for one in answers] == whole
    return whole


def _chain(data: bytes) -> object:
    tape, chain = Tape(data), []
    while tape.more and len(chain) < 8:
        chain.append(tape.take(tape.number()))
    return Chains().read(tuple(chain))


def _recognised(data: bytes) -> str | None:
    tape = Tape(data)
    on_tcp, first = bool(tape.number(2)), tape.take(tape.number())
    heads = [one for one in (first, tape.take(len(data))) if one]
    found, _ = recognise(heads, on_tcp)
    return found and found.name


def _rsa_key(data: bytes) -> object:
    with NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            return read_keys(rsa_keys=[Path(file.name)]).rsa
        except UnusableKey as refused:
            return str(refused)


READERS: dict[str, Reader] = {
    **{one.name: partial(_dissected, one) for one in EVERY},
    "sip-compressed": lambda data: _dissected(DISSECTORS[0], NEGOTIATE + data),
    **{one.__name__: partial(_on_http, one) for one in RIDERS},
    **{one.__name__: partial(_on_sip, one) for one in SIP_RIDERS},
    "sdp": _sdp,
    "candidates": lambda data: list(_lines(data)),
    "media-debug": lambda data: read_media_debug(data.decode("utf-8", "replace")),
    "provisioning": read_provisioning,
    "elements": read_elements,
    "distinguished-name": distinguished_name,
    "recognised": _recognised,
    "bundle": certificates_of,
    "dns-answers": _names_of_dns,
    "certificates": _chain,
    "revocation-list": lambda data: read_revocations("crl", data, 0, 0),
    "ocsp": lambda data: read_revocations("ocsp", data, 0, 0),
    "rsa-key": _rsa_key,
    "keylog": lambda data: read_keylog([data]).text(),
}
NAMES = tuple(READERS)


def reader(data: bytes) -> None:
    """Any bytes to any reader."""
    name = NAMES[Tape(data).number(len(NAMES))]
    keep_writable(READERS[name](data[2:]))


@cache
def _minted() -> tuple[bytes, bytes, bytes, bytes]:
    """A certificate and one it issued, a revocation list and an OCSP response of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    root, name = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in ("Root", "sip.contoso.com"))
    builder = (
        x509.CertificateBuilder()
        .issuer_name(root)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(DAY)
        .not_valid_after(DAY.replace(year=2040))
    )
    places = x509.AccessDescription(
        x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://a/b")
    )
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://a/c.crl")], None, None, None)
    own = builder.subject_name(root).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    leaf = (
        builder.subject_name(name)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a"), x509.UniformResourceIdentifier("sip:b")]), False)
        .add_extension(x509.AuthorityInformationAccess([places]), False)
        .add_extension(x509.CRLDistributionPoints([point]), False)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    gone = x509.RevokedCertificateBuilder().serial_number(9).revocation_date(DAY).build()
    revoked = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root)
        .last_update(DAY)
        .next_update(DAY)
        .add_extension(x509.CRLNumber(5), False)
        .add_revoked_certificate(gone)
        .sign(key, hashes.SHA256())
    )
    said = (
        ocsp.OCSPResponseBuilder()
        .add_response(leaf, own, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD, DAY, DAY, None, None)
        .responder_id(ocsp.OCSPResponderEncoding.NAME, own)
        .sign(key, hashes.SHA256())
    )
    return tuple(one.public_bytes(serialization.Encoding.DER) for one in (own, leaf, revoked, said))


def _inputs() -> Iterator[tuple[str, bytes]]:
    """Valid inputs by reader."""
    own, leaf, revoked, said = _minted()
    for name, examples in {**EXAMPLES, **EXAMPLES_ON_LINKS}.items():
        yield from ((name, one) for one in examples)
    yield "sip-compressed", b"\0\0\0\0\0\x2cSIP/2.0 200 OK\r\nCSeq: 1 A\r\nContent-Length: 0\r\n\r\n"
    yield "sip-compressed", b"\x20\0\0\0\0\x0aSIP/2.0"
    targets = (
        "/CertProv/CertProvisioningService.svc/mex",
        "/WebTicket/WebTicketService.svc/Auth",
        "/ucwa/v1/a",
        "/a.crl",
    )
    answers = (
        b'{"_links":{"a":{"href":"b"}},"SipClientExternalAccess":{"fqdn":"a","port":"5061"}}',
        own,
        revoked,
        said,
        b"<a:Envelope><s:Fault><Ms-Diagnostics-Fault><ErrorId>28020</ErrorId><Reason>x</Reason></Ms-Diagnostics-Fault>",
        b'<AutodiscoverResponse AccessLocation="External"><Link token="User" href="https://a/b"/></AutodiscoverResponse>',
    )
    for rider in RIDERS:
        yield from ((rider.__name__, f"{target}\n\n".encode() + one) for target in targets for one in answers)
    for rider in SIP_RIDERS:
        yield rider.__name__, MRAS_DOCUMENT + b"\n" + MRAS_DOCUMENT.replace(b"request", b"response")
        yield (
            rider.__name__,
            (
                b'<request requestId="1" from="sip:a"><addUser><conferenceKeys confEntity="sip:b"/></addUser></request>'
                b'\n<response requestId="1" code="failure"><addUser reason="x"><connection-info><entry>'
                b"<key>mcu-server-uri</key><value>https://a</value></entry></connection-info></addUser></response>"
            ),
        )
    yield "sdp", SIP_OFFER
    yield "sdp", b"--a\r\nms-proxy-2007fallback\r\n\r\nv=0\r\nm=a 1 b\r\n--a\r\n\r\n" + SIP_OFFER + b"--a--"
    yield (
        "candidates",
        (
            b"candidate:1 1 UDP 2130706431 10.0.0.5 50020 typ srflx raddr 10.0.0.5 rport 50020\n"
            b"candidate:abc 1 def UDP 0.830 10.0.0.5 50020\nremote-candidates:1 10.0.0.5 50020 2 10.0.0.5 50021\n"
        ),
    )
    yield "media-debug", b'52063; CallerMediaDebug="audio:ICEWarn=0x4000320,LocalSite=10.0.0.5:50020,PortRange=1:65535"'
    yield "provisioning", f'<a><provisionGroup name="{GROUP}"><poolUri>b</poolUri></provisionGroup></a>'.encode()
    yield "elements", MRAS_DOCUMENT
    yield "distinguished-name", CERTIFICATE_REQUEST[16:]
    for on_tcp, examples in enumerate((DATAGRAMS, STREAMS)):
        yield from (("recognised", number(on_tcp) + piece(one)) for heads in examples.values() for one in heads)
    yield "bundle", own
    yield from (("dns-answers", one) for one in EXAMPLES["dns"])
    yield "certificates", piece(leaf) + piece(own)
    yield "revocation-list", revoked
    yield "ocsp", said
    private = rsa.generate_private_key(65537, 1024)
    kinds = (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL)
    for kind in kinds:
        yield "rsa-key", private.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())
    yield "keylog", b"CLIENT_RANDOM " + b"0" * 64 + b" " + b"1" * 96 + b"\nRSA Session-ID:00 Master-Key:" + b"2" * 96


def seeds() -> Iterator[bytes]:
    """The valid inputs, as the target takes them."""
    return (number(NAMES.index(name)) + data for name, data in _inputs())
