"""The wheel holds what scoring needs and nothing else, and stays under its size limit."""

import sys
import zipfile
from pathlib import Path

LIMIT = 8_000_000
NEEDED = {
    "nato_stance/py.typed",
    "nato_stance/models/default/model.json",
    "nato_stance/models/default/arrays.npz",
    "nato_stance/lexicons/reporting_verbs.txt",
}

path = Path(sys.argv[1])
names = zipfile.ZipFile(path).namelist()
missing = NEEDED - set(names)
foreign = [n for n in names if not n.startswith("nato_stance/") and ".dist-info/" not in n]
pickles = [n for n in names if n.endswith((".pkl", ".joblib", ".pickle"))]
size = path.stat().st_size
print(f"{path.name}: {len(names)} files, {size / 1e6:.2f} MB")
if missing or foreign or pickles or size > LIMIT:
    sys.exit(f"missing {sorted(missing)}, foreign {foreign[:5]}, pickles {pickles}, size {size} (limit {LIMIT})")
