"""Scores to JSON lines, CSV and Parquet: one record a statement, streamed; a file takes its name when it is whole."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from nato_stance.articles import Article, ReadableText
from nato_stance.codebook import STANCES, TONES
from nato_stance.paths import STDOUT, part_of
from nato_stance.records import ArticleScore, MissingDependencyError, NatoStanceError

Record = Mapping[str, Any]
"""The JSON form of one statement with its article's identifiers."""

COLUMNS: Final = (
    "article_id",
    "source",
    "statement_id",
    "kind",
    "text",
    "spans",
    "speaker",
    "speaker_span",
    "cue",
    "stance",
    "polarity",
    "threat",
    "dialogue",
    "deterrence",
    "tone",
    "confidence",
    *(f"p_{stance}" for stance in STANCES),
    *(f"p_{tone}" for tone in TONES),
    "abstained",
    "context",
    "context_span",
    "date",
    "title",
)
"""Columns of the table form: `spans`, `speaker_span` and `context_span` as JSON, one `p_` column a probability."""

_SPAN_COLUMNS: Final = frozenset(("spans", "speaker_span", "context_span"))
_ROWS_A_GROUP: Final = 5_000


class OutputError(NatoStanceError, OSError):
    """A result file cannot be written; the message says why and what became of the results so far."""


def statement_records(score: ArticleScore, source: str | None = None, text: str | None = None) -> list[dict[str, Any]]:
    """Return one record a statement, with the keys in their canonical order.

    Args:
        score: the score of an article.
        source: path of the article as given.
        text: the article's text where it exists nowhere else (taken out of a web page); goes into every record as
            `article_text`, so that the offsets can be followed.

    Example:
        >>> import nato_stance
        >>> score = nato_stance.score_article('"We are ready to talk," said Anna Berg.', article_id="a1")
        >>> statement_records(score, "news/a1.txt")[0]["source"]
        'news/a1.txt'
    """
    extra = {} if text is None else {"article_text": text}
    return [
        {
            "article_id": score.article_id,
            "source": source,
            **statement.to_dict(),
            "date": score.date,
            "title": score.title,
            **extra,
        }
        for statement in score.statements
    ]


def article_record(score: ArticleScore, article: Article, read: ReadableText) -> dict[str, Any]:
    """Return one record for a whole article: identifiers, length, profile; the text if it came out of a web page."""
    return {
        "article_id": score.article_id,
        "source": article.source,
        "date": score.date,
        "title": score.title,
        "n_characters": score.n_characters,
        "text_sha256": score.text_sha256,
        "encoding": read.encoding,
        **score.profile.to_dict(),
        **({"article_text": read.text} if read.extracted else {}),
    }


def json_line(record: Record) -> bytes:
    """Return a record as one line of JSON in UTF-8.

    Example:
        >>> json_line({"speaker": "Jiří"}).decode("utf-8")
        '{"speaker": "Jiří"}\\n'
    """
    try:
        return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate: only an escape can carry it
        return (json.dumps(record) + "\n").encode("ascii")


def flat_row(record: Record) -> tuple[Any, ...]:
    """Return a record as a row of `COLUMNS`."""
    probabilities = {
        **{f"p_{k}": v for k, v in record["probabilities"].items()},
        **{f"p_{k}": v for k, v in record["tone_probabilities"].items()},
    }
    return tuple(
        probabilities[name]
        if name.startswith("p_")
        else _span_json(record[name])
        if name in _SPAN_COLUMNS
        else record[name]
        for name in COLUMNS
    )


def record_of(row: Sequence[Any]) -> dict[str, Any]:
    """Return the record that `flat_row` made a row of."""
    flat = dict(zip(COLUMNS, row, strict=True))
    record: dict[str, Any] = {}
    for name, value in flat.items():
        if name in _SPAN_COLUMNS:
            record[name] = None if value is None else json.loads(value)
        elif name == f"p_{STANCES[0]}":
            record["probabilities"] = {k: flat[f"p_{k}"] for k in STANCES}
            record["tone_probabilities"] = {k: flat[f"p_{k}"] for k in TONES}
        elif not name.startswith("p_"):
            record[name] = bool(value) if name == "abstained" else value
    return record


def _span_json(span: Any) -> str | None:
    return None if span is None else json.dumps(span)


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows as CSV in UTF-8, with `\\n` line ends; None is an empty field."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


@contextlib.contextmanager
def result_file(path: str) -> Iterator[BinaryIO]:
    """Open a result file that takes its name only when everything is in it.

    Until then it is called `PATH.part`; it stays there, with what was written, when writing breaks off. Pipes and
    devices are written straight away.

    Raises:
        OutputError: the file cannot be opened, written or renamed.
    """
    part = part_of(path)
    with explained(path, part):
        with open(part, "wb") as stream:
            try:
                yield stream
            except BaseException:
                with contextlib.suppress(OSError):
                    stream.flush()
                raise
        if part != path:
            os.replace(part, path)


@contextlib.contextmanager
def explained(path: str, part: str | None = None) -> Iterator[None]:
    """Turn an error of the operating system while writing `path` into one that says what to do.

    Raises:
        OutputError: in place of an OSError.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if isinstance(error, NatoStanceError):
            raise
        kept = (
            f"; what was written so far is in {part!r}"
            if part not in (None, path) and os.path.exists(part or "")
            else ""
        )
        place = "standard output" if path == STDOUT else repr(path)
        raise OutputError(f"cannot write {place}: {_reason(error)}{kept}") from error


def _reason(error: OSError) -> str:
    advice = {
        errno.ENOSPC: "the disk is full; free some space or write elsewhere",
        errno.EDQUOT: "the disk quota is used up; free some space or write elsewhere",
        errno.EACCES: "permission denied; choose a place where you may write",
        errno.EROFS: "the file system is read-only; choose a place where you may write",
        errno.ENOENT: "the folder does not exist; make it first",
        errno.EISDIR: "it is a folder; give a file name",
    }
    return advice.get(error.errno or 0, error.strerror or str(error))


class ParquetFile:
    """Writes rows of `COLUMNS` into a Parquet table, some thousand rows at a time.

    Args:
        stream: a binary file open for writing; it is left open.

    Raises:
        MissingDependencyError: pyarrow is not installed (extra `parquet`).
    """

    def __init__(self, stream: BinaryIO) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise MissingDependencyError(
                f'Parquet needs pyarrow ({error}); install it with: pip install "nato-stance[parquet]"'
            ) from error
        self._arrow = pyarrow
        self._schema = pyarrow.schema([(name, self._type(name)) for name in COLUMNS])
        self._writer = pyarrow.parquet.ParquetWriter(stream, self._schema, compression="zstd")
        self._rows: list[Sequence[Any]] = []

    def _type(self, name: str) -> Any:
        if name == "abstained":
            return self._arrow.bool_()
        return self._arrow.float64() if name == "confidence" or name.startswith("p_") else self._arrow.string()

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows."""
        self._rows.extend(rows)
        if len(self._rows) >= _ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else ([] for _ in COLUMNS)
        arrays = [self._arrow.array(list(c), t) for c, t in zip(columns, self._schema.types, strict=True)]
        self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))
        self._rows.clear()

    def close(self) -> None:
        """Write what is left, and the table's footer."""
        if self._rows:
            self._flush()
        self._writer.close()
