"""Bytes of a text file into text, as Windows and PowerShell write them.

Windows PowerShell's Out-File writes UTF-16 with a byte order mark, PowerShell 7 writes UTF-8 without one, Topology
Builder writes UTF-8 with one, Set-Content writes the code page of the country.
"""

from lynccap.topology.errors import UnreadableTopology

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
HEAD = 256  # bytes that show which of two is always zero


def text_of(data: bytes, name: str) -> tuple[str, str]:
    """The text, and a remark or "". Raises UnreadableTopology where a byte order mark is followed by something else."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data, len(mark), encoding, name), ""
    encoding = _unmarked(data[:HEAD])
    if encoding:
        return _strict(data, 0, encoding, name), ""
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as problem:
        says = f"{name}: byte {problem.start} is no UTF-8; letters with accents may be wrong"
        return data.decode("cp1252", "replace"), says


def _strict(data: bytes, start: int, encoding: str, name: str) -> str:
    try:
        return data[start:].decode(encoding)
    except UnicodeDecodeError as problem:
        raise UnreadableTopology(
            f"{name}: damaged at byte {start + problem.start}, which is no {encoding.upper()}; export it again"
        ) from None


def _unmarked(head: bytes) -> str:
    """UTF-16 whose mark is lost: of plain Latin letters every second byte is zero."""
    even, odd = head[0:-1:2], head[1::2]
    if len(odd) < 2:
        return ""
    if not any(odd) and all(even):
        return "utf-16-le"
    if not any(even) and all(odd):
        return "utf-16-be"
    return ""
