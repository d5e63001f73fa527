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
