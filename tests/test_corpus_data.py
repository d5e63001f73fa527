"""The project's own corpus is what docs/data.md says: its size, its balance, its coding, and no leak."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nato_stance.agreement import agreement
from nato_stance.codebook import FIELDS
from nato_stance.corpus import CorpusItem, read_corpus

WORD = re.compile(r"\w+")
QUESTIONS = (*FIELDS, "primary", "tone")
FIRST_CONTRAST_SCENE = "s651"


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def items(fixtures: Path) -> list[CorpusItem]:
    return read_corpus(fixtures / "corpus/statements.jsonl")


@pytest.fixture(scope="module")
def codes(fixtures: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows(fixtures / "corpus/codes.jsonl")}


def grams(text: str, n: int) -> set[str]:
    words = WORD.findall(text.lower().replace("’", "'"))
    return {" ".join(words[i : i + n]) for i in range(len(words) - n + 1)}


def test_size_scenes_and_forms(items: list[CorpusItem], fixtures: Path) -> None:
    scenes = {row["scene"]: row for row in rows(fixtures / "corpus/scenes.jsonl")}
    per_scene = Counter(x.scene for x in items)
    assert len(items) >= 3000
    assert len(per_scene) >= 400
    assert set(per_scene) == set(scenes)
    assert max(per_scene.values()) <= 8
    assert sum(x.form != "direct" for x in items) >= len(items) / 3
    for row in scenes.values():
        assert {"who", "where", "to_whom", "about", "register", "year", "theatre", "setting"} <= set(row)
        assert 1990 <= row["year"] <= 2026
    assert len({row["theatre"] for row in scenes.values()}) >= 15
    assert len({row["setting"] for row in scenes.values()}) >= 13


def test_every_line_keeps_the_schema(fixtures: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads((fixtures / "corpus/schema.json").read_text("utf-8")))
    for row in rows(fixtures / "corpus/statements.jsonl"):
        validator.validate(row)


def test_words_cue_and_context_belong_together(items: list[CorpusItem]) -> None:
    for x in items:
        assert not re.search(r"^[“\"]|[”\"]$", x.text), x.id
        if x.form != "direct":
            assert x.context is not None, x.id
        if x.context is not None:
            assert x.text.strip(" ,.") in x.context, x.id
            assert x.cue is not None, x.id
            assert x.cue in x.context, x.id
            assert bool(re.search('[“"«]', x.context)) == (x.form != "indirect"), x.id
        assert 1 <= len(x.text.split()) <= 80, x.id


def test_rare_cells_are_filled_and_about_half_is_no_stance(items: list[CorpusItem]) -> None:
    for field in FIELDS:
        assert sum(getattr(x, field) == "-" for x in items) >= 150, field
        assert sum(getattr(x, field) == "+" for x in items) >= 150, field
    assert sum(x.tone == "conciliatory" for x in items) >= 150
    assert sum(x.tone == "confrontational" for x in items) >= 150
    assert 0.4 <= sum(x.primary == "none" for x in items) / len(items) <= 0.6


def test_every_label_follows_from_the_stored_codes(items: list[CorpusItem], codes: dict[str, dict[str, Any]]) -> None:
    assert set(codes) == {x.id for x in items}
    for x in items:
        row = codes[x.id]
        final = row["first"] if row["first"] == row["second"] else row["third"]
        assert final == {q: getattr(x, q) for q in QUESTIONS}, x.id
        assert (row["third"] is None) == (row["first"] == row["second"]), x.id


def test_agreement_is_what_the_datasheet_states(codes: dict[str, dict[str, Any]], root: Path) -> None:
    alpha = agreement(list(codes.values()))
    assert alpha["primary"] >= 0.85
    assert alpha["tone"] >= 0.80
    page = (root / "docs/data.md").read_text(encoding="utf-8")
    for question, value in alpha.items():
        assert f"| {question} | {value:.3f} |" in page, (question, value)


def test_counts_are_what_the_datasheet_states(items: list[CorpusItem], root: Path) -> None:
    page = (root / "docs/data.md").read_text(encoding="utf-8")
    assert f"| statements | {len(items):,} |" in page
    assert f"| scenes | {len({x.scene for x in items})} |" in page
    for question in QUESTIONS:
        counts = Counter(getattr(x, question) for x in items)
        for value, n in counts.items():
            assert re.search(rf"\| {question} \|[^\n]*`{re.escape(value)}` {n:,}\b", page), (question, value, n)


def test_no_scene_stands_on_two_sides_of_the_split(items: list[CorpusItem]) -> None:
    sides = defaultdict(set)
    for x in items:
        sides[x.scene].add(x.split)
    assert all(len(s) == 1 for s in sides.values())
    share = sum(x.split == "test" for x in items) / len(items)
    assert 0.15 <= share <= 0.25


def test_no_near_duplicates(items: list[CorpusItem]) -> None:
    sets = [grams(x.text, 5) or {" ".join(WORD.findall(x.text.lower()))} for x in items]
    by_gram = defaultdict(list)
    for i, s in enumerate(sets):
        for g in s:
            by_gram[g].append(i)
    shared = Counter((i, j) for group in by_gram.values() for i in group for j in group if i < j)
    for (i, j), n in shared.items():
        # Statements of one contrast group are near in words on purpose; a scene is never divided by the split.
        contrast = items[i].scene == items[j].scene and str(items[i].scene) >= FIRST_CONTRAST_SCENE
        assert contrast or n / len(sets[i] | sets[j]) < 0.5, (items[i].id, items[j].id)


def test_no_eight_words_in_a_row_from_the_yardsticks(items: list[CorpusItem], shared: Path) -> None:
    theirs = set()
    for path in [*shared.glob("seeds/*.txt"), *shared.glob("polnear-dev/*.txt")]:
        theirs |= grams(path.read_text(encoding="utf-8"), 8)
    for path in shared.glob("real-*/statements.jsonl"):
        for row in rows(path):
            theirs |= grams(row["text"], 8) | grams(row["context"] or "", 8)
    for x in items:
        assert not (grams(x.text, 8) | grams(x.context or "", 8)) & theirs, x.id


@pytest.mark.parametrize(
    "clue",
    [
        lambda x: {"length": len(x.text.split()), "characters": len(x.text)},
        lambda x: {"first": x.text.split()[0].lower()},
        lambda x: {"form": x.form, "attributed": x.context is not None},
    ],
    ids=["length", "first word", "form"],
)
def test_clues_that_carry_no_meaning_do_not_give_the_label_away(items: list[CorpusItem], clue: Any) -> None:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    train = [x for x in items if x.split == "train"]
    test = [x for x in items if x.split == "test"]
    model = make_pipeline(DictVectorizer(), MaxAbsScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    model.fit([clue(x) for x in train], [x.primary for x in train])
    found = f1_score([x.primary for x in test], model.predict([clue(x) for x in test]), average="macro")
    assert found < 0.4


def test_openings_vary(items: list[CorpusItem]) -> None:
    openings = Counter(" ".join(x.text.lower().split()[:3]) for x in items if len(x.text.split()) > 5)
    assert openings.most_common(1)[0][1] <= len(items) * 0.015
    sample = random.Random(0).sample(items, 500)
    assert len({x.text.split()[0].lower() for x in sample}) > 120
