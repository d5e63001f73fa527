"""Trains the phrase detectors on labels, on the teachers' answers and on their hints; writes them as numpy arrays."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from teacher import FOLDS, QUESTIONS, codes
from torch import nn

from nato_stance.classifier import common_words, statements_of
from nato_stance.corpus import read_corpus
from nato_stance.features import FeatureExtractor
from nato_stance.keys import hash_of
from nato_stance.semantics import Lexicon, shipped_classes
from nato_stance.training import usable
from nato_stance.words import CLAUSE_MARKS, QUOTE_MARKS

FILTERS, UNITS, EPOCHS, BATCH, RATE, WORD_RATE, SOFTNESS, WORD_LOSS = 128, 64, 14, 64, 2e-3, 6e-4, 1.5, 0.05
SENTENCE_HINTS, TOKEN_HINTS = 2.0, 12.0
"""Weights of the hints in the loss."""

TEACHER_SHARE = {True: 0.7, False: 0.4}
"""Share of the teacher in the loss, for real statements and for those of the project's own."""

KEPT_WORDS = 24_000
SPECIAL = ["<s>", "<actor>", "<title>", "<body>", "<name>", "<number>", *sorted(CLAUSE_MARKS | QUOTE_MARKS)]


@dataclass
class Places:
    """Statements as rows of places: word row, state, side; and the classes at each place."""

    words: np.ndarray
    states: np.ndarray
    side: np.ndarray
    class_places: np.ndarray
    classes: np.ndarray
    starts: np.ndarray
    tokens: np.ndarray
    """Token of its statement at each place."""

    def batch(self, rows: list[int], rng: np.random.Generator | None, unknown: int) -> tuple[torch.Tensor, ...]:
        """Pad some statements; words are lost at random in training, so that unknown words are no surprise."""
        width = max(int(self.starts[i + 1] - self.starts[i]) for i in rows)
        words, states, side = (
            np.full((len(rows), width), -1),
            np.zeros((len(rows), width), int),
            np.full((len(rows), width), 2),
        )
        places, classes = [], []
        for k, i in enumerate(rows):
            a, b = self.starts[i], self.starts[i + 1]
            words[k, : b - a], states[k, : b - a], side[k, : b - a] = self.words[a:b], self.states[a:b], self.side[a:b]
            low, high = np.searchsorted(self.class_places, [a, b])
            places.append(self.class_places[low:high] - a + k * width)
            classes.append(self.classes[low:high])
        if rng is not None:
            words[(rng.random(words.shape) < WORD_LOSS) & (words > 0) & (words < unknown)] = unknown
        parts = (words, states, side, np.concatenate(places), np.concatenate(classes))
        return tuple(torch.from_numpy(part) for part in parts)


def places_of(
    extractor: FeatureExtractor, items: list[tuple[str, str | None, str | None]], row_of: dict[int, int], unknown: int
) -> Places:
    """Read statements as the detectors will."""
    encoded = extractor.encode(items)
    sequence, table = encoded.sequence, extractor.types.hashes.tolist()
    single, numbers = extractor.types.classes_at(sequence.types)
    at, classes = np.concatenate([single, sequence.phrase_places]), np.concatenate([numbers, sequence.phrase_classes])
    order = np.lexsort((classes, at))
    rows = np.array([row_of.get(h, unknown) for h in table])
    side = np.repeat(np.arange(len(sequence.starts) - 1) % 2, np.diff(sequence.starts))
    starts = sequence.starts[0::2]
    # The first token of a statement, the edge before it, always has a place.
    tokens = sequence.tokens - np.repeat(sequence.tokens[starts[:-1]], np.diff(starts))
    return Places(rows[sequence.types], sequence.states, side, at[order], classes[order], starts, tokens)


@dataclass
class Hints:
    """What teachers make of statements and of their places, side by side."""

    sentences: torch.Tensor
    places: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, files: list[Path], data: Places) -> Hints:
        """Read the hints of some teachers; those of tokens become those of places."""
        stored = [np.load(file) for file in files]
        at = np.repeat(stored[0]["starts"][:-1], np.diff(data.starts)) + data.tokens
        sentences = np.hstack([each["sentences"] for each in stored]).astype(np.float32)
        places = np.hstack([each["tokens"][at] for each in stored]).astype(np.float32)
        return cls(torch.from_numpy(sentences), places, stored[0]["known"][at])

    def loss(self, rows: list[int], starts: np.ndarray, said: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Mean squares of what a network did not say of some statements and their places."""
        sentences, places = said
        wanted, known = torch.zeros_like(places), torch.zeros(places.shape[:2])
        for k, i in enumerate(rows):
            a, b = starts[i], starts[i + 1]
            wanted[k, : b - a] = torch.from_numpy(self.places[a:b])
            known[k, : b - a] = torch.from_numpy(self.known[a:b])
        of_places = (((places - wanted) ** 2).mean(2) * known).sum() / known.sum().clamp(min=1)
        return SENTENCE_HINTS * ((sentences - self.sentences[rows]) ** 2).mean() + TOKEN_HINTS * of_places


class Network(nn.Module):
    """The detectors in torch; `PhraseDetectors` is the same in numpy."""

    def __init__(self, vectors: np.ndarray, n_classes: int, hints: Hints) -> None:
        super().__init__()
        d, unknown = vectors.shape[1], len(vectors)
        self.words = nn.Embedding(unknown + 2 + len(SPECIAL), d)  # nothing, words, unknown, special
        with torch.no_grad():
            self.words.weight.normal_(0, 0.02)
            self.words.weight[1 : unknown + 1] = torch.tensor(vectors)
            self.words.weight[[0, unknown + 1]] = 0
        self.classes, self.states = nn.Embedding(n_classes, d), nn.Embedding(16, d)
        for table in (self.classes, self.states):
            nn.init.normal_(table.weight, 0, 0.05)
        self.filters, self.readout = nn.Conv1d(d, FILTERS, 3, padding=1), nn.Linear(3 * FILTERS + d, 16)
        self.hidden, self.hidden_readout = nn.Linear(3 * FILTERS, UNITS), nn.Linear(UNITS, 16, bias=False)
        # What says the hints is thrown away after training.
        self.of_sentences = nn.Linear(3 * FILTERS + UNITS, hints.sentences.shape[1])
        self.of_places = nn.Linear(FILTERS, hints.places.shape[1])

    def forward(
        self, words: torch.Tensor, states: torch.Tensor, side: torch.Tensor, places: torch.Tensor, classes: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        n, width = words.shape
        x = (self.words(words + 1) + self.states(states)).reshape(n * width, -1)
        x = x.index_add(0, places, self.classes(classes)).reshape(n, width, -1) * (words >= 0)[..., None]
        x = nn.functional.dropout(x, 0.15, self.training)
        h = torch.relu(self.filters(x.transpose(1, 2))).transpose(1, 2)
        said, outside = (side == 0)[..., None], (side == 1)[..., None]
        root = said.sum(1).clamp(min=1).float().sqrt()
        pooled = [(h * said).amax(1), (h * outside).amax(1), 0.3 * (h * said).sum(1) / root, (x * said).sum(1) / root]
        kept = nn.functional.dropout(torch.cat(pooled, 1), 0.3, self.training)
        pooled_filters = kept[:, : 3 * FILTERS]
        together = nn.functional.dropout(torch.relu(self.hidden(pooled_filters)), 0.3, self.training)
        answers = self.readout(kept) + self.hidden_readout(together)
        return answers, (self.of_sentences(torch.cat([pooled_filters, together], 1)), self.of_places(h))


def fit(
    data: Places,
    vectors: np.ndarray,
    n_classes: int,
    truth: np.ndarray,
    soft: np.ndarray,
    share: np.ndarray,
    hints: Hints,
    rows: np.ndarray,
) -> Network:
    """Train on some statements."""
    torch.manual_seed(0)
    rng, network, unknown = np.random.default_rng(0), Network(vectors, n_classes, hints), len(vectors)
    others = [p for name, p in network.named_parameters() if name != "words.weight"]
    optimizer = torch.optim.Adam([{"params": [network.words.weight], "lr": WORD_RATE}, {"params": others, "lr": RATE}])
    steps = EPOCHS * (len(rows) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / 100) * max(0.02, 1 - s / steps))
    y, t, a = torch.tensor(truth), torch.tensor(soft, dtype=torch.float32), torch.tensor(share, dtype=torch.float32)
    size = np.diff(data.starts)
    for _ in range(EPOCHS):
        order = rng.permutation(rows)
        near = [
            part[np.argsort(size[part], kind="stable")]
            for part in np.array_split(order, max(1, len(order) // (30 * BATCH)))
        ]
        batches = [part[b : b + BATCH] for part in near for b in range(0, len(part), BATCH)]
        for k in rng.permutation(len(batches)):
            batch = batches[k].tolist()
            answers, hinted = network.train()(*data.batch(batch, rng, unknown))
            loss = torch.zeros(len(batch))
            for q, (low, high) in enumerate(QUESTIONS):
                z = answers[:, low:high]
                wanted = torch.softmax(t[batch, low:high] / SOFTNESS, 1)
                from_teacher = -(wanted * torch.log_softmax(z / SOFTNESS, 1)).sum(1) * SOFTNESS
                loss = (
                    loss
                    + (1 - a[batch]) * nn.functional.cross_entropy(z, y[batch, q], reduction="none")
                    + a[batch] * from_teacher
                )
            optimizer.zero_grad()
            (loss.mean() + hints.loss(batch, data.starts, hinted)).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def answers_of(network: Network, data: Places, rows: np.ndarray, unknown: int) -> np.ndarray:
    """Answers for some statements, shape (n, 16)."""
    parts = [
        network(*data.batch(rows[b : b + 128].tolist(), None, unknown))[0].numpy() for b in range(0, len(rows), 128)
    ]
    return np.concatenate(parts)


def calibrated(answers: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Answers to statements not seen, each question's multiplied by what makes it likeliest.

    Networks that learn from labels alone are surer of themselves than those that learn from a teacher's doubts too.
    """
    out = answers.copy()
    for question, (low, high) in enumerate(QUESTIONS):
        z = torch.from_numpy(answers[:, low:high]).double()
        y = torch.from_numpy(truth[:, question])
        factors = np.linspace(0.4, 1.4, 101)
        out[:, low:high] *= min(factors, key=lambda factor: float(nn.functional.cross_entropy(z * factor, y)))
    return out


def arrays_of(network: Network, hashes: np.ndarray, rows: np.ndarray, unknown: int) -> dict[str, np.ndarray]:
    """The network as the arrays that `PhraseDetectors` takes; vectors in eight bits, a scale a direction."""
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    order = np.argsort(hashes)
    vectors = state["words.weight"][np.concatenate([[unknown], rows[order]]) + 1]
    scale = np.maximum(np.abs(vectors).max(axis=0), 1e-9) / 127
    return {
        "words": hashes[order],
        "vectors": np.clip(np.round(vectors / scale), -127, 127).astype(np.int8),
        "vector_scale": scale.astype(np.float32),
        "class_vectors": state["classes.weight"].astype(np.float16),
        "state_vectors": state["states.weight"].astype(np.float16),
        "kernels": np.ascontiguousarray(state["filters.weight"].transpose(2, 1, 0)).astype(np.float16),
        "bias": state["filters.bias"],
        "readout": state["readout.weight"].T.astype(np.float16),
        "readout_bias": state["readout.bias"].astype(np.float64),
        "hidden": np.ascontiguousarray(state["hidden.weight"].T).astype(np.float16),
        "hidden_bias": state["hidden.bias"],
        "hidden_readout": np.ascontiguousarray(state["hidden_readout.weight"].T).astype(np.float16),
    }


def main(work: Path, files: list[str]) -> None:
    """Write `detectors.npz` and `answers.npz`."""
    items = usable([item for file in files for item in read_corpus(file)])
    statements = statements_of([item.item for item in items])
    stored, taught = np.load(work / "vectors.npz"), np.load(work / "teacher.npz")
    words, unknown = stored["words"].tolist(), len(stored["words"])
    row_of = {hash_of(w): i for i, w in enumerate(words)} | {hash_of(s): unknown + 1 + i for i, s in enumerate(SPECIAL)}
    lexicon = Lexicon.folded(shipped_classes())
    data = places_of(FeatureExtractor(lexicon, common_words(statements)), statements, row_of, unknown)
    share = np.array([TEACHER_SHARE[item.source is not None] for item in items])
    truth = codes(items)
    learn = (len(lexicon.names), truth, taught["answers"])
    folds, everything = taught["folds"], np.arange(len(items))
    answers = np.zeros((len(items), 16), np.float32)
    for fold in range(FOLDS):
        # A teacher's answers hold what the labels of the other folds taught it. A network that learned from them would
        # look better on those folds than it is, so the networks that are asked about a fold learn from labels alone,
        # and from the vectors and hints of the one teacher that did not see that fold.
        seen, hints = everything[folds != fold], Hints.of([work / f"hints_{fold}.npz"], data)
        network = fit(data, stored[f"vectors_{fold}"], *learn, 0 * share, hints, seen)
        answers[folds == fold] = answers_of(network, data, everything[folds == fold], unknown)
    hints = Hints.of([work / f"hints_{fold}.npz" for fold in range(FOLDS)], data)
    network = fit(data, stored["vectors"], *learn, share, hints, everything)
    met = set(data.words.tolist())
    common = set(np.argsort(-stored["frequency"], kind="stable")[:KEPT_WORDS].tolist())
    kept = [(h, r) for h, r in row_of.items() if r > unknown or r in common or r in met]
    hashes, rows = np.array([h for h, _ in kept], np.uint64), np.array([r for _, r in kept])
    np.savez(work / "detectors.npz", classes=np.array(lexicon.names), **arrays_of(network, hashes, rows, unknown))
    texts = np.array([hash_of(item.text) for item in items], np.uint64)
    order = np.argsort(texts, kind="stable")
    answers = calibrated(answers, truth)[order].astype(np.float16)
    np.savez_compressed(work / "answers.npz", texts=texts[order], answers=answers)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
