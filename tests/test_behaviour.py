"""Minimal pairs and invariances: what is masked or folded must change nothing, and what is learnt must not be lost.

The pairs under fixtures/behaviour were written before any model was asked. A pair that fails stays in its file: the
floors in fixtures/quality_floors.json keep the share of each family that holds, and docs/model-card.md lists the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nato_stance import classify, classify_many
from nato_stance.behaviour import (
    BY_CONSTRUCTION,
    RULES,
    BehaviourReport,
    evaluate_behaviour,
    labels_stay,
    polarity_flips,
    read_behaviour,
    statements,
)
from nato_stance.codebook import FIELDS
from nato_stance.quality_gate import Measured, check, read_floors
from nato_stance.records import CorpusFormatError

FIXTURES = Path(__file__).parent.parent / "fixtures"
CASES = FIXTURES / "behaviour"


@pytest.fixture(scope="module")
def report() -> BehaviourReport:
    return evaluate_behaviour(read_behaviour(CASES))


def test_there_are_enough_pairs_and_each_is_whole() -> None:
    families = read_behaviour(CASES)
    assert set(families) == set(RULES)
    rows = [row for rows in families.values() for row in rows]
    assert len(rows) >= 150
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        items = statements(row)
        assert len({(item["text"], item.get("context")) for item in items}) == len(items), row["id"]
        assert row.get("field", "threat") in FIELDS, row["id"]


@pytest.mark.parametrize("family", BY_CONSTRUCTION)
def test_marks_countries_and_names_change_no_label(family: str, report: BehaviourReport) -> None:
    assert not report.failures[family]


def test_the_share_of_pairs_that_hold_does_not_fall(report: BehaviourReport) -> None:
    measured = {"behaviour": Measured(report.data_digest, report.measures)}
    breaches = check(read_floors(FIXTURES / "quality_floors.json"), measured)
    listed = json.dumps({breach.measure: report.failures.get(str(breach.measure)) for breach in breaches}, indent=1)
    assert not breaches, "\n".join(map(str, breaches)) + "\n" + listed


def test_probabilities_do_not_see_which_marks_or_names_are_used() -> None:
    straight, curly, other = classify_many(
        [
            "We won't let Poland's \"partners\" down.",
            "We won’t let Poland’s “partners” down.",
            "We won’t let Japan’s “partners” down.",
        ]
    )
    assert dict(straight.probabilities) == pytest.approx(dict(curly.probabilities), abs=1e-12)
    assert dict(other.probabilities) == pytest.approx(dict(curly.probabilities), abs=1e-12)


def test_a_flip_must_leave_the_other_fields_alone() -> None:
    affirmed = classify("We are ready for talks.")
    fields: dict[str, Any] = {"threat": "absent", "deterrence": "absent", "stance": "dialogue", "polarity": "affirmed"}
    before = type(affirmed)(**{**_fields(affirmed), **fields, "dialogue": "affirmed"})
    after = type(affirmed)(**{**_fields(before), "dialogue": "denied", "polarity": "denied"})
    spoiled = type(affirmed)(**{**_fields(after), "threat": "affirmed"})
    row = {"field": "dialogue"}
    assert polarity_flips(row, [before, after])
    assert not polarity_flips(row, [after, before])
    assert not polarity_flips(row, [before, spoiled])
    assert labels_stay(row, [before, before])
    assert not labels_stay(row, [before, after])


def _fields(label: Any) -> dict[str, Any]:
    return {name: getattr(label, name) for name in label.__dataclass_fields__}


def test_damaged_pairs_are_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "negation.jsonl").write_text('{"id": "1", "before": {"text": "No."}}\n')
    with pytest.raises(CorpusFormatError, match=r"negation\.jsonl: line 1"):
        read_behaviour(tmp_path)
    (tmp_path / "negation.jsonl").rename(tmp_path / "other.jsonl")
    with pytest.raises(CorpusFormatError, match="no family with a rule"):
        read_behaviour(tmp_path)
