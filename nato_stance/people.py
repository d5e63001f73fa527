"""The people of an article: full names, who a surname belongs to, and where they are mentioned.

One scan over capitalised runs builds the register. A person is a run of two to four capitalised words that is left
when titles are cut off and that does not end like the name of a body or a place.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from typing import Final

from nato_stance.lexicon_files import lexicon
from nato_stance.records import Span

PARTICLES: Final = lexicon("name_particles")
ARTICLE_PREFIXES: Final = tuple(
    f"{article}-" for article in ("al", "el", "as", "ash", "an", "at", "ad", "ar", "az", "ul")
)
"""What stands before Arabic surnames, often in lower case: "Hussein al-Tayyar"."""
_UPPER: Final = "".join(chr(c) for c in range(0x41, 0x530) if chr(c).isupper())
_NAME: Final = rf"[{_UPPER}](?:[\w\u0300-\u036f]|[’'.-](?=\w))*+\.?"
# Bounded repetition: a run of a million capitalised words is read in pieces of eight.
_RUN: Final = re.compile(
    rf"{_NAME}(?:[ \u00a0](?:(?:{'|'.join(sorted(PARTICLES))})[ \u00a0]){{0,2}}"
    rf"(?:{'|'.join(ARTICLE_PREFIXES)})?{_NAME}){{0,7}}"
)
_MAX_NAME: Final = 3
_WORD_LIMIT: Final = 40
_DESCRIBED_MENTIONS: Final = 3
_APPOSITION: Final = 70
_WORDS: Final = re.compile(r"[\w-]+")
_SAME_SURNAME: Final = 12


@dataclass(slots=True)
class Person:
    """Somebody named in the article.

    Attributes:
        name: fullest form of the name, without titles.
        gender: `m`, `f` or the empty string where nothing tells.
        roles: lower-case words that stood before or behind the name (title, post, body).
        first: where the name first stands in full.
        count: number of mentions in full.
    """

    name: str
    first: int
    gender: str = ""
    roles: set[str] = field(default_factory=set)
    count: int = 0

    def take_posts(self, words: Iterable[str]) -> None:
        """Add posts, and learn from *spokeswoman* or *daughter* who *she* can mean."""
        for word in words:
            self.roles.add(word)
            self.gender = self.gender or _gender_of_post(word)


def _surname(word: str) -> str:
    """Return a surname in lower case without an Arabic article: al-Assad and Assad are one name."""
    low = word.lower()
    return low.partition("-")[2] if low.startswith(ARTICLE_PREFIXES) else low


def strip_possessive(word: str) -> str:
    """Cut a possessive ending off a word ("Obama’s" and "Stoltenberg’" to the bare name)."""
    if word[-2:] in ("'s", "’s"):
        return word[:-2]
    return word.rstrip("'’")


def is_abbreviation(word: str) -> bool:
    """Tell whether `word`, without its stop, is a title or another abbreviation that stands before a name."""
    return word.lower() in lexicon("abbreviations")


def _given_gender(word: str) -> str:
    low = word.lower()
    male, female = low in lexicon("given_names_male"), low in lexicon("given_names_female")
    return "m" if male and not female else "f" if female and not male else ""


_FUNCTION_WORDS: Final = ("prepositions", "conjunctions", "determiners", "auxiliaries", "adverbs")


@cache
def _not_in_names() -> frozenset[str]:
    words = frozenset().union(*(lexicon(n) for n in _FUNCTION_WORDS))
    names = lexicon("given_names_male") | lexicon("given_names_female")
    return lexicon("titles") | lexicon("not_names") | (words - names - PARTICLES)


@cache
def _no_given_names() -> frozenset[str]:
    return lexicon("places") | _not_in_names()


_POSTS_IN_FULL: Final = {
    "gov": "governor", "sen": "senator", "rep": "representative", "gen": "general", "col": "colonel",
    "capt": "captain", "sgt": "sergeant", "prof": "professor", "dr": "doctor", "maj": "major", "adm": "admiral",
}  # fmt: skip


def _gender_of_post(word: str) -> str:
    if word.endswith("woman") or word in lexicon("female_posts"):
        return "f"
    return "m" if word in lexicon("male_posts") or (word.endswith("man") and word not in _ANY) else ""


_ANY: Final = frozenset(("human", "german", "norman", "roman", "ottoman"))


@cache
def _posts() -> frozenset[str]:
    return lexicon("roles") | lexicon("leaders")


def split_name(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split a capitalised run into the titles before a name and the name: "Gen. Ada Holm" to `Gen.` and the rest."""
    not_name, roles, suffixes = _not_in_names(), lexicon("roles"), lexicon("name_suffixes")
    i = _after_last_title(words)
    while i < len(words) - 1 and words[i].lower() in roles:
        i += 1
    while i < len(words) and (words[i].rstrip(".").lower() in not_name or strip_possessive(words[i]) != words[i]):
        if (
            i == len(words) - 1
            and strip_possessive(words[i]) != words[i]
            and words[i].rstrip(".").lower() not in not_name
        ):
            break  # the last word of the run may be a possessive name
        i += 1
    name = [strip_possessive(w) for w in words[i:]]
    while len(name) > 1 and name[-1].lower() in suffixes:
        name.pop()
    return list(words[:i]), name


def is_titled(titles: Sequence[str], name: Sequence[str]) -> bool:
    """Tell whether a lone name behind a post is a person's: "Chancellor Holm", and not "General Assembly"."""
    if (
        not 1 <= len(name) <= _MAX_NAME
        or len(name[-1]) < 2
        or not titles
        or titles[-1].rstrip(".").lower() not in lexicon("roles")
    ):
        return False
    low = name[-1].lower()
    return not any(
        low in lexicon(n) for n in ("organisation_nouns", "places", "titles", "roles", "bodies", "not_names")
    )


def _after_last_title(words: Sequence[str]) -> int:
    """Return the index after the last title of a run of three words or more ("Northern Rail CEO Ada Holm": 3)."""
    titles, nouns = lexicon("titles"), lexicon("organisation_nouns")
    for i in range(len(words) - 2, 0, -1):
        low = words[i].rstrip(".").lower()
        if strip_possessive(words[i]) != words[i] or low in titles or low in nouns:
            return i + 1
    return 0


def _split_at_stops(words: list[str]) -> Iterator[list[str]]:
    """Split a run after each word whose stop ends a sentence, that is, neither an initial's nor an abbreviation's."""
    begin = 0
    for i, word in enumerate(words):
        if word[-1] == "." and len(word) > 2 and "." not in word[:-1] and not is_abbreviation(word[:-1]):
            yield words[begin : i + 1]
            begin = i + 1
    if begin < len(words):
        yield words[begin:]


_MONTHS: Final = frozenset(("may", "march", "august"))


def _is_person(name: Sequence[str], given: bool) -> bool:
    if not 2 <= len(name) <= 5 or len(name[-1]) < 2 or len(" ".join(name)) > _WORD_LIMIT:
        return False
    last = name[-1].lower()
    acronym = len(last) == 2 and not name[-1].isupper()  # "Kim Jong Un" is not the UN
    if (last in lexicon("titles") and not acronym) or (
        last in lexicon("roles") and last not in lexicon("role_surnames")
    ):
        return False
    month = given and last in _MONTHS and not name[-1].isupper()  # "Theresa May"
    if (
        last in lexicon("organisation_nouns")
        or last in lexicon("places")
        or (last in lexicon("not_names") and not month)
    ):
        return False
    if any(w.isupper() and len(w) > 3 for w in name):
        return False
    return given or name[0].lower() not in lexicon("places")


class People:
    """Register of the people of an article, with every mention of them outside quotations.

    >>> people = People("Jens Stoltenberg spoke. Mr. Stoltenberg left.", [])
    >>> people.of_surname("Stoltenberg", 24).name
    'Jens Stoltenberg'
    """

    def __init__(self, text: str, quoted: Sequence[Span]) -> None:
        self._text = text
        self._by_surname: dict[str, list[Person]] = {}
        self._by_first: dict[str, Person] = {}
        self._positions: list[int] = []
        self._mentioned: list[Person] = []
        lone: list[tuple[int, str, str | Person]] = []
        for match in _RUN.finditer(text):
            run = match.group()
            if "." not in run:
                self._read_run(match.start(), run.replace("\u00a0", " ").split(" "), lone)
                continue
            position = match.start()
            for words in _split_at_stops(run.replace("\u00a0", " ").split(" ")):
                self._read_run(position, words, lone)
                position += sum(len(w) + 1 for w in words)
        self._collect_mentions(lone, quoted)

    def _read_run(self, position: int, words: list[str], lone: list[tuple[int, str, str | Person]]) -> None:
        if len(words) == 1:
            lone.append((position, strip_possessive(words[0].rstrip(".")), ""))
            return
        titles, name = split_name(words)
        if not name:
            return
        name[-1] = name[-1].rstrip(".") if len(name[-1]) > 2 else name[-1]
        offset = position + sum(len(w) + 1 for w in words[: len(titles)])
        if len(name) == 1:
            title = titles[-1].rstrip(".").lower() if titles else ""
            if (title in lexicon("honorifics") or is_titled(titles, name)) and _surname(
                name[0]
            ) not in self._by_surname:
                self._describe(self._register(name, offset), titles)
            lone.append((offset, name[0], title))
            return
        if _is_person(name, bool(_given_gender(name[0]))):
            person = self._register(name, offset)
            self._describe(person, titles)
            if person.count <= _DESCRIBED_MENTIONS:
                self._read_apposition(person, position, offset + sum(len(w) + 1 for w in name) - 1)
            lone.append((offset, name[-1], person))

    def _register(self, name: list[str], offset: int) -> Person:
        surname = _surname(name[-1])
        known = self._by_surname.setdefault(surname, [])
        for person in known:
            if _same_person(person.name.split(), name):
                if len(name) > len(person.name.split()):
                    person.name = " ".join(name)
                    person.gender = person.gender or _given_gender(name[0])
                person.count += 1
                return person
        person = Person(" ".join(name), offset, _given_gender(name[0]), count=1)
        if len(known) < _SAME_SURNAME:
            known.append(person)
        if len(name) > 1 and name[0].lower() not in _no_given_names():
            self._by_first.setdefault(name[0].lower(), person)
        return person

    def _read_apposition(self, person: Person, start: int, end: int) -> None:
        """Learn posts from "the governor, X" and "X, the governor of Y,"."""
        before = self._text[max(0, start - _APPOSITION) : start].rpartition("\n")[2]
        if before[-1:] == " ":
            # "Alliance chief X": lower-case words between a capitalised body and the name
            person.take_posts(takewhile(_posts().__contains__, reversed(before.lower().split()[-2:])))
        if before.endswith(", "):
            phrase = before[:-2].rpartition(",")[2].split(". ")[-1]
            person.take_posts(w for w in _WORDS.findall(phrase.lower()) if w in lexicon("roles"))
        after = self._text[end : end + _APPOSITION].partition("\n")[0]
        if after.startswith(", "):
            phrase = after[2:].partition(",")[0].split(". ")[0]
            if "who" not in phrase.split() and not any(w in ("said", "told", "says") for w in phrase.split()):
                person.roles.update(w for w in _WORDS.findall(phrase.lower()) if w in lexicon("roles"))

    def _describe(self, person: Person, titles: Sequence[str]) -> None:
        for title in titles:
            low = strip_possessive(title.rstrip(".")).lower()
            if low in ("mr", "sir", "king", "prince", "lord"):
                person.gender = "m"
            elif low in ("mrs", "ms", "miss", "queen", "princess", "lady", "dame"):
                person.gender = "f"
            person.gender = person.gender or _gender_of_post(low)
            person.roles.add(_POSTS_IN_FULL.get(low, low))

    def _collect_mentions(self, lone: list[tuple[int, str, str | Person]], quoted: Sequence[Span]) -> None:
        i = 0
        for position, word, title in lone:
            low = _surname(word)
            if low not in self._by_surname and low not in self._by_first:
                continue
            while i < len(quoted) and quoted[i][1] <= position:
                i += 1
            if i < len(quoted) and quoted[i][0] <= position:
                continue
            person = title if isinstance(title, Person) else self.of_surname(word, position, title)
            if person is not None:
                self._positions.append(position)
                self._mentioned.append(person)

    def of_surname(self, surname: str, position: int, title: str = "") -> Person | None:
        """Return whom a lone surname means at `position`: the best match of the title, else the one mentioned last.

        Somebody who is named in full only later in the article is taken where nobody was before.
        """
        known = self._by_surname.get(_surname(surname))
        if not known:
            # Family names come first in East Asia; and children are called by their given name.
            return self._by_first.get(surname.lower())
        if len(known) == 1 and " " not in known[0].name:
            return self._by_first.get(surname.lower(), known[0])
        if title in ("mr",):
            known = [p for p in known if p.gender != "f"] or known
        elif title in ("mrs", "ms", "miss"):
            known = [p for p in known if p.gender != "m"] or known
        if len(known) == 1:
            return known[0]
        before = [p for p in known if p.first <= position] or known
        return max(before, key=lambda p: (p.count, -p.first))

    def of_name(self, name: Sequence[str], position: int) -> Person | None:
        """Return the person with this full name, or None."""
        for person in self._by_surname.get(_surname(name[-1]), ()):
            if _same_person(person.name.split(), name):
                return person
        return None

    def mentions_before(self, position: int, limit: int) -> list[tuple[int, Person]]:
        """Return up to `limit` mentions before `position`, nearest first."""
        i = bisect_left(self._positions, position)
        low = max(0, i - limit)
        return [(self._positions[j], self._mentioned[j]) for j in range(i - 1, low - 1, -1)]

    def mentions_between(self, start: int, end: int) -> list[tuple[int, Person]]:
        """Return the mentions from `start` up to `end`, in order."""
        i, j = bisect_left(self._positions, start), bisect_left(self._positions, end)
        return list(zip(self._positions[i:j], self._mentioned[i:j], strict=True))

    def mentions_after(self, position: int, limit: int) -> list[tuple[int, Person]]:
        """Return up to `limit` mentions from `position` on, in order."""
        i = bisect_left(self._positions, position)
        return list(zip(self._positions[i : i + limit], self._mentioned[i : i + limit], strict=True))


def _same_person(a: Sequence[str], b: Sequence[str]) -> bool:
    """Tell whether two full names can belong to one person: same surname, first names equal or an initial of it."""
    if _surname(a[-1]) != _surname(b[-1]):
        return False
    if len(a) == 1 or len(b) == 1:
        return True
    x, y = a[0].rstrip(".").lower(), b[0].rstrip(".").lower()
    return x == y or (min(len(x), len(y)) == 1 and x[0] == y[0])
