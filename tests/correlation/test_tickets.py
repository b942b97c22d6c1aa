"""Kerberos tickets: what clients asked for and what they were told."""

from typing import Any

from cases import START, flow, tables

from lynccap.correlation.tickets import read_tickets

PC, DC, SIP = "10.4.1.20", "10.4.0.2", "sip/pool.cedar.example"


def said(frame: int, kind: str, service: str = SIP, of: int = 0, **facts: Any) -> dict[str, Any]:
    asks = kind.endswith("req")
    row = {"flow": of, "frame": frame, "time": START + frame, "from_client": asks, "kind": kind, "service": service}
    return {**row, **facts}


def test_questions_and_answers_of_one_service_are_together() -> None:
    flows = [flow(PC, DC, 88, transport="udp"), flow(PC, DC, 88)]
    rows = [said(1, "tgs-req"), said(2, "error", error=52), said(3, "tgs-req", of=1), said(4, "tgs-rep", of=1)]

    (one,) = read_tickets(tables(flows, kerberos=rows))

    assert (one.client, one.server, one.service, one.flows) == (PC, DC, SIP, (0, 1))
    assert ([row.frame for row in one.asked], [row.frame for row in one.granted]) == ([1, 3], [4])
    assert one.unanswered == ()


def test_refusal_before_the_ticket_counts_no_more() -> None:
    rows = [said(1, "tgs-req"), said(2, "error", error=37), said(3, "tgs-req"), said(4, "tgs-rep")]

    (one,) = read_tickets(tables([flow(PC, DC, 88)], kerberos=rows))

    assert one.refusals(37) == ()


def test_services_and_clients_are_apart() -> None:
    flows = [flow(PC, DC, 88), flow("10.4.1.21", DC, 88)]
    rows = [said(1, "tgs-req"), said(2, "tgs-req", "http/web"), said(3, "tgs-req", of=1)]

    found = read_tickets(tables(flows, kerberos=rows))

    assert [(one.client, one.service) for one in found] == [(PC, SIP), (PC, "http/web"), ("10.4.1.21", SIP)]
    assert [row.frame for row in found[0].unanswered] == [1]


def test_what_comes_from_the_wrong_side_is_none() -> None:
    rows = [said(1, "error", error=7, from_client=True), said(2, "tgs-req", from_client=False)]

    assert read_tickets(tables([flow(PC, DC, 88)], kerberos=rows)) == ()


def test_nothing_of_nothing() -> None:
    assert read_tickets(tables([])) == ()
