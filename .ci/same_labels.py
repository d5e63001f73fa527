"""Two files from label_everything.py: labels must be equal, probabilities within 1e-6."""

import json
import sys
from pathlib import Path

old, new = ([json.loads(x) for x in Path(p).read_text("utf-8").split("\n") if x] for p in sys.argv[1:3])
if len(old) != len(new):
    sys.exit(f"{len(old)} rows against {len(new)}")
worst = 0.0
for a, b in zip(old, new, strict=True):
    numbers_a, numbers_b = a.pop("exact", []), b.pop("exact", [])
    if a["model"] == "article":
        if a != b:
            sys.exit(f"article {a['id']} differs")
        continue
    worst = max([worst, *(abs(x - y) for x, y in zip(numbers_a, numbers_b, strict=True))])
    for key in ("stance", "polarity", "threat", "dialogue", "deterrence", "tone"):
        if a[key] != b[key]:
            sys.exit(f"{a['model']} {a['id']}: {key} is {a[key]} in one and {b[key]} in the other")
print(f"{len(old)} rows, equal labels, largest difference of a probability {worst:.1e}")
if worst > 1e-6:
    sys.exit("probabilities differ by more than 1e-6")
