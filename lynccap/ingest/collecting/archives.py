"""Finds the captures in archives: zip and tar, compressed or not, one in another, all of it bounded."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from lynccap.ingest.collecting.member import Member
from lynccap.ingest.collecting.storage import Lazy, Store, damaged, spooled
from lynccap.ingest.collecting.tar_archive import TarArchive
from lynccap.ingest.collecting.zip_archive import ZipArchive
from lynccap.ingest.formats.registry import reader_of
from lynccap.ingest.formats.window import MAX_SPOOL
from lynccap.ingest.sources.inflating import Budget, CannotInflate, Read, Unpacked
from lynccap.ingest.sources.refusals import refused, refused_package
from lynccap.ingest.sources.source import Source, UnreadableCapture

MAX_DEPTH = 3  # a ticket's zip holds a mail's zip, which holds a server's
MAX_MEMBERS = 10_000  # of an archive and those in it: a ticket has hundreds

Opening = Callable[[], Read]
"""Gives what reads a file from its beginning."""


def is_archive(head: bytes) -> bool:
    """Whether what begins with these (inflated) bytes is an archive that is looked into."""
    return ZipArchive.accepts(head) or TarArchive.accepts(head)


def captures_in(source: Source, store: Store) -> tuple[Source, ...]:
    """The captures in the archive that `source` names and `store` holds, and what else is to be told of it.

    Nothing is unpacked beside it. What cannot be read, an encrypted member or a cut archive, is a source that says so
    when it is opened. Raises UnreadableCapture when nothing in it is or may be a capture.
    """
    search = _Search(Budget(lambda: store.size))
    search.look_into(_Place(source.where, source.name), store.reader, 1, store)
    if not search.captures and not search.missing:
        raise UnreadableCapture(f"{source.where}: {search.explanation(source.name)}")
    search.budget.renew()
    # Where no capture is found, one reason is enough.
    return (*search.captures, *search.missing) if search.captures else (search.missing[0],)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is: its path as it was given, and as it is shown."""

    where: str
    shown: str

    def inside(self, name: str) -> "_Place":
        return _Place(f"{self.where}/{name}", f"{self.shown}/{name}")


@dataclass(slots=True)
class _Search:
    """What has been found in an archive and in those in it."""

    budget: Budget
    captures: list[Source] = field(default_factory=list)
    missing: list[Source] = field(default_factory=list)
    """What may hold captures and cannot be read."""
    others: list[str] = field(default_factory=list)
    """Sentences about files that are no captures."""
    paths: list[str] = field(default_factory=list)
    spool_left: int = MAX_SPOOL

    def look_into(self, place: _Place, opening: Opening, depth: int, store: Store | None = None) -> None:
        """Look at every file in the archive at `place`."""
        refused_members: defaultdict[str, list[str]] = defaultdict(list)
        try:
            archive = self._archive(opening, store)
            for member in archive.members():
                if len(self.paths) == MAX_MEMBERS:
                    self._miss(place, f"holds more than {MAX_MEMBERS} files; the rest was not looked at")
                    break
                self.paths.append(member.path)
                if member.refusal:
                    refused_members[member.refusal].append(member.name)
                else:
                    self._look_at(place.inside(member.name), member, depth)
            damage = archive.damage
        except OSError as problem:
            damage = problem.strerror or str(problem)
        for refusal, names in refused_members.items():
            more = f" ({len(names) - 1} more like it)" if len(names) > 1 else ""
            self._miss(place, f"{names[0]} {refusal}{more}")
        if damage:
            self._miss(place, damage)

    def explanation(self, name: str) -> str:
        """Why there is no capture in the archive of this name, and what to do."""
        package = refused_package(self.paths, name)
        if package:
            return package
        if not self.others:
            return "holds no files; ask for another copy"
        more = f" ({len(self.others) - 1} more files are no captures either)" if len(self.others) > 1 else ""
        return f"no file in it is a capture; {self.others[0]}{more}"

    def _archive(self, opening: Opening, store: Store | None) -> ZipArchive | TarArchive:
        unpacked = Unpacked(_tolerant(opening()), self.budget)
        if not ZipArchive.accepts(unpacked.head):
            return TarArchive(partial(self._below, opening))
        if store is None or unpacked.compression:
            store = spooled(unpacked.read, self.spool_left)
            if store is None:
                raise damaged(f"is larger than {MAX_SPOOL >> 30} GiB; unpack it and name the files")
            self.spool_left -= store.size
        return ZipArchive(store, self.budget)

    def _below(self, opening: Opening) -> Read:
        """Reads what `opening` gives without its compression; its damage is an OSError."""
        unpacked = Unpacked(opening(), self.budget)

        def read(count: int) -> bytes:
            block = unpacked.read(count)
            if not block and unpacked.damage:
                raise damaged(unpacked.damage)
            return block

        return read

    def _look_at(self, place: _Place, member: Member, depth: int) -> None:
        try:
            unpacked = Unpacked(_tolerant(member.opening()), self.budget)
        except CannotInflate as problem:
            self._miss(place, str(problem).format(file=member.name))
            return
        except OSError as problem:
            self._miss(place, problem.strerror or str(problem))
            return
        if reader_of(unpacked.head) is not None:
            opening = partial(Lazy, member.opening)
            capture = Source(place.where, opening=opening, shown=place.shown, bytes=member.size, budget=self.budget)
            self.captures.append(capture)
        elif not is_archive(unpacked.head):
            self.others.append(f"{member.name} {_what(unpacked, member.name)}")
        elif depth == MAX_DEPTH:
            self._miss(place, f"is an archive inside {MAX_DEPTH} others; unpack it and name it")
        else:
            self.look_into(place, member.opening, depth + 1)

    def _miss(self, place: _Place, refusal: str) -> None:
        self.missing.append(Source(place.where, shown=place.shown, refusal=refusal))


def _what(unpacked: Unpacked, name: str) -> str:
    if not unpacked.head:
        return unpacked.damage or "is empty"
    return refused(unpacked.head, name.rpartition("/")[2]) or "is not a capture"


def _tolerant(read: Read) -> Read:
    """`read`, for a look at the beginning: damage there is an end."""

    def tolerant(count: int) -> bytes:
        try:
            return read(count)
        except OSError:
            return b""

    return tolerant
