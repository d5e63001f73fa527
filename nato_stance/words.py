"""Words of a statement: one regular expression, and folded forms.

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


def fold(token: str) -> str:
    """Return the form under which a token is looked up: lower case, plain marks, no possessive ending.

    >>> fold("Won’t"), fold("Moscow's"), fold("U.S.")
    ("won't", 'moscow', 'u.s.')
    """
    word = (token if token.isascii() else token.translate(_PLAIN)).lower()
    return word[:-2] if word.endswith("'s") and len(word) > 4 else word
