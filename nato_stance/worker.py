"""What happens to articles between bytes and output: read, score, encode; sent to workers as one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from nato_stance.articles import Article, ArticleFailure, ReadableText
from nato_stance.batch import Scorer, score_each
from nato_stance.outputs import article_record, csv_lines, flat_row, json_line, statement_records
from nato_stance.processes import Answer
from nato_stance.records import ArticleScore
from nato_stance.store import Due, StoredArticle
from nato_stance.table import article_table

Form = Literal["jsonl", "csv", "parquet", "sqlite", "table"]
FORMS: Final[tuple[Form, ...]] = ("jsonl", "csv", "parquet", "sqlite", "table")


class Scored(NamedTuple):
    """One article, scored, in the form that goes out; made of plain values, which travel cheaply between processes.

    Attributes:
        body: bytes to write (`jsonl`, `csv`, `table`), rows (`parquet`) or a `StoredArticle` (`sqlite`).
        n_statements: number of statements.
        article_line: the article's own record as a JSON line, if it was asked for.
        note: what a careful reader may want to know (an unusual encoding, an empty text), or None.
    """

    body: Any
    n_statements: int
    article_line: bytes | None
    note: str | None


Item = Article | Due | ArticleFailure
"""What comes in: an article, one that a store calls due, or a failure, which passes through."""


@dataclass(frozen=True, slots=True)
class ArticleWorker:
    """Takes a batch of articles to their outputs.

    Attributes:
        scorer: what scores the text of one article.
        form: form of the output.
        with_article_line: True to make the article's own record as well.
        width: columns of the terminal, for `table`.
    """

    scorer: Scorer
    form: Form
    with_article_line: bool = False
    width: int = 100

    def __call__(self, batch: Sequence[Item]) -> list[Answer]:
        """Read, score and encode every article; one that fails has its exception for an answer."""
        read = [_read(item) for item in batch]
        inputs = [
            (text.text, article.article_id, text.date, text.title)
            for article, text in read
            if isinstance(text, ReadableText) and article is not None
        ]
        scores = iter(score_each(self.scorer, inputs))
        return [self._answer(article, text, scores) for article, text in read]

    def _answer(
        self, article: Article | None, read: ReadableText | Exception | ArticleFailure, scores: Iterator[Any]
    ) -> Answer:
        if isinstance(read, Exception):
            return None, read
        if isinstance(read, ArticleFailure) or article is None:
            return read, None
        score = next(scores)
        if isinstance(score, Exception):
            return None, score
        try:
            return self._scored(score, article, read), None
        except Exception as error:
            return None, error

    def _scored(self, score: ArticleScore, article: Article, read: ReadableText) -> Scored:
        line = json_line(article_record(score, article, read)) if self.with_article_line else None
        return Scored(self._encode(score, article, read), len(score.statements), line, _note(read))

    def _encode(self, score: ArticleScore, article: Article, read: ReadableText) -> Any:
        if self.form == "table":
            return article_table(score, article.source, self.width).encode("utf-8", "replace")
        text = read.text if read.extracted else None
        records = statement_records(score, article.source, text)
        if self.form == "jsonl":
            return b"".join(map(json_line, records))
        rows = tuple(map(flat_row, records))
        if self.form == "csv":
            return csv_lines(rows)
        if self.form == "parquet":
            return rows
        return StoredArticle(score.date, score.title, score.n_characters, score.text_sha256, read.encoding, text, rows)


def _read(item: Item) -> tuple[Article | None, ReadableText | Exception | ArticleFailure]:
    if isinstance(item, ArticleFailure):
        return None, item
    article = item.article if isinstance(item, Due) else item
    try:
        return article, article.read()
    except Exception as error:
        return article, error


def _note(read: ReadableText) -> str | None:
    if not read.text.strip():
        return "the text is empty"
    if read.encoding is not None and "cp1252" in read.encoding:
        return f"read as {read.encoding}"
    return None
