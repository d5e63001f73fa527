"""What the library hands out: frozen records, their JSON form, and the errors that it raises.

Nothing here knows another module of the package. Every offset in a record is half-open and counts
characters of the article text as read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA_VERSION = 1
"""Version of the JSON form that `Statement.to_dict` and `ArticleScore.to_dict` write."""

Span = tuple[int, int]
Kind = Literal["direct", "mixed", "indirect"]
Stance = Literal["threat", "dialogue", "deterrence", "none"]
Polarity = Literal["affirmed", "denied"]
Presence = Literal["affirmed", "denied", "absent"]
Tone = Literal["conciliatory", "neutral", "confrontational"]


class NatoStanceError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidInputError(NatoStanceError, ValueError):
    """A value is of the right type but cannot be used; the message names the value and the way out."""


class InvalidTypeError(NatoStanceError, TypeError):
    """An argument is of the wrong type."""


class DecodingError(InvalidInputError):
    """Bytes that are no text in any encoding that was tried or given."""


class ArticleTooLargeError(InvalidInputError):
    """An article is longer than the limit in force."""


class ModelFormatError(InvalidInputError):
    """A model file is damaged, foreign, or of a version that this package cannot read."""


class CorpusFormatError(InvalidInputError):
    """A labelled file breaks the corpus schema; the message names file, line and field."""


class StoreError(NatoStanceError, OSError):
    """A results database cannot be opened, read or written."""


class MissingDependencyError(NatoStanceError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


@dataclass(frozen=True, slots=True)
class Quotation:
    """One statement as it stands in an article.

    Attributes:
        kind: `direct` (a full clause in quotation marks), `mixed` (quoted words that complete the
            reporter's clause) or `indirect` (reported speech without marks).
        spans: one or more half-open character spans of the words said, without their outer marks,
            in order, not overlapping.
        text: the slices of `spans` joined by one space.
        speaker: canonical name of who said it, or None where the article does not tell.
        speaker_span: the mention that carries the attribution, or None.
        cue: the reporting word or phrase, or None.
        cue_span: where the cue stands, or None.
        context_span: the sentence or sentences that carry the statement.
        context: the words of `context_span`.
    """

    kind: Kind
    spans: tuple[Span, ...]
    text: str
    speaker: str | None = None
    speaker_span: Span | None = None
    cue: str | None = None
    cue_span: Span | None = None
    context_span: Span | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class StanceLabel:
    """The labels of one statement, consistent by construction: `stance` is `none` exactly when all three are absent.

    Attributes:
        stance: the primary stance.
        polarity: polarity of the primary stance; None when it is `none`.
        threat, dialogue, deterrence: `affirmed`, `denied` or `absent`.
        tone: `conciliatory`, `neutral` or `confrontational`.
        confidence: calibrated probability of `stance`, between 0 and 1.
        probabilities: primary stance to probability; four keys, summing to 1.
        tone_probabilities: tone to probability; three keys, summing to 1.
        abstained: True when `min_confidence` was asked for and `confidence` lies below it. The labels are
            still given; whoever asked decides what to do with them.
    """

    stance: Stance
    polarity: Polarity | None
    threat: Presence
    dialogue: Presence
    deterrence: Presence
    tone: Tone
    confidence: float
    probabilities: Mapping[str, float] = field(hash=False)
    tone_probabilities: Mapping[str, float] = field(hash=False)
    abstained: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of the label; probabilities are rounded to six decimals."""
        return {
            "stance": self.stance,
            "polarity": self.polarity,
            "threat": self.threat,
            "dialogue": self.dialogue,
            "deterrence": self.deterrence,
            "tone": self.tone,
            "confidence": round(self.confidence, 6),
            "probabilities": {k: round(v, 6) for k, v in self.probabilities.items()},
            "tone_probabilities": {k: round(v, 6) for k, v in self.tone_probabilities.items()},
            "abstained": self.abstained,
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """A quotation and its label, with an identifier that is stable for the same article text."""

    statement_id: str
    quotation: Quotation
    label: StanceLabel

    @property
    def kind(self) -> Kind:
        """Kind of the quotation."""
        return self.quotation.kind

    @property
    def text(self) -> str:
        """The words said."""
        return self.quotation.text

    @property
    def spans(self) -> tuple[Span, ...]:
        """Character spans of the words said."""
        return self.quotation.spans

    @property
    def speaker(self) -> str | None:
        """Canonical name of the speaker, or None."""
        return self.quotation.speaker

    @property
    def stance(self) -> Stance:
        """Primary stance."""
        return self.label.stance

    @property
    def polarity(self) -> Polarity | None:
        """Polarity of the primary stance."""
        return self.label.polarity

    @property
    def tone(self) -> Tone:
        """Tone."""
        return self.label.tone

    @property
    def confidence(self) -> float:
        """Calibrated probability of the primary stance."""
        return self.label.confidence

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: identifier, quotation fields, label fields, context."""
        q = self.quotation
        return {
            "statement_id": self.statement_id,
            "kind": q.kind,
            "text": q.text,
            "spans": [list(s) for s in q.spans],
            "speaker": q.speaker,
            "speaker_span": list(q.speaker_span) if q.speaker_span else None,
            "cue": q.cue,
            **self.label.to_dict(),
            "context": q.context,
            "context_span": list(q.context_span) if q.context_span else None,
        }


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares of stances and tones among the statements of an article; all zero when there is none."""

    n_statements: int
    stances: Mapping[str, float] = field(hash=False)
    tones: Mapping[str, float] = field(hash=False)

    @classmethod
    def of(cls, labels: Sequence[StanceLabel], stances: Sequence[str], tones: Sequence[str]) -> Profile:
        """Count `labels` into shares over the given label names."""
        n = len(labels)
        by_stance, by_tone = Counter(x.stance for x in labels), Counter(x.tone for x in labels)
        return cls(
            n,
            {s: by_stance[s] / n if n else 0.0 for s in stances},  # type: ignore[index]
            {t: by_tone[t] / n if n else 0.0 for t in tones},  # type: ignore[index]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"n_statements": self.n_statements, "stances": dict(self.stances), "tones": dict(self.tones)}


@dataclass(frozen=True, slots=True)
class ArticleScore:
    """Every statement of one article with its labels, and the article's profile.

    Attributes:
        article_id: as given, or None.
        statements: in the order in which they begin in the text.
        profile: shares of stances and tones.
        date, title: as given, or None.
        n_characters: length of the article text in characters.
        text_sha256: SHA-256 of the article text in UTF-8, hexadecimal.
    """

    article_id: str | None
    statements: tuple[Statement, ...]
    profile: Profile
    date: str | None = None
    title: str | None = None
    n_characters: int = 0
    text_sha256: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form with all statements."""
        return {
            "schema_version": SCHEMA_VERSION,
            "article_id": self.article_id,
            "date": self.date,
            "title": self.title,
            "n_characters": self.n_characters,
            "text_sha256": self.text_sha256,
            "profile": self.profile.to_dict(),
            "statements": [s.to_dict() for s in self.statements],
        }
