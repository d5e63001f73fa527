"""A statement to features: integer keys of what stands in it, computed for a whole batch of statements at once.

Keys are computed on flat arrays of token types, so that a batch of a thousand statements costs a few dozen numpy calls.
`docs/features.md` describes the families and what each is worth.

A statement has two segments, kept apart in every family: its own words, and the words of its carrying sentence outside
them (with the cue).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.families import Group, class_group, form_group, places_of, word_group
from nato_stance.keys import OUTSIDE, Ints, Keys, hash_of
from nato_stance.scopes import Scope, scopes_of
from nato_stance.semantics import Lexicon, Phrases, runs
from nato_stance.token_types import EDGE_CHUNK, FLAGS, MASKS, Chunks, TokenTypes, chunks_of

Item = tuple[str, str | None, str | None]
"""Text, context or None, cue or None."""

MAX_CHUNKS: Final = 200_000
"""Words with their marks that are remembered between batches; beyond it the memory is cleared, which bounds it."""

_QUOTED: Final = re.compile(r"[“\"„«][^”\"“»]+[”\"“»]")


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of a batch as a reader meets them: names of several words are one, repeated masks are one.

    Attributes:
        tokens: which token of the batch stands at each place, shape (n_places,).
        starts: first place of each segment, shape (n_segments + 1,).
        types: token type at each place; masked phrases have the type of their mask.
        states: negation (0 none, 1 negated, 2 denied, 3 both) times 4 plus condition (0 none, 1 in the condition,
            2 after it, 3 before it).
        phrase_places: places that lie in a phrase of the lexicon, once a class, sorted.
        phrase_classes: the class, shape as `phrase_places`.
    """

    tokens: Ints
    starts: Ints
    types: Ints
    states: Ints
    phrase_places: Ints
    phrase_classes: Ints


@dataclass(frozen=True)
class Encoded:
    """A batch of statements as features; segments alternate between words said and words outside.

    Attributes:
        n_items: number of statements; there are twice as many segments.
        types: token type of each token of the batch.
        n_words: words of each segment.
        spelled: tokens whose spelling counts (words that are not masked), and the segment starts among them.
        groups: the keyed features.
        sequence: the tokens in order, for detectors of phrases.
    """

    n_items: int
    types: Ints
    n_words: Ints
    spelled: tuple[Ints, Ints]
    groups: tuple[Group, ...]
    sequence: TokenSequence


def outside(text: str, context: str | None, cue: str | None) -> str:
    """Return the carrying sentence with the statement's own words blanked, and the cue if it is not in the sentence.

    What is left of the context keeps its place, so that offsets into it stay true. Where the words do not stand in
    the context in one piece, everything between quotation marks is blanked; where there are no marks, everything.

    >>> outside("any plans", "Moscow denied any plans.", "denied")
    'Moscow denied          .'
    """
    rest = ""
    if context and context.strip() != text.strip():
        at = context.find(text)
        if at >= 0:
            rest = context[:at] + " " * len(text) + context[at + len(text) :]
        else:
            rest = _QUOTED.sub(lambda found: found[0][0] + " " * (len(found[0]) - 2) + found[0][-1], context)
            rest = "" if rest == context else rest
    return f"{rest} {cue}" if cue and cue.lower() not in rest.lower() else rest


class FeatureExtractor:
    """Turns statements into feature keys.

    Args:
        lexicon: the semantic classes.
        common: hashes (`hash_of`) of words that are no names even when capitalised.
    """

    def __init__(self, lexicon: Lexicon, common: Iterable[int] = ()) -> None:
        self.lexicon = lexicon
        self.common = frozenset(common)
        self._class_hashes = np.array([hash_of("@" + name) for name in lexicon.names] or [0], dtype=np.uint64)
        self._renew()

    def _renew(self) -> None:
        """Forget all token types and chunks."""
        self.types = TokenTypes(self.lexicon, self.common)
        self._chunks = Chunks(self.types)

    def encode(self, items: Sequence[Item]) -> Encoded:
        """Compute the features of a batch.

        Args:
            items: statements.

        Returns:
            The keys and where they stand; rows do not depend on each other.
        """
        if len(self._chunks) > MAX_CHUNKS or len(self._chunks.flat) > 2 * MAX_CHUNKS:
            self._renew()
        known = self._chunks
        chunks: list[str] = []
        ends: list[int] = [0]
        for text, context, cue in items:
            chunks.append(EDGE_CHUNK)
            chunks += chunks_of(text)
            ends.append(len(chunks))
            if context is not None or cue is not None:
                beside = chunks_of(outside(text, context, cue))
                if any(known.sizes[known[chunk]] for chunk in beside):
                    chunks.append(EDGE_CHUNK)
                    chunks += beside
            ends.append(len(chunks))
        types, counts = known.tokens_of(np.fromiter(map(known.__getitem__, chunks), np.int64, len(chunks)))
        before = np.concatenate([[0], np.cumsum(counts)])
        return self._encode(types, np.diff(before[ends]))

    def _encode(self, types: Ints, lengths: Ints) -> Encoded:
        n, n_segments = len(types), len(lengths)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        segment = np.repeat(np.arange(n_segments), lengths)
        side = np.where(segment % 2 == 1, OUTSIDE, np.uint64(0))
        flags, hashes = self.types.flags.take(types), self.types.hashes.take(types)
        phrases = self.types.phrases(types)
        covered, masks = self._apply(phrases, flags, n)
        hashes = np.where(masks > 0, masks, hashes)
        masked = (flags & FLAGS["mask"] > 0) | (masks > 0)
        same = np.zeros(n, dtype=bool)
        same[1:] = masked[1:] & masked[:-1] & (hashes[1:] == hashes[:-1]) & (segment[1:] == segment[:-1])
        kept = ~covered & ~same
        is_word = kept & (flags & FLAGS["word"] > 0)
        scope = scopes_of(flags, segment, starts)
        shown = np.flatnonzero(kept)
        n_words = np.bincount(segment[is_word], minlength=n_segments)
        words = word_group(shown, hashes + side, segment, n_segments)
        groups = (
            words,
            self._classes(types, phrases, scope, side, segment, n_segments),
            form_group(flags, starts, n_words),
        )
        spelled = np.flatnonzero(is_word & ~masked)
        spelled_starts, _ = places_of(spelled, segment, n_segments)
        sequence = self._sequence(shown, words.starts, types, masks, scope, phrases)
        return Encoded(n_segments // 2, types, n_words, (spelled, spelled_starts), groups, sequence)

    def _classes(
        self, types: Ints, phrases: Phrases, scope: Scope, side: Keys, segment: Ints, n_segments: int
    ) -> Group:
        """Find the lexicon classes of words and phrases, in order."""
        single, names = self.types.classes_at(types)
        place = np.concatenate([single, phrases.at])
        span = np.concatenate([np.ones(len(single), np.int64), phrases.length])
        number = np.concatenate([names, phrases.classes])
        # Both parts are sorted, and a stable sort only merges them.
        order = np.argsort(place << 16 | number, kind="stable")
        place = place[order]
        hashes = self._class_hashes[number[order]] + side[place]
        return class_group(place, span[order], hashes, scope, segment, n_segments)

    def _sequence(
        self, kept: Ints, starts: Ints, types: Ints, masks: Keys, scope: Scope, phrases: Phrases
    ) -> TokenSequence:
        of_mask = {hash_of(mask): self.types[mask] for mask in MASKS.values()}
        shown = types[kept]
        for mask, number in of_mask.items():
            shown[masks[kept] == mask] = number
        place_of = np.full(len(types), -1)
        place_of[kept] = np.arange(len(kept))
        ends = phrases.at + phrases.length
        places = place_of[runs(ends, phrases.length)]
        pairs = np.unique((places << 16 | np.repeat(phrases.classes, phrases.length))[places >= 0])
        states = scope.negated[kept] * np.uint64(4) + scope.condition[kept]
        return TokenSequence(kept, starts, shown, states.astype(np.int64), pairs >> 16, pairs & 0xFFFF)

    def _apply(self, phrases: Phrases, flags: Ints, n: int) -> tuple[NDArray[np.bool_], Keys]:
        """Let phrases set flags and masks: a name of several words is one, *not only* is no negation."""
        covered = np.zeros(n, dtype=bool)
        masks = np.zeros(n, dtype=np.uint64)
        np.bitwise_or.at(flags, phrases.at, self.types.class_flags[phrases.classes])
        of_phrase = self.types.class_masks[phrases.classes]
        named = np.flatnonzero(of_phrase)
        rows = zip(phrases.at[named].tolist(), phrases.length[named].tolist(), of_phrase[named], strict=True)
        for i, size, mask in rows:
            if not covered[i]:
                masks[i] = mask
                covered[i + 1 : i + size] = True
        return covered, masks
