"""Names that clients ask for and a certificate lacks."""

from collections.abc import Iterator

from lynccap.correlation.case import Case
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Found, Judgement
from lynccap.diagnosis.misnamed import Named
from lynccap.diagnosis.rules.certificates.wording import listed, named_as
from lynccap.document import Severity


@rule(
    title="The certificate is not for the name the client asked for",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=(
        "The name was forgotten among the certificate's alternative names.",
        "The client reaches another listener than it should.",
        "A DNS alias leads to a server that does not know the name.",
    ),
    fix=("Issue the certificate anew with this name, or correct the DNS record.",),
    act=("PKI team", "DNS team"),
    sources=("notes-edge", "ms-cert-ext", "rfc6125"),
    explains=("autodiscover-443-fails-80-works", "federation-tls-failed"),
)
def cert_name_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client ends TLS with a Lync server because the server's certificate is not for the name it asked for.

    Evidence: the name, from the client's hello or the DNS answer before the connection; a certificate that covers it
    neither by an alternative name, a wildcard for one label, nor (without alternative names) by its subject; the
    client's alert 42 or 46, or its leaving right after the certificate. A client that goes on is told as a note.

    Not this: a client that came by another name the certificate has; one that named no server in its hello and was
    shown a default certificate; any other alert; names that a more particular rule is about.
    """
    yield from named_as(inquiry, "cert-name-mismatch", lambda _: "the certificate there is not for that name")


@rule(
    title="The certificate's subject is missing among its alternative names",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The certificate was requested by hand, without repeating the subject.",),
    fix=("Repeat the subject's name among the alternative names.",),
    act=("PKI team",),
    sources=("notes-edge", "notes-sec2", "ms-cert-ext", "rfc6125"),
)
def cert_cn_not_repeated_in_san(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client asks for the name in a certificate's subject, which does not count beside alternative names.

    Evidence: alternative names without the subject's name, a client that came by that name, and its alert 42 or 46 or
    its leaving right after the certificate. A client that goes on is told as a note.

    Not this: nobody asks for the subject's name; the certificate has no alternative names at all.
    """
    lack = "the certificate has that name in its subject only, which counts for nothing beside alternative names"
    yield from named_as(inquiry, "cert-cn-not-repeated-in-san", lambda _: lack)


@rule(
    title="The certificate lacks the sip name of one SIP domain",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The SIP domain was added after the certificate was issued.",),
    fix=("Issue the certificate anew with sip.<domain> for every SIP domain.",),
    act=("PKI team",),
    sources=("notes-sec2", "notes-edge", "ms-cert-ext"),
)
def cert_missing_sip_domain(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client signs in at sip.<domain>, and the certificate has the sip names of other domains only.

    Evidence: the client's hello or the DNS answer before the connection names sip.<domain>; the certificate has sip
    names of other domains and not this one; the client's alert 42 or 46, or its leaving right after the certificate.

    Not this: SRV records that lead all domains to one name, which the certificate has; connections by another name.
    """
    yield from named_as(inquiry, "cert-missing-sip-domain", _sip_names)


def _sip_names(one: Named) -> str:
    held = listed(name for name in one.shown.names if name.startswith("sip."))
    return f"the certificate has the sip names of other domains only: {held}"


@rule(
    title="The certificate lacks the name of the Web Conferencing Edge",
    severity=Severity.MAJOR,
    stage=Stage.CONFERENCE,
    causes=("The name was left out when the certificate was requested.",),
    fix=("Add the name of the Web Conferencing Edge to the external certificate.",),
    act=("PKI team",),
    sources=("notes-edge", "ms-cert-edge"),
)
def cert_missing_webconf_name(inquiry: Inquiry) -> Iterator[Judgement]:
    """People outside get no meeting data: the external Edge certificate lacks the Web Conferencing Edge's name.

    Evidence: TLS to the Web Conferencing Edge, by DNS or a topology; a certificate without its name; the client ends
    the connection over it.

    Not this: an Edge whose services share one name, which the certificate has.
    """
    lack = "the certificate lacks the name of the Web Conferencing Edge: no whiteboard, polls or slides outside"
    yield from named_as(inquiry, "cert-missing-webconf-name", lambda _: lack)


@rule(
    title="The web certificate lacks the Autodiscover name",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=(
        "The certificate is from before the upgrade from Lync 2010, which knew no Autodiscover.",
        "A SIP domain was added later.",
    ),
    fix=("Add lyncdiscover.<domain> outside and lyncdiscoverinternal.<domain> inside, for every SIP domain.",),
    act=("PKI team",),
    sources=("notes-http", "notes-poster", "ms-autod", "ms-cert-mob"),
    explains=("autodiscover-443-fails-80-works",),
)
def cert_lyncdiscover_missing_on_web(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client asks the web server for Autodiscover over TLS, and the certificate lacks that name.

    Evidence: lyncdiscover or lyncdiscoverinternal as the name asked for, a certificate without it, and the client ends
    the connection over it.

    Not this: Autodiscover that is published on port 80 on purpose: the client gets its answer there.
    """
    for one in named_as(inquiry, "cert-lyncdiscover-missing-on-web", lambda _: "the certificate lacks that name"):
        rescued = isinstance(one, Found) and answered_on_80(inquiry.case, str(one.device), str(one.peer))
        yield Clear(one.device) if rescued else one


def answered_on_80(case: Case, client: str, server: str) -> bool:
    """Whether the client got its Autodiscover answer without TLS from the same server."""
    told = case.messages_of("autodiscover", client)
    flows = case.flows
    return any(
        row.outcome == "ok" and flows.at[row.flow, "server"] == server and flows.at[row.flow, "server_port"] == 80
        for row in told
    )


@rule(
    title="A name of the organisation leads to a hosted service that cannot have it in its certificate",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The DNS record was made for a cloud or hybrid deployment.",),
    fix=("Nothing on the Edge: nobody can put your names into Microsoft's certificates.",),
    act=("DNS team",),
    sources=("notes-edge",),
)
def cert_foreign_hostname(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync name of the organisation is an alias of Microsoft's cloud, whose certificate is not for it.

    Evidence: a CNAME to a name of Microsoft's, the client's TLS hello with the organisation's own name, a certificate
    for the hosted names only.

    Not this: hybrid Autodiscover over HTTP, which is redirected to a hosted name and asks for that one.
    """
    yield from named_as(inquiry, "cert-foreign-hostname", _hosted)


def _hosted(one: Named) -> str:
    return f"DNS leads that name to {one.aim.aliases[-1]}, and the certificate there is for hosted names only"
