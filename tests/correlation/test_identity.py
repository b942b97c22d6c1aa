"""Addresses are joined to one device where frames prove it, and stay two where they only look so."""

from typing import Any

import pytest
from cases import SECOND, START, answer, case, dns_flow, flow, tables
from samples import sample

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.devices.across import same_devices
from lynccap.correlation.devices.hardware import embedded_mac
from lynccap.correlation.roles.sides import Location
from lynccap.ingest import read_each
from lynccap.ingest.collecting.collect import collect

FOUR, SIX, LOCAL = "10.1.0.9", "2001:db8:4::9", "fe80::215:5dff:fe00:9"
MAC, OTHER_MAC, ROUTER = "00:15:5d:00:00:09", "00:15:5d:00:00:0a", "00:1b:0d:00:00:01"
POOL, POOL_SIX = "10.9.0.6", "2001:db8:9::6"
NAMES = [answer("sipinternal.contoso.example", POOL), answer("sipinternal.contoso.example", POOL_SIX)]
AGENT = "UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)"


def _sent(
    client: str, mac: str = MAC, ttl: int = 128, at: float = 0.0, server: str = POOL, **facts: Any
) -> dict[str, Any]:
    """A SIP connection of a client, as captured on its own link unless the TTL says otherwise."""
    server = POOL_SIX if ":" in client and server == POOL else server
    times = {"first_time": at, "first_time_client": at, "last_time": at + 1, "last_time_client": at + 1}
    seconds = {name: START + int(value * SECOND) for name, value in times.items()}
    usual = {"stack": "tls/sip", "client_mac": mac, "ttl_client_min": ttl, "ttl_client_max": ttl}
    return flow(client, server, 5061, **{**usual, **seconds, **facts})


def _made(*flows: dict[str, Any], **more: Any) -> Case:
    return case([dns_flow("10.1.0.250"), *flows], dns_answers=NAMES, **more)


def _groups(made: Case) -> list[tuple[str, ...]]:
    return [one.addresses for one in made.devices.all()]


def _lease(address: str, mac: str, at: float, kind: str = "ack") -> list[dict[str, Any]]:
    """An address given on flow 1, which must be DHCP."""
    common = {"flow": 1, "mac": mac, "frame": 4, "first_frame": 4, "time": START + int(at * SECOND)}
    asked = {
        **common,
        "kind": "request",
        "vendor_class": "MS-UC-Client",
        "from_client": True,
        "host_name": f"h-{mac[-2:]}",
    }
    return [asked, {**common, "kind": kind, "your_address": address}]


DHCP = flow("0.0.0.0", "255.255.255.255", 67, transport="udp", stack="dhcp")


def _request(of: int, epid: str, via: str, user: str = "sip:kim@contoso.example", **facts: Any) -> dict[str, Any]:
    return {
        "flow": of, "frame": 10 + of, "kind": "request", "method": "REGISTER", "from_client": True, "hops": 1,
        "from_uri": user, "from_epid": epid, "via_host": f"{via}:50000", "call_id": f"call-{of}", "cseq": 1,
        "user_agent": AGENT, **facts,
    }  # fmt: skip


class TestOneMac:
    def test_joins_both_versions_and_the_link_local_address(self) -> None:
        made = _made(_sent(FOUR), _sent(SIX), _sent(LOCAL, ttl=255, server="fe80::1"), _sent(FOUR))

        (device,) = made.devices.all()

        assert device.addresses == (FOUR, SIX, LOCAL)
        assert device.macs == (MAC,)
        assert {one.second for one in device.links} == {SIX, LOCAL}
        assert all(one.frame and MAC in one.says for one in device.links)
        assert made.devices.of(SIX) is made.devices.of(FOUR)
        assert [made.devices.id_of(one) for one in (SIX, "10.1.0.77", None)] == [FOUR, "10.1.0.77", None]

    def test_id_is_the_address_that_was_used_most(self) -> None:
        made = _made(_sent(FOUR), _sent(SIX), _sent(SIX))

        assert made.devices.of(FOUR).addresses == (SIX, FOUR)

    def test_is_inside_by_what_any_of_its_addresses_reached(self) -> None:
        made = _made(_sent(FOUR), _sent(SIX, opening="refused"), _sent(SIX, opening="refused"))

        device = made.devices.of(FOUR)

        assert device.id == SIX
        assert device.location is Location.INSIDE

    def test_public_ipv6_address_beside_a_private_one_says_nothing(self) -> None:
        device = _made(_sent(FOUR, opening="refused"), _sent(SIX, opening="refused")).devices.of(FOUR)

        assert device.location is Location.UNKNOWN

    @pytest.mark.parametrize("ttl", [127, 63, 254, 57])
    def test_of_a_router_joins_nothing_and_is_nobodys(self, ttl: int) -> None:
        made = _made(_sent(FOUR, ttl=ttl), _sent(SIX, ttl=ttl))

        assert _groups(made) == [(FOUR,), (SIX,)]
        assert {one.macs for one in made.devices.all()} == {()}

    def test_of_a_router_that_also_speaks_for_itself_joins_nothing(self) -> None:
        made = _made(_sent(FOUR), _sent(SIX), _sent("10.1.0.77", ttl=127))

        assert _groups(made) == [(FOUR,), ("10.1.0.77",), (SIX,)]

    @pytest.mark.parametrize(
        "mac",
        [
            "00:00:5e:00:01:07",
            "00:00:5e:00:02:07",
            "00:00:0c:07:ac:0a",
            "00:00:0c:9f:f0:0a",
            "00:05:73:a0:00:0a",
            "00:00:00:00:00:00",
        ],
    )
    def test_of_a_virtual_router_joins_nothing(self, mac: str) -> None:
        assert _groups(_made(_sent(FOUR, mac), _sent(SIX, mac))) == [(FOUR,), (SIX,)]

    def test_before_two_ipv4_addresses_may_be_a_bridges(self) -> None:
        assert len(_groups(_made(_sent(FOUR), _sent("10.1.0.10", at=9.0), _sent(SIX)))) == 3

    def test_before_an_address_made_of_another_mac_is_a_bridges(self) -> None:
        made = _made(_sent(FOUR), _sent("2001:db8:4::215:5dff:fe00:a"))

        assert len(_groups(made)) == 2

    def test_on_both_sides_of_a_router_joins_nothing(self) -> None:
        made = _made(_sent(FOUR, ttl_client_min=127), _sent(SIX, ttl_client_min=127))

        assert len(_groups(made)) == 2

    def test_of_a_server_joins_nothing(self) -> None:
        """A load balancer's virtual addresses share a MAC; their roles are told one by one."""
        flows = [_sent("10.9.0.6", server="10.9.0.7"), _sent("10.9.0.7", server="10.9.0.6")]
        named = [
            answer("sipinternal.contoso.example", "10.9.0.6"),
            answer("lyncdiscoverinternal.contoso.example", "10.9.0.7"),
        ]

        made = case([dns_flow("10.1.0.250"), *flows], dns_answers=named)

        assert all(len(one.addresses) == 1 for one in made.devices.all())

    def test_one_frame_seen_without_ttl_proves_nothing(self) -> None:
        assert len(_groups(_made(_sent(FOUR, ttl=0), _sent(SIX, ttl=0)))) == 2

    def test_cooked_captures_without_mac_join_nothing(self) -> None:
        assert len(_groups(_made(_sent(FOUR, ""), _sent(SIX, "")))) == 2


class TestInterfaceIdentifier:
    def test_tells_its_mac_behind_routers_too(self) -> None:
        six = "2001:db8:4::215:5dff:fe00:9"
        made = _made(DHCP, _sent(FOUR, ROUTER, 127), _sent(six, ROUTER, 127), dhcp=_shifted(_lease(FOUR, MAC, -5)))

        assert made.devices.of(FOUR).addresses == (FOUR, six)
        assert made.devices.of(six).macs == (MAC,)

    def test_of_another_mac_joins_nothing(self) -> None:
        six = "2001:db8:4::215:5dff:fe00:a"
        made = _made(DHCP, _sent(FOUR, ROUTER, 127), _sent(six, ROUTER, 127), dhcp=_shifted(_lease(FOUR, MAC, -5)))

        assert _groups(made) == [(FOUR,), (six,)]

    @pytest.mark.parametrize(
        ("address", "mac"),
        [("fe80::215:5dff:fe00:9", MAC), ("2001:db8::1", None), ("10.1.0.9", None), ("nonsense", None), ("::", None)],
    )
    def test_is_read_as_rfc_4291_writes_it(self, address: str, mac: str | None) -> None:
        assert embedded_mac(address) == mac


def _shifted(dhcp: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "flow": 1} for one in dhcp]


class TestLeases:
    def test_one_after_another_are_one_phones(self) -> None:
        made = _made(
            DHCP, _sent(FOUR, at=0.0), _sent("10.1.7.9", at=30.0), _sent("10.1.7.9", at=33.0),
            dhcp=[*_lease(FOUR, MAC, -5), *_lease("10.1.7.9", MAC, 20)],
        )  # fmt: skip

        (device,) = made.devices.all()

        assert device.addresses == ("10.1.7.9", FOUR)
        assert (device.kind, device.names, device.shared) == ("Lync phone", ("h-09",), False)

    def test_used_at_the_same_time_are_two_machines(self) -> None:
        """A VPN server leases addresses for its guests under its own MAC."""
        leases = [*_lease(FOUR, MAC, -5), *_lease("10.1.7.9", MAC, -4)]
        made = _made(DHCP, _sent(FOUR, at=0.0), _sent("10.1.7.9", at=0.5), dhcp=leases)

        assert _groups(made) == [(FOUR,), ("10.1.7.9",)]

    def test_refused_gives_nothing(self) -> None:
        made = _made(
            DHCP, _sent(FOUR, ROUTER, 127), _sent("10.1.7.9", ROUTER, 127, at=30.0),
            dhcp=[*_lease(FOUR, MAC, -5), *_lease("10.1.7.9", MAC, 20, kind="nak")],
        )  # fmt: skip

        assert len(_groups(made)) == 2

    def test_passed_on_and_used_by_both_is_shared_and_no_ones(self) -> None:
        """The first phone moves on to another address; the second one gets its old one."""
        made = _made(
            DHCP, _sent(FOUR, at=0.0), _sent("10.1.0.30", at=30.0), _sent(FOUR, OTHER_MAC, at=40.0),
            dhcp=[*_lease(FOUR, MAC, -5), *_lease("10.1.0.30", MAC, 20), *_lease(FOUR, OTHER_MAC, 35)],
        )  # fmt: skip

        passed_on = made.devices.of(FOUR)

        assert _groups(made) == [(FOUR,), ("10.1.0.30",)]
        assert passed_on.shared
        assert passed_on.macs == (MAC, OTHER_MAC)
        assert MAC in passed_on.basis
        assert passed_on.kind == "Lync phone"
        assert not made.devices.of("10.1.0.30").shared

    def test_passed_on_before_anything_was_sent_is_the_second_ones_alone(self) -> None:
        made = _made(
            DHCP, _sent("10.1.0.30", at=30.0), _sent(FOUR, OTHER_MAC, at=40.0),
            dhcp=[*_lease(FOUR, MAC, -5), *_lease("10.1.0.30", MAC, 20), *_lease(FOUR, OTHER_MAC, 35)],
        )  # fmt: skip

        assert not made.devices.of(FOUR).shared
        assert made.devices.of(FOUR).macs == (OTHER_MAC,)
        assert made.devices.of("10.1.0.30").macs == (MAC,)


class TestSipClient:
    LAN, TUNNEL = "192.168.178.20", "10.8.0.5"

    def test_that_moves_is_one_device(self) -> None:
        flows = [_sent(self.LAN, ""), _sent(self.TUNNEL, "", at=30.0)]
        made = _made(*flows, sip=[_request(1, "a1b2", self.LAN), _request(2, "A1B2", self.TUNNEL)])

        (device,) = made.devices.all()

        assert set(device.addresses) == {self.LAN, self.TUNNEL}
        assert device.instances == ("sip:kim@contoso.example a1b2",)
        assert "a1b2" in device.links[0].says
        assert device.links[0].frame == 12

    def test_of_another_user_with_the_same_number_is_another(self) -> None:
        flows = [_sent(self.LAN, ""), _sent(self.TUNNEL, "", at=30.0)]
        said = [_request(1, "a1b2", self.LAN), _request(2, "a1b2", self.TUNNEL, user="sip:lee@contoso.example")]

        assert len(_groups(_made(*flows, sip=said))) == 2

    def test_before_and_behind_a_nat_is_not_the_nats_address(self) -> None:
        flows = [_sent(self.LAN, ""), _sent("198.51.100.9", "")]
        said = [_request(1, "a1b2", self.LAN), _request(2, "a1b2", self.LAN, call_id="call-1")]

        assert len(_groups(_made(*flows, sip=said))) == 2

    def test_seen_twice_without_via_is_a_copy(self) -> None:
        flows = [_sent(self.LAN, ""), _sent("198.51.100.9", "")]
        said = [{**_request(of, "a1b2", "", call_id="call-1"), "via_host": None} for of in (1, 2)]

        assert len(_groups(_made(*flows, sip=said))) == 2

    def test_in_requests_passed_on_is_not_the_senders(self) -> None:
        flows = [_sent(self.LAN, ""), _sent(self.TUNNEL, "")]
        said = [_request(of, "a1b2", self.LAN, hops=2) for of in (1, 2)]

        assert len(_groups(_made(*flows, sip=said))) == 2


class TestShared:
    NAT = "198.51.100.9"

    def test_two_clients_behind_nat_are_no_one_persons_device(self) -> None:
        flows = [_sent(self.NAT, ROUTER, 126), _sent(self.NAT, ROUTER, 126, client_port=50_001), _sent(FOUR, at=60.0)]
        said = [_request(1, "a1", "192.168.1.5"), _request(2, "b2", "192.168.1.6", user="sip:lee@contoso.example")]
        made = _made(*flows, sip=[*said, _request(3, "a1", FOUR)])

        device = made.devices.of(self.NAT)

        assert device.shared
        assert (device.kind, device.macs, device.addresses) == ("unknown", (), (self.NAT,))
        assert "192.168.1.5" in device.basis
        assert device.frame == 12
        assert device.word == f"Address {self.NAT}"
        assert made.devices.of(FOUR).addresses == (FOUR,)
        assert made.devices.of(FOUR).kind == "desktop"

    def test_two_users_of_one_pc_are_one_device(self) -> None:
        flows = [_sent(FOUR), _sent(FOUR, at=60.0)]
        said = [_request(1, "a1", FOUR), _request(2, "b2", FOUR, user="sip:lee@contoso.example")]

        device = _made(*flows, sip=said).devices.of(FOUR)

        assert not device.shared
        assert len(device.instances) == 2

    def test_one_client_that_moves_behind_its_nat_is_one_device(self) -> None:
        flows = [_sent(self.NAT, ROUTER, 126), _sent(self.NAT, ROUTER, 126, at=60.0)]
        said = [_request(1, "a1", "192.168.1.5"), _request(2, "a1", "192.168.1.6")]

        assert not _made(*flows, sip=said).devices.of(self.NAT).shared

    def test_programs_of_two_kinds_of_machine_behind_a_router_are_two_machines(self) -> None:
        assert self._with_two_programs(ROUTER, 126).shared

    def test_programs_of_two_kinds_on_one_link_are_one_machines(self) -> None:
        device = self._with_two_programs(MAC, 128)

        assert not device.shared
        assert device.kind == "desktop"
        assert "iPhoneLync" in device.basis

    def _with_two_programs(self, mac: str, ttl: int) -> Any:
        web = {"flow": 2, "frame": 5, "kind": "request", "user_agent": "iPhoneLync/5.4", "from_client": True}
        made = _made(
            _sent(self.NAT, mac, ttl), _sent(self.NAT, mac, ttl), sip=[_request(1, "a1", self.NAT)], http=[web]
        )
        return made.devices.of(self.NAT)


class TestSeveralCaptures:
    def _devices(self, *flows: dict[str, Any], **more: Any) -> Any:
        return build_case(tables([dns_flow("10.1.0.250"), *flows], dns_answers=NAMES, **more)).devices.all()

    def test_address_and_mac_make_one(self) -> None:
        first, second = self._devices(_sent(FOUR), _sent(SIX), _sent(FOUR)), self._devices(_sent(SIX))

        (group,) = same_devices([first, second])

        assert [(number, one.id) for number, one in group] == [(0, FOUR), (1, SIX)]

    def test_a_sip_client_makes_one_at_two_addresses(self) -> None:
        first = self._devices(_sent(FOUR), sip=[_request(1, "a1", FOUR)])
        second = self._devices(_sent("10.8.0.5"), sip=[_request(1, "a1", "10.8.0.5")])

        assert len(same_devices([first, second])) == 1

    def test_another_mac_with_a_shared_address_makes_two(self) -> None:
        first = self._devices(_sent(FOUR), _sent(SIX), _sent(FOUR))
        second = self._devices(_sent("10.1.0.30", OTHER_MAC), _sent(SIX, OTHER_MAC), _sent("10.1.0.30", OTHER_MAC))

        assert len(same_devices([first, second])) == 2

    def test_one_that_joins_two_others_makes_one_of_all(self) -> None:
        apart = [self._devices(_sent(FOUR, "")), self._devices(_sent(SIX, ""))]

        (group,) = same_devices([*apart, self._devices(_sent(FOUR), _sent(SIX))])

        assert len(group) == 3


class TestSamples:
    def _devices(self, name: str) -> Any:
        (read,) = read_each(collect([str(path) for path in sample(name).files()]))
        return build_case(read).devices

    def test_a_pc_of_both_versions_is_one(self) -> None:
        devices = self._devices("devices-dual-stack")

        assert {one.addresses for one in devices.all()} == {
            ("172.29.14.23", "2001:db8:29:14::a7c1", "fe80::3ed9:2bff:fe00:c166"),
            ("172.29.14.24",),
        }

    def test_an_address_passed_on_is_nobodys_alone(self) -> None:
        devices = self._devices("devices-lease-passed-on")

        assert {one.id: one.shared for one in devices.all()} == {"10.212.80.44": True, "10.212.80.45": False}
        assert devices.of("10.212.80.45").macs == ("00:04:f2:6c:12:51",)

    def test_pcs_behind_nat_are_not_one_persons(self) -> None:
        devices = self._devices("devices-behind-nat")

        assert {one.id: (one.shared, one.kind) for one in devices.all()} == {
            "10.37.30.250": (True, "unknown"),
            "10.37.20.66": (False, "desktop"),
        }

    def test_a_phone_that_leaves_the_data_vlan_is_one(self) -> None:
        assert self._devices("phone-boot-dhcp-voice-vlan").of("10.9.100.201").id == "10.9.200.35"

    @pytest.mark.parametrize("name", ["two-refusals-router-legs", "two-refusals-router-any", "two-refusals-both-vlans"])
    def test_on_both_sides_of_a_router_everybody_has_one_mac(self, name: str) -> None:
        macs = [one.macs for one in self._devices(name).all()]

        assert len(macs) == len(set(macs)) == 3
        assert all(len(one) == 1 for one in macs)


def test_a_dock_that_two_laptops_use_makes_them_no_one_machine() -> None:
    given = [*_lease(FOUR, MAC, -5), *_lease("10.1.7.9", MAC, 20)]
    for row in given:
        row["host_name"] = "LAPTOP-A" if row["time"] < START else "laptop-b.contoso.example"
    made = _made(DHCP, _sent(FOUR), _sent("10.1.7.9", at=30.0), dhcp=given)

    assert _groups(made) == [(FOUR,), ("10.1.7.9",)]
    assert made.devices.of(FOUR).names == ()  # type: ignore[union-attr]
