"""`nato-stance evaluate`: every published number again, on a table, in JSON and as a page; and the quality gate."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nato_stance.cli import arguments
from nato_stance.records import InvalidInputError

if TYPE_CHECKING:
    from nato_stance.article_evaluation import CodedArticle
    from nato_stance.brat import BratDocument
    from nato_stance.corpus import CorpusItem
    from nato_stance.evaluation_suite import EvaluationSuite

_DESCRIPTION: Final = """\
Measure a model against labelled statements, with bootstrap intervals, baselines beside it, slices and calibration.

With FILE, measure on these files. Without, rerun what is published: grouped cross-validation on the corpus, its
held-out split, the hand-coded articles, and minimal pairs. A FILE may be given a name, as in NAME=FILE; without, it is
called by its stem, or by its folder where the stem is `statements`. `evaluate quotations --brat DIR` measures
extraction only.

Exit status: 0 done, 1 an input cannot be used or the gate failed, 2 wrong usage.
"""
_CORPUS: Final = "fixtures/corpus"
_ARTICLES: Final = "fixtures/articles"
_BEHAVIOUR: Final = "fixtures/behaviour"
_FLOORS: Final = "fixtures/quality_floors.json"


def register(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a model: metrics with intervals, baselines, calibration, slices; compare; gate",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", nargs="*", metavar="FILE", help="labelled JSON lines, or NAME=FILE; - is standard input"
    )
    parser.add_argument("--model", type=arguments.name, metavar="DIR", help="model folder; default: the shipped model")

    data = parser.add_argument_group("data")
    data.add_argument("--corpus", metavar="DIR", help=f"folder with statements.jsonl (without FILE: {_CORPUS})")
    data.add_argument(
        "--real", metavar="FILE", help="real training statements with words (`corpus rebuild` writes them)"
    )
    data.add_argument("--answers", metavar="FILE", help="cross-fitted answers of the phrase detectors, as in `train`")
    data.add_argument("--articles", metavar="DIR", help=f"hand-coded articles (without FILE: {_ARTICLES})")
    data.add_argument("--behaviour", metavar="DIR", help=f"minimal pairs (without FILE: {_BEHAVIOUR})")
    data.add_argument("--brat", metavar="DIR", help="articles annotated in brat, for spans and speakers")

    runs = parser.add_argument_group("what is run")
    runs.add_argument("--no-cv", action="store_true", help="leave cross-validation out")
    runs.add_argument("--no-baselines", action="store_true", help="leave the baselines out")
    runs.add_argument(
        "--folds", type=arguments.whole(2), default=5, metavar="N", help="folds of cross-validation (default 5)"
    )
    runs.add_argument(
        "--seed",
        type=arguments.whole(0),
        default=0,
        metavar="N",
        help="fixes folds, resamples, permutations (default 0)",
    )
    runs.add_argument(
        "--bootstrap",
        type=arguments.whole(1),
        default=1000,
        metavar="N",
        help="resamples of an interval (default 1000)",
    )

    out = parser.add_argument_group("output")
    out.add_argument("--json", metavar="FILE", help="write everything to FILE; - writes it instead of the table")
    out.add_argument("--html", metavar="FILE", help="write a page with figures to FILE")
    out.add_argument("--markdown", metavar="FILE", help="write the published numbers to FILE")
    out.add_argument("--compare", metavar="OLD.json", help="add paired differences to an earlier --json")

    gate = parser.add_argument_group("quality gate (measures the model only: no cross-validation, no baselines)")
    gate.add_argument("--gate", action="store_true", help="exit 1 where a value lies more than 0.005 below its floor")
    gate.add_argument("--floors", metavar="FILE", default=_FLOORS, help=f"file of floors (default {_FLOORS})")
    gate.add_argument("--update", action="store_true", help="with --gate: set the floors to the measured values")
    gate.add_argument("--reason", default="", metavar="TEXT", help="with --update: needed where a floor falls")

    only = parser.add_argument_group("evaluate quotations")
    only.add_argument("--misses", metavar="N", help="list up to N faults of each sort")
    parser.set_defaults(run=lambda options: run(options, parser), usage_error=parser.error)


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Measure, write, compare, gate; return the exit status."""
    if options.file[:1] == ["quotations"]:
        return _quotations(options, parser)
    if options.misses is not None:
        parser.error("--misses belongs to `evaluate quotations`")
    if options.update and not options.gate:
        parser.error("--update belongs to --gate")
    if options.reason and not options.update:
        parser.error("--reason belongs to --update")
    from nato_stance.corpus import data_digest
    from nato_stance.evaluation_suite import comparable
    from nato_stance.quality_gate import read_floors

    _check_files(options)
    earlier = _read_json(options.compare) if options.compare else None
    floors = read_floors(options.floors) if options.gate else []
    data = _read(options)
    sets = _sets(data, cross_validated=_cross_validates(options, data))
    if earlier is not None:
        comparable(earlier, {title: data_digest(items) for title, items in sets.items()})
    suite = _measure(options, data)
    _report(options, suite, earlier)
    return _gate(options, floors, suite.to_dict()) if options.gate else 0


def _check_files(options: argparse.Namespace) -> None:
    """Refuse outputs that would cost an input, or cannot be written, before hours of measuring."""
    inputs = [*(path for _, path in map(_named, options.file)), options.compare, options.real, options.answers]
    outputs = {f"--{title}": getattr(options, title) for title in ("json", "html", "markdown")}
    for option in ("--html", "--markdown"):
        if outputs[option] == "-":
            options.usage_error(f"{option} needs the name of a file; only --json can go to standard output")
    if options.update:
        outputs["--floors"] = options.floors
    elif options.gate:
        inputs.append(options.floors)
    arguments.check_outputs(options, inputs, outputs)


def _report(options: argparse.Namespace, suite: EvaluationSuite, earlier: Mapping[str, Any] | None) -> None:
    text = suite.to_json() if options.json == "-" else suite.to_table() + "\n"
    if earlier is not None:
        compared = _compare(earlier, suite)
        if options.json == "-":
            print(compared, file=sys.stderr)
        else:
            text += "\n" + compared + "\n"
    arguments.write_text("-", text)
    if options.json and options.json != "-":
        arguments.write_text(options.json, suite.to_json())
    if options.html:
        from nato_stance.report_html import render

        arguments.write_text(options.html, render(suite.to_dict()))
    if options.markdown:
        from nato_stance import report_markdown

        arguments.write_text(options.markdown, report_markdown.render(suite.to_dict(), _command(options)))


def _command(options: argparse.Namespace) -> str:
    """Return the command that measures the same again, without what only names outputs."""
    words = ["nato-stance", "evaluate", *options.file]
    for option in ("model", "corpus", "real", "answers", "articles", "behaviour", "brat"):
        if getattr(options, option) is not None:
            words += [f"--{option}", getattr(options, option)]
    for option, usual in (("folds", 5), ("seed", 0), ("bootstrap", 1000)):
        if getattr(options, option) != usual:
            words += [f"--{option}", str(getattr(options, option))]
    words += [f"--{option.replace('_', '-')}" for option in ("no_cv", "no_baselines") if getattr(options, option)]
    return shlex.join([*words, "--markdown", options.markdown])


def _quotations(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    taken = {"file", "brat", "json", "misses", "run", "command"}
    others = [name for name, value in vars(options).items() if name not in taken and value != parser.get_default(name)]
    if others or len(options.file) > 1:
        parser.error("`evaluate quotations` takes --brat DIR, --json FILE and --misses N only")
    if options.brat is None:
        parser.error("`evaluate quotations` needs --brat DIR")
    from nato_stance.cli import evaluate_quotations

    words = ["--brat", options.brat]
    for name in ("json", "misses"):
        if getattr(options, name) is not None:
            words += [f"--{name}", getattr(options, name)]
    return evaluate_quotations.run(words)


def _say(line: str) -> None:
    print(f"nato-stance evaluate: {line}", file=sys.stderr, flush=True)


def _read_json(path: str) -> Mapping[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is no JSON ({error}); give a file that --json wrote") from None
    if not isinstance(content, Mapping):
        raise InvalidInputError(f"{path} holds no evaluation; give a file that --json wrote")
    return content


def _named(argument: str) -> tuple[str, str]:
    """Return name and path of a labelled file."""
    if argument == "-":
        return "standard input", "/dev/stdin"
    name, mark, path = argument.partition("=")
    if mark and not Path(argument).exists():
        return name, path
    file = Path(argument)
    return (file.resolve().parent.name if file.stem == "statements" else file.stem), argument


@dataclass(frozen=True)
class _Data:
    """Everything that is measured on, read before anything is measured: a fault in the last file costs no time.

    Articles, articles annotated in brat, and minimal pairs come with their name, or are None.
    """

    files: Sequence[tuple[str, list[CorpusItem]]]
    training: Mapping[str, list[CorpusItem]]
    held_out: list[CorpusItem]
    answers: dict[int, Any] | None
    articles: tuple[str, list[CodedArticle]] | None
    brat: tuple[str, list[BratDocument]] | None
    behaviour: tuple[str, dict[str, list[dict[str, Any]]]] | None


def _read(options: argparse.Namespace) -> _Data:
    from nato_stance.article_evaluation import read_articles
    from nato_stance.behaviour import read_behaviour
    from nato_stance.brat import read_brat
    from nato_stance.corpus import read_corpus

    everything = not options.file
    corpus = options.corpus or (_CORPUS if everything else None)
    articles = options.articles or (_ARTICLES if everything else None)
    behaviour = options.behaviour or (_BEHAVIOUR if everything else None)
    files = [(title, read_corpus(path)) for title, path in map(_named, options.file)]
    training, held_out = _corpus(corpus)
    if options.real:
        training["real"] = _real(options.real, corpus or _CORPUS)
    return _Data(
        files,
        training,
        held_out,
        _answers(options.answers),
        None if articles is None else (_title(articles), read_articles(articles)),
        None if options.brat is None else (_title(options.brat), read_brat(options.brat)),
        None if behaviour is None else (_title(behaviour), read_behaviour(behaviour)),
    )


def _title(folder: str) -> str:
    return Path(folder).resolve().name


def _cross_validates(options: argparse.Namespace, data: _Data) -> bool:
    return bool(data.training) and not options.gate and not options.no_cv


def _sets(data: _Data, *, cross_validated: bool) -> dict[str, Sequence[CorpusItem]]:
    """Return the labelled sets under the names that reports give them; raises where two have one name."""
    from nato_stance.training import usable

    sets = [*([("corpus-test", data.held_out)] if data.held_out else []), *data.files]
    if cross_validated:
        sets += [(f"{title}-cv", usable(items)) for title, items in data.training.items()]
    titles = [title for title, _ in sets]
    for title in titles:
        if titles.count(title) > 1:
            raise InvalidInputError(f"two labelled sets are called {title!r}; name one of them, as in NAME=FILE")
    return dict(sets)


def _measure(options: argparse.Namespace, data: _Data) -> EvaluationSuite:
    from nato_stance.evaluation_suite import SuiteBuilder
    from nato_stance.model_store import load_model

    builder = SuiteBuilder(load_model(options.model), data.training, options.seed, options.bootstrap, _say)
    if not options.gate and not options.no_baselines:
        builder.fit_baselines()
    for title, items in _sets(data, cross_validated=False).items():
        builder.add_set(title, items)
    if _cross_validates(options, data):
        builder.add_cross_validation(data.answers, options.folds)
    if data.articles is not None:
        builder.add_articles(*data.articles)
    if data.brat is not None:
        builder.add_quotations(*data.brat)
    if data.behaviour is not None:
        builder.add_behaviour(*data.behaviour)
    return builder.suite()


def _corpus(folder: str | None) -> tuple[dict[str, list[CorpusItem]], list[CorpusItem]]:
    """Return the training part of a corpus, under its name, and its held-out part; nothing without a folder."""
    if folder is None:
        return {}, []
    from nato_stance.corpus import read_corpus

    path = Path(folder) / "statements.jsonl"
    if not path.exists():
        raise InvalidInputError(f"{path} does not exist; name a labelled FILE, or the folder of a corpus with --corpus")
    items = read_corpus(path)
    held_out = [item for item in items if item.split == "test"]
    return {"corpus": [item for item in items if item.split != "test"]}, held_out


def _real(path: str, corpus: str) -> list[CorpusItem]:
    """Return real training statements; their words are checked against the pointers where the corpus has some."""
    from nato_stance.corpus import read_corpus
    from nato_stance.standoff import attach, read_pointers

    items, pointers = read_corpus(path), Path(corpus) / "real_labels.jsonl"
    if not pointers.exists():
        return items
    checked = attach(items, read_pointers(pointers))
    return [replace(new, scene=old.scene or new.scene) for old, new in zip(items, checked, strict=True)]


def _answers(path: str | None) -> dict[int, Any] | None:
    if path is None:
        return None
    from nato_stance.training import read_answers

    return read_answers(path)


def _compare(earlier: Mapping[str, Any], suite: EvaluationSuite) -> str:
    from nato_stance.evaluation_suite import compare_suites

    comparisons, notes = compare_suites(earlier, suite)
    return "\n\n".join([*(c.to_table() for c in comparisons), *(f"note: {note}" for note in notes)])


def _gate(options: argparse.Namespace, entries: Sequence[dict[str, Any]], suite: Mapping[str, Any]) -> int:
    from nato_stance.quality_gate import check, measured_of, updated, write_floors

    measured = measured_of(suite)
    if options.update:
        longer = updated(entries, measured, options.reason)
        write_floors(longer, options.floors)
        _say(f"{options.floors}: " + ("floors are as they were" if longer == entries else "floors set"))
        return 0
    breaches = check(entries, measured)
    for breach in breaches:
        _say(f"gate: {breach}")
    for name in sorted(entries[-1]["floors"].keys() - measured.keys()):
        _say(f"gate: {name} has floors, but was not measured in this run")
    _say("gate: failed" if breaches else "gate: passed")
    return 1 if breaches else 0
