"""Where the outputs of a run go: a stream, a table file or the standing store, each with the same four calls."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Protocol

from nato_stance.articles import Article, ArticleFailure
from nato_stance.outputs import COLUMNS, ParquetFile, csv_lines, explained, result_file
from nato_stance.paths import STDOUT, part_of
from nato_stance.store import Due, Run, Settings, Store
from nato_stance.worker import Form, Scored


class Sink(Protocol):
    """Takes what a run produces, in order."""

    def due(self, items: Iterable[Article | ArticleFailure]) -> Iterable[Article | Due | ArticleFailure]:
        """Let through what has to be scored."""

    def add(self, item: Article | Due, scored: Scored) -> None:
        """Keep one scored article."""

    def fail(self, failure: ArticleFailure) -> None:
        """Keep one failure."""

    def n_unchanged(self) -> int:
        """Return how many articles were held back because their results are there already."""

    def way_on(self) -> str:
        """Return what to tell whoever broke the run off."""


class _Everything:
    """What sinks do that remember nothing between runs."""

    def due(self, items: Iterable[Article | ArticleFailure]) -> Iterable[Article | Due | ArticleFailure]:
        return items

    def fail(self, failure: ArticleFailure) -> None:
        """Nothing: failures have their own file, and standard error."""

    def n_unchanged(self) -> int:
        return 0


class _StreamSink(_Everything):
    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream = stream
        self._path = path

    def add(self, item: Article | Due, scored: Scored) -> None:
        with explained(self._path):
            self._stream.write(scored.body)

    def way_on(self) -> str:
        return _start_again(self._path)


class _ParquetSink(_Everything):
    def __init__(self, table: ParquetFile, path: str) -> None:
        self._table = table
        self._path = path

    def add(self, item: Article | Due, scored: Scored) -> None:
        with explained(self._path):
            self._table.write(scored.body)

    def way_on(self) -> str:
        return _start_again(self._path)


class _StoreSink:
    def __init__(self, run: Run, path: str) -> None:
        self._run = run
        self._path = path

    def due(self, items: Iterable[Article | ArticleFailure]) -> Iterable[Article | Due | ArticleFailure]:
        return self._run.due(items)

    def add(self, item: Article | Due, scored: Scored) -> None:
        assert isinstance(item, Due)
        self._run.add(item, scored.body)

    def fail(self, failure: ArticleFailure) -> None:
        self._run.fail(failure)

    def n_unchanged(self) -> int:
        return self._run.n_unchanged

    def way_on(self) -> str:
        return f"what is done is kept in {self._path!r}; run the same command again to go on"


def _start_again(path: str) -> str:
    part = path if path == STDOUT else part_of(path)
    kept = f"what is done is in {part!r}; " if part != path else ""
    return f"{kept}the same command starts from the beginning; with --db FILE in place of -o it would go on"


@contextlib.contextmanager
def open_sink(form: Form, path: str, settings: Settings, command: str) -> Iterator[Sink]:
    """Open the place for the outputs of a run.

    Args:
        form: what is written there.
        path: a file, or `-` for standard output.
        settings: for `sqlite`, what decides the labels besides the articles.
        command: for `sqlite`, what was asked for.

    Raises:
        OutputError: the file cannot be written.
        StoreError: the database cannot be opened or written, or another run is writing to it.
        MissingDependencyError: `parquet` without pyarrow.
    """
    if form == "sqlite":
        with Store(path) as store, _running(Run(store, settings, command)) as run:
            yield _StoreSink(run, path)
        return
    with open_binary(path) as stream:
        if form == "parquet":
            table = ParquetFile(stream)
            yield _ParquetSink(table, path)
            with explained(path):
                table.close()
            return
        if form == "csv":
            with explained(path):
                stream.write(csv_lines([COLUMNS]))
        yield _StreamSink(stream, path)


@contextlib.contextmanager
def _running(run: Run) -> Iterator[Run]:
    try:
        yield run
    except KeyboardInterrupt:
        run.close("interrupted")
        raise
    except BaseException:
        # The store may be what failed: try to keep what is pending, but report the first error.
        with contextlib.suppress(Exception):
            run.flush("failed")
        run.release()
        raise
    run.close("done")


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """Open a result file, or standard output for `-`.

    Raises:
        OutputError: the file cannot be written.
    """
    if path != STDOUT:
        with result_file(path) as stream:
            yield stream
        return
    with explained(path):
        try:
            yield sys.stdout.buffer
        finally:
            sys.stdout.buffer.flush()


@contextlib.contextmanager
def open_lines(path: str | None) -> Iterator[Any]:
    """Open a side file for lines of bytes; None gives a function that drops them.

    Raises:
        OutputError: the file cannot be written.
    """
    if path is None:
        yield lambda line: None
        return
    with open_binary(path) as stream:

        def write(line: bytes) -> None:
            with explained(path):
                stream.write(line)

        yield write
