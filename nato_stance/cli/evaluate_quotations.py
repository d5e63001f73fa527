"""`nato-stance evaluate quotations`: extracted quotations and speakers against a corpus annotated in brat."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from nato_stance.cli.arguments import check_outputs, write_text

if TYPE_CHECKING:
    from nato_stance.quotation_evaluation import QuotationFault, QuotationReport

_DESCRIPTION: Final = """\
Extract the quotations of annotated articles and measure them: spans exact and overlapping, right speakers, and what
went wrong.

The folder holds NAME.txt beside NAME.ann (or NAME_ANNOTATOR.ann) in brat standoff, with attributions as events whose
arguments are Source, Cue and Content. Gold are the words between quotation marks inside a Content.

Exit status: 0 done, 1 the corpus cannot be read, 2 wrong usage.
"""
_FAULTS: Final = {
    "missed": "Not found",
    "spurious": "Found, but nobody is quoted there",
    "speaker": "Credited to somebody else, or to nobody",
}


def _count(value: str) -> int:
    if not value.isdecimal():
        raise argparse.ArgumentTypeError(f"{value!r} is no number of misses; give 0 or more")
    return int(value)


def run(arguments: Sequence[str]) -> int:
    """Measure; `arguments` are those after `nato-stance evaluate quotations`. Return the exit status.

    Raises:
        NatoStanceError: the corpus cannot be read, or the report cannot be written.
    """
    parser = argparse.ArgumentParser(
        prog="nato-stance evaluate quotations",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--brat", metavar="DIR", required=True, help="folder with .txt and .ann files")
    parser.add_argument("--json", metavar="FILE", help="write the whole report with every fault to FILE (- stdout)")
    parser.add_argument("--misses", metavar="N", type=_count, default=0, help="list up to N faults of each sort")
    parser.set_defaults(usage_error=parser.error)
    options = parser.parse_args(arguments)
    check_outputs(options, [], {"--json": options.json})

    from nato_stance.brat import read_brat
    from nato_stance.quotation_evaluation import evaluate_quotations

    report = evaluate_quotations(read_brat(options.brat))
    if not report.n_gold:
        print(f"nato-stance: no quotation marks inside the Content spans of {options.brat}", file=sys.stderr)
    if options.json:
        write_text(options.json, _json(report))
    if options.json != "-":
        write_text("-", _table(report) + _listing(report.faults, options.misses))
    return 0


def _json(report: QuotationReport) -> str:
    return json.dumps(report.to_dict(), ensure_ascii=False, indent=2) + "\n"


def _table(report: QuotationReport) -> str:
    n_sources = report.n_named + report.n_pronouns
    lines = [
        f"articles: {report.n_documents}; quotations marked: {report.n_gold}; found: {report.n_predicted}",
        "",
        "spans      precision  recall      F1",
    ]
    for name, score in (("exact", report.exact), ("overlap", report.overlap)):
        lines.append(f"{name:<9}  {score.precision:9.4f}  {score.recall:6.4f}  {score.f1:6.4f}")
    lines += [
        "",
        f"speaker accuracy      {report.speaker_accuracy:.4f}  ({n_sources} found quotations with a source)",
        f"  of named sources    {report.n_named_right}/{report.n_named}",
        f"  of bare pronouns    {report.n_pronouns_right}/{report.n_pronouns}",
        f"found and attributed  {report.found_and_attributed:.4f}",
    ]
    return "\n".join(lines) + "\n"


def _listing(faults: Sequence[QuotationFault], n: int) -> str:
    blocks = []
    for sort, heading in _FAULTS.items():
        those = [fault for fault in faults if fault.fault == sort]
        if n and those:
            blocks.append(f"\n{heading} ({len(those)})\n" + "".join(map(_line, those[:n])))
    return "".join(blocks)


def _line(fault: QuotationFault) -> str:
    words = " ".join(fault.text.split())
    shown = words if len(words) <= 100 else f"{words[:99]}…"
    speakers = {"missed": fault.expected, "spurious": fault.given, "speaker": f"{fault.expected}, not {fault.given}"}
    return f"  {fault.document}:{fault.span[0]}  {shown}  [{speakers[fault.fault] or 'no source'}]\n"
