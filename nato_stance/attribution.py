"""Which cue carries which quotation of a sentence."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

from nato_stance import tokens as t
from nato_stance.lexicon_files import lexicon
from nato_stance.non_statements import is_title_case
from nato_stance.noun_phrases import Range, can_speak, main_subject, noun_phrase_at
from nato_stance.speakers import Cue, cues
from nato_stance.tokens import Frame
from nato_stance.verbs import NAME, SAY

BEFORE: Final = "before"
AFTER: Final = "after"
TAIL: Final = "tail"

_ENDS_CLAUSE: Final = frozenset(",.?!…;:—–-")
_NEAR: Final = 3
_LABEL_REACH: Final = 20
_APPOSITION: Final = 12
_CLAUSE_REACH: Final = 12
_CUES: Final = 8
"""So many cues on either side of a quotation are looked at."""


class Attribution(NamedTuple):
    """What carries a quotation: the token ranges of the source and of the cue, where they stand, and the mention.

    The mention is given where it is not the source itself: *who* in "Holm, who called it ...".
    """

    subject: Range | None
    cue: Range | None
    place: str
    mention: Range | None = None


def _of(frame: Frame, cue: Cue, place: str) -> Attribution:
    return Attribution(cue.subject, cue.at, place, _relative_pronoun(frame, cue))


def _relative_pronoun(frame: Frame, cue: Cue) -> Range | None:
    """Return the *who* or *which* that is the grammatical subject of a cue."""
    if cue.subject is None or cue.inverted or cue.passive:
        return None
    i = cue.at[0] - 1
    while i >= cue.subject[1] and frame.flags[i] & (t.ADVERB | t.AUXILIARY):
        i -= 1
    if i < cue.subject[1] or frame.low[i] not in _SUBJECT_RELATIVES:
        # "Holm, who has in the past called it": no comma ends the relative clause before the cue.
        i = cue.subject[1] + 1
        if not i < cue.at[0] <= i + _CLAUSE_REACH or not frame.flags[i - 1] & t.COMMA:
            return None
        if any(frame.flags[k] & (t.COMMA | t.STOP | t.DASH | t.QUOTE) for k in range(i, cue.at[0])):
            return None
    return (i, i + 1) if frame.low[i] in _SUBJECT_RELATIVES else None


_SUBJECT_RELATIVES: Final = frozenset(("who", "which", "that"))


def _closes(frame: Frame, text: str, index: int) -> bool:
    """Tell whether a clause ends with the quotation: punctuation inside its mark or right behind it."""
    quote = frame.quotes[index]
    if text[quote.start : quote.end].rstrip("\"'”’»")[-1:] in _ENDS_CLAUSE:
        return True
    following = frame.at[index] + 1
    return following < frame.size and bool(frame.flags[following] & (t.COMMA | t.DASH))


def _follows_freely(frame: Frame, end: int) -> bool:
    """Tell whether nothing hangs on a cue that ends at token `end`: no clause, no object clause."""
    while end < frame.size and frame.flags[end] & (t.ADVERB | t.DAY) and not frame.flags[end] & t.CAPITAL:
        end += 1
    if end >= frame.size:
        return True
    return bool(
        frame.flags[end] & (t.COMMA | t.STOP | t.COLON | t.DASH | t.QUOTE | t.PREPOSITION | t.DAY | t.CONJUNCTION)
    )


def _after(frame: Frame, text: str, index: int, later: Sequence[Cue]) -> Attribution | None:
    at = frame.at[index]
    begin = at + 1
    named = False
    while begin < frame.size and (frame.flags[begin] & (t.COMMA | t.DASH) or frame.words[begin] in ("*", "_")):
        begin += 1
    if frame.words[begin : begin + 1] == ["["] and frame.words[begin + 2 : begin + 3] == ["]"]:
        begin += 3  # the mark of a footnote
    if frame.low[begin : begin + 2] in (["was", "how"], ["is", "how"], ["is", "what"], ["was", "what"]):
        begin += 2
        named = True
    if begin >= frame.size or frame.flags[begin] & t.QUOTE:
        return None
    closes = _closes(frame, text, index)
    for cue in later:
        start = cue.begin if cue.subject and cue.subject[0] > at else cue.at[0]
        if start != begin and _is_apposed(frame, begin, start):
            start = begin
        lead = start <= begin + 2 and all(_is_lead(frame, i) for i in range(begin, start))
        if start != begin and not lead:
            if start > begin + 2:
                break
            continue
        says = cue.flags & SAY or not cue.flags or cue.inverted or (closes and _follows_freely(frame, cue.end))
        if not says or not cue.finite:
            continue
        if cue.passive and cue.subject is None and closes and _follows_freely(frame, cue.end):
            return _of(frame, cue, AFTER)  # "“...,” it was announced"
        if _owns_next(frame, index, cue):
            continue
        if cue.subject is None or (cue.subject[0] <= at and (not closes or frame.flags[begin] & t.RELATIVE)):
            continue
        if named or closes or cue.inverted or _follows_freely(frame, cue.end):
            return _of(frame, cue, AFTER)
    return None


def _owns_next(frame: Frame, index: int, cue: Cue) -> bool:
    """Tell whether a cue behind a quotation has the next one as complement: “A”, Berg finds them “B”."""
    if cue.inverted or index + 1 >= len(frame.at):
        return False
    object_ = range(cue.end, frame.at[index + 1])
    return 0 < len(object_) <= _NEAR and not any(frame.flags[i] & (_CLAUSE_BREAK | t.AUXILIARY) for i in object_)


def _is_lead(frame: Frame, i: int) -> bool:
    """Tell whether token `i` may stand between a quotation and its attribution: "later", "on Friday", "as"."""
    flag = frame.flags[i]
    return frame.low[i] == "as" or bool(flag & (t.ADVERB | t.DAY) and not flag & t.AUXILIARY)


def _is_apposed(frame: Frame, begin: int, start: int) -> bool:
    """Tell whether a source at token `start` is the name behind a description: "the dam's keeper, Ada Holm, said"."""
    if not begin < start <= begin + _APPOSITION or not frame.flags[start - 1] & t.COMMA:
        return False
    between = frame.flags[begin : start - 1]
    return bool(frame.flags[begin] & t.DETERMINER) and not any(
        f & (t.COMMA | t.QUOTE | t.STOP | t.CONJUNCTION) for f in between
    )


def _before(frame: Frame, text: str, index: int, earlier: Sequence[Cue]) -> tuple[Attribution, int] | None:
    """Return the nearest cue before a quotation and the number of tokens between them."""
    at = frame.at[index]
    clause = _is_long_fragment(frame, text, index)
    before = [cue for cue in earlier if not _is_weak(frame, cue, at, clause=clause)]
    while len(before) > 1 and before[-1].passive and before[-1].subject is None:
        before.pop()  # "X said it was criticized as ...": whoever reports the passive
    while len(before) > 1 and _is_object(frame, before[-2], before[-1]):
        before.pop()  # "called Holm's remarks on Friday “...”"
    while len(before) > 1 and _is_channel(frame, before[-1]) and before[-2].flags & SAY:
        before.pop()  # "Holm said, as quoted by the daily X, that “...”"
    told = _told_before(frame, before, at)
    if told is not None:
        return _of(frame, told, BEFORE), at - told.at[1]
    if not before:
        return None
    i = len(before) - 1
    gap = at - before[i].at[1]
    if not _introduces(frame, before[i], at):
        for j in range(i - 1, -1, -1):
            if _is_inside(frame, before[j], before[i]):
                i = j
            elif before[j].finite and not before[j].passive:
                break
    return _of(frame, before[i], BEFORE), gap


def _is_channel(frame: Frame, cue: Cue) -> bool:
    """Tell whether a cue only says where something was read: *as quoted by the daily X*."""
    return bool(cue.passive and cue.at[0] and frame.low[cue.at[0] - 1] == "as")


def _is_object(frame: Frame, verb: Cue, noun: Cue) -> bool:
    """Tell whether a noun for words is what a verb such as *called* puts a name on."""
    if noun.lemma != "noun" or verb.lemma not in _CALLING or verb.passive or frame.low[noun.at[1]] == "that":
        return False
    return not _has_break(frame, verb.at[1], noun.at[0])


def _told_before(frame: Frame, before: Sequence[Cue], at: int) -> Cue | None:
    """Return the cue that a second *that* belongs to: "told a woman who suggested that A that “...”"."""
    if len(before) < 2 or frame.low[at - 1] != "that" or frame.low[before[-1].at[1]] != "that":
        return None
    if before[-1].at[1] == at - 1 or before[-2].lemma not in _TELLING or frame.low[before[-2].at[1]] == "that":
        return None
    return before[-2]


def _is_long_fragment(frame: Frame, text: str, index: int) -> bool:
    """Tell whether a quotation begins in lower case, has some words and is no adjective of the reporter's."""
    quote = frame.quotes[index]
    following = frame.at[index] + 1
    if not text[quote.start].islower() or (following < frame.size and not frame.flags[following] & _NO_NOUN):
        return False
    return len(text[quote.start : quote.end].split(None, _FRAGMENT)) >= _FRAGMENT


def _is_weak(frame: Frame, cue: Cue, at: int, *, clause: bool = False) -> bool:
    """Tell whether a verb of perception stands too far from a quotation to report it."""
    if cue.lemma == "noun":
        return not (frame.low[cue.at[1]] in _AFTER_NOUN or frame.flags[cue.at[1]] & (t.COLON | t.COMMA | t.QUOTE))
    if cue.lemma not in lexicon("weak_verbs") or at == cue.at[1] or frame.low[cue.at[1]] == "that":
        return False
    if all(frame.flags[i] & t.OBJECT or frame.low[i] == "as" for i in range(cue.at[1], at)):
        return False  # "finds them “asleep”"
    if cue.begin > 0 and frame.low[cue.begin - 1] == "as":
        return False  # "as Holm observed, in the first days of a war, “...”"
    between = range(cue.at[1], at)
    led_away = any(frame.flags[i] & t.PREPOSITION and frame.low[i] != "of" for i in between)
    if clause and len(between) <= _WEAK_REACH and not led_away and not _has_break(frame, cue.at[1], at):
        return False  # "found the bunker “unfit for human beings”"
    return not _introduces(frame, cue, at)


def _has_break(frame: Frame, start: int, end: int) -> bool:
    return any(frame.flags[i] & (_CLAUSE_BREAK | t.CONJUNCTION) for i in range(start, end))


_NO_NOUN: Final = (
    t.COMMA | t.STOP | t.COLON | t.DASH | t.QUOTE | t.CONJUNCTION | t.PREPOSITION | t.AUXILIARY | t.RELATIVE | t.ADVERB
)
"""Flags of words that cannot be a noun which a quotation before them modifies."""
_FRAGMENT: Final = 3
_WEAK_REACH: Final = 6
_CLAUSE_BREAK: Final = t.COMMA | t.STOP | t.COLON | t.DASH | t.QUOTE
_CALLING: Final = frozenset(("call", "label", "brand", "dub", "term", "describe", "characterize", "characterise"))
_TELLING: Final = frozenset(("tell", "assure", "remind", "warn", "inform", "advise"))
_AFTER_NOUN: Final = frozenset(["that", "of", "to", "for", "as", "on", "about"])


def _introduces(frame: Frame, cue: Cue, at: int) -> bool:
    """Tell whether a cue hands over to the quotation with a comma, a colon or *that*, or follows *what*."""
    if any(frame.flags[i] & t.QUOTE for i in range(cue.at[1], at)):
        return False
    if at > cue.at[1] and (frame.flags[at - 1] & (t.COMMA | t.COLON) or frame.low[at - 1] == "that"):
        return True
    return cue.begin > 0 and frame.low[cue.begin - 1] == "what"


def _is_inside(frame: Frame, outer: Cue, inner: Cue) -> bool:
    """Tell whether `inner` belongs to the clause that `outer` reports ("Holm said that Berg called it ...")."""
    if outer.lemma == "noun" or (outer.lemma in ("quote", "cite") and inner.lemma != "noun"):
        return False  # "quotes a corporal who told her"
    if outer.subject is None or outer.passive or not outer.flags & SAY or not outer.finite:
        # A gerund or an infinitive hands on to whatever it depends on.
        if inner.at[0] > 0 and frame.flags[inner.at[0] - 1] & (t.CONJUNCTION | t.COMMA):
            return False  # "calling it “...” and claiming “...”"
        return outer.subject is not None and not outer.finite and not inner.finite and outer.subject == inner.subject
    if outer.inverted or (outer.lemma == "report" and inner.finite and inner.subject != outer.subject):
        return False  # an agency passes on what somebody said
    lead = (inner.begin if inner.begin > outer.at[1] else inner.at[0]) - 1
    if _is_reported_plan(frame, outer, inner):
        return True
    if lead >= outer.at[1] and (frame.flags[lead] & t.COMMA or frame.low[lead] == "which"):
        return False
    if frame.low[lead] in _APART and any(f & t.COMMA for f in frame.flags[max(outer.at[1], lead - _LEAD) : lead]):
        return False  # "said ..., a day after his envoy called it", "made ..., an offer that Berg called"
    for i in range(outer.at[1], lead + 1):
        flag = frame.flags[i]
        coordinates = frame.low[i] in _COORDINATORS and flag & t.CONJUNCTION and not _joins_nouns(frame, i)
        if coordinates or frame.words[i] == ";" or flag & t.DASH:
            return False
    return True


def _joins_nouns(frame: Frame, i: int) -> bool:
    """Tell whether *and* at token `i` joins two nouns, not two clauses: "the States and its allies will"."""
    if frame.low[i] != "and" or i + 1 >= frame.size or not frame.flags[i - 1] & (t.CAPITAL | t.ROLE):
        return False
    return bool(frame.flags[i + 1] & (t.ROLE | t.POSSESSIVE) or frame.low[i + 1] in _THEIR)


_THEIR: Final = frozenset(("its", "their", "his", "her"))


def _is_reported_plan(frame: Frame, outer: Cue, inner: Cue) -> bool:
    """Tell whether a pronoun *would* do the saying: "said that, if elected, she would ask him to lead a ..."."""
    if inner.subject is None or inner.subject[0] < outer.at[1] or not frame.flags[inner.subject[0]] & t.PRONOUN:
        return False
    between = range(inner.subject[0], inner.at[0])
    if not any(frame.low[i] in ("would", "could", "might") for i in between):
        return False
    return not any(frame.flags[i] & t.QUOTE or frame.low[i] in _TURNS for i in range(outer.at[1], inner.subject[0]))


_APART: Final = frozenset(("after", "before", "that"))
_LEAD: Final = 4
_TURNS: Final = frozenset(["and", "but", "while", "which", "whom", "whereas"])
_COORDINATORS: Final = frozenset(["and", "but", "while", "though", "although", "whereas", "as", "when", "because"])


def _tail(frame: Frame, index: int, found: Sequence[Cue], *, said: bool) -> Attribution | None:
    """Return the attribution that ends the sentence; `said`: whether somebody is named as the speaker before."""
    at = frame.at[index]
    for cue in reversed(found):
        if cue.at[0] <= at:
            break
        if cue.flags and not (cue.flags & SAY and cue.finite):
            continue
        if said and (not cue.flags or cue.lemma == "report"):
            continue  # an agency that passes on what somebody said
        if cue.subject is None or cue.begin <= at + 1:
            continue
        if not frame.flags[cue.begin - 1] & (t.COMMA | t.DASH | t.QUOTE):
            continue
        end = cue.end
        if cue.lemma in _TELLING and not cue.inverted:
            addressee = noun_phrase_at(frame, end, frame.size)
            end = addressee[1] if addressee is not None else end
        if not cue.flags or _follows_freely(frame, end):
            return _of(frame, cue, TAIL)
    return None


def _is_near(frame: Frame, gap: int, at: int) -> bool:
    """Tell whether a cue stands right before a quotation, with at most an article, *it* or *as* between."""
    if gap > _NEAR:
        return False
    return not any(frame.flags[i] & (t.CAPITAL | t.CONJUNCTION) for i in range(at - gap, at))


def _for_somebody(frame: Frame, at: int) -> Attribution | None:
    """Read "For the minister, the plan is ..." at the head of a sentence, and "to her," right before a quotation."""
    own = at > 3 and frame.low[at - 3] in ("for", "to") and frame.low[at - 2] in ("him", "her", "them")
    if own and frame.flags[at - 1] & t.COMMA:
        return Attribution((at - 2, at - 1), (at - 3, at - 2), BEFORE)
    if frame.size < 4 or frame.low[0] not in ("for", "to") or frame.flags[0] & t.QUOTE:
        return None
    subject = noun_phrase_at(frame, 1, frame.size)
    if subject is None and frame.low[1] in ("him", "her", "them"):
        subject = (1, 2)
    if subject is None or subject[1] >= frame.size:
        return None
    if frame.low[subject[1] : subject[1] + 2] in (["it", "is"], ["it", "was"]):
        return None if frame.low[subject[1] - 1] in lexicon("places") else Attribution(subject, None, BEFORE)
    if not frame.flags[subject[1]] & t.COMMA:
        return None
    if not ((subject == (1, 2) and frame.flags[1] & t.OBJECT) or _is_human(frame, subject)):
        return None
    return Attribution(subject, (0, 1), BEFORE)


def _is_human(frame: Frame, subject: Range) -> bool:
    """Tell whether a noun phrase names a person or somebody by a post; a lone name may be a country."""
    if frame.flags[subject[0]] & t.CAPITAL:
        return subject[1] - subject[0] > 1 and bool(frame.flags[subject[0] + 1] & t.CAPITAL)
    return any(frame.flags[i] & t.ROLE and frame.low[i] not in lexicon("bodies") for i in range(*subject)) and (
        frame.low[subject[0]] in ("the", "his", "her", "its", "their")
    )


def _label(frame: Frame, index: int) -> Attribution | None:
    """Read "Source: “...”" and "“...” – Source" and "“...” Source."."""
    at = frame.at[index]
    if at >= 2 and frame.flags[at - 1] & t.COLON and (index == 0 or frame.at[index - 1] < at - _LABEL_REACH):
        subject = main_subject(frame, at - 1)
        if subject is not None:
            return Attribution(_before_unknown_verb(frame, subject), None, BEFORE)
    if at >= 2 and frame.flags[at - 1] & t.DASH and at + 1 < frame.size and frame.flags[at + 1] & t.DASH:
        subject = _name_before(frame, at - 1)
        if subject is not None:
            return Attribution(subject, None, BEFORE)
    following = at + 1
    if following < frame.size and frame.flags[following] & (t.DASH | t.COMMA | t.STOP):
        following += 1
    if following + 1 < frame.size and frame.low[following] == "so" and frame.flags[following + 1] & t.CAPITAL:
        following += 1  # "so Holm", translated from German
    if following < frame.size and frame.flags[following] & (t.CAPITAL | t.DETERMINER) and index == len(frame.at) - 1:
        subject = noun_phrase_at(frame, following, frame.size)
        if subject is not None and can_speak(frame, subject):
            rest = subject[1]
            if rest >= frame.size or frame.flags[rest] & t.COMMA:
                return Attribution(subject, None, AFTER)
    return None


def _in_brackets(frame: Frame, at: int) -> Attribution | None:
    """Read "Holm (“...”) and Berg (“...”)"."""
    if not 1 < at < frame.size - 1 or frame.words[at - 1] != "(" or frame.words[at + 1] != ")":
        return None
    subject = _name_before(frame, at - 1)
    return None if subject is None else Attribution(subject, None, BEFORE)


def _before_unknown_verb(frame: Frame, subject: Range) -> Range:
    """Cut a noun phrase that ran over a verb no lexicon knows: "the sign at the gate leaves no doubt:"."""
    flags = frame.flags
    noun = next((i for i in range(*subject) if flags[i] & t.ROLE), subject[1])
    for i in range(noun + 1, subject[1]):
        if not flags[i] and frame.low[i].endswith("s") and not flags[i - 1] & (t.PREPOSITION | t.POSSESSIVE):
            return subject[0], i
    return subject


def _name_before(frame: Frame, end: int) -> Range | None:
    """Return the capitalised name of two words or more, or the title and name, that end before token `end`."""
    start = end
    while start > 0 and frame.flags[start - 1] & (t.CAPITAL | t.TITLE) and not frame.flags[start - 1] & t.DAY:
        start -= 1
    return (start, end) if end - start > 1 and can_speak(frame, (start, end)) else None


def _as_something(frame: Frame, index: int) -> Attribution | None:
    """Read "X sees Y as a “...”" with a verb that no lexicon knows: the subject of the sentence is the source."""
    at = frame.at[index]
    i = at - 1
    while i >= 0 and at - i <= _NEAR and not frame.flags[i] & (t.COMMA | t.STOP | t.QUOTE):
        if frame.low[i] == "as":
            subject = main_subject(frame, i)
            if subject is None or frame.low[subject[0]] in ("it", "i", "we", "you", "who"):
                return None
            return Attribution(subject, (i, i + 1), BEFORE)
        i -= 1
    return None


def _is_nickname(frame: Frame, index: int, text: str, before: tuple[Attribution, int]) -> bool:
    """Tell whether a crowd gives something its nickname: "villagers call it “the Ditch”"."""
    carried = before[0]
    if carried.cue is None or carried.subject is None or before[1] > _NEAR:
        return False
    if frame.low[carried.cue[0]] not in ("call", "calls", "called", "dub", "dubbed"):
        return False
    quote = frame.quotes[index]
    short = len(text[quote.start : min(quote.end, quote.start + 80)].split()) <= _NEAR
    head = next((i for i in range(*carried.subject) if frame.flags[i] & t.PREPOSITION), carried.subject[1])
    return short and frame.low[head - 1] in lexicon("naming_crowds")


def _only_names(frame: Frame, text: str, index: int, before: tuple[Attribution, int]) -> bool:
    """Tell whether a passive without an agent gives something its title: "It is called “The Long Shadow”"."""
    if before[0].subject is not None or before[1] > 1:
        return False
    quote = frame.quotes[index]
    words = text[quote.start : quote.end].split()
    return len(words) > 1 and is_title_case([w.strip(",:;.!?") or "-" for w in words])


def _hands_on(frame: Frame, index: int, direct: Attribution, before: tuple[Attribution, int]) -> bool:
    """Tell whether the cue behind a quotation opens the next one: somebody shouted, “A,” X joked, “B”."""
    if (
        direct.cue is None
        or before[0].subject is None
        or before[1] > 1
        or not frame.flags[frame.at[index] - 1] & t.COMMA
    ):
        return False
    after = max(direct.cue[1], direct.subject[1] if direct.subject else 0)
    if after + 1 >= frame.size or not frame.flags[after] & (t.COMMA | t.COLON):
        return False
    if index + 1 >= len(frame.at):
        return False
    following = frame.at[index + 1]
    aside = range(after + 1, following - 1)
    return following == after + 1 or (
        len(aside) < _APPOSITION
        and bool(frame.flags[following - 1] & (t.COMMA | t.COLON))
        and not any(frame.flags[i] & (t.COMMA | t.STOP | t.PRONOUN) for i in aside)
    )


def _passes_on(found: Sequence[Cue], direct: Attribution) -> bool:
    """Tell whether an attribution may only name who passed something on: *according to X*, *X reported*."""
    return any(c.at == direct.cue and (not c.flags or c.lemma in _PASSING_ON) for c in found)


_PASSING_ON: Final = frozenset(("report", "recall", "recount", "relate"))


def _says(found: Sequence[Cue], before: Attribution) -> bool:
    """Tell whether an attribution is by a finite verb of saying with a source."""
    return before.subject is not None and any(
        c.at == before.cue and c.flags & SAY and c.finite and not c.passive for c in found
    )


def _is_reason(frame: Frame, before: Attribution, found: Sequence[Cue], at: int) -> bool:
    """Tell whether a quotation stands in the reason behind a passive: called a fraud by X for selling “magic” pills."""
    if before.subject is None or before.cue is None or before.subject[0] < before.cue[1]:
        return False
    if not any(c.at == before.cue and c.passive for c in found):
        return False
    reason = range(before.subject[1], at - 1)
    return any(frame.flags[i] & t.PREPOSITION and frame.low[i + 1].endswith("ing") for i in reason)


def _is_announced_act(frame: Frame, before: Attribution, found: Sequence[Cue]) -> bool:
    """Tell whether a cue is what the sentence says will be done: "Russia will respond “in kind”, Lomov told"."""
    cue = next((c for c in found if c.at == before.cue), None)
    if cue is None or before.subject is None or before.subject[1] > cue.at[0]:
        return False
    return any(frame.low[i] in ("will", "would", "shall") for i in range(before.subject[1], cue.at[0]))


def _goes_on(frame: Frame, earlier: Attribution | None, index: int, found: Sequence[Cue]) -> bool:
    """Tell whether *and* joins a quotation to the one before it under its cue: called it “A” and “B,” Y said."""
    if earlier is None or earlier.place != BEFORE or index == 0 or frame.low[frame.at[index] - 1] not in ("and", "or"):
        return False
    between = range(frame.at[index - 1] + 1, frame.at[index] - 1)
    return len(between) <= 1 and not _cue_between(found, frame.at[index - 1], frame.at[index])


def _cue_between(found: Sequence[Cue], start: int, end: int) -> bool:
    return any(start < cue.at[0] < end for cue in found)


def _is_passive_near(found: Sequence[Cue], before: tuple[Attribution, int]) -> bool:
    """Tell whether a cue without a source is a passive close to the quotation ("was called a “...”")."""
    return before[1] <= 2 * _NEAR and any(c.passive for c in found if c.at == before[0].cue)


def attribute(frame: Frame, text: str, found: Sequence[Cue] | None = None) -> list[Attribution | None]:
    """Return what carries each quotation of a sentence, None where the sentence has nothing that does."""
    found = cues(frame) if found is None else found
    places = [cue.at[0] for cue in found]
    result: list[Attribution | None] = []
    for index, at in enumerate(frame.at):
        earlier = result[-1] if result else None
        result.append(_in_brackets(frame, at) or _carrier(frame, text, index, found, bisect_left(places, at), earlier))
    return result


def _carrier(
    frame: Frame, text: str, index: int, found: Sequence[Cue], n: int, earlier: Attribution | None
) -> Attribution | None:
    """Return what carries one quotation; `n` is the number of cues before it, `earlier` what carries the one before."""
    at = frame.at[index]
    direct = _after(frame, text, index, found[n : n + _CUES])
    before = _before(frame, text, index, found[max(0, n - _CUES) : n])
    named = before is not None and _only_judges(frame, text, index, before, found)
    if before is not None and not named and _carries_nothing(frame, before, found, at):
        before = None
    if before is not None and (_only_names(frame, text, index, before) or _is_nickname(frame, index, text, before)):
        return None
    said = before is not None and _says(found, before[0])
    if (
        direct is not None
        and before is not None
        and (_hands_on(frame, index, direct, before) or (said and _passes_on(found, direct)))
    ):
        direct = None
    if direct is not None and not _goes_on(frame, earlier, index, found):
        return direct
    if before is not None and _is_announced_act(frame, before[0], found):
        planned = _tail(frame, index, found, said=False)
        if planned is not None:
            return planned
    if earlier is not None and earlier.place == BEFORE and not _cue_between(found, frame.at[index - 1], at):
        return earlier  # "what he called “...” and “...”": one cue
    if before is not None and before[0].subject is not None and _is_near(frame, before[1], at):
        return before[0]
    return (
        _tail(frame, index, found, said=said)
        or _for_somebody(frame, at)
        or (before[0] if before else None)
        or _label(frame, index)
        or _as_something(frame, index)
    )


def _only_judges(frame: Frame, text: str, index: int, before: tuple[Attribution, int], found: Sequence[Cue]) -> bool:
    """Tell whether words are a judgement that a sentence ascribes to nobody: "to call it “a war of choice” is"."""
    if before[0].subject is not None or before[1] > _WEAK_REACH or not _is_long_fragment(frame, text, index):
        return False
    cue = next((c for c in found if c.at == before[0].cue), None)
    if cue is None or not cue.flags & NAME:
        return False
    between = (i for i in range(cue.at[1], frame.at[index]) if frame.low[i] != "as")
    return not any(frame.flags[i] & (_CLAUSE_BREAK | t.CONJUNCTION) for i in between)


def _carries_nothing(frame: Frame, before: tuple[Attribution, int], found: Sequence[Cue], at: int) -> bool:
    """Tell whether the nearest cue before a quotation has neither a source nor a hold on it."""
    sourceless = before[0].subject is None and not _is_passive_near(found, before)
    return sourceless or _is_reason(frame, before[0], found, at)
