"""Minimal pairs and invariances: what a model should do when one thing in a statement changes.

A family is a JSON lines file. A pair has `before` and `after`, statements as `classify` takes them, and `field` where
the rule asks about one; an invariance has `variants` that must all get the same labels. The rules follow the codebook.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nato_stance.codebook import FIELDS
from nato_stance.records import CorpusFormatError, NatoStanceError, StanceLabel
from nato_stance.scoring import Labeller, classify_many

Rule = Callable[[Mapping[str, Any], Sequence[StanceLabel]], bool]


def polarity_flips(row: Mapping[str, Any], labels: Sequence[StanceLabel]) -> bool:
    """Tell whether the field turns from affirmed to denied, stays primary, and the other fields stay as they are."""
    before, after = labels
    field = row["field"]
    return (
        (before.stance, getattr(before, field)) == (field, "affirmed")
        and (after.stance, getattr(after, field)) == (field, "denied")
        and all(getattr(before, name) == getattr(after, name) for name in FIELDS if name != field)
    )


def menace_becomes_deterrence(row: Mapping[str, Any], labels: Sequence[StanceLabel]) -> bool:
    """Tell whether an outright menace is an affirmed threat, and affirmed deterrence once it has a condition."""
    before, after = labels
    return (before.stance, before.polarity) == ("threat", "affirmed") and (
        (after.stance, after.polarity) == ("deterrence", "affirmed")
    )


def primary_stays(row: Mapping[str, Any], labels: Sequence[StanceLabel]) -> bool:
    """Tell whether the primary stance and its polarity stay."""
    before, after = labels
    return (before.stance, before.polarity) == (after.stance, after.polarity)


def tone_turns_confrontational(row: Mapping[str, Any], labels: Sequence[StanceLabel]) -> bool:
    """Tell whether a neutral tone becomes confrontational."""
    before, after = labels
    return (before.tone, after.tone) == ("neutral", "confrontational")


def offer_becomes_refusal(row: Mapping[str, Any], labels: Sequence[StanceLabel]) -> bool:
    """Tell whether an offer with a condition is dialogue affirmed, and a refusal with one dialogue denied."""
    before, after = labels
    return (before.stance, before.polarity, after.stance, after.polarity) == (
        "dialogue",
        "affirmed",
        "dialogue",
        "denied",
    )


def labels_stay(row: Mapping[str, Any], labels: Sequence[StanceLabel]) -> bool:
    """Tell whether every stance, polarity and tone is the same in all variants."""
    answers = {(x.stance, x.threat, x.dialogue, x.deterrence, x.tone) for x in labels}
    return len(answers) == 1


RULES: Final[dict[str, Rule]] = {
    "negation": polarity_flips,
    "cue_negation": polarity_flips,
    "conditional": menace_becomes_deterrence,
    "dull_clause": primary_stays,
    "loaded_words": tone_turns_confrontational,
    "condition_on_talks": offer_becomes_refusal,
    "typographic": labels_stay,
    "country_swap": labels_stay,
    "name_swap": labels_stay,
}
"""Family to rule."""

BY_CONSTRUCTION: Final = ("typographic", "country_swap", "name_swap")
"""Families that hold because of how a statement is read, whatever was learned."""


@dataclass(frozen=True)
class BehaviourReport:
    """Which pairs of each family hold.

    Attributes:
        data_digest: SHA-256 over the pairs.
        counts: family to the number of its pairs.
        failures: family to the pairs that do not hold: `id` to the labels given.
    """

    data_digest: str
    counts: Mapping[str, int]
    failures: Mapping[str, Mapping[str, Sequence[str]]]

    @property
    def measures(self) -> dict[str, float]:
        """Family to the share of pairs that hold."""
        return {family: 1 - len(self.failures[family]) / n for family, n in self.counts.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, rounded to six decimals."""
        return {
            "data_digest": self.data_digest,
            "counts": dict(self.counts),
            "measures": {family: round(share, 6) for family, share in self.measures.items()},
            "failures": {
                family: {name: list(answers) for name, answers in rows.items()}
                for family, rows in self.failures.items()
            },
        }


def read_behaviour(folder: str | Path) -> dict[str, list[dict[str, Any]]]:
    """Read the families of a folder.

    Returns:
        Family to rows, in order of the families' names.

    Raises:
        CorpusFormatError: there is no family, one has no rule, or a line is no pair.
    """
    paths = sorted(Path(folder).glob("*.jsonl"))
    if not paths:
        raise CorpusFormatError(f"{folder} holds no .jsonl file of pairs")
    families: dict[str, list[dict[str, Any]]] = {}
    for path in paths:
        if path.stem not in RULES:
            raise CorpusFormatError(f"{path} is no family with a rule; families are {', '.join(RULES)}")
        rows = [_row(line, f"{path}: line {i}") for i, line in enumerate(path.open(encoding="utf-8"), start=1)]
        families[path.stem] = rows
    return families


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        items = statements(row)
        sound = isinstance(row["id"], str) and len(items) >= 2 and all(item["text"] for item in items)
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise CorpusFormatError(f"{where} is no pair; id and before and after (or variants) with text are needed")
    return dict(row)


def statements(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the statements of a pair or an invariance, in order."""
    return list(row["variants"]) if "variants" in row else [row["before"], row["after"]]


def evaluate_behaviour(
    families: Mapping[str, Sequence[Mapping[str, Any]]], model: Labeller | None = None
) -> BehaviourReport:
    """Ask a model about every pair.

    Args:
        families: from `read_behaviour`.
        model: what labels; None takes the shipped model.

    Returns:
        The report.

    Raises:
        CorpusFormatError: a statement of a pair cannot be labelled.

    Example:
        >>> rows = [{"id": "1", "before": {"text": "We will talk."}, "after": {"text": "We will talk. It is noon."}}]
        >>> evaluate_behaviour({"dull_clause": rows}).counts
        {'dull_clause': 1}
    """
    failures: dict[str, dict[str, list[str]]] = {}
    for family, rows in families.items():
        failures[family] = {}
        for row in rows:
            try:
                labels = classify_many(statements(row), model=model)
            except NatoStanceError as error:
                raise CorpusFormatError(f"{family} {row['id']}: {error}") from error
            if not RULES[family](row, labels):
                failures[family][row["id"]] = [_shown(label) for label in labels]
    digest = hashlib.sha256(json.dumps(families, sort_keys=True).encode()).hexdigest()
    return BehaviourReport(digest, {family: len(rows) for family, rows in families.items()}, failures)


def _shown(label: StanceLabel) -> str:
    fields = ", ".join(f"{name} {getattr(label, name)}" for name in FIELDS if getattr(label, name) != "absent")
    return f"{label.stance} ({fields or 'all absent'}), {label.tone}"
