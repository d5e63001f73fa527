"""`nato-stance score` and `export`: what a user of the command line meets, good and bad."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from generated_articles import article, articles

from nato_stance import score_article
from nato_stance.cli import main

TALKS = "“We are ready to talk,” said Anna Berg, the minister.\r\nNothing else was said.\r\n"


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "inbox"
    folder.mkdir()
    for i in range(6):
        (folder / f"n{i}.txt").write_text(article(i), encoding="utf-8")
    (folder / "talks.txt").write_bytes(TALKS.encode())
    (folder / "weather.txt").write_text("Rain fell.")
    return Path("inbox")


def lines(text: str | bytes) -> list[dict[str, Any]]:
    return [json.loads(x) for x in text.splitlines()]


def score(*arguments: object) -> int:
    return main(["score", *map(str, arguments)])


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nato_stance", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)


def test_json_lines_give_the_words_back(inbox: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert score(inbox) == 0
    done = capsysbinary.readouterr()
    records = lines(done.out)
    assert {r["source"] for r in records} == {f"inbox/n{i}.txt" for i in range(6)} | {"inbox/talks.txt"}
    for record in records:
        text = Path(record["source"]).read_bytes().decode("utf-8")
        assert record["article_id"] == Path(record["source"]).stem
        assert " ".join(text[a:b] for a, b in record["spans"]) == record["text"]
    assert b"8 articles scored" in done.err
    assert b"1 without any" in done.err


def test_files_by_ending_and_the_database_hold_the_same(inbox: Path) -> None:
    for name in ("o.jsonl", "o.csv", "o.parquet", "o.sqlite"):
        assert score(inbox, "-q", "-o", name) == 0
    records = lines(Path("o.jsonl").read_bytes())
    for form in ("jsonl", "csv", "parquet"):
        assert main(["export", "--db", "o.sqlite", "-o", f"e.{form}"]) == 0
        assert Path(f"e.{form}").read_bytes() == Path(f"o.{form}").read_bytes()
    rows = list(csv.DictReader(io.StringIO(Path("o.csv").read_text("utf-8"), newline="")))
    assert [r["text"] for r in rows] == [r["text"] for r in records]


@pytest.mark.parametrize(
    "options", [["-j2"], ["-j4", "--batch-size", "1"], ["--batch-size", "1000"], ["-j2", "--batch-size", "7"]]
)
def test_output_is_byte_identical_across_workers_and_batches(
    inbox: Path, options: list[str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert score(inbox, "-q") == 0
    expected = capsysbinary.readouterr().out
    assert score(inbox, "-q", *options) == 0
    assert capsysbinary.readouterr().out == expected


def test_the_table(inbox: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert score(inbox / "talks.txt", inbox / "weather.txt", "--format", "table") == 0
    shown = capsysbinary.readouterr().out.decode()
    label = score_article(TALKS).statements[0].label
    for part in ("inbox/talks.txt: 1 statement", "Anna Berg", label.stance, label.tone, "We are ready to talk,"):
        assert part in shown
    assert "inbox/weather.txt: no statements" in shown


def test_articles_and_failures_have_their_files(inbox: Path) -> None:
    (inbox / "bad.txt").write_bytes(b"%PDF-1.4")
    assert score(inbox, "-q", "-o", "o.jsonl", "--articles", "a.jsonl", "--failures", "f.jsonl") == 1
    whole = lines(Path("a.jsonl").read_bytes())
    assert [a["article_id"] for a in whole] == [*(f"n{i}" for i in range(6)), "talks", "weather"]
    assert [a["n_statements"] for a in whole if a["article_id"] in ("talks", "weather")] == [1, 0]
    assert sum(a["n_statements"] for a in whole) == len(lines(Path("o.jsonl").read_bytes()))
    (failure,) = lines(Path("f.jsonl").read_bytes())
    assert (failure["source"], failure["error"]) == ("inbox/bad.txt", "DecodingError")


def test_one_bad_article_in_a_thousand(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [json.dumps({"id": str(i), "text": TALKS}) for i in range(1000)]
    rows[617] = rows[617][:-5]
    (tmp_path / "in.jsonl").write_text("\n".join(rows))
    database = tmp_path / "x.sqlite"
    assert score(tmp_path / "in.jsonl", "--db", database) == 1
    failure, summary = capfd.readouterr().err.splitlines()
    assert json.loads(failure)["location"] == "line 618"
    assert "999 articles scored (999 statements; 0 without any); 1 failed" in summary
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM articles").fetchone() == (999,)
        assert connection.execute("SELECT location FROM failures").fetchall() == [("line 618",)]


BAD: dict[str, tuple[bytes, str]] = {
    "binary.txt": (bytes(range(256)) * 40, "binary"),
    "half.txt": ("text".encode("utf-16") + b"x", "utf-16"),
    "archive.docx": (b"PK\x03\x04...", "ZIP"),
    "big.txt": (b"x" * 3_000_001, "3,000,001 bytes, over the limit of 3,000,000; raise the limit with --max-size"),
    "empty.html": (b"", "no article"),
    "cyrillic.txt": ("Он сказал нет.".encode("cp1251"), "give its encoding"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_failures_that_say_what_to_do(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data, words = BAD[name]
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.txt").write_bytes(TALKS.encode())
    assert score(tmp_path / name, tmp_path / "good.txt", "--max-size", "3MB") == 1
    done = capfd.readouterr()
    assert len(lines(done.out)) == 1
    assert words in json.loads(done.err.splitlines()[0])["message"]


@pytest.mark.parametrize(
    "data", [b"", b" \n\t ", TALKS.encode("utf-16"), TALKS.encode("cp1252"), TALKS.encode() + b"\0"]
)
def test_odd_but_readable_files_give_a_result(data: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.txt").write_bytes(data)
    assert score(tmp_path / "x.txt") == 0
    done = capfd.readouterr()
    assert len(lines(done.out)) == (1 if data.strip() else 0)
    assert ("note: " in done.err) == (not data.strip() or b"\x93" in data)


def test_paths_that_lead_nowhere(inbox: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (inbox / "nothing").mkdir()
    assert score("missing.txt", inbox / "nothing", "*.nope", inbox / "talks.txt") == 1
    done = capfd.readouterr()
    assert len(lines(done.out)) == 1
    messages = [json.loads(x)["message"] for x in done.err.splitlines()[:3]]
    assert "no such file" in messages[0]
    assert "holds no file" in messages[1]
    assert "no file matches" in messages[2]


def test_fail_fast_stops_and_keeps_what_was_done(inbox: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (inbox / "n3.txt").write_bytes(b"%PDF-")
    assert score(inbox, "--fail-fast", "--db", "x.sqlite") == 1
    assert "--fail-fast" in capfd.readouterr().err
    assert score(inbox, "--db", "x.sqlite") == 1
    err = capfd.readouterr().err
    assert "4 articles scored" in err
    assert "3 unchanged; 1 failed" in err


def test_every_morning_only_what_is_new(inbox: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert score(inbox, "--db", "x.sqlite") == 0
    capfd.readouterr()
    assert score(inbox, "--db", "x.sqlite") == 0
    assert "0 articles scored" in capfd.readouterr().err
    (inbox / "weather.txt").write_text("“It will rain,” said Jonas Okoro.")
    (inbox / "new.txt").write_text(TALKS)
    assert score(inbox, "--db", "x.sqlite") == 0
    assert "2 articles scored (2 statements; 0 without any); 7 unchanged" in capfd.readouterr().err


def test_export_since_a_day(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": d, "text": TALKS, "date": d} for d in ("2024-01-01", "2024-06-01T08:00:00Z", "in May")]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert score(tmp_path / "in.jsonl", "--db", tmp_path / "x.sqlite") == 0
    capfd.readouterr()
    assert main(["export", "--db", str(tmp_path / "x.sqlite"), "--since", "2024-05-01"]) == 0
    assert [r["article_id"] for r in lines(capfd.readouterr().out)] == ["2024-06-01T08:00:00Z", "in May"]


def test_web_pages_carry_their_text(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trafilatura")
    page = "<html><body><nav>Menu</nav><article>" + "<p>“We will talk,” said Anna Berg in the old town hall.</p>" * 4
    (tmp_path / "p.html").write_text(page + "</article></body></html>", encoding="utf-8")
    assert score(tmp_path / "p.html", "--db", tmp_path / "x.sqlite") == 0
    assert score(tmp_path / "p.html") == 0
    records = lines(capfd.readouterr().out)
    assert records
    for record in records:
        text = record["article_text"]
        assert " ".join(text[a:b] for a, b in record["spans"]) == record["text"]
    assert main(["export", "--db", str(tmp_path / "x.sqlite")]) == 0
    assert lines(capfd.readouterr().out) == records


def test_standard_input_as_text_and_as_rows(tmp_path: Path) -> None:
    done = run("score", "-", input=TALKS)
    (record,) = lines(done.stdout)
    assert (record["article_id"], record["source"], record["speaker"]) == ("stdin", "-", "Anna Berg")
    done = run("score", "-", "--input-format", "jsonl", input=json.dumps({"id": 5, "text": TALKS}) + "\n{bad\n")
    assert [r["article_id"] for r in lines(done.stdout)] == ["5"]
    assert done.returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["score"],
        ["score", "x", "--db", "a", "-o", "b"],
        ["score", "x", "--format", "sqlite"],
        ["score", "x", "-j", "0"],
        ["score", "x", "--max-size", "huge"],
        ["score", "x", "--batch-size", "0"],
        ["score", "x", "--min-confidence", "2"],
        ["score", "x", "-j", "99999999999"],
        ["score", "x", "--max-size", "99999999999999GB"],
        ["score", "x", "--encoding", "klingon"],
        ["score", "x", "--model", ""],
        ["score", "x", "--db", ""],
        ["score", "x", "-o", ""],
        ["score", "x", "-o", "x.xlsx"],
        ["score", "x", "--articles", "-"],
        ["score", "x", "-o", "y.jsonl", "--articles", "./y.jsonl"],
        ["extract", "x", "--encoding", "klingon"],
        ["extract", "x", "-o", "x.csv"],
        ["export", "--db", "x", "-o", "x.db"],
        ["export", "--db", "x", "--since", "2024-W01-1"],
        ["export"],
        ["export", "--db", "x", "--since", "yesterday"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "inbox", "-o", "no/such/x.jsonl"], "make it first"),
        (["score", "inbox", "-o", "inbox"], "it is a folder"),
        (["score", "inbox", "--db", "inbox/talks.txt"], "another file"),
        (["score", "inbox", "--db", "no/x.sqlite"], "does not exist"),
        (["score", "inbox", "--model", "inbox"], "inbox"),
        (["export", "--db", "none.sqlite"], "no database"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    inbox: Path, arguments: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    err = capfd.readouterr().err
    assert words in err
    assert "Traceback" not in err
    assert (inbox / "talks.txt").read_bytes() == TALKS.encode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_is_told(inbox: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert score(inbox, "-o", "/dev/full") == 1
    assert "the disk is full" in capfd.readouterr().err


def test_quiet_and_verbose(inbox: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (inbox / "talks.txt").write_bytes(TALKS.encode("cp1252"))
    assert score(inbox, "-q", "-o", "o.jsonl") == 0
    assert capfd.readouterr().err == ""
    assert score(inbox, "-v", "-o", "o.jsonl") == 0
    assert "note: inbox/talks.txt: read as cp1252" in capfd.readouterr().err


def test_a_reader_that_stops_early_is_no_error(inbox: Path) -> None:
    command = f"{sys.executable} -m nato_stance score inbox inbox inbox | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert len(lines(done.stdout)) == 1


@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
@pytest.mark.parametrize(("sign", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_how_to_go_on_and_goes_on(
    tmp_path: Path, sign: signal.Signals, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    source, database = tmp_path / "in.jsonl", tmp_path / "x.sqlite"
    n = 2500  # some ten seconds of work, so that the signal comes in the middle of it
    source.write_text("".join(json.dumps(x) + "\n" for x in articles(n)))
    command = [sys.executable, "-m", "nato_stance", "score", str(source), "--db", str(database), "-j2"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has them ignore Ctrl-C, and what they start inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not _count(database) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, sign)
    _, err = process.communicate(timeout=30)
    assert process.returncode == status, err
    assert "run the same command again to go on" in err
    assert "Traceback" not in err
    done = _count(database)
    assert 0 < done < n
    assert score(source, "--db", database, "-j2") == 0
    assert f"{done:,} unchanged" in capfd.readouterr().err
    assert _count(database) == n


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_on_a_terminal_there_is_a_table_and_progress(inbox: Path) -> None:
    import pty

    def on_terminal(*arguments: str) -> str:
        control, terminal = pty.openpty()
        command = [sys.executable, "-m", "nato_stance", "score", *arguments]
        process = subprocess.Popen(command, stdout=terminal, stderr=terminal, stdin=terminal, close_fds=True)
        os.close(terminal)
        shown = b""
        while True:
            try:
                piece = os.read(control, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        os.close(control)
        assert process.wait() == 0
        return shown.decode()

    shown = on_terminal("inbox/talks.txt")
    assert "inbox/talks.txt: 1 statement" in shown
    assert "1 article scored" in shown
    assert "\x1b[K" not in shown
    Path("in.jsonl").write_text("".join(json.dumps(x) + "\n" for x in articles(250)))
    shown = on_terminal("in.jsonl", "--db", "x.sqlite")
    assert " a second, " in shown
    assert " left" in shown
    assert shown.rstrip().splitlines()[-1].startswith("\x1b[Knato-stance: 250 articles scored")


def _count(database: Path) -> int:
    if not database.exists():
        return 0
    with sqlite3.connect(database) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM articles").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def test_the_line_for_the_crontab_runs(tmp_path: Path, root: Path) -> None:
    page = (root / "docs" / "batch.md").read_text(encoding="utf-8")
    (line,) = [x for x in page.splitlines() if x.startswith("15 6 * * *")]
    (tmp_path / "news" / "inbox").mkdir(parents=True)
    (tmp_path / "news" / "inbox" / "a.txt").write_text(TALKS, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = line.split(maxsplit=5)[5]
    for _ in range(2):
        environment = {**os.environ, "HOME": str(tmp_path), "PATH": path}
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env=environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _count(tmp_path / "news" / "stances.sqlite") == 1


def test_the_page_names_every_option(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    shown = capsys.readouterr().out
    page = (root / "docs" / "batch.md").read_text(encoding="utf-8")
    for option in ("--db", "--articles", "--failures", "--include", "--exclude", "--max-size", "--fail-fast", "--jobs"):
        assert option in shown
        assert option in page
