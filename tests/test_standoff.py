"""The words of real statements come back from copies of their data sets, or are refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from nato_stance.cli import main
from nato_stance.corpus import read_corpus
from nato_stance.records import CorpusFormatError, InvalidInputError
from nato_stance.standoff import Pointer, attach, read_pointers, rebuild

LABELS = {"threat": "0", "dialogue": "+", "deterrence": "0", "primary": "dialogue", "tone": "neutral"}


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


@pytest.fixture
def datasets(tmp_path: Path) -> Path:
    """Small copies, in our own words, of every layout that a pointer can lead into."""

    def put(path: str, text: str) -> None:
        file = tmp_path / "data sets" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    put("PolNeAR/data/train/attributions/a_1.ann", "T1\tSource 0 4\tAnna\nT2\tContent 10 40\t“Talks  go on”\n")
    put(
        "discourse-lab/UMUC/Corpora/Annotated/Conflicts/main_conflicts_sents.csv",
        'id,text\n1,"First  row"\n2,"Second, row"\n',
    )
    put("narrative_analysis/data/us_ukraine.csv", 'text\n"One here. Two there.  “Three” it is."\n')
    put("owner/name/doc.json", json.dumps({"a": ["alpha ", {"b": "beta <b>bold</b> end"}]}))
    put("name2/page.txt", "Fish &amp; chips are ready for all")
    return tmp_path / "data sets"


def pointer(source: str, ref: object, text: str) -> Pointer:
    return Pointer(f"{source}-1", source, ref, sha1(text), LABELS, None)  # type: ignore[arg-type]


def test_every_kind_of_pointer_resolves(datasets: Path) -> None:
    expected = [
        (pointer("PolNeAR", "data/train/attributions/a_1.ann#T2", "Talks go on"), "“Talks go on”"),
        (pointer("UMUC", "main_conflicts_sents.csv#1", "Second, row"), None),
        (pointer("narrative_analysis", "us_ukraine.csv#0.1", "Two there."), None),
        (
            pointer(
                "owner/name", {"path": "doc.json", "spans": [[0, 5], [7, 23]], "context": [[7, 27]]}, "alpha beta bold"
            ),
            "beta bold end",
        ),
        (pointer("other/name2", {"path": "page.txt", "spans": [[0, 12]], "context": None}, "Fish & chips"), None),
    ]
    items, failed = rebuild([p for p, _ in expected], datasets)
    assert failed == []
    assert [x.context for x in items] == [c for _, c in expected]
    assert [sha1(x.text) for x in items] == [p.sha1 for p, _ in expected]
    assert items[0].scene == "PolNeAR:data/train/attributions/a_1.ann"
    assert items[2].scene == "narrative_analysis:us_ukraine.csv#0"


def test_what_cannot_be_resolved_is_told_and_not_lost(datasets: Path) -> None:
    wrong = [
        pointer("UMUC", "main_conflicts_sents.csv#0", "other words"),
        pointer("UMUC", "main_conflicts_sents.csv#99", "x"),
        pointer("PolNeAR", "data/train/attributions/none.ann#T2", "x"),
        pointer("no/where", {"path": "a.txt", "spans": [[0, 1]], "context": None}, "x"),
    ]
    items, failed = rebuild(wrong, datasets)
    assert items == []
    assert [p for p, _ in failed] == wrong
    assert "differ" in failed[0][1]
    assert "no copy of no/where" in failed[3][1]
    with pytest.raises(InvalidInputError, match="no folder"):
        rebuild(wrong, datasets / "missing")


def test_the_command_writes_a_file_that_training_can_read(datasets: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    row = {"id": "u1", "source": "UMUC", "ref": "main_conflicts_sents.csv#1", "sha1": sha1("Second, row"), **LABELS}
    labels.write_text(json.dumps(row) + "\n")
    out = tmp_path / "real.jsonl"
    assert main(["corpus", "rebuild", str(labels), "--datasets", str(datasets), "-o", str(out)]) == 0
    assert [x.text for x in read_corpus(out)] == ["Second, row"]
    assert main(["corpus", "rebuild", str(labels), "--datasets", str(tmp_path), "-o", str(out)]) == 1


def test_attach_takes_only_the_words_that_were_coded(datasets: Path) -> None:
    good = pointer("UMUC", "main_conflicts_sents.csv#1", "Second, row")
    items, _ = rebuild([good], datasets)
    assert attach(items, [good])[0].scene == "UMUC:main_conflicts_sents.csv#1"
    with pytest.raises(CorpusFormatError, match="SHA-1"):
        attach([replace(items[0], text="Second row")], [good])
    with pytest.raises(CorpusFormatError, match="no pointer"):
        attach([replace(items[0], id="zz")], [good])


def test_the_shipped_pointers_are_whole_and_carry_no_words(fixtures: Path) -> None:
    path = fixtures / "corpus/real_labels.jsonl"
    pointers = read_pointers(path)
    assert len(pointers) == 5781
    assert len({p.id for p in pointers}) == 5781
    assert all(len(p.sha1) == 40 for p in pointers)
    for line in path.read_text("utf-8").splitlines():
        assert set(json.loads(line)) <= {"id", "source", "ref", "sha1", *LABELS, "second"}


def test_the_pointers_match_the_words_where_those_are_at_hand(fixtures: Path, shared: Path) -> None:
    pointers = read_pointers(fixtures / "corpus/real_labels.jsonl")
    items = attach(read_corpus(shared / "real-train/statements.jsonl"), pointers)
    assert len(items) == 5781
