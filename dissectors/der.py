"""DER values (X.690): tag, length, content, as certificates, revocation lists and OCSP are written."""

from dissectors.contract import Cursor, Malformed

MAX_LENGTH_BYTES = 4  # nothing a capture holds is larger than 4 GiB


def enter_der(cursor: Cursor, wanted: int) -> Cursor:
    """The content of the next value, which must bear the tag `wanted`. Raises Truncated or Malformed."""
    tag, content = read_der(cursor)
    if tag != wanted:
        raise Malformed(f"DER tag {tag:#x} where {wanted:#x} belongs")
    return content


def open_der(cursor: Cursor, *wanted: int) -> int:
    """Move into a value of one of the wanted tags, whose content need not be all there; its tag."""
    tag, _ = read_header(cursor)
    if tag not in wanted:
        raise Malformed(f"DER tag {tag:#x}")
    return tag


def read_der(cursor: Cursor) -> tuple[int, Cursor]:
    """Tag and content of the next value. Raises Truncated or Malformed."""
    tag, length = read_header(cursor)
    return tag, cursor.sub(length)


def read_header(cursor: Cursor) -> tuple[int, int]:
    """Tag and length of the next value, whose content need not be there. Raises Truncated or Malformed."""
    tag, length = cursor.uint(1), cursor.uint(1)
    if length & 0x80:
        width = length & 0x7F
        if not 1 <= width <= MAX_LENGTH_BYTES:
            raise Malformed(f"DER length of {width} bytes")
        length = cursor.uint(width)
    return tag, length
