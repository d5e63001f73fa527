"""Stance and tone of quoted statements in news about security.

>>> import nato_stance
>>> label = nato_stance.classify("We are ready to talk at any time.")
>>> label.stance, label.polarity
('dialogue', 'affirmed')

Everything is loaded when it is first asked for: importing the package loads neither numpy nor scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nato_stance._version import __version__

if TYPE_CHECKING:
    from nato_stance.articles import ArticleFailure
    from nato_stance.batch import score_articles
    from nato_stance.classifier import StanceClassifier
    from nato_stance.evaluation import EvaluationReport, evaluate
    from nato_stance.explanation import Explanation
    from nato_stance.extraction import extract_quotations
    from nato_stance.frames import to_frame
    from nato_stance.model_store import load_model, save_model
    from nato_stance.records import (
        ArticleScore,
        ArticleTooLargeError,
        CorpusFormatError,
        DecodingError,
        InvalidInputError,
        InvalidTypeError,
        MissingDependencyError,
        ModelFormatError,
        NatoStanceError,
        Profile,
        Quotation,
        StanceLabel,
        Statement,
        StoreError,
    )
    from nato_stance.scoring import classify, classify_many, explain, score_article

_HOME = {
    "ArticleFailure": "articles",
    "classify": "scoring",
    "classify_many": "scoring",
    "explain": "scoring",
    "score_article": "scoring",
    "score_articles": "batch",
    "extract_quotations": "extraction",
    "StanceClassifier": "classifier",
    "load_model": "model_store",
    "save_model": "model_store",
    "evaluate": "evaluation",
    "EvaluationReport": "evaluation",
    "Explanation": "explanation",
    "to_frame": "frames",
    **dict.fromkeys(
        [
            "ArticleScore",
            "ArticleTooLargeError",
            "CorpusFormatError",
            "DecodingError",
            "InvalidInputError",
            "InvalidTypeError",
            "MissingDependencyError",
            "ModelFormatError",
            "NatoStanceError",
            "Profile",
            "Quotation",
            "StanceLabel",
            "Statement",
            "StoreError",
        ],
        "records",
    ),
}

__all__ = [
    "ArticleFailure",
    "ArticleScore",
    "ArticleTooLargeError",
    "CorpusFormatError",
    "DecodingError",
    "EvaluationReport",
    "Explanation",
    "InvalidInputError",
    "InvalidTypeError",
    "MissingDependencyError",
    "ModelFormatError",
    "NatoStanceError",
    "Profile",
    "Quotation",
    "StanceClassifier",
    "StanceLabel",
    "Statement",
    "StoreError",
    "__version__",
    "classify",
    "classify_many",
    "evaluate",
    "explain",
    "extract_quotations",
    "load_model",
    "save_model",
    "score_article",
    "score_articles",
    "to_frame",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'nato_stance' has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"nato_stance.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
