import pytest
from cases import SECOND, START, flow, tables

from lynccap.correlation.clocks import clock_offsets

SERVER = "10.1.0.5"
ANSWER = {"kind": "server", "stratum": 2, "frame": 4, "time": START, "transmit_time": START + 90 * SECOND}


def offsets(**facts):
    flows = [flow("10.1.0.9", SERVER, 123, transport="udp", stack="ntp")]
    return clock_offsets(tables(flows, ntp=[{**ANSWER, **facts}]))


def test_server_ahead_of_the_capture_is_positive():
    (found,) = offsets()

    assert (found.server, found.frame, found.seconds) == (SERVER, 4, 90.0)
    assert offsets(transmit_time=START - SECOND // 2)[0].seconds == -0.5


@pytest.mark.parametrize(
    "facts", [{"stratum": 0}, {"stratum": 16}, {"leap": 3}, {"kind": "client"}, {"transmit_time": 0}, {"time": 0}]
)
def test_who_does_not_know_the_time_says_nothing(facts: dict):
    assert offsets(**facts) == ()
