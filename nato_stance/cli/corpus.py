"""`nato-stance corpus check|agreement|rebuild`: care for labelled data."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from nato_stance.cli.arguments import check_outputs

_SHOWN: Final = 1_000
"""Problems that are spelled out; a file with more is of another kind altogether."""


def register(subparsers: Any) -> None:
    """Add the command and its three parts to the command line."""
    parser = subparsers.add_parser("corpus", help="check labelled files, measure agreement, rebuild real statements")
    parts = parser.add_subparsers(dest="part", metavar="PART", required=True)

    check = parts.add_parser("check", help="validate a labelled JSON lines file, with line-numbered errors")
    check.add_argument("file")
    check.set_defaults(run=_check)

    agree = parts.add_parser("agreement", help="Krippendorff's alpha for each question from a file of stored codes")
    agree.add_argument("file", help="JSON lines with id, first and second (see docs/data.md)")
    agree.set_defaults(run=_agreement)

    again = parts.add_parser(
        "rebuild", help="bring back the words of the real training statements from your own copies"
    )
    again.add_argument("labels", help="the standoff file, fixtures/corpus/real_labels.jsonl")
    again.add_argument("--datasets", required=True, help="folder with the checkouts of the public data sets")
    again.add_argument("-o", "--output", required=True, help="JSON lines file to write; - is standard output")
    again.set_defaults(run=_rebuild, usage_error=again.error)


def _check(options: argparse.Namespace) -> int:
    from nato_stance.corpus import scan_corpus

    items, problems = scan_corpus(options.file)
    for problem in problems[:_SHOWN]:
        print(f"{options.file}: {problem}")
    if len(problems) > _SHOWN:
        print(f"{options.file}: and {len(problems) - _SHOWN:,} more problems")
    print(f"{len(items)} sound statements, {len(problems)} problems", file=sys.stderr)
    if items:
        for name in ("threat", "dialogue", "deterrence", "primary", "tone"):
            counts = Counter(str(getattr(item, name)) for item in items)
            print(f"{name}: " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items())), file=sys.stderr)
    elif not problems:
        print(f"{options.file}: holds no statement; one JSON object a line is expected")
    return 1 if problems or not items else 0


def _agreement(options: argparse.Namespace) -> int:
    from nato_stance.agreement import agreement, read_codes

    for question, alpha in agreement(read_codes(Path(options.file))).items():
        print(f"{question}\t{alpha:.3f}")
    return 0


def _rebuild(options: argparse.Namespace) -> int:
    from nato_stance.outputs import json_line
    from nato_stance.sinks import open_binary
    from nato_stance.standoff import read_pointers, rebuild

    check_outputs(options, [options.labels], {"-o": options.output})
    pointers = read_pointers(options.labels)
    items, failed = rebuild(pointers, options.datasets)
    with open_binary(options.output) as out:
        out.writelines(json_line(item.to_dict()) for item in items)
    for pointer, reason in failed:
        print(f"{pointer.id}: {reason}", file=sys.stderr)
    print(f"{len(items)} of {len(pointers)} statements rebuilt and checked", file=sys.stderr)
    return 1 if failed else 0
