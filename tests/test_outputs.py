"""Results on their way out: lines, tables and frames that hold the same, files that are whole or called .part."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nato_stance import InvalidInputError, InvalidTypeError, score_article, score_articles, to_frame
from nato_stance.articles import ArticleFailure
from nato_stance.outputs import (
    COLUMNS,
    OutputError,
    ParquetFile,
    csv_lines,
    flat_row,
    json_line,
    record_of,
    result_file,
    statement_records,
)
from nato_stance.progress import Progress
from nato_stance.table import article_table

TEXT = "“We are ready to talk,” said Anna Bergström. “They will\nattack us, ‘sooner’ or later,” warned Jonas Okoro."
SCORE = score_article(TEXT, article_id="a1", date="2024-05-06", title='A "title", with; marks')
RECORDS = statement_records(SCORE, "news/a1.txt")


def test_a_record_has_the_keys_of_the_interface_in_order() -> None:
    assert list(RECORDS[0]) == [
        *("article_id", "source", "statement_id", "kind", "text", "spans", "speaker", "speaker_span", "cue"),
        *("stance", "polarity", "threat", "dialogue", "deterrence", "tone", "confidence"),
        *("probabilities", "tone_probabilities", "abstained", "context", "context_span", "date", "title"),
    ]
    for record in RECORDS:
        assert " ".join(TEXT[a:b] for a, b in record["spans"]) == record["text"]
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_lines_rows_and_csv_hold_the_same() -> None:
    assert [json.loads(json_line(r)) for r in RECORDS] == RECORDS
    assert [record_of(flat_row(r)) for r in RECORDS] == RECORDS
    cells = list(csv.reader(io.StringIO(csv_lines(map(flat_row, RECORDS)).decode(), newline="")))
    assert [dict(zip(COLUMNS, row, strict=True))["text"] for row in cells] == [r["text"] for r in RECORDS]


def test_a_lone_surrogate_is_written_as_an_escape() -> None:
    assert json.loads(json_line({"title": "a\ud800"})) == {"title": "a\ud800"}


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with result_file(str(tmp_path / "x.parquet")) as stream:
        table = ParquetFile(stream)
        for _ in range(3000):
            table.write(map(flat_row, RECORDS))
        table.close()
    rows = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert len(rows) == 3000 * len(RECORDS)
    assert [record_of(list(r.values())) for r in rows[-len(RECORDS) :]] == RECORDS
    with result_file(str(tmp_path / "empty.parquet")) as stream:
        ParquetFile(stream).close()
    assert parquet.read_table(tmp_path / "empty.parquet").num_rows == 0


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("yesterday")
    broken = result_file(str(path))
    broken.__enter__().write(b"today, half")
    assert not broken.__exit__(RuntimeError, RuntimeError("on the way"), None)
    assert path.read_text() == "yesterday"
    assert (tmp_path / "out.jsonl.part").read_text() == "today, half"
    with result_file(str(path)) as stream:
        stream.write(b"today")
    assert path.read_text() == "today"
    assert not (tmp_path / "out.jsonl.part").exists()


def test_what_goes_wrong_with_a_file_is_told_with_the_way_out(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "no" / "x", "make it first"), (tmp_path, "it is a folder")):
        with pytest.raises(OutputError, match=words), result_file(str(path)):
            pass
    with pytest.raises(OutputError, match=r"read-only.*choose a place"), result_file(str(tmp_path / "x")):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_is_told() -> None:
    with pytest.raises(OutputError, match="disk is full"), result_file("/dev/full") as stream:
        stream.write(b"x" * 100_000)


def test_the_table_shows_every_statement_and_cannot_steer_the_terminal() -> None:
    score = score_article("“We are\x1b[31m ready \u202eto talk,” said Anna Berg.", article_id="a\x1b1")
    shown = article_table(score, "x\x07.txt", 60)
    assert "Anna Berg" in shown
    assert not set(shown) & set("\x1b\x07\u202e")
    assert max(map(len, shown.splitlines())) <= 22 + 19 + 15 + 5 + 24 + 8
    for record, line in zip(RECORDS, article_table(SCORE, None, 200).splitlines()[2:], strict=False):
        assert record["speaker"] in line
        assert record["stance"] in line
        assert f"{record['confidence']:.2f}" in line
    assert article_table(score_article(""), "e.txt", 80) == "e.txt: no statements\n\n"


def test_a_very_long_word_is_cut_in_linear_time() -> None:
    (first, *_) = SCORE.statements
    statement = replace(first, quotation=replace(first.quotation, text="x" * 1_000_000 + " end"))
    began = time.perf_counter()
    shown = article_table(replace(SCORE, statements=(statement,)), None, 100)
    assert shown.count("x") >= 1_000_000
    assert time.perf_counter() - began < 5.0


def test_wide_characters_do_not_shift_the_columns() -> None:
    (first, *_), stances = SCORE.statements, []
    for speaker in ("Wang Yi", "王毅", "Jir\u030ci"):
        statement = replace(first, quotation=replace(first.quotation, speaker=speaker))
        line = article_table(replace(SCORE, statements=(statement,)), "x.txt", 120).splitlines()[2]
        stances.append(line.index(first.stance) + sum(c in "王毅" for c in line) - line.count("\u030c"))
    assert len(set(stances)) == 1


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_frames_of_statements_and_articles(backend: str) -> None:
    pytest.importorskip("narwhals")
    pytest.importorskip(backend)
    scores = [SCORE, score_article("Nothing was said.", article_id="a2")]
    import narwhals

    frame = narwhals.from_native(to_frame(scores, backend))
    assert frame.columns == [c for c in COLUMNS if c != "source"]
    assert frame["speaker"].to_list() == [r["speaker"] for r in RECORDS]
    assert frame["confidence"].to_list() == [r["confidence"] for r in RECORDS]
    whole = narwhals.from_native(to_frame(iter(scores), backend, unit="article"))
    assert whole["n_statements"].to_list() == [len(RECORDS), 0]
    assert narwhals.from_native(to_frame([], backend)).shape == (0, len(COLUMNS) - 1)
    assert to_frame(SCORE, backend).shape == frame.shape


def test_frames_refuse_what_they_cannot_hold() -> None:
    pytest.importorskip("narwhals")
    failure = ArticleFailure(None, "x", None, "DecodingError", "why")
    with pytest.raises(InvalidTypeError, match=r"failure \(why\)"):
        to_frame([failure])  # type: ignore[list-item]
    with pytest.raises(InvalidTypeError, match="str"):
        to_frame(["text"])  # type: ignore[list-item]
    with pytest.raises(InvalidInputError, match="'excel'"):
        to_frame([], "excel")
    with pytest.raises(InvalidInputError, match="'word'"):
        to_frame([], unit="word")  # type: ignore[arg-type]
    assert len(to_frame(score_articles([TEXT]), "pandas")) == len(RECORDS)


class Terminal(io.StringIO):
    encoding = "ascii"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_shows_rate_and_time_left_and_one_summary() -> None:
    now = [0.0]
    screen = Terminal()
    progress = Progress(screen, total_bytes=1000, clock=lambda: now[0])
    for _ in range(10):
        now[0] += 1.0
        progress.read(50)
        progress.done(2, "x.txt", None)
    progress.failed(ArticleFailure("ü.txt", None, None, "DecodingError", "bad\x1b[0m"))
    progress.summary(n_unchanged=3, ignored=".pdf 2")
    shown = screen.getvalue()
    assert "10 done, 0 failed, 1 a second, 50%, 0:00:10 left" in shown
    assert "10 articles scored (20 statements; 0 without any); 3 unchanged; 1 failed; files left out: .pdf 2" in shown
    assert "\x1b[0m" not in shown
    assert '"source": "\\xfc.txt"' in shown


@pytest.mark.parametrize(("quiet", "verbose", "notes"), [(False, False, 5), (False, True, 9), (True, False, 0)])
def test_notes_are_few_unless_asked_for(quiet: bool, verbose: bool, notes: int) -> None:
    stream = io.StringIO()
    progress = Progress(stream, quiet, verbose)
    for i in range(9):
        progress.done(0, f"{i}.txt", "the text is empty")
    progress.summary()
    assert stream.getvalue().count("note: ") == notes
    assert ("9 notes" in stream.getvalue()) == (notes == 5)
    assert (stream.getvalue() == "") == quiet
