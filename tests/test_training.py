"""Training from files: what is left out, what is written down, and that it can be repeated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nato_stance.cli import main
from nato_stance.corpus import CorpusItem, read_corpus
from nato_stance.detectors import ANSWERS
from nato_stance.keys import hash_of
from nato_stance.model_store import load_model, save_model
from nato_stance.records import InvalidInputError, ModelFormatError
from nato_stance.training import fit_items, read_answers, train, usable

_ROWS = [
    ("They will attack us before spring.", "+", "0", "0", "threat", "confrontational"),
    ("We want talks and a lasting peace.", "0", "+", "0", "dialogue", "conciliatory"),
    ("We shall defend every inch of the border.", "0", "0", "+", "deterrence", "neutral"),
    ("The vote was moved to Monday.", "0", "0", "0", "none", "neutral"),
]


def _items(n: int = 24, source: str | None = None) -> list[CorpusItem]:
    rows = [_ROWS[i % 4] for i in range(n)]
    return [
        CorpusItem(f"i{i}", f"{row[0]} {i}", *row[1:], scene=f"s{i // 2}", source=source) for i, row in enumerate(rows)
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(item.to_dict()) + "\n" for item in _items()), encoding="utf-8")
    return path


def test_test_items_and_unsettled_ones_are_left_out() -> None:
    items = _items(4)
    held = CorpusItem(**{**items[0].to_dict(), "split": "test"})
    unsettled = CorpusItem(**{**items[1].to_dict(), "tone": None})
    assert usable([held, unsettled, *items[2:]]) == items[2:]
    with pytest.raises(InvalidInputError, match="1 of 2 statement"):
        fit_items([held, items[2]])


def test_training_twice_gives_one_digest(tmp_path: Path) -> None:
    detectors = load_model().detectors
    digests = {save_model(train(_items(), detectors), tmp_path / str(i)) for i in range(2)}
    assert len(digests) == 1


def test_provenance_counts_and_measures() -> None:
    provenance = train([*_items(), *_items(12, source="news")[:8]]).provenance
    assert provenance["statements"] == {"news": 8, "own corpus": 24}
    assert set(provenance["cross_validated"]) == {"all", "real"}
    assert provenance["detectors_digest"] is None


def test_crossfitted_answers_are_used_for_the_texts_that_have_them(tmp_path: Path) -> None:
    detectors, items = load_model().detectors, _items()
    loud = np.zeros((len(items), len(ANSWERS)))
    loud[:, 9] = [9.0 if item.primary == "threat" else -9.0 for item in items]
    np.savez(tmp_path / "a.npz", texts=np.array([hash_of(i.text) for i in items], np.uint64), answers=loud)
    with_answers = fit_items(items, detectors, read_answers(tmp_path / "a.npz"))
    without = fit_items(items, detectors)
    assert not np.array_equal(with_answers.model_.answer_weights, without.model_.answer_weights)


def test_answers_of_another_kind_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", texts=np.zeros(2, np.uint64), answers=np.zeros((2, 3)))
    with pytest.raises(ModelFormatError, match="shape"):
        read_answers(tmp_path / "a.npz")
    with pytest.raises(ModelFormatError, match="no detector answers"):
        read_answers(tmp_path / "missing.npz")


def test_the_command_trains_a_model_that_loads(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(data), "-o", str(tmp_path / "m"), "--no-detectors"]) == 0
    shown = json.loads(capsys.readouterr().out)
    model = load_model(tmp_path / "m")
    assert model.provenance["digest"] == shown["digest"]
    assert model.label_many([("They will attack us before spring.", None, None)])[0].stance == "threat"


def test_the_command_says_what_is_wrong(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "none.jsonl"), "-o", str(tmp_path / "m")]) == 1
    assert main(["train", str(data), "-o", str(tmp_path / "m"), "-C", "0"]) == 1
    assert "-C is 0.0" in capsys.readouterr().err


def test_statements_of_one_document_share_a_group(tmp_path: Path) -> None:
    rows = [
        {"ref": {"path": "a.json", "spans": [[0, 1]]}, "source": "x/y"},
        {"ref": {"path": "a.json", "spans": [[5, 9]]}, "source": "x/y"},
        {"ref": "speeches.csv#12.3", "source": "z"},
        {"ref": "speeches.csv#12.9", "source": "z"},
        {"ref": "speeches.csv#13.0", "source": "z"},
        {"ref": "data/doc.ann#T4", "source": "p"},
    ]
    base = _items(1)[0].to_dict() | {"scene": None}
    path = tmp_path / "refs.jsonl"
    path.write_text(
        "".join(json.dumps(base | row | {"id": str(i)}) + "\n" for i, row in enumerate(rows)), encoding="utf-8"
    )
    groups = [item.group for item in read_corpus(path)]
    assert groups[0] == groups[1]
    assert groups[2] == groups[3] != groups[4]
    assert len(set(groups)) == 4
