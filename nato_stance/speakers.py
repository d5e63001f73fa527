"""Who said it: cues and the mentions beside them in one reporter's sentence.

A `Cue` is a reporting verb or phrase with the mention of its source. The rules read a `Frame` (tokens outside
quotations, one token a quotation) and never look further than one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from nato_stance.lexicon_files import entries, lexicon
from nato_stance.non_statements import USING, WORDS_SAID
from nato_stance.records import Span
from nato_stance.tokens import (
    ADVERB,
    AUXILIARY,
    CAPITAL,
    COLON,
    COMMA,
    CONJUNCTION,
    DASH,
    DAY,
    DETERMINER,
    OBJECT,
    POSSESSIVE,
    PREPOSITION,
    PRONOUN,
    QUOTE,
    RELATIVE,
    ROLE,
    STOP,
    TITLE,
    VERB,
    Frame,
)
from nato_stance.verbs import BASE, COMPLEMENT, FINITE, GERUND, NAME, NOUN, PARTICIPLE, PAST, SAY, verb_forms

Range = tuple[int, int]
"""Half-open range of token indices."""

_MAX_SUBJECT: Final = 40
_ARTICLES: Final = frozenset(("the", "a", "an"))
_LINKS: Final = PREPOSITION | CONJUNCTION
_DATELINE: Final = 12
_RELATIVE_REACH: Final = 8
_WHICH_PERIOD: Final = frozenset(("last", "this", "next"))
_PLURAL_REACH: Final = 8
_PHRASE: Final = 5
_BREAK: Final = COMMA | STOP | COLON | DASH | QUOTE
_NOT_SUBJECT: Final = _BREAK | CONJUNCTION | RELATIVE
_ADDRESSED: Final = frozenset(("tell", "ask", "inform", "remind", "urge", "assure", "advise", "brief", "notify"))
_PLURAL_PRONOUNS: Final = frozenset(("i", "we", "they", "you", "who"))
_PHRASE_HEADS: Final = frozenset(phrase.split()[0] for phrase in lexicon("phrases_of_source"))


@dataclass(slots=True)
class Cue:
    """A reporting verb or phrase in a sentence.

    Attributes:
        at: token range of the cue itself.
        flags: what the verb takes (`verbs.SAY`, ...), 0 for a phrase such as *according to*.
        lemma: base form of the verb, or the phrase.
        subject: token range of the source, or None.
        inverted: True where the source follows the verb ("said Stoltenberg").
        passive: True for "was called".
        finite: False for gerunds and infinitives, which take their source from an earlier cue.
    """

    at: Range
    flags: int
    lemma: str
    subject: Range | None = None
    inverted: bool = False
    passive: bool = False
    finite: bool = True

    @property
    def begin(self) -> int:
        """First token of cue and source together."""
        return min(self.at[0], self.subject[0]) if self.subject else self.at[0]

    @property
    def end(self) -> int:
        """Token after cue and source together."""
        return max(self.at[1], self.subject[1]) if self.subject else self.at[1]


def _skip_back(frame: Frame, i: int, low: int, flags: int) -> int:
    while i >= low and frame.flags[i] & flags and not frame.flags[i] & (PRONOUN | ROLE):
        i -= 1
    return i


def _skip_time(frame: Frame, i: int, low: int) -> int:
    """Step over "on Sunday" between a subject and its verb."""
    if i > low and frame.words[i].isdigit() and frame.low[i - 1] == "in":
        return _skip_back(frame, i - 2, low, ADVERB | AUXILIARY)
    if i > low + 1 and frame.low[i] in lexicon("periods") and frame.low[i - 1] in _WHICH_PERIOD:
        return _skip_back(frame, i - 2, low, ADVERB | AUXILIARY)  # "had last week offered"
    if i > low and frame.flags[i] & DAY:
        i = _skip_back(frame, i, low, DAY)
        if i >= low and frame.low[i] in ("on", "in"):
            i -= 1
        return _skip_back(frame, i, low, ADVERB | AUXILIARY)
    if frame.flags[i] & COMMA:
        for j in range(i - 1, max(low, i - _PHRASE), -1):
            if frame.flags[j] & COMMA and frame.flags[j - 1] & AUXILIARY and not frame.flags[j - 1] & CAPITAL:
                return _skip_back(frame, j - 1, low, ADVERB | AUXILIARY)  # "Holm had, in 2019, described"
    if frame.flags[i] & _BREAK:
        return i
    for j in range(i - 1, max(low, i - _PHRASE), -1):
        if frame.flags[j] & PREPOSITION and frame.low[j - 1] in ("has", "have", "had"):
            return _skip_back(frame, j - 1, low, ADVERB | AUXILIARY)  # "has in the past called"
        if frame.flags[j] & (_BREAK | CONJUNCTION | VERB):
            break
    return i


def _trim_subject(frame: Frame, start: int, end: int) -> Range | None:
    """Cut what leads into a noun phrase: conjunctions, adverbs, a prepositional phrase without a comma."""
    flags = frame.flags
    while start < end and flags[start] & (CONJUNCTION | ADVERB | AUXILIARY) and not flags[start] & (ROLE | DETERMINER):
        start += 1
    if start < end and flags[start] & PREPOSITION:
        after = _last_noun_phrase(frame, start, end)
        if after == start + 1:
            return None  # the object of the preposition and nothing else ("in a message posted")
        start = after
    if start < end and not flags[start] & (CAPITAL | DETERMINER | PRONOUN | ROLE | TITLE):
        # A verb that no lexicon knows leads in ("met the minister"): begin at the last determiner or name.
        better = _last_noun_phrase(frame, start, end)
        start = better if flags[better] & (CAPITAL | DETERMINER) else start
    return (start, end) if start < end else None


def _last_noun_phrase(frame: Frame, start: int, end: int) -> int:
    """Return where the last noun phrase of a range begins ("In a radio interview Holm": at the name)."""
    flags = frame.flags
    i = end - 1
    if flags[i] & CAPITAL:
        while i > start and flags[i - 1] & (CAPITAL | TITLE | ROLE) and not flags[i - 1] & (PREPOSITION | DAY):
            i -= 1
        if i > start and flags[i - 1] & DETERMINER:
            i -= 1
        return i
    while i > start and not flags[i] & (DETERMINER | PREPOSITION):
        i -= 1
    return i + 1 if flags[i] & PREPOSITION else i


def can_speak(frame: Frame, subject: Range) -> bool:
    """Tell whether a noun phrase can be a source: a name, a pronoun, or a noun for people and bodies."""
    flags = frame.flags
    start, end = subject
    if end - start == 1 and (frame.low[start] in _ARTICLES or (start == 0 and flags[0] & _LINKS)):
        return False
    for i in range(start + 1, end):
        if flags[i] & (PREPOSITION | COMMA | RELATIVE) and not flags[i] & CAPITAL:
            end = i
            break
    nouns = any(flags[i] & ROLE and not flags[i] & DETERMINER for i in range(start, end - 1))
    while nouns and end - 1 > start and not flags[end - 1] and any(flags[i] & ROLE for i in range(start, end - 1)):
        end -= 1  # "a person familiar"
    last = flags[end - 1]
    if (
        last & (PRONOUN | ROLE)
        or (end - start == 1 and last & OBJECT)
        or (last & CAPITAL and not last & (DAY | POSSESSIVE))
    ):
        return True
    if frame.words[end - 1] in (")", "%") or (last & CAPITAL and end == subject[1]):
        return True
    return end - start == 1 and bool(last & DETERMINER)  # "many", "some", "another"


def _segment_subject(frame: Frame, low: int, verb: int) -> Range | None:
    """Find the subject before a verb that a comma or bracket precedes: "X, the minister, said"."""
    flags = frame.flags
    begin = verb - 1
    while begin > low and not flags[begin - 1] & (QUOTE | COLON) and frame.words[begin - 1] != ";":
        begin -= 1
        if frame.low[begin] in _OBJECT_RELATIVES and flags[begin + 1] & (CAPITAL | DETERMINER | ROLE | TITLE):
            begin += 1  # "which the firm's chief, Ada Holm, called"
            break
    if begin == 0:
        begin = after_dateline(frame, verb)
    start = begin
    for i in range(begin, verb):
        if flags[i] & (COMMA | STOP | DASH):
            found = _head_segment(frame, start, i) or _subordinate_subject(frame, start, i)
            if found is not None:
                return found
            start = i + 1
    return None


def _subordinate_subject(frame: Frame, start: int, end: int) -> Range | None:
    """Return the name that ends a segment behind *after* or *when*: "hours after Holm, on television, warned"."""
    if end >= frame.size or not frame.flags[end] & COMMA:
        return None
    for i in range(end - 2, start, -1):
        if frame.low[i] in _SUBORDINATORS or frame.low[i] == "as":
            named = frame.flags[i + 1] & (CAPITAL | TITLE) and frame.flags[end - 1] & CAPITAL
            return (i + 1, end) if named and can_speak(frame, (i + 1, end)) else None
    return None


_OBJECT_RELATIVES: Final = frozenset(("which", "what", "that", "whom"))


def after_dateline(frame: Frame, high: int) -> int:
    """Return the token after a dateline ("LONDON, May 3 (Agency) —"), 0 where there is none."""
    if not frame.words or not (frame.words[0].isupper() and len(frame.words[0]) > 2):
        return 0
    for i in range(1, min(high, _DATELINE)):
        if frame.flags[i] & DASH:
            return i + 1
    return 0


def _head_segment(frame: Frame, start: int, end: int) -> Range | None:
    flags = frame.flags
    while start < end and flags[start] & (CONJUNCTION | ADVERB) and not flags[start] & (ROLE | TITLE):
        start += 1
    if start >= end or (
        flags[start] & (PREPOSITION | RELATIVE | AUXILIARY | VERB) and not flags[start] & (CAPITAL | ROLE)
    ):
        return None
    if flags[start] & PREPOSITION or flags[start] & DAY:
        return None
    participle = frame.low[0].endswith(("ing", "ed")) and frame.low[0] not in lexicon("places")
    if start == 0 and participle and not flags[min(1, end - 1)] & CAPITAL:
        return None  # "Asked about the row, X said"
    if any(flags[i] & (RELATIVE | AUXILIARY) for i in range(start, end)):
        return None
    if not flags[start] & (CAPITAL | DETERMINER | PRONOUN | ROLE | TITLE):
        return None
    return (start, end) if can_speak(frame, (start, end)) else None


def subject_before(frame: Frame, verb: int, low: int = 0) -> Range | None:
    """Return the noun phrase that is the subject of the verb at token `verb`, looking back to token `low`."""
    flags = frame.flags
    low = max(low, verb - _MAX_SUBJECT)
    i = _skip_time(frame, _skip_back(frame, verb - 1, low, ADVERB | AUXILIARY), low)
    if i < low:
        return None
    flag = flags[i]
    if flag & PRONOUN and not flag & RELATIVE:
        return i, i + 1
    if flag & RELATIVE:
        return _antecedent(frame, i, low)
    if flag & (COMMA | DASH) or frame.words[i] == ")":
        return _segment_subject(frame, low, i)
    if flag & OBJECT:
        who = next((k for k in range(i - 1, max(low, i - _RELATIVE_REACH), -1) if frame.low[k] == "who"), 0)
        return _antecedent(frame, who, low) if who else None  # "an officer who served under him says"
    if flag & (_NOT_SUBJECT | PREPOSITION):
        return None
    return _noun_phrase_before(frame, i, low)


def _antecedent(frame: Frame, i: int, low: int) -> Range | None:
    """Return the noun phrase that *who* at token `i` stands for."""
    j = i - 1
    if j >= low and frame.flags[j] & (COMMA | DASH):
        j -= 1
    if frame.low[i] != "who":
        author = _author_before(frame, j, low)
        if author is not None:
            return author
    while j > low and frame.flags[j] & DAY and not frame.flags[j - 1] & _NOT_SUBJECT:
        if frame.flags[j] & frame.flags[j - 1] & CAPITAL:
            break  # "Theresa May"
        j -= 1  # "a letter from his doctor Friday that says"
    while j > low and frame.flags[j] & ADVERB and not frame.flags[j] & ROLE:
        j -= 1
    if j < low or frame.flags[j] & _NOT_SUBJECT:
        return None
    return _noun_phrase_before(frame, j, low, first=True)


def _author_before(frame: Frame, last: int, low: int) -> Range | None:
    """Return who made the words that *which* stands for: "Holm made a comment that", "a note from Berg that"."""
    flags = frame.flags
    noun = next((k for k in range(last, max(low, last - _PHRASE), -1) if frame.low[k] in lexicon("speech_nouns")), 0)
    if not noun or any(flags[k] & _BREAK for k in range(noun, last + 1)):
        return None
    if noun < last and frame.low[noun + 1] in ("from", "by"):
        return noun_phrase_at(frame, noun + 2, last + 1)
    for k in range(noun - 1, low, -1):
        if flags[k] & (QUOTE | COLON) or frame.words[k] == ";" or flags[k] & RELATIVE:
            return None
        if flags[k] & PRONOUN:
            return k, k + 1
        if flags[k] & CAPITAL and not flags[k] & (POSSESSIVE | DAY) and (flags[k + 1] & ~CAPITAL or not flags[k + 1]):
            start = _last_noun_phrase(frame, low, k + 1)
            if start == 0 or not flags[start - 1] & PREPOSITION:
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
        if flag & (PRONOUN | OBJECT):
            break
        if flag & VERB and not flag & (CAPITAL | ROLE | TITLE) and not _is_nominal(frame, start - 1, low):
            break
        if flag & AUXILIARY and not flag & (DETERMINER | CAPITAL | ROLE):
            break
        start -= 1
    if start > low + 1 and frame.low[start - 1] == "who" and not flags[start - 2] & _NOT_SUBJECT:
        return _noun_phrase_before(frame, start - 2, low)  # "an officer who served there told"
    if start > low + 1 and frame.low[start] == "by" and flags[start - 1] & VERB:
        return _noun_phrase_before(frame, start - 2, low)  # "an official quoted by newspapers described"
    articles = [i for i in range(start, last + 1) if _is_article(frame, i) or (i == 0 and frame.low[i] in _ARTICLES)]
    clause = next((i for i in range(last - 1, start, -1) if frame.low[i] in _SUBORDINATORS), 0)
    if clause and not flags[last] & CAPITAL and not first:
        start = clause + 1  # "a day after his envoy called"
    later = articles[1:] if first else [i for i in articles if i > start]
    inner = next((i for i in reversed(later) if not flags[i - 1] & (_LINKS | VERB | DETERMINER)), None)
    if inner is not None and first:
        noun = next((i for i in range(start, inner) if flags[i] & ROLE), inner - 2)
        return noun_phrase_at(frame, start, noun + 1)
    if last > start and frame.low[last].endswith("ed") and not flags[last] and flags[last - 1] & ROLE:
        last -= 1  # "a report released found"
    return _trim_subject(frame, start if inner is None else inner, last + 1)


def _is_article(frame: Frame, i: int) -> bool:
    """Tell whether token `i` is an article and no initial ("Julia A. Holm")."""
    return frame.low[i] in _ARTICLES and not frame.flags[i] & CAPITAL


def _coordinates(frame: Frame, i: int, low: int) -> bool:
    """Tell whether *and* at token `i` joins two names or two noun phrases of one subject."""
    if frame.low[i] not in ("and", "or", "&") or i - 1 < low:
        return False
    left, right = frame.flags[i - 1], frame.flags[i + 1]
    return bool(left & (CAPITAL | ROLE) and right & (CAPITAL | ROLE | DETERMINER))


def _is_nominal(frame: Frame, i: int, low: int) -> bool:
    """Tell whether a word that could be a reporting verb is a noun or an adjective here ("the report")."""
    if i <= low:
        return False
    return bool(frame.flags[i - 1] & (DETERMINER | PREPOSITION | POSSESSIVE)) or frame.low[i - 1] == "to"


def subject_after(frame: Frame, verb_end: int, high: int | None = None) -> Range | None:
    """Return the noun phrase that follows an inverted verb ("said NATO chief Jens Stoltenberg")."""
    flags = frame.flags
    high = min(frame.size if high is None else high, verb_end + _MAX_SUBJECT)
    i = verb_end
    while i < high and flags[i] & (ADVERB | DAY) and not flags[i] & (ROLE | DETERMINER | CAPITAL):
        i += 1
    if i >= high:
        return None
    if flags[i] & PRONOUN and not flags[i] & RELATIVE:
        return i, i + 1
    if frame.low[i] == "to":
        addressee = noun_phrase_at(frame, i + 1, high)
        if addressee is None or addressee[1] >= high:
            return None
        # "confessed to this newspaper a European observer": the noun phrase ran on to the source
        inner = next((k for k in range(i + 3, addressee[1]) if flags[k] & DETERMINER), addressee[1])
        return noun_phrase_at(frame, inner, high)
    return noun_phrase_at(frame, i, high)


def noun_phrase_at(frame: Frame, start: int, high: int) -> Range | None:
    """Return the noun phrase that begins at token `start`: determiner, adjectives, noun, and *of* or *for* phrases."""
    flags = frame.flags
    i = start
    while i < high:
        flag = flags[i]
        if i == start and frame.low[i] == "her" and i + 1 < high and not flags[i + 1] & (_BREAK | _LINKS | AUXILIARY):
            i += 1  # "her husband"
            continue
        if flag & (_BREAK | OBJECT | AUXILIARY | RELATIVE) or (flag & PRONOUN and i > start):
            break
        if flag & CONJUNCTION and not (i > start and i + 1 < high and _coordinates(frame, i, start)):
            break
        if flag & PREPOSITION and (i == start or frame.low[i] not in ("of", "for", "from", "with", "at", "to")):
            break
        if i > start and ((flag & DAY and flag & CAPITAL) or (_is_article(frame, i) and not flags[i - 1] & _LINKS)):
            break
        if i > start and not flag and flags[i - 1] & CAPITAL and not flags[i - 1] & (POSSESSIVE | DETERMINER):
            if i + 1 < high and flags[i + 1] & CAPITAL and flags[start] & DETERMINER:
                i += 1  # "the Finnish daily Aamu"
                continue
            break  # "Holm unleashed": a lower-case word that no lexicon knows ends a name
        if i > start and flag & VERB and not flag & (CAPITAL | ROLE | TITLE) and flags[i - 1] & (CAPITAL | ROLE):
            break
        if i > start and not flag and frame.low[i].endswith("ed") and flags[i - 1] & ROLE:
            break  # "the ministry summoned"
        if i > start and flag & ADVERB and not flag & (CAPITAL | ROLE) and flags[i - 1] & (CAPITAL | ROLE):
            break
        i += 1
    while i > start and flags[i - 1] & (PREPOSITION | DETERMINER | CONJUNCTION) and not flags[i - 1] & ROLE:
        if flags[i - 1] & CAPITAL and frame.low[i - 1] not in ("the", "a", "an"):
            break
        i -= 1
    return (start, i) if i > start else None


def _verb_at(frame: Frame, i: int) -> tuple[int, int, str] | None:
    """Return end, flags and lemma of the reporting verb at token `i`, particles included, or None."""
    form = verb_forms()[frame.low[i]]
    if form.phrasal:
        for particles, flags in form.phrasal.items():
            if tuple(frame.low[i + 1 : i + 1 + len(particles)]) == particles:
                return i + 1 + len(particles), flags, f"{form.lemma} {' '.join(particles)}"
    return (i + 1, form.flags, form.lemma) if form.flags else None


def _verb_cue(frame: Frame, i: int, low: int) -> Cue | None:
    flags = frame.flags
    previous = flags[i - 1] if i > low else 0
    owned = previous & (DETERMINER | POSSESSIVE) and not previous & (PRONOUN | AUXILIARY)
    contracted = previous & POSSESSIVE and previous & CAPITAL and frame.low[i].endswith(("ing", "ed"))
    if owned and not contracted and not _stands_alone(frame, i):
        return None
    found = _verb_at(frame, i)
    if found is None:
        return None
    end, kind, lemma = found
    cue = Cue((i, end), kind, lemma)
    if lemma in _QUOTING and end < frame.size:
        quoted = noun_phrase_at(frame, end, frame.size)
        if quoted is not None and tuple(frame.low[quoted[1] : quoted[1] + 2]) in _AS_SAYING:
            cue.subject = quoted  # "the agency quotes an official as saying"
            return cue
    if kind & GERUND and not kind & FINITE:
        if i - 2 >= low and not previous and flags[i - 2] & (DETERMINER | POSSESSIVE):
            return None  # "a regular briefing"
        if previous & PREPOSITION and frame.low[i - 1] in _NO_GERUND:
            return None
        return _gerund(frame, cue, i, low)
    j = _skip_back(frame, i - 1, low, ADVERB)
    if (j >= low and frame.low[j] == "to") or (j >= low and flags[j] & PREPOSITION):
        if frame.low[j] == "to" and j > low and frame.low[j - 1] in _HABITS and kind & SAY:
            cue.subject = subject_before(frame, j - 1, low)  # "likes to say"
            return cue
        cue.finite = False
        return cue if frame.low[j] == "to" and kind & BASE else None
    by = end < frame.size and frame.low[end] == "by" and lemma != "say"
    by = by and frame.low[min(end + 1, frame.size - 1)] not in lexicon("channels")
    if kind & PARTICIPLE and (by or _is_passive(frame, i, low)):
        if frame.low[end : end + 2] == ["as", "saying"]:
            # "was quoted as saying": the subject of the passive speaks
            return Cue((i, end + 2), SAY | FINITE, "say", subject_before(frame, i, low))
        cue.passive = True
        cue.subject = _agent(frame, end)
        return cue
    if kind & BASE and not kind & PAST and not _plural_before(frame, i, low):
        return _inverted_only(frame, cue, low)
    if not kind & PAST and frame.low[i] in lexicon("noun_verbs") and _reads_as_noun(frame, end):
        return None
    cue.subject = subject_before(frame, i, low)
    if cue.subject is not None and not can_speak(frame, cue.subject):
        short = flags[cue.subject[0]] & DETERMINER and cue.subject[1] - cue.subject[0] <= 3 and kind & PAST
        if not (kind & SAY or short) or (frame.low[i] in lexicon("noun_verbs") and previous & RELATIVE == 0):
            return None
    if cue.subject is None:
        return _inverted_only(frame, cue, low)
    return cue


_NO_GERUND: Final = frozenset(("of", "for", "without"))  # "it goes without saying"
_QUOTING: Final = frozenset(("quote", "cite"))
_AS_SAYING: Final = frozenset((("as", "saying"), ("as", "telling"), ("as", "adding"), ("as", "calling")))
_HABITS: Final = frozenset(("likes", "liked", "used", "loves", "loved", "tends", "tended", "continues", "continued"))
_CONVICTIONS: Final = frozenset(("convinced", "certain", "adamant", "sure", "confident"))
_ALONE: Final = frozenset(
    [
        "another",
        "many",
        "some",
        "several",
        "few",
        "most",
        "all",
        "both",
        "each",
        "one",
        "two",
        "three",
        "four",
        "five",
        "others",
    ]
)


def _stands_alone(frame: Frame, i: int) -> bool:
    """Tell whether the determiner before a past form is a pronoun here ("Another joked")."""
    form = verb_forms()[frame.low[i]].flags
    follows = frame.flags[i + 1] if i + 1 < frame.size else 0
    third = frame.low[i].endswith("s") and (frame.low[i] not in lexicon("noun_verbs") or follows & (OBJECT | PRONOUN))
    return frame.low[i - 1] in _ALONE and bool(form & PAST or third)


def _reads_as_noun(frame: Frame, end: int) -> bool:
    """Tell whether what follows a form such as *states* or *reports* makes it a noun."""
    if end >= frame.size:
        return False
    flag = frame.flags[end]
    if flag & COMMA:
        return not frame.flags[end - 2] & (CAPITAL | PRONOUN)
    return bool(
        flag & (CONJUNCTION | AUXILIARY | VERB)
        or frame.words[end] == "("
        or (flag & PREPOSITION and not flag & CAPITAL)
    )


def _gerund(frame: Frame, cue: Cue, i: int, low: int) -> Cue:
    """A progressive form is finite ("is calling"); a bare gerund takes its source from elsewhere."""
    j = i - 1
    while j >= low and frame.flags[j] & ADVERB and not frame.flags[j] & AUXILIARY:
        j -= 1
    if j >= low and (
        frame.flags[j] & AUXILIARY or (frame.flags[j] & POSSESSIVE and frame.flags[j] & (CAPITAL | PRONOUN))
    ):
        subject = subject_before(frame, j + 1 if frame.flags[j] & POSSESSIVE else j, low)
        if subject is not None and can_speak(frame, subject):
            cue.subject = subject
            return cue
        if j > low and frame.flags[j - 1] & (CONJUNCTION | COMMA | DASH):
            return cue  # "denies it and is demanding": the subject of the verb before
    cue.finite = False
    if i > low and frame.flags[i - 1] & CAPITAL and not frame.flags[i - 1] & (POSSESSIVE | DAY | _LINKS):
        cue.subject = (_last_noun_phrase(frame, low, i), i)  # "footage of Holm asking"
    return cue


def _is_passive(frame: Frame, i: int, low: int) -> bool:
    j = i - 1
    while j >= low and frame.flags[j] & ADVERB and frame.low[j] not in _BE:
        j -= 1
    return j >= low and (frame.low[j] in _BE or frame.low[j] in _WHENEVER)


_WHENEVER: Final = frozenset(("when", "if", "once", "unless", "whenever"))


_BE: Final = frozenset(["is", "are", "was", "were", "be", "been", "being"])


def _agent(frame: Frame, start: int) -> Range | None:
    """Return the noun phrase after *by* that follows a passive."""
    for i in range(start, min(frame.size - 1, start + 20)):
        if frame.low[i] == "by":
            agent = noun_phrase_at(frame, i + 1, frame.size)
            return _before_gerund(frame, agent) if agent is not None else None
        if frame.flags[i] & STOP:
            break
    return None


def _before_gerund(frame: Frame, agent: Range) -> Range:
    """Cut the reason off an agent: "by doctors for promoting it"."""
    for i in range(agent[0] + 1, agent[1]):
        if frame.flags[i - 1] & PREPOSITION and frame.low[i].endswith("ing") and not frame.flags[i] & (CAPITAL | ROLE):
            return agent[0], i - 1
    return agent


def _plural_before(frame: Frame, i: int, low: int) -> bool:
    """Tell whether a base form can be finite here: after a plural, an auxiliary or *who*."""
    j = i - 1
    while j >= low and frame.flags[j] & ADVERB and not frame.flags[j] & AUXILIARY:
        j -= 1
    if j < low:
        return False
    word, flag = frame.low[j], frame.flags[j]
    if flag & AUXILIARY:
        return True
    if flag & PRONOUN:
        return word in _PLURAL_PRONOUNS
    if flag & (COMMA | QUOTE):
        return True
    if word.endswith(("s", "men", "people", "police")) and not flag & DETERMINER:
        return True
    k = j
    for k in range(j, max(low, j - _PLURAL_REACH) - 1, -1):
        if frame.flags[k] & _BREAK or (frame.flags[k] & VERB and not frame.flags[k] & (CAPITAL | ROLE)):
            break
        if frame.flags[k] & PREPOSITION and k > low and frame.low[k - 1].endswith("s") and frame.flags[k - 1] & ROLE:
            return True  # "Officials in Taipei say"
    k = j
    while k > low and frame.flags[k] & (CAPITAL | TITLE | ROLE):
        k -= 1
    return frame.low[k] == "and" and bool(frame.flags[k - 1] & (CAPITAL | ROLE))


def _inverted_only(frame: Frame, cue: Cue, low: int) -> Cue | None:
    """Keep a verb without a subject before it only where a quotation or a comma precedes it and a source follows."""
    i = cue.at[0]
    j = _skip_back(frame, i - 1, low, ADVERB)
    if cue.flags & BASE and not cue.flags & (FINITE ^ BASE):
        return None
    if i > low and frame.flags[i - 1] & AUXILIARY and frame.low[i - 1].startswith("do"):
        return None  # "“...” don't support X"
    if j >= low and not frame.flags[j] & (QUOTE | COMMA | STOP | DASH):
        reports = (
            cue.at[1] - i > 1
            or (cue.lemma in lexicon("object_verbs") and frame.low[i] not in lexicon("noun_verbs"))
            or frame.low[cue.at[1] : cue.at[1] + 1] == ["that"]
        )
        joins = cue.flags & PAST or (not cue.flags & BASE and reports)
        return cue if frame.flags[j] & CONJUNCTION and joins else None
    if (cue.lemma in _ADDRESSED and cue.lemma != "ask") or (i == 0 and not cue.flags & SAY):
        subject = None  # "Calls people names": a list of deeds without a subject
    else:
        subject = subject_after(frame, cue.at[1])
        if subject is not None and frame.low[cue.at[1] - 1] == "to" and subject[1] < frame.size:
            subject = noun_phrase_at(frame, subject[1], frame.size) or subject  # "confessed to this newspaper an aide"
    answers = (
        i > 0 and frame.flags[i - 1] & QUOTE and cue.flags & SAY and subject and frame.low[subject[0]] in _ARTICLES
    )
    if subject is not None and (answers or can_speak(frame, subject)):
        cue.subject, cue.inverted = subject, True
        return cue
    # "..., and said" or ", said:": the subject is that of an earlier verb.
    cue.finite = bool(cue.flags & FINITE)
    return cue


def _phrase_cue(frame: Frame, i: int) -> Cue | None:
    """Read *according to X* and the like at token `i`."""
    for phrase in lexicon("phrases_of_source"):
        words = phrase.split()
        if frame.low[i : i + len(words)] == words:
            subject = noun_phrase_at(frame, i + len(words), frame.size)
            if subject is None and i + len(words) < frame.size and frame.flags[i + len(words)] & OBJECT:
                subject = (i + len(words), i + len(words) + 1)
            own = subject is not None and frame.low[subject[0]] in ("his", "her", "their", "its")
            if subject is not None and own and frame.low[subject[1] - 1] in lexicon("speech_nouns"):
                subject = (subject[0], subject[0] + 1)  # "according to her account"
            if subject is not None and (phrase != "per" or can_speak(frame, subject)):
                return Cue((i, i + len(words)), 0, phrase, subject)
    return None


@cache
def _cue_words() -> frozenset[str]:
    """Return every word at which a cue can begin."""
    return (
        frozenset(verb_forms())
        | lexicon("speech_nouns")
        | _PHRASE_HEADS
        | _CONVICTIONS
        | USING
        | frozenset(["according"])
    )


def cues(frame: Frame) -> list[Cue]:
    """Return every cue of a sentence in order, with its source where the sentence names one.

    A gerund, an infinitive or a verb after *and* takes the source of the nearest cue before it that has one.
    """
    result: list[Cue] = []
    source: Range | None = None
    said: Range | None = None
    low, words = 0, _cue_words()
    for i, word in enumerate(frame.low):
        if word not in words:
            if not word and frame.flags[i] & QUOTE:
                low = i + 1
            continue
        cue = _cue_at(frame, i, low)
        if cue is None:
            continue
        if cue.passive:
            pass
        elif cue.subject is None:
            own = _coordinate_subject(frame, i, max(low, result[-1].end if result else 0))
            if own is not None and (said is None or _opens_clause(frame, own)):
                cue.subject = source = own
            elif source is not None:
                outer = said is not None and _reports(cue) and not _shares_clause(frame, i, result[-1])
                cue.subject = said if outer else source
            else:
                cue.subject = _distant_subject(frame, cue)
        elif said is None or not _is_planned(frame, cue):
            source = cue.subject
            if cue.flags & FINITE and _reports(cue):
                said = source
        result.append(cue)
    return result


def _cue_at(frame: Frame, i: int, low: int) -> Cue | None:
    """Return the cue that begins at token `i`, with the source that stands beside it."""
    flag, word = frame.flags[i], frame.low[i]
    if word in _CONVICTIONS and i > low and frame.low[i - 1] in _BE:
        subject = subject_before(frame, i, low)
        sure = subject is None or can_speak(frame, subject)  # and not "one thing is certain"
        return Cue((i, i + 1), SAY | FINITE, "be convinced", subject) if sure else None
    if flag & VERB:
        cue = _verb_cue(frame, i, low) if not (flag & CAPITAL and i > 0) else None
        named = not (flag & CAPITAL and i > 0)
        return _noun_cue(frame, i, low) if cue is None and named and word in lexicon("speech_nouns") else cue
    if word in lexicon("speech_nouns"):
        return _noun_cue(frame, i, low)
    if (flag & PREPOSITION or word == "according") and word in _PHRASE_HEADS:
        return _phrase_cue(frame, i) or _view_cue(frame, i)
    if word in USING and frame.low[i + 1 : i + 2] == ["the"] and frame.low[i + 2 : i + 3] in _WORDS:
        return Cue((i, i + 1), NAME | FINITE, "use", subject_before(frame, i, low))
    return None


def _distant_subject(frame: Frame, cue: Cue) -> Range | None:
    """Return the source of a cue that no other stands before: the subject of the sentence, or what follows."""
    if cue.flags & GERUND and not cue.finite and cue.at[0] <= 1:
        return _following_subject(frame, cue.at[0])
    return main_subject(frame, cue.at[0]) if cue.flags & (GERUND | NAME) or cue.finite else None


def _view_cue(frame: Frame, i: int) -> Cue | None:
    """Read *in her eyes* and *in Holm's view* at token `i`, where they end a clause."""
    if frame.low[i] != "in" or i == 0:
        return None
    for noun in range(i + 2, min(frame.size, i + _PHRASE)):
        if frame.low[noun] in _VIEWS and (noun + 1 >= frame.size or frame.flags[noun + 1] & _BREAK):
            owner = (i + 1, noun)
            owned = frame.low[i + 1] in _OWNERS and noun == i + 2
            if owned or frame.flags[noun - 1] & POSSESSIVE:
                return Cue((i, noun + 1), 0, "in the view of", owner)
    return None


_VIEWS: Final = frozenset(("eyes", "view", "opinion", "judgment", "judgement", "mind", "telling", "words"))
_OWNERS: Final = frozenset(("his", "her", "their", "its"))


def _coordinate_subject(frame: Frame, i: int, low: int) -> Range | None:
    """Return the subject of a verb without a lexicon entry that *and* joins to the one at token `i`.

    "When the minister spoke, she laughed and said": no cue, but a subject right before the verb *laughed*.
    """
    flags = frame.flags
    j = _skip_back(frame, i - 1, low, ADVERB)
    if j <= low or frame.low[j] not in _JOINS:
        return None
    for k in range(j - 1, max(low, j - _COORDINATE_REACH) - 1, -1):
        if flags[k] & (STOP | QUOTE | COLON | DASH):
            return None
        if frame.low[k] == "who":
            return _antecedent(frame, k, low)
        if flags[k] & PRONOUN and not flags[k] & RELATIVE and frame.low[k] != "it" and frame.words[k] != "US":
            return k, k + 1
        if k > low and flags[k - 1] & (COMMA | CONJUNCTION) and flags[k] & (CAPITAL | DETERMINER | ROLE | TITLE):
            subject = noun_phrase_at(frame, k, j)
            if subject is None or subject[1] >= j or not can_speak(frame, subject):
                continue
            verb = subject[1]
            if frame.low[verb].endswith("ed") or flags[verb] & (AUXILIARY | VERB):
                return subject
    return None


def _is_planned(frame: Frame, cue: Cue) -> bool:
    """Tell whether a cue is only what a reported clause says will be said: "said that Oslo would respond"."""
    subject = cue.subject
    if subject is None or subject[0] == 0 or subject[1] > cue.at[0] or frame.low[subject[0] - 1] != "that":
        return False
    return any(frame.low[k] in _MODALS for k in range(subject[1], cue.at[0]))


_MODALS: Final = frozenset(("would", "will", "could", "should", "might", "may", "must"))


def _shares_clause(frame: Frame, i: int, last: Cue) -> bool:
    """Tell whether *and* joins the verb at token `i` to the cue before it, whatever another cue reports.

    "X praised it when she laughed and said", "after she attacked A and blamed B".
    """
    if last.subject is None or last.passive or last.inverted:
        return False
    if last.at[1] == i - 1 and frame.low[i - 1] in _JOINS:
        return True
    return last.subject[0] > 0 and frame.low[last.subject[0] - 1] in _SUBORDINATORS


def in_subordinate_clause(frame: Frame, cue: Cue) -> bool:
    """Tell whether a cue only says when or why: "laughed when a reporter read it out"."""
    return cue.subject is not None and cue.subject[0] > 0 and frame.low[cue.subject[0] - 1] in _SUBORDINATORS


def _opens_clause(frame: Frame, subject: Range) -> bool:
    """Tell whether a subject opens a clause beside the reported one: "after she waved", "When X came, she waved"."""
    before = frame.low[subject[0] - 1] if subject[0] else ""
    fronted = frame.low[0] in _SUBORDINATORS or frame.low[0] in ("as", "once")
    return before in _SUBORDINATORS or (fronted and bool(frame.flags[subject[0] - 1] & COMMA))


_SUBORDINATORS: Final = frozenset(("after", "before", "when", "while", "because", "since", "until"))
_JOINS: Final = frozenset(("and", "but", "then"))
_COORDINATE_REACH: Final = 14
_WORDS: Final = tuple([word] for word in WORDS_SAID)


@cache
def _reporting_lemmas() -> frozenset[str]:
    clause = (line.lstrip("+").replace("_", " ") for line in entries("clause_verbs"))
    return frozenset(clause) | lexicon("object_verbs")


def _reports(cue: Cue) -> bool:
    """Tell whether a cue is one of those that open indirect speech: "said that X offered help and recalled that"."""
    return cue.lemma in _reporting_lemmas()


def _noun_cue(frame: Frame, i: int, low: int) -> Cue | None:
    """Read "X's claim that", "his call for" at the noun: the possessor is the source."""
    flags = frame.flags
    if frame.low[i] == "point" and frame.low[i + 1 : i + 3] != ["of", "view"]:
        return None
    for j in range(i - 1, max(low - 1, i - 4), -1):
        if flags[j] & (_BREAK | PREPOSITION | CONJUNCTION):
            return None
        if frame.low[j] in ("his", "her", "their", "its"):
            return Cue((i, i + 1), NOUN, "noun", (j, j + 1), finite=False)
        if flags[j] & POSSESSIVE and not flags[j] & PRONOUN:
            start = j
            while start > low and flags[start - 1] & (CAPITAL | TITLE | ROLE) and not flags[start - 1] & POSSESSIVE:
                start -= 1
            return Cue((i, i + 1), NOUN, "noun", (start, j + 1), finite=False)
    return None


def possessor(frame: Frame, end: int) -> Range | None:
    """Return the name or description in the genitive that ends before token `end`: "Holm's", "the minister's"."""
    if end == 0 or not frame.flags[end - 1] & POSSESSIVE or frame.flags[end - 1] & PRONOUN:
        return None
    start = end - 1
    while start > 0 and frame.flags[start - 1] & (CAPITAL | TITLE | ROLE) and not frame.flags[start - 1] & POSSESSIVE:
        start -= 1
    return start, end


def _following_subject(frame: Frame, i: int) -> Range | None:
    """Return the subject after the clause that a gerund opens: "Bemoaning the “...,” Holm accused"."""
    for j in range(i + 1, min(frame.size - 1, i + _MAX_SUBJECT)):
        if frame.flags[j] & (COMMA | QUOTE) and frame.flags[j + 1] & (CAPITAL | PRONOUN | DETERMINER | ROLE):
            if frame.flags[j + 1] & PRONOUN and not frame.flags[j + 1] & RELATIVE:
                return j + 1, j + 2
            return noun_phrase_at(frame, j + 1, frame.size)
    return None


def main_subject(frame: Frame, high: int) -> Range | None:
    """Return the first noun phrase of the sentence that can speak, before token `high`."""
    flags = frame.flags
    start = after_dateline(frame, high)
    for i in range(start, min(high, _MAX_SUBJECT)):
        if flags[i] & PRONOUN and not flags[i] & RELATIVE:
            return i, i + 1
        if flags[i] & (COMMA | QUOTE | STOP | COLON):
            start = i + 1
            continue
        if i == start and not flags[i] & (PREPOSITION | CONJUNCTION | ADVERB | AUXILIARY | VERB):
            found = noun_phrase_at(frame, i, high)
            if found is not None and can_speak(frame, found):
                return found
    return None


def span_of(frame: Frame, tokens: Range) -> Span:
    """Return the character span of a token range, possessive endings left off the last word."""
    start, end = frame.starts[tokens[0]], frame.ends[tokens[1] - 1]
    word = frame.words[tokens[1] - 1]
    if frame.flags[tokens[1] - 1] & POSSESSIVE and frame.low[tokens[1] - 1]:
        end -= len(word) - len(frame.low[tokens[1] - 1])
    return start, end


__all__ = ["COMPLEMENT", "NAME", "SAY", "Cue", "can_speak", "cues", "main_subject", "span_of"]
