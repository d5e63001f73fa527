"""One text to its labels: a statement to a `StanceLabel`, an article to an `ArticleScore`.

Needs numpy and the shipped model, nothing else: no network, no scikit-learn, no nltk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from nato_stance.codebook import STANCES, TONES
from nato_stance.extraction import extract_quotations
from nato_stance.model_store import load_model
from nato_stance.records import (
    ArticleScore,
    InvalidInputError,
    InvalidTypeError,
    Profile,
    Quotation,
    StanceLabel,
    Statement,
)

if TYPE_CHECKING:
    from nato_stance.explanation import Explanation

Item = tuple[str, str | None, str | None]
"""A statement as a model takes it: text, context or None, cue or None."""


class Labeller(Protocol):
    """What scoring asks of a model; `load_model` returns one, a fitted `StanceClassifier` is one."""

    def label_many(self, items: list[Item]) -> list[StanceLabel]:
        """Label the items, in order."""


def _text(value: object, name: str, where: str | int = "") -> str:
    if isinstance(value, str):
        return value
    name = _named(name, where)
    if isinstance(value, bytes | bytearray):
        raise InvalidTypeError(f"{name} is bytes; decode it first, for example {name}.decode('utf-8')")
    raise InvalidTypeError(f"{name} must be a str, got {type(value).__name__}")


def _named(name: str, where: str | int) -> str:
    return f"items[{where}]: {name}" if isinstance(where, int) else f"{where}{name}"


def _optional_text(value: object, name: str, where: str | int = "") -> str | None:
    return None if value is None else _text(value, name, where)


def _item(text: object, context: object, cue: object, where: str | int = "") -> Item:
    words = _text(text, "text", where)
    if not words or words.isspace():
        raise InvalidInputError(f"{_named('text', where)} is empty; a statement needs at least one word")
    return words, _optional_text(context, "context", where), _optional_text(cue, "cue", where)


def check_item(item: object, where: str | int = "") -> Item:
    """Return a statement as a model takes it.

    Args:
        item: a string, or a mapping with `text` and, optionally, `context` and `cue`.
        where: what to put before the message of an error, or the place of the statement in the list `items`.

    Raises:
        InvalidTypeError: the item is neither, or a value is not a string.
        InvalidInputError: there is no `text`, or it has no word.
    """
    if not isinstance(item, Mapping):
        return _item(item, None, None, where)
    if "text" not in item:
        raise InvalidInputError(f"{_named('the mapping', where)} has no 'text'; its keys are {sorted(map(str, item))}")
    return _item(item["text"], item.get("context"), item.get("cue"), where)


def _threshold(min_confidence: float | None) -> float | None:
    if min_confidence is None:
        return None
    if isinstance(min_confidence, bool) or not isinstance(min_confidence, int | float):
        raise InvalidTypeError(f"min_confidence must be a number or None, got {type(min_confidence).__name__}")
    if not 0.0 <= min_confidence <= 1.0:
        raise InvalidInputError(f"min_confidence is {min_confidence}; give a probability between 0 and 1")
    return float(min_confidence)


def check_model(model: object, method: str = "label_many") -> None:
    """Raise InvalidTypeError where a model cannot do what is asked of it."""
    if isinstance(model, type) or not callable(getattr(model, method, None)):
        shown = model.__name__ if isinstance(model, type) else type(model).__name__
        raise InvalidTypeError(f"model is a {shown} without {method}; give one that load_model returns")


def check_iterable(values: object, name: str) -> None:
    """Raise InvalidTypeError where something cannot be iterated over."""
    if not isinstance(values, Iterable):
        raise InvalidTypeError(f"{name} must be a list or another iterable, got {type(values).__name__}")


def _settings(model: Labeller | None, min_confidence: float | None) -> float | None:
    """Return the threshold; raises what is wrong with it or with the model, before any work."""
    if model is not None:
        check_model(model)
    return _threshold(min_confidence)


def _label(model: Labeller | None, items: list[Item], min_confidence: float | None) -> list[StanceLabel]:
    labels = (model if model is not None else load_model()).label_many(items)
    if min_confidence is None:
        return labels
    return [replace(x, abstained=True) if x.confidence < min_confidence else x for x in labels]


def classify(
    text: str,
    *,
    context: str | None = None,
    cue: str | None = None,
    model: Labeller | None = None,
    min_confidence: float | None = None,
) -> StanceLabel:
    """Label one statement.

    Args:
        text: the words said, without their outer quotation marks.
        context: the sentence of the article that carries them, if there is one.
        cue: the reporting word or phrase (`denied`, `according to`), if there is one. A cue that turns the
            meaning is read as part of the statement.
        model: a model from `load_model` or a fitted `StanceClassifier`; None takes the shipped one.
        min_confidence: labels with a lower `confidence` come back with `abstained` set.

    Returns:
        The label; see `StanceLabel`.

    Raises:
        InvalidTypeError: an argument is not a string (or number), or the model is none.
        InvalidInputError: `text` has no word, or `min_confidence` is outside 0 to 1.

    Example:
        >>> classify("any plans to attack", context="Moscow denies any plans to attack.", cue="denies").threat
        'denied'
    """
    limit = _settings(model, min_confidence)
    return _label(model, [_item(text, context, cue)], limit)[0]


def classify_many(
    items: Iterable[str | Mapping[str, Any]],
    *,
    model: Labeller | None = None,
    min_confidence: float | None = None,
) -> list[StanceLabel]:
    """Label many statements at once; the label of each does not depend on the others.

    Args:
        items: strings, or mappings with `text` and, optionally, `context` and `cue`; other keys are ignored.
        model: as in `classify`.
        min_confidence: as in `classify`.

    Returns:
        One label an item, in order; an empty list for no items.

    Raises:
        InvalidTypeError: `items` is a single string or nothing to iterate over, an item is neither a string nor a
            mapping with strings, or the model is none.
        InvalidInputError: an item has no `text` or an empty one; the message gives its position.

    Example:
        >>> labels = classify_many(["They are ready to talk.", {"text": "a grave danger", "cue": "called"}])
        >>> [x.stance for x in labels]
        ['dialogue', 'threat']
    """
    if isinstance(items, str | bytes):
        raise InvalidTypeError("items is a single string; pass a list of statements, or call classify")
    check_iterable(items, "items")
    limit = _settings(model, min_confidence)
    rows = [check_item(item, i) for i, item in enumerate(items)]
    return _label(model, rows, limit) if rows else []


def explain(text: str, *, context: str | None = None, cue: str | None = None, model: Any = None) -> Explanation:
    """Tell which features, and which words behind them, pushed each label of a statement.

    The contributions are exact: with the intercept they add up to the score of the label.

    Args:
        text, context, cue: as in `classify`.
        model: a model from `load_model`; None takes the shipped one.

    Returns:
        An `Explanation` whose spans are half-open character offsets into `text` (or `context`, as marked).

    Raises:
        InvalidTypeError: an argument is not a string, or the model cannot explain.
        InvalidInputError: `text` has no word.

    Example:
        >>> explain("We are ready to talk.").label.stance
        'dialogue'
    """
    item = _item(text, context, cue)
    if model is not None:
        check_model(model, "explain")
    result: Explanation = (model if model is not None else load_model()).explain(*item)
    return result


def score_article(
    text: str,
    *,
    article_id: str | None = None,
    date: str | None = None,
    title: str | None = None,
    model: Labeller | None = None,
    min_confidence: float | None = None,
) -> ArticleScore:
    """Find every statement of an article and label it.

    Args:
        text: the article, plain text; paragraphs are separated by line breaks.
        article_id, date, title: carried into the result as they are.
        model, min_confidence: as in `classify`.

    Returns:
        The statements in the order in which they begin, and the article's profile. An article without any
        statement, an empty one included, gives an empty `statements`.

    Raises:
        InvalidTypeError: `text` is not a string, an identifier is neither a string nor None, or the model is none.
        InvalidInputError: `min_confidence` is outside 0 to 1.

    Example:
        >>> score = score_article('"We are open to talks," said Anna Berg, the minister.', article_id="a1")
        >>> [(s.speaker, s.stance) for s in score.statements]
        [('Anna Berg', 'dialogue')]
    """
    return score_together([ArticleText(text, article_id, date, title)], model=model, min_confidence=min_confidence)[0]


class ArticleText(NamedTuple):
    """What `score_article` takes of one article."""

    text: str
    article_id: str | None = None
    date: str | None = None
    title: str | None = None


def score_together(
    articles: Sequence[ArticleText], *, model: Labeller | None = None, min_confidence: float | None = None
) -> list[ArticleScore]:
    """Score several articles, with one pass of the model over the statements of all.

    The scores are those of `score_article`, to the last bit; a model takes a hundred statements in little more time
    than ten.

    Args:
        articles: texts and what is known of them.
        model, min_confidence: as in `classify`.

    Returns:
        One score an article, in order.

    Raises:
        InvalidTypeError: a text is not a string, an identifier is neither a string nor None, or the model is none.
        InvalidInputError: `min_confidence` is outside 0 to 1.

    Example:
        >>> scores = score_together([ArticleText('"We will talk," said Anna Berg.'), ArticleText("Rain fell.")])
        >>> [len(score.statements) for score in scores]
        [1, 0]
    """
    limit = _settings(model, min_confidence)
    checked = [_checked(*article) for article in articles]
    quotations = [extract_quotations(article.text) for article in checked]
    items: list[Item] = [(q.text, q.context, q.cue) for found in quotations for q in found]
    labels = iter(_label(model, items, limit) if items else [])
    return [_article_score(article, found, labels) for article, found in zip(checked, quotations, strict=True)]


def _checked(text: object, article_id: object, date: object, title: object) -> ArticleText:
    return ArticleText(
        _text(text, "text"),
        _optional_text(article_id, "article_id"),
        _optional_text(date, "date"),
        _optional_text(title, "title"),
    )


def _article_score(article: ArticleText, quotations: list[Quotation], labels: Iterator[StanceLabel]) -> ArticleScore:
    own = [next(labels) for _ in quotations]
    return ArticleScore(
        article_id=article.article_id,
        statements=tuple(
            Statement(f"s{i}", q, x) for i, (q, x) in enumerate(zip(quotations, own, strict=True), start=1)
        ),
        profile=Profile.of(own, STANCES, TONES),
        date=article.date,
        title=article.title,
        n_characters=len(article.text),
        text_sha256=hashlib.sha256(article.text.encode("utf-8", "surrogatepass")).hexdigest(),
    )
