"""A device is what it shows, and inside or outside by what it reached."""

from typing import Any

import pytest
from cases import answer, case, dns_flow, flow
from samples import document_of

from lynccap.correlation.roles.sides import Location

INSIDE = "lyncdiscoverinternal.contoso.example"


def _question(of: int, name: str) -> dict[str, Any]:
    return {"flow": of, "frame": 2, "kind": "request", "name": name, "from_client": True}


def _lease(vendor_class: str) -> list[dict[str, Any]]:
    common = {"flow": 1, "mac": "00:15:5d:00:00:01", "frame": 4, "first_frame": 4}
    asked = {**common, "kind": "request", "vendor_class": vendor_class, "from_client": True}
    return [asked, {**common, "kind": "ack", "your_address": "10.1.0.9"}]


@pytest.mark.parametrize("vendor_class", ["MS-UC-Client", "CPE-OCPHONE"])
def test_dhcp_class_makes_a_phone(vendor_class: str) -> None:
    dhcp = flow("0.0.0.0", "255.255.255.255", 67, transport="udp", stack="dhcp")

    made = case([dns_flow(), dhcp], dhcp=_lease(vendor_class))

    assert made.devices.of("10.1.0.9").kind == "Lync phone"


def test_lease_of_another_class_makes_nothing() -> None:
    dhcp = flow("0.0.0.0", "255.255.255.255", 67, transport="udp", stack="dhcp")

    made = case([dns_flow(), dhcp], dhcp=_lease("MSFT 5.0"))

    assert made.devices.of("10.1.0.9") is None


def test_who_asks_for_the_inner_discovery_name_is_a_client_of_either_kind() -> None:
    made = case([dns_flow()], dns=[_question(0, INSIDE)])

    assert made.devices.of("10.1.0.9").kind == "client"


def test_dns_server_that_asks_for_others_is_no_device() -> None:
    flows = [dns_flow(), dns_flow("10.1.0.53", "198.51.100.53")]

    made = case(flows, dns=[_question(0, INSIDE), _question(1, INSIDE)])

    assert made.devices.of("10.1.0.53") is None


def test_strangers_are_no_devices() -> None:
    made = case([flow("10.1.0.77", "198.51.100.20", 443, stack="tls")])

    assert made.devices.all() == ()


def test_signing_in_at_a_private_address_is_inside() -> None:
    sip = flow("10.1.0.9", "10.9.0.6", 5061, stack="tls")

    made = case([dns_flow(), sip], dns_answers=[answer("sipinternal.contoso.example", "10.9.0.6")])

    assert made.devices.of("10.1.0.9").location is Location.INSIDE


def test_signing_in_at_a_public_edge_is_outside_whatever_the_home_network_is() -> None:
    sip = flow("192.168.1.20", "203.0.113.5", 443, stack="tls")

    made = case([dns_flow(), sip], dns_answers=[answer("sipexternal.contoso.example", "203.0.113.5")])

    assert made.devices.of("192.168.1.20").location is Location.OUTSIDE


def test_private_address_alone_proves_nothing() -> None:
    web = flow("192.168.1.20", "203.0.113.5", 80, opening="refused")

    made = case([dns_flow(), web], dns_answers=[answer("lyncdiscover.contoso.example", "203.0.113.5")])

    assert made.devices.of("192.168.1.20").location is Location.UNKNOWN


def test_a_routers_mac_is_nobodys() -> None:
    flows = [dns_flow()]
    flows += [flow(f"10.1.0.{n}", "10.9.0.6", 5061, stack="tls", client_mac="00:00:5e:00:01:01") for n in range(10, 16)]

    made = case(flows, dns_answers=[answer("sipinternal.contoso.example", "10.9.0.6")])

    assert {one.macs for one in made.devices.all()} == {()}


@pytest.mark.parametrize(("hops", "kind"), [(1, "desktop"), (2, None)])
def test_request_passed_on_names_the_program_of_another(hops: int, kind: str | None) -> None:
    sip = flow("10.1.0.9", "10.9.0.6", 5061, stack="tls/sip")
    agent = "UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)"
    request = {"flow": 0, "frame": 9, "kind": "request", "method": "INVITE", "user_agent": agent, "hops": hops}

    made = case([sip], sip=[{**request, "from_client": False}])

    device = made.devices.of("10.9.0.6")
    assert (device.kind if device else None) == kind


OFFICE_CLIENT = "UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)"


def _sip(of: int, kind: str, **says: Any) -> dict[str, Any]:
    return {"flow": of, "frame": 4 + of, "first_frame": 4 + of, "kind": kind, "from_client": kind == "request", **says}


def test_server_that_passes_a_clients_request_on_stays_a_server() -> None:
    flows = [flow("10.1.0.9", "10.9.0.6", 5061, stack="tls/sip"), flow("10.9.0.6", "10.1.0.10", 5061, stack="tls/sip")]
    passed = [_sip(of, "request", method="INVITE", user_agent=OFFICE_CLIENT) for of in (0, 1)]

    made = case(flows, sip=[*passed, _sip(0, "response", status=100, server="RTC/5.0")])

    assert made.devices.of("10.1.0.9").kind == "desktop"
    assert (made.devices.of("10.9.0.6").kind, made.devices.of("10.9.0.6").role) == ("server", "fe")


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        (OFFICE_CLIENT, "desktop"),
        ("CPE/4.0.7577.4455 OCPhone/4.0.7577.4455 (Microsoft Lync Phone Edition)", "Lync phone"),
        ("iPhoneLync/5.4", "mobile"),
        ("PolycomVVX-VVX_410-UA/5.5.0.20556", "third-party phone"),
        ("AUDC-IPPhone/2.2.8.61 (440HDG-Rev0; 00908F602AAC)", "third-party phone"),
        ("Audiocodes-Sip-Gateway-Mediant 1000/v.5.80A.055.002", "gateway"),
        ("Polycom HDX 8000 HD (Release - 2.6.1.3-5205)", "room system"),
        ("GDoc/1.2", None),
        ("Mozilla/5.0 PadLyncher", None),
    ],
)
def test_user_agents_are_told_by_the_beginning_of_a_word(user_agent: str, kind: str | None) -> None:
    web = flow("10.1.0.9", "198.51.100.7", 80, stack="http")
    made = case([web], http=[{"flow": 0, "frame": 4, "kind": "request", "user_agent": user_agent, "from_client": True}])

    device = made.devices.of("10.1.0.9")
    assert (device.kind if device else None) == kind


def _phone_lease(mac: str = "00:15:5d:00:00:01", vendor_class: str = "CPE-OCPHONE") -> list[dict[str, Any]]:
    return [{**one, "flow": 0, "mac": mac} for one in _lease(vendor_class)]


DHCP_FLOW = flow("0.0.0.0", "255.255.255.255", 67, transport="udp", stack="dhcp")


def test_stronger_sign_names_the_kind_and_the_weaker_one_is_noted() -> None:
    """Lync on a PC asks DHCP with the class made for phones when DNS tells it nothing."""
    sip = flow("10.1.0.9", "10.9.0.6", 5061, stack="tls/sip")
    said = _sip(1, "request", method="REGISTER", user_agent=OFFICE_CLIENT, hops=1)

    device = case([DHCP_FLOW, sip], dhcp=_phone_lease(vendor_class="MS-UC-Client"), sip=[said]).devices.of("10.1.0.9")

    assert (device.kind, device.frame) == ("desktop", 5)
    assert device.basis == f"User-Agent {OFFICE_CLIENT}; against it, weaker: DHCP vendor class MS-UC-Client"


def test_a_third_party_phone_uses_what_is_made_for_lync_phones_without_contradiction() -> None:
    sip = flow("10.1.0.9", "10.9.0.6", 5061, stack="tls/sip")
    said = _sip(1, "request", method="REGISTER", user_agent="PolycomVVX-VVX_410-UA/5.5.0", hops=1)

    device = case([DHCP_FLOW, sip], dhcp=_phone_lease(vendor_class="MS-UC-Client"), sip=[said]).devices.of("10.1.0.9")

    assert (device.kind, device.basis) == ("third-party phone", "User-Agent PolycomVVX-VVX_410-UA/5.5.0")


POLYCOM = "00:04:f2:00:00:09"


def _signs_in(mac: str, ttl: int = 64) -> dict[str, Any]:
    facts = {"client_mac": mac, "ttl_client_min": ttl, "ttl_client_max": ttl}
    return flow("10.1.0.9", "10.9.0.6", 5061, stack="tls", **facts)


def _with_pool(*flows: dict[str, Any], **more: Any) -> Any:
    names = [answer("sipinternal.contoso.example", "10.9.0.6")]
    return case([dns_flow("10.1.0.250"), *flows], dns_answers=names, **more).devices


def test_maker_of_the_network_card_is_a_hint_and_no_kind() -> None:
    device = _with_pool(_signs_in(POLYCOM)).of("10.1.0.9")

    assert device.kind == "unknown"
    assert "Polycom" in device.basis
    assert "possibly" in device.basis


def test_maker_of_a_routers_card_says_nothing_of_who_is_behind() -> None:
    device = _with_pool(_signs_in(POLYCOM, ttl=63)).of("10.1.0.9")

    assert "Polycom" not in device.basis


def test_what_it_tells_the_switch_makes_a_phone_of_any_make() -> None:
    told = {"mac": POLYCOM, "protocol": "lldp", "device": "SEP9", "port": "1", "telephone": True, "frame": 7}

    device = _with_pool(_signs_in(POLYCOM), neighbours=[told]).of("10.1.0.9")

    assert (device.kind, device.frame) == ("phone", 7)
    assert device.is_phone


@pytest.mark.parametrize("facts", [{"telephone": False}, {"mac": "00:04:f2:00:00:0a"}])
def test_switches_and_other_phones_tell_the_switch_nothing_of_this_one(facts: dict[str, Any]) -> None:
    told = {"mac": POLYCOM, "protocol": "lldp", "device": "SEP9", "port": "1", "telephone": True, "frame": 7, **facts}

    assert _with_pool(_signs_in(POLYCOM), neighbours=[told]).of("10.1.0.9").kind == "unknown"


def test_telephone_of_somebody_elses_is_no_device() -> None:
    told = {"mac": POLYCOM, "protocol": "lldp", "device": "SEP9", "port": "1", "telephone": True, "frame": 7}
    other = {
        **_signs_in(POLYCOM),
        "client": "10.1.0.77",
        "server": "198.51.100.20",
        "server_port": 5060,
        "stack": "sip",
    }

    assert _with_pool(other, neighbours=[told]).of("10.1.0.77") is None


@pytest.mark.parametrize(
    ("target", "agent", "kind"),
    [
        ("/ucwa/v1/applications", None, "mobile"),
        ("/ucwa/v1/applications", "Mozilla/5.0 (Windows NT 10.0)", None),
        ("/ucwatch", None, None),
    ],
)
def test_ucwa_alone_makes_a_mobile_unless_a_browser_speaks_it(target: str, agent: str | None, kind: str | None) -> None:
    web = flow("10.1.0.9", "198.51.100.7", 443, stack="tls/http")
    asked = {"flow": 0, "frame": 4, "kind": "request", "target": target, "user_agent": agent, "from_client": True}

    device = case([web], http=[asked]).devices.of("10.1.0.9")

    assert (device.kind if device else None) == kind


def test_who_signs_in_over_sip_is_no_mobile_for_speaking_ucwa() -> None:
    web = flow("10.1.0.9", "198.51.100.7", 443, stack="tls/http")
    asked = {"flow": 1, "frame": 4, "kind": "request", "target": "/ucwa/v1/x", "from_client": True}

    assert _with_pool(web, _signs_in(""), http=[asked]).of("10.1.0.9").kind == "unknown"


def test_all_names_it_tells_are_kept() -> None:
    lease = [{**one, "host_name": "lobby", "client_fqdn": "lobby.contoso.example"} for one in _phone_lease()]

    assert case([DHCP_FLOW], dhcp=lease).devices.of("10.1.0.9").names == ("lobby", "lobby.contoso.example")


def test_a_proxy_that_is_no_deployments_is_no_phone_of_its_visitors() -> None:
    """The shop's reverse proxy asks inside for what the phone's app asked outside, User-Agent and all."""
    kinds = {one.id: one.kind for one in document_of("roles-reverse-proxy").devices}

    assert kinds["203.0.113.211"] != "mobile"
    assert kinds["198.51.100.20"] == kinds["198.51.100.33"] == "mobile"
