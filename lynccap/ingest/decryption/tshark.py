"""The one place where tshark runs, as pyshark's child process; asyncio stays in here.

The child gets a configuration of its own, so that no preference, plugin or profile of the user changes what it says,
and limits of time, memory and output.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from packaging.version import Version
from pyshark import FileCapture

from lynccap.ingest.decryption.slicing import SERVER_PORT

MAX_SECONDS = 120.0  # a slice of the largest size takes a quarter of that on one slow core
JSON_SINCE = Version("3.0.0")
KILL_SECONDS = 5.0  # for a killed process to be gone
MAX_MEMORY = 4 << 30  # address space; tshark takes some 10 times the slice beside 1 GiB it only reserves
MAX_OUTPUT = 1 << 30  # bytes: every decrypted byte is told in 3, with 1 KiB around each record
UNKNOWN_PROTOCOLS = (
    *("http", "http2", "http3", "spdy", "sip", "stun", "turnchannel", "xmpp", "dns", "imap", "pop", "irc", "ftp"),
    *("nntp", "mqtt", "coap", "pgsql", "nts-ke", "rpc", "radius", "tds", "dicom", "rdpmt", "mq", "5gli", "fix"),
    *("credssp", "aim", "tpkt", "rdp", "ldap", "smb", "smb2", "nbss", "skinny", "rtsp", "h1"),
)
"""What tshark would take decrypted bytes for, by ALPN or by their look; they are to be left as they are."""


class TsharkFailed(Exception):
    """tshark did not do what it was started for; the text says how."""


class TsharkLimit(TsharkFailed):
    """tshark took too long, or said too much."""


def decrypted_records(
    program: str, folder: Path, capture: Path, preferences: Sequence[str], take: Callable[[int, bytes], None]
) -> None:
    """Hand `take` the packet number and the bytes of every decrypted record of `capture`, in order.

    `folder` is for tshark's configuration; all its traffic is TLS on SERVER_PORT. Raises TsharkFailed and TsharkLimit,
    before or after some records were handed over.
    """
    (folder / "disabled_protos").write_text("".join(f"{name}\n" for name in UNKNOWN_PROTOCOLS))
    with asyncio.Runner() as runner:
        runner.run(_run(program, folder, capture, preferences, take))


async def _run(
    program: str, folder: Path, capture: Path, preferences: Sequence[str], take: Callable[[int, bytes], None]
) -> None:
    child = _Child(program, folder, capture, preferences)
    try:
        await asyncio.wait_for(child.packets_from_tshark(lambda packet: _take(packet, take)), MAX_SECONDS)
    except TimeoutError:
        raise TsharkLimit(f"tshark was stopped after {MAX_SECONDS:g} seconds") from None
    except TsharkFailed:
        raise
    except Exception as problem:  # noqa: BLE001  whatever a broken tshark makes pyshark stumble over
        raise TsharkFailed(f"{type(problem).__name__} while reading what tshark says") from None
    if child.status:
        raise TsharkFailed(f"tshark ended with status {child.status}")


def _take(packet: Any, take: Callable[[int, bytes], None]) -> None:
    take(int(packet.number), bytes.fromhex(str(packet["data"].get_field("data.data")).replace(":", "")))


class _Child(FileCapture):  # type: ignore[misc]  # pyshark has no types
    """pyshark's reader of files, started with limits and without what it finds in the working folder."""

    def __init__(self, program: str, folder: Path, capture: Path, preferences: Sequence[str]) -> None:
        super().__init__(
            str(capture),
            tshark_path=program,
            eventloop=asyncio.get_running_loop(),
            decode_as={f"tcp.port=={SERVER_PORT}": "tls", f"tls.port=={SERVER_PORT}": "data"},
            use_json=True,  # of XML, pyshark takes three times as long to read the same bytes
            custom_parameters=[
                "-Y",
                "data",
                "-j",
                "frame data",
                "--no-duplicate-keys",
                *(part for one in preferences for part in ("-o", one)),
            ],
        )
        self.status = 0
        self._program = program
        self._environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(folder), "WIRESHARK_PLUGIN_DIR": str(folder)}

    def _get_tshark_version(self) -> Version:
        # pyshark's own starts tshark once more, to learn which form of JSON it writes: this one since version 3.
        return JSON_SINCE

    async def _get_tshark_process(self, packet_count: int | None = None, stdin: Any = None) -> Any:
        # pyshark's own looks for the program in a config.ini of the working folder, and passes neither limits nor
        # an environment on.
        command = [self._program, "-n", "-T", "json", *self.get_parameters(packet_count)]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
        )
        _limit(process.pid)
        self._created_new_process(command, process)
        return process

    async def _go_through_packets_from_fd(
        self, fd: asyncio.StreamReader, packet_callback: Callable[[Any], None], packet_count: int | None = None
    ) -> None:
        await super()._go_through_packets_from_fd(_Bounded(fd), packet_callback, packet_count)
        for process in self._running_processes:
            self.status = await process.wait()

    async def _cleanup_subprocess(self, process: Any) -> None:
        # pyshark's own raises before it has forgotten the process, and so tries again when the loop is closed.
        self._running_processes.discard(process)
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(_ended(process), KILL_SECONDS)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end of a process, which asyncio tells only when all it said was taken."""
    assert process.stdout is not None
    while await process.stdout.read(1 << 16):
        pass
    await process.wait()


class _Bounded:
    """A stream that may bring MAX_OUTPUT bytes."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._left = MAX_OUTPUT

    async def read(self, count: int) -> bytes:
        data = await self._stream.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise TsharkLimit(f"tshark was stopped after {MAX_OUTPUT >> 20} MiB of output")
        return data


def _limit(pid: int) -> None:
    """Limit a process's memory and time, and let it leave nothing behind; where the system can (Linux)."""
    if sys.platform != "linux":
        return
    import resource

    seconds = int(MAX_SECONDS)
    limits: Sequence[tuple[int, int]] = (
        (resource.RLIMIT_AS, MAX_MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),  # a dump would hold keys
        (resource.RLIMIT_FSIZE, 0),
    )
    with suppress(OSError):  # it may have ended already
        for kind, most in limits:
            resource.prlimit(pid, kind, (most, most))
