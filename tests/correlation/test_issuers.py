from cases import flow, tables

from lynccap.correlation.tls.issuers import IssuerLink, issuer_links

FLOWS = [flow("10.1.0.9", "10.1.0.20", 5061), flow("10.1.0.9", "10.1.0.30", 80)]
LEAF = {"flow": 0, "subject": "CN=sip", "issuer": "CN=Issuing"}
ISSUER = {"flow": 1, "subject": "CN=Issuing", "issuer": "CN=Root", "carried": "aia"}
ROOT = {"flow": 1, "subject": "CN=Root", "issuer": "CN=Root", "carried": "aia", "self_signed": True}


def links(*certificates, flows=FLOWS):
    return issuer_links(tables(flows, certificates=list(certificates)))


def test_fetched_issuer_is_linked_to_what_it_issued():
    presented = {**ISSUER, "flow": 0, "carried": "tls", "position": 1}

    assert links(LEAF, presented, ISSUER, ROOT) == (IssuerLink(0, 2, False), IssuerLink(1, 3, True))


def test_other_names_other_carriers_and_unreadable_ones_link_nothing():
    assert links(LEAF, ROOT) == ()
    assert links(LEAF, {**ISSUER, "carried": "certprov"}) == ()
    assert links(LEAF, {**ISSUER, "unreadable": "damaged"}) == ()
    assert links({**ROOT, "flow": 0, "carried": "tls"}, ROOT) == ()


def test_captures_are_kept_apart():
    assert links(LEAF, ISSUER, flows=[FLOWS[0], {**FLOWS[1], "capture": 1}]) == ()
