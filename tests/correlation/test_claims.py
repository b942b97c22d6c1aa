"""What a claim rests on decides how far it carries."""

import pytest

from lynccap.correlation.roles.claims import FRONT_END, Basis, RoleClaim
from lynccap.document import Confidence


@pytest.mark.parametrize(
    ("basis", "decisive", "confidence"),
    [
        (Basis.TOPOLOGY, True, Confidence.CERTAIN),
        (Basis.TOPOLOGY, False, Confidence.CERTAIN),
        (Basis.MESSAGES, True, Confidence.CERTAIN),
        (Basis.MESSAGES, False, Confidence.LIKELY),
        (Basis.NAME, True, Confidence.LIKELY),
        (Basis.NAME, False, Confidence.POSSIBLE),
        (Basis.CERTIFICATE, False, Confidence.POSSIBLE),
        (Basis.PORT_AND_BYTES, True, Confidence.LIKELY),
        (Basis.PORT_AND_BYTES, False, Confidence.POSSIBLE),
    ],
)
def test_a_claim_is_as_sure_as_what_it_rests_on(basis: Basis, decisive: bool, confidence: Confidence) -> None:
    assert RoleClaim("10.9.0.6", FRONT_END, basis, decisive, "", 0, 1).confidence is confidence
