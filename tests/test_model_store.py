"""A model folder survives the round trip, and anything else is refused with a word on what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nato_stance.model_store import ARRAYS, MANIFEST, load_model, save_model
from nato_stance.records import InvalidTypeError, ModelFormatError

_ITEMS = [
    ("We are ready to talk at any time.", None, None),
    ("any plans to attack", "Moscow denied any plans to attack.", "denied"),
    ("", None, None),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(load_model(), tmp_path / "model")
    return tmp_path / "model"


def test_a_saved_model_says_the_same(folder: Path) -> None:
    saved, shipped = load_model(folder), load_model()
    np.testing.assert_array_equal(saved.scores(_ITEMS), shipped.scores(_ITEMS))
    assert saved.provenance == shipped.provenance
    assert saved.label_many(_ITEMS) == shipped.label_many(_ITEMS)


def test_the_shipped_model_is_small_and_tells_where_it_comes_from() -> None:
    provenance = load_model().provenance
    assert {"data_digest", "codebook_version", "package_version", "scikit_learn", "numpy", "cross_validated"} <= set(
        provenance
    )
    home = Path(sys.modules["nato_stance"].__file__ or "").parent / "models"
    assert sum(f.stat().st_size for f in home.rglob("*") if f.is_file()) < 5_000_000


def test_an_edited_weight_is_noticed(folder: Path) -> None:
    with np.load(folder / ARRAYS) as stored:
        arrays = dict(stored)
    arrays["intercept"] = arrays["intercept"] + 1e-9
    np.savez(folder / ARRAYS, **arrays)
    with pytest.raises(ModelFormatError, match="damaged or was edited"):
        load_model(folder)


def test_an_edited_lexicon_is_noticed(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["lexicon"]["negation"] = "never"
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelFormatError, match="digest"):
        load_model(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (MANIFEST, b"{", "not JSON"),
        (MANIFEST, b"[]", "not a model of this package"),
        (MANIFEST, b'{"format": "nato_stance.linear", "format_version": 99}', "format version 99"),
        (MANIFEST, b"\xff\xfe", "not JSON"),
        (ARRAYS, b"PK\x03\x04 cut off", "damaged"),
        (ARRAYS, b"", "damaged"),
    ],
)
def test_foreign_files_are_refused(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ModelFormatError, match=message):
        load_model(folder)


def test_pickled_arrays_are_refused(folder: Path) -> None:
    with np.load(folder / ARRAYS) as stored:
        arrays = dict(stored)
    arrays["keys"] = np.array([{"a": 1}], dtype=object)
    np.savez(folder / ARRAYS, **arrays)
    with pytest.raises(ModelFormatError, match="no plain npz"):
        load_model(folder)


def test_a_missing_folder_or_file_is_named(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"model\.json cannot be read"):
        load_model(tmp_path / "nowhere")
    (folder / ARRAYS).unlink()
    with pytest.raises(ModelFormatError, match=r"arrays\.npz cannot be read"):
        load_model(folder)


def test_only_models_can_be_saved(tmp_path: Path) -> None:
    with pytest.raises(InvalidTypeError, match="cannot save a str"):
        save_model("model", tmp_path)  # type: ignore[arg-type]


def test_scoring_needs_numpy_only(folder: Path) -> None:
    code = (
        "import sys, nato_stance\n"
        "nato_stance.load_model(sys.argv[1]).explain('We are ready to talk.')\n"
        "print(sorted({'sklearn', 'scipy', 'nltk', 'joblib', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_copy_elsewhere_loads(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert load_model(tmp_path / "copy").provenance["digest"] == load_model(folder).provenance["digest"]
