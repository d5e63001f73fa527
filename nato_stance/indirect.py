"""Indirect speech: a reporting verb or phrase and the clause or object that says what was said.

Precision goes before recall: a cue needs a source that can speak, must be neither negated nor hypothetical, and what
follows it must look like a clause (or be the object of a verb whose object is the thing said).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from nato_stance import tokens as t
from nato_stance.lexicon_files import entries, lexicon
from nato_stance.noun_phrases import Range, after_dateline, can_speak, noun_phrase_at
from nato_stance.people import PARTICLES
from nato_stance.speakers import Cue
from nato_stance.tokens import Frame
from nato_stance.verbs import GERUND, PAST, SAY

_AUTHORS: Final = frozenset(["i", "we", "you", "who", "one"])
_DOUBTFUL: Final = frozenset(
    ["may", "might", "could", "can", "should", "would", "must", "if", "whether", "cannot", "can't", "couldn't", "shall"]
)
_QUESTIONS: Final = frozenset(["whether", "if", "how", "why", "what", "who", "when", "where"])
_ASKS: Final = frozenset(["ask", "wonder", "doubt", "question", "explain", "say"])
_ADDRESSED: Final = frozenset(
    ["tell", "assure", "inform", "remind", "warn", "advise", "promise", "reassure", "caution", "alert"]
)
_SUPPORTS: Final = frozenset(["arguing", "saying", "explaining", "insisting", "claiming"])
_CUTS: Final = frozenset(["and", "but", "while", "though", "although", "whereas", "as"])
_NAMING: Final = frozenset(("call", "dub", "label", "brand"))
_TIMES: Final = frozenset(("hour", "hours", "minutes", "day", "days", "week", "weeks", "months", "years", "while"))
_THAT_REACH: Final = 9
_CLAUSE_REACH: Final = 14
_MIN_TOKENS: Final = 3
_SUBJECT_REACH: Final = 14


@dataclass(frozen=True, slots=True)
class IndirectSpeech:
    """What a cue reports: token ranges of the words, and the cue."""

    content: tuple[Range, ...]
    cue: Cue


@cache
def _clause_verbs() -> dict[str, bool]:
    """Return the verbs of reported clauses, each with whether *that* may be left out."""
    return {line.lstrip("+").replace("_", " "): line.startswith("+") for line in entries("clause_verbs")}


def _is_doubtful(frame: Frame, cue: Cue) -> bool:
    """Tell whether a cue is negated, hypothetical or a question ("did not say", "could argue", "if they say")."""
    i = cue.at[0] - 1
    low = cue.subject[1] if cue.subject and cue.subject[1] <= cue.at[0] else max(0, cue.at[0] - 4)
    while i >= low and frame.flags[i] & (t.AUXILIARY | t.ADVERB | t.CONJUNCTION):
        word = frame.words[i].lower().replace("’", "'")
        if word in lexicon("negations") or word in _DOUBTFUL:
            return True
        i -= 1
    begin = cue.begin
    if begin > 0 and frame.low[begin - 1] in ("which", "whom", "whose"):
        return True
    return begin > 0 and frame.low[begin - 1] in ("if", "whether", "unless", "should", "did", "does", "do", "what")


def _has_source(frame: Frame, cue: Cue) -> bool:
    if cue.subject is None or cue.passive or not (cue.finite or cue.flags & GERUND or not cue.flags):
        return False
    if frame.low[cue.subject[0]] in _AUTHORS and cue.subject[1] - cue.subject[0] == 1:
        return False
    if can_speak(frame, cue.subject):
        return True
    return bool(frame.flags[cue.subject[0]] & t.DETERMINER) and (not cue.flags or bool(cue.flags & PAST))


def _end_of_content(frame: Frame, start: int, later: Sequence[Cue], opener: Cue | None = None) -> int:
    """Return where the words reported by a cue end: at the next cue of the same rank, or with the sentence."""
    flags = frame.flags
    end = frame.size
    if opener is not None and opener.subject is not None and opener.at[0] <= 1 < start <= opener.subject[0]:
        end = opener.subject[0]  # "After calling it a threat, Holm left"
    for cue in later:
        cut = _cut_before(frame, cue, start)
        if cut is not None:
            end = min(end, cut)
            break
    aside = opener is not None and _is_in_aside(frame, opener)
    for i in range(start, end):
        if aside and flags[i] & t.COMMA and i + 1 < frame.size and flags[i + 1] & (t.AUXILIARY | t.VERB):
            return i  # "Holm, who asked for silence, was"
        if flags[i] & t.QUOTE or (frame.words[i] in (";", "(") and i > start):
            return i
        if flags[i] & t.COLON and i + 1 < frame.size and flags[i + 1] & t.QUOTE:
            return i
    return end


def _is_in_aside(frame: Frame, cue: Cue) -> bool:
    """Tell whether a cue stands in a relative clause between commas."""
    if cue.subject is None or cue.subject[1] >= cue.at[0]:
        return False
    return bool(frame.flags[cue.subject[1]] & t.COMMA) and frame.low[cue.subject[1] + 1] in ("who", "which")


def _cut_before(frame: Frame, cue: Cue, start: int) -> int | None:
    """Return the token at which a later cue ends the words before it, None where it belongs to them."""
    if cue.flags and cue.lemma not in _clause_verbs() and cue.lemma not in lexicon("object_verbs"):
        return None
    if cue.begin <= start and (cue.at[0] <= start or not cue.subject or cue.subject[1] > start):
        return None
    i = (cue.begin if cue.begin > start else cue.at[0]) - 1
    while i > start and frame.flags[i] & (t.AUXILIARY | t.ADVERB):
        i -= 1
    if frame.flags[i] & (t.COMMA | t.DASH):
        return i
    if frame.low[i] in _CUTS and cue.finite and not cue.passive:
        while i > start and frame.flags[i - 1] & (t.COMMA | t.DASH):
            i -= 1
        return i
    return _lead_in(frame, i, start) if cue.finite and not cue.passive else None


def _lead_in(frame: Frame, i: int, start: int) -> int | None:
    """Return the comma before a conjunction and a short phrase that lead in a later cue ("..., but today he")."""
    for j in range(i, max(start, i - 6), -1):
        if frame.flags[j] & (t.VERB | t.AUXILIARY | t.PRONOUN) and not frame.flags[j] & t.CAPITAL:
            return None
        if frame.low[j] in _CUTS and frame.flags[j - 1] & (t.COMMA | t.DASH):
            return j - 1
    return None


def _skip_object(frame: Frame, i: int) -> int:
    """Step over who is told: "told the EU", "assured them", "told reporters on Monday"."""
    if i >= frame.size:
        return i
    if frame.flags[i] & t.OBJECT:
        return i + 1
    if frame.flags[i] & t.PRONOUN:
        return i
    found = noun_phrase_at(frame, i, min(frame.size, i + _THAT_REACH))
    if found is None:
        return i
    if any(
        frame.flags[j] & (t.AUXILIARY | t.VERB) and not frame.flags[j] & t.CAPITAL
        for j in range(i, min(frame.size, found[1] + 1))
    ):
        # "told Russia would": what looks like an object is the subject of the clause.
        return i + 1 if frame.low[i].endswith("ers") or frame.flags[i] & t.ROLE else i
    return found[1]


def _after_that(frame: Frame, start: int, lemma: str) -> int | None:
    """Return the token after *that* where one follows a cue closely, with time, place or addressee between."""
    if start >= frame.size:
        return None
    between = t.PREPOSITION | t.ADVERB | t.DAY | t.COMMA
    if frame.low[start] != "that" and lemma not in _ADDRESSED and not frame.flags[start] & between:
        return None
    for i in range(start, min(frame.size, start + _THAT_REACH)):
        if frame.low[i] == "that":
            return i + 1 if i == start or not frame.flags[i - 1] & t.COMMA or i - start < 6 else None
        if (
            frame.flags[i] & (t.QUOTE | t.COLON | t.STOP | t.PRONOUN | t.AUXILIARY | t.VERB)
            and not frame.flags[i] & t.ROLE
        ):
            return None
    return None


def _is_empty(frame: Frame, start: int) -> bool:
    """Tell whether what follows a verb says nothing of what was said ("said so", "said nothing of it")."""
    if frame.low[start] not in lexicon("empty_objects"):
        return False
    following = frame.flags[start + 1] if start + 1 < frame.size else t.STOP
    return frame.low[start] in ("me", "us", "you") or bool(
        following & (t.COMMA | t.STOP | t.PREPOSITION | t.CONJUNCTION)
    )


def _looks_like_clause(frame: Frame, start: int) -> bool:
    """Tell whether a clause without *that* begins at token `start`: a subject, and a finite verb soon after."""
    flags = frame.flags
    if start >= frame.size or _is_empty(frame, start) or (flags[start] & t.PRONOUN and start + 1 == frame.size):
        return False
    if (
        flags[start] & (t.COMMA | t.STOP | t.COLON | t.DASH | t.QUOTE | t.OBJECT | t.CONJUNCTION)
        or frame.low[start] == "to"
    ):
        return False
    if flags[start] & t.PREPOSITION and not flags[start] & t.CAPITAL:
        return False
    for i in range(start, min(frame.size, start + _CLAUSE_REACH)):
        if flags[i] & (t.STOP | t.QUOTE | t.COLON):
            break
        if i > start and (
            flags[i] & t.AUXILIARY or (flags[i] & t.VERB and not flags[i - 1] & (t.DETERMINER | t.PREPOSITION))
        ):
            return True
        if flags[i] & t.PRONOUN and not flags[i] & t.RELATIVE and not flags[i - 1] & t.PREPOSITION:
            return True
        if i > start and frame.low[i].endswith("ed") and not flags[i - 1] & (t.DETERMINER | t.PREPOSITION):
            return True
    return False


def _clause_start(frame: Frame, cue: Cue) -> int | None:
    """Return where a reported clause begins after a cue, or None."""
    verbs = _clause_verbs()
    if cue.lemma not in verbs or cue.inverted:
        return None
    start = cue.at[1]
    after = _after_that(frame, start, cue.lemma)
    if after is not None:
        return after
    if not verbs[cue.lemma]:
        return None
    if start < frame.size and frame.low[start] in _QUESTIONS and cue.lemma in _ASKS:
        return start
    if cue.lemma in ("tell", "assure", "promise", "warn"):
        start = _skip_object(frame, start)
    start = _skip_time_and_place(frame, start)
    if start > cue.at[1]:
        after = _after_that(frame, start, cue.lemma)
        if after is not None:
            return after
    return start if _looks_like_clause(frame, start) else None


def _skip_time_and_place(frame: Frame, i: int) -> int:
    while i < frame.size and frame.flags[i] & (t.ADVERB | t.DAY) and not frame.flags[i] & (t.AUXILIARY | t.ROLE):
        if frame.low[i] == "there":
            return i  # "insisted there was none"
        i += 1
    if i + 1 < frame.size and frame.low[i] in ("on", "in") and frame.flags[i + 1] & t.DAY:
        i += 2
        while i < frame.size and frame.flags[i] & (t.ADVERB | t.DAY):
            i += 1
    return i


def _object_start(frame: Frame, cue: Cue) -> int | None:
    """Return where the object of a cue begins that says by itself what was said, or None."""
    if cue.lemma not in lexicon("object_verbs"):
        to = cue.lemma in ("offer", "agree") and cue.at[1] < frame.size and frame.low[cue.at[1]] == "to"
        return cue.at[1] if to and cue.finite else None
    start = cue.at[1]
    if start >= frame.size or cue.inverted:
        return None
    flag = frame.flags[start]
    if cue.lemma == "ask" and frame.low[start] == "not":
        return None  # "asked not to be named"
    if cue.lemma in _NAMING and not _has_complement(frame, start):
        return None
    if cue.lemma == "argue for" and start + 1 < frame.size and frame.low[start + 1] in _TIMES:
        return None
    if cue.lemma == "recount" and frame.low[start] not in _QUESTIONS:
        return None
    if flag & (t.COMMA | t.STOP | t.COLON | t.DASH | t.QUOTE | t.CONJUNCTION) and frame.low[start] not in _QUESTIONS:
        return None
    if flag & t.PREPOSITION and frame.low[start] != "to":
        return None
    return start


def _has_complement(frame: Frame, start: int) -> bool:
    """Tell whether an object and what it is called follow: "called Russia a threat", and not "called a meeting"."""
    joined = False
    for i in range(start + 1, min(frame.size, start + _CLAUSE_REACH)):
        if frame.low[i] == "as":
            return True
        joined = joined or bool(frame.flags[i] & t.CONJUNCTION)
        if (
            not joined
            and frame.low[i] in ("a", "an", "the")
            and not frame.flags[i - 1] & (t.PREPOSITION | t.CONJUNCTION)
        ):
            return True
        if frame.flags[i] & (t.COMMA | t.STOP | t.QUOTE):
            break
    return bool(frame.flags[start] & (t.OBJECT | t.PRONOUN))


def _tail_content(frame: Frame, cue: Cue, floor: int) -> Range | None:
    """Return the clause before a cue that ends the sentence: "The risk is real, Stoltenberg said."."""
    if not cue.finite or cue.passive or cue.lemma not in _clause_verbs():
        return None
    i = cue.begin - 1
    if i <= floor or not frame.flags[i] & (t.COMMA | t.DASH):
        return None
    end = cue.end
    if cue.lemma in ("tell", "assure", "remind", "inform") and not cue.inverted:
        end = _skip_object(frame, end)
    end = _skip_time_and_place(frame, end)
    if end < frame.size and not frame.flags[end] & (
        t.COMMA | t.STOP | t.PREPOSITION | t.DASH | t.CONJUNCTION | t.DAY | t.ADVERB
    ):
        return None
    if end < frame.size and frame.low[end] == "that":
        return None
    start = floor or after_dateline(frame, i)
    while start < i and frame.flags[start] & (t.COMMA | t.DASH):
        start += 1
    return (start, i) if i - start >= _MIN_TOKENS and _has_finite_verb(frame, start, i) else None


def _has_finite_verb(frame: Frame, start: int, end: int) -> bool:
    return any(
        frame.flags[i] & (t.AUXILIARY | t.VERB) or frame.low[i].endswith("ed") or frame.flags[i] & t.PRONOUN
        for i in range(start, end)
    )


def _holds_quote(frame: Frame, content: Range) -> bool:
    return any(frame.flags[i] & t.QUOTE for i in range(*content))


def indirect_speech(frame: Frame, found: Sequence[Cue], taken: frozenset[Range] = frozenset()) -> list[IndirectSpeech]:
    """Return the indirect speech of a sentence.

    Args:
        frame: the sentence.
        found: its cues.
        taken: token ranges of cues that carry quoted words; these are mixed statements and no indirect speech.
    """
    result: list[IndirectSpeech] = []
    usable = [c for c in found if c.at not in taken and _has_source(frame, c) and not _is_doubtful(frame, c)]
    floor = 0
    tail = _tail(frame, usable, found)
    if tail is not None:
        result.append(tail)
        floor = max(tail.cue.end, tail.content[-1][1])
    for cue in usable:
        if _relays(frame, cue, usable) and not _clause_start(frame, cue):
            continue
        if cue.at[0] < floor or (tail is not None and cue is tail.cue):
            continue
        content = _content(frame, cue, found, taken)
        if content is None or content[0] < floor:
            continue
        if result and cue.flags & GERUND and not cue.finite and frame.low[cue.at[0]] in _SUPPORTS:
            last = result[-1]
            if last.content[-1][1] <= cue.at[0]:
                result[-1] = IndirectSpeech((*last.content, content), last.cue)
                floor = content[1]
                continue
        result.append(IndirectSpeech((content,), cue))
        floor = content[1]
    return result


def _tail(frame: Frame, usable: Sequence[Cue], found: Sequence[Cue]) -> IndirectSpeech | None:
    for cue in reversed(usable):
        if not cue.flags or _relays(frame, cue, usable):
            continue
        content = _tail_content(frame, cue, 0)
        goes_on = cue.end + 1 < frame.size and frame.flags[cue.end + 1] & (t.AUXILIARY | t.VERB)
        split = _parted(frame, cue, found) if content is None or goes_on else None
        if split is not None:
            return IndirectSpeech(split, cue)
        if content is not None and not _holds_quote(frame, content):
            lead = next((c for c in found if not c.flags and c.subject and c.at[0] <= 1), None)
            if lead is None:
                return IndirectSpeech((content,), cue)
    return None


def _relays(frame: Frame, cue: Cue, usable: Sequence[Cue]) -> bool:
    """Tell whether a cue at the end only names who passed on what another reports ("X said ..., NTX reported")."""
    if cue.lemma != "report":
        return False
    return any(c.at[0] < cue.begin and c.lemma in _clause_verbs() for c in usable)


def _parted(frame: Frame, cue: Cue, found: Sequence[Cue]) -> tuple[Range, Range] | None:
    """Return the two halves of a clause that a cue interrupts: "The base, she said, had never made ..."."""
    if not cue.finite or cue.passive or cue.lemma not in _clause_verbs() or not 1 < cue.begin <= _SUBJECT_REACH:
        return None
    if not (frame.flags[cue.begin - 1] & t.COMMA and cue.end < frame.size and frame.flags[cue.end] & t.COMMA):
        return None
    start = cue.end + 1
    if start >= frame.size or frame.flags[start] & (t.CONJUNCTION | t.RELATIVE | t.QUOTE):
        return None
    gerund = frame.low[0].endswith("ing") and frame.low[0] not in lexicon("places")
    if frame.flags[0] & (t.PREPOSITION | t.CONJUNCTION | t.ADVERB) or gerund:
        return None
    stop = _end_of_content(frame, start, [c for c in found if c.at[0] > cue.at[0]])
    first = (0, cue.begin - 1)
    if stop - start < _MIN_TOKENS or _holds_quote(frame, first) or (stop < frame.size and frame.flags[stop] & t.QUOTE):
        return None
    return first, (start, stop)


def _content(frame: Frame, cue: Cue, found: Sequence[Cue], taken: frozenset[Range]) -> Range | None:
    later = [c for c in found if c.at[0] > cue.at[0]]
    if not cue.flags:
        return _phrase_content(frame, cue, later)
    start = _clause_start(frame, cue)
    if start is None:
        start = _object_start(frame, cue)
    if start is None:
        return None
    end = _end_of_content(frame, start, later, cue)
    opens = end + 1 < frame.size and frame.flags[end] & t.COLON and frame.flags[end + 1] & t.QUOTE
    if opens and any(start < c.at[0] < end and c.finite and c.flags & SAY for c in later):
        return None  # "said the general had told him: “...”"
    if end < frame.size and frame.flags[end] & t.QUOTE:
        end = _before_quoting_cue(frame, cue, start, end, [c for c in later if c.at in taken])
    while end > start and (frame.flags[end - 1] & (t.COMMA | t.DASH) or frame.low[end - 1] in _CUTS):
        end -= 1
    if end + 1 < frame.size and frame.low[end] == "as" and any(f & t.QUOTE for f in frame.flags[end + 1 : end + 3]):
        return None  # "had described the ships as “...”" belongs to the quotation
    if end - start < _MIN_TOKENS and frame.low[start - 1] == "that" and cue.lemma in lexicon("object_verbs"):
        start -= 1  # "denied that information"
    if end - start < (1 if cue.lemma in lexicon("object_verbs") else _MIN_TOKENS):
        return None
    if end < frame.size and frame.flags[end] & t.QUOTE:
        return None
    if end - start == 1 and frame.flags[start] & (t.OBJECT | t.PRONOUN):
        return None
    if cue.lemma in lexicon("judging_verbs") and _is_name(frame, start, end):
        return None  # "praised Colonel Holm" reports no words
    return start, end


def _is_name(frame: Frame, start: int, end: int) -> bool:
    """Tell whether tokens are a name and nothing else, titles and a possessor included."""
    return all(
        frame.flags[i] & (t.CAPITAL | t.TITLE) or frame.low[i] in PARTICLES or i == start for i in range(start, end)
    ) and (
        bool(frame.flags[end - 1] & t.CAPITAL)
        and bool(frame.flags[start] & (t.CAPITAL | t.DETERMINER | t.TITLE | t.ROLE))
    )


def _before_quoting_cue(frame: Frame, cue: Cue, start: int, end: int, quoting: Sequence[Cue]) -> int:
    """Return where a reported clause ends whose rest another cue quotes: "... because of what he called “...”"."""
    inner = next((c for c in quoting if start < c.begin < end), None)
    if inner is None:
        return end
    stop = inner.begin
    while stop > start and frame.flags[stop - 1] & (
        t.RELATIVE | t.PREPOSITION | t.CONJUNCTION | t.DETERMINER | t.COMMA | t.DASH
    ):
        stop -= 1
    return stop if cue.lemma in lexicon("object_verbs") or _has_finite_verb(frame, start, stop) else end


def _phrase_content(frame: Frame, cue: Cue, later: Sequence[Cue]) -> Range | None:
    """Read "According to X, clause" and "clause, according to X"."""
    assert cue.subject is not None
    begin, end = cue.at[0], cue.subject[1]
    if begin <= 1:
        if end >= frame.size or not frame.flags[end] & t.COMMA:
            return None
        start = end + 1
        stop = _end_of_content(frame, start, later)
    else:
        start, stop = 0, begin
        if not frame.flags[begin - 1] & t.COMMA and end < frame.size:
            return None
    while stop > start and frame.flags[stop - 1] & (t.COMMA | t.DASH):
        stop -= 1
    if stop - start < _MIN_TOKENS or _holds_quote(frame, (start, stop)):
        return None
    if stop < frame.size and frame.flags[stop] & t.QUOTE:
        return None
    return start, stop
