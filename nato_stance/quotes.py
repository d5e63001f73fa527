"""Quoted spans of an article, by one left-to-right scan over its quotation marks.

The scan knows marks and paragraphs only. It does not judge whether a span is a statement, and it has no idea of who
speaks. Two rules keep it from going wrong on broken text: the state is dropped at the end of each paragraph, so that
a bad mark spoils its own paragraph at most; and what a mark does is read off its neighbours (space on the left opens,
space on the right closes) before its shape is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from nato_stance.paragraphs import paragraphs
from nato_stance.records import Span

# Single marks count only where they do not stand between two letters; there they are apostrophes.
_MARK: Final = re.compile(
    r"""["＂“”„‟«»‹›「」『』'‘’‚`]{5,}+|["＂“”„‟«»‹›「」『』]|''|``|(?<!\w)['‘’‚`](?=[\w\[(…$£€.])|['’](?!\w)"""
)
_MARK_CHARACTERS: Final = re.compile(r"""["＂“”„‟«»‹›「」『』'‘’‚`]++""")
_FAMILY: Final = {
    **dict.fromkeys('"＂“”„‟', "double"),
    **dict.fromkeys(("''", "``"), "double"),
    **dict.fromkeys("«»‹›", "angle"),
    **dict.fromkeys("「」『』", "corner"),
    **dict.fromkeys("'‘’‚`", "single"),
}
_OPENERS: Final = frozenset(("“", "„", "‟", "``", "‘", "‚", "「", "『"))
_CLOSERS: Final = frozenset(("”", "’", "」", "』"))
_OPEN_BRACKETS: Final = "([{<—–-―−/"
_CLOSE_BEFORE: Final = ".,;:!?)]}>—–-…*/"
_FREE_LEFT: Final = frozenset(_OPEN_BRACKETS + " \n\"“‘'«")
_FREE_RIGHT: Final = frozenset(_CLOSE_BEFORE + " \n\"”’'»")
_ELISION: Final = re.compile(r"['‘’`](?:\d0s|\d\d\b|(?:em|til|tis|twas|cause|bout|round|n|neath|cuz|ere|re)\b)", re.I)
# A clause of the reporter's inside an unclosed quotation shows where its closing mark was lost.
_LOST_CLOSE: Final = re.compile(
    r",[ \t]+(?:(?:he|she|they|it|who)[ \t]+(?:said|says|added|adds|told|warned|asked|continued|wrote|insisted|noted)"
    r"|(?:said|says)[ \t]+[A-Z][\w’'-]+)\b"
)
_LONG_UNCLOSED: Final = 1500
_SHORT_ATTRIBUTION: Final = 80
# A closing mark that nothing opened, with an attribution behind it: the opening one is missing.
_LOST_OPEN: Final = re.compile(
    r"[ \t]+(?:(?:said|says|added|warned|asked|told)\b|(?:he|she|they)[ \t]+\w+"
    r"|(?:[A-Z][\w’'-]+[ \t]+){1,3}(?:said|says)\b)"
)
_FIRST_STOP: Final = re.compile(r"[.!?](?=\s)")
_MAX_CARRY_SENTENCES: Final = 3
_HABIT: Final = 2
_MAX_NESTED: Final = 80
_GAP: Final = 8
_RUN_OF_MARKS: Final = 5
_MANY_MARKS: Final = 200
_DENSITY: Final = 8


class QuotedSpan(NamedTuple):
    """A run of words between quotation marks.

    Attributes:
        start, end: the words, without the marks and without white space at the edges.
        outer_start, outer_end: the same with the marks.
        paragraph: index of the paragraph.
        family: `double`, `single`, `angle` or `corner`.
        closed: False where no closing mark was found and a rule decided where it ends.
        joined: True for a span that goes on with the quotation of the span before it: after a stray mark in its
            middle, or in a new paragraph that reopens a quotation which the last one left open.
    """

    start: int
    end: int
    outer_start: int
    outer_end: int
    paragraph: int
    family: str
    closed: bool = True
    joined: bool = False


class _Mark(NamedTuple):
    """A quotation mark and what it may do."""

    start: int
    end: int
    family: str
    opens: bool  # may open, judging by its neighbours
    closes: bool  # may close, judging by its neighbours
    shape: int  # 1 shaped as an opening mark, -1 as a closing one, 0 neutral


def _mark(text: str, start: int, end: int) -> _Mark:
    left = text[start - 1] if start else " "
    right = text[end : end + 1] or " "
    token = text[start:end]
    left_free = left in _FREE_LEFT or left.isspace()
    right_free = right in _FREE_RIGHT or right.isspace()
    shape = 1 if token in _OPENERS else -1 if token in _CLOSERS else 0
    opens = left_free and not right.isspace()
    closes = right_free and not left.isspace()
    if token in "「」『』":
        opens, closes = shape > 0, shape < 0
    elif token in "«»‹›" and not closes and (not opens or right in _CLOSE_BEFORE):
        opens, closes = token in "«‹", token in "»›"  # set off by spaces, as in French
    elif not opens and not closes:
        # Between two letters or between two spaces: only the shape can tell.
        opens, closes = shape >= 0, shape <= 0
    elif opens and closes and shape:
        opens, closes = shape > 0, shape < 0
    return _Mark(start, end, _FAMILY[token], opens, closes, shape)


class _Scan:
    """State of the scan over one paragraph."""

    def __init__(self, text: str, index: int, span: Span, marks: Sequence[_Mark]) -> None:
        self.text, self.index, self.span, self.marks = text, index, span, marks
        self.spans: list[QuotedSpan] = []
        self.opened: _Mark | None = None
        self.nested: str | None = None
        self.joined = False
        self.stray_at_sentence = 0
        self.block_quote = False

    def _emit(self, end: int, outer_end: int, *, closed: bool = True) -> None:
        assert self.opened is not None
        start = self.opened.end
        piece = self.text[start:end]
        inner_start = start + len(piece) - len(piece.lstrip())
        inner_end = start + len(piece.rstrip())
        if inner_start < inner_end:
            self.spans.append(
                QuotedSpan(
                    inner_start, inner_end, self.opened.start, outer_end, self.index, self.opened.family, closed,
                    self.joined,
                )
            )  # fmt: skip

    def _open(self, mark: _Mark, *, joined: bool = False) -> None:
        self.opened, self.nested, self.joined = mark, None, joined

    def _reopen(self, mark: _Mark) -> None:
        """An opening mark inside an open quotation of its own kind: a stray one, or the last close was lost."""
        assert self.opened is not None
        lost = _LOST_CLOSE.search(self.text, self.opened.end, mark.start)
        if lost:
            self._emit(lost.start() + 1, lost.start() + 1, closed=False)
        else:
            self.stray_at_sentence += self.text[self.opened.end : mark.start].rstrip()[-1:] in (".", "!", "?")
            self._emit(mark.start, mark.start, closed=False)
        self._open(mark, joined=lost is None)

    def run(self, *, singles: bool = True) -> bool:
        """Scan the marks; return True when the paragraph ends inside a quotation."""
        for i, mark in enumerate(self.marks):
            if mark.family == "single":
                if singles:
                    self._single(i, mark)
            elif self.opened is None:
                if i == 0 and self._marks_block_quote():
                    continue
                if i == 0 and self._lost_its_open(mark):
                    start = self.span[0]
                    self._open(_Mark(start, start, mark.family, True, False, 1))
                    self._close(mark)
                    continue
                if mark.opens or (mark.start == self.span[0] and (mark.shape >= 0 or self._opens_paragraph(i))):
                    self._open(mark)
            elif self.opened.family == "single":
                self._double_inside_single(mark)
            else:
                self._double(i, mark)
        if self.opened is not None and self.opened.family == "single":
            # A lone single mark opens nothing: read the paragraph again without single marks.
            self.spans.clear()
            self.opened = None
            return self.run(singles=False)
        return self.opened is not None

    def _lost_its_open(self, mark: _Mark) -> bool:
        """Tell whether the first mark of the paragraph closes a quotation whose opening mark is missing."""
        if mark.opens or not mark.closes or mark.start - self.span[0] > _LONG_UNCLOSED:
            return False
        return self.text[mark.start - 1] in ",?!" and _LOST_OPEN.match(self.text, mark.end) is not None

    def _opens_paragraph(self, i: int) -> bool:
        """Tell whether a closing mark that begins the paragraph was typed for an opening one: ” … It did,” he said."""
        following = self.marks[i + 1] if i + 1 < len(self.marks) else None
        return following is not None and following.closes and not following.opens

    def _marks_block_quote(self) -> bool:
        """Tell whether a straight mark only marks its paragraph as part of a long quotation of another text.

        Such a paragraph begins with a straight mark that none answers, while the quotations in it have curly marks.
        """
        if not self.starts_straight():
            return False
        rest = self.marks[1:]
        curly = any(self.text[m.start] == "“" for m in rest)
        self.block_quote = curly and not any(self.text[m.start] == '"' for m in rest)
        return self.block_quote

    def starts_straight(self) -> bool:
        """Tell whether the paragraph begins with a straight mark."""
        return self.marks[0].start == self.span[0] and self.text[self.span[0]] == '"'

    def _single(self, i: int, mark: _Mark) -> None:
        if self.opened is None:
            if mark.opens and mark.shape >= 0 and not _ELISION.match(self.text, mark.start):
                self._open(mark)
            return
        if self.opened.family != "single" or self.nested or not mark.closes:
            return
        if self._is_possessive(i, mark):
            return
        self._emit(mark.start, mark.end)
        self.opened = None

    def _is_possessive(self, i: int, mark: _Mark) -> bool:
        """Tell whether a closing single mark after an s is the apostrophe of a plural ("the allies’ troops")."""
        text = self.text
        if text[mark.start - 1] not in "sS" or not text[mark.end : mark.end + 1].isspace():
            return False
        if not text[mark.end + 1 : mark.end + 2].isalpha() or i + 1 >= len(self.marks):
            return False
        following = self.marks[i + 1]
        return following.family == "single" and following.closes and not following.opens

    def _double_inside_single(self, mark: _Mark) -> None:
        if self.nested is None and mark.opens:
            self.nested = mark.family
        elif self.nested == mark.family:
            self.nested = None

    def _double(self, i: int, mark: _Mark) -> None:
        assert self.opened is not None
        same_look = self._looks_like_opener(mark)
        if self.nested is not None:
            if mark.closes and not same_look:
                kind = self.text[mark.start : mark.end]
                if kind == self.nested:
                    self.nested = None
                    return
                self._close(mark)
            return
        if not same_look:
            self._close(mark)
        elif mark.family != self.opened.family or self._other_glyph(mark) or self._is_answered(i):
            self.nested = self._closing_glyph(mark)
        else:
            self._reopen(mark)

    def _is_answered(self, i: int) -> bool:
        """Tell whether a second opening mark is nested: two closing marks follow, and what stands there reads so.

        “They told me “never again” and left.” is nested; “One. “Two,” he said. has a stray mark.
        """
        if i + 2 >= len(self.marks):
            return False
        mark, inner, outer = self.marks[i : i + 3]
        if any(m.family != "double" or m.opens or not m.closes or m.shape >= 0 for m in (inner, outer)):
            return False
        before = self.text[max(self.span[0], mark.start - _GAP) : mark.start].rstrip()[-1:]
        short = inner.start - mark.end <= _MAX_NESTED
        return short and before.isalnum() and _LOST_OPEN.match(self.text, inner.end) is None

    def _looks_like_opener(self, mark: _Mark) -> bool:
        return mark.opens and not mark.closes

    def _other_glyph(self, mark: _Mark) -> bool:
        """Tell whether `mark` is of another shape family than the mark that opened (straight inside curly)."""
        assert self.opened is not None
        outer = self.text[self.opened.start : self.opened.end]
        inner = self.text[mark.start : mark.end]
        straight = ('"', "''", "``")
        return (outer in straight) != (inner in straight) or (outer in straight and outer != inner)

    def _closing_glyph(self, mark: _Mark) -> str:
        glyph = self.text[mark.start : mark.end]
        return {"“": "”", "„": "“", "«": "»", "»": "«", "‹": "›", "›": "‹", "「": "」", "『": "』", "``": "''"}.get(
            glyph, glyph
        )

    def _close(self, mark: _Mark) -> None:
        self._emit(mark.start, mark.end)
        self.opened = None

    def lost_its_close(self) -> bool:
        """Tell whether an open quotation ends with an attribution, so that only its closing mark is missing."""
        assert self.opened is not None
        lost = _LOST_CLOSE.search(self.text, self.opened.end, self.span[1])
        return lost is not None and self.span[1] - lost.end() < _SHORT_ATTRIBUTION

    def join_first(self) -> None:
        """Make the first span go on with the quotation of the paragraph before."""
        if self.spans:
            self.spans[0] = self.spans[0]._replace(joined=True)
        else:
            self.joined = True

    def take_lead(self) -> None:
        """Take the words before the first mark into the quotation of the paragraph before."""
        first = self.spans[0]
        start, end = self.span[0], self.span[0] + len(self.text[self.span[0] : first.outer_start].rstrip())
        lead = QuotedSpan(start, end, start, end, self.index, first.family, closed=False, joined=True)
        self.spans[:1] = [lead, first._replace(joined=True)]

    def end_open(self, *, carried: bool) -> None:
        """End a quotation that the paragraph leaves open, at the paragraph's end or where a rule says."""
        assert self.opened is not None
        end = self.span[1]
        if not carried:
            lost = _LOST_CLOSE.search(self.text, self.opened.end, end)
            if lost:
                end = lost.start() + 1
            elif end - self.opened.end > _LONG_UNCLOSED:
                stop = _FIRST_STOP.search(self.text, self.opened.end, end)
                end = stop.end() if stop else end
        self._emit(end, end, closed=False)
        self.opened = None


def _mark_spans(text: str) -> Iterator[Span]:
    """Yield what `_MARK` finds, by way of a search for its characters alone, which is several times as fast."""
    for run in _MARK_CHARACTERS.finditer(text):
        position, stop = run.span()
        if (
            stop - position == 1
            and text[position] in "'’"
            and text[position - 1 : position].isalnum()
            and text[stop : stop + 1].isalnum()
        ):
            continue  # an apostrophe
        while position < stop:
            match = _MARK.match(text, position)
            if match is None:
                position += 1
            else:
                yield match.span()
                position = match.end()


def _marks_by_paragraph(text: str, blocks: Sequence[Span]) -> Iterator[tuple[int, list[_Mark]]]:
    """Yield the index of each paragraph that holds marks, with its marks."""
    index, spans = 0, list[Span]()
    for start, end in _mark_spans(text):
        if start >= blocks[index][1]:
            if spans and not _is_noise(blocks[index], spans):
                yield index, [_mark(text, *span) for span in spans]
            spans = []
            while start >= blocks[index][1]:
                index += 1
        if end - start < _RUN_OF_MARKS:
            spans.append((start, end))
    if spans and not _is_noise(blocks[index], spans):
        yield index, [_mark(text, *span) for span in spans]


def _is_noise(block: Span, marks: Sequence[Span]) -> bool:
    """Tell whether a paragraph has so many marks that it is no prose."""
    return len(marks) > _MANY_MARKS and len(marks) * _DENSITY > block[1] - block[0]


def quoted_spans(text: str, blocks: Sequence[Span] | None = None) -> list[QuotedSpan]:
    """Return every run of quoted words in `text`, in order, not overlapping; nested quotations stay inside.

    Args:
        text: the article.
        blocks: its paragraphs, where they are known already.

    >>> [text[q.start:q.end] for text in ["“Yes,” he said. “‘No’ is no answer.”"] for q in quoted_spans(text)]
    ['Yes,', '‘No’ is no answer.']
    """
    blocks = paragraphs(text) if blocks is None else blocks
    scans = [_Scan(text, index, blocks[index], marks) for index, marks in _marks_by_paragraph(text, blocks)]
    left_open = [scan.run() for scan in scans]
    if any(scan.block_quote for scan in scans):
        for i, scan in enumerate(scans):
            if left_open[i] and len(scan.marks) == 1 and scan.starts_straight():
                scan.opened, left_open[i] = None, False
    sentencewise = sum(scan.stray_at_sentence for scan in scans) >= _HABIT
    for i, scan in enumerate(scans):
        if not left_open[i]:
            continue
        following = scans[i + 1] if i + 1 < len(scans) and scans[i + 1].index == scan.index + 1 else None
        reopened = following is not None and not scan.lost_its_close() and _reopens(blocks[scan.index + 1], following)
        resumed = following is not None and not reopened and sentencewise and _resumes(text, following)
        scan.end_open(carried=reopened or resumed)
        if following is None:
            continue
        if resumed:
            following.take_lead()
        elif reopened:
            following.join_first()
    return [span for scan in scans for span in scan.spans]


def _reopens(block: Span, scan: _Scan) -> bool:
    """Tell whether a paragraph begins with a quotation mark that opens."""
    if scan.spans:
        return scan.spans[0].outer_start == block[0]
    return scan.opened is not None and scan.opened.start == block[0]


def _resumes(text: str, scan: _Scan) -> bool:
    """Tell whether a paragraph goes on with a quotation in an article whose marks are set sentence by sentence.

    Machine translation balances marks within each sentence: “One. “Two,” he said. In an article that does so, a
    paragraph after an open quotation belongs to it up to its first mark, where that mark opens a sentence.
    """
    if not scan.spans or not scan.spans[0].closed:
        return False
    lead = text[scan.span[0] : scan.spans[0].outer_start].rstrip()
    return lead[-1:] in (".", "!", "?") and len(_FIRST_STOP.findall(lead + " ")) <= _MAX_CARRY_SENTENCES
