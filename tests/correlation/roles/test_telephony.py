"""A Mediation Server names itself; who speaks with it is a gateway; everybody else's SIP is neither."""

from typing import Any

import pytest
from cases import case, flow

from lynccap.correlation.case import Case

MEDIATION, TRUNK = "10.77.4.8", "10.77.30.2"
WORD = "RTCC/6.0.0.0 MediationServer"


def _message(**facts: Any) -> dict[str, Any]:
    return {"flow": 0, "frame": 3, "kind": "request", "method": "INVITE", "from_client": True, "hops": 1, **facts}


def _answer(**facts: Any) -> dict[str, Any]:
    return _message(frame=7, kind="response", status=200, from_client=False, **facts)


def _call(*messages: dict[str, Any], port: int = 5068) -> Case:
    return case([flow(TRUNK, MEDIATION, port, stack="sip")], sip=list(messages))


def _roles(made: Case) -> dict[str, frozenset[str]]:
    return {address: made.roles.roles_of(address) for address in sorted(made.roles.claims)}


@pytest.mark.parametrize(
    ("word", "decisive"),
    [("Audiocodes-Sip-Gateway-Mediant 800B/v.7.20A.258", True), ("Quokka SBC", False), ("", False)],
)
def test_who_calls_a_mediation_server_is_a_gateway(word: str, decisive: bool) -> None:
    made = _call(_message(user_agent=word or None), _answer(server=WORD))

    assert _roles(made) == {TRUNK: {"gateway"}, MEDIATION: {"mediation"}}
    assert made.roles.best(TRUNK, "gateway").decisive is decisive
    assert made.roles.best(TRUNK, "gateway").frame == 3
    assert made.roles.best(MEDIATION).frame == 7
    assert made.roles.is_lync(MEDIATION)
    assert not made.roles.is_plausible(TRUNK)


def test_a_gateway_that_is_called_is_told_too() -> None:
    flows = [flow(MEDIATION, TRUNK, 5081, stack="sip")]
    made = case(flows, sip=[_message(user_agent=WORD), _answer(server=None)])

    assert _roles(made) == {TRUNK: {"gateway"}, MEDIATION: {"mediation"}}


def test_a_front_end_that_speaks_with_it_is_no_gateway() -> None:
    made = _call(_message(user_agent="RTCC/6.0.0.0 Inbound Routing"), _answer(server=WORD), port=5070)

    assert "gateway" not in made.roles.roles_of(TRUNK)


@pytest.mark.parametrize("word", ["Asterisk PBX 20.5.0", "QuokkaMediationServer/2.0", "snom370/8.7"])
def test_somebody_elses_sip_is_no_telephony_of_lyncs(word: str) -> None:
    made = _call(_message(user_agent="Zoiper rv2.10"), _answer(server=word))

    assert _roles(made) == {}


def test_what_was_passed_on_names_anothers_program() -> None:
    made = _call(_message(user_agent=WORD, hops=2), _answer(server=None))

    assert _roles(made) == {}


def test_one_sided_capture_tells_only_who_was_heard() -> None:
    assert _roles(_call(_message(user_agent="Quokka SBC"))) == {}
    assert _roles(_call(_answer(server=WORD))) == {MEDIATION: {"mediation"}}
