"""Fine-tunes the sentence encoder on labelled statements, and writes what it answers to statements it did not see."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer

from nato_stance.classifier import codes_of
from nato_stance.corpus import CorpusItem, read_corpus
from nato_stance.training import usable

FOLDS, EPOCHS, BATCH, RATE, SMOOTHING = 3, 3, 32, 1e-4, 0.05
QUESTIONS = ((0, 3), (3, 6), (6, 9), (9, 13), (13, 16))
WEIGHTS = (1.0, 1.0, 1.0, 1.5, 1.0)


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


class Teacher(nn.Module):
    """The encoder with sixteen answers; the mean is taken over the words said, not over the context."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(folder)
        self.answers = nn.Linear(2 * self.encoder.config.hidden_size, 16)
        nn.init.normal_(self.answers.weight, 0, 0.02)
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad = "embeddings" not in name and ".layer.0." not in name

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=side).last_hidden_state
        said = (mask * (1 - side))[..., None].float()
        return self.answers(
            nn.functional.dropout(
                torch.cat([(hidden * said).sum(1) / said.sum(1), hidden[:, 0]], 1), 0.1, self.training
            )
        )


def encode(tokenizer: AutoTokenizer, items: list[CorpusItem]) -> list[list[int]]:
    """Token numbers of each statement, with its context where that says more."""
    out = []
    for item in items:
        context = item.context if item.context and item.context != item.text else item.cue if not item.context else None
        pair = (item.text, context) if context else (item.text,)
        out.append(tokenizer(*pair, truncation="longest_first" if context else True, max_length=80)["input_ids"])
    return out


def padded(ids: list[list[int]], rows: list[int], end: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A batch: token numbers, mask, and 1 after the first end mark."""
    width = max(len(ids[i]) for i in rows)
    numbers, mask, side = (torch.zeros(len(rows), width, dtype=torch.long) for _ in range(3))
    for k, i in enumerate(rows):
        numbers[k, : len(ids[i])] = torch.tensor(ids[i])
        mask[k, : len(ids[i])] = 1
        side[k, ids[i].index(end) + 1 : len(ids[i])] = 1
    return numbers, mask, side


def fine_tune(folder: Path, ids: list[list[int]], truth: np.ndarray, rows: np.ndarray, end: int) -> Teacher:
    """Train on some statements."""
    torch.manual_seed(1)
    random.seed(1)
    model, target, order = Teacher(folder), torch.tensor(truth), rows.tolist()
    groups = [
        {"params": [p for p in model.encoder.parameters() if p.requires_grad], "lr": RATE},
        {"params": model.answers.parameters(), "lr": 20 * RATE},
    ]
    steps = EPOCHS * (len(order) // BATCH + 1)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min(1.0, (s + 1) / (0.1 * steps)) * max(0.0, (steps - s) / steps)
    )
    for _ in range(EPOCHS):
        random.shuffle(order)
        # Statements of like length go together, in batches of random order.
        near = [sorted(order[b : b + 20 * BATCH], key=lambda i: len(ids[i])) for b in range(0, len(order), 20 * BATCH)]
        batches = [part[b : b + BATCH] for part in near for b in range(0, len(part), BATCH)]
        random.shuffle(batches)
        for batch in batches:
            answers = model.train()(*padded(ids, batch, end))
            loss = sum(
                weight * nn.functional.cross_entropy(answers[:, a:b], target[batch, k], label_smoothing=SMOOTHING)
                for k, ((a, b), weight) in enumerate(zip(QUESTIONS, WEIGHTS, strict=True))
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def answers_of(model: Teacher, ids: list[list[int]], rows: np.ndarray, end: int) -> np.ndarray:
    """Answers for some statements, shape (n, 16)."""
    return np.concatenate(
        [model(*padded(ids, rows[b : b + 64].tolist(), end)).numpy() for b in range(0, len(rows), 64)]
    )


def main(work: Path, files: list[str]) -> None:
    """Write `teacher.npz`: answers in the order of the usable statements of the files."""
    items = usable([item for file in files for item in read_corpus(file)])
    real = np.array([item.source is not None for item in items])
    tokenizer = AutoTokenizer.from_pretrained(work / "encoder")
    ids, truth, end = encode(tokenizer, items), codes(items), tokenizer.sep_token_id
    folds = folds_of(items)
    out = np.zeros((len(items), 16), np.float32)
    for fold in range(FOLDS):
        seen, unseen = np.flatnonzero(real & (folds != fold)), np.flatnonzero(real & (folds == fold))
        out[unseen] = answers_of(fine_tune(work / "encoder", ids, truth, seen, end), ids, unseen, end)
    if not real.all():
        own = np.flatnonzero(~real)
        out[own] = answers_of(fine_tune(work / "encoder", ids, truth, np.flatnonzero(real), end), ids, own, end)
    np.savez(work / "teacher.npz", answers=out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
