"""The standing results database: what was scored, with what, and what failed; opened again every morning.

One SQLite file in WAL mode. Results are written in transactions of some hundred articles, each with its statements,
so that whatever ends a run leaves whole articles behind and the next run goes on after them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from nato_stance.articles import Article, ArticleFailure
from nato_stance.outputs import COLUMNS, record_of
from nato_stance.records import StoreError

SCHEMA_VERSION: Final = 1
_APPLICATION_ID: Final = 0x6E617473  # "nats"; tells this kind of database from any other
_COMMIT_ARTICLES: Final = 200
_COMMIT_SECONDS: Final = 1.0
_BUSY_SECONDS: Final = 30.0
_BUSY_PAUSE: Final = 0.01
_STDIN: Final = "-"
_NO_FILES: Final = ("", ":memory:")  # SQLite takes these for databases that are gone when they are closed

# The statement columns of the store: those of a table output without what the article's own row holds.
_ARTICLE_COLUMNS: Final = ("article_id", "source", "date", "title")
STATEMENT_COLUMNS: Final = tuple(name for name in COLUMNS if name not in _ARTICLE_COLUMNS)

_TYPES: Final = {"confidence": "REAL NOT NULL", "abstained": "INTEGER NOT NULL"}

_SCHEMA: Final = f"""
CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    status TEXT NOT NULL,
    command TEXT NOT NULL,
    package_version TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    settings TEXT NOT NULL,
    n_scored INTEGER NOT NULL DEFAULT 0,
    n_unchanged INTEGER NOT NULL DEFAULT 0,
    n_failed INTEGER NOT NULL DEFAULT 0,
    n_statements INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE articles (
    article_key TEXT PRIMARY KEY,
    article_id TEXT,
    source TEXT NOT NULL,
    location TEXT,
    date TEXT,
    title TEXT,
    n_characters INTEGER NOT NULL,
    text_sha256 TEXT NOT NULL,
    encoding TEXT,
    article_text TEXT,
    n_statements INTEGER NOT NULL,
    content_sha256 TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    package_version TEXT NOT NULL,
    settings TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (run_id),
    scored_at TEXT NOT NULL
);
CREATE TABLE statements (
    article_key TEXT NOT NULL REFERENCES articles (article_key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    {", ".join(f"{n} {_TYPES.get(n, 'REAL NOT NULL' if n.startswith('p_') else 'TEXT')}" for n in STATEMENT_COLUMNS)},
    PRIMARY KEY (article_key, position)
);
CREATE TABLE failures (
    source_key TEXT NOT NULL,
    location TEXT NOT NULL,
    source TEXT,
    article_id TEXT,
    error TEXT NOT NULL,
    message TEXT NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (run_id),
    failed_at TEXT NOT NULL,
    PRIMARY KEY (source_key, location)
);
CREATE INDEX articles_by_date ON articles (date);
CREATE INDEX articles_by_source ON articles (source);
CREATE INDEX statements_by_speaker ON statements (speaker);
CREATE INDEX statements_by_stance ON statements (stance, polarity);
CREATE VIEW scored_statements AS
    SELECT article_id, source, title,
        CASE WHEN date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*' THEN substr(date, 1, 10)
             ELSE substr(scored_at, 1, 10) END AS day,
        scored_at, s.*
    FROM statements AS s JOIN articles USING (article_key);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that decides a label besides the article: a change of any of it makes every article due again.

    Attributes:
        package_version: of nato_stance.
        model_digest: of the model's files.
        options: further options that change a result, by name.
    """

    package_version: str
    model_digest: str
    options: tuple[tuple[str, Any], ...] = ()

    def options_json(self) -> str:
        """Return the options as one string that is the same for the same options."""
        return json.dumps(dict(self.options), sort_keys=True)


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """One scored article on its way into the store, as plain values that travel cheaply between processes.

    Attributes:
        date, title, n_characters, text_sha256, encoding: as in the article's record.
        article_text: the text if it exists nowhere else.
        statements: rows of `nato_stance.outputs.COLUMNS`.
    """

    date: str | None
    title: str | None
    n_characters: int
    text_sha256: str
    encoding: str | None
    article_text: str | None
    statements: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Due:
    """An article that has to be scored, with the key and the digest under which the result is kept."""

    article: Article
    key: str
    digest: str


class Store:
    """A results database, open.

    Args:
        path: of the SQLite file; it is made if there is none.
        read_only: True to read an existing one and nothing else.

    Raises:
        StoreError: the name is no file's, the file cannot be opened, is no results database, holds nothing that could
            be read, or was made by a later version.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Store(os.path.join(folder.name, "stances.sqlite")) as store:
        ...     list(store.records())
        []
        >>> folder.cleanup()
    """

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        self.path = os.fspath(path)
        if self.path in _NO_FILES:
            raise StoreError(f"{self.path!r} is no name of a database file, results would be lost; give another")
        self._base = os.path.dirname(os.path.abspath(self.path))
        with self._explained():
            self._connection = _connect(self.path, read_only)
            try:
                self._check(read_only)
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        with self._explained():
            self._connection.close()

    def _check(self, read_only: bool) -> None:
        # One transaction: between two separate looks another first run may have made the tables.
        self._connection.execute("BEGIN")
        application, version = self._pragma("application_id"), self._pragma("user_version")
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        self._connection.execute("COMMIT")
        is_new = application == 0 and version == 0 and tables == 0
        if application != _APPLICATION_ID and not is_new:
            raise StoreError(f"{self.path!r} is a database of something else; give another file to --db")
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path!r} has schema version {version}, this package knows {SCHEMA_VERSION}; "
                "install the nato-stance that wrote it, or a later one"
            )
        if not read_only:
            # Only now: this writes into the file, which had better be ours.
            self._write_ahead()
        if is_new and read_only:
            raise StoreError(f"{self.path!r} holds no results yet; fill it with: nato-stance score INBOX --db FILE")
        if is_new:
            self._create()

    def _write_ahead(self) -> None:
        # SQLite does not wait its usual time for this change where waiting could lock both sides, so we wait.
        end = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            time.sleep(_BUSY_PAUSE)

    def _create(self) -> None:
        # Two first runs at once: the second waits for the first one's transaction, then finds the tables made.
        with _transaction(self._connection):
            if self._pragma("user_version") == 0:
                for statement in _SCHEMA.split(";\n"):
                    self._connection.execute(statement)

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path!r}: {_advice(str(error))}") from error

    def key(self, source: str | None) -> str:
        """Return what identifies a source: its path as seen from the database's folder.

        So a store and its articles can be moved together, and articles of the same name in two working folders are
        not taken for each other.
        """
        if source is None or source == _STDIN:
            return source or ""
        try:
            return os.path.relpath(source, self._base).replace(os.sep, "/")
        except ValueError:  # another drive
            return os.path.abspath(source).replace(os.sep, "/")

    def records(self, since: str | None = None) -> Iterator[dict[str, Any]]:
        """Give every statement as the record that JSON lines hold, ordered by source and place.

        Args:
            since: `YYYY-MM-DD`; leaves out articles dated earlier. An article without a date in that form counts by
                the day on which it was scored.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._explained():
            for text, row in self._rows(since):
                record = record_of(row)
                if text is not None:
                    record["article_text"] = text
                yield record

    def rows(self, since: str | None = None) -> Iterator[tuple[Any, ...]]:
        """Give every statement as a row of `nato_stance.outputs.COLUMNS`, ordered as `records`."""
        with self._explained():
            for _, row in self._rows(since):
                yield row

    def _rows(self, since: str | None) -> Iterator[tuple[str | None, tuple[Any, ...]]]:
        places = ", ".join(f"{'a' if n in _ARTICLE_COLUMNS else 's'}.{n}" for n in COLUMNS)
        abstained = 1 + COLUMNS.index("abstained")
        cursor = self._connection.execute(
            f"SELECT a.article_text, {places} FROM articles AS a JOIN statements AS s USING (article_key)"
            " WHERE ?1 IS NULL OR CASE WHEN a.date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'"
            " THEN substr(a.date, 1, 10) ELSE substr(a.scored_at, 1, 10) END >= ?1"
            " ORDER BY a.source, length(a.location), a.location, a.article_key, s.position",
            (since,),
        )
        for text, *row in cursor:
            row[abstained - 1] = bool(row[abstained - 1])
            yield text, tuple(row)


class Run:
    """One run that writes into a store; there is one at a time.

    Args:
        store: open for writing.
        settings: what besides the articles decides the labels.
        command: for the record, what was asked for.

    Attributes:
        n_scored, n_unchanged, n_failed, n_statements: so far.

    Raises:
        StoreError: another run is writing into the store, or it cannot be written.
    """

    def __init__(self, store: Store, settings: Settings, command: str) -> None:
        self.n_scored = self.n_unchanged = self.n_failed = self.n_statements = 0
        self._store = store
        self._db = store._connection
        self._settings = settings
        self._pending: list[tuple[Due, StoredArticle]] = []
        self._failures: list[ArticleFailure] = []
        self._recovered: set[str] = set()
        self._last_flush = time.monotonic()
        self._lock = _RunLock(store.path)
        try:
            with store._explained():
                self._begin(command)
        except BaseException:
            self._lock.release()
            raise

    def _begin(self, command: str) -> None:
        # A run that was killed could not say so itself; nobody else writes, so whatever still "runs" is dead.
        with _transaction(self._db):
            self._db.execute("UPDATE runs SET status = 'killed' WHERE status = 'running'")
            settings = (self._settings.package_version, self._settings.model_digest, self._settings.options_json())
            self._run_id = self._db.execute(
                "INSERT INTO runs (started_at, status, command, package_version, model_digest, settings)"
                " VALUES (?, 'running', ?, ?, ?, ?)",
                (_now(), command, *settings),
            ).lastrowid
        self._failed_before = {row[0] for row in self._db.execute("SELECT source_key FROM failures")}
        # On disk if need be, so that a table of a million rows does not have to fit into memory.
        self._db.execute(
            "CREATE TEMP TABLE met (source_key TEXT, article_id TEXT, n INT, PRIMARY KEY (source_key, article_id))"
        )

    def due(self, items: Iterable[Article | ArticleFailure]) -> Iterator[Due | ArticleFailure]:
        """Let through what has to be scored: articles that are new, changed, or scored with other settings.

        Failures pass as they are. What failed in an earlier run is always due.
        """
        for item in items:
            source_key = self._store.key(item.source)
            self._forget_failures(source_key)
            if isinstance(item, ArticleFailure):
                yield item
                continue
            due = self._identified(item, source_key)
            if self._is_known(due):
                self.n_unchanged += 1
            else:
                yield due

    def _forget_failures(self, source_key: str) -> None:
        if source_key in self._failed_before:
            self._failed_before.discard(source_key)
            self._recovered.add(source_key)

    def _identified(self, article: Article, source_key: str) -> Due:
        digest = article.digest()
        occurrence = self._met(source_key, article.article_id) if article.location is not None else 0
        # Standard input has no lasting name: there the content itself is part of the identity.
        parts = (source_key, article.article_id, occurrence, digest if source_key == _STDIN else None)
        key = hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()[:24]
        return Due(article, key, digest)

    def _met(self, source_key: str, article_id: str | None) -> int:
        with self._store._explained():
            row = self._db.execute(
                "INSERT INTO met VALUES (?, ?, 0) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n",
                (source_key, article_id or ""),
            ).fetchone()
        return int(row[0])

    def _is_known(self, due: Due) -> bool:
        with self._store._explained():
            row = self._db.execute(
                "SELECT content_sha256, model_digest, package_version, settings FROM articles WHERE article_key = ?",
                (due.key,),
            ).fetchone()
        s = self._settings
        return bool(row == (due.digest, s.model_digest, s.package_version, s.options_json()))

    def add(self, due: Due, scored: StoredArticle) -> None:
        """Keep a scored article, in place of an earlier result of the same article."""
        self._pending.append((due, scored))
        self.n_scored += 1
        self.n_statements += len(scored.statements)
        self._flush_when_due()

    def fail(self, failure: ArticleFailure) -> None:
        """Keep a failure. An earlier result of the same article stays."""
        self._failures.append(failure)
        self.n_failed += 1
        self._flush_when_due()

    def _flush_when_due(self) -> None:
        many = len(self._pending) + len(self._failures) >= _COMMIT_ARTICLES
        if many or time.monotonic() - self._last_flush > _COMMIT_SECONDS:
            self.flush()

    def flush(self, status: str = "running") -> None:
        """Write everything that was added, in one transaction.

        Raises:
            StoreError: it cannot be written; the store is as it was after the last flush.
        """
        now = _now()
        with self._store._explained(), _transaction(self._db):
            self._db.executemany("DELETE FROM failures WHERE source_key = ?", [(k,) for k in sorted(self._recovered)])
            self._write_articles(now)
            self._db.executemany(
                "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (self._store.key(f.source), f.location or "", f.source, f.article_id, f.error, f.message, run, now)
                    for run in [self._run_id]
                    for f in self._failures
                ],
            )
            self._db.execute(
                "UPDATE runs SET status = ?, ended_at = ?, n_scored = ?, n_unchanged = ?, n_failed = ?,"
                " n_statements = ? WHERE run_id = ?",
                (status, now, self.n_scored, self.n_unchanged, self.n_failed, self.n_statements, self._run_id),
            )
        self._pending.clear()
        self._failures.clear()
        self._recovered.clear()
        self._last_flush = time.monotonic()

    def _write_articles(self, now: str) -> None:
        s = self._settings
        keys = [(due.key,) for due, _ in self._pending]
        self._db.executemany("DELETE FROM statements WHERE article_key = ?", keys)
        self._db.executemany("DELETE FROM articles WHERE article_key = ?", keys)
        self._db.executemany(
            f"INSERT INTO articles VALUES ({', '.join('?' * 17)})",
            [
                (
                    due.key,
                    due.article.article_id,
                    due.article.source,
                    due.article.location,
                    scored.date,
                    scored.title,
                    scored.n_characters,
                    scored.text_sha256,
                    scored.encoding,
                    scored.article_text,
                    len(scored.statements),
                    due.digest,
                    s.model_digest,
                    s.package_version,
                    s.options_json(),
                    self._run_id,
                    now,
                )
                for due, scored in self._pending
            ],
        )
        self._db.executemany(
            f"INSERT INTO statements VALUES ({', '.join('?' * (2 + len(STATEMENT_COLUMNS)))})",
            [
                (due.key, position, *(v for n, v in zip(COLUMNS, row, strict=True) if n not in _ARTICLE_COLUMNS))
                for due, scored in self._pending
                for position, row in enumerate(scored.statements)
            ],
        )

    def close(self, status: str) -> None:
        """Write what is left, note how the run ended (`done`, `interrupted`, `failed`), and let others write."""
        try:
            self.flush(status)
        finally:
            self.release()

    def release(self) -> None:
        """Let others write, without writing what is left: for a store that cannot be written any more."""
        self._lock.release()


class _RunLock:
    """A lock beside the database that the operating system takes back when its holder dies, however it dies."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}.lock"
        try:
            self._file = open(self._path, "a+", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise StoreError(f"cannot write beside {path!r}: {error.strerror}; choose a writable folder") from error
        if not _lock(self._file.fileno()):
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StoreError(
                f"another run is writing to {path!r} ({holder}); wait for its end, or give another file to --db"
            )
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}, since {_now()}\n")
        self._file.flush()

    def release(self) -> None:
        """Give the lock back; the empty lock file stays, since deleting it would let two runs hold two locks."""
        with contextlib.suppress(OSError):
            self._file.truncate(0)
        self._file.close()


def _lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:
        return _lock_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_windows(descriptor: int) -> bool:
    import importlib

    msvcrt: Any = importlib.import_module("msvcrt")
    try:
        os.lseek(descriptor, 1_000, os.SEEK_SET)  # beyond the text, which others may want to read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


def _connect(path: str, read_only: bool) -> sqlite3.Connection:
    if read_only and not os.path.exists(path):
        raise StoreError(f"there is no database {path!r}; make one with: nato-stance score INBOX --db {path}")
    if os.path.isdir(path):
        raise StoreError(f"{path!r} is a folder; give the name of a database file")
    folder = os.path.dirname(os.path.abspath(path))
    if read_only:
        return _connect_to_read(path, folder)
    if not os.path.isdir(folder):
        raise StoreError(f"the folder {folder!r} does not exist; make it first, then give the database a place in it")
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _connect_to_read(path: str, folder: str) -> sqlite3.Connection:
    # Even reading in WAL mode writes: files beside the database, which the last reader takes away if it may. Where
    # nothing can be written, nobody else is writing either, and the file can be read as it stands.
    if os.access(path, os.W_OK) and os.access(folder, os.W_OK):
        mode = "mode=rw"
    else:
        mode = "mode=ro" if os.path.exists(f"{path}-wal") else "immutable=1"
    connection = sqlite3.connect(f"{Path(path).absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_SECONDS)
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _advice(message: str) -> str:
    for sign, advice in _ADVICE:
        if sign in message:
            return f"{message}; {advice}"
    return message


_ADVICE: Final[Sequence[tuple[str, str]]] = (
    ("disk is full", "free some space and run the same command again: what was committed is kept"),
    ("disk I/O error", "check the disk and its free space, then run the same command again"),
    ("readonly", "make the file and its folder writable, or give another file to --db"),
    ("unable to open", "check that the folder exists and may be written, or give another file to --db"),
    ("locked", "another program holds the database; close it and run the same command again"),
    ("not a database", "give another file to --db"),
    ("malformed", "restore the file from a copy, or move it away and score again"),
)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
