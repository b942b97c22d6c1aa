"""The project's own topology file: what every import writes, and what people write who have no export.

    format = "lynccap-topology/1"
    sip_domains = ["contoso.example"]           # the default one first

    [networks]                                  # narrower networks win over wider ones
    inside = ["10.0.0.0/8"]
    outside = ["10.250.0.0/16"]

    [[pool]]                                    # a single server is a pool with one machine
    name = "edge.contoso.example"
    [[pool.machine]]
    name = "edge1.contoso.example"
    interfaces = [
      { side = "internal", address = "10.1.9.11" },
      { side = "external", number = 1, address = "10.250.1.11", nat = "203.0.113.11" },
    ]

    [[service]]
    name = "EdgeServer"
    pool = "edge.contoso.example"
    ports = [
      { port = "443", protocol = "tls", side = "external", number = 1, owner = "AccessEdge", usage = "SipClient" },
    ]

    [[host]]                                    # what no export says
    role = "rp_ext"
    name = "lyncweb.contoso.example"
    address = "203.0.113.20"
    ports = ["443/tcp"]

    [[host]]                                    # no role: only which address a machine above has
    name = "fe1.contoso.example"
    address = "10.1.1.11"

Roles are those of `lynccap.reference.roles()`.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lynccap.reference import roles
from lynccap.topology.draft import Draft
from lynccap.topology.errors import UnreadableTopology
from lynccap.topology.model import ANY_NUMBER, Host, Interface, Port, Service, Topology
from lynccap.topology.ports import numbers, parsed, written

FORMAT = "lynccap-topology/1"
MAX_CHARACTERS = 4 << 20  # of a file; a thousand pools need about half
MAX_LINE = 4000  # characters; the writer stays below
MAX_DOTS = 20  # of a line, outside of quotes: reading a key of many parts takes the square of them
_LONG_QUOTE = "\"\"\"|'''"
_QUOTED = re.compile(rf"""({_LONG_QUOTE})|"(?:[^"\\]|\\.)*"|'[^']*'|#.*""")
HAS_FORMAT = re.compile(r"""^[ \t]*["']?format["']?[ \t]*=""", re.MULTILINE)


def read_toml(text: str, name: str, draft: Draft) -> None:
    """Take what the file says. Raises UnreadableTopology: people write these, and a typing error must not pass."""
    _bounded(text, name)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UnreadableTopology(f"{name}: no TOML: {str(problem)[:200]}; correct it there") from None
    except (RecursionError, ValueError, OverflowError):
        raise UnreadableTopology(f"{name}: no TOML that can be read: nested too deep or a number too large") from None
    _Reader(document, name, draft).read()


def _bounded(text: str, name: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise UnreadableTopology(f"{name}: more than {MAX_CHARACTERS} characters; a topology is smaller, split it")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            raise UnreadableTopology(f"{name}: line {number} is too long; break it into several lines")
        bare = _QUOTED.sub(lambda found: found[1] or "", line)
        if bare.count(".") > MAX_DOTS or '"' in bare or "'" in bare:
            raise UnreadableTopology(f"{name}: line {number}: a text must be in quotes and end on its line; correct it")


class _Table:
    """One table of the file: each key is taken once, with its type; what is left over is a typing error."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise UnreadableTopology(f"{place} must be a table")
        self._left = dict(value)
        self.place = place

    def text(self, key: str, *, needed: bool = False) -> str:
        value = self._left.pop(key, None)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or (needed and not value.strip()):
            raise UnreadableTopology(f'{self.place}: "{key}" must be a text in quotes')
        return value

    def number(self, key: str) -> int | None:
        value = self._left.pop(key, None)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise UnreadableTopology(f'{self.place}: "{key}" must be a number')
        return value

    def flag(self, key: str) -> bool:
        value = self._left.pop(key, False)
        if not isinstance(value, bool):
            raise UnreadableTopology(f'{self.place}: "{key}" must be true or false')
        return value

    def texts(self, key: str) -> list[str]:
        value = self._left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UnreadableTopology(f'{self.place}: "{key}" must be a list of texts in quotes')
        return value

    def table(self, key: str) -> "_Table":
        return _Table(self._left.pop(key, {}), f"{self.place}: [{key}]")

    def tables(self, key: str) -> "list[_Table]":
        value = self._left.pop(key, [])
        if not isinstance(value, list):
            raise UnreadableTopology(f"{self.place}: [[{key}]] must be a list of tables")
        return [_Table(one, f"{self.place}: [[{key}]] number {n}") for n, one in enumerate(value, start=1)]

    def role(self) -> str:
        value = self.text("role")
        if value and value not in roles():
            raise UnreadableTopology(f"{self.place}: {value[:40]!r} is no role; use one of: {', '.join(roles())}")
        return value

    def done(self) -> None:
        if self._left:
            raise UnreadableTopology(f"{self.place}: {next(iter(self._left))[:60]!r} is not known here; remove it")


class _Reader:
    """The tables of the file, in the order of the model."""

    def __init__(self, document: dict[str, Any], name: str, draft: Draft) -> None:
        self._name = name
        self._file = _Table(document, name)
        self._draft = draft

    def read(self) -> None:
        file, draft = self._file, self._draft
        form = file.text("format", needed=True)
        if form != FORMAT:
            raise UnreadableTopology(f'{self._name}: format is {form[:60]!r}; this version reads "{FORMAT}"')
        draft.source(file.text("source") or f"topology file {self._name}")
        for domain in file.texts("sip_domains"):
            draft.domain(domain)
        for remark in file.texts("remarks"):
            draft.remark(remark)
        self._networks(file.table("networks"))
        for key, take in self._parts():
            for table in file.tables(key):
                take(table)
                table.done()
        file.done()

    def _parts(self) -> Iterator[tuple[str, Callable[[_Table], None]]]:
        yield "site", lambda one: self._draft.site(one.text("id", needed=True), one.text("name"))
        yield "simple_url", self._simple_url
        yield "pool", self._pool
        yield "service", self._service
        yield "host", self._host

    def _networks(self, table: _Table) -> None:
        for where in ("inside", "outside"):
            for text in table.texts(where):
                self._draft.network(where, text)
        table.done()

    def _simple_url(self, table: _Table) -> None:
        self._draft.simple_url(table.text("component"), table.text("domain"), table.text("url", needed=True))

    def _pool(self, table: _Table) -> None:
        pool = self._draft.pool(table.text("name", needed=True), table.text("site"), branch=table.flag("branch"))
        for machine in table.tables("machine"):
            name = self._draft.machine(machine.text("name", needed=True), pool)
            for one in machine.tables("interfaces"):
                side, number = one.text("side", needed=True), one.number("number")
                self._draft.interface(name, side, 1 if number is None else number, one.text("address"), one.text("nat"))
                one.done()
            machine.done()

    def _service(self, table: _Table) -> None:
        service = self._draft.service(
            table.text("name", needed=True),
            table.text("pool", needed=True),
            role=table.role(),
            version=table.number("version"),
            external_fqdn=table.text("external_fqdn"),
        )
        for one in table.tables("ports"):
            self._draft.port(service, _port(one))
        for other in table.texts("depends_on"):
            self._draft.depends(service, other)

    def _host(self, table: _Table) -> None:
        texts = table.texts("ports")
        ports = [parsed(text) for text in texts]
        wrong = next((text for text, port in zip(texts, ports, strict=True) if port is None), None)
        if wrong is not None:
            raise UnreadableTopology(f"{table.place}: {wrong[:40]!r} is no port; write 443/tcp or 50000-59999/udp")
        role, name = table.role(), table.text("name")
        kept = tuple(one for one in ports if one)
        self._draft.host(role, name, table.text("address", needed=True), table.text("nat"), kept)


def _port(table: _Table) -> Port:
    number = table.number("number")
    text = f"{table.text('port', needed=True)}/{table.text('protocol', needed=True)}"
    port = parsed(text)
    if port is None:
        raise UnreadableTopology(f"{table.place}: {text[:40]!r} is no port and protocol, such as 443 and tls")
    read = Port(
        first=port.first,
        last=port.last,
        protocol=port.protocol,
        side=table.text("side") or "primary",
        number=ANY_NUMBER if number is None else number,
        owner=table.text("owner"),
        usage=table.text("usage"),
        published=table.number("published"),
        fqdn=table.text("fqdn"),
        path=table.text("path"),
    )
    table.done()
    return read


def to_toml(topology: Topology) -> str:
    """The topology as such a file; reading it gives the same topology."""
    return "\n".join(_lines(topology)) + "\n"


def _lines(topology: Topology) -> Iterator[str]:
    yield f"format = {_quoted(FORMAT)}"
    yield f"source = {_quoted(topology.source)}"
    yield from _list("sip_domains", map(_quoted, topology.sip_domains))
    yield from _list("remarks", map(_quoted, topology.remarks))
    if topology.inside or topology.outside:
        yield from ("", "[networks]")
        yield from _list("inside", map(_quoted, topology.inside))
        yield from _list("outside", map(_quoted, topology.outside))
    for site in topology.sites:
        yield from ("", "[[site]]", *_pairs(id=site.id, name=site.name))
    for url in topology.simple_urls:
        yield from ("", "[[simple_url]]", *_pairs(component=url.component, domain=url.domain, url=url.url))
    for pool in topology.pools:
        yield from ("", "[[pool]]", *_pairs(name=pool.name, site=pool.site, branch=pool.branch))
        for machine in pool.machines:
            yield from ("[[pool.machine]]", *_pairs(name=machine.name))
            yield from _list("interfaces", map(_interface, machine.interfaces))
    for service in topology.services:
        yield from ("", "[[service]]", *_of_service(service))
    for host in topology.hosts:
        yield from ("", "[[host]]", *_of_host(host))


def _of_service(one: Service) -> Iterator[str]:
    yield from _pairs(name=one.name, pool=one.pool, role=one.role)
    yield from _pairs(version=one.version, external_fqdn=one.external_fqdn)
    yield from _list("depends_on", map(_quoted, one.depends_on))
    yield from _list("ports", map(_inline_port, one.ports))


def _of_host(one: Host) -> Iterator[str]:
    yield from _pairs(role=one.role, name=one.name)
    # An address must be told, and that of all addresses is how a missing one is read.
    yield f"address = {_quoted(one.address or '0.0.0.0')}"
    yield from _pairs(nat=one.nat)
    yield from _list("ports", (_quoted(written(port)) for port in one.ports))


def _interface(one: Interface) -> str:
    return _inline(side=one.side, number=one.number, address=one.address or "0.0.0.0", nat=one.nat)


def _inline_port(one: Port) -> str:
    return _inline(
        port=numbers(one),
        protocol=one.protocol,
        side=one.side,
        number=one.number,
        owner=one.owner,
        usage=one.usage,
        published=one.published,
        fqdn=one.fqdn,
        path=one.path,
    )


def _inline(**values: str | int | None) -> str:
    return f"{{ {', '.join(_pairs(**values))} }}"


def _list(key: str, items: Iterable[str]) -> Iterator[str]:
    lines = [f"  {one}," for one in items]
    if lines:
        yield from (f"{key} = [", *lines, "]")


def _pairs(**values: str | int | None) -> Iterator[str]:
    """Each key with its value, without those that say nothing."""
    for key, value in values.items():
        if isinstance(value, str) and value:
            yield f"{key} = {_quoted(value)}"
        elif value is not None and not isinstance(value, str) and value is not False:
            yield f"{key} = {'true' if value is True else value}"


def _quoted(text: str) -> str:
    """A basic string of TOML: as JSON writes it, but DEL must be escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
