"""The deployment's configuration, and how it gets to the servers (catalogue group 13)."""

from collections.abc import Iterator

from lynccap.diagnosis.blocked import blocked_paths
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Judgement
from lynccap.document import Severity


@rule(
    title="The Edge gets no configuration: TCP port 4443 of its internal interface is blocked",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=(
        "A firewall between the Front Ends and the Edge lacks TCP 4443.",
        "The replica service on the Edge Server is stopped.",
    ),
    fix=("Open TCP 4443 from the servers that hold the configuration to the internal interface of every Edge Server.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "notes-rp"),
)
def cms_replication_4443_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Front End cannot send the configuration to an Edge Server.

    Evidence: SYNs of a Front End to TCP port 4443 of an Edge's internal interface are refused or unanswered.

    Not this: port 4443 of a Front End, where a reverse proxy comes in; an Edge Server that is down.
    """
    effect = "Over this connection the Edge gets its configuration. Without it the Edge goes on with an old one."
    yield from blocked_paths(inquiry, "cms-replication-4443-blocked", effect)
