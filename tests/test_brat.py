"""Attributions out of brat standoff, and quotations measured against them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nato_stance import CorpusFormatError, InvalidInputError, Quotation, extract_quotations
from nato_stance.brat import BratAttribution, BratDocument, read_brat
from nato_stance.cli import main
from nato_stance.cli.evaluate_quotations import run
from nato_stance.quotation_evaluation import evaluate_quotations, gold_quotations

TEXT = "“Stay here,” said Ann Berg. He called it “a joke” and left."
SPANS = "T1\tContent 0 12\t“Stay here,”\nT2\tCue 13 17\tsaid\nT3\tSource 18 26\tAnn Berg\n"
MORE = "T4\tSource 28 30\tHe\nT5\tCue 31 37\tcalled\nT6\tContent 38 49\tit “a joke”\n"
EVENTS = "E1\tAttribution:T2 Content:T1 Cue:T2 Source:T3\nE2\tAttribution:T5 Source:T4 Cue:T5 Content:T6\n"


Captured = pytest.CaptureFixture[str]


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str = TEXT, ann: str | None = SPANS + MORE + EVENTS, ann_name: str = "a1.ann") -> Path:
        (tmp_path / "a1.txt").write_bytes(text.encode("utf-8"))
        if ann is not None:
            (tmp_path / ann_name).write_bytes(ann.encode("utf-8"))
        return tmp_path

    return write


def extractor(*quotations: Quotation) -> Callable[[str], list[Quotation]]:
    return lambda text: list(quotations)


def quotation(text: str, words: str, speaker: str | None = None, mention: str | None = None) -> Quotation:
    start = text.index(words)
    at = text.index(mention) if mention else 0
    span = (at, at + len(mention)) if mention else None
    return Quotation("direct", ((start, start + len(words)),), words, speaker, span)


def test_roles_of_every_attribution_are_read(fixtures: Path) -> None:
    documents = {document.name: document for document in read_brat(fixtures / "brat")}
    assert list(documents) == ["ferry.txt", "museum.txt", "weather.txt"]
    assert documents["weather.txt"].attributions == ()
    ferry = documents["ferry.txt"]

    def words(spans: tuple[tuple[int, int], ...]) -> list[str]:
        return [ferry.text[a:b] for a, b in spans]

    third = ferry.attributions[2]
    assert words(third.content) == ["“May has thirty-one days,”", "“and he has promised all of them.”"]
    assert words(third.source) == ["deputy Ole Brandvik"]
    assert words(third.cue) == ["remarked"]
    assert documents["museum.txt"].attributions[2].source == ()


def test_gold_is_what_stands_between_marks_inside_content(fixtures: Path) -> None:
    by_name = {d.name: [d.text[slice(*g.span)] for g in gold_quotations(d)] for d in read_brat(fixtures / "brat")}
    assert by_name == {
        "ferry.txt": [
            "The ferries will sail in May",
            "a poem about fog",
            "May has thirty-one days",
            "and he has promised all of them",
        ],
        "museum.txt": [
            "We are closing the bridge for a week",
            "Closed bridges make open wounds",
            "older than the town",
        ],
        "weather.txt": [],
    }


def test_numbered_arguments_and_events_without_content(corpus: Callable[..., Path]) -> None:
    events = (
        "E1\tAttribution:T2 Content:T1 Cue:T2 Source:T3 Content2:T6 Note:T99\nE2\tThing:T5 Source:T4\n#1\tNote E1\tx\n"
    )
    (document,) = read_brat(corpus(ann=SPANS + MORE + events))
    assert [a.id for a in document.attributions] == ["E1"]
    assert document.attributions[0].content == ((0, 12), (38, 49))


def test_annotators_file_stands_in_and_the_article_s_own_comes_first(corpus: Callable[..., Path]) -> None:
    folder = corpus(ann=SPANS + EVENTS.splitlines()[0] + "\n", ann_name="a1_x7.ann")
    assert len(read_brat(folder)[0].attributions) == 1
    corpus(ann=SPANS + MORE + EVENTS, ann_name="a1.ann")
    assert len(read_brat(folder)[0].attributions) == 2


def test_newlines_are_counted_as_they_stand(corpus: Callable[..., Path]) -> None:
    text = "Lead.\r\n\r\n“Stay\r\nhere,” said Ann."
    ann = "T1\tContent 9 22\t“Stay here,”\nT2\tCue 23 27\tsaid\nE1\tAttribution:T2 Content:T1 Cue:T2\n"
    (document,) = read_brat(corpus(text, ann))
    assert document.text == text
    assert [text[slice(*g.span)] for g in gold_quotations(document)] == ["Stay\r\nhere"]


@pytest.mark.parametrize(
    ("ann", "message"),
    [
        ("T1\tContent 0 x\t“Stay\n", r"a1\.ann: line 1: .* is no span; expected"),
        ("T1 Content 0 4 “Stay\n", "line 1: .* is no span"),
        ("T1\tContent 0 12\t“Stay here,”\nT2\tCue 13 17\tsays\n", "line 2: the text has 'said' there, not 'says'"),
        ("T1\tContent 50 900\tleft.\n", f"span 50 900 is empty or ends after the text, at {len(TEXT)}"),
        ("T1\tContent 5 5\t\n", "span 5 5 is empty"),
        (SPANS + "E1\tAttribution:T2 Content:T9\n", "line 4: 'Content:T9' points to a span that the file does not"),
        (SPANS + "E1\tAttribution:T2 Content\n", "line 4: 'Content' is no argument; expected ROLE:T1"),
    ],
)
def test_what_breaks_the_format_is_named_with_its_line(corpus: Callable[..., Path], ann: str, message: str) -> None:
    folder = corpus(ann=ann)
    with pytest.raises(CorpusFormatError, match=message):
        read_brat(folder)


def test_missing_parts_are_named_with_the_way_out(corpus: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"holds no \.txt file"):
        read_brat(tmp_path)
    with pytest.raises(InvalidInputError, match="is no folder"):
        read_brat(tmp_path / "nowhere")
    folder = corpus(ann=None)
    with pytest.raises(CorpusFormatError, match=r"needs an empty a1\.ann"):
        read_brat(folder)
    (folder / "a1.ann").write_bytes(b"\xff\xfe")
    with pytest.raises(CorpusFormatError, match="byte 0 is no UTF-8"):
        read_brat(folder)


def test_scores_are_those_counted_by_hand() -> None:
    document = BratDocument(
        "a1.txt",
        TEXT,
        (
            BratAttribution("E1", ((18, 26),), ((13, 17),), ((0, 12),)),
            BratAttribution("E2", ((28, 30),), ((31, 37),), ((38, 49),)),
        ),
    )
    report = evaluate_quotations(
        [document, replace(document, name="a2.txt")],
        extractor(
            quotation(TEXT, "Stay here,", "Ann Berg"),
            quotation(TEXT, "a joke”", "Ann Berg", "Ann Berg"),
            quotation(TEXT, "and left"),
            replace(quotation(TEXT, "said Ann"), kind="indirect"),
        ),
    )
    assert (report.n_documents, report.n_gold, report.n_predicted) == (2, 4, 6)
    assert report.exact.to_dict() == {"precision": 0.666667, "recall": 1.0, "f1": 0.8}
    assert report.overlap == report.exact
    assert (report.n_named_right, report.n_named, report.n_pronouns_right, report.n_pronouns) == (2, 2, 0, 2)
    assert (report.speaker_accuracy, report.found_and_attributed) == (0.5, 0.5)
    assert [(f.fault, f.document, f.text, f.expected, f.given) for f in report.faults[:2]] == [
        ("speaker", "a1.txt", "a joke", "He", "Ann Berg"),
        ("spurious", "a1.txt", "and left", None, None),
    ]


def test_overlap_needs_one_half_and_each_prediction_serves_once() -> None:
    text = "“one two three four five six seven eight” said Bo Li"
    attribution = BratAttribution("E1", ((47, 52),), (), ((0, 41),))
    half, less = "one two three four f", "one two three four"
    for words, n_found in ((half, 1), (less, 0)):
        report = evaluate_quotations([BratDocument("a", text, (attribution,))], extractor(quotation(text, words)))
        assert (report.n_overlapping, report.n_exact) == (n_found, 0)
    twice = extractor(quotation(text, half), quotation(text, half))
    report = evaluate_quotations([BratDocument("a", text, (attribution,))], twice)
    assert (report.n_overlapping, report.overlap.precision) == (1, 0.5)


def test_nothing_marked_and_nothing_found_is_no_error() -> None:
    report = evaluate_quotations([BratDocument("a", "Rain.", ())])
    assert report.overlap.f1 == report.speaker_accuracy == report.found_and_attributed == 0.0
    assert report.faults == ()


def test_the_own_corpus_is_found_whole(fixtures: Path) -> None:
    report = evaluate_quotations(read_brat(fixtures / "brat"))
    assert report.faults == ()
    assert report.exact.f1 == report.overlap.f1 == report.speaker_accuracy == 1.0
    # One quotation has no source in the gold, so nobody can credit it.
    assert report.found_and_attributed == pytest.approx(6 / 7)


def test_command_prints_scores_and_faults(corpus: Callable[..., Path], capsys: Captured) -> None:
    text = "The song “Red Boat” was sung.\n\nRivals call it “a toy”, and laugh."
    ann = "T1\tSource 31 37\tRivals\nT2\tCue 9 13\t“Red\nT3\tContent 9 19\t“Red Boat”\nE1\tA:T2 Source:T1 Content:T3\n"
    folder = corpus(text, ann)
    assert run(["--brat", str(folder), "--misses", "5"]) == 0
    out = capsys.readouterr().out
    assert "articles: 1; quotations marked: 1; found: 1" in out
    assert "Not found (1)\n  a1.txt:10  Red Boat  [Rivals]" in out
    assert "nobody is quoted there (1)\n  a1.txt:47  a toy  [Rivals]" in out
    assert run(["--brat", str(folder)]) == 0
    assert "Not found" not in capsys.readouterr().out


def test_command_is_reached_from_evaluate(fixtures: Path, capsys: Captured) -> None:
    assert main(["evaluate", "quotations", "--brat", str(fixtures / "brat"), "--misses", "2"]) == 0
    assert "quotations marked: 7; found: 7" in capsys.readouterr().out
    assert main(["evaluate", "quotations", "--brat", str(fixtures / "missing")]) == 1
    assert "is no folder" in capsys.readouterr().err


def test_command_writes_the_whole_report_as_json(fixtures: Path, tmp_path: Path, capsys: Captured) -> None:
    target = tmp_path / "report.json"
    assert run(["--brat", str(fixtures / "brat"), "--json", str(target)]) == 0
    assert "found and attributed" in capsys.readouterr().out
    assert run(["--brat", str(fixtures / "brat"), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(target.read_text("utf-8"))
    assert json.loads(target.read_text("utf-8"))["speaker_pronoun"] == {"n": 1, "right": 1}


def test_command_tells_wrong_usage_and_empty_gold(corpus: Callable[..., Path], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as error:
        run([])
    assert error.value.code == 2
    with pytest.raises(SystemExit) as error:
        run(["--brat", "x", "--misses", "-1"])
    assert error.value.code == 2
    capsys.readouterr()
    assert run(["--brat", str(corpus(ann=""))]) == 0
    assert "no quotation marks inside the Content spans" in capsys.readouterr().err
    with pytest.raises(OSError, match="the folder does not exist"):
        run(["--brat", str(corpus()), "--json", "/no/such/folder/x.json"])


def test_same_numbers_as_the_independent_scorer(shared: Path, tmp_path: Path) -> None:
    documents = read_brat(shared / "polnear-dev")
    report = evaluate_quotations(documents).to_dict()
    rows = tmp_path / "predictions.jsonl"
    with rows.open("w", encoding="utf-8") as file:
        for document in documents:
            for q in extract_quotations(document.text):
                row = {"file": document.name, "kind": q.kind, "spans": q.spans}
                file.write(json.dumps({**row, "speaker": q.speaker, "speaker_span": q.speaker_span}) + "\n")
    command = [sys.executable, str(shared / "tools/score_quotes.py"), str(shared / "polnear-dev"), str(rows), "--json"]
    other = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (report["n_gold"], report["n_predicted"]) == (other["gold"], other["predicted"])
    for measure in ("exact", "overlap"):
        assert list(report[measure].values()) == pytest.approx(list(other[measure].values()), abs=1e-4)
    assert report["speaker_accuracy"] == pytest.approx(other["speaker_accuracy"], abs=1e-4)
    assert report["found_and_attributed"] == pytest.approx(other["found_and_attributed"], abs=1e-4)
    assert list(report["speaker_named"].values()) == other["speaker_named"][::-1]
