"""What a client's other traffic shows of its user: signed in, in a meeting, led to a server by which name."""

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.protocol_numbers import PSOM_PORT, SIP_TLS_PORT
from lynccap.correlation.roles.claims import EDGE_ACCESS, EDGE_WEBCONF

SHARED_MEETING_PORT = 444  # ports.csv p095: meeting data, where all services of an Edge share one address


def signed_in(case: Case, client: str, *roles: str) -> tuple[int, ...]:
    """Frames that show the client's SIP connection working: server data on 5061, or on 443 at the Access Edge.

    With `roles`: only at servers that hold one of them.
    """
    frames = []
    for attempt in case.attempts_of(client):
        is_sip = attempt.port == SIP_TLS_PORT or case.roles.is_sip(attempt.server, attempt.port)
        if is_sip and (not roles or case.roles.has(attempt.server, *roles)):
            frames += [one.data_frame for one in case.sessions_of([attempt]) if one.completed]
    return tuple(frames)


def is_at_conference(case: Case, attempt: Attempt) -> bool:
    """Whether an attempt is for a meeting's data, and only for that: port 8057, or the Web Conferencing Edge's own."""
    held = case.roles.roles_of(attempt.server)
    return attempt.port == PSOM_PORT or held == {EDGE_WEBCONF} or shares_address(attempt, held)


def shares_address(attempt: Attempt, held: frozenset[str]) -> bool:
    """Whether an attempt is at the port for meeting data of an Edge whose services share the Access Edge's address."""
    return attempt.port == SHARED_MEETING_PORT and EDGE_ACCESS in held


def meeting_frames(case: Case, client: str) -> tuple[int, ...]:
    """Frames that show the client in a meeting: protected data of a server for meeting data."""
    mine = [one for one in case.attempts_of(client) if one.established and is_at_conference(case, one)]
    return tuple(one.data_frame for one in case.sessions_of(mine) if one.completed)


def name_asked(case: Case, client: str, server: str, before: int) -> str:
    """The last name by which DNS led a client to a server before a time; "" when it asked for none of its names."""
    told = [
        (one.response_time, one.name.lower())
        for one in case.lookups_of(client)
        if one.answered and one.response_time <= before and any(record.value == server for record in one.records)
    ]
    return max(told, default=(0, ""))[1]
