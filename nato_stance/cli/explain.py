"""`nato-stance explain TEXT`: which words pushed which label, and how far."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from nato_stance.cli import arguments


def register(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "explain",
        help="show which words pushed the labels of one statement",
        description="Label one statement and show the features, and the words behind them, that pushed each label.",
    )
    parser.add_argument("text", help="the statement; - reads it from standard input")
    parser.add_argument("--context", help="the sentence that carries the statement")
    parser.add_argument("--cue", help="the reporting word, for example denied")
    parser.add_argument("--model", type=arguments.name, help="model folder; default: the shipped model")
    parser.add_argument("--top", type=arguments.whole(1), default=8, help="features to show for each label (default 8)")
    parser.add_argument("--json", action="store_true", help="write the whole explanation as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the explanation; return 0."""
    from nato_stance.model_store import load_model
    from nato_stance.scoring import explain
    from nato_stance.text import decode

    text = decode(sys.stdin.buffer.read()).text if options.text == "-" else options.text
    model = load_model(options.model) if options.model else None
    result = explain(text, context=options.context, cue=options.cue, model=model)
    form = json.dumps(result.to_dict(), ensure_ascii=False, indent=2) if options.json else result.to_table(options.top)
    arguments.write_text("-", form + "\n")
    return 0
