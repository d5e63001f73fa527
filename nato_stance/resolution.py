"""From a mention to a canonical speaker: surnames, pronouns and descriptions resolved to the article's people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from nato_stance import tokens as t
from nato_stance.lexicon_files import lexicon
from nato_stance.noun_phrases import Range, main_subject, noun_phrase_at, span_of
from nato_stance.people import PARTICLES, People, Person, is_titled, split_name, strip_possessive
from nato_stance.records import Span
from nato_stance.tokens import Frame

_GENDER: Final = {"he": "m", "his": "m", "him": "m", "himself": "m", "she": "f", "her": "f", "herself": "f"}
_LEADS: Final = frozenset(
    ["at", "in", "on", "for", "from", "after", "before", "during", "with", "since", "inside", "outside", "near"]
)
_POSSESSORS: Final = frozenset(["his", "her", "its", "their"])
_DEFINITE: Final = frozenset(["the", "his", "her", "its", "their", "our", "this", "that"])
_ARTICLES: Final = frozenset(["the", "a", "an"])
_PREMISES: Final = frozenset(["office", "camp", "team", "staff"])
_PARTS: Final = frozenset(["one", "some", "many", "most", "none", "each", "all", "both", "several"])
_SHORT: Final = 2
_MAX_WORDS: Final = 12
_REACH: Final = 8
_BY: Final = 4
_ADJECTIVES: Final = 4
_FOLLOWING: Final = 500
_NEARBY: Final = 120
_MAX_BODY: Final = 4
_LINE_ENDS: Final = frozenset(".!?…:\"'”’)")
_PRONOUN_LENGTH: Final = 3
_REACH_CHARACTERS: Final = 1500


class Speaker(NamedTuple):
    """A resolved source: canonical name, the mention's span, and the person where it is one."""

    name: str | None
    span: Span | None
    person: Person | None = None
    human: bool = True


def _leads_to_name(word: str) -> bool:
    """Tell whether a word can stand between the head of a sentence and the name that is its subject."""
    low = strip_possessive(word.strip(',;:–—-"“(')).lower()
    return word[0].isupper() or any(
        low in lexicon(n) for n in ("roles", "titles", "determiners", "conjunctions", "adverbs")
    )


class Resolver:
    """Resolves mentions in reading order and remembers who spoke last."""

    def __init__(self, text: str, people: People) -> None:
        self.text, self.people = text, people
        self.last: Speaker | None = None
        self.handed_over = False
        """True where `last` only stood in the sentence before and carried no attribution yet."""
        self._last_person: tuple[int, Person] | None = None
        self._last_body: Speaker | None = None
        self._described: dict[str, str] = {}
        self._asked: Person | None = None
        self._asker: str | None = None
        """Who asked the question just before, whoever it was asked of."""
        self._previous: Speaker | None = None
        self._entry = 0

    def resolve(self, frame: Frame, subject: Range, cue: Range | None = None) -> Speaker:
        """Return the speaker for the noun phrase at `subject`, and remember it as the one who spoke last.

        With the cue at hand, *he* in "he answered" is whoever was asked just before.
        """
        asked, self._asked = self._asked, self._addressee(frame, cue)
        speaker = self._resolve(frame, subject, cue, asked)
        asks = cue is not None and frame.low[cue[0]] in _ASKING
        self._asker = speaker.name if asks else None
        self._remember(speaker)
        return speaker

    def _resolve(self, frame: Frame, subject: Range, cue: Range | None, asked: Person | None) -> Speaker:
        answers = asked is not None and cue is not None and frame.low[cue[0]] in _ANSWERING
        pronoun = frame.low[subject[0]]
        if asked is not None and answers and pronoun in ("he", "she") and asked.gender in ("", _GENDER[pronoun]):
            return Speaker(asked.name, span_of(frame, subject), asked)
        span = span_of(frame, subject)
        head = _head(frame, subject)
        if subject[1] - subject[0] == 1 and (
            frame.flags[subject[0]] & (t.PRONOUN | t.OBJECT) or frame.low[subject[0]] in _POSSESSORS
        ):
            speaker = self._pronoun(frame, subject[0], span)
        else:
            person = self._named(frame, head) or self._named_after(frame, subject, head)
            certain = person is not None
            if person is None and frame.low[head[0]] in _DEFINITE | {""} and not _is_body(frame, head):
                person = self._described_person(frame, subject, head)
            if person is not None:
                if certain:  # what only may mean somebody must not become a post of theirs
                    self._learn_roles(frame, subject, person)
                speaker = Speaker(person.name, span, person)
            else:
                speaker = self._described_source(frame, subject, head, span)
        return speaker

    def _addressee(self, frame: Frame, cue: Range | None) -> Person | None:
        if cue is None or frame.low[cue[0]] not in _ASKING:
            return None
        addressee = noun_phrase_at(frame, cue[1], frame.size)
        return self._named(frame, addressee) if addressee is not None else None

    def names_person(self, frame: Frame, subject: Range) -> bool:
        """Tell whether a noun phrase names somebody of the article, or is *he* or *she*."""
        if frame.low[subject[0]] in ("he", "she") and subject[1] - subject[0] == 1:
            return True
        head = _head(frame, subject)
        return self._named(frame, head) is not None or self._named_after(frame, subject, head) is not None

    def may_be_last(self, frame: Frame, subject: Range) -> bool:
        """Tell whether a noun phrase leaves room for whoever spoke last: it names nobody else, and nobody new."""
        head = _head(frame, subject)
        person = self._named(frame, head)
        if person is not None:
            return self.last is not None and person is self.last.person
        opens = subject[0] == 0 and frame.low[0] in ("a", "an", "another")
        return not (opens and any(frame.flags[i] & t.ROLE for i in range(*head)))

    def names_body(self, frame: Frame, subject: Range) -> bool:
        """Tell whether a noun phrase is the name of a country or a body."""
        return self._named(frame, subject) is None and _is_named_body(frame, _head(frame, subject))

    def introduce(self, frame: Frame, subject: Range, pronoun: str = "") -> None:
        """Remember a person or a group that a sentence describes, for the sentence that follows.

        Args:
            frame: the sentence.
            subject: its subject.
            pronoun: *he*, *she* or *they* where that is how the next sentence begins.
        """
        head = _head(frame, subject)
        last = head[1] - 1
        if pronoun == "it" and _is_named_body(frame, head):
            self._last_body = Speaker(_description(self.text, frame, head), span_of(frame, head), human=False)
            return
        if not frame.flags[last] & t.ROLE:  # "the ministers met": a verb that no lexicon knows ran on
            last = next((i for i in range(*head) if frame.flags[i] & t.ROLE), last)
            head = subject = (head[0], last + 1)
        if (
            not frame.flags[last] & t.ROLE
            or frame.flags[last] & (t.CAPITAL | t.POSSESSIVE)
            or (frame.low[head[0]] in _PARTS and head[1] - head[0] == 1)
        ):
            return
        if self._named(frame, head) is not None or self._named_after(frame, subject, head) is not None:
            return
        plural = _is_plural(frame.low[last])
        span = span_of(frame, subject)
        if (plural and pronoun == "they") or (pronoun == "it" and not plural and _is_body(frame, head)):
            self._last_body = Speaker(_description(self.text, frame, subject), span, human=False)
            return
        if plural or pronoun in ("they", "it") or _is_body(frame, head):
            return
        own = frame.low[head[0]] in (*_POSSESSORS, "a", "an", "one", "another")  # nobody who was spoken of before
        if not own and (pronoun == "" or self._described_person(frame, subject, head, known=True) is not None):
            return
        last_person = self._last_person
        if not own and last_person is not None and _may_mean(last_person[1], _GENDER[pronoun]):
            return  # "the diplomat" may well be whoever spoke last
        if own or subject[1] - subject[0] > _SHORT:
            self.last = self._described_source(frame, subject, head, span)
            self.handed_over = True

    def new_entry(self, position: int) -> None:
        """Forget who spoke: an entry of a live page begins at `position`."""
        self.last = self._previous = self._last_person = self._last_body = None
        self._entry = position

    def let_answer(self, position: int) -> Speaker | None:
        """Return who answers a question that whoever spoke last asked, None where nobody else spoke nearby."""
        other = self._previous
        if other is None or other.span is None or position - other.span[0] > _REACH_CHARACTERS:
            return None
        self._remember(other)
        return other

    def _remember(self, speaker: Speaker) -> None:
        self.handed_over = False
        if speaker.name is None:
            return
        if self.last is not None and self.last.name != speaker.name:
            self._previous = self.last
        self.last = speaker
        if speaker.person is not None and speaker.span is not None:
            self._last_person = (speaker.span[0], speaker.person)
        elif not speaker.human:
            self._last_body = speaker

    def _named(self, frame: Frame, head: Range) -> Person | None:
        """Find a person's name in the head of a noun phrase: its last capitalised run that is no possessive."""
        end = head[1]
        while end > head[0]:
            while end > head[0] and not frame.flags[end - 1] & t.CAPITAL:
                end -= 1
            start = end
            while start > head[0] and (
                frame.flags[start - 1] & t.CAPITAL
                or (start - 1 > head[0] and frame.low[start - 1] in PARTICLES and frame.flags[start - 2] & t.CAPITAL)
            ):
                start -= 1
            if start == end:
                return None
            words = frame.words[start:end]
            if not (frame.flags[end - 1] & t.POSSESSIVE and end < head[1]):
                titles, name = split_name(words)
                person = self._lookup(titles, name, frame.starts[start])
                if person is not None:
                    return person
            end = start
        return None

    def _named_after(self, frame: Frame, subject: Range, head: Range) -> Person | None:
        """Find the name that ends a description: "commander of the Northern Fleet Admiral X", "a spokeswoman, X,"."""
        flags = frame.flags
        start, end = subject[1], subject[1]
        described = flags[subject[0]] & (t.ROLE | t.DETERMINER | t.TITLE) or flags[head[1] - 1] & t.ROLE
        begin = _after_adjective(frame, end + 1) if end + 1 < frame.size and flags[end] & t.COMMA and described else 0
        if begin:
            start = end = begin
            while end < frame.size and (
                flags[end] & t.CAPITAL
                or (end > start and end + 1 < frame.size and flags[end + 1] & t.CAPITAL and frame.low[end] in PARTICLES)
            ):
                end += 1
        else:
            while start > subject[0] and flags[start - 1] & t.CAPITAL:
                start -= 1
            titles, _ = split_name(frame.words[start:end])
            of_state = titles[:1] == ["State"]
            if (len(titles) < 2 and not of_state) or start == subject[0]:
                return None
        if end - start < 2:
            return None
        _, name = split_name([strip_possessive(w) for w in frame.words[start:end]])
        return self.people.of_name(name, frame.starts[start]) if len(name) > 1 else None

    def _apposed_name(self, frame: Frame, subject: Range) -> str | None:
        """Return a lone name that follows a description between commas: "A reader, Teodora from Niš, writes"."""
        i = subject[1] + 1
        if i + 1 >= frame.size or not frame.flags[subject[1]] & t.COMMA or not frame.flags[subject[1] - 1] & t.ROLE:
            return None
        if not frame.flags[i] & t.CAPITAL or frame.flags[i] & t.POSSESSIVE or frame.low[i] in lexicon("places"):
            return None
        if frame.flags[i + 1] & t.COMMA or frame.low[i + 1] in ("from", "of"):
            return frame.words[i]
        return None

    def _lookup(self, titles: Sequence[str], name: Sequence[str], position: int) -> Person | None:
        if not name:
            return None
        if len(name) > 1:
            return self.people.of_name(name, position) or None
        return self.people.of_surname(name[0], position, titles[-1].lower() if titles else "")

    def _learn_roles(self, frame: Frame, subject: Range, person: Person) -> None:
        for i in range(subject[0], min(subject[1] + _MAX_WORDS, frame.size)):
            if i >= subject[1] and i > subject[1] and frame.flags[i] & (t.COMMA | t.STOP):
                break
            if i == subject[1] and not frame.flags[i] & t.COMMA:
                break
            if frame.flags[i] & t.ROLE:
                person.roles.add(frame.low[i])

    def _pronoun(self, frame: Frame, at: int, span: Span) -> Speaker:
        word = frame.low[at]
        gender = _GENDER.get(word)
        if gender is not None:
            person = self._announced(frame, at, gender) or self._earlier_subject(frame, at, gender)
            person = person or self._referent(span[0], gender)
            if person is not None:
                return Speaker(person.name, span, person)
            last = self.last or self._only_person(span[0])
            if last is not None and last.human and self._fits(last, gender, span[0]):
                return Speaker(last.name, span, last.person)
            return Speaker(None, span)
        if word in ("it", "its", "they", "their", "them"):
            subject = main_subject(frame, at)
            if subject is not None and not frame.flags[subject[0]] & t.PRONOUN and self._named(frame, subject) is None:
                return Speaker(_description(self.text, frame, subject), span, human=False)
        if word in ("it", "its", "they", "their", "them") and self._last_body is not None:
            return Speaker(self._last_body.name, span, human=False)
        return Speaker(None, span)

    def _earlier_subject(self, frame: Frame, at: int, gender: str) -> Person | None:
        """Return the person who is the subject of the sentence that the pronoun at token `at` stands in."""
        subject = main_subject(frame, at)
        if subject is None or frame.flags[subject[0]] & t.PRONOUN:
            return None
        person = self._named(frame, _head(frame, subject)) or self._owner(frame, subject)
        return person if person is not None and person.gender in ("", gender) else None

    def _owner(self, frame: Frame, subject: Range) -> Person | None:
        """Return the person in the genitive at the head of a noun phrase for a thing: "Holm's advice"."""
        end = next((i + 1 for i in range(*subject) if frame.flags[i] & t.POSSESSIVE), 0)
        if not end or any(frame.flags[i] & t.ROLE for i in range(end, subject[1])):
            return None
        return self._named(frame, (subject[0], end))

    def _announced(self, frame: Frame, at: int, gender: str) -> Person | None:
        """Return the subject that follows a clause such as "Though she called it ...," if it names a person."""
        if not (0 < at <= 2 and frame.flags[0] & t.CONJUNCTION and frame.low[0] not in ("but", "and", "or")):
            return None
        for i in range(at + 1, frame.size - 1):
            if frame.flags[i] & t.COMMA and frame.flags[i + 1] & t.CAPITAL:
                end = i + 1
                while end < frame.size and frame.flags[end] & t.CAPITAL:
                    end += 1
                person = self._named(frame, (i + 1, end))
                if person is not None and person.gender in ("", gender):
                    return person
        return None

    def _referent(self, position: int, gender: str) -> Person | None:
        """Return whom *he* or *she* at `position` means.

        Whoever spoke last, unless somebody else of that gender has been the first person named in a sentence since.
        """
        nearby = [
            (at, p)
            for at, p in self.people.mentions_before(position, _REACH)
            if (not gender or p.gender in ("", gender)) and self._entry <= at and position - at < _REACH_CHARACTERS
        ]
        if gender and self._unnamed_since(nearby[0][0] if nearby else -1):
            return None
        last = self._last_person
        if (
            last is not None
            and (not gender or last[1].gender in ("", gender))
            and position - last[0] < 2 * _REACH_CHARACTERS
        ):
            for at, person in nearby:
                if at <= last[0]:
                    break
                known = person.gender == gender == "f" and last[1].gender == "" and self._only_here(at, position)
                if person is not last[1] and (known or self._opens_sentence(at)):
                    return person
            if self.last is not None and self.last.person is None and self.last.human:
                return None  # an unnamed source spoke after that person
            return last[1]
        if self.last is not None and self.last.person is None and self.last.human and last is None:
            return nearby[0][1] if nearby and nearby[0][0] > (self.last.span or (0, 0))[0] else None
        if nearby:
            return next((p for at, p in nearby if self._opens_sentence(at)), nearby[0][1])
        following = self.people.mentions_after(position, 1) if self.last is None else []
        near = [p for at, p in following if at - position < _FOLLOWING and p.gender in ("", gender)]
        return near[0] if near else None

    def _only_person(self, position: int) -> Speaker | None:
        """Return the one person named before `position`, None where there are several."""
        named = {p.name: p for at, p in self.people.mentions_before(position, _REACH) if at >= self._entry}
        return next((Speaker(p.name, None, p) for p in named.values()), None) if len(named) == 1 else None

    def _fits(self, speaker: Speaker, gender: str, position: int) -> bool:
        """Tell whether a pronoun can mean a speaker; with nobody else about, a given name is no proof against it."""
        person = speaker.person
        if person is None or person.gender in ("", gender):
            return True
        return all(p is person for _, p in self.people.mentions_before(position, _REACH))

    def _only_here(self, at: int, position: int) -> bool:
        """Tell whether a mention stands in the pronoun's paragraph, and whoever spoke last does not."""
        begin = self.text.rfind("\n", max(0, position - _REACH_CHARACTERS), position)
        return at > begin and self._last_person is not None and self._last_person[0] < begin

    def _unnamed_since(self, position: int) -> bool:
        """Tell whether an unnamed source has spoken since the last mention of a person at `position`."""
        last = self.last
        if last is None or last.person is not None or not last.human or last.span is None:
            return False
        return last.span[0] > position or not self._opens_sentence(position)

    def _opens_sentence(self, at: int) -> bool:
        """Tell whether the words before a mention in its sentence are few: it is the subject or close to it."""
        before = self.text[max(0, at - 60) : at]
        cut = max(before.rfind(". "), before.rfind("\n"), before.rfind("” "), before.rfind('" '))
        if cut < 0 and at > 60:
            return False
        words = before[cut + 1 :].split()
        if words and words[-1].endswith(",") and words[0].lower() in _LEADS:
            return True  # "At the institute, X has spent her career"
        if len(words) > 5:
            return False
        return words[:1] in (["I"], ["We"]) or all(_leads_to_name(w) for w in words)

    def _described_person(self, frame: Frame, subject: Range, head: Range, *, known: bool = False) -> Person | None:
        """Resolve "the minister", "the NATO chief": by role words, else whoever spoke last, else who is named next.

        With `known`, by role words alone.
        """
        nouns = [frame.low[i] for i in range(*head) if frame.flags[i] & t.ROLE]
        if head[1] - head[0] == 2 and frame.low[head[1] - 1] in lexicon("nationalities"):
            nouns.append(frame.low[head[1] - 1])  # "the Norwegian"
        position = frame.starts[subject[0]]
        if nouns and nouns[-1].endswith("-year-old") and frame.low[subject[0]] == "the":
            return self._referent(position, "")  # an age is no post: whoever is spoken of
        if not nouns or _has_own_name(frame, head) or _is_premises(frame, head):
            return None
        found = self._holder({frame.low[i] for i in range(*subject)} - _ARTICLES, nouns[-1], position)
        if found is not None:
            return found
        if known or self._takes_turn(frame, subject[1]):
            return None  # "the spokesman, for his part," is not whoever spoke last
        if nouns[-1] in self._described or frame.low[subject[0]] in _POSSESSORS or self._just_named(position):
            return None
        person = self._likely(nouns[-1], position)
        if person is None or person.name == self._asker or _is_other_post(frame, head, nouns[-1], person):
            return None
        return self._somebody_else(frame, subject, person)

    def _holder(self, words: set[str], noun: str, position: int) -> Person | None:
        """Return who is known by the post of a description, the nearest of the best."""
        best: tuple[int, int] | None = None
        found = None
        seen: set[int] = set()
        candidates = self.people.mentions_before(position, 4 * _REACH) + self.people.mentions_after(position, _REACH)
        for rank, (_, person) in enumerate(candidates):
            if id(person) in seen:
                continue
            seen.add(id(person))
            score = _role_match(words, noun, person.roles)
            if score and (best is None or (score, -rank) > best):
                best, found = (score, -rank), person
        return found

    def _likely(self, noun: str, position: int) -> Person | None:
        """Return whom a description means that fits nobody's post: whoever spoke last, else who is named next."""
        last = self._last_person
        if last is not None:
            near = position - last[0] < 2 * _REACH_CHARACTERS
            return (self._referent(position, "") or last[1]) if near else None
        if self._entry:
            return self._referent(position, "")
        following = self.people.mentions_after(position, 1)
        roles = following[0][1].roles if following else set()
        if following and (not roles or (noun in lexicon("leaders") and roles & lexicon("leaders"))):
            return following[0][1]
        return None

    def _takes_turn(self, frame: Frame, end: int) -> bool:
        """Tell whether a clause sets its subject off against whoever spoke before: *for his part*, *in turn*."""
        phrases = (frame.low[0:4], frame.low[end + 1 : end + 5])
        return any(p[:1] in (["for"], ["on"]) and "part" in p for p in phrases) or frame.low[0:2] == ["in", "turn"]

    def _somebody_else(self, frame: Frame, subject: Range, person: Person) -> Person | None:
        """Return `person`, or who was mentioned before where the sentence names `person` before the description.

        "Asked by Holm why he came, the defendant replied": not Holm.
        """
        if "by" not in frame.low[1:_BY] or not frame.low[0].endswith("ed"):
            return person
        named = {p.name for _, p in self.people.mentions_between(frame.start, frame.starts[subject[0]])}
        if person.name not in named:
            return person
        before = (p for _, p in self.people.mentions_before(frame.start, _REACH) if p.name not in named)
        return next(before, None)

    def _full_name_of_body(self, noun: str, position: int) -> str | None:
        """Return the capitalised name that ends with `noun` and stood last before `position` ("Defence Ministry")."""
        window = self.text[max(0, position - _REACH_CHARACTERS) : position]
        at = window.rfind(f" {noun.capitalize()}")
        if at < 0:
            return None
        words: list[str] = []
        line = window[window.rfind("\n", 0, at) + 1 :].partition("\n")[0].rstrip()
        if line[-1:] not in _LINE_ENDS:
            return None  # in a heading every word has a capital
        for word in reversed(window[:at].rsplit(None, _MAX_BODY)[1:]):
            if not word[0].isupper() or word[-1] in ",.;:" or strip_possessive(word) != word or word in ("The", "A"):
                break
            words.insert(0, word)
        return " ".join([*words, noun.capitalize()]) if words else None

    def _just_named(self, position: int) -> bool:
        """Tell whether a name carried an attribution just before `position`, in the same paragraph."""
        if self.handed_over or self.last is None or self.last.person is None or self.last.span is None:
            return False
        start, end = self.last.span
        if self.text[start].islower() or end - start <= _PRONOUN_LENGTH or not 0 <= position - end < _NEARBY:
            return False
        return "\n" not in self.text[end:position]

    def _described_source(self, frame: Frame, subject: Range, head: Range, span: Span) -> Speaker:
        """Keep an organisation, a country or an unnamed source as it stands, without its article."""
        nouns = [frame.low[i] for i in range(*head) if frame.flags[i] & t.ROLE]
        if frame.low[subject[0]] in _DEFINITE and nouns and subject[1] - subject[0] <= 2:
            known = self._described.get(nouns[-1])
            if known is None and frame.low[head[1] - 1] in lexicon("bodies"):
                known = self._full_name_of_body(nouns[-1], span[0])
            if known is not None:
                return Speaker(known, span, human=not _is_body(frame, head))
        name = self._apposed_name(frame, subject) or _description(self.text, frame, subject)
        if subject[1] - subject[0] == 1 and frame.low[subject[0]] in ("another", "one"):
            kind = next((n for n in reversed(self._described) if n not in lexicon("bodies") and n not in _PARTS), "")
            name = f"{frame.low[subject[0]]} {kind.removesuffix('s')}".rstrip()
        if nouns:
            self._described.pop(nouns[-1], None)
            self._described[nouns[-1]] = name
        return Speaker(name, span, human=_may_be_human(frame, head))


def _head(frame: Frame, subject: Range) -> Range:
    """Return the noun phrase before its first preposition, comma or relative clause."""
    for i in range(subject[0] + 1, subject[1]):
        if frame.flags[i] & (t.PREPOSITION | t.COMMA | t.RELATIVE | t.STOP) and not frame.flags[i] & t.CAPITAL:
            return subject[0], i
    return subject


def _may_mean(person: Person, gender: str) -> bool:
    """Tell whether a post with a pronoun can stand for a person: of that gender, or holder of some post."""
    return person.gender == gender or (person.gender == "" and bool(person.roles))


def _is_plural(word: str) -> bool:
    return word.endswith(("s", "people", "men")) and not word.endswith(("ss", "boss"))


def _is_body(frame: Frame, head: Range) -> bool:
    """Tell whether the last noun of a noun phrase is one for a body or a group."""
    last = frame.low[head[1] - 1]
    return last in lexicon("bodies") or _is_plural(last)


def _is_named_body(frame: Frame, head: Range) -> bool:
    """Tell whether a noun phrase is the name of a country or a body."""
    last = head[1] - 1
    if not frame.flags[last] & t.CAPITAL:
        return False
    known = ("places", "organisation_nouns", "bodies")
    return frame.words[last].isupper() or any(frame.low[last] in lexicon(name) for name in known)


def _after_adjective(frame: Frame, i: int) -> int:
    """Return the token of the name that begins at `i`, or behind an article and an adjective; 0 where there is none."""
    if frame.flags[i] & t.DETERMINER and not frame.flags[i] & t.CAPITAL:
        for j in range(i + 1, min(frame.size, i + _ADJECTIVES)):
            if frame.flags[j] & t.CAPITAL:
                return j
            if frame.flags[j] & (t.PREPOSITION | t.COMMA | t.ROLE):
                break
    return i if frame.flags[i] & t.CAPITAL else 0


def _has_own_name(frame: Frame, head: Range) -> bool:
    """Tell whether a description ends in a name: "the state agency NTX", "the States and Japan"."""
    last = frame.words[head[1] - 1]
    return (last.isupper() and len(last) > 1) or _is_named_body(frame, head)


def _is_premises(frame: Frame, head: Range) -> bool:
    """Tell whether a noun phrase is somebody's office or staff, which is nobody's description."""
    return frame.low[head[1] - 1] in _PREMISES and any(frame.flags[i] & t.POSSESSIVE for i in range(*head))


def _is_article(frame: Frame, i: int, first: int) -> bool:
    """Tell whether token `i` opens a description without belonging to it."""
    return frame.low[i] in _ARTICLES or (i == first and frame.low[i] == "one" and frame.low[i + 1] != "of")


def _may_be_human(frame: Frame, head: Range) -> bool:
    """Tell whether *he* or *she* can stand for a noun phrase: a post, or a name that is none of a place or a body."""
    last = head[1] - 1
    if any(frame.flags[i] & t.ROLE for i in range(*head)):
        return not _is_body(frame, head)
    if not frame.flags[last] & t.CAPITAL or frame.words[last].isupper():
        return False
    return frame.low[last] not in lexicon("places") and frame.low[last] not in lexicon("organisation_nouns")


_ASKING: Final = frozenset(("asked", "asks"))
_ANSWERING: Final = frozenset(("answered", "answers", "replied", "replies", "responded", "responds", "said", "says"))
_DOUBLE: Final = {("secretary", "general"): "secretary-general", ("prime", "minister"): "prime-minister"}


def _posts(words: set[str]) -> set[str]:
    """Return role words with posts of two words put together: a prime minister is not *the minister*."""
    for pair, post in _DOUBLE.items():
        if words.issuperset(pair):
            words = words.difference(pair) | {post}
    return words


def _role_match(words: set[str], noun: str, roles: set[str]) -> int:
    """Score how well a description fits what is known of a person; 0 where it does not."""
    if not roles:
        return 0
    words, roles = _posts(words), _posts(roles)
    noun = next((p for p in _DOUBLE.values() if p in words), noun)
    leaders = lexicon("leaders")
    shared = len(words & roles)
    if noun in roles:
        return 10 + shared
    if noun in leaders and roles & leaders and shared:
        return 5 + shared
    return 0


def _is_other_post(frame: Frame, head: Range, noun: str, person: Person) -> bool:
    """Tell whether a post of some country cannot be a person's who is known by another: "the French president"."""
    if noun in lexicon("single_posts") and noun not in person.roles and person.roles & lexicon("roles"):
        return True
    posts = lexicon("high_posts")
    if noun not in posts or noun in person.roles or not person.roles & posts:
        return False
    flags = [frame.flags[i] for i in range(*head)]
    return any(f & t.POSSESSIVE or (f & t.TITLE and f & t.CAPITAL and not f & t.ROLE) for f in flags)


def _description(text: str, frame: Frame, subject: Range) -> str:
    start, end = subject
    if end - start > 1 and frame.low[start] in _POSSESSORS:
        start += 1  # "her husband"
    while start < end - 1 and _is_article(frame, start, subject[0]):
        start += 1
    for i in range(start, min(end, start + _MAX_WORDS)):
        if frame.flags[i] & (t.COMMA | t.RELATIVE | t.STOP) or (frame.flags[i] & t.CONJUNCTION and i == start):
            end = i
            break
    end = min(end, start + _MAX_WORDS)
    if end <= start:
        end = start + 1
    if frame.flags[start] & t.CAPITAL and all(frame.flags[i] & t.CAPITAL for i in range(start, end)):
        titles, name = split_name(frame.words[start:end])
        titled = frame.words[start].rstrip(".").lower() in lexicon("honorifics") or is_titled(titles, name)
        if name and len(name) < end - start and titled and len(name[-1]) > 1:
            return " ".join(name)
    a, b = span_of(frame, (start, end))
    return " ".join(text[a:b].split())
