"""How far coders agree: Krippendorff's alpha for each question of the codebook.

Method: K. Krippendorff, *Content Analysis* (4th ed., 2018), ch. 12, for nominal data, as implemented by
`nltk.metrics.agreement.AnnotationTask`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nato_stance.codebook import FIELDS
from nato_stance.records import InvalidInputError

QUESTIONS = (*FIELDS, "primary", "tone")


def krippendorff_alpha(codes: Iterable[tuple[str, str, str]]) -> float:
    """Return Krippendorff's alpha for nominal codes.

    Args:
        codes: (coder, item, label) triples; every item needs at least two coders.

    Returns:
        1 for perfect agreement, 0 for what chance would give, below 0 for less than that. 1.0 where every
        coder used one and the same label throughout (no disagreement was possible to observe).

    Raises:
        InvalidInputError: there is no code, or an item has a single coder.

    Example:
        >>> krippendorff_alpha([("a", "1", "x"), ("b", "1", "x"), ("a", "2", "y"), ("b", "2", "y")])
        1.0
    """
    from nltk.metrics.agreement import AnnotationTask

    triples = list(codes)
    if not triples:
        raise InvalidInputError("no codes were given; agreement needs at least one item coded twice")
    coders: dict[str, int] = {}
    for _, item, _ in triples:
        coders[item] = coders.get(item, 0) + 1
    single = [item for item, n in coders.items() if n < 2]
    if single:
        raise InvalidInputError(f"item {single[0]!r} has one coder; leave out items that were not coded twice")
    if len({label for _, _, label in triples}) == 1:
        return 1.0
    return float(AnnotationTask(data=triples).alpha())


def agreement(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return alpha for threat, dialogue, deterrence, primary and tone, before adjudication.

    Args:
        rows: one mapping an item with `id`, and `first` and `second`, each a mapping of the five questions to labels.

    Returns:
        Question to alpha.

    Raises:
        InvalidInputError: there is no row.
    """
    return {
        question: krippendorff_alpha(
            (coder, row["id"], row[coder][question]) for row in rows for coder in ("first", "second")
        )
        for question in QUESTIONS
    }
