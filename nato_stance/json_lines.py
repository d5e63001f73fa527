"""JSON lines, one at a time: a line that cannot be read costs only itself."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from nato_stance.records import InvalidInputError


def open_lines(path: str | Path) -> IO[str]:
    """Open a file for `rows`: UTF-8, with or without a byte order mark; wrong bytes are kept, so that `rows` can tell.

    Raises:
        InvalidInputError: there is no such file, it is a folder, or the system refuses it.
    """
    try:
        return open(path, encoding="utf-8-sig", errors="surrogateescape")
    except FileNotFoundError:
        raise InvalidInputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InvalidInputError(f"{path} is a folder; name the JSON lines file in it") from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from None


def as_lines(stream: IO[str]) -> IO[str]:
    """Return an open stream, such as standard input, set to read as `open_lines` does."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8-sig", errors="surrogateescape")
    return stream


def rows(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """Read each line that is not blank.

    Args:
        lines: from `open_lines`.

    Yields:
        The number of the line, from 1, and its value; an InvalidInputError in place of the value of a line that
        cannot be read. The message goes on where `line N ` left off.

    Example:
        >>> list(rows(['{"id": 1}', "", "[2"]))
        [(1, {'id': 1}), (3, InvalidInputError("is no JSON: Expecting ',' delimiter at character 2"))]
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _value(line)


def _value(line: str) -> Any:
    if not _is_utf8(line):
        return InvalidInputError("is not UTF-8; save the file as UTF-8")
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        hint = "; the file may be UTF-16, save it as UTF-8" if "\0" in line else ""
        return InvalidInputError(f"is no JSON: {error.msg} at character {error.pos}{hint}")
    except ValueError:  # Python bounds the digits of a whole number
        return InvalidInputError("is no JSON that can be read: a number has too many digits; write it as a string")
    except RecursionError:
        return InvalidInputError("is no JSON that can be read: brackets stand too deep in one another")


def _is_utf8(line: str) -> bool:
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
