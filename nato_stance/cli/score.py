"""`nato-stance score`: articles in, labelled statements out."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from nato_stance._version import __version__
from nato_stance.cli import arguments
from nato_stance.records import NatoStanceError

if TYPE_CHECKING:
    from nato_stance.articles import Article, ArticleFailure
    from nato_stance.inputs import InputReader
    from nato_stance.paths import FileFinder
    from nato_stance.progress import Progress
    from nato_stance.sinks import Sink
    from nato_stance.store import Due, Settings
    from nato_stance.worker import ArticleWorker, Form

    Write = Callable[[bytes], object]

_FORM_OF: Final[dict[str, Form]] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
}
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143

_DESCRIPTION: Final = """\
Find the quoted statements of news articles, who makes each, and label stance and tone.

Inputs are told by their ending: .txt, .html (extra "html"), .jsonl, .jsonl.gz and .csv with one article a row,
.parquet (extra "parquet"); folders are searched with all their subfolders. On a terminal the result is a table,
otherwise JSON lines, one a statement. With --db the results go into a SQLite database, and only articles that are
new or changed since the last run are scored.

Exit status: 0 done, 1 some input failed, 2 wrong usage, 130 or 143 interrupted.
"""


class _Terminated(KeyboardInterrupt):
    """The system asks the run to end."""


class _FailedFastError(NatoStanceError):
    """The run ended at its first failure, as asked."""


def register(subparsers: Any) -> None:
    """Add the parser of the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "score",
        help="score articles",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, pattern, or - for standard input")
    _add_outputs(parser.add_argument_group("output"))
    _add_inputs(parser.add_argument_group("input"))
    _add_running(parser.add_argument_group("running"))
    parser.set_defaults(run=run, usage_error=parser.error)


def _add_outputs(group: Any) -> None:
    group.add_argument(
        "-o", "--output", metavar="FILE", help="write here; the ending tells the format; - is standard output"
    )
    group.add_argument(
        "--format", choices=("table", "jsonl", "csv", "parquet", "sqlite"), help="format, whatever the ending says"
    )
    group.add_argument(
        "--db",
        type=arguments.name,
        metavar="FILE",
        help="standing database: score what is new or changed, keep the rest",
    )
    group.add_argument("--articles", metavar="FILE", help="also write one JSON line an article, with its profile")
    group.add_argument("--failures", metavar="FILE", help="also write the failures there, one JSON line each")


def _add_inputs(group: Any) -> None:
    group.add_argument("--input-format", choices=("text", "html", "jsonl", "csv", "parquet"), help="of every input")
    group.add_argument("--include", action="append", default=[], metavar="PATTERN", help="in folders, take only these")
    group.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="in folders, leave these out")
    group.add_argument("--text-column", default="text", metavar="NAME", help="column of the article (default: text)")
    group.add_argument("--id-column", metavar="NAME", help="column of its identifier (default: article_id or id)")
    group.add_argument("--date-column", metavar="NAME", help="column of its date (default: date)")
    group.add_argument("--title-column", metavar="NAME", help="column of its title (default: title)")
    arguments.add_reading(group)


def _add_running(group: Any) -> None:
    group.add_argument(
        "-j", "--jobs", type=_jobs, default=1, metavar="N", help="workers (default: 1; -1: all processors)"
    )
    group.add_argument(
        "--batch-size", type=arguments.whole(1), default=16, metavar="N", help="articles a worker gets at once"
    )
    group.add_argument(
        "--model", type=arguments.name, metavar="DIR", help="folder of a model (default: the one that is shipped)"
    )
    group.add_argument(
        "--min-confidence", type=arguments.share, metavar="P", help="mark labels below this as abstained"
    )
    group.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    group.add_argument("-q", "--quiet", action="store_true", help="report failures only")
    group.add_argument("-v", "--verbose", action="store_true", help="report every note on how an article was read")


def run(options: argparse.Namespace) -> int:
    """Score the articles; return the exit status."""
    form, target = _target(options)
    side_files = {"--articles": options.articles, "--failures": options.failures}
    if form == "sqlite":  # a database adds to what it holds, and looks itself after files that are none
        arguments.check_outputs(options, [*options.paths, target], side_files)
    else:
        arguments.check_outputs(options, options.paths, {"-o": target, **side_files})
    from nato_stance.batch import StandardScorer
    from nato_stance.progress import Progress
    from nato_stance.store import Settings
    from nato_stance.worker import ArticleWorker

    results_are_shown = target == "-" and sys.stdout.isatty()
    progress = Progress(sys.stderr, options.quiet, options.verbose, live=not results_are_shown)
    finder, articles = _inputs(options, target, progress)
    scorer = StandardScorer(options.model, options.min_confidence)
    model = scorer.loaded_model()  # a model that cannot be loaded is one error, not one for each article
    settings = Settings(__version__, model.provenance["digest"], (("min_confidence", options.min_confidence),))
    width = shutil.get_terminal_size((100, 24)).columns
    worker = ArticleWorker(scorer, form, options.articles is not None, width)
    return _Job(options, worker, finder, progress).run(articles, form, target, settings)


def _inputs(options: argparse.Namespace, target: str, progress: Progress) -> tuple[FileFinder, InputReader]:
    from nato_stance.inputs import InputReader
    from nato_stance.paths import FileFinder, total_size
    from nato_stance.rows import Columns

    own = frozenset(os.path.abspath(p) for p in (target, options.articles, options.failures) if p not in (None, "-"))
    finder = FileFinder(options.paths, options.include, options.exclude, own)
    if sys.stderr.isatty() and not options.quiet:
        progress.total_bytes = total_size(FileFinder(options.paths, options.include, options.exclude, own))
    columns = Columns(options.text_column, options.id_column, options.date_column, options.title_column)
    return finder, InputReader(
        finder, columns, options.encoding, options.max_size, options.input_format, progress=progress.read
    )


class _Job:
    """One run, from the first article to the last word on standard error."""

    def __init__(
        self, options: argparse.Namespace, worker: ArticleWorker, finder: FileFinder, progress: Progress
    ) -> None:
        self._options = options
        self._worker = worker
        self._finder = finder
        self._progress = progress
        self._sink: Sink | None = None

    def run(self, articles: InputReader, form: Form, target: str, settings: Settings) -> int:
        from nato_stance.sinks import open_lines, open_sink

        options = self._options
        try:
            with (
                _terminable(),
                open_lines(options.articles) as write_article,
                open_lines(options.failures) as write_failure,
                open_sink(form, target, settings, " ".join(options.paths)) as self._sink,
            ):
                self._score(self._sink, articles, write_article, write_failure)
        except KeyboardInterrupt as error:
            self._stopped(with_way_on=True)
            return _TERMINATED if isinstance(error, _Terminated) else _INTERRUPTED
        except NatoStanceError as error:
            # Where the results could not be written, the error itself says what is kept.
            self._stopped(with_way_on=isinstance(error, _FailedFastError))
            raise
        self._summary()
        return 1 if self._progress.n_failed else 0

    def _score(self, sink: Sink, articles: InputReader, write_article: Write, write_failure: Write) -> None:
        from nato_stance.articles import ArticleFailure
        from nato_stance.outputs import json_line
        from nato_stance.parallel import map_ordered

        options = self._options
        outcomes = map_ordered(
            self._worker, sink.due(articles), n_jobs=options.jobs, batch_size=options.batch_size, weight=_weight
        )
        with contextlib.closing(outcomes):
            for item, value, error in outcomes:
                result = value if error is None else ArticleFailure.of(error, _article(item))
                if isinstance(result, ArticleFailure):
                    sink.fail(result)
                    write_failure(json_line(result.to_dict()))
                    self._progress.failed(result)
                    if options.fail_fast:
                        raise _FailedFastError("stopped at the first failure, as --fail-fast asks")
                elif result is not None and not isinstance(item, ArticleFailure):
                    sink.add(item, result)
                    if result.article_line is not None:
                        write_article(result.article_line)
                    self._progress.done(result.n_statements, _name(_article(item)), result.note)

    def _stopped(self, *, with_way_on: bool) -> None:
        if self._sink is None:
            return
        self._summary(stopped=True)
        if with_way_on:
            self._progress.say(f"nato-stance: {self._sink.way_on()}")

    def _summary(self, *, stopped: bool = False) -> None:
        from nato_stance.paths import describe_ignored

        n_unchanged = self._sink.n_unchanged() if self._sink is not None else 0
        self._progress.summary(n_unchanged=n_unchanged, ignored=describe_ignored(self._finder.ignored), stopped=stopped)


def _target(options: argparse.Namespace) -> tuple[Form, str]:
    """Return the output's format and path; wrong combinations end the program with status 2."""
    if options.db is not None:
        if options.output is not None or options.format not in (None, "sqlite"):
            options.usage_error("--db takes no -o or --format; write other formats with: nato-stance export --db FILE")
        return "sqlite", options.db
    path = "-" if options.output is None else options.output
    form = arguments.output_form(options, path, _FORM_OF)
    if options.format is None and options.output is None and sys.stdout.isatty():
        form = "table"
    if form == "sqlite" and path == "-":
        options.usage_error("a database cannot go to standard output; name a file with --db")
    if form == "parquet" and path == "-" and sys.stdout.isatty():
        options.usage_error("a Parquet table is nothing for a terminal; name a file with -o")
    return cast("Form", form), path


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let the system's request to end (SIGTERM) end the run as Ctrl-C does."""

    def end(signal_number: int, frame: object) -> NoReturn:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _article(item: Article | Due | ArticleFailure) -> Any:
    return getattr(item, "article", item)  # what a store calls due carries its article


def _weight(item: Article | Due | ArticleFailure) -> int:
    return len(getattr(_article(item), "content", b""))


def _name(article: Article) -> str:
    return " ".join(x for x in (article.source, article.location) if x)


def _jobs(value: str) -> int:
    from nato_stance.parallel import MAX_WORKERS

    if not re.fullmatch(r"-?[0-9]{1,9}", value) or int(value) == 0 or int(value) > MAX_WORKERS:
        raise argparse.ArgumentTypeError(
            f"{value!r} is no number of workers; give 1 to {MAX_WORKERS:,}, or -1 for all processors"
        )
    return int(value)
