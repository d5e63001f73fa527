"""Measure extracted quotations and their speakers against attributions that people marked in brat.

Gold are the words between quotation marks inside a Content span, with the Source of that attribution: quotation marks
to which the annotators attribute nothing (titles, scare quotes) are not gold, so finding them costs precision.
Reported speech without marks is not measured. The definitions are those of Pareti's overlap and exact scores for
PARC/PolNeAR quotations, with one addition, the speaker:

- exact: the same words, after quotation marks, spaces and punctuation are trimmed off both ends;
- overlap: each gold quotation, in reading order, takes the free prediction with which it has the largest intersection
  over union; it counts from one half upwards;
- speaker: of the gold quotations with a Source that were found (overlap), how many carry the right one: the mention
  overlaps the Source, or the speaker's name shares a capitalised word with it;
- found and attributed: gold quotations that are found and carry the right speaker, among all gold quotations.

Every piece of a quotation that the reporter interrupts counts by itself, because the annotators marked pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from nato_stance.brat import BratDocument
from nato_stance.extraction import extract_quotations
from nato_stance.records import Quotation, Span

_EDGE: Final = " \t\r\n\"'“”‘’«»`.,;:!?-–—()[]"
_QUOTED: Final = re.compile(r"“[^“”]*”?|\"[^\"]*\"?|''(?:[^']|'(?!'))*(?:'')?|«[^«»]*»?|„[^„“”]*[“”]?")
_PRONOUN: Final = re.compile(r"(?:he|she|they|it|i|we|him|her|them|who)", re.IGNORECASE)
_CAPITALISED: Final = re.compile(r"\b[A-Z][\w’'-]+")
_ENOUGH: Final = 0.5

Fault = Literal["missed", "spurious", "speaker"]


@dataclass(frozen=True, slots=True)
class GoldQuotation:
    """Quoted words of an article, trimmed, and the spans of their Source (none where it has no source)."""

    span: Span
    source: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class QuotationFault:
    """One thing that went wrong.

    Attributes:
        fault: `missed` (a gold quotation that was not found), `spurious` (found where there is no gold quotation) or
            `speaker` (found, but credited to somebody else or to nobody).
        document: name of the article's file.
        span: of the gold quotation; of the prediction if it is spurious.
        text: the words at `span`.
        expected: words of the gold Source, or None.
        given: the speaker that the extractor gave, or None.
    """

    fault: Fault
    document: str
    span: Span
    text: str
    expected: str | None
    given: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "fault": self.fault,
            "document": self.document,
            "span": list(self.span),
            "text": self.text,
            "expected": self.expected,
            "given": self.given,
        }


@dataclass(frozen=True, slots=True)
class SpanScore:
    """Precision, recall and F1 of spans; 0 where there is nothing to divide by."""

    precision: float
    recall: float

    @classmethod
    def of(cls, n_right: int, n_predicted: int, n_gold: int) -> SpanScore:
        """Divide counts."""
        return cls(_ratio(n_right, n_predicted), _ratio(n_right, n_gold))

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.precision * self.recall, self.precision + self.recall)

    def to_dict(self) -> dict[str, float]:
        """Return the JSON form, rounded to six decimals."""
        return {"precision": round(self.precision, 6), "recall": round(self.recall, 6), "f1": round(self.f1, 6)}


@dataclass(frozen=True, slots=True)
class QuotationReport:
    """Counts over a corpus, and all that is derived from them.

    Attributes:
        n_documents, n_gold, n_predicted: articles, gold quotations, predicted pieces of quotations.
        n_exact, n_overlapping: gold quotations found, by either measure.
        n_named, n_named_right: found quotations whose Source is more than a pronoun, and those credited to it.
        n_pronouns, n_pronouns_right: the same where the Source is a bare pronoun.
        faults: all that went wrong, in the order of articles and text.
    """

    n_documents: int
    n_gold: int
    n_predicted: int
    n_exact: int
    n_overlapping: int
    n_named: int
    n_named_right: int
    n_pronouns: int
    n_pronouns_right: int
    faults: tuple[QuotationFault, ...]

    @property
    def exact(self) -> SpanScore:
        """Scores of spans with exactly the same words."""
        return SpanScore.of(self.n_exact, self.n_predicted, self.n_gold)

    @property
    def overlap(self) -> SpanScore:
        """Scores of spans that overlap by at least one half."""
        return SpanScore.of(self.n_overlapping, self.n_predicted, self.n_gold)

    @property
    def speaker_accuracy(self) -> float:
        """Share of found quotations with a Source that carry the right speaker."""
        return _ratio(self.n_named_right + self.n_pronouns_right, self.n_named + self.n_pronouns)

    @property
    def found_and_attributed(self) -> float:
        """Share of all gold quotations that are found and carry the right speaker."""
        return _ratio(self.n_named_right + self.n_pronouns_right, self.n_gold)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: counts, scores, faults."""
        return {
            "n_documents": self.n_documents,
            "n_gold": self.n_gold,
            "n_predicted": self.n_predicted,
            "exact": self.exact.to_dict(),
            "overlap": self.overlap.to_dict(),
            "speaker_accuracy": round(self.speaker_accuracy, 6),
            "speaker_named": {"n": self.n_named, "right": self.n_named_right},
            "speaker_pronoun": {"n": self.n_pronouns, "right": self.n_pronouns_right},
            "found_and_attributed": round(self.found_and_attributed, 6),
            "faults": [fault.to_dict() for fault in self.faults],
        }


def evaluate_quotations(
    documents: Iterable[BratDocument], extract: Callable[[str], Sequence[Quotation]] = extract_quotations
) -> QuotationReport:
    """Run an extractor over annotated articles and measure what it finds.

    Args:
        documents: from `brat.read_brat`.
        extract: takes an article's text, returns its quotations; those of kind `indirect` are left out.

    Example:
        >>> from nato_stance.brat import BratAttribution, BratDocument
        >>> attribution = BratAttribution("E1", source=((13, 16),), cue=((8, 12),), content=((0, 7),))
        >>> report = evaluate_quotations([BratDocument("a1.txt", "“Stay,” said Ann.", (attribution,))])
        >>> report.overlap.f1, report.speaker_accuracy
        (1.0, 1.0)
    """
    tallies = [_Tally(document, extract(document.text)) for document in documents]

    def total(name: str) -> int:
        return sum(getattr(tally, name) for tally in tallies)

    return QuotationReport(
        n_documents=len(tallies),
        n_gold=total("n_gold"),
        n_predicted=total("n_predicted"),
        n_exact=total("n_exact"),
        n_overlapping=total("n_overlapping"),
        n_named=total("n_named"),
        n_named_right=total("n_named_right"),
        n_pronouns=total("n_pronouns"),
        n_pronouns_right=total("n_pronouns_right"),
        faults=tuple(fault for tally in tallies for fault in tally.faults),
    )


def gold_quotations(document: BratDocument) -> list[GoldQuotation]:
    """Return the quoted words inside the Content spans of an article, in reading order, each place once.

    Example:
        >>> from nato_stance.brat import BratAttribution, BratDocument
        >>> attribution = BratAttribution("E1", source=(), cue=((0, 6),), content=((7, 27),))
        >>> gold_quotations(BratDocument("a1.txt", "Rivals call it “a toy” and laugh.", (attribution,)))
        [GoldQuotation(span=(16, 21), source=())]
    """
    gold: dict[Span, GoldQuotation] = {}
    for attribution in document.attributions:
        for start, end in attribution.content:
            for match in _QUOTED.finditer(document.text[start:end]):
                span = _trim(document.text, start + match.start(), start + match.end())
                if span[1] - span[0] >= 2:
                    gold.setdefault(span, GoldQuotation(span, attribution.source))
    return [gold[span] for span in sorted(gold)]


class _Tally:
    """The counts of one article."""

    def __init__(self, document: BratDocument, quotations: Sequence[Quotation]) -> None:
        self.document = document
        self.faults: list[QuotationFault] = []
        self.n_overlapping = self.n_named = self.n_named_right = self.n_pronouns = self.n_pronouns_right = 0
        gold = gold_quotations(document)
        pieces = [
            (span, quotation)
            for quotation in quotations
            if quotation.kind != "indirect"
            for span in (_trim(document.text, *s) for s in quotation.spans)
            if span[1] - span[0] >= 2
        ]
        self.n_gold, self.n_predicted = len(gold), len(pieces)
        self.n_exact = len({g.span for g in gold} & {span for span, _ in pieces})
        self._match(gold, pieces)
        self.faults.sort(key=lambda fault: (fault.span, fault.fault))

    def _match(self, gold: Sequence[GoldQuotation], pieces: Sequence[tuple[Span, Quotation]]) -> None:
        free = dict(enumerate(pieces))
        for quotation in gold:
            overlap, index = max(((_overlap(quotation.span, span), i) for i, (span, _) in free.items()), default=(0, 0))
            if overlap < _ENOUGH:
                self._fault("missed", quotation.span, quotation, None)
                continue
            self.n_overlapping += 1
            self._speaker(quotation, free.pop(index)[1])
        for span, prediction in free.values():
            self._fault("spurious", span, None, prediction)

    def _speaker(self, gold: GoldQuotation, prediction: Quotation) -> None:
        if not gold.source:
            return
        text = self.document.text
        right = _is_speaker(text, gold.source, prediction)
        if _PRONOUN.fullmatch(_words(text, gold.source)):
            self.n_pronouns += 1
            self.n_pronouns_right += right
        else:
            self.n_named += 1
            self.n_named_right += right
        if not right:
            self._fault("speaker", gold.span, gold, prediction)

    def _fault(self, fault: Fault, span: Span, gold: GoldQuotation | None, prediction: Quotation | None) -> None:
        text = self.document.text
        expected = _words(text, gold.source) if gold and gold.source else None
        given = prediction.speaker if prediction else None
        self.faults.append(QuotationFault(fault, self.document.name, span, text[slice(*span)], expected, given))


def _is_speaker(text: str, source: Sequence[Span], prediction: Quotation) -> bool:
    mention = prediction.speaker_span
    if mention and any(min(mention[1], end) > max(mention[0], start) for start, end in source):
        return True
    surface, name = _words(text, source), prediction.speaker or ""
    if _PRONOUN.fullmatch(surface) and surface.lower() == name.strip().lower():
        return True
    return not set(_CAPITALISED.findall(surface)).isdisjoint(_CAPITALISED.findall(name))


def _words(text: str, spans: Sequence[Span]) -> str:
    return " ".join(text[start:end] for start, end in spans)


def _trim(text: str, start: int, end: int) -> Span:
    while start < end and text[start] in _EDGE:
        start += 1
    while end > start and text[end - 1] in _EDGE:
        end -= 1
    return start, end


def _overlap(a: Span, b: Span) -> float:
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / (max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
