"""Word vectors: what the fine-tuned encoders make of single words, reduced to 64 directions.

A network that is asked about a fold takes the vectors of that fold's teacher, which did not see it; the one that is
shipped takes the mean of all.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import torch
from teacher import FOLDS, Lower, Teacher, encoder_folder, padded
from wordfreq import top_n_list, word_frequency

from nato_stance.corpus import read_corpus
from nato_stance.semantics import Lexicon, shipped_classes
from nato_stance.words import TOKEN, fold

DIMENSIONS = 64
COMMON = 45_000


def words_of(files: list[str]) -> list[str]:
    """Words of the labelled texts, of the lexicon, and the commonest of English."""
    words = {w for w in top_n_list("en", COMMON) if re.fullmatch(r"[a-z']+", w)}
    for file in files:
        for item in read_corpus(file):
            words |= {fold(t) for t in TOKEN.findall(f"{item.text} {item.context or ''}") if t[0].isalpha()}
    for entries in Lexicon.folded(shipped_classes()).to_dict().values():
        words |= {w for w in re.split(r"\s", entries) if w.isalpha()}
    return sorted(words)


@torch.no_grad()
def asked(teacher: Teacher, model: Lower, words: list[str]) -> np.ndarray:
    """The mean over a word's tokens of what the last layer makes of them, of length one, shape (words, directions)."""
    order = sorted(range(len(words)), key=lambda i: (len(words[i]), words[i]))
    vectors = np.zeros((len(words), model.encoder.config.hidden_size))
    for begin in range(0, len(order), 256):
        rows = order[begin : begin + 256]
        encoded = [model.encode(words[i], None) for i in rows]
        _, mask, own = padded(encoded)
        own[:, 0] = 0  # the start mark
        own[torch.arange(len(rows)), mask.sum(1).long() - 1] = 0  # the end mark
        hidden = teacher.read(model(encoded), mask)
        vectors[rows] = ((hidden * own[..., None]).sum(1) / own.sum(1, keepdim=True)).numpy()
    vectors -= vectors.mean(axis=0)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def reduced(vectors: np.ndarray) -> np.ndarray:
    """The directions in which the words differ most, of mean length one."""
    _, _, directions = np.linalg.svd(vectors[::3], full_matrices=False)
    out = vectors @ directions[:DIMENSIONS].T
    return (out / np.sqrt((out**2).sum(axis=1).mean())).astype(np.float32)


def main(work: Path, files: list[str]) -> None:
    """Write `vectors.npz`: words, their frequency, and vectors by each fold's teacher and by all."""
    model, words = Lower(encoder_folder(work)), words_of(files)
    found = []
    for number in range(FOLDS):
        teacher = Teacher(model)
        teacher.load_state_dict(torch.load(work / f"teacher_{number}.pt"))
        found.append(asked(teacher.eval(), model, words))
    arrays = {f"vectors_{number}": reduced(vectors) for number, vectors in enumerate(found)}
    frequency = np.array([word_frequency(word, "en") for word in words])
    whole = reduced(np.mean(found, axis=0))
    np.savez(work / "vectors.npz", words=np.array(words), frequency=frequency, vectors=whole, **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
