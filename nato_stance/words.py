"""Words of a statement: one regular expression, folded forms, and a light suffix normaliser.

Words keep their inner apostrophes (`won't`), hyphens split (`build-up` is two words), numbers stay whole, and the
punctuation that bounds clauses or marks questions and irony is kept as tokens of its own.
"""

from __future__ import annotations

import re
from typing import Final

TOKEN: Final = re.compile(
    r"(?:[A-Z]\.){2,}"  # U.S., U.N.
    r"|[^\W\d_]+(?:['’ʼ][^\W\d_]+)*"  # words with their inner apostrophes
    r"|\d+(?:[.,:]\d+)*"
    r"|\.\.\.|…|--+|[–—]|(?<=\s)-(?=\s)"
    r"|[.,;:!?\"“”„«»()\[\]]"
)
"""What counts as a token; anything else in a text is skipped."""

CLAUSE_MARKS: Final = frozenset({".", ",", ";", ":", "!", "?", "...", "--", "-", "(", ")", "[", "]"})
"""Marks that end the scope of a negation or condition, folded."""

SENTENCE_MARKS: Final = frozenset({".", "!", "?", "..."})
"""Marks that end a sentence, folded."""
QUOTE_MARKS: Final = frozenset('"')
"""Quotation marks, as `fold` gives them."""

_PLAIN = str.maketrans({"’": "'", "ʼ": "'"} | dict.fromkeys("“”„«»", '"') | {"–": "--", "—": "--", "…": "..."})
_VERBAL: Final = ("ations", "ation", "ating", "ated", "ate", "ative", "ators", "ator")
_INFLECTED: Final = ("ingly", "edly", "ing", "ied", "ed")
_DERIVED: Final = ("ments", "ment", "ness", "ions", "ion", "ly")
_VOWEL = re.compile(r"[aeiouy]")


def fold(token: str) -> str:
    """Return the form under which a token is looked up: lower case, plain marks, no possessive ending.

    >>> fold("Won’t"), fold("Moscow's"), fold("U.S.")
    ("won't", 'moscow', 'u.s.')
    """
    word = (token if token.isascii() else token.translate(_PLAIN)).lower()
    return word[:-2] if word.endswith("'s") and len(word) > 4 else word


def stem(word: str) -> str:
    """Strip English inflection, and a few endings that turn verbs into nouns, from a folded word.

    A handful of rules in the manner of Harman's S-stemmer (1991) and the first steps of Porter's (1980): enough to
    bring *negotiating, negotiates, negotiation* together, and far quicker than a full stemmer.

    >>> [stem(w) for w in ("negotiates", "negotiating", "negotiation", "threats", "allies", "stopped")]
    ['negotiat', 'negotiat', 'negotiat', 'threat', 'ally', 'stop']
    """
    if len(word) < 5 or not word.isalpha():
        return word[:-1] if len(word) == 4 and word.endswith("s") and word[-2] not in "su" else word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and word[-2] not in "sui":
        word = word[:-1]
    for ending in _VERBAL if word.endswith(_VERBAL) else ():
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + "at"
    for ending in _INFLECTED if word.endswith(_INFLECTED) else ():
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and _VOWEL.search(root):
            return _undouble(root + "y" if ending == "ied" else root)
    for ending in _DERIVED if word.endswith(_DERIVED) else ():
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word[:-1] if word.endswith("e") and len(word) > 5 else word


def _undouble(root: str) -> str:
    return root[:-1] if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz" else root
