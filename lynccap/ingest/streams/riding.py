"""What rides on SIP: requests and responses of one connection paired, and read by the service that claims them."""

from collections.abc import Iterable, Iterator

from dissectors import sip_rider_of
from dissectors.contract import Message
from dissectors.sip import SipMessage
from lynccap.ingest.streams.assembly import Segment

Found = tuple[Message, Segment, Segment]
"""A message, the segment it begins in and the one that completed it."""

FINAL = 200  # the first status that ends a transaction (RFC 3261 7.2)


def ride_on_sip(found: Iterable[tuple[int, Found]]) -> Iterator[tuple[int, Found]]:
    """Of the messages of both sides of a connection, the exchanges of the services on it.

    An exchange is placed where its answer is, and one without an answer where the request is.
    """
    placed = [(side, one) for side, one in found if isinstance(one[0], SipMessage)]
    requests = [one for one in placed if _sip(one).kind == "request" and sip_rider_of(_sip(one))]
    if not requests:
        return
    answers: dict[tuple[object, ...], tuple[int, Found]] = {}
    for one in placed:
        if (_sip(one).status or 0) >= FINAL:
            answers.setdefault(_key(_sip(one), one[0] ^ 1), one)
    for side, (message, first, last) in requests:
        request = _sip((side, (message, first, last)))
        rider, answer = sip_rider_of(request), answers.get(_key(request, side))
        if rider is None:
            continue
        response = None if answer is None else _sip(answer)
        if answer is not None:
            side, (_, _, last) = answer
        yield side, (rider.read(request, response), first, last)


def _sip(one: tuple[int, Found]) -> SipMessage:
    message = one[1][0]
    assert isinstance(message, SipMessage)
    return message


def _key(message: SipMessage, asker: int) -> tuple[object, ...]:
    """What request and response of a transaction share, and the side that asked (RFC 3261 17.1.3)."""
    return asker, message.call_id, message.cseq, message.method
