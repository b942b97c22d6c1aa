"""From the rows dissection left to tables: final flow numbers, directions, and what libraries read of the bytes."""

from typing import Protocol

import numpy as np

from dissectors.dns import plain_answers
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.schemas import SCHEMAS, Arrays, Row, Rows, columns_from


class Sides(Protocol):
    """What makes final flow numbers and directions of the sides in rows."""

    @property
    def index(self) -> Ints:
        """The row of each flow number."""

    def from_client(self, side: Ints) -> Flags:
        """Whether each side is its flow's client."""


def tables_of(rows: Rows, flow_rows: Sides) -> dict[str, Arrays]:
    """Every table that stands on rows, in frame order. `rows` is used up; its `flow` columns hold sides."""
    tables = {name: _placed(rows.take(name), flow_rows) for name in SCHEMAS}
    tables["certificates"] = columns_from("certificates", _certificates(tables["tls"]))
    tables["dns_answers"] = columns_from("dns_answers", _answers(tables["dns"]))
    return tables


def _placed(table: Arrays, flow_rows: Sides) -> Arrays:
    side = table["flow"]
    if not len(side):
        return table
    table["flow"] = flow_rows.index[side >> 1]
    table["from_client"] = flow_rows.from_client(side)
    order = np.argsort(table["frame" if "frame" in table else "first_frame"], kind="stable")
    return {name: table.pop(name)[order] for name in list(table)}


def _certificates(tls: Arrays) -> list[Row]:
    """Rows of CERTIFICATES for the certificate messages; each different certificate is parsed once."""
    chosen = np.flatnonzero([kind == "certificate" for kind in tls["kind"]])
    if not chosen.size:
        return []
    from lynccap.ingest.streams.certificates import read_certificate

    parsed: dict[bytes, Row] = {}
    rows: list[Row] = []
    keys = zip(*(tls[name][chosen].tolist() for name in ("flow", "frame", "time", "from_client")), strict=True)
    for key, chain in zip(keys, tls["certificates"][chosen], strict=True):
        for position, der in enumerate(chain):
            if der not in parsed:
                parsed[der] = read_certificate(der)
            rows.append((*key, position, *parsed[der]))
    return rows


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
