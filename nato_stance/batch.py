"""Many articles to many scores: lazy, in input order, on as many workers as wanted; labels arise elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from numbers import Integral
from os import PathLike
from typing import Any, Final, Literal, Protocol, overload

from nato_stance.articles import MAX_SIZE, Article, ArticleFailure, check_limit, check_size
from nato_stance.parallel import BATCH_SIZE, map_ordered
from nato_stance.processes import Answer
from nato_stance.records import ArticleScore, InvalidInputError, InvalidTypeError, NatoStanceError

_KEYS: Final = ("text", "article_id", "id", "date", "title")

ArticleLike = str | Mapping[str, Any] | Article
"""What can be scored: the text, a mapping with `text` and, optionally, `article_id` (or `id`), `date` and `title`."""


class Scorer(Protocol):
    """What turns the text of one article into its score; `nato_stance.score_article` is one.

    A scorer may also have a method `together(articles)` that takes a list of (text, article_id, date, title) and
    returns as many scores; it is used where several articles are at hand.
    """

    def __call__(
        self, text: str, *, article_id: str | None = None, date: str | None = None, title: str | None = None
    ) -> ArticleScore:
        """Score one article."""


ScorerInput = tuple[str, str | None, str | None, str | None]
"""Text, identifier, date and title of an article."""


@dataclass(frozen=True, slots=True)
class StandardScorer:
    """`nato_stance.score_article` with its settings; every worker loads the model for itself, once.

    Attributes:
        model: folder of a model, a loaded model, or None for the shipped one.
        min_confidence: as in `nato_stance.score_article`.
    """

    model: Any = None
    min_confidence: float | None = None

    def __call__(
        self, text: str, *, article_id: str | None = None, date: str | None = None, title: str | None = None
    ) -> ArticleScore:
        """Score one article."""
        return self.together([(text, article_id, date, title)])[0]

    def together(self, articles: Sequence[ScorerInput]) -> list[ArticleScore]:
        """Score several articles with one pass of the model."""
        from nato_stance.scoring import ArticleText, score_together

        texts = [ArticleText(*article) for article in articles]
        return score_together(texts, model=self.loaded_model(), min_confidence=self.min_confidence)

    def loaded_model(self) -> Any:
        """Return the model; a folder is read once in a process.

        Raises:
            ModelFormatError: there is no sound model in the folder.
        """
        if self.model is not None and not isinstance(self.model, str | PathLike):
            return self.model
        key = None if self.model is None else str(self.model)
        with _loading:
            if key not in _models:
                from nato_stance.model_store import load_model

                _models[key] = load_model(key)
            return _models[key]


_models: dict[str | None, Any] = {}
_loading = threading.Lock()


def score_each(scorer: Scorer, articles: Sequence[ScorerInput]) -> list[ArticleScore | Exception]:
    """Score articles, together if the scorer can; one that fails is an exception in its place.

    Example:
        >>> score_each(StandardScorer(), [("Rain fell.", "a1", None, None)])[0].article_id
        'a1'
    """
    together = getattr(scorer, "together", None)
    if together is not None:
        try:
            return list(together(articles))
        except Exception:
            pass  # one of them is at fault: scored alone, each gives its own score or its own error
    return [_score_one(scorer, *article) for article in articles]


def _score_one(
    scorer: Scorer, text: str, article_id: str | None, date: str | None, title: str | None
) -> ArticleScore | Exception:
    try:
        return scorer(text, article_id=article_id, date=date, title=title)
    except Exception as error:
        return error


@overload
def score_articles(
    articles: Iterable[ArticleLike],
    *,
    n_jobs: int | None = ...,
    batch_size: int = ...,
    model: Any = ...,
    min_confidence: float | None = ...,
    max_size: int = ...,
    on_error: Literal["raise"] = ...,
    scorer: Scorer | None = ...,
) -> Iterator[ArticleScore]: ...


@overload
def score_articles(
    articles: Iterable[ArticleLike],
    *,
    n_jobs: int | None = ...,
    batch_size: int = ...,
    model: Any = ...,
    min_confidence: float | None = ...,
    max_size: int = ...,
    on_error: Literal["record"],
    scorer: Scorer | None = ...,
) -> Iterator[ArticleScore | ArticleFailure]: ...


def score_articles(
    articles: Iterable[ArticleLike],
    *,
    n_jobs: int | None = 1,
    batch_size: int = BATCH_SIZE,
    model: Any = None,
    min_confidence: float | None = None,
    max_size: int = MAX_SIZE,
    on_error: Literal["raise", "record"] = "raise",
    scorer: Scorer | None = None,
) -> Iterator[ArticleScore | ArticleFailure]:
    """Score many articles, one after the other or on several workers.

    The result does not depend on the number of workers or on the batch size. Memory stays bounded: one batch is read
    ahead, or four for each of several workers, so the input may be a generator without end.

    Args:
        articles: strings, or mappings with `text` and, optionally, `article_id` (or `id`), `date` and `title`.
        n_jobs: number of workers; 1 scores in this process, -1 takes all processors, None what
            `joblib.parallel_config` says. Under `joblib.parallel_config("dask")` the workers are those of the cluster.
        batch_size: articles scored together; 1 gives every score as soon as its article is there.
        model: folder of a model or a loaded model; None takes the shipped one.
        min_confidence: as in `nato_stance.score_article`.
        max_size: limit of one article in bytes of UTF-8.
        on_error: `raise` ends at the first article that cannot be scored, after the scores of those before it;
            `record` gives an `ArticleFailure` in its place and goes on.
        scorer: what scores one article, in place of `nato_stance.score_article`; `model` and `min_confidence` are
            then for the scorer to know.

    Returns:
        An iterator over one score an article, in the order of `articles`.

    Raises:
        InvalidTypeError: at once, if `articles` is a single string or mapping; in its turn, for an article that is
            neither a string nor a mapping, or has a value that is not a string.
        InvalidInputError: at once, for a bad option; in its turn, for an article without `text`.
        ArticleTooLargeError: in its turn, for an article over `max_size`.

    Example:
        >>> news = ['"We are ready to talk," said Anna Berg.', {"id": "a2", "text": "Nothing was said."}]
        >>> [(score.article_id, len(score.statements)) for score in score_articles(news)]
        [(None, 1), ('a2', 0)]
    """
    if isinstance(articles, str | bytes | Mapping):
        raise InvalidTypeError(
            f"articles is a single {type(articles).__name__}; pass a list of articles, or call score_article"
        )
    if not isinstance(articles, Iterable):
        raise InvalidTypeError(f"articles must be an iterable of articles, got {type(articles).__name__}")
    if on_error not in ("raise", "record"):
        raise InvalidInputError(f"on_error is {on_error!r}; choose 'raise' or 'record'")
    if scorer is not None and (model is not None or min_confidence is not None):
        raise InvalidInputError("give either a scorer, or model and min_confidence")
    work = _ScoreBatch(scorer or StandardScorer(model, min_confidence), check_limit(max_size))
    outcomes = map_ordered(work, enumerate(articles), n_jobs=n_jobs, batch_size=batch_size, weight=_weight)
    return _unpacked(outcomes, on_error == "raise")


def _unpacked(outcomes: Generator[Any, None, None], strict: bool) -> Iterator[ArticleScore | ArticleFailure]:
    # Closed by name: an error that is raised here refers to this frame, and the frame to the iterator, so that the
    # workers would live on until the garbage collector finds the circle.
    with closing(outcomes):
        for (number, article), score, error in outcomes:
            if error is None:
                yield score
            elif strict:
                raise error
            else:
                yield ArticleFailure.of(error, article_id=_known_id(article), location=f"articles[{number}]")


def _weight(numbered: tuple[int, Any]) -> int:
    article = numbered[1]
    content = article.get("text") if isinstance(article, Mapping) else getattr(article, "content", article)
    return len(content) if isinstance(content, str | bytes) else 0


def _known_id(article: object) -> str | None:
    if isinstance(article, Mapping):
        return next((str(article[k]) for k in ("article_id", "id") if article.get(k) is not None), None)
    return getattr(article, "article_id", None)


@dataclass(frozen=True, slots=True)
class _ScoreBatch:
    scorer: Scorer
    max_size: int

    def __call__(self, batch: Sequence[tuple[int, Any]]) -> list[Answer]:
        read = [self._read(number, given) for number, given in batch]
        scores = iter(score_each(self.scorer, [x for x in read if not isinstance(x, Exception)]))
        found = [x if isinstance(x, Exception) else next(scores) for x in read]
        return [(None, x) if isinstance(x, Exception) else (x, None) for x in found]

    def _read(self, number: int, given: object) -> ScorerInput | Exception:
        try:
            article = given if isinstance(given, Article) else _article(given, f"articles[{number}]")
            check_size(article.size, self.max_size)
            read = article.read()
        except NatoStanceError as error:
            return error
        return read.text, article.article_id, read.date, read.title


def _article(given: object, where: str) -> Article:
    if isinstance(given, str):
        return Article(None, given)
    if not isinstance(given, Mapping):
        raise InvalidTypeError(f"{where} must be a string or a mapping with 'text', got {type(given).__name__}")
    if "text" not in given:
        raise InvalidInputError(f"{where} has no 'text'; its keys are {sorted(map(str, given))}")
    values = {key: given.get(key) for key in _KEYS}
    for key in ("article_id", "id"):
        if isinstance(values[key], Integral):
            values[key] = str(values[key])  # tables number their rows
    for key, value in values.items():
        if not isinstance(value, str) and (value is not None or key == "text"):
            raise InvalidTypeError(f"{where}: {key!r} must be a string, got {type(value).__name__}")
    name = values["article_id"] if values["article_id"] is not None else values["id"]
    return Article(name, values["text"] or "", date=values["date"], title=values["title"])
