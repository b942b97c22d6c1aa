"""Captures in archives: whole, nested, cut, encrypted and hostile."""

import contextlib
import gzip
import hashlib
import io
import os
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
import zstandard
from capture_files import CLIENT, SERVER, pcap, timed, udp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lynccap.ingest import UnreadableCapture, read_each, read_tables
from lynccap.ingest.collecting import archives
from lynccap.ingest.collecting.collect import collect
from lynccap.ingest.collecting.member import LONGEST_NAME, Member
from lynccap.ingest.sources import inflating
from lynccap.ingest.sources.source import Feed

FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(5)]
FIVE = pcap(timed(FRAMES))
THREE = pcap(timed(FRAMES[:3]))
NOISE = os.urandom(20_000)  # cannot be compressed: what is cut off is cut off
LONG = pcap(timed([*FRAMES, udp(CLIENT, SERVER, NOISE), *FRAMES]))

Files = Mapping[str, bytes]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def streamed_zip(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive written to a pipe: sizes follow the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:
            self.data += bytes(data)
            return len(data)

    out = Pipe()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.data


def tarred(files: Files, form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


PACKERS = {
    "zip": zipped,
    "stored.zip": lambda files: zipped(files, zipfile.ZIP_STORED),
    "bzip2.zip": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "streamed.zip": streamed_zip,
    "tar": tarred,
    "pax.tar": lambda files: tarred(files, tarfile.PAX_FORMAT),
    "ustar.tar": lambda files: tarred(files, tarfile.USTAR_FORMAT),
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.zst": lambda files: zstandard.compress(tarred(files)),
    "zip.gz": lambda files: gzip.compress(zipped(files)),
}


def found(path: Path, data: bytes) -> list[tuple[str, int, str]]:
    """Name, packets and damage of each capture in an archive with these bytes."""
    path.write_bytes(data)
    rows = [next(tables.captures.itertuples()) for tables in read_each(collect([str(path)]))]
    return [(row.name, row.packets, row.damage) for row in rows]


def read_all(path: Path) -> None:
    """Hand over every byte of every capture, as far as that goes."""
    target = memoryview(bytearray(1 << 16))
    with contextlib.suppress(UnreadableCapture):
        for source in collect([str(path)]):
            with contextlib.suppress(UnreadableCapture), Feed(source) as feed:
                while feed.fill(target):
                    feed.settle()
                feed.sha256()
                assert "\n" not in feed.damage


def refusal(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(UnreadableCapture) as caught:
        list(read_each(collect([str(path)])))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("packer", PACKERS)
def test_every_capture_in_an_archive_is_read_under_its_name(packer, tmp_path):
    files = {"readme.txt": b"Hello", "b/five.cap": FIVE, "a/three": gzip.compress(THREE), "empty.pcap": b""}
    path = tmp_path / "ticket"
    assert found(path, PACKERS[packer](files)) == [("ticket/b/five.cap", 5, ""), ("ticket/a/three", 3, "")]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("packer", PACKERS)
def test_the_hash_of_a_member_is_that_of_its_own_bytes(packer, tmp_path):
    inner = gzip.compress(FIVE)
    path = tmp_path / "ticket"
    path.write_bytes(PACKERS[packer]({"a.pcap.gz": inner}))
    row = read_tables(collect([str(path)])).files.iloc[0]
    assert (row["sha256"], row["format"]) == (hashlib.sha256(inner).hexdigest(), "pcap+gzip")
    assert row["file_bytes"] == len(inner)


@pytest.mark.parametrize("packer", PACKERS)
def test_members_may_be_read_in_any_order(packer, tmp_path):
    path = tmp_path / "ticket"
    path.write_bytes(PACKERS[packer]({f"{number}.pcap": pcap(timed(FRAMES[:number])) for number in range(1, 6)}))
    sources = collect([str(path)])
    assert read_tables(sources[::-1]).captures["packets"].tolist() == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("outer", PACKERS)
@pytest.mark.parametrize("inner", ["zip", "tar.gz"])
def test_an_archive_in_an_archive_is_looked_into(outer, inner, tmp_path):
    data = PACKERS[outer]({"mail.zip": PACKERS[inner]({"logs/five.pcap": FIVE}), "three.pcap": THREE})
    expected = [("ticket/mail.zip/logs/five.pcap", 5, ""), ("ticket/three.pcap", 3, "")]
    assert found(tmp_path / "ticket", data) == expected


def test_archives_are_looked_into_down_to_a_depth(tmp_path):
    data = FIVE
    for _ in range(archives.MAX_DEPTH):
        data = zipped({"in": data})
    assert found(tmp_path / "t.zip", data) == [("t.zip" + "/in" * archives.MAX_DEPTH, 5, "")]
    assert "inside 3 others" in refusal(tmp_path / "t.zip", zipped({"in": data}))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/etc/passwd.pcap", "etc/passwd.pcap"),
        ("../../up.pcap", "up.pcap"),
        ("C:\\Users\\x\\a.pcap", "Users/x/a.pcap"),
        ("a\x1b[31m\n.pcap", "a?[31m?.pcap"),
        ("./a//b.pcap", "a/b.pcap"),
        ("x" * 5000, "…" + "x" * LONGEST_NAME),
    ],
)
def test_names_are_shown_without_a_way_out(path, name):
    assert Member(path, 0, lambda: lambda count: b"").name == name


@pytest.mark.parametrize("packer", ["zip", "tar", "tar.gz"])
def test_names_with_a_way_out_are_never_paths(packer, tmp_path):
    outside = tmp_path / "outside.pcap"
    data = PACKERS[packer]({"../outside.pcap": FIVE, str(outside): THREE})
    folder = tmp_path / "in"
    folder.mkdir()
    assert [row[1] for row in found(folder / "t", data)] == [5, 3]
    assert not outside.exists()


def test_directories_and_links_are_no_captures(tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, link in (("folder", tarfile.DIRTYPE, ""), ("link", tarfile.SYMTYPE, "/etc/passwd")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            archive.addfile(entry)
        entry = tarfile.TarInfo("folder/" + "long" * 40 + ".pcap")
        entry.size = len(FIVE)
        archive.addfile(entry, io.BytesIO(FIVE))
    assert found(tmp_path / "t.tar", out.getvalue()) == [("t.tar/folder/" + "long" * 40 + ".pcap", 5, "")]
    assert found(tmp_path / "t.zip", zipped({"folder/": b"", "folder/a": FIVE})) == [("t.zip/folder/a", 5, "")]


def test_thousands_of_members_are_looked_at_in_seconds(tmp_path):
    files = {f"{number}.txt": b"nothing" for number in range(5000)} | {"last.pcap": FIVE}
    for packer in ("zip", "tar.gz"):
        assert found(tmp_path / "t", PACKERS[packer](files)) == [("t/last.pcap", 5, "")]


@pytest.mark.parametrize("packer", ["zip", "tar"])
def test_members_beyond_the_limit_are_said_to_be_left_out(packer, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    rows = found(tmp_path / "t", PACKERS[packer]({f"{number}.pcap": FIVE + bytes(number) for number in range(5)}))
    assert [row[1] for row in rows] == [5, 5, 5, 0]
    assert rows[-1] == ("t", 0, "holds more than 3 files; the rest was not looked at")


@pytest.mark.parametrize("packer", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.txt": b"Hello", "b.txt": b"You"}, "no file in it is a capture; a.txt is text, not a capture"),
        (
            {"trace.cab": b"MSCF\0\0\0\0" + bytes(40)},
            "trace.cab is a cabinet archive; unpack it on Windows with: expand",
        ),
        ({"a.pcap": b""}, "a.pcap is empty"),
        ({"a.bin": b"\x01\x02\x03"}, "a.bin is not a capture"),
        ({"word/document.xml": b"<w/>"}, "is a Word document"),
    ],
)
def test_an_archive_without_captures_says_what_it_holds(packer, files, says, tmp_path):
    assert says in refusal(tmp_path / "ticket.zip", PACKERS[packer](files))


def test_an_archive_without_files_says_so(tmp_path):
    assert refusal(tmp_path / "t.zip", zipped({})).endswith("holds no files; ask for another copy")


def test_a_message_analyzer_trace_is_named(tmp_path):
    assert "Message Analyzer 1.4" in refusal(tmp_path / "trace.matp", zipped({"a.bin": b"\1"}))


def encrypted(data: bytes) -> bytes:
    """The same zip archive with every member marked as encrypted."""
    marked = bytearray(data)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = marked.find(magic)
        while position >= 0:
            marked[position + at] |= 1
            position = marked.find(magic, position + 4)
    return bytes(marked)


def test_encrypted_members_are_named(tmp_path):
    data = encrypted(zipped({"a.pcap": FIVE, "b.pcap": THREE}))
    expected = "a.pcap is encrypted; unpack it and name the files (1 more like it)"
    assert refusal(tmp_path / "t.zip", data).endswith(expected)
    rows = found(tmp_path / "t.zip", zipped({"open.pcap": FIVE, "locked.zip": data}))
    assert rows == [("t.zip/open.pcap", 5, ""), ("t.zip/locked.zip", 0, expected)]


def test_an_encrypted_archive_of_the_zip_program_is_named(tmp_path):
    if shutil.which("zip") is None:
        pytest.skip("zip is not installed")
    (tmp_path / "a.pcap").write_bytes(FIVE)
    subprocess.run(["zip", "-q", "-P", "secret", "t.zip", "a.pcap"], cwd=tmp_path, check=True)
    assert "is encrypted" in refusal(tmp_path / "t.zip", (tmp_path / "t.zip").read_bytes())


@pytest.mark.parametrize("option", ["-fz", "-fz-"])
def test_archives_of_the_zip_program_with_64_bit_sizes_and_without_are_read(option, tmp_path):
    if shutil.which("zip") is None:
        pytest.skip("zip is not installed")
    (tmp_path / "a.pcap").write_bytes(FIVE)
    subprocess.run(["zip", "-q", option, "t.zip", "a.pcap"], cwd=tmp_path, check=True, timeout=60)
    assert found(tmp_path / "t.zip", (tmp_path / "t.zip").read_bytes()) == [("t.zip/a.pcap", 5, "")]


def test_a_method_that_is_not_read_is_named(tmp_path):
    data = zipped({"a.pcap": FIVE}, zipfile.ZIP_LZMA)
    assert "packed with LZMA, which is not read" in refusal(tmp_path / "t.zip", data)


@pytest.mark.parametrize("pack", [zipped, streamed_zip])
def test_a_zip_archive_without_its_directory_gives_what_lies_in_it(pack, tmp_path):
    whole = pack({"five.pcap": FIVE, "notes.txt": b"x", "long.pcap": LONG, "three.pcap": THREE})
    directory = whole.index(b"PK\x01\x02")
    rows = found(tmp_path / "t.zip", whole[: directory - 5])
    assert [row[:2] for row in rows[:2]] == [("t.zip/five.pcap", 5), ("t.zip/long.pcap", 11)]
    assert "directory at the end is missing" in rows[-1][2]
    rows = found(tmp_path / "t.zip", whole[: whole.index(b"long.pcap") + 12_000])
    assert rows[0] == ("t.zip/five.pcap", 5, "")
    assert rows[1][:2] == ("t.zip/long.pcap", 5)
    assert "byte" in rows[1][2]


def test_a_damaged_directory_keeps_what_comes_before_the_damage(tmp_path):
    whole = bytearray(zipped({"five.pcap": FIVE, "three.pcap": THREE}))
    at = whole.rindex(b"PK\x01\x02")
    whole[at : at + 4] = b"XXXX"
    rows = found(tmp_path / "t.zip", bytes(whole))
    assert rows[0] == ("t.zip/five.pcap", 5, "")
    assert f"directory is damaged at byte {at}" in rows[1][2]


def test_bytes_in_front_of_an_archive_do_not_move_its_members(tmp_path):
    whole = zipped({"a.pcap": FIVE})
    assert found(tmp_path / "t.zip", b"PK\x03\x04" + bytes(1000) + whole) == [("t.zip/a.pcap", 5, "")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_gives_what_lies_before_the_damage(method, tmp_path):
    whole = bytearray(zipped({"long.pcap": LONG, "three.pcap": THREE}, method))
    at = whole.index(b"PK\x03\x04") + 12_000
    whole[at : at + 4] = bytes(one ^ 0xFF for one in whole[at : at + 4])
    rows = found(tmp_path / "t.zip", bytes(whole))
    assert rows[0][1] in (5, 6, 11)  # where inflating stops depends on the noise
    assert "checksum" in rows[0][2] or "cannot be inflated near byte" in rows[0][2]
    assert rows[1] == ("t.zip/three.pcap", 3, "")


@pytest.mark.parametrize("packer", ["tar", "tar.gz"])
def test_a_cut_tar_archive_gives_what_lies_before_the_cut(packer, tmp_path):
    whole = PACKERS[packer]({"five.pcap": FIVE, "long.pcap": LONG, "three.pcap": THREE})
    rows = found(tmp_path / "t", whole[: len(whole) // 2 if packer == "tar" else 12_000])
    assert rows[0] == ("t/five.pcap", 5, "")
    assert rows[1][:2] == ("t/long.pcap", 5)
    assert "early" in rows[1][2]


def test_a_damaged_tar_header_ends_the_archive_and_is_named(tmp_path):
    whole = bytearray(tarred({"five.pcap": FIVE, "three.pcap": THREE}))
    at = whole.index(b"three.pcap")
    whole[at] ^= 0xFF
    rows = found(tmp_path / "t.tar", bytes(whole))
    assert rows[0] == ("t.tar/five.pcap", 5, "")
    assert f"header at byte {at} is damaged" in rows[1][2]


def test_a_bomb_is_stopped_and_what_came_before_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(inflating, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(inflating, "MAX_RATIO", 50)
    bomb = FIVE + FIVE[24:] * 200_000
    path = tmp_path / "t"
    for data in (zipped({"a.pcap": bomb}), gzip.compress(tarred({"a.pcap": bomb})), zipped({"b": gzip.compress(bomb)})):
        rows = found(path, data)
        assert 5000 < rows[0][1] < 500_000
        assert "times its size" in rows[0][2]


def test_members_that_share_their_bytes_are_a_bomb_too(tmp_path, monkeypatch):
    monkeypatch.setattr(inflating, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(inflating, "MAX_RATIO", 20)
    body = LONG * 20
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packed.compress(body) + packed.flush()
    fixed = struct.pack("<5H3I2H", 20, 0, 8, 0, 0, zlib.crc32(body), len(data), len(body), 1, 0)
    entry = b"PK\x01\x02\x14\0" + fixed + bytes(10) + bytes(4) + b"a"
    archive = b"PK\x03\x04" + fixed + b"a" + data + entry * 200
    archive += b"PK\x05\x06" + struct.pack(
        "<4H2IH", 0, 0, 200, 200, len(entry) * 200, len(archive) - len(entry) * 200, 0
    )
    rows = found(tmp_path / "t.zip", archive)
    assert rows[0][1] > 0
    assert any("times its size" in row[2] for row in rows)


def test_what_must_be_seeked_in_is_not_spooled_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_SPOOL", 4000)
    inner = zipped({"a.pcap": FIVE, "b": NOISE}, zipfile.ZIP_STORED)
    store = archives.Store(io.BytesIO(zipped({"in.zip": inner})))
    search = archives._Search(inflating.Budget(lambda: store.size), spool_left=4000)
    search.look_into(archives._Place("t", "t"), store.reader, 1, store)
    assert "larger than" in search.missing[0].refusal


def test_a_large_member_is_not_held_in_memory(tmp_path):
    import resource

    frame = udp(CLIENT, SERVER, bytes(1400))
    with zipfile.ZipFile(tmp_path / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.pcap", "w") as out:
        out.write(pcap([]))
        record = pcap(timed([frame]))[24:]
        for _ in range(60):
            out.write(record * 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (source,) = collect([str(tmp_path / "t.zip")])
    with source.open() as stream:
        size = sum(len(block) for block in iter(lambda: stream.read(1 << 20), b""))
    assert size > 80_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB


BASES = {
    "zip": zipped({"five.pcap": FIVE, "in.zip": zipped({"three.pcap": THREE}), "x.gz": gzip.compress(THREE)}),
    "streamed.zip": streamed_zip({"five.pcap": FIVE, "in.tar": tarred({"three.pcap": THREE})}),
    "tar": tarred({"five.pcap": FIVE, "x" * 150: THREE, "in.zip": zipped({"three.pcap": THREE})}),
    "pax.tar": tarred({"five.pcap": FIVE, "ü" * 150: THREE}, tarfile.PAX_FORMAT),
    "tar.zst": zstandard.compress(tarred({"five.pcap": FIVE, "three.pcap": THREE})),
}


@pytest.mark.parametrize("base", BASES)
@settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutation_of_an_archive_raises_anything_else(base, data, tmp_path):
    mutated = bytearray(BASES[base])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=8))
    path = tmp_path / "t"
    path.write_bytes(bytes(mutated[: data.draw(st.integers(1, len(mutated)))]) or b"x")
    read_all(path)


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"PK\x05\x06", tarred({"a": FIVE})[:512]])
@settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(max_size=600))
def test_no_bytes_after_a_magic_raise_anything_else(head, tail, tmp_path):
    path = tmp_path / "t"
    path.write_bytes(head + tail)
    read_all(path)
