"""Quoted words that nobody said: titles of works, nicknames, terms, scare quotes, markup, repeated headlines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from nato_stance import tokens as t
from nato_stance.lexicon_files import lexicon
from nato_stance.quotes import QuotedSpan
from nato_stance.tokens import Frame
from nato_stance.verbs import SAY, verb_forms

_WORD: Final = re.compile(r"\w[\w’'&.-]*")
_REACH: Final = 4
_WHAT_REACH: Final = 7
_CHRISTENING: Final = 7
_MAX_TITLE_WORDS: Final = 12
_MAX_TITLE: Final = 200


def is_title_case(words: Sequence[str]) -> bool:
    """Tell whether every word but the small ones begins with a capital or a digit."""
    if not words or len(words) > _MAX_TITLE_WORDS:
        return False
    first = words[0][0]
    if not (first.isupper() or first.isdigit()):
        return False
    return all(w[0].isupper() or w[0].isdigit() or w.lower() in lexicon("function_words") for w in words) and (
        len(words) == 1 or words[-1][0].isupper() or words[-1][0].isdigit()
    )


@cache
def _naming() -> dict[str, list[list[str]]]:
    """Return the naming phrases by their last word."""
    table: dict[str, list[list[str]]] = {}
    for phrase in lexicon("naming_phrases"):
        words = phrase.split()
        table.setdefault(words[-1], []).append(words)
    return table


def is_markup(text: str, quote: QuotedSpan) -> bool:
    """Tell whether quoted words are an attribute of a tag (`pic="..."`)."""
    return quote.outer_start > 0 and text[quote.outer_start - 1] == "="


def is_nickname(frame: Frame, index: int, words: Sequence[str]) -> bool:
    """Tell whether quoted words stand inside a name: Robert “Bobby” Lind."""
    at = frame.at[index]
    if len(words) > 3 or not 0 < at < frame.size - 1 or not words or not words[0][0].isupper():
        return False
    return bool(frame.flags[at - 1] & t.CAPITAL and frame.flags[at + 1] & t.CAPITAL)


def follows_naming_phrase(frame: Frame, index: int) -> bool:
    """Tell whether a phrase such as *known as* or *titled* stands right before, with an article at most between."""
    at = frame.at[index]
    if at > 1 and frame.flags[at - 1] & t.COLON:
        return frame.low[at - 2] in lexicon("naming_nouns")
    while at > 0 and (frame.flags[at - 1] & (t.DETERMINER | t.COMMA) or frame.flags[at - 1] & t.QUOTE):
        at -= 1
    if at == 0:
        return False
    phrases = _naming().get(frame.low[at - 1], ())
    found = next((p for p in phrases if at >= len(p) and frame.low[at - len(p) : at] == p), None)
    if found is None or (len(found) == 1 and "what" in frame.low[max(0, at - _WHAT_REACH) : at - 1]):
        return False  # "what one minister dubbed “...”" is what he said
    verb = at - len(found) - 1
    # "added the words “...”", "used the phrase “...”": somebody said just these words.
    uttered = len(found) == 2 and found[1] in WORDS_SAID and verb >= 0
    return not (uttered and (frame.low[verb] in USING or _says(frame, verb)))


def _says(frame: Frame, i: int) -> bool:
    """Tell whether token `i` is a form of a verb of saying."""
    return bool(frame.flags[i] & t.VERB and verb_forms()[frame.low[i]].flags & SAY)


WORDS_SAID: Final = frozenset(["word", "words", "phrase", "phrases"])
USING: Final = frozenset(["use", "uses", "used", "using", "utter", "utters", "uttered", "uttering"])


def is_title(frame: Frame, index: int, words: Sequence[str]) -> bool:
    """Tell whether quoted words in title case stand where the title of a work, a programme or an event stands."""
    if not is_title_case(words):
        return False
    christened = lexicon("christening_verbs")
    if any(w in christened for w in frame.low[max(0, frame.at[index] - _CHRISTENING) : frame.at[index]]):
        return True
    if words[0] in ("Operation", "Exercise", "Project") and len(words) > 1:
        return True
    at, flags = frame.at[index], frame.flags
    works = lexicon("work_nouns")
    for i in range(at - 1, max(-1, at - 1 - _REACH), -1):
        if flags[i] & t.CONJUNCTION:
            break
        if frame.low[i] in works or frame.low[i].rstrip("s") in works:
            return True
    for i in range(at + 1, min(frame.size, at + 3)):
        if frame.low[i] in works:
            return True
    if len(words) > 1 and words[-1].lower().rstrip(".") in lexicon("organisation_nouns"):
        return True
    if at == 0:
        return False
    before = frame.low[at - 1]
    if before == "the" and at > 1 and frame.low[at - 2] in ("told", "tells", "to", "in", "by"):
        return True  # "he told the „Bild am Sonntag“"
    if len(words) > 1 and before[:1].isdigit():
        return True  # "his 1994 “Contract with America”"
    if flags[at - 1] & t.POSSESSIVE:
        return True
    return before in ("on", "in", "during", "from") or (flags[at - 1] & t.PREPOSITION > 0 and before in ("aboard",))


def modifies_noun(text: str, quote: QuotedSpan) -> bool:
    """Tell whether quoted words are an adjective of the reporter's: the “quack” cures."""
    if text[quote.end - 1] in ",.!?;:":
        return False
    after = text[quote.outer_end : quote.outer_end + 2]
    return len(after) == 2 and after[0] == " " and (after[1].islower() or after[1].isupper())


def content_words(text: str) -> set[str]:
    """Return the words of `text` that carry meaning, in lower case, plural endings cut off."""
    return {w.lower().rstrip("s.’'") for w in _WORD.findall(text) if w.lower() not in lexicon("function_words")}


def _is_explained(frame: Frame, index: int) -> bool:
    """Tell whether a gloss follows that makes the words a term: “hardship area,” which is defined as."""
    at = frame.at[index] + 1
    if at < frame.size and frame.flags[at] & t.COMMA:
        at += 1
    glosses = _glosses().get(frame.low[at], ()) if at < frame.size else ()
    return any(frame.low[at : at + len(gloss)] == gloss for gloss in glosses)


@cache
def _glosses() -> dict[str, list[list[str]]]:
    """Return what explains a term, by its first word."""
    table: dict[str, list[list[str]]] = {}
    for line in lexicon("glosses"):
        words = line.split()
        table.setdefault(words[0], []).append(words)
    return table


def _is_apposed_title(frame: Frame, index: int, text: str) -> bool:
    """Tell whether words between commas are the title of the work named before: Holm's essay, “Tell your story,” is."""
    at = frame.at[index]
    if not 1 < at < frame.size - 1 or not frame.flags[at - 1] & t.COMMA or not frame.flags[at + 1] & t.AUXILIARY:
        return False
    quote = frame.quotes[index]
    return frame.low[at - 2] in lexicon("work_nouns") and text[quote.end - 1] == "," and text[quote.start].isupper()


def continues_titles(frame: Frame, index: int, text: str) -> bool:
    """Tell whether words in title case go on with a list of titles: “Cold Water”, “Thin Ice” and “Sea Legs”."""
    between = range(frame.at[index - 1] + 1, frame.at[index])
    if index == 0 or not all(frame.flags[i] & t.COMMA or frame.low[i] in ("and", "or") for i in between):
        return False
    quote = frame.quotes[index]
    return is_title_case(_WORD.findall(text, quote.start, quote.end))


def names_something(frame: Frame, index: int, text: str) -> bool:
    """Tell whether a quotation is a nickname, a title, or words that a phrase such as *known as* introduces."""
    quote = frame.quotes[index]
    if quote.end - quote.start > _MAX_TITLE or frame.size == len(frame.at):
        return False
    words = _WORD.findall(text, quote.start, quote.end)
    if not words or len(words) > _MAX_TITLE_WORDS:
        return False
    return (
        is_nickname(frame, index, words)
        or follows_naming_phrase(frame, index)
        or is_title(frame, index, words)
        or _is_explained(frame, index)
        or _is_apposed_title(frame, index, text)
    )
