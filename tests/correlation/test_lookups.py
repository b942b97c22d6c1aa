import dns.message
import pytest
from capture_files import pcap, read, udp
from cases import SECOND, START, dns_flow, flow, tables

from lynccap.correlation.lookups import MAX_WAIT, read_lookups

CLIENT, RESOLVER = "10.1.0.9", "10.1.0.53"
NAME = "_sipinternaltls._tcp.contoso.example"


def question(at: float = 0.0, **facts):
    usual = {"kind": "request", "name": NAME, "record_type": 33, "transaction_id": 7, "from_client": True}
    return {"frame": 10 + round(at * 100), "time": START + round(at * SECOND), **usual, **facts}


def answer(at: float = 0.1, **facts):
    return question(at, **{"kind": "response", "from_client": False, "rcode_name": "noerror", "answers": 1, **facts})


def lookups(*rows, flows=None):
    return read_lookups(tables(flows or [dns_flow()], dns=list(rows)))


def test_repeated_question_is_one_lookup():
    (found,) = lookups(question(), question(1), question(3), answer(3.5))

    assert found.request_frames == [10, 110, 310]
    assert (found.client, found.server, found.rcode_name, found.seconds) == (CLIENT, RESOLVER, "noerror", 3.5)
    assert not found.from_elsewhere


def test_question_without_answer_says_so():
    (found,) = lookups(question(), question(1))

    assert (found.answered, found.seconds, found.answered_by) == (False, None, "")


@pytest.mark.parametrize("other", [{"transaction_id": 8}, {"name": "sip.contoso.example"}, {"record_type": 1}])
def test_other_questions_and_their_answers_are_others(other: dict):
    first, second = lookups(question(), question(0.5, **other), answer(1))

    assert (first.answered, second.answered) == (True, False)


def test_number_used_again_is_another_question():
    first, second = lookups(question(), answer(), question(1), answer(1.1, rcode_name="servfail"))

    assert [first.rcode_name, second.rcode_name] == ["noerror", "servfail"]
    late = lookups(question(), question(MAX_WAIT / SECOND + 1))
    assert len(late) == 2


def test_second_answer_changes_nothing():
    (found,) = lookups(question(), answer(), answer(0.2, rcode_name="servfail"))

    assert found.rcode_name == "noerror"


def test_answer_from_another_address_is_told():
    elsewhere = flow("10.1.0.99", CLIENT, 50_000, client_port=53, transport="udp", stack="dns")
    (found,) = lookups(
        question(), answer(flow=1, from_client=True), flows=[{**dns_flow(), "client_port": 50_000}, elsewhere]
    )

    assert found.from_elsewhere
    assert found.answered_by == "10.1.0.99"


def test_same_question_to_two_servers_is_two_lookups():
    second = {**dns_flow(server="10.1.0.54"), "client_port": 50_000}
    found = lookups(question(), question(1, flow=1), flows=[{**dns_flow(), "client_port": 50_000}, second])

    assert [one.server for one in found] == [RESOLVER, "10.1.0.54"]


def test_real_messages_make_lookups(tmp_path):
    query = dns.message.make_query("lyncdiscover.contoso.example", "A")
    denied = dns.message.make_response(query)
    denied.set_rcode(dns.rcode.NXDOMAIN)
    client, server = (CLIENT, 50_000), (RESOLVER, 53)
    asked = udp(client, server, query.to_wire())
    records = [(START, asked), (START + SECOND, asked), (START + 2 * SECOND, udp(server, client, denied.to_wire()))]
    records.append((START + 3 * SECOND, udp(client, ("224.0.0.252", 5355), query.to_wire())))
    (found,) = read_lookups(read(pcap(records), tmp_path))

    assert (found.name, found.rcode_name, found.request_frames) == ("lyncdiscover.contoso.example", "nxdomain", [1, 2])
    assert found.seconds == 2.0
