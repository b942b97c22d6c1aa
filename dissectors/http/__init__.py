"""HTTP/1 heads and bodies, read tolerantly (RFC 9112): mid-stream, LF only, chunked, pipelined."""

from dissectors.http.bodies import MAX_BODY
from dissectors.http.exchange import below, fault_of, is_answer, outcome_of, path_of
from dissectors.http.headers import MAX_HEADERS, MAX_VALUE
from dissectors.http.message import ExchangeOutcome, HttpMessage
from dissectors.http.reader import HTTP, MAX_HEAD, Http
from dissectors.http.start_line import MAX_LINE, METHODS

__all__ = [
    "HTTP",
    "MAX_BODY",
    "MAX_HEAD",
    "MAX_HEADERS",
    "MAX_LINE",
    "MAX_VALUE",
    "METHODS",
    "ExchangeOutcome",
    "Http",
    "HttpMessage",
    "below",
    "fault_of",
    "is_answer",
    "outcome_of",
    "path_of",
]
