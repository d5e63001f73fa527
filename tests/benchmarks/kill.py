"""Kill a scoring run at random moments, resume it, and compare its database with that of an undisturbed run.

    python tests/benchmarks/kill.py --kills 100 --articles 10000

The input holds bad rows, doubled identifiers and changed articles, so that failures and replacements are at stake too.
A run that comes to its end before all kills are spent is compared, and the next begins with an empty database.
Exit status 0: every database is identical, row for row, to the undisturbed one.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from generated_articles import article

# Everything but when it was written, and by which of the runs.
_CONTENT = {
    "articles": "SELECT article_key, article_id, source, location, date, title, n_characters, text_sha256, encoding,"
    " article_text, n_statements, content_sha256, model_digest, package_version, settings FROM articles"
    " ORDER BY article_key",
    "statements": "SELECT * FROM statements ORDER BY article_key, position",
    "failures": "SELECT source_key, location, source, article_id, error, message FROM failures"
    " ORDER BY source_key, location",
}


def write_input(path: Path, n: int) -> None:
    """Write `n` rows: most are sound articles, some share an identifier, some cannot be read."""
    with path.open("w", encoding="utf-8") as stream:
        for i in range(n):
            if i % 97 == 13:
                stream.write('{"id": "broken\n')
            else:
                name = f"a{i - 1 if i % 53 == 7 else i}"
                stream.write(json.dumps({"id": name, "text": article(i), "date": f"2024-03-{1 + i % 28:02}"}) + "\n")


def content(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return what a database holds; raises if it is damaged."""
    with sqlite3.connect(database) as connection:
        (state,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert state == "ok", state
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return {name: connection.execute(query).fetchall() for name, query in _CONTENT.items()}


def start(source: Path, database: Path, jobs: int) -> subprocess.Popen[bytes]:
    """Start a scoring run."""
    command = [sys.executable, "-m", "nato_stance", "score", str(source), "--db", str(database), "-j", str(jobs), "-q"]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def rounds(source: Path, folder: Path, kills: int, jobs: int, longest: float, seed: int) -> Iterator[tuple[Path, int]]:
    """Give each database that came to its end, with the kills that it took, until all kills are spent."""
    rng = random.Random(seed)
    spent = number = 0
    while spent < kills:
        number += 1
        database, taken = folder / f"round{number}.sqlite", 0
        while True:
            process = start(source, database, jobs)
            if spent >= kills:
                process.wait()
                break
            try:
                process.wait(rng.uniform(0.1, longest))
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                spent, taken = spent + 1, taken + 1
        yield database, taken


def check(n: int, kills: int, *, jobs: int, longest: float, seed: int, folder: Path) -> list[str]:
    """Run the whole comparison; return a line a round."""
    source = folder / "articles.jsonl"
    write_input(source, n)
    undisturbed = folder / "undisturbed.sqlite"
    began = time.monotonic()
    status = start(source, undisturbed, jobs).wait()
    assert status == 1, f"the undisturbed run ended with status {status}"
    expected = content(undisturbed)
    told = [
        f"undisturbed: {', '.join(f'{len(v):,} {k}' for k, v in expected.items())}, {time.monotonic() - began:.0f} s"
    ]
    assert len(expected["articles"]) + len(expected["failures"]) == n
    for database, taken in rounds(source, folder, kills, jobs, longest, seed):
        found = content(database)
        for name, rows in expected.items():
            assert found[name] == rows, f"{database.name}: {name} differ after {taken} kills"
        told.append(f"{database.stem}: identical after {taken} kills")
    return told


def main() -> None:
    """Read the command line and run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--longest", type=float, default=4.0, help="seconds that a run may live at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = check(
            options.articles,
            options.kills,
            jobs=options.jobs,
            longest=options.longest,
            seed=options.seed,
            folder=Path(folder),
        )
    print("\n".join(told))


if __name__ == "__main__":
    main()
