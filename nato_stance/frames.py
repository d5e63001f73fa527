"""Scores to a data frame of pandas or polars, through narwhals."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from typing import Any, Final, Literal

from nato_stance.articles import ArticleFailure
from nato_stance.codebook import STANCES, TONES
from nato_stance.outputs import COLUMNS, flat_row, statement_records
from nato_stance.records import ArticleScore, InvalidInputError, InvalidTypeError, MissingDependencyError
from nato_stance.scoring import check_iterable

BACKENDS: Final = ("pandas", "polars", "pyarrow")

# `source` is a matter of files; a score made in Python has none.
_COLUMNS: Final = tuple(name for name in COLUMNS if name != "source")
_ARTICLE_COLUMNS: Final = (
    "article_id",
    "date",
    "title",
    "n_characters",
    "text_sha256",
    "n_statements",
    *(f"share_{name}" for name in (*STANCES, *TONES)),
)
_INTEGERS: Final = frozenset(("n_characters", "n_statements"))
_FLOAT_PREFIXES: Final = ("p_", "share_")


def to_frame(
    scores: Iterable[ArticleScore] | ArticleScore,
    backend: str | None = None,
    *,
    unit: Literal["statement", "article"] = "statement",
) -> Any:
    """Return scores as a data frame.

    Args:
        scores: what `score_articles` gives, or one score.
        backend: `pandas`, `polars` or `pyarrow`; None takes the first of them that is imported already, else the
            first that is installed.
        unit: `statement` for one row a statement (articles without any have no row), `article` for one row an
            article with the shares of its stances and tones.

    Returns:
        A native frame of the backend. With `statement`, the columns are those of the CSV output without `source`:
        spans as JSON text, one column `p_…` a probability. Dates are text, as given.

    Raises:
        MissingDependencyError: narwhals or the backend is not installed.
        InvalidInputError: the backend or the unit is not one of those above.
        InvalidTypeError: `scores` is nothing to iterate over, or holds something else than scores.

    Example:
        >>> import nato_stance
        >>> scores = nato_stance.score_articles(['"We are ready to talk," said Anna Berg.'])
        >>> to_frame(scores, "pandas")[["speaker", "stance"]].values.tolist()
        [['Anna Berg', 'dialogue']]
    """
    if unit not in ("statement", "article"):
        raise InvalidInputError(f"unit is {unit!r}; choose 'statement' or 'article'")
    if backend is not None and backend not in BACKENDS:
        raise InvalidInputError(f"backend is {backend!r}; choose one of {', '.join(BACKENDS)}")
    if not isinstance(scores, ArticleScore):
        check_iterable(scores, "scores")
    narwhals = _narwhals()
    chosen = backend or _available()
    if importlib.util.find_spec(chosen) is None:
        raise MissingDependencyError(f"{chosen} is not installed; install it, or choose another backend")
    checked = (_checked(score) for score in ([scores] if isinstance(scores, ArticleScore) else scores))
    names, rows = (
        (_COLUMNS, [row for score in checked for row in _statement_rows(score)])
        if unit == "statement"
        else (_ARTICLE_COLUMNS, [_article_row(score) for score in checked])
    )
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    data = {name: list(column) for name, column in zip(names, columns, strict=True)}
    schema = {name: _type(narwhals, name) for name in names}
    return narwhals.from_dict(data, schema=schema, backend=chosen).to_native()


def _narwhals() -> Any:
    try:
        import narwhals
    except ImportError as error:
        raise MissingDependencyError(
            f'to_frame needs narwhals ({error}); install it with: pip install "nato-stance[frames]"'
        ) from error
    return narwhals


def _available() -> str:
    for name in BACKENDS:
        if name in sys.modules:
            return name
    for name in BACKENDS:
        if importlib.util.find_spec(name) is not None:
            return name
    raise MissingDependencyError('to_frame needs pandas or polars; install one with: pip install "nato-stance[frames]"')


def _checked(score: object) -> ArticleScore:
    if isinstance(score, ArticleFailure):
        raise InvalidTypeError(f"scores holds a failure ({score.message}); filter failures out first")
    if not isinstance(score, ArticleScore):
        raise InvalidTypeError(f"scores must hold ArticleScore objects, got {type(score).__name__}")
    return score


def _statement_rows(score: ArticleScore) -> list[tuple[Any, ...]]:
    source = COLUMNS.index("source")
    rows = map(flat_row, statement_records(score))
    return [(*row[:source], *row[source + 1 :]) for row in rows]


def _article_row(score: ArticleScore) -> tuple[Any, ...]:
    profile = score.profile
    shares = [*(profile.stances[s] for s in STANCES), *(profile.tones[t] for t in TONES)]
    names = (score.article_id, score.date, score.title, score.n_characters, score.text_sha256)
    return (*names, profile.n_statements, *shares)


def _type(narwhals: Any, name: str) -> Any:
    if name == "abstained":
        return narwhals.Boolean
    if name in _INTEGERS:
        return narwhals.Int64
    return narwhals.Float64 if name == "confidence" or name.startswith(_FLOAT_PREFIXES) else narwhals.String
