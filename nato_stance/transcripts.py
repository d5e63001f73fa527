"""Turns of a transcript or an interview: paragraphs that begin with who speaks and a colon.

The words of a turn have no quotation marks of their own, so that the codebook's letter makes them `indirect`; the label
is their source. Questions of an interviewer are no statements.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nato_stance.lexicon_files import lexicon
from nato_stance.records import Span

_LABEL_WORD: Final = r"[^\W\d_a-z][\w.’'-]{0,30}+"
_LABEL: Final = re.compile(
    rf"[\"“]?[ ]?({_LABEL_WORD}(?:[ ]{_LABEL_WORD}){{0,4}}+|[QA])(?:[ ]?\([^()\n]{{1,80}}\))?[ ]?:(?=\s)[ \t]*"
)
_ASIDE: Final = re.compile(r"[\"“]?\s*[(\[][^()\[\]]{1,80}[)\]]\W*\Z")
_HANDLE: Final = re.compile(r"@\w+\W*\Z")
_MIN_TURNS: Final = 3
_LABEL_REACH: Final = 200
_MARKS: Final = "\"“„«‘'"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says before the next one does.

    Attributes:
        label: span of who speaks.
        paragraphs: index of each paragraph of the turn.
        spans: the words, one span a paragraph; empty where the words stand in quotation marks.
        asks: True for an interviewer's or a moderator's turn.
        anonymous: True where the label is only *A* for answer.
    """

    label: Span
    paragraphs: tuple[int, ...]
    spans: tuple[Span, ...]
    asks: bool
    anonymous: bool


def _label(text: str, block: Span) -> tuple[Span, int] | None:
    """Return the label of a paragraph and where its words begin, or None."""
    match = _LABEL.match(text, block[0], min(block[1], block[0] + _LABEL_REACH))
    if match is None or match.end() >= block[1]:
        return None
    name = match.group(1).rstrip()
    if name.split()[-1].lower().rstrip(".") in lexicon("not_labels"):
        return None
    return (match.start(1), match.start(1) + len(name)), match.end()


def _words(text: str, start: int, end: int) -> Span | None:
    if _ASIDE.match(text, start, end) or (end - start < 100 and _HANDLE.search(text, start, end)):
        return None
    while start < end and (text[start] in '"“' or text[start].isspace()):
        start += 1
    while end > start and (text[end - 1] in '"”' or text[end - 1].isspace()):
        end -= 1
    return (start, end) if start < end else None


def _askers(text: str, blocks: Sequence[Span], labels: dict[int, tuple[Span, int]]) -> set[str]:
    """Return the labels whose turns are mostly questions, or that say so themselves."""
    asked, turns = Counter[str](), Counter[str]()
    for i, (label, _) in labels.items():
        name = text[slice(*label)]
        turns[name] += 1
        asked[name] += text[blocks[i][0] : blocks[i][1]].rstrip("\"”’'")[-1:] == "?"
    return {n for n in turns if n.lower() in lexicon("asking_labels") or 2 * asked[n] > turns[n] > 1}


def transcript_turns(text: str, blocks: Sequence[Span]) -> list[Turn]:
    """Return the turns of a transcript, none where the article is no transcript.

    An article counts as one where three paragraphs or more begin with a label and a label comes back. A paragraph
    without a label goes on with the turn before it when it opens with a quotation mark, or when another turn follows.

    Args:
        text: the article.
        blocks: its paragraphs.
    """
    labels = {i: found for i, block in enumerate(blocks) if (found := _label(text, block)) is not None}
    names = Counter(text[slice(*label)] for label, _ in labels.values())
    if len(labels) < _MIN_TURNS or max(names.values()) < 2:
        return []
    labels = {i: found for i, found in labels.items() if names[text[slice(*found[0])]] > 1}
    askers = _askers(text, blocks, labels)
    starts = sorted(labels)
    return [
        _turn(text, blocks, start, starts[n + 1] if n + 1 < len(starts) else None, labels[start], askers)
        for n, start in enumerate(starts)
    ]


def _turn(
    text: str,
    blocks: Sequence[Span],
    start: int,
    following: int | None,
    found: tuple[Span, int],
    askers: set[str],
) -> Turn:
    label, begin = found
    name = text[slice(*label)]
    members, spans = [start], [_words(text, begin, blocks[start][1])]
    quoted = text[begin] in _MARKS
    i = start + 1
    limit = following if following is not None else len(blocks)
    while i < limit and (text[blocks[i][0]] in '"“' or (following is not None and not quoted and name not in askers)):
        members.append(i)
        spans.append(_words(text, *blocks[i]))
        i += 1
    words = () if quoted else tuple(s for s in spans if s is not None)
    return Turn(label, tuple(members), words, name in askers, name in ("A", "Answer"))
