"""Word lists that ship with the package: one entry a line, `#` begins a comment.

Each file under `nato_stance/lexicons` says in its header what it holds.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def lexicon(name: str) -> frozenset[str]:
    """Return the entries of the word list `name` (without its ending), in lower case.

    >>> "senator" in lexicon("roles")
    True
    """
    return frozenset(entry.lower() for entry in entries(name))


@cache
def entries(name: str) -> tuple[str, ...]:
    """Return the entries of the word list `name` as they stand in the file, in order."""
    text = (files("nato_stance") / "lexicons" / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)
