"""Tables of PowerShell: what `Get-CsNetworkInterface`, `-CsService`, `-CsPool` and `-CsComputer` give, as CSV or JSON.

The properties are those of the PowerShell reference. A table is known by its columns; a list of hosts that somebody
keeps by hand (name, address, and perhaps role, nat, ports) is read as well.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lynccap.reference import roles, service_properties, topology_services
from lynccap.topology.draft import Draft
from lynccap.topology.errors import UnreadableTopology
from lynccap.topology.model import ANY_NUMBER, Port
from lynccap.topology.ports import parsed

Row = Mapping[str, str]

MAX_ROWS = 100_000  # a thousand pools with every service have some 20 000
MAX_COLUMNS = 500  # a service has about 50 properties
FLATTENED = "system."
"""How Export-Csv writes a list: by its type, without what is in it."""
DELIMITERS = ",;\t"
NAME_COLUMNS = ("name", "fqdn", "hostname", "host", "computerfqdn")
ADDRESS_COLUMNS = ("address", "ipaddress", "ip")


def read_csv(text: str, name: str, draft: Draft) -> bool:
    """Take what a table says; False when its columns are none that are known. Raises UnreadableTopology."""
    lines = text.lstrip("\ufeff").splitlines()
    start = next((place for place, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if start is None:
        return False
    for delimiter in DELIMITERS:
        kind = _kind(_cells(lines[start], delimiter))
        if kind:
            _take(kind, _rows(lines[start:], delimiter, name, start + 1), name, draft)
            return True
    return False


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [one.strip().lower() for one in next(csv.reader([line], delimiter=delimiter), [])][:MAX_COLUMNS]
    except csv.Error:
        return []


def _rows(lines: Sequence[str], delimiter: str, name: str, first_line: int) -> Iterator[Row]:
    header = _cells(lines[0], delimiter)
    reader = csv.reader((f"{line}\n" for line in lines[1:]), delimiter=delimiter)
    try:
        for cells in reader:
            yield dict(zip(header, (one.strip() for one in cells), strict=False))
    except csv.Error as problem:
        line = first_line + reader.line_num
        raise UnreadableTopology(f"{name}: damaged at line {line} ({problem}); export it again") from None


def read_json(text: str, name: str, draft: Draft) -> bool:
    """The same of what ConvertTo-Json wrote."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    items = value if isinstance(value, list) else [value]
    rows = [{str(key).lower(): _text(cell) for key, cell in one.items()} for one in items if isinstance(one, dict)]
    by_kind: dict[str, list[Row]] = {}
    for row in rows:
        by_kind.setdefault(_kind(list(row)), []).append(row)
    by_kind.pop("", None)
    for kind, found in by_kind.items():
        _take(kind, iter(found), name, draft)
    return bool(by_kind)


def _text(value: Any) -> str:
    """A value of ConvertTo-Json as a cell: lists by blanks, objects by what names them."""
    if isinstance(value, list):
        return " ".join(_text(one) for one in value if not isinstance(one, list))
    if isinstance(value, dict):
        named = next((value[key] for key in ("Value", "value", "Fqdn") if isinstance(value.get(key), str)), "")
        return str(named)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _kind(columns: Sequence[str]) -> str:
    known = set(columns)
    if {"interface", "interfacenumber", "ipaddress"} <= known or {"identity", "ipaddress"} <= known:
        return "interfaces"
    if {"poolfqdn", "role"} <= known or {"serviceid", "poolfqdn"} <= known:
        return "services"
    if "computers" in known and known & {"fqdn", "identity"}:
        return "pools"
    if "pool" in known and known & {"fqdn", "identity"}:
        return "computers"
    if known.intersection(NAME_COLUMNS) and known.intersection(ADDRESS_COLUMNS):
        return "hosts"
    return ""


def _take(kind: str, rows: Iterator[Row], name: str, draft: Draft) -> None:
    title, take = _KINDS[kind]
    draft.source(f"{title} {name}")
    missing: dict[str, None] = {}
    for count, row in enumerate(rows):
        if count == MAX_ROWS:
            draft.remark(f"{name}: only the first {MAX_ROWS} rows were read")
            return
        if any(row.values()):
            missing[take(row, draft)] = None
    for says in missing:
        if says:
            draft.remark(f"{name}: {says}")


def _interface(row: Row, draft: Draft) -> str:
    machine, _, rest = row.get("identity", "").partition("/")
    side, _, number = rest.partition("/")
    known = draft.machine(row.get("computerfqdn") or machine)
    side, number = row.get("interface") or side or "primary", row.get("interfacenumber") or number
    for address in ("ipaddress", "ipv6address"):
        if row.get(address):
            draft.interface(known, side, _small(number) or 1, row[address], row.get(f"configured{address}", ""))
    return ""


def _service(row: Row, draft: Draft) -> str:
    name, _, pool = row.get("identity", "").partition(":")
    name, pool = row.get("role") or name, row.get("poolfqdn") or pool
    if not name or not pool:
        return "a service without a role or a pool was left out"
    draft.pool(pool, _site(row.get("siteid", ""), draft))
    role = "director" if name.lower() == "director" or row.get("isdirector", "").lower() == "true" else ""
    uris = (cell for column, cell in row.items() if column.endswith("externaluri") and "://" in cell)
    outside = row.get("externalfqdn") or next((_host(one) for one in uris), "")
    service = draft.service(
        _proper(name), pool, role=role, version=_small(row.get("version", "")), external_fqdn=outside
    )
    found = list(_ports(row))
    for port in found:
        draft.port(service, port)
    return (
        ""
        if found or not _has_ports(name)
        else (
            "some services came without their ports, as Export-Csv keeps only the columns of the first one; "
            "use: Get-CsService | ConvertTo-Json"
        )
    )


def _proper(name: str) -> str:
    """The name as the reference writes it."""
    return next((row.name for row in topology_services() if row.name.lower() == name.lower()), name)


def _has_ports(name: str) -> bool:
    return any(
        row.name.lower() == name.lower() and row.role not in ("sql", "fileshare", "cms", "wac", "gateway")
        for row in topology_services()
    )


def _ports(row: Row) -> Iterator[Port]:
    for one in service_properties():
        first = _small(row.get(one.property.lower(), ""))
        if not first:
            continue
        count = next((n for column in one.count_property if (n := _small(row.get(column.lower(), "")))), 1)
        published = _small(row.get(one.published_property.lower(), "")) if one.published_property else None
        yield Port(
            *(first, first + count - 1, one.protocol, one.side, ANY_NUMBER, one.component, one.usage),
            published=published if published != first else None,
            fqdn=row.get(one.fqdn_property.lower(), ""),
        )


def _pool(row: Row, draft: Draft) -> str:
    pool = draft.pool(row.get("fqdn") or row.get("identity", ""), _site(row.get("site", ""), draft))
    computers = row["computers"]
    if computers.lower().startswith(FLATTENED):
        return (
            "Export-Csv lost the computers of the pools; "
            "use: Get-CsPool | ConvertTo-Json, or add Get-CsComputer | Export-Csv"
        )
    for one in re.split(r"[\s,;{}]+", computers):
        if one:
            draft.machine(one, pool)
    return ""


def _computer(row: Row, draft: Draft) -> str:
    draft.machine(row.get("fqdn") or row.get("identity", ""), row.get("pool", ""))
    return ""


def _host_row(row: Row, draft: Draft) -> str:
    role = row.get("role", "").lower()
    if role and role not in roles():
        return f"{role[:40]!r} is no role; lynccap ports shows them"
    name = next((row[column] for column in NAME_COLUMNS if row.get(column)), "")
    address = next((row[column] for column in ADDRESS_COLUMNS if row.get(column)), "")
    ports = [parsed(one) for one in row.get("ports", "").split()]
    draft.host(role, name, address, row.get("nat", ""), tuple(one for one in ports if one))
    return "" if all(ports) else "ports are written as 443/tcp or 50000-59999/udp; others were left out"


_KINDS: Mapping[str, tuple[str, Callable[[Row, Draft], str]]] = {
    "interfaces": ("Get-CsNetworkInterface", _interface),
    "services": ("Get-CsService", _service),
    "pools": ("Get-CsPool", _pool),
    "computers": ("Get-CsComputer", _computer),
    "hosts": ("list of hosts", _host_row),
}


def _site(text: str, draft: Draft) -> str:
    """`Site:Berlin` names the site; the tables have no other id for it."""
    name = text.partition(":")[2] or text
    if name.strip():
        draft.site(name, name)
    return name


def _host(url: str) -> str:
    return re.split(r"[/:?#]", url.partition("://")[2], maxsplit=1)[0]


def _small(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
