"""From article text to statements: quoted spans, who said them, and indirect speech, put together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from nato_stance.attribution import AFTER, BEFORE, Attribution, attribute
from nato_stance.non_statements import (
    content_words,
    follows_naming_phrase,
    is_markup,
    is_nickname,
    is_title,
    is_title_case,
    modifies_noun,
    repeats,
)
from nato_stance.paragraphs import is_heading, paragraphs
from nato_stance.people import People
from nato_stance.quotes import QuotedSpan, quoted_spans
from nato_stance.records import InvalidTypeError, Kind, Quotation, Span
from nato_stance.reporter import reporter_sentences
from nato_stance.resolution import Resolver, Speaker
from nato_stance.speakers import cues
from nato_stance.tokens import Frame

_WORD: Final = re.compile(r"\w[\w’'&.-]*")
_HEADINGS: Final = 3
_MAX_CONTEXT: Final = 600


@dataclass(slots=True)
class _Draft:
    """A statement that is being put together."""

    quotes: list[QuotedSpan]
    speaker: Speaker | None
    cue: Span | None
    place: str
    paragraph: int
    sentence: Span
    context: Span = field(default=(0, 0))


class _Extraction:
    """The walk over one article."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.blocks = paragraphs(text)
        self.quoted = quoted_spans(text, self.blocks)
        self.people = People(text, [(q.outer_start, q.outer_end) for q in self.quoted])
        self.resolver = Resolver(text, self.people)
        self.drafts: list[_Draft] = []

    def run(self) -> list[Quotation]:
        for index, group in groupby(self.quoted, key=lambda q: q.paragraph):
            self._paragraph(index, list(group))
        return [_quotation(self.text, d) for d in self.drafts]

    def _paragraph(self, index: int, quotes: list[QuotedSpan]) -> None:
        block = self.blocks[index]
        kept = [q for q in quotes if not is_markup(self.text, q)]
        if (
            index < _HEADINGS
            and is_heading(self.text, *block)
            or index == 0
            and len(self.blocks) > 1
            and block[1] - block[0] < 250
            and not _ends_like_text(self.text, block)
        ):
            kept = [q for q in kept if not self._repeated(q, index)]
        for start, end, inside in reporter_sentences(self.text, block, kept):
            if inside:
                self._sentence(index, start, end, inside)

    def _repeated(self, quote: QuotedSpan, index: int) -> bool:
        words = content_words(self.text[quote.start : quote.end])
        body = [content_words(self.text[a:b]) for a, b in self.blocks[index + 1 : index + 30]]
        return repeats(words, body)

    def _sentence(self, index: int, start: int, end: int, quotes: Sequence[QuotedSpan]) -> None:
        frame = Frame(self.text, start, end, quotes)
        found = cues(frame)
        for i, carried in enumerate(attribute(frame, self.text, found)):
            quote = quotes[i]
            if quote.joined and self.drafts and self._joins(index):
                self.drafts[-1].quotes.append(quote)
                continue
            words = _WORD.findall(self.text[quote.start : quote.end])
            if (
                not words
                or is_nickname(frame, i, words)
                or follows_naming_phrase(frame, i)
                or is_title(frame, i, words)
            ):
                continue
            if carried is not None:
                self._attributed(frame, index, quote, carried)
            else:
                self._alone(frame, i, index, quote, words)

    def _joins(self, index: int) -> bool:
        return self.drafts[-1].paragraph in (index, index - 1)

    def _attributed(self, frame: Frame, index: int, quote: QuotedSpan, carried: Attribution) -> None:
        cue = (frame.starts[carried.cue[0]], frame.ends[carried.cue[1] - 1]) if carried.cue else None
        last = self.drafts[-1] if self.drafts else None
        sentence = (frame.start, frame.end)
        if last is not None and last.sentence == sentence and last.cue == cue and cue is not None:
            last.quotes.append(quote)
            return
        speaker = self.resolver.resolve(frame, carried.subject) if carried.subject else None
        self.drafts.append(_Draft([quote], speaker, cue, carried.place, index, sentence))

    def _alone(self, frame: Frame, i: int, index: int, quote: QuotedSpan, words: Sequence[str]) -> None:
        last = self.drafts[-1] if self.drafts else None
        pure = len(frame) == len(frame.at)
        sentence = (frame.start, frame.end)
        same = last is not None and last.paragraph == index
        if pure or len(words) > 6:
            if last is not None and same and pure and last.place == AFTER:
                last.quotes.append(quote)
                return
            speaker = self.resolver.last
            self.drafts.append(_Draft([quote], speaker, None, BEFORE, index, sentence))
            return
        if last is not None and same and not modifies_noun(self.text, quote) and not is_title_case(words):
            if last.sentence == sentence and last.cue is None:
                last.quotes.append(quote)
            else:
                self.drafts.append(_Draft([quote], self.resolver.last, None, BEFORE, index, sentence))


def _ends_like_text(text: str, block: Span) -> bool:
    return text[block[0] : block[1]].rstrip("\"'”’»")[-1:] in (".", "!", "?")


def extract_quotations(text: str) -> list[Quotation]:
    """Return the statements of an article in the order in which they begin.

    Args:
        text: the article text. Offsets of the result count its characters.

    Raises:
        InvalidTypeError: `text` is not a str.

    >>> [q.text for q in extract_quotations("“We are ready,” she said.")]
    ['We are ready,']
    """
    if not isinstance(text, str):
        raise InvalidTypeError(f"text must be a str, not {type(text).__name__}; decode bytes first")
    return _Extraction(text).run()


def _quotation(text: str, draft: _Draft) -> Quotation:
    spans = tuple((q.start, q.end) for q in draft.quotes)
    kind: Kind = "direct" if text[spans[0][0]].isupper() else "mixed"
    words = " ".join(text[start:end] for start, end in spans)
    speaker = draft.speaker
    cue = text[draft.cue[0] : draft.cue[1]] if draft.cue else None
    return Quotation(
        kind,
        spans,
        words,
        speaker.name if speaker else None,
        speaker.span if speaker else None,
        cue,
        draft.cue,
        draft.sentence,
        text[slice(*draft.sentence)],
    )
