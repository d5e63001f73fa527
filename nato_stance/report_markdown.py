"""An evaluation as a Markdown page: the published numbers, written by the command that measured them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from nato_stance.metrics import LABELS
from nato_stance.records import InvalidInputError
from nato_stance.report_html import SYSTEM_NAMES, in_order

_COLUMNS: Final = ("primary_f1", "presence_f1", "polarity_f1", "denied_recall", "tone_f1", "brier", "ece")


def _cell(estimate: Mapping[str, float | None] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "–"
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return [*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows), ""]


def render(suite: Mapping[str, Any], command: str) -> str:
    """Write an evaluation as Markdown.

    Args:
        suite: the JSON form of an `EvaluationSuite`.
        command: the command that measured it, to be named on the page.

    Returns:
        The page.

    Raises:
        InvalidInputError: the dictionary is no such form.

    Example:
        >>> empty = dict(seed=0, n_bootstrap=9, package_version="1", codebook_version=2, model_digest=None)
        >>> empty |= dict(training={}, sets={}, articles={}, quotations={}, behaviour={}, notes=[])
        >>> render(empty, "nato-stance evaluate").splitlines()[0]
        '# Measured results'
    """
    try:
        lines = _head(suite, command)
        for name in sorted(suite["sets"], key=lambda name: (name.endswith("-cv"), name)):
            lines += _set(name, suite["sets"][name])
        lines += _articles(suite)
        for name, report in suite["behaviour"].items():
            lines += _behaviour(name, report)
        if suite["notes"]:
            lines += ["## Notes", "", *(f"- {note}" for note in suite["notes"]), ""]
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"this is no result of `nato-stance evaluate --json`: {error!r}") from error
    return "\n".join(lines).rstrip() + "\n"


def _head(suite: Mapping[str, Any], command: str) -> list[str]:
    training = ", ".join(f"{name} ({part['n']} statements)" for name, part in sorted(suite["training"].items()))
    return [
        "# Measured results",
        "",
        "Written by a command, not by hand; [evaluation.md](evaluation.md) defines every number. To measure anew:",
        "",
        "```sh no-test",
        command,
        "```",
        "",
        f"nato_stance {suite['package_version']}, codebook version {suite['codebook_version']}, model "
        f"`{str(suite['model_digest'])[:16]}`. In brackets: 95 % intervals from {suite['n_bootstrap']} bootstrap "
        f"resamples, seed {suite['seed']}. Trained baselines were fitted on: {training or 'nothing'}.",
        "",
    ]


def _set(name: str, content: Mapping[str, Any]) -> list[str]:
    systems, model = content["systems"], content["systems"]["model"]
    lines = [f"## {name}", "", f"{model['n']} statements in {model['n_groups']} resampled units.", ""]
    rows = [
        [system, *(_cell(systems[system]["measures"].get(c)) for c in _COLUMNS)]
        for system in in_order(systems, tuple(SYSTEM_NAMES))
    ]
    lines += _table(["system", *_COLUMNS], rows)
    if content["against"]:
        lines += ["Model minus baseline, paired on the same statements, with permutation p-value:", ""]
        columns = [c for c in _COLUMNS if c not in ("brier", "ece")]
        rows = [
            [system, *(_difference(content["against"][system]["differences"].get(c)) for c in columns)]
            for system in in_order(content["against"], tuple(SYSTEM_NAMES))
        ]
        lines += _table(["baseline", *columns], rows)
    lines += ["Each label:", ""]
    rows = [
        [f"{question} {label}", *(_cell(row[k]) for k in ("precision", "recall", "f1")), row["support"]]
        for question, labels in LABELS.items()
        for label in labels
        for row in [model["classes"][question][label]]
    ]
    lines += _table(["label", "precision", "recall", "F1", "n"], rows)
    lines += ["If the model may abstain below `min_confidence`:", ""]
    rows = [
        [row["min_confidence"], f"{row['n']} ({row['share']:.0%})", _cell(row.get("primary_f1"))]
        for row in model["abstention"]
    ]
    lines += _table(["min_confidence", "answered", "primary_f1"], rows)
    lines += ["Parts of the set:", ""]
    rows = [
        [f"{division}: {part}", row["n"], _cell(row["primary_f1"]), _cell(row["polarity_f1"]), _cell(row["tone_f1"])]
        for division, parts in sorted(model["slices"].items())
        for part, row in sorted(parts.items())
    ]
    return lines + _table(["part", "n", "primary_f1", "polarity_f1", "tone_f1"], rows)


def _difference(row: Mapping[str, Any] | None) -> str:
    if row is None or row["difference"]["value"] is None:
        return "–"
    d = row["difference"]
    return f"{d['value']:+.3f} [{d['low']:+.3f}, {d['high']:+.3f}], p {row['p_value']:.4f}"


def _articles(suite: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, report in [*suite["articles"].items(), *suite["quotations"].items()]:
        lines += [f"## {name}: whole articles", "", f"{report['n_articles']} articles.", ""]
        lines += _table(["measure", "value"], [[k, f"{v:.3f}"] for k, v in report["measures"].items()])
    return lines


def _behaviour(name: str, report: Mapping[str, Any]) -> list[str]:
    lines = [f"## {name}: minimal pairs and invariances", ""]
    shares = [
        [family, report["counts"][family], f"{share:.3f}"] for family, share in sorted(report["measures"].items())
    ]
    lines += _table(["family", "pairs", "share that holds"], shares)
    lines += ["Pairs that do not hold, with the labels given:", ""]
    failed = [(pair, answers) for rows in report["failures"].values() for pair, answers in rows.items()]
    return [*lines, *(f"- {pair}: {' → '.join(answers)}" for pair, answers in sorted(failed)), ""]
