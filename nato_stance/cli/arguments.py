"""What commands share: kinds of values, and outputs that cost no input, can be written, and are whole or not there."""

from __future__ import annotations

import argparse
import errno
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from nato_stance.records import InvalidInputError

_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmg]?)b?", re.IGNORECASE)
_JSON_LINES: Final = ("", ".jsonl", ".ndjson", ".json", ".txt")


def name(value: str) -> str:
    """Return the name of a file or folder; an empty one, as of an unset variable, is wrong usage."""
    if not value.strip():
        raise argparse.ArgumentTypeError("the name is empty; leave the option out or give a name")
    return value


def whole(least: int) -> Callable[[str], int]:
    """Return what reads a whole number of at least `least`."""

    def read(value: str) -> int:
        if not value.isascii() or not value.isdecimal() or len(value) > 18 or int(value) < least:
            raise argparse.ArgumentTypeError(f"{value!r} is no whole number of at least {least}")
        return int(value)

    return read


def share(value: str) -> float:
    """Return a number from 0 to 1."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= 1.0:
        raise argparse.ArgumentTypeError(f"{value!r} is no probability; give a number from 0 to 1")
    return number


def size(value: str) -> int:
    """Return a number of bytes: digits, or a number with kB, MB or GB."""
    from nato_stance.articles import LARGEST_LIMIT

    match = _SIZE.fullmatch(value.strip())
    number = float(match.group(1)) * _UNITS[match.group(2).lower()] if match else 0.0
    if not 1 <= number <= LARGEST_LIMIT:
        raise argparse.ArgumentTypeError(
            f"{value!r} is no size up to 1000GB; give bytes, or a number with kB, MB or GB"
        )
    return int(number)


def encoding(value: str) -> str:
    """Return Python's name of a text encoding."""
    from nato_stance.text import check_encoding

    try:
        return check_encoding(value)
    except InvalidInputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_reading(parser: Any) -> None:
    """Add the options for how text is read: its encoding, and the size from which an article is refused."""
    from nato_stance.articles import MAX_SIZE

    parser.add_argument("--encoding", type=encoding, metavar="NAME", help="encoding of text (default: recognised)")
    parser.add_argument(
        "--max-size",
        type=size,
        default=MAX_SIZE,
        metavar="SIZE",
        help=f"refuse larger articles (default: {MAX_SIZE // 1_000_000}MB)",
    )


def output_form(options: argparse.Namespace, path: str, forms: Mapping[str, str]) -> str:
    """Return the format that is asked for or that the ending of an output tells; none ends the program with status 2.

    Args:
        options: of a command that has `--format` and has set `usage_error`.
        path: of the output.
        forms: ending to format, besides those of JSON lines; `-` and names without an ending are JSON lines.
    """
    forms = {**dict.fromkeys(_JSON_LINES, "jsonl"), **forms}
    ending = os.path.splitext(path)[1].lower()
    if options.format is None and ending not in forms:
        known = ", ".join(x for x in forms if x)
        options.usage_error(f"the ending of -o {path!r} tells no format that can be written ({known}); give --format")
    return str(options.format or forms[ending])


def check_outputs(options: argparse.Namespace, inputs: Iterable[str | None], outputs: Mapping[str, str | None]) -> None:
    """Look at the outputs before any work: an input or another output among them ends the program with status 2.

    Args:
        options: of a command that has set `usage_error`.
        inputs: paths of files that were named; None is passed over.
        outputs: option to path; None and `-` are passed over.

    Raises:
        OutputError: an output cannot be written.
    """
    from nato_stance.paths import refuse_overwriting

    try:
        refuse_overwriting([path for path in inputs if path is not None], outputs)
    except InvalidInputError as error:
        options.usage_error(str(error))
    for path in outputs.values():
        if path not in (None, "-"):
            _check_writable(path)


def _check_writable(path: str) -> None:
    from nato_stance.outputs import explained
    from nato_stance.paths import part_of

    folder = os.path.join(os.path.dirname(path) or ".", "")
    with explained(path):
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        os.stat(folder)
        if not os.access(path if part_of(path) == path else folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_text(path: str, content: str) -> None:
    """Write a whole file, or to standard output for `-`.

    Raises:
        OutputError: it cannot be written.
    """
    from nato_stance.sinks import open_binary

    with open_binary(path) as stream:
        stream.write(content.encode("utf-8", "backslashreplace"))
