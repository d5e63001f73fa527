"""`nato-stance corpus check|agreement|rebuild`: care for labelled data."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any


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
    again.add_argument("-o", "--output", required=True, help="JSON lines file to write")
    again.set_defaults(run=_rebuild)


def _check(options: argparse.Namespace) -> int:
    from nato_stance.corpus import scan_corpus

    items, problems = scan_corpus(options.file)
    for problem in problems:
        print(f"{options.file}: {problem}")
    print(f"{len(items)} sound statements, {len(problems)} problems", file=sys.stderr)
    if items:
        for name in ("threat", "dialogue", "deterrence", "primary", "tone"):
            counts = Counter(str(getattr(item, name)) for item in items)
            print(f"{name}: " + ", ".join(f"{k} {n}" for k, n in sorted(counts.items())), file=sys.stderr)
    elif not problems:
        print(f"{options.file}: holds no statement; one JSON object a line is expected")
    return 1 if problems or not items else 0


def _agreement(options: argparse.Namespace) -> int:
    from nato_stance.agreement import agreement
    from nato_stance.records import CorpusFormatError

    try:
        rows = [json.loads(x) for x in Path(options.file).read_text(encoding="utf-8").splitlines() if x.strip()]
        result = agreement([row for row in rows if row.get("second")])
    except OSError as error:
        raise CorpusFormatError(f"{options.file}: {error.strerror}") from None
    except (json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
        raise CorpusFormatError(f"{options.file}: not a file of codes ({error!r}); see docs/data.md") from None
    for question, alpha in result.items():
        print(f"{question}\t{alpha:.3f}")
    return 0


def _rebuild(options: argparse.Namespace) -> int:
    from nato_stance.standoff import read_pointers, rebuild

    pointers = read_pointers(options.labels)
    items, failed = rebuild(pointers, options.datasets)
    with open(options.output, "w", encoding="utf-8") as out:
        for item in items:
            out.write(json.dumps(item.to_dict(), ensure_ascii=False) + "\n")
    for pointer, reason in failed:
        print(f"{pointer.id}: {reason}", file=sys.stderr)
    print(f"{len(items)} of {len(pointers)} statements rebuilt and checked", file=sys.stderr)
    return 1 if failed else 0
