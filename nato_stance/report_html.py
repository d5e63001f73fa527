"""An evaluation as one HTML page: tables, and figures drawn as inline SVG; no script, no font, nothing fetched."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from nato_stance.metrics import LABELS, QUESTIONS
from nato_stance.records import InvalidInputError

_TITLES: Final = {
    "primary_f1": "Primary stance, macro-F1",
    "primary_accuracy": "Primary stance, share right",
    "presence_f1": "Presence, mean F1",
    "polarity_f1": "Polarity, macro-F1",
    "denied_recall": "Denials found, share",
    "tone_f1": "Tone, macro-F1",
    "tone_accuracy": "Tone, share right",
    "brier": "Brier score, stance",
    "tone_brier": "Brier score, tone",
    "ece": "Calibration error (ECE)",
    "quoted_span_f1": "Quoted spans, F1",
    "indirect_span_f1": "Indirect spans, F1",
    "span_f1": "Quoted spans, F1",
    "exact_span_f1": "Quoted spans to the letter, F1",
    "speaker_accuracy": "Right speaker, share",
    "found_and_attributed": "Found with right speaker, share",
    "stance_accuracy": "Primary stance, share right",
    "polarity_accuracy": "Stance and polarity, share right",
}
SYSTEM_NAMES: Final = {
    "model": "Model",
    "majority": "Commonest label",
    "keywords": "Keyword lexicon",
    "tfidf": "TF-IDF + logistic regression",
    "vader": "VADER sentiment",
    "tone_words": "Good and bad words",
}
"""Names of systems to read, in the order in which reports show them."""

_COMPARED: Final = ("primary_f1", "presence_f1", "polarity_f1", "tone_f1")
_SLICED: Final = ("primary_f1", "tone_accuracy")

_STYLE: Final = """
:root { --ink: #1c2430; --soft: #5b6675; --line: #d8dee6; --paper: #ffffff; --panel: #f6f8fa;
  --main: #1f5fa8; --other: #9aa7b6; --warn: #b4541a; --cell: 31, 95, 168; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --soft: #9aa7b6; --line: #353f4c; --paper: #14191f;
  --panel: #1b2128; --main: #6ea8e8; --other: #66727f; --warn: #e0935c; --cell: 110, 168, 232; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { margin: 3rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid var(--line); font-size: 1.3rem; } h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
p, figcaption { color: var(--soft); max-width: 46rem; } code { font-size: .85em; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .86rem; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } th { color: var(--soft); font-weight: 600;
  white-space: normal; vertical-align: bottom; } tr.main td { font-weight: 600; }
td small { color: var(--soft); font-weight: 400; display: block; }
.wide { overflow-x: auto; } .figures { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { margin: 0; padding: 1rem; background: var(--panel); border-radius: 8px; max-width: 100%; overflow-x: auto; }
figcaption { font-size: .82rem; margin-top: .5rem; max-width: 26rem; } svg { display: block; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .soft { fill: var(--soft); }
svg .head { font-weight: 600; } svg .small { font-size: 11px; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--soft); }
svg .main { fill: var(--main); } svg .other { fill: var(--other); }
svg .whisker { stroke: var(--ink); stroke-width: 1.25; }
svg .count { fill: rgba(var(--cell), .22); } svg .dot { fill: var(--main); } svg .trace { stroke: var(--main);
  stroke-width: 2; fill: none; } svg .ideal { stroke: var(--soft); stroke-dasharray: 4 4; }
svg .cell { fill: rgb(var(--cell)); }
"""


def _e(text: object) -> str:
    return html.escape(str(text))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _with_interval(estimate: Mapping[str, float | None] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "–"
    return f"{_number(estimate['value'])} <small>{_number(estimate['low'])}–{_number(estimate['high'])}</small>"


def render(suite: Mapping[str, Any]) -> str:
    """Draw an evaluation.

    Args:
        suite: the JSON form of an `EvaluationSuite`.

    Returns:
        An HTML document.

    Raises:
        InvalidInputError: the dictionary is no such form.

    Example:
        >>> empty = dict(seed=0, n_bootstrap=9, package_version="1", codebook_version=2, model_digest=None)
        >>> empty |= dict(training={}, sets={}, articles={}, quotations={}, behaviour={}, notes=[])
        >>> render(empty).startswith("<!doctype html>")
        True
    """
    try:
        body = [_head(suite), *_sets(suite["sets"]), *_articles(suite), *_behaviour(suite), _notes(suite["notes"])]
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"this is no result of `nato-stance evaluate --json`: {error!r}") from error
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>nato_stance evaluation</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _head(suite: Mapping[str, Any]) -> str:
    model = suite["model_digest"]
    training = "; ".join(f"{_e(name)}: {part['n']:,} statements" for name, part in suite["training"].items())
    return (
        "<h1>How well the labels hold</h1>\n"
        f"<p>nato_stance {_e(suite['package_version'])}, codebook version {_e(suite['codebook_version'])}, model "
        f"<code>{_e(model[:16] if model else 'without digest')}</code>. Intervals are 95 % bootstrap intervals from "
        f"{suite['n_bootstrap']:,} resamples (seed {suite['seed']}); statements of one scene or document are resampled "
        f"together. Baselines were fitted on: {training or 'nothing'}. docs/evaluation.md defines every number.</p>"
    )


def _sets(sets: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, content in sorted(sets.items(), key=lambda entry: (entry[0].endswith("-cv"), entry[0])):
        model = content["systems"]["model"]
        questions = in_order(model["confusion"], QUESTIONS)
        parts += [
            f"<h2>{_e(name)}</h2>",
            f"<p>{model['n']:,} statements, {model['n_groups']:,} resampled units; data digest "
            f"<code>{_e(model['data_digest'][:16])}</code>.</p>",
            _systems_table(content["systems"]),
            "<h3>Model minus baseline</h3><p>Paired differences on the same statements with 95 % interval and "
            "permutation p-value; for Brier scores and ECE less is better.</p>",
            _differences_table(content["against"]),
            '<h3>Model and baselines</h3><div class="figures">',
            *(_systems_figure(content["systems"], measure) for measure in _COMPARED),
            '</div><h3>Where the model goes wrong</h3><div class="figures">',
            *(_confusion_figure(question, model["confusion"][question]) for question in questions),
            '</div><h3>Each label</h3><div class="figures">',
            *(_classes_figure(question, model["classes"][question]) for question in questions),
            '</div><h3>Confidence</h3><div class="figures">',
            _reliability_figure(model["reliability"], model["measures"]["ece"]),
            _abstention_figure(model["abstention"]),
            '</div><h3>Parts of the set</h3><div class="figures">',
            *(_slices_figure(division, rows) for division, rows in model["slices"].items()),
            "</div>",
        ]
    return parts


def in_order(names: Iterable[str], order: Sequence[str]) -> list[str]:
    """Sort names as `order` has them, unknown ones last: a file that was read back has its keys in another order."""
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def _table(heads: Sequence[str], rows: Iterable[tuple[str, str, Sequence[str]]]) -> str:
    lines = ['<div class="wide"><table><tr><th></th>', *(f"<th>{_e(head)}</th>" for head in heads), "</tr>"]
    for kind, label, cells in rows:
        lines.append(f'<tr class="{kind}"><td>{_e(label)}</td>' + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    return "".join([*lines, "</table></div>"])


def _systems_table(systems: Mapping[str, Any]) -> str:
    columns = in_order(systems["model"]["measures"], tuple(_TITLES))
    rows = [
        (
            "main" if system == "model" else "base",
            SYSTEM_NAMES.get(system, system),
            [_with_interval(systems[system]["measures"].get(c)) for c in columns],
        )
        for system in in_order(systems, tuple(SYSTEM_NAMES))
    ]
    return _table([_TITLES.get(c, c) for c in columns], rows)


def _differences_table(against: Mapping[str, Any]) -> str:
    if not against:
        return "<p>No baseline was run.</p>"
    columns = in_order({c for x in against.values() for c in x["differences"]}, tuple(_TITLES))
    rows = [
        ("base", SYSTEM_NAMES.get(s, s), [_difference(against[s]["differences"].get(c)) for c in columns])
        for s in in_order(against, tuple(SYSTEM_NAMES))
    ]
    return _table([_TITLES.get(c, c) for c in columns], rows)


def _difference(row: Mapping[str, Any] | None) -> str:
    if row is None or row["difference"]["value"] is None:
        return "–"
    value = row["difference"]
    bounds = f"{value['low']:+.3f} to {value['high']:+.3f}"
    return f"{value['value']:+.3f} <small>{bounds}</small><small>p {_number(row['p_value'])}</small>"


_LABEL_WIDTH: Final = 190
_BAR_WIDTH: Final = 210
_ROW: Final = 26


def _bars(title: str, rows: Sequence[tuple[str, str, Mapping[str, float | None]]], caption: str) -> str:
    """Draw horizontal bars from 0 to 1 with intervals; a row is a label, a class of colour and an estimate."""
    height = 34 + _ROW * len(rows) + 22
    parts = [f'<text class="head" x="0" y="14">{_e(title)}</text>']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = _LABEL_WIDTH + tick * _BAR_WIDTH
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="26" y2="{height - 22}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{tick:g}</text>')
    for i, (label, colour, estimate) in enumerate(rows):
        parts.append(_bar(label, colour, estimate, 30 + _ROW * i))
    return _figure(_LABEL_WIDTH + _BAR_WIDTH + 58, height, parts, title, caption)


def _bar(label: str, colour: str, estimate: Mapping[str, float | None], y: float) -> str:
    middle = y + _ROW / 2
    text = f'<text x="{_LABEL_WIDTH - 8}" y="{middle + 4:.1f}" text-anchor="end">{_e(_short(label, 28))}</text>'
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    if value is None:
        return text + f'<text class="soft" x="{_LABEL_WIDTH + 6}" y="{middle + 4:.1f}">not defined</text>'
    text += (
        f'<rect class="{colour}" x="{_LABEL_WIDTH}" y="{y + 5:.1f}" width="{value * _BAR_WIDTH:.1f}" '
        f'height="{_ROW - 10}" rx="2"/>'
        f'<text class="soft" x="{_LABEL_WIDTH + _BAR_WIDTH + 12}" y="{middle + 4:.1f}">{value:.3f}</text>'
    )
    if low is None or high is None:
        return text
    left, right = (_LABEL_WIDTH + bound * _BAR_WIDTH for bound in (low, high))
    ends = "".join(
        f'<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{middle - 4:.1f}" y2="{middle + 4:.1f}"/>'
        for x in (left, right)
    )
    line = f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
    return text + line + ends


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _figure(width: float, height: float, parts: Sequence[str], title: str, caption: str) -> str:
    return (
        f'<figure><svg width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{_e(title)}">{"".join(parts)}</svg><figcaption>{_e(caption)}</figcaption></figure>'
    )


def _systems_figure(systems: Mapping[str, Any], measure: str) -> str:
    rows = [
        (SYSTEM_NAMES.get(s, s), "main" if s == "model" else "other", systems[s]["measures"][measure])
        for s in in_order(systems, tuple(SYSTEM_NAMES))
        if measure in systems[s]["measures"]
    ]
    return _bars(_TITLES[measure], rows, "Bars: value; whiskers: 95 % interval.")


def _classes_figure(question: str, classes: Mapping[str, Any]) -> str:
    rows = [(f"{label} (n = {classes[label]['support']})", "main", classes[label]["f1"]) for label in LABELS[question]]
    return _bars(f"{question.capitalize()}: F1 of each label", rows, "n: statements with that label in gold.")


def _slices_figure(division: str, parts: Mapping[str, Any]) -> str:
    rows = [
        (f"{_short(part, 18)} (n = {row['n']})" if measure == _SLICED[0] else "", colour, row[measure])
        for part, row in sorted(parts.items(), key=lambda entry: _part_rank(entry[0]))
        for measure, colour in zip(_SLICED, ("main", "other"), strict=True)
    ]
    caption = "Blue: macro-F1 of the primary stance. Grey: share of right tones. Small parts have wide intervals."
    return _bars(f"By {division}", rows, caption)


def _part_rank(part: str) -> tuple[int, str]:
    """Order parts by the number they begin with, then by name; `over 40 words` comes last."""
    digits = part.partition("-")[0]
    return (int(digits) if digits.isdigit() else 99 if part.startswith("over") else 0), part


_CELL_WIDTH: Final = 88
_CELL_HEIGHT: Final = 52


def _confusion_figure(question: str, matrix: Sequence[Sequence[int]]) -> str:
    labels, left, top = LABELS[question], 108, 64
    parts = [
        f'<text class="head" x="0" y="14">{_e(question.capitalize())}</text>',
        f'<text class="soft" x="{left}" y="34">answer</text>',
        f'<text class="soft" x="0" y="{top - 10}">gold</text>',
    ]
    for i, row in enumerate(matrix):
        y, x = top + i * _CELL_HEIGHT, left + i * _CELL_WIDTH + _CELL_WIDTH // 2
        parts.append(f'<text x="{left - 8}" y="{y + _CELL_HEIGHT // 2 + 4}" text-anchor="end">{_e(labels[i])}</text>')
        parts.append(f'<text x="{x}" y="{top - 10}" text-anchor="middle">{_e(labels[i])}</text>')
        for j, count in enumerate(row):
            parts.append(_cell(left + j * _CELL_WIDTH, y, count, count / sum(row) if sum(row) else 0.0))
    width, height = left + len(labels) * _CELL_WIDTH + 4, top + len(labels) * _CELL_HEIGHT + 4
    caption = "Counts; shade and small figure: share of the row, so the diagonal shows recall."
    return _figure(width, height, parts, f"Confusion matrix of {question}", caption)


def _cell(x: int, y: int, count: int, share: float) -> str:
    middle, line = x + _CELL_WIDTH // 2, y + _CELL_HEIGHT // 2
    return (
        f'<rect class="cell" fill-opacity="{0.06 + 0.54 * share:.2f}" x="{x + 1}" y="{y + 1}" '
        f'width="{_CELL_WIDTH - 2}" height="{_CELL_HEIGHT - 2}" rx="3"/>'
        f'<text x="{middle}" y="{line - 1}" text-anchor="middle">{count}</text>'
        f'<text class="small" x="{middle}" y="{line + 15}" text-anchor="middle">{share:.0%}</text>'
    )


_SIDE: Final = 260


def _reliability_figure(bins: Sequence[Mapping[str, Any]], ece: Mapping[str, float | None]) -> str:
    left, top = 46, 30
    most = max((row["n"] for row in bins), default=0) or 1

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * _SIDE, top + (1 - y) * _SIDE

    parts = [f'<text class="head" x="0" y="14">Reliability, ECE {_number(ece["value"])}</text>']
    for tick in (0, 0.25, 0.5, 0.75, 1):
        (x, bottom), (_, y) = at(tick, 0), at(0, tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom:.1f}"/>')
        parts.append(f'<line class="grid" x1="{left}" x2="{left + _SIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text class="soft" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    points = []
    for row in bins:
        height = 0.3 * row["n"] / most
        x, y = at(row["low"], height)
        parts.append(
            f'<rect class="count" x="{x + 2:.1f}" y="{y:.1f}" width="{_SIDE / len(bins) - 4:.1f}" '
            f'height="{height * _SIDE:.1f}"/>'
        )
        if row["n"]:
            points.append((*at(row["confidence"], row["right"]), row["n"]))
    (x1, y1), (x2, y2) = at(0, 0), at(1, 1)
    parts.append(f'<line class="ideal" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')
    parts.append('<polyline class="trace" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points) + '"/>')
    for x, y, n in points:
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{n} statements</title></circle>')
    parts.append(
        f'<text class="soft" x="{left + _SIDE / 2:.0f}" y="{top + _SIDE + 34}" text-anchor="middle">'
        "confidence in the primary stance</text>"
    )
    caption = (
        "Across: mean confidence of a bin; up: share that is right. On the dashed line probabilities mean what they "
        "say; below it the model is too sure. Columns: statements in a bin."
    )
    return _figure(left + _SIDE + 14, top + _SIDE + 44, parts, "Reliability diagram", caption)


def _abstention_figure(rows: Sequence[Mapping[str, Any]]) -> str:
    bars = [
        (f"{row['min_confidence']:g} ({row['share']:.0%} answered)", "main", row["primary_f1"])
        for row in rows
        if "primary_f1" in row
    ]
    caption = "Macro-F1 of the primary stance over the statements whose confidence reaches min_confidence."
    return _bars("If the model may abstain", bars, caption)


def _articles(suite: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, report in [*suite["articles"].items(), *suite["quotations"].items()]:
        parts.append(f"<h2>{_e(name)}: whole articles</h2><p>{report['n_articles']} articles; data digest ")
        parts.append(f"<code>{_e(report['data_digest'][:16])}</code>.</p><table>")
        parts += [
            f"<tr><td>{_e(_TITLES.get(name, name))}</td><td>{_number(report['measures'][name])}</td></tr>"
            for name in in_order(report["measures"], tuple(_TITLES))
        ]
        parts.append("</table>")
    return parts


def _behaviour(suite: Mapping[str, Any]) -> list[str]:
    parts = []
    for name, report in suite["behaviour"].items():
        parts.append(f"<h2>{_e(name)}: minimal pairs and invariances</h2>")
        shares = {family: (share, report["counts"][family]) for family, share in report["measures"].items()}
        rows = [
            (f"{family} (n = {n})", "main", {"value": share, "low": None, "high": None})
            for family, (share, n) in sorted(shares.items())
        ]
        parts.append(_bars("Share of pairs that hold", rows, "docs/evaluation.md gives the rule of each family."))
    return parts


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return "<h2>Notes</h2><ul>" + "".join(f"<li>{_e(note)}</li>" for note in notes) + "</ul>"
