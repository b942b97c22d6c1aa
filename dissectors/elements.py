"""The elements of an XML body nobody vouches for: flat, bounded, without entities, as far as the bytes go."""

from contextlib import suppress
from dataclasses import dataclass
from xml.parsers import expat

MAX_ELEMENTS = 20_000
"""Looked at in one body; the in-band settings of a large company have about 2 000."""

MAX_DEPTH = 64
"""Nesting followed; conference documents have about 12 levels."""

MAX_PATH = 1024
"""Characters of the path down to an element, which every one of them holds; real ones end below 300."""

MAX_TEXT = 2048
"""Characters kept of one attribute or one element's text: no address is longer."""


@dataclass(slots=True)
class Element:
    """One element, names without their namespaces."""

    name: str
    path: str
    """Names from the root down, "/"-separated, its own last."""
    attributes: dict[str, str]
    text: str = ""
    """Of the element itself, not of those inside it; surrounding blanks taken off."""


class _Refused(Exception):
    """The XML declares a document type, which no such body needs, or exceeds a bound."""


def read_elements(body: bytes) -> list[Element]:
    """The elements in the order they begin; of a body that is cut or no XML, those before the fault. Never raises."""
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return []
    utf16 = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    reading = _Reading()
    # What a body declares is often wrong: .NET writes "utf-16" into texts that are then sent as UTF-8.
    parser = expat.ParserCreate("utf-16" if utf16 else "utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    with suppress(expat.ExpatError, _Refused, LookupError, ValueError):  # what came before the fault stands
        parser.Parse(body.lstrip(b" \t\r\n"), True)
    for one in reading.found:
        one.text = one.text.strip()
    return reading.found


class _Reading:
    def __init__(self) -> None:
        self.found: list[Element] = []
        self._open: list[Element] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.found) >= MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            raise _Refused
        local = _local(name)
        path = f"{self._open[-1].path}/{local}" if self._open else local
        if len(path) > MAX_PATH:
            raise _Refused
        element = Element(local, path, {_local(key): value[:MAX_TEXT] for key, value in attributes.items()})
        self.found.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        element = self._open[-1]
        if len(element.text) < MAX_TEXT:
            element.text = (element.text + text)[:MAX_TEXT]


def _refuse(*_: object) -> None:
    raise _Refused


def _local(name: str) -> str:
    return name.rpartition(":")[2][:64]
