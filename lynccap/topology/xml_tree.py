"""XML of strangers as a small tree: no document type, no entity, bounded depth and size, names without namespace.

Namespaces are dropped because exports declare another default namespace on nearly every element.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from lynccap.topology.errors import UnreadableTopology

MAX_DEPTH = 64  # exports need about 12; the tree is walked without recursion, this bounds what a walk remembers
MAX_ELEMENTS = 500_000  # a deployment of a thousand pools has about a fifth
MAX_ATTRIBUTES = 64  # of one element; exports have about 10
KEPT_TEXT = frozenset({"Name"})
"""The elements whose text matters; of all others only the attributes do."""
MAX_TEXT = 1000  # characters of such a text


@dataclass(slots=True)
class Node:
    """An element: names without namespace, text only where it is of use."""

    tag: str
    attributes: dict[str, str]
    children: list["Node"] = field(default_factory=list)
    text: str = ""

    def get(self, name: str) -> str:
        """An attribute, "" where it is missing."""
        return self.attributes.get(name, "")

    def all(self, tag: str) -> Iterator["Node"]:
        """Every element of this name, this one too, in the order of the document."""
        waiting = [self]
        while waiting:
            one = waiting.pop()
            if one.tag == tag:
                yield one
            waiting.extend(reversed(one.children))

    def first(self, tag: str) -> "Node | None":
        """The first element of this name."""
        return next(self.all(tag), None)


class _TooMuch(Exception):
    """A limit is reached; the text says which."""


class _Builder:
    """What the parser tells, as a tree."""

    def __init__(self) -> None:
        self._open: list[Node] = []
        self._count = 0
        self.root: Node | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise _TooMuch(f"more than {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            raise _TooMuch(f"elements nested more than {MAX_DEPTH} deep")
        if len(attributes) > MAX_ATTRIBUTES:
            raise _TooMuch(f"an element with more than {MAX_ATTRIBUTES} attributes")
        node = Node(_local(tag), {_local(name): value for name, value in attributes.items()})
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, _: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        node = self._open[-1]
        if node.tag in KEPT_TEXT and len(node.text) < MAX_TEXT:
            node.text += text[:MAX_TEXT]


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def parse(text: str, name: str, first_line: int = 1) -> Node:
    """The root of a document that begins on `first_line` of the file. Raises UnreadableTopology."""
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=True)
    try:
        parser.feed(text)
        parser.close()
    except ParseError as problem:
        line = problem.position[0] + first_line - 1
        what = str(problem).partition(":")[0]
        raise UnreadableTopology(f"{name}: damaged at line {line} ({what}); export it again") from None
    except (_TooMuch, DefusedXmlException) as problem:
        line = parser.parser.CurrentLineNumber + first_line - 1
        what = str(problem) if isinstance(problem, _TooMuch) else "a document type or entity, which no export has"
        raise UnreadableTopology(f"{name}: line {line}: {what}; it was not read, export the topology again") from None
    if builder.root is None:
        raise UnreadableTopology(f"{name}: holds no XML element; export it again")
    return builder.root
