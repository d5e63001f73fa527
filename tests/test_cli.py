"""The command line around single statements: classify, explain, wrong usage."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from nato_stance import __version__, classify
from nato_stance.cli import main


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(x) for x in text.splitlines()]


def test_classify_labels_every_line_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": i, "text": f"We are ready for talks number {i}."} for i in range(2500)]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    assert main(["classify", str(path)]) == 0
    out = lines(capsys.readouterr().out)
    assert [x["id"] for x in out] == list(range(2500))
    assert out[7]["stance"] == classify(rows[7]["text"]).stance


def test_classify_reads_context_and_cue_and_a_byte_order_mark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"id": "x", "text": "any plans to attack", "context": "Moscow denies any plans to attack.", "cue": "denies"}
    path = tmp_path / "in.jsonl"
    path.write_text("\ufeff" + json.dumps(row) + "\n", encoding="utf-8")
    assert main(["classify", str(path)]) == 0
    assert lines(capsys.readouterr().out)[0]["threat"] == "denied"


def test_classify_standard_input_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"text": "The meeting is at noon."}\n\n"A bare string works too."\n'))
    assert main(["classify", "-o", str(tmp_path / "out.jsonl")]) == 0
    assert [x["id"] for x in lines((tmp_path / "out.jsonl").read_text("utf-8"))] == ["1", "3"]


def test_classify_names_each_bad_line_and_keeps_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "Talks go on."}\n{broken\n[1]\n{"text": ""}\n{"id": 1}\n{"text": "Yes.", "cue": 4}\n')
    assert main(["classify", str(path)]) == 1
    done = capsys.readouterr()
    assert len(lines(done.out)) == 1
    for number in range(2, 7):
        assert f"line {number}" in done.err


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_classify_of_what_is_no_file_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["classify", str(tmp_path / name)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_classify_of_utf16_names_the_encoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes('{"text": "Talks."}'.encode("utf-16"))
    assert main(["classify", str(path)]) == 1
    assert "not UTF-8" in capsys.readouterr().err


def test_explain_shows_the_label_and_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "We are ready for talks with Moscow."]) == 0
    out = capsys.readouterr().out
    assert "dialogue" in out
    assert "talks" in out
    assert main(["explain", "--json", "We are ready for talks with Moscow."]) == 0
    assert json.loads(capsys.readouterr().out)["label"]["stance"] == "dialogue"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_explain_takes_words_in_any_encoding(form: list[str]) -> None:
    for words, given in ((b"Caf\xe9 talks", b""), (b"-", "“Café talks”".encode("cp1252"))):
        command = [sys.executable, "-m", "nato_stance", "explain", *form, words]
        done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "talks" in done.stdout.decode("utf-8")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["classify", "--no-such-option"], ["corpus"]])
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_version_and_help_name_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == f"nato-stance {__version__}"
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for command in ("score", "classify", "extract", "explain", "train", "evaluate", "corpus", "export"):
        assert command in out


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "Talks go on."}\n' * 20_000, encoding="utf-8")
    command = f"{sys.executable} -m nato_stance classify {path} | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["id"] == "1"


def status_of(arguments: list[str]) -> int:
    """Return the exit status, whether it is returned or raised."""
    try:
        return main(arguments)
    except SystemExit as stopped:
        return int(stopped.code or 0)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("classify s.jsonl --min-confidence nan", 2, "no probability"),
        ("classify s.jsonl --min-confidence 2", 2, "no probability"),
        ("classify s.jsonl --model=", 2, "the name is empty"),
        ("explain words --model=", 2, "the name is empty"),
        ("classify s.jsonl -o link.jsonl", 2, "would replace"),
        ("classify s.jsonl -o missing/out.jsonl", 1, "the folder does not exist"),
        ("corpus rebuild s.jsonl --datasets . -o s.jsonl", 2, "would replace"),
        ("corpus rebuild s.jsonl --datasets . -o missing/out.jsonl", 1, "the folder does not exist"),
        ("corpus rebuild s.jsonl --datasets . -o .", 1, "it is a folder"),
        ("train gold.jsonl -o s.jsonl", 1, "is a file; name a folder"),
        ("evaluate gold.jsonl --seed=-1", 2, "no whole number"),
        ("evaluate gold.jsonl --bootstrap 0", 2, "no whole number"),
        ("evaluate gold.jsonl --folds 0", 2, "no whole number"),
        ("evaluate gold.jsonl --json x --html ./x", 2, "--json 'x'"),
        ("evaluate gold.jsonl --html -", 2, "only --json"),
        ("evaluate gold.jsonl --compare old.json --json old.json", 2, "would replace"),
        ("evaluate gold.jsonl --gate --floors link.jsonl --json s.jsonl", 2, "would replace"),
        ("evaluate gold.jsonl --gate --floors bytes", 1, "no file of floors"),
        ("evaluate gold.jsonl --json missing/x.json", 1, "the folder does not exist"),
        ("evaluate gold.jsonl --articles missing", 1, "missing"),
        ("evaluate gold.jsonl --behaviour missing", 1, "missing"),
        ("evaluate gold.jsonl --brat missing", 1, "missing"),
        ("evaluate gold.jsonl gold.jsonl", 1, "two labelled sets are called 'gold'"),
        ("evaluate gold.jsonl --compare s.jsonl", 1, "no evaluation of schema version"),
        ("evaluate gold.jsonl --compare other.json", 1, "nothing to compare"),
    ],
)
def test_what_cannot_end_well_is_told_before_any_work(
    arguments: str,
    status: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.jsonl").write_text('{"text": "We are ready to talk."}\n', encoding="utf-8")
    Path("link.jsonl").symlink_to("s.jsonl")
    Path("bytes").write_bytes(bytes(range(256)))
    gold = {"threat": "0", "dialogue": "+", "deterrence": "0", "primary": "dialogue", "tone": "conciliatory"}
    Path("gold.jsonl").write_text(json.dumps({"id": "1", "text": "We are ready.", **gold}) + "\n", encoding="utf-8")
    other = {"systems": {"model": {"data_digest": "0"}}}
    Path("other.json").write_text(json.dumps({"schema_version": 1, "sets": {"gold": other}}), encoding="utf-8")
    Path("old.json").write_text("{}", encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert status_of(arguments.split()) == status
    said = capsys.readouterr().err
    assert message in said
    assert "gold: model" not in said
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("value", ['{"a": 1}', "[1]", "true", "Infinity", "1e999"])
def test_an_id_is_a_string_or_a_finite_number(value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(f'{{"id": {value}, "text": "A vote."}}\n{{"id": null, "text": "A vote."}}\n', encoding="utf-8")
    assert main(["classify", str(path)]) == 1
    done = capsys.readouterr()
    assert "line 1: id" in done.err
    assert [x["id"] for x in lines(done.out)] == ["2"]


def test_a_line_in_another_encoding_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes('{"text": "Jiří voted."}\n'.encode() + b'{"text": "Caf\xe9."}\n{"text": "A vote."}\n')
    assert main(["classify", str(path)]) == 1
    done = capsys.readouterr()
    assert [x["id"] for x in lines(done.out)] == ["1", "3"]
    assert "line 2 is not UTF-8" in done.err


@pytest.mark.parametrize("arguments", ["classify -", "extract -", "explain -", "evaluate -"])
def test_a_closed_standard_input_is_told(arguments: str) -> None:
    command = f'"{sys.executable}" -m nato_stance {arguments} <&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "stdin" in done.stderr or "standard input" in done.stderr


def test_a_closed_standard_output_is_told_only_where_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"text": "We are ready to talk."}\n', encoding="utf-8")
    for rest, status in (("", 1), ("-o out.jsonl", 0)):
        command = f'"{sys.executable}" -m nato_stance classify s.jsonl {rest} >&-'
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert ("standard output is closed" in done.stderr) == bool(status)
    assert len(lines((tmp_path / "out.jsonl").read_text("utf-8"))) == 1
