"""Who said it: cues and the mentions beside them in one reporter's sentence.

A `Cue` is a reporting verb or phrase with the mention of its source; `noun_phrases` finds the mention.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from nato_stance import tokens as t
from nato_stance.lexicon_files import entries, lexicon
from nato_stance.non_statements import USING, WORDS_SAID
from nato_stance.noun_phrases import (
    ARTICLES,
    BREAK,
    LINKS,
    MAX_SUBJECT,
    PHRASE,
    SUBORDINATORS,
    Range,
    antecedent,
    can_speak,
    last_noun_phrase,
    main_subject,
    noun_phrase_at,
    skip_back,
    subject_after,
    subject_before,
)
from nato_stance.tokens import Frame
from nato_stance.verbs import BASE, FINITE, GERUND, NAME, NOUN, PARTICIPLE, PAST, SAY, verb_forms

_PLURAL_REACH: Final = 8
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
    owned = previous & (t.DETERMINER | t.POSSESSIVE) and not previous & (t.PRONOUN | t.AUXILIARY)
    contracted = previous & t.POSSESSIVE and previous & t.CAPITAL and frame.low[i].endswith(("ing", "ed"))
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
        if i - 2 >= low and not previous and flags[i - 2] & (t.DETERMINER | t.POSSESSIVE):
            return None  # "a regular briefing"
        if previous & t.PREPOSITION and frame.low[i - 1] in _NO_GERUND:
            return None
        return _gerund(frame, cue, i, low)
    j = skip_back(frame, i - 1, low, t.ADVERB)
    if (j >= low and frame.low[j] == "to") or (j >= low and flags[j] & t.PREPOSITION):
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
        short = flags[cue.subject[0]] & t.DETERMINER and cue.subject[1] - cue.subject[0] <= 3 and kind & PAST
        if not (kind & SAY or short) or (frame.low[i] in lexicon("noun_verbs") and previous & t.RELATIVE == 0):
            return None
    if cue.subject is None:
        return _inverted_only(frame, cue, low)
    return cue


_NO_GERUND: Final = frozenset(("of", "for", "without"))  # "it goes without saying"
_QUOTING: Final = frozenset(("quote", "cite"))
_AS_SAYING: Final = frozenset((("as", "saying"), ("as", "telling"), ("as", "adding"), ("as", "calling")))
_HABITS: Final = frozenset(("likes", "liked", "used", "loves", "loved", "tends", "tended", "continues", "continued"))
_CONVICTIONS: Final = frozenset(("convinced", "certain", "adamant", "sure", "confident"))


def _stands_alone(frame: Frame, i: int) -> bool:
    """Tell whether the determiner before a past form is a pronoun here ("Another joked")."""
    form = verb_forms()[frame.low[i]].flags
    follows = frame.flags[i + 1] if i + 1 < frame.size else 0
    third = frame.low[i].endswith("s") and (
        frame.low[i] not in lexicon("noun_verbs") or follows & (t.OBJECT | t.PRONOUN)
    )
    return frame.low[i - 1] in lexicon("lone_determiners") and bool(form & PAST or third)


def _reads_as_noun(frame: Frame, end: int) -> bool:
    """Tell whether what follows a form such as *states* or *reports* makes it a noun."""
    if end >= frame.size:
        return False
    flag = frame.flags[end]
    if flag & t.COMMA:
        return not frame.flags[end - 2] & (t.CAPITAL | t.PRONOUN)
    return bool(
        flag & (t.CONJUNCTION | t.AUXILIARY | t.VERB)
        or frame.words[end] == "("
        or (flag & t.PREPOSITION and not flag & t.CAPITAL)
    )


def _gerund(frame: Frame, cue: Cue, i: int, low: int) -> Cue:
    """A progressive form is finite ("is calling"); a bare gerund takes its source from elsewhere."""
    j = i - 1
    while j >= low and frame.flags[j] & t.ADVERB and not frame.flags[j] & t.AUXILIARY:
        j -= 1
    if j >= low and (
        frame.flags[j] & t.AUXILIARY or (frame.flags[j] & t.POSSESSIVE and frame.flags[j] & (t.CAPITAL | t.PRONOUN))
    ):
        subject = subject_before(frame, j + 1 if frame.flags[j] & t.POSSESSIVE else j, low)
        if subject is not None and can_speak(frame, subject):
            cue.subject = subject
            return cue
        if j > low and frame.flags[j - 1] & (t.CONJUNCTION | t.COMMA | t.DASH):
            return cue  # "denies it and is demanding": the subject of the verb before
    cue.finite = False
    if i > low and frame.flags[i - 1] & t.CAPITAL and not frame.flags[i - 1] & (t.POSSESSIVE | t.DAY | LINKS):
        cue.subject = (last_noun_phrase(frame, low, i), i)  # "footage of Holm asking"
    return cue


def _is_passive(frame: Frame, i: int, low: int) -> bool:
    j = i - 1
    while j >= low and frame.flags[j] & t.ADVERB and frame.low[j] not in _BE:
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
        if frame.flags[i] & t.STOP:
            break
    return None


def _before_gerund(frame: Frame, agent: Range) -> Range:
    """Cut the reason off an agent: "by doctors for promoting it"."""
    for i in range(agent[0] + 1, agent[1]):
        if (
            frame.flags[i - 1] & t.PREPOSITION
            and frame.low[i].endswith("ing")
            and not frame.flags[i] & (t.CAPITAL | t.ROLE)
        ):
            return agent[0], i - 1
    return agent


def _plural_before(frame: Frame, i: int, low: int) -> bool:
    """Tell whether a base form can be finite here: after a plural, an auxiliary or *who*."""
    j = i - 1
    while j >= low and frame.flags[j] & t.ADVERB and not frame.flags[j] & t.AUXILIARY:
        j -= 1
    if j < low:
        return False
    word, flag = frame.low[j], frame.flags[j]
    if flag & t.AUXILIARY:
        return True
    if flag & t.PRONOUN:
        return word in _PLURAL_PRONOUNS
    if flag & (t.COMMA | t.QUOTE):
        return True
    if word.endswith(("s", "men", "people", "police")) and not flag & t.DETERMINER:
        return True
    k = j
    for k in range(j, max(low, j - _PLURAL_REACH) - 1, -1):
        if frame.flags[k] & BREAK or (frame.flags[k] & t.VERB and not frame.flags[k] & (t.CAPITAL | t.ROLE)):
            break
        if (
            frame.flags[k] & t.PREPOSITION
            and k > low
            and frame.low[k - 1].endswith("s")
            and frame.flags[k - 1] & t.ROLE
        ):
            return True  # "Officials in Taipei say"
    k = j
    while k > low and frame.flags[k] & (t.CAPITAL | t.TITLE | t.ROLE):
        k -= 1
    return frame.low[k] == "and" and bool(frame.flags[k - 1] & (t.CAPITAL | t.ROLE))


def _inverted_only(frame: Frame, cue: Cue, low: int) -> Cue | None:
    """Keep a verb without a subject before it only where a quotation or a comma precedes it and a source follows."""
    i = cue.at[0]
    j = skip_back(frame, i - 1, low, t.ADVERB)
    if cue.flags & BASE and not cue.flags & (FINITE ^ BASE):
        return None
    if i > low and frame.flags[i - 1] & t.AUXILIARY and frame.low[i - 1].startswith("do"):
        return None  # "“...” don't support X"
    if j >= low and not frame.flags[j] & (t.QUOTE | t.COMMA | t.STOP | t.DASH):
        reports = (
            cue.at[1] - i > 1
            or (cue.lemma in lexicon("object_verbs") and frame.low[i] not in lexicon("noun_verbs"))
            or frame.low[cue.at[1] : cue.at[1] + 1] == ["that"]
        )
        joins = cue.flags & PAST or (not cue.flags & BASE and reports)
        return cue if frame.flags[j] & t.CONJUNCTION and joins else None
    if (cue.lemma in _ADDRESSED and cue.lemma != "ask") or (i == 0 and not cue.flags & SAY):
        subject = None  # "Calls people names": a list of deeds without a subject
    else:
        subject = subject_after(frame, cue.at[1])
        if subject is not None and frame.low[cue.at[1] - 1] == "to" and subject[1] < frame.size:
            subject = noun_phrase_at(frame, subject[1], frame.size) or subject  # "confessed to this newspaper an aide"
    answers = (
        i > 0 and frame.flags[i - 1] & t.QUOTE and cue.flags & SAY and subject and frame.low[subject[0]] in ARTICLES
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
            if subject is None and i + len(words) < frame.size and frame.flags[i + len(words)] & t.OBJECT:
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
            if not word and frame.flags[i] & t.QUOTE:
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
    if flag & t.VERB:
        cue = _verb_cue(frame, i, low) if not (flag & t.CAPITAL and i > 0) else None
        named = not (flag & t.CAPITAL and i > 0)
        return _noun_cue(frame, i, low) if cue is None and named and word in lexicon("speech_nouns") else cue
    if word in lexicon("speech_nouns"):
        return _noun_cue(frame, i, low)
    if (flag & t.PREPOSITION or word == "according") and word in _PHRASE_HEADS:
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
    for noun in range(i + 2, min(frame.size, i + PHRASE)):
        if frame.low[noun] in _VIEWS and (noun + 1 >= frame.size or frame.flags[noun + 1] & BREAK):
            owner = (i + 1, noun)
            owned = frame.low[i + 1] in _OWNERS and noun == i + 2
            if owned or frame.flags[noun - 1] & t.POSSESSIVE:
                return Cue((i, noun + 1), 0, "in the view of", owner)
    return None


_VIEWS: Final = frozenset(("eyes", "view", "opinion", "judgment", "judgement", "mind", "telling", "words"))
_OWNERS: Final = frozenset(("his", "her", "their", "its"))


def _coordinate_subject(frame: Frame, i: int, low: int) -> Range | None:
    """Return the subject of a verb without a lexicon entry that *and* joins to the one at token `i`.

    "When the minister spoke, she laughed and said": no cue, but a subject right before the verb *laughed*.
    """
    flags = frame.flags
    j = skip_back(frame, i - 1, low, t.ADVERB)
    if j <= low or frame.low[j] not in _JOINS:
        return None
    for k in range(j - 1, max(low, j - _COORDINATE_REACH) - 1, -1):
        if flags[k] & (t.STOP | t.QUOTE | t.COLON | t.DASH):
            return None
        if frame.low[k] == "who":
            return antecedent(frame, k, low)
        if flags[k] & t.PRONOUN and not flags[k] & t.RELATIVE and frame.low[k] != "it" and frame.words[k] != "US":
            return k, k + 1
        if (
            k > low
            and flags[k - 1] & (t.COMMA | t.CONJUNCTION)
            and flags[k] & (t.CAPITAL | t.DETERMINER | t.ROLE | t.TITLE)
        ):
            subject = noun_phrase_at(frame, k, j)
            if subject is None or subject[1] >= j or not can_speak(frame, subject):
                continue
            verb = subject[1]
            if frame.low[verb].endswith("ed") or flags[verb] & (t.AUXILIARY | t.VERB):
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
    return last.subject[0] > 0 and frame.low[last.subject[0] - 1] in SUBORDINATORS


def in_subordinate_clause(frame: Frame, cue: Cue) -> bool:
    """Tell whether a cue only says when or why: "laughed when a reporter read it out"."""
    return cue.subject is not None and cue.subject[0] > 0 and frame.low[cue.subject[0] - 1] in SUBORDINATORS


def _opens_clause(frame: Frame, subject: Range) -> bool:
    """Tell whether a subject opens a clause beside the reported one: "after she waved", "When X came, she waved"."""
    before = frame.low[subject[0] - 1] if subject[0] else ""
    fronted = frame.low[0] in SUBORDINATORS or frame.low[0] in ("as", "once")
    return before in SUBORDINATORS or (fronted and bool(frame.flags[subject[0] - 1] & t.COMMA))


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
        if flags[j] & (BREAK | t.PREPOSITION | t.CONJUNCTION):
            return None
        if frame.low[j] in ("his", "her", "their", "its"):
            return Cue((i, i + 1), NOUN, "noun", (j, j + 1), finite=False)
        if flags[j] & t.POSSESSIVE and not flags[j] & t.PRONOUN:
            start = j
            while (
                start > low
                and flags[start - 1] & (t.CAPITAL | t.TITLE | t.ROLE)
                and not flags[start - 1] & t.POSSESSIVE
            ):
                start -= 1
            return Cue((i, i + 1), NOUN, "noun", (start, j + 1), finite=False)
    return None


def _following_subject(frame: Frame, i: int) -> Range | None:
    """Return the subject after the clause that a gerund opens: "Bemoaning the “...,” Holm accused"."""
    for j in range(i + 1, min(frame.size - 1, i + MAX_SUBJECT)):
        if frame.flags[j] & (t.COMMA | t.QUOTE) and frame.flags[j + 1] & (
            t.CAPITAL | t.PRONOUN | t.DETERMINER | t.ROLE
        ):
            if frame.flags[j + 1] & t.PRONOUN and not frame.flags[j + 1] & t.RELATIVE:
                return j + 1, j + 2
            return noun_phrase_at(frame, j + 1, frame.size)
    return None
