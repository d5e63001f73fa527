"""Every published number in one run: a model and its baselines on each labelled set, cross-validation, articles.

The result is a plain dictionary, `EvaluationSuite.to_dict`: what `nato-stance evaluate --json` writes, what a later run
is compared with, and what `report_html` draws. Two runs with the same data, model, packages and seed give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nato_stance._version import __version__
from nato_stance.article_evaluation import ArticleReport, CodedArticle, evaluate_articles
from nato_stance.baselines import KeywordBaseline, MajorityBaseline, TfidfBaseline, ToneWordsBaseline, VaderBaseline
from nato_stance.behaviour import BehaviourReport, evaluate_behaviour
from nato_stance.brat import BratDocument
from nato_stance.codebook import CODEBOOK_VERSION
from nato_stance.comparison import Comparison, compare
from nato_stance.corpus import CorpusItem, data_digest
from nato_stance.evaluation import SCHEMA_VERSION, Estimate, EvaluationReport, evaluate, report_on
from nato_stance.joint import decide, labels_of
from nato_stance.metrics import QUESTIONS, Floats
from nato_stance.quotation_evaluation import evaluate_quotations
from nato_stance.records import InvalidInputError, MissingDependencyError, StanceLabel
from nato_stance.scoring import Labeller, score_article

if TYPE_CHECKING:
    from nato_stance.detectors import PhraseDetectors

N_FOLDS: Final = 5

Fit = Callable[[Sequence[CorpusItem]], Labeller]
"""Labelled statements to something that labels."""

Say = Callable[[str], None]
"""Takes a line of progress."""

TRAINED_BASELINES: Final[dict[str, Fit]] = {"majority": MajorityBaseline, "tfidf": TfidfBaseline}
"""Baselines that need training data."""

PLAIN_BASELINES: Final[dict[str, Fit]] = {
    "keywords": lambda items: KeywordBaseline(),
    "vader": VaderBaseline,
    "tone_words": ToneWordsBaseline,
}
"""Baselines that work without training data; the sentiment tools set their borders on them where there are some."""

MODEL: Final = "model"
"""Name of the system that is evaluated, beside the names of baselines."""


@dataclass(frozen=True)
class EvaluationSuite:
    """Reports of every system on every set.

    Attributes:
        seed, n_bootstrap: of all intervals.
        model_digest: of the model that was given, or None.
        training: name of a part of the training data to its number of statements and digest; empty without any.
        reports: set name to system name to report; the model comes first.
        against: set name to baseline name to the paired comparison of the model with it.
        articles: name to the report on hand-coded articles.
        quotations: name to the scores of quoted spans and speakers on a corpus in brat standoff.
        behaviour: name to the report on minimal pairs and invariances.
        notes: what was left out, and why; what should be known of a number.
    """

    seed: int
    n_bootstrap: int
    model_digest: str | None
    training: Mapping[str, Mapping[str, Any]]
    reports: Mapping[str, Mapping[str, EvaluationReport]]
    against: Mapping[str, Mapping[str, Comparison]]
    articles: Mapping[str, ArticleReport] = field(default_factory=dict)
    quotations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    behaviour: Mapping[str, BehaviourReport] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; single answers are kept for the model only."""
        sets: dict[str, Any] = {}
        for name, systems in self.reports.items():
            forms = {system: report.to_dict() for system, report in systems.items()}
            for system in set(forms) - {MODEL}:
                del forms[system]["answers"]
            against = {system: comparison.to_dict() for system, comparison in self.against[name].items()}
            sets[name] = {"systems": forms, "against": against}
        return {
            "schema_version": SCHEMA_VERSION,
            "package_version": __version__,
            "codebook_version": CODEBOOK_VERSION,
            "seed": self.seed,
            "n_bootstrap": self.n_bootstrap,
            "model_digest": self.model_digest,
            "training": {name: dict(part) for name, part in self.training.items()},
            "sets": sets,
            "articles": {name: report.to_dict() for name, report in self.articles.items()},
            "quotations": {name: dict(scores) for name, scores in self.quotations.items()},
            "behaviour": {name: report.to_dict() for name, report in self.behaviour.items()},
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """Return the JSON text, keys sorted."""
        return json.dumps(self.to_dict(), sort_keys=True, indent=1, ensure_ascii=False) + "\n"

    def to_table(self) -> str:
        """Return tables to read: an overview of all systems on each set, then the model in full."""
        blocks = []
        for name, systems in self.reports.items():
            blocks += [_overview(name, systems), systems[MODEL].to_table()]
            blocks += [comparison.to_table() for comparison in self.against[name].values()]
        for name, scores in [*((k, v.to_dict()) for k, v in self.articles.items()), *self.quotations.items()]:
            lines = [f"{name}: {scores['n_articles']} articles"]
            blocks.append("\n".join(lines + [f"  {k:20} {v:.3f}" for k, v in scores["measures"].items()]))
        for name, behaviour in self.behaviour.items():
            lines = [f"{name}: share of pairs that hold"]
            shares = [(k, v, behaviour.counts[k]) for k, v in behaviour.measures.items()]
            blocks.append("\n".join(lines + [f"  {k:20} {v:.3f} of {n}" for k, v, n in shares]))
        blocks += [f"note: {note}" for note in self.notes]
        return "\n\n".join(blocks)


def _overview(name: str, systems: Mapping[str, EvaluationReport]) -> str:
    columns = list(systems[MODEL].measures)
    lines = [f"{name}: {systems[MODEL].n} statements", f"  {'':12} " + " ".join(f"{c:>16}" for c in columns)]
    for system, report in systems.items():
        values = [_short(report.measures.get(c)) for c in columns]
        lines.append(f"  {system:12} " + " ".join(f"{v:>16}" for v in values))
    return "\n".join(lines)


def _short(estimate: Estimate | None) -> str:
    return "-" if estimate is None or math.isnan(estimate.value) else f"{estimate.value:.3f}"


def grouped_folds(items: Sequence[CorpusItem], n_folds: int, seed: int) -> list[list[int]]:
    """Divide statements into folds so that no group stands in two.

    Groups are shuffled, and each goes to the fold that is smallest so far.

    Args:
        items: labelled statements; `CorpusItem.group` is what stays together.
        n_folds: number of folds.
        seed: fixes the shuffle.

    Returns:
        For each fold the places of its statements, in order.

    Raises:
        InvalidInputError: there are fewer groups than folds.
    """
    places: dict[str, list[int]] = {}
    for i, item in enumerate(items):
        places.setdefault(item.group, []).append(i)
    if not 2 <= n_folds <= len(places):
        raise InvalidInputError(f"{n_folds} folds cannot be made of {len(places)} groups; give 2 to {len(places)}")
    names = sorted(places)
    folds: list[list[int]] = [[] for _ in range(n_folds)]
    for k in np.random.default_rng(seed).permutation(len(names)):
        min(folds, key=len).extend(places[names[k]])
    return [sorted(fold) for fold in folds]


def cross_validated(
    items: Sequence[CorpusItem], fit: Fit, *, n_folds: int = N_FOLDS, seed: int = 0
) -> list[StanceLabel]:
    """Label each statement by a system that was fitted on the folds without it.

    Args:
        items: labelled statements.
        fit: fits the system.
        n_folds, seed: as in `grouped_folds`.

    Returns:
        One label a statement, in order.
    """
    labels: dict[int, StanceLabel] = {}
    for fold in grouped_folds(items, n_folds, seed):
        held = set(fold)
        system = fit([item for i, item in enumerate(items) if i not in held])
        answers = system.label_many([items[i].item for i in fold])
        labels.update(zip(fold, answers, strict=True))
    return [labels[i] for i in range(len(items))]


def held_out_labels(
    items: Sequence[CorpusItem],
    detectors: PhraseDetectors | None = None,
    answers: Mapping[int, Floats] | None = None,
    *,
    n_folds: int = N_FOLDS,
    seed: int = 0,
) -> list[StanceLabel]:
    """Label training statements by classifiers that did not see them, nor their scene or document.

    The linear scores are those of cross-fitting; the joint layer, too, is fitted anew for each fold on the scores of
    the others.

    Args:
        items: labelled statements, each with all labels, none set aside for testing.
        detectors: phrase detectors to use; None does without.
        answers: their cross-fitted answers for these statements, as `training.read_answers` gives them.
        n_folds, seed: of both rounds of folds.

    Returns:
        One label a statement, in order.

    Raises:
        InvalidInputError: there are too few groups, an item lacks a label, or detectors are given whose cross-fitted
            answers do not cover every item (the detectors may have seen the others).
    """
    from nato_stance.calibration import fit_layer
    from nato_stance.classifier import codes_of
    from nato_stance.keys import hash_of
    from nato_stance.training import SYNTHETIC_WEIGHT, fit_items, usable

    if len(usable(items)) < len(items):
        raise InvalidInputError(f"{len(items) - len(usable(items))} of {len(items)} statements cannot be trained on")
    missing = sum(hash_of(item.text) not in (answers or {}) for item in items) if detectors is not None else 0
    if missing:
        raise InvalidInputError(
            f"{missing} of {len(items)} statements have no cross-fitted answers of the detectors; make the answers "
            "anew, or cross-validate without detectors"
        )
    folds = grouped_folds(items, n_folds, seed)
    classifier = fit_items(items, detectors, dict(answers or {}), n_folds=n_folds, random_state=seed)
    if not hasattr(classifier, "held_out_scores_"):
        raise InvalidInputError(f"{len({item.group for item in items})} groups are too few for {n_folds} folds")
    scores: Floats = classifier.held_out_scores_
    codes = codes_of([{question: getattr(item, question) for question in QUESTIONS} for item in items])
    weights = np.array([1.0 if item.source else SYNTHETIC_WEIGHT for item in items])
    labels: dict[int, StanceLabel] = {}
    for fold in folds:
        others = np.setdiff1d(np.arange(len(items)), fold)
        layer = fit_layer(scores[others], codes[others], weights[others])
        labels.update(zip(fold, labels_of(decide(scores[fold], layer)), strict=True))
    return [labels[i] for i in range(len(items))]


@dataclass
class SuiteBuilder:
    """Gathers the reports of a suite.

    Args:
        model: what is evaluated.
        training: name to training statements, for the baselines and for cross-validation; may be empty.
        seed, n_bootstrap: of all intervals.
        say: is told what is under way.
    """

    model: Labeller
    training: Mapping[str, Sequence[CorpusItem]]
    seed: int = 0
    n_bootstrap: int = 1000
    say: Say = print

    def __post_init__(self) -> None:
        self._reports: dict[str, dict[str, EvaluationReport]] = {}
        self._against: dict[str, dict[str, Comparison]] = {}
        self._articles: dict[str, ArticleReport] = {}
        self._quotations: dict[str, dict[str, Any]] = {}
        self._behaviour: dict[str, BehaviourReport] = {}
        self._notes: list[str] = []
        self._baselines: dict[str, Labeller] = {}

    @property
    def _all_training(self) -> list[CorpusItem]:
        return [item for items in self.training.values() for item in items]

    def fit_baselines(self) -> None:
        """Fit the baselines on all training statements; a note says which cannot be had, and why."""
        items = self._all_training
        if not items:
            self._notes.append(
                f"baselines {', '.join(TRAINED_BASELINES)} are left out: they need training data (--corpus, --real)"
            )
        for name, fit in ((TRAINED_BASELINES if items else {}) | PLAIN_BASELINES).items():
            self.say(f"fitting baseline {name}")
            try:
                self._baselines[name] = fit(items)
            except (MissingDependencyError, InvalidInputError) as error:
                self._notes.append(f"baseline {name} is left out: {error}")

    def add_set(self, name: str, items: Sequence[CorpusItem]) -> None:
        """Measure the model and the baselines on a labelled set.

        Raises:
            InvalidInputError: a set of that name is there already.
        """
        self._check_free(name)
        self._note_overlap(name, items)
        for system, labeller in ({MODEL: self.model} | self._baselines).items():
            self.say(f"{name}: {system}")
            report = evaluate(
                labeller, items, seed=self.seed, n_bootstrap=self.n_bootstrap, dataset=name, system=system
            )
            self._add(name, system, report)

    def _check_free(self, name: str) -> None:
        if name in self._reports:
            raise InvalidInputError(f"two labelled sets are called {name!r}; name one of them, as in NAME=FILE")

    def _note_overlap(self, name: str, items: Sequence[CorpusItem]) -> None:
        known = {item.text for item in self._all_training}
        shared = sum(item.text in known for item in items)
        if shared:
            self._notes.append(f"{name}: {shared} of {len(items)} statements stand in the training data word for word")

    def _add(self, name: str, system: str, report: EvaluationReport) -> None:
        systems = self._reports.setdefault(name, {})
        against = self._against.setdefault(name, {})
        if systems:
            against[system] = compare(report.to_dict(), systems[MODEL], seed=self.seed, n_bootstrap=self.n_bootstrap)
        systems[system] = report

    def add_cross_validation(self, answers: Mapping[int, Floats] | None = None, n_folds: int = N_FOLDS) -> None:
        """Cross-validate model and baselines on all training statements together; each part is reported on its own.

        A scene of the corpus, or a document of the real statements, never stands on both sides of a split. Statements
        that lack a label are left out, and noted.

        Args:
            answers: cross-fitted answers of the model's phrase detectors; without them, a model that has detectors is
                cross-validated without, which is noted.
            n_folds: number of folds.
        """
        from nato_stance.training import usable

        parts = {f"{name}-cv": usable(items) for name, items in self.training.items()}
        for name, chosen in parts.items():
            self._check_free(name)
            left_out = len(self.training[name.removesuffix("-cv")]) - len(chosen)
            if left_out:
                self._notes.append(f"{name}: {left_out} statements without every label are left out")
        detectors = getattr(self.model, "detectors", None)
        if detectors is not None and answers is None:
            self._notes.append("cross-validation is without the model's phrase detectors: no --answers were given")
            detectors = None
        items = [item for chosen in parts.values() for item in chosen]
        self.say(f"cross-validation: {MODEL}: {len(items)} statements in {n_folds} folds")
        self._add_parts(parts, MODEL, held_out_labels(items, detectors, answers, n_folds=n_folds, seed=self.seed))
        for system, fit in (TRAINED_BASELINES | PLAIN_BASELINES).items():
            if system in self._baselines:
                self.say(f"cross-validation: {system}")
                self._add_parts(parts, system, cross_validated(items, fit, n_folds=n_folds, seed=self.seed))

    def _add_parts(self, parts: Mapping[str, Sequence[CorpusItem]], system: str, labels: Sequence[StanceLabel]) -> None:
        """Report the labels of all parts together, given in their order, for each part."""
        start = 0
        for name, items in parts.items():
            report = report_on(
                labels[start : start + len(items)],
                items,
                seed=self.seed,
                n_bootstrap=self.n_bootstrap,
                dataset=name,
                system=system,
                questions=getattr(self._baselines.get(system), "questions", QUESTIONS),
            )
            self._add(name, system, report)
            start += len(items)

    def add_articles(self, name: str, articles: Sequence[CodedArticle]) -> None:
        """Measure extraction, speakers and the model's labels on hand-coded articles."""
        self.say(f"{name}: {len(articles)} whole articles")
        self._articles[name] = evaluate_articles(articles, lambda text: score_article(text, model=self.model))

    def add_quotations(self, name: str, documents: Sequence[BratDocument]) -> None:
        """Measure quoted spans and speakers on articles annotated in brat."""
        self.say(f"{name}: quotations of {len(documents)} articles")
        report = evaluate_quotations(documents)
        digest = hashlib.sha256(json.dumps([asdict(document) for document in documents]).encode()).hexdigest()
        self._quotations[name] = {
            "n_articles": report.n_documents,
            "data_digest": digest,
            "measures": {
                "span_f1": round(report.overlap.f1, 6),
                "exact_span_f1": round(report.exact.f1, 6),
                "speaker_accuracy": round(report.speaker_accuracy, 6),
                "found_and_attributed": round(report.found_and_attributed, 6),
            },
        }

    def add_behaviour(self, name: str, families: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Ask the model about minimal pairs and invariances."""
        self.say(f"{name}: {sum(map(len, families.values()))} pairs")
        self._behaviour[name] = evaluate_behaviour(families, self.model)

    def suite(self) -> EvaluationSuite:
        """Return what was gathered."""
        digest = getattr(getattr(self.model, "model_", self.model), "provenance", {}).get("digest")
        training = {
            name: {"n": len(items), "data_digest": data_digest(items)} for name, items in self.training.items() if items
        }
        return EvaluationSuite(
            self.seed,
            self.n_bootstrap,
            digest,
            training,
            self._reports,
            self._against,
            self._articles,
            self._quotations,
            self._behaviour,
            tuple(self._notes),
        )


def comparable(old: Mapping[str, Any], digests: Mapping[str, str]) -> tuple[dict[str, Mapping[str, Any]], list[str]]:
    """Tell which sets of an earlier suite a new one can be compared on; asked before measuring, it saves the time.

    Args:
        old: the JSON form of the earlier suite.
        digests: name of each set of the new suite to the digest of its data.

    Returns:
        The model's earlier report for each set that both have with the same data, and a line for each other set.

    Raises:
        InvalidInputError: the earlier one is no suite of this version, or no set is in both.
    """
    try:
        if old["schema_version"] != SCHEMA_VERSION:
            raise ValueError(old["schema_version"])
        earlier: dict[str, Mapping[str, Any]] = {
            str(name): {**systems["systems"][MODEL]} for name, systems in old["sets"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InvalidInputError(
            f"the earlier results are no evaluation of schema version {SCHEMA_VERSION}; "
            "give a file that `nato-stance evaluate --json` wrote"
        ) from None
    shared, notes = {}, []
    for name in sorted({*earlier, *digests}):
        if name not in digests or name not in earlier:
            notes.append(f"{name} was measured in {'the earlier' if name in earlier else 'this'} run only")
        elif earlier[name].get("data_digest") != digests[name]:
            notes.append(f"{name} holds other data than in the earlier run; its numbers cannot be compared")
        else:
            shared[name] = earlier[name]
    if not shared:
        raise InvalidInputError(f"nothing to compare: {'; '.join(notes)}")
    return shared, notes


def compare_suites(old: Mapping[str, Any], new: EvaluationSuite) -> tuple[list[Comparison], list[str]]:
    """Compare the model of an earlier suite with that of a new one, set by set.

    Args:
        old: the JSON form of the earlier suite.
        new: the new suite.

    Returns:
        A comparison for each set that both measured on the same data, and a line for each set that they did not.

    Raises:
        InvalidInputError: the earlier one is no suite of this version, or no set is in both.
    """
    reports = {name: systems[MODEL] for name, systems in new.reports.items()}
    shared, notes = comparable(old, {name: report.data_digest for name, report in reports.items()})
    comparisons = [
        compare({**before, "system": "earlier model"}, reports[name], seed=new.seed, n_bootstrap=new.n_bootstrap)
        for name, before in shared.items()
    ]
    return comparisons, notes
