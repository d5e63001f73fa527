"""The paths of a command line to the files they mean: folders, patterns, each file once, in a fixed order."""

from __future__ import annotations

import fnmatch
import glob
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from nato_stance.articles import ArticleFailure
from nato_stance.records import InvalidInputError

STDIN: Final = "-"
STDOUT: Final = "-"
_SQLITE: Final = b"SQLite format 3\0"

ENDINGS: Final = (
    ".txt",
    ".text",
    ".html",
    ".htm",
    ".jsonl",
    ".ndjson",
    ".jsonl.gz",
    ".ndjson.gz",
    ".csv",
    ".tsv",
    ".csv.gz",
    ".tsv.gz",
    ".parquet",
)
"""Endings of files that a folder is searched for."""


@dataclass(slots=True)
class FileFinder:
    """Finds the files that a list of paths means, lazily, and counts what it leaves out.

    Files of a folder come sorted by name, those of a folder before those of its subfolders. A file that several
    paths reach is given once.

    Attributes:
        paths: files, folders, patterns (`news/**/*.txt`) and `-`.
        include: patterns; of a folder only files that match one are taken, whatever their ending. A pattern is held
            against the path inside the folder and against the bare name; `*` also crosses `/`.
        exclude: patterns of files and subfolders to leave out.
        own: absolute paths of the run's own outputs; what is written must not be read again.
        ignored: what was left out unasked, by reason, as far as the search has come.

    Example:
        >>> list(FileFinder(["no/such/file.txt"]))[0].message
        "no such file or folder: 'no/such/file.txt'"
    """

    paths: Sequence[str]
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    own: frozenset[str] = frozenset()
    ignored: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[str | ArticleFailure]:
        seen: set[str] = set()
        for path in self.paths:
            for found in self._one(path):
                if isinstance(found, ArticleFailure):
                    yield found
                    continue
                place = found if found == STDIN else os.path.abspath(found)
                if place in self.own:
                    self.ignored["output of this run"] += 1
                elif place in seen:
                    self.ignored["named twice"] += 1
                else:
                    if len(self.paths) > 1:  # one path alone names no file twice, however many it means
                        seen.add(place)
                    yield found

    def _one(self, path: str) -> Iterator[str | ArticleFailure]:
        if path == STDIN:
            yield path
        elif os.path.isdir(path):
            yield from self._folder(path)
        elif os.path.lexists(path) or not glob.has_magic(path):
            yield path if os.path.lexists(path) else _nothing(path, f"no such file or folder: {path!r}")
        else:
            yield from self._pattern(path)

    def _pattern(self, pattern: str) -> Iterator[str | ArticleFailure]:
        found = False
        for path in sorted(glob.iglob(pattern, recursive=True)):
            if not os.path.isdir(path) and not self._matches(path, self.exclude):
                found = True
                yield path
        if not found:
            yield _nothing(pattern, f"no file matches the pattern {pattern!r}")

    def _folder(self, folder: str) -> Iterator[str | ArticleFailure]:
        found = False
        failures: list[OSError] = []
        before = self.ignored.copy()
        visited: set[tuple[int, int]] = set()
        for here, folders, names in os.walk(folder, onerror=failures.append, followlinks=True):
            inside = os.path.relpath(here, folder)
            folders[:] = sorted(x for x in folders if self._enters(here, inside, x, visited))
            for name in sorted(names):
                if self._takes(os.path.normpath(os.path.join(inside, name))):
                    found = True
                    yield os.path.join(here, name)
            yield from (ArticleFailure.of(e, source=str(e.filename or folder)) for e in failures)
            found = found or bool(failures)
            failures.clear()
        yield from (ArticleFailure.of(e, source=str(e.filename or folder)) for e in failures)
        if not found and not failures:
            left_out = describe_ignored(self.ignored - before)
            wanted = f"that matches {' or '.join(self.include)}" if self.include else f"ending in {', '.join(ENDINGS)}"
            tail = f" (left out: {left_out})" if left_out else ""
            yield _nothing(folder, f"the folder {folder!r} holds no file {wanted}{tail}")

    def _enters(self, here: str, inside: str, name: str, visited: set[tuple[int, int]]) -> bool:
        if name.startswith("."):
            self.ignored["hidden folder"] += 1
            return False
        if self._matches(os.path.normpath(os.path.join(inside, name)), self.exclude):
            return False
        path = os.path.join(here, name)
        if os.path.islink(path):
            try:
                status = os.stat(path)
            except OSError:
                return True  # gone since the folder was listed: the walk itself reports it
            # A link to a folder is followed once, so that a link to a parent cannot turn the walk into a circle.
            if (status.st_dev, status.st_ino) in visited or os.path.realpath(here).startswith(os.path.realpath(path)):
                self.ignored["link to a folder already read"] += 1
                return False
            visited.add((status.st_dev, status.st_ino))
        return True

    def _takes(self, inside: str) -> bool:
        if self._matches(inside, self.exclude):
            return False
        if self.include:
            return self._matches(inside, self.include)
        name = os.path.basename(inside)
        if name.startswith("."):
            self.ignored["hidden file"] += 1
            return False
        if name.lower().endswith(ENDINGS):
            return True
        self.ignored[os.path.splitext(name)[1].lower() or "no ending"] += 1
        return False

    @staticmethod
    def _matches(path: str, patterns: Sequence[str]) -> bool:
        path = path.replace(os.sep, "/")
        name = path.rsplit("/", 1)[-1]
        return any(fnmatch.fnmatchcase(path, p) or fnmatch.fnmatchcase(name, p) for p in patterns)


def describe_ignored(ignored: Counter[str]) -> str:
    """Return the counts as words, most frequent first.

    Example:
        >>> describe_ignored(Counter({".pdf": 2, "hidden file": 1}))
        '.pdf 2, hidden file 1'
    """
    return ", ".join(f"{reason} {n:,}" for reason, n in sorted(ignored.items(), key=lambda x: (-x[1], x[0])))


def total_size(finder: FileFinder) -> int:
    """Return the bytes of all files that `finder` finds; what cannot be asked for its size counts as nothing."""
    total = 0
    for path in finder:
        if isinstance(path, str) and path != STDIN:
            try:
                total += os.path.getsize(path)
            except OSError:
                continue
    return total


def refuse_overwriting(inputs: Iterable[str], outputs: Mapping[str, str | None]) -> None:
    """Refuse an output that would replace a file that was named, another output, or a database.

    Links and other spellings of a path are seen through. Devices and pipes (`/dev/null`) keep nothing that could be
    replaced, and may be named as often as one likes.

    Args:
        inputs: files as named on the command line, with the database if there is one; `-`, folders and patterns are
            nothing that an output replaces.
        outputs: option to path as given; None is not looked at, `-` may stand there once.

    Raises:
        InvalidInputError: two of them are one file, and the message names both; an output is an SQLite database, or
            its name is empty.

    Example:
        >>> refuse_overwriting(["a.txt"], {"-o": "./a.txt"})
        Traceback (most recent call last):
        nato_stance.records.InvalidInputError: -o './a.txt' would replace 'a.txt', which is read; name another file
    """
    taken: dict[object, str] = {}
    for path in inputs:
        for identity in _identities(path):
            taken.setdefault(identity, f"replace {path!r}, which is read")
    for option, output in outputs.items():
        if output is None:
            continue
        if output == "":
            raise InvalidInputError(f"{option} is empty; name a file")
        if _is_database(output):
            raise InvalidInputError(f"{option} {output!r} would replace a database; name another file")
        identities = [STDOUT] if output == STDOUT else [i for p in {output, part_of(output)} for i in _identities(p)]
        for identity in identities:
            if identity in taken:
                raise InvalidInputError(f"{option} {output!r} would {taken[identity]}; name another file")
        taken.update(dict.fromkeys(identities, f"replace or mix up what {option} {output!r} writes"))


def part_of(path: str) -> str:
    """Return the name of a result file while it is being written; that of a pipe or a device is its own.

    Example:
        >>> part_of("stances.jsonl")
        'stances.jsonl.part'
    """
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return f"{path}.part"
    return f"{path}.part" if stat.S_ISREG(mode) else path


def _is_database(path: str) -> bool:
    try:
        with open(path if os.path.isfile(path) else os.devnull, "rb") as stream:
            return stream.read(len(_SQLITE)) == _SQLITE
    except OSError:  # it cannot be read; whether it can be written is for the one who writes to tell
        return False


def _identities(path: str) -> tuple[object, ...]:
    """Return what tells the file at `path` from others: its real path and, where it exists, its number on the disk."""
    if path == STDIN:
        return ()
    place = os.path.realpath(path)
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return (place,)
    return (place, (status.st_dev, status.st_ino)) if stat.S_ISREG(status.st_mode) else ()


def _nothing(path: str, message: str) -> ArticleFailure:
    return ArticleFailure.of(InvalidInputError(message), source=path)
