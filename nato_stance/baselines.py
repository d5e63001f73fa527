"""What a model is held against: the commonest label, keyword lists, TF-IDF with logistic regression, sentiment tools.

Each baseline has `label_many`, as models have, and `questions`, what it answers at all; none is part of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Any, Final

import numpy as np

from nato_stance.codebook import FIELDS, PRESENCES, STANCES, TONES
from nato_stance.corpus import CorpusItem
from nato_stance.evaluation import gold_codes
from nato_stance.keywords import matches, words_of
from nato_stance.metrics import LABELS, QUESTIONS, Floats, Ints, precision_recall_f1
from nato_stance.records import InvalidInputError, MissingDependencyError, Polarity, StanceLabel
from nato_stance.scoring import Item
from nato_stance.semantics import Lexicon, shipped_classes
from nato_stance.words import CLAUSE_MARKS

_AFFIRMED, _DENIED, _ABSENT = range(3)
_NONE: Final = STANCES.index("none")


def consistent_label(
    presence: Sequence[int], stances: Floats, tones: Floats, *, primary: int | None = None
) -> StanceLabel:
    """Build a label from answers that were given one by one.

    Args:
        presence: for each field the place in `PRESENCES`.
        stances: probabilities of the primary stances, shape (4,).
        tones: probabilities of the tones, shape (3,).
        primary: place in `STANCES`; None takes the likeliest.

    Returns:
        The label. The primary rules: with `none` every field becomes absent; otherwise its field becomes affirmed
        where it was absent.

    Example:
        >>> consistent_label([2, 2, 2], np.array([0.7, 0.1, 0.1, 0.1]), np.array([0.0, 1.0, 0.0])).threat
        'affirmed'
    """
    first = int(np.argmax(stances)) if primary is None else primary
    fields = [_ABSENT] * len(FIELDS) if first == _NONE else list(presence)
    if first != _NONE and fields[first] == _ABSENT:
        fields[first] = _AFFIRMED
    names = [PRESENCES[code] for code in fields]
    polarity: Polarity | None = None if first == _NONE else "denied" if fields[first] == _DENIED else "affirmed"
    return StanceLabel(
        STANCES[first],
        polarity,
        names[0],
        names[1],
        names[2],
        TONES[int(np.argmax(tones))],
        float(stances[first]),
        dict(zip(STANCES, stances.tolist(), strict=True)),
        dict(zip(TONES, tones.tolist(), strict=True)),
    )


def _shares(codes: Ints, size: int) -> Floats:
    counts = np.bincount(codes[codes >= 0], minlength=size).astype(np.float64)
    shares: Floats = counts / counts.sum()
    return shares


class MajorityBaseline:
    """Answers every statement with the commonest label of the training data, and its shares as probabilities.

    Args:
        items: labelled statements.
    """

    name: Final = "majority"
    questions: Final = QUESTIONS

    def __init__(self, items: Sequence[CorpusItem]) -> None:
        codes = gold_codes(items)
        shares = [_shares(codes[:, i], len(LABELS[question])) for i, question in enumerate(QUESTIONS)]
        self._label = consistent_label([int(s.argmax()) for s in shares[:3]], shares[3], shares[4])

    def label_many(self, items: Sequence[Item]) -> list[StanceLabel]:
        """Return the same label for each item."""
        return [self._label] * len(items)


_FIELD_CLASSES: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("threat", "affirmed"): (
        "danger_nouns",
        "violence_acts",
        "aggression_words",
        "atrocity_words",
        "hostile_intent",
        "menace_outright",
        "growing_risk",
        "open_risk",
        "terror_words",
        "cyber_hybrid",
        "occupation_annexation",
        "demand_withdrawal",
    ),
    ("threat", "denied"): ("threat_denial", "fear_reassurance"),
    ("dialogue", "affirmed"): (
        "talks_nouns",
        "talks_verbs",
        "diplomacy_words",
        "cooperation_words",
        "peace_settlement",
        "ceasefire_restraint",
        "arms_control_treaties",
        "mediation",
        "invitation_offer",
        "readiness_to_talk",
        "engagement_channels",
        "trust_building",
    ),
    ("dialogue", "denied"): ("refusal_of_talks", "bad_faith"),
    ("deterrence", "affirmed"): (
        "deterrence_words",
        "collective_defence",
        "readiness_posture",
        "deployment_presence",
        "exercises",
        "resolve",
        "costs_consequences",
        "red_lines",
        "sanctions_pressure",
        "missile_defence",
        "vulnerability_gaps",
    ),
    ("deterrence", "denied"): ("force_ruled_out", "militarisation_critique"),
}
_TONE_CLASSES: Final[dict[str, tuple[str, ...]]] = {
    "conciliatory": ("tone_conciliatory",),
    "confrontational": ("tone_loaded", "tone_ridicule", "tone_blame", "tone_ultimatum"),
}
_NEGATION_CLASSES: Final = ("negation", "negation_verbs")


class KeywordBaseline:
    """Counts the words and phrases of the shipped lexicon: the field with most of them is primary.

    A field is present where one of its words stands, denied where a denying phrase of it stands or every word of it
    follows a negator within the clause. No weight is learned. The probability of a stance is its share of the words,
    with one word added for each stance, as Laplace smoothing does.
    """

    name: Final = "keywords"
    questions: Final = QUESTIONS

    def __init__(self) -> None:
        shipped = shipped_classes()
        names = [name for group in _FIELD_CLASSES.values() for name in group]
        names += [name for group in _TONE_CLASSES.values() for name in group]
        self._lexicon = Lexicon.folded({name: shipped[name] for name in (*names, *_NEGATION_CLASSES)})

    def label_many(self, items: Sequence[Item]) -> list[StanceLabel]:
        """Label statements; the words of the context outside the quotation count as well."""
        return [self._label(item) for item in items]

    def _label(self, item: Item) -> StanceLabel:
        text, context, cue = item
        words = words_of(f"{cue or ''} {context or text}")
        counts, turned, tones = self._count(words)
        present = np.array([sum(counts[field].values()) for field in FIELDS], dtype=np.float64)
        presence = [
            _ABSENT if not total else _DENIED if counts[field]["denied"] or turned[field] == total else _AFFIRMED
            for field, total in zip(FIELDS, present, strict=True)
        ]
        primary = _NONE if not present.any() else int(present.argmax())
        stances = np.append(present, 0.0 if present.any() else 1.0) + 1.0
        of_tones = np.array([tones["conciliatory"], 0.5, tones["confrontational"]]) + 0.5
        return consistent_label(presence, stances / stances.sum(), of_tones / of_tones.sum(), primary=primary)

    def _count(self, words: Sequence[str]) -> tuple[dict[str, Counter[str]], Counter[str], Counter[str]]:
        counts: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}
        turned: Counter[str] = Counter()
        tones: Counter[str] = Counter()
        marks = [i for i, word in enumerate(words) if word in CLAUSE_MARKS]
        negator = -1
        for i, _, classes in matches(self._lexicon, words):
            within = negator >= 0 and not any(negator < mark < i for mark in marks)
            for (field, polarity), names in _FIELD_CLASSES.items():
                if classes.intersection(names):
                    counts[field][polarity] += 1
                    turned[field] += within
            for tone, names in _TONE_CLASSES.items():
                tones[tone] += bool(classes.intersection(names))
            if classes.intersection(_NEGATION_CLASSES):
                negator = i
        return counts, turned, tones


class TfidfBaseline:
    """TF-IDF of words and characters with logistic regression, one for each question: what anyone would try first.

    Word 1- and 2-grams and character 3- to 5-grams within words, sublinear, known from two statements on; classes
    weighed evenly, C = 5 (under cross-validation on real statements, 1, 5 and 20 differ by less than 0.01). Only the
    words said are read.

    Args:
        items: labelled statements; one without an agreed label is left out of that question.
    """

    name: Final = "tfidf"
    questions: Final = QUESTIONS

    def __init__(self, items: Sequence[CorpusItem]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_union

        self._features = make_union(
            TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, dtype=np.float32),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, sublinear_tf=True, dtype=np.float32),
        )
        design = self._features.fit_transform([item.text for item in items])
        self._heads = [_fitted(design, codes) for codes in gold_codes(items).T]

    def label_many(self, items: Sequence[Item]) -> list[StanceLabel]:
        """Label statements by their words alone."""
        if not items:
            return []
        design = self._features.transform([text for text, _, _ in items])
        answers = [
            _probabilities(head, design, len(LABELS[question]))
            for head, question in zip(self._heads, QUESTIONS, strict=True)
        ]
        presence = np.stack([answer.argmax(axis=1) for answer in answers[:3]], axis=1).tolist()
        return [consistent_label(*row) for row in zip(presence, answers[3], answers[4], strict=True)]


def _fitted(design: Any, codes: Ints) -> Any:
    from sklearn.linear_model import LogisticRegression

    known = np.flatnonzero(codes >= 0)
    if len(np.unique(codes[known])) < 2:
        raise InvalidInputError("the TF-IDF baseline needs training data with two labels or more for each question")
    solver = LogisticRegression(C=5.0, class_weight="balanced", max_iter=300, tol=1e-3)
    return solver.fit(design[known], codes[known])


def _probabilities(head: Any, design: Any, size: int) -> Floats:
    answer = np.zeros((design.shape[0], size))
    answer[:, head.classes_] = head.predict_proba(design)
    return answer


_EDGES: Final = np.linspace(-0.95, 0.95, 39)
"""Sentiments between which the borders of neutral are sought."""

_AUTHORS_EDGES: Final = (-0.05, 0.05)
"""The borders of neutral that the authors of VADER advise; taken where there are no training data."""


class SentimentBaseline:
    """A sentiment from -1 to 1 as a guess at tone: good is conciliatory, bad confrontational, the middle neutral.

    Args:
        items: labelled statements on which the two borders of neutral are set so that macro-F1 is highest; None or
            empty takes -0.05 and 0.05.

    Attributes:
        edges: the two borders.
    """

    name = "sentiment"
    questions: Final = ("tone",)

    def __init__(self, items: Sequence[CorpusItem] = ()) -> None:
        known = [item for item in items if item.tone is not None]
        self.edges = self._best_edges(known) if known else _AUTHORS_EDGES

    def sentiment(self, text: str) -> float:
        """Return the sentiment of a text, between -1 and 1."""
        raise NotImplementedError

    def _best_edges(self, items: Sequence[CorpusItem]) -> tuple[float, float]:
        gold = gold_codes(items)[:, 4]
        values = np.array([self.sentiment(item.text) for item in items])
        best, edges = -1.0, _AUTHORS_EDGES
        for low, high in combinations(_EDGES.tolist(), 2):
            cells = gold * len(TONES) + _tones(values, low, high)
            matrix = np.bincount(cells, minlength=len(TONES) ** 2).reshape(len(TONES), -1).astype(np.float64)
            score = float(np.nanmean(precision_recall_f1(matrix)[2]))
            if score > best:
                best, edges = score, (low, high)
        return edges

    def label_many(self, items: Sequence[Item]) -> list[StanceLabel]:
        """Guess the tone of each statement from its words; the stance is not answered."""
        values = np.array([self.sentiment(text) for text, _, _ in items])
        return [_sentiment_label(*row) for row in zip(values.tolist(), _tones(values, *self.edges), strict=True)]


def _tones(sentiments: Floats, low: float, high: float) -> Ints:
    """Return the places in `TONES` of sentiments: neutral between the borders."""
    return np.where(sentiments >= high, 0, np.where(sentiments <= low, 2, 1))


def _sentiment_label(sentiment: float, tone: int) -> StanceLabel:
    nearness = np.array([max(sentiment, 0.0), 1.0 - abs(sentiment), max(-sentiment, 0.0)])
    label = consistent_label([_ABSENT] * 3, np.eye(len(STANCES))[_NONE], np.eye(len(TONES))[tone])
    # The tone follows the borders, so it need not be the one with the highest of these.
    return replace(label, tone_probabilities=dict(zip(TONES, nearness.tolist(), strict=True)))


class VaderBaseline(SentimentBaseline):
    """The sentiment tool VADER (Hutto and Gilbert 2014): its compound score.

    Args:
        items: as in `SentimentBaseline`.

    Raises:
        MissingDependencyError: vaderSentiment is not installed.
    """

    name = "vader"

    def __init__(self, items: Sequence[CorpusItem] = ()) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError:
            raise MissingDependencyError(
                "the VADER baseline needs vaderSentiment; pip install vaderSentiment, or leave the baseline out"
            ) from None
        self._analyser = SentimentIntensityAnalyzer()
        super().__init__(items)

    def sentiment(self, text: str) -> float:
        """Return the compound score of VADER."""
        return float(self._analyser.polarity_scores(text)["compound"])


@cache
def _tone_words() -> Mapping[str, Lexicon]:
    text = (files("nato_stance") / "lexicons" / "tone_words.txt").read_text(encoding="utf-8")
    sections: dict[str, list[str]] = {}
    section: list[str] = []
    for line in (x.partition("#")[0].strip() for x in text.splitlines()):
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), [])
        elif line:
            section.append(line)
    return {name: Lexicon.folded({name: words}) for name, words in sections.items()}


class ToneWordsBaseline(SentimentBaseline):
    """Good minus bad words of a general list, over their number plus one: a sentiment tool of the plainest kind."""

    name = "tone_words"

    def sentiment(self, text: str) -> float:
        """Return the balance of good and bad words."""
        words = words_of(text)
        counts = {name: sum(1 for _ in matches(lexicon, words)) for name, lexicon in _tone_words().items()}
        return (counts["positive"] - counts["negative"]) / (sum(counts.values()) + 1)
