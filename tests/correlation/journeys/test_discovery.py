"""The order of a device's DNS questions says whose order it is, and no more."""

import pytest

from lynccap.correlation.journeys.discovery import order_words

SECOND = 1_000_000_000
DOMAIN = ".contoso.example"
NEW = "Lync 2013 desktops or Skype for Business desktops"


def words(*names: str, kind: str = "unknown", pause: int = SECOND) -> str:
    return order_words([(place * pause, name + DOMAIN) for place, name in enumerate(names)], kind)


@pytest.mark.parametrize(
    ("names", "kind", "products"),
    [
        (("lyncdiscoverinternal", "lyncdiscover", "_sipinternaltls._tcp"), "desktop", NEW),
        (("lyncdiscoverinternal", "_sipinternaltls._tcp"), "desktop", NEW),  # the first name led it on
        (("lyncdiscoverinternal", "lyncdiscover", "_sipinternaltls._tcp", "_sipinternal._tcp"), "desktop",
         "Lync 2013 desktops"),
        (("lyncdiscoverinternal", "lyncdiscover"), "unknown", f"{NEW.replace(' or', ',')} or mobile apps"),
        (("lyncdiscoverinternal", "lyncdiscover"), "mobile", "mobile apps"),
        (("_sipinternaltls._tcp", "_sipinternal._tcp", "_sip._tls", "sipinternal"), "desktop", "Lync 2010 desktops"),
        (("_sipinternaltls._tcp", "_sipinternal._tcp"), "unknown", "Lync 2010 desktops or Lync Phone Edition"),
        (("_sipinternaltls._tcp", "_sipinternal._tcp"), "Lync phone", "Lync Phone Edition"),
    ],
)  # fmt: skip
def test_questions_fit_all_clients_that_ask_so(names: tuple[str, ...], kind: str, products: str) -> None:
    assert words(*names, kind=kind) == f", in the order of {products}"


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("lyncdiscoverinternal",),
        ("lyncdiscoverinternal", "lyncdiscoverinternal"),
        ("lyncdiscover", "_sip._tls"),  # nobody begins so: what came first is not in the capture
        ("_sipinternaltls._tcp", "lyncdiscoverinternal"),
        ("lyncdiscoverinternal", "sipexternal", "_sipinternaltls._tcp"),
        ("lyncdiscoverinternal", "_sip._udp"),
    ],
)
def test_other_questions_fit_nobody(names: tuple[str, ...]) -> None:
    assert words(*names) == ""


def test_questions_asked_at_once_have_no_order() -> None:
    names = ("_sipinternaltls._tcp", "lyncdiscover", "lyncdiscoverinternal")

    assert words(*names, kind="desktop", pause=1_000_000) == f", in the order of {NEW}"
    assert words(*names, kind="desktop") == ""
