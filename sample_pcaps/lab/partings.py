"""Programs that end their TCP connections in one particular way, and a box that ends other people's."""

import contextlib
import secrets
import socket
import struct
import time

from sample_pcaps.lab.connecting import open_tcp

MESSAGE = 180
PAUSE_S = 0.15
RECEIVE_BUFFER = 4096
ETH_P_IP = 0x0800
BAD_WORD = b"EICAR-LAB"
"""What the inspecting box looks for."""


def echo(connection: socket.socket) -> None:
    """Send back whatever comes."""
    while message := connection.recv(4096):
        connection.sendall(message)


def hang_up(connection: socket.socket) -> None:
    """Answer two messages, then close in an orderly way."""
    for _ in range(2):
        connection.sendall(connection.recv(4096))


def stop_reading(connection: socket.socket) -> None:
    """Take nothing off the connection for a long time, as a program does that hangs."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    time.sleep(60.0)


def _converse(connection: socket.socket, rounds: int) -> None:
    for _ in range(rounds):
        connection.sendall(secrets.token_bytes(MESSAGE))
        connection.recv(4096)
        time.sleep(PAUSE_S)


def _abort(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def talk_and_abort(address: str, port: int, rounds: int = 5) -> None:
    """Converse, then drop the connection with a reset, as SO_LINGER 0 and a killed Windows process do."""
    if connection := open_tcp(address, port):
        _converse(connection, rounds)
        _abort(connection)


def talk_until_closed(address: str, port: int) -> None:
    """Converse until the server closes, and answer its FIN with a reset, as Windows programs often do."""
    if connection := open_tcp(address, port):
        _converse(connection, 2)
        connection.recv(4096)
        _abort(connection)


def talk_for(address: str, port: int, seconds: float) -> None:
    """Converse until the time is over or the connection is lost, and leave without a word more."""
    if connection := open_tcp(address, port):
        connection.settimeout(seconds)
        end = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            while time.monotonic() < end:
                _converse(connection, 1)
        time.sleep(max(0.0, end - time.monotonic()))


def send_for(address: str, port: int, seconds: float) -> None:
    """Send what nobody reads until the time is over."""
    if connection := open_tcp(address, port):
        connection.settimeout(0.5)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(TimeoutError):
                connection.sendall(secrets.token_bytes(MESSAGE))


def pause_between(address: str, port: int, seconds: float) -> None:
    """Converse, say nothing for a while, and go on."""
    if connection := open_tcp(address, port):
        with connection, contextlib.suppress(OSError):
            _converse(connection, 3)
            time.sleep(seconds)
            _converse(connection, 3)


def say_bad_word(address: str, port: int) -> None:
    """Converse, then send what an inspecting box objects to."""
    if connection := open_tcp(address, port):
        with connection, contextlib.suppress(OSError):
            _converse(connection, 4)
            connection.sendall(secrets.token_bytes(60) + BAD_WORD)
            connection.recv(4096)
            time.sleep(1.0)


def inspect(interface: str) -> None:
    """Listen on a router's interface and forge a reset to both ends of any connection that says the bad word."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    tap.bind((interface, ETH_P_IP))
    speaking = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    while True:
        packet, (_, _, direction, *_) = tap.recvfrom(2048)
        if direction == socket.PACKET_OUTGOING or BAD_WORD not in packet:
            continue
        segment = packet[(packet[0] & 15) * 4 :]
        _reset_both(speaking, packet, segment)


def limit(interface: str, client: str, port: int, most: int) -> None:
    """Listen on a router's interface and forge a reset to both ends once a client has sent so many bytes to a port."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    tap.bind((interface, ETH_P_IP))
    speaking = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    sent: dict[bytes, int] = {}
    while True:
        packet, (_, _, direction, *_) = tap.recvfrom(2048)
        segment = packet[(packet[0] & 15) * 4 :]
        ours = packet[12:16] == socket.inet_aton(client) and segment[2:4] == struct.pack("!H", port)
        if direction == socket.PACKET_OUTGOING or packet[9] != socket.IPPROTO_TCP or not ours:
            continue
        before = sent.get(segment[:4], 0)
        length = struct.unpack("!H", packet[2:4])[0] - (packet[0] & 15) * 4 - (segment[12] >> 4) * 4
        sent[segment[:4]] = before + length
        if before < most <= before + length:
            _reset_both(speaking, packet, segment)


def _reset_both(speaking: socket.socket, packet: bytes, segment: bytes) -> None:
    source, target = packet[12:16], packet[16:20]
    ports, (seq, ack) = segment[:4], struct.unpack("!II", segment[4:12])
    length = struct.unpack("!H", packet[2:4])[0] - (packet[0] & 15) * 4 - (segment[12] >> 4) * 4
    speaking.sendto(_reset(source, target, ports, seq + length), (socket.inet_ntoa(target), 0))
    backwards = ports[2:] + ports[:2]
    speaking.sendto(_reset(target, source, backwards, ack), (socket.inet_ntoa(source), 0))


def _reset(source: bytes, target: bytes, ports: bytes, seq: int) -> bytes:
    head = ports + struct.pack("!IIHHHH", seq & 0xFFFFFFFF, 0, 0x5004, 0, 0, 0)
    pseudo = source + target + struct.pack("!HH", socket.IPPROTO_TCP, len(head))
    words = struct.unpack(f"!{(len(pseudo) + len(head)) // 2}H", pseudo + head)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    segment = head[:16] + struct.pack("!H", checksum) + head[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), secrets.randbelow(65535) + 1, 0, 255, 6, 0)
    return ip + source + target + segment
