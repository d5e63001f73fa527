"""A user's labelled file is read whole or refused with the line that breaks a rule."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from nato_stance.cli import main
from nato_stance.corpus import CorpusItem, data_digest, read_corpus, scan_corpus
from nato_stance.records import CorpusFormatError

GOOD = {
    "id": "a1",
    "text": "The talks go on.",
    "threat": "0",
    "dialogue": "+",
    "deterrence": "0",
    "primary": "dialogue",
    "tone": "neutral",
}

# What is changed in a good row, and the field that must be named.
BROKEN = [
    ({"id": ""}, "id"),
    ({"id": 7}, "id"),
    ({"text": "  "}, "text"),
    ({"text": None}, "text"),
    ({"context": 3}, "context"),
    ({"threat": "affirmed"}, "threat"),
    ({"dialogue": "x"}, "dialogue"),
    ({"primary": "Dialogue"}, "primary"),
    ({"tone": "angry"}, "tone"),
    ({"form": "quoted"}, "form"),
    ({"split": "dev"}, "split"),
    ({"primary": "none"}, "primary"),
    ({"primary": "threat"}, "primary"),
    ({"stance": "dialogue"}, "stance"),
]


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows), encoding="utf-8")
    return path


def test_a_good_file_comes_back_in_order_with_nulls_kept(tmp_path: Path) -> None:
    rows = [GOOD, {**GOOD, "id": "a2", "primary": None, "threat": None, "cue": "said", "scene": "s1"}]
    items = read_corpus(write(tmp_path / "c.jsonl", *rows))
    assert [x.id for x in items] == ["a1", "a2"]
    assert items[1].primary is None
    assert items[1].item == ("The talks go on.", None, "said")
    assert [x.group for x in items] == ["a1", "s1"]


@pytest.mark.parametrize(("change", "field"), BROKEN)
def test_every_broken_rule_names_line_and_field(tmp_path: Path, change: dict[str, object], field: str) -> None:
    path = write(tmp_path / "c.jsonl", GOOD, {**GOOD, "id": "a2", **change})
    items, problems = scan_corpus(path)
    assert [x.id for x in items] == ["a1"]
    assert [(p.line, p.field) for p in problems] == [(2, field)]
    with pytest.raises(CorpusFormatError, match=rf"line 2: {field}"):
        read_corpus(path)


def test_the_json_schema_and_the_reader_hold_the_same_rules(fixtures: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads((fixtures / "corpus/schema.json").read_text("utf-8")))
    assert validator.is_valid(GOOD)
    for change, field in BROKEN:
        assert not validator.is_valid({**GOOD, **change}), field
    for name in GOOD:
        assert not validator.is_valid({k: v for k, v in GOOD.items() if k != name}), name


def test_lines_that_are_no_json_and_ids_used_twice_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", GOOD, "{not json", "[]", GOOD)
    _, problems = scan_corpus(path)
    assert [(p.line, p.field) for p in problems] == [(2, None), (3, None), (4, "id")]


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    _, problems = scan_corpus(write(tmp_path / "c.jsonl", {k: v for k, v in GOOD.items() if k != "tone"}))
    assert [str(p) for p in problems] == ["line 1: tone: is missing"]


@pytest.mark.parametrize("make", ["missing", "folder", "utf16", "empty"])
def test_files_that_cannot_be_read_say_what_to_do(tmp_path: Path, make: str) -> None:
    path = tmp_path / "c.jsonl"
    if make == "folder":
        path.mkdir()
    elif make == "utf16":
        path.write_bytes(json.dumps(GOOD).encode("utf-16"))
    elif make == "empty":
        path.touch()
    with pytest.raises(CorpusFormatError, match=r"c\.jsonl"):
        read_corpus(path)


def test_the_digest_follows_words_and_labels_and_not_the_order() -> None:
    a = CorpusItem(**GOOD)
    b = CorpusItem(**{**GOOD, "id": "a2"})
    assert data_digest([a, b]) == data_digest([b, a])
    assert data_digest([a]) != data_digest([CorpusItem(**{**GOOD, "tone": "conciliatory"})])
    assert data_digest([a]) != data_digest([CorpusItem(**{**GOOD, "text": "The talks go on"})])


def test_corpus_check_lists_every_problem_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "c.jsonl", GOOD, {**GOOD, "id": "b", "tone": "loud"}, {**GOOD, "id": "c", "primary": "no"})
    assert main(["corpus", "check", str(path)]) == 1
    out = capsys.readouterr()
    assert "line 2: tone: 'loud'" in out.out
    assert "line 3: primary: 'no'" in out.out
    assert "1 sound statements, 2 problems" in out.err
    assert main(["corpus", "check", str(write(tmp_path / "d.jsonl", GOOD))]) == 0


def test_a_file_of_another_kind_does_not_flood_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "rows.jsonl", *(["{}"] * 1_500))
    assert main(["corpus", "check", str(path)]) == 1
    done = capsys.readouterr()
    n = int(done.err.split(" problems")[0].split(", ")[1])
    shown = done.out.splitlines()
    assert len(shown) == 1_001
    assert f"and {n - 1_000:,} more problems" in shown[-1]


def test_numbers_of_any_length_and_a_line_that_is_no_utf8_are_problems_of_their_line(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", GOOD, '{"id": ' + "9" * 5_000 + "}", "[" * 100_000)
    path.write_bytes(path.read_bytes() + b'"\xff"\n' + json.dumps({**GOOD, "id": "a2"}).encode())
    items, problems = scan_corpus(path)
    assert [item.id for item in items] == ["a1", "a2"]
    assert [problem.line for problem in problems] == [2, 3, 4]
