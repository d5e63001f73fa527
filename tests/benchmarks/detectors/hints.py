"""What the fine-tuned encoders make of every statement and of every token in it, reduced: hints for a smaller network.

A network that learns to say them on the side learns from what the encoder sees in context, not from its answers alone
(Romero et al. 2015, "FitNets: Hints for Thin Deep Nets").
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from teacher import FOLDS, Encoded, Lower, Teacher, encoder_folder, padded

from nato_stance.classifier import statements_of
from nato_stance.corpus import read_corpus
from nato_stance.features import Item
from nato_stance.linear import token_places
from nato_stance.training import usable

TOKEN_DIRECTIONS, SENTENCE_DIRECTIONS = 64, 96
SAMPLE = 60_000
"""Tokens from which the directions are found."""


def pieces_of(model: Lower, item: Item) -> list[list[int]]:
    """For each token of a statement, as features number them, the encoder's tokens that it overlaps."""
    text, context, _ = item
    spans = model.spans(text, context)
    out = []
    for place in token_places(item):
        if place is None or place[0] == "cue":
            out.append([])
            continue
        side, (begin, end) = ("text", "context").index(place[0]), place[1]
        out.append([k for k, (of, (a, b)) in enumerate(spans) if of == side and a < end and b > begin])
    return out


@torch.no_grad()
def hints_of(
    teacher: Teacher, lower: list[torch.Tensor], encoded: list[Encoded], pieces: list[list[list[int]]]
) -> dict[str, np.ndarray]:
    """First token of each statement, what is known of which tokens, and of the statements.

    Args:
        teacher: whose hints they are.
        lower: what the lower layers make of each statement.
        encoded: the statements as the encoder reads them.
        pieces: for each token of each statement, the encoder's tokens in it.
    """
    starts = np.concatenate([[0], np.cumsum([len(each) for each in pieces])])
    size = lower[0].shape[1]
    tokens, known = np.zeros((starts[-1], size), np.float16), np.zeros(starts[-1], bool)
    sentences = np.zeros((len(encoded), 2 * size), np.float16)
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i][0]))
    for begin in range(0, len(order), 64):
        rows = order[begin : begin + 64]
        _, mask, own = padded([encoded[i] for i in rows])
        hidden = teacher.read([lower[i] for i in rows], mask)
        sentences[rows] = teacher.sentences(hidden, own).numpy()
        for row, i in zip(hidden.numpy(), rows, strict=True):
            for k, numbers in enumerate(pieces[i], start=starts[i]):
                if numbers:
                    tokens[k], known[k] = row[numbers].mean(axis=0), True
    sample = np.random.default_rng(0).choice(np.flatnonzero(known), min(SAMPLE, int(known.sum())), replace=False)
    return {
        "starts": starts,
        "known": known,
        "tokens": (reduced(tokens, sample, TOKEN_DIRECTIONS) * known[:, None]).astype(np.float16),
        "sentences": reduced(sentences, np.arange(len(encoded)), SENTENCE_DIRECTIONS),
    }


def reduced(rows: np.ndarray, sample: np.ndarray, directions: int) -> np.ndarray:
    """The directions in which the sample differs most, of mean variance one."""
    drawn = rows[sample].astype(np.float32)
    centre = drawn.mean(axis=0)
    drawn -= centre
    variances, axes = np.linalg.eigh(drawn.T @ drawn / len(drawn))
    kept = axes[:, ::-1][:, :directions]
    parts = [(rows[b : b + 20_000].astype(np.float32) - centre) @ kept for b in range(0, len(rows), 20_000)]
    return np.concatenate(parts) / np.sqrt(variances[::-1][:directions].mean())


def main(work: Path, files: list[str]) -> None:
    """Write `hints_0.npz` and so on, one for each fold's teacher, for the usable statements of the files."""
    model = Lower(encoder_folder(work))
    items = statements_of([item.item for item in usable([item for file in files for item in read_corpus(file)])])
    encoded = [model.encode(text, context) for text, context, _ in items]
    # All teachers share the lower layers.
    lower, pieces = model(encoded), [pieces_of(model, item) for item in items]
    for number in range(FOLDS):
        teacher = Teacher(model)
        teacher.load_state_dict(torch.load(work / f"teacher_{number}.pt"))
        np.savez(work / f"hints_{number}.npz", **hints_of(teacher.eval(), lower, encoded, pieces))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
