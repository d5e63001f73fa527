"""The command line `nato-stance`: one module a command, each with `register(subparsers)`; nothing imports this package.

Exit status: 0 done, 1 some input failed, 2 wrong usage. Data go to standard output, everything else to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from nato_stance._version import __version__
from nato_stance.records import NatoStanceError

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status.

    Only the module of the command that is asked for is imported, so that `classify` starts quickly.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    commands = [args[0]] if args and args[0] in _COMMANDS else list(_COMMANDS)
    try:
        options = _parser(commands).parse_args(args)
        return int(options.run(options))
    except NatoStanceError as error:
        print(f"nato-stance: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nato-stance: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
