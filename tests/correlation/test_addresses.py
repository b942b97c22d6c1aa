"""Addresses say what reach they have."""

import pytest

from lynccap.correlation.addresses import Scope, is_address, scope_of, sort_key, split_endpoint, subnet_of


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("10.1.2.3", Scope.PRIVATE),
        ("100.64.0.1", Scope.PRIVATE),
        ("fd00::1", Scope.PRIVATE),
        ("192.0.2.1", Scope.PUBLIC),  # documentation networks stand for public ones
        ("2001:db8::1", Scope.PUBLIC),
        ("169.254.1.1", Scope.LOCAL),
        ("224.0.0.251", Scope.GROUP),
        ("255.255.255.255", Scope.GROUP),
        ("not an address", Scope.LOCAL),
    ],
)
def test_scope(address: str, scope: Scope) -> None:
    assert scope_of(address) is scope


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("10.0.0.1:50000", ("10.0.0.1", 50000)),
        ("[2001:db8::1]:443", ("2001:db8::1", 443)),
        ("", None),
        (None, None),
        ("10.0.0.1", None),
    ],
)
def test_endpoints_are_split(text: str | None, endpoint: tuple[str, int] | None) -> None:
    assert split_endpoint(text) == endpoint


def test_subnets_stand_in_for_unknown_ones() -> None:
    assert subnet_of("10.1.2.3") == "10.1.2.0/24"
    assert subnet_of("2001:db8::1") == "2001:db8::/64"


def test_order_is_by_number() -> None:
    assert sorted(["10.0.0.10", "10.0.0.9", "fd00::1"], key=sort_key) == ["10.0.0.9", "10.0.0.10", "fd00::1"]


def test_rdata_that_is_no_address_is_told() -> None:
    assert not is_address("\\# 4 c0a80201")
