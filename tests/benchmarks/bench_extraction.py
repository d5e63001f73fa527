"""How fast `extract_quotations` is: on generated articles, and on texts made to slow it down.

Run from the checkout, alone on the machine:

    python tests/benchmarks/bench_extraction.py [--articles N] [--size CHARACTERS] [--family NAME] [--json FILE]

Times are processor time on one core, the best of some rounds. For articles it gives megabytes (of UTF-8) a second over
N different ones. For each family of `adversarial_texts` it gives the time for a tenth of the size and for the whole,
and their ratio: ten times the text should take about ten times the time.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adversarial_texts import FAMILIES, MORE_FAMILIES
from generated_articles import articles

from nato_stance import extract_quotations


def best(action: Callable[[], object], rounds: int) -> float:
    """Return the shortest of some rounds, in seconds of processor time."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def bench_articles(n: int) -> dict[str, Any]:
    """Measure over `n` generated articles."""
    texts = [article["text"] for article in articles(n)]
    size = sum(len(text.encode()) for text in texts)
    found = sum(len(extract_quotations(text)) for text in texts)
    seconds = best(lambda: [extract_quotations(text) for text in texts], rounds=3)
    return {
        "articles": n,
        "megabytes": round(size / 1e6, 3),
        "statements": found,
        "seconds": round(seconds, 4),
        "megabytes_a_second": round(size / 1e6 / seconds, 3),
    }


def bench_family(grow: Callable[[int], str], size: int) -> dict[str, float]:
    """Measure one family at a tenth of `size` and at `size`."""
    tenth, whole = grow(size // 10), grow(size)
    short = best(lambda: extract_quotations(tenth), rounds=3)
    long = best(lambda: extract_quotations(whole), rounds=2)
    return {"tenth_seconds": round(short, 4), "seconds": round(long, 4), "ratio": round(long / short, 2)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    families = {**FAMILIES, **MORE_FAMILIES}
    parser = argparse.ArgumentParser(description="Speed of quotation extraction.")
    parser.add_argument("--articles", type=int, default=2000, help="number of generated articles (2000)")
    parser.add_argument("--size", type=int, default=10_000_000, help="characters of each adversarial text (10 million)")
    parser.add_argument("--family", action="append", choices=list(families), help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    options = parser.parse_args(arguments)
    result: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    if options.family is None:
        result["articles"] = bench_articles(options.articles)
        print("{megabytes} MB, {statements} statements: {megabytes_a_second} MB/s".format(**result["articles"]))
    result["size"], result["families"] = options.size, {}
    print(f"\n{'family':<30}{'a tenth':>10}{options.size:>14,}{'ratio':>8}")
    for name in options.family or families:
        row = result["families"][name] = bench_family(families[name], options.size)
        print(f"{name:<30}{row['tenth_seconds']:>9.3f}s{row['seconds']:>13.3f}s{row['ratio']:>8.1f}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
