"""Headlines and subheadings: which paragraphs are some, and which quotations in them only repeat the article's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from nato_stance.lexicon_files import lexicon
from nato_stance.non_statements import content_words, is_title_case
from nato_stance.paragraphs import is_heading
from nato_stance.quotes import QuotedSpan
from nato_stance.records import Span

_WORD: Final = re.compile(r"\w[\w’'&.-]*")
_TOP: Final = 4
_BODY: Final = 40
_BODY_CHARACTERS: Final = 2000
_MAX_HEADLINE: Final = 250
_BULLETS: Final = "-•*–"
_MAX_LABEL_WORDS: Final = 10
_BODY_OF_SECTION: Final = 3
_REPEATED: Final = 0.6
_MAX_BOILERPLATE: Final = 60
_MAX_LINKS: Final = 12


class Headings:
    """The headings of an article.

    A headline stands among the first paragraphs and is short; it has no full stop, or is in title case, or is the only
    paragraph whose quotation marks are single ones. A subheading further down is a paragraph that is short, has no full
    stop and is followed by a longer one.
    """

    def __init__(self, text: str, blocks: Sequence[Span], quoted: Sequence[QuotedSpan]) -> None:
        self.text, self.blocks = text, blocks
        self._double = any(q.family == "double" for q in quoted)
        self._body: dict[int, set[str]] = {}

    def end_of_article(self) -> int:
        """Return the index of the paragraph with which the page around the article begins, the number of all if none.

        Only lines such as "Leave a comment" in the last two thirds of the text count.
        """
        n = len(self.blocks)
        for index in range(max(1, n // 3), n):
            start, end = self.blocks[index]
            if end - start <= _MAX_BOILERPLATE:
                line = self.text[start:end].lower().rstrip(" .:!")
                if line in lexicon("boilerplate") or (
                    line in lexicon("link_headings") and self._only_links_follow(index)
                ):
                    return index
        return n

    def _only_links_follow(self, index: int) -> bool:
        following = self.blocks[index + 1 : index + 1 + _MAX_LINKS]
        return all(is_heading(self.text, start, end) for start, end in following)

    def is_heading(self, index: int) -> bool:
        """Tell whether paragraph `index` is a headline or a subheading."""
        start, end = self.blocks[index]
        if index + 1 >= len(self.blocks) or end - start > _MAX_HEADLINE:
            return False
        if is_heading(self.text, start, end):
            following = self.blocks[index + 1]
            return index < _TOP or following[1] - following[0] > end - start
        return index == 0 and self._headline_style(self.text[start:end])

    def _headline_style(self, line: str) -> bool:
        words = _WORD.findall(line)
        capitals = sum(not w[0].islower() for w in words)
        return len(words) > 3 and capitals >= 0.75 * len(words)

    def holds(self, quote: QuotedSpan) -> bool:
        """Tell whether a quotation stands in a heading and repeats words of the article, or is a subheading itself."""
        index = quote.paragraph
        start, end = self.blocks[index]
        if self.text[start] in _BULLETS and is_heading(self.text, start, end) and 2 * index > len(self.blocks):
            return True  # an item of a list of links
        if quote.outer_start == start and quote.outer_end >= end - 1 and len(self.blocks) > 1:
            words = _WORD.findall(self.text[quote.start : quote.end])
            if quote.family == "single" and self._double and len(words) <= _MAX_LABEL_WORDS:
                return is_title_case(words)
        headline = index == 0 and quote.family == "single" and self._double and end - start <= _MAX_HEADLINE
        if not (headline or self.is_heading(index)):
            return False
        return headline or self._is_repeated(quote)

    def _is_repeated(self, quote: QuotedSpan) -> bool:
        words = content_words(self.text[quote.start : quote.end])
        reach = _BODY if quote.paragraph < _TOP else _BODY_OF_SECTION
        following = range(quote.paragraph + 1, min(len(self.blocks), quote.paragraph + 1 + reach))
        return bool(words) and any(len(words & self._words_of(i)) >= _REPEATED * len(words) for i in following)

    def _words_of(self, index: int) -> set[str]:
        if index not in self._body:
            start, end = self.blocks[index]
            self._body[index] = content_words(self.text[start : min(end, start + _BODY_CHARACTERS)])
        return self._body[index]
