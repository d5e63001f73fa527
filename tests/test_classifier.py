"""The estimator keeps scikit-learn's contract, and the scoring path says what the fitted estimator says."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from nato_stance.classifier import StanceClassifier, codes_of, statements_of
from nato_stance.design_matrix import family_counts, matrix
from nato_stance.joint import CODINGS, OUTPUTS, JointLayer, decide
from nato_stance.model_store import load_model
from nato_stance.records import InvalidInputError, InvalidTypeError

_PLAIN = [
    ("They are massing tanks and will attack us before spring.", "+", "0", "0", "threat", "confrontational"),
    ("There is no threat to anybody and nobody needs to fear us.", "-", "0", "0", "threat", "conciliatory"),
    ("We want talks and a lasting peace with our neighbours.", "0", "+", "0", "dialogue", "conciliatory"),
    ("There is nothing to discuss with that regime.", "0", "-", "0", "dialogue", "confrontational"),
    ("If anyone crosses the border, they will pay a heavy price.", "0", "0", "+", "deterrence", "neutral"),
    ("Sending more troops would be useless.", "0", "0", "-", "deterrence", "neutral"),
    ("The vote was moved to Monday afternoon.", "0", "0", "0", "none", "neutral"),
    ("Prices rose by two percent last year.", "0", "0", "0", "none", "neutral"),
]
_TAILS = ["", " That is all.", " He said so twice.", " This is known.", " I repeat it here."]


def _data() -> tuple[list[str], list[dict[str, str]]]:
    names = ("threat", "dialogue", "deterrence", "primary", "tone")
    texts = [row[0] + tail for tail in _TAILS for row in _PLAIN]
    labels = [dict(zip(names, row[1:], strict=True)) for _ in _TAILS for row in _PLAIN]
    return texts, labels


@pytest.fixture(scope="module")
def fitted() -> StanceClassifier:
    return StanceClassifier(n_folds=3).fit(*_data())


def test_parameters_make_the_round_trip() -> None:
    original = StanceClassifier(C=0.3, balance=1.0, n_folds=4)
    twin = clone(original)
    assert twin is not original
    assert twin.get_params() == original.get_params()
    assert twin.set_params(C=7.0).C == 7.0
    assert original.C == 0.3


def test_an_unfitted_classifier_says_so() -> None:
    for ask in ("predict", "predict_proba", "decision_function", "label_many"):
        with pytest.raises(NotFittedError):
            getattr(StanceClassifier(), ask)(["We want talks."])


def test_fit_returns_itself_and_leaves_its_input_alone() -> None:
    texts, labels = _data()
    before = copy.deepcopy((texts, labels))
    classifier = StanceClassifier(n_folds=3)
    assert classifier.fit(texts, labels) is classifier
    assert (texts, labels) == before


def test_it_learns_what_it_is_shown(fitted: StanceClassifier) -> None:
    texts, labels = _data()
    assert fitted.score(texts, labels) > 0.95
    assert list(fitted.classes_) == ["threat", "dialogue", "deterrence", "none"]


def test_one_row_and_no_row(fitted: StanceClassifier) -> None:
    assert fitted.predict(["We want talks."]).shape == (1,)
    assert fitted.predict_proba([]).shape == (0, 4)
    assert fitted.label_many([]) == []


def test_a_row_does_not_depend_on_the_others(fitted: StanceClassifier) -> None:
    texts = [text + extra for text in _data()[0] for extra in ("", " Never.", " If so, we shall answer.")]
    together = fitted.decision_function(texts)
    alone = np.concatenate([fitted.decision_function([text]) for text in texts])
    backwards = fitted.decision_function(texts[::-1])[::-1]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, backwards)


def test_probabilities_sum_to_one_and_agree_with_labels(fitted: StanceClassifier) -> None:
    texts = _data()[0]
    shares = fitted.predict_proba(texts)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    for label, row in zip(fitted.label_many(texts), shares, strict=True):
        assert list(label.probabilities.values()) == row.tolist()
        assert label.confidence == label.probabilities[label.stance]


def test_refitting_gives_the_same_model(fitted: StanceClassifier) -> None:
    again = StanceClassifier(n_folds=3).fit(*_data())
    np.testing.assert_array_equal(again.model_.weights, fitted.model_.weights)
    np.testing.assert_array_equal(again.model_.keys, fitted.model_.keys)


def test_a_classifier_can_be_pickled(fitted: StanceClassifier) -> None:
    texts = _data()[0]
    twin = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(twin.predict_proba(texts), fitted.predict_proba(texts))


def test_the_scoring_path_equals_the_sparse_product(fitted: StanceClassifier) -> None:
    items = statements_of([*_data()[0], {"text": "no plans", "context": "Minsk denied it had “no plans” at all."}])
    model = fitted.model_
    design = matrix(family_counts(model.extractor, items), len(items), model.keys, np.ones(len(model.keys)))
    expected = design @ model.weights.astype(np.float64) + model.intercept
    np.testing.assert_allclose(model.scores(items), expected, rtol=0, atol=1e-9)


def test_a_data_set_with_one_class_or_few_rows_still_fits() -> None:
    texts, labels = _data()
    few = StanceClassifier().fit(texts[:2], labels[:2])
    assert few.predict(texts[:1]).tolist() == ["threat"]
    assert few.model_.layer.to_dict() == JointLayer.plain().to_dict()
    same = StanceClassifier().fit(texts[6:8], labels[6:8])
    assert set(same.predict(texts)) == {"none"}


def test_groups_are_not_divided_between_folds() -> None:
    texts, labels = _data()
    groups = [f"g{i % 8}" for i in range(len(texts))]
    assert StanceClassifier(n_folds=4).fit(texts, labels, groups=groups).held_out_scores_.shape == (len(texts), 13)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("one text", InvalidTypeError, "single str"),
        ([1], InvalidTypeError, r"X\[0\] is a int"),
        ([{"context": "x"}], InvalidTypeError, "text not None"),
    ],
)
def test_bad_statements_are_named(X: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        statements_of(X)  # type: ignore[arg-type]


def test_bad_labels_are_named() -> None:
    good = {"threat": "+", "dialogue": "0", "deterrence": "0", "primary": "threat", "tone": "neutral"}
    with pytest.raises(InvalidInputError, match=r"y\[0\] has tone='angry'"):
        codes_of([{**good, "tone": "angry"}])
    with pytest.raises(InvalidInputError, match="primary must be present"):
        codes_of([{**good, "primary": "none"}])
    with pytest.raises(InvalidInputError, match="differ in length"):
        StanceClassifier().fit(["a", "b"], [good])
    with pytest.raises(InvalidInputError, match="at least 2"):
        StanceClassifier().fit(["a"], [good])


def test_there_are_55_codings_and_labels_are_always_one_of_them() -> None:
    assert len(CODINGS) == len(set(CODINGS)) == 55
    scores = np.random.default_rng(0).normal(0, 4, (4000, len(OUTPUTS)))
    decision = decide(scores, JointLayer.plain())
    for primary, fields in zip(decision.primary.tolist(), decision.presence.tolist(), strict=True):
        assert (*fields, primary) in CODINGS


def test_threads_that_share_a_model_get_the_same_scores() -> None:
    model = load_model()
    items = [(text, None, None) for text, *_ in _PLAIN] * 40
    expected = model.scores(items)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda shift: model.scores(items[shift:] + items[:shift]), range(24)))
    for shift, part in enumerate(parts):
        np.testing.assert_array_equal(part, np.roll(expected, -shift, axis=0))


def test_a_statement_of_any_length_is_labelled_whole_and_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model()
    items = [
        ("We will answer any attack on our ports. " * n, "He said it twice, and denied the rest. " * n, "said")
        for n in (1, 9, 40)
    ]
    whole = model.scores(items)
    monkeypatch.setattr("nato_stance.detectors._SLICE", 50)
    np.testing.assert_allclose(model.scores(items), whole, rtol=0, atol=1e-4)
    for item, together in zip(items, model.scores(items), strict=True):
        np.testing.assert_array_equal(model.scores([item])[0], together)
    monkeypatch.undo()
    text = "We will answer any attack, and they know it. " * 12_000
    tracemalloc.start()
    model.scores([(text, None, None)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All places at once would take two kilobytes each.
    assert peak < 400 * len(text)
