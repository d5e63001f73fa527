"""A statement to features: integer keys of what stands in it, computed for a whole batch of statements at once.

Every feature is a 64-bit key, the hash of its family and of the words or classes in it; a model holds the keys that it
knows with their weights, and no words. Keys are computed on flat arrays of token types, so that a batch of a thousand
statements costs a few dozen numpy calls. `docs/features.md` describes the families and what each is worth.

A statement has two segments, kept apart in every family: its own words, and the words of its carrying sentence outside
them (with the cue). Named actors, other names and numbers are masked, so that they do not carry a label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.semantics import Lexicon, Phrases, WordLists, find_phrases, runs
from nato_stance.words import CLAUSE_MARKS, QUOTE_MARKS, SENTENCE_MARKS, TOKEN, fold, stem

Item = tuple[str, str | None, str | None]
"""Text, context or None, cue or None."""
Keys = NDArray[np.uint64]
Ints = NDArray[np.int64]

MAX_CHUNKS: Final = 200_000
"""Words with their marks that are remembered between batches; beyond it the memory is cleared, which bounds it."""

_GRAMS: Final = range(3, 6)

NEGATION_REACH: Final = 8
"""Words after a negator that its scope holds at most."""

_A: Final = np.uint64(0x9E3779B97F4A7C15)
_B: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_C: Final = np.uint64(0x165667B19E3779F9)
_SHIFT: Final = np.uint64(29)
_STEM_SALT: Final = np.uint64(0x51ED270B7F1A9C3E)
_OUTSIDE: Final = np.uint64(0x27D4EB2F165667C5)

_EDGE: Final = "\x00"
_START: Final = "<s>"
"""The name under which the edge of a segment is hashed as a word."""
_EDGE_CHUNK: Final = " "
_WHOLE: Final = {_EDGE_CHUNK: [_EDGE], "-": ["-"]}
"""Chunks whose tokens are not what `TOKEN` finds in them."""
_QUOTED: Final = re.compile(r"[“\"„«][^”\"“»]+[”\"“»]")


def hash_of(name: str) -> int:
    """Return the 64-bit hash of a word or class name: the same on every machine, never 0."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") | 1


def _mix(family: int, a: Keys, b: Keys | None = None, c: Keys | None = None) -> Keys:
    """Combine up to three hashes into the key of a family; 0 in any of them gives 0, which is no feature."""
    h = (a + np.uint64(family)) * _A
    h ^= h >> _SHIFT
    none = a == 0
    for part in (b, c):
        if part is not None:
            h = (h + part) * _B
            h ^= h >> _SHIFT
            none |= part == 0
    h *= _C
    h ^= h >> _SHIFT
    h[none] = 0
    return h


def _shift(values: NDArray[Any], place: Ints, k: int) -> NDArray[Any]:
    """Return for each position the value k positions earlier in its segment; 0 where the segment has none."""
    out = np.zeros_like(values)
    out[k:] = values[:-k] if k else values
    out[place < k] = 0
    return out


def _last(marked: NDArray[np.bool_], n: int) -> Ints:
    """Return for each position the last marked one before it; -1 where there is none."""
    seen = np.maximum.accumulate(np.where(marked, np.arange(n), -1))
    out = np.full(n, -1)
    out[1:] = seen[:-1]
    return out


def segment_sums(values: NDArray[Any], starts: Ints) -> NDArray[Any]:
    """Sum consecutive rows of `values`; segment i holds rows `starts[i]` to `starts[i + 1]`, and may be empty.

    The order of additions within a segment does not depend on the other segments, so neither does its sum.
    """
    out = np.zeros((len(starts) - 1, *values.shape[1:]), values.dtype)
    some = np.flatnonzero(np.diff(starts) > 0)
    if len(some):
        out[some] = np.add.reduceat(values, starts[some], axis=0)
    return out


def word_scale(n_words: Ints) -> NDArray[Any]:
    """Return the factor of word-level features in segments of `n_words` words: long statements have more of them."""
    return 1.0 / np.sqrt(np.maximum(n_words, 4))


@dataclass(frozen=True)
class Group:
    """Feature keys that share positions: one row of `keys` a family, one column a place in the batch.

    Attributes:
        families: family names, one a row of `keys`.
        keys: uint64, shape (n_families, n_places); 0 where the family says nothing.
        starts: first place of each segment, shape (n_segments + 1,).
        first, last: first and last token (of the batch) that each place covers, shape (n_places,).
        scaled: whether a feature counts less in a longer segment.
        located: whether a feature belongs to the words at its place, and not to the whole segment.
    """

    families: tuple[str, ...]
    keys: Keys
    starts: Ints
    first: Ints
    last: Ints
    scaled: bool
    located: bool = True


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of a batch as a reader meets them: names of several words are one, repeated masks are one.

    Attributes:
        tokens: which token of the batch stands at each place, shape (n_places,).
        starts: first place of each segment, shape (n_segments + 1,).
        types: token type at each place; masked phrases have the type of their mask.
        states: negation (0 none, 1 negated, 2 denied, 3 both) times 4 plus condition (0 none, 1 in the condition,
            2 after it, 3 before it).
        phrase_places: places that lie in a phrase of the lexicon, once a class, sorted.
        phrase_classes: the class, shape as `phrase_places`.
    """

    tokens: Ints
    starts: Ints
    types: Ints
    states: Ints
    phrase_places: Ints
    phrase_classes: Ints


@dataclass(frozen=True)
class Encoded:
    """A batch of statements as features; segments alternate between words said and words outside.

    Attributes:
        n_items: number of statements; there are twice as many segments.
        types: token type of each token of the batch.
        n_words: words of each segment.
        spelled: tokens whose spelling counts (words that are not masked), and the segment starts among them.
        groups: the keyed features.
        sequence: the tokens in order, for detectors of phrases.
    """

    n_items: int
    types: Ints
    n_words: Ints
    spelled: tuple[Ints, Ints]
    groups: tuple[Group, ...]
    sequence: TokenSequence


_WORD, _STEM, _FLAG, _SUBJECT, _MODAL, _OPENS = range(6)
"""Columns of `TokenTypes.table`."""

_FLAGS: Final = {
    "word": 1, "clause": 2, "sentence": 4, "negation": 8, "negation_verbs": 16, "conditional": 32, "question": 64,
    "quote": 128, "contrast": 256, "mask": 512, "exclamation": 1024,
}  # fmt: skip
_MARK_FLAGS: Final = {
    form: _FLAGS["clause"] * (form in CLAUSE_MARKS or form == _EDGE)
    | _FLAGS["sentence"] * (form in SENTENCE_MARKS or form == _EDGE)
    | _FLAGS["quote"] * (form in QUOTE_MARKS)
    | _FLAGS["question"] * (form == "?")
    | _FLAGS["exclamation"] * (form == "!")
    for form in (*CLAUSE_MARKS, *SENTENCE_MARKS, *QUOTE_MARKS, _EDGE)
}
_FLAG_CLASSES: Final = ("negation", "negation_verbs", "conditional", "contrast")
_SUBJECTS: Final = {
    "we": 1, "our": 1, "us": 1, "ours": 1, "i": 2, "my": 2, "me": 2, "you": 3, "your": 3, "yours": 3, "they": 4,
    "their": 4, "them": 4, "theirs": 4, "he": 5, "she": 5, "his": 5, "her": 5, "him": 5, "it": 6, "its": 6, "there": 7,
    "who": 8, "nobody": 9, "someone": 9, "anyone": 9, "everyone": 9,
}  # fmt: skip
_MODALS: Final = {
    "will": 1, "shall": 1, "'ll": 1, "won't": 1, "would": 2, "wouldn't": 2, "can": 3, "can't": 3, "cannot": 3,
    "could": 4,
    "couldn't": 4, "may": 4, "might": 4, "must": 5, "mustn't": 5, "should": 5, "shouldn't": 5, "need": 5, "have": 6,
    "has": 6, "had": 7, "was": 7, "were": 7, "did": 7, "is": 8, "are": 8, "want": 9, "wants": 9, "ready": 9,
}  # fmt: skip
_ENDINGS: Final = {"'ll": 1, "'d": 2, "'ve": 6, "'re": 8, "n't": 0}
_MASKS: Final = {"side_actors": "<actor>", "person_titles": "<title>", "institutions": "<body>"}
_NAME, _NUMBER = len(_MASKS) + 1, len(_MASKS) + 2
_MASK_HASHES: Final = np.array([0, *map(hash_of, (*_MASKS.values(), "<name>", "<number>"))], np.uint64)
"""Hash of each mask: none, those of `_MASKS` in order, other names, numbers."""


def _auxiliary(form: str) -> int:
    """Return the auxiliary that a word is or has at its end."""
    whole = _MODALS.get(form)
    if whole is not None or "'" not in form:
        return whole or 0
    return next((value for ending, value in _ENDINGS.items() if form.endswith(ending) and form != ending), 0)


class TokenTypes(dict[str, int]):
    """What is known of each token type that was met: its number, and by number its hashes, flags and classes.

    A type gets its number when it is met; what is to be known of it is worked out for all new types together, when any
    of it is asked for.
    """

    def __init__(self, lexicon: Lexicon, common: frozenset[int]) -> None:
        super().__init__()
        self._lexicon = lexicon
        self.class_names = lexicon.names
        self._common = np.array(sorted(common), np.uint64)
        self._class_flags = np.array([_FLAGS[x] if x in _FLAG_CLASSES else 0 for x in lexicon.names], np.int64)
        # The mask of a word is that of its first class that has one.
        masks = list(_MASKS)
        self._class_masks = np.array([masks.index(x) + 1 if x in _MASKS else 0 for x in lexicon.names], np.int64)
        self._new: list[str] = []
        self._forms: list[str] = []
        nothing = WordLists.of(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._words, self._openings, self._classes = nothing, nothing, nothing
        self._table: NDArray[np.uint64] = np.zeros((0, 6), np.uint64)

    def __missing__(self, token: str) -> int:
        number = self[token] = len(self)
        self._new.append(token)
        return number

    @property
    def forms(self) -> list[str]:
        """The folded form, by number."""
        self._settle()
        return self._forms

    def table(self) -> NDArray[np.uint64]:
        """Return the descriptions by number, shape (n_types, 6)."""
        self._settle()
        return self._table

    def classes_at(self, types: Ints) -> tuple[Ints, Ints]:
        """Return the classes of single words: which of the given places they stand at, and the class numbers."""
        self._settle()
        return self._classes.expand(types)

    def phrases(self, types: Ints, opens: NDArray[Any]) -> Phrases:
        """Find at each token the longest phrase of two words or more; `opens` is that column of the table."""
        self._settle()
        return find_phrases(self._lexicon.tree, types, opens, self._openings, self._words)

    def _settle(self) -> None:
        """Describe the types that were met since the last time."""
        if self._new:
            tokens, self._new = self._new, []
            self._table = np.concatenate([self._table, self._describe(tokens)])

    def _describe(self, tokens: Sequence[str]) -> Keys:
        """Describe new types: word and stem hash, flags, subject, modal, opens a phrase."""
        forms = [fold(token) for token in tokens]
        self._forms += forms
        is_word = np.array([form[:1].isalnum() for form in forms])
        flags, mask = self._look_up(forms, is_word)
        subject = np.array([_SUBJECTS.get(form.partition("'")[0] if "'" in form else form, 0) for form in forms])
        flags |= np.where(is_word, _FLAGS["word"], [_MARK_FLAGS.get(form, 0) for form in forms])
        flags[[i for i, form in enumerate(forms) if form.endswith("n't")]] |= _FLAGS["negation"]
        words = _hashes([_START if token == _EDGE else form for token, form in zip(tokens, forms, strict=True)])
        unknown = np.array([token[:1].isupper() for token in tokens]) & (self._classes.counts[-len(tokens) :] == 0)
        unknown &= (subject == 0) & ~np.isin(words, self._common)
        mask[unknown & (mask == 0)] = _NAME
        mask[[i for i, form in enumerate(forms) if form[:1].isdigit()]] = _NUMBER
        masked = mask > 0
        subject[(subject == 0) & masked & (mask != _NUMBER)] = 10
        of_mask = _MASK_HASHES.take(mask)
        roots = [
            stem(form) if plain and form[:1].isalpha() else form
            for form, plain in zip(forms, (~masked).tolist(), strict=True)
        ]
        return np.stack(
            [
                np.where(masked, of_mask, words),
                np.where(masked, of_mask, _hashes(roots)) + _STEM_SALT,
                (flags | np.where(masked, _FLAGS["mask"], 0)).astype(np.uint64),
                subject.astype(np.uint64),
                np.array([_auxiliary(form) for form in forms], np.uint64),
                (self._openings.counts[-len(tokens) :] > 0).astype(np.uint64),
            ],
            axis=1,
        )

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
        np.bitwise_or.at(flags, of, self._class_flags.take(names))
        masks = self._class_masks.take(names)
        some = np.flatnonzero(masks)[::-1]
        mask[of[some]] = masks[some]
        return flags, mask


def _hashes(names: Sequence[str]) -> Keys:
    """Return `hash_of` of each name."""
    digests = b"".join([blake2b(name.encode(), digest_size=8).digest() for name in names])
    return np.frombuffer(digests, "<u8").astype(np.uint64) | np.uint64(1)


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


def _chunks(text: str) -> list[str]:
    """Split at blanks; a hyphen at the very edge of a text is no dash between words, and falls away."""
    chunks = text.split()
    if text[:1] == "-" and chunks[0] == "-":
        chunks = chunks[1:]
    if text[-1:] == "-" and chunks and chunks[-1] == "-":
        chunks.pop()
    return chunks


def spelling_keys(forms: Sequence[str], sides: Sequence[int] = (0, 1)) -> tuple[Keys, Ints]:
    """Return the keys of the character n-grams (3 to 5, word edges marked) of words.

    Args:
        forms: folded words.
        sides: 0 for words said, 1 for words outside them.

    Returns:
        Keys of shape (n_sides, n), and the first n-gram of each word among them, shape (n_words + 1,). Within a word
        they stand in the order of `spelling`.

    >>> keys, starts = spelling_keys(["war", "no"])
    >>> keys.shape, starts.tolist()
    ((2, 9), [0, 6, 9])
    """
    letters = np.frombuffer("".join(f"<{form}>" for form in forms).encode("utf-32-le"), np.uint32).astype(np.uint64)
    sizes = np.array([len(form) + 2 for form in forms], dtype=np.int64)
    ends = np.repeat(np.cumsum(sizes), sizes)
    word = np.repeat(np.arange(len(forms)), sizes)
    h = np.zeros(len(letters), np.uint64)
    found: list[Keys] = []
    of_word: list[Ints] = []
    for n in range(1, _GRAMS.stop):
        reach = max(0, len(letters) - n + 1)
        h[:reach] = (h[:reach] ^ letters[n - 1 :]) * _A
        h ^= h >> _SHIFT
        if n in _GRAMS:
            whole = np.flatnonzero(np.arange(len(letters)) + n <= ends)
            found.append(h[whole] + np.uint64(n))
            of_word.append(word[whole])
    grams, words = np.concatenate(found), np.concatenate(of_word)
    order = np.argsort(words, kind="stable")
    grams = grams[order] | np.uint64(1)
    starts = np.searchsorted(words[order], np.arange(len(forms) + 1))
    return np.stack([_mix(31, grams + _OUTSIDE if side else grams) for side in sides]), starts


def spelling(form: str) -> list[str]:
    """Return the character n-grams of a word, in the order of `spelling_keys`.

    >>> spelling("no")
    ['<no', 'no>', '<no>']
    """
    word = f"<{form}>"
    return [word[i : i + n] for n in _GRAMS for i in range(len(word) - n + 1)]


def outside(text: str, context: str | None, cue: str | None) -> str:
    """Return the carrying sentence with the statement's own words blanked, and the cue if it is not in the sentence.

    What is left of the context keeps its place, so that offsets into it stay true. Where the words do not stand in
    the context in one piece, everything between quotation marks is blanked; where there are no marks, everything.

    >>> outside("any plans", "Moscow denied any plans.", "denied")
    'Moscow denied          .'
    """
    rest = ""
    if context and context.strip() != text.strip():
        at = context.find(text)
        if at >= 0:
            rest = context[:at] + " " * len(text) + context[at + len(text) :]
        else:
            rest = _QUOTED.sub(lambda found: found[0][0] + " " * (len(found[0]) - 2) + found[0][-1], context)
            rest = "" if rest == context else rest
    return f"{rest} {cue}" if cue and cue.lower() not in rest.lower() else rest


class FeatureExtractor:
    """Turns statements into feature keys.

    Args:
        lexicon: the semantic classes.
        common: hashes (`hash_of`) of words that are no names even when capitalised.
    """

    def __init__(self, lexicon: Lexicon, common: Iterable[int] = ()) -> None:
        self.lexicon = lexicon
        self.common = frozenset(common)
        self._class_hashes = np.array([hash_of("@" + name) for name in lexicon.names] or [0], dtype=np.uint64)
        masks = [hash_of(_MASKS[name]) if name in _MASKS else 0 for name in lexicon.names]
        self._class_masks = np.array(masks, dtype=np.uint64)
        flags = [_FLAGS[name] if name in _FLAG_CLASSES else 0 for name in lexicon.names]
        self._class_flags = np.array(flags, dtype=np.int64)
        self._renew()

    def _renew(self) -> None:
        """Forget all token types and chunks."""
        self.types = TokenTypes(self.lexicon, self.common)
        self._chunks = Chunks(self.types)

    def encode(self, items: Sequence[Item]) -> Encoded:
        """Compute the features of a batch.

        Args:
            items: statements.

        Returns:
            The keys and where they stand; rows do not depend on each other.
        """
        if len(self._chunks) > MAX_CHUNKS or len(self._chunks.flat) > 2 * MAX_CHUNKS:
            self._renew()
        known = self._chunks
        chunks: list[str] = []
        ends: list[int] = [0]
        for text, context, cue in items:
            chunks.append(_EDGE_CHUNK)
            chunks += _chunks(text)
            ends.append(len(chunks))
            if context is not None or cue is not None:
                beside = _chunks(outside(text, context, cue))
                if any(known.sizes[known[chunk]] for chunk in beside):
                    chunks.append(_EDGE_CHUNK)
                    chunks += beside
            ends.append(len(chunks))
        types, counts = known.tokens_of(np.fromiter(map(known.__getitem__, chunks), np.int64, len(chunks)))
        before = np.concatenate([[0], np.cumsum(counts)])
        return self._encode(types, np.diff(before[ends]))

    def _encode(self, types: Ints, lengths: Ints) -> Encoded:
        n = len(types)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        segment = np.repeat(np.arange(len(lengths)), lengths)
        salt = np.where(segment % 2 == 1, _OUTSIDE, np.uint64(0)).astype(np.uint64)
        table = self.types.table().take(types, axis=0)
        flags = table[:, _FLAG].astype(np.int64)
        phrases = self.types.phrases(types, table[:, _OPENS])
        covered, masks = self._apply(phrases, flags, n)
        word_hash = np.where(masks > 0, masks, table[:, _WORD])
        stem_hash = np.where(masks > 0, masks + _STEM_SALT, table[:, _STEM])
        masked = (flags & _FLAGS["mask"] > 0) | (masks > 0)
        same = np.zeros(n, dtype=bool)
        same[1:] = masked[1:] & masked[:-1] & (word_hash[1:] == word_hash[:-1]) & (segment[1:] == segment[:-1])
        kept = ~covered & ~same
        scope = _scope(flags, table, segment, starts, n)
        a = np.flatnonzero(kept)
        b = np.flatnonzero(kept & (flags & _FLAGS["word"] > 0))
        n_words = np.bincount(segment[b], minlength=len(lengths))
        groups = (
            _word_group(a, word_hash, salt, segment, len(lengths)),
            _stem_group(b, stem_hash, scope, salt, segment, len(lengths)),
            self._class_group(types, phrases, scope, salt, segment, len(lengths)),
            _form_group(flags, table, scope, segment, starts, n_words, salt),
        )
        spelled = np.flatnonzero(kept & ~masked & (flags & _FLAGS["word"] > 0))
        spelled_starts, _ = _places(spelled, segment, len(lengths))
        sequence = self._sequence(a, types, masks, scope, segment, len(lengths), phrases)
        return Encoded(len(lengths) // 2, types, n_words, (spelled, spelled_starts), groups, sequence)

    def _sequence(
        self,
        kept: Ints,
        types: Ints,
        masks: Keys,
        scope: _Scope,
        segment: Ints,
        n_segments: int,
        phrases: Phrases,
    ) -> TokenSequence:
        of_mask = {hash_of(mask): self.types[mask] for mask in _MASKS.values()}
        shown = types[kept]
        for mask, number in of_mask.items():
            shown[masks[kept] == mask] = number
        place_of = np.full(len(types), -1)
        place_of[kept] = np.arange(len(kept))
        ends = phrases.at + phrases.length
        places = place_of[runs(ends, phrases.length)]
        pairs = np.unique((places << 16 | np.repeat(phrases.classes, phrases.length))[places >= 0])
        states = scope.negated[kept] * np.uint64(4) + scope.condition[kept]
        starts, _ = _places(kept, segment, n_segments)
        return TokenSequence(kept, starts, shown, states.astype(np.int64), pairs >> 16, pairs & 0xFFFF)

    def _apply(self, phrases: Phrases, flags: Ints, n: int) -> tuple[NDArray[np.bool_], Keys]:
        """Let phrases set flags and masks: a name of several words is one, *not only* is no negation."""
        covered = np.zeros(n, dtype=bool)
        masks = np.zeros(n, dtype=np.uint64)
        np.bitwise_or.at(flags, phrases.at, self._class_flags[phrases.classes])
        of_phrase = self._class_masks[phrases.classes]
        named = np.flatnonzero(of_phrase)
        rows = zip(phrases.at[named].tolist(), phrases.length[named].tolist(), of_phrase[named], strict=True)
        for i, size, mask in rows:
            if not covered[i]:
                masks[i] = mask
                covered[i + 1 : i + size] = True
        return covered, masks

    def _class_group(
        self,
        types: Ints,
        phrases: Phrases,
        scope: _Scope,
        salt: Keys,
        segment: Ints,
        n_segments: int,
    ) -> Group:
        single, names = self.types.classes_at(types)
        place = np.concatenate([single, phrases.at])
        span = np.concatenate([np.ones(len(single), np.int64), phrases.length])
        number = np.concatenate([names, phrases.classes])
        # Both parts are sorted, and a stable sort only merges them.
        order = np.argsort(place << 16 | number, kind="stable")
        place, span, number = place[order], span[order], number[order]
        h = self._class_hashes[number] + salt[place]
        neg = scope.negated[place]
        families: dict[str, Keys] = {
            "class": _mix(101, h),
            "class_negation": _mix(102, h, neg + 1),
            "class_condition": _mix(103, h, scope.condition[place]),
            "class_subject": _mix(104, h, scope.subject[place]),
            "class_modal": _mix(105, h, scope.modal[place]),
            "class_last": _mix(106, h, scope.last_clause[place]),
            "class_negation_subject": _mix(107, h, scope.subject[place], neg + 1),
        }
        seg = segment[place]
        index = np.arange(len(place)) - np.searchsorted(seg, np.arange(n_segments))[seg] if len(place) else place
        for k in (1, 2, 3):
            earlier = _shift(h, index, k)
            earlier_place = _shift(place, index, k)
            earlier[earlier_place == place] = 0
            families[f"class_pair_{k}"] = _mix(110, earlier, h)
        return Group(
            tuple(families),
            np.array(list(families.values())),
            np.searchsorted(seg, np.arange(n_segments + 1)),
            place,
            place + span - 1,
            scaled=False,
        )


@dataclass(frozen=True)
class _Scope:
    """What holds at each token: hashes, 0 for nothing."""

    negated: Keys
    condition: Keys
    subject: Keys
    modal: Keys
    last_clause: Keys


def _scope(flags: Ints, table: Keys, segment: Ints, starts: Ints, n: int) -> _Scope:
    """Work out for each token the negation, condition, subject and modal that it stands under."""
    position = np.arange(n)
    begin = starts[segment]
    clause = flags & (_FLAGS["clause"] | _FLAGS["contrast"]) > 0
    bound = _last(clause, n)
    strong = _last(flags & _FLAGS["sentence"] > 0, n)
    negator = _last(flags & _FLAGS["negation"] > 0, n)
    denier = _last(flags & _FLAGS["negation_verbs"] > 0, n)
    negated = (negator > bound) & (negator >= begin) & (position - negator <= NEGATION_REACH)
    denied = (denier > strong) & (denier >= begin)
    opener = _last(flags & _FLAGS["conditional"] > 0, n)
    in_sentence = (opener > strong) & (opener >= begin)
    condition = np.where(in_sentence & (opener > bound), 1, np.where(in_sentence, 2, 0))
    end = starts[1:].take(segment)
    sentence_end = flags & _FLAGS["sentence"] > 0
    ahead = _ahead(flags & _FLAGS["conditional"] > 0, np.minimum(_next(sentence_end), end))
    condition = np.where((condition == 0) & ahead, 3, condition)
    who = _last(table[:, _SUBJECT] > 0, n)
    subject = np.where((who > bound) & (who >= begin), table[:, _SUBJECT][np.maximum(who, 0)], 0)
    how = _last(table[:, _MODAL] > 0, n)
    modal = np.where((how > bound) & (how >= begin), table[:, _MODAL][np.maximum(how, 0)], 0)
    # Another sentence with words follows.
    later = _ahead(sentence_end & _ahead(flags & _FLAGS["word"] > 0, end), end)
    return _Scope(
        (negated.astype(np.uint64) + np.uint64(2) * denied.astype(np.uint64)),
        condition.astype(np.uint64),
        subject.astype(np.uint64),
        modal.astype(np.uint64),
        np.where(later, 2, 1).astype(np.uint64),
    )


def _ahead(marked: NDArray[np.bool_], stop: Ints) -> NDArray[np.bool_]:
    """Tell for each place whether a marked one follows before `stop`, which is given for each place."""
    following = _next(marked)
    out: NDArray[np.bool_] = following < stop
    return out


def _next(marked: NDArray[np.bool_]) -> Ints:
    """Return for each position the next marked one after it; the number of positions where there is none."""
    n = len(marked)
    out = np.full(n, n)
    if n:
        out[:-1] = np.minimum.accumulate(np.where(marked, np.arange(n), n)[:0:-1])[::-1]
    return out


def _places(index: Ints, segment: Ints, n_segments: int) -> tuple[Ints, Ints]:
    """Return the segment starts among the chosen tokens, and the place of each in its segment."""
    seg = segment[index]
    starts = np.searchsorted(seg, np.arange(n_segments + 1))
    return starts, np.arange(len(index)) - starts[seg]


def _word_group(index: Ints, hashes: Keys, salt: Keys, segment: Ints, n_segments: int) -> Group:
    starts, place = _places(index, segment, n_segments)
    h = hashes[index] + salt[index]
    h1, h2 = _shift(h, place, 1), _shift(h, place, 2)
    families = {"word_1": _mix(1, h), "word_2": _mix(2, h1, h), "word_3": _mix(3, h2, h1, h)}
    return Group(tuple(families), np.array(list(families.values())), starts, index, index, scaled=True)


def _stem_group(index: Ints, stems: Keys, scope: _Scope, salt: Keys, segment: Ints, n_segments: int) -> Group:
    starts, place = _places(index, segment, n_segments)
    s = stems[index] + salt[index]
    neg = scope.negated[index]
    families = {
        "stem_1": _mix(11, s),
        "stem_2": _mix(12, _shift(s, place, 1), s),
        "stem_negation": _mix(15, s, neg),
    }
    return Group(tuple(families), np.array(list(families.values())), starts, index, index, scaled=True)


_LENGTHS: Final = np.array([3, 6, 10, 15, 20, 28, 40, 60])
_SUBJECT_BIT: Final = 16
_MODAL_BIT: Final = 32
_FORM_BITS: Final = {
    **{
        name: _FLAGS[flag].bit_length() - 1
        for name, flag in (
            ("question", "question"),
            ("exclamation", "exclamation"),
            ("inner_quote", "quote"),
            ("negated", "negation"),
            ("denying", "negation_verbs"),
            ("conditional", "conditional"),
            ("contrast", "contrast"),
        )
    },
    **{f"subject_{value}": _SUBJECT_BIT + value for value in range(1, 11)},
    **{f"modal_{value}": _MODAL_BIT + value for value in range(1, 10)},
}
"""Family to the bit that says whether a segment has it."""

_FORM_PLACES: Final = np.array(list(_FORM_BITS.values()))
_SIDES: Final = np.array([np.uint64(7), _OUTSIDE])
_FORM_KEYS: Final = np.array([_mix(202 + i, _SIDES, np.ones(2, np.uint64)) for i in range(len(_FORM_BITS))])
"""Key of each family of `_FORM_BITS`, of words said and of words outside them."""


def _form_group(
    flags: Ints, table: Keys, scope: _Scope, segment: Ints, starts: Ints, n_words: Ints, salt: Keys
) -> Group:
    """Length, punctuation and who is spoken of: one place a segment."""
    some = np.flatnonzero(np.diff(starts) > 0)
    subjects = np.int64(1) << (_SUBJECT_BIT + table[:, _SUBJECT].astype(np.int64))
    modals = np.int64(1) << (_MODAL_BIT + table[:, _MODAL].astype(np.int64))
    bits = np.bitwise_or.reduceat(flags | subjects | modals, starts[some]) if len(some) else np.zeros(0, np.int64)
    side = _SIDES[some % 2]
    bucket = np.searchsorted(_LENGTHS, n_words[some]).astype(np.uint64)
    length = _mix(201, side, bucket + 1)
    having = bits >> _FORM_PLACES[:, None] & 1
    first, last = starts[some], starts[some + 1] - 1
    return Group(
        ("length", *_FORM_BITS),
        np.concatenate([length[None], np.where(having, _FORM_KEYS[:, some % 2], np.uint64(0))]),
        np.searchsorted(some, np.arange(len(n_words) + 1)),
        first,
        last,
        scaled=False,
        located=False,
    )
