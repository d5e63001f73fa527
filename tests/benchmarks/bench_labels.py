"""How fast statements are labelled beside vaderSentiment, how fast a first label comes, and what it takes of memory.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_labels.py

The statements are windows of 25 words over the texts of `fixtures/corpus/statements.jsonl`, 10,000 different ones. Both
tools take turns on blocks of them, so that a busy machine slows both; the CPU time of the best turn of each block
counts. The first pass starts with no word known, the others with all.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "fixtures" / "corpus" / "statements.jsonl"
MODEL = ROOT / "nato_stance" / "models" / "default"
WORDS = 25
BLOCK = 2000


def statements(n: int) -> list[str]:
    """Return `n` different texts of 25 words, in the words of the corpus; the same every time."""
    with CORPUS.open(encoding="utf-8") as lines:
        words = " ".join(json.loads(line)["text"] for line in lines).split()
    step = max((len(words) - WORDS) // n, 1)
    texts = {" ".join(words[at : at + WORDS]) for at in range(0, len(words) - WORDS, step)}
    if len(texts) < n:
        sys.exit(f"the corpus gives {len(texts):,} different texts, {n:,} were asked for")
    return sorted(texts)[:n]


def turns(texts: Sequence[str], tools: Sequence[Callable[[Sequence[str]], object]]) -> list[list[float]]:
    """Return for each block of texts the CPU seconds of each tool."""
    seconds = []
    for at in range(0, len(texts), BLOCK):
        row = []
        for tool in tools:
            began = time.process_time()
            tool(texts[at : at + BLOCK])
            row.append(time.process_time() - began)
        seconds.append(row)
    return seconds


def speed(n: int, repeat: int) -> None:
    """Print CPU time a statement of both tools, cold and warm."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    from nato_stance import classify_many, load_model

    texts = statements(n)
    model, vader = load_model(MODEL), SentimentIntensityAnalyzer()
    tools = (
        lambda block: classify_many(block, model=model),
        lambda block: [vader.polarity_scores(text) for text in block],
    )
    passes = [turns(texts, tools) for _ in range(repeat + 1)]
    best = [[min(turn) for turn in zip(*block, strict=True)] for block in zip(*passes[1:], strict=True)]
    ratios = [sum(own for own, _ in done) / sum(other for _, other in done) for done in passes[1:]]
    for name, done in (("first pass", passes[0]), ("warm", best)):
        own, other = (sum(row[i] for row in done) / n * 1e6 for i in range(2))
        print(f"{name}: {own:.1f} µs a statement, vaderSentiment {other:.1f} µs, ratio {own / other:.2f}")
    print(f"median ratio of {repeat} warm passes {statistics.median(ratios):.2f}")


def seconds_of(*command: str, repeat: int = 9) -> float:
    """Return the median wall time of a command."""
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


_PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from bench_labels import statements
texts = statements(int(sys.argv[2]))
from nato_stance import classify_many
classify_many(texts)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def cold_start() -> None:
    """Print how long a first label takes from the command line, beside the import of a part of scikit-learn."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write('{"text": "We are ready to talk."}\n')
        file.flush()
        own = seconds_of(sys.executable, "-m", "nato_stance", "classify", file.name)
    other = seconds_of(sys.executable, "-c", "import sklearn.linear_model")
    print(
        f"cold classify {own * 1000:.0f} ms, import sklearn.linear_model {other * 1000:.0f} ms, ratio {own / other:.2f}"
    )


def memory(n: int) -> None:
    """Print the peak memory of labelling all statements, and the sizes of the model files."""
    command = [sys.executable, "-c", _PEAK, str(Path(__file__).parent), str(n)]
    peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(MODEL.iterdir())}
    print(f"peak memory {peak} MB; model files {', '.join(f'{k} {v:.2f} MB' for k, v in sizes.items())}")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=7, help="warm passes")
    options = parser.parse_args()
    speed(options.statements, options.repeat)
    cold_start()
    memory(options.statements)


if __name__ == "__main__":
    main()
