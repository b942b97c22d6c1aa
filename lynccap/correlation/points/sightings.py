"""What each capture shows of its flows that a second capture point can show too."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lynccap.correlation.case import Case
from lynccap.correlation.protocol_numbers import ACK, RST, SYN

_FLOW = [
    "transport",
    "client",
    "client_port",
    "server",
    "server_port",
    "first_time",
    "last_time",
    "opening",
    "frames_client",
    "frames_server",
    "lost_client",
    "lost_server",
]
_HANDSHAKE = {
    "seq": "isn",
    "time": "time",
    "frame": "frame",
    "ip_id": "ip_id",
    "window": "window",
    "options": "options",
}


def sightings(cases: Sequence[Case]) -> pd.DataFrame:
    """One row a flow of each case: `capture` (place of the case) and `flow`, its ends, and its SYN and SYN-ACK.

    Columns of the SYN begin with `syn_`, of the SYN-ACK with `answer_`; they are -1 where the capture has none.
    """
    return _with_ends(pd.concat([_of(place, case) for place, case in enumerate(cases)], ignore_index=True))


def _with_ends(seen: pd.DataFrame) -> pd.DataFrame:
    """With `ends`, a number that flows between the same addresses and ports have, whoever spoke first; and `turned`.

    Of two flows with the same ends, `turned` differs when they disagree on who the client is.
    """
    addresses, _ = pd.factorize(pd.concat([seen["client"], seen["server"]], ignore_index=True))
    ports = np.concatenate([seen["client_port"].to_numpy(), seen["server_port"].to_numpy()])
    numbers, _ = pd.factorize(addresses.astype(np.int64) << 16 | ports)
    client, server = numbers[: len(seen)].astype(np.int64), numbers[len(seen) :].astype(np.int64)
    transports, _ = pd.factorize(seen["transport"])
    both = (np.minimum(client, server) * (len(numbers) + 1) + np.maximum(client, server)) * 256 + transports
    return seen.assign(ends=pd.factorize(both)[0], turned=client > server, client_end=client, server_end=server)


def _of(place: int, case: Case) -> pd.DataFrame:
    flows = case.tables.flows[_FLOW].copy()
    flows.insert(0, "capture", place)
    flows.insert(1, "flow", flows.index.astype("int64"))
    table = case.tables.tcp_frames
    kind, sent = table["flags"].to_numpy() & (SYN | RST | ACK), table["from_client"].to_numpy()
    for prefix, rows in (("syn_", (kind == SYN) & sent), ("answer_", (kind == SYN | ACK) & ~sent)):
        # A flow has one initial sequence number: another one begins another flow.
        first = table.loc[rows, ["flow", *_HANDSHAKE]].drop_duplicates("flow")
        at = first["flow"].to_numpy()
        for column, name in _HANDSHAKE.items():
            values = np.full(len(flows), -1, np.int64)
            values[at] = first[column].to_numpy()
            flows[prefix + name] = values
    return flows
