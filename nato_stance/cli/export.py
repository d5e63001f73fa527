"""`nato-stance export`: statements out of a results database."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import sys
from itertools import islice
from typing import Any, Final

from nato_stance.cli import arguments

_FORM_OF: Final = {".csv": "csv", ".parquet": "parquet"}
_ROWS_AT_ONCE: Final = 1_000


def register(subparsers: Any) -> None:
    """Add the parser of the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "export",
        help="write the statements of a results database",
        description="Write the statements of a database that `nato-stance score --db` filled, ordered by source. "
        "JSON lines are those that `nato-stance score` would write. Runs may go on meanwhile.",
    )
    parser.add_argument("--db", type=arguments.name, required=True, metavar="FILE", help="the database")
    parser.add_argument("-o", "--output", default="-", metavar="FILE", help="write here (default: standard output)")
    parser.add_argument("--format", choices=("jsonl", "csv", "parquet"), help="default: by the ending, else jsonl")
    parser.add_argument(
        "--since",
        type=_day,
        metavar="DATE",
        help="only articles dated YYYY-MM-DD or later; an article without such a date counts by the day of its scoring",
    )
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Export the statements; return the exit status."""
    from nato_stance.outputs import COLUMNS, ParquetFile, csv_lines, explained, json_line
    from nato_stance.sinks import open_binary
    from nato_stance.store import Store

    form = arguments.output_form(options, options.output, _FORM_OF)
    arguments.check_outputs(options, [options.db], {"-o": options.output})
    if form == "parquet" and options.output == "-" and sys.stdout.isatty():
        options.usage_error("a Parquet table is nothing for a terminal; name a file with -o")
    with Store(options.db, read_only=True) as store, open_binary(options.output) as stream, explained(options.output):
        if form == "jsonl":
            stream.writelines(map(json_line, store.records(options.since)))
            return 0
        rows = store.rows(options.since)
        if form == "csv":
            stream.write(csv_lines([COLUMNS]))
            while chunk := list(islice(rows, _ROWS_AT_ONCE)):
                stream.write(csv_lines(chunk))
            return 0
        with contextlib.closing(ParquetFile(stream)) as table:
            while chunk := list(islice(rows, _ROWS_AT_ONCE)):
                table.write(chunk)
    return 0


def _day(value: str) -> str:
    with contextlib.suppress(ValueError):
        if datetime.date.fromisoformat(value).isoformat() == value:  # ISO has other forms, that of weeks among them
            return value
    raise argparse.ArgumentTypeError(f"{value!r} is no date; give it as YYYY-MM-DD")
