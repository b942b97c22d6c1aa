"""STUN of the public captures: types, ids, addresses, errors and attributes are those tshark reads."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from tshark_fields import capture, fields

from dissectors.contract import Verdict, dissect
from dissectors.stun import STUN, StunMessage
from lynccap.ingest import Source, read_tables

pytestmark = pytest.mark.tshark

CAPTURES = [
    "damaged/zeek-spicy-stun-stun-malformed-error.pcap",
    "formats/nDPI-stun.pcap",
    "protocols/arkime-arkime_synthetic.pcap",
    "protocols/arkime-stun-ice-testcall.pcap",
    "protocols/nDPI-adult_content.pcap",
    "protocols/nDPI-geforcenow.pcapng",
    "protocols/nDPI-lru_ipv6_caches.pcapng",
    "protocols/nDPI-stun_dtls_rtp_unidir.pcapng",
    "protocols/nDPI-stun_google_meet.pcapng",
    "protocols/nDPI-stun_signal.pcapng",
    "protocols/nfstream-hangout.pcap",
    "protocols/nfstream-stun_facebook.pcapng",
    "protocols/nfstream-whatsapp_voice_and_message.pcap",
    "real/02-teams.pcap",
    "real/03-teams.pcap",
    "real/04-stun_msteams_unidir.pcapng",
    "real/08-stun.pcap",
    "real/38-stun-ice-testcall.pcap",
    "real/39-stun_google_meet.pcapng",
    "real/42-stun_zoom.pcapng",
]
COLUMNS = (
    *("frame.number", "udp.payload", "stun.type", "stun.id", "stun.att.type", "stun.att.ipv4", "stun.att.ipv6"),
    *("stun.att.port", "stun.att.error.class", "stun.att.error", "stun.att.lifetime", "stun.att.priority"),
    *("stun.att.tie-breaker", "stun.att.username", "stun.att.software", "stun.att.realm", "stun.att.crc32.status"),
    *("stun.att.ms.version", "stun.att.ms.version.ice", "stun.att.ms.connection_id", "stun.att.ms.sequence_number"),
    *("stun.att.ms.stream_type", "stun.att.ms.service_quality", "stun.att.ms.foundation", "stun.port.bandwidth"),
)
ADDRESSES = {
    0x0001: "mapped_address",
    0x000E: "alternate_server",
    0x0011: "destination",
    0x0012: "remote",
    0x0016: "relayed_address",
    0x0020: "xor_mapped_address",
    0x8020: "xor_mapped_address",
    0x8023: "alternate_server",
    0x802B: "response_origin",
}
MALFORMED = {"damaged/zeek-spicy-stun-stun-malformed-error.pcap": ["2"]}
"""Frames in which no walk over the attributes ends with the message."""


class Seen(NamedTuple):
    """What tshark shows of one message, every field with all its values."""

    data: bytes
    values: dict[str, list[str]]

    def one(self, name: str) -> str | None:
        """The first value, None without."""
        return next(iter(self.values[name]), None)

    def number(self, name: str) -> int | None:
        """The same as a number."""
        text = self.one(name)
        return None if text is None else int(text, 16 if text.startswith("0x") else 10)

    def endpoints(self) -> set[str]:
        """Every address of it with every port of it: tshark lists them apart."""
        hosts = [*self.values["stun.att.ipv4"], *(f"[{one}]" for one in self.values["stun.att.ipv6"])]
        return {f"{host}:{port}" for host in hosts for port in self.values["stun.att.port"]}


def seen(name: str) -> Iterator[Seen]:
    """The STUN messages that fill a datagram of a capture; ChannelData and ICMP's quotations are left out."""
    rows = fields(
        capture(name),
        "udp and stun.type and !stun.channel and !icmp and !icmpv6",
        *COLUMNS,
        options=("-o", "stun.stunversion:Auto", "-E", "aggregator=|"),
        occurrence="a",
    )
    for row in rows:
        # several datagrams may be in one frame behind a tunnel; only the innermost is the message
        values = {column: [one for one in text.split("|") if one] for column, text in zip(COLUMNS, row, strict=True)}
        if len(values["udp.payload"]) == 1 and len(values["stun.type"]) == 1:
            yield Seen(bytes.fromhex(values["udp.payload"][0].replace(":", "")), values)


def _has_short_sequence(_: StunMessage, shown: Seen) -> bool:
    return b"\x80\x50\0\4" in shown.data


FAULTS: dict[str, tuple[Callable[[StunMessage, Seen], bool], str]] = {
    "remote": (
        lambda message, _: message.dialect == "ms-turn",
        "un-XORs REMOTE-ADDRESS, which [MS-TURN] 2.2.2 writes plain: its number is that of RFC 5766's peer address",
    ),
    "sequence": (_has_short_sequence, "reads 24 bytes of an MS-SEQUENCE-NUMBER that has 4: those of what follows"),
    "connection": (_has_short_sequence, "the same"),
    "error class": (
        lambda message, _: (message.kind, message.method) == ("indication", "data"),
        "takes 0x0115, MS-TURN's Data Indication, for an error of method 5",
    ),
}
"""By what differs: when tshark 4.0.17 is wrong, and what it does."""


def read(data: bytes) -> StunMessage | None:
    found = dissect(STUN, data).messages
    message = found[0].message if found else None
    return message if isinstance(message, StunMessage) else None


def differences(message: StunMessage, shown: Seen) -> Iterator[tuple[str, Any, Any]]:
    """Everything in which the two disagree: what, ours, tshark's."""
    kind = shown.number("stun.type") or 0
    error, code = shown.number("stun.att.error.class"), shown.number("stun.att.error")
    tie, fingerprint = shown.one("stun.att.tie-breaker"), shown.one("stun.att.crc32.status")
    pairs: list[tuple[str, Any, Any]] = [
        ("error", message.error_code, None if error is None or code is None else error * 100 + code),
        ("lifetime", message.lifetime, shown.number("stun.att.lifetime")),
        ("priority", message.priority, shown.number("stun.att.priority")),
        ("tie-breaker", message.tie_breaker, None if tie is None else int(tie.replace(":", ""), 16)),
        ("software", message.software, shown.one("stun.att.software")),
        ("realm", message.realm or None, shown.one("stun.att.realm")),
        ("foundation", message.foundation, shown.one("stun.att.ms.foundation")),
        ("ms version", message.ms_version, shown.number("stun.att.ms.version")),
        ("implementation", message.implementation, shown.number("stun.att.ms.version.ice")),
        ("stream", message.stream_type, shown.number("stun.att.ms.stream_type")),
        ("quality", message.service_quality, shown.number("stun.att.ms.service_quality")),
        ("bandwidth", message.bandwidth, shown.number("stun.port.bandwidth")),
        ("sequence", message.sequence, shown.number("stun.att.ms.sequence_number")),
        ("connection", message.connection_id.hex() or None, shown.one("stun.att.ms.connection_id")),
        ("error class", message.kind == "error", kind & 0x0110 == 0x0110),
        ("fingerprint", message.fingerprint, None if fingerprint is None else ("wrong", "normal")[int(fingerprint)]),
    ]
    for what, ours, theirs in pairs:
        if ours != theirs:
            yield what, ours, theirs
    yield from _address_differences(message, shown)
    identity = shown.one("stun.id")
    if identity and not message.transaction_id.hex().endswith(identity.replace(":", "")):
        yield "id", message.transaction_id.hex(), identity
    if message.username is not None and message.username != (shown.one("stun.att.username") or "").rstrip("\0"):
        yield "username", message.username, shown.one("stun.att.username")


def _address_differences(message: StunMessage, shown: Seen) -> Iterator[tuple[str, Any, Any]]:
    theirs = shown.endpoints()
    numbers = [int(one, 16) for one in shown.values["stun.att.type"]]
    for number in numbers:
        name = ADDRESSES.get(number)
        if name is None:
            continue
        ours = getattr(message, name)
        if ours not in theirs and (ours or theirs):
            yield name, ours, theirs


@pytest.mark.parametrize("name", CAPTURES)
def test_messages_are_read_as_tshark_reads_them(name: str) -> None:
    messages = list(seen(name))
    assert messages
    for shown in messages:
        message = read(shown.data)

        if shown.values["frame.number"] == MALFORMED.get(name):
            assert (STUN.probe(shown.data), message) == (Verdict.LIKELY, None)
            continue
        assert STUN.probe(shown.data) is Verdict.CERTAIN, shown.values["frame.number"]
        assert message is not None, shown.values["frame.number"]
        told = [one for one in differences(message, shown) if not _is_fault(one[0], message, shown)]
        assert told == [], shown.values["frame.number"]


@pytest.mark.parametrize("name", CAPTURES)
def test_no_message_is_missed(name: str) -> None:
    """Over UDP and TCP alike, every frame and transaction tshark shows is a row of the table."""
    rows = fields(
        capture(name),
        "stun.type and !stun.channel and !icmp and !icmpv6",
        *("frame.number", "stun.id"),
        options=("-o", "stun.stunversion:Auto", "-E", "aggregator=|"),
        occurrence="a",
    )
    shown = {(int(frame), one) for frame, ids in rows for one in ids.split("|")}
    stun = read_tables([Source(str(capture(name)))])["stun"]

    found = {(frame, one.hex()[8:]) for frame, one in zip(stun["frame"], stun["transaction_id"], strict=True)}

    assert shown
    missing = {frame for frame, _ in shown - found}
    assert missing == {int(frame) for frame in MALFORMED.get(name, ())}


def _is_fault(what: str, message: StunMessage, shown: Seen) -> bool:
    return what in FAULTS and FAULTS[what][0](message, shown)
