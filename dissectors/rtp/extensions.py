"""What Microsoft appends to RTCP reports: profile-specific extensions ([MS-RTP] 2.2.11), read where in clear."""

from dissectors.contract import Cursor

MAX_EXTENSIONS = 20  # of one report ([MS-RTP] 2.2.11)
_HEADER = 4  # type and length; the length counts them in
_ESTIMATED_BANDWIDTH = 0x0001
_NO_ESTIMATE = 0xFFFFFFFA  # from here on: no estimate, and which probes the sender supports
# Each 12 bytes long, with the bits per second in the last four.
_LIMITS = {
    0x0007: "policy_limit",
    0x0008: "relay_limit",
    0x000A: "receiver_limit",
    0x000E: "sender_limit",
}

Extensions = tuple[tuple[int, ...], dict[str, int]]
"""The types in order, and bits per second by field of RtcpMessage."""


def read_extensions(body: Cursor) -> Extensions:
    """The extensions behind the blocks of a report.

    Unknown types are skipped by their length; bytes that are no extensions (other vendors append their own) end
    the reading without a word.
    """
    types: list[int] = []
    values: dict[str, int] = {}
    while body.remaining >= _HEADER and len(types) < MAX_EXTENSIONS:
        kind, size = body.uint(2), body.uint(2)
        if not kind or not _HEADER <= size <= body.remaining + _HEADER:
            break
        types.append(kind)
        values |= _value(kind, body.take(size - _HEADER))
    return tuple(types), values


def _value(kind: int, content: bytes) -> dict[str, int]:
    if len(content) < 8:
        return {}
    rate = int.from_bytes(content[4:8], "big")
    if kind == _ESTIMATED_BANDWIDTH:
        return {"bandwidth": rate} if rate < _NO_ESTIMATE else {}
    return {_LIMITS[kind]: rate} if kind in _LIMITS else {}
