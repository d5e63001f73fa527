"""What would more data bring? Trains on growing shares of the real statements and of the project's own.

    OMP_NUM_THREADS=1 python tests/benchmarks/learning_curve.py REAL.jsonl OWN.jsonl --test FILE

Whole documents are drawn, and a larger share holds the smaller ones. The model is trained without the phrase detectors,
which learned from all of the data. Each model labels FILE, of which no statement may be trained on; intervals are those
of 1,000 resamples of its documents, the same for every model. With `--repeats N` the documents are drawn N times, and a
row shows the mean of N models. The second table gives the gain from twice as much data, by a straight line through the
shares on a logarithmic scale. Both are written to standard output in Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ablation import MEASURES, Floats, say, tallied, values_of

from nato_stance.corpus import CorpusItem, read_corpus
from nato_stance.evaluation import gold_codes, group_numbers, predictions_of
from nato_stance.metrics import bootstrap_totals, group_sums, interval
from nato_stance.training import fit_items, usable

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
SHARE_NAMES = dict(zip(SHARES, ("1/8", "1/4", "1/2", "all"), strict=True))


@dataclass(frozen=True)
class Curve:
    """What is trained on: a growing share of some statements, and all of others beside them."""

    name: str
    growing: Sequence[CorpusItem]
    beside: Sequence[CorpusItem]


@dataclass(frozen=True)
class Point:
    """One row: how many statements were trained on, and the measures with their resamples.

    Attributes:
        n_growing, n_beside: statements, as a mean over the repeats.
        values: each measure on the test file, a mean over the repeats.
        drawn: the same on each resample of its documents, shape (draws,).
    """

    n_growing: float
    n_beside: int
    values: dict[str, float]
    drawn: dict[str, Floats]

    def cells(self) -> list[str]:
        """Return the measures with their intervals."""
        return ["{:.3f} ({:.3f} to {:.3f})".format(self.values[name], *interval(self.drawn[name])) for name in MEASURES]


def share_of(items: Sequence[CorpusItem], share: float, seed: int) -> list[CorpusItem]:
    """Return about a share of the statements, in whole documents; a larger share of equal seed holds a smaller one."""
    groups = group_numbers(item.group for item in items)
    sizes = np.bincount(groups)
    order = np.random.default_rng(seed).permutation(len(sizes))
    before = np.cumsum(sizes[order]) - sizes[order]
    chosen = np.zeros(len(sizes), dtype=np.bool_)
    chosen[order[before < share * len(items)]] = True
    return [item for item, group in zip(items, groups, strict=True) if chosen[group]]


def point(curve: Curve, share: float, test: Sequence[CorpusItem], options: argparse.Namespace) -> Point:
    """Train on a share, as often as asked, and label the test statements."""
    gold, groups = gold_codes(test), group_numbers(item.group for item in test)
    sizes: list[int] = []
    at: list[dict[str, Floats]] = []
    drawn: list[dict[str, Floats]] = []
    for repeat in range(options.repeats if share < 1 else 1):
        began = time.monotonic()
        growing = share_of(curve.growing, share, options.seed + repeat)
        fitted = fit_items([*growing, *curve.beside])
        sums = group_sums(tallied(gold, predictions_of(fitted.label_many([item.item for item in test]))), groups)
        sizes.append(len(growing))
        at.append(values_of(sums.sum(axis=0)))
        drawn.append(values_of(bootstrap_totals(sums, options.draws, options.seed)))
        shown = {name: round(float(value), 3) for name, value in at[-1].items()}
        say(f"{curve.name}, {SHARE_NAMES[share]}: {time.monotonic() - began:.0f} s, {len(growing)} {shown}")
    return Point(
        float(np.mean(sizes)),
        len(curve.beside),
        {name: float(np.mean([values[name] for values in at])) for name in MEASURES},
        {name: np.mean([values[name] for values in drawn], axis=0) for name in MEASURES},
    )


def gain_of_doubling(points: Sequence[Point]) -> list[str]:
    """Return for each measure the slope over the binary logarithm of the statements, with its interval."""
    x = np.log2([p.n_growing for p in points])
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    cells = []
    for name in MEASURES:
        slope = float(weights @ np.array([p.values[name] for p in points]))
        low, high = interval(weights @ np.array([p.drawn[name] for p in points]))
        cells.append(f"{slope:+.3f} ({low:+.3f} to {high:+.3f})")
    return cells


def draw_curves(options: argparse.Namespace) -> None:
    """Train every model and print both tables."""
    real, own, test = usable(read_corpus(options.real)), usable(read_corpus(options.own)), read_corpus(options.test)
    trained = {item.text for item in (*real, *own)}
    both = sum(item.text in trained for item in test)
    if both:
        sys.exit(f"{both} statements of {options.test} are trained on; give statements that are not")
    curves = (Curve("real", real, []), Curve("real, beside all own", real, own), Curve("own alone", own, []))
    rows, slopes = [], []
    for curve in curves:
        points = [point(curve, share, test, options) for share in SHARES]
        for share, found in zip(SHARES, points, strict=True):
            head = (curve.name, SHARE_NAMES[share], f"{found.n_growing:,.0f}", f"{found.n_beside:,}")
            rows.append("| " + " | ".join((*head, *found.cells())) + " |")
        slopes.append("| " + " | ".join((curve.name, *gain_of_doubling(points))) + " |")
    names = ("primary F1", "presence F1", "tone F1", "log-loss")
    print("| trained on | share | statements | beside | " + " | ".join(names) + " |\n|" + " --- |" * 8)
    print("\n".join(rows))
    print("\n| gain from twice as many | " + " | ".join(names) + " |\n|" + " --- |" * 5)
    print("\n".join(slopes))


def main() -> None:
    """Read the command line, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path, metavar="REAL", help="labelled real statements, JSON lines")
    parser.add_argument("own", type=Path, metavar="OWN", help="labelled statements written for the project")
    parser.add_argument("--test", type=Path, required=True, metavar="FILE", help="labelled statements to test on")
    parser.add_argument("--repeats", type=int, default=1, help="draws of documents behind each share")
    parser.add_argument("--draws", type=int, default=1000, help="resamples behind each interval")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws and the resamples")
    draw_curves(parser.parse_args())


if __name__ == "__main__":
    main()
