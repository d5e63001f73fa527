"""Feature keys of many statements as a sparse matrix, for fitting; scoring never comes here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nato_stance.families import spelling_keys, word_scale
from nato_stance.features import FeatureExtractor, Item
from nato_stance.keys import Keys

SPELLING = "spelling"
"""Name of the family of character n-grams, which has no place in the groups of an encoded batch."""


@dataclass(frozen=True)
class FamilyCounts:
    """Occurrences of one family's features: parallel arrays of key, row and value."""

    name: str
    keys: Keys
    rows: NDArray[np.int64]
    values: NDArray[np.float64]


def family_counts(extractor: FeatureExtractor, items: Sequence[Item], batch: int = 2048) -> list[FamilyCounts]:
    """Return every feature occurrence of the statements, family by family, rows numbered as `items`."""
    collected: dict[str, list[tuple[Keys, NDArray[np.int64], NDArray[np.float64]]]] = {}
    for begin in range(0, len(items), batch):
        for name, keys, rows, values in _of_batch(extractor, items[begin : begin + batch]):
            collected.setdefault(name, []).append((keys, rows + begin, values))
    return [
        FamilyCounts(name, *(np.concatenate(column) for column in zip(*parts, strict=True)))
        for name, parts in sorted(collected.items())
    ]


def _of_batch(
    extractor: FeatureExtractor, items: Sequence[Item]
) -> Iterator[tuple[str, Keys, NDArray[np.int64], NDArray[np.float64]]]:
    encoded = extractor.encode(items)
    scale = word_scale(encoded.n_words)
    for group in encoded.groups:
        segment = np.repeat(np.arange(len(group.starts) - 1), np.diff(group.starts))
        weight = scale[segment] if group.scaled else np.ones(len(segment))
        for name, keys in zip(group.families, group.keys, strict=True):
            said = keys != 0
            yield name, keys[said], segment[said] // 2, weight[said]
    tokens, starts = encoded.spelled
    segment = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    types = encoded.types[tokens]
    met, place = np.unique(types, return_inverse=True)
    grams, first = spelling_keys([extractor.types.forms[t] for t in met.tolist()])
    sizes = np.diff(first)[place]
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keys = grams[np.repeat(segment % 2, sizes), np.repeat(first[:-1][place], sizes) + within]
    yield SPELLING, keys, np.repeat(segment // 2, sizes), np.repeat(scale[segment], sizes)


def vocabulary(
    families: Iterable[FamilyCounts],
    n_rows: int,
    min_rows: Mapping[str, int] | int,
    chosen: NDArray[np.bool_] | None = None,
) -> dict[str, tuple[Keys, NDArray[np.int64]]]:
    """Return for each family its keys that occur in enough rows, sorted, with the number of rows.

    Args:
        families: as `family_counts` gives them.
        n_rows: number of statements.
        min_rows: rows in which a feature must occur, one number or by family.
        chosen: count only these rows, shape (n_rows,); None counts all.
    """
    out = {}
    for family in families:
        keep = slice(None) if chosen is None else chosen[family.rows]
        keys, rows = family.keys[keep], family.rows[keep]
        order = np.lexsort((rows, keys))
        keys, rows = keys[order], rows[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
        distinct, counts = np.unique(keys[first], return_counts=True)
        least = min_rows if isinstance(min_rows, int) else min_rows.get(family.name, 2)
        out[family.name] = (distinct[counts >= least], counts[counts >= least])
    return out


def matrix(
    families: Iterable[FamilyCounts], n_rows: int, keys: Keys, column_scale: NDArray[np.float64]
) -> sp.csr_matrix:
    """Return the statements as rows over the sorted `keys`, each column multiplied by its scale."""
    rows, columns, values = [], [], []
    for family in families:
        if not len(keys):
            break
        column = np.minimum(np.searchsorted(keys, family.keys), len(keys) - 1)
        known = keys[column] == family.keys
        rows.append(family.rows[known])
        columns.append(column[known])
        values.append(family.values[known] * column_scale[column[known]])
    empty = np.zeros(0, np.int64)
    return sp.csr_matrix(
        (
            np.concatenate(values or [np.zeros(0)]),
            (np.concatenate(rows or [empty]), np.concatenate(columns or [empty])),
        ),
        shape=(n_rows, len(keys)),
    )
