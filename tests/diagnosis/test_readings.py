"""From what a finding was read: packets, messages in the clear or opened by keys, or the pattern of what is sealed."""

import pytest
from proofs import fires
from scenes import Scene

from lynccap.diagnosis.judgements import Found, Proof
from lynccap.document import Confidence, Reading

CLIENT, SERVER = "10.44.3.21", "10.44.1.8"


def signed_in() -> tuple[Scene, int]:
    """A sign-in with its one challenge."""
    scene = Scene()
    scene.holds(("fe", SERVER, "pool.cedar.example"))
    of = scene.connect(CLIENT, SERVER, 5061, 1.0, stack="sip", basis="bytes")
    for at, status in ((1.1, 401), (1.2, 200)):
        scene.asks_sip(of, at, "REGISTER", status, call_id="one")
    return scene, of


def test_messages_in_the_clear() -> None:
    scene, _ = signed_in()

    assert fires(scene, "state-sip-challenge", CLIENT).reading is Reading.CLEAR


def test_messages_that_a_key_opened() -> None:
    scene, of = signed_in()
    scene.opened(of)

    assert fires(scene, "state-sip-challenge", CLIENT).reading is Reading.DECRYPTED


def test_a_pattern_is_never_certain() -> None:
    proof = (Proof(0, (1,), "it closes"),)
    with pytest.raises(ValueError, match="certain of what is encrypted"):
        Found(
            device=CLIENT,
            says="it closes",
            why="",
            confidence=Confidence.CERTAIN,
            proof=proof,
            time=1,
            reading=Reading.PATTERN,
        )
