"""Phrase detectors: a small convolutional network that reads windows of three words, run with numpy only.

Each of its filters looks at every window of up to three consecutive places of a statement and keeps the strongest
answer (Kim 2014, "Convolutional Neural Networks for Sentence Classification"). The first layer is linear in what
stands at a place (its word vector, its lexicon classes, its negation and condition), so that what a word type adds to
every filter is computed once and looked up afterwards; scoring needs no matrix product over tokens.

The network learns from a larger language model that was fine-tuned on the same labels (Tang et al. 2019, "Distilling
Task-Specific Knowledge from BERT into Simple Neural Networks"); `docs/features.md` tells how, and what it is worth.
Its sixteen answers are mixed with the scores of the keyed features on the second level of the fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.codebook import FIELDS, PRESENCES, STANCES, TONES
from nato_stance.features import Encoded, TokenSequence
from nato_stance.keys import Ints
from nato_stance.token_types import TokenTypes

Floats = NDArray[np.float32]
_PhraseRows = tuple[Ints, Ints, Floats]
"""Places in phrases, the row of each, and the rows."""
_Part = tuple[Ints, Ints, Ints, _PhraseRows]
"""Types, states and segment starts of some statements, and their phrases."""

ANSWERS: Final[tuple[str, ...]] = (
    *(f"{field}:{presence}" for field in FIELDS for presence in PRESENCES),
    *(f"primary:{stance}" for stance in STANCES),
    *(f"tone:{tone}" for tone in TONES),
)
"""What the network answers, in order: log-odds up to a constant in each question."""

_MEAN: Final = np.float32(0.3)
"""Factor of the filters' mean answers beside their strongest ones."""

_CHUNK: Final = 64
"""Statements worked on at once, so that what they look up stays in the processor's cache."""


_SLICE: Final = 20_000
"""Places worked on at once at most; a statement with more is worked on in slices, which bounds memory."""

_LONG: Final = 200
"""Places in a segment up to which it is worked on together with others."""

_BLOCK: Final = 32
"""Word types whose rows are worked out in one product."""

_FIRST_TYPES: Final = 16_384
"""Token types for which there is room at first; it doubles as more are met. Room that is not used costs no memory."""


class PhraseDetectors:
    """The network.

    Args:
        arrays: `words` (sorted hashes of the words known), `vectors` (int8, a row a word after one for unknown words),
            `vector_scale`, `class_vectors`, `state_vectors`, `kernels` (3, d, filters), `bias`, `readout`
            (3 * filters + d, 16), `readout_bias`, `hidden` (3 * filters, units), `hidden_bias` and `hidden_readout`
            (units, 16).
        classes: names of the lexicon classes, in the order of `class_vectors`.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], classes: Sequence[str]) -> None:
        self.arrays = dict(arrays)
        self.classes = tuple(classes)
        self._words = arrays["words"]
        self._vectors = arrays["vectors"]
        self._vector_scale = arrays["vector_scale"].astype(np.float32)
        kernels = arrays["kernels"].astype(np.float32)
        self.n_filters = kernels.shape[2]
        readout = arrays["readout"].astype(np.float32)
        n = self.n_filters
        self._kernel = np.concatenate([kernels[0], kernels[1], kernels[2], readout[3 * n :]], axis=1)
        self._bias = np.zeros(self._kernel.shape[1], np.float32)
        self._bias[n : 2 * n] = arrays["bias"]
        self._readout = readout[: 3 * n].astype(np.float64)
        self._readout_bias = arrays["readout_bias"].astype(np.float64)
        self._hidden = arrays["hidden"].astype(np.float64)
        self._hidden_bias = arrays["hidden_bias"].astype(np.float64)
        self._hidden_readout = arrays["hidden_readout"].astype(np.float64)
        self._readouts = np.concatenate([self._readout, self._hidden], axis=1)
        states = arrays["state_vectors"].astype(np.float32) @ self._kernel
        self._at_rest, self._states = states[0] + self._bias, states - states[0]
        classes_known = arrays["class_vectors"].astype(np.float32) @ self._kernel
        self._class_rows = np.concatenate([classes_known, np.zeros_like(classes_known[:1])])
        self._types: TokenTypes | None = None
        self._of_type: Floats = np.zeros((0, self._kernel.shape[1]), np.float32)
        self._n_types = 0
        self._rooms: dict[str, NDArray[Any]] = {}
        self._class_at: NDArray[np.int64] = np.zeros(0, np.int64)

    def digest(self) -> str:
        """Return the SHA-256 of the network, hexadecimal."""
        sha = hashlib.sha256("\n".join(self.classes).encode())
        for name in sorted(self.arrays):
            array = np.ascontiguousarray(self.arrays[name])
            sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            sha.update(array.tobytes())
        return sha.hexdigest()

    def answers(self, encoded: Encoded, types: TokenTypes) -> NDArray[np.float64]:
        """Return the answers for a batch, shape (n_items, 16), rounded to six decimals.

        Rounding keeps the last bits of matrix products, which may depend on the size of a batch, out of the results.
        """
        of_type, sequence = self._rows(types), encoded.sequence
        phrases, starts = self._phrase_rows(sequence), sequence.starts
        parts = []
        first = 0
        while first < encoded.n_items:
            # As many statements as stay in the processor's cache. How one is worked on depends on its own length alone.
            inside = np.searchsorted(starts[2 * first :: 2], starts[2 * first] + _SLICE, side="right") - 1
            stop = min(first + max(1, min(int(inside), _CHUNK)), encoded.n_items)
            edges = starts[2 * first : 2 * stop + 1]
            if edges[-1] - edges[0] <= _SLICE:
                parts.append(self._answers(*self._part(sequence, phrases, edges), of_type))
            else:
                parts.append(self._answers_by_slices(sequence, phrases, edges, of_type))
            first = stop
        return np.concatenate(parts) if parts else np.zeros((0, len(ANSWERS)))

    @staticmethod
    def _part(sequence: TokenSequence, phrases: _PhraseRows, starts: Ints) -> _Part:
        """Return the part of a batch that begins and ends with the given segments."""
        begin, end = starts[0], starts[-1]
        places, numbers, rows = phrases
        low, high = np.searchsorted(places, [begin, end])
        inside = (places[low:high] - begin, numbers[low:high], rows)
        return sequence.types[begin:end], sequence.states[begin:end], starts - begin, inside

    def _answers_by_slices(
        self, sequence: TokenSequence, phrases: _PhraseRows, starts: Ints, of_type: Floats
    ) -> NDArray[np.float64]:
        """Return the answers for one statement, slice by slice; a slice sees one place more on each side."""
        begin, border, end = starts.tolist()
        tops, sums = np.zeros((2, self.n_filters), np.float32), np.zeros((2, self.n_filters), np.float32)
        linear_sum = np.zeros((1, len(ANSWERS)), np.float32)
        for low in range(begin, end, _SLICE):
            high = min(low + _SLICE, end)
            left, right = max(low - 1, begin), min(high + 1, end)
            part = self._part(sequence, phrases, np.array([left, right, right]))
            responses, linear = self._responses(*part, of_type)
            for side, a, b in ((0, low, min(high, border)), (1, max(low, border), high)):
                if a < b:
                    tops[side] = np.maximum(tops[side], responses[a - left : b - left].max(axis=0))
                    sums[side] += responses[a - left : b - left].sum(axis=0)
            if low < border:
                linear_sum += linear[low - left : min(high, border) - left].sum(axis=0)
        return self._combined(tops, sums, linear_sum, np.diff(starts))

    def _answers(
        self, types: Ints, states: Ints, starts: Ints, phrases: _PhraseRows, of_type: Floats
    ) -> NDArray[np.float64]:
        responses, linear = self._responses(types, states, starts, phrases, of_type)
        lengths = np.diff(starts)
        said = np.flatnonzero(lengths[0::2] > 0)
        tops, sums = self._pools(responses, starts)
        linear_sums = np.zeros((len(starts) // 2, len(ANSWERS)), np.float32)
        if len(said):
            # Every other sum is that of the words beside, up to the next statement.
            edges = np.stack([starts[2 * said], starts[2 * said + 1]], axis=1).ravel()
            if edges[-1] == len(linear):
                edges = edges[:-1]
            linear_sums[said] = np.add.reduceat(linear, edges, axis=0)[0::2]
        return self._combined(tops, sums, linear_sums, lengths)

    def _combined(self, tops: Floats, sums: Floats, linear_sums: Floats, lengths: Ints) -> NDArray[np.float64]:
        """Return the answers from what the filters found in the segments, and how many places these have."""
        n = self.n_filters
        said = np.flatnonzero(lengths[0::2] > 0)
        scale = 1 / np.sqrt(lengths[2 * said]).astype(np.float32)[:, None]
        pooled = self._room("pooled", len(lengths) // 2, 3 * n, np.float64)
        pooled[:, :n], pooled[:, n : 2 * n], pooled[:, 2 * n :] = tops[0::2], tops[1::2], 0
        pooled[said, 2 * n :] = sums[2 * said] * scale * _MEAN
        mean = np.zeros((len(lengths) // 2, len(ANSWERS)), np.float32)
        mean[said] = linear_sums[said] * scale
        alone, together = np.split(pooled @ self._readouts, [len(ANSWERS)], axis=1)
        together = np.maximum(together + self._hidden_bias, 0) @ self._hidden_readout
        answers: NDArray[np.float64] = np.round(alone + together + mean + self._readout_bias, 6)
        return answers

    def _pools(self, responses: Floats, starts: Ints) -> tuple[Floats, Floats]:
        """Return each filter's strongest answer in each segment, and the sum of its answers; 0 for empty segments.

        Segments are worked on side by side, a place of all at a time, the longest first: that is several times as fast
        as one segment after the other, and a sum does not depend on which segments come together.
        """
        lengths = np.diff(starts)
        tops, sums = (self._room(name, len(lengths), self.n_filters) for name in ("tops", "sums"))
        tops[:], sums[:] = 0, 0
        for k in np.flatnonzero(lengths > _LONG).tolist():
            tops[k] = responses[starts[k] : starts[k + 1]].max(axis=0)
            sums[k] = responses[starts[k] : starts[k + 1]].sum(axis=0)
        order = np.argsort(-lengths, kind="stable")
        order = order[(lengths[order] > 0) & (lengths[order] <= _LONG)]
        if not len(order):
            return tops, sums
        firsts = starts[:-1][order]
        top = responses.take(firsts, axis=0)
        total = top.copy()
        longer = len(order) - np.cumsum(np.bincount(lengths[order]))
        for place, n in enumerate(longer[1:-1].tolist(), start=1):
            rows = responses.take(firsts[:n] + place, axis=0, out=self._room("place", n, self.n_filters), mode="clip")
            np.maximum(top[:n], rows, out=top[:n])
            np.add(total[:n], rows, out=total[:n])
        tops[order], sums[order] = top, total
        return tops, sums

    def windows(self, encoded: Encoded, types: TokenTypes) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """Yield what each window of one statement gives to the answers: first and last token, answers of shape (16,).

        A filter's strongest answer belongs to the window that gave it, the first of equals. What the hidden layer adds
        is linear in the filters' answers as long as the same units are at work, so it is shared out in the same way.
        """
        sequence = encoded.sequence
        starts = sequence.starts
        of_type, phrases = self._rows(types), self._phrase_rows(sequence)
        responses, linear = self._responses(sequence.types, sequence.states, starts, phrases, of_type)
        n = self.n_filters
        scale = float(1 / np.sqrt(np.float32(max(starts[1], 1))))
        # What each window gives to what the filters answer together, then to the answers of the network.
        given = np.zeros((len(responses), 3 * n))
        given[: starts[1], 2 * n :] = responses[: starts[1]].astype(np.float64) * scale * float(_MEAN)
        for side in range(2):
            part = responses[starts[side] : starts[side + 1]]
            if len(part):
                given[starts[side] + part.argmax(axis=0), side * n + np.arange(n)] = part.max(axis=0)
        at_work = given.sum(axis=0) @ self._hidden + self._hidden_bias > 0
        total = given @ (self._readout + self._hidden[:, at_work] @ self._hidden_readout[at_work])
        total[: starts[1]] += linear[: starts[1]] * scale
        tokens = encoded.sequence.tokens
        for place in range(len(responses)):
            first, last = max(place - 1, 0), min(place + 1, len(responses) - 1)
            if (first < starts[1]) != (place < starts[1]):
                first = place
            if (last < starts[1]) != (place < starts[1]):
                last = place
            yield int(tokens[first]), int(tokens[last]), total[place]

    def _responses(
        self, types: Ints, states: Ints, starts: Ints, phrases: _PhraseRows, of_type: Floats
    ) -> tuple[Floats, Floats]:
        """Return what each filter says at each place, and what each place adds to the answers itself."""
        # Clipping changes nothing here, and `take` needs it to write to its place at once.
        rows = of_type.take(types, axis=0, out=self._room("rows", len(types), of_type.shape[1]), mode="clip")
        stated = np.flatnonzero(states)
        rows[stated] += self._states.take(states[stated], axis=0)
        places, numbers, of_phrase = phrases
        rows[places] += of_phrase.take(numbers, axis=0)
        n = self.n_filters
        before, here, after, linear = rows[:, :n], rows[:, n : 2 * n], rows[:, 2 * n : 3 * n], rows[:, 3 * n :]
        item_starts = starts[0::2]
        full = item_starts[1:] > item_starts[:-1]
        before[item_starts[1:][full] - 1] = 0
        after[item_starts[:-1][full]] = 0
        out = self._room("out", len(types), n)
        out[:1] = here[:1]
        np.add(here[1:], before[:-1], out=out[1:])
        out[:-1] += after[1:]
        return np.maximum(out, 0, out=out), linear

    def _room(self, name: str, n: int, width: int, kind: type[np.floating[Any]] = np.float32) -> NDArray[Any]:
        """Return an array to write to, the same memory each time; what was in it is lost.

        New memory for every part of a batch would be fetched from the system each time, which costs more than the work.
        """
        room = self._rooms.get(name)
        if room is None or len(room) < n:
            room = self._rooms[name] = np.empty((n, width), kind)
        return room[:n]

    def _phrase_rows(self, sequence: TokenSequence) -> _PhraseRows:
        """Return the places that lie in phrases, and for each the row of what the phrases' classes add, by number."""
        known = self._class_at.take(sequence.phrase_classes)
        first = np.flatnonzero(np.diff(sequence.phrase_places, prepend=-1))
        sizes = np.diff(first, append=len(known))
        numbers = known[first]
        many = np.flatnonzero(sizes > 1)
        rows = self._class_rows
        if len(many):
            together = rows.take(known[np.repeat(sizes > 1, sizes)], axis=0)
            sums = np.add.reduceat(together, np.cumsum(sizes[many]) - sizes[many], axis=0)
            numbers[many] = len(rows) + np.arange(len(many))
            rows = np.concatenate([rows, sums])
        return sequence.phrase_places[first], numbers, rows

    def _rows(self, types: TokenTypes) -> Floats:
        """Return what each token type adds to the windows that it stands in, shape (n_types, 3 * filters + 16)."""
        if types is not self._types:
            self._types, self._n_types = types, 0
            self._of_type = np.empty((_FIRST_TYPES, self._kernel.shape[1]), np.float32)
            place = {name: i for i, name in enumerate(self.classes)}
            self._class_at = np.array([place.get(name, len(place)) for name in types.class_names], np.int64)
        known = self._n_types
        if known < len(types.forms):
            self._n_types = len(types.forms)
            if self._n_types > len(self._of_type):
                self._of_type = np.concatenate([self._of_type, np.zeros((self._n_types, len(self._bias)), np.float32)])
            self._of_type[known : self._n_types] = self._new_rows(types, known)
        return self._of_type

    def _new_rows(self, types: TokenTypes, known: int) -> Floats:
        """Return the rows of the types from number `known` on."""
        hashes = types.hashes[known:]
        found = np.searchsorted(self._words, hashes)
        found[found == len(self._words)] = 0
        places = np.where(self._words[found] == hashes, found + 1, 0)
        vectors = self._vectors[places].astype(np.float32) * self._vector_scale
        # Products of one shape, and one class after the other: sums must not depend on how many types come at once.
        blocks = np.zeros((-(-len(vectors) // _BLOCK) * _BLOCK, vectors.shape[1]), np.float32)
        blocks[: len(vectors)] = vectors
        rows = np.empty((len(blocks), self._kernel.shape[1]), np.float32)
        for first in range(0, len(blocks), _BLOCK):
            np.matmul(blocks[first : first + _BLOCK], self._kernel, out=rows[first : first + _BLOCK])
        rows = rows[: len(vectors)]
        rows += self._at_rest
        of, classes = types.classes_at(np.arange(known, known + len(rows)))
        nth = np.arange(len(of)) - np.searchsorted(of, of)
        for n in range(int(nth.max(initial=-1)) + 1):
            some = np.flatnonzero(nth == n)
            rows[of[some]] += self._class_rows[self._class_at[classes[some]]]
        return rows
