"""What commands ask of their arguments: kinds of values, and outputs that cost no input and can be written."""

from __future__ import annotations

import argparse
import errno
import math
import os
from collections.abc import Callable, Iterable, Mapping

from nato_stance.records import InvalidInputError


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
    from nato_stance.outputs import explained, part_of

    folder = os.path.join(os.path.dirname(path) or ".", "")
    with explained(path):
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        os.stat(folder)
        if not os.access(path if part_of(path) == path else folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
