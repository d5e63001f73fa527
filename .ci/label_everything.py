"""Write the labels that the shipped model gives to every fixture statement, alone and in its article."""

import json
import sys
from pathlib import Path

import nato_stance
from nato_stance.corpus import read_corpus

fixtures = Path(sys.argv[1])
items = read_corpus(fixtures / "corpus/statements.jsonl")
rows = [{"text": x.text, "context": x.context, "cue": x.cue} for x in items]


NUMBERS = ("confidence", "probabilities", "tone_probabilities")


def exact(label):
    return [label.confidence, *label.probabilities.values(), *label.tone_probabilities.values()]


def show(name, id_, label, rest):
    labels = {key: value for key, value in rest.items() if key not in NUMBERS}
    print(json.dumps({"from": name, "id": id_, "labels": labels, "numbers": exact(label)}))


for item, label in zip(items, nato_stance.classify_many(rows), strict=True):
    show("corpus", item.id, label, label.to_dict())
for path in sorted((fixtures / "articles").glob("*.txt")):
    for statement in nato_stance.score_article(path.read_text(encoding="utf-8")).statements:
        show(path.stem, statement.statement_id, statement.label, statement.to_dict())
