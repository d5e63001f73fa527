"""The reporter's sentences of a paragraph: sentences that are not cut inside a quotation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from nato_stance.paragraphs import SENTENCE_END, ends_sentence, strip_span
from nato_stance.quotes import QuotedSpan
from nato_stance.records import Span
from nato_stance.verbs import FINITE, SAY, verb_forms

_WORD: Final = re.compile(r"[\w’'-]+")
_ATTRIBUTION_REACH: Final = 160
_ATTRIBUTION_WORDS: Final = 16
_MAX_QUOTES: Final = 24
_MAX_GAP: Final = 3000
_TERMINAL: Final = ".!?…"


@cache
def _saying() -> frozenset[str]:
    return frozenset(form for form, verb in verb_forms().items() if verb.flags & SAY and verb.flags & FINITE)


def _attribution_follows(text: str, quote: QuotedSpan, end: int) -> bool:
    """Tell whether what follows a quotation that ends like a sentence still belongs to it: “...?” Mr. Holm asked."""
    after = quote.outer_end
    limit = min(end, after + _ATTRIBUTION_REACH)
    stop = next((m.start() for m in SENTENCE_END.finditer(text, after, limit) if
                 ends_sentence(text, m.start(), m.end(), end)), limit)  # fmt: skip
    piece = text[after:stop].strip().rstrip(_TERMINAL)
    if not piece or piece[0] in "\"“'‘":
        return False
    words = _WORD.findall(piece)
    if not words or len(words) > _ATTRIBUTION_WORDS:
        return False
    if words[0][0].islower():
        return True
    if text[quote.end - 1] == "." or (quote.end < quote.outer_end and text[quote.end - 1] not in "?!"):
        # After a full stop only a bare name can still belong: “... .” Jens Stoltenberg.
        return 2 <= len(words) <= 4 and all(w[0].isupper() for w in words) and "," not in piece
    saying = _saying()
    return any(w.lower() in saying for w in words[1:]) and ":" not in piece


def _ends_here(text: str, quote: QuotedSpan, end: int) -> bool:
    """Tell whether the reporter's sentence ends with a quotation."""
    after = quote.outer_end
    last = text[quote.start : quote.end].rstrip("\"'”’»)]")[-1:]
    while after < end and text[after].isspace():
        after += 1
    if after >= end:
        return True
    if last not in _TERMINAL or text[quote.outer_end : after] == "":
        return False
    if text[after].islower() or text[after] in ",;:—–―-(&":
        return False
    return not _attribution_follows(text, quote, end)


def reporter_sentences(
    text: str, block: Span, quotes: Sequence[QuotedSpan]
) -> list[tuple[int, int, Sequence[QuotedSpan]]]:
    """Return the sentences of a paragraph as `(start, end, quotations in it)`, never cut inside a quotation.

    Args:
        text: the article.
        block: span of the paragraph.
        quotes: its quoted spans, in order.
    """
    result: list[tuple[int, int, Sequence[QuotedSpan]]] = []
    begin, first, position = block[0], 0, block[0]
    end = block[1]

    def close(stop: int, upto: int) -> None:
        nonlocal begin, first
        start, finish = strip_span(text, begin, stop)
        if start < finish:
            result.append((start, finish, quotes[first:upto]))
        begin, first = stop, upto

    for i, quote in enumerate((*quotes, None)):
        gap_end = quote.outer_start if quote is not None else end
        if i - first >= _MAX_QUOTES and not (quote is not None and quote.joined):
            close(position, i)
        if gap_end - position > _MAX_GAP and quote is not None:
            close(position, i)
            cut = text.rfind(" ", position, gap_end - _MAX_GAP // 2)
            close(cut if cut > position else position, i)
            position = begin
        for match in SENTENCE_END.finditer(text, position, gap_end):
            if ends_sentence(text, match.start(), match.end(), end):
                close(match.end(), i)
        if quote is None:
            break
        position = quote.outer_end
        joined = i + 1 < len(quotes) and quotes[i + 1].joined
        if not joined and _ends_here(text, quote, end):
            close(position, i + 1)
    close(end, len(quotes))
    return result
