"""Measures against values worked out by hand, against scikit-learn, and against the yardstick's own scorer."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, confusion_matrix, f1_score, precision_score, recall_score

from nato_stance.codebook import FIELDS, PRESENCES, STANCES, TONES
from nato_stance.metrics import (
    BLOCKS,
    LABELS,
    QUESTIONS,
    Predictions,
    bootstrap_totals,
    class_measures,
    confusion,
    group_sums,
    interval,
    measures,
    permutation_p_values,
    reliability,
    tally_rows,
)
from nato_stance.records import InvalidInputError

AFFIRMED, DENIED, ABSENT = range(3)
THREAT, DIALOGUE, DETERRENCE, NONE = range(4)


def one_hot(codes: np.ndarray, size: int, share: float = 1.0) -> np.ndarray:
    probabilities = np.full((len(codes), size), (1 - share) / (size - 1))
    probabilities[np.arange(len(codes)), codes] = share
    return probabilities


def certain(codes: np.ndarray) -> Predictions:
    return Predictions(codes, one_hot(codes[:, 3], 4), one_hot(codes[:, 4], 3))


def random_case(n: int, seed: int) -> tuple[np.ndarray, Predictions]:
    rng = np.random.default_rng(seed)
    sizes = [len(LABELS[q]) for q in QUESTIONS]
    gold = np.stack([rng.integers(0, size, n) for size in sizes], axis=1)
    codes = np.where(rng.random((n, 5)) < 0.5, gold, np.stack([rng.integers(0, size, n) for size in sizes], axis=1))
    probabilities, tones = rng.dirichlet(np.ones(4), n), rng.dirichlet(np.ones(3), n)
    return gold, Predictions(codes, probabilities, tones)


def of(gold: np.ndarray, predicted: Predictions) -> dict[str, float]:
    return {name: float(value) for name, value in measures(tally_rows(gold, predicted).sum(axis=0)).items()}


def test_measures_worked_out_by_hand() -> None:
    gold = np.array(
        [
            [AFFIRMED, ABSENT, ABSENT, THREAT, 2],
            [DENIED, ABSENT, AFFIRMED, THREAT, 0],
            [ABSENT, AFFIRMED, ABSENT, DIALOGUE, 0],
            [ABSENT, ABSENT, ABSENT, NONE, 1],
        ]
    )
    answers = np.array(
        [
            [AFFIRMED, ABSENT, ABSENT, THREAT, 2],
            [AFFIRMED, ABSENT, ABSENT, THREAT, 1],
            [ABSENT, DENIED, ABSENT, DIALOGUE, 1],
            [AFFIRMED, ABSENT, ABSENT, THREAT, 1],
        ]
    )
    got = of(gold, certain(answers))
    # Primary: threat 2 hits of 2 gold and 3 answers, dialogue perfect, none never answered, deterrence nowhere.
    assert got["primary_f1"] == pytest.approx((0.8 + 1 + 0) / 3)
    # Presence: threat 2·2/(2+3), dialogue perfect, deterrence held by gold only.
    assert got["presence_f1"] == pytest.approx((0.8 + 1 + 0) / 3)
    # Both hold present: (+,+) (-,+) for threat, (+,-) for dialogue; affirmed 2·1/(2+2), denied 0.
    assert got["polarity_f1"] == pytest.approx((0.5 + 0) / 2)
    assert got["denied_recall"] == 0
    # Tone: conciliatory 0, neutral 2·1/(1+3), confrontational 1.
    assert got["tone_f1"] == pytest.approx((0 + 0.5 + 1) / 3)
    assert got["brier"] == pytest.approx(2 / 4)
    assert got["ece"] == pytest.approx(0.25)


def test_labels_without_agreement_leave_the_item_out_of_their_question_only() -> None:
    gold = np.array([[AFFIRMED, ABSENT, ABSENT, THREAT, -1], [-1, ABSENT, ABSENT, -1, 1]])
    answers = np.array([[AFFIRMED, ABSENT, ABSENT, THREAT, 0], [DENIED, ABSENT, ABSENT, NONE, 1]])
    totals = tally_rows(gold, certain(answers)).sum(axis=0)
    assert confusion(totals, "primary").sum() == 1
    assert confusion(totals, "threat").sum() == 1
    assert confusion(totals, "tone").sum() == 1
    assert confusion(totals, "dialogue").sum() == 2
    assert totals[BLOCKS["bin_count"]].sum() == 1
    assert measures(totals)["tone_f1"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_same_values_as_scikit_learn(seed: int) -> None:
    gold, predicted = random_case(300, seed)
    got = of(gold, predicted)
    codes = predicted.codes
    assert got["primary_f1"] == pytest.approx(f1_score(gold[:, 3], codes[:, 3], average="macro"))
    assert got["tone_f1"] == pytest.approx(f1_score(gold[:, 4], codes[:, 4], average="macro"))
    assert got["presence_f1"] == pytest.approx(
        np.mean([f1_score(gold[:, i] != ABSENT, codes[:, i] != ABSENT) for i in range(3)])
    )
    both = (gold[:, :3] != ABSENT) & (codes[:, :3] != ABSENT)
    assert got["polarity_f1"] == pytest.approx(f1_score(gold[:, :3][both], codes[:, :3][both], average="macro"))
    denials = gold[:, :3] == DENIED
    assert got["denied_recall"] == pytest.approx((codes[:, :3][denials] == DENIED).mean())
    squares = [brier_score_loss(gold[:, 3] == k, predicted.probabilities[:, k]) for k in range(4)]
    assert got["brier"] == pytest.approx(sum(squares))
    totals = tally_rows(gold, predicted).sum(axis=0)
    for i, question in enumerate(QUESTIONS):
        assert (confusion(totals, question) == confusion_matrix(gold[:, i], codes[:, i])).all()
        classes = class_measures(totals, question)
        assert classes["precision"] == pytest.approx(precision_score(gold[:, i], codes[:, i], average=None))
        assert classes["recall"] == pytest.approx(recall_score(gold[:, i], codes[:, i], average=None))
        assert classes["f1"] == pytest.approx(f1_score(gold[:, i], codes[:, i], average=None))


def as_rows(gold: np.ndarray, predicted: Predictions) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    sign = "+-0"
    rows = []
    for g, p, q in zip(gold, predicted.codes, predicted.probabilities, strict=True):
        truth: dict[str, Any] = {f: sign[g[i]] if g[i] >= 0 else None for i, f in enumerate(FIELDS)}
        truth |= {"primary": STANCES[g[3]] if g[3] >= 0 else None, "tone": TONES[g[4]] if g[4] >= 0 else None}
        answer: dict[str, Any] = {f: PRESENCES[p[i]] for i, f in enumerate(FIELDS)}
        rows.append((truth, answer | {"stance": STANCES[p[3]], "tone": TONES[p[4]], "confidence": q[p[3]]}))
    return rows


def test_same_values_as_the_scorer_of_the_yardstick(shared: Path) -> None:
    spec = importlib.util.spec_from_file_location("score_labels", shared / "tools" / "score_labels.py")
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    gold, predicted = random_case(400, 7)
    gold[np.random.default_rng(1).random(gold.shape) < 0.1] = -1
    rows = as_rows(gold, predicted)
    expected = tool.metrics(rows)
    got = of(gold, predicted)
    assert {name: got[name] for name in expected} == pytest.approx(expected)
    assert got["ece"] == pytest.approx(tool.ece(rows))


def test_reliability_bins_hold_confidence_and_share_right() -> None:
    gold = np.array([[2, 2, 2, NONE, 1]] * 4)
    answers = np.array([[2, 2, 2, NONE, 1]] * 3 + [[0, 2, 2, THREAT, 1]])
    shares = np.array([[0, 0, 0.08, 0.92], [0, 0, 0.04, 0.96], [0.2, 0.2, 0.2, 0.4], [1.0, 0, 0, 0]])
    totals = tally_rows(gold, Predictions(answers, shares, one_hot(answers[:, 4], 3))).sum(axis=0)
    count, confidence, right = reliability(totals)
    assert count.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 3]
    assert confidence[9] == pytest.approx((0.92 + 0.96 + 1.0) / 3)
    assert right[9] == pytest.approx(2 / 3)
    assert np.isnan(right[0])


def test_bootstrap_draws_the_same_items_for_every_system_and_covers_the_truth() -> None:
    gold, predicted = random_case(400, 11)
    rows = tally_rows(gold, predicted)
    totals = bootstrap_totals(rows, 500, seed=3)
    assert (totals == bootstrap_totals(rows, 500, seed=3)).all()
    assert np.allclose(bootstrap_totals(rows + 1.0, 500, seed=3) - totals, 400)
    low, high = interval(measures(totals)["primary_f1"])
    point = measures(rows.sum(axis=0))["primary_f1"]
    assert low < point < high
    assert 0.06 < high - low < 0.14


def test_resampling_groups_widens_intervals_where_items_hang_together() -> None:
    gold, predicted = random_case(60, 5)
    copies = np.repeat(np.arange(60), 10)
    rows = tally_rows(
        gold[copies],
        Predictions(predicted.codes[copies], predicted.probabilities[copies], predicted.tone_probabilities[copies]),
    )
    alone = interval(measures(bootstrap_totals(rows, 300, 0))["primary_f1"])
    grouped = interval(measures(bootstrap_totals(group_sums(rows, copies), 300, 0))["primary_f1"])
    assert grouped[1] - grouped[0] > 2 * (alone[1] - alone[0])


def test_permutation_test_sees_a_difference_and_not_a_shuffle() -> None:
    gold, predicted = random_case(300, 2)
    rows = tally_rows(gold, predicted)
    better = predicted.codes.copy()
    better[:150] = gold[:150]
    improved = tally_rows(gold, Predictions(better, predicted.probabilities, predicted.tone_probabilities))
    values = permutation_p_values(rows, improved, measures, 500, seed=0)
    assert values["primary_f1"] == pytest.approx(1 / 501)
    assert permutation_p_values(rows, rows, measures, 500, seed=0)["primary_f1"] == 1.0
    assert permutation_p_values(rows, improved, measures, 500, seed=0) == values


def test_permutation_p_is_spread_evenly_when_nothing_differs() -> None:
    gold, first = random_case(120, 21)
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(60):
        swap = rng.random(120) < 0.5
        _, second = random_case(120, int(rng.integers(1 << 30)))
        a, b = tally_rows(gold, first), tally_rows(gold, second)
        left, right = np.where(swap[:, None], a, b), np.where(swap[:, None], b, a)
        p_values.append(permutation_p_values(left, right, lambda t: {"x": measures(t)["tone_f1"]}, 99, seed=1)["x"])
    assert 0.3 < np.mean(p_values) < 0.7


@given(st.integers(1, 40), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_measures_stay_within_their_range(n: int, seed: int) -> None:
    gold, predicted = random_case(n, seed)
    for name, value in of(gold, predicted).items():
        assert np.isnan(value) or 0 <= value <= (2 if "brier" in name else 1), name


def test_shapes_that_do_not_fit_are_refused() -> None:
    gold, predicted = random_case(4, 0)
    with pytest.raises(InvalidInputError, match=r"\(3, 5\)"):
        tally_rows(gold[:3], predicted)
