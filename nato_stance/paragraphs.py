"""Paragraphs and sentences of an article, as character spans.

Everything here is found in one left-to-right pass with patterns that never look back over more than a few
characters, so that the time grows with the length of the text and with nothing else.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from nato_stance.lexicon_files import entries, lexicon
from nato_stance.records import Span

LINE_BREAK = re.compile(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")

_WRAPPED_LINE_LIMIT = 120
_WRAPPED_SHARE = 1 / 3
_TERMINAL = frozenset(".!?…。")
_TRAILING = "\"'”’»)]"
# A full stop, then whatever closes with it, then space: a sentence may end here.
SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s)")
_FIRST_WORD = re.compile(r"\w+")
_STARTERS = frozenset(entries("sentence_starters"))
_LEADING = "'’\"“‘«„([—–-"
_BOUNDARY_WINDOW = 24


def _lines(text: str) -> Iterator[Span]:
    start = 0
    for match in LINE_BREAK.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def strip_span(text: str, start: int, end: int) -> Span:
    """Return the span without white space at its edges; empty at `start` where there is nothing else."""
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    if left == len(piece):
        return start, start
    return start + left, start + len(piece.rstrip())


def _is_hard_wrapped(text: str, lines: list[Span]) -> bool:
    """Tell whether line breaks in a block of lines come from a fixed line width rather than from paragraphs."""
    if len(lines) < 3 or max(end - start for start, end in lines) > _WRAPPED_LINE_LIMIT:
        return False
    lowercase = sum(text[start].islower() for start, _ in lines[1:])
    return lowercase > _WRAPPED_SHARE * (len(lines) - 1)


def paragraphs(text: str) -> list[Span]:
    r"""Return the paragraphs of `text` as half-open character spans, without white space at the edges.

    A line is a paragraph. Only a block of short lines (none above 120 characters, three or more) of which more than
    a third go on in lower case is taken as one paragraph that was wrapped at a fixed width.

    >>> paragraphs("A headline\n\nFirst paragraph.\nSecond paragraph.")
    [(0, 10), (12, 28), (29, 46)]
    """
    result: list[Span] = []
    block: list[Span] = []
    for start, end in itertools.chain(_lines(text), [(len(text), len(text))]):
        line = strip_span(text, start, end)
        if line[0] < line[1]:
            block.append(line)
            continue
        if _is_hard_wrapped(text, block):
            result.append((block[0][0], block[-1][1]))
        else:
            result.extend(block)
        block.clear()
    return result


def ends_sentence(text: str, stop: int, after: int, end: int) -> bool:
    """Decide whether the stop at `stop` (first mark) ends a sentence whose next word would begin at `after`."""
    while after < end and text[after].isspace():
        after += 1
    if after >= end:
        return True
    follower = text[after]
    if text[stop] != ".":
        return not follower.islower()
    if follower.islower():
        return False
    window = text[max(0, stop - _BOUNDARY_WINDOW) : stop]
    last = "" if window[-1:].isspace() else window.rsplit(None, 1)[-1].lstrip(_LEADING) if window else ""
    if not last:
        return True
    if last.lower() in lexicon("abbreviations") and (last[0].isupper() or "." in last):
        return last == "No" and not follower.isdigit()
    if len(last) == 1 and last.isupper():
        return False  # an initial: "John F. Kennedy"
    if len(last) > 2 and last[-2] == "." and last[-1].isalpha():
        # "U.S." is far more often a modifier ("U.S. Secretary") than the end of a sentence.
        opener = _FIRST_WORD.match(text, after)
        return opener is not None and opener.group() in _STARTERS
    return True


def is_heading(text: str, start: int, end: int) -> bool:
    """Tell whether a paragraph looks like a headline or a subheading: short, and not closed by a full stop."""
    if end - start > 250:
        return False
    last = text[start:end].rstrip(_TRAILING)[-1:]
    if last in _TERMINAL or last in ",;:":
        return False
    return not text[start:end].endswith(("”", '"', "''", "»")) or end - start < 100
