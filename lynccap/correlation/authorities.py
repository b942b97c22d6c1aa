"""Whether a certificate's authority is a public one, as far as its name tells."""

import re
from enum import StrEnum
from functools import cache

from lynccap.correlation.names import parent_of
from lynccap.correlation.tls.presented import Presented
from lynccap.reference import public_authorities

_ORGANISATION = re.compile(r"(?:^|[,+])O=((?:\\.|[^,+\\])*)", re.IGNORECASE)
_DIRECTORY = re.compile(r"(?:^|[,+])DC=", re.IGNORECASE)
MIN_LABEL = 4  # letters of a domain's own label that an authority's name may hold by chance if it is shorter


class Kind(StrEnum):
    """Whose authority issued a certificate."""

    PUBLIC = "public"
    PRIVATE = "private"
    UNKNOWN = "unknown"
    """No list of public authorities is complete."""


def kind_of(shown: Presented) -> Kind:
    """The kind of authority behind a list, by the issuers named in it."""
    issuers = [str(one.issuer or "") for one in shown.chain]
    if any(names_public_authority(one) for one in issuers):
        return Kind.PUBLIC
    return Kind.PRIVATE if private_because(shown) else Kind.UNKNOWN


def private_because(shown: Presented) -> str:
    """What in the issuer's name is an organisation's own, as a sentence; "" when nothing is."""
    issuer = str(shown.leaf.issuer or "")
    if _DIRECTORY.search(issuer):
        return "The issuer is named after an Active Directory domain"
    labels = {parent_of(name).partition(".")[0] for name in shown.names}
    own = sorted(one for one in labels if len(one) >= MIN_LABEL and _words(one) in _words(issuer))
    return f"The issuer bears the organisation's own name ({own[0]})" if own else ""


def names_public_authority(issuer: str) -> bool:
    """Whether the organisation in an issuer's name is that of a well-known authority."""
    told = (found.group(1).replace("\\", "").strip('" ').lower() for found in _ORGANISATION.finditer(issuer))
    return any(one.startswith(_public_beginnings()) for one in told)


@cache
def _public_beginnings() -> tuple[str, ...]:
    return tuple(row.organisation.lower() for row in public_authorities())


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
