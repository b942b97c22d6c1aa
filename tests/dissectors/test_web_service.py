"""Lync's web services are told by path and asked-for operation; who answers is told by the answer alone."""

import pytest
from http_exchanges import request, response, soap_fault
from hypothesis import given
from hypothesis import strategies as st

from dissectors import rider_of, web_service
from dissectors.web_service import SERVICES
from lynccap.reference import urls

SEARCH = (
    b'<s:Envelope><s:Header/><s:Body a="b">\n<SearchAbEntry xmlns="DistributionListExpander"/></s:Body></s:Envelope>'
)


@pytest.mark.parametrize(
    ("asked", "service", "operation"),
    [
        (request("/abs/handler/F-0d81.lsabs"), "address-book", ""),
        (request("/GroupExpansion/service.svc/mex"), "group-expansion", "metadata"),
        (request("/GroupExpansion/service.svc?wsdl"), "group-expansion", "metadata"),
        (
            request("/groupexpansion/service.svc/WebTicket_Bearer", "POST", body=SEARCH),
            "group-expansion",
            "SearchAbEntry",
        ),
        (request("/GroupExpansion/int/service.asmx", "POST", soap_action="http://x/y/Ask"), "group-expansion", "Ask"),
        (request("/RequestHandler/ucdevice.upx", "POST"), "device-update", ""),
        (request("/RequestHandler/Files/UCPhone/x.cat"), "device-update", "firmware"),
        (request("/DeviceUpdateFiles_Ext/UCPhone/x.nbt"), "device-update", "firmware"),
        (
            request("/LocationInformation/LISService.svc", "POST", soap_action="urn:x:GetLocations"),
            "location",
            "GetLocations",
        ),
        (request("/ucwa/v1/applications", "POST"), "ucwa", "create-application"),
        (request("/ucwa/v1/applications/105", "DELETE"), "ucwa", "end-application"),
        (request("/ucwa/v1/applications/105"), "ucwa", "application"),
        (request("/ucwa/v1/applications/105/events?ack=1&timeout=180"), "ucwa", "event-channel"),
        (request("/ucwa/v1/applications/105/batch", "POST"), "ucwa", "batch"),
        (request("/ucwa/v1/applications/105/me/makeMeAvailable", "POST"), "ucwa", "me"),
        (request("/ucwa/v1/applicationsx"), "ucwa", ""),
        (request("http://web.contoso.com/Mcx/McxService.svc"), "mcx", ""),
        (request("/meet/ada/1QX"), "meet", ""),
        (request("/Reach/Client/WebPages/a.aspx"), "web-app", ""),
        (request("/Reach/sip.svc/x", "POST"), "sign-in-broker", ""),
        (request("/DataCollabWeb/Int/Handler"), "meeting-content", ""),
        (request("/etc/place/null/FileTree/a"), "meeting-content", ""),
    ],
)
def test_path_and_request_tell_service_and_operation(asked, service: str, operation: str):
    read = web_service.read(asked, None)

    assert web_service.claims(asked)
    assert (read.service, read.operation, read.outcome) == (service, operation, "no-answer")


@pytest.mark.parametrize(
    "path", ["/meetings", "/absolute", "/autoupdate", "/conf", "/", "", "/x/meet", "/ucwax", "meet"]
)
def test_paths_are_whole_segments_from_the_root(path: str):
    assert not web_service.claims(request(path))


@pytest.mark.parametrize(
    ("answer", "lyncs"),
    [
        (response(401, web_ticket_url="https://web/WebTicket/WebTicketService.svc"), True),
        (response(200, server_fqdn="fe1.contoso.com"), True),
        (response(500, soap_fault(28020, "no")), True),
        (response(201, b'{"_links":{"self":{"href":"/ucwa/v1/applications/105"}}}'), True),
        (response(200, b"<html>Join our meeting</html>"), False),
        (response(404), False),
        (None, False),
    ],
)
def test_only_the_answer_says_that_the_host_is_lyncs(answer, lyncs: bool):
    assert web_service.read(request("/meet/ada/1"), answer).lync_answer is lyncs


def test_fault_diagnostics_and_redirect_are_told():
    said = '28032;source="fe";reason="The web ticket is invalid."'
    read = web_service.read(request("/abs/handler"), response(302, ms_diagnostics=said, location="https://x/"))

    assert (read.fault_id, read.fault_reason, read.ms_diagnostics) == (28032, "The web ticket is invalid.", said)
    assert (read.outcome, read.location, read.status) == ("redirected", "https://x/", 302)


def test_every_path_of_the_reference_has_a_reader():
    paths = [row.path for row in urls() if not row.path.startswith(("<", "/?")) and "AutoDiscover.svc" not in row.path]

    assert paths
    assert [path for path in paths if rider_of(request(path)) is None] == []


def test_paths_are_written_as_they_are_compared():
    assert all(path == path.lower() and path.startswith("/") and not path.endswith("/") for path in SERVICES)
    assert max(path.count("/") for path in SERVICES) < web_service.MAX_DEPTH


@given(st.sampled_from(sorted(SERVICES)), st.text(max_size=80), st.binary(max_size=200))
def test_whatever_follows_is_read(path: str, tail: str, body: bytes):
    asked = request(f"{path}/{tail}", "POST", body=body)
    read = web_service.read(asked, response(200, body))

    assert web_service.claims(asked) == bool(read.service)
    assert len(read.operation) <= web_service.MAX_OPERATION
