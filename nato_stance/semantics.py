"""The semantic lexicon of security talk: word classes, and the phrases that belong to them.

A class is a file of `nato_stance/lexicons/stance`. A trained model carries the classes that it was trained with, so
that a later edit of the files cannot change what it says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.lexicon_files import entries
from nato_stance.words import TOKEN, fold

MAX_PHRASE: Final = 4
"""Words of the longest phrase."""

Ints = NDArray[np.int64]

_WORD_BITS: Final = 32
_WORD_MASK: Final = (1 << _WORD_BITS) - 1
_NO_STEP: Final = np.iinfo(np.int64).max
_MARK_BITS: Final = 18
_MARK_FACTOR: Final = 0x2545F4914F6CDD1D

_ABBREVIATION: Final = re.compile(r"(?:[a-z]\.){2,}")


def shipped_classes() -> dict[str, tuple[str, ...]]:
    """Return the classes that ship with the package, by name, each with its entries.

    >>> "threat" in shipped_classes()["danger_nouns"]
    True
    """
    folder = files("nato_stance") / "lexicons" / "stance"
    names = sorted(path.name.removesuffix(".txt") for path in folder.iterdir() if path.name.endswith(".txt"))
    return {name: entries(f"stance/{name}") for name in names}


class Node:
    """A place in the tree of phrases: what may follow, and the classes of the phrase that ends here.

    Args:
        lexicon: the lexicon.
        number: the number of the place.
    """

    __slots__ = ("_lexicon", "_number")

    def __init__(self, lexicon: Lexicon, number: int) -> None:
        self._lexicon = lexicon
        self._number = number

    @property
    def classes(self) -> tuple[int, ...]:
        """The numbers of the classes that the phrase belongs to, sorted."""
        return self._lexicon.tree.classes_of(self._number)

    def next(self, word: str) -> list[Node]:
        """Return the nodes that `word` leads to, the exact word's first."""
        words = np.array(self._lexicon.numbers(word), np.int64)
        steps = self._lexicon.tree.follow(np.full(len(words), self._number), words)
        return [Node(self._lexicon, number) for number in steps.tolist() if number]


class PhraseTree:
    """All entries of a lexicon as a tree in flat arrays, built and read for many words at once.

    Place 0 is the root. A step leads from a place by the number of a word to another place; the places are numbered in
    the order of the steps that lead to them, so that the steps need no other record of where they lead.

    Args:
        words: number of each word, entries one after another.
        starts: first word of each entry, shape (n_entries + 1,).
        classes: class number of each entry.
    """

    def __init__(self, words: Ints, starts: Ints, classes: Ints) -> None:
        sizes = np.diff(starts)
        place = np.zeros(len(sizes), np.int64)
        steps: list[Ints] = [np.zeros(0, np.int64)]
        n_places = 1
        for depth in range(int(sizes.max(initial=0))):
            longer = np.flatnonzero(sizes > depth)
            step = place[longer] << _WORD_BITS | words[starts[longer] + depth]
            found, inverse = np.unique(step, return_inverse=True)
            place[longer] = n_places + inverse
            steps.append(found)
            n_places += len(found)
        self._steps = np.concatenate([*steps, np.array([_NO_STEP])])
        self._marked = np.zeros(1 << _MARK_BITS, bool)
        self._marked[_mark(self._steps)] = True
        self.goes_on = np.zeros(n_places, bool)
        self.goes_on[self._steps[:-1] >> _WORD_BITS] = True
        ending = np.unique(place << _WORD_BITS | classes)
        self.class_counts: Ints = np.bincount(ending >> _WORD_BITS, minlength=n_places)
        self.class_ends: Ints = np.cumsum(self.class_counts)
        self.class_flat: Ints = ending & _WORD_MASK

    def classes_of(self, place: int) -> tuple[int, ...]:
        """Return the class numbers of the entries that end at a place, sorted."""
        end = self.class_ends[place]
        return tuple(self.class_flat[end - self.class_counts[place] : end].tolist())

    def follow(self, places: Ints, words: Ints) -> Ints:
        """Return where each word leads to from each place; 0 where it leads nowhere."""
        steps = places << _WORD_BITS | words
        out = np.zeros(len(steps), np.int64)
        # Most steps lead nowhere, and most of those have no mark; only the others are worth a search.
        some = np.flatnonzero(self._marked.take(_mark(steps)))
        steps = steps.take(some)
        at = np.searchsorted(self._steps, steps)
        out[some] = np.where(self._steps.take(at) == steps, at + 1, 0)
        return out


def _mark(steps: Ints) -> Ints:
    """Return a hash of each step, `_MARK_BITS` wide."""
    marks: Ints = (steps * _MARK_FACTOR) >> 40 & ((1 << _MARK_BITS) - 1)
    return marks


@dataclass(frozen=True)
class WordLists:
    """A list of numbers for each token type, one list after another; that of type i ends before place `ends[i]`."""

    flat: Ints
    counts: Ints
    ends: Ints

    @classmethod
    def of(cls, flat: Ints, counts: Ints) -> WordLists:
        """Build from the numbers and how many each type has."""
        return cls(flat, counts, np.cumsum(counts))

    def joined(self, flat: Ints, counts: Ints) -> WordLists:
        """Return the lists with those of further types added."""
        return WordLists.of(np.concatenate([self.flat, flat]), np.concatenate([self.counts, counts]))

    def expand(self, types: Ints) -> tuple[Ints, Ints]:
        """Return which of the given types each number belongs to, by place, and the numbers."""
        counts = self.counts.take(types)
        return np.repeat(np.arange(len(types)), counts), self.flat.take(runs(self.ends.take(types), counts))


def find_phrases(tree: PhraseTree, types: Ints, opens: NDArray[Any], openings: WordLists, words: WordLists) -> Phrases:
    """Find at each token the longest phrase of two words or more.

    Args:
        tree: the lexicon's phrases.
        types: the type numbers of consecutive tokens.
        opens: nonzero where a phrase of two words or more may begin, shape as `types`.
        openings: for each type the places of the tree where phrases that begin with it go on.
        words: for each type the words of the lexicon that it may stand for.
    """
    at = np.flatnonzero((opens[:-1] > 0) & (words.counts.take(types[1:]) > 0))
    of, place = openings.expand(types.take(at))
    at = at.take(of)
    best = np.zeros(len(types), np.int64)
    found: list[tuple[Ints, Ints]] = []
    for size in range(2, MAX_PHRASE + 1):
        inside = at + size <= len(types)
        at, place = at[inside], place[inside]
        of, word = words.expand(types.take(at + (size - 1)))
        place = tree.follow(place.take(of), word)
        some = np.flatnonzero(place)
        at, place = at.take(of.take(some)), place.take(some)
        ended = np.flatnonzero(tree.class_counts.take(place))
        best[at[ended]] = size
        found.append((at[ended], place[ended]))
        going = np.flatnonzero(tree.goes_on.take(place))
        at, place = at[going], place[going]
    longest = [np.flatnonzero(best.take(at) == size) for size, (at, _) in enumerate(found, start=2)]
    at = np.concatenate([at.take(kept) for (at, _), kept in zip(found, longest, strict=True)])
    place = np.concatenate([place.take(kept) for (_, place), kept in zip(found, longest, strict=True)])
    counts = tree.class_counts.take(place)
    classes = tree.class_flat.take(runs(tree.class_ends.take(place), counts))
    pairs = np.unique(np.repeat(at, counts) << _WORD_BITS | classes)
    at = pairs >> _WORD_BITS
    return Phrases(at, best.take(at), pairs & _WORD_MASK)


@dataclass(frozen=True)
class Phrases:
    """Phrases found, once for each of their classes: first token, number of tokens, class; by place and class."""

    at: Ints
    length: Ints
    classes: Ints


def runs(ends: Ints, counts: Ints) -> Ints:
    """Return the places of runs that end before `ends` and have `counts` places, one run after another.

    >>> runs(np.array([9, 3]), np.array([2, 3])).tolist()
    [7, 8, 0, 1, 2]
    """
    return np.arange(counts.sum()) + np.repeat(ends - np.cumsum(counts), counts)


class Lexicon:
    """Classes of words and phrases, ready to look up.

    Args:
        classes: class name to entries in folded form (see `folded`): words joined by one space.

    Attributes:
        names: the class names in order; a class is known by its place here.
        tree: the entries.
    """

    def __init__(self, classes: Mapping[str, Sequence[str]]) -> None:
        self.names: tuple[str, ...] = tuple(sorted(classes))
        self._classes = {name: tuple(classes[name]) for name in self.names}
        entries = [entry for name in self.names for entry in self._classes[name]]
        words = " ".join(entries).split(" ") if entries else []
        self._numbers = {word: number for number, word in enumerate(dict.fromkeys(words), start=1)}
        sizes = np.fromiter((entry.count(" ") + 1 for entry in entries), np.int64, len(entries))
        self.tree = PhraseTree(
            np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words)),
            np.concatenate([[0], np.cumsum(sizes)]),
            np.repeat(np.arange(len(self.names)), [len(self._classes[name]) for name in self.names]),
        )
        self._stars = {word[:-1]: number for word, number in self._numbers.items() if word[-1:] == "*"}
        sizes_of: dict[str, set[int]] = {}
        for star in self._stars:
            sizes_of.setdefault(star[:2], set()).add(len(star))
        self._star_sizes = {start: tuple(sorted(found)) for start, found in sizes_of.items()}

    @classmethod
    def folded(cls, classes: Mapping[str, Sequence[str]]) -> Lexicon:
        """Build from entries as people write them: up to four words, `*` at the end of a word for any ending."""
        return cls({name: sorted({_folded(entry) for entry in entries} - {""}) for name, entries in classes.items()})

    def numbers(self, word: str) -> list[int]:
        """Return the numbers of the words of the lexicon that a folded word may stand for, the exact word's first."""
        exact = self._numbers.get(word)
        found = [] if exact is None else [exact]
        for size in self._star_sizes.get(word[:2], ()):
            if size > len(word):
                break
            number = self._stars.get(word[:size])
            if number is not None:
                found.append(number)
        return found

    def first(self, word: str) -> list[Node]:
        """Return the nodes at which entries beginning with `word` go on or end."""
        return Node(self, 0).next(word)

    def to_dict(self) -> dict[str, str]:
        """Return the classes in the form that a model file keeps: entries joined by line breaks."""
        return {name: "\n".join(self._classes[name]) for name in self.names}

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Lexicon:
        """Rebuild from `to_dict`."""
        return cls({name: text.split("\n") if text else () for name, text in data.items()})

    def digest(self) -> str:
        """Return the SHA-256 of the classes, hexadecimal."""
        text = "\n\n".join(f"{name}\n{entries}" for name, entries in self.to_dict().items())
        return hashlib.sha256(text.encode()).hexdigest()


def _folded(entry: str) -> str:
    """Return an entry as folded words joined by one space, the `*` kept.

    Hyphenated words come apart, as they do in texts.
    """
    words: list[str] = []
    for piece in entry.split():
        bare = piece.rstrip("*")
        tokens = [fold(token) for token in TOKEN.findall(bare.upper() if _ABBREVIATION.fullmatch(bare) else bare)]
        if piece.endswith("*") and tokens:
            tokens[-1] += "*"
        words += tokens
    return " ".join(words)
