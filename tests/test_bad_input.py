"""Input that no reader can use, outputs that would cost the user something: what is said, and what is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nato_stance
from nato_stance.cli import main

TALKS = "“We are ready to talk,” said Anna Berg, the minister.\n"
GOLD = {"threat": "0", "dialogue": "+", "deterrence": "0", "primary": "dialogue", "tone": "conciliatory"}
LABELLED = json.dumps({"id": "1", "text": "We are ready to talk.", **GOLD}) + "\n"
LONG_NUMBER = '{"id": ' + "9" * 5_000 + ', "text": "We are ready to talk."}\n'
NESTED = "[" * 100_000 + "\n"


def defect(reason: str) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, reason=reason)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talks.txt").write_text(TALKS, encoding="utf-8")
    (tmp_path / "labelled.jsonl").write_text(LABELLED, encoding="utf-8")
    (tmp_path / "statements.jsonl").write_text('{"text": "We are ready to talk."}\n', encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return tmp_path


def run(*arguments: str) -> int:
    """Return the exit status, whether it is returned or raised; anything else that is raised is a traceback."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


UNREADABLE = {
    "binary": bytes(range(256)) * 20,
    "UTF-16": TALKS.encode("utf-16"),
    "Windows-1252": TALKS.encode("cp1252"),
    "mixed": TALKS.encode() + TALKS.encode("cp1252"),
    "zero bytes": b"\0" * 1_000,
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("command", ["classify", "corpus check", "evaluate"])
def test_what_is_no_json_lines_file_is_named(command: str, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd.jsonl").write_bytes(data)
    assert run(*command.split(), "odd.jsonl") == 1
    said = "".join(capsys.readouterr())
    assert "UTF-8" in said or "no JSON" in said
    assert "line 1" in said or "odd.jsonl" in said


@pytest.mark.parametrize("command", ["score", "extract", "classify", "corpus check", "corpus agreement", "evaluate"])
@pytest.mark.parametrize("name", ["missing", "empty"])
def test_paths_that_hold_nothing_are_named(command: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command.split(), name) == 1
    done = capsys.readouterr()
    assert name in done.err
    assert not done.out


@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"\xef\xbb\xbf"])
def test_a_labelled_file_without_statements_is_no_success(data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    Path("void.jsonl").write_bytes(data)
    assert run("corpus", "check", "void.jsonl") == 1
    assert run("evaluate", "void.jsonl") == 1
    assert "holds no statement" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_to_explain(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", text) == 1
    assert "text is empty" in capsys.readouterr().err


@pytest.mark.parametrize("bad", [LONG_NUMBER, NESTED], ids=["a number of 5,000 digits", "100,000 brackets"])
@pytest.mark.parametrize("command", ["score", "extract", "classify", "corpus check", "evaluate"])
def test_a_line_that_json_refuses_costs_only_itself(command: str, bad: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("rows.jsonl").write_text(bad, encoding="utf-8")
    assert run(*command.split(), "rows.jsonl") == 1
    assert "line 1" in "".join(capfd.readouterr())


@pytest.mark.parametrize("part", ["agreement", "rebuild"])
def test_codes_and_pointers_that_are_no_utf8_are_named(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("odd.jsonl").write_bytes(TALKS.encode("utf-16"))
    rest = ["--datasets", "empty", "-o", "out.jsonl"] if part == "rebuild" else []
    assert run("corpus", part, "odd.jsonl", *rest) == 1
    assert "odd.jsonl" in capsys.readouterr().err


OUT_IS_IN = [
    pytest.param(["score", "talks.txt", "-o", "talks.txt"], id="score -o"),
    pytest.param(["score", "talks.txt", "--articles", "talks.txt"], id="score --articles"),
    pytest.param(["score", "talks.txt", "--failures", "talks.txt"], id="score --failures"),
    pytest.param(["extract", "talks.txt", "-o", "talks.txt"], id="extract -o"),
    pytest.param(["classify", "statements.jsonl", "-o", "statements.jsonl"], id="classify -o"),
    pytest.param(["evaluate", "labelled.jsonl", "--bootstrap", "2", "--json", "labelled.jsonl"], id="evaluate --json"),
]


@pytest.mark.parametrize("arguments", OUT_IS_IN)
def test_an_output_never_replaces_the_input(arguments: list[str]) -> None:
    before = Path(arguments[1]).read_bytes()
    assert run(*arguments) != 0
    assert Path(arguments[1]).read_bytes() == before


def test_a_database_is_no_place_for_an_article_and_keeps_it() -> None:
    assert run("score", "talks.txt", "--db", "talks.txt") == 1
    assert Path("talks.txt").read_text(encoding="utf-8") == TALKS


@pytest.mark.parametrize("option", ["export -o", "score --articles", "score --failures"])
def test_the_database_survives_an_output_of_the_same_name(option: str) -> None:
    assert run("score", "talks.txt", "--db", "s.sqlite", "--quiet") == 0
    command, flag = option.split()
    inputs = ["talks.txt"] if command == "score" else []
    assert run(command, *inputs, "--db", "s.sqlite", flag, "s.sqlite") != 0
    assert Path("s.sqlite").read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("command", ["score talks.txt --format jsonl", "extract talks.txt --format jsonl"])
def test_a_database_of_before_is_not_replaced_by_lines(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("score", "talks.txt", "-o", "s.sqlite", "--quiet") == 0
    assert run(*command.split(), "-o", "s.sqlite") == 2
    assert "'s.sqlite' would replace a database" in capsys.readouterr().err
    assert Path("s.sqlite").read_bytes().startswith(b"SQLite format 3")


def test_a_link_to_the_input_is_the_input() -> None:
    Path("link.txt").symlink_to("talks.txt")
    assert run("score", "link.txt", "-o", "talks.txt") == 2
    assert Path("talks.txt").read_text(encoding="utf-8") == TALKS


def test_a_database_without_results_says_how_to_fill_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.sqlite").touch()
    assert run("export", "--db", "s.sqlite") == 1
    assert "holds no results yet" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", ":memory:"])
def test_a_database_that_is_no_file_is_refused_or_written(name: str) -> None:
    status = run("score", "talks.txt", "--db", name, "--quiet")
    assert status != 0 or Path(name or "nothing").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["score", "talks.txt"], id="score"),
        pytest.param(["extract", "talks.txt"], id="extract"),
        pytest.param(["classify", "statements.jsonl"], id="classify"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_full_disk_behind_standard_output_is_told(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "nato_stance", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "disk is full" in done.stderr or "No space" in done.stderr


@pytest.mark.parametrize("redirect", ["<&-", ">&-"])
def test_closed_streams_are_told(redirect: str) -> None:
    line = f'"{sys.executable}" -m nato_stance score - {redirect}'
    done = subprocess.run(["sh", "-c", line], input="", capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("identifier", ["9" * 50_000, "\\ud800"], ids=["50,000 digits", "a lone surrogate"])
def test_an_odd_identifier_costs_no_other_line(identifier: str) -> None:
    rows = [f'{{"id": "{identifier}", "text": "A vote."}}', '{"id": "b", "text": "A vote."}']
    Path("ids.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    run("classify", "ids.jsonl", "-o", "out.jsonl")
    answers = [json.loads(x) for x in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert answers[-1]["id"] == "b"


def test_an_identifier_that_is_no_json_is_refused_or_mended(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ids.jsonl").write_text('{"id": NaN, "text": "A vote."}\n', encoding="utf-8")
    run("classify", "ids.jsonl")
    assert "NaN" not in capsys.readouterr().out


@pytest.mark.parametrize("value", [None, 5, 1.5, object()])
@pytest.mark.parametrize(
    "call",
    [
        nato_stance.classify,
        nato_stance.score_article,
        nato_stance.extract_quotations,
        nato_stance.explain,
        lambda x: list(nato_stance.score_articles(x)),
        nato_stance.classify_many,
        lambda x: nato_stance.evaluate(nato_stance.load_model(), x),
        nato_stance.to_frame,
    ],
)
def test_arguments_of_another_type_are_told(call: Callable[[Any], object], value: object) -> None:
    with pytest.raises(nato_stance.InvalidTypeError, match=type(value).__name__):
        call(value)


@pytest.mark.parametrize(
    "call", [nato_stance.classify, nato_stance.score_article, nato_stance.explain, nato_stance.classify_many]
)
@pytest.mark.parametrize("model", ["a name", 5, nato_stance.StanceClassifier])
def test_what_is_no_model_is_told(call: Callable[..., object], model: object) -> None:
    with pytest.raises(nato_stance.InvalidTypeError, match="load_model"):
        call("We are ready to talk." if call is not nato_stance.classify_many else [], model=model)


@pytest.mark.parametrize(
    "statement", ["\0", "\ud800", "...", "\u200b", "a" * 200_000], ids=["NUL", "surrogate", "dots", "blank", "long"]
)
def test_odd_statements_get_a_sound_label(statement: str) -> None:
    label = nato_stance.classify(statement)
    assert sum(label.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert sum(label.tone_probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert label.confidence == label.probabilities[label.stance]


def test_a_deeply_nested_manifest_is_a_damaged_model() -> None:
    model = Path("model")
    nato_stance.save_model(nato_stance.load_model(), model)
    (model / "model.json").write_text(NESTED, encoding="utf-8")
    with pytest.raises(nato_stance.ModelFormatError):
        nato_stance.load_model(model)
