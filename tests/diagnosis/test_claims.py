"""Every claim of the field notes that packets can show is looked for by a rule, or stands in a reference table."""

import csv
from functools import cache
from pathlib import Path

import pytest

from lynccap import reference
from lynccap.diagnosis.catalogue import BY_NAME

LATER = frozenset(
    {
        "appshare-conference-49152-blocked", "appshare-external-fails", "appshare-p2p-tcp-blocked",
        "av-50k-outbound-blocked", "av-edge-tcp443-blocked", "cac-denied", "cac-ports-blocked", "cls-blocked",
        "codec-downgraded", "conference-media-direct-blocked", "e911-lis-fails",
        "edge-gateway-on-internal-nic", "edge-internal-route-missing", "edge-nat-address-wrong",
        "edge-single-subnet-or-nic", "edge-to-edge-3478-blocked", "edge-uses-external-nic-for-internal",
        "fe-444-blocked", "fe-mediation-5070-blocked", "federation-5061-inbound-blocked",
        "federation-5061-outbound-blocked", "federation-domain-not-authorised", "federation-one-way-messages",
        "federation-tls-failed", "gateway-mediation-5067-5068-closed", "ice-all-checks-failed",
        "media-bypass-path-blocked", "media-direct-blocked-between-subnets", "media-missing-after-ice",
        "media-one-way", "media-reflexive-hairpin", "media-start-late", "meeting-content-https-fails",
        "meeting-join-url-fails", "mobile-desktop-ok-mobile-fails", "mobile-lands-on-internal-site",
        "mras-5062-blocked", "mras-tls-failed", "no-relay-candidates-offered", "pchat-unreachable",
        "psom-edge-443-blocked", "psom-fe-to-edge-8057-blocked", "push-notification-path-blocked",
        "registrar-failover-to-backup", "relay-fqdn-unresolved", "rtcp-absent", "sba-central-444-5062-blocked",
        "sip-access-edge-unreachable", "sip-edge-to-nexthop-5061-blocked", "sip-redirect-target-unreachable",
        "sip-registrar-unreachable-internal", "sip-remote-access-disabled", "sip-tls-then-close-loop",
        "sip-user-not-found", "smb-445-blocked", "sql-unreachable", "stun-3478-blocked-external",
        "stun-3478-blocked-internal", "tlsdsk-enrolment-failed", "turn-allocate-401-loop",
        "turn-alternate-server-ignored", "um-unreachable", "wac-unreachable", "webconf-name-unresolved",
        "xmpp-23456-blocked", "xmpp-5269-blocked",
    }
)  # fmt: skip
"""Rules of catalogue groups 5 to 9, 12 and 13 that are still to come; one that comes leaves this list."""


@cache
def _claims() -> dict[str, tuple[str, ...]]:
    with (Path(__file__).parent / "claims.csv").open(encoding="utf-8") as file:
        return {row["id"]: tuple(row["covered by"].split()) for row in csv.DictReader(file, delimiter="|")}


@cache
def _tables() -> dict[str, frozenset[str]]:
    folder = Path(reference.__file__).parent
    keys = {
        "port": ("ports", "id"),
        "name": ("names", "pattern"),
        "url": ("urls", "path"),
        "certificate": ("certificate_rules", "id"),
        "conflict": ("conflicts", "id"),
        "ambiguous": ("ambiguous_ports", "ports"),
        "role": ("roles", "role"),
        "codec": ("codecs", "encoding"),
        "order": ("discovery_orders", "client"),
    }
    found = {}
    for key, (table, column) in keys.items():
        with (folder / f"{table}.csv").open(encoding="utf-8") as file:
            found[key] = frozenset(row[column] for row in csv.DictReader(file))
    return found


def _is_there(one: str) -> bool:
    table, _, key = one.partition(":")
    return key in _tables()[table] if key else one in BY_NAME


def test_all_claims_are_listed() -> None:
    notes = [name.partition("-")[0] for name in _claims()]

    assert {one: notes.count(one) for one in "HSECPR"} == {"H": 37, "S": 13, "E": 36, "C": 63, "P": 42, "R": 8}


@pytest.mark.parametrize("claim", _claims())
def test_is_covered(claim: str) -> None:
    covered = _claims()[claim]
    if covered[0] == "none:":
        return

    unknown = [one for one in covered if not _is_there(one) and one not in LATER]
    assert not unknown
    assert any(_is_there(one) for one in covered)
