import pytest
from http_exchanges import request, response, soap_fault

from dissectors import web_ticket

SERVICE = "/WebTicket/WebTicketService.svc"


@pytest.mark.parametrize(
    ("target", "claimed"),
    [
        (SERVICE + "/mex", True),
        ("/webticket/webticketservice.svc", True),
        ("https://fe.contoso.com" + SERVICE + "/Auth", True),
        ("/WebTicket/", False),
        ("/CertProv/CertProvisioningService.svc/WebTicket_Proof", False),
        ("/?next=/WebTicket/WebTicketService.svc", False),
    ],
)
def test_claims_its_own_path_only(target: str, claimed: bool):
    assert web_ticket.claims(request(target)) == claimed


@pytest.mark.parametrize(
    ("tail", "method", "step", "authentication"),
    [
        ("/mex", "GET", "metadata", "other"),
        ("/mex", "POST", "metadata", "other"),
        ("/Auth", "POST", "issue", "negotiate"),
        ("/Pin", "POST", "issue", "pin"),
        ("/cert", "POST", "issue", "certificate"),
        ("/FedBearer", "POST", "issue", "federated"),
        ("", "POST", "issue", "other"),
    ],
)
def test_address_tells_step_and_authentication(tail: str, method: str, step: str, authentication: str):
    exchange = web_ticket.read(request(SERVICE + tail, method), response(200))

    assert (exchange.step, exchange.authentication, exchange.outcome) == (step, authentication, "ok")


def test_fault_is_told_with_number_and_reason():
    exchange = web_ticket.read(request(SERVICE + "/Pin", "POST"), response(500, soap_fault(28006, "Wrong PIN.")))

    assert (exchange.status, exchange.outcome) == (500, "fault")
    assert (exchange.fault_id, exchange.fault_reason) == (28006, "Wrong PIN.")


def test_first_answer_is_a_challenge_and_silence_is_no_answer():
    asked = request(SERVICE + "/Auth", "POST")

    assert web_ticket.read(asked, response(401)).outcome == "challenged"
    assert web_ticket.read(asked, None).outcome == "no-answer"


def test_ticket_is_not_kept():
    exchange = web_ticket.read(request(SERVICE + "/Auth", "POST"), response(200, b"<Assertion>secret</Assertion>"))

    assert "secret" not in repr(exchange)


def test_redirect_tells_where_to():
    read = web_ticket.read(
        request("/WebTicket/WebTicketService.svc/Auth", "POST"), response(302, location="https://b/")
    )

    assert (read.outcome, read.location) == ("redirected", "https://b/")
