"""Write the labels of every fixture statement, from the shipped model and from one that is trained on the spot."""

import json
import sys
from pathlib import Path

import nato_stance
from nato_stance.corpus import read_corpus
from nato_stance.training import train

fixtures = Path(sys.argv[1])
items = read_corpus(fixtures / "corpus/statements.jsonl")
rows = [{"text": x.text, "context": x.context, "cue": x.cue} for x in items]


def write(name, labels):
    for item, label in zip(items, labels, strict=True):
        row = {"model": name, "id": item.id, **label.to_dict()}
        row["exact"] = [label.confidence, *label.probabilities.values(), *label.tone_probabilities.values()]
        print(json.dumps(row))


write("shipped", nato_stance.classify_many(rows))
for path in sorted((fixtures / "articles").glob("*.txt")):
    score = nato_stance.score_article(path.read_text(encoding="utf-8"), article_id=path.stem)
    print(json.dumps({"model": "article", "id": path.stem, **score.to_dict()}))
write("trained", nato_stance.classify_many(rows, model=train(items[:1500])))
