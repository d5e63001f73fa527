"""`nato-stance classify [FILE]`: JSON lines of `{id, text, context?, cue?}` in, labels out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any

from nato_stance.records import InvalidInputError, InvalidTypeError, NatoStanceError

_BATCH = 1000


def register(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "classify",
        help="label statements given as JSON lines",
        description="Read JSON lines with text and, optionally, id, context and cue; write a line of labels for each.",
    )
    parser.add_argument("file", nargs="?", default="-", help="JSON lines file; - or nothing is standard input")
    parser.add_argument("-o", "--output", default="-", help="file to write; - is standard output (default)")
    parser.add_argument("--model", help="model folder written by `nato-stance train`; default: the shipped model")
    parser.add_argument("--min-confidence", type=float, help="mark labels below this probability as abstained")
    parser.set_defaults(run=run)


def _row(line: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"line {number} is no JSON: {error.msg} at character {error.pos}") from None
    if isinstance(row, str):
        row = {"text": row}
    if not isinstance(row, dict):
        raise InvalidTypeError(f"line {number} must be an object with 'text', got {type(row).__name__}")
    row.setdefault("id", str(number))
    return row


def _rows(lines: IO[str]) -> Iterator[dict[str, Any] | NatoStanceError]:
    from nato_stance.scoring import check_item

    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = _row(line, number)
            check_item(row, f"line {number}: ")
        except NatoStanceError as error:
            yield error
        else:
            yield row


def _write(rows: list[dict[str, Any]], model: Any, min_confidence: float | None, out: IO[str]) -> None:
    from nato_stance.scoring import classify_many

    labels = classify_many(rows, model=model, min_confidence=min_confidence)
    for row, label in zip(rows, labels, strict=True):
        out.write(json.dumps({"id": row["id"], **label.to_dict()}, ensure_ascii=False) + "\n")
    out.flush()


def run(options: argparse.Namespace) -> int:
    """Label every sound line; report each other line on standard error. Return 1 if there was one, else 0."""
    from nato_stance.model_store import load_model

    model = load_model(options.model) if options.model else None
    pending: list[dict[str, Any]] = []
    failed = 0
    with ExitStack() as stack:
        try:
            lines = sys.stdin if options.file == "-" else stack.enter_context(open(options.file, encoding="utf-8-sig"))
            out = (
                sys.stdout
                if options.output == "-"
                else stack.enter_context(open(options.output, "w", encoding="utf-8"))
            )
        except OSError as error:
            raise InvalidInputError(f"{error.filename}: {error.strerror}") from None
        try:
            for row in _rows(lines):
                if isinstance(row, NatoStanceError):
                    failed += 1
                    print(f"nato-stance classify: {row}", file=sys.stderr)
                    continue
                pending.append(row)
                if len(pending) == _BATCH:
                    _write(pending, model, options.min_confidence, out)
                    pending.clear()
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"{options.file} is not UTF-8 ({error.reason}); save it as UTF-8") from None
        if pending:
            _write(pending, model, options.min_confidence, out)
    return 1 if failed else 0
