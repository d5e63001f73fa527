"""News articles out of a generator: as many as wanted, all different, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

WORDS = 500
"""About how many words a generated article has."""

_FIRST = ("Anna", "Jonas", "Mirela", "Tariq", "Ilse", "Pavel", "Noor", "Grace", "Henrik", "Sofia", "Daniel", "Yuki")
_LAST = ("Bergland", "Okoro", "Varga", "Lindqvist", "Haddad", "Moreau", "Tanaka", "Petrov", "Castellan", "Whitfield")
_ROLES = ("defence minister", "spokeswoman", "ambassador", "general", "foreign minister", "opposition leader", "mayor")
_PLACES = ("the northern strait", "the border region", "the capital", "the harbour", "the disputed province")
_VERBS = ("said", "warned", "told reporters", "added", "insisted", "declared", "noted")
_CLAUSES = (
    "we are ready to sit down with the other side whenever they wish",
    "any attack on our ports will carry a heavy price",
    "nobody in this region has to be afraid of our manoeuvres",
    "their build-up along the river is a danger to every one of us",
    "the meeting of the committee has been moved to Thursday",
    "there is nothing left to discuss with a government that breaks its word",
    "the brigade will stay for as long as our allies ask for it",
    "the budget for roads and bridges has grown by a tenth",
    "a hotline between the two staffs would lower the risk of a mistake",
    "more missiles will not make a single village safer",
)
_PLAIN = (
    "The talks in {place} went on until late in the evening, and both delegations left without a joint paper.",
    "Officials in {place} counted four vessels and two aircraft, fewer than in the week before.",
    "The parliament votes on the bill next month, after a hearing with experts from several universities.",
    "Shops in {place} opened as usual, and the ferry ran on its summer timetable.",
    "It was the third meeting of its kind since the spring, and the first with observers at the table.",
)


def article(number: int, seed: int = 0) -> str:
    """Return article `number` of a series: about 500 words in paragraphs, a dozen statements."""
    rng = random.Random(f"{seed}-{number}")
    people = [f"{rng.choice(_FIRST)} {rng.choice(_LAST)}" for _ in range(4)]
    paragraphs = [f"Report {number} from {rng.choice(_PLACES)}"]
    n_words = 0
    while n_words < WORDS:
        paragraph = _quoting(rng, rng.choice(people)) if rng.random() < 0.55 else _plain(rng)
        paragraphs.append(paragraph)
        n_words += len(paragraph.split())
    return "\n\n".join(paragraphs) + "\n"


def articles(n: int, seed: int = 0) -> Iterator[dict[str, str]]:
    """Give `n` articles as `score_articles` takes them."""
    for number in range(n):
        yield {"article_id": f"a{number:06}", "text": article(number, seed)}


def _quoting(rng: random.Random, person: str) -> str:
    first, second = rng.sample(_CLAUSES, 2)
    verb, last = rng.choice(_VERBS), person.split()[-1]
    form = rng.randrange(4)
    if form == 0:
        return f"“{first.capitalize()},” {verb} {person}, the {rng.choice(_ROLES)}. “{second.capitalize()}.”"
    if form == 1:
        return f"{person} {verb} that {first}. {_plain(rng)}"
    if form == 2:
        return f"{last} called the plan “a matter of {rng.randrange(2, 90)} days” and {verb}: “{second.capitalize()}.”"
    return f"“{first.capitalize()},” {last} {verb} in {rng.choice(_PLACES)}. {_plain(rng)}"


def _plain(rng: random.Random) -> str:
    return " ".join(s.format(place=rng.choice(_PLACES)) for s in rng.sample(_PLAIN, 2))
