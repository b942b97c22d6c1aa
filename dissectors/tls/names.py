"""Distinguished names (RFC 5280 4.1.2.4) as text, in the manner of RFC 4514."""

from functools import lru_cache

from dissectors.contract import Cursor, Malformed, Truncated
from dissectors.der import enter_der, read_der

CACHED = 4096  # a server asks for the same few hundred authorities in every connection
MAX_HEX = 32  # bytes shown of a name that is no name
MAX_IDENTIFIER = 64  # bytes of an object identifier; X.500's take 3, a company's own about 10
_SEQUENCE, _SET, _OBJECT = 0x30, 0x31, 0x06
_UNIVERSAL, _BMP = 28, 30
_TYPES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("550409"): "STREET",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("0992268993f22c640119"): "DC",
    bytes.fromhex("0992268993f22c640101"): "UID",
}
"""RFC 4514 3, by DER of the object identifier."""
_ESCAPES = str.maketrans({**{one: f"\\{one}" for one in '\\"+,;<>'}, "\0": "\\00"})


@lru_cache(maxsize=CACHED)
def distinguished_name(der: bytes) -> str:
    """The name, most specific part first; what is no name is "#" and the first bytes in hex. Never raises."""
    try:
        parts = enter_der(Cursor(der), _SEQUENCE)
        found: list[str] = []
        while parts.remaining:
            found.append(_relative(enter_der(parts, _SET)))
    except (Truncated, Malformed):
        return f"#{der[:MAX_HEX].hex()}"
    return ",".join(reversed(found))


def _relative(attributes: Cursor) -> str:
    found: list[str] = []
    while attributes.remaining:
        pair = enter_der(attributes, _SEQUENCE)
        kind = enter_der(pair, _OBJECT).rest()
        tag, value = read_der(pair)
        found.append(f"{_TYPES.get(kind) or _dotted(kind)}={_escaped(_decoded(tag, value.rest()))}")
    return "+".join(found)


def _decoded(tag: int, value: bytes) -> str:
    if tag in (_BMP, _UNIVERSAL):
        return value.decode("utf-16-be" if tag == _BMP else "utf-32-be", "replace")
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _escaped(value: str) -> str:
    """RFC 4514 2.4."""
    text = value.translate(_ESCAPES)
    if text.startswith("#") or (text.startswith(" ") and len(text) > 1):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") else text


def _dotted(identifier: bytes) -> str:
    """An object identifier in decimal (X.690 8.19). Raises Malformed for one of absurd length."""
    if len(identifier) > MAX_IDENTIFIER:
        raise Malformed(f"an object identifier of {len(identifier)} bytes")
    arcs, value = [], 0
    for octet in identifier:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    if not arcs:
        return ""
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))
