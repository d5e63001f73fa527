"""Token types: what is known of every distinct token, worked out once, and the chunks of text that hold them.

Named actors, other names and numbers are masked, so that they do not carry a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.keys import Ints, Keys, hash_of, hashes_of
from nato_stance.semantics import Lexicon, Phrases, WordLists, find_phrases, runs
from nato_stance.words import CLAUSE_MARKS, QUOTE_MARKS, SENTENCE_MARKS, TOKEN, fold

EDGE: Final = "\x00"
"""The token at the start of a segment."""
_START: Final = "<s>"
"""The name under which the edge of a segment is hashed as a word."""
EDGE_CHUNK: Final = " "
_WHOLE: Final = {EDGE_CHUNK: [EDGE], "-": ["-"]}
"""Chunks whose tokens are not what `TOKEN` finds in them."""

FLAGS: Final = {
    "word": 1, "clause": 2, "sentence": 4, "negation": 8, "negation_verbs": 16, "conditional": 32, "question": 64,
    "quote": 128, "contrast": 256, "mask": 512, "exclamation": 1024, "opens": 2048,
}  # fmt: skip
"""Bits of what a token is: `clause` and `sentence` marks end scopes, `opens` begins a phrase of the lexicon."""
SUBJECT_SHIFT: Final = 16
SUBJECT_MASK: Final = 15
"""The subject that a token can be stands above the flags: 0 none, 1 we, 2 I, 3 you, 4 they, 5 he or she, 6 it,
7 there, 8 who, 9 nobody and the like, 10 somebody named."""
_NAMED: Final = 10

_MARK_FLAGS: Final = {
    form: FLAGS["clause"] * (form in CLAUSE_MARKS or form == EDGE)
    | FLAGS["sentence"] * (form in SENTENCE_MARKS or form == EDGE)
    | FLAGS["quote"] * (form in QUOTE_MARKS)
    | FLAGS["question"] * (form == "?")
    | FLAGS["exclamation"] * (form == "!")
    for form in (*CLAUSE_MARKS, *SENTENCE_MARKS, *QUOTE_MARKS, EDGE)
}
FLAG_CLASSES: Final = ("negation", "negation_verbs", "conditional", "contrast")
"""Lexicon classes that are flags, too."""
_SUBJECTS: Final = {
    "we": 1, "our": 1, "us": 1, "ours": 1, "i": 2, "my": 2, "me": 2, "you": 3, "your": 3, "yours": 3, "they": 4,
    "their": 4, "them": 4, "theirs": 4, "he": 5, "she": 5, "his": 5, "her": 5, "him": 5, "it": 6, "its": 6, "there": 7,
    "who": 8, "nobody": 9, "someone": 9, "anyone": 9, "everyone": 9,
}  # fmt: skip
MASKS: Final = {"side_actors": "<actor>", "person_titles": "<title>", "institutions": "<body>"}
"""Lexicon class to the mask of its words."""
_NAME, _NUMBER = len(MASKS) + 1, len(MASKS) + 2
_MASK_HASHES: Final = np.array([0, *map(hash_of, (*MASKS.values(), "<name>", "<number>"))], np.uint64)
"""Hash of each mask: none, those of `MASKS` in order, other names, numbers."""


class TokenTypes(dict[str, int]):
    """What is known of each token type that was met: its number, and by number its hash, flags and classes.

    A type gets its number when it is met; what is to be known of it is worked out for all new types together, when any
    of it is asked for.

    Args:
        lexicon: the semantic classes.
        common: hashes of words that are no names even when capitalised.

    Attributes:
        class_names, class_flags, class_masks: name, flag and hash of the mask of each lexicon class, 0 for none.
    """

    def __init__(self, lexicon: Lexicon, common: frozenset[int]) -> None:
        super().__init__()
        self._lexicon = lexicon
        self.class_names = lexicon.names
        self._common = np.array(sorted(common), np.uint64)
        self.class_flags = np.array([FLAGS[x] if x in FLAG_CLASSES else 0 for x in lexicon.names], np.int64)
        # The mask of a word is that of its first class that has one.
        masks = list(MASKS)
        self._class_masks = np.array([masks.index(x) + 1 if x in MASKS else 0 for x in lexicon.names], np.int64)
        self.class_masks = _MASK_HASHES.take(self._class_masks)
        self._new: list[str] = []
        self._forms: list[str] = []
        nothing = WordLists.of(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._words, self._openings, self._classes = nothing, nothing, nothing
        self._hashes: Keys = np.zeros(0, np.uint64)
        self._flags: Ints = np.zeros(0, np.int64)

    def __missing__(self, token: str) -> int:
        number = self[token] = len(self)
        self._new.append(token)
        return number

    @property
    def forms(self) -> list[str]:
        """The folded form, by number."""
        self._settle()
        return self._forms

    @property
    def hashes(self) -> Keys:
        """The hash of the word, or of its mask, by number."""
        self._settle()
        return self._hashes

    @property
    def flags(self) -> Ints:
        """What the token is, by number: bits of `FLAGS`, and above them the subject it can be."""
        self._settle()
        return self._flags

    def classes_at(self, types: Ints) -> tuple[Ints, Ints]:
        """Return the classes of single words: which of the given places they stand at, and the class numbers."""
        self._settle()
        return self._classes.expand(types)

    def phrases(self, types: Ints) -> Phrases:
        """Find at each token the longest phrase of two words or more."""
        opens = self.flags.take(types) & FLAGS["opens"]
        return find_phrases(self._lexicon.tree, types, opens, self._openings, self._words)

    def _settle(self) -> None:
        """Describe the types that were met since the last time."""
        if self._new:
            tokens, self._new = self._new, []
            hashes, flags = self._describe(tokens)
            self._hashes = np.concatenate([self._hashes, hashes])
            self._flags = np.concatenate([self._flags, flags])

    def _describe(self, tokens: Sequence[str]) -> tuple[Keys, Ints]:
        """Describe new types: hash, flags."""
        forms = [fold(token) for token in tokens]
        self._forms += forms
        is_word = np.array([form[:1].isalnum() for form in forms])
        flags, mask = self._look_up(forms, is_word)
        subject = np.array([_SUBJECTS.get(form.partition("'")[0] if "'" in form else form, 0) for form in forms])
        flags |= np.where(is_word, FLAGS["word"], [_MARK_FLAGS.get(form, 0) for form in forms])
        flags[[i for i, form in enumerate(forms) if form.endswith("n't")]] |= FLAGS["negation"]
        words = hashes_of([_START if token == EDGE else form for token, form in zip(tokens, forms, strict=True)])
        unknown = np.array([token[:1].isupper() for token in tokens]) & (self._classes.counts[-len(tokens) :] == 0)
        unknown &= (subject == 0) & ~np.isin(words, self._common)
        mask[unknown & (mask == 0)] = _NAME
        mask[[i for i, form in enumerate(forms) if form[:1].isdigit()]] = _NUMBER
        masked = mask > 0
        subject[(subject == 0) & masked & (mask != _NUMBER)] = _NAMED
        flags |= np.where(masked, FLAGS["mask"], 0) | subject << SUBJECT_SHIFT
        flags |= np.where(self._openings.counts[-len(tokens) :] > 0, FLAGS["opens"], 0)
        return np.where(masked, _MASK_HASHES.take(mask), words), flags

    def _look_up(self, forms: Sequence[str], is_word: NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Look up forms in the lexicon, remember what they lead to; return the flags and the mask of their classes."""
        tree, numbers = self._lexicon.tree, [self._lexicon.numbers(form) for form in forms]
        counts = np.fromiter(map(len, numbers), np.int64, len(forms))
        of, words = np.repeat(np.arange(len(forms)), counts), np.fromiter(chain.from_iterable(numbers), np.int64)
        self._words = self._words.joined(words, counts)
        places = np.where(is_word[of], tree.follow(np.zeros(len(words), np.int64), words), 0)
        going = tree.goes_on.take(places) & (places > 0)
        self._openings = self._openings.joined(places[going], np.bincount(of[going], minlength=len(forms)))
        n_classes = np.where(places > 0, tree.class_counts.take(places), 0)
        names = tree.class_flat.take(runs(tree.class_ends.take(places), n_classes))
        pairs = np.unique(np.repeat(of, n_classes) << 32 | names)
        of, names = pairs >> 32, pairs & 0xFFFFFFFF
        self._classes = self._classes.joined(names, np.bincount(of, minlength=len(forms)))
        flags, mask = np.zeros(len(forms), np.int64), np.zeros(len(forms), np.int64)
        np.bitwise_or.at(flags, of, self.class_flags.take(names))
        masks = self._class_masks.take(names)
        some = np.flatnonzero(masks)[::-1]
        mask[of[some]] = masks[some]
        return flags, mask


class Chunks(dict[str, int]):
    """What stands between two blanks, by number, with the token types in it: most chunks of a text were met before.

    Args:
        types: numbers the tokens.
    """

    def __init__(self, types: TokenTypes) -> None:
        super().__init__()
        self._types = types
        self.sizes: list[int] = []
        self.flat: list[int] = []
        self._ends: Ints = np.zeros(0, np.int64)
        self._counts: Ints = np.zeros(0, np.int64)
        self._tokens: Ints = np.zeros(0, np.int64)

    def __missing__(self, chunk: str) -> int:
        number = self[chunk] = len(self.sizes)
        if chunk.isascii() and chunk.isalpha() and chunk not in _WHOLE:
            self.sizes.append(1)
            self.flat.append(self._types[chunk])
            return number
        tokens = _WHOLE.get(chunk) or TOKEN.findall(chunk)
        self.sizes.append(len(tokens))
        self.flat += [self._types[token] for token in tokens]
        return number

    def tokens_of(self, numbers: Ints) -> tuple[Ints, Ints]:
        """Return the token types of chunks, one chunk after another, and how many each has."""
        known = len(self._counts)
        if known < len(self.sizes):
            self._counts = np.append(self._counts, np.array(self.sizes[known:], np.int64))
            self._ends = np.cumsum(self._counts)
            self._tokens = np.append(self._tokens, np.array(self.flat[len(self._tokens) :], np.int64))
        counts = self._counts.take(numbers)
        return self._tokens.take(runs(self._ends.take(numbers), counts)), counts


def chunks_of(text: str) -> list[str]:
    """Split at blanks; a hyphen at the very edge of a text is no dash between words, and falls away."""
    chunks = text.split()
    if text[:1] == "-" and chunks[0] == "-":
        chunks = chunks[1:]
    if text[-1:] == "-" and chunks and chunks[-1] == "-":
        chunks.pop()
    return chunks
