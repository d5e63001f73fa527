"""`nato-stance classify [FILE]`: JSON lines of `{id, text, context?, cue?}` in, labels out."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, Final

from nato_stance.cli.arguments import check_outputs, name, share
from nato_stance.records import InvalidInputError, InvalidTypeError, NatoStanceError

_BATCH: Final = 1000


def register(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "classify",
        help="label statements given as JSON lines",
        description="Read JSON lines with text and, optionally, id, context and cue; write a line of labels for each.",
    )
    parser.add_argument("file", nargs="?", default="-", help="JSON lines file; - or nothing is standard input")
    parser.add_argument("-o", "--output", type=name, default="-", help="file to write; - is standard output (default)")
    parser.add_argument(
        "--model", type=name, help="model folder written by `nato-stance train`; default: the shipped model"
    )
    parser.add_argument("--min-confidence", type=share, help="mark labels below this probability as abstained")
    parser.set_defaults(run=run, usage_error=parser.error)


def _statement(row: Any, number: int) -> dict[str, Any]:
    """Return a line as an object with a sound id and text; raises what is wrong with it."""
    from nato_stance.scoring import check_item

    where = f"line {number}"
    if isinstance(row, InvalidInputError):
        raise InvalidInputError(f"{where} {row}")
    if isinstance(row, str):
        row = {"text": row}
    if not isinstance(row, dict):
        raise InvalidTypeError(f"{where} must be an object with 'text', got {type(row).__name__}")
    check_item(row, f"{where}: ")
    return {**row, "id": _identifier(row.get("id"), number)}


def _identifier(value: Any, number: int) -> str | int | float:
    if value is None:
        return str(number)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidTypeError(f"line {number}: id must be a string or a number, got {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInputError(f"line {number}: id is {value}, which JSON has no number for; give it as a string")
    return value


def _statements(lines: Iterable[str]) -> Iterator[dict[str, Any] | NatoStanceError]:
    from nato_stance.json_lines import rows

    for number, row in rows(lines):
        try:
            yield _statement(row, number)
        except NatoStanceError as error:
            yield error


def _write(statements: list[dict[str, Any]], model: Any, min_confidence: float | None, out: BinaryIO) -> None:
    from nato_stance.outputs import json_line
    from nato_stance.scoring import classify_many

    labels = classify_many(statements, model=model, min_confidence=min_confidence)
    pairs = zip(statements, labels, strict=True)
    out.writelines(json_line({"id": statement["id"], **label.to_dict()}) for statement, label in pairs)
    out.flush()


def run(options: argparse.Namespace) -> int:
    """Label every sound line; report each other line on standard error. Return 1 if there was one, else 0."""
    from nato_stance.json_lines import as_lines, open_lines
    from nato_stance.model_store import load_model
    from nato_stance.sinks import open_binary

    check_outputs(options, [options.file], {"-o": options.output})
    model = load_model(options.model) if options.model else None
    pending: list[dict[str, Any]] = []
    failed = 0
    with ExitStack() as stack:
        lines = as_lines(sys.stdin) if options.file == "-" else stack.enter_context(open_lines(options.file))
        out = stack.enter_context(open_binary(options.output))
        for statement in _statements(lines):
            if isinstance(statement, NatoStanceError):
                failed += 1
                print(f"nato-stance classify: {statement}", file=sys.stderr)
                continue
            pending.append(statement)
            if len(pending) == _BATCH:
                _write(pending, model, options.min_confidence, out)
                pending.clear()
        if pending:
            _write(pending, model, options.min_confidence, out)
    return 1 if failed else 0
