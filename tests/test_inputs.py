"""Files, folders, patterns and tables to articles: nothing skipped in silence, every problem in its place."""

from __future__ import annotations

import builtins
import csv
import datetime
import gzip
import io
import json
import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nato_stance import InvalidInputError
from nato_stance.articles import Article, ArticleFailure
from nato_stance.inputs import InputReader
from nato_stance.paths import FileFinder, refuse_overwriting
from nato_stance.rows import Columns


def read(
    *paths: Path | str, include: list[str] | None = None, exclude: list[str] | None = None, **options: Any
) -> list:
    finder = FileFinder([str(p) for p in paths], include or [], exclude or [])
    return list(InputReader(finder, **options))


def ids(found: list) -> list[str | None]:
    assert all(isinstance(x, Article) for x in found), found
    return [x.article_id for x in found]


def failures(found: list) -> list[ArticleFailure]:
    return [x for x in found if isinstance(x, ArticleFailure)]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "b.txt").write_text("He said no.")
    (folder / "a.b.txt").write_text("She said yes.")
    (folder / "sub" / "page.HTML").write_text("<html>")
    (folder / "sub" / "deep" / "c.txt").write_text("They left.")
    (folder / "picture.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / ".hidden.txt").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "d.txt").write_text("x")
    return folder


def test_a_folder_is_read_in_a_fixed_order_and_what_is_left_out_is_counted(inbox: Path) -> None:
    finder = FileFinder([str(inbox)])
    found = list(InputReader(finder))
    assert ids(found) == ["a.b", "b", "page", "c"]
    assert [x.source for x in found] == [
        str(inbox / x) for x in ("a.b.txt", "b.txt", "sub/page.HTML", "sub/deep/c.txt")
    ]
    assert found[2].format == "html"
    assert finder.ignored == Counter({".jpg": 1, "hidden file": 1, "hidden folder": 1})


def test_include_and_exclude(inbox: Path) -> None:
    assert ids(read(inbox, include=["*.txt"], exclude=["sub/deep"])) == [".hidden", "a.b", "b"]
    assert ids(read(inbox, exclude=["a*"])) == ["b", "page", "c"]
    assert ids(read(inbox, include=["deep/*", "sub/deep/*.txt"])) == ["c"]


def test_patterns_and_files_named_twice(inbox: Path) -> None:
    assert ids(read(inbox / "**" / "*.txt")) == ["a.b", "b", "c"]
    finder = FileFinder([str(inbox / "b.txt"), str(inbox), f"{inbox}/./b.txt"])
    assert ids(list(InputReader(finder))) == ["b", "a.b", "page", "c"]
    assert finder.ignored["named twice"] == 2


def test_an_output_of_the_run_is_no_input_of_it(inbox: Path) -> None:
    (inbox / "out.jsonl").write_text('{"text": "old"}\n')
    finder = FileFinder([str(inbox)], own=frozenset([str(inbox / "out.jsonl")]))
    assert ids(list(InputReader(finder))) == ["a.b", "b", "page", "c"]


def test_a_link_to_a_parent_ends(inbox: Path) -> None:
    (inbox / "sub" / "up").symlink_to(inbox, target_is_directory=True)
    assert ids(read(inbox)) == ["a.b", "b", "page", "c"]


def test_missing_empty_and_vanished_inputs_are_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "x.pdf").write_bytes(b"%PDF-")
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "gone.txt")
    found = read(
        tmp_path / "nope.txt", tmp_path / "empty", tmp_path / "only", f"{tmp_path}/*.zip", tmp_path / "dangling.txt"
    )
    messages = [f.message for f in failures(found)]
    assert len(found) == len(messages) == 5
    assert "no such file" in messages[0]
    assert "holds no file ending in .txt" in messages[1]
    assert ".pdf 1" in messages[2]
    assert "no file matches" in messages[3]
    assert "No such file" in messages[4]


def test_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "big.txt").write_bytes(b"x" * 2001)
    (tmp_path / "fits.txt").write_bytes(b"x" * 2000)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": "ü" * 1001}) + "\n" + json.dumps({"text": "ü" * 1000}))
    found = read(tmp_path, max_size=2000)
    assert [type(x) for x in found] == [ArticleFailure, Article, ArticleFailure, Article]
    assert failures(found)[0].error == "ArticleTooLargeError"
    for part in ("2,001", "2,000", "--max-size"):
        assert part in failures(found)[0].message
    with pytest.raises(InvalidInputError, match="max_size"):
        read(tmp_path, max_size=0)


def test_a_line_without_end_costs_no_memory_and_one_failure(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "' + b"x" * 1_200_000 + b'"}\n{"text": "next"}\n')
    found = read(path, max_size=1000)
    assert [type(x) for x in found] == [ArticleFailure, Article]
    assert found[1].content == "next"
    assert found[1].location == "line 2"


def test_json_lines_one_bad_row_is_one_failure(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        b'{"id": 1, "text": "one", "date": "2024-01-02", "title": "T", "other": []}\n{broken\n\n[1]\n'
        b'{"id": 5, "text": 3}\n'
        b'{"id": "6"}\n{"text": "caf\xe9 \\ud800"}\n' + b'{"text": "' + b"[" * 10 + b'"}'
    )
    found = read(path)
    good = [x for x in found if isinstance(x, Article)]
    assert [(x.article_id, x.content, x.date, x.title) for x in good] == [
        ("1", "one", "2024-01-02", "T"),
        ("x:7", "café \ud800", None, None),
        ("x:8", "[[[[[[[[[[", None, None),
    ]
    assert good[1].read().text == "café \ufffd"
    assert [(f.location, f.article_id) for f in failures(found)] == [
        ("line 2", None),
        ("line 4", None),
        ("line 5", "5"),
        ("line 6", "6"),
    ]
    assert "no column 'text'" in failures(found)[3].message


@pytest.mark.parametrize("depth", [100_000])
def test_deep_nesting_is_a_failure_not_a_crash(tmp_path: Path, depth: int) -> None:
    (tmp_path / "x.jsonl").write_text("[" * depth + "\n" + '{"text": "next"}\n')
    found = read(tmp_path / "x.jsonl")
    assert [type(x) for x in found] == [ArticleFailure, Article]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_tables_in_any_usual_encoding(tmp_path: Path, encoding: str, ending: str) -> None:
    rows = [{"id": "1", "text": "“Nein”, sagte Müller.\nDann ging er."}, {"id": "2", "text": 'Er rief: "Ja"'}]
    path = tmp_path / f"x{ending}"
    if ending == ".jsonl":
        path.write_bytes("".join(json.dumps(r, ensure_ascii=False) + "\r\n" for r in rows).encode(encoding))
    else:
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, ["id", "text"])
        writer.writeheader()
        writer.writerows(rows)
        path.write_bytes(table.getvalue().encode(encoding))
    assert [(x.article_id, x.content) for x in read(path)] == [(r["id"], r["text"]) for r in rows]


def test_columns_by_name_and_what_a_wrong_name_says(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("key;body;day;head\nk1;Talks went on.;2024-05-06;Talks\n")
    columns = Columns("body", "key", "day", "head")
    (row,) = read(path, columns=columns)
    assert (row.article_id, row.content, row.date, row.title) == ("k1", "Talks went on.", "2024-05-06", "Talks")
    (failure,) = failures(read(path, columns=Columns("words")))
    assert "'words' (--text-column); the columns are key, body, day, head" in failure.message


def test_csv_rows_that_do_not_fit_and_quotes_that_never_close(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('id,text\n1,a,b\n2,"x"y\n3,fine\n4,"open\n5,swallowed\n')
    found = read(path)
    assert [x.content for x in found if isinstance(x, Article)] == ["fine"]
    messages = {f.location: f.message for f in failures(found)}
    assert "3 fields, the header 2" in messages["line 2"]
    assert "not CSV" in messages["line 3"]
    assert "opened in line 5 is never closed, so that lines 5 to 6" in messages["line 5"]


def test_long_csv_fields_are_read(tmp_path: Path) -> None:
    text = "word " * 100_000
    (tmp_path / "x.csv").write_text(f"text\n{text}\n")
    assert read(tmp_path / "x.csv")[0].content == text


def test_compressed_lines_and_a_file_cut_short(tmp_path: Path) -> None:
    data = gzip.compress(b"".join(json.dumps({"id": i, "text": f"t{i * 7919}"}).encode() + b"\n" for i in range(2000)))
    (tmp_path / "good.jsonl.gz").write_bytes(data)
    (tmp_path / "cut.jsonl.gz").write_bytes(data[:-1000])
    (tmp_path / "fake.jsonl.gz").write_bytes(b"no gzip")
    assert len(read(tmp_path / "good.jsonl.gz")) == 2000
    found = read(tmp_path / "cut.jsonl.gz")
    assert 0 < len(found) - 1 < 2000
    assert "damaged" in failures(found)[0].message
    assert failures(read(tmp_path / "fake.jsonl.gz"))[0].error == "DecodingError"


def test_parquet_with_dates_numbers_and_a_missing_text(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    day = datetime.date(2024, 5, 6)
    table = pyarrow.table({"id": [7, 8, None], "text": ["a", None, "c"], "date": [day, day, None], "extra": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet")
    assert [(x.article_id, x.date) for x in found if isinstance(x, Article)] == [("7", "2024-05-06"), ("x:3", None)]
    assert (failures(found)[0].location, failures(found)[0].article_id) == ("row 2", "8")
    (tmp_path / "bad.parquet").write_bytes(b"junk")
    assert "not a sound Parquet table" in failures(read(tmp_path / "bad.parquet"))[0].message


def test_the_digest_tells_whatever_bears_on_the_result() -> None:
    base = Article("a", b"text")
    others = [
        Article("a", b"texts"),
        Article("a", "text"),
        Article("a", b"text", encoding="cp1252"),
        Article("a", b"text", format="html"),
        Article("a", b"text", date="2024-01-01"),
        Article("a", b"text", title="T"),
    ]
    assert len({x.digest() for x in [base, *others]}) == 7
    assert base.digest() == Article("b", b"text", source="elsewhere").digest()


def test_reading_is_lazy(tmp_path: Path) -> None:
    for i in range(5):
        (tmp_path / f"{i}.txt").write_text("x")
    stream = iter(InputReader(FileFinder([str(tmp_path)])))
    next(stream)
    (tmp_path / "3.txt").unlink()
    rest = list(stream)
    assert [type(x) for x in rest] == [Article, Article, ArticleFailure, Article]


def test_an_unreadable_file_is_one_failure(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = builtins.open

    def forbidding_open(path: Any, *arguments: Any, **options: Any) -> Any:
        if str(path).endswith("b.txt"):
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *arguments, **options)

    monkeypatch.setattr(builtins, "open", forbidding_open)
    found = read(inbox)
    assert [(f.error, f.source) for f in failures(found)] == [
        ("PermissionError", str(inbox / "a.b.txt")),
        ("PermissionError", str(inbox / "b.txt")),
    ]
    assert "Permission denied" in failures(found)[0].message
    assert len(found) == 4


@pytest.mark.skipif(os.name == "nt", reason="names are bytes only on POSIX")
def test_names_that_are_no_text_can_be_reported(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        with open(path, "wb") as stream:
            stream.write(b"He said no.")
    except OSError:
        pytest.skip("this file system takes no such names")
    (found,) = read(tmp_path)
    assert found.article_id == "caf\\xe9"
    found.source.encode("utf-8")


def test_outputs_that_would_replace_an_input_or_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("He said no.", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to("a.txt")
    os.link(tmp_path / "a.txt", tmp_path / "twin.txt")
    for name in ("a.txt", "./a.txt", "link.txt", "twin.txt", str(tmp_path / "a.txt")):
        with pytest.raises(InvalidInputError, match=r"--articles .*would replace 'a\.txt'"):
            refuse_overwriting(["-", "a.txt"], {"-o": "b.txt", "--articles": name})
    with pytest.raises(InvalidInputError, match=r"--failures '\./b\.txt' .*what -o 'b\.txt' writes"):
        refuse_overwriting(["a.txt"], {"-o": "b.txt", "--failures": "./b.txt"})
    with pytest.raises(InvalidInputError, match=r"--articles '-' would .*mix up what -o '-' writes"):
        refuse_overwriting(["-"], {"-o": "-", "--articles": "-"})
    (tmp_path / "b.txt.part").touch()
    with pytest.raises(InvalidInputError, match=r"-o 'b\.txt' would replace 'b\.txt\.part', which is read"):
        refuse_overwriting(["b.txt.part"], {"-o": "b.txt"})
    sqlite3.connect(tmp_path / "s.sqlite").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(InvalidInputError, match=r"-o 's\.sqlite' would replace a database"):
        refuse_overwriting(["a.txt"], {"-o": "s.sqlite"})
    with pytest.raises(InvalidInputError, match="-o is empty"):
        refuse_overwriting(["a.txt"], {"-o": ""})


def test_outputs_that_replace_nothing_are_let_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("He said no.", encoding="utf-8")
    refuse_overwriting(["a.txt", ".", "*.txt", "-"], {"-o": "b.txt", "--articles": None, "--failures": "-"})
    refuse_overwriting([os.devnull], {"-o": os.devnull, "--articles": os.devnull})


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,note,note,text\na,b,c,d\n", encoding="utf-8")
    (failure,) = failures(read(tmp_path / "in.csv"))
    assert "several columns 'text'" in failure.message
    (tmp_path / "in.csv").write_text("text,note,note\na,b,c\n", encoding="utf-8")
    (article,) = read(tmp_path / "in.csv")
    assert isinstance(article, Article)


@pytest.mark.parametrize(("name", "data"), [("in.jsonl.gz", gzip.compress(b"\n")), ("in.csv", b"text,id\n")])
def test_a_table_without_rows_is_counted_among_what_is_left_out(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    finder = FileFinder([str(tmp_path / name)])
    assert not list(InputReader(finder))
    assert finder.ignored == {"table without rows": 1}


def test_damage_before_the_first_row_is_not_called_a_part_of_the_rows(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(b'{"text": "He said no."}\n')[:12])
    (failure,) = failures(read(tmp_path / "in.jsonl.gz"))
    assert "no row of it can be read" in failure.message


def test_limits_that_no_system_can_count_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="from 1 to 1,000,000,000,000"):
        InputReader(FileFinder([]), max_size=10**25)


def test_a_large_limit_reserves_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("He said no.", encoding="utf-8")
    (article,) = InputReader(FileFinder([str(tmp_path / "a.txt")]), max_size=10**12)
    assert isinstance(article, Article)
    assert article.content == b"He said no."
