"""Reports, comparison, baselines, the suite and `nato-stance evaluate`: what is printed is right and repeatable."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nato_stance import evaluate, load_model
from nato_stance.article_evaluation import CodedArticle, evaluate_articles, read_articles
from nato_stance.baselines import (
    KeywordBaseline,
    MajorityBaseline,
    TfidfBaseline,
    ToneWordsBaseline,
    VaderBaseline,
    consistent_label,
)
from nato_stance.cli import main
from nato_stance.codebook import FIELDS, PRESENCES, SIGNS, STANCES, TONES
from nato_stance.comparison import compare
from nato_stance.corpus import CorpusItem
from nato_stance.evaluation import Answer, report_on
from nato_stance.evaluation_suite import SuiteBuilder, compare_suites, cross_validated, grouped_folds, held_out_labels
from nato_stance.records import CorpusFormatError, InvalidInputError, InvalidTypeError, StanceLabel
from nato_stance.report_html import render
from nato_stance.slices import slices_of

SENTENCES = {
    ("+00", "threat", "confrontational"): "They will bomb {} and murder everyone there.",
    ("-00", "threat", "conciliatory"): "Nobody in {} needs to be afraid of us.",
    ("0+0", "dialogue", "conciliatory"): "We welcome new talks about {} at any time.",
    ("0-0", "dialogue", "confrontational"): "There will be no talks about {} with these liars.",
    ("00+", "deterrence", "neutral"): "More troops will be sent to {} to defend it.",
    ("000", "none", "neutral"): "The committee for {} meets on Monday.",
}
PLACES = ("the harbour", "the valley", "the old port", "the northern bridge", "the plateau", "the delta")


def item(i: int, codes: str, primary: str, tone: str, text: str, **more: Any) -> CorpusItem:
    return CorpusItem(f"i{i}", text, codes[0], codes[1], codes[2], primary, tone, **more)


def corpus(split: str | None = None) -> list[CorpusItem]:
    items = []
    for p, place in enumerate(PLACES):
        for codes, text in SENTENCES.items():
            more = {"scene": f"scene {p}", "form": "direct", "split": split}
            items.append(item(len(items), *codes, text.format(place), **more))
    return items


class Oracle:
    """Gives the gold labels of the statements it knows, wrong ones for some."""

    def __init__(self, items: Sequence[CorpusItem], wrong: frozenset[str] = frozenset(), sure: float = 0.9) -> None:
        self._known = {x.text: x for x in items}
        self._wrong, self._sure = wrong, sure
        self.provenance = {"digest": "d" * 64}

    def label_many(self, items: Sequence[Any]) -> list[StanceLabel]:
        return [self._label(self._known[text]) for text, _, _ in items]

    def _label(self, known: CorpusItem) -> StanceLabel:
        primary = STANCES.index(str(known.primary))
        tone = TONES.index(str(known.tone))
        if known.id in self._wrong:
            primary, tone = (primary + 1) % 4, (tone + 1) % 3
        presence = [PRESENCES.index(SIGNS[str(getattr(known, f))]) for f in FIELDS]
        stances = np.full(4, (1 - self._sure) / 3)
        stances[primary] = self._sure
        tones = np.full(3, 0.1)
        tones[tone] = 0.8
        return consistent_label(presence, stances, tones)


def test_a_perfect_model_has_perfect_numbers_and_calibration_tells_its_doubt() -> None:
    items = corpus()
    report = evaluate(Oracle(items), items, n_bootstrap=50)
    for name in ("primary_f1", "presence_f1", "polarity_f1", "denied_recall", "tone_f1"):
        assert report.measures[name].value == 1
        assert (report.measures[name].low, report.measures[name].high) == (1, 1)
    assert report.measures["ece"].value == pytest.approx(0.1)
    assert report.measures["brier"].value == pytest.approx(0.1**2 + 3 * (0.1 / 3) ** 2)
    assert report.reliability[9] == {"low": 0.9, "high": 1.0, "n": 36, "confidence": 0.9, "right": 1.0}
    assert report.model_digest == "d" * 64


def test_counts_classes_and_slices_add_up_to_the_whole() -> None:
    items = corpus()
    report = evaluate(Oracle(items, frozenset({"i0", "i5", "i9"})), items, n_bootstrap=20)
    assert report.n == 36
    assert report.n_groups == 6
    for matrix in report.confusion.values():
        assert sum(map(sum, matrix)) == 36
    assert sum(int(row["support"]) for row in report.classes["primary"].values()) == 36  # type: ignore[call-overload]
    for parts in report.slices.values():
        assert sum(int(row["n"]) for row in parts.values()) == 36  # type: ignore[call-overload]
    assert set(report.slices["negation"]) == {"negated", "not negated"}
    assert report.measures["primary_accuracy"].value == pytest.approx(33 / 36)


def test_abstaining_leaves_the_sure_answers() -> None:
    items = corpus()
    doubtful, sure = Oracle(items, frozenset(x.id for x in items[:12]), sure=0.55), Oracle(items, sure=0.85)

    class Mixed:
        def label_many(self, rows: Sequence[Any]) -> list[StanceLabel]:
            return doubtful.label_many(rows[:12]) + sure.label_many(rows[12:])

    rows = {row["min_confidence"]: row for row in evaluate(Mixed(), items, n_bootstrap=5).to_dict()["abstention"]}
    assert [rows[t]["n"] for t in (0.0, 0.5, 0.6, 0.8, 0.9)] == [36, 36, 24, 24, 0]
    assert rows[0.0]["primary_accuracy"]["value"] == pytest.approx(24 / 36)
    assert rows[0.6]["primary_f1"]["value"] == 1
    assert rows[0.6]["share"] == pytest.approx(2 / 3, abs=1e-6)
    assert "primary_f1" not in rows[0.9]


def test_mappings_and_records_are_measured_alike_and_names_of_presence_are_taken() -> None:
    items = corpus()
    rows = [
        {"id": x.id, "text": x.text, "primary": x.primary, "tone": x.tone, "scene": x.scene, "form": x.form}
        | {f: SIGNS[str(getattr(x, f))] for f in FIELDS}
        for x in items
    ]
    oracle = Oracle(items, frozenset({"i3"}))
    assert evaluate(oracle, rows, n_bootstrap=30).to_json() == evaluate(oracle, items, n_bootstrap=30).to_json()


def test_two_runs_give_equal_bytes_and_another_seed_other_intervals() -> None:
    items = corpus()
    oracle = Oracle(items, frozenset({"i1", "i8", "i15", "i22"}))
    first = evaluate(oracle, items, seed=5, n_bootstrap=100)
    assert first.to_json() == evaluate(oracle, items, seed=5, n_bootstrap=100).to_json()
    other = evaluate(oracle, items, seed=6, n_bootstrap=100)
    assert other.measures["primary_f1"].value == first.measures["primary_f1"].value
    assert other.to_json() != first.to_json()


def test_numbers_in_json_have_six_decimals_and_no_nan() -> None:
    items = corpus()[:1]
    text = evaluate(Oracle(items), items, n_bootstrap=10).to_json()
    assert "NaN" not in text
    assert not re.search(r"\d\.\d{7,}", text)
    assert json.loads(text)["measures"]["polarity_f1"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_unagreed_labels_are_not_asked() -> None:
    items = [replace(x, primary=None, tone=None) if i % 2 else x for i, x in enumerate(corpus())]
    wrong = frozenset(x.id for x in items if x.primary is None)
    report = evaluate(Oracle(corpus(), wrong), items, n_bootstrap=10)
    assert report.measures["primary_f1"].value == 1
    assert report.measures["tone_f1"].value == 1
    assert report.slices["tone"]["not agreed"]["n"] == 18


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([], InvalidInputError, "no statement"),
        (["words"], InvalidTypeError, r"items\[0\] is a str"),
        ([{"text": "Talks.", "primary": "talks"}], InvalidInputError, "primary='talks'"),
        ([{"text": " "}], InvalidInputError, r"items\[0\]: text is empty"),
        ([{"id": 1, "text": "One."}, {"id": 1, "text": "Two."}], InvalidInputError, "'1'"),
    ],
)
def test_items_that_cannot_be_measured_are_named(items: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate(load_model(), items)


def test_arguments_that_cannot_be_used_are_named() -> None:
    items = corpus()
    with pytest.raises(InvalidTypeError, match="dict without label_many"):
        evaluate({}, items)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="n_bootstrap is 0"):
        evaluate(Oracle(items), items, n_bootstrap=0)
    with pytest.raises(InvalidInputError, match="35 labels for 36"):
        report_on(Oracle(items).label_many([x.item for x in items])[1:], items)


def test_table_names_every_measure_class_and_slice() -> None:
    items = corpus()
    report = evaluate(Oracle(items, frozenset({"i0"})), items, n_bootstrap=10, dataset="own")
    table = report.to_table()
    assert "model on own: 36 statements in 6 groups" in table
    for name in (*report.measures, *report.confusion, "by length", "by negation", "confrontational"):
        assert name in table


def test_answers_survive_writing_and_reading() -> None:
    answer = Answer((0, 1, 2, 0, -1), (2, 2, 0, 2, 1), (0.25, 0.25, 0.5, 0.0), (0.1, 0.2, 0.7), "a | b")
    assert Answer.parse(str(answer)) == answer
    assert str(answer).startswith("+-0 threat ? > 00+ deterrence neutral | ")


def test_comparison_is_paired_and_sees_an_improvement() -> None:
    items = corpus()
    worse = evaluate(Oracle(items, frozenset(f"i{i}" for i in range(0, 36, 2))), items, n_bootstrap=50)
    better = evaluate(Oracle(items, frozenset({"i0"})), items, n_bootstrap=50)
    comparison = compare(json.loads(worse.to_json()), better, n_bootstrap=200, n_permutations=300)
    gain = comparison.differences["primary_accuracy"]
    assert gain.difference.value == pytest.approx(17 / 36)
    assert 0 < gain.difference.low <= gain.difference.high
    assert gain.p_value < 0.1
    same = compare(better.to_dict(), better, n_bootstrap=50, n_permutations=50).differences["primary_f1"]
    assert (same.difference.low, same.difference.high, same.p_value) == (0, 0, 1)
    assert "+0.472" in comparison.to_table()


def test_reports_on_other_data_are_not_compared() -> None:
    items = corpus()
    report = evaluate(Oracle(items), items, n_bootstrap=10)
    with pytest.raises(InvalidInputError, match="other data"):
        compare(report.to_dict(), evaluate(Oracle(items), items[1:], n_bootstrap=10))
    with pytest.raises(InvalidInputError, match="cannot be read"):
        compare({**report.to_dict(), "answers": {"i0": "spoiled"}}, report)


def test_folds_divide_no_scene_and_lose_no_statement() -> None:
    items = corpus()
    folds = grouped_folds(items, 3, seed=1)
    assert sorted(i for fold in folds for i in fold) == list(range(36))
    scenes = [{items[i].scene for i in fold} for fold in folds]
    assert not scenes[0] & scenes[1] | scenes[1] & scenes[2] | scenes[0] & scenes[2]
    assert folds == grouped_folds(items, 3, seed=1)
    with pytest.raises(InvalidInputError, match="7 folds cannot be made of 6 groups"):
        grouped_folds(items, 7, seed=0)


def test_cross_validation_never_asks_a_system_about_its_training_data() -> None:
    items = corpus()

    class Guarded(MajorityBaseline):
        def __init__(self, training: Sequence[CorpusItem]) -> None:
            super().__init__(training)
            self._seen = {x.scene for x in training}

        def label_many(self, rows: Sequence[Any]) -> list[StanceLabel]:
            scenes = {x.scene for x in items if x.item in set(rows)}
            assert not scenes & self._seen
            return super().label_many(rows)

    assert len(cross_validated(items, Guarded, n_folds=3)) == 36


def test_cross_validated_model_is_honest_about_copies_within_a_scene() -> None:
    rng = np.random.default_rng(0)
    nonsense = [
        item(i, "0+0" if rng.random() < 0.5 else "000", "", "neutral", f"word{i // 2} stands here", scene=f"s{i // 2}")
        for i in range(80)
    ]
    items = [replace(x, primary="dialogue" if x.dialogue == "+" else "none") for x in nonsense]
    twins = [
        replace(x, dialogue=items[i - i % 2].dialogue, primary=items[i - i % 2].primary) for i, x in enumerate(items)
    ]
    right = [a.stance == b.primary for a, b in zip(held_out_labels(twins, n_folds=2), twins, strict=True)]
    assert 0.2 < np.mean(right) < 0.8


def test_detectors_without_cross_fitted_answers_are_not_cross_validated() -> None:
    detectors: Any = object()
    with pytest.raises(InvalidInputError, match="36 of 36 statements have no cross-fitted answers"):
        held_out_labels(corpus(), detectors, n_folds=2)
    with pytest.raises(InvalidInputError, match="1 of 36 statements cannot be trained on"):
        held_out_labels([*corpus()[:-1], replace(corpus()[-1], split="test")], n_folds=2)
    with pytest.raises(InvalidInputError, match="6 groups are too few for 4 folds"):
        held_out_labels(corpus(), n_folds=4)


def test_baselines_learn_what_they_can() -> None:
    items, held_out = corpus(), [replace(x, text=x.text.replace("port", "mill")) for x in corpus()]
    scores = {
        baseline.name: evaluate(baseline, held_out, n_bootstrap=5).measures
        for baseline in (MajorityBaseline(items), TfidfBaseline(items), KeywordBaseline())
    }
    assert scores["majority"]["primary_f1"].value < 0.3
    assert scores["keywords"]["primary_f1"].value > 0.6
    assert scores["tfidf"]["primary_f1"].value > 0.9


def test_keyword_baseline_reads_denials_and_reporting_verbs() -> None:
    label = KeywordBaseline().label_many(
        [
            ("We will not hold talks with them.", None, None),
            ("We will hold talks with them.", None, None),
            ("It rained on the parade.", None, None),
        ]
    )
    assert [x.dialogue for x in label] == ["denied", "affirmed", "absent"]
    assert [x.stance for x in label] == ["dialogue", "dialogue", "none"]


@pytest.mark.parametrize("kind", [ToneWordsBaseline, VaderBaseline])
def test_sentiment_baselines_answer_tone_only(kind: type[ToneWordsBaseline]) -> None:
    if kind is VaderBaseline:
        pytest.importorskip("vaderSentiment")
    baseline = kind()
    labels = baseline.label_many([("A wonderful, helpful success.", None, None), ("A brutal, evil crime.", None, None)])
    assert [x.tone for x in labels] == ["conciliatory", "confrontational"]
    report = evaluate(baseline, corpus(), n_bootstrap=5)
    assert set(report.confusion) == {"tone"}
    assert "primary_f1" not in report.measures
    low, high = kind(corpus()).edges
    assert -1 < low < high < 1


def test_labels_of_baselines_are_consistent() -> None:
    for baseline in (MajorityBaseline(corpus()), KeywordBaseline(), ToneWordsBaseline()):
        for label in baseline.label_many([x.item for x in corpus()]):
            present = [f for f in FIELDS if getattr(label, f) != "absent"]
            assert (label.stance == "none") == (not present)
            assert label.stance == "none" or label.stance in present
            assert sum(label.probabilities.values()) == pytest.approx(1)


def test_slices_know_typographic_negation_the_cue_and_what_is_not_given() -> None:
    plain = item(0, "000", "none", "neutral", "It won’t happen.")
    assert slices_of(plain)["negation"] == "negated"
    assert slices_of(replace(plain, text="It happens.", cue="ruled out"))["negation"] == "negated"
    assert slices_of(replace(plain, text="It happens.", tone=None)) == {
        "form": "not given",
        "length": "1-10 words",
        "tone": "not agreed",
        "negation": "not negated",
        "source": "not given",
    }


def suite(wrong: frozenset[str] = frozenset()) -> Any:
    items = corpus()
    builder = SuiteBuilder(Oracle(items, wrong), {"corpus": items[:30]}, 0, 20, lambda line: None)
    builder.fit_baselines()
    builder.add_set("own", items[30:])
    return builder


def test_suite_holds_the_model_against_every_baseline_and_notes_leaks() -> None:
    builder = suite()
    builder.add_set("leak", corpus()[:5])
    result = builder.suite()
    assert next(iter(result.reports["own"])) == "model"
    assert {"majority", "tfidf", "keywords", "tone_words"} <= set(result.against["own"])
    assert result.notes == ("leak: 5 of 5 statements stand in the training data word for word",)
    assert "answers" in result.to_dict()["sets"]["own"]["systems"]["model"]
    assert "answers" not in result.to_dict()["sets"]["own"]["systems"]["tfidf"]
    with pytest.raises(InvalidInputError, match="called 'own'"):
        builder.add_set("own", corpus()[30:])


def test_suites_are_compared_set_by_set_and_the_rest_is_noted() -> None:
    old = suite(frozenset({"i30", "i31"}))
    old.add_set("gone", corpus()[:6])
    old_form = json.loads(old.suite().to_json())
    new = suite()
    comparisons, notes = compare_suites(old_form, new.suite())
    assert [c.dataset for c in comparisons] == ["own"]
    assert comparisons[0].differences["primary_accuracy"].difference.value == pytest.approx(2 / 6)
    assert notes == ["gone was measured in the earlier run only"]
    with pytest.raises(InvalidInputError, match="schema version"):
        compare_suites({"rows": []}, new.suite())


class Parsed(HTMLParser):
    """Counts elements, and checks that they are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_draws_every_figure_and_fetches_nothing() -> None:
    builder = suite(frozenset({"i33"}))
    form = json.loads(builder.suite().to_json())
    form["notes"] = ["<script>alert(1)</script>"]
    page = Parsed()
    page.feed(render(form))
    assert not page.open
    assert page.counts["svg"] == 4 + 5 + 5 + 2 + 5
    assert "script" not in page.counts
    assert not [a for a in page.attributes if a[0] in ("src", "href") or "http" in str(a[1])]
    with pytest.raises(InvalidInputError, match="evaluate --json"):
        render({"sets": {}})


def test_articles_are_measured_from_text_to_label(tmp_path: Path) -> None:
    text = "“We are open to talks,” said Anna Berg, the minister.\n\nThe bridge was closed.\n"
    gold = {"kind": "direct", "spans": [[1, 22]], "speaker": "Anna Berg", "threat": "0", "dialogue": "+"}
    gold |= {"deterrence": "0", "primary": "dialogue", "tone": "neutral"}
    missed = gold | {"spans": [[55, 76]], "kind": "indirect"}
    report = evaluate_articles([CodedArticle("a.txt", text, (gold, missed))])
    assert report.counts["quoted_found"] == 1
    assert report.counts["indirect_found"] == 0
    assert report.measures["quoted_span_f1"] == 1
    assert report.measures["speaker_accuracy"] == 1
    (tmp_path / "gold").mkdir()
    (tmp_path / "gold" / "a.json").write_text(json.dumps({"file": "a.txt", "statements": [gold]}))
    with pytest.raises(CorpusFormatError, match=r"a\.json"):
        read_articles(tmp_path)
    (tmp_path / "a.txt").write_text("short")
    with pytest.raises(CorpusFormatError, match="outside its article of 5 characters"):
        read_articles(tmp_path)


def write(path: Path, items: Sequence[CorpusItem]) -> Path:
    path.write_text("".join(json.dumps(x.to_dict()) + "\n" for x in items), encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["evaluate", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_command_writes_the_same_json_twice_and_keeps_progress_off_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "mine.jsonl", corpus())
    arguments = (file, "--bootstrap", 20, "--json", "-")
    status, first, progress = run(capsys, *arguments)
    assert status == 0
    assert run(capsys, *arguments)[1] == first
    form = json.loads(first)
    assert list(form["sets"]) == ["mine"]
    assert form["model_digest"] == load_model().provenance["digest"]
    assert "mine: model" in progress
    assert "majority, tfidf are left out" in form["notes"][0]


def test_command_reruns_the_corpus_with_cross_validation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fixtures: Path
) -> None:
    items = [replace(x, scene=None) for x in corpus("train")]
    held_out = [replace(x, id=f"t{x.id}", scene="held out", split="test", text=x.text + " Now.") for x in items[:12]]
    (tmp_path / "corpus").mkdir()
    write(tmp_path / "corpus" / "statements.jsonl", [*items, *held_out])
    page, old = tmp_path / "page.html", tmp_path / "old.json"
    arguments = ("--corpus", tmp_path / "corpus", "--folds", 2, "--bootstrap", 10, "--articles", fixtures / "articles")
    named = (f"mine={write(tmp_path / 'x.jsonl', items)}",)
    status, table, _ = run(capsys, *named, *arguments, "--json", old, "--html", page)
    assert status == 0
    for name in ("corpus-test: 12 statements", "corpus-cv: 36 statements", "mine: 36 statements", "articles: 18"):
        assert name in table
    assert "<svg" in page.read_text(encoding="utf-8")
    status, table, _ = run(capsys, *named, *arguments, "--no-cv", "--no-baselines", "--compare", old)
    assert status == 0
    assert "model against earlier model on mine" in table
    assert "note: corpus-cv was measured in the earlier run only" in table


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere.jsonl"], 1, "nowhere.jsonl: no such file"),
        (["--corpus", "nowhere"], 1, "nowhere/statements.jsonl does not exist"),
        (["--update"], 2, "--update belongs to --gate"),
        (["--reason", "because"], 2, "--reason belongs to --update"),
        (["--misses", "3"], 2, "--misses belongs to"),
        (["quotations"], 2, "needs --brat DIR"),
        (["quotations", "--brat", "fixtures/brat", "--no-cv"], 2, "takes --brat DIR"),
        (["--compare", "nowhere.json"], 1, "nowhere.json cannot be read"),
    ],
)
def test_wrong_use_says_what_is_right(
    arguments: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        got = main(["evaluate", *arguments])
    except SystemExit as stop:
        got = int(str(stop.code))
    assert got == status
    assert message in capsys.readouterr().err


def test_quotations_are_measured_by_their_own_command(capsys: pytest.CaptureFixture[str], fixtures: Path) -> None:
    status, table, _ = run(capsys, "quotations", "--brat", fixtures / "brat")
    assert status == 0
    assert "overlap" in table
