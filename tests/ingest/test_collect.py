"""Which captures the names on a command line stand for, and what reaches the reader through standard input."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import lz4.frame
import pytest
import zstandard
from capture_files import CLIENT, SERVER, enhanced, interface, pcap, section, timed, udp

from lynccap.ingest import UnreadableCapture, read_each, read_tables
from lynccap.ingest.collecting import collect as collecting
from lynccap.ingest.collecting.collect import collect

FRAMES = [udp(CLIENT, SERVER, bytes([number]) * 20) for number in range(5)]
FIVE = pcap(timed(FRAMES))
THREE = pcap(timed(FRAMES[:3]))
PCAPNG = section() + interface() + enhanced(FRAMES[0], 1_700_000_000_000_000)


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


def tarred(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def names(*given: Path | str) -> list[str]:
    return [source.name for source in collect([str(one) for one in given])]


def failure(*given: Path | str) -> str:
    with pytest.raises(UnreadableCapture) as caught:
        collect([str(one) for one in given])
    assert "\n" not in str(caught.value)
    return str(caught.value)


class TestFolders:
    def test_give_their_captures_and_those_of_their_folders_in_a_stable_order(self, tmp_path):
        for name in ("z.cap", "b/two.cap", "b/one.cap", "a/deep/er.cap", ".hidden.cap", ".git/x.cap", "b/.old"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(FIVE)
        (tmp_path / "notes.txt").write_text("nothing")
        (tmp_path / "empty.pcap").write_bytes(b"")
        assert names(tmp_path) == ["z.cap", "a/deep/er.cap", "b/one.cap", "b/two.cap"]

    def test_give_archives_and_compressed_captures_by_content(self, tmp_path):
        (tmp_path / "one").write_bytes(zipped("a/b.pcap", FIVE))
        (tmp_path / "three").write_bytes(zstandard.compress(FIVE))
        (tmp_path / "two").write_bytes(gzip.compress(tarred("c.pcap", FIVE)))
        (tmp_path / "zero").write_bytes(zipped("letter.txt", b"Hello"))
        assert names(tmp_path) == ["one/a/b.pcap", "three", "two/c.pcap"]

    def test_without_captures_say_what_is_in_them(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        (tmp_path / "b.txt").write_text("nothing")
        text = failure(tmp_path)
        assert text.startswith(f"{tmp_path}: the folder holds no capture; a.png is a picture; ask for the capture")
        assert text.endswith("(1 more files are no captures either)")
        (tmp_path / "sub").mkdir()
        assert failure(tmp_path / "sub") == f"{tmp_path / 'sub'}: the folder holds no capture"

    def test_with_too_many_files_are_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(collecting, "MAX_FILES", 3)
        for number in range(4):
            (tmp_path / f"{number}.pcap").write_bytes(FIVE)
        assert "more than 3 files; name the captures in it" in failure(tmp_path)

    def test_are_entered_down_to_a_depth_and_never_through_links(self, tmp_path, monkeypatch):
        monkeypatch.setattr(collecting, "MAX_FOLDERS", 3)
        deep = tmp_path / "1/2/3"
        deep.mkdir(parents=True)
        for folder in (tmp_path, deep.parent, deep):
            (folder / "a.cap").write_bytes(FIVE)
        with contextlib.suppress(OSError):  # Windows wants a privilege for it
            (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
        assert names(tmp_path) == ["a.cap", "1/2/a.cap"]

    def test_a_capture_that_cannot_be_unpacked_is_told_among_the_others(self, tmp_path, monkeypatch):
        (tmp_path / "a.lz4").write_bytes(lz4.frame.compress(FIVE))
        (tmp_path / "b.cap").write_bytes(FIVE)
        monkeypatch.setitem(sys.modules, "lz4.frame", None)
        rows = [next(tables.captures.itertuples()) for tables in read_each(collect([str(tmp_path)]))]
        assert [row.packets for row in rows] == [0, 5]
        assert "lz4 -d a.lz4" in rows[0].damage

    def test_an_encrypted_archive_is_told_among_the_captures(self, tmp_path):
        locked = bytearray(zipped("c.pcap", FIVE))
        locked[6] = locked[locked.index(b"PK\x01\x02") + 8] = 1
        (tmp_path / "a.zip").write_bytes(bytes(locked))
        (tmp_path / "b.cap").write_bytes(FIVE)
        rows = [next(tables.captures.itertuples()) for tables in read_each(collect([str(tmp_path)]))]
        assert [(row.name, row.packets, row.damage) for row in rows] == [
            ("a.zip", 0, "c.pcap is encrypted; unpack it and name the files"),
            ("b.cap", 5, ""),
        ]


class TestEachCaptureOnce:
    def test_by_whatever_name_it_is_called(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.pcap").write_bytes(FIVE)
        (tmp_path / "b.zip").write_bytes(zipped("c", FIVE))
        given = ["a.pcap", "./a.pcap", str(tmp_path / "a.pcap"), "*.pcap", ".", "b.zip"]
        assert names(*given) == ["a.pcap", "b.zip/c"]

    def test_by_its_bytes(self, tmp_path):
        for name, data in (("a", FIVE), ("b", THREE), ("c", FIVE), ("d.zip", zipped("e", THREE))):
            (tmp_path / name).write_bytes(data)
        read = [tables.captures.loc[0, "name"] for tables in read_each(collect([str(tmp_path)]))]
        assert read == ["a", "b"]

    def test_those_that_cannot_be_read_are_not_the_same(self, tmp_path):
        (tmp_path / "a").write_bytes(FIVE)
        missing = [str(tmp_path / "x"), str(tmp_path / "y")]
        assert len(list(read_each(collect([str(tmp_path / "a"), *missing])))) == 3


def test_a_message_about_many_captures_names_a_few(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.pcap").write_bytes(pcap([]) + bytes(number))
    with pytest.raises(UnreadableCapture, match=r"2\.pcap and 6 more: no packets were read"):
        read_tables(collect([str(tmp_path)]))


def test_a_pattern_without_files_is_an_error(tmp_path):
    assert "no file fits this pattern" in failure(tmp_path / "*.pcap")


def test_a_missing_file_is_said_when_it_is_read(tmp_path):
    with pytest.raises(UnreadableCapture, match="no such file"):
        read_tables(collect([str(tmp_path / "gone.pcap")]))


def test_the_name_of_a_file_decides_nothing(tmp_path):
    for name, data in (("capture.cap", PCAPNG), ("a.txt", FIVE), ("b.pcap", zipped("in", PCAPNG))):
        (tmp_path / name).write_bytes(data)
        assert read_tables(collect([str(tmp_path / name)])).captures["packets"].sum() in (1, 5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for data, expected in ((gzip.compress(FIVE), "pipe"), (zipped("a", FIVE), "pipe/a")):
        writer = threading.Thread(target=pipe.write_bytes, args=(data,))
        writer.start()
        tables = read_tables(collect([str(pipe)]))
        writer.join()
        assert tables.captures[["name", "packets"]].to_numpy().tolist() == [[expected, 5]]


def piped(data: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "lynccap", "flows", "-", "--format", "csv"]
    return subprocess.run(command, input=data, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (FIVE, "standard input"),
        (PCAPNG, "standard input"),
        (gzip.compress(FIVE), "standard input"),
        (zstandard.compress(FIVE), "standard input"),
        (bz2.compress(FIVE), "standard input"),
        (lzma.compress(FIVE), "standard input"),
        (lz4.frame.compress(FIVE), "standard input"),
        (zipped("a/b.pcap", FIVE), "standard input/a/b.pcap"),
        (gzip.compress(tarred("a/b.pcap", FIVE)), "standard input/a/b.pcap"),
    ],
    ids=["pcap", "pcapng", "gzip", "zstd", "bzip2", "xz", "lz4", "zip", "tgz"],
)
def test_standard_input_is_read_whatever_it_is(data, name):
    done = piped(data)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[1].startswith(f"{name},udp,10.0.0.1".encode())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", b"lynccap: standard input: no bytes at all; copy or capture it again\n"),
        (b"Hello", b"lynccap: standard input: is text, not a capture; in Wireshark choose File"),
        (zipped("a.txt", b"Hello"), b"lynccap: standard input: no file in it is a capture; a.txt is text"),
        (zipped("a.pcap", FIVE)[:40], b"lynccap: standard input"),
    ],
    ids=["empty", "text", "zip without captures", "cut zip"],
)
def test_what_is_wrong_with_standard_input_is_one_line(data, says):
    done = piped(data)
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(says)
    assert done.stderr.count(b"\n") == 1


def test_the_same_standard_input_twice_counts_once(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FIVE)))
    assert names("-", "-") == ["standard input"]
