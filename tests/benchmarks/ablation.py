"""Which features pay? Leaves out one family after another, refits the model without it, and scores it held out.

    OMP_NUM_THREADS=1 python tests/benchmarks/ablation.py REAL.jsonl [OWN.jsonl] --answers FILE [--families A,B]

REAL.jsonl are labelled statements with a source, OWN.jsonl those written for the project, which are trained on too.
Both levels of the model are cross-fitted: every real statement is scored by features, by a mixture and by a joint layer
that saw no statement of its document. The detectors' answers are cross-fitted already (`--answers`). Both levels are
fitted anew for each row. The joint layer of each fold is that of the full model: its factors are found by a coarse
search, and a row should not show the search's luck.

Differences are those to the full model, over paired resamples of documents. The table is written to standard output in
Markdown. Scores of the first level take most of the time and do not depend on the detectors: `--scores FOLDER` keeps
them for another run.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nato_stance.calibration import fit_layer
from nato_stance.classifier import (
    _CENTRING,
    BALANCE_MIXING,
    C_MIXING,
    MIN_ROWS,
    VIEWS,
    Columns,
    StanceClassifier,
    _centred_answers,
    _columns,
    _folds,
    codes_of,
    common_words,
    statements_of,
)
from nato_stance.codebook import FIELDS
from nato_stance.corpus import CorpusItem, read_corpus
from nato_stance.design_matrix import FamilyCounts, family_counts, matrix
from nato_stance.detectors import ANSWERS
from nato_stance.evaluation import group_numbers
from nato_stance.features import FeatureExtractor, Item
from nato_stance.joint import OUTPUTS, JointLayer, decide
from nato_stance.keys import hash_of
from nato_stance.metrics import WIDTH, Predictions, bootstrap_totals, group_sums, interval, measures, tally_rows
from nato_stance.model_store import load_model
from nato_stance.semantics import Lexicon, shipped_classes
from nato_stance.training import SYNTHETIC_WEIGHT, read_answers, usable

Floats = NDArray[np.float64]

FORM = ("length", "question", "exclamation", "inner_quote", "negated", "denying", "conditional", "contrast")

LEFT_OUT: dict[str, tuple[str, ...]] = {
    **{
        name: (name,)
        for name in (
            "word_1", "word_2", "spelling", "class", "class_negation", "class_negation_subject", "class_pair_1",
            "class_pair_2", *FORM,
        )
    },
    "form": FORM,
    "all words": ("word_*",),
    "all words and spelling": ("word_*", "spelling"),
    "all classes": ("class", "class_*"),
    "all class pairs": ("class_pair_*",),
    "negation": ("class_negation", "class_negation_subject", "negated", "denying"),
}  # fmt: skip
"""Rows of the table: patterns of the families that each leaves out."""

VIEW_NAMES = ("the bare words", "every family alike")
CONTEXT = "carrying sentence, keyed features"
DETECTORS = "detectors"
KEYED = "all keyed features"
ROWS = (*LEFT_OUT, CONTEXT, *(f"view: {name}" for name in VIEW_NAMES), DETECTORS, KEYED)

MEASURES = ("primary_f1", "presence_f1", "tone_f1", "log_loss")


@dataclass(frozen=True)
class Data:
    """Labelled statements in the forms that fitting needs.

    Attributes:
        items: the statements; those with a source are real.
        statements: text, context and cue of each.
        codes: labels as numbers, shape (n, 5).
        weights: weight of each in the fits.
        real: which are real.
        folds: fold of each; no document is divided.
        extractor: the features.
    """

    items: Sequence[CorpusItem]
    statements: Sequence[Item]
    codes: NDArray[np.int64]
    weights: Floats
    real: NDArray[np.bool_]
    folds: NDArray[np.int64]
    extractor: FeatureExtractor

    @classmethod
    def of(cls, items: Sequence[CorpusItem], model: StanceClassifier) -> Data:
        """Prepare statements as `training.fit_items` does."""
        statements = statements_of([item.item for item in items])
        real = np.array([bool(item.source) for item in items])
        return cls(
            items,
            statements,
            codes_of([{name: getattr(item, name) for name in (*FIELDS, "primary", "tone")} for item in items]),
            np.where(real, 1.0, SYNTHETIC_WEIGHT),
            real,
            _folds([item.group for item in items], len(items), model.n_folds, model.random_state),
            FeatureExtractor(Lexicon.folded(shipped_classes()), common_words(statements)),
        )

    def answers(self, known: Mapping[int, Floats], folder: str | None = None) -> Floats:
        """Return the detectors' answers, centred in each question, shape (n, 16).

        Args:
            known: cross-fitted answers, as `read_answers` gives them.
            folder: model whose detectors answer for statements without; None takes the shipped one.
        """
        nothing = np.full(len(ANSWERS), np.nan)
        given = np.array([known.get(hash_of(item.text), nothing) for item in self.items])
        missing = int(np.isnan(given[:, 0]).sum())
        if not missing:
            return given @ _CENTRING
        say(f"{missing} of {len(given)} statements have no cross-fitted answers; the model's detectors are asked")
        detectors = load_model(folder).detectors
        if detectors is None:
            sys.exit("the model has no detectors; name one that has with --detectors")
        return _centred_answers(self.extractor, self.statements, detectors, given)


class Fold(NamedTuple):
    """What one fold is trained on and scored with."""

    chosen: NDArray[np.bool_]
    columns: Columns
    design: sp.csr_matrix


class FirstLevel:
    """Held-out scores of the first level, for any choice of families; each fit is made once.

    Args:
        data: what to fit.
        model: holds the parameters of the fits.
        context: whether the words outside a statement count.
        folder: where to keep the scores between runs, or None.
    """

    def __init__(self, data: Data, model: StanceClassifier, context: bool = True, folder: Path | None = None) -> None:
        self._data = data
        self._model = model
        statements = data.statements if context else [(text, None, None) for text, _, _ in data.statements]
        self._families = family_counts(data.extractor, statements)
        self.names = tuple(family.name for family in self._families)
        self._folder = folder
        self._digest = _digest(self._families, data, model)
        self._folds: list[Fold] = []
        self._known: dict[str, Floats] = {}

    def scores(self, left_out: Iterable[str] = ()) -> Floats:
        """Return the held-out scores of all views, shape (n, 26), without the families that match a pattern."""
        patterns = tuple(left_out)
        kept = [name for name in self.names if not any(fnmatchcase(name, pattern) for pattern in patterns)]
        return np.hstack([self._view(i, kept) for i in range(len(VIEWS))])

    def _view(self, number: int, kept: Sequence[str]) -> Floats:
        seen = np.array(kept)[VIEWS[number].factors(np.array(kept)) > 0].tolist() if kept else []
        key = hashlib.sha256(f"{self._digest} {number} {' '.join(sorted(seen))}".encode()).hexdigest()[:24]
        path = self._folder / f"{key}.npy" if self._folder else None
        if key not in self._known and path is not None and path.exists():
            self._known[key] = np.load(path)
        if key not in self._known:
            self._known[key] = self._fitted(number, seen)
            if path is not None:
                np.save(path, self._known[key])
        return self._known[key]

    def _fitted(self, number: int, seen: Sequence[str]) -> Floats:
        scores = np.zeros((len(self._data.items), len(OUTPUTS)))
        if not seen:
            return scores
        for fold in self._prepared():
            keys, rarity, families = fold.columns
            places = np.flatnonzero(np.isin(families, seen))
            columns = Columns(keys[places], rarity[places], families[places])
            design = fold.design[:, places]
            ((_, coef, intercept),) = self._model._first_level(
                design[fold.chosen],
                columns,
                VIEWS[number : number + 1],
                self._data.codes[fold.chosen],
                self._data.weights[fold.chosen],
            )
            scores[~fold.chosen] = design[~fold.chosen] @ coef + intercept
        return scores

    def _prepared(self) -> list[Fold]:
        if not self._folds:
            n = len(self._data.items)
            for number in np.unique(self._data.folds):
                chosen = self._data.folds != number
                columns = _columns(self._families, n, chosen)
                self._folds.append(Fold(chosen, columns, matrix(self._families, n, columns.keys, columns.rarity)))
        return self._folds


def _digest(families: Sequence[FamilyCounts], data: Data, model: StanceClassifier) -> str:
    """Return what the scores of the first level depend on, as a digest."""
    sha = hashlib.sha256(f"{model.get_params()} {VIEWS} {MIN_ROWS}".encode())
    for array in (data.codes, data.weights, data.folds):
        sha.update(np.ascontiguousarray(array).tobytes())
    for family in families:
        sha.update(family.name.encode())
        for part in (family.keys, family.rows.view(np.uint64), family.values.view(np.uint64)):
            sha.update(np.ascontiguousarray(part).tobytes())
    return sha.hexdigest()


class SecondLevel(NamedTuple):
    """A mixture and a joint layer, and how they are used."""

    mixing: Floats
    shift: Floats
    layer: JointLayer

    def predict(self, inputs: Floats) -> Predictions:
        """Return labels and probabilities for inputs of the second level."""
        decision = decide(inputs @ self.mixing + self.shift, self.layer)
        codes = np.column_stack([decision.presence, decision.primary, decision.tone])
        return Predictions(codes, decision.probabilities, decision.tone_probabilities)


def second_level(
    data: Data, model: StanceClassifier, inputs: Floats, chosen: NDArray[np.bool_], layer: JointLayer | None = None
) -> SecondLevel:
    """Fit the mixture on the chosen statements, and the joint layer on the real ones among them if none is given.

    Args:
        data: the statements.
        model: holds the parameters of the fits.
        inputs: held-out scores and answers, shape (n, d).
        chosen: which statements to fit on.
        layer: a fitted layer to take over.
    """
    mixing, shift = model._heads(
        inputs[chosen], data.codes[chosen], data.weights[chosen], (C_MIXING,) * 3, BALANCE_MIXING
    )
    if layer is None:
        calibrating = chosen & data.real if data.real.any() else chosen
        scores = inputs[calibrating] @ mixing + shift
        layer = fit_layer(scores, data.codes[calibrating], np.ones(len(scores)))
    return SecondLevel(mixing, shift, layer)


class Trial(NamedTuple):
    """Held-out labels of one choice of features as sums over documents, and the layers of its folds."""

    sums: Floats
    layers: list[JointLayer]


def try_out(data: Data, model: StanceClassifier, inputs: Floats, layers: Sequence[JointLayer] | None = None) -> Trial:
    """Cross-fit the second level, and tally what it says of the real statements.

    Args:
        data: the statements; those that are not real are trained on only.
        model: holds the parameters of the fits.
        inputs: held-out scores and answers, shape (n, d).
        layers: those of another trial, fold by fold, to take over.
    """
    n = len(data.items)
    codes, stances, tones = np.zeros((n, 5), np.int64), np.zeros((n, 4)), np.zeros((n, 3))
    used: list[JointLayer] = []
    for number, fold in enumerate(np.unique(data.folds)):
        test = data.folds == fold
        fitted = second_level(data, model, inputs, ~test, layers[number] if layers else None)
        used.append(fitted.layer)
        said = fitted.predict(inputs[test])
        codes[test], stances[test], tones[test] = said.codes, said.probabilities, said.tone_probabilities
    scored = data.real if data.real.any() else np.ones(n, dtype=np.bool_)
    said = Predictions(codes[scored], stances[scored], tones[scored])
    groups = group_numbers(item.group for item, known in zip(data.items, scored, strict=True) if known)
    return Trial(group_sums(tallied(data.codes[scored], said), groups), used)


def tallied(gold: NDArray[np.int64], said: Predictions) -> Floats:
    """Return tally rows with two more columns: the negative log-probability of the true stance, and 1 if known."""
    known = gold[:, 3] >= 0
    loss = np.zeros(len(gold))
    loss[known] = -np.log(np.maximum(said.probabilities[known, gold[known, 3]], 1e-12))
    return np.hstack([tally_rows(gold, said), loss[:, None], known[:, None].astype(np.float64)])


def values_of(totals: Floats) -> dict[str, Floats]:
    """Return the measures of the table from sums of tally rows, shape (..., d)."""
    found = measures(totals) | {"log_loss": totals[..., WIDTH] / totals[..., WIDTH + 1]}
    return {name: found[name] for name in MEASURES}


def differences(full: Floats, other: Floats, draws: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """Return other minus full of each measure, and its 95 % interval over paired resamples of documents."""
    at = [values_of(sums.sum(axis=0)) for sums in (full, other)]
    drawn = [values_of(bootstrap_totals(sums, draws, seed)) for sums in (full, other)]
    return {name: (float(at[1][name] - at[0][name]), *interval(drawn[1][name] - drawn[0][name])) for name in MEASURES}


def row_of(name: str, sums: Floats, full: Floats | None, draws: int, seed: int) -> str:
    """Return one line of the table; without a full model to compare with, the values alone."""
    value = values_of(sums.sum(axis=0))
    if full is None:
        return f"| {name} | " + " | ".join(f"{float(value[m]):.3f}" for m in MEASURES) + " |"
    changes = differences(full, sums, draws, seed)
    cells = (f"{float(value[m]):.3f}, {shown(*changes[m])}" for m in MEASURES)
    return f"| {name} | " + " | ".join(cells) + " |"


def shown(change: float, low: float, high: float) -> str:
    """Return a difference with its interval; bold where the interval leaves out 0."""
    text = f"{change:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def inputs_of(row: str, first: FirstLevel, answers: Floats) -> Floats:
    """Return the inputs of the second level without what the row leaves out (`carrying sentence` aside)."""
    if row in LEFT_OUT:
        return np.hstack([first.scores(LEFT_OUT[row]), answers])
    scores = first.scores()
    if row == DETECTORS:
        return scores
    if row == KEYED:
        return answers
    view = VIEW_NAMES.index(row.removeprefix("view: "))
    return np.hstack([np.delete(scores, np.s_[view * len(OUTPUTS) : (view + 1) * len(OUTPUTS)], axis=1), answers])


def ablate(options: argparse.Namespace) -> None:
    """Fit the full model and one without each choice of families; print the table."""
    model = StanceClassifier()
    data = Data.of(usable([item for file in options.files for item in read_corpus(file)]), model)
    say(f"{int(data.real.sum())} real statements and {int((~data.real).sum())} others")
    if not data.folds.any():
        sys.exit(f"too few documents for {model.n_folds} folds")
    folder = Path(options.scores) if options.scores else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    answers = data.answers(read_answers(options.answers), options.detectors)
    first = FirstLevel(data, model, folder=folder)
    began = time.monotonic()
    full = try_out(data, model, np.hstack([first.scores(), answers]))
    say(f"full model: {time.monotonic() - began:.0f} s")
    lines = [row_of("full model", full.sums, None, options.draws, options.seed)]
    for row in options.families:
        began = time.monotonic()
        if row == CONTEXT:
            inputs = np.hstack([FirstLevel(data, model, context=False, folder=folder).scores(), answers])
        else:
            inputs = inputs_of(row, first, answers)
        trial = try_out(data, model, inputs, full.layers)
        lines.append(row_of(row, trial.sums, full.sums, options.draws, options.seed))
        say(f"without {row}: {time.monotonic() - began:.0f} s  {lines[-1]}")
    print("| without | primary F1 | presence F1 | tone F1 | log-loss |\n| --- | --- | --- | --- | --- |")
    print("\n".join(lines))


def say(*parts: Any) -> None:
    """Report progress."""
    print(*parts, file=sys.stderr, flush=True)


def _chosen(text: str) -> list[str]:
    rows = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [row for row in rows if row not in _SHORT]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(_SHORT)}")
    return [_SHORT[row] for row in rows]


_SHORT = {row.replace(",", ""): row for row in ROWS}
"""Rows as the command line names them: without commas, which part the names there."""


def main() -> None:
    """Read the command line, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="labelled statements, JSON lines")
    parser.add_argument("--answers", required=True, metavar="FILE", help="cross-fitted answers of the detectors (npz)")
    parser.add_argument("--detectors", metavar="FOLDER", help="model with the detectors; default: the shipped one")
    parser.add_argument(
        "--families", type=_chosen, default=list(ROWS), metavar="A,B", help=f"rows, of {', '.join(_SHORT)}"
    )
    parser.add_argument("--scores", metavar="FOLDER", help="keep the scores of the first level here between runs")
    parser.add_argument("--draws", type=int, default=1000, help="resamples behind each interval")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resamples")
    ablate(parser.parse_args())


if __name__ == "__main__":
    main()
