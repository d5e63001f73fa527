"""The semantic lexicon of security talk: word classes, and the phrases that belong to them.

A class is a file of `nato_stance/lexicons/stance`. A trained model carries the classes that it was trained with, so
that a later edit of the files cannot change what it says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
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

_STEP_BITS: Final = 18
_STEP_MASK: Final = (1 << _STEP_BITS) - 1
_STEP_FACTOR: Final = 0x2545F4914F6CDD1D
_BRANCHES: Final = 1 << 30
"""Added to the number of a branch, which keeps it apart from the number of a type."""

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

    A node knows the rests of its entries, and sorts them by their next word only when it is asked what follows.

    Args:
        entries: (words that follow, joined by one space; class number).
    """

    __slots__ = ("_exact", "_prefixes", "_rests", "_stars", "classes")

    def __init__(self, entries: Iterable[tuple[str, int]]) -> None:
        self._rests: list[tuple[str, int]] = []
        self._exact: dict[str, Node | list[tuple[str, int]]] = {}
        self._prefixes: dict[str, Node | list[tuple[str, int]]] = {}
        self._stars: tuple[str, ...] = ()
        classes: list[int] = []
        for rest, number in entries:
            if rest:
                self._rests.append((rest, number))
            elif number not in classes:
                classes.append(number)
        self.classes = tuple(classes)

    @property
    def goes_on(self) -> bool:
        """Whether any word may follow."""
        return bool(self._rests or self._exact or self._prefixes)

    def next(self, word: str) -> list[Node]:
        """Return the nodes that `word` leads to, the exact word's first."""
        if self._rests:
            self._sort()
        found = [self._child(self._exact, word)] if word in self._exact else []
        if self._stars and word.startswith(self._stars):
            found += [self._child(self._prefixes, prefix) for prefix in self._stars if word.startswith(prefix)]
        return found

    def _sort(self) -> None:
        after: dict[str, list[tuple[str, int]]] = {}
        for rest, number in self._rests:
            word, _, more = rest.partition(" ")
            if word in after:
                after[word].append((more, number))
            else:
                after[word] = [(more, number)]
        self._rests = []
        self._prefixes = {word[:-1]: entries for word, entries in after.items() if word[-1] == "*"}
        self._stars = tuple(self._prefixes)
        self._exact = {word: entries for word, entries in after.items() if word[-1] != "*"}

    @staticmethod
    def _child(branch: dict[str, Node | list[tuple[str, int]]], word: str) -> Node:
        child = branch[word]
        if isinstance(child, list):
            child = branch[word] = Node(child)
        return child


class PhraseTree:
    """Phrases by the numbers of token types instead of words, grown as texts are met and read for whole batches.

    A place in the tree is a branch, a number from 1; branch 0 is where no phrase goes. Steps from branch to branch are
    kept in a table of fixed size, in which a newer step may take the place of an older one; steps to branches other
    than 0 are kept for good.

    Args:
        nodes_of: the lexicon's nodes for the first word, by type number.
        forms: the folded form, by type number.
    """

    def __init__(self, nodes_of: Sequence[Sequence[Node]], forms: Sequence[str]) -> None:
        self._nodes_of = nodes_of
        self._forms = forms
        self._nodes: list[list[Node]] = [[]]
        self._classes: list[tuple[int, ...]] = [()]
        self._branches: dict[int, int] = {}
        self._steps = np.full(_STEP_MASK + 1, -1, np.int64)
        self._reached = np.zeros(_STEP_MASK + 1, np.int32)
        self._counts: Ints = np.zeros(1, np.int64)
        self._ends: Ints = np.zeros(1, np.int64)
        self._flat: Ints = np.zeros(0, np.int64)
        self._going: NDArray[np.bool_] = np.zeros(1, bool)

    def find(self, types: Ints, opens: NDArray[Any]) -> Phrases:
        """Find at each place the longest phrase of two words or more.

        Args:
            types: the type numbers of consecutive tokens.
            opens: nonzero where a phrase of two words or more may begin, shape as `types`.
        """
        at = np.flatnonzero(opens[:-1])
        branch = self._step(types.take(at), types.take(at + 1))
        some = np.flatnonzero(branch)
        at, branch = at[some], branch[some]
        best, length = branch, np.full(len(at), 2)
        alive = np.arange(len(at))
        for size in range(3, MAX_PHRASE + 1):
            going = np.flatnonzero(self._going.take(branch) & (at[alive] + size <= len(types)))
            alive = alive[going]
            branch = self._step(branch[going].astype(np.int64) + _BRANCHES, types.take(at[alive] + (size - 1)))
            on = np.flatnonzero(branch)
            alive, branch = alive[on], branch[on]
            ended = np.flatnonzero(self._counts.take(branch))
            best[alive[ended]] = branch[ended]
            length[alive[ended]] = size
        counts = self._counts.take(best)
        whole = np.flatnonzero(counts)
        at, length, counts, best = at[whole], length[whole], counts[whole], best[whole]
        return Phrases(np.repeat(at, counts), np.repeat(length, counts), self._flat[runs(self._ends[best], counts)])

    def _step(self, parents: Ints, types: Ints) -> NDArray[np.int32]:
        """Return the branch that each type leads to from each parent: a type number, or a branch + `_BRANCHES`."""
        steps = parents << 32 | types
        mixed = steps * _STEP_FACTOR
        slots = (mixed >> 40) & _STEP_MASK
        unknown = np.flatnonzero(self._steps.take(slots) != steps)
        if len(unknown):
            # A step has two places, so that few need to be grown again because another took theirs.
            taken = self._steps.take(slots[unknown]) >= 0
            slots[unknown] = np.where(taken, (mixed[unknown] >> 22) & _STEP_MASK, slots[unknown])
            unknown = unknown[self._steps.take(slots[unknown]) != steps[unknown]]
        found = self._reached.take(slots)
        if len(unknown):
            distinct, inverse = np.unique(steps[unknown], return_inverse=True)
            grown = [self._grow(step >> 32, step & 0xFFFFFFFF) for step in distinct.tolist()]
            found[unknown] = np.array(grown, np.int32)[inverse]
            self._steps[slots[unknown]] = steps[unknown]
            self._reached[slots[unknown]] = found[unknown]
            self._refresh()
        return found

    def _grow(self, parent: int, number: int) -> int:
        word = self._forms[number]
        from_nodes = self._nodes_of[parent] if parent < _BRANCHES else self._nodes[parent - _BRANCHES]
        nodes = [after for node in from_nodes for after in node.next(word)]
        if not nodes:
            return 0
        step = parent << 32 | number
        branch = self._branches.get(step)
        if branch is None:
            branch = self._branches[step] = len(self._nodes)
            self._nodes.append([node for node in nodes if node.goes_on])
            self._classes.append(tuple(sorted({number for node in nodes for number in node.classes})))
        return branch

    def _refresh(self) -> None:
        known = len(self._counts)
        if known < len(self._nodes):
            added = self._classes[known:]
            self._counts = np.append(self._counts, [len(x) for x in added])
            self._ends = np.cumsum(self._counts)
            self._flat = np.append(self._flat, np.array([c for x in added for c in x], dtype=np.int64))
            self._going = np.append(self._going, [bool(x) for x in self._nodes[known:]])


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

    The tree of phrases grows only below words that are looked up: a statement needs a few dozen of the tens of
    thousands of entries, and building all would take longer than to label it.

    Args:
        classes: class name to entries in folded form (see `folded`): words joined by one space.

    Attributes:
        names: the class names in order; a class is known by its place here.
    """

    def __init__(self, classes: Mapping[str, Sequence[str]]) -> None:
        self.names: tuple[str, ...] = tuple(sorted(classes))
        self._classes = {name: tuple(classes[name]) for name in self.names}
        self._opening: dict[str, list[tuple[str, int]]] = {}
        for number, name in enumerate(self.names):
            for entry in self._classes[name]:
                word, _, rest = entry.partition(" ")
                self._opening.setdefault(word, []).append((rest, number))
        sizes: dict[str, set[int]] = {}
        for word in self._opening:
            if word.endswith("*"):
                sizes.setdefault(word[:2], set()).add(len(word) - 1)
        self._star_sizes = {start: tuple(sorted(found)) for start, found in sizes.items()}
        self._nodes: dict[str, Node] = {}

    @classmethod
    def folded(cls, classes: Mapping[str, Sequence[str]]) -> Lexicon:
        """Build from entries as people write them: up to four words, `*` at the end of a word for any ending."""
        return cls({name: sorted({_folded(entry) for entry in entries} - {""}) for name, entries in classes.items()})

    def first(self, word: str) -> list[Node]:
        """Return the nodes at which entries beginning with `word` go on or end."""
        found = [self._node(word)] if word in self._opening else []
        for size in self._star_sizes.get(word[:2], ()):
            opening = f"{word[:size]}*"
            if size <= len(word) and opening in self._opening:
                found.append(self._node(opening))
        return found

    def _node(self, opening: str) -> Node:
        node = self._nodes.get(opening)
        if node is None:
            node = self._nodes[opening] = Node(self._opening[opening])
        return node

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
