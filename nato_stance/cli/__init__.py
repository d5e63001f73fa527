"""The command line `nato-stance`: one module a command, each with `register(subparsers)`; nothing imports this package.

Exit status: 0 done, 1 some input failed, 2 wrong usage. Data go to standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from nato_stance._version import __version__
from nato_stance.records import InvalidInputError, NatoStanceError

_COMMANDS = ("score", "classify", "extract", "explain", "train", "evaluate", "corpus", "export")


def _parser(commands: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nato-stance", description="Stance and tone of quoted statements in news about security."
    )
    parser.add_argument("--version", action="version", version=f"nato-stance {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in commands:
        importlib.import_module(f"nato_stance.cli.{name}").register(subparsers)
    return parser


class _Closed(io.RawIOBase):
    """Stands in for a standard stream that was closed: whoever needs it is told, a command without need runs."""

    def __init__(self, told: str) -> None:
        self._told = told

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> NoReturn:
        raise InvalidInputError(self._told)

    def write(self, data: object) -> NoReturn:
        raise InvalidInputError(self._told)


def _replace_closed_streams() -> None:
    # Python puts None for each stream that is closed (`<&-`, `>&-`), and prints to standard output for a None.
    if sys.stdin is None:
        told = "standard input is closed; name a file, or give it one with <"
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed(told)), encoding="utf-8")
    if sys.stdout is None:
        told = "standard output is closed; send it to a file with >, or write one with -o where the command has it"
        sys.stdout = io.TextIOWrapper(_Closed(told), encoding="utf-8", write_through=True)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def _drop_pending_output() -> None:
    """Keep Python from trying, and complaining, again when it flushes at exit."""
    try:
        sys.stdout.flush()
    except (OSError, NatoStanceError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    Only the module of the command that is asked for is imported, so that `classify` starts quickly.
    """
    _replace_closed_streams()
    args = list(sys.argv[1:] if argv is None else argv)
    commands = [args[0]] if args and args[0] in _COMMANDS else list(_COMMANDS)
    try:
        options = _parser(commands).parse_args(args)
        status = int(options.run(options))
        _flush()
        return status
    except BrokenPipeError:
        _drop_pending_output()  # whoever read our output has seen enough
        return 0
    except (NatoStanceError, OSError) as error:
        _drop_pending_output()
        print(f"nato-stance: {_told(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nato-stance: interrupted", file=sys.stderr)
        return 130


def _told(error: NatoStanceError | OSError) -> str:
    if isinstance(error, NatoStanceError) or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
