"""Fits the joint layer: calibrated probabilities by maximum likelihood, decision factors by macro-F1.

Everything is fitted on scores of statements that the scores' model did not see (cross-fitting).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from nato_stance.joint import CODINGS, DENIED, PRIMARY, TONE, Floats, JointLayer, coding_log_scores, decide

_PLACE = {coding: i for i, coding in enumerate(CODINGS)}


def fit_layer(scores: Floats, codes: NDArray[np.int64], weights: Floats) -> JointLayer:
    """Fit the joint layer.

    Args:
        scores: held-out linear scores, shape (n, 13).
        codes: true labels as numbers, shape (n, 5): three fields, primary, tone.
        weights: weight of each statement, shape (n,).

    Returns:
        Scales, offsets and temperature with the highest likelihood (lightly held to 1 and 0), then factors and
        thresholds for macro-F1 on the same statements.
    """
    layer = _likeliest(scores, codes, weights)
    layer = _likeliest_tone(layer, scores, codes, weights)
    decision = decide(scores, layer)
    layer = replace(
        layer,
        stance_factors=_best_factors(decision.probabilities, codes[:, 3], weights),
        tone_factors=_best_factors(decision.tone_probabilities, codes[:, 4], weights),
        denial_threshold=_best_denial_threshold(scores, layer, codes, weights),
    )
    return replace(layer, presence_threshold=_best_presence_threshold(scores, layer, codes, weights))


def _likeliest(scores: Floats, codes: NDArray[np.int64], weights: Floats) -> JointLayer:
    truth = np.array([_PLACE[tuple(row)] for row in codes[:, :4].tolist()])
    primary_of = np.array([coding[3] for coding in CODINGS])
    same_primary = primary_of[:, None] == np.arange(4)
    rows = np.arange(len(scores))

    def layer_at(x: Floats) -> JointLayer:
        offsets = np.zeros(13)
        offsets[: PRIMARY.stop] = x[3:13]
        return replace(JointLayer.plain(), scales=np.exp(x[:3]), offsets=offsets)

    def loss(x: Floats) -> float:
        log = coding_log_scores(scores, layer_at(x))
        top = log.max(axis=1, keepdims=True)
        exp = np.exp(log - top)
        total = np.log(exp.sum(axis=1))
        stance = np.log((exp @ same_primary)[rows, codes[:, 3]] + 1e-300)
        whole = (log - top)[rows, truth]
        nll = ((total - stance) + 0.5 * (total - whole)) @ weights / weights.sum()
        return float(nll + 1e-3 * (x @ x))

    found = minimize(loss, np.zeros(13), method="L-BFGS-B", options={"maxiter": 60})
    return layer_at(found.x)


def _likeliest_tone(layer: JointLayer, scores: Floats, codes: NDArray[np.int64], weights: Floats) -> JointLayer:
    rows = np.arange(len(scores))

    def moved(x: Floats) -> JointLayer:
        offsets = layer.offsets.copy()
        offsets[TONE] = x[1:]
        return replace(layer, offsets=offsets, temperature=float(np.exp(x[0])))

    def loss(x: Floats) -> float:
        z = np.exp(x[0]) * (scores[:, TONE] + x[1:])
        z = z - z.max(axis=1, keepdims=True)
        nll = (np.log(np.exp(z).sum(axis=1)) - z[rows, codes[:, 4]]) @ weights / weights.sum()
        return float(nll + 1e-3 * (x @ x))

    found = minimize(loss, np.zeros(4), method="L-BFGS-B", options={"maxiter": 60})
    return moved(found.x)


def macro_f1(truth: NDArray[np.int64], guess: NDArray[np.int64], weights: Floats, n: int) -> float:
    """Return the macro-F1 of labels `0` to `n - 1`; a label that neither holds counts 0."""
    table = np.bincount(truth * n + guess, weights=weights, minlength=n * n).reshape(n, n)
    return float(np.mean(2 * np.diag(table) / np.maximum(table.sum(0) + table.sum(1), 1e-12)))


_EXPONENTS = np.linspace(0, 1, 21)
_LEVEL = 0.003
"""Macro-F1 below the best that still counts as level with it."""


def _best_factors(probabilities: Floats, truth: NDArray[np.int64], weights: Floats) -> Floats:
    """Return factors that favour rare labels, for macro-F1: a power of how often each is expected.

    The exponent is the middle of all that do as well as the best one. One number, taken from the middle of a level
    stretch, follows the luck of a sample less than a factor for each label would.
    """
    n = probabilities.shape[1]
    often = np.maximum(weights @ probabilities / weights.sum(), 1e-3)
    values = np.array(
        [macro_f1(truth, (probabilities * often**-power).argmax(axis=1), weights, n) for power in _EXPONENTS]
    )
    factors = often ** -float(_EXPONENTS[values >= values.max() - _LEVEL].mean())
    scaled: Floats = factors / factors.max()
    return scaled


def _best_denial_threshold(scores: Floats, layer: JointLayer, codes: NDArray[np.int64], weights: Floats) -> float:
    """Return the threshold of denial with the best macro-F1 of affirmed and denied over the fields truly present."""
    z = (scores + layer.offsets)[:, DENIED]
    share = 1 / (1 + np.exp(-layer.scales[1] * z))
    there = codes[:, :3] != 2
    truth = (codes[:, :3] == 1)[there].astype(np.int64)
    mass = np.repeat(weights[:, None], 3, axis=1)[there]
    grid = np.linspace(0.1, 0.6, 26)
    values = [macro_f1(truth, (share[there] >= t).astype(np.int64), mass, 2) for t in grid]
    return float(grid[int(np.argmax(values))])


def _best_presence_threshold(scores: Floats, layer: JointLayer, codes: NDArray[np.int64], weights: Floats) -> float:
    """Return the threshold of presence with the best mean F1 of the fields' presence, to the twentieth."""
    truth = codes[:, :3] != 2

    def value(threshold: float) -> float:
        guess = decide(scores, replace(layer, presence_threshold=threshold)).presence != 2
        mass = weights[:, None]
        right = (truth & guess) * mass
        return float(np.mean(2 * right.sum(axis=0) / np.maximum((truth * mass + guess * mass).sum(axis=0), 1e-12)))

    grid = [n / 20 for n in range(3, 13)]
    return max(grid, key=value)
