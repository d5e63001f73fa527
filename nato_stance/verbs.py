"""Reporting verbs: every form of the verbs in the lexicons, with what the form is and what the verb can take."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from nato_stance.lexicon_files import entries

SAY: Final = 1
"""Takes a reported clause: *said that*."""
NAME: Final = 2
"""Takes a name or a judgement: *called it*."""
COMPLEMENT: Final = 4
"""Takes a noun phrase or an infinitive that is the thing said: *denied any plan*."""

FINITE: Final = 8
PARTICIPLE: Final = 16
GERUND: Final = 32
BASE: Final = 64
PAST: Final = 128
NOUN: Final = 256
"""No verb but a noun for a speech act: *his claim that*."""

_FILES: Final = (("reporting_verbs", SAY), ("naming_verbs", NAME), ("complement_verbs", COMPLEMENT))


class VerbForm(NamedTuple):
    """A word that may be a reporting verb, with the particles that may follow it.

    Attributes:
        lemma: base form of the bare verb.
        flags: what the bare form is, 0 where the verb needs one of its particles.
        phrasal: flags by the words that follow ("called" + "for").
    """

    lemma: str
    flags: int
    phrasal: dict[tuple[str, ...], int]


def _regular_past(lemma: str) -> str:
    if lemma.endswith("e"):
        return lemma + "d"
    if lemma.endswith("y") and lemma[-2] not in "aeiou":
        return lemma[:-1] + "ied"
    return lemma + "ed"


def _third_person(lemma: str) -> str:
    if lemma.endswith(("s", "sh", "ch", "x", "z")) or lemma in ("go", "do"):
        return lemma + "es"
    if lemma.endswith("y") and lemma[-2] not in "aeiou":
        return lemma[:-1] + "ies"
    return lemma + "s"


def _gerund(lemma: str, past: str) -> str:
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    if lemma.endswith("e") and not lemma.endswith("ee"):
        return lemma[:-1] + "ing"
    if past == lemma + lemma[-1] + "ed" or lemma in ("set", "put", "cut", "hit", "begin", "bet", "let"):
        return lemma + lemma[-1] + "ing"
    return lemma + "ing"


def _forms(line: str) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    """Return the particles of a lexicon line, and each form of its verb with its flags."""
    heads: list[str] = []
    particles: tuple[str, ...] = ()
    for word in line.split():
        first, *rest = word.split("_")
        heads.append(first)
        particles = tuple(rest)
    lemma = heads[0]
    past = heads[1] if len(heads) > 1 else _regular_past(lemma)
    participle = heads[2] if len(heads) > 2 else past
    forms = [
        (lemma, BASE | FINITE),
        (_third_person(lemma), FINITE),
        (past, FINITE | PAST),
        (participle, PARTICIPLE),
        (_gerund(lemma, past), GERUND),
    ]
    if lemma.endswith("l") and past == lemma + "ed" and lemma[-2] in "ae" and lemma[-3] not in "aeiou":
        forms += [(lemma + "led", FINITE | PAST | PARTICIPLE), (lemma + "ling", GERUND)]  # British "labelled"
    return particles, forms


@cache
def verb_forms() -> dict[str, VerbForm]:
    """Return every form of every reporting verb, in lower case.

    >>> bool(verb_forms()["said"].flags & SAY), verb_forms()["called"].phrasal[("for",)] & COMPLEMENT
    (True, 4)
    """
    bare: dict[str, int] = {}
    phrasal: dict[str, dict[tuple[str, ...], int]] = {}
    lemmas: dict[str, str] = {}
    for name, kind in _FILES:
        for line in entries(name):
            particles, forms = _forms(line)
            for form, flags in forms:
                lemmas.setdefault(form, forms[0][0])
                if particles:
                    table = phrasal.setdefault(form, {})
                    table[particles] = table.get(particles, 0) | kind | flags
                else:
                    bare[form] = bare.get(form, 0) | kind | flags
    return {form: VerbForm(lemma, bare.get(form, 0), phrasal.get(form, {})) for form, lemma in lemmas.items()}
