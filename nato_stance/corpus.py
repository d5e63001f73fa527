"""Labelled statements: the record, reading, and checking with line-numbered problems.

A corpus file is JSON lines, one statement a line; `fixtures/corpus/schema.json` is the same rule book as a JSON schema.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from nato_stance.codebook import FIELDS, SIGNS, STANCES, TONES
from nato_stance.json_lines import open_lines, rows
from nato_stance.records import CorpusFormatError, InvalidInputError

FORMS: Final = ("direct", "mixed", "indirect")
SPLITS: Final = ("train", "test")
_NEIGHBOURS: Final = 40
_REQUIRED: Final = ("id", "text", *FIELDS, "primary", "tone")
_OPTIONAL: Final = ("scene", "form", "context", "cue", "split", "source")


@dataclass(frozen=True, slots=True)
class CorpusItem:
    """One labelled statement.

    Attributes:
        id: unique within its file.
        text, context, cue: as `nato_stance.classify` takes them.
        threat, dialogue, deterrence: `+` affirmed, `-` denied, `0` absent, None where the coders differ.
        primary: `threat`, `dialogue`, `deterrence`, `none`, or None where the coders differ.
        tone: `conciliatory`, `neutral`, `confrontational`, or None where the coders differ.
        scene: the group that must not be divided between training and test; None if each item stands alone.
        form: `direct`, `mixed`, `indirect` or None.
        split: `train`, `test` or None.
        source: the data set it comes from, or None.
    """

    id: str
    text: str
    threat: str | None
    dialogue: str | None
    deterrence: str | None
    primary: str | None
    tone: str | None
    context: str | None = None
    cue: str | None = None
    scene: str | None = None
    form: str | None = None
    split: str | None = None
    source: str | None = None

    @property
    def item(self) -> tuple[str, str | None, str | None]:
        """Text, context and cue, as a model takes them."""
        return self.text, self.context, self.cue

    @property
    def group(self) -> str:
        """What may not be divided by a split: the scene, or the item itself."""
        return self.scene or self.id

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CorpusProblem:
    """One broken rule: `line` counts from 1; `field` is None where the line as a whole is at fault."""

    line: int
    field: str | None
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: " + (f"{self.field}: " if self.field else "") + self.message


def _one_of(values: Iterable[str]) -> str:
    return ", ".join(repr(v) for v in values)


def _text_problems(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("id", "text"):
        if not isinstance(row[name], str) or not row[name].strip():
            yield name, f"must be a string with at least one word, got {row[name]!r}"
    for name in _OPTIONAL:
        if row.get(name) is not None and not isinstance(row[name], str):
            yield name, f"must be a string or null, got {row[name]!r}"


def _label_problems(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    allowed: dict[str, tuple[str, ...]] = {f: tuple(SIGNS) for f in FIELDS}
    allowed |= {"primary": STANCES, "tone": TONES, "form": FORMS, "split": SPLITS}
    for name, values in allowed.items():
        value = row.get(name)
        if value is not None and value not in values:
            yield name, f"{value!r} is not one of {_one_of(values)}"
    primary, present = row["primary"], [f for f in FIELDS if row[f] in ("+", "-")]
    if any(row[f] not in SIGNS for f in FIELDS) or primary not in STANCES:
        return
    if primary == "none" and present:
        yield "primary", f"is 'none' although {present[0]} is {row[present[0]]!r}"
    if primary != "none" and primary not in present:
        yield "primary", f"is {primary!r} although {primary} is '0'"


def _problems(row: Any) -> Iterator[tuple[str | None, str]]:
    if not isinstance(row, dict):
        yield None, f"must be a JSON object, got {type(row).__name__}"
        return
    missing = [name for name in _REQUIRED if name not in row]
    for name in missing:
        yield name, "is missing"
    unknown = sorted(set(row) - {*_REQUIRED, *_OPTIONAL, "second", "ref", "sha1"})
    for name in unknown:
        yield name, f"is no field of a corpus file; fields are {_one_of((*_REQUIRED, *_OPTIONAL))}"
    if not missing:
        yield from _text_problems(row)
        yield from _label_problems(row)


def _document(row: dict[str, Any]) -> str | None:
    """Return the document that a statement with a `ref` comes from, so that a split can keep it in one piece."""
    ref = row.get("ref")
    if isinstance(ref, dict):
        return f"{row.get('source')}:{ref.get('path')}"
    if not isinstance(ref, str):
        return None
    path, _, place = ref.partition("#")
    if not place.replace(".", "").isdigit():
        return f"{row.get('source')}:{path}"
    # A table of sentences: N.M is piece M of document N; a bare N counts sentences, which neighbours share.
    document = place.partition(".")[0] if "." in place else f"{int(place) // _NEIGHBOURS}…"
    return f"{row.get('source')}:{path}#{document}"


def _rows(path: str | Path) -> Iterator[tuple[int, Any]]:
    try:
        with open_lines(path) as lines:
            yield from rows(lines)
    except InvalidInputError as error:
        raise CorpusFormatError(str(error)) from None


def scan_corpus(path: str | Path) -> tuple[list[CorpusItem], list[CorpusProblem]]:
    """Read a labelled file and gather every problem in it, rather than stop at the first.

    Args:
        path: a JSON lines file, UTF-8.

    Returns:
        The items of the sound lines, and the problems of the others, both in file order.

    Raises:
        CorpusFormatError: the file does not exist, is a folder, or cannot be read.
    """
    items: list[CorpusItem] = []
    problems: list[CorpusProblem] = []
    seen: dict[str, int] = {}
    for number, row in _rows(path):
        if isinstance(row, InvalidInputError):
            problems.append(CorpusProblem(number, None, str(row)))
            continue
        found = [CorpusProblem(number, name, message) for name, message in _problems(row)]
        if not found and row["id"] in seen:
            found = [CorpusProblem(number, "id", f"{row['id']!r} stands on line {seen[row['id']]} already")]
        problems += found
        if not found:
            seen[row["id"]] = number
            fields = {k: row.get(k) for k in (*_REQUIRED, *_OPTIONAL)}
            items.append(CorpusItem(**{**fields, "scene": fields["scene"] or _document(row)}))
    return items, problems


def read_corpus(path: str | Path) -> list[CorpusItem]:
    """Read a labelled file.

    Args:
        path: a JSON lines file, UTF-8.

    Returns:
        One item a line, in file order.

    Raises:
        CorpusFormatError: a line breaks a rule; the message names the file, the first such lines and how to see all.
    """
    items, problems = scan_corpus(path)
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        shown = "; ".join(map(str, problems[:3]))
        raise CorpusFormatError(f"{path}: {shown}{more}; `nato-stance corpus check {path}` lists all")
    if not items:
        raise CorpusFormatError(f"{path} holds no statement; one JSON object a line is expected")
    return items


def data_digest(items: Iterable[CorpusItem]) -> str:
    """Return the SHA-256 over ids, words and labels: equal digests mean equal data, whatever the file's layout.

    Args:
        items: labelled statements; their order does not matter.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda x: x.id):
        row = (item.id, item.text, item.context, item.cue, *(getattr(item, f) for f in FIELDS), item.primary, item.tone)
        digest.update(json.dumps(row, ensure_ascii=True).encode("ascii") + b"\n")
    return digest.hexdigest()
