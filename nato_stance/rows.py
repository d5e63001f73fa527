"""Tables of articles (JSON lines, CSV, Parquet) to rows, one at a time; a bad row is an error record, not an end."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from nato_stance.articles import Article, ArticleFailure, byte_size, check_size, too_large
from nato_stance.records import (
    DecodingError,
    InvalidInputError,
    InvalidTypeError,
    MissingDependencyError,
    NatoStanceError,
)
from nato_stance.text import decode, without_surrogates

_MAX_ESCAPE: Final = 6  # JSON may spend six bytes on one character
_SLACK: Final = 1_000_000
_MAX_FIELD: Final = 2**31 - 1  # what the CSV reader can count to on every system
_ID_NAMES: Final = ("article_id", "id")

Peekable = io.BufferedReader
"""A binary stream with `peek` (an open file, standard input, a gzip file)."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns (or JSON keys) hold what.

    Attributes:
        text: the article.
        id: its identifier; None looks for `article_id`, then `id`, and else numbers the rows.
        date, title: None takes `date` and `title` where they exist.
    """

    text: str = "text"
    id: str | None = None
    date: str | None = None
    title: str | None = None

    def check(self, names: Iterable[str]) -> None:
        """Refuse a table that lacks the text column or a column that was asked for by name, or has one twice.

        Raises:
            InvalidInputError: a column is missing, and the message lists those that exist; or two have one name.

        Example:
            >>> Columns(text="body").check(["id", "text"])
            Traceback (most recent call last):
            nato_stance.records.InvalidInputError: there is no column 'body' (--text-column); the columns are id, text
        """
        present = list(names)
        twice = [name for name in self.names_in(present) if present.count(name) > 1]
        if twice:
            raise InvalidInputError(f"there are several columns {twice[0]!r}; give each a name of its own")
        for option in ("text", "id", "date", "title"):
            wanted = getattr(self, option)
            if wanted is not None and wanted not in present:
                raise InvalidInputError(
                    f"there is no column {wanted!r} (--{option}-column); the columns are {', '.join(present) or 'none'}"
                )

    def names_in(self, names: Iterable[str]) -> list[str]:
        """Return those of `names` that are read, in their order."""
        wanted = {self.text, self.id, self.date or "date", self.title or "title"}
        wanted |= set(_ID_NAMES) if self.id is None else set()
        return [x for x in names if x in wanted]


@dataclass(frozen=True, slots=True)
class RowReader:
    """Makes articles of rows, and failure records of bad ones.

    Attributes:
        source: path of the table as given; goes into every record.
        stem: what an unnamed row's identifier begins with.
        columns: which columns hold what.
        max_size: limit of one article in bytes.
        encoding: of the file, if known; JSON lines and CSV are else decoded line by line as `text.decode` does.
        progress: called with the number of bytes read since the last call.
    """

    source: str
    stem: str
    columns: Columns
    max_size: int
    encoding: str | None = None
    progress: Callable[[int], None] = lambda n: None

    def json_lines(self, stream: Peekable) -> Iterator[Article | ArticleFailure]:
        """Read one JSON object a line; lines with nothing on them are no rows."""
        for number, line in self._lines(stream):
            place = f"line {number}"
            if isinstance(line, NatoStanceError):
                yield self._failure(line, place)
            elif line.strip():
                try:
                    row = _json_object(line)
                except NatoStanceError as error:
                    yield self._failure(error, place)
                else:
                    yield self._checked(row, number, place)

    def csv(self, stream: Peekable) -> Iterator[Article | ArticleFailure]:
        """Read a CSV table with a header; the separator is the comma, semicolon or tab that the header has most of."""
        problems: list[tuple[int, NatoStanceError]] = []
        lines = self._csv_lines(stream, problems)
        header_line = next(lines, "")
        separator = max(",;\t", key=header_line.count)
        csv.field_size_limit(max(csv.field_size_limit(), min(self.max_size + 1, _MAX_FIELD)))
        header = next(csv.reader([header_line], delimiter=separator), [])
        try:
            self.columns.check(header)
        except InvalidInputError as error:
            yield self._failure(error, "line 1")
            return
        rows = csv.reader(lines, delimiter=separator, strict=True)
        while True:
            number = rows.line_num + 2
            place = f"line {number}"
            try:
                cells = next(rows)
                if cells:
                    yield self._checked(_csv_row(header, cells), number, place)
            except StopIteration:
                break
            except csv.Error as error:
                yield self._failure(_csv_problem(error, number, rows.line_num + 1), place)
            except NatoStanceError as error:
                yield self._failure(error, place)
            finally:
                for line, problem in problems:
                    yield self._failure(problem, f"line {line}")
                problems.clear()

    def parquet(self, path: str) -> Iterator[Article | ArticleFailure]:
        """Read a Parquet table, a few rows at a time.

        Raises:
            MissingDependencyError: pyarrow is not installed (extra `parquet`).
        """
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingDependencyError(
                f'Parquet needs pyarrow ({error}); install it with: pip install "nato-stance[parquet]"'
            ) from error
        try:
            with pyarrow.parquet.ParquetFile(path) as table:
                names = table.schema_arrow.names
                self.columns.check(names)
                number = 0
                for batch in table.iter_batches(batch_size=64, columns=self.columns.names_in(names)):
                    self.progress(batch.nbytes)
                    for row in batch.to_pylist():
                        number += 1
                        yield self._checked(row, number, f"row {number}")
        except pyarrow.ArrowException as error:
            yield self._failure(DecodingError(f"the file is not a sound Parquet table: {error}"), None)
        except InvalidInputError as error:
            yield self._failure(error, None)

    def _checked(self, row: Mapping[str, Any], number: int, place: str) -> Article | ArticleFailure:
        try:
            return self._article(row, number, place)
        except NatoStanceError as error:
            return self._failure(error, place, row)

    def _article(self, row: Mapping[str, Any], number: int, place: str) -> Article:
        self.columns.check(row)
        text = row[self.columns.text]
        if not isinstance(text, str):
            raise InvalidTypeError(f"{self.columns.text!r} must be a string, got {type(text).__name__}")
        check_size(byte_size(text), self.max_size)
        names = (self.columns.id,) if self.columns.id is not None else _ID_NAMES
        given = next((x for x in (_plain(row.get(n), n) for n in names) if x), None)
        return Article(
            article_id=given or f"{self.stem}:{number}",
            content=text,
            source=self.source,
            date=_plain(row.get(self.columns.date or "date"), "date"),
            title=_plain(row.get(self.columns.title or "title"), "title"),
            location=place,
        )

    def _failure(
        self, error: NatoStanceError, place: str | None, row: Mapping[str, Any] | None = None
    ) -> ArticleFailure:
        article_id = None if row is None else row.get(self.columns.id or "id")
        return ArticleFailure.of(
            error, source=self.source, location=place, article_id=None if article_id is None else str(article_id)
        )

    def _csv_lines(self, stream: Peekable, problems: list[tuple[int, NatoStanceError]]) -> Iterator[str]:
        for number, line in self._lines(stream):
            if isinstance(line, str):
                yield line
            else:
                problems.append((number, line))
                yield "\n"  # keeps the count of lines right; the CSV reader sees an empty row

    def _lines(self, stream: Peekable) -> Iterator[tuple[int, str | NatoStanceError]]:
        """Give (line number, line with its end); for a line that cannot be read, the error in its place."""
        wide = _wide_encoding(stream.peek(2)[:2], self.encoding)
        if wide is not None:
            yield from self._wide_lines(stream, wide)
            return
        limit = _MAX_ESCAPE * self.max_size + _SLACK
        number = 0
        while line := stream.readline(limit):
            number += 1
            self.progress(len(line))
            cut = len(line) == limit and not line.endswith(b"\n")
            yield number, self._skip_rest(stream, limit) if cut else self._decoded(line)

    def _decoded(self, line: bytes) -> str | NatoStanceError:
        if line.isascii() and self.encoding is None:
            return line.decode("ascii")
        try:
            return decode(line, encoding=self.encoding).text
        except NatoStanceError as error:
            return error

    def _skip_rest(self, stream: Peekable, size: int) -> NatoStanceError:
        while (rest := stream.readline(_SLACK)) and not rest.endswith(b"\n"):
            size += len(rest)
            self.progress(len(rest))
        return too_large(size, self.max_size)

    def _wide_lines(self, stream: Peekable, encoding: str) -> Iterator[tuple[int, str | NatoStanceError]]:
        # Characters of two bytes cannot be cut at b"\n": one decoder reads the file from end to end.
        number = 0
        text = io.TextIOWrapper(stream, encoding=encoding, newline="")
        try:
            for number, line in enumerate(text, start=1):
                self.progress(2 * len(line))
                yield number, line.removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            message = f"from here on the file is not {encoding}: {error.reason}; repair it or give its encoding"
            yield number + 1, DecodingError(message)
        finally:
            text.detach()


def _wide_encoding(start: bytes, given: str | None) -> str | None:
    if given is not None:
        return given if given.startswith(("utf-16", "utf-32")) else None
    if start in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in start:
        return "utf-16-be" if start.startswith(b"\0") else "utf-16-le"
    return None


def _json_object(line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"the line is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise InvalidTypeError(f"the line must hold a JSON object, got {type(row).__name__}")
    return row


def _csv_row(header: list[str], cells: list[str]) -> Mapping[str, str]:
    if len(cells) != len(header):
        raise InvalidInputError(
            f"the row has {len(cells)} fields, the header {len(header)}; put fields with separators in quotation marks"
        )
    return dict(zip(header, cells, strict=True))


def _csv_problem(error: csv.Error, first: int, last: int) -> InvalidInputError:
    if "unexpected end of data" in str(error):
        return InvalidInputError(
            f"a quotation mark opened in line {first} is never closed, so that lines {first} to {last} are one row; "
            "close it and score the file again"
        )
    return InvalidInputError(f"the row is not CSV: {error}")


def _plain(value: object, name: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)
    raise InvalidTypeError(f"{name!r} must be a string or a number, got {type(value).__name__}")
