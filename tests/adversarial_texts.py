"""Texts that make careless extraction slow: families that grow to any size, cut to that many characters."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import count, islice
from typing import Final

_SYLLABLES: Final = ("ka", "lo", "mi", "ter", "van", "sol", "ri", "dun", "ez", "bor", "ny", "tal")
_SCRIPTS: Final = 'Она сказала «да», 她说“好”，قال «نعم»، είπε «ναι», אמר "כן", उसने कहा “हाँ”, वह said ‘no’. '


def _repeat(pattern: str) -> Callable[[int], str]:
    return lambda size: (pattern * (size // len(pattern) + 1))[:size]


def _name(number: int) -> str:
    """A different two-word name for every number."""
    rng = random.Random(number)
    return " ".join("".join(rng.choices(_SYLLABLES, k=3)).capitalize() for _ in range(2))


def _series(line: Callable[[int], str]) -> Callable[[int], str]:
    """Lines made of their number, until the size is reached."""

    def grow(size: int) -> str:
        n_lines = size // len(line(0)) + 1
        return "".join(map(line, islice(count(), 2 * n_lines)))[:size]

    return grow


def _nested(size: int) -> str:
    half = size // 4
    return "“‘" * half + "’”" * half


FAMILIES: Final[dict[str, Callable[[int], str]]] = {
    "openers only": _repeat("“"),
    "unclosed quotations": _repeat("“we shall see what comes, said Ada Lom. "),
    "alternating marks": _repeat("“word” \"word\" ‘word’ 'word' «word» „word“ ''word'' "),
    "long spaces": _repeat("“" + " " * 997 + "a"),
    "long capitalised runs": _repeat("Anna Bernhard Carla Dorian Emil Fatima "),
    "deep nesting": _nested,
    "one endless line": _repeat("“The road is open,” said Ada Lom, the mayor, and Bo Rask denied that it was safe. "),
    "quotation marks only": _repeat("“”‘’\"'«»„‟‹›`´''"),
    "mixed scripts": _repeat(_SCRIPTS),
    "combining characters": _repeat("“e\u0301\u0302\u0303\u0304a\u0308” s\u0323a\u0300id O\u0308\u0301 "),
}
"""The ten families of the requirement."""

MORE_FAMILIES: Final[dict[str, Callable[[int], str]]] = {
    "paragraphs that never close": _repeat("“We shall see what comes, and when it comes we shall see\n\n"),
    "cues only": _repeat("said that said according to he said denied that "),
    "every person another": _series(lambda n: f"“We saw ship {n},” said {_name(n)}. He denied that it sank.\n\n"),
    "one person all the time": _repeat("“We saw it,” said Captain Ada Lom. She denied that it sank.\n\n"),
    "pronouns without people": _repeat("“we saw it,” he said. “we did not,” she said. "),
    "speaker labels": _series(lambda n: f"{_name(n % 50)}: Is that so?\n\nA: “It is {n}.”\n\n"),
    "headings": _repeat("“A firm answer”\n\n"),
    "commas": _repeat("said, , , , “a”, , , "),
    "stops": _repeat("Dr. J. K. ... “U.S.” ... "),
    "newlines": _repeat("\n\r\n \n"),
    "brackets": _repeat("(“a [b (“c "),
    "one word": _repeat("a"),
    "capitals": _repeat("A"),
    "apostrophes": _repeat("’s ’90s o’ ‘n’ 'tis "),
    "appositions": _repeat("Ada Lom, who is, which was, that, the mayor of, "),
    "long quotation": lambda size: "“" + _repeat("we saw nothing at all and ")(size - 18) + "”, said Ada Lom.\n",
    "colons": _repeat("Ada Lom: Bo Rask: the mayor: "),
    "dashes": _repeat("“a” – Ada Lom — “b” - Bo Rask "),
    "titles": _repeat("the Defence Minister General President Secretary General "),
    "nested in kind": _repeat("“They told me “never” and “no” and left,” said Ada Lom. "),
    "questions and answers": _repeat("“Who?” the judge asked General Ada Lom. “Nobody,” he said. "),
    "entries of a live page": _repeat("10.42\n\nAda Lom is here. “Yes,” she says.\n\n___\n\n"),
    "clauses within clauses": _repeat("Ada Lom, who had, in May, told a man who said that when he called, "),
    "its subject": _repeat("The ministry of the sea moved. It called Ada Lom’s note which said it “a”. "),
    "digits": _repeat("10.42am 1,000,000 5\" 6' "),
}
"""What else has made extractors slow."""
