"""Parts of a labelled set that are measured on their own: by form, length, tone, negation and source."""

from __future__ import annotations

from functools import cache
from typing import Final

from nato_stance.corpus import CorpusItem
from nato_stance.keywords import matches, words_of
from nato_stance.semantics import Lexicon, shipped_classes

_LENGTHS: Final = ((10, "1-10 words"), (20, "11-20 words"), (40, "21-40 words"))
_LONGEST: Final = "over 40 words"


@cache
def _negators() -> Lexicon:
    classes = shipped_classes()
    return Lexicon.folded({name: classes[name] for name in ("negation", "negation_verbs")})


def is_negated(text: str) -> bool:
    """Tell whether a word or phrase that turns meaning (not, won't, denied, ruled out) stands in a text.

    >>> is_negated("There won’t be talks."), is_negated("There will be talks.")
    (True, False)
    """
    words = words_of(text)
    return any(word.endswith("n't") for word in words) or any(True for _ in matches(_negators(), words))


def _length(text: str) -> str:
    n = sum(word[0].isalnum() for word in words_of(text))
    return next((name for limit, name in _LENGTHS if n <= limit), _LONGEST)


def slices_of(item: CorpusItem) -> dict[str, str]:
    """Return the part to which a statement belongs under each division.

    Args:
        item: a labelled statement; its gold tone is one of the divisions.

    Returns:
        Division to part: `form`, `length` (of the words said), `tone` (gold), `negation` (in the words said or the
        cue) and `source`; `not given` and `not agreed` are parts of their own, so that nothing is left out.

    Example:
        >>> item = CorpusItem("1", "No talks.", "0", "-", "0", "dialogue", "neutral", form="direct")
        >>> slices_of(item)["negation"], slices_of(item)["length"]
        ('negated', '1-10 words')
    """
    negated = is_negated(f"{item.text} {item.cue or ''}")
    return {
        "form": item.form or "not given",
        "length": _length(item.text),
        "tone": item.tone or "not agreed",
        "negation": "negated" if negated else "not negated",
        "source": item.source or "not given",
    }
