"""Measure the whole way from article to labelled statements against articles coded by hand.

A gold statement is found when one extracted statement covers at least half of its characters; each extracted statement
serves one gold statement, the one that comes first in the text. An extracted statement that touches no gold statement
is false.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nato_stance.codebook import SIGNS
from nato_stance.records import ArticleScore, CorpusFormatError, Span, Statement
from nato_stance.scoring import score_article

_WORD: Final = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class CodedArticle:
    """An article and the statements that people found in it.

    Attributes:
        name: file name of the article.
        text: the article as read, newlines untranslated.
        statements: for each statement `kind`, `spans`, `speaker`, the three fields as `+`, `-`, `0`, `primary`, `tone`.
    """

    name: str
    text: str
    statements: tuple[Mapping[str, Any], ...]


def read_articles(folder: str | Path) -> list[CodedArticle]:
    """Read hand-coded articles: `NAME.txt` in the folder, `gold/NAME.json` for each.

    Raises:
        CorpusFormatError: there is no gold file, one is no JSON or lacks a field, or its article is missing.
    """
    paths = sorted((Path(folder) / "gold").glob("*.json"))
    if not paths:
        raise CorpusFormatError(f"{folder} holds no gold/*.json; give a folder of hand-coded articles")
    articles = []
    for path in paths:
        try:
            gold = json.loads(path.read_text(encoding="utf-8"))
            text = (Path(folder) / gold["file"]).read_bytes().decode("utf-8")
            spans = [s["spans"] for s in gold["statements"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorpusFormatError(f"{path} is no gold file of an article in {folder}: {error!r}") from error
        if any(not 0 <= start < end <= len(text) for those in spans for start, end in those):
            raise CorpusFormatError(f"{path} has a span outside its article of {len(text)} characters")
        articles.append(CodedArticle(gold["file"], text, tuple(gold["statements"])))
    return articles


def articles_digest(articles: Sequence[CodedArticle]) -> str:
    """Return the SHA-256 over texts and gold, hexadecimal."""
    digest = hashlib.sha256()
    for article in articles:
        rows = [[s["kind"], s["spans"], s["speaker"], s["primary"], s["tone"]] for s in article.statements]
        digest.update(json.dumps([article.name, article.text, rows]).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class ArticleReport:
    """Counts over hand-coded articles, and what is derived from them.

    Attributes:
        n_articles: articles.
        data_digest: `articles_digest`.
        counts: `gold`, `found`, `extracted`, `false` statements for `quoted` (direct and mixed) and `indirect`, keyed
            like `quoted_gold`; of the found ones `speaker`, `stance`, `polarity`, `tone` that are right, and
            `with_stance`, those with a primary stance in gold.
    """

    n_articles: int
    data_digest: str
    counts: Mapping[str, int]

    def _f1(self, sort: str) -> float:
        recall = _share(self.counts[f"{sort}_found"], self.counts[f"{sort}_gold"])
        extracted = self.counts[f"{sort}_extracted"]
        precision = _share(extracted - self.counts[f"{sort}_false"], extracted)
        return _share(2 * precision * recall, precision + recall)

    @property
    def measures(self) -> dict[str, float]:
        """F1 of quoted and of indirect spans; of the found statements the shares with right speaker, stance and tone.

        `polarity_accuracy` is over found statements with a stance in gold: same primary stance and same polarity.
        """
        found = self.counts["quoted_found"] + self.counts["indirect_found"]
        return {
            "quoted_span_f1": self._f1("quoted"),
            "indirect_span_f1": self._f1("indirect"),
            "speaker_accuracy": _share(self.counts["speaker"], found),
            "stance_accuracy": _share(self.counts["stance"], found),
            "polarity_accuracy": _share(self.counts["polarity"], self.counts["with_stance"]),
            "tone_accuracy": _share(self.counts["tone"], found),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, rounded to six decimals."""
        return {
            "n_articles": self.n_articles,
            "data_digest": self.data_digest,
            "counts": dict(self.counts),
            "measures": {name: round(value, 6) for name, value in self.measures.items()},
        }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def evaluate_articles(
    articles: Sequence[CodedArticle], score: Callable[[str], ArticleScore] = score_article
) -> ArticleReport:
    """Score articles and measure statements, speakers and labels.

    Args:
        articles: from `read_articles`.
        score: takes an article's text, returns its score.

    Returns:
        The report.

    Example:
        >>> gold = dict(kind="direct", spans=[[1, 19]], speaker="Anna Berg", threat="0", dialogue="+", deterrence="0")
        >>> gold |= dict(primary="dialogue", tone="neutral")
        >>> article = CodedArticle("a.txt", '"We are open to talks," said Anna Berg.', (gold,))
        >>> evaluate_articles([article]).measures["speaker_accuracy"]
        1.0
    """
    names = [f"{sort}_{what}" for sort in ("quoted", "indirect") for what in ("gold", "found", "extracted", "false")]
    counts = Counter(dict.fromkeys([*names, "speaker", "stance", "polarity", "tone", "with_stance"], 0))
    for article in articles:
        _count(article, score(article.text).statements, counts)
    return ArticleReport(len(articles), articles_digest(articles), dict(counts))


def _count(article: CodedArticle, statements: Sequence[Statement], counts: Counter[str]) -> None:
    free = list(range(len(statements)))
    for gold in article.statements:
        sort = _sort(gold["kind"])
        counts[f"{sort}_gold"] += 1
        spans = [(start, end) for start, end in gold["spans"]]
        best = max(free, key=lambda i: _shared(spans, statements[i].spans), default=None)
        if best is None or 2 * _shared(spans, statements[best].spans) < sum(end - start for start, end in spans):
            continue
        free.remove(best)
        counts[f"{sort}_found"] += 1
        _count_labels(gold, statements[best], counts)
    touched = [(start, end) for gold in article.statements for start, end in gold["spans"]]
    for statement in statements:
        counts[f"{_sort(statement.kind)}_extracted"] += 1
        counts[f"{_sort(statement.kind)}_false"] += not _shared(touched, statement.spans)


def _count_labels(gold: Mapping[str, Any], statement: Statement, counts: Counter[str]) -> None:
    stance = statement.stance == gold["primary"]
    counts["speaker"] += _same_speaker(gold["speaker"], statement.speaker)
    counts["stance"] += stance
    counts["tone"] += statement.tone == gold["tone"]
    if gold["primary"] != "none":
        counts["with_stance"] += 1
        counts["polarity"] += stance and statement.polarity == SIGNS[gold[gold["primary"]]]


def _same_speaker(gold: str | None, given: str | None) -> bool:
    """Tell whether the last word of the gold name stands in the name given; without a gold name none may be given."""
    if gold is None or given is None:
        return gold == given
    words = _WORD.findall(gold.lower())
    return bool(words) and words[-1] in _WORD.findall(given.lower())


def _sort(kind: str) -> str:
    return "indirect" if kind == "indirect" else "quoted"


def _shared(a: Sequence[Span], b: Sequence[Span]) -> int:
    return sum(max(0, min(x[1], y[1]) - max(x[0], y[0])) for x in a for y in b)
