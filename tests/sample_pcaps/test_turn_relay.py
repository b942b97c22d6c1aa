"""The laboratory's MS-TURN relay and client do on the wire what [MS-TURN] says."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import Callable, Coroutine

from sample_pcaps.lab import turn
from sample_pcaps.lab.media import SIREN, Agent, connect, converse, meet
from sample_pcaps.lab.turn_client import AUDIO, Allocation
from sample_pcaps.lab.turn_relay import Relay, open_datagrams

HOME = "127.0.0.1"
RFC_5769_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)


def open_socket(kind: socket.SocketKind) -> socket.socket:
    return socket.socket(socket.AF_INET, kind)


def free_port(kind: socket.SocketKind) -> int:
    with open_socket(kind) as one:
        one.bind((HOME, 0))
        return int(one.getsockname()[1])


def with_relay(scene: Callable[[int, int], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        relay = Relay(open_socket, HOME)
        udp, tcp = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
        await relay.listen(HOME, udp=udp, tcp=tcp)
        try:
            await scene(udp, tcp)
        finally:
            relay.close()
            await asyncio.sleep(0)

    asyncio.run(run())


def agent() -> Agent:
    return Agent(open_socket, HOME, free_port(socket.SOCK_DGRAM))


def test_pseudo_tls_hellos_have_the_published_bytes() -> None:
    client, server = turn.pseudo_client_hello(), turn.pseudo_server_hello()
    assert client[:11] + client[43:] == bytes.fromhex("160301002d010000290301" + "00000200180100")
    assert server[:11] + server[43:44] + server[76:] == bytes.fromhex(
        "160301004e020000460301" + "20" + "0018000e000000"
    )
    assert (len(client), len(server)) == (50, 83)


def test_a_published_response_is_read_with_its_address_unmasked() -> None:
    message = turn.decode(RFC_5769_RESPONSE)
    assert message is not None
    assert message.type == turn.BINDING_SUCCESS
    assert message.address(turn.XOR_MAPPED_ADDRESS) == ("192.0.2.1", 32853)


def test_a_check_ends_in_the_standard_fingerprint() -> None:
    data = turn.encode_check(turn.Message(turn.BINDING, [(turn.USERNAME, b"peer:own")]), "secret")
    assert data[-8:-4] == bytes.fromhex("80280004")
    assert int.from_bytes(data[-4:], "big") == zlib.crc32(data[:-8]) ^ 0x5354554E


def test_the_first_allocate_is_challenged_and_the_second_gets_a_relay_port() -> None:
    heard: list[turn.Message] = []

    async def scene(udp: int, tcp: int) -> None:
        def received(data: bytes, _source: turn.Address) -> None:
            message = turn.decode(data)
            assert message is not None
            heard.append(message)
            allocation.control(data)

        endpoint = await open_datagrams(open_socket, (HOME, 0), received)
        allocation = Allocation((HOME, udp), "udp", lambda *_: None, version=4, stream=AUDIO)
        allocation.write = lambda _kind, data: endpoint.send(data, (HOME, udp))
        assert await allocation.allocate()
        assert allocation.reflexive == endpoint.transport.get_extra_info("sockname")
        await allocation.release()
        endpoint.transport.close()

    with_relay(scene)
    # On a busy machine the client repeats a request, which is answered again.
    challenge, granted, released = {one.transaction: one for one in heard}.values()
    assert [challenge.type, granted.type, released.type] == [turn.ALLOCATE_ERROR, *[turn.ALLOCATE_SUCCESS] * 2]
    numbers = [number for number, _ in challenge.attributes]
    assert numbers[0] == turn.MAGIC_COOKIE
    assert (challenge.get(0x0014) or b"") != b""
    assert challenge.get(0x0015) == b'"rtcmedia"'
    relayed = granted.address(turn.MAPPED_ADDRESS)
    assert relayed is not None
    assert 50000 <= relayed[1] <= 59999
    assert released.get(turn.LIFETIME) == bytes(4)


def test_a_wrong_password_is_challenged_again_and_opens_nothing() -> None:
    async def scene(udp: int, tcp: int) -> None:
        def received(data: bytes, _source: turn.Address) -> None:
            # A realm the relay never named makes another key of the same password.
            allocation.control(data.replace(b'"rtcmedia"', b'"otherone"'))

        endpoint = await open_datagrams(open_socket, (HOME, 0), received)
        allocation = Allocation((HOME, udp), "udp", lambda *_: None, version=2, stream=AUDIO)
        allocation.write = lambda _kind, data: endpoint.send(data, (HOME, udp))
        assert not await allocation.allocate()
        assert allocation.relayed is None
        endpoint.transport.close()

    with_relay(scene)


def test_media_goes_both_ways_through_two_relayed_ports() -> None:
    async def scene(udp: int, tcp: int) -> None:
        for transport in ("udp", "tcp"):
            caller, callee = agent(), agent()
            for one in (caller, callee):
                await one.open()
                assert await (one.gather_udp(HOME, udp) if transport == "udp" else one.gather_tcp(HOME, tcp))
                # Without its direct path only the relay is left.
                one.paths, one.candidates = one.paths[1:], one.candidates[1:]
            await connect(caller, callee)
            await asyncio.sleep(0.05)
            await converse(caller, callee, 0.4, SIREN)
            await asyncio.sleep(0.05)
            assert caller.received >= 8
            assert callee.received >= 18
            await asyncio.gather(caller.close(), callee.close())

    with_relay(scene)


def test_a_direct_pair_is_preferred_to_a_relayed_one() -> None:
    async def scene(udp: int, tcp: int) -> None:
        caller, callee = agent(), agent()
        for one in (caller, callee):
            await one.open()
            assert await one.gather_udp(HOME, udp)
        meet(caller, callee)
        await asyncio.gather(caller.check(), callee.check())
        assert {remote.kind for remote in caller.valid.values()} == {"host", "relay"}
        await caller.nominate()
        assert caller.chosen == (caller.paths[0], callee.at)
        await asyncio.gather(caller.close(), callee.close())

    with_relay(scene)
