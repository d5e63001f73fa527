"""Measures of labels against gold, as pure functions of numpy arrays: no model, no file, no label names but the order.

Every measure here is a function of sums over items: how often gold label i met answer j, how much confidence fell into
a bin. So each item becomes one row of numbers (`tally_rows`), and a resample of items is a weighted sum of the rows: a
thousand bootstrap resamples, or ten thousand permutations, are one matrix product (`measures` takes any number of
sums at once).

Labels are numbers: the place in `codebook.PRESENCES` for the three fields, in `codebook.STANCES` for the primary, in
`codebook.TONES` for tone; -1 is a gold label that the coders did not agree on, and leaves the item out of what asks for
it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.codebook import FIELDS, PRESENCES, STANCES, TONES
from nato_stance.records import InvalidInputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUESTIONS: Final[tuple[str, ...]] = (*FIELDS, "primary", "tone")
"""What is asked of a statement, in the order of the columns of coded labels."""

LABELS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(FIELDS, PRESENCES),
    "primary": STANCES,
    "tone": TONES,
}
"""The labels of each question, in the order of their numbers."""

N_BINS: Final = 10
"""Equal-width bins of confidence, as in Guo et al. (2017), On Calibration of Modern Neural Networks."""

_AFFIRMED, _DENIED, _ABSENT = range(3)


@dataclass(frozen=True)
class Predictions:
    """What a system says of n statements.

    Attributes:
        codes: labels as numbers, columns as `QUESTIONS`, shape (n, 5).
        probabilities: of the primary stances, shape (n, 4); rows sum to 1.
        tone_probabilities: of the tones, shape (n, 3); rows sum to 1.
    """

    codes: Ints
    probabilities: Floats
    tone_probabilities: Floats


def _blocks() -> dict[str, slice]:
    sizes = {question: len(LABELS[question]) ** 2 for question in QUESTIONS}
    sizes |= {"bin_count": N_BINS, "bin_confidence": N_BINS, "bin_correct": N_BINS, "brier": 2, "tone_brier": 2}
    blocks, start = {}, 0
    for name, size in sizes.items():
        blocks[name] = slice(start, start + size)
        start += size
    return blocks


BLOCKS: Final = _blocks()
"""Where in a tally row each part stands."""

WIDTH: Final = max(block.stop for block in BLOCKS.values())
"""Numbers in a tally row."""


def tally_rows(gold: Ints, predicted: Predictions) -> Floats:
    """Turn items into rows whose sums determine every measure.

    Args:
        gold: coded gold labels, shape (n, 5); -1 where there is none.
        predicted: the answers to the same items.

    Returns:
        Shape (n, `WIDTH`); parts stand where `BLOCKS` says.

    Raises:
        InvalidInputError: the shapes do not fit.

    Example:
        >>> gold = np.array([[0, 2, 2, 0, 2]])
        >>> answer = Predictions(gold.copy(), np.array([[0.7, 0.1, 0.1, 0.1]]), np.array([[0.1, 0.1, 0.8]]))
        >>> float(measures(tally_rows(gold, answer).sum(axis=0))["brier"].round(2))
        0.12
    """
    n = len(gold)
    if gold.shape != (n, 5) or predicted.codes.shape != (n, 5):
        raise InvalidInputError(
            f"gold has shape {gold.shape} and the answers {predicted.codes.shape}; both must be (n, 5)"
        )
    rows = np.zeros((n, WIDTH))
    for column, question in enumerate(QUESTIONS):
        size = len(LABELS[question])
        known = np.flatnonzero(gold[:, column] >= 0)
        cell = gold[known, column] * size + predicted.codes[known, column]
        rows[known, BLOCKS[question].start + cell] = 1.0
    _tally_calibration(rows, gold[:, 3], predicted)
    _tally_brier(rows, "brier", gold[:, 3], predicted.probabilities)
    _tally_brier(rows, "tone_brier", gold[:, 4], predicted.tone_probabilities)
    return rows


def _tally_calibration(rows: Floats, gold: Ints, predicted: Predictions) -> None:
    known = np.flatnonzero(gold >= 0)
    answer = predicted.codes[known, 3]
    confidence = predicted.probabilities[known, answer]
    bins = np.minimum(N_BINS - 1, (confidence * N_BINS).astype(np.int64))
    rows[known, BLOCKS["bin_count"].start + bins] = 1.0
    rows[known, BLOCKS["bin_confidence"].start + bins] = confidence
    rows[known, BLOCKS["bin_correct"].start + bins] = answer == gold[known]


def _tally_brier(rows: Floats, name: str, gold: Ints, probabilities: Floats) -> None:
    known = np.flatnonzero(gold >= 0)
    truth = np.zeros((len(known), probabilities.shape[1]))
    truth[np.arange(len(known)), gold[known]] = 1.0
    rows[known, BLOCKS[name].start] = ((probabilities[known] - truth) ** 2).sum(axis=1)
    rows[known, BLOCKS[name].start + 1] = 1.0


def _ratio(above: Floats, below: Floats) -> Floats:
    """Divide, giving NaN where nothing is divided by nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)


def _mean_of_known(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def confusion(totals: Floats, question: str) -> Floats:
    """Return the confusion matrices of a question: gold in rows, answers in columns.

    Args:
        totals: sums of tally rows, shape (..., `WIDTH`).
        question: one of `QUESTIONS`.

    Returns:
        Shape (..., k, k) for k labels.
    """
    size = len(LABELS[question])
    matrices: Floats = totals[..., BLOCKS[question]].reshape(*totals.shape[:-1], size, size)
    return matrices


def precision_recall_f1(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 of each label.

    Args:
        matrix: confusion matrices, shape (..., k, k).

    Returns:
        Three arrays of shape (..., k); F1 is NaN for a label that neither gold nor answers hold.

    Example:
        >>> _, _, f1 = precision_recall_f1(np.array([[8.0, 2.0], [4.0, 6.0]]))
        >>> f1.round(3).tolist()
        [0.727, 0.667]
    """
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    gold, answers = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return _ratio(hits, answers), _ratio(hits, gold), _ratio(2 * hits, gold + answers)


def _presence_f1(matrices: list[Floats]) -> Floats:
    values: list[Floats] = []
    for matrix in matrices:
        both = matrix[..., :_ABSENT, :_ABSENT].sum(axis=(-1, -2))
        gold, answers = matrix[..., :_ABSENT, :].sum(axis=(-1, -2)), matrix[..., :, :_ABSENT].sum(axis=(-1, -2))
        values.append(_ratio(2 * both, gold + answers))
    mean: Floats = np.stack(values, axis=-1).mean(axis=-1)
    return mean


def reliability(totals: Floats) -> tuple[Floats, Floats, Floats]:
    """Return for each bin of confidence the number of items, their mean confidence and the share that is right.

    Args:
        totals: sums of tally rows, shape (..., `WIDTH`).

    Returns:
        Three arrays of shape (..., `N_BINS`); the last two are NaN for an empty bin.
    """
    count = totals[..., BLOCKS["bin_count"]]
    confidence = _ratio(totals[..., BLOCKS["bin_confidence"]], count)
    return count, confidence, _ratio(totals[..., BLOCKS["bin_correct"]], count)


def expected_calibration_error(totals: Floats) -> Floats:
    """Return the mean distance between confidence and share right, over bins weighted by their items; shape (...)."""
    distance = np.abs(totals[..., BLOCKS["bin_confidence"]] - totals[..., BLOCKS["bin_correct"]]).sum(axis=-1)
    return _ratio(distance, totals[..., BLOCKS["bin_count"]].sum(axis=-1))


def measures(totals: Floats) -> dict[str, Floats]:
    """Return every headline measure.

    Args:
        totals: sums of tally rows, shape (..., `WIDTH`).

    Returns:
        Name to values of shape (...):
        `primary_f1`, `primary_accuracy`: macro-F1 over the four primary stances, and the share right.
        `presence_f1`: mean over the three fields of the F1 of *present* (affirmed or denied).
        `polarity_f1`: macro-F1 of affirmed and denied over every field that gold and answer both hold present.
        `denied_recall`: share of gold denials that are answered denied, over the three fields.
        `tone_f1`, `tone_accuracy`: macro-F1 over the three tones, and the share right.
        `brier`, `tone_brier`: mean squared distance of the probabilities from the truth, summed over labels, 0 to 2
        (Brier 1950, Verification of Forecasts Expressed in Terms of Probability).
        `ece`: `expected_calibration_error` of the confidence in the primary stance.
        A macro-F1 leaves out labels that neither gold nor answers hold; NaN stands for what cannot be computed.
    """
    fields = [confusion(totals, field) for field in FIELDS]
    pooled = sum(fields[1:], fields[0])
    primary, tone = confusion(totals, "primary"), confusion(totals, "tone")
    brier, tone_brier = totals[..., BLOCKS["brier"]], totals[..., BLOCKS["tone_brier"]]
    return {
        "primary_f1": _mean_of_known(precision_recall_f1(primary)[2]),
        "primary_accuracy": _accuracy(primary),
        "presence_f1": _presence_f1(fields),
        "polarity_f1": _mean_of_known(precision_recall_f1(pooled[..., :_ABSENT, :_ABSENT])[2]),
        "denied_recall": _ratio(pooled[..., _DENIED, _DENIED], pooled[..., _DENIED, :].sum(axis=-1)),
        "tone_f1": _mean_of_known(precision_recall_f1(tone)[2]),
        "tone_accuracy": _accuracy(tone),
        "brier": _ratio(brier[..., 0], brier[..., 1]),
        "tone_brier": _ratio(tone_brier[..., 0], tone_brier[..., 1]),
        "ece": expected_calibration_error(totals),
    }


def _accuracy(matrix: Floats) -> Floats:
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum(axis=(-1, -2)))


def class_measures(totals: Floats, question: str) -> dict[str, Floats]:
    """Return precision, recall and F1 of every label of a question, each of shape (..., k)."""
    return dict(zip(("precision", "recall", "f1"), precision_recall_f1(confusion(totals, question)), strict=True))


def group_sums(rows: Floats, groups: Ints) -> Floats:
    """Add up the tally rows of each group.

    Args:
        rows: shape (n, d).
        groups: number of the group of each row, from 0, shape (n,).

    Returns:
        Shape (n_groups, d).
    """
    sums = np.zeros((int(groups.max(initial=-1)) + 1, rows.shape[1]))
    np.add.at(sums, groups, rows)
    return sums


_CHUNK: Final = 200


def bootstrap_totals(rows: Floats, n_bootstrap: int, seed: int) -> Floats:
    """Draw resamples with replacement and return their sums (Efron 1979, Bootstrap Methods).

    Args:
        rows: what is drawn: tally rows of items, or of groups where items of a group hang together; shape (n, d).
        n_bootstrap: number of resamples.
        seed: equal seeds draw the same rows, whatever stands in them, so that two systems can be resampled in pairs.

    Returns:
        Shape (n_bootstrap, d).
    """
    rng = np.random.default_rng(seed)
    n = len(rows)
    parts = [np.zeros((0, rows.shape[1]))]
    for start in range(0, n_bootstrap, _CHUNK):
        size = min(_CHUNK, n_bootstrap - start)
        drawn = rng.integers(0, n, size=(size, n)) + n * np.arange(size)[:, None]
        parts.append(np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64) @ rows)
    return np.concatenate(parts)


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return the percentile interval of resampled values; NaN values are left out, and NaN is given where all are.

    Args:
        values: shape (n_bootstrap,).
        level: share of the values that the interval holds.

    Example:
        >>> interval(np.arange(1000.0))
        (25.0, 974.0)
    """
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low = int(tail * len(known) + 1e-9)
    high = max(int((1 - tail) * len(known) + 1e-9) - 1, low)
    return float(known[low]), float(known[high])


def permutation_p_values(
    old: Floats,
    new: Floats,
    statistic: Callable[[Floats], dict[str, Floats]],
    n_permutations: int,
    seed: int,
) -> dict[str, float]:
    """Test by paired random swaps whether two systems differ (Noreen 1989, Computer-Intensive Methods).

    In each permutation every item (or group) swaps the answers of the two systems with probability one half.

    Args:
        old, new: tally rows of the same items, or sums of the same groups; shape (n, d).
        statistic: sums of rows to named measures.
        n_permutations: number of random permutations.
        seed: fixes them.

    Returns:
        Measure to two-sided p-value, (1 + times at least as far apart) / (1 + n_permutations).
    """
    rng = np.random.default_rng(seed)
    difference, total_old, total_new = new - old, old.sum(axis=0), new.sum(axis=0)
    observed = _gaps(statistic(total_old), statistic(total_new))
    reached = dict.fromkeys(observed, 0)
    for start in range(0, n_permutations, _CHUNK):
        size = min(_CHUNK, n_permutations - start)
        moved = (rng.random((size, len(old))) < 0.5).astype(np.float64) @ difference
        for name, gaps in _gaps(statistic(total_old + moved), statistic(total_new - moved)).items():
            reached[name] += int((gaps >= observed[name] - 1e-12).sum())
    return {
        name: float("nan") if np.isnan(observed[name]) else (1 + count) / (1 + n_permutations)
        for name, count in reached.items()
    }


def _gaps(old: dict[str, Floats], new: dict[str, Floats]) -> dict[str, Floats]:
    return {name: np.abs(new[name] - old[name]) for name in old}
