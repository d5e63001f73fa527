"""Real training statements without their words: labels, pointers and hashes, and how the words come back.

The repository holds `fixtures/corpus/real_labels.jsonl`: data set, pointer, SHA-1 of the words, labels. The words
belong to public data sets. `rebuild` reads them from the user's own copies of those data sets and accepts only
what matches its hash.
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nato_stance.corpus import CorpusItem
from nato_stance.json_lines import open_lines, rows
from nato_stance.records import CorpusFormatError, InvalidInputError

_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]*>")
_SENTENCE_START = re.compile(r'(?<=[.!?])\s+(?=[A-Z“"])')
_LABELS = ("threat", "dialogue", "deterrence", "primary", "tone")


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where one real statement stands, what its words hash to, and its labels (`second`: another coder's, or None)."""

    id: str
    source: str
    ref: str | dict[str, Any]
    sha1: str
    labels: dict[str, str]
    second: dict[str, str] | None

    @property
    def document(self) -> str:
        """The document it comes from: what a split may not divide."""
        if isinstance(self.ref, dict):
            return f"{self.source}:{self.ref['path']}"
        path, _, rest = self.ref.partition("#")
        return f"{self.source}:{path}" if path.endswith(".ann") else f"{self.source}:{path}#{rest.split('.')[0]}"


def read_pointers(path: str | Path) -> list[Pointer]:
    """Read the standoff file.

    Raises:
        CorpusFormatError: the file is missing or empty, or a line is not of the expected form; the line is named.
    """
    pointers: list[Pointer] = []
    try:
        with open_lines(path) as lines:
            for number, row in rows(lines):
                pointers.append(_pointer(row, f"{path}: line {number}"))
    except CorpusFormatError:
        raise
    except InvalidInputError as error:
        raise CorpusFormatError(str(error)) from None
    if not pointers:
        raise CorpusFormatError(f"{path} holds no pointer; one JSON object a line is expected")
    return pointers


def _pointer(row: Any, where: str) -> Pointer:
    if isinstance(row, InvalidInputError):
        raise CorpusFormatError(f"{where} {row}")
    try:
        labels = {k: row[k] for k in _LABELS}
        pointer = Pointer(row["id"], row["source"], row["ref"], row["sha1"], labels, row.get("second"))
    except (KeyError, TypeError, AttributeError) as error:
        raise CorpusFormatError(f"{where} is no pointer ({error!r})") from None
    if not isinstance(pointer.ref, str | dict) or not isinstance(pointer.source, str):
        raise CorpusFormatError(f"{where} is no pointer ('source' must be a string, 'ref' a string or an object)")
    return pointer


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


@lru_cache(maxsize=64)
def _csv_column(path: Path) -> list[str]:
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


@lru_cache(maxsize=64)
def _document(path: Path) -> str:
    raw = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return "\n".join(_strings(json.loads(raw)))
    return html.unescape(raw)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for x in value.values():
            yield from _strings(x)
    elif isinstance(value, list):
        for x in value:
            yield from _strings(x)


@lru_cache(maxsize=64)
def _annotations(path: Path) -> dict[str, str]:
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("T"))
    return {row[0]: row[2] for row in rows if len(row) > 2}


def _slices(text: str, spans: Sequence[Sequence[int]]) -> str:
    return _fold(_TAG.sub("", " ".join(text[a:b] for a, b in spans)))


def _resolve(pointer: Pointer, root: Path) -> tuple[str, str | None]:
    """Return text and context; raises OSError, KeyError or IndexError where the data set does not have them."""
    if isinstance(pointer.ref, dict):
        text = _document(root / pointer.ref["path"])
        context = pointer.ref.get("context")
        return _slices(text, pointer.ref["spans"]), _slices(text, context) if context else None
    path, _, place = pointer.ref.partition("#")
    if pointer.source == "PolNeAR":
        surface = _fold(_annotations(root / path)[place])
        return surface.strip('“”" '), surface
    if pointer.source == "UMUC":
        return _fold(_csv_column(root / "Corpora/Annotated/Conflicts" / path)[int(place)]), None
    row, _, piece = place.partition(".")
    return _SENTENCE_START.split(_fold(_csv_column(root / "data" / path)[int(row)]))[int(piece)], None


def _folder(source: str, datasets: Path) -> Path | None:
    names = {"PolNeAR": "networkdynamics/PolNeAR", "UMUC": "discourse-lab/UMUC"}
    full = names.get(source, "bikovoy/narrative_analysis" if source == "narrative_analysis" else source)
    return next((p for p in (datasets / full, datasets / full.split("/")[-1]) if p.is_dir()), None)


def rebuild(pointers: Sequence[Pointer], datasets: str | Path) -> tuple[list[CorpusItem], list[tuple[Pointer, str]]]:
    """Bring back the words of the real training statements from local copies of the public data sets.

    Args:
        pointers: from `read_pointers`.
        datasets: the folder that holds the checkouts, as `OWNER/NAME` or `NAME` of their GitHub repositories.

    Returns:
        The statements whose words match their SHA-1, and each other pointer with the reason why it is left out.

    Raises:
        InvalidInputError: `datasets` is no folder.
    """
    root = Path(datasets)
    if not root.is_dir():
        raise InvalidInputError(f"{root} is no folder; clone the data sets named in docs/data.md into it")
    items: list[CorpusItem] = []
    failed: list[tuple[Pointer, str]] = []
    for pointer in pointers:
        folder = _folder(pointer.source, root)
        if folder is None:
            failed.append((pointer, f"no copy of {pointer.source} in {root}"))
            continue
        try:
            text, context = _resolve(pointer, folder)
        except (OSError, KeyError, IndexError, ValueError, TypeError, AttributeError, RecursionError) as error:
            failed.append((pointer, f"cannot be read ({type(error).__name__}: {error})"))
            continue
        if hashlib.sha1(text.encode("utf-8", "surrogatepass")).hexdigest() != pointer.sha1:
            failed.append((pointer, "the words differ from those that were coded (SHA-1): another version?"))
            continue
        origin = {"scene": pointer.document, "source": pointer.source}
        items.append(CorpusItem(id=pointer.id, text=text, context=context, **origin, **pointer.labels))
    return items, failed


def attach(items: Sequence[CorpusItem], pointers: Sequence[Pointer]) -> list[CorpusItem]:
    """Hold rebuilt words against their pointers: the hash must match; labels and document come from the pointer.

    Args:
        items: statements with the ids of `pointers`, for example from `read_corpus`.
        pointers: from `read_pointers`.

    Returns:
        One statement an item, with `scene` set to the document it comes from.

    Raises:
        CorpusFormatError: an id has no pointer, or its words do not match the hash.
    """
    known = {p.id: p for p in pointers}
    result: list[CorpusItem] = []
    for item in items:
        pointer = known.get(item.id)
        if pointer is None:
            raise CorpusFormatError(f"statement {item.id!r} has no pointer among the real training statements")
        if hashlib.sha1(item.text.encode("utf-8", "surrogatepass")).hexdigest() != pointer.sha1:
            raise CorpusFormatError(f"the words of {item.id!r} differ from those that were coded (SHA-1)")
        result.append(replace(item, scene=pointer.document, source=pointer.source, **pointer.labels))
    return result
