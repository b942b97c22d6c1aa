"""Files into one topology, each read as what its content is."""

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from lynccap.topology.cmdlets import read_csv, read_json
from lynccap.topology.draft import Draft
from lynccap.topology.encodings import text_of
from lynccap.topology.errors import UnreadableTopology
from lynccap.topology.model import Topology
from lynccap.topology.toml_form import HAS_FORMAT, read_toml
from lynccap.topology.xml_exports import KINDS, read_xml
from lynccap.topology.xml_tree import parse

MAX_BYTES = 32 << 20  # of a file or a member of an archive: a thousand pools have about 6 MB
MAX_MEMBERS = 1000  # of an archive; a configuration export has a handful
ZIP = b"PK\x03\x04"
ZIP_ENTRY = b"PK\x01\x02"

_ROOT = re.compile(rf"<(?:[\w.-]{{1,40}}:)?({'|'.join(KINDS)})(?=[\s>/])")
_BEFORE_A_ROOT = re.compile(r"\s*<[?!a-zA-Z]")

KNOWN = (
    "what is read: Topology Builder files (.tbxml), Get-CsTopology -AsXml, the zip of Export-CsConfiguration, "
    "Get-CsNetworkInterface, Get-CsService, Get-CsPool and Get-CsComputer as CSV or JSON, and lynccap's own TOML"
)

_UNZIPPING = (
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, OverflowError),
    *(zlib.error, lzma.LZMAError, struct.error, KeyError, IndexError),
)
"""What the standard library raises for damaged, encrypted and strange archives."""


def read_files(paths: Iterable[Path]) -> Topology:
    """One topology of all files. Raises UnreadableTopology for a file of no known kind, OSError from opening one."""
    draft = Draft()
    for path in paths:
        with path.open("rb") as file:
            _take(file.read(MAX_BYTES + 1), path.name, draft)
    return draft.finished()


def read_bytes(data: bytes, name: str) -> Topology:
    """The topology in the content of one file; `name` is for messages. Raises UnreadableTopology."""
    draft = Draft()
    _take(data, name, draft)
    return draft.finished()


def _take(data: bytes, name: str, draft: Draft) -> None:
    if len(data) > MAX_BYTES:
        raise UnreadableTopology(f"{name}: more than {MAX_BYTES >> 20} MiB; a topology export is far smaller")
    if data.startswith(ZIP):
        _archive(data, name, draft)
        return
    text, remark = text_of(data, name)
    if not _text(text, name, draft):
        what = "is empty" if not text.strip() else "is no topology that lynccap knows"
        raise UnreadableTopology(f"{name}: {what}; {KNOWN}")
    if remark:
        draft.remark(remark)


def _text(text: str, name: str, draft: Draft) -> bool:
    """Whether the text was of a known kind, and taken."""
    if _BEFORE_A_ROOT.match(text):
        start = len(text) - len(text.lstrip())
        read_xml(parse(text[start : _end_of_root(text)], name, _line_of(text, start)), name, draft)
        return True
    if HAS_FORMAT.search(text):
        read_toml(text, name, draft)
        return True
    if _ROOT.search(text):
        start, end = _wrapped(text, name)
        read_xml(parse(text[start:end], name, _line_of(text, start)), name, draft)
        return True
    return read_json(text, name, draft) or read_csv(text, name, draft)


def _end_of_root(text: str) -> int:
    """Where a document ends that begins the file: a console's next prompt may follow it."""
    first = _ROOT.search(text)
    closing = f"</{first[0][1:]}>" if first else ""
    end = text.rfind(closing) if closing else -1
    return end + len(closing) if end >= 0 else len(text)


def _wrapped(text: str, name: str) -> tuple[int, int]:
    """Where an XML document in something else, such as a script or what a console showed, begins and ends."""
    first = _ROOT.search(text)
    start = first.start() if first else 0
    tag = first[0][1:] if first else ""
    ends = [one.end() for one in re.finditer(rf"</{re.escape(tag)}\s{{0,10}}>", text)]
    if len(ends) != 1 or ends[0] <= start:
        found = "no end" if not ends else f"{len(ends)} ends"
        line = _line_of(text, start)
        raise UnreadableTopology(f"{name}: <{tag}> of line {line} has {found}; save the XML alone in a file")
    return start, ends[0]


def _line_of(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _archive(data: bytes, name: str, draft: Draft) -> None:
    if data.count(ZIP_ENTRY) > MAX_MEMBERS:
        raise UnreadableTopology(f"{name}: more than {MAX_MEMBERS} files inside; unpack it and name the one to read")
    problems: list[UnreadableTopology] = []
    taken = False
    for member, content in _members(data, name, problems):
        label = f"{name}/{member}"
        try:
            text, _ = text_of(content, label)
            taken = _text(text, label, draft) or taken
        except UnreadableTopology as problem:
            problems.append(problem)
    if not taken:
        raise problems[0] if problems else UnreadableTopology(f"{name}: no file inside is a topology; {KNOWN}")
    for one in problems:
        draft.remark(str(one))


def _members(data: bytes, name: str, problems: list[UnreadableTopology]) -> Iterator[tuple[str, bytes]]:
    """The members with their content, at most MAX_BYTES of all together."""
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    content = file.read(left + 1)
                if len(content) > left:
                    problems.append(UnreadableTopology(f"{name}: more than {MAX_BYTES >> 20} MiB unpacked"))
                    return
                left -= len(content)
                yield info.filename.rpartition("/")[2], content
    except _UNZIPPING as problem:
        says = str(problem)[:120] or type(problem).__name__
        problems.append(UnreadableTopology(f"{name}: damaged or encrypted archive ({says}); unpack it yourself"))
