"""Many articles: lazy, in order, the same on any number of workers, and nothing lost when workers die."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from generated_articles import article, articles

import nato_stance
from nato_stance import ArticleScore, ArticleTooLargeError, InvalidInputError, InvalidTypeError, score_articles
from nato_stance.articles import ArticleFailure
from nato_stance.parallel import map_ordered
from nato_stance.processes import Each, WorkerDiedError, WorkerStartError
from nato_stance.records import Profile

NEWS = list(articles(40))


def dump(scores: Any) -> list[str]:
    return [json.dumps(s.to_dict()) for s in scores]


@dataclass(frozen=True)
class Fake:
    """A scorer that needs no model; it dies, fails or waits when the text says so."""

    flag: str = ""

    def __call__(self, text: str, *, article_id: Any = None, date: Any = None, title: Any = None) -> ArticleScore:
        if text.startswith("die"):
            os._exit(9)
        if text.startswith("once") and not Path(self.flag).exists():
            Path(self.flag).touch()
            os._exit(9)
        if text.startswith("fail"):
            raise ZeroDivisionError("a bug on this article")
        if text.startswith("print"):
            print("noise on standard output")
        return ArticleScore(article_id, (), Profile(0, {}, {}), n_characters=len(text))


def numbered(n: int, **special: str) -> list[dict[str, str]]:
    return [{"id": str(i), "text": special.get(f"a{i}", "x" * i)} for i in range(n)]


def test_scores_are_those_of_score_article_in_order() -> None:
    one_by_one = [nato_stance.score_article(x["text"], article_id=x["article_id"]) for x in NEWS]
    assert dump(score_articles(NEWS)) == dump(one_by_one)
    assert sum(len(s.statements) for s in one_by_one) > 200


@pytest.mark.parametrize(("n_jobs", "batch_size"), [(1, 1), (1, 7), (1, 1000), (2, 1), (2, 7), (4, 1000)])
def test_workers_and_batch_sizes_change_nothing(n_jobs: int, batch_size: int) -> None:
    assert dump(score_articles(NEWS, n_jobs=n_jobs, batch_size=batch_size)) == dump(score_articles(NEWS))


def test_shuffled_input_gives_the_same_records() -> None:
    backwards = NEWS[::-1]
    assert sorted(dump(score_articles(backwards))) == sorted(dump(score_articles(NEWS)))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_reading_ahead_is_bounded(n_jobs: int) -> None:
    taken = itertools.count()
    endless = ({"id": str(next(taken)), "text": "x"} for _ in itertools.repeat(None))
    stream = score_articles(endless, n_jobs=n_jobs, batch_size=3, scorer=Fake())
    assert [next(stream).article_id for _ in range(30)] == [str(i) for i in range(30)]
    assert next(taken) <= 30 + 3 * (1 if n_jobs == 1 else 1 + 4 * n_jobs)
    stream.close()  # type: ignore[attr-defined]


def test_one_at_a_time_is_possible() -> None:
    fed: list[int] = []

    def feed() -> Iterator[str]:
        for i in range(5):
            fed.append(i)
            yield "x"

    stream = score_articles(feed(), batch_size=1, scorer=Fake())
    next(stream)
    assert fed == [0]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_ends_the_run_in_its_turn_or_becomes_a_record(n_jobs: int) -> None:
    news: list[Any] = [*numbered(10), {"id": "bad", "text": 7}, {"id": "none"}, 5, {"text": "fail"}, "last"]
    strict = score_articles(news, n_jobs=n_jobs, scorer=Fake())
    assert [next(strict).article_id for _ in range(10)] == [str(i) for i in range(10)]
    with pytest.raises(InvalidTypeError, match=r"articles\[10\].*'text' must be a string, got int"):
        next(strict)
    found = list(score_articles(news, n_jobs=n_jobs, scorer=Fake(), on_error="record"))
    failures = [x for x in found if isinstance(x, ArticleFailure)]
    assert [found.index(f) for f in failures] == [10, 11, 12, 13]
    assert [(f.article_id, f.location, f.error) for f in failures] == [
        ("bad", "articles[10]", "InvalidTypeError"),
        ("none", "articles[11]", "InvalidInputError"),
        (None, "articles[12]", "InvalidTypeError"),
        (None, "articles[13]", "ZeroDivisionError"),
    ]
    assert isinstance(found[14], ArticleScore)


def test_an_input_that_breaks_off_gives_what_came_before() -> None:
    def feed() -> Iterator[dict[str, str]]:
        yield from numbered(50)
        raise OSError("the feed is gone")

    for n_jobs in (1, 2):
        got = []
        with pytest.raises(OSError, match="the feed is gone"):
            got.extend(x.article_id for x in score_articles(feed(), n_jobs=n_jobs, scorer=Fake()))
        stream = score_articles(feed(), n_jobs=n_jobs, scorer=Fake())
        assert [next(stream).article_id for _ in range(50)] == [str(i) for i in range(50)]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: score_articles("one text"), InvalidTypeError, "single str"),
        (lambda: score_articles({"text": "x"}), InvalidTypeError, "single dict"),
        (lambda: score_articles(5), InvalidTypeError, "iterable"),
        (lambda: score_articles([], n_jobs=0), InvalidInputError, "n_jobs is 0"),
        (lambda: score_articles([], n_jobs="2"), InvalidTypeError, "n_jobs"),
        (lambda: score_articles([], n_jobs=True), InvalidTypeError, "n_jobs"),
        (lambda: score_articles([], batch_size=0), InvalidInputError, "batch_size is 0"),
        (lambda: score_articles([], on_error="ignore"), InvalidInputError, "'ignore'"),
        (lambda: score_articles([], max_size=-1), InvalidInputError, "max_size"),
        (lambda: score_articles([], scorer=Fake(), min_confidence=0.5), InvalidInputError, "either"),
        (lambda: next(score_articles(["xxxx"], max_size=3)), ArticleTooLargeError, "4 bytes, over the limit of 3"),
        (lambda: next(score_articles([b"bytes"])), InvalidTypeError, r"articles\[0\]"),
    ],
)
def test_bad_arguments_are_told_at_once(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_an_article_that_kills_its_worker_is_one_failure_and_no_loss() -> None:
    news = numbered(100, a37="die")
    found = list(score_articles(news, n_jobs=2, batch_size=5, scorer=Fake(), on_error="record"))
    assert [x.article_id for x in found] == [str(i) for i in range(100)]
    (failure,) = [x for x in found if isinstance(x, ArticleFailure)]
    assert (failure.article_id, failure.error) == ("37", "WorkerDiedError")
    assert "memory ran out" in failure.message
    with pytest.raises(WorkerDiedError):
        list(score_articles(news, n_jobs=2, scorer=Fake()))


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    scorer = Fake(str(tmp_path / "died"))
    found = list(score_articles(numbered(60, a11="once upon a time"), n_jobs=2, batch_size=4, scorer=scorer))
    assert [x.article_id for x in found] == [str(i) for i in range(60)]
    assert (tmp_path / "died").exists()


def test_workers_killed_at_random_from_outside_cost_nothing() -> None:
    stop = threading.Event()

    def kill_now_and_then() -> None:
        while not stop.wait(0.8):
            for pid in _workers()[:1]:
                os.kill(pid, 9)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        outcomes = list(map_ordered(Each(_slow), range(300), n_jobs=2, batch_size=5))
    finally:
        stop.set()
        killer.join()
    values = [o.value for o in outcomes if o.error is None]
    # An article may by chance be in hand at each of its three tries; all others must be there.
    assert len(outcomes) == 300
    assert len(values) >= 298
    assert all(o.item == o.value for o in outcomes if o.error is None)


def _slow(number: int) -> int:
    time.sleep(0.012)
    return number


def _workers() -> list[int]:
    if not Path("/proc").is_dir():
        pytest.skip("needs /proc to find the workers")
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if parent == str(os.getpid()) and b"nato_stance.processes" in command:
                found.append(int(entry.name))
    return found


def test_what_a_worker_prints_does_not_get_between_the_answers() -> None:
    found = list(score_articles(["print this", "x"], n_jobs=2, batch_size=1, scorer=Fake()))
    assert [x.n_characters for x in found] == [10, 1]


def test_an_iterator_that_is_dropped_takes_its_workers_along() -> None:
    stream = score_articles(itertools.repeat("x"), n_jobs=2, scorer=Fake())
    next(stream)
    assert _workers()
    stream.close()  # type: ignore[attr-defined]
    assert not _workers()


def test_results_and_errors_that_cannot_travel_are_told() -> None:
    outcomes = list(map_ordered(Each(_unportable), ["value", "error"], n_jobs=2, batch_size=1))
    assert "cannot be sent back" in str(outcomes[0].error)
    assert "OddError: told" in str(outcomes[1].error)


class OddError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one)


def _unportable(what: str) -> Any:
    if what == "error":
        raise OddError("told", "lost")
    return (x for x in "a generator cannot be pickled")


def test_joblib_says_how_many_and_where() -> None:
    joblib = pytest.importorskip("joblib")
    expected = dump(score_articles(NEWS[:10]))
    for backend in ("loky", "threading", "multiprocessing", "sequential"):
        with joblib.parallel_config(backend, n_jobs=2):
            assert dump(score_articles(NEWS[:10], n_jobs=None)) == expected
    assert dump(score_articles(NEWS[:10], n_jobs=None)) == expected


def test_a_loaded_model_goes_to_the_workers() -> None:
    model = nato_stance.load_model()
    expected = dump(score_articles(NEWS[:6]))
    assert dump(score_articles(NEWS[:6], model=model, n_jobs=2, batch_size=2)) == expected


def test_min_confidence_reaches_the_workers() -> None:
    scores = score_articles(NEWS[:4], min_confidence=1.0, n_jobs=2)
    assert all(s.label.abstained for score in scores for s in score.statements)


def test_scripts_need_no_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from nato_stance import score_articles\n"
        "from nato_stance.batch import StandardScorer\n"
        "class Mine(StandardScorer):\n"
        "    def together(self, articles):\n"
        "        return super().together(articles)\n"
        "print([len(s.statements) for s in score_articles(['“We will talk,” said Anna Berg.'] * 3, n_jobs=2,\n"
        "       batch_size=1, scorer=Mine())])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "[1, 1, 1]", done.stderr


def test_hash_seeds_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(x) + "\n" for x in NEWS[:12]))
    digests = set()
    for seed in ("0", "1", "77"):
        command = [sys.executable, "-m", "nato_stance", "score", str(tmp_path / "x.jsonl"), "-o", "-"]
        done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        digests.add(hashlib.sha256(done.stdout).hexdigest())
    assert len(digests) == 1


def test_scoring_one_job_needs_no_joblib() -> None:
    code = (
        "import sys; from nato_stance import score_articles; list(score_articles(['x']));"
        "print([m for m in ('joblib', 'sklearn', 'scipy', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_generated_articles_are_all_different_and_have_the_length_they_claim() -> None:
    texts = [article(i) for i in range(200)]
    assert len(set(texts)) == 200
    assert 480 < sum(len(t.split()) for t in texts) / 200 < 560


def test_workers_that_cannot_start_are_told_and_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nato_stance.processes._BOOT", "import sys; {path!r}; sys.exit(3)")
    with pytest.raises(WorkerStartError, match="ended while it started"):
        list(score_articles(["x"], n_jobs=2, scorer=Fake()))
    monkeypatch.setattr("nato_stance.processes._BOOT", "import os; {path!r}; os.kill(os.getpid(), 9)")
    with pytest.raises(WorkerStartError, match="use fewer jobs"):
        list(score_articles(["x"], n_jobs=2, scorer=Fake()))


def test_work_that_workers_cannot_load_is_told() -> None:
    with pytest.raises(WorkerStartError, match="ZeroDivisionError"):
        list(score_articles(["x"], n_jobs=2, scorer=Unloadable()))


class Unloadable(Fake):
    def __reduce__(self) -> Any:
        return (divmod, (1, 0))
