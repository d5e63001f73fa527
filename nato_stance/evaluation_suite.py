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
from typing import Any, Final

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
from nato_stance.metrics import QUESTIONS
from nato_stance.quotation_evaluation import evaluate_quotations
from nato_stance.records import InvalidInputError, MissingDependencyError, StanceLabel
from nato_stance.scoring import Labeller, score_article

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


def fit_classifier(items: Sequence[CorpusItem]) -> Labeller:
    """Fit a `StanceClassifier` with its default settings, groups kept together in cross-fitting."""
    from nato_stance.classifier import StanceClassifier

    gold = [{question: getattr(item, question) for question in QUESTIONS} for item in items]
    model: Labeller = StanceClassifier().fit([item.item for item in items], gold, groups=[item.group for item in items])
    return model


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
    items: Sequence[CorpusItem], fit: Fit, *, n_folds: int = N_FOLDS, seed: int = 0, say: Say = lambda line: None
) -> list[StanceLabel]:
    """Label each statement by a system that was fitted on the folds without it.

    Args:
        items: labelled statements.
        fit: fits the system.
        n_folds, seed: as in `grouped_folds`.
        say: is told of each fold.

    Returns:
        One label a statement, in order.
    """
    labels: dict[int, StanceLabel] = {}
    for k, fold in enumerate(grouped_folds(items, n_folds, seed), start=1):
        say(f"fold {k} of {n_folds}: {len(fold)} statements held out")
        held = set(fold)
        system = fit([item for i, item in enumerate(items) if i not in held])
        answers = system.label_many([items[i].item for i in fold])
        labels.update(zip(fold, answers, strict=True))
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

    def add_cross_validation(self, fit: Fit = fit_classifier, n_folds: int = N_FOLDS) -> None:
        """Cross-validate model and baselines on all training statements together; each part is reported on its own.

        A scene of the corpus, or a document of the real statements, never stands on both sides of a split.
        """
        items = self._all_training
        parts: dict[str, list[int]] = {}
        for name, members in self.training.items():
            start = sum(map(len, parts.values()))
            parts[f"{name}-cv"] = list(range(start, start + len(members)))
        for name in parts:
            self._check_free(name)
        systems: dict[str, Fit] = {MODEL: fit} | TRAINED_BASELINES | PLAIN_BASELINES
        for system in [MODEL, *(name for name in systems if name in self._baselines)]:
            self.say(f"cross-validation: {system}")
            labels = cross_validated(
                items,
                systems[system],
                n_folds=n_folds,
                seed=self.seed,
                say=lambda line, system=system: self.say(f"cross-validation: {system}: {line}"),  # type: ignore[misc]
            )
            for name, places in parts.items():
                report = report_on(
                    [labels[i] for i in places],
                    [items[i] for i in places],
                    seed=self.seed,
                    n_bootstrap=self.n_bootstrap,
                    dataset=name,
                    system=system,
                    questions=getattr(self._baselines.get(system), "questions", QUESTIONS),
                )
                self._add(name, system, report)

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
    if old.get("schema_version") != SCHEMA_VERSION or not isinstance(old.get("sets"), Mapping):
        raise InvalidInputError(
            f"the earlier results are no evaluation of schema version {SCHEMA_VERSION}; "
            "give a file that `nato-stance evaluate --json` wrote"
        )
    comparisons, notes = [], []
    for name in sorted({*old["sets"], *new.reports}):
        if name not in new.reports or name not in old["sets"]:
            notes.append(f"{name} was measured in {'the earlier' if name in old['sets'] else 'this'} run only")
            continue
        before, after = old["sets"][name]["systems"][MODEL], new.reports[name][MODEL]
        if before["data_digest"] != after.data_digest:
            notes.append(f"{name} holds other data than in the earlier run; its numbers cannot be compared")
            continue
        comparisons.append(
            compare({**before, "system": "earlier model"}, after, seed=new.seed, n_bootstrap=new.n_bootstrap)
        )
    if not comparisons:
        raise InvalidInputError(f"nothing to compare: {'; '.join(notes)}")
    return comparisons, notes
