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

_DTYPES: Final = {"keys": np.uint64, "weights": np.float16, "intercept": np.float64}


def digest_of(arrays: dict[str, NDArray[Any]], manifest: dict[str, Any]) -> str:
    """Return the SHA-256 of what decides a model's answers: arrays, lexicon, common words, joint layer.

    Args:
        arrays: the arrays by name.
        manifest: the manifest; only what bears on answers is read.
    """
    sha = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        sha.update(array.tobytes())
    for name in ("format", "format_version", "outputs", "layer", "lexicon", "common"):
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
    arrays = {
        "keys": linear.keys.astype(_DTYPES["keys"]),
        "weights": linear.weights.astype(_DTYPES["weights"]),
        "intercept": linear.intercept.astype(_DTYPES["intercept"]),
    }
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "codebook_version": CODEBOOK_VERSION,
        "outputs": list(OUTPUTS),
        "layer": linear.layer.to_dict(),
        "provenance": {k: v for k, v in linear.provenance.items() if k != "digest"},
        "lexicon": linear.extractor.lexicon.to_dict(),
        "common": " ".join(sorted(linear.extractor.common)),
    }
    manifest["digest"] = digest_of(arrays, manifest)
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
    text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return str(manifest["digest"])


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
        extractor = FeatureExtractor(Lexicon.from_dict(manifest["lexicon"]), manifest["common"].split())
        layer = JointLayer.from_dict(manifest["layer"])
        provenance = {**manifest["provenance"], "digest": digest}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ModelFormatError):
            raise
        raise ModelFormatError(f"{folder / MANIFEST} is no model manifest: {error!r}; train a model anew") from error
    return LinearModel(extractor, arrays["keys"], arrays["weights"], arrays["intercept"], layer, provenance)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read ({error.strerror}); give the folder of a saved model") from error
    except ValueError as error:
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
    if {name: array.dtype for name, array in arrays.items()} != {n: np.dtype(t) for n, t in _DTYPES.items()}:
        raise ModelFormatError(f"{path} holds other arrays than {sorted(_DTYPES)}; the model is damaged, train it anew")
    shapes = (arrays["keys"].ndim, arrays["weights"].shape[1:], arrays["intercept"].shape)
    if shapes != (1, (len(OUTPUTS),), (len(OUTPUTS),)) or len(arrays["keys"]) != len(arrays["weights"]):
        raise ModelFormatError(f"{path} holds arrays of wrong shape; the model is damaged, train it anew")
    return arrays
