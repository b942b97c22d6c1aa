"""What devices asked of DHCP, question by question."""

from typing import Any

from cases import case, flow

from lynccap.correlation.boots import CERTIFICATE_CLASS, VLAN_CLASS, Boot, dhcp_messages, tells_web_service

MAC, OTHER = "00:04:f2:00:00:01", "00:04:f2:00:00:02"
PHONE = "10.1.7.20"


def boots(*rows: dict[str, Any]) -> tuple[Boot, ...]:
    return told(*rows).boots


def told(*rows: dict[str, Any]) -> Any:
    talk = flow("0.0.0.0", "255.255.255.255", 67, transport="udp", opening="one-way", stack="dhcp", basis="bytes")
    return case([talk], dhcp=[{"flow": 0, "frame": place, "time": place, **row} for place, row in enumerate(rows, 1)])


def asked(kind: str, number: int, vendor_class: str = VLAN_CLASS, mac: str = MAC, **facts: Any) -> dict[str, Any]:
    same = {"kind": kind, "mac": mac, "transaction_id": number, "from_client": True}
    return {**same, "vendor_class": vendor_class, "requested_options": (43, 120), **facts}


def answered(kind: str, number: int, mac: str = MAC, **facts: Any) -> dict[str, Any]:
    return {"kind": kind, "mac": mac, "transaction_id": number, "from_client": True, **facts}


LEASE = (
    asked("discover", 1),
    answered("offer", 1, your_address=PHONE),
    asked("request", 1),
    answered("ack", 1, your_address=PHONE, vlan=200),
)


def test_questions_and_answers_of_one_number_are_one_talk() -> None:
    inform = asked("inform", 2, CERTIFICATE_CLASS, client_address=PHONE)

    (boot,) = boots(*LEASE, inform, inform, answered("ack", 2, uc_web_server="web.contoso.com"))

    first, second = boot.talks
    assert (boot.device.id, boot.lease.frame) == (PHONE, 4)
    assert (first.vendor_class, first.is_inform, first.frames) == (VLAN_CLASS, False, (1, 2, 3, 4))
    assert (second.vendor_class, second.is_inform, len(second.asked)) == (CERTIFICATE_CLASS, True, 2)
    assert boot.of_class(CERTIFICATE_CLASS) == (second,)
    assert second.wants(43)
    assert not second.wants(42)
    assert [tells_web_service(row) for row in boot.acks] == [False, True]


def test_two_machines_with_one_number_are_two() -> None:
    second = (asked("request", 1, mac=OTHER), answered("ack", 1, OTHER, your_address="10.1.7.21"))

    assert [one.device.id for one in boots(*LEASE, *second)] == [PHONE, "10.1.7.21"]


def test_answers_nobody_asked_for_are_no_talk() -> None:
    assert boots(answered("ack", 1, your_address=PHONE)) == ()


def test_machine_without_any_address_is_no_device() -> None:
    assert boots(asked("discover", 1), asked("discover", 1)) == ()


def test_messages_of_a_device_are_those_of_its_hardware_too() -> None:
    one = told(*LEASE, asked("discover", 3))

    (boot,) = one.boots

    assert [row.frame for row in dhcp_messages(one.leases, boot.device)] == [1, 2, 3, 4, 5]
