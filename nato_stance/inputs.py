"""Paths to articles: every file by its ending, one article after the other, each problem as a record in its place."""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Literal, cast

from nato_stance.articles import MAX_SIZE, Article, ArticleFailure, check_limit, check_size, too_large
from nato_stance.paths import STDIN, FileFinder
from nato_stance.records import DecodingError, InvalidInputError, NatoStanceError
from nato_stance.rows import Columns, Peekable, RowReader
from nato_stance.text import check_encoding

InputFormat = Literal["text", "html", "jsonl", "csv", "parquet"]
INPUT_FORMATS: Final[tuple[InputFormat, ...]] = ("text", "html", "jsonl", "csv", "parquet")

_FORMAT_OF: Final[dict[str, InputFormat]] = {
    ".html": "html",
    ".htm": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}


_PIECE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class InputReader:
    """Reads articles from files, folders, patterns and standard input, lazily and in a fixed order.

    What cannot be read comes as an `ArticleFailure` in its place; reading goes on with the next.

    Attributes:
        finder: finds the files.
        columns: which columns of tables hold what.
        encoding: of text, if known; None detects it.
        max_size: limit of one article in bytes.
        format: of every input; None goes by the ending, and takes standard input and unknown endings for plain text.
        progress: called with the number of bytes read since the last call.

    Raises:
        InvalidInputError: when made, of an unknown encoding or a limit below 1.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> _ = (pathlib.Path(folder.name) / "a1.txt").write_text("He said no.", encoding="utf-8")
        >>> [(a.article_id, a.content) for a in InputReader(FileFinder([folder.name]))]
        [('a1', b'He said no.')]
        >>> folder.cleanup()
    """

    finder: FileFinder
    columns: Columns = field(default_factory=Columns)
    encoding: str | None = None
    max_size: int = MAX_SIZE
    format: InputFormat | None = None
    progress: Callable[[int], None] = lambda n: None

    def __post_init__(self) -> None:
        check_limit(self.max_size)
        if self.encoding is not None:
            object.__setattr__(self, "encoding", check_encoding(self.encoding))

    def __iter__(self) -> Iterator[Article | ArticleFailure]:
        for path in self.finder:
            if isinstance(path, ArticleFailure):
                yield path
                continue
            try:
                yield from self._read(path)
            except (NatoStanceError, OSError) as error:
                yield ArticleFailure.of(error, source=printable(path))

    def _read(self, path: str) -> Iterator[Article | ArticleFailure]:
        kind = self.format or _FORMAT_OF.get(_ending(path), "text")
        if kind in ("text", "html"):
            yield self._single(path, "html" if kind == "html" else "text")
            return
        n_rows = 0
        try:
            for row in self._rows(path, kind):
                n_rows += 1
                yield row
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            kept = f"the {n_rows:,} rows before the damage are read" if n_rows else "no row of it can be read"
            raise DecodingError(
                f"the compressed file is damaged ({error}); {kept}, fetch the file again for the rest"
            ) from error
        if not n_rows:
            self.finder.ignored["table without rows"] += 1

    def _rows(self, path: str, kind: InputFormat) -> Iterator[Article | ArticleFailure]:
        rows = RowReader(printable(path), _stem(path), self.columns, self.max_size, self.encoding, self.progress)
        if kind == "parquet":
            if path == STDIN:
                raise InvalidInputError("a Parquet table cannot be read from standard input; give its path")
            yield from rows.parquet(path)
            return
        with _open_table(path) as stream:
            yield from rows.json_lines(stream) if kind == "jsonl" else rows.csv(stream)

    def _single(self, path: str, kind: Literal["text", "html"]) -> Article:
        if path == STDIN:
            content = self._bounded(sys.stdin.buffer)
        else:
            with open(path, "rb") as stream:
                status = os.fstat(stream.fileno())
                if stat.S_ISREG(status.st_mode):
                    check_size(status.st_size, self.max_size)
                content = self._bounded(stream)
        self.progress(len(content))
        return Article(_stem(path), content, printable(path), kind, self.encoding)

    def _bounded(self, stream: BinaryIO) -> bytes:
        # Piece by piece, since a read of many bytes reserves memory for all of them, however few there are. One byte
        # more than allowed tells a file that grows, or a pipe, from one that fits.
        content = bytearray()
        while piece := stream.read(min(_PIECE, self.max_size + 1 - len(content))):
            content += piece
        if len(content) > self.max_size:
            raise too_large(len(content), self.max_size, at_least=True)
        return bytes(content)


def printable(path: str) -> str:
    """Return a path that any output can hold; bytes of its name that are no UTF-8 are written as `\\\\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _open_table(path: str) -> contextlib.AbstractContextManager[Peekable]:
    if path == STDIN:
        return contextlib.nullcontext(cast(Peekable, sys.stdin.buffer))
    # GzipFile has the peek and readline that are asked of it, without being a BufferedReader by class.
    return cast(Peekable, gzip.open(path, "rb")) if path.lower().endswith(".gz") else open(path, "rb")


def _ending(path: str) -> str:
    name = path.lower().removesuffix(".gz")
    return os.path.splitext(name)[1]


def _stem(path: str) -> str:
    if path == STDIN:
        return "stdin"
    name = os.path.basename(path)
    if name.lower().endswith(".gz"):
        name = name[:-3]
    return printable(os.path.splitext(name)[0])
