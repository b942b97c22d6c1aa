"""Requests to Lync's web services that can be read, and what came back, in words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.subjects import Subject, subject_of


def asked_of_servers(inquiry: Inquiry, *protocols: str) -> Iterator[WebExchange]:
    """The requests of some protocols, those to forward proxies left out: a proxy's answer is no server's."""
    proxied = inquiry.case.proxied
    return (one for one in inquiry.case.exchanges if one.protocol in protocols and one.flow not in proxied)


def asked_of_lync(inquiry: Inquiry, *protocols: str) -> Iterator[WebExchange]:
    """Those of them to hosts that are shown to be Lync servers."""
    is_lync = inquiry.case.roles.is_lync
    return (one for one in asked_of_servers(inquiry, *protocols) if is_lync(one.server))


def by_client(exchanges: Iterable[WebExchange]) -> Iterator[tuple[str, list[WebExchange]]]:
    """What each client of each capture asked, in order."""
    groups: dict[tuple[int, str], list[WebExchange]] = defaultdict(list)
    for one in exchanges:
        groups[one.capture, one.client].append(one)
    return ((client, ones) for (_, client), ones in sorted(groups.items()))


def by_server(exchanges: Iterable[WebExchange]) -> list[list[WebExchange]]:
    """The exchanges of one client, server by server."""
    groups: dict[str, list[WebExchange]] = defaultdict(list)
    for one in exchanges:
        groups[one.server].append(one)
    return [ones for _, ones in sorted(groups.items())]


def subject_asking(inquiry: Inquiry, exchanges: Sequence[WebExchange]) -> Subject:
    """The conversations of some exchanges, from the time of the first one."""
    first, *others = flows_of(exchanges)
    reading = inquiry.reading(first, *others)
    return replace(subject_of(inquiry, first), time=exchanges[0].time, others=tuple(others), reading=reading)


def frames_of(exchanges: Iterable[WebExchange]) -> tuple[int, ...]:
    """The first frames of the requests and the last ones of the answers."""
    return tuple(chain.from_iterable(one.frames for one in exchanges))


def flows_of(exchanges: Iterable[WebExchange]) -> tuple[int, ...]:
    """The conversations they are in."""
    return tuple(dict.fromkeys(one.flow for one in exchanges))


def answers_in_words(exchanges: Sequence[WebExchange]) -> str:
    """What came back: statuses, and resets."""
    statuses = sorted({int(one.row.status) for one in exchanges if one.row.status is not None})
    words = [f"HTTP {one}" for one in statuses] + (["a reset"] if any(one.reset for one in exchanges) else [])
    return " and ".join(words)


def speaker_in_words(exchanges: Sequence[WebExchange]) -> str:
    """A sentence on who wrote the answers, by their own headers; "" when they do not say."""
    told = {(one.response.server or "", one.response.via or "") for one in exchanges if one.response}
    named = sorted({name for pair in told for name in pair if name})
    return f" The answer calls its sender {', '.join(named)}." if named else ""


def sessions_after(inquiry: Inquiry, client: str, since: int) -> list[TlsSession]:
    """The TLS sessions of a client with Lync servers that end at or after a time."""
    found = inquiry.case.sessions_of(inquiry.case.attempts_of(client))
    return [one for one in found if one.last_time >= since]
