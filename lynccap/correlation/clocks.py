"""How far the clocks of time servers were from the clock of the capture."""

from typing import NamedTuple

from lynccap.tables import SECOND, Tables

UNSYNCHRONISED_LEAP, UNSYNCHRONISED_STRATUM = 3, 16  # RFC 5905 7.3


class ClockOffset(NamedTuple):
    """What one answer of a time server says of the recording computer's clock, or of its own."""

    flow: int
    frame: int
    server: str
    seconds: float
    """The server's time less the capture's: positive when the capture's clock is behind. Travel time is in it."""


def clock_offsets(tables: Tables) -> tuple[ClockOffset, ...]:
    """One for each answer of a server that knows the time; those that are unsynchronised or refuse say nothing.

    One server may be wrong, and so may the recording computer: several servers that agree are worth more.
    """
    ntp = tables["ntp"]
    known = (ntp["stratum"] > 0) & (ntp["stratum"] < UNSYNCHRONISED_STRATUM) & (ntp["leap"] != UNSYNCHRONISED_LEAP)
    answers = ntp[known & (ntp["kind"] == "server") & (ntp["transmit_time"] > 0) & (ntp["time"] > 0)]
    flows = tables.flows
    return tuple(
        ClockOffset(
            row.flow,
            row.frame,
            flows.at[row.flow, "client" if row.from_client else "server"],
            (row.transmit_time - row.time) / SECOND,
        )
        for row in answers.itertuples()
    )
