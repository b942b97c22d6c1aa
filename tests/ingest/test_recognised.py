"""Flows of protocols that are only recognised: named, not kept, and what shares their port is still measured."""

import struct

from capture_files import CLIENT, SERVER, Connection, read_frames, udp
from known_examples import DATAGRAMS, DTLS_HELLO, STREAMS
from protocol_examples import STUN_BINDING


def rtp(sequence: int) -> bytes:
    return struct.pack(">BBHII", 0x80, 111, sequence, sequence * 320, 0xCAFE) + bytes(80)


def test_media_behind_dtls_is_measured(tmp_path):
    ends = (CLIENT, SERVER)
    hellos = [udp(ends[side], ends[1 - side], DTLS_HELLO) for side in (0, 1)]
    tables = read_frames([*hellos, *(udp(CLIENT, SERVER, rtp(number)) for number in range(60))], tmp_path)

    assert tables.flows["stack"].tolist() == ["dtls/rtp"]
    assert tables.media["packets"].tolist() == [60]


def test_stun_says_more_than_the_dtls_beside_it(tmp_path):
    tables = read_frames([udp(CLIENT, SERVER, DTLS_HELLO), udp(SERVER, CLIENT, STUN_BINDING)], tmp_path)

    assert tables.flows["stack"].tolist() == ["stun"]


def test_netbios_names_are_no_names_of_dns(tmp_path):
    tables = read_frames([udp(CLIENT, ("10.0.0.255", 137), DATAGRAMS["nbns"][0])], tmp_path)

    assert tables.flows["stack"].tolist() == ["nbns"]
    assert tables["dns"].empty


def test_streams_are_named_and_leave_no_messages_and_no_anomalies(tmp_path):
    frames = []
    for place, name in enumerate(STREAMS):
        one = Connection(client=("10.0.0.1", 50000 + place))
        frames += [*one.open(), *one.say(0, STREAMS[name][0] + bytes(5000)), *one.close()]
    tables = read_frames(frames, tmp_path)

    assert tables.flows["stack"].tolist() == list(STREAMS)
    assert tables.flows["basis"].unique().tolist() == ["bytes"]
    assert tables.anomalies.empty
    assert all(table.empty for table in tables.messages.values())
