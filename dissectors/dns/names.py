"""Names on the wire (RFC 1035 3.1 and 4.1.4): labels and pointers, and the names NetBIOS packs into a label."""

from dissectors.contract import Malformed, Truncated

MAX_NAME = 255
"""Bytes of a name on the wire (RFC 1035 2.3.4); also ends every chain of pointers."""

HEADER = 12  # bytes before the first name; no pointer leads into it
NETBIOS_LABEL = 32  # bytes of a NetBIOS name, two letters a byte (RFC 1001 14.1)

_SPECIAL = b'"().;\\@$'
ESCAPED = {
    **{byte: f"\\{byte:03d}" for byte in (*range(0x21), *range(0x7F, 0x100))},
    **{byte: "\\" + chr(byte) for byte in _SPECIAL},
}
"""How bytes of a name that are no plain letters are written, as in zone files (RFC 1035 5.1)."""
_NETBIOS_LETTERS = b"ABCDEFGHIJKLMNOP"


def u16(data: bytes, offset: int) -> int:
    """Two bytes as a number."""
    return data[offset] << 8 | data[offset + 1]


def skip_name(data: bytes, position: int, end: int) -> int:
    """The offset behind a name, whose labels and whose pointer's place are checked, not where it points."""
    limit = position + MAX_NAME
    while position < end:
        length = data[position]
        if length == 0:
            return position + 1
        if length >= 0xC0:
            if position + 2 > end:
                break
            return position + 2
        if length > 63:
            raise Malformed(f"label type {length >> 6} at offset {position}")
        position += 1 + length
        if position >= limit:
            raise Malformed(f"a name of more than {MAX_NAME} bytes")
    raise Truncated(f"the name goes on behind offset {end}")


def name_text(data: bytes, start: int, position: int, end: int) -> str:
    """The name at `position` as text; every pointer must lead backwards, which ends every chain."""
    labels: list[str] = []
    size, floor = 0, position
    while data[position]:
        length = data[position]
        if length >= 0xC0:
            target = start + (u16(data, position) & 0x3FFF) if position + 2 <= end else end
            if not start + HEADER <= target < floor:
                raise Malformed(f"the pointer at offset {position} does not lead backwards")
            position = floor = target
            continue
        size += 1 + length
        if length > 63 or size >= MAX_NAME or position + 1 + length >= end:
            raise Malformed(f"the name at offset {position} does not hold together")
        labels.append(data[position + 1 : position + 1 + length].decode("latin-1").translate(ESCAPED))
        position += 1 + length
    return ".".join(labels).lower()


def netbios_name(label: bytes) -> str | None:
    """The name in a label of NetBIOS with its type, "files<20>"; None when the label is none."""
    if len(label) != NETBIOS_LABEL or label.translate(None, _NETBIOS_LETTERS):
        return None
    raw = bytes((high - 0x41) << 4 | (low - 0x41) for high, low in zip(label[::2], label[1::2], strict=True))
    name = raw[:15].rstrip(b" \0").decode("latin-1").translate(ESCAPED).lower()
    return f"{name}<{raw[15]:02x}>"
