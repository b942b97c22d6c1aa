import pytest
from hypothesis import given
from hypothesis import strategies as st

from lynccap import reference
from lynccap.reference import name_rows, names, ports, roles, search_ports, services_on


def services(rows):
    return {row.service for row in rows}


def test_every_path_of_the_deployment_is_there_once():
    assert len(ports()) == 143
    assert len({row.id for row in ports()}) == 143
    paths = [(row.from_role, row.to_role, row.transport, row.ports, row.purpose) for row in ports()]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("row", ports(), ids=lambda row: row.id)
def test_a_path_is_complete_and_in_known_terms(row):
    assert 0 < row.port_min <= row.port_max <= 65535
    assert row.ports == (str(row.port_min) if row.port_min == row.port_max else f"{row.port_min}-{row.port_max}")
    assert row.transport in ("tcp", "udp")
    assert row.service in reference.SERVICES
    assert {row.from_role, row.to_role} <= set(roles())
    assert row.required in ("required", "conditional", "optional")
    assert set(row.versions) <= {"2010", "2013", "2015", "2019"}
    assert row.versions
    assert row.workloads
    assert row.purpose.endswith(".")
    assert row.when


def test_one_pair_of_roles_uses_one_port_for_one_service_unless_the_server_shares_it():
    """Web services share 80 and 443 by path, Front Ends share 444 among services of one kind."""
    seen = {}
    for row in ports():
        seen.setdefault((row.from_role, row.to_role, row.transport, row.ports, row.protocol), set()).add(row.service)
    shared = {key: found for key, found in seen.items() if len(found) > 1}
    assert shared == {
        ("phone", "fe", "tcp", "80", "HTTP"): {"certprov", "device-update"},
    }


def test_unconfirmed_paths_stay_marked():
    unconfirmed = {row.id for row in ports() if not row.verified}
    assert unconfirmed == {"p018", "p053", "p130", "p131", "p136", "p137", "p143"}
    assert all("unconfirmed" in row.source for row in ports() if not row.verified)


def test_a_role_is_described_and_of_a_known_kind():
    assert len(roles()) == 43
    assert {row.kind for row in roles().values()} == {"client", "server", "network", "other"}
    assert all(row.description for row in roles().values())


def test_5061_is_sip_whoever_listens():
    found = services_on("tcp", 5061)
    assert services(row for row in found if row.ports == "5061") == {"sip"}
    assert {"fe", "director", "sba", "edge_int", "edge_access"} <= {row.to_role for row in found}
    assert found[0].ports == "5061"


def test_8057_is_meeting_data_inside_and_towards_the_edge():
    exact = [row for row in services_on("tcp", 8057) if row.ports == "8057"]
    assert {(row.from_role, row.to_role, row.service) for row in exact} == {
        ("client_internal", "fe", "psom"),
        ("fe", "edge_int", "psom"),
    }


def test_3478_is_the_relay_over_udp_only():
    exact = [row for row in services_on("udp", 3478) if row.ports == "3478"]
    assert services(exact) == {"stun-turn"}
    assert not [row for row in services_on("tcp", 3478) if row.ports == "3478"]


def test_443_alone_does_not_say_the_service():
    assert {"web", "sip", "psom", "stun-turn"} <= services(services_on("tcp", 443))


def test_the_relay_range_holds_its_ends_and_nothing_beyond():
    def relay(port):
        return any(row.ports == "50000-59999" for row in services_on("udp", port))

    assert [relay(port) for port in (49999, 50000, 59999, 60000)] == [False, True, True, False]


def test_the_narrowest_range_comes_first():
    widths = [row.port_max - row.port_min for row in services_on("tcp", 50002)]
    assert widths == sorted(widths)
    assert widths[0] == 2


def test_no_path_uses_an_unknown_transport():
    assert services_on("sctp", 5061) == ()


def test_a_search_takes_numbers_services_roles_and_words():
    assert {row.ports for row in search_ports("5062")} >= {"5062"}
    assert services(search_ports("mras")) == {"mras"}
    assert all("pchat" in (row.from_role, row.to_role) for row in search_ports("pchat"))
    assert [row.id for row in search_ports("5062 edge_int sba")] == ["p076"]
    assert [row.id for row in search_ports("p057")] == ["p057"]
    assert {row.ports for row in search_ports("whiteboards")} == {"8057"}
    assert search_ports("") == list(ports())
    assert search_ports("gopher") == []
    assert search_ports("9" * 5000) == []


def test_a_search_takes_the_ways_people_write():
    assert search_ports("3478/udp") == search_ports("udp 3478") != search_ports("3478/tcp")
    assert {row.protocol for row in search_ports("SIP/MTLS")} >= {"SIP/MTLS"}
    assert search_ports("DIAL-IN") == search_ports("dial in") != []


def test_a_search_for_a_range_finds_what_it_overlaps():
    assert {"50001-50003", "50000-59999"} <= {row.ports for row in search_ports("50000-59999")}
    assert "443" not in {row.ports for row in search_ports("50000-59999")}


@given(st.text(max_size=40))
def test_a_search_never_fails_and_only_finds_known_paths(query):
    assert set(search_ports(query)) <= set(ports())


@pytest.mark.parametrize("row", names(), ids=lambda row: f"{row.pattern}-{row.zone}")
def test_a_name_is_complete_and_in_known_terms(row):
    assert set(row.record_type) <= {"A", "AAAA", "CNAME", "SRV"}
    assert row.zone in ("internal", "external", "both")
    assert set(row.role) <= set(roles())
    assert row.service in reference.SERVICES
    assert row.purpose.endswith(".")
    assert row.missing_means.endswith(".")
    assert row.port is None or 0 < row.port <= 65535


def test_names_do_not_repeat():
    keys = [(row.pattern, row.zone) for row in names()]
    assert len(set(keys)) == len(keys)


def test_a_decisive_name_has_one_role_and_is_confirmed():
    decisive = [row for row in names() if row.decisive]
    assert decisive
    assert all(len(row.role) == 1 and row.verified for row in decisive)
    roles_by_pattern = {}
    for row in decisive:
        roles_by_pattern.setdefault(row.pattern, set()).update(row.role)
    assert all(len(found) == 1 for found in roles_by_pattern.values())


@pytest.mark.parametrize(
    ("name", "role", "decisive"),
    [
        ("lyncdiscoverinternal.contoso.com", ("fe_vip",), True),
        ("LyncDiscover.contoso.com.", ("rp_ext",), False),
        ("_sipinternaltls._tcp.contoso.com", ("fe",), True),
        ("_sipfederationtls._tcp.contoso.com", ("edge_access",), True),
        ("sip.contoso.com", ("fe", "edge_access"), False),
        ("webconf.contoso.com", ("edge_webconf",), False),
        ("time.windows.com", ("ntp",), True),
    ],
)
def test_a_name_says_its_role(name, role, decisive):
    (row,) = name_rows(name)
    assert row.role == role
    assert row.decisive is decisive


def test_a_meeting_name_says_two_zones():
    assert {row.zone for row in name_rows("meet.contoso.com")} == {"internal", "external"}


@pytest.mark.parametrize(
    "name", ["", ".", "sip", "sip.", "sips.contoso.com", "www.sip.contoso.com", "<pool>.", "a" * 300]
)
def test_a_name_that_only_resembles_a_pattern_says_nothing(name):
    assert name_rows(name) == ()


@given(st.text(max_size=300))
def test_any_text_may_be_asked_as_a_name(name):
    assert isinstance(name_rows(name), tuple)
