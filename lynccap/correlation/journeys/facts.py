"""What one stage of a journey came to, and the words all stages share."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lynccap.document import StepOutcome, rfc3339

LISTED = 12  # frames a step lists at most: what a person looks at


class StageName(StrEnum):
    """The stages, as journeys name them."""

    LINK = "link"
    ADDRESS = "address"
    NAMES = "names"
    TIME = "time"
    AUTODISCOVER = "autodiscover"
    ROOT_CHAIN = "root chain"
    WEB_SERVICES = "web services"
    WEB_TICKET = "web ticket"
    CERTIFICATE = "certificate"
    APPLICATIONS = "applications"
    SIP_CONNECT = "sip connect"
    NEXT_HOP = "next hop"
    TLS = "tls"
    CRL = "crl"
    FEDERATION = "federation"
    SIGN_IN = "sign-in"
    RELAY_CREDENTIALS = "relay credentials"
    RELAY = "relay"
    CALL = "call"
    MEDIA = "media"
    WEB_CONFERENCE = "web conference"


@dataclass(frozen=True, slots=True)
class StageFacts:
    """How one stage went for one device; frames are those of the capture, before files are told apart."""

    step: StageName
    outcome: StepOutcome
    says: str
    capture: int = -1
    """-1 when no frame shows it."""
    time: int = 0
    """When it began, nanoseconds; 0 when no frame shows it."""
    frames: tuple[int, ...] = ()
    """At most LISTED, in order; the first is the one it began with."""

    @property
    def is_ok(self) -> bool:
        """Whether frames show that it worked."""
        return self.outcome is StepOutcome.OK

    @property
    def failed(self) -> bool:
        """Whether frames show that it did not."""
        return self.outcome is StepOutcome.FAILED


def listed(frames: Iterable[int], *last: int) -> tuple[int, ...]:
    """The first of some frames, in order and each once, with room for those that must be `last`; 0 is no frame."""
    kept = sorted({int(one) for one in last if one})
    first = sorted({int(one) for one in frames if one} - set(kept))
    return tuple(sorted((*first[: LISTED - len(kept)], *kept)))


def clock(time: int) -> str:
    """The time of day in UTC, whole seconds."""
    return (rfc3339(time, 0) or "")[11:19]


def after_tries(tries: int) -> str:
    """What to add to a stage that worked at the `tries`-th time, "" for the first."""
    return f" after {tries} tries" if tries > 1 else ""


def worked_before(time: int) -> str:
    """What to add to a stage that failed although it had worked."""
    return f"; it worked before at {clock(time)}" if time else ""
