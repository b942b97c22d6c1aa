"""Compressed captures: whole, cut, damaged, in several members, followed by something else, and hostile."""

import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import subprocess
import sys
import zlib

import lz4.frame
import pytest
import zstandard
from capture_files import CLIENT, SERVER, pcap, timed, udp
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest import Source, UnreadableCapture, read_tables
from lynccap.ingest.sources import inflating
from lynccap.ingest.sources.inflating import COMPRESSIONS, Budget, Unpacked, compression_of

FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(5)]
FIVE = pcap(timed(FRAMES))
MORE = pcap(timed(FRAMES))[24:]
# Every frame differs, so that a compressed file is long enough to be cut and damaged inside.
DIFFERENT = [udp(CLIENT, SERVER, hashlib.sha512(bytes([n % 256, n // 256])).digest() * 4) for n in range(8000)]
LARGE = pcap(timed(DIFFERENT))

COMPRESS = {
    "gzip": lambda data: gzip.compress(data, 6, mtime=0),
    "zstd": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}
PROGRAMS = {"gzip": "gzip", "zstd": "zstd", "bzip2": "bzip2", "xz": "xz", "lz4": "lz4"}
PADDING = bytes(512)
SKIPPABLE = b"\x5a\x2a\x4d\x18\x05\0\0\0notes"


def row_of(data: bytes) -> dict[str, object]:
    tables = read_tables([Source("a.cap", io.BytesIO(data))])
    return {**tables.captures.iloc[0], **tables.files.iloc[0]}


def unpacked(data: bytes) -> tuple[bytes, str]:
    """All inflated bytes, and the damage."""
    stream = Unpacked(io.BytesIO(data).read, Budget(lambda: len(data)))
    return b"".join(iter(lambda: stream.read(1 << 16), b"")), stream.damage


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes(one ^ 0xFF for one in data[at : at + 8]) + data[at + 8 :]


def test_every_compression_is_tested():
    assert set(COMPRESS) == {one.name for one in COMPRESSIONS}


@pytest.mark.parametrize("name", COMPRESS)
class TestEveryCompression:
    def test_is_recognised_by_its_bytes_and_hashed_as_handed_over(self, name):
        data = COMPRESS[name](LARGE)
        row = row_of(data)
        assert (row["format"], row["packets"], row["damage"]) == (f"pcap+{name}", 8000, "")
        assert (row["sha256"], row["file_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))

    def test_of_several_members_is_read_to_the_last(self, name):
        data = COMPRESS[name](FIVE) + COMPRESS[name](MORE) + PADDING + COMPRESS[name](MORE) + PADDING
        row = row_of(data)
        assert (row["packets"], row["damage"]) == (15, "")

    def test_cut_short_yields_what_was_inflated_and_names_the_byte(self, name):
        whole = COMPRESS[name](LARGE)
        cut = len(whole) * 3 // 4
        row = row_of(whole[:cut])
        assert 0 < row["packets"] < 8000
        assert f"the {name} data ends early, at byte {cut}" in row["damage"]
        assert row["sha256"] == hashlib.sha256(whole[:cut]).hexdigest()

    def test_damaged_inside_yields_what_comes_before_and_names_the_byte(self, name):
        whole = COMPRESS[name](LARGE)
        at = len(whole) * 3 // 4
        out, damage = unpacked(flipped(whole, at))
        before = next((n for n, (a, b) in enumerate(zip(out, LARGE, strict=False)) if a != b), len(out))
        assert len(LARGE) // 4 < before < len(LARGE)
        near = int(damage.partition("near byte ")[2].split(" ")[0])
        # A compression with blocks notices at the end of its block.
        assert at - 2 * inflating.PIECE_BYTES <= near <= at + 1_000_000

    def test_what_follows_the_data_is_named_and_costs_nothing(self, name):
        whole = COMPRESS[name](FIVE)
        row = row_of(whole + b"something else")
        assert row["packets"] == 5
        assert row["damage"] == f"what follows the {name} data from byte {len(whole)} on is something else"

    def test_a_member_cut_in_its_header_is_damage(self, name):
        whole = COMPRESS[name](FIVE)
        row = row_of(whole + whole[:12])
        assert row["packets"] == 5
        assert row["damage"]

    def test_cut_at_any_byte_never_fails_otherwise(self, name):
        whole = COMPRESS[name](FIVE)
        for cut in range(1, len(whole)):
            out, damage = unpacked(whole[:cut])
            if compression_of(whole[:cut]) is not None:
                assert FIVE.startswith(out)
                assert f"byte {cut}" in damage or "cannot be inflated" in damage

    def test_inside_another_is_read(self, name):
        for outer in COMPRESS:
            row = row_of(COMPRESS[outer](COMPRESS[name](FIVE)))
            assert (row["packets"], row["format"]) == (5, f"pcap+{name}+{outer}")

    def test_inside_two_others_is_refused(self, name):
        with pytest.raises(UnreadableCapture, match="compressed more than 2 times; unpack it"):
            row_of(gzip.compress(gzip.compress(COMPRESS[name](FIVE))))

    def test_that_holds_no_capture_says_what_it_holds(self, name):
        with pytest.raises(UnreadableCapture, match=r"a\.cap: is text, not a capture"):
            row_of(COMPRESS[name](b"Hello, here is the trace.\n"))

    def test_of_the_program_itself_is_read(self, name):
        program = PROGRAMS[name]
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        data = subprocess.run([program, "-c"], input=LARGE, capture_output=True, check=True).stdout
        assert row_of(data)["packets"] == 8000

    def test_that_inflates_without_end_is_stopped_and_what_came_before_is_kept(self, name, monkeypatch):
        monkeypatch.setattr(inflating, "FREE_BYTES", 1 << 18)
        monkeypatch.setattr(inflating, "MAX_RATIO", 3)
        row = row_of(COMPRESS[name](FIVE + MORE * 10_000))
        assert 1000 < row["packets"] < 40_000
        assert "more than 3 times its size comes out of it" in row["damage"]

    def test_any_bytes_after_its_first_ones_are_no_accident(self, name):
        head = COMPRESS[name](FIVE)[:10]

        @settings(max_examples=200, deadline=2000)
        @given(tail=st.binary(max_size=400))
        def check(tail: bytes) -> None:
            _, damage = unpacked(head + tail)
            assert "\n" not in damage

        check()

    def test_any_mutation_is_no_accident(self, name):
        whole = COMPRESS[name](LARGE[:3000]) + COMPRESS[name](FIVE)

        @settings(max_examples=200, deadline=2000)
        @given(at=st.integers(0, len(whole) - 1), put=st.binary(max_size=6), drop=st.integers(0, 6))
        def check(at: int, put: bytes, drop: int) -> None:
            _, damage = unpacked(whole[:at] + put + whole[at + drop :])
            assert "\n" not in damage

        check()


@pytest.mark.parametrize(("name", "at"), [("gzip", -8), ("zstd", -4), ("lz4", -4)])
def test_a_wrong_checksum_costs_nothing_of_a_small_file(name, at):
    whole = bytearray(COMPRESS[name](FIVE))
    whole[at] ^= 1
    row = row_of(bytes(whole))
    assert row["packets"] == 5
    assert f"the {name} data cannot be inflated near byte" in row["damage"]


def test_zstd_frames_of_other_data_are_passed_over():
    data = SKIPPABLE + zstandard.compress(FIVE) + SKIPPABLE + zstandard.compress(MORE) + SKIPPABLE
    row = row_of(data)
    assert (row["packets"], row["format"], row["damage"]) == (10, "pcap+zstd", "")


def test_a_zstd_bomb_gives_no_more_at_once_than_is_asked_for():
    """A frame of runs: 4 bytes give 128 KiB, so that a megabyte would give 32 GiB."""
    run = (131072 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    data = b"\x28\xb5\x2f\xfd\x00\x58" + run * 250_000
    stream = Unpacked(io.BytesIO(data).read, Budget(lambda: 1 << 40))
    assert max(len(stream.read(1 << 20)) for _ in range(100)) <= 1 << 20
    assert stream.damage == ""


def test_the_ratio_counts_from_the_file_through_all_compressions(monkeypatch):
    monkeypatch.setattr(inflating, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(inflating, "MAX_RATIO", 500)
    row = row_of(gzip.compress(gzip.compress(FIVE + MORE * 100_000)))
    assert "more than 500 times" in row["damage"]


def test_no_more_is_inflated_than_any_capture_holds():
    budget = Budget(lambda: 1 << 50)
    assert budget.spend(inflating.MAX_INFLATED)
    assert not budget.spend(1)
    assert "256 GiB" in budget.exceeded()


def test_memory_stays_bounded_while_a_bomb_is_inflated():
    code = (
        "import io, resource, zstandard\n"
        "from lynccap.ingest.sources.inflating import Budget, Unpacked\n"
        "run = (131072 << 3 | 1 << 1).to_bytes(3, 'little') + bytes(1)\n"
        "data = b'\\x28\\xb5\\x2f\\xfd\\x00\\x58' + run * 50_000\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "stream = Unpacked(io.BytesIO(data).read, Budget(lambda: len(data)))\n"
        "while stream.read(1 << 20): pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, stream.damage)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    grown, _, damage = done.stdout.partition(" ")
    assert "times its size comes out of it" in damage
    assert int(grown) < 200_000  # KiB


def test_xz_that_asks_for_too_much_memory_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setattr(inflating, "MAX_XZ_MEMORY", 1 << 20)
    with pytest.raises(UnreadableCapture, match=r"cannot be inflated near byte \d+ \(Memory usage limit exceeded\)"):
        row_of(lzma.compress(LARGE, preset=9))


def test_lz4_without_its_package_says_how_to_go_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(UnreadableCapture) as caught:
        read_tables([Source("folder/trace.lz4", io.BytesIO(COMPRESS["lz4"](FIVE)))])
    assert "lz4 -d trace.lz4" in str(caught.value)
    assert "python -m pip install lz4" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_raw_deflate_stream_ends_where_it_ends():
    core = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = core.compress(FIVE) + core.flush()
    stream = inflating.Inflating(inflating.DEFLATE, io.BytesIO(data + b"PK\x07\x08").read, Budget(lambda: 1))
    assert b"".join(iter(lambda: stream.read(1000), b"")) == FIVE
    assert (stream.used, stream.damage) == (len(data), "")
