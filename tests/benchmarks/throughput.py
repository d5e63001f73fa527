"""How many articles a second: one worker, two workers, memory, and a spaCy pipeline over the same articles.

    python tests/benchmarks/throughput.py
    python tests/benchmarks/throughput.py --memory 100000
    python tests/benchmarks/throughput.py --spacy-python OTHER_VENV/bin/python --spacy-model en_core_web_sm

Articles are generated (about 500 words, ten statements each). Rates are taken from the second batch on, so that neither
the start of workers nor the loading of the model counts. Numbers on a busy machine say little: each rate is the best
of `--repeat`, and the CPU time an article is given beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from generated_articles import articles

WARM = 64


def rate(outcomes: Iterable[Any], n: int) -> float:
    """Return items a second, not counting the first few."""
    began = 0.0
    for number, _ in enumerate(outcomes, start=1):
        if number == WARM:
            began = time.perf_counter()
    return (n - WARM) / (time.perf_counter() - began)


def library(news: list[dict[str, str]], jobs: int) -> float:
    """Return articles a second of `score_articles`."""
    from nato_stance import score_articles

    return rate(score_articles(news, n_jobs=jobs), len(news))


def command_line(news: list[dict[str, str]], jobs: int) -> float:
    """Return articles a second of what `nato-stance score` does between reading and writing."""
    from nato_stance.articles import Article
    from nato_stance.batch import StandardScorer
    from nato_stance.parallel import map_ordered
    from nato_stance.worker import ArticleWorker

    items = [Article(a["article_id"], a["text"].encode(), f"{a['article_id']}.txt") for a in news]
    return rate(map_ordered(ArticleWorker(StandardScorer(), "jsonl"), items, n_jobs=jobs), len(items))


_PEAK = """
import resource, sys
from nato_stance.cli import main
status = main(["score", sys.argv[1], "--db", sys.argv[2], "-q", "-j", sys.argv[3]])
own, workers = (resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(status, own // 1024, workers // 1024)
"""


def peak(n: int, folder: Path, jobs: int) -> str:
    """Return the peak memory of a run over `n` articles, of the parent and of its largest worker, in MB."""
    source = folder / f"{n}.jsonl"
    with source.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(a) + "\n" for a in articles(n))
    command = [sys.executable, "-c", _PEAK, str(source), str(folder / f"{n}.sqlite"), str(jobs)]
    began = time.perf_counter()
    status, own, workers = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    seconds = time.perf_counter() - began
    assert status == "0", status
    return f"{n:,} articles: parent {own} MB, largest worker {workers} MB; {n / seconds:,.0f} a second with the store"


_SPACY = """
import json, sys, time, importlib
try:
    nlp = importlib.import_module(sys.argv[2]).load()
except ImportError:
    import spacy
    nlp = spacy.load(sys.argv[2])
texts = [json.loads(line)["text"] for line in open(sys.argv[1], encoding="utf-8")]
for _ in nlp.pipe(texts[:10]): pass
began, cpu = time.perf_counter(), time.process_time()
for _ in nlp.pipe(texts): pass
print(len(texts) / (time.perf_counter() - began), (time.process_time() - cpu) / len(texts))
"""


def spacy(news: list[dict[str, str]], python: str, model: str) -> tuple[float, float]:
    """Return articles a second of a spaCy pipeline on one core, and CPU seconds an article."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as stream:
        stream.writelines(json.dumps(a) + "\n" for a in news)
        stream.flush()
        command = [python, "-c", _SPACY, stream.name, model]
        done = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(done[0]), float(done[1])


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1500)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--memory", type=int, metavar="N", help="also compare the memory of 1,000 and N articles")
    parser.add_argument("--spacy-python", metavar="PYTHON", help="interpreter that has spaCy and the model")
    parser.add_argument("--spacy-model", default="en_core_web_sm")
    options = parser.parse_args()
    news = list(articles(options.articles))
    for name, measure in (("score_articles", library), ("nato-stance score", command_line)):
        cpu = time.process_time()
        one = max(measure(news, 1) for _ in range(options.repeat))
        cpu = (time.process_time() - cpu) / options.repeat / len(news)
        two = max(measure(news, 2) for _ in range(options.repeat))
        print(f"{name}: 1 worker {one:,.0f}, 2 workers {two:,.0f} articles a second, ratio {two / one:.2f}", end="; ")
        print(f"{cpu * 1000:.2f} ms of CPU an article with 1 worker")
    if options.spacy_python:
        wall, spacy_cpu = spacy(news[:200], options.spacy_python, options.spacy_model)
        print(
            f"spaCy {options.spacy_model}: {wall:,.1f} articles a second, {spacy_cpu * 1000:.1f} ms of CPU an article"
        )
        print(f"nato-stance score is {spacy_cpu / cpu:.1f} times as fast on one core (CPU time)")
    if options.memory:
        with tempfile.TemporaryDirectory() as folder:
            for n in (1_000, options.memory):
                print(peak(n, Path(folder), 2), flush=True)


if __name__ == "__main__":
    main()
