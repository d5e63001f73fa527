"""The semantic lexicon of security talk: word classes, and the phrases that belong to them.

A class is a file of `nato_stance/lexicons/stance`. A trained model carries the classes that it was trained with, so that
a later edit of the files cannot change what it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from nato_stance.lexicon_files import entries
from nato_stance.words import TOKEN, fold

MAX_PHRASE: Final = 4
"""Words of the longest phrase."""


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

    def next(self, word: str) -> list[Node]:
        """Return the nodes that `word` leads to, the exact word's first."""
        found = [self.exact[word]] if word in self.exact else []
        return found + [node for prefix, node in self.prefixes.items() if word.startswith(prefix)]


class Lexicon:
    """Classes of words and phrases, ready to look up.

    Args:
        classes: class name to entries: up to four words each, lower case; `*` at the end of a word stands for any ending.

    Attributes:
        names: the class names in order; a class is known by its place here.
    """

    def __init__(self, classes: Mapping[str, Sequence[str]]) -> None:
        self.names: tuple[str, ...] = tuple(sorted(classes))
        self._classes = {name: tuple(classes[name]) for name in self.names}
        self._root = Node()
        self._initials: dict[str, list[tuple[str, Node]]] = {}
        for number, name in enumerate(self.names):
            for entry in self._classes[name]:
                self._add(entry, number)
        for prefix, node in self._root.prefixes.items():
            self._initials.setdefault(prefix[:2], []).append((prefix, node))

    def _add(self, entry: str, number: int) -> None:
        node = self._root
        for word, starred in _elements(entry):
            branch = node.prefixes if starred else node.exact
            node = branch.setdefault(word, Node())
        if node is not self._root and number not in node.classes:
            node.classes = (*node.classes, number)

    def first(self, word: str) -> list[Node]:
        """Return the nodes at which entries beginning with `word` go on or end."""
        found = [self._root.exact[word]] if word in self._root.exact else []
        return found + [node for prefix, node in self._initials.get(word[:2], ()) if word.startswith(prefix)]

    def phrase(self, nodes: Sequence[Node], words: Sequence[str]) -> tuple[int, tuple[int, ...]]:
        """Return length and classes of the longest phrase of two words or more that goes on from `nodes`.

        Args:
            nodes: what `first` gave for the first word.
            words: the words after it.

        Returns:
            The number of words, the first included, and the classes; `(0, ())` where no phrase fits.
        """
        best: tuple[int, tuple[int, ...]] = (0, ())
        for length, word in enumerate(words[: MAX_PHRASE - 1], start=2):
            nodes = [after for node in nodes for after in node.next(word)]
            if not nodes:
                break
            classes = tuple(sorted({c for node in nodes for c in node.classes}))
            if classes:
                best = (length, classes)
        return best

    def to_dict(self) -> dict[str, str]:
        """Return the classes in the form that a model file keeps: entries joined by line breaks."""
        return {name: "\n".join(self._classes[name]) for name in self.names}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Lexicon:
        """Rebuild from `to_dict`."""
        return cls({name: str(text).split("\n") for name, text in data.items()})

    def digest(self) -> str:
        """Return the SHA-256 of the classes, hexadecimal."""
        text = "\n\n".join(f"{name}\n{entries}" for name, entries in self.to_dict().items())
        return hashlib.sha256(text.encode()).hexdigest()


def _elements(entry: str) -> list[tuple[str, bool]]:
    """Split an entry into folded words, each with whether a `*` followed it."""
    elements: list[tuple[str, bool]] = []
    for piece in entry.split():
        starred = piece.endswith("*")
        words = [fold(token) for token in TOKEN.findall(piece.rstrip("*"))]
        elements += [(word, starred and i == len(words) - 1) for i, word in enumerate(words)]
    return elements
