"""The noun phrases of a reporter's sentence that can be sources: where they begin and end, and which a verb has.

The rules read a `Frame` (tokens outside quotations, one token a quotation) and never look further than one sentence.
"""

from __future__ import annotations

from typing import Final

from nato_stance import tokens as t
from nato_stance.lexicon_files import lexicon
from nato_stance.records import Span
from nato_stance.tokens import Frame

Range = tuple[int, int]
"""Half-open range of token indices."""
MAX_SUBJECT: Final = 40
ARTICLES: Final = frozenset(("the", "a", "an"))
LINKS: Final = t.PREPOSITION | t.CONJUNCTION
_DATELINE: Final = 12
_TOWN: Final = 6
_RELATIVE_REACH: Final = 8
_WHICH_PERIOD: Final = frozenset(("last", "this", "next"))
PHRASE: Final = 5
BREAK: Final = t.COMMA | t.STOP | t.COLON | t.DASH | t.QUOTE
_NOT_SUBJECT: Final = BREAK | t.CONJUNCTION | t.RELATIVE
SUBORDINATORS: Final = frozenset(("after", "before", "when", "while", "because", "since", "until"))
_OBJECT_RELATIVES: Final = frozenset(("which", "what", "that", "whom"))


def skip_back(frame: Frame, i: int, low: int, flags: int) -> int:
    while i >= low and frame.flags[i] & flags and not frame.flags[i] & (t.PRONOUN | t.ROLE):
        i -= 1
    return i


def _skip_time(frame: Frame, i: int, low: int) -> int:
    """Step over "on Sunday" between a subject and its verb."""
    if i > low and frame.words[i].isdigit() and frame.low[i - 1] == "in":
        return skip_back(frame, i - 2, low, t.ADVERB | t.AUXILIARY)
    if i > low + 1 and frame.low[i] in lexicon("periods") and frame.low[i - 1] in _WHICH_PERIOD:
        return skip_back(frame, i - 2, low, t.ADVERB | t.AUXILIARY)  # "had last week offered"
    if i > low and frame.flags[i] & t.DAY:
        i = skip_back(frame, i, low, t.DAY)
        if i >= low and frame.low[i] in ("on", "in"):
            i -= 1
        return skip_back(frame, i, low, t.ADVERB | t.AUXILIARY)
    if frame.flags[i] & t.COMMA:
        for j in range(i - 1, max(low, i - PHRASE), -1):
            if frame.flags[j] & t.COMMA and frame.flags[j - 1] & t.AUXILIARY and not frame.flags[j - 1] & t.CAPITAL:
                return skip_back(frame, j - 1, low, t.ADVERB | t.AUXILIARY)  # "Holm had, in 2019, described"
    if frame.flags[i] & BREAK:
        return i
    for j in range(i - 1, max(low, i - PHRASE), -1):
        if frame.flags[j] & t.PREPOSITION and frame.low[j - 1] in ("has", "have", "had"):
            return skip_back(frame, j - 1, low, t.ADVERB | t.AUXILIARY)  # "has in the past called"
        if frame.flags[j] & (BREAK | t.CONJUNCTION | t.VERB):
            break
    return i


def _trim_subject(frame: Frame, start: int, end: int) -> Range | None:
    """Cut what leads into a noun phrase: conjunctions, adverbs, a prepositional phrase without a comma."""
    flags = frame.flags
    while (
        start < end
        and flags[start] & (t.CONJUNCTION | t.ADVERB | t.AUXILIARY)
        and not flags[start] & (t.ROLE | t.DETERMINER)
    ):
        start += 1
    if start < end and flags[start] & t.PREPOSITION:
        after = last_noun_phrase(frame, start, end)
        if after == start + 1:
            return None  # the object of the preposition and nothing else ("in a message posted")
        start = after
    if start < end and not flags[start] & (t.CAPITAL | t.DETERMINER | t.PRONOUN | t.ROLE | t.TITLE):
        # A verb that no lexicon knows leads in ("met the minister"): begin at the last determiner or name.
        better = last_noun_phrase(frame, start, end)
        start = better if flags[better] & (t.CAPITAL | t.DETERMINER) else start
    return (start, end) if start < end else None


def last_noun_phrase(frame: Frame, start: int, end: int) -> int:
    """Return where the last noun phrase of a range begins ("In a radio interview Holm": at the name)."""
    flags = frame.flags
    i = end - 1
    if flags[i] & t.CAPITAL:
        while (
            i > start and flags[i - 1] & (t.CAPITAL | t.TITLE | t.ROLE) and not flags[i - 1] & (t.PREPOSITION | t.DAY)
        ):
            i -= 1
        if i > start and flags[i - 1] & t.DETERMINER:
            i -= 1
        return i
    while i > start and not flags[i] & (t.DETERMINER | t.PREPOSITION):
        i -= 1
    return i + 1 if flags[i] & t.PREPOSITION else i


def can_speak(frame: Frame, subject: Range) -> bool:
    """Tell whether a noun phrase can be a source: a name, a pronoun, or a noun for people and bodies."""
    flags = frame.flags
    start, end = subject
    if end - start == 1 and (frame.low[start] in ARTICLES or (start == 0 and flags[0] & LINKS)):
        return False
    for i in range(start + 1, end):
        if flags[i] & (t.PREPOSITION | t.COMMA | t.RELATIVE) and not flags[i] & t.CAPITAL:
            end = i
            break
    nouns = any(flags[i] & t.ROLE and not flags[i] & t.DETERMINER for i in range(start, end - 1))
    while nouns and end - 1 > start and not flags[end - 1] and any(flags[i] & t.ROLE for i in range(start, end - 1)):
        end -= 1  # "a person familiar"
    last = flags[end - 1]
    if (
        last & (t.PRONOUN | t.ROLE)
        or (end - start == 1 and last & t.OBJECT)
        or (last & t.CAPITAL and not last & (t.DAY | t.POSSESSIVE))
    ):
        return True
    if frame.words[end - 1] in (")", "%") or (last & t.CAPITAL and end == subject[1]):
        return True
    return end - start == 1 and bool(last & t.DETERMINER)  # "many", "some", "another"


def _segment_subject(frame: Frame, low: int, verb: int) -> Range | None:
    """Find the subject before a verb that a comma or bracket precedes: "X, the minister, said"."""
    flags = frame.flags
    begin = verb - 1
    while begin > low and not flags[begin - 1] & (t.QUOTE | t.COLON) and frame.words[begin - 1] != ";":
        begin -= 1
        if frame.low[begin] in _OBJECT_RELATIVES and flags[begin + 1] & (t.CAPITAL | t.DETERMINER | t.ROLE | t.TITLE):
            begin += 1  # "which the firm's chief, Ada Holm, called"
            break
    if begin == 0:
        begin = after_dateline(frame, verb)
    start = begin
    for i in range(begin, verb):
        if flags[i] & (t.COMMA | t.STOP | t.DASH):
            found = _head_segment(frame, start, i) or _subordinate_subject(frame, start, i)
            if found is not None:
                return found
            start = i + 1
    return None


def _subordinate_subject(frame: Frame, start: int, end: int) -> Range | None:
    """Return the name that ends a segment behind *after* or *when*: "hours after Holm, on television, warned"."""
    if end >= frame.size or not frame.flags[end] & t.COMMA:
        return None
    for i in range(end - 2, start, -1):
        if frame.low[i] in SUBORDINATORS or frame.low[i] == "as":
            named = frame.flags[i + 1] & (t.CAPITAL | t.TITLE) and frame.flags[end - 1] & t.CAPITAL
            return (i + 1, end) if named and can_speak(frame, (i + 1, end)) else None
    return None


def after_dateline(frame: Frame, high: int) -> int:
    """Return the token after a dateline ("LONDON, May 3 (Agency) —"), 0 where there is none."""
    if not frame.words:
        return 0
    if not (frame.words[0].isupper() and len(frame.words[0]) > 2):
        return _after_town(frame, high)
    for i in range(1, min(high, _DATELINE)):
        if frame.flags[i] & t.DASH:
            return i + 1
    return 0


def _after_town(frame: Frame, high: int) -> int:
    """Return the token after a dateline in mixed case ("Ndjamena – Chad's president"), 0 where there is none."""
    for i in range(1, min(high, _TOWN)):
        if frame.flags[i] & t.DASH:
            alone = not any(f & t.DASH for f in frame.flags[i + 1 : high])
            return i + 1 if alone and frame.flags[i + 1] & t.CAPITAL else 0
        if not frame.flags[i - 1] & (t.CAPITAL | t.COMMA | t.STOP):
            return 0
    return 0


def _head_segment(frame: Frame, start: int, end: int) -> Range | None:
    flags = frame.flags
    while start < end and flags[start] & (t.CONJUNCTION | t.ADVERB) and not flags[start] & (t.ROLE | t.TITLE):
        start += 1
    if start >= end or (
        flags[start] & (t.PREPOSITION | t.RELATIVE | t.AUXILIARY | t.VERB) and not flags[start] & (t.CAPITAL | t.ROLE)
    ):
        return None
    if flags[start] & t.PREPOSITION or flags[start] & t.DAY:
        return None
    participle = frame.low[0].endswith(("ing", "ed")) and frame.low[0] not in lexicon("places")
    if start == 0 and participle and not flags[min(1, end - 1)] & t.CAPITAL:
        return None  # "Asked about the row, X said"
    if any(flags[i] & (t.RELATIVE | t.AUXILIARY) for i in range(start, end)):
        return None
    if not flags[start] & (t.CAPITAL | t.DETERMINER | t.PRONOUN | t.ROLE | t.TITLE):
        return None
    return (start, end) if can_speak(frame, (start, end)) else None


def subject_before(frame: Frame, verb: int, low: int = 0) -> Range | None:
    """Return the noun phrase that is the subject of the verb at token `verb`, looking back to token `low`."""
    flags = frame.flags
    low = max(low, verb - MAX_SUBJECT)
    i = _skip_time(frame, skip_back(frame, verb - 1, low, t.ADVERB | t.AUXILIARY), low)
    if i < low:
        return None
    flag = flags[i]
    if flag & t.PRONOUN and not flag & t.RELATIVE:
        return i, i + 1
    if flag & t.RELATIVE:
        return antecedent(frame, i, low)
    if flag & (t.COMMA | t.DASH) or frame.words[i] == ")":
        return _segment_subject(frame, low, i)
    if flag & t.OBJECT:
        who = next((k for k in range(i - 1, max(low, i - _RELATIVE_REACH), -1) if frame.low[k] == "who"), 0)
        return antecedent(frame, who, low) if who else None  # "an officer who served under him says"
    if flag & (_NOT_SUBJECT | t.PREPOSITION):
        return None
    return _noun_phrase_before(frame, i, low)


def antecedent(frame: Frame, i: int, low: int) -> Range | None:
    """Return the noun phrase that *who* at token `i` stands for."""
    j = i - 1
    if j >= low and frame.flags[j] & (t.COMMA | t.DASH):
        j -= 1
    if frame.low[i] != "who":
        author = _author_before(frame, j, low)
        if author is not None:
            return author
    while j > low and frame.flags[j] & t.DAY and not frame.flags[j - 1] & _NOT_SUBJECT:
        if frame.flags[j] & frame.flags[j - 1] & t.CAPITAL:
            break  # "Theresa May"
        j -= 1  # "a letter from his doctor Friday that says"
    while j > low and frame.flags[j] & t.ADVERB and not frame.flags[j] & t.ROLE:
        j -= 1
    if j < low or frame.flags[j] & _NOT_SUBJECT:
        return None
    return _noun_phrase_before(frame, j, low, first=True)


def _author_before(frame: Frame, last: int, low: int) -> Range | None:
    """Return who made the words that *which* stands for: "Holm made a comment that", "a note from Berg that"."""
    flags = frame.flags
    noun = next((k for k in range(last, max(low, last - PHRASE), -1) if frame.low[k] in lexicon("speech_nouns")), 0)
    if not noun or any(flags[k] & BREAK for k in range(noun, last + 1)):
        return None
    if noun < last and frame.low[noun + 1] in ("from", "by"):
        return noun_phrase_at(frame, noun + 2, last + 1)
    for k in range(noun - 1, low, -1):
        if flags[k] & (t.QUOTE | t.COLON) or frame.words[k] == ";" or flags[k] & t.RELATIVE:
            return None
        if flags[k] & t.PRONOUN:
            return k, k + 1
        if (
            flags[k] & t.CAPITAL
            and not flags[k] & (t.POSSESSIVE | t.DAY)
            and (flags[k + 1] & ~t.CAPITAL or not flags[k + 1])
        ):
            start = last_noun_phrase(frame, low, k + 1)
            if start == 0 or not flags[start - 1] & t.PREPOSITION:
                return start, k + 1
    return None


def _noun_phrase_before(frame: Frame, last: int, low: int, *, first: bool = False) -> Range | None:
    """Return the noun phrase that ends at token `last`; of two in a row ("a boy held a sign") the last or the first."""
    flags = frame.flags
    start = last
    while start > low:
        flag = flags[start - 1]
        if flag & _NOT_SUBJECT and not _coordinates(frame, start - 1, low):
            break
        if flag & (t.PRONOUN | t.OBJECT):
            break
        if flag & t.VERB and not flag & (t.CAPITAL | t.ROLE | t.TITLE) and not _is_nominal(frame, start - 1, low):
            break
        if flag & t.AUXILIARY and not flag & (t.DETERMINER | t.CAPITAL | t.ROLE):
            break
        start -= 1
    if start > low + 1 and frame.low[start - 1] == "who" and not flags[start - 2] & _NOT_SUBJECT:
        return _noun_phrase_before(frame, start - 2, low)  # "an officer who served there told"
    if start > low + 1 and frame.low[start] == "by" and flags[start - 1] & t.VERB:
        return _noun_phrase_before(frame, start - 2, low)  # "an official quoted by newspapers described"
    articles = [i for i in range(start, last + 1) if _is_article(frame, i) or (i == 0 and frame.low[i] in ARTICLES)]
    clause = next((i for i in range(last - 1, start, -1) if frame.low[i] in SUBORDINATORS), 0)
    if clause and not flags[last] & t.CAPITAL and not first:
        start = clause + 1  # "a day after his envoy called"
    later = articles[1:] if first else [i for i in articles if i > start]
    inner = next((i for i in reversed(later) if not flags[i - 1] & (LINKS | t.VERB | t.DETERMINER)), None)
    if inner is not None and first:
        noun = next((i for i in range(start, inner) if flags[i] & t.ROLE), inner - 2)
        return noun_phrase_at(frame, start, noun + 1)
    if last > start and frame.low[last].endswith("ed") and not flags[last] and flags[last - 1] & t.ROLE:
        last -= 1  # "a report released found"
    return _trim_subject(frame, start if inner is None else inner, last + 1)


def _is_article(frame: Frame, i: int) -> bool:
    """Tell whether token `i` is an article and no initial ("Julia A. Holm")."""
    return frame.low[i] in ARTICLES and not frame.flags[i] & t.CAPITAL


def _coordinates(frame: Frame, i: int, low: int) -> bool:
    """Tell whether *and* at token `i` joins two names or two noun phrases of one subject."""
    if frame.low[i] not in ("and", "or", "&") or i - 1 < low:
        return False
    left, right = frame.flags[i - 1], frame.flags[i + 1]
    return bool(left & (t.CAPITAL | t.ROLE) and right & (t.CAPITAL | t.ROLE | t.DETERMINER))


def _is_nominal(frame: Frame, i: int, low: int) -> bool:
    """Tell whether a word that could be a reporting verb is a noun or an adjective here ("the report")."""
    if i <= low:
        return False
    return bool(frame.flags[i - 1] & (t.DETERMINER | t.PREPOSITION | t.POSSESSIVE)) or frame.low[i - 1] == "to"


def subject_after(frame: Frame, verb_end: int, high: int | None = None) -> Range | None:
    """Return the noun phrase that follows an inverted verb ("said NATO chief Jens Stoltenberg")."""
    flags = frame.flags
    high = min(frame.size if high is None else high, verb_end + MAX_SUBJECT)
    i = verb_end
    while i < high and flags[i] & (t.ADVERB | t.DAY) and not flags[i] & (t.ROLE | t.DETERMINER | t.CAPITAL):
        i += 1
    if i >= high:
        return None
    if flags[i] & t.PRONOUN and not flags[i] & t.RELATIVE:
        return i, i + 1
    if frame.low[i] == "to":
        addressee = noun_phrase_at(frame, i + 1, high)
        if addressee is None or addressee[1] >= high:
            return None
        # "confessed to this newspaper a European observer": the noun phrase ran on to the source
        inner = next((k for k in range(i + 3, addressee[1]) if flags[k] & t.DETERMINER), addressee[1])
        return noun_phrase_at(frame, inner, high)
    return noun_phrase_at(frame, i, high)


def noun_phrase_at(frame: Frame, start: int, high: int) -> Range | None:
    """Return the noun phrase that begins at token `start`: determiner, adjectives, noun, and *of* or *for* phrases."""
    flags = frame.flags
    i = start
    while i < high:
        flag = flags[i]
        if i == start and frame.low[i] == "her" and i + 1 < high and not flags[i + 1] & (BREAK | LINKS | t.AUXILIARY):
            i += 1  # "her husband"
            continue
        if flag & (BREAK | t.OBJECT | t.AUXILIARY | t.RELATIVE) or (flag & t.PRONOUN and i > start):
            break
        if flag & t.CONJUNCTION and not (i > start and i + 1 < high and _coordinates(frame, i, start)):
            break
        if flag & t.PREPOSITION and (i == start or frame.low[i] not in ("of", "for", "from", "with", "at", "to")):
            break
        if i > start and ((flag & t.DAY and flag & t.CAPITAL) or (_is_article(frame, i) and not flags[i - 1] & LINKS)):
            break
        if i > start and not flag and flags[i - 1] & t.CAPITAL and not flags[i - 1] & (t.POSSESSIVE | t.DETERMINER):
            if i + 1 < high and flags[i + 1] & t.CAPITAL and flags[start] & t.DETERMINER:
                i += 1  # "the Finnish daily Aamu"
                continue
            break  # "Holm unleashed": a lower-case word that no lexicon knows ends a name
        if (
            i > start
            and flag & t.VERB
            and not flag & (t.CAPITAL | t.ROLE | t.TITLE)
            and flags[i - 1] & (t.CAPITAL | t.ROLE)
        ):
            break
        if i > start and not flag and frame.low[i].endswith("ed") and flags[i - 1] & t.ROLE:
            break  # "the ministry summoned"
        if i > start and flag & t.ADVERB and not flag & (t.CAPITAL | t.ROLE) and flags[i - 1] & (t.CAPITAL | t.ROLE):
            break
        i += 1
    while i > start and flags[i - 1] & (t.PREPOSITION | t.DETERMINER | t.CONJUNCTION) and not flags[i - 1] & t.ROLE:
        if flags[i - 1] & t.CAPITAL and frame.low[i - 1] not in ("the", "a", "an"):
            break
        i -= 1
    return (start, i) if i > start else None


def possessor(frame: Frame, end: int) -> Range | None:
    """Return the name or description in the genitive that ends before token `end`: "Holm's", "the minister's"."""
    if end == 0 or not frame.flags[end - 1] & t.POSSESSIVE or frame.flags[end - 1] & t.PRONOUN:
        return None
    start = end - 1
    while (
        start > 0
        and frame.flags[start - 1] & (t.CAPITAL | t.TITLE | t.ROLE)
        and not frame.flags[start - 1] & t.POSSESSIVE
    ):
        start -= 1
    return start, end


def main_subject(frame: Frame, high: int) -> Range | None:
    """Return the first noun phrase of the sentence that can speak, before token `high`."""
    flags = frame.flags
    start = after_dateline(frame, high)
    for i in range(start, min(high, MAX_SUBJECT)):
        if flags[i] & t.PRONOUN and not flags[i] & t.RELATIVE and not (i and flags[i - 1] & t.PREPOSITION):
            return i, i + 1
        if flags[i] & (t.COMMA | t.QUOTE | t.STOP | t.COLON):
            start = i + 1
            continue
        if i == start and not flags[i] & (t.PREPOSITION | t.CONJUNCTION | t.ADVERB | t.AUXILIARY | t.VERB):
            found = noun_phrase_at(frame, i, high)
            if found is not None and can_speak(frame, found):
                return found
    return None


def span_of(frame: Frame, tokens: Range) -> Span:
    """Return the character span of a token range, possessive endings left off the last word."""
    start, end = frame.starts[tokens[0]], frame.ends[tokens[1] - 1]
    word = frame.words[tokens[1] - 1]
    if frame.flags[tokens[1] - 1] & t.POSSESSIVE and frame.low[tokens[1] - 1]:
        end -= len(word) - len(frame.low[tokens[1] - 1])
    return start, end
