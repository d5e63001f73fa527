"""`nato-stance train FILE... -o FOLDER`: labelled JSON lines in, a model folder out."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from nato_stance.cli.arguments import name
from nato_stance.records import InvalidInputError


def register(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train a model on labelled statements",
        description="Train a model on labelled JSON lines files and write it to a folder. Statements set aside for "
        "testing (split: test) and those without all labels are left out.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="labelled statements, JSON lines; see docs/data.md")
    parser.add_argument(
        "-o", "--output", type=name, required=True, metavar="FOLDER", help="folder to write the model to"
    )
    parser.add_argument(
        "--detectors",
        type=name,
        metavar="FOLDER",
        help="model whose phrase detectors to use; default: the shipped model's",
    )
    parser.add_argument("--no-detectors", action="store_true", help="train without phrase detectors")
    parser.add_argument(
        "--answers",
        metavar="FILE",
        help="cross-fitted answers of the detectors (npz) for the statements that they learned from; "
        "without it such statements would be scored too well",
    )
    parser.add_argument("-C", type=float, help="inverse strength of the penalty of presence, primary and tone")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train and save; print digest and cross-validated metrics as JSON."""
    from nato_stance.corpus import read_corpus
    from nato_stance.model_store import load_model, save_model
    from nato_stance.training import read_answers, train, usable

    if options.C is not None and not 0 < options.C < math.inf:
        raise InvalidInputError(f"-C is {options.C}; give a number above 0")
    _make_folder(Path(options.output))
    items = [item for file in options.files for item in read_corpus(Path(file))]
    print(f"training on {len(usable(items))} of {len(items)} statements", file=sys.stderr)
    detectors = None if options.no_detectors else load_model(options.detectors).detectors
    answers = read_answers(options.answers) if options.answers else None
    parameters = {} if options.C is None else {"C": options.C, "C_tone": options.C}
    model = train(items, detectors, answers, **parameters)
    digest = save_model(model, options.output)
    shown = {name: model.provenance[name] for name in ("data_digest", "features", "cross_validated")}
    print(json.dumps({"digest": digest, **shown}, indent=2))
    return 0


def _make_folder(folder: Path) -> None:
    """Make the folder of the model before the long training, which would be lost without one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InvalidInputError(f"{folder} is a file; name a folder with -o") from None
    except OSError as error:
        raise InvalidInputError(f"the folder {folder} cannot be made: {error.strerror or error}") from None
