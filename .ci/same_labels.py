"""Two files from label_everything.py: labels must be equal, probabilities within 1e-6."""

import json
import sys
from pathlib import Path

old, new = ([json.loads(x) for x in Path(p).read_text("utf-8").split("\n") if x] for p in sys.argv[1:3])
if len(old) != len(new):
    sys.exit(f"{len(old)} rows against {len(new)}")
worst = 0.0
for a, b in zip(old, new, strict=True):
    if (a["from"], a["id"], a["labels"]) != (b["from"], b["id"], b["labels"]):
        sys.exit(f"{a['from']} {a['id']}: {a['labels']} in one, {b['labels']} in the other")
    worst = max([worst, *(abs(x - y) for x, y in zip(a["numbers"], b["numbers"], strict=True))])
print(f"{len(old)} rows, equal labels, largest difference of a probability {worst:.1e}")
if worst > 1e-6:
    sys.exit("probabilities differ by more than 1e-6")
