"""The quality gate: the shipped model against the floors in fixtures, and the rules by which floors may change."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from nato_stance import load_model
from nato_stance.article_evaluation import read_articles
from nato_stance.behaviour import read_behaviour
from nato_stance.brat import read_brat
from nato_stance.cli import main
from nato_stance.corpus import read_corpus
from nato_stance.evaluation_suite import SuiteBuilder
from nato_stance.quality_gate import (
    TOLERANCE,
    FloorsError,
    Measured,
    check,
    measured_of,
    read_floors,
    updated,
    write_floors,
)
from nato_stance.records import InvalidInputError

FLOORS = Path(__file__).parent.parent / "fixtures" / "quality_floors.json"


def builder() -> SuiteBuilder:
    return SuiteBuilder(load_model(), {}, n_bootstrap=1, say=lambda line: None)


def breaches_of(built: SuiteBuilder) -> list[str]:
    return [str(breach) for breach in check(read_floors(FLOORS), measured_of(built.suite().to_dict()))]


def test_shipped_model_stays_above_the_floors(fixtures: Path) -> None:
    built = builder()
    corpus = fixtures / "corpus" / "statements.jsonl"
    if corpus.exists():
        built.add_set("corpus-test", [item for item in read_corpus(corpus) if item.split == "test"])
    built.add_articles("articles", read_articles(fixtures / "articles"))
    built.add_behaviour("behaviour", read_behaviour(fixtures / "behaviour"))
    assert breaches_of(built) == []


def test_shipped_model_stays_above_the_floors_of_the_yardsticks(shared: Path) -> None:
    built = builder()
    built.add_set("real-dev", read_corpus(shared / "real-dev" / "statements.jsonl"))
    built.add_quotations("polnear-dev", read_brat(shared / "polnear-dev"))
    assert breaches_of(built) == []


def test_floors_cover_what_the_gate_is_for(fixtures: Path) -> None:
    floors = read_floors(FLOORS)[-1]["floors"]
    if (fixtures / "corpus" / "statements.jsonl").exists():
        assert {"primary_f1", "polarity_f1", "tone_f1", "ece"} <= set(floors["corpus-test"])
    assert {"primary_f1", "polarity_f1", "tone_f1", "ece"} <= set(floors["real-dev"])
    assert {"quoted_span_f1", "speaker_accuracy"} <= set(floors["articles"])
    assert {"span_f1", "speaker_accuracy"} <= set(floors["polnear-dev"])


def one(digest: str = "d1", **values: float) -> dict[str, Measured]:
    return {"dev": Measured(digest, values)}


def test_a_drop_beyond_the_tolerance_fails_and_one_within_passes() -> None:
    entries = updated([], one(primary_f1=0.7, ece=0.04), "first")
    assert check(entries, one(primary_f1=0.7 - TOLERANCE, ece=0.04 + TOLERANCE)) == []
    (drop,) = check(entries, one(primary_f1=0.6949, ece=0.0))
    assert (drop.name, drop.measure) == ("dev", "primary_f1")
    (rise,) = check(entries, one(primary_f1=0.9, ece=0.0452))
    assert "ceiling 0.0400" in str(rise)


def test_a_value_that_is_no_longer_measured_and_changed_data_fail() -> None:
    entries = updated([], one(primary_f1=0.7, tone_f1=0.5), "first")
    assert "was not measured" in str(check(entries, one(primary_f1=0.7))[0])
    assert "data changed" in str(check(entries, one("d2", primary_f1=0.9, tone_f1=0.9))[0])
    with pytest.raises(FloorsError, match="no floors for other"):
        check(entries, {"other": Measured("d1", {"primary_f1": 1.0})})


def test_measured_values_always_pass_the_floors_set_from_them() -> None:
    for value in (0.12345678, 0.99999, 0.5, 2 / 3):
        measured = one(primary_f1=value, ece=value)
        assert check(updated([], measured, "first"), measured, tolerance=0.0) == []


def test_floors_rise_without_a_word_and_fall_with_a_reason_only() -> None:
    entries = updated([], one(primary_f1=0.7, ece=0.04), "first")
    higher = updated(entries, one(primary_f1=0.75, ece=0.03))
    assert [e["reason"] for e in higher] == ["first", ""]
    for worse in (
        one(primary_f1=0.74, ece=0.03),
        one(primary_f1=0.8, ece=0.05),
        one(ece=0.01),
        one("d2", primary_f1=1),
    ):
        with pytest.raises(FloorsError, match="say why with --reason"):
            updated(higher, worse)
        assert updated(higher, worse, "new corpus")[-1]["reason"] == "new corpus"
    assert updated(higher, one(primary_f1=0.75, ece=0.03)) == higher
    with pytest.raises(InvalidInputError, match="nothing was measured"):
        updated(higher, {})


def test_floors_of_sets_that_were_not_measured_are_kept() -> None:
    entries = updated([], {**one(primary_f1=0.7), "seeds": Measured("s", {"span_f1": 0.9})}, "first")
    assert updated(entries, one(primary_f1=0.8))[-1]["floors"]["seeds"] == {"span_f1": 0.9}


def history(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    entries = updated([], one(primary_f1=0.7), "first")
    path = tmp_path / "floors.json"
    write_floors(updated(entries, one(primary_f1=0.8), "better features"), path)
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_history_is_read_back_and_a_floor_lowered_by_hand_is_seen(tmp_path: Path) -> None:
    path, content = history(tmp_path)
    assert read_floors(path) == content["history"]
    for number, change in ((0, {"primary_f1": 0.1}), (1, {"primary_f1": 0.79}), (1, {})):
        spoiled = copy.deepcopy(content)
        spoiled["history"][number]["floors"]["dev"] = change
        path.write_text(json.dumps(spoiled), encoding="utf-8")
        with pytest.raises(FloorsError, match=f"entry {number + 1} does not bear its seal"):
            read_floors(path)
    path.write_text(json.dumps({"history": content["history"][1:]}), encoding="utf-8")
    with pytest.raises(FloorsError, match="seal"):
        read_floors(path)


@pytest.mark.parametrize("text", ["", "[]", '{"history": 3}', '{"history": [{}]}'])
def test_a_damaged_file_of_floors_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "floors.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FloorsError, match=r"floors\.json"):
        read_floors(path)
    assert read_floors(tmp_path / "none.json") == []


ROWS = [
    {"id": "1", "text": "We are ready for talks.", "threat": "0", "dialogue": "+", "deterrence": "0"},
    {"id": "2", "text": "The vote is on Monday.", "threat": "0", "dialogue": "0", "deterrence": "0"},
]


def test_command_sets_floors_passes_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row | {"primary": "dialogue" if row["dialogue"] == "+" else "none", "tone": "neutral"} for row in ROWS]
    data, floors = tmp_path / "mine.jsonl", tmp_path / "floors.json"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = ["evaluate", str(data), "--bootstrap", "5", "--gate", "--floors", str(floors)]
    assert main(arguments) == 1
    assert "set some with --update --reason TEXT" in capsys.readouterr().err
    assert main([*arguments, "--update"]) == 0
    assert main(arguments) == 0
    assert "gate: passed" in capsys.readouterr().err
    rows[1] |= {"threat": "-", "primary": "threat"}
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert main(arguments) == 1
    assert "the data changed" in capsys.readouterr().err
    assert main([*arguments, "--update"]) == 1
    assert main([*arguments, "--update", "--reason", "the second statement was miscoded"]) == 0
    assert [entry["reason"] for entry in read_floors(floors)] == ["", "the second statement was miscoded"]
