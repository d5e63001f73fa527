"""Measuring a model: its answers against gold, with bootstrap intervals and slices.

`docs/evaluation.md` says what each number is. Nothing here is imported when scoring.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from nato_stance.codebook import FIELDS, PRESENCES, SIGNS, STANCES, TONES
from nato_stance.corpus import CorpusItem, data_digest
from nato_stance.metrics import (
    LABELS,
    QUESTIONS,
    Floats,
    Ints,
    Predictions,
    bootstrap_totals,
    class_measures,
    confusion,
    group_sums,
    interval,
    measures,
    reliability,
    tally_rows,
)
from nato_stance.records import InvalidInputError, InvalidTypeError, StanceLabel
from nato_stance.scoring import Labeller, check_item, check_iterable, check_model
from nato_stance.slices import slices_of

SCHEMA_VERSION: Final = 1
"""Version of the JSON form of a report."""

MEASURES_OF: Final[dict[str, tuple[str, ...]]] = {
    "stance": (
        "primary_f1",
        "primary_accuracy",
        "presence_f1",
        "polarity_f1",
        "denied_recall",
        "brier",
        "ece",
    ),
    "tone": ("tone_f1", "tone_accuracy", "tone_brier"),
}
"""Headline measures of the stance questions and of tone."""

LOWER_IS_BETTER: Final = frozenset({"brier", "tone_brier", "ece"})

_SLICE_MEASURES: Final = (
    "primary_f1",
    "primary_accuracy",
    "presence_f1",
    "polarity_f1",
    "tone_f1",
    "tone_accuracy",
    "ece",
)
_ANSWERED: Final = ("primary_f1", "primary_accuracy")
THRESHOLDS: Final = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Values of `min_confidence` at which a report says what is left and how good it is."""

_SIGN_OF: Final[dict[str | None, str]] = {presence: sign for sign, presence in SIGNS.items()}
_UNKNOWN: Final = "?"


def rounded(value: float) -> float | None:
    """Return a number as reports keep it: six decimals, None for NaN."""
    return None if math.isnan(value) else round(float(value), 6)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value and its 95 % bootstrap interval; NaN where it cannot be computed."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float | None]:
        """Return the JSON form, rounded to six decimals; None stands for NaN."""
        return {"value": rounded(self.value), "low": rounded(self.low), "high": rounded(self.high)}

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "not defined"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class Answer:
    """Gold and answer of one statement, without its words: what a later paired comparison needs.

    Attributes:
        gold, codes: five labels as numbers, columns as `metrics.QUESTIONS`; -1 in gold is no agreed label.
        probabilities, tone_probabilities: as in `StanceLabel`, in the order of the codebook.
        group: what is resampled as one, or None where the statement stands alone.
    """

    gold: tuple[int, ...]
    codes: tuple[int, ...]
    probabilities: tuple[float, ...]
    tone_probabilities: tuple[float, ...]
    group: str | None = None

    def __str__(self) -> str:
        parts = [
            f"{_spelled(self.gold)} > {_spelled(self.codes)}",
            " ".join(f"{p:.6f}" for p in self.probabilities),
            " ".join(f"{p:.6f}" for p in self.tone_probabilities),
        ]
        return " | ".join(parts if self.group is None else [*parts, self.group])

    @classmethod
    def parse(cls, text: str) -> Answer:
        """Read what `str` wrote; raises ValueError where the form is another."""
        labels, stances, tones, *group = text.split(" | ", 3)
        gold, codes = (_codes(part) for part in labels.split(" > "))
        of_stances, of_tones = (tuple(float(p) for p in part.split(" ")) for part in (stances, tones))
        if (len(of_stances), len(of_tones)) != (len(STANCES), len(TONES)):
            raise ValueError(f"{text!r} has another number of probabilities")
        return cls(gold, codes, of_stances, of_tones, group[0] if group else None)


def _spelled(codes: Sequence[int]) -> str:
    fields = "".join(_SIGN_OF[PRESENCES[code]] if code >= 0 else _UNKNOWN for code in codes[:3])
    primary, tone = (
        names[code] if code >= 0 else _UNKNOWN for names, code in zip((STANCES, TONES), codes[3:], strict=True)
    )
    return f"{fields} {primary} {tone}"


def _codes(text: str) -> tuple[int, ...]:
    fields, primary, tone = text.split(" ")
    values = (*(SIGNS.get(sign, sign) for sign in fields), primary, tone)
    return tuple(
        -1 if value == _UNKNOWN else LABELS[question].index(value)
        for question, value in zip(QUESTIONS, values, strict=True)
    )


@dataclass(frozen=True)
class EvaluationReport:
    """What a system is worth on a labelled set; what `evaluate` returns.

    Attributes:
        dataset, system: their names.
        n, n_groups: statements, and groups of statements that are resampled as one.
        data_digest: `corpus.data_digest` of the statements and their gold.
        model_digest: the model's, or None for a system without one.
        seed, n_bootstrap: of the intervals.
        measures: headline measure to estimate; `metrics.measures` defines them.
        classes: question to label to precision, recall and F1, and `support`, the number in gold.
        confusion: question to matrix of counts, gold in rows, labels in the order of the codebook.
        reliability: a row a bin of confidence in the primary stance: `low`, `high`, `n`, `confidence`, `right`.
        abstention: a row for each of `THRESHOLDS`: `min_confidence`, `n` statements whose confidence reaches it,
            `share` of all that have a gold primary, and estimates of `primary_f1` and `primary_accuracy` on them.
        slices: division (form, length, tone, negation, source) to part to `n` and estimates.
        answers: statement id to its gold and answer.
    """

    dataset: str
    system: str
    n: int
    n_groups: int
    data_digest: str
    model_digest: str | None
    seed: int
    n_bootstrap: int
    measures: Mapping[str, Estimate]
    classes: Mapping[str, Mapping[str, Mapping[str, Estimate | int]]]
    confusion: Mapping[str, Sequence[Sequence[int]]]
    reliability: Sequence[Mapping[str, float | None]]
    abstention: Sequence[Mapping[str, Estimate | float]]
    slices: Mapping[str, Mapping[str, Mapping[str, Estimate | int]]]
    answers: Mapping[str, Answer] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: floats rounded to six decimals, no time, no path."""
        plain = ("dataset", "system", "n", "n_groups", "data_digest", "model_digest", "seed", "n_bootstrap")
        return {
            "schema_version": SCHEMA_VERSION,
            **{name: getattr(self, name) for name in plain},
            "measures": _json_of(self.measures),
            "classes": _json_of(self.classes),
            "confusion": {question: [list(row) for row in matrix] for question, matrix in self.confusion.items()},
            "reliability": [dict(row) for row in self.reliability],
            "abstention": [_json_of(row) for row in self.abstention],
            "slices": _json_of(self.slices),
            "answers": {name: str(answer) for name, answer in self.answers.items()},
        }

    def to_json(self) -> str:
        """Return the JSON text, keys sorted: equal reports give equal bytes."""
        return json.dumps(self.to_dict(), sort_keys=True, indent=1, ensure_ascii=False)

    def to_table(self) -> str:
        """Return a table to read: the measures, each class, the slices."""
        lines = [
            f"{self.system} on {self.dataset}: {self.n} statements in {self.n_groups} groups; "
            f"95 % intervals from {self.n_bootstrap} resamples, seed {self.seed}"
        ]
        lines += [f"  {name:17} {estimate}" for name, estimate in self.measures.items()]
        lines += [line for question in self.classes for line in self._class_lines(question)]
        lines += self._abstention_lines() if self.abstention else []
        lines += [line for division in self.slices for line in self._slice_lines(division)]
        return "\n".join(line.rstrip() for line in lines)

    def _class_lines(self, question: str) -> list[str]:
        columns = ("precision", "recall", "f1", "support")
        return [
            f"  {question:17} {'precision':21}  {'recall':21}  {'F1':21}  n",
            *(
                f"    {label:15} " + "  ".join(f"{row[k]!s:21}" for k in columns)
                for label, row in self.classes[question].items()
            ),
        ]

    def _abstention_lines(self) -> list[str]:
        lines = [f"  {'min_confidence':17} {'n':20}  {'primary_f1':20}  primary_accuracy"]
        for row in self.abstention:
            estimates = "  ".join(f"{row.get(name, '-')!s:20}" for name in _ANSWERED)
            answered = f"{row['n']} ({row['share']:.0%})"
            lines.append(f"    {row['min_confidence']:<15} {answered:20}  {estimates}")
        return lines

    def _slice_lines(self, division: str) -> list[str]:
        parts = self.slices[division]
        columns = ["n", *(name for name in _SLICE_MEASURES if any(name in row for row in parts.values()))]
        return [
            f"  by {division:14} " + "  ".join(f"{name:20}" for name in columns),
            *(f"    {part[:15]:15} " + "  ".join(f"{row[k]!s:20}" for k in columns) for part, row in parts.items()),
        ]


def _json_of(value: Any) -> Any:
    if isinstance(value, Estimate):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _json_of(entry) for key, entry in value.items()}
    return value


def as_item(item: CorpusItem | Mapping[str, Any], position: int) -> CorpusItem:
    """Return a labelled statement as a record.

    Args:
        item: a record, or a mapping with `text` and any of the other fields of `CorpusItem`; presence may be given
            as `+`, `-`, `0` or as `affirmed`, `denied`, `absent`; a label that is missing or None asks nothing.
        position: place in the list, for messages and as the id where there is none.

    Raises:
        InvalidTypeError: the item is neither.
        InvalidInputError: there is no text, or a label is unknown.
    """
    if isinstance(item, CorpusItem):
        return item
    where = f"items[{position}]"
    if not isinstance(item, Mapping):
        raise InvalidTypeError(f"{where} is a {type(item).__name__}; a labelled statement is a mapping or a CorpusItem")
    text, context, cue = check_item(item, position)
    labels = {question: item.get(question) for question in QUESTIONS}
    for question, value in labels.items():
        known = (*SIGNS, *PRESENCES) if question in FIELDS else LABELS[question]
        if value is not None and value not in known:
            raise InvalidInputError(f"{where} has {question}={value!r}; one of {', '.join(known)} or None is needed")
    labels |= {name: _SIGN_OF.get(labels[name], labels[name]) for name in FIELDS}
    rest = {name: item.get(name) for name in ("scene", "form", "split", "source")}
    return CorpusItem(id=str(item.get("id", position)), text=text, context=context, cue=cue, **labels, **rest)


def gold_codes(items: Sequence[CorpusItem]) -> Ints:
    """Return gold labels as numbers, shape (n, 5), columns as `metrics.QUESTIONS`; -1 for a label that is None."""
    rows = [
        [
            -1 if (value := getattr(item, question)) is None else LABELS[question].index(SIGNS.get(value, value))
            for question in QUESTIONS
        ]
        for item in items
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(QUESTIONS))


def predictions_of(labels: Sequence[StanceLabel]) -> Predictions:
    """Return labels as arrays."""
    codes = [
        [
            *(PRESENCES.index(x) for x in (label.threat, label.dialogue, label.deterrence)),
            STANCES.index(label.stance),
            TONES.index(label.tone),
        ]
        for label in labels
    ]
    return Predictions(
        np.array(codes, dtype=np.int64).reshape(len(codes), len(QUESTIONS)),
        np.array([[label.probabilities[s] for s in STANCES] for label in labels]).reshape(len(codes), len(STANCES)),
        np.array([[label.tone_probabilities[t] for t in TONES] for label in labels]).reshape(len(codes), len(TONES)),
    )


def group_numbers(groups: Iterable[str]) -> Ints:
    """Return the number of each group name, counted from 0 in the order of first use."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)


@dataclass(frozen=True)
class _Sample:
    """Tally rows of statements, their sum, and the sums of their resamples."""

    rows: Floats
    groups: Ints
    n_bootstrap: int
    seed: int

    @property
    def total(self) -> Floats:
        total: Floats = self.rows.sum(axis=0)
        return total

    def resampled(self) -> Floats:
        return bootstrap_totals(group_sums(self.rows, self.groups), self.n_bootstrap, self.seed)

    def part(self, chosen: Sequence[int]) -> _Sample:
        numbers = np.unique(self.groups[chosen], return_inverse=True)[1]
        return _Sample(self.rows[chosen], numbers, self.n_bootstrap, self.seed)


def _estimates(values: Mapping[str, Floats], resampled: Mapping[str, Floats]) -> dict[str, Estimate]:
    return {name: Estimate(float(values[name]), *interval(resampled[name])) for name in values}


def _class_estimates(total: Floats, resampled: Floats, question: str) -> dict[str, dict[str, Estimate | int]]:
    values, drawn = class_measures(total, question), class_measures(resampled, question)
    support = confusion(total, question).sum(axis=1)
    return {
        label: {
            **{name: Estimate(float(values[name][i]), *interval(drawn[name][:, i])) for name in values},
            "support": int(support[i]),
        }
        for i, label in enumerate(LABELS[question])
    }


def _reliability_rows(total: Floats) -> list[dict[str, float | None]]:
    count, confidence, right = reliability(total)
    return [
        {
            "low": round(i / len(count), 6),
            "high": round((i + 1) / len(count), 6),
            "n": int(n),
            "confidence": rounded(confidence[i]),
            "right": rounded(right[i]),
        }
        for i, n in enumerate(count)
    ]


def _abstention_rows(sample: _Sample, gold: Ints, predicted: Predictions) -> list[dict[str, Estimate | float]]:
    known = gold[:, 3] >= 0
    confidence = predicted.probabilities[np.arange(len(gold)), predicted.codes[:, 3]]
    rows: list[dict[str, Estimate | float]] = []
    for threshold in THRESHOLDS:
        chosen = np.flatnonzero(known & (confidence >= threshold))
        row: dict[str, Estimate | float] = {
            "min_confidence": threshold,
            "n": len(chosen),
            "share": round(len(chosen) / max(int(known.sum()), 1), 6),
        }
        if len(chosen):
            part = sample.part(chosen.tolist())
            estimates = _estimates(measures(part.total), measures(part.resampled()))
            row |= {name: estimates[name] for name in _ANSWERED}
        rows.append(row)
    return rows


def _slice_estimates(
    sample: _Sample, items: Sequence[CorpusItem], names: Sequence[str]
) -> dict[str, dict[str, dict[str, Estimate | int]]]:
    places: dict[str, dict[str, list[int]]] = {}
    for i, item in enumerate(items):
        for division, part in slices_of(item).items():
            places.setdefault(division, {}).setdefault(part, []).append(i)
    result: dict[str, dict[str, dict[str, Estimate | int]]] = {}
    for division, parts in places.items():
        result[division] = {}
        for part in sorted(parts):
            chosen = sample.part(parts[part])
            estimates = _estimates(measures(chosen.total), measures(chosen.resampled()))
            result[division][part] = {"n": len(parts[part]), **{name: estimates[name] for name in names}}
    return result


def check_numbers(seed: int, n_bootstrap: int) -> None:
    """Raise InvalidTypeError or InvalidInputError where a seed or a number of resamples cannot be used."""
    for name, value, least in (("seed", seed, 0), ("n_bootstrap", n_bootstrap, 1)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidTypeError(f"{name} must be an int, got {type(value).__name__}")
        if value < least:
            raise InvalidInputError(f"{name} is {value}; give at least {least}")


def evaluate(
    model: Labeller,
    items: Iterable[CorpusItem | Mapping[str, Any]],
    *,
    seed: int = 0,
    n_bootstrap: int = 1000,
    dataset: str = "items",
    system: str = "model",
) -> EvaluationReport:
    """Measure a model on labelled statements.

    Args:
        model: a model from `load_model`, a fitted `StanceClassifier`, a baseline: anything with `label_many`.
        items: labelled statements, as `CorpusItem` or as mappings with `text`, optionally `context` and `cue`, and
            gold `threat`, `dialogue`, `deterrence`, `primary`, `tone`; a label that is None is not asked.
        seed: fixes the resamples.
        n_bootstrap: number of resamples behind each interval.
        dataset, system: names for the report.

    Returns:
        The report.

    Raises:
        InvalidInputError: there is no item, two have one id, a label is unknown, or a number is out of range.
        InvalidTypeError: the model has no `label_many`, `items` is nothing to iterate over, or an item is no mapping.

    Example:
        >>> from nato_stance import load_model
        >>> gold = dict(threat="absent", dialogue="affirmed", deterrence="absent", primary="dialogue", tone="neutral")
        >>> report = evaluate(load_model(), [{"text": "We are ready to talk.", **gold}], n_bootstrap=10)
        >>> report.measures["primary_accuracy"].value
        1.0
    """
    check_model(model)
    check_iterable(items, "items")
    known = [as_item(item, i) for i, item in enumerate(items)]
    if not known:
        raise InvalidInputError("there is no statement to measure on; give at least one labelled statement")
    labels = model.label_many([item.item for item in known])
    questions = getattr(model, "questions", QUESTIONS)
    digest = getattr(getattr(model, "model_", model), "provenance", {}).get("digest")
    return report_on(
        labels,
        known,
        seed=seed,
        n_bootstrap=n_bootstrap,
        dataset=dataset,
        system=system,
        questions=questions,
        model_digest=digest,
    )


def report_on(
    labels: Sequence[StanceLabel],
    items: Sequence[CorpusItem],
    *,
    seed: int = 0,
    n_bootstrap: int = 1000,
    dataset: str = "items",
    system: str = "model",
    questions: Sequence[str] = QUESTIONS,
    model_digest: str | None = None,
) -> EvaluationReport:
    """Measure labels that are there already, for example those of cross-validation.

    Args:
        labels: answers, one a statement.
        items: the labelled statements.
        seed, n_bootstrap, dataset, system: as in `evaluate`.
        questions: what the system answers; measures of other questions are left out.
        model_digest: of the model that gave the labels, or None.

    Returns:
        The report.

    Raises:
        InvalidInputError: lengths differ, there is no item, two items have one id, or a number is out of range.
    """
    check_numbers(seed, n_bootstrap)
    if not items or len(labels) != len(items):
        raise InvalidInputError(f"{len(labels)} labels for {len(items)} statements; give one for each, at least one")
    twice = [name for name, count in Counter(item.id for item in items).items() if count > 1]
    if twice:
        raise InvalidInputError(f"{len(twice)} ids stand more than once, first {twice[0]!r}; give each item its own")
    gold, predicted = gold_codes(items), predictions_of(labels)
    groups = group_numbers(item.group for item in items)
    sample = _Sample(tally_rows(gold, predicted), groups, n_bootstrap, seed)
    total, drawn = sample.total, sample.resampled()
    names = [
        name
        for part, names in MEASURES_OF.items()
        if part in questions or (part == "stance" and "primary" in questions)
        for name in names
    ]
    estimates = _estimates(measures(total), measures(drawn))
    return EvaluationReport(
        dataset=dataset,
        system=system,
        n=len(items),
        n_groups=int(groups.max()) + 1,
        data_digest=data_digest(items),
        model_digest=model_digest,
        seed=seed,
        n_bootstrap=n_bootstrap,
        measures={name: estimates[name] for name in names},
        classes={question: _class_estimates(total, drawn, question) for question in questions},
        confusion={question: confusion(total, question).astype(int).tolist() for question in questions},
        reliability=_reliability_rows(total) if "primary" in questions else [],
        abstention=_abstention_rows(sample, gold, predicted) if "primary" in questions else [],
        slices=_slice_estimates(sample, items, [name for name in _SLICE_MEASURES if name in names]),
        answers=_answers(items, gold, predicted),
    )


def _answers(items: Sequence[CorpusItem], gold: Ints, predicted: Predictions) -> dict[str, Answer]:
    rows = zip(
        items,
        gold.tolist(),
        predicted.codes.tolist(),
        predicted.probabilities.tolist(),
        predicted.tone_probabilities.tolist(),
        strict=True,
    )
    return {
        item.id: Answer(tuple(g), tuple(codes), tuple(stances), tuple(tones), item.scene)
        for item, g, codes, stances, tones in rows
    }
