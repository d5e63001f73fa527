"""The hand-coded articles under fixtures/articles: their spans point at the words, their labels obey the codebook."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nato_stance.codebook import FIELDS, SIGNS, STANCES, TONES

ARTICLES = Path(__file__).parent.parent / "fixtures" / "articles"
GOLD = sorted((ARTICLES / "gold").glob("*.json"))
STATEMENT_KEYS = {
    "id",
    "kind",
    "spans",
    "text",
    "speaker",
    "speaker_span",
    "cue",
    *FIELDS,
    "primary",
    "tone",
}
QUOTATION_MARKS = set('“”"„»«')


def load(path: Path) -> tuple[str, dict[str, Any]]:
    gold = json.loads(path.read_text(encoding="utf-8"))
    with (ARTICLES / gold["file"]).open(encoding="utf-8", newline="") as handle:
        return handle.read(), gold


@pytest.fixture(params=GOLD, ids=lambda path: path.stem)
def article(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return load(request.param)


def test_every_article_has_gold_and_every_gold_file_an_article() -> None:
    assert {p.stem for p in ARTICLES.glob("*.txt")} == {p.stem for p in GOLD}
    assert len(GOLD) >= 12


def test_gold_names_its_own_article_and_nothing_unknown(article: tuple[str, dict[str, Any]]) -> None:
    _, gold = article
    assert set(gold) == {"file", "date", "title", "statements", "not_statements"}
    assert [s["id"] for s in gold["statements"]] == [f"s{i}" for i in range(1, len(gold["statements"]) + 1)]
    for s in gold["statements"]:
        assert STATEMENT_KEYS <= set(s) <= STATEMENT_KEYS | {"note"}, s["id"]
    for n in gold["not_statements"]:
        assert {"span", "why"} <= set(n) <= {"span", "why", "note"}


def test_spans_slice_to_the_words_said(article: tuple[str, dict[str, Any]]) -> None:
    text, gold = article
    for s in gold["statements"]:
        pieces = [text[a:b] for a, b in s["spans"]]
        assert " ".join(pieces) == s["text"], s["id"]
        for piece in pieces:
            assert piece == piece.strip() != "", s["id"]
            assert not {piece[0], piece[-1]} & QUOTATION_MARKS, s["id"]
        for _, end in s["spans"]:
            stop_left_out = text[end : end + 1] in {".", ",", "!", "?"} and text[end + 1 : end + 2] in QUOTATION_MARKS
            assert not stop_left_out, s["id"]


def test_statements_stand_in_reading_order_and_share_no_character(article: tuple[str, dict[str, Any]]) -> None:
    _, gold = article
    assert all(s["spans"] == sorted(s["spans"]) for s in gold["statements"])
    starts = [s["spans"][0][0] for s in gold["statements"]]
    assert starts == sorted(starts)
    taken = sorted(span for s in gold["statements"] for span in s["spans"])
    taken_or_not = sorted(taken + [n["span"] for n in gold["not_statements"]])
    assert all(a[1] <= b[0] for a, b in pairwise(taken_or_not))


def test_not_statements_lie_inside_the_text(article: tuple[str, dict[str, Any]]) -> None:
    text, gold = article
    for n in gold["not_statements"]:
        start, end = n["span"]
        assert 0 <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert n["why"]


def test_mentions_and_cues_are_words_of_the_article(article: tuple[str, dict[str, Any]]) -> None:
    text, gold = article
    for s in gold["statements"]:
        assert s["speaker_span"] is not None
        start, end = s["speaker_span"]
        mention = text[start:end]
        assert mention == mention.strip() != "", s["id"]
        assert s["cue"] is None or s["cue"] in text, s["id"]


def test_canonical_speakers_stand_in_the_article(article: tuple[str, dict[str, Any]]) -> None:
    text, gold = article
    for s in gold["statements"]:
        name = s["speaker"].split(" (")[0]
        assert name.lower() in text.lower(), (s["id"], name)


def test_labels_are_those_of_the_codebook(article: tuple[str, dict[str, Any]]) -> None:
    _, gold = article
    for s in gold["statements"]:
        assert s["kind"] in {"direct", "mixed", "indirect"}
        assert all(s[field] in SIGNS for field in FIELDS), s["id"]
        assert s["primary"] in STANCES
        assert s["tone"] in TONES
        present = [field for field in FIELDS if s[field] != "0"]
        assert s["primary"] in present or (s["primary"] == "none" and not present), s["id"]


def test_every_label_value_and_kind_occurs_and_a_fair_share_has_no_stance() -> None:
    statements = [s for path in GOLD for s in load(path)[1]["statements"]]
    for field in FIELDS:
        assert {s[field] for s in statements} == set(SIGNS)
    for key, values in (("tone", set(TONES)), ("primary", set(STANCES)), ("kind", {"direct", "mixed", "indirect"})):
        assert {s[key] for s in statements} == values
    shares = Counter(s["primary"] for s in statements)
    assert shares["none"] / len(statements) >= 0.2
