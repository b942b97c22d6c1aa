"""From the rows dissection left to tables: final flow numbers, directions, and what libraries read of the bytes."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dissectors.bundles import certificates_of
from dissectors.dns import plain_answers
from lynccap.ingest.flows.flow_rows import FlowRows
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.schemas import SCHEMAS, Arrays, Row, Rows, columns_from

LOCAL_NAME_PORTS = {5353: "mdns", 5355: "llmnr", 137: "nbns"}
"""RFC 6762 3, RFC 4795 2, RFC 1002 4.2: the names of neighbours, in messages of the shape of DNS."""

DNS_PORT = 53


class Sides(Protocol):
    """What makes final flow numbers and directions of the sides in rows."""

    @property
    def index(self) -> Ints:
        """The row of each flow number."""

    def from_client(self, side: Ints) -> Flags:
        """Whether each side is its flow's client."""


def tables_of(rows: Rows, sides: Sides) -> dict[str, Arrays]:
    """Every table that stands on rows, in frame order. `rows` is used up; its `flow` columns hold sides."""
    return {name: _placed(rows.take(name), sides) for name in SCHEMAS}


def add_read(tables: dict[str, Arrays]) -> None:
    """Fill the tables of what messages hold: certificates, revocation lists, the records of DNS answers."""
    tables["certificates"] = columns_from("certificates", _certificates(tables))
    tables["revocations"] = columns_from("revocations", _revocations(tables["crl"]))
    tables["dns_answers"] = columns_from("dns_answers", _answers(tables["dns"]))


def part_local_names(tables: dict[str, Arrays], flow_rows: FlowRows) -> None:
    """Move what the dns table holds of flows on the ports of mDNS, LLMNR and NBNS: no DNS server was asked there."""
    dns, local = tables["dns"], tables["local-names"]
    ends = [flow_rows.endpoints[name][dns["flow"]] for name in ("lower_port", "upper_port")]
    port = np.where(np.isin(ends[0], list(LOCAL_NAME_PORTS)), *ends)
    moved = np.isin(port, list(LOCAL_NAME_PORTS)) & (ends[0] != DNS_PORT) & (ends[1] != DNS_PORT)
    if not moved.any():
        return
    dns["dialect"][moved] = [LOCAL_NAME_PORTS[one] for one in port[moved].tolist()]
    joined = {name: np.concatenate((local[name], column[moved])) for name, column in dns.items()}
    order = np.argsort(joined["frame"], kind="stable")
    tables["local-names"] = {name: column[order] for name, column in joined.items()}
    tables["dns"] = {name: column[~moved] for name, column in dns.items()}


def _placed(table: Arrays, sides: Sides) -> Arrays:
    side = table["flow"]
    if not len(side):
        return table
    table["flow"] = sides.index[side >> 1]
    table["from_client"] = sides.from_client(side)
    order = np.argsort(table["frame" if "frame" in table else "first_frame"], kind="stable")
    return {name: table.pop(name)[order] for name in list(table)}


def _certificates(tables: dict[str, Arrays]) -> list[Row]:
    """Rows of CERTIFICATES, those presented first; each different certificate is parsed once."""
    shown = [*_presented(tables["tls"]), *_fetched(tables["crl"]), *_provisioned(tables["certprov"])]
    if not shown:
        return []
    from lynccap.ingest.streams.x509.chains import Chains

    chains = Chains()
    rows: list[Row] = []
    for carried, key, chain in shown:
        rows += [(*key, position, *fields, carried) for position, fields in enumerate(chains.read(chain))]
    return rows


Chain = tuple[str, Row, tuple[bytes, ...]]
"""How certificates were carried, the row's flow, frame, time and direction, and the certificates."""
KEY = ("flow", "frame", "time", "from_client")


def _presented(tls: Arrays) -> list[Chain]:
    chosen = np.flatnonzero([kind == "certificate" for kind in tls["kind"]])
    return [("tls", *one) for one in _columns(tls, chosen, "certificates")]


def _provisioned(certprov: Arrays) -> list[Chain]:
    chosen = np.flatnonzero([bool(chain) for chain in certprov["certificates"]])
    return [("certprov", *one) for one in _columns(certprov, chosen, "certificates")]


def _fetched(crl: Arrays) -> list[Chain]:
    chosen = _as_asked(crl, "issuer-certificate", "trust-list")
    return [("aia", key, certificates_of(content)) for key, content in _columns(crl, chosen, "content")]


def _as_asked(crl: Arrays, *kinds: str) -> Ints:
    """Rows of fetches of these kinds whose answer is one, by the skeleton of its bytes."""
    rows = zip(crl["kind"], crl["content_ok"].tolist(), crl["content"], strict=True)
    return np.flatnonzero([bool(fine and content and kind in kinds) for kind, fine, content in rows])


def _columns(table: Arrays, chosen: NDArray[Any], name: str) -> list[tuple[Row, Any]]:
    """Of the chosen rows the key and one more column."""
    keys = zip(*(table[one][chosen].tolist() for one in KEY), strict=True)
    return list(zip(keys, table[name][chosen], strict=True))


def _revocations(crl: Arrays) -> list[Row]:
    """Rows of REVOCATIONS for the answers that are what was asked for, which a library reads."""
    chosen = _as_asked(crl, "crl", "delta-crl", "ocsp")
    if not chosen.size:
        return []
    from lynccap.ingest.streams.x509.revocations import read_revocations

    keys = zip(*(crl[name][chosen].tolist() for name in ("flow", "frame", "time", "kind", "url")), strict=True)
    told = zip(*(crl[name][chosen] for name in ("content", "this_update", "next_update")), strict=True)
    return [
        (*key, *fields)
        for key, (content, *dates) in zip(keys, told, strict=True)
        for fields in read_revocations(key[3], content, *map(int, dates))
    ]


def _answers(dns: Arrays) -> list[Row]:
    promising = np.flatnonzero(dns["answers"] > 0)
    keys = zip(*(dns[name][promising].tolist() for name in ("flow", "frame", "time")), strict=True)
    wires = zip(dns["transaction_id"][promising].tolist(), dns["wire"][promising], strict=True)
    return [(*key, *fields) for key, wire in zip(keys, wires, strict=True) for fields in _answers_of(*wire)]


def _answers_of(transaction_id: int, wire: bytes) -> list[Row]:
    """The columns of DNS_ANSWERS from `transaction_id` on; what is not plain takes a library, which loads slowly."""
    plain = plain_answers(wire)
    if plain is None:
        from lynccap.ingest.streams.dns_answers import read_answers

        return read_answers(wire)
    question, answers = plain
    return [(transaction_id, question, *answer) for answer in answers]
