"""The names of discovery come from the reference tables: what clients ask for, and on which side it is answered."""

from lynccap.correlation.discovery_names import DISCOVERY_NAMES, INNER_NAMES, PHONE_NAMES


def test_names_are_those_of_the_tables() -> None:
    assert set(INNER_NAMES) == {"lyncdiscoverinternal.", "_sipinternaltls._tcp.", "_sipinternal._tcp.", "sipinternal."}
    assert set(DISCOVERY_NAMES) - set(INNER_NAMES) == {"lyncdiscover.", "_sip._tls.", "sipexternal."}
    assert set(PHONE_NAMES) == {"ucupdates-r2.", "ucupdates."}


def test_name_that_every_sip_product_asks_for_is_none() -> None:
    assert not "sip.contoso.example".startswith(DISCOVERY_NAMES)
