"""The extensions of hellos (RFC 5246 7.4.1.4)."""

from collections.abc import Mapping
from struct import unpack_from

from dissectors.contract import Cursor

SERVER_NAME, GROUPS, POINT_FORMATS, SIGNATURE_ALGORITHMS, ALPN = 0, 10, 11, 13, 16
TICKET, PRE_SHARED_KEY, SUPPORTED_VERSIONS, KEY_SHARE = 35, 41, 43, 51
MAX_LIST = 1000  # certificates, names or suites kept of one message


def read_extensions(body: Cursor) -> dict[int, bytes]:
    """Extension contents by type, in order; empty when the hello has none. Raises Truncated."""
    extensions: dict[int, bytes] = {}
    if body.remaining:
        block = body.sub(body.uint(2))
        while block.position < block.end:
            kind = block.uint(2)
            extensions[kind] = block.take(block.uint(2))
    return extensions


def numbers(cursor: Cursor, width: int) -> tuple[int, ...]:
    """The numbers of `width` bytes up to the cursor's end, the first MAX_LIST of them."""
    count = min(cursor.remaining // width, MAX_LIST)
    if width == 2:
        return unpack_from(f">{count}H", cursor.take(2 * count))
    return tuple(cursor.uint(width) for _ in range(count))


def listed(extensions: Mapping[int, bytes], kind: int) -> tuple[int, ...]:
    """The 16-bit numbers behind the length of an extension; of a damaged one, those that are there."""
    content = extensions.get(kind, b"")
    return numbers(Cursor(content, min(2, len(content))), 2)


def server_name(extensions: Mapping[int, bytes]) -> str | None:
    """The first host name (RFC 6066 3). Raises Truncated."""
    if SERVER_NAME not in extensions:
        return None
    names = _inner(extensions[SERVER_NAME], 2)
    while names.position < names.end:
        kind, name = names.uint(1), names.take(names.uint(2))
        if kind == 0:
            return name.decode("ascii", "backslashreplace")
    return None


def application_protocols(extensions: Mapping[int, bytes]) -> tuple[bytes, ...]:
    """Offered or chosen protocols, in order (RFC 7301 3.1). Raises Truncated."""
    if ALPN not in extensions:
        return ()
    names = _inner(extensions[ALPN], 2)
    found: list[bytes] = []
    while names.remaining and len(found) < MAX_LIST:
        found.append(names.take(names.uint(1)))
    return tuple(found)


def supported_versions(extensions: Mapping[int, bytes]) -> tuple[int, ...]:
    """Offered versions, in order (RFC 8446 4.2.1). Raises Truncated."""
    return numbers(_inner(extensions[SUPPORTED_VERSIONS], 1), 2) if SUPPORTED_VERSIONS in extensions else ()


def _inner(content: bytes, width: int) -> Cursor:
    """The list in an extension, behind its length of `width` bytes; empty when it has no content."""
    cursor = Cursor(content)
    return cursor.sub(cursor.uint(width)) if content else cursor
