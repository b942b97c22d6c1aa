"""Requests to web services with their answers, and the words of HTTP around them."""

from samples import sample

from lynccap.analysis.study import read_study
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.ingest.collecting.collect import collect


def exchanges_of(name: str) -> tuple[WebExchange, ...]:
    (case,) = read_study(collect([str(sample(name).path)])).cases
    return case.exchanges


def test_holds_what_was_asked_and_answered() -> None:
    one = next(one for one in exchanges_of("phone-boot-healthy") if one.protocol == "certprov")

    assert (one.client, one.server, one.port) == ("10.20.31.101", "10.20.40.21", 80)
    assert one.request is not None
    assert one.request.target.endswith("/anon")
    assert one.response is not None
    assert one.response.server == "Microsoft-IIS/8.5"
    assert (one.host, one.frames, one.reset) == ("lyncweb.contoso.example", (191, 194), False)


def test_are_in_order_of_time_over_all_protocols() -> None:
    ones = exchanges_of("certprov-500")

    assert [one.time for one in ones] == sorted(one.time for one in ones)
    assert {one.protocol for one in ones} == {"autodiscover", "web-service", "certprov"}
