"""Scores as a table for the eye: one block an article, one line or more a statement."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from nato_stance.records import ArticleScore, Statement

_COLUMNS: Final = (("speaker", 22), ("stance", 19), ("tone", 15), ("conf.", 5))
_GAP: Final = "  "
_MIN_WORDS: Final = 24
_BLANKS: Final = re.compile(r"\s+")


def article_table(score: ArticleScore, source: str | None, width: int) -> str:
    """Return the statements of one article as lines of text, each with its line end.

    Control characters, and marks that turn the direction of writing, are shown as `\ufffd`: an article must not be
    able to steer the terminal.

    Args:
        score: the article.
        source: its path, for the heading; None takes the identifier.
        width: columns of the terminal; the words get what the other columns leave, at least 24.

    Example:
        >>> import nato_stance
        >>> score = nato_stance.score_article('"We are open to talks," said Anna Berg.')
        >>> article_table(score, "a1.txt", 100).splitlines()[0]
        'a1.txt: 1 statement'
    """
    heading = _clean(source if source not in (None, "-") else score.article_id or "article")
    if score.article_id and source and score.article_id not in source:
        heading += f" [{_clean(score.article_id)}]"
    n = len(score.statements)
    lines = [f"{heading}: {n or 'no'} statement{'' if n == 1 else 's'}"]
    if n:
        lines.append(_row([name for name, _ in _COLUMNS], "words", width))
        lines += [_statement(s, width) for s in score.statements]
    return "\n".join(lines) + "\n\n"


def _statement(statement: Statement, width: int) -> str:
    stance = statement.stance if statement.polarity is None else f"{statement.stance} {statement.polarity}"
    if statement.label.abstained:
        stance = f"({stance})"
    confidence = f"{statement.confidence:.2f}"
    return _row([statement.speaker or "–", stance, statement.tone, confidence], statement.text, width)


def _row(cells: list[str], words: str, width: int) -> str:
    room = max(_MIN_WORDS, width - sum(w + len(_GAP) for _, w in _COLUMNS))
    columns = [_wrap(cell, w) for cell, (_, w) in zip(cells, _COLUMNS, strict=True)] + [_wrap(words, room)]
    widths = [w for _, w in _COLUMNS] + [room]
    height = max(map(len, columns))
    lines = (
        _GAP.join(_pad(column[i] if i < len(column) else "", w) for column, w in zip(columns, widths, strict=True))
        for i in range(height)
    )
    return "\n".join(line.rstrip() for line in lines)


def _wrap(text: str, width: int) -> list[str]:
    """Break text into lines; unlike textwrap, in time that grows with the text and not with its square."""
    lines, room = [""], width
    for word in _clean(text).split(" "):
        for start in range(0, len(word), width):
            piece = word[start : start + width]
            if lines[-1] and len(piece) >= room:
                lines.append("")
                room = width
            lines[-1] += (" " if lines[-1] else "") + piece
            room = width - len(lines[-1])
    return lines


def _pad(text: str, width: int) -> str:
    return text + " " * (width - sum(_cells(c) for c in text))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _clean(text: str) -> str:
    text = _BLANKS.sub(" ", text)
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)
