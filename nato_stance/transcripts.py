"""Turns of a transcript or an interview: paragraphs that begin with who speaks and a colon.

A turn has no quotation marks of its own (at most one that opens each paragraph), so that the codebook's letter makes
it `indirect`; the label is its source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nato_stance.lexicon_files import lexicon
from nato_stance.records import Span

_LABEL: Final = re.compile(
    r"[\"“]?[ ]?((?:[^\W\d_a-z][\w.’'-]{0,30}[ ]?){1,5}(?:\([^()\n]{1,60}\))?|Q|A)[ ]?:(?=\s)[ \t]*"
)
_ASIDE: Final = re.compile(r"[\"“]?\s*[(\[][^()\[\]]{1,80}[)\]]\W*\Z")
_HANDLE: Final = re.compile(r"@\w+\W*\Z")
_MIN_TURNS: Final = 3
_MAX_LABEL: Final = 80


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says before the next one does.

    Attributes:
        label: span of who speaks.
        paragraphs: index of each paragraph of the turn.
        spans: the words, one span a paragraph.
    """

    label: Span
    paragraphs: tuple[int, ...]
    spans: tuple[Span, ...]


def _label(text: str, block: Span) -> tuple[Span, int] | None:
    """Return the label of a paragraph and where its words begin, or None."""
    match = _LABEL.match(text, block[0], min(block[1], block[0] + _MAX_LABEL + 40))
    if match is None or match.end() >= block[1]:
        return None
    words = match.group(1).split()
    if text[match.end()] in "\"“'‘" or words[-1].lower().rstrip(".") in lexicon("not_labels"):
        return None
    return (match.start(1), match.start(1) + len(match.group(1).rstrip())), match.end()


def _words(text: str, start: int, end: int) -> Span | None:
    if _ASIDE.match(text, start, end) or (end - start < 100 and _HANDLE.search(text, start, end)):
        return None
    while start < end and (text[start] in '"“' or text[start].isspace()):
        start += 1
    while end > start and (text[end - 1] in '"”' or text[end - 1].isspace()):
        end -= 1
    return (start, end) if start < end else None


def transcript_turns(text: str, blocks: Sequence[Span]) -> list[Turn]:
    """Return the turns of a transcript, none where the article is no transcript.

    An article counts as one where three paragraphs or more begin with a label and a label comes back. A paragraph
    without a label goes on with the turn before it when it opens with a quotation mark or a label follows directly.

    Args:
        text: the article.
        blocks: its paragraphs.
    """
    labels = {i: found for i, block in enumerate(blocks) if (found := _label(text, block)) is not None}
    names = Counter(text[slice(*label)] for label, _ in labels.values())
    if len(labels) < _MIN_TURNS or max(names.values()) < 2:
        return []
    labels = {i: found for i, found in labels.items() if names[text[slice(*found[0])]] > 1 or len(names) < 6}
    turns: list[Turn] = []
    for i, (label, begin) in labels.items():
        members, spans = [i], []
        first = _words(text, begin, blocks[i][1])
        if first is None:
            continue
        spans.append(first)
        j = i + 1
        while j < len(blocks) and j not in labels and (text[blocks[j][0]] in '"“' or j + 1 in labels):
            words = _words(text, *blocks[j])
            members.append(j)
            if words is not None:
                spans.append(words)
            j += 1
        turns.append(Turn(label, tuple(members), tuple(spans)))
    return turns
