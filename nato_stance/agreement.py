"""How far coders agree: Krippendorff's alpha for each question of the codebook.

Method: K. Krippendorff, *Content Analysis* (4th ed., 2018), ch. 12, for nominal data, as implemented by
`nltk.metrics.agreement.AnnotationTask`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nato_stance import json_lines
from nato_stance.codebook import FIELDS
from nato_stance.records import CorpusFormatError, InvalidInputError

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


def read_codes(path: str | Path) -> list[dict[str, Any]]:
    """Read a file of stored codes.

    Args:
        path: JSON lines with `id`, `first` and, where the item was coded twice, `second`.

    Returns:
        The items that were coded twice, as `agreement` takes them.

    Raises:
        InvalidInputError: the file cannot be read.
        CorpusFormatError: a line is of another form; the line is named.
    """
    with json_lines.open_lines(path) as lines:
        items = [_codes(row, f"{path}: line {number}") for number, row in json_lines.rows(lines)]
    return [item for item in items if item is not None]


def _codes(row: Any, where: str) -> dict[str, Any] | None:
    """Return the codes of an item; None where only one coder saw it."""
    if isinstance(row, InvalidInputError):
        raise CorpusFormatError(f"{where} {row}")
    try:
        if not row.get("second"):
            return None
        codes = {coder: {q: str(row[coder][q]) for q in QUESTIONS} for coder in ("first", "second")}
        return {"id": str(row["id"]), **codes}
    except (KeyError, AttributeError, TypeError) as error:
        raise CorpusFormatError(f"{where} holds no codes ({error!r}); see docs/data.md") from None


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
