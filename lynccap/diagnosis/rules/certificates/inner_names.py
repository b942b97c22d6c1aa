"""Names of inner hosts in certificates that the outside is shown."""

from collections.abc import Iterator
from functools import cache

from lynccap.correlation.case import Case
from lynccap.correlation.tls.presented import Presented
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.holders import OUTSIDE, Holder, holders, outside, own_domains
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.certificates.wording import listed, of_holder, the_holder
from lynccap.document import Confidence, Severity
from lynccap.reference import private_suffixes


@rule(
    title="A certificate shown outside tells inner host names",
    severity=Severity.MINOR,
    stage=Stage.NOTE,
    causes=("One certificate serves inside and outside.",),
    fix=("Use separate certificates for inside and outside.",),
    act=("PKI team", "security team"),
    sources=("notes-edge", "rfc6762"),
)
def cert_internal_names_leaked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A certificate shown to the outside holds names of inner hosts.

    Evidence: names without a domain, in a domain for private use (.local and its kin), or in the Active Directory
    domain that the issuer is named after, where that is none of the SIP domains.

    Not this: an Active Directory domain that is the public one too.
    """
    seen: set[tuple[str, str]] = set()
    for one in holders(inquiry.case, *OUTSIDE):
        key = (one.shown.holder, str(one.shown.leaf.sha256))
        if key in seen or not one.shown.names or not outside(inquiry.case, one.shown):
            continue
        seen.add(key)
        inner = _inner_names(inquiry.case, one.shown)
        if not inner:
            yield Clear(one.shown.holder)
        elif one.doubt:
            yield Doubt(one.shown.holder, one.doubt)
        else:
            yield _leaked(inquiry, one, inner)


def _inner_names(case: Case, shown: Presented) -> list[str]:
    domains = own_domains(case)
    directory = directory_domain(str(shown.leaf.issuer or ""))
    told = dict.fromkeys((*((shown.leaf.common_name or "").lower().split()[:1]), *shown.names))
    return [one for one in told if _is_inner(one, directory, domains)]


def _is_inner(name: str, directory: str, domains: frozenset[str]) -> bool:
    label, _, rest = name.rpartition(".")
    if not label:
        return bool(rest)
    of_directory = bool(directory) and name.endswith(f".{directory}")
    return rest in _private_suffixes() or (of_directory and not any(_within(directory, one) for one in domains))


@cache
def _private_suffixes() -> frozenset[str]:
    return frozenset(row.suffix for row in private_suffixes())


def _within(directory: str, domain: str) -> bool:
    """Whether the directory's domain is a public one: a SIP domain itself, or what one is below."""
    return directory == domain or domain.endswith(f".{directory}")


def directory_domain(issuer: str) -> str:
    """The Active Directory domain that an issuer (RFC 4514) is named after, "" without one."""
    parts = (one.strip() for one in issuer.replace("+", ",").split(","))
    labels = [one[3:].lower() for one in parts if one.upper().startswith("DC=")]
    return ".".join(labels)


def _leaked(inquiry: Inquiry, one: Holder, inner: list[str]) -> Found:
    subject, first = of_holder(inquiry, one.shown), one.shown.showings[0]
    return subject.found(
        f"{the_holder(inquiry, one.shown)} shows the outside a certificate with inner names on TCP port "
        f"{one.shown.port}: {listed(inner)}.",
        f"Whoever connects learns them. {one.tie}",
        Confidence.CERTAIN,
        subject.shows("the certificate with its names", first.frame),
        time=first.time,
    )
