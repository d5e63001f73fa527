"""Families of keyed features: what a key is made of, for words, spelling, lexicon classes and the form of a segment.

Keys are computed on flat arrays, a family at a time for a whole batch. `docs/features.md` says what each is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.keys import FIRST_FACTOR, OUTSIDE, SHIFT, Ints, Keys, mix
from nato_stance.scopes import Scope
from nato_stance.token_types import FLAGS

BACK: Final = {"word_2": 1, "class_pair_1": 1, "class_pair_2": 2}
"""How many places before its own a family's feature begins."""

_GRAMS: Final = range(3, 6)


@dataclass(frozen=True)
class Group:
    """Feature keys that share positions: one row of `keys` a family, one column a place in the batch.

    Attributes:
        families: family names, one a row of `keys`.
        keys: uint64, shape (n_families, n_places); 0 where the family says nothing.
        starts: first place of each segment, shape (n_segments + 1,).
        first, last: first and last token (of the batch) that each place covers, shape (n_places,).
        scaled: whether a feature counts less in a longer segment.
        located: whether a feature belongs to the words at its place, and not to the whole segment.
    """

    families: tuple[str, ...]
    keys: Keys
    starts: Ints
    first: Ints
    last: Ints
    scaled: bool
    located: bool = True


def segment_sums(values: NDArray[Any], starts: Ints) -> NDArray[Any]:
    """Sum consecutive rows of `values`; segment i holds rows `starts[i]` to `starts[i + 1]`, and may be empty.

    The order of additions within a segment does not depend on the other segments, so neither does its sum.
    """
    out = np.zeros((len(starts) - 1, *values.shape[1:]), values.dtype)
    some = np.flatnonzero(np.diff(starts) > 0)
    if len(some):
        out[some] = np.add.reduceat(values, starts[some], axis=0)
    return out


def word_scale(n_words: Ints) -> NDArray[Any]:
    """Return the factor of word-level features in segments of `n_words` words: long statements have more of them."""
    return 1.0 / np.sqrt(np.maximum(n_words, 4))


def places_of(index: Ints, segment: Ints, n_segments: int) -> tuple[Ints, Ints]:
    """Return the segment starts among the chosen tokens, and the place of each in its segment."""
    seg = segment[index]
    starts = np.searchsorted(seg, np.arange(n_segments + 1))
    return starts, np.arange(len(index)) - starts[seg]


def word_group(index: Ints, hashes: Keys, segment: Ints, n_segments: int) -> Group:
    """One and two words in a row.

    Args:
        index: the tokens that count.
        hashes: hash of every token of the batch, with what its side adds.
        segment: segment of every token.
        n_segments: number of segments.
    """
    starts, place = places_of(index, segment, n_segments)
    h = hashes[index]
    return Group(
        ("word_1", "word_2"), np.stack([mix(1, h), mix(2, _earlier(h, place, 1), h)]), starts, index, index, True
    )


def class_group(place: Ints, span: Ints, hashes: Keys, scope: Scope, segment: Ints, n_segments: int) -> Group:
    """Lexicon classes, with what they stand under, and two in order with at most one other between them.

    Args:
        place: first token of each word or phrase that has a class, once a class, sorted.
        span: its number of tokens.
        hashes: hash of its class, with what its side adds.
        scope: what every token stands under.
        segment: segment of every token.
        n_segments: number of segments.
    """
    negated = scope.negated[place] + np.uint64(1)
    starts, index = places_of(place, segment, n_segments)
    families: dict[str, Keys] = {
        "class": mix(101, hashes),
        "class_negation": mix(102, hashes, negated),
        "class_negation_subject": mix(107, hashes, scope.subject[place], negated),
    }
    for k in (1, 2):
        before = _earlier(hashes, index, k)
        before[_earlier(place, index, k) == place] = 0
        families[f"class_pair_{k}"] = mix(110, before, hashes)
    return Group(tuple(families), np.stack(list(families.values())), starts, place, place + span - 1, scaled=False)


_LENGTHS: Final = np.array([3, 6, 10, 15, 20, 28, 40, 60])
_FORM: Final = {
    "question": FLAGS["question"],
    "exclamation": FLAGS["exclamation"],
    "inner_quote": FLAGS["quote"],
    "negated": FLAGS["negation"],
    "denying": FLAGS["negation_verbs"],
    "conditional": FLAGS["conditional"],
    "contrast": FLAGS["contrast"],
}
"""Family to the flag that a segment has if any of its tokens has it."""
_FORM_FLAGS: Final = np.array(list(_FORM.values()))
_SIDES: Final = np.array([np.uint64(7), OUTSIDE])
_FORM_KEYS: Final = np.array([mix(202 + i, _SIDES, np.ones(2, np.uint64)) for i in range(len(_FORM))])
"""Key of each family of `_FORM`, of words said and of words outside them."""


def form_group(flags: Ints, starts: Ints, n_words: Ints) -> Group:
    """Length, punctuation, negation and condition anywhere: one place a segment.

    Args:
        flags: flags of every token.
        starts: first token of each segment, shape (n_segments + 1,).
        n_words: words of each segment.
    """
    some = np.flatnonzero(np.diff(starts) > 0)
    anywhere = np.bitwise_or.reduceat(flags, starts[some]) if len(some) else np.zeros(0, np.int64)
    bucket = np.searchsorted(_LENGTHS, n_words[some]).astype(np.uint64)
    having = anywhere & _FORM_FLAGS[:, None] > 0
    return Group(
        ("length", *_FORM),
        np.concatenate(
            [mix(201, _SIDES[some % 2], bucket + 1)[None], np.where(having, _FORM_KEYS[:, some % 2], np.uint64(0))]
        ),
        np.searchsorted(some, np.arange(len(n_words) + 1)),
        starts[some],
        starts[some + 1] - 1,
        scaled=False,
        located=False,
    )


def spelling_keys(forms: Sequence[str], sides: Sequence[int] = (0, 1)) -> tuple[Keys, Ints]:
    """Return the keys of the character n-grams (3 to 5, word edges marked) of words.

    Args:
        forms: folded words.
        sides: 0 for words said, 1 for words outside them.

    Returns:
        Keys of shape (n_sides, n), and the first n-gram of each word among them, shape (n_words + 1,). Within a word
        the shorter ones come first.

    >>> keys, starts = spelling_keys(["war", "no"])
    >>> keys.shape, starts.tolist()
    ((2, 9), [0, 6, 9])
    """
    letters = np.frombuffer("".join(f"<{form}>" for form in forms).encode("utf-32-le"), np.uint32).astype(np.uint64)
    sizes = np.array([len(form) + 2 for form in forms], dtype=np.int64)
    ends = np.repeat(np.cumsum(sizes), sizes)
    word = np.repeat(np.arange(len(forms)), sizes)
    h = np.zeros(len(letters), np.uint64)
    found: list[Keys] = []
    of_word: list[Ints] = []
    for n in range(1, _GRAMS.stop):
        reach = max(0, len(letters) - n + 1)
        h[:reach] = (h[:reach] ^ letters[n - 1 :]) * FIRST_FACTOR
        h ^= h >> SHIFT
        if n in _GRAMS:
            whole = np.flatnonzero(np.arange(len(letters)) + n <= ends)
            found.append(h[whole] + np.uint64(n))
            of_word.append(word[whole])
    grams, words = np.concatenate(found), np.concatenate(of_word)
    order = np.argsort(words, kind="stable")
    grams = grams[order] | np.uint64(1)
    starts = np.searchsorted(words[order], np.arange(len(forms) + 1))
    return np.stack([mix(31, grams + OUTSIDE if side else grams) for side in sides]), starts


def _earlier(values: NDArray[Any], place: Ints, k: int) -> NDArray[Any]:
    """Return for each position the value k positions earlier in its segment; 0 where the segment has none."""
    out = np.zeros_like(values)
    out[k:] = values[:-k]
    out[place < k] = 0
    return out
