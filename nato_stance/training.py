"""From labelled statements to a model with its provenance.

The shipped model is trained on the project's own corpus and on real statements whose words are not part of the
project; `docs/data.md` tells how to get them. Training reads the phrase detectors of an existing model, and for the
statements that these learned from their cross-fitted answers, so that no statement is scored by a network that saw it.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from os import PathLike
from typing import Any, Final

import numpy as np
import sklearn
from numpy.typing import NDArray

from nato_stance._version import __version__
from nato_stance.calibration import macro_f1
from nato_stance.classifier import StanceClassifier, codes_of, common_words, statements_of
from nato_stance.codebook import CODEBOOK_VERSION, FIELDS
from nato_stance.corpus import CorpusItem, data_digest
from nato_stance.detectors import ANSWERS, PhraseDetectors
from nato_stance.features import FeatureExtractor
from nato_stance.joint import decide
from nato_stance.keys import hash_of
from nato_stance.linear import LinearModel
from nato_stance.records import InvalidInputError, ModelFormatError
from nato_stance.semantics import Lexicon, shipped_classes

SYNTHETIC_WEIGHT: Final = 0.5
"""Weight of a statement written for the project; a real one weighs 1. Chosen by cross-validation on real statements."""


def usable(items: Sequence[CorpusItem]) -> list[CorpusItem]:
    """Return the items that have every label and are not set aside for testing, in order."""
    return [
        item
        for item in items
        if item.split != "test" and None not in (item.threat, item.dialogue, item.deterrence, item.primary, item.tone)
    ]


def read_answers(path: str | PathLike[str]) -> dict[int, NDArray[np.float64]]:
    """Read cross-fitted answers of the phrase detectors: hash of a statement's text to its 16 answers.

    Raises:
        ModelFormatError: the file cannot be read, or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            texts, answers = stored["texts"], stored["answers"].astype(np.float64)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ModelFormatError(f"{path} holds no detector answers ({error}); make it anew or train without") from error
    if answers.shape != (len(texts), len(ANSWERS)):
        raise ModelFormatError(f"{path} has answers of shape {answers.shape} for {len(texts)} texts; make it anew")
    return dict(zip(texts.tolist(), answers, strict=True))


def fit_items(
    items: Sequence[CorpusItem],
    detectors: PhraseDetectors | None = None,
    answers: dict[int, NDArray[np.float64]] | None = None,
    **parameters: Any,
) -> StanceClassifier:
    """Fit a classifier on labelled statements.

    Args:
        items: labelled statements; those without all labels, and those set aside for testing, are left out.
        detectors: phrase detectors to use; None trains without.
        answers: cross-fitted answers, as `read_answers` gives them.
        parameters: parameters of `StanceClassifier`.

    Returns:
        The fitted classifier; its model has no provenance yet.

    Raises:
        InvalidInputError: fewer than two usable statements are left.

    Example:
        >>> rows = [("We will strike.", "+", "threat"), ("Nothing happened.", "0", "none")] * 4
        >>> items = [CorpusItem(str(i), t, x, "0", "0", p, "neutral") for i, (t, x, p) in enumerate(rows)]
        >>> fit_items(items).predict(["We will strike."]).tolist()
        ['threat']
    """
    chosen = usable(items)
    if len(chosen) < 2:
        raise InvalidInputError(f"{len(chosen)} of {len(items)} statement(s) can be trained on; give at least 2")
    statements = statements_of([item.item for item in chosen])
    known = answers or {}
    nothing = np.full(len(ANSWERS), np.nan)
    return StanceClassifier(**parameters).fit(
        statements,
        [{name: getattr(item, name) for name in (*FIELDS, "primary", "tone")} for item in chosen],
        sample_weight=[1.0 if item.source else SYNTHETIC_WEIGHT for item in chosen],
        calibration_weight=_calibration_weights(chosen),
        groups=[item.group for item in chosen],
        extractor=FeatureExtractor(Lexicon.folded(shipped_classes()), common_words(statements)),
        detectors=detectors,
        answers=np.array([known.get(hash_of(item.text), nothing) for item in chosen]),
    )


def _calibration_weights(items: Sequence[CorpusItem]) -> list[float] | None:
    """Let real statements alone decide how often a label is expected; None where there are none."""
    real = [float(bool(item.source)) for item in items]
    return real if any(real) else None


def train(
    items: Sequence[CorpusItem],
    detectors: PhraseDetectors | None = None,
    answers: dict[int, NDArray[np.float64]] | None = None,
    **parameters: Any,
) -> LinearModel:
    """Train a model and note where it comes from.

    The same items, detectors and environment give the same model, to the last bit.

    Args:
        items, detectors, answers, parameters: as in `fit_items`.

    Returns:
        The model, with data digest, versions, counts and cross-validated metrics in its provenance.

    Raises:
        InvalidInputError: fewer than two usable statements are left.
    """
    classifier = fit_items(items, detectors, answers, **parameters)
    chosen = usable(items)
    model: LinearModel = classifier.model_
    model.provenance = {
        "data_digest": data_digest(chosen),
        "statements": dict(sorted(Counter(item.source or "own corpus" for item in chosen).items())),
        "codebook_version": CODEBOOK_VERSION,
        "package_version": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit_learn": sklearn.__version__,
        "parameters": classifier.get_params(),
        "lexicon_digest": model.extractor.lexicon.digest(),
        "detectors_digest": detectors.digest() if detectors else None,
        "features": len(model.keys),
        "cross_validated": _metrics(classifier, chosen),
    }
    return model


def _metrics(classifier: StanceClassifier, items: Sequence[CorpusItem]) -> dict[str, Any]:
    """Return macro-F1 of primary and tone on held-out scores, all statements and the real ones."""
    if not hasattr(classifier, "held_out_scores_"):
        return {}
    decision = decide(classifier.held_out_scores_, classifier.model_.layer)
    codes = codes_of([{name: getattr(item, name) for name in (*FIELDS, "primary", "tone")} for item in items])
    out: dict[str, Any] = {}
    for name, weights in (
        ("all", np.ones(len(items))),
        ("real", np.array([1.0 if item.source else 0.0 for item in items])),
    ):
        if weights.any():
            out[name] = {
                "primary_f1": round(macro_f1(codes[:, 3], decision.primary, weights, 4), 4),
                "tone_f1": round(macro_f1(codes[:, 4], decision.tone, weights, 3), 4),
            }
    return out
