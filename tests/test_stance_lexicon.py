"""The semantic lexicon: files that a slip would silently break, and the readings that it exists for."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from nato_stance.semantics import MAX_PHRASE, Lexicon, shipped_classes
from nato_stance.words import TOKEN, fold

CLASSES = shipped_classes()
LEXICON = Lexicon.folded(CLASSES)


def classes_of(text: str) -> set[str]:
    words = [fold(token) for token in TOKEN.findall(text)]
    found: set[str] = set()
    for place, word in enumerate(words):
        nodes = LEXICON.first(word)
        longest = {number for node in nodes for number in node.classes}
        found |= {LEXICON.names[number] for number in longest}
        for following in words[place + 1 : place + MAX_PHRASE]:
            nodes = [after for node in nodes for after in node.next(following)]
            longest = {number for node in nodes for number in node.classes} or longest
        found |= {LEXICON.names[number] for number in longest}
    return found


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_holds_each_entry_once_and_in_the_form_that_is_looked_up(name: str) -> None:
    entries = CLASSES[name]
    assert entries
    assert len({entry.replace("-", " ") for entry in entries}) == len(entries)
    for entry in entries:
        assert entry == entry.lower()
        assert "*" not in entry.rstrip("*")
        assert 1 <= len(entry.split()) <= 4
        assert len(re.findall(r"[\w']+", entry)) <= 4 or "." in entry, "an entry of more than four words is never found"


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_says_what_it_is(name: str) -> None:
    lines = (files("nato_stance") / "lexicons" / "stance" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("# ") for line in lines[:2])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Nobody needs to panic, this is routine.", "negation"),
        ("The danger is wildly exaggerated.", "threat_denial"),
        ("There is nothing to discuss with them.", "refusal_of_talks"),
        ("The door remains open.", "invitation_offer"),
        ("We remain ready to talk.", "readiness_to_talk"),
        ("Any attack will have severe consequences.", "costs_consequences"),
        ("We will not be intimidated.", "resolve"),
        ("A spiral of violence has begun.", "growing_risk"),
        ("He broke his word.", "bad_faith"),
        ("The rest is sabre-rattling.", "militarisation_critique"),
        ("Should they attack, we are prepared.", "conditional"),
        ("They must cease fire at once.", "ceasefire_restraint"),
        ("A defence alliance is no danger.", "danger_nouns"),
        ("A defense pact binds us.", "collective_defence"),
    ],
)
def test_a_statement_meets_its_class(text: str, name: str) -> None:
    assert name in classes_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "Prices of milk and bread rose again in May.",
        "The singer has a new album and will tour in autumn.",
        "Barbara Lynch moved into the house next to the bakery.",
        "The committee adopted the minutes of its last session.",
    ],
)
def test_dull_matter_meets_none_of_the_core_classes(text: str) -> None:
    core = {"violence_acts", "hostile_intent", "menace_outright", "tone_loaded", "refusal_of_talks", "deterrence_words"}
    assert not classes_of(text) & core


def test_the_tone_words_have_two_sections_that_share_no_word() -> None:
    text = (files("nato_stance") / "lexicons" / "tone_words.txt").read_text(encoding="utf-8")
    _, _, rest = text.partition("[negative]\n")
    negative, positive = (set(part.split()) for part in rest.split("[positive]\n"))
    assert len(negative) > 500
    assert len(positive) > 350
    assert not negative & positive
