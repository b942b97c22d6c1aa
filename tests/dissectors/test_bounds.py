"""Time and memory of every reader grow with its input, whatever the bytes repeat."""

import gzip
from collections.abc import Callable, Iterable
from functools import partial
from time import process_time

import pytest
from http_exchanges import request, response
from protocol_examples import EXAMPLES, EXAMPLES_ON_LINKS, cdp, client_hello, extension, handshake, lldp, record

from dissectors import DISSECTORS, RIDERS, SIP_RIDERS
from dissectors.cdp import CDP
from dissectors.contract import AnomalyKind, Dissector, dissect
from dissectors.elements import MAX_PATH, read_elements
from dissectors.http import HTTP
from dissectors.lldp import LLDP
from dissectors.sip import SIP, SipMessage, read_media_debug, read_sdp
from dissectors.sip.compression import HISTORY, MAX_RATIO
from dissectors.sip.provisioning import read_provisioning
from dissectors.tls import TLS
from dissectors.tls.extensions import MAX_LIST

SIZE = 60_000  # of an input: the longest head and the longest datagram
SECONDS = 0.6  # of the processor for it: the slowest takes 0.3 s, many messages of 15 bytes; a square takes longer
ON_LINKS: tuple[Dissector, ...] = (LLDP, CDP)
UNITS = (
    *(b'"', b'"\\', b'\\"', b'a="', b'a=\\"', b"a=", b"<", b"<>", b";", b",", b", ", b" ", b"\t", b"a b ", b"=", b":"),
    *(b"a", b"1", b"\0", b"\xff", b"\r\n", b"\n", b"\r\n ", b";epid=", b"sip:?", b"sip:a", b"SIP / 2.0 / ", b"://"),
    *(b"multipart/byteranges;", b"boundary=", b"Negotiate TlRM", b'gssapi-data="TlRM', b"%41", b"&#65;"),
)
"""What is repeated where text stands."""
TEXT_HEADERS = (
    *("From", "Via", "Contact", "Record-Route", "ms-diagnostics", "WWW-Authenticate", "Authorization", "CSeq", "Date"),
    *(
        "Event",
        "presence-state",
        "Content-Type",
        "Content-Length",
        "Location",
        "X-Ms-diagnostics",
        "SOAPAction",
        "Host",
    ),
    *("Transfer-Encoding", "Content-Encoding", "X-MS-Server-Fqdn"),
)
LONGEST_VALUE = 4096  # of a header is read: more of them cost more than a longer one
BODIES = (
    *(b"a=candidate:x 1 ", b"a=candidate:", b"a=candidate:1 1 UDP 1 1 1 typ host\n", b"m=audio 1 RTP/AVP 1\n"),
    *(
        b"m=audio 1 RTP/AVP 1\na=rtpmap:1 a\n",
        b"a=crypto:1 A\n",
        b"a=remote-candidates:1 a 1\n",
        b"inline:",
        b"--x\r\n",
    ),
    *(b"<username>", b"<username ", b"<password", b"<key>sAuthId</key>", b"<key>", b"<a>", b'<a b="c"/>', b"&#65;"),
    *(b"o=- 0 0 IN IP4 1\n", b"v=0\n", b"a:b=c;", b'{"a":', b"[", b'{"href":"a"},', b"-----BEGIN A-----", b"MI"),
    *(b"<Ms-Diagnostics-Fault>", b"<Reason>", b"<a:Envelope><a:Fault><ErrorId>1</ErrorId>", b"<Text>", b">MIAA&#13;"),
)


def repeated(unit: bytes, size: int = SIZE) -> bytes:
    return (unit * (size // len(unit) + 1))[:size]


def spent(read: Callable[[], object]) -> float:
    """Seconds of the processor, the best of three."""
    return min(_once(read) for _ in range(3))


def _once(read: Callable[[], object]) -> float:
    begun = process_time()
    read()
    return process_time() - begun


def slow(inputs: Iterable[tuple[str, Callable[[], object]]]) -> list[tuple[str, float]]:
    return [(name, taken) for name, read in inputs if _once(read) > SECONDS and (taken := spent(read)) > SECONDS]


def head(first: bytes, value: bytes, name: bytes) -> bytes:
    lines = (value[at : at + LONGEST_VALUE] for at in range(0, len(value), LONGEST_VALUE))
    return first + b"".join(name + b": " + one + b"\r\n" for one in lines) + b"l: 0\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("dissector", [*DISSECTORS, *ON_LINKS], ids=lambda one: one.name)
def test_repeated_examples_take_no_longer_than_their_bytes_do(dissector: Dissector):
    examples = {**EXAMPLES, **EXAMPLES_ON_LINKS}[dissector.name]
    units = [one[-size:] for one in examples for size in (0, 1, 2, 4, 8)]
    assert slow((f"{one!r}", partial(dissect, dissector, repeated(one))) for one in units) == []


@pytest.mark.parametrize("dissector", [*DISSECTORS, *ON_LINKS], ids=lambda one: one.name)
def test_repeated_bytes_behind_an_example_take_no_longer_than_their_bytes_do(dissector: Dissector):
    examples = {**EXAMPLES, **EXAMPLES_ON_LINKS}[dissector.name]
    ends = (b"\0", b"\0\0\0\1", b"\1\1", b"\x40\0\0\0", b"\3\0\0\0", b"\xff", b"\x35\1\5", lldp(5, b"a"), cdp(1, b"a"))
    datas = [one + repeated(end) for one in examples for end in ends]
    assert slow((f"{one[:400]!r}", partial(dissect, dissector, one)) for one in datas) == []
    assert slow((f"{one[:400]!r}", partial(dissector.probe, one)) for one in datas) == []


@pytest.mark.parametrize(
    "first", [b"SIP/2.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\n", b"INVITE sip:a SIP/2.0\r\n", b"GET / HTTP/1.1\r\n"]
)
@pytest.mark.parametrize("name", TEXT_HEADERS)
def test_headers_take_no_longer_than_their_bytes_do(first: bytes, name: str):
    dissector = SIP if b"SIP" in first else HTTP
    heads = ((unit, head(first, repeated(unit, SIZE - 3000), name.encode())) for unit in UNITS)
    assert slow((f"{unit!r}", partial(dissect, dissector, data)) for unit, data in heads) == []


@pytest.mark.parametrize("unit", UNITS)
def test_lines_take_no_longer_than_their_bytes_do(unit: bytes):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    firsts = (b"GET ", b"INVITE ", b"HTTP/1.1 200 ", b"SIP/2.0 200 ", b"", chunked)
    lines = [first + repeated(unit) + b"\r\n\r\n" for first in firsts]
    inputs = ((f"{one.name} {data[:60]!r}", partial(dissect, one, data)) for one in (SIP, HTTP) for data in lines)
    assert slow(inputs) == []


@pytest.mark.parametrize("unit", [*UNITS, *BODIES])
def test_bodies_take_no_longer_than_their_bytes_do(unit: bytes):
    begins = (b"", b"v=0\nm=audio 1 RTP/AVP 0\n", b"<a>", b"<a:Envelope><a:Fault><ErrorId>1</ErrorId>")
    bodies = [begin + repeated(unit) for begin in begins]
    readers: dict[str, Callable[[bytes], object]] = {
        "sdp": read_sdp,
        "provisioning": read_provisioning,
        "media debug": lambda body: read_media_debug(f'CallerMediaDebug="{body.decode("latin-1")}'),
        **{one.__name__: partial(_on_http, one) for one in RIDERS},
        **{one.__name__: partial(_on_sip, one) for one in SIP_RIDERS},
        "sip": lambda body: dissect(SIP, b"SIP/2.0 200 OK\r\nc: multipart/mixed;boundary=x\r\n\r\n" + body),
    }
    assert slow((name, partial(read, body)) for name, read in readers.items() for body in bodies) == []


def _on_http(rider, body: bytes) -> object:
    asked = request("/ucwa" + body.decode("latin-1"), body=body)
    return rider.claims(asked), rider.read(asked, response(200, body))


def _on_sip(rider, body: bytes) -> object:
    asked = SipMessage(kind="request", method="SERVICE", content_type=rider.MEDIA_TYPE, body=body)
    return rider.claims(asked), rider.read(asked, asked)


def test_an_identifier_of_absurd_length_is_no_name():
    def der(tag: int, content: bytes) -> bytes:
        return bytes((tag, 0x83)) + len(content).to_bytes(3, "big") + content

    name = der(0x30, der(0x31, der(0x30, der(6, b"\x81" * 4000 + b"\1") + der(12, b"x"))))
    listed = len(name).to_bytes(2, "big") + name
    asked = record(22, handshake(13, b"\1\1\0\0" + len(listed).to_bytes(2, "big") + listed))
    (placed,) = dissect(TLS, asked).messages
    assert placed.message.authority_names == (f"#{name[:32].hex()}",)


def test_of_very_many_extensions_the_first_ones_name_the_program():
    def named(count: int) -> tuple[str, str]:
        hello = client_hello(b"".join(extension(kind + 100, b"") for kind in range(count)))
        (placed,) = dissect(TLS, record(22, hello)).messages
        return placed.message.ja3, placed.message.ja4

    assert named(MAX_LIST + 1) == named(MAX_LIST + 500) != named(MAX_LIST - 1)


def test_compressed_sip_that_says_a_thousand_times_its_bytes_is_refused():
    negotiate = b"NEGOTIATE sip:a SIP/2.0\r\nCompression: LZ77-8K\r\nContent-Length: 0\r\n\r\n"
    bits = "01000001" + "1111000001" + "1" * 11 + "0" + "1" * 12 + "0" * 6  # A, then 8191 times what is one byte back
    packet = b"\x60\0\0\0\x20\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    text = b"SIP/2.0 200 OK\r\nContent-Length: 999999999\r\n\r\n"
    read = dissect(SIP, negotiate + bytes(4) + len(text).to_bytes(2, "big") + text + repeated(packet))
    assert [placed.message.method for placed in read.messages] == ["NEGOTIATE"]
    assert read.anomaly is not None
    assert read.anomaly.kind is AnomalyKind.MALFORMED
    assert "no text shrinks that far" in read.anomaly.says
    assert read.anomaly.offset < len(negotiate) + len(text) + 3 * HISTORY // MAX_RATIO


def test_packed_bodies_do_not_grow_out_of_proportion():
    packed = gzip.compress(bytes(128 << 10), mtime=0)
    one = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed)
    read = dissect(HTTP, one * 100)
    assert len(read.messages) == 100
    assert sum(len(placed.message.body) for placed in read.messages) < 64 * len(one) * 100


def test_paths_of_elements_do_not_grow_out_of_proportion():
    deep = "".join(f"<{chr(0x430) * 64}>" for _ in range(62)).encode() + b"<b/>" * 20_000
    assert all(len(one.path) <= MAX_PATH for one in read_elements(deep))
    usual = b"<a>" * 40 + b"<b>text</b>"
    assert read_elements(usual)[-1].text == "text"
