"""The semantic lexicon of security talk: word classes, and the phrases that belong to them.

A class is a file of `nato_stance/lexicons/stance`. A trained model carries the classes that it was trained with, so
that a later edit of the files cannot change what it says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

from nato_stance.lexicon_files import entries
from nato_stance.words import TOKEN, fold

MAX_PHRASE: Final = 4
"""Words of the longest phrase."""

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
    """A place in the tree of phrases: what may follow, and the classes of the phrase that ends here."""

    __slots__ = ("classes", "exact", "prefixes")

    def __init__(self) -> None:
        self.exact: dict[str, Node] = {}
        self.prefixes: dict[str, Node] = {}
        self.classes: tuple[int, ...] = ()

    def add(self, words: Sequence[str], number: int) -> None:
        """Put an entry of class `number` below this node."""
        node = self
        for word in words:
            starred = word.endswith("*")
            branch = node.prefixes if starred else node.exact
            node = branch.setdefault(word[:-1] if starred else word, Node())
        if number not in node.classes:
            node.classes = (*node.classes, number)

    def next(self, word: str) -> list[Node]:
        """Return the nodes that `word` leads to, the exact word's first."""
        found = [self.exact[word]] if word in self.exact else []
        return found + [node for prefix, node in self.prefixes.items() if word.startswith(prefix)]


class PhraseTree:
    """Phrases by the numbers of token types instead of words, grown as texts are met.

    Args:
        nodes_of: the lexicon's nodes for the first word, by type number.
        forms: the folded form, by type number.
    """

    __slots__ = ("_forms", "_nodes_of", "_roots")

    def __init__(self, nodes_of: Sequence[Sequence[Node]], forms: Sequence[str]) -> None:
        self._nodes_of = nodes_of
        self._forms = forms
        self._roots: dict[int, _Branch] = {}

    def longest(self, numbers: Sequence[int], at: int) -> tuple[int, tuple[int, ...]]:
        """Return length and classes of the longest phrase of two words or more at a place.

        Where there is none the length is 1 if some phrase begins with the two words there, and 0 if none does.
        """
        branch = self._roots.get(numbers[at])
        if branch is None:
            branch = self._roots[numbers[at]] = _Branch(self._nodes_of[numbers[at]])
        size: int = 0
        classes: tuple[int, ...] = ()
        length = 1
        for number in numbers[at + 1 : at + MAX_PHRASE]:
            length += 1
            try:
                after = branch.after[number]
            except KeyError:
                after = branch.grow(number, self._forms[number])
            if after is None:
                break
            branch = after
            if branch.classes:
                size, classes = length, branch.classes
            else:
                size = size or 1
        return size, classes


class _Branch:
    """A place in a `PhraseTree`: the lexicon's nodes that were reached, and the types that were seen to follow."""

    __slots__ = ("after", "classes", "nodes")

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.classes = tuple(sorted({c for node in nodes for c in node.classes}))
        self.after: dict[int, _Branch | None] = {}

    def grow(self, number: int, word: str) -> _Branch | None:
        nodes = [after for node in self.nodes for after in node.next(word)]
        branch = self.after[number] = _Branch(nodes) if nodes else None
        return branch


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
        self._stars: dict[str, set[str]] = {}
        for number, name in enumerate(self.names):
            for entry in self._classes[name]:
                self._opening.setdefault(entry.partition(" ")[0], []).append((entry, number))
        for word in self._opening:
            if word.endswith("*"):
                self._stars.setdefault(word[:2], set()).add(word[:-1])
        self._nodes: dict[str, Node] = {}

    @classmethod
    def folded(cls, classes: Mapping[str, Sequence[str]]) -> Lexicon:
        """Build from entries as people write them: up to four words, `*` at the end of a word for any ending."""
        return cls({name: sorted({_folded(entry) for entry in entries} - {""}) for name, entries in classes.items()})

    def first(self, word: str) -> list[Node]:
        """Return the nodes at which entries beginning with `word` go on or end."""
        found = [self._node(word)] if word in self._opening else []
        return found + [
            self._node(prefix + "*") for prefix in sorted(self._stars.get(word[:2], ())) if word.startswith(prefix)
        ]

    def _node(self, opening: str) -> Node:
        if opening not in self._nodes:
            node = self._nodes[opening] = Node()
            for entry, number in self._opening[opening]:
                node.add(entry.split(" ")[1:], number)
        return self._nodes[opening]

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
