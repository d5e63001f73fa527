"""The scoring path: statements to linear scores to labels, with numpy and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.detectors import ANSWERS, PhraseDetectors
from nato_stance.explanation import Contribution, Explanation
from nato_stance.families import BACK, Group, segment_sums, spelling_keys, word_scale
from nato_stance.features import Encoded, FeatureExtractor, Item, outside
from nato_stance.joint import OUTPUTS, Floats, JointLayer, decide, labels_of
from nato_stance.keys import Ints
from nato_stance.records import InvalidInputError, Span, StanceLabel
from nato_stance.words import TOKEN

MAX_EXPLAINED: Final = 20_000
"""Characters of a statement and its context that can be explained."""

BATCH: Final = 2048
"""Statements encoded at a time; bounds memory, and changes no result."""

_TABLE_BITS: Final = 18


class KeyTable:
    """Finds the row of a feature key; row 0 stands for keys that the model does not know.

    An open-addressing hash table with linear probing, filled and read for whole arrays at once.
    """

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self._keys = np.concatenate([np.zeros(1, np.uint64), keys])
        bits = max(_TABLE_BITS, int(np.ceil(np.log2(max(len(keys), 1) * 2.5))))
        self._shift = np.uint64(64 - bits)
        self._mask = (1 << bits) - 1
        self._slots = np.zeros(1 << bits, np.int32)
        self._probes = 0
        waiting = np.arange(1, len(keys) + 1, dtype=np.int32)
        while len(waiting):
            slot = (self._home(self._keys[waiting]) + self._probes) & self._mask
            free = self._slots[slot] == 0
            _, winners = np.unique(slot[free], return_index=True)
            chosen = np.flatnonzero(free)[winners]
            self._slots[slot[chosen]] = waiting[chosen]
            waiting = np.delete(waiting, chosen)
            self._probes += 1

    def _home(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        return (keys >> self._shift).astype(np.int64)

    def rows(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Return for each key its row, counted from 1; 0 where the key is unknown. Same shape as `keys`."""
        flat = keys.ravel()
        home = self._home(flat)
        # `take` gathers rows several times as fast as indexing with an array.
        found = self._slots.take(home)
        wrong = np.flatnonzero((found != 0) & (self._keys.take(found) != flat))
        for probe in range(1, self._probes):
            if not len(wrong):
                break
            candidate = self._slots.take((home[wrong] + probe) & self._mask)
            found[wrong] = candidate
            wrong = wrong[(candidate != 0) & (self._keys.take(candidate) != flat[wrong])]
        found[wrong] = 0
        return found.reshape(keys.shape)


_TURN: Final = threading.RLock()
"""A model keeps what it worked out for words that it met, and works in memory that it uses again; so threads of one
process take turns."""


class LinearModel:
    """A trained model: what `load_model` returns.

    Args:
        extractor: turns statements into feature keys.
        keys: known feature keys, uint64, shape (n_features,).
        weights: a row a feature, a column an output, shape (n_features, 13).
        intercept: shape (13,).
        layer: the joint layer.
        detectors: the phrase detectors, or None.
        answer_weights: a row an answer of the detectors, shape (16, 13); None with no detectors.
        provenance: where the model comes from; see `docs/model-card.md`.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        keys: NDArray[np.uint64],
        weights: NDArray[np.floating[Any]],
        intercept: NDArray[np.floating[Any]],
        layer: JointLayer,
        detectors: PhraseDetectors | None = None,
        answer_weights: NDArray[np.floating[Any]] | None = None,
        provenance: dict[str, Any] | None = None,
    ) -> None:
        self.extractor = extractor
        self.keys = keys
        self.weights = weights
        self.intercept = intercept
        self.layer = layer
        self.detectors = detectors
        self.answer_weights = np.zeros((len(ANSWERS), len(OUTPUTS))) if answer_weights is None else answer_weights
        self.provenance = provenance or {}
        self._table = KeyTable(keys)
        self._rows = np.concatenate([np.zeros((1, len(OUTPUTS))), weights.astype(np.float64)])
        self._types = extractor.types
        self._spelling: list[Floats] = [np.zeros((0, len(OUTPUTS)))] * 2

    def scores(self, items: Sequence[Item]) -> Floats:
        """Return the linear scores of statements, shape (n_items, 13), in the order of `OUTPUTS`."""
        parts = []
        for first in range(0, len(items), BATCH):
            with _TURN:
                parts.append(self._scores(self.extractor.encode(items[first : first + BATCH])))
        return np.concatenate(parts) if parts else np.zeros((0, len(OUTPUTS)))

    def _scores(self, encoded: Encoded) -> Floats:
        total = np.zeros((2 * encoded.n_items, len(OUTPUTS)))
        scale = word_scale(encoded.n_words)[:, None]
        for group in encoded.groups:
            rows = self._table.rows(group.keys)
            places = self._rows.take(rows[0], axis=0)
            for family in rows[1:]:
                places += self._rows.take(family, axis=0)
            sums = segment_sums(places, group.starts)
            total += sums * scale if group.scaled else sums
        tokens, starts = encoded.spelled
        total += segment_sums(self._spelled(encoded.types[tokens], starts), starts) * scale
        scores = total[0::2] + total[1::2] + self.intercept
        if self.detectors is not None:
            answers = self.detectors.answers(encoded, self.extractor.types)
            scores += (answers[:, :, None] * self.answer_weights).sum(axis=1)
        return scores

    def _spelled(self, types: Ints, starts: Ints) -> Floats:
        """Return what the spelling of each word adds to the scores, by type number; odd segments lie outside."""
        rows: Floats = self._spelling_of_types(0).take(types, axis=0)
        outside_of = np.flatnonzero(np.repeat(np.arange(len(starts) - 1) % 2, np.diff(starts)))
        if len(outside_of):
            rows[outside_of] = self._spelling_of_types(1).take(types[outside_of], axis=0)
        return rows

    def _spelling_of_types(self, side: int) -> Floats:
        """Return what the character n-grams of each token type add to the scores, shape (n_types, 13).

        Args:
            side: 0 for words said, 1 for words outside them.
        """
        types = self.extractor.types
        if types is not self._types:
            self._types, self._spelling = types, [np.zeros((0, len(OUTPUTS)))] * 2
        known = self._spelling[side]
        if len(known) < len(types.forms):
            keys, starts = spelling_keys(types.forms[len(known) :], [side])
            rows = self._table.rows(keys[0])
            # Leaving out what the model does not know changes no sum.
            some = np.flatnonzero(rows)
            sums = segment_sums(self._rows.take(rows.take(some), axis=0), np.searchsorted(some, starts))
            self._spelling[side] = np.concatenate([known, sums])
        return self._spelling[side]

    def label_many(self, items: Sequence[Item]) -> list[StanceLabel]:
        """Label statements given as (text, context or None, cue or None), each on its own."""
        labels: list[StanceLabel] = []
        for first in range(0, len(items), BATCH):
            labels += labels_of(decide(self.scores(items[first : first + BATCH]), self.layer))
        return labels

    def explain(self, text: str, context: str | None = None, cue: str | None = None) -> Explanation:
        """Return what pushed the labels of one statement; the contributions are exact.

        Raises:
            InvalidInputError: the statement and its context are longer than `MAX_EXPLAINED` characters.
        """
        if len(text) + len(context or "") > MAX_EXPLAINED:
            raise InvalidInputError(
                f"text and context have {len(text) + len(context or '')} characters, an explanation can hold "
                f"{MAX_EXPLAINED}; explain one statement of it, or label it with classify"
            )
        item = (text, context, cue)
        scores = self.scores([item])
        label = labels_of(decide(scores, self.layer))[0]
        won = f"primary:{label.stance}"
        with _TURN:
            contributions = list(self._contributions(item))
        contributions.sort(key=lambda c: (-abs(c.values[won]), c.feature, c.span or (-1, -1)))
        return Explanation(label, _named(scores[0]), _named(self.intercept.astype(np.float64)), tuple(contributions))

    def _contributions(self, item: Item) -> Iterator[Contribution]:
        encoded = self.extractor.encode([item])
        scale = word_scale(encoded.n_words)
        places = token_places(item)
        for group in encoded.groups:
            segment = np.repeat(np.arange(len(group.starts) - 1), np.diff(group.starts))
            rows = self._table.rows(group.keys)
            for family, place in np.argwhere(rows > 0).tolist():
                values = self._rows[rows[family, place]] * (scale[segment[place]] if group.scaled else 1.0)
                name = group.families[family]
                # What is said of a whole segment has no words of its own.
                first = self._reach(group, name, place) if group.located else group.last[place] + 1
                yield _contribution(name, places[first : group.last[place] + 1], values)
        tokens, starts = encoded.spelled
        side = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        spelled = self._spelled(encoded.types[tokens], starts) * scale[side][:, None]
        for token, values in zip(tokens.tolist(), spelled, strict=True):
            if values.any():
                yield _contribution("spelling", places[token : token + 1], values)
        if self.detectors is not None:
            yield from self._detected(self.detectors, encoded, places)

    def _detected(
        self, detectors: PhraseDetectors, encoded: Encoded, places: Sequence[Place | None]
    ) -> Iterator[Contribution]:
        """Share the detectors' answers among the windows that gave them; what no window gave has no span."""
        rest = detectors.answers(encoded, self.extractor.types)[0]
        for first, last, answers in detectors.windows(encoded, self.extractor.types):
            rest = rest - answers
            yield _contribution("detector", places[first : last + 1], answers @ self.answer_weights)
        yield _contribution("detector rest", [], rest @ self.answer_weights)

    @staticmethod
    def _reach(group: Group, family: str, place: int) -> int:
        """Return the first token of a feature that ends at a place."""
        back = BACK.get(family, 0)
        return int(group.first[max(place - back, group.starts[np.searchsorted(group.starts, place, "right") - 1])])


Place = tuple[str, Span, str]
"""Source, span in it, words."""


def token_places(item: Item) -> list[Place | None]:
    """Return for each token of an encoded statement where it stands; None for the segment edges."""
    text, context, cue = item
    places: list[Place | None] = [None]
    places += [("text", found.span(), text) for found in TOKEN.finditer(text)]
    rest = outside(text, context, cue)
    if TOKEN.search(rest):
        places.append(None)
        limit = len(rest) - len(cue) if cue and rest.endswith(cue) and len(rest) != len(context or "") else len(rest)
        for found in TOKEN.finditer(rest):
            if found.start() >= limit and cue:
                places.append(("cue", (found.start() - limit, found.end() - limit), cue))
            else:
                places.append(("context", found.span(), context or ""))
    return places


def _contribution(feature: str, places: Sequence[Place | None], values: Floats) -> Contribution:
    known = [place for place in places if place is not None]
    if not known:
        return Contribution(feature, "text", None, "", _named(values))
    source, (start, _), whole = known[0]
    end = known[-1][1][1]
    return Contribution(feature, source, (start, end), whole[start:end], _named(values))


def _named(values: Floats) -> dict[str, float]:
    return dict(zip(OUTPUTS, values.tolist(), strict=True))
