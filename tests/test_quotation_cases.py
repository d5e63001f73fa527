"""Small texts with one oddity each, under fixtures/quotation_cases: what is a statement, whose, by which cue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nato_stance import Quotation, extract_quotations

FILES = sorted((Path(__file__).parent.parent / "fixtures" / "quotation_cases").glob("*.jsonl"))
CASES = [json.loads(line) for path in FILES for line in path.read_text(encoding="utf-8").splitlines()]
ASKED = ("kind", "text", "speaker", "cue")


def as_parameter(case: dict[str, Any]) -> Any:
    """A case that the extractor cannot do yet stays, with the reason; the day it passes the mark must go."""
    gap = case.get("known_gap")
    return pytest.param(case, id=case["id"], marks=pytest.mark.xfail(reason=gap, strict=True) if gap else ())


def answer(quotation: Quotation, expected: dict[str, Any]) -> dict[str, Any]:
    """Return what the extractor says on the points that the case asks about."""
    return {key: getattr(quotation, key) for key in ASKED if key in expected}


@pytest.mark.parametrize("case", [as_parameter(case) for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    found = extract_quotations(case["text"])
    assert [q.text for q in found] == [s.get("text", q.text) for s, q in zip(case["statements"], found, strict=False)]
    assert len(found) == len(case["statements"])
    assert [answer(q, s) for q, s in zip(found, case["statements"], strict=True)] == [
        {key: s[key] for key in ASKED if key in s} for s in case["statements"]
    ]


def test_cases_are_many_and_say_what_they_expect() -> None:
    assert len(CASES) >= 60
    assert len({case["id"] for case in CASES}) == len(CASES)
    for case in CASES:
        assert set(case) <= {"id", "text", "statements", "note", "known_gap"}
        assert case.get("known_gap", "a reason")
        for statement in case["statements"]:
            assert "kind" in statement
            assert set(statement) <= set(ASKED)


def letters(text: str) -> str:
    """Marks fall away between the pieces of a quotation, so only letters and digits can be compared."""
    return "".join(filter(str.isalnum, text))


def test_expected_words_stand_in_the_text() -> None:
    for case in CASES:
        for statement in case["statements"]:
            assert all(letters(word) in letters(case["text"]) for word in statement.get("text", "").split()), case["id"]
