"""Voice mail: Exchange Unified Messaging (catalogue group 12)."""

from collections.abc import Iterator

from lynccap.correlation.roles.claims import FRONT_END
from lynccap.correlation.tls.listeners import Listener
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.blocked import blocked, open_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.voice.certificates import Broken, broken, leaf_words
from lynccap.diagnosis.subjects import judged
from lynccap.document import Confidence, Severity

VOICE_MAIL = "exchange_um"
PORTS = frozenset({5061, *range(5065, 5069)})
EFFECT = "Calls to mailboxes, and to the automatic attendant, are not answered."
ACT = ("Exchange administrator", "Lync administrator")


@rule(
    title="Voice mail cannot be reached",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "A firewall between the Front Ends and the voice mail server lacks the port.",
        "The Unified Messaging service is stopped, or set to TCP where the Front End speaks TLS.",
    ),
    fix=(
        "Start the Unified Messaging service and let it use TLS.",
        "Give it a certificate with the server's own name as its subject, of an authority the Front Ends trust.",
    ),
    act=(*ACT, "network/firewall team"),
    sources=("notes-poster",),
)
def um_unreachable(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End cannot reach Exchange voice mail, or ends TLS with it over its certificate.

    Evidence: SYNs of a Front End to TCP port 5061 (or 5065 to 5068) of the voice mail server of the topology are
    refused or unanswered; or TLS there ends after the certificate.

    Not this: voice mail in the cloud, to which the Front End goes through the Edge; a client's failed call.
    """
    rule_ = "um-unreachable"
    yield from open_paths(inquiry, rule_)
    for verdict in judged(inquiry, rule_):
        yield blocked(inquiry, verdict, EFFECT, host_act=ACT)
    for listener in inquiry.case.listeners:
        if listener.port in PORTS and inquiry.case.roles.has(listener.server, VOICE_MAIL):
            yield from _at(inquiry, listener)


def _at(inquiry: Inquiry, listener: Listener) -> Iterator[Judgement]:
    yield from (Clear(client) for client in listener.completed)
    for client, sessions in listener.failed.items():
        if inquiry.case.roles.has(client, FRONT_END):
            yield from _of(inquiry, listener, client, sessions)


def _of(inquiry: Inquiry, listener: Listener, client: str, sessions: tuple[TlsSession, ...]) -> Iterator[Judgement]:
    one = broken(inquiry, listener, client, sessions)
    if isinstance(one, Broken):
        place = f"{inquiry.server(listener.server, listener.port)} on TCP port {listener.port}"
        yield one.found(
            inquiry,
            f"{inquiry.word(client)} gets no voice mail: TLS with {place} fails, for {one.ended}.",
            f"{leaf_words(inquiry, one)} {EFFECT}",
            Confidence.CERTAIN if one.stated else Confidence.LIKELY,
            causes=("The voice mail server's certificate has another name, or is of another authority.",),
            act=ACT,
        )
    elif one:
        yield Doubt(client, one)
