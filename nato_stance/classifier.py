"""The estimator: fits the linear scores with scikit-learn, and the joint layer on cross-fitted scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted

from nato_stance.calibration import fit_layer
from nato_stance.codebook import FIELDS, PRESENCES, SIGNS, STANCES, TONES
from nato_stance.design_matrix import FamilyCounts, family_counts, matrix, vocabulary
from nato_stance.detectors import ANSWERS, PhraseDetectors
from nato_stance.explanation import Explanation
from nato_stance.features import FeatureExtractor, Item
from nato_stance.joint import DENIED, OUTPUTS, PRESENT, PRIMARY, TONE, JointLayer, decide
from nato_stance.keys import Keys, hash_of
from nato_stance.linear import BATCH, LinearModel
from nato_stance.records import InvalidInputError, InvalidTypeError, StanceLabel
from nato_stance.semantics import Lexicon, shipped_classes
from nato_stance.words import TOKEN, fold

Design: TypeAlias = sp.csr_matrix | NDArray[np.float64]
"""Statements as rows, features as columns."""

MIN_ROWS: Final[dict[str, int]] = {"spelling": 3}
"""Statements in which a feature must occur to be known, where that is not 2."""


@dataclass(frozen=True)
class View:
    """One fit of the first level: which families of features it sees, and how freely it may use them.

    Attributes:
        scales: factor of a family's columns, by the first part of its name; families that are not named are left out,
            or take the factor under `other` if there is one.
        strength: factor of the parameters `C`, `C_tone` and `C_denied`.
        balance: exponent of the class weights in place of the parameter, or None.
    """

    scales: Mapping[str, float]
    strength: float = 1.0
    balance: float | None = None

    def factors(self, families: NDArray[np.str_]) -> NDArray[np.float64]:
        """Return the factor of each column, given the name of its family; 0 leaves the column out."""
        names, inverse = np.unique(families, return_inverse=True)
        other = self.scales.get("other", 0.0)
        return np.array([self.scales.get(str(name).partition("_")[0], other) for name in names])[inverse]


VIEWS: Final[tuple[View, ...]] = (
    View({"word": 1.0, "spelling": 0.4}, strength=6.0, balance=1.0),
    View({"other": 0.3}, strength=0.2),
)
"""The bare words, penalised little, and every family alike, penalised much. Fitted apart and mixed by the second level,
they carry over better than one fit in which the words crowd out what is rarer."""

WHOLE: Final = View({"word": 1.0, "spelling": 0.4, "other": 0.15})
"""Everything at once, for data that are too few to cross-fit and to mix."""

C_MIXING: Final = 0.1
"""Inverse strength of the penalty of the second level, which mixes the keyed scores and the detectors' answers."""

BALANCE_MIXING: Final = 0.0
"""Exponent of the class weights of the second level: none, since rare labels get their due in the joint layer."""


class StanceClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Stance and tone of statements, as a scikit-learn estimator.

    `X` is a sequence of statements: strings, mappings with `text` and, optionally, `context` and `cue`, or tuples of
    these three. `y` is a sequence of mappings with `threat`, `dialogue`, `deterrence` (codes `+`, `-`, `0` or their
    names), `primary` and `tone`.

    Args:
        C: inverse strength of the L2 penalty of presence and primary on the first level; each view scales it.
        C_tone: the same for tone.
        C_denied: the same for denial.
        balance: exponent of the class weights: 0 none, 1 inverse to frequency.
        n_folds: folds of the cross-fitting on which the second level and the joint layer are fitted.
        max_features: keyed features kept, those with the largest weights; bounds the size of the model.
        max_iter: iterations of the solver at most.
        random_state: seed of the folds; the fit itself has no chance in it.

    Attributes:
        model_: the fitted `LinearModel`.
        classes_: the primary stances, in the order of `predict_proba`.
        held_out_scores_: cross-fitted scores of the training statements, shape (n, 13); absent with too few groups
            to cross-fit (fewer than twice `n_folds`), where probabilities stay uncalibrated.

    Example:
        >>> texts = ["They will attack us.", "We want talks.", "We shall defend the border.", "We vote on Monday."] * 6
        >>> y = [
        ...     dict(threat="+", dialogue="0", deterrence="0", primary="threat", tone="confrontational"),
        ...     dict(threat="0", dialogue="+", deterrence="0", primary="dialogue", tone="conciliatory"),
        ...     dict(threat="0", dialogue="0", deterrence="+", primary="deterrence", tone="neutral"),
        ...     dict(threat="0", dialogue="0", deterrence="0", primary="none", tone="neutral"),
        ... ] * 6
        >>> StanceClassifier().fit(texts, y).predict(["We want talks."]).tolist()
        ['dialogue']
    """

    def __init__(
        self,
        C: float = 0.5,
        C_tone: float = 0.5,
        C_denied: float = 1.0,
        balance: float = 0.5,
        n_folds: int = 5,
        max_features: int = 70_000,
        max_iter: int = 200,
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.C_tone = C_tone
        self.C_denied = C_denied
        self.balance = balance
        self.n_folds = n_folds
        self.max_features = max_features
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[Any],
        y: Sequence[Mapping[str, str]],
        sample_weight: Sequence[float] | None = None,
        groups: Sequence[Any] | None = None,
        extractor: FeatureExtractor | None = None,
        detectors: PhraseDetectors | None = None,
        answers: NDArray[np.float64] | None = None,
        calibration_weight: Sequence[float] | None = None,
    ) -> StanceClassifier:
        """Fit on labelled statements.

        Args:
            X: statements.
            y: their labels.
            sample_weight: weight of each statement; None weighs all alike.
            groups: document of each statement; no document is split between folds. None makes each its own group.
            extractor: features to use; None takes the shipped lexicon.
            detectors: phrase detectors whose answers are features too; None does without.
            answers: answers of the detectors for the statements that they learned from, given by detectors that did
                not (cross-fitting), shape (n, 16); rows that are not a number, or None, ask `detectors`.
            calibration_weight: weight of each statement in the fit of the joint layer, which sets how often each label
                is expected; None takes `sample_weight`.

        Returns:
            The estimator itself.

        Raises:
            InvalidTypeError: an item is no statement.
            InvalidInputError: lengths differ, there are fewer than two statements, or a label is unknown.
        """
        items = statements_of(X)
        codes = codes_of(y)
        _same_length(items, y, sample_weight, groups)
        weights = np.ones(len(items)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.extractor_ = extractor if extractor is not None else default_extractor(items)
        families = family_counts(self.extractor_, items)
        folds = _folds(groups, len(items), self.n_folds, self.random_state)
        layer, mixing, shift = JointLayer.plain(), np.eye(len(OUTPUTS)), np.zeros(len(OUTPUTS))
        views: Sequence[View] = (WHOLE,)
        if folds.any():
            views = VIEWS
            held_out = np.zeros((len(items), len(views) * len(OUTPUTS)))
            for fold in np.unique(folds):
                chosen = folds != fold
                columns = _columns(families, len(items), chosen)
                design = matrix(families, len(items), columns.keys, columns.rarity)
                for part, coef, intercept in self._first_level(
                    design[chosen], columns, views, codes[chosen], weights[chosen]
                ):
                    held_out[~chosen, part] = design[~chosen] @ coef + intercept
            # The second level is fitted on scores of statements that the first level did not see. Fitted beside the
            # keyed features, the detectors' cross-fitted answers would look weaker than features that know every
            # training statement by heart.
            both = np.hstack([held_out, _centred_answers(self.extractor_, items, detectors, answers)])
            mixing, shift = self._heads(both, codes, weights, (C_MIXING,) * 3, BALANCE_MIXING)
            self.held_out_scores_ = both @ mixing + shift
            target = weights if calibration_weight is None else np.asarray(calibration_weight, dtype=np.float64)
            layer = fit_layer(self.held_out_scores_, codes, target)
        columns = _columns(families, len(items), None)
        design = matrix(families, len(items), columns.keys, columns.rarity)
        total, intercept = np.zeros((len(columns.keys), len(OUTPUTS))), shift
        for part, coef, constant in self._first_level(design, columns, views, codes, weights):
            total += (coef * columns.rarity[:, None]) @ mixing[part]
            intercept = intercept + constant @ mixing[part]
        answer_weights = (
            _CENTRING @ mixing[len(views) * len(OUTPUTS) :] if detectors is not None and folds.any() else None
        )
        keys, kept = columns.keys, total.astype(np.float16)
        used = _strongest(kept, self.max_features)
        self.model_ = LinearModel(self.extractor_, keys[used], kept[used], intercept, layer, detectors, answer_weights)
        self.classes_ = np.array(STANCES)
        self.n_features_ = len(used)
        return self

    def _first_level(
        self,
        design: sp.csr_matrix,
        columns: Columns,
        views: Sequence[View],
        codes: NDArray[np.int64],
        weights: NDArray[np.float64],
    ) -> Iterator[tuple[slice, NDArray[np.float64], NDArray[np.float64]]]:
        """Fit every view; yield where its scores go, its coefficients for all columns, its intercepts."""
        for i, view in enumerate(views):
            factors = view.factors(columns.families)
            seen = np.flatnonzero(factors)
            penalties = (self.C * view.strength, self.C_denied * view.strength, self.C_tone * view.strength)
            balance = self.balance if view.balance is None else view.balance
            part = design[:, seen] @ sp.diags(factors[seen])
            fitted, intercept = self._heads(part.tocsr(), codes, weights, penalties, balance)
            coef = np.zeros((design.shape[1], len(OUTPUTS)))
            coef[seen] = fitted * factors[seen, None]
            yield slice(i * len(OUTPUTS), (i + 1) * len(OUTPUTS)), coef, intercept

    def _heads(
        self,
        design: Design,
        codes: NDArray[np.int64],
        weights: NDArray[np.float64],
        penalties: tuple[float, float, float],
        balance: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fit the thirteen linear scores; a score whose data hold one class only stays constant.

        `penalties` are those of presence and primary, of denial, and of tone.
        """
        coef = np.zeros((design.shape[1], len(OUTPUTS)))
        intercept = np.zeros(len(OUTPUTS))
        C, C_denied, C_tone = penalties
        for field in range(3):
            there, denied = codes[:, field] != 2, codes[:, field] == 1
            present_at, denied_at = PRESENT.start + field, DENIED.start + field
            fitted = self._binary(design, there, weights, C, balance)
            coef[:, present_at], intercept[present_at] = fitted
            fitted = self._binary(design[there], denied[there], weights[there], C_denied, balance)
            coef[:, denied_at], intercept[denied_at] = fitted
        for outputs, target, strength in ((PRIMARY, codes[:, 3], C), (TONE, codes[:, 4], C_tone)):
            coef[:, outputs], intercept[outputs] = self._softmax(
                design, target, weights, outputs.stop - outputs.start, strength, balance
            )
        return coef, intercept

    def _fitted(
        self, design: Design, target: NDArray[Any], weights: NDArray[np.float64], C: float, balance: float
    ) -> LogisticRegression:
        solver = LogisticRegression(C=C, max_iter=self.max_iter, tol=1e-3)
        return solver.fit(design, target, sample_weight=_balanced(target, weights, balance))

    def _binary(
        self, design: Design, target: NDArray[np.bool_], weights: NDArray[np.float64], C: float, balance: float
    ) -> tuple[NDArray[np.float64], float]:
        """Fit a yes-or-no score: coefficients of shape (d,), and the intercept."""
        if target.all() or not target.any():
            return np.zeros(design.shape[1]), 3.0 if len(target) and target.all() else -3.0
        fitted = self._fitted(design, target, weights, C, balance)
        return fitted.coef_[0], float(fitted.intercept_[0])

    def _softmax(
        self,
        design: Design,
        target: NDArray[np.int64],
        weights: NDArray[np.float64],
        n: int,
        C: float,
        balance: float,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fit a choice among `n`: coefficients of shape (d, n), intercepts of shape (n,); what is not seen gets -6."""
        coef, intercept = np.zeros((design.shape[1], n)), np.full(n, -6.0)
        seen = np.unique(target)
        if len(seen) == 1:
            intercept[seen] = 0.0
            return coef, intercept
        fitted = self._fitted(design, target, weights, C, balance)
        if len(seen) == 2:
            coef[:, seen[1]] = fitted.coef_[0]
            intercept[seen] = [0.0, fitted.intercept_[0]]
            return coef, intercept
        coef[:, fitted.classes_] = fitted.coef_.T
        intercept[fitted.classes_] = fitted.intercept_
        return coef, intercept

    def decision_function(self, X: Sequence[Any]) -> NDArray[np.float64]:
        """Return the thirteen linear scores of statements, shape (n, 13); raises NotFittedError before `fit`."""
        check_is_fitted(self, "model_")
        scores: NDArray[np.float64] = self.model_.scores(statements_of(X))
        return scores

    def predict(self, X: Sequence[Any]) -> NDArray[np.str_]:
        """Return the primary stance of each statement, shape (n,); raises NotFittedError before `fit`."""
        scores = self.decision_function(X)
        stances: NDArray[np.str_] = self.classes_[decide(scores, self.model_.layer).primary]
        return stances

    def predict_proba(self, X: Sequence[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities of the primary stances, shape (n, 4), columns as `classes_`."""
        scores = self.decision_function(X)
        return decide(scores, self.model_.layer).probabilities

    def label_many(self, items: Sequence[Item]) -> list[StanceLabel]:
        """Return the full labels of statements; raises NotFittedError before `fit`."""
        check_is_fitted(self, "model_")
        return self.model_.label_many(statements_of(items))

    def explain(self, text: str, context: str | None = None, cue: str | None = None) -> Explanation:
        """Return what pushed the labels of one statement; raises NotFittedError before `fit`."""
        check_is_fitted(self, "model_")
        return self.model_.explain(text, context, cue)

    def score(self, X: Sequence[Any], y: Sequence[Any], sample_weight: Sequence[float] | None = None) -> float:
        """Return the macro-F1 of the primary stance; `y` as in `fit`, or the primary stances themselves."""
        truth = [label if isinstance(label, str) else label["primary"] for label in y]
        return float(f1_score(truth, self.predict(X), average="macro", sample_weight=sample_weight, zero_division=0))


def statements_of(X: Sequence[Any]) -> list[Item]:
    """Return statements as (text, context, cue); strings, mappings and such tuples are taken.

    Raises:
        InvalidTypeError: `X` is a single string, or an item or one of its parts is of another type.
    """
    if isinstance(X, str | bytes | Mapping):
        raise InvalidTypeError(f"X is a single {type(X).__name__}; pass a list of statements")
    return [_statement(item, i) for i, item in enumerate(X)]


def _statement(item: Any, i: int) -> Item:
    if isinstance(item, str):
        return item, None, None
    if isinstance(item, Mapping):
        text, context, cue = item.get("text"), item.get("context"), item.get("cue")
    elif isinstance(item, tuple) and len(item) == 3:
        text, context, cue = item
    else:
        raise InvalidTypeError(f"X[{i}] is a {type(item).__name__}; a statement is a string, a mapping or a 3-tuple")
    if not isinstance(text, str) or not isinstance(context, str | None) or not isinstance(cue, str | None):
        kinds = [type(part).__name__ for part in (text, context, cue)]
        raise InvalidTypeError(f"X[{i}] has text, context, cue of types {kinds}; they must be strings (text not None)")
    return text, context, cue


def codes_of(y: Sequence[Mapping[str, str]]) -> NDArray[np.int64]:
    """Return labels as numbers: places in PRESENCES for the three fields, in STANCES, in TONES; shape (n, 5).

    Raises:
        InvalidInputError: a label is missing, unknown, or breaks the rule that `none` means all absent.
        InvalidTypeError: a label is no mapping.
    """
    presence = {name: i for i, name in enumerate(PRESENCES)} | {
        sign: PRESENCES.index(name) for sign, name in SIGNS.items()
    }
    known: dict[str, dict[str, int]] = dict.fromkeys(FIELDS, presence) | {
        "primary": {name: i for i, name in enumerate(STANCES)},
        "tone": {name: i for i, name in enumerate(TONES)},
    }
    codes = np.zeros((len(y), 5), dtype=np.int64)
    for i, label in enumerate(y):
        if not isinstance(label, Mapping):
            raise InvalidTypeError(f"y[{i}] is a {type(label).__name__}; a label is a mapping with {sorted(known)}")
        for j, (name, values) in enumerate(known.items()):
            if label.get(name) not in values:
                raise InvalidInputError(f"y[{i}] has {name}={label.get(name)!r}; one of {sorted(values)} is needed")
            codes[i, j] = values[label[name]]
        primary = codes[i, 3]
        if (primary == 3) != bool((codes[i, :3] == 2).all()) or (primary < 3 and codes[i, primary] == 2):
            raise InvalidInputError(
                f"y[{i}] has primary {STANCES[primary]!r} with {dict(label)}; the primary must be present, "
                "and 'none' exactly when all three are absent"
            )
    return codes


def _same_length(items: Sequence[Any], *others: Sequence[Any] | None) -> None:
    lengths = [len(items)] + [len(other) for other in others if other is not None]
    if len(set(lengths)) > 1:
        raise InvalidInputError(f"X, y, sample_weight and groups differ in length: {lengths}")
    if len(items) < 2:
        raise InvalidInputError(f"{len(items)} statement(s) cannot train a classifier; give at least 2")


def default_extractor(items: Sequence[Item]) -> FeatureExtractor:
    """Return an extractor with the shipped lexicon that takes as common the words that `items` spell in lower case."""
    return FeatureExtractor(Lexicon.folded(shipped_classes()), common_words(items))


def common_words(items: Sequence[Item]) -> list[int]:
    """Return the hashes of words that stand in lower case at least a third as often as capitalised, sorted."""
    lower: dict[str, int] = {}
    upper: dict[str, int] = {}
    for text, context, _ in items:
        for token in TOKEN.findall(f"{text} {context or ''}"):
            if token[0].isalpha():
                counts = upper if token[0].isupper() else lower
                counts[fold(token)] = counts.get(fold(token), 0) + 1
    return sorted(hash_of(word) for word, n in lower.items() if 3 * n >= upper.get(word, 0))


def _folds(groups: Sequence[Any] | None, n: int, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each statement; one fold only where there are too few groups to cross-fit."""
    names = np.arange(n) if groups is None else np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    distinct = len(np.unique(names))
    folds = np.zeros(n, dtype=np.int64)
    if distinct < 2 * n_folds:
        return folds
    order = np.random.default_rng(seed).permutation(distinct)
    for i, (_, test) in enumerate(GroupKFold(n_folds).split(np.zeros((n, 1)), groups=order[names])):
        folds[test] = i
    return folds


def _balanced(target: NDArray[Any], weights: NDArray[np.float64], balance: float) -> NDArray[np.float64]:
    """Return weights in which rare classes count more; the total stays."""
    values, inverse = np.unique(target, return_inverse=True)
    mass = np.bincount(inverse, weights=weights)
    factor = (mass.sum() / (len(values) * mass)) ** balance
    out: NDArray[np.float64] = weights * factor[inverse]
    return out


class Columns(NamedTuple):
    """The known features: their keys, sorted; the damped inverse document frequency and the family of each."""

    keys: Keys
    rarity: NDArray[np.float64]
    families: NDArray[np.str_]


def _columns(families: Sequence[FamilyCounts], n: int, chosen: NDArray[np.bool_] | None) -> Columns:
    """Return the features that occur often enough in the chosen statements (None: in all `n`)."""
    rows = n if chosen is None else int(chosen.sum())
    keys, rarity, names = [np.zeros(0, np.uint64)], [np.zeros(0)], [np.zeros(0, np.str_)]
    for name, (known, counts) in vocabulary(families, n, MIN_ROWS, chosen).items():
        keys.append(known)
        rarity.append(np.sqrt(np.log((1 + rows) / (1 + counts)) + 1))
        names.append(np.full(len(known), name))
    order = np.argsort(np.concatenate(keys))
    return Columns(np.concatenate(keys)[order], np.concatenate(rarity)[order], np.concatenate(names)[order])


def _centring() -> NDArray[np.float64]:
    """Return the matrix that takes from every answer the mean of its question's, shape (16, 16)."""
    questions = np.array([name.split(":")[0] for name in ANSWERS])
    same = questions[:, None] == questions[None, :]
    out: NDArray[np.float64] = np.eye(len(ANSWERS)) - same / same.sum(axis=0)
    return out


_CENTRING: Final = _centring()


def _centred_answers(
    extractor: FeatureExtractor,
    items: Sequence[Item],
    detectors: PhraseDetectors | None,
    answers: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return the answers of the detectors, centred in each question; no column without detectors."""
    if detectors is None:
        return np.zeros((len(items), 0))
    out = np.full((len(items), len(ANSWERS)), np.nan) if answers is None else np.array(answers, dtype=np.float64)
    missing = np.flatnonzero(np.isnan(out[:, 0]))
    for begin in range(0, len(missing), BATCH):
        rows = missing[begin : begin + BATCH]
        out[rows] = detectors.answers(extractor.encode([items[i] for i in rows]), extractor.types)
    return out @ _CENTRING


def _strongest(coef: NDArray[np.float16], n: int) -> NDArray[np.int64]:
    """Return the rows with the largest weights, at most `n`, in order; rows of zeros are left out."""
    size = np.abs(coef.astype(np.float64)).max(axis=1, initial=0)
    ranked = np.argsort(-size, kind="stable")[:n]
    return np.sort(ranked[size[ranked] > 0])
