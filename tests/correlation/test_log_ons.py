from base64 import b64decode, b64encode

import pytest
from capture_files import Connection, read_frames
from cases import flow, tables

from lynccap.correlation.log_ons import read_log_ons

TYPE = {1: b"TlRMTVNTUAABAAAAB4IIogAAAAA=", 2: b"TlRMTVNTUAACAAAADAAMADgAAAA=", 3: b"TlRMTVNTUAADAAAAGAAYAIgAAAA="}


def rows(*said):
    """Requests as (target, scheme, token), responses as (status, schemes, token)."""
    found = []
    for place, (what, scheme, token) in enumerate(said, 1):
        keys = {"frame": place, "first_frame": place, "token": token}
        if isinstance(what, int):
            found.append({**keys, "kind": "response", "status": what, "authenticate": scheme})
        else:
            found.append({**keys, "kind": "request", "target": what, "authorization": scheme, "from_client": True})
    return found


def log_ons(*said):
    return read_log_ons(tables([flow("10.1.0.9", "10.1.0.20", 80)], http=rows(*said)))


OFFER = (401, "Negotiate, NTLM", None)


def test_ntlm_takes_two_rounds():
    (found,) = log_ons(
        ("/abs", None, None),
        OFFER,
        ("/abs", "NTLM", "ntlm-1"),
        (401, "NTLM", "ntlm-2"),
        ("/abs/b", "NTLM", "ntlm-3"),
        (200, None, None),
    )

    assert (found.challenges, found.status, found.scheme, found.offered) == (2, 200, "NTLM", "Negotiate, NTLM")
    assert found.tokens == ("ntlm-1", "ntlm-2", "ntlm-3")
    assert (found.target, found.frames) == ("/abs/b", (1, 2, 3, 4, 5, 6))


def test_each_answer_ends_a_log_on_and_plain_exchanges_are_none():
    found = log_ons(
        ("/a", None, None), (200, None, None),
        ("/b", None, None), OFFER, ("/b", "Negotiate", "kerberos"), (200, None, None),
        ("/c", "Negotiate", "kerberos"), (403, None, None),
    )  # fmt: skip

    assert [(one.target, one.challenges, one.status) for one in found] == [("/b", 1, 200), ("/c", 0, 403)]


def test_log_on_that_never_succeeds_has_no_status():
    (found,) = log_ons(("/a", None, None), OFFER, ("/a", "NTLM", "ntlm-1"), OFFER)

    assert (found.challenges, found.status) == (2, None)


def test_interim_answer_ends_nothing():
    (found,) = log_ons(("/a", None, None), OFFER, ("/a", "NTLM", "ntlm-1"), (100, None, None), (200, None, None))

    assert found.status == 200


@pytest.mark.parametrize("wrapped", [False, True])
def test_tokens_are_named_from_bytes_and_never_kept(wrapped: bool, tmp_path):
    link = Connection(server=("10.0.0.2", 80))
    frames = link.open()

    def token(number: int) -> bytes:
        return (
            b64encode(b"\x60\x20\x06\x06+\x06\x01\x05\x05\x02" + b64decode(TYPE[number])) if wrapped else TYPE[number]
        )

    scheme = b"Negotiate" if wrapped else b"NTLM"
    for number in (1, 3):
        frames += link.say(0, b"GET /abs HTTP/1.1\r\nAuthorization: %b %b\r\n\r\n" % (scheme, token(number)))
        status = b"401" if number == 1 else b"200"
        more = b"WWW-Authenticate: %b %b\r\n" % (scheme, token(2)) if number == 1 else b""
        frames += link.say(1, b"HTTP/1.1 %b X\r\n%bContent-Length: 0\r\n\r\n" % (status, more))
    read = read_frames(frames, tmp_path)
    (found,) = read_log_ons(read)

    assert found.tokens == ("ntlm-1", "ntlm-2", "ntlm-3")
    assert (found.challenges, found.scheme, found.status) == (1, scheme.decode(), 200)
    assert "TlRM" not in repr(read["http"].to_dict())
