"""Read attributions from brat standoff: NAME.txt beside NAME.ann, spans `T…`, events `E…` with Source, Cue and Content.

The format is that of the brat annotation tool (https://brat.nlplab.org/standoff.html). PolNeAR and other corpora of
attribution write each attribution as one event whose arguments are the Source, the Cue and the Content; further
arguments of a role are numbered (`Content2`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nato_stance.records import CorpusFormatError, InvalidInputError, Span

_OFFSETS: Final = re.compile(r"\d+ \d+(?:;\d+ \d+)*")
_ARGUMENT: Final = re.compile(r"(?P<role>\S+?)\d*:(?P<id>\S+)")
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class BratAttribution:
    """One attribution as the annotators marked it; each part holds the spans of all its arguments, as written.

    Attributes:
        id: the event's identifier, for example `E3`.
        source: who says it; empty where the annotators found no source.
        cue: what attributes it.
        content: what is said, quoted and reported words alike, with the quotation marks.
    """

    id: str
    source: tuple[Span, ...]
    cue: tuple[Span, ...]
    content: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class BratDocument:
    """An article with its attributions, in the order of the annotation file.

    Attributes:
        name: the text file's name, with its ending.
        text: the article, newlines untranslated: what the offsets count.
        attributions: every event that has a Content.
    """

    name: str
    text: str
    attributions: tuple[BratAttribution, ...]


def read_brat(folder: str | Path) -> list[BratDocument]:
    """Read every annotated article of a folder, sorted by name.

    The annotations of `NAME.txt` are in `NAME.ann`; where that is missing, in the first by name of `NAME_*.ann`, as
    in corpora that keep one file an annotator.

    Args:
        folder: holds the `.txt` and `.ann` files themselves; subfolders are not searched.

    Raises:
        InvalidInputError: there is no such folder, or no text in it.
        CorpusFormatError: a text without annotations, or a file that breaks the format; file and line are named.

    Example:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> article = pathlib.Path(folder.name, "a1.txt")
        >>> _ = article.write_text("“Stay,” said Ann.", encoding="utf-8")
        >>> ann = "T1\\tContent 0 7\\t“Stay,”\\nT2\\tCue 8 12\\tsaid\\nT3\\tSource 13 16\\tAnn\\n"
        >>> ann += "E1\\tCue:T2 Source:T3 Content:T1\\n"
        >>> _ = article.with_suffix(".ann").write_text(ann, encoding="utf-8")
        >>> read_brat(folder.name)[0].attributions
        (BratAttribution(id='E1', source=((13, 16),), cue=((8, 12),), content=((0, 7),)),)
        >>> folder.cleanup()
    """
    root = Path(folder)
    if not root.is_dir():
        raise InvalidInputError(f"{root} is no folder; give the one that holds the .txt and .ann files")
    texts = sorted(root.glob("*.txt"))
    if not texts:
        raise InvalidInputError(f"{root} holds no .txt file; give the folder that holds the .txt and .ann files")
    return [_read_document(path) for path in texts]


def _read_document(path: Path) -> BratDocument:
    own = path.with_suffix(".ann")
    annotations = own if own.is_file() else min(path.parent.glob(f"{_escape(path.stem)}_*.ann"), default=None)
    if annotations is None:
        raise CorpusFormatError(
            f"{path}: has no annotations; an article without any attribution needs an empty {own.name}"
        )
    text = _read(path)
    return BratDocument(path.name, text, tuple(_attributions(text, annotations)))


def _escape(stem: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", stem)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise CorpusFormatError(f"{path}: byte {error.start} is no UTF-8; convert the file to UTF-8") from None
    except OSError as error:
        raise CorpusFormatError(f"{path}: {error.strerror or error}") from None


def _attributions(text: str, path: Path) -> list[BratAttribution]:
    lines = [(f"{path}: line {n}", line.rstrip("\r")) for n, line in enumerate(_read(path).split("\n"), start=1)]
    spans: dict[str, tuple[Span, ...]] = {}
    for where, line in lines:
        if line.startswith("T"):
            identifier, parts = _bound(text, line, where)
            spans[identifier] = parts
    events = (_event(line, spans, where) for where, line in lines if line.startswith("E"))
    return [event for event in events if event.content]


def _bound(text: str, line: str, where: str) -> tuple[str, tuple[Span, ...]]:
    fields = line.split("\t")
    label, _, offsets = fields[1].partition(" ") if len(fields) == 3 else ("", "", "")
    if not label or not _OFFSETS.fullmatch(offsets):
        raise CorpusFormatError(f"{where}: {line[:80]!r} is no span; expected T1<tab>LABEL START END<tab>WORDS")
    pairs = [part.split() for part in offsets.split(";")]
    spans = tuple((int(start), int(end)) for start, end in pairs)
    for start, end in spans:
        if not start < end <= len(text):
            raise CorpusFormatError(f"{where}: the span {start} {end} is empty or ends after the text, at {len(text)}")
    words = " ".join(text[start:end] for start, end in spans)
    if _fold(words) != _fold(fields[2]):
        raise CorpusFormatError(
            f"{where}: the text has {words[:60]!r} there, not {fields[2][:60]!r}; "
            "the text is another version, or its newlines were changed"
        )
    return fields[0], spans


def _event(line: str, spans: dict[str, tuple[Span, ...]], where: str) -> BratAttribution:
    identifier, _, arguments = line.partition("\t")
    parts: dict[str, list[Span]] = {"Source": [], "Cue": [], "Content": []}
    for argument in arguments.split():
        match = _ARGUMENT.fullmatch(argument)
        if match is None:
            raise CorpusFormatError(f"{where}: {argument!r} is no argument; expected ROLE:T1")
        if match["role"] not in parts:
            continue
        if match["id"] not in spans:
            raise CorpusFormatError(f"{where}: {argument!r} points to a span that the file does not define")
        parts[match["role"]] += spans[match["id"]]
    return BratAttribution(identifier, *(tuple(parts[role]) for role in ("Source", "Cue", "Content")))


def _fold(words: str) -> str:
    return _SPACE.sub(" ", words).strip()
