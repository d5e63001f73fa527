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
SCENE = re.compile(r"s(\d{3,4})")
# First and last scene of a part of the corpus, by the names that docs/data.md gives them.
PARTS = {"one and two": (1, 650), "three": (651, 950), "four": (951, 1250)}
FIRST_CONTRAST_SCENE = PARTS["three"][0]
MENACES = {
    "a general or hardliner tells the other side outright what will be done to it",
    "a militant leader menaces towns, ships or embassies",
    "a state broadcaster's commentator describes the strikes that are coming",
    "a commander announces the destruction of an enemy unit, base or network",
    "a party leader at a rally promises war or expulsion to a neighbour",
    "a ministry reads out a statement that menaces a neighbour by name",
    "a leader announces retaliation that has already been decided",
    "residents repeat what the armed men told them they would do",
}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def items(fixtures: Path) -> list[CorpusItem]:
    return read_corpus(fixtures / "corpus/statements.jsonl")


@pytest.fixture(scope="module")
def codes(fixtures: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows(fixtures / "corpus/codes.jsonl")}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The datasheet with its line breaks folded, so that a sentence is found wherever it breaks."""
    return re.sub(r"\s+", " ", (root / "docs/data.md").read_text(encoding="utf-8"))


def scene_number(name: str) -> int:
    """The number in the name of a scene or an item: as strings, s1000 would sort before s651."""
    found = SCENE.match(name)
    assert found, name
    return int(found[1])


def in_part(name: str, part: str) -> bool:
    first, last = PARTS[part]
    return first <= scene_number(name) <= last


def group(x: CorpusItem) -> tuple[str, int]:
    """Items 1 to 4 and 5 to 8 of a scene are its two groups."""
    return x.group, (int(x.id.rpartition("-")[2]) - 1) // 4


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


def test_ids_tell_scene_and_place_and_the_three_files_keep_one_order(items: list[CorpusItem], fixtures: Path) -> None:
    for x in items:
        assert re.fullmatch(r"s\d{3,4}-[1-8]", x.id), x.id
        assert x.id.rpartition("-")[0] == x.scene, x.id
    places = [(scene_number(x.id), x.id) for x in items]
    assert places == sorted(places)
    assert [row["id"] for row in rows(fixtures / "corpus/codes.jsonl")] == [x.id for x in items]
    assert [row["scene"] for row in rows(fixtures / "corpus/scenes.jsonl")] == list(
        dict.fromkeys(x.scene for x in items)
    )


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


def test_agreement_is_what_the_datasheet_states(codes: dict[str, dict[str, Any]], page: str) -> None:
    columns = [agreement(list(codes.values()))]
    columns += [agreement([row for name, row in codes.items() if in_part(name, part)]) for part in PARTS]
    for alpha in columns:
        assert alpha["primary"] >= 0.85
        assert alpha["tone"] >= 0.80
    for question in QUESTIONS:
        line = " | ".join(f"{alpha[question]:.3f}" for alpha in columns)
        assert f"| {question} | {line} |" in page, (question, line)


def test_what_the_datasheet_says_of_disputed_tone(
    items: list[CorpusItem], codes: dict[str, dict[str, Any]], page: str
) -> None:
    fourth = [x for x in items if in_part(x.id, "four")]
    pairs = {x.id: (codes[x.id]["first"], codes[x.id]["second"]) for x in fourth}
    same = sum(a["primary"] == b["primary"] for a, b in pairs.values()) / len(pairs)
    tones = {name: {a["tone"], b["tone"]} for name, (a, b) in pairs.items() if a["tone"] != b["tone"]}
    warm = [name for name, t in tones.items() if t == {"conciliatory", "neutral"}]
    denied = {x.id for x in fourth if x.threat == "-"}
    alone = sum(all(a[q] == b[q] for q in QUESTIONS if q != "tone") for a, b in (pairs[name] for name in tones))
    differ = sum(a != b for a, b in pairs.values())
    assert f"to {same:.2%}".replace("%", " %") in page
    assert f"differed in some question on {differ}, on {alone} of these in tone alone" in page
    assert f"the tone of {len(tones)} statements; {len(warm)} of these" in page
    assert f"in {len(denied & set(warm))} of the {len(warm)} the threat is denied" in page
    disputed = len(denied & set(tones))
    assert f"disputed in {disputed} of the {len(denied)} statements" in page
    assert f"in {len(tones) - disputed} of the other {len(fourth) - len(denied):,}" in page


def test_counts_are_what_the_datasheet_states(
    items: list[CorpusItem], codes: dict[str, dict[str, Any]], page: str
) -> None:
    assert f"| statements | {len(items):,} |" in page
    assert f"| scenes | {len({x.scene for x in items}):,} |" in page
    assert f"| words | {sum(len(x.text.split()) for x in items):,} |" in page
    assert f"| for training | {sum(x.split == 'train' for x in items):,} |" in page
    assert f"| held out for testing (by scene) | {sum(x.split == 'test' for x in items):,} |" in page
    third = sum(row["third"] is not None for row in codes.values())
    assert f"| statements that a third coder decided | {third:,} |" in page
    for question in (*QUESTIONS, "form"):
        counts = Counter(getattr(x, question) for x in items).most_common()
        line = ", ".join(f"`{value}` {n:,}" for value, n in counts)
        assert f"| {question} | {line} |" in page, (question, line)


def test_parts_are_what_the_datasheet_states(items: list[CorpusItem], page: str) -> None:
    parts = {part: [x for x in items if in_part(x.id, part)] for part in PARTS}
    assert sum(map(len, parts.values())) == len(items)
    for part, found in parts.items():
        scenes, plain = len({x.scene for x in found}), sum(x.primary == "none" for x in found)
        held_out = sum(x.split == "test" for x in found)
        line = rf"\| {part} \| [^|]* \| {scenes} \| {len(found):,} \| {plain:,} \| {held_out:,} \|"
        assert re.search(line, page), line
        assert 0.15 <= held_out / len(found) <= 0.25, part


def test_real_labels_are_as_many_as_the_datasheet_states(fixtures: Path, page: str) -> None:
    labels = rows(fixtures / "corpus/real_labels.jsonl")
    sentences = sum(row["source"] in ("PolNeAR", "UMUC", "narrative_analysis") for row in labels)
    twice = sum(bool(row.get("second")) for row in labels)
    assert f"| {len(labels):,} real statements as standoff" in page
    assert (
        f"{len(labels) - sentences:,} quotations and reported sentences from news and {sentences:,} sentences" in page
    )
    assert f"{twice} carry a second coder's labels" in page


def test_statements_of_a_contrast_group_differ_in_stance(items: list[CorpusItem]) -> None:
    stances = defaultdict(set)
    for x in items:
        if scene_number(x.id) >= FIRST_CONTRAST_SCENE:
            stances[group(x)].add((x.threat, x.dialogue, x.deterrence))
    # A quarter of part three is dull throughout; a group of part four that holds one stance only teaches nothing.
    third = [len(found) > 1 for (scene, _), found in stances.items() if in_part(scene, "three")]
    assert sum(third) >= 0.7 * len(third)
    assert not [key for key, found in stances.items() if in_part(key[0], "four") and len(found) == 1]


def test_a_condition_turns_a_menace_into_deterrence(items: list[CorpusItem], fixtures: Path, page: str) -> None:
    scenes = {
        row["scene"]
        for row in rows(fixtures / "corpus/scenes.jsonl")
        if row["occasion"] in MENACES and in_part(row["scene"], "four")
    }
    role = defaultdict(list)
    for x in items:
        if x.scene in scenes:
            role[(int(x.id[-1]) - 1) % 4].append(x)
    outright = sum(x.threat == "+" for x in role[0])
    conditional = sum(x.deterrence == "+" for x in role[1])
    denied = sum(x.threat == "-" for x in role[2])
    dull = sum(x.primary == "none" for x in role[3])
    assert min(outright, conditional, denied, dull) >= 0.9 * len(role[0])
    assert f"| menace | {len(scenes)} |" in page
    assert f"its {len(scenes)} scenes of menaces, {len(role[0])} statements for each role" in page
    assert (
        f"{outright} outright menaces are threat affirmed, {conditional} conditional ones deterrence affirmed" in page
    )
    assert f"{denied} denials threat denied, and {dull} dull neighbours without a stance" in page


def test_if_is_as_lopsided_as_the_datasheet_states(items: list[CorpusItem], page: str) -> None:
    def plain_with_if(part: str) -> tuple[int, int]:
        found = [x for x in items if in_part(x.id, part) and re.search(r"\bif\b", x.text, re.I)]
        return sum(x.primary == "none" for x in found), len(found)

    plain, n = plain_with_if("four")
    assert f"of the {n} statements of part four that hold the word, {plain} are without a stance" in page
    plain, n = plain_with_if("one and two")
    assert f"in parts one and two {plain} of {n} are" in page


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
        contrast = group(items[i]) == group(items[j]) and scene_number(items[i].id) >= FIRST_CONTRAST_SCENE
        assert contrast or n / len(sets[i] | sets[j]) < 0.5, (items[i].id, items[j].id)


def test_statements_of_the_same_words_differ_in_context_or_cue(items: list[CorpusItem]) -> None:
    same = defaultdict(list)
    for x in items:
        same[" ".join(WORD.findall(x.text.lower()))].append(x)
    for twins in same.values():
        seen = [(x.context, x.cue) for x in twins]
        assert len(set(seen)) == len(seen), [x.id for x in twins]


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
