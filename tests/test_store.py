"""The standing database: what is due, what is kept, what two runs, a full disk or another file do to it."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nato_stance import StoreError
from nato_stance.articles import Article, ArticleFailure
from nato_stance.outputs import COLUMNS, flat_row, record_of, statement_records
from nato_stance.scoring import score_article
from nato_stance.store import Due, Run, Settings, Store, StoredArticle

SETTINGS = Settings("1.0", "digest", (("min_confidence", None),))
TEXT = "“We are ready to talk,” said Anna Berg. “They will attack us,” warned Jonas Okoro."


def articles(n: int, **changes: Any) -> list[Article]:
    return [replace(Article(f"a{i}", TEXT, f"news/a{i}.txt"), **changes) for i in range(n)]


def stored(article: Article, **changes: Any) -> StoredArticle:
    score = score_article(TEXT, article_id=article.article_id, date=article.date)
    rows = tuple(map(flat_row, statement_records(score, article.source)))
    base = StoredArticle(score.date, score.title, score.n_characters, score.text_sha256, "utf-8", None, rows)
    return replace(base, **changes)


def run(path: Path, items: list[Any], settings: Settings = SETTINGS) -> tuple[int, int, int]:
    """Score what is due; return how many were scored, unchanged and failed."""
    with Store(str(path)) as store:
        job = Run(store, settings, "test")
        for due in job.due(items):
            if isinstance(due, Due):
                job.add(due, stored(due.article))
            else:
                job.fail(due)
        job.close("done")
        return job.n_scored, job.n_unchanged, job.n_failed


def table(path: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(path) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stances.sqlite"


def test_only_what_is_new_or_changed_is_due(path: Path) -> None:
    assert run(path, articles(3)) == (3, 0, 0)
    assert run(path, articles(3)) == (0, 3, 0)
    assert run(path, articles(4)) == (1, 3, 0)
    assert run(path, [Article("a0", TEXT + " More.", "news/a0.txt"), *articles(4)[1:]]) == (1, 3, 0)
    assert run(path, articles(4)) == (1, 3, 0)
    assert table(path, "SELECT count(*), count(DISTINCT article_key) FROM articles") == [(4, 4)]
    assert table(path, "SELECT count(*) FROM statements") == [(8,)]
    assert table(path, "SELECT status, n_scored, n_unchanged FROM runs")[1] == ("done", 0, 3)


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, package_version="1.1"),
        replace(SETTINGS, model_digest="other"),
        replace(SETTINGS, options=(("min_confidence", 0.5),)),
    ],
)
def test_another_model_version_or_option_makes_everything_due(path: Path, settings: Settings) -> None:
    run(path, articles(2))
    assert run(path, articles(2), settings) == (2, 0, 0)
    assert run(path, articles(2), settings) == (0, 2, 0)
    assert table(path, "SELECT count(*) FROM articles") == [(2,)]


def test_rows_that_share_an_identifier_are_all_kept(path: Path) -> None:
    rows = [Article("x", f"{TEXT} {i}", "t.csv", location=f"line {i}") for i in (2, 3, 3)]
    assert run(path, rows) == (3, 0, 0)
    assert run(path, rows) == (0, 3, 0)
    assert table(path, "SELECT count(*) FROM articles WHERE article_id = 'x'") == [(3,)]


def test_standard_input_never_replaces_what_came_from_it_before(path: Path) -> None:
    assert run(path, [Article("stdin", "one", "-")]) == (1, 0, 0)
    assert run(path, [Article("stdin", "two", "-")]) == (1, 0, 0)
    assert run(path, [Article("stdin", "one", "-")]) == (0, 1, 0)
    assert table(path, "SELECT count(*) FROM articles") == [(2,)]


def test_same_names_in_two_working_folders_are_two_articles(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        assert run(path, articles(1)) == (1, 0, 0)
    monkeypatch.chdir(tmp_path)
    assert run(path, [Article("a0", TEXT, "one/news/a0.txt")]) == (0, 1, 0)


def test_failures_are_kept_tried_again_and_forgotten_when_they_pass(path: Path) -> None:
    bad = ArticleFailure("news/a1.txt", "a1", None, "DecodingError", "what was wrong")
    row = ArticleFailure("t.csv", None, "line 7", "InvalidInputError", "the row")
    assert run(path, [articles(1)[0], bad, row]) == (1, 0, 2)
    assert run(path, [articles(1)[0], bad, row]) == (0, 1, 2)
    assert table(path, "SELECT source, location, error, message, run_id FROM failures ORDER BY source") == [
        ("news/a1.txt", "", "DecodingError", "what was wrong", 2),
        ("t.csv", "line 7", "InvalidInputError", "the row", 2),
    ]
    assert run(path, [*articles(2), row]) == (1, 1, 1)
    assert table(path, "SELECT source FROM failures") == [("t.csv",)]


def test_a_failure_leaves_the_earlier_result(path: Path) -> None:
    run(path, articles(1))
    run(path, [ArticleFailure("news/a0.txt", "a0", None, "FileNotFoundError", "gone")])
    assert table(path, "SELECT count(*) FROM statements") == [(2,)]
    assert run(path, articles(1)) == (0, 1, 0)
    assert table(path, "SELECT count(*) FROM failures") == [(0,)]


def test_records_come_back_as_they_went_in(path: Path) -> None:
    dated = [replace(a, date=f"2024-0{i + 1}-15T10:00:00Z") for i, a in enumerate(articles(3))]
    run(path, [*dated, Article("z", TEXT, "news/z.txt", date="last May")])
    expected = [
        r for a in dated for r in statement_records(score_article(TEXT, article_id=a.article_id, date=a.date), a.source)
    ]
    with Store(str(path), read_only=True) as store:
        assert list(store.records())[:6] == expected
        assert [record_of(row) for row in store.rows()][:6] == expected
        assert {r["article_id"] for r in store.records(since="2024-02-15")} == {"a1", "a2", "z"}
        assert {r["article_id"] for r in store.records(since="2999-01-01")} == set()


def test_the_view_gives_days_and_statements(path: Path) -> None:
    run(path, [replace(articles(1)[0], date="2024-05-06T07:08:09Z")])
    rows = table(path, "SELECT day, speaker FROM scored_statements ORDER BY position")
    assert rows == [("2024-05-06", "Anna Berg"), ("2024-05-06", "Jonas Okoro")]


def test_every_column_of_the_table_output_is_kept(path: Path) -> None:
    run(path, articles(1))
    names = {row[1] for t in ("articles", "statements") for row in table(path, f"PRAGMA table_info({t})")}
    assert set(COLUMNS) <= names


def test_text_that_exists_nowhere_else_is_kept(path: Path) -> None:
    with Store(str(path)) as store:
        job = Run(store, SETTINGS, "test")
        (due,) = job.due(articles(1))
        assert isinstance(due, Due)
        job.add(due, stored(due.article, article_text=TEXT))
        job.close("done")
        assert {r["article_text"] for r in store.records()} == {TEXT}


def test_two_runs_at_once_the_second_is_told_and_nothing_is_lost(path: Path) -> None:
    with Store(str(path)) as store, Store(str(path)) as other:
        first = Run(store, SETTINGS, "first")
        with pytest.raises(StoreError, match=r"another run is writing.*process \d+ on .*since"):
            Run(other, SETTINGS, "second")
        for due in first.due(articles(2)):
            assert isinstance(due, Due)
            first.add(due, stored(due.article))
        first.close("done")
        Run(other, SETTINGS, "second").close("done")
    assert table(path, "SELECT status FROM runs") == [("done",), ("done",)]


def test_reading_goes_on_while_a_run_writes(path: Path) -> None:
    run(path, articles(1))
    with Store(str(path)) as store, Store(str(path), read_only=True) as reader:
        job = Run(store, SETTINGS, "test")
        for due in job.due(articles(3)):
            assert isinstance(due, Due)
            job.add(due, stored(due.article))
        assert len(list(reader.records())) == 2
        job.close("done")
        assert len(list(reader.records())) == 6


def test_making_a_store_from_several_threads_makes_one(tmp_path: Path) -> None:
    # Threads that start together meet in another place every time, so this is tried often.
    problems: list[BaseException] = []
    for k in range(60):
        path = tmp_path / f"{k}.sqlite"
        start = threading.Barrier(8)

        def make(path: Path = path, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                Store(str(path)).close()
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert run(path, articles(1)) == (1, 0, 0)


def test_a_full_disk_leaves_the_store_whole_and_the_next_run_goes_on(path: Path) -> None:
    run(path, articles(2))
    with Store(str(path)) as store:
        job = Run(store, SETTINGS, "test")
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
        for due in job.due(articles(60)):
            assert isinstance(due, Due)
            job.add(due, stored(due.article))
        with pytest.raises(StoreError, match=r"full.*run the same command again"):
            job.flush()
        job.release()
    assert table(path, "PRAGMA integrity_check") == [("ok",)]
    assert table(path, "SELECT count(*) FROM articles") == [(2,)]
    assert run(path, articles(60)) == (58, 2, 0)
    assert table(path, "SELECT status FROM runs ORDER BY run_id") == [("done",), ("killed",), ("done",)]


def test_a_broken_transaction_is_taken_back(path: Path) -> None:
    with Store(str(path)) as store:
        job = Run(store, SETTINGS, "test")
        good, bad = (x for x in job.due(articles(2)) if isinstance(x, Due))
        job.add(good, stored(good.article))
        job.add(bad, stored(bad.article, n_characters=None))
        with pytest.raises(StoreError, match="n_characters"):
            job.flush()
        job.release()
    assert table(path, "SELECT count(*) FROM articles") == [(0,)]
    assert table(path, "SELECT count(*) FROM statements") == [(0,)]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"no database at all, but long enough to look at" * 50, "another file"), (None, "something else")],
)
def test_other_files_are_left_alone(path: Path, content: bytes | None, words: str) -> None:
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE mine (x)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=words):
        Store(str(path))
    assert path.read_bytes() == before


def test_a_later_schema_is_refused(path: Path) -> None:
    Store(str(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema version 99"):
        Store(str(path))


def test_places_where_no_database_can_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"):
        Store(str(tmp_path / "none.sqlite"), read_only=True)
    with pytest.raises(StoreError, match="is a folder"):
        Store(str(tmp_path))
    with pytest.raises(StoreError, match="does not exist"):
        Store(str(tmp_path / "no" / "x.sqlite"))
    Store(str(tmp_path / "x.sqlite")).close()
    assert not (tmp_path / "x.sqlite-wal").exists()


def test_a_read_only_store_can_be_exported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(path, articles(2))
    monkeypatch.setattr("os.access", lambda *a: False)
    with Store(str(path), read_only=True) as store:
        assert len(list(store.records())) == 4
        with pytest.raises(StoreError):
            Run(store, SETTINGS, "test")
