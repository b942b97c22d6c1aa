"""How one SIP request ended, for what rides on SIP."""

from enum import StrEnum

from dissectors.sip.message import SipMessage


class SipOutcome(StrEnum):
    """How one request ended, in the words all services on SIP share."""

    OK = "ok"
    CHALLENGED = "challenged"
    """401 or 407: a normal first answer."""
    REDIRECTED = "redirected"
    FAULT = "fault"
    """SIP carried the answer, and the answer says no."""
    SIP_ERROR = "sip-error"
    NO_ANSWER = "no-answer"
    """No final response in the capture."""


def outcome_of(response: SipMessage | None) -> SipOutcome:
    """How the request ended by its final response; None is no response."""
    if response is None or response.status is None or response.status < 200:
        return SipOutcome.NO_ANSWER
    if response.status in (401, 407):
        return SipOutcome.CHALLENGED
    if response.status >= 400:
        return SipOutcome.SIP_ERROR
    return SipOutcome.REDIRECTED if response.status >= 300 else SipOutcome.OK
