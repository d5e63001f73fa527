"""Feature keys: 64-bit hashes of names and of what stands together, the same on every machine.

A model holds the keys that it knows with their weights, and no words.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Ints = NDArray[np.int64]

FIRST_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
SHIFT: Final = np.uint64(29)
_SECOND_FACTOR: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_LAST_FACTOR: Final = np.uint64(0x165667B19E3779F9)

OUTSIDE: Final = np.uint64(0x27D4EB2F165667C5)
"""Added to the hashes of what stands outside the words said, so that its features are others."""


def hash_of(name: str) -> int:
    """Return the 64-bit hash of a word or class name: the same on every machine, never 0."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") | 1


def hashes_of(names: Sequence[str]) -> Keys:
    """Return `hash_of` of each name, shape (n_names,)."""
    digests = b"".join([blake2b(name.encode(), digest_size=8).digest() for name in names])
    return np.frombuffer(digests, "<u8").astype(np.uint64) | np.uint64(1)


def mix(family: int, a: Keys, b: Keys | None = None, c: Keys | None = None) -> Keys:
    """Combine up to three hashes into the key of a family; 0 in any of them gives 0, which is no feature."""
    h = (a + np.uint64(family)) * FIRST_FACTOR
    h ^= h >> SHIFT
    none = a == 0
    for part in (b, c):
        if part is not None:
            h = (h + part) * _SECOND_FACTOR
            h ^= h >> SHIFT
            none |= part == 0
    h *= _LAST_FACTOR
    h ^= h >> SHIFT
    h[none] = 0
    return h
