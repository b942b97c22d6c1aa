"""What tshark and the message tables say of the same frames: values of the fields both have, protocol by protocol.

A value is compared with the frame that completed its message. Left out are frames that were cut short, whose end each
reads in its own way, and packets an ICMP error quotes. Where the capture holds packets twice, the values alone are
compared: here a copy is no second message.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pandas import DataFrame

from lynccap.tables import Tables

Row = dict[str, list[str]]
SIP = ("sip.Method", "sip.Status-Code", "sip.Call-ID", "sip.CSeq.seq")
HTTP = ("http.request.method", "http.request.uri", "http.response.code")
COOKIE = bytes.fromhex("2112a442")
HANDSHAKES = {"new-session-ticket": "session-ticket", "hello-retry-request": "server-hello"}
UNREAD_TLS = ("application-data", "change-cipher-spec", "alert", "encrypted-alert", "encrypted-handshake")


class Compared(NamedTuple):
    """One protocol's values, as tshark's fields and as a table give them."""

    fields: tuple[str, ...]
    theirs: Callable[[Row], Iterable[str]]
    ours: Callable[[Tables], Iterator[tuple[int, str]]]


def _words(text: str) -> str:
    return text.lower().replace(" ", "-").replace("_", "-")


def _joined(row: Row, *names: str) -> Iterator[str]:
    """All values of each field in a frame as one text: a comma may be a value's own."""
    for name in names:
        if row[name]:
            yield f"{name} {','.join(row[name])}"


def _columns(table: DataFrame, **names: str) -> Iterator[tuple[int, str]]:
    """The same of a table, by column and the field it stands for."""
    for column, name in names.items():
        told = table[table[column].notna()]
        for frame, values in told.groupby("frame", sort=False)[column]:
            yield int(frame), f"{name} {','.join(str(int(one) if isinstance(one, float) else one) for one in values)}"


def _tls(row: Row) -> Iterator[str]:
    for text in row["tls.handshake.type"]:
        yield HANDSHAKES.get(_words(text), _words(text))
    for text in row["tls.handshake.extensions_server_name"]:
        yield f"server name {text}"
    for text in row["tls.alert_message.desc"]:
        yield f"alert {_words(text)}"


def _tls_read(tables: Tables) -> Iterator[tuple[int, str]]:
    for one in tables["tls"].itertuples():
        if one.kind == "alert":
            yield one.frame, f"alert {_words(one.alert_name)}"
        elif one.kind not in UNREAD_TLS:
            yield one.frame, HANDSHAKES.get(one.kind, one.kind)
        if one.sni:
            yield one.frame, f"server name {one.sni}"


def _serials(row: Row) -> Iterator[str]:
    # An OCSP answer in the same frame has serial numbers of its own.
    if "Certificate" in row["tls.handshake.type"] and "Certificate Status" not in row["tls.handshake.type"]:
        yield from (serial.replace(":", "").lstrip("0") for serial in row["x509af.serialNumber"])


def _serials_read(tables: Tables) -> Iterator[tuple[int, str]]:
    shown, tls = tables.certificates, tables["tls"]
    with_status = set(tls.loc[tls["kind"] == "certificate-status", "frame"])
    for one in shown[shown["carried"] == "tls"].itertuples():
        if not one.unreadable and one.frame not in with_status:
            yield one.frame, one.serial.removeprefix("-")


def _dns(row: Row) -> Iterator[str]:
    yield from (text.removeprefix("0x") for text in row["dns.id"])


def _dns_read(tables: Tables) -> Iterator[tuple[int, str]]:
    for name in ("dns", "local-names"):
        for one in tables[name].itertuples():
            yield one.frame, f"{one.transaction_id:04x}"


def _records(row: Row) -> Iterator[str]:
    if not any(int(count) for count in row["dns.count.add_rr"]):
        yield from sorted({*row["dns.a"], *row["dns.aaaa"]})


def _records_read(tables: Tables) -> Iterator[tuple[int, str]]:
    alone = tables["dns"]
    frames = set(alone.loc[[not int.from_bytes(wire[10:12], "big") for wire in alone["wire"]], "frame"])
    told = tables.dns_answers
    for one in told[told["record_type"].isin(("A", "AAAA"))].drop_duplicates(["frame", "value"]).itertuples():
        if one.frame in frames:
            yield one.frame, one.value


def _stun(row: Row) -> Iterator[str]:
    for text in (*row["stun.id"], *row["classicstun.id"]):
        yield text.replace(":", "")


def _stun_read(tables: Tables) -> Iterator[tuple[int, str]]:
    for one in tables["stun"].itertuples():
        if one.transaction_id and one.framing in ("udp", "rfc4571"):
            yield one.frame, one.transaction_id.removeprefix(COOKIE).hex()


def _sip(row: Row) -> Iterator[str]:
    return _joined(row, *SIP)


def _sip_read(tables: Tables) -> Iterator[tuple[int, str]]:
    sip = tables["sip"]
    yield from _columns(sip[sip["kind"] == "request"], method=SIP[0])
    yield from _columns(sip, status=SIP[1], call_id=SIP[2], cseq=SIP[3])


def _http(row: Row) -> Iterator[str]:
    return _joined(row, *HTTP)


def _http_read(tables: Tables) -> Iterator[tuple[int, str]]:
    return _columns(tables["http"], method=HTTP[0], target=HTTP[1], status=HTTP[2])


def _dhcp(row: Row) -> Iterator[str]:
    for text in row["dhcp.id"]:
        yield str(int(text, 16))
    for text in row["dhcp.option.dhcp"]:
        yield text.lower()


def _dhcp_read(tables: Tables) -> Iterator[tuple[int, str]]:
    for one in tables["dhcp"].itertuples():
        yield one.frame, str(one.transaction_id)
        if one.kind != "bootp":
            yield one.frame, one.kind


COMPARED = {
    "tls": Compared(
        ("tls.handshake.type", "tls.handshake.extensions_server_name", "tls.alert_message.desc"), _tls, _tls_read
    ),
    "certificates": Compared(("tls.handshake.type", "x509af.serialNumber"), _serials, _serials_read),
    "sip": Compared(SIP, _sip, _sip_read),
    "http": Compared(HTTP, _http, _http_read),
    "dns": Compared(("dns.id",), _dns, _dns_read),
    "records": Compared(("dns.a", "dns.aaaa", "dns.count.add_rr"), _records, _records_read),
    "dhcp": Compared(("dhcp.id", "dhcp.option.dhcp"), _dhcp, _dhcp_read),
    "stun": Compared(("stun.id", "classicstun.id"), _stun, _stun_read),
}
NAMES = (
    "frame.len", "frame.cap_len", "icmp.type", "icmpv6.type",
    *dict.fromkeys(name for one in COMPARED.values() for name in one.fields),
)  # fmt: skip


class Agreement(NamedTuple):
    """Values of one protocol in one capture: read by both, by tshark alone, here alone."""

    both: int
    missed: int
    more: int


def agreements(tables: Tables, rows: list[Row]) -> dict[str, Agreement]:
    """By protocol, where there is anything of it."""
    told = {number: row for number, row in enumerate(rows, 1) if _is_whole(row)}
    copied = bool(tables.captures.loc[0, "copies"])
    found: dict[str, Agreement] = {}
    for name, compared in COMPARED.items():
        theirs = Counter((frame, text) for frame, row in told.items() for text in compared.theirs(row))
        ours = Counter((frame, text) for frame, text in compared.ours(tables) if frame in told)
        if copied:
            theirs, ours = (Counter({(0, text) for _, text in values}) for values in (theirs, ours))
        both = (theirs & ours).total()
        if theirs or ours:
            found[name] = Agreement(both, theirs.total() - both, ours.total() - both)
    return found


def _is_whole(row: Row) -> bool:
    return row["frame.len"] == row["frame.cap_len"] and not row["icmp.type"] + row["icmpv6.type"]
