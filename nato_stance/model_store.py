"""Saving and loading a model: a folder with `arrays.npz` (no pickle) and `model.json`.

Loading executes nothing that the files say, checks the digest of the arrays, and needs numpy only.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from nato_stance.codebook import CODEBOOK_VERSION
from nato_stance.detectors import ANSWERS, PhraseDetectors
from nato_stance.features import FeatureExtractor
from nato_stance.joint import OUTPUTS, JointLayer
from nato_stance.linear import LinearModel
from nato_stance.records import InvalidTypeError, ModelFormatError
from nato_stance.semantics import Lexicon

if TYPE_CHECKING:
    from nato_stance.classifier import StanceClassifier

FORMAT: Final = "nato_stance.linear"
FORMAT_VERSION: Final = 1
ARRAYS: Final = "arrays.npz"
MANIFEST: Final = "model.json"

_DTYPES: Final[dict[str, str]] = {
    "keys": "<u8",
    "weights": "<f2",
    "intercept": "<f8",
    "answer_weights": "<f8",
    "common": "<u8",
    "detector_words": "<u8",
    "detector_vectors": "|i1",
    "detector_vector_scale": "<f4",
    "detector_class_vectors": "<f2",
    "detector_state_vectors": "<f2",
    "detector_kernels": "<f2",
    "detector_bias": "<f4",
    "detector_readout": "<f2",
    "detector_readout_bias": "<f8",
    "detector_hidden": "<f2",
    "detector_hidden_bias": "<f4",
    "detector_hidden_readout": "<f2",
}
_DETECTOR: Final = "detector_"


def digest_of(arrays: dict[str, NDArray[Any]], manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of what decides a model's answers: arrays, lexicon, joint layer.

    Args:
        arrays: the arrays by name.
        manifest: the manifest; only what bears on answers is read.
    """
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        sha.update(array.tobytes())
    for name in ("format", "format_version", "outputs", "layer", "lexicon", "detector_classes"):
        sha.update(json.dumps(manifest[name], sort_keys=True, ensure_ascii=False).encode())
    return sha.hexdigest()


def save_model(model: LinearModel | StanceClassifier, path: str | os.PathLike[str]) -> str:
    """Write a model to a folder.

    Args:
        model: a `LinearModel`, or a fitted `StanceClassifier`.
        path: the folder; it is made where it does not exist, and its two files are replaced.

    Returns:
        The digest of the model, hexadecimal.

    Raises:
        InvalidTypeError: the model is neither, or is not fitted.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     digest = save_model(load_model(), folder)
        ...     load_model(folder).provenance["digest"] == digest
        True
    """
    linear = model if isinstance(model, LinearModel) else getattr(model, "model_", None)
    if not isinstance(linear, LinearModel):
        raise InvalidTypeError(
            f"cannot save a {type(model).__name__}; give a model of load_model or a fitted classifier"
        )
    arrays = _arrays_of(linear)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "codebook_version": CODEBOOK_VERSION,
        "outputs": list(OUTPUTS),
        "layer": linear.layer.to_dict(),
        "provenance": {k: v for k, v in linear.provenance.items() if k != "digest"},
        "lexicon": linear.extractor.lexicon.to_dict(),
        "detector_classes": list(linear.detectors.classes) if linear.detectors else None,
    }
    manifest["digest"] = digest_of(arrays, manifest)
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
    text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return str(manifest["digest"])


def _arrays_of(model: LinearModel) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {
        "keys": model.keys,
        "weights": model.weights,
        "intercept": model.intercept,
        "answer_weights": model.answer_weights,
        "common": np.array(sorted(model.extractor.common), dtype=np.uint64),
    }
    if model.detectors is not None:
        arrays |= {_DETECTOR + name: array for name, array in model.detectors.arrays.items()}
    return {name: array.astype(_DTYPES[name]) for name, array in arrays.items()}


def load_model(path: str | os.PathLike[str] | None = None) -> LinearModel:
    """Load a model; needs numpy only.

    Args:
        path: the folder of a saved model; None loads the shipped one, once for the process.

    Returns:
        The model; its `provenance` tells where it comes from, `label_many` and `explain` use it.

    Raises:
        ModelFormatError: the folder or a file of it is missing, damaged, foreign, or of another version.

    Example:
        >>> load_model().label_many([("We are ready to talk.", None, None)])[0].stance
        'dialogue'
    """
    return _shipped() if path is None else _read(Path(path))


@cache
def _shipped() -> LinearModel:
    return _read(Path(str(files("nato_stance") / "models" / "default")))


def _read(folder: Path) -> LinearModel:
    manifest = _manifest(folder / MANIFEST)
    arrays = _arrays(folder / ARRAYS)
    try:
        digest = digest_of(arrays, manifest)
        if digest != manifest["digest"]:
            raise ModelFormatError(
                f"{folder}: the digest of the files is {digest[:12]}…, the manifest says "
                f"{str(manifest['digest'])[:12]}…; the model is damaged or was edited, save it anew"
            )
        extractor = FeatureExtractor(Lexicon.from_dict(manifest["lexicon"]), arrays["common"].tolist())
        detectors = _detectors(arrays, manifest["detector_classes"])
        layer = JointLayer.from_dict(manifest["layer"])
        provenance = {**manifest["provenance"], "digest": digest}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(f"{folder / MANIFEST} is no model manifest: {error!r}; train a model anew") from error
    return LinearModel(
        extractor,
        arrays["keys"],
        arrays["weights"],
        arrays["intercept"],
        layer,
        detectors,
        arrays["answer_weights"],
        provenance,
    )


def _detectors(arrays: dict[str, NDArray[Any]], classes: list[str] | None) -> PhraseDetectors | None:
    own = {name.removeprefix(_DETECTOR): array for name, array in arrays.items() if name.startswith(_DETECTOR)}
    return PhraseDetectors(own, classes) if classes is not None else None


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read ({error.strerror}); give the folder of a saved model") from error
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path} is not JSON ({error}); the model is damaged, train it anew") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelFormatError(f"{path} is not a model of this package; give the folder of a saved model")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ModelFormatError(
            f"{path} has format version {manifest.get('format_version')!r}, this package reads {FORMAT_VERSION}; "
            "train the model anew with this version"
        )
    if manifest.get("outputs") != list(OUTPUTS):
        raise ModelFormatError(f"{path} was trained for other labels; train the model anew with this version")
    return manifest


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read ({error}); give the folder of a saved model") from error
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ModelFormatError(f"{path} is no plain npz file ({error}); the model is damaged, train it anew") from error
    missing = {name for name in _DTYPES if not name.startswith(_DETECTOR)} - set(arrays)
    foreign = [name for name, array in arrays.items() if _DTYPES.get(name) != array.dtype.str]
    if missing or foreign:
        what = f"lacks {sorted(missing)}" if missing else f"holds {sorted(foreign)}, which no model has"
        raise ModelFormatError(f"{path} {what}; the model is damaged or foreign, train it anew")
    n, k = len(arrays["keys"]), len(OUTPUTS)
    wanted = {"keys": (n,), "weights": (n, k), "intercept": (k,), "answer_weights": (len(ANSWERS), k)}
    wrong = {name: arrays[name].shape for name, shape in wanted.items() if arrays[name].shape != shape}
    if wrong:
        raise ModelFormatError(f"{path} holds arrays of wrong shape, {wrong}; the model is damaged, train it anew")
    return arrays
