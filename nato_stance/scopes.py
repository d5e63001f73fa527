"""What each word of a batch stands under: negation, denial, a condition, and the subject of its clause.

Scopes run on flat arrays of flags, a few passes over the whole batch; no scope reaches over the end of a segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.keys import Ints, Keys
from nato_stance.token_types import FLAGS, SUBJECT_MASK, SUBJECT_SHIFT

NEGATION_REACH: Final = 8
"""Words after a negator that its scope holds at most."""

_STOPS: Final = FLAGS["clause"] | FLAGS["contrast"]


@dataclass(frozen=True)
class Scope:
    """What holds at each token, 0 for nothing.

    Attributes:
        negated: 1 negated, 2 denied, 3 both.
        condition: 1 in a condition, 2 after it, 3 before it.
        subject: the subject of the clause, as `token_types` numbers them.
    """

    negated: Keys
    condition: Keys
    subject: Keys


def scopes_of(flags: Ints, segment: Ints, starts: Ints) -> Scope:
    """Work out for each token the negation, the condition and the subject that it stands under.

    Args:
        flags: flags of each token, as `TokenTypes.flags` has them, shape (n,).
        segment: segment of each token.
        starts: first token of each segment, shape (n_segments + 1,).
    """
    n = len(flags)
    position = np.arange(n)
    begin, end = starts[segment], starts[1:].take(segment)
    sentence_end = flags & FLAGS["sentence"] > 0
    bound, strong = _last(flags & _STOPS > 0), _last(sentence_end)
    negator, denier = _last(flags & FLAGS["negation"] > 0), _last(flags & FLAGS["negation_verbs"] > 0)
    negated = (negator > bound) & (negator >= begin) & (position - negator <= NEGATION_REACH)
    denied = (denier > strong) & (denier >= begin)
    opens = flags & FLAGS["conditional"] > 0
    opener = _last(opens)
    in_sentence = (opener > strong) & (opener >= begin)
    condition = np.where(in_sentence, np.where(opener > bound, 1, 2), 0)
    ahead = _next(opens) < np.minimum(_next(sentence_end), end)
    condition[(condition == 0) & ahead] = 3
    spoken_of = flags >> SUBJECT_SHIFT & SUBJECT_MASK
    who = _last(spoken_of > 0)
    subject = np.where((who > bound) & (who >= begin), spoken_of[np.maximum(who, 0)], 0)
    return Scope(
        negated.astype(np.uint64) + np.uint64(2) * denied.astype(np.uint64),
        condition.astype(np.uint64),
        subject.astype(np.uint64),
    )


def _last(marked: NDArray[np.bool_]) -> Ints:
    """Return for each position the last marked one before it; -1 where there is none."""
    n = len(marked)
    seen = np.maximum.accumulate(np.where(marked, np.arange(n), -1))
    out = np.full(n, -1)
    out[1:] = seen[:-1]
    return out


def _next(marked: NDArray[np.bool_]) -> Ints:
    """Return for each position the next marked one after it; the number of positions where there is none."""
    n = len(marked)
    out = np.full(n, n)
    if n:
        out[:-1] = np.minimum.accumulate(np.where(marked, np.arange(n), n)[:0:-1])[::-1]
    return out
