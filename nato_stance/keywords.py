"""Finding the entries of lexicon classes in a text: the longest entry at each place, left to right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nato_stance.semantics import Lexicon
from nato_stance.words import TOKEN, fold


def words_of(text: str) -> list[str]:
    """Return the folded tokens of a text, marks included.

    >>> words_of("Won’t they?")
    ["won't", 'they', '?']
    """
    return [fold(token) for token in TOKEN.findall(text)]


def matches(lexicon: Lexicon, words: Sequence[str]) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Find entries; the words of one that was found are not looked up again.

    Args:
        lexicon: the classes.
        words: folded tokens.

    Yields:
        First word, number of words, and the names of the classes that the entry belongs to.

    Example:
        >>> lexicon = Lexicon.folded({"talks": ["talk*", "round table"], "no": ["not"]})
        >>> [(i, n, sorted(names)) for i, n, names in matches(lexicon, words_of("Not a round table, talks!"))]
        [(0, 1, ['no']), (2, 2, ['talks']), (5, 1, ['talks'])]
    """
    i = 0
    while i < len(words):
        length, classes = _longest(lexicon, words, i)
        if classes:
            yield i, length, frozenset(lexicon.names[number] for number in classes)
        i += length


def _longest(lexicon: Lexicon, words: Sequence[str], at: int) -> tuple[int, frozenset[int]]:
    best: tuple[int, frozenset[int]] = (1, frozenset())
    nodes = lexicon.first(words[at])
    for length, word in enumerate([*words[at + 1 :], ""], start=1):
        classes = frozenset(number for node in nodes for number in node.classes)
        if classes:
            best = (length, classes)
        nodes = [after for node in nodes for after in node.next(word)]
        if not nodes:
            break
    return best
