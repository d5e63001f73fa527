"""From article text to statements: quoted spans, who said them, and indirect speech, put together."""

from __future__ import annotations

from nato_stance.paragraphs import paragraphs
from nato_stance.quotes import QuotedSpan, quoted_spans
from nato_stance.records import InvalidTypeError, Kind, Quotation


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
    groups: list[list[QuotedSpan]] = []
    for span in quoted_spans(text, paragraphs(text)):
        if span.joined and groups:
            groups[-1].append(span)
        else:
            groups.append([span])
    return [_quotation(text, group) for group in groups]


def _quotation(text: str, group: list[QuotedSpan]) -> Quotation:
    spans = tuple((q.start, q.end) for q in group)
    kind: Kind = "direct" if text[spans[0][0]].isupper() else "mixed"
    return Quotation(kind, spans, " ".join(text[start:end] for start, end in spans))
