"""What later rules read is worked out when somebody asks, and once."""

import pytest
from cases import case, flow

LAZY = ("dialogs", "ice", "stream_quality", "lookups", "log_ons", "issuers", "clocks")


@pytest.mark.parametrize("name", LAZY)
def test_nobody_pays_for_what_nobody_asks(name: str) -> None:
    made = case([flow("10.1.0.9", "10.1.0.5", 443)])

    assert name not in vars(made)
    assert getattr(made, name) is getattr(made, name)


def test_clocks_and_lookups_are_those_of_the_tables() -> None:
    flows = [
        flow("10.1.0.9", "10.1.0.5", 123, transport="udp", stack="ntp"),
        flow("10.1.0.9", "10.1.0.4", 53, transport="udp", stack="dns"),
    ]
    ntp = [{"kind": "server", "stratum": 2, "flow": 0, "frame": 4, "time": 1, "transmit_time": 2}]
    dns = [{"kind": "request", "flow": 1, "frame": 5, "time": 1, "from_client": True, "name": "pool.contoso.com"}]

    made = case(flows, ntp=ntp, dns=dns)

    assert [one.frame for one in made.clocks] == [4]
    assert [(one.name, one.answered) for one in made.lookups] == [("pool.contoso.com", False)]
