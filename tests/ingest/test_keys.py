import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from tls_sessions import mint

from lynccap.ingest.decryption import keylog
from lynccap.ingest.decryption.keylog import read_keylog
from lynccap.ingest.decryption.keys import UnusableKey, read_keys

RANDOM, SECRET = bytes(range(32)), bytes(range(48))


def line(label: str = "CLIENT_RANDOM", name: bytes = RANDOM, secret: bytes = SECRET) -> bytes:
    return f"{label} {name.hex()} {secret.hex()}".encode()


@pytest.mark.parametrize(
    "label",
    [
        "CLIENT_RANDOM",
        "PMS_CLIENT_RANDOM",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "client_random",
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" \n", b""])
def test_a_line_names_its_session(label: str, end: bytes):
    log = read_keylog([b"# a comment\n\n" + line(label) + end])

    assert log.randoms == {RANDOM}
    assert log.lines == (line(label),)


@pytest.mark.parametrize(
    "bad",
    [
        line("EXPORTER_SECRET"),
        line(name=RANDOM[:-1]),
        line()[:-1],
        line() + b" 00",
        b"CLIENT_RANDOM 00 11",
        b"# " + line(),
        b"\xff" + line(),
        line(secret=bytes(600)),
        b"RSA 00 11",
    ],
)
def test_what_is_no_key_is_skipped_and_what_stands_beside_it_is_not(bad: bytes):
    assert not read_keylog([bad])
    assert read_keylog([bad + b"\n" + line() + b"\n" + bad]).lines == (line(),)


def test_the_older_forms_are_read():
    session, premaster = bytes(range(32)), bytes(range(8))
    log = read_keylog(
        [
            f"RSA Session-ID:{session.hex()} Master-Key:{SECRET.hex()}\n".encode(),
            f"RSA {premaster.hex()} {SECRET.hex()}".encode(),
        ]
    )

    assert (log.session_ids, log.premasters, len(log.lines)) == ({session}, True, 2)
    assert read_keylog([log.text()]) == log


def test_lines_that_several_logs_repeat_are_kept_once():
    assert read_keylog([line() + b"\n" + line(), line()]).lines == (line(),)


@given(st.lists(st.one_of(st.binary(max_size=200), st.just(line()), st.text(max_size=80).map(str.encode)), max_size=8))
def test_any_bytes_are_read(pieces: list[bytes]):
    data = b"\n".join(pieces)

    log = read_keylog([data])

    assert (RANDOM in log.randoms) == any(one.strip().lower() == line().lower() for one in data.splitlines())
    assert read_keylog([log.text()]) == log


def test_a_huge_log_is_read_up_to_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(keylog, "MAX_LOG_BYTES", 2000)
    monkeypatch.setattr("lynccap.ingest.decryption.keys.MAX_LOG_BYTES", 2000)
    path = tmp_path / "keys.log"
    lines = [line(name=bytes([number]) * 32) for number in range(100)]
    path.write_bytes(b"\n".join(lines))

    keys = read_keys([path])

    assert keys.keylog.lines == tuple(lines[: 2000 // (len(lines[0]) + 1)])
    assert "only its first" in keys.remarks[0]


def test_a_file_without_keys_is_refused_by_name(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")

    with pytest.raises(UnusableKey, match=r"notes\.txt: holds no TLS keys"):
        read_keys([path])


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_rsa_key_is_read_in_both_forms_and_never_shown(tmp_path, form):
    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))

    keys = read_keys(rsa_keys=[path])

    assert keys.rsa[0].pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert "BEGIN" not in repr(keys)


def test_unusable_private_keys_say_what_to_do(tmp_path):
    locked, other = tmp_path / "locked.pem", tmp_path / "other.pem"
    key = rsa.generate_private_key(65537, 2048)
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")))
    other.write_bytes(b"PFX")

    for path, says in ((locked, "openssl pkey"), (other, "openssl pkcs12"), (mint(tmp_path)[0], "not an RSA key")):
        with pytest.raises(UnusableKey, match=says) as refused:
            read_keys(rsa_keys=[path])
        assert str(refused.value).startswith(f"{path}: ")
        assert "\n" not in str(refused.value)
