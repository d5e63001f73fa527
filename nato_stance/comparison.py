"""Two systems on the same statements: paired differences with intervals, and a permutation test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from nato_stance.evaluation import Answer, Estimate, EvaluationReport, check_numbers, group_numbers, rounded
from nato_stance.metrics import (
    Floats,
    Predictions,
    bootstrap_totals,
    group_sums,
    interval,
    measures,
    permutation_p_values,
    tally_rows,
)
from nato_stance.records import InvalidInputError

N_PERMUTATIONS: Final = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """New minus old of one measure, on the same statements.

    Attributes:
        old, new: the two values.
        difference: new minus old, and its 95 % interval over paired resamples.
        p_value: two-sided, from a paired permutation test.
    """

    old: float
    new: float
    difference: Estimate
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, rounded to six decimals."""
        return {
            "old": rounded(self.old),
            "new": rounded(self.new),
            "difference": self.difference.to_dict(),
            "p_value": rounded(self.p_value),
        }


@dataclass(frozen=True)
class Comparison:
    """Two systems on the same statements, measure by measure; what `compare` returns."""

    dataset: str
    old: str
    new: str
    n: int
    seed: int
    n_bootstrap: int
    n_permutations: int
    differences: Mapping[str, Difference]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        plain = ("dataset", "old", "new", "n", "seed", "n_bootstrap", "n_permutations")
        return {
            **{name: getattr(self, name) for name in plain},
            "differences": {name: difference.to_dict() for name, difference in self.differences.items()},
        }

    def to_table(self) -> str:
        """Return a table to read."""
        lines = [
            f"{self.new} against {self.old} on {self.dataset}: {self.n} statements, {self.n_bootstrap} paired "
            f"resamples, {self.n_permutations} permutations, seed {self.seed}",
            f"  {'':17} {'old':6}  {'new':6}  {'difference':26}  p",
        ]
        for name, d in self.differences.items():
            e = d.difference
            change = f"{e.value:+.3f} [{e.low:+.3f}, {e.high:+.3f}]"
            lines.append(f"  {name:17} {d.old:6.3f}  {d.new:6.3f}  {change:26}  {d.p_value:.4f}")
        return "\n".join(lines)


def _read_answers(report: Mapping[str, Any]) -> dict[str, Answer]:
    try:
        return {str(name): Answer.parse(text) for name, text in report["answers"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"the earlier report cannot be read ({error!r}); give the JSON of an evaluation of this version"
        ) from error


def _rows_of(answers: Sequence[Answer]) -> Floats:
    gold = np.array([a.gold for a in answers], dtype=np.int64)
    codes = np.array([a.codes for a in answers], dtype=np.int64)
    stances, tones = np.array([a.probabilities for a in answers]), np.array([a.tone_probabilities for a in answers])
    return tally_rows(gold, Predictions(codes, stances, tones))


def compare(
    old: Mapping[str, Any],
    new: EvaluationReport,
    *,
    seed: int = 0,
    n_bootstrap: int = 1000,
    n_permutations: int = N_PERMUTATIONS,
) -> Comparison:
    """Compare two reports on the same statements, in pairs.

    Args:
        old: the `to_dict` of an earlier report, for example read from its JSON.
        new: the report to hold against it.
        seed: fixes resamples and permutations.
        n_bootstrap: paired resamples behind each interval of a difference.
        n_permutations: permutations behind each p-value.

    Returns:
        For each measure that both have: old, new, difference with interval, p-value.

    Raises:
        InvalidInputError: the two were measured on different statements or gold, or the old report is damaged.

    Example:
        >>> from nato_stance import evaluate, load_model
        >>> gold = dict(threat="0", dialogue="+", deterrence="0", primary="dialogue", tone="neutral")
        >>> report = evaluate(load_model(), [{"text": "We are ready to talk.", **gold}], n_bootstrap=10)
        >>> compare(report.to_dict(), report).differences["primary_accuracy"].difference.value
        0.0
    """
    check_numbers(seed, n_bootstrap)
    if old.get("data_digest") != new.data_digest:
        raise InvalidInputError(
            f"the earlier report on {old.get('dataset')!r} was measured on other data (digest "
            f"{str(old.get('data_digest'))[:12]}… against {new.data_digest[:12]}…); measure both on the same file"
        )
    before = _read_answers(old)
    if set(before) != set(new.answers):
        raise InvalidInputError("the earlier report holds other statements; measure both on the same file")
    ids = list(new.answers)
    after = [new.answers[name] for name in ids]
    groups = group_numbers(answer.group or name for name, answer in zip(ids, after, strict=True))
    pair = [group_sums(_rows_of(rows), groups) for rows in ([before[name] for name in ids], after)]
    names = [name for name in new.measures if name in old.get("measures", {})]

    def chosen(totals: Floats) -> dict[str, Floats]:
        values = measures(totals)
        return {name: values[name] for name in names}

    return _compared(old, new, pair, chosen, seed, n_bootstrap, n_permutations)


def _compared(
    old: Mapping[str, Any],
    new: EvaluationReport,
    pair: Sequence[Floats],
    chosen: Callable[[Floats], dict[str, Floats]],
    seed: int,
    n_bootstrap: int,
    n_permutations: int,
) -> Comparison:
    values = [chosen(rows.sum(axis=0)) for rows in pair]
    drawn = [chosen(bootstrap_totals(rows, n_bootstrap, seed)) for rows in pair]
    p_values = permutation_p_values(pair[0], pair[1], chosen, n_permutations, seed)
    differences = {
        name: Difference(
            float(values[0][name]),
            float(values[1][name]),
            Estimate(float(values[1][name] - values[0][name]), *interval(drawn[1][name] - drawn[0][name])),
            p_values[name],
        )
        for name in values[0]
    }
    return Comparison(
        new.dataset, str(old.get("system")), new.system, new.n, seed, n_bootstrap, n_permutations, differences
    )
