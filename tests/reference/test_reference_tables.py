import csv
import dataclasses
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lynccap import reference
from lynccap.reference import reader, rows

FOLDER = files("lynccap.reference")
TABLES = {
    "ports": reference.ports,
    "roles": lambda: tuple(reference.roles().values()),
    "names": reference.names,
    "urls": reference.urls,
    "tls_alerts": lambda: tuple(reference.tls_alerts().values()),
    "icmp_codes": lambda: tuple(reference.icmp_codes().values()),
    "stun_errors": lambda: tuple(reference.stun_errors().values()),
    "sip_diagnostics": reference.sip_diagnostics,
    "sip_products": reference.sip_products,
    "codecs": lambda: tuple(reference.codecs().values()),
    "dhcp_options": lambda: tuple(reference.dhcp_options().values()),
    "discovery_orders": lambda: tuple(reference.discovery_orders().values()),
    "certificate_rules": lambda: tuple(reference.certificate_rules().values()),
    "conflicts": lambda: tuple(reference.conflicts().values()),
    "public_authorities": reference.public_authorities,
    "private_suffixes": reference.private_suffixes,
    "ambiguous_ports": reference.ambiguous_ports,
    "balancer_ports": reference.balancer_ports,
    "needed_paths": reference.needed_paths,
    "q850_causes": lambda: tuple(reference.q850_causes().values()),
    "strangers": lambda: tuple(reference.strangers().values()),
    "quality_thresholds": lambda: tuple(reference.quality_thresholds().values()),
    "ice_flags": reference.ice_flags,
    "recapture": reference.recaptures,
    "sources": lambda: tuple(reference.sources().values()),
    "topology_services": reference.topology_services,
    "topology_usages": reference.topology_usages,
    "service_properties": reference.service_properties,
    "device_signs": reference.device_signs,
    "virtual_macs": reference.virtual_macs,
    "inspection_products": reference.inspection_products,
    "service_versions": lambda: tuple(reference.service_versions().values()),
}
KEYS = {
    "urls": ("path",),
    "tls_alerts": ("code",),
    "icmp_codes": ("version", "type", "code"),
    "stun_errors": ("code",),
    "sip_diagnostics": ("code_min", "code_max"),
    "codecs": ("payload_type",),
    "ambiguous_ports": ("ports", "transport"),
    "balancer_ports": ("pool", "balancing"),
    "needed_paths": ("rule",),
    "strangers": ("path",),
    "ice_flags": ("table", "bit"),
    "recapture": ("code", "where"),
    "device_signs": ("sign", "pattern"),
    "topology_services": ("name", "component", "side"),
    "topology_usages": ("usage", "component"),
}
TABLE = pytest.mark.parametrize("name", TABLES)


def records(name):
    return list(csv.DictReader(FOLDER.joinpath(f"{name}.csv").read_text("utf-8").splitlines()))


def test_every_file_has_a_loader():
    assert {one.name for one in FOLDER.iterdir() if one.name.endswith(".csv")} == {f"{name}.csv" for name in TABLES}


@TABLE
def test_a_table_loads_whole_and_loses_no_row_to_a_repeated_key(name):
    assert len(TABLES[name]()) == len(records(name)) > 0


@TABLE
def test_a_table_repeats_no_key(name):
    key = KEYS.get(name, tuple(records(name)[0])[:1] if name != "names" else ("pattern", "zone"))
    found = [tuple(record[column] for column in key) for record in records(name)]
    assert len(set(found)) == len(found)


@TABLE
def test_a_fact_names_sources_that_exist(name):
    if name == "sources":
        assert all(row.kind and row.reference for row in reference.sources().values())
        return
    for row in TABLES[name]():
        assert row.source, row
        assert set(row.source) <= set(reference.sources()), row


@TABLE
def test_a_confirmed_fact_does_not_rest_on_memory_alone(name):
    for row in TABLES[name]():
        if getattr(row, "verified", False):
            assert row.source != ("unconfirmed",), row


@TABLE
def test_cells_are_clean_and_end_in_their_source(name):
    for record in records(name):
        assert all(cell == cell.strip() and "\t" not in cell for cell in record.values()), record
        assert "||" not in "".join(record.values())
    assert list(records(name)[0])[-1] == ("reference" if name == "sources" else "source")


@TABLE
def test_services_and_roles_are_known(name):
    for row in TABLES[name]():
        services = getattr(row, "services", ()) or (getattr(row, "service", "other"),)
        assert set(services) <= set(reference.SERVICES), row
        named = getattr(row, "roles", ())
        assert set(named) <= set(reference.roles()), row


def test_no_source_is_known_by_a_file_name():
    assert not [row for row in reference.sources().values() if ".txt" in row.reference]
    assert {row.kind for row in reference.sources().values()} >= {"field notes", "unconfirmed", "rfc"}


def test_what_is_written_ends_as_a_sentence():
    texts = [row.says for row in reference.icmp_codes().values()]
    texts += [row.meaning for row in reference.tls_alerts().values()]
    texts += [row.meaning for row in reference.stun_errors().values()]
    texts += [row.meaning for row in (*reference.sip_diagnostics(), *reference.ice_flags())]
    texts += [row.purpose for row in reference.urls()]
    texts += [row.tell for row in reference.ambiguous_ports()]
    texts += [row.report for row in reference.conflicts().values()]
    assert not [text for text in texts if not text.endswith(".")]


def test_alerts_say_what_a_support_engineer_needs():
    alerts = reference.tls_alerts()
    assert (alerts[48].name, alerts[42].name, alerts[0].name) == (
        "unknown_ca",
        "bad_certificate",
        "close_notify",
    )
    assert "root" in alerts[48].meaning


def test_icmp_prohibitions_are_told_from_missing_routes():
    codes = reference.icmp_codes()
    assert codes[4, 3, 13].name == codes[6, 1, 1].name == "admin-prohibited"
    assert (codes[4, 3, 0].name, codes[6, 1, 0].name) == ("net-unreachable", "no-route")
    assert (codes[4, 3, 4].name, codes[6, 2, 0].name) == ("fragmentation-needed", "packet-too-big")


def test_relay_errors_that_belong_to_a_healthy_exchange():
    assert {code for code, row in reference.stun_errors().items() if row.normal} == {401, 438, 487}


@pytest.mark.parametrize("code", [434, 435, 436, 437, 438, 486, 487])
def test_relay_errors_read_nowhere_stay_marked(code):
    assert not reference.stun_errors()[code].verified


def test_a_diagnostic_has_its_own_words_before_its_range():
    assert reference.sip_diagnostic(1034).area == "federation"
    assert reference.sip_diagnostic(1999).meaning == "A reason of the SIP layer."
    assert reference.sip_diagnostic(32).code_min == 32
    assert reference.sip_diagnostic(35).code_min == 26
    assert reference.sip_diagnostic(51004).normal
    assert reference.sip_diagnostic(99999) is None


@pytest.mark.parametrize("code", [22, 24, 25, 32, 33, 10037, 12003])
def test_diagnostics_read_nowhere_stay_marked(code):
    assert not reference.sip_diagnostic(code).verified


def test_ranges_of_diagnostics_nest_and_never_cross():
    spans = [(row.code_min, row.code_max) for row in reference.sip_diagnostics()]
    assert all(low <= high for low, high in spans)
    crossing = [(one, two) for one in spans for two in spans if one[0] < two[0] <= one[1] < two[1]]
    assert not crossing


def test_payload_types_are_sent_as_seven_bits_and_rates_grow_with_headers():
    for row in reference.codecs().values():
        assert 0 <= row.payload_type < 128
        if row.ip_kbps is not None:
            assert row.payload_kbps < row.ip_kbps < row.ip_fec_kbps
    assert reference.codecs()[114].name == "RTAudio wideband"
    assert reference.codecs()[9].clock_rate == 8000  # RFC 3551 4.5.2: 8000 although it samples at 16 kHz


def test_phone_options_hold_the_values_phones_compare():
    options = reference.dhcp_options()
    assert options["43.1"].expected.startswith("MS-UC-Client (" + b"MS-UC-Client".hex().upper())
    assert options["43.5"].expected == "/CertProv/CertProvisioningService.svc"


def test_discovery_begins_with_autodiscover_but_for_older_clients():
    first = {client: row.steps[0] for client, row in reference.discovery_orders().items()}
    assert first.pop("lync-2010") == "_sipinternaltls._tcp"
    assert first.pop("phone-edition") == "_sipinternaltls._tcp"
    assert set(first.values()) == {"lyncdiscoverinternal"}


def test_each_step_of_discovery_is_a_known_name():
    known = {row.pattern.removesuffix(".*") for row in reference.names()}
    for row in reference.discovery_orders().values():
        assert {step for step in row.steps if " " not in step} <= known


def test_edge_certificates_name_the_sip_domains():
    rule = reference.certificate_rules()["edge-external"]
    assert "sip.<sip-domain>" in rule.names_required
    assert not set(rule.names_required) & set(rule.names_refused)
    assert {usage for row in reference.certificate_rules().values() for usage in row.usages} == {
        "serverAuth",
        "clientAuth",
    }


def test_thresholds_get_worse_from_warn_to_poor():
    for row in reference.quality_thresholds().values():
        assert (row.poor < row.warn) is row.lower_is_worse
        assert row.poor != row.warn


def test_dns_load_balancing_leaves_only_web_ports_to_the_load_balancer():
    rows = {(row.pool, row.balancing): set(row.ports) for row in reference.balancer_ports()}
    assert rows["fe", "dns"] == {80, 443, 8080, 4443}
    assert rows["fe", "dns"] < rows["fe", "hardware"]
    assert rows["director", "dns"] < rows["director", "hardware"]
    assert 5061 in rows["fe", "hardware"]
    assert {row.pool for row in reference.balancer_ports()} <= set(reference.roles())


def test_a_needed_path_is_one_of_the_port_table():
    ids = {row.id for row in reference.ports()}
    assert all(set(row.paths) <= ids for row in reference.needed_paths())
    assert any(rule == "cms-replication-4443-blocked" for rule, _ in reference.needed_ports()[4443])


def test_a_stranger_s_path_is_needed_and_known_by_its_other_end():
    needed = {path for row in reference.needed_paths() for path in row.paths}
    for row in reference.strangers().values():
        assert row.path in needed
        assert row.end in ("from", "to")
        assert set(row.known) <= set(reference.roles())


def test_an_ambiguous_port_means_what_the_port_table_says():
    for row in reference.ambiguous_ports():
        assert 0 < row.port_min <= row.port_max <= 65535
        listed = {one.service for port in (row.port_min, row.port_max) for one in reference.services_on("tcp", port)}
        assert set(row.services) <= listed | {"certprov"}, row.ports
        assert len(row.meanings) > 1


def test_ice_flags_are_single_bits_and_the_two_tables_differ():
    flags = {(row.table, row.bit): row for row in reference.ice_flags()}
    assert all(bit.bit_count() == 1 for _, bit in flags)
    assert flags["client", 0x10].meaning != flags["report", 0x10].meaning
    assert flags["client", 0x80].verified
    assert not flags["client", 0x100].verified


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("/CertProv/CertProvisioningService.svc/anon", "certprov"),
        ("/certprov/certprovisioningservice.svc/mex", "certprov"),
        ("/WebTicket/WebTicketService.svc/Auth", "web-ticket"),
        ("/?sipuri=kim@contoso.com", "autodiscover"),
        ("/Autodiscover/AutodiscoverService.svc/root?originalDomain=contoso.com", "autodiscover"),
        ("/RequestHandlerExt/ucdevice.upx", "device-update"),
        ("/ucwa/v1/applications", "ucwa"),
        ("/meet/kim/ABC", "meet"),
        ("/GroupExpansion/int/service.asmx", "address-book"),
    ],
)
def test_a_request_says_its_service(target, service):
    assert reference.url_row(target).service == service


@pytest.mark.parametrize("target", ["", "/", "/meeting", "/?sip=", "/RequestHandlerX", "<crl>/x", "*"])
def test_a_request_that_only_resembles_a_path_says_nothing(target):
    assert reference.url_row(target) is None


def test_only_the_chain_download_among_certificate_requests_may_come_without_tls():
    plain = {row.path for row in reference.urls() if row.service == "certprov" and row.http80_allowed}
    assert plain == {"/CertProv/CertProvisioningService.svc/anon"}


@given(st.text(max_size=100))
def test_any_text_may_be_asked_as_a_request(target):
    row = reference.url_row(target)
    assert row is None or target.lower().startswith(row.path.lower())


@pytest.mark.parametrize("kind", [one for one in vars(rows).values() if dataclasses.is_dataclass(one)])
def test_rows_cannot_be_changed(kind):
    assert kind.__dataclass_params__.frozen


def test_a_foreign_header_is_refused():
    with pytest.raises(ValueError, match="are not the fields of RoleRow"):
        reader.read(rows.RoleRow, "ports.csv")


def test_loaded_tables_cannot_be_changed():
    with pytest.raises(TypeError, match="does not support item assignment"):
        reference.roles()["x"] = None
