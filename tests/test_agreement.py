"""Agreement between coders is Krippendorff's alpha, question by question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nato_stance.agreement import agreement, krippendorff_alpha
from nato_stance.cli import main
from nato_stance.records import InvalidInputError


def test_alpha_of_a_worked_example() -> None:
    # Two coders, ten binary items, four disagreements: observed disagreement 0.4; with 14 zeros and 6 ones among the
    # 20 values, expected disagreement 2*14*6/(20*19); alpha = 1 - 0.4 / (168/380).
    a = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    b = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    codes = [(c, str(i), str(v)) for c, values in (("a", a), ("b", b)) for i, v in enumerate(values)]
    assert krippendorff_alpha(codes) == pytest.approx(1 - 0.4 / (168 / 380))


def test_no_variation_is_full_agreement_and_single_codes_are_refused() -> None:
    assert krippendorff_alpha([("a", "1", "x"), ("b", "1", "x")]) == 1.0
    with pytest.raises(InvalidInputError, match="'2' has one coder"):
        krippendorff_alpha([("a", "1", "x"), ("b", "1", "x"), ("a", "2", "x")])
    with pytest.raises(InvalidInputError, match="no codes"):
        krippendorff_alpha([])


def test_the_command_prints_one_line_a_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = {"threat": "+", "dialogue": "0", "deterrence": "0", "primary": "threat", "tone": "neutral"}
    other = {**same, "threat": "0", "primary": "none"}
    rows = [
        {"id": "1", "first": same, "second": same},
        {"id": "2", "first": other, "second": other},
        {"id": "3", "first": other, "second": {**other, "tone": "conciliatory"}},
    ]
    path = tmp_path / "codes.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert main(["corpus", "agreement", str(path)]) == 0
    lines = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert lines["threat"] == lines["primary"] == lines["dialogue"] == "1.000"
    assert float(lines["tone"]) == pytest.approx(agreement(rows)["tone"], abs=5e-4)
    assert float(lines["tone"]) < 0.5


def test_a_line_separator_inside_a_string_breaks_no_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    codes = {"threat": "0", "dialogue": "+", "deterrence": "0", "primary": "dialogue", "tone": "neutral"}
    row = {"id": "1\u20282", "first": codes, "second": codes}
    path = tmp_path / "codes.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert main(["corpus", "agreement", str(path)]) == 0
    path.write_text(json.dumps(row, ensure_ascii=False) + '\n{"id": "2", "second": {}}\n[]\n', encoding="utf-8")
    capsys.readouterr()
    assert main(["corpus", "agreement", str(path)]) == 1
    assert "line 3" in capsys.readouterr().err
