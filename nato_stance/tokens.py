"""A reporter's sentence as tokens: words and marks outside quotations, and one token for each quotation.

Tokens carry bit flags that are looked up, not guessed, so that the rules in `speakers` and `indirect` can walk over
a sentence without another pattern.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from nato_stance.lexicon_files import lexicon
from nato_stance.people import ARTICLE_PREFIXES
from nato_stance.quotes import QuotedSpan
from nato_stance.verbs import verb_forms

CAPITAL: Final = 1
DETERMINER: Final = 2
PREPOSITION: Final = 4
PRONOUN: Final = 8
COMMA: Final = 16
STOP: Final = 32
QUOTE: Final = 64
VERB: Final = 128
ADVERB: Final = 256
CONJUNCTION: Final = 512
ROLE: Final = 1024
TITLE: Final = 2048
RELATIVE: Final = 4096
COLON: Final = 8192
DASH: Final = 16384
AUXILIARY: Final = 32768
DAY: Final = 65536
OBJECT: Final = 131072
POSSESSIVE: Final = 262144

MAX_TOKENS: Final = 400
"""A sentence longer than this is cut; no rule looks that far."""

_PRONOUNS: Final = ("he", "she", "they", "it", "we", "i", "you", "who")
_OBJECTS: Final = ("him", "her", "them", "us", "me", "himself", "herself", "themselves", "itself")
_TOKEN: Final = re.compile(r"\d+(?:[.,]\d+)++|[\w\u0300-\u036f]+(?:[’'.&/-]\w[\w\u0300-\u036f]*+)*+['’]?|--|[^\w\s]")

_PUNCTUATION = {
    ",": COMMA, ";": STOP, ":": COLON, "(": STOP, ")": STOP, "[": STOP, "]": STOP, "—": DASH, "–": DASH, "―": DASH,
    "-": DASH, "--": DASH, "!": STOP, "?": STOP, "…": STOP, "|": STOP, "/": STOP, "•": STOP, "*": STOP,
}  # fmt: skip


@cache
def _flags() -> dict[str, int]:
    table: dict[str, int] = dict(_PUNCTUATION)

    def add(words: Sequence[str] | frozenset[str], flag: int) -> None:
        for word in words:
            table[word] = table.get(word, 0) | flag

    add(tuple(verb_forms()), VERB)
    add(lexicon("roles") | lexicon("bodies"), ROLE)
    add(lexicon("titles"), TITLE)
    add(lexicon("adverbs"), ADVERB)
    add(lexicon("determiners"), DETERMINER)
    add(lexicon("prepositions"), PREPOSITION)
    add(lexicon("conjunctions"), CONJUNCTION)
    add(_PRONOUNS, PRONOUN)
    add(_OBJECTS, OBJECT)
    add(lexicon("auxiliaries"), AUXILIARY)
    add([w.replace("'", "’") for w in lexicon("auxiliaries") if "'" in w], AUXILIARY)
    add(lexicon("days"), DAY)
    add(("who", "which", "that", "whom", "whose", "what"), RELATIVE)
    return table


_MAX_READ: Final = 50_000
_MAX_LENGTH: Final = 40
_SKIPPED: Final = frozenset('."“”„‟‘«»‹›＂')
_CONTRACTIONS: Final = ("'s", "’s", "'d", "’d", "'ve", "’ve", "'ll", "’ll", "'re", "’re", "'m", "’m")


class Frame:
    """One reporter's sentence.

    Attributes:
        start, end: its span in the text.
        words: surface of each token; the empty string for a quotation.
        low: the same in lower case, possessive endings cut off.
        starts, ends: where each token stands.
        flags: bit flags of each token.
        quotes: the quotations in the sentence, in order.
        at: token index of each quotation.
        size: number of tokens.
    """

    __slots__ = ("at", "end", "ends", "flags", "low", "quotes", "size", "start", "starts", "words")

    def __init__(self, text: str, start: int, end: int, quotes: Sequence[QuotedSpan]) -> None:
        self.start, self.end = start, end
        self.words: list[str] = []
        self.low: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.flags: list[int] = []
        self.quotes = quotes
        self.at: list[int] = []
        position = start
        for quote in quotes:
            self._tokenize(text, position, quote.outer_start)
            self._add_quote(quote)
            position = quote.outer_end
        self._tokenize(text, position, end)
        self.size = len(self.words)

    def _tokenize(self, text: str, start: int, end: int) -> None:
        known, room = _read_words, MAX_TOKENS
        words, lows, starts, ends, flag_list = self.words, self.low, self.starts, self.ends, self.flags
        for match in _TOKEN.finditer(text, start, end):
            word = match[0]
            low, flags = known.get(word) or _read_word(word)
            if flags < 0:
                continue
            room -= 1
            if not room:
                break
            if flags & DAY and words and low in _MONTH_NAMES and _leads_to_surname(lows[-1], flag_list[-1]):
                flags = CAPITAL  # "Theresa May"
            words.append(word)
            lows.append(low)
            begin, stop = match.span()
            starts.append(begin)
            ends.append(stop)
            flag_list.append(flags)

    def _add_quote(self, quote: QuotedSpan) -> None:
        self.at.append(len(self.words))
        self.words.append("")
        self.low.append("")
        self.starts.append(quote.outer_start)
        self.ends.append(quote.outer_end)
        self.flags.append(QUOTE)


_read_words: Final[dict[str, tuple[str, int]]] = {}
"""Words that were read before; what a word is does not depend on where it stands."""


def _read_word(word: str) -> tuple[str, int]:
    """Return a word in lower case without its ending, and its flags; -1 for what is no token."""
    low = word.lower()
    flags = -1 if word in _SKIPPED else _flags().get(low, 0)
    if flags >= 0 and (low != word or not flags):
        low, flags = _inflected(word, low, flags)
    if len(_read_words) >= _MAX_READ:
        _read_words.clear()
    if len(word) <= _MAX_LENGTH:
        _read_words[word] = low, flags
    return low, flags


def _inflected(word: str, low: str, flags: int) -> tuple[str, int]:
    """Cut possessives and contractions, mark capitals and adverbs in -ly, take the plural of a role for the role."""
    if "'" in low or "’" in low:
        low, flags = _without_ending(low, flags)
    if low.endswith("-year-old"):
        flags |= ROLE
    if word == "US":
        return low, CAPITAL  # the country, not the pronoun
    if word[0].isupper() or (
        low != word and low.startswith(ARTICLE_PREFIXES) and word[word.index("-") + 1 :][:1].isupper()
    ):
        flags |= CAPITAL | _plural_role(low)
    elif low.endswith("ly") and low not in lexicon("no_adverbs"):
        flags |= ADVERB
    elif not flags and low.endswith(("s", "men")):
        flags |= _plural_role(low)
    return low, flags


def _leads_to_surname(low: str, flags: int) -> bool:
    """Tell whether a word is a given name or a title."""
    if not flags & CAPITAL:
        return False
    return bool(flags & TITLE) or low in lexicon("given_names_female") or low in lexicon("given_names_male")


_MONTH_NAMES: Final = frozenset(("may", "march", "august"))


def _plural_role(low: str) -> int:
    """Return ROLE for the plural of a noun for people and bodies."""
    table = _flags()
    if low.endswith("men"):
        return table.get(low[:-3] + "man", 0) & ROLE
    if not low.endswith("s"):
        return 0
    return (table.get(low[:-1], 0) | (table.get(low[:-3] + "y", 0) if low.endswith("ies") else 0)) & ROLE


def _without_ending(low: str, flags: int) -> tuple[str, int]:
    if low[-1] in "'’":
        return low[:-1], flags | POSSESSIVE
    for ending in _CONTRACTIONS:
        if low.endswith(ending):
            stem = low[: -len(ending)]
            flags |= _flags().get(stem, 0)
            if stem not in _PRONOUNS:
                flags |= POSSESSIVE if ending[1] == "s" else AUXILIARY
            return stem, flags
    return low, flags
