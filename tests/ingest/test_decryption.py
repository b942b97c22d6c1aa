"""Sessions of a real TLS stack, decrypted: what comes out is what went in, at the frames that brought it."""

import random
import shutil
import ssl
import stat
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from capture_files import Connection, enhanced, ethernet, interface, pcap, secrets, section, timed
from encrypted_captures import REGISTER, SIGN_IN, UNAUTHORIZED, Office, plain_capture
from tls_sessions import Said, mint

from lynccap.ingest import Source, read_tables
from lynccap.ingest.decryption import gathering
from lynccap.ingest.decryption import tshark as child
from lynccap.ingest.decryption.keys import Keys, read_keys
from lynccap.tables import Tables

pytestmark = [
    pytest.mark.tshark,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
RSA_SUITE = "AES128-SHA:@SECLEVEL=0"
KEYS = ["flow", "frame", "first_frame", "time"]


def sip(client_port: int = 50000) -> Connection:
    return Connection(client=("10.0.0.1", client_port), server=("10.0.0.2", 5061))


def read(capture: Path, *keylogs: Path, rsa: tuple[Path, ...] = (), tshark: bool = True) -> Tables:
    return read_tables([Source(str(capture))], keys=read_keys(keylogs, rsa, tshark=tshark))


def outcomes(tables: Tables) -> list[tuple[str, str]]:
    return list(zip(tables.decryptions["outcome"], tables.decryptions["reason"], strict=True))


def told(table: pd.DataFrame) -> list[dict[str, object]]:
    """The messages without their places."""
    return table.drop(columns=KEYS).to_dict("records")


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert not list(folder.iterdir())


@pytest.fixture
def office(tmp_path) -> Office:
    return Office(tmp_path / "office")


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_sip_reads_as_in_the_clear_at_its_own_frames(tmp_path, version):
    office = Office(tmp_path / "office", version)
    office.talk(sip(), SIGN_IN)
    capture = office.capture()

    tables, sealed = read(capture, office.keylog), read_tables([Source(str(capture))])
    plain = read_tables([Source(str(plain_capture(tmp_path, sip(), SIGN_IN)))])

    assert tables.flows["stack"].tolist() == ["tls/sip"]
    assert tables.decryptions.to_dict("records") == [
        {
            "flow": 0,
            "outcome": "decrypted",
            "reason": "",
            "key": "keylog",
            "bytes_client": len(REGISTER),
            "bytes_server": len(UNAUTHORIZED),
        }
    ]
    assert told(tables["sip"]) == told(plain["sip"])
    frames = [number for number, frame in enumerate(office.frames, 1) if frame[54:57] == b"\x17\x03\x03"]
    asked, answered = tables["sip"]["frame"]
    assert asked in frames
    assert answered == asked + 1
    assert tables["sip"]["time"].diff().tolist()[1] == 1_000_000
    assert len(sealed["sip"]) == len(sealed.decryptions) == 0
    pd.testing.assert_frame_equal(tables["tls"], sealed["tls"])
    pd.testing.assert_frame_equal(tables.flows.drop(columns="stack"), sealed.flows.drop(columns="stack"))


def test_certificate_provisioning_over_https_is_read(office):
    body = b"<x:GetRootCertChains/>"
    asked = b"POST /CertProv/CertProvisioningService.svc/anon HTTP/1.1\r\nHost: fe\r\nContent-Length: %d\r\n\r\n%s"
    answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    office.talk(Connection(), [(0, asked % (len(body), body)), (1, answer)])

    tables = read(office.capture(), office.keylog)

    assert tables.flows["stack"].tolist() == ["tls/http"]
    assert tables["http"]["kind"].tolist() == ["request", "response"]
    assert tables["certprov"][["flow", "step", "status"]].values.tolist() == [[0, "root-chains", 500]]


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.parametrize("seed", range(3))
def test_no_way_of_travelling_changes_what_was_said(tmp_path, version, seed):
    """Segments of any size, out of order, sent again and recorded twice; many records in one, and one over many."""
    chance = random.Random(seed)
    office = Office(tmp_path / "office", version)
    body = chance.randbytes(40_000).hex().encode()
    asked = b"GET /long HTTP/1.1\r\nHost: fe\r\n\r\n"
    office.talk(
        Connection(), [(0, asked), (1, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)), (1, body)]
    )
    frames = list(office.frames)
    for _ in range(20):
        at = chance.randrange(12, len(frames) - 5)
        frames[at : at + 2] = chance.choice([frames[at : at + 2][::-1], [frames[at]] * 2 + frames[at + 1 : at + 2]])

    tables = read(office.capture(frames=frames), office.keylog)

    assert outcomes(tables) == [("decrypted", "")]
    assert tables.decryptions["bytes_server"].tolist()[0] > len(body)
    assert [len(one) for one in tables["http"]["body"]] == [0, len(body)]
    assert not len(tables.anomalies)


@pytest.mark.parametrize("size", [1, 7, 60_000])
def test_records_are_cut_and_joined_by_segments_of_any_size(office, size):
    connection = sip()
    office.talk(connection, SIGN_IN)
    sides = {0: b"", 1: b""}
    order: Said = []
    for frame in office.frames:
        payload, side = frame[54:], int(frame[34:36] == b"\x13\xc5")
        if payload and order and order[-1][0] == side:
            order[-1] = (side, order[-1][1] + payload)
        elif payload:
            order.append((side, payload))
    again = sip()
    frames = again.open()
    for side, data in order:
        frames += again.say(side, data, size)
        sides[side] += data

    tables = read(office.capture(frames=frames), office.keylog)

    assert outcomes(tables) == [("decrypted", "")]
    assert tables["sip"]["kind"].tolist() == ["request", "response"]


def test_tls_inside_an_http_tunnel_vlan_and_ipv6_are_no_matter(tmp_path):
    office = Office(tmp_path / "office")
    connect = [(0, b"CONNECT fe:443 HTTP/1.1\r\nHost: fe:443\r\n\r\n"), (1, b"HTTP/1.1 200 Connected\r\n\r\n")]
    office.talk(Connection(server=("10.0.0.3", 8080)), SIGN_IN, before=connect)
    office.talk(Connection(client=("2001:db8::1", 50000), server=("2001:db8::2", 443)), SIGN_IN)
    tagged = [ethernet(frame[14:], tags=(7,)) for frame in office.frames]

    tables = read(office.capture(frames=tagged), office.keylog)

    assert outcomes(tables) == [("decrypted", "")] * 2
    assert tables.flows["stack"].tolist() == ["http/tls/sip", "tls/sip"]
    assert tables["sip"]["flow"].tolist() == [0, 0, 1, 1]


def test_mutual_tls_is_read(tmp_path):
    office = Office(tmp_path / "office", asks=True)
    office.talk(sip(), SIGN_IN)

    tables = read(office.capture(), office.keylog)

    assert set(tables.certificates["from_client"]) == {True, False}
    assert outcomes(tables) == [("decrypted", "")]


@pytest.mark.parametrize("tickets", [True, False])
def test_resumed_sessions_open_with_a_key_log_and_with_the_key_when_their_first_handshake_is_there(tmp_path, tickets):
    office = Office(tmp_path / "office", ciphers=RSA_SUITE, with_rsa=True)
    if not tickets:
        office.server.options |= ssl.OP_NO_TICKET
    session = office.talk(sip(), SIGN_IN)
    first = len(office.frames)
    office.talk(sip(50001), SIGN_IN, session)
    capture, later = office.capture(), office.capture("later.pcap", office.frames[first:])

    assert outcomes(read(capture, office.keylog)) == [("decrypted", "")] * 2
    assert outcomes(read(capture, rsa=(office.identity,))) == [("decrypted", "")] * 2
    assert outcomes(read(later, office.keylog)) == [("decrypted", "")]
    assert outcomes(read(later, rsa=(office.identity,))) == [("not-decrypted", "resumed")]


@pytest.mark.parametrize(
    ("version", "ciphers", "expected"),
    [
        (TLS12, RSA_SUITE, ("decrypted", "")),
        (TLS12, "AES256-GCM-SHA384", ("decrypted", "")),
        (TLS12, "ECDHE-RSA-AES128-GCM-SHA256", ("not-decrypted", "forward-secrecy")),
        (TLS13, "", ("not-decrypted", "forward-secrecy")),
    ],
)
def test_a_private_key_opens_what_has_no_forward_secrecy(tmp_path, version, ciphers, expected):
    office = Office(tmp_path / "office", version, ciphers, with_rsa=True)
    office.talk(sip(), SIGN_IN)
    stranger = mint(tmp_path, "stranger", with_rsa=True)[0]

    tables = read(office.capture(), rsa=(stranger, office.identity))

    assert outcomes(tables) == [expected]
    assert len(tables["sip"]) == (2 if expected[0] == "decrypted" else 0)
    wrong = outcomes(read(office.capture(), rsa=(stranger,)))
    assert wrong == [("not-decrypted", "forward-secrecy" if version is TLS13 else "other-certificate")]


def test_keys_inside_a_pcapng_file_need_no_option(office):
    office.talk(sip(), SIGN_IN)
    frames = [enhanced(frame, time // 1000) for time, frame in timed(office.frames)]
    path = office.folder / "own.pcapng"
    path.write_bytes(section() + interface(resolution=6) + secrets(office.keylog.read_bytes()) + b"".join(frames))
    injected = office.folder / "injected.pcapng"
    inject = ["editcap", "--inject-secrets", f"tls,{office.keylog}", str(office.capture()), str(injected)]
    subprocess.run(inject, check=True, capture_output=True, timeout=30)

    for capture in (path, injected):
        assert outcomes(read_tables([Source(str(capture))])) == [("decrypted", "")]
        assert outcomes(read(capture, tshark=False)) == [("not-decrypted", "tshark-off")]


def test_a_session_without_its_key_stays_shut_beside_one_with(office, tmp_path):
    stranger = Office(tmp_path / "stranger")
    office.talk(sip(), SIGN_IN)
    stranger.talk(sip(50001), SIGN_IN)

    tables = read(office.capture(frames=[*office.frames, *stranger.frames]), office.keylog)

    assert outcomes(tables) == [("decrypted", ""), ("not-decrypted", "no-key")]
    assert tables.flows["stack"].tolist() == ["tls/sip", "tls"]


def test_a_secret_that_does_not_fit_gives_nothing(office):
    office.talk(sip(), SIGN_IN)
    label, name, secret = office.keylog.read_text().splitlines()[-1].split()
    forged = office.folder / "forged.log"
    forged.write_text(f"{label} {name} {'ab' * (len(secret) // 2)}\n")

    tables = read(office.capture(), forged)

    assert outcomes(tables) == [("not-decrypted", "nothing-found")]
    assert tables.flows["stack"].tolist() == ["tls"]


@pytest.mark.parametrize(("lost", "expected"), [("hello", "no-handshake"), ("answer", "gaps"), ("all", "no-handshake")])
def test_what_the_capture_lacks_is_said(office, lost, expected):
    office.talk(sip(), [*SIGN_IN, *SIGN_IN])
    data = [number for number, frame in enumerate(office.frames) if len(frame) > 54]
    first_answer = next(number for number in data[4:] if office.frames[number][54:55] == b"\x17") + 1
    gone = {"hello": data[:1], "answer": [first_answer], "all": data[:4]}[lost]
    frames = [frame for number, frame in enumerate(office.frames) if number not in gone]

    tables = read(office.capture(frames=frames), office.keylog)

    assert outcomes(tables) == [("partly" if lost == "answer" else "not-decrypted", expected)]
    assert len(tables["sip"]) == (2 if lost == "answer" else 0)


def test_a_refused_handshake_is_unfinished(tmp_path):
    office = Office(tmp_path / "office")
    office.talk(sip(), SIGN_IN)
    tables = read(office.capture(frames=office.frames[:5]), office.keylog)

    assert outcomes(tables) == [("not-decrypted", "unfinished")]


def test_what_is_too_large_is_read_up_to_its_limit(office, monkeypatch):
    monkeypatch.setattr(gathering, "MAX_SIDE_BYTES", 4000)
    office.talk(sip(), [*SIGN_IN, (1, bytes(20_000)), *SIGN_IN])

    tables = read(office.capture(), office.keylog)

    assert outcomes(tables) == [("partly", "too-large")]
    assert len(tables["sip"]) >= 2


@pytest.mark.parametrize(
    ("port", "uri", "stack"),
    [
        (8057, b"sip:ann@contoso.com;gruu;opaque=app:conf:data-conf:id:ABC", "tls/psom"),
        (8057, b"sip:ann@contoso.com;gruu;opaque=app:conf:chat:id:ABC", "tls"),
        (5061, b"sip:ann@contoso.com;gruu;opaque=app:conf:data-conf:id:ABC", "tls"),
    ],
)
def test_web_conferencing_is_told_where_it_lives_by_the_conference_it_names(office, port, uri, stack):
    office.talk(Connection(server=("192.0.2.9", port)), [(0, b"\x01\x00\x00\x42" + uri), (1, b"\x01\x00\x00\x04")])

    assert read(office.capture(), office.keylog).flows["stack"].tolist() == [stack]


def test_several_recordings_are_each_read_with_the_keys(office):
    office.talk(sip(), SIGN_IN)
    first = office.capture("first.pcap")
    office.frames.clear()
    office.talk(sip(50001), SIGN_IN)
    office.talk(sip(50002), SIGN_IN)
    second = office.folder / "second.pcap"
    second.write_bytes(pcap([(time + 10**15, frame) for time, frame in timed(office.frames)]))

    tables = read_tables([Source(str(first)), Source(str(second))], keys=read_keys([office.keylog]))

    assert tables.decryptions["flow"].tolist() == [0, 1, 2]
    assert outcomes(tables) == [("decrypted", "")] * 3
    assert tables["sip"]["flow"].tolist() == [0, 0, 1, 1, 2, 2]


def test_a_stream_can_be_read_only_once(office):
    office.talk(sip(), SIGN_IN)
    stream = BytesIO(office.capture().read_bytes())

    tables = read_tables([Source("pipe", stream=stream)], keys=read_keys([office.keylog]))

    assert outcomes(tables) == [("not-decrypted", "read-once")]


@pytest.mark.parametrize("ciphers", ["", RSA_SUITE])
def test_records_that_do_not_open_are_not_forgotten(tmp_path, monkeypatch, ciphers):
    """As after a renegotiation of which the key log holds only the first session."""
    office = Office(tmp_path / "office", ciphers=ciphers, with_rsa=bool(ciphers))
    office.talk(sip(), [*SIGN_IN, *SIGN_IN])
    last = max(number for number, frame in enumerate(office.frames) if len(frame) > 54 + 69)
    frame = office.frames[last]
    office.frames[last] = frame[:-30] + bytes(one ^ 0xFF for one in frame[-30:])

    tables = read(office.capture(), office.keylog)

    assert outcomes(tables) == [("partly", "not-all")]
    assert len(tables["sip"]) == 3


def test_the_keys_lie_in_files_of_this_user_only(office, monkeypatch):
    office.talk(sip(), SIGN_IN)
    seen: list[tuple[str, int]] = []

    def look(program: str, folder: Path, *_: object) -> None:
        seen.append((".", stat.S_IMODE(folder.stat().st_mode)))
        seen.extend((one.name, stat.S_IMODE(one.stat().st_mode)) for one in folder.iterdir())

    monkeypatch.setattr(child, "decrypted_records", look)
    read(office.capture(), office.keylog)

    assert dict(seen)["."] == 0o700
    assert dict(seen)["keys.log"] == 0o600


def test_secrets_are_in_no_table(office):
    password = b"SECRET-PASSWORD"
    asked = b"GET / HTTP/1.1\r\nHost: fe\r\nAuthorization: Basic %s\r\nCookie: %s\r\n\r\n" % (password, password)
    office.talk(Connection(), [(0, asked), (1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")])

    tables = read(office.capture(), office.keylog)

    assert len(tables["http"]) == 2
    shown = "".join(one.to_csv() for one in (*tables.messages.values(), tables.decryptions, tables.anomalies))
    assert password.decode() not in shown
    assert office.keylog.read_text().split()[-1][:40] not in shown
    assert repr(Keys()) == repr(read_keys([office.keylog]))


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a script in the place of tshark."""

    def put(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / "tshark"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return path

    return put


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exec sleep 60", "tshark-limit"),
        ("exit 3", "tshark-failed"),
        ("kill -SEGV $$", "tshark-failed"),
        ("head -c 3000000 /dev/zero", "tshark-limit"),
        (r"""while :; do printf '[\n  {\n    "no layers"\n  },\n'; done""", "tshark-failed"),
        (r"""printf '[\n  {\n    "_source": {}\n  },\n'""", "tshark-failed"),
        (r"""printf '[\n  {\n    "\377"\n  },\n'""", "tshark-failed"),
        ("while :; do echo garbage; done", "tshark-limit"),
        ("head -c 100000 /dev/zero >&2; exit 2", "tshark-failed"),
        ("exit 0", "nothing-found"),
    ],
)
def test_a_broken_tshark_costs_nothing_but_the_decryption(office, program, monkeypatch, script, expected):
    monkeypatch.setattr(child, "MAX_SECONDS", 1.5)
    monkeypatch.setattr(child, "MAX_OUTPUT", 2_000_000)
    office.talk(sip(), SIGN_IN)
    program(script)

    tables = read(office.capture(), office.keylog)

    assert outcomes(tables) == [("not-decrypted", expected)]
    assert tables.flows["stack"].tolist() == ["tls"]


def test_a_frame_that_was_not_asked_for_is_not_believed(office, program):
    office.talk(sip(), SIGN_IN)
    frame = '"frame": {"frame.number": "9999", "frame.protocols": "data", "frame.len": "1", "frame.time_epoch": "0"}'
    layers = f'"layers": {{{frame}, "data": {{"data.data": "47:45:54"}}}}'
    program(f"""printf '%s\n' '[' '  {{' '    "_source": {{{layers}}}' '  }},' ']'""")

    assert outcomes(read(office.capture(), office.keylog)) == [("not-decrypted", "nothing-found")]


def test_no_child_is_started_without_a_session_the_keys_fit(office, program, tmp_path):
    stranger = Office(tmp_path / "stranger")
    office.talk(sip(), SIGN_IN)
    stranger.talk(sip(), SIGN_IN)
    mark = tmp_path / "started"
    program(f"touch {mark}")
    capture = office.capture()

    assert outcomes(read(capture, stranger.keylog)) == [("not-decrypted", "no-key")]
    assert outcomes(read(capture, office.keylog, tshark=False)) == [("not-decrypted", "tshark-off")]
    assert outcomes(read_tables([Source(str(capture))])) == []
    assert not mark.exists()


def test_neither_the_working_folder_nor_the_users_profile_chooses_what_runs(office, tmp_path, monkeypatch):
    office.talk(sip(), SIGN_IN)
    capture = office.capture().resolve()
    mark, evil, profile = tmp_path / "started", tmp_path / "evil" / "tshark", tmp_path / "profile"
    evil.parent.mkdir()
    evil.write_text(f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    profile.mkdir()
    (profile / "disabled_protos").write_text("tls\n")
    (tmp_path / "config.ini").write_text(f"[tshark]\ntshark_path = {evil}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIRESHARK_CONFIG_DIR", str(profile))

    assert outcomes(read(capture, office.keylog)) == [("decrypted", "")]
    assert not mark.exists()


def test_without_a_folder_to_write_the_rest_is_read(office, monkeypatch):
    office.talk(sip(), SIGN_IN)
    monkeypatch.setattr(tempfile, "mkdtemp", _no_room)

    tables = read(office.capture(), office.keylog)

    assert outcomes(tables) == [("not-decrypted", "no-folder")]
    assert len(tables["tls"])


def _no_room(*_, **__):
    raise FileNotFoundError(2, "No usable temporary directory found")


def test_without_tshark_the_rest_is_read(office, monkeypatch):
    office.talk(sip(), SIGN_IN)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    tables = read(office.capture(), office.keylog)

    assert outcomes(tables) == [("not-decrypted", "no-tshark")]
    assert len(tables["tls"])
