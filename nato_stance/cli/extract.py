"""`nato-stance extract`: the quotations of articles and who said them, without labels."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from nato_stance.cli import arguments

if TYPE_CHECKING:
    from nato_stance.articles import Article
    from nato_stance.records import Quotation

_DESCRIPTION: Final = """\
Find the statements of news articles and who makes each, without labelling them. No model is loaded.

Inputs are those of `nato-stance score`. On a terminal the result is a table, otherwise JSON lines, one a statement.
An article that cannot be read is reported on standard error and left out; the others are extracted all the same.

Exit status: 0 done, 1 some input failed, 2 wrong usage.
"""
_WIDTHS: Final = {"kind": 8, "speaker": 24, "cue": 14}
_MIN_WORDS: Final = 24
_GAP: Final = "  "


def register(subparsers: Any) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "extract",
        help="find quotations and speakers, without labels",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, pattern, or - for standard input")
    parser.add_argument("-o", "--output", metavar="FILE", default="-", help="write JSON lines here (- stdout)")
    parser.add_argument("--format", choices=("table", "jsonl"), help="format, whatever the output is")
    arguments.add_reading(parser)
    parser.add_argument("--quoted-only", action="store_true", help="leave out indirect speech")
    parser.set_defaults(run=run, usage_error=parser.error)


def run(options: argparse.Namespace) -> int:
    """Extract; return the exit status."""
    from nato_stance.articles import Article, ArticleFailure
    from nato_stance.inputs import InputReader
    from nato_stance.paths import FileFinder, describe_ignored
    from nato_stance.sinks import open_lines

    write_article = _form(options)
    arguments.check_outputs(options, options.paths, {"-o": options.output})
    own = frozenset([os.path.abspath(options.output)]) if options.output != "-" else frozenset()
    finder = FileFinder(options.paths, own=own)
    failed = False
    with open_lines(options.output) as write:
        for article in InputReader(finder, encoding=options.encoding, max_size=options.max_size):
            outcome = _extracted(article, quoted_only=options.quoted_only) if isinstance(article, Article) else article
            if isinstance(outcome, ArticleFailure):
                place = " ".join(x for x in (outcome.source, outcome.location) if x)
                print(f"nato-stance: {place}: {outcome.message}", file=sys.stderr)
                failed = True
            else:
                assert isinstance(article, Article)
                write(write_article(article, outcome))
    if finder.ignored:
        print(f"nato-stance: files left out: {describe_ignored(finder.ignored)}", file=sys.stderr)
    return 1 if failed else 0


def _extracted(article: Article, *, quoted_only: bool) -> Any:
    """Return the statements of an article, or what went wrong with it."""
    from nato_stance.articles import ArticleFailure
    from nato_stance.extraction import extract_quotations
    from nato_stance.records import NatoStanceError

    try:
        text = article.read().text
    except NatoStanceError as error:
        return ArticleFailure.of(error, article)
    return [q for q in extract_quotations(text) if not (quoted_only and q.kind == "indirect")]


def _form(options: argparse.Namespace) -> Callable[[Article, list[Quotation]], bytes]:
    on_terminal = options.output == "-" and sys.stdout.isatty()
    form = arguments.output_form(options, options.output, {})
    if form == "table" or (options.format is None and on_terminal):
        width = shutil.get_terminal_size((100, 24)).columns
        return lambda article, found: _table(article, found, width).encode("utf-8", "replace")
    return _lines


def _lines(article: Article, found: list[Quotation]) -> bytes:
    from nato_stance.outputs import json_line

    return b"".join(json_line(_record(article, q)) for q in found)


def _record(article: Article, quotation: Quotation) -> dict[str, Any]:
    return {
        "article_id": article.article_id,
        "source": article.source,
        "kind": quotation.kind,
        "text": quotation.text,
        "spans": [list(span) for span in quotation.spans],
        "speaker": quotation.speaker,
        "speaker_span": list(quotation.speaker_span) if quotation.speaker_span else None,
        "cue": quotation.cue,
        "cue_span": list(quotation.cue_span) if quotation.cue_span else None,
        "context": quotation.context,
        "context_span": list(quotation.context_span) if quotation.context_span else None,
    }


def _table(article: Article, found: list[Quotation], width: int) -> str:
    name = " ".join(x for x in (article.source, article.location) if x) or "article"
    heading = f"{_clean(name)}: {len(found) or 'no'} statement{'' if len(found) == 1 else 's'}"
    rows = [_row([q.kind, q.speaker or "–", q.cue or "–"], q.text, width) for q in found]
    head = [_row(list(_WIDTHS), "words", width)] if found else []
    return "\n".join([heading, *head, *rows]) + "\n\n"


def _row(cells: list[str], words: str, width: int) -> str:
    import itertools
    import textwrap

    widths = [*_WIDTHS.values(), max(_MIN_WORDS, width - sum(w + len(_GAP) for w in _WIDTHS.values()))]
    columns = [textwrap.wrap(_clean(cell), w) or [""] for cell, w in zip([*cells, words], widths, strict=True)]
    lines = itertools.zip_longest(*columns, fillvalue="")
    return "\n".join(_GAP.join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _clean(text: str) -> str:
    """Put blanks for white space, and a mark for what could steer the terminal."""
    import unicodedata

    words = " ".join(text.split())
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in words)
