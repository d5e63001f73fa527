"""Bytes or HTML to the text of an article; what the offsets of every record count.

Offsets count characters of the text that these functions return. For plain text that is the decoded file: line
breaks stay as they are, nothing is trimmed or normalised, and only a byte-order mark at the very start is taken
off. For HTML it is the extracted article, which therefore travels with the results.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

from nato_stance.records import DecodingError, InvalidInputError, InvalidTypeError, MissingDependencyError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the one of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES: Final = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive (as .docx, .odt and .epub files are)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"PAR1", "a Parquet table"),
)
_CONTROLS: Final = bytes(b for b in range(32) if b not in b"\t\n\v\f\r\x1b") + b"\x7f"
_SAMPLE: Final = 65_536
_MAX_CONTROL_SHARE: Final = 0.05
_FEW_CONTROLS: Final = 4
_MAX_FOREIGN_SHARE: Final = 0.3
_TYPOGRAPHY: Final = frozenset("“”‘’«»–—…•·€£§°©®™½¼¾×\xa0\xad")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_META_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?\s{0,5}([a-z0-9_.:-]{2,40})", re.I)

# What Windows puts where Latin-1 has control characters; the five gaps stay what Latin-1 says.
_CP1252: Final = [bytes([b]).decode("cp1252", "replace").replace("\ufffd", chr(b)) for b in range(256)]


def _byte_as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(_CP1252[b] for b in error.object[error.start : error.end]), error.end


codecs.register_error("nato_stance.cp1252", _byte_as_cp1252)


@dataclass(frozen=True, slots=True)
class DecodedText:
    """Text and how it was read.

    Attributes:
        text: the characters, line breaks untranslated, without a byte-order mark.
        encoding: name of the encoding; `utf-8+cp1252` for UTF-8 in which some bytes were Windows-1252.
    """

    text: str
    encoding: str


def decode(data: bytes, *, encoding: str | None = None) -> DecodedText:
    """Decode the bytes of an article.

    A byte-order mark decides; then UTF-16 without a mark is told by its zero bytes; then UTF-8 is tried. Bytes that
    are not UTF-8 are read as Windows-1252, one by one, so that a file glued together from both comes out right.
    Stray NUL characters stay in the text and count in the offsets.

    Args:
        data: the bytes of a text file.
        encoding: name of the encoding, if it is known; then nothing is guessed.

    Returns:
        The text, and the encoding that was used.

    Raises:
        InvalidTypeError: `data` is not bytes.
        InvalidInputError: Python knows no encoding of the given name.
        DecodingError: the bytes are no text, or not text in the encoding that was given or recognised.

    Example:
        >>> decode("“Never,” he said.\\r\\n".encode("utf-16"))
        DecodedText(text='“Never,” he said.\\r\\n', encoding='utf-16-le')
        >>> decode(b"\\x93Never,\\x94 he said.").text
        '“Never,” he said.'
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise InvalidTypeError(f"data must be bytes, got {type(data).__name__}; a str is decoded already")
    data = bytes(data)
    if encoding is not None:
        return _strict(data, check_encoding(encoding))
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strict(data, name)
    for signature, what in _SIGNATURES:
        if data.startswith(signature):
            raise DecodingError(f"the data is {what}, not text; convert it to plain text or HTML first")
    guessed = _utf16_without_mark(data)
    if guessed is not None:
        return _strict(data, guessed)
    _refuse_binary(data)
    try:
        return DecodedText(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        return _patched(data)


def check_encoding(encoding: str) -> str:
    """Return Python's name of an encoding.

    Raises:
        InvalidTypeError: `encoding` is not a string.
        InvalidInputError: there is no such text encoding.

    Example:
        >>> check_encoding("Windows-1252")
        'cp1252'
    """
    if not isinstance(encoding, str):
        raise InvalidTypeError(f"encoding must be a str or None, got {type(encoding).__name__}")
    try:
        info = codecs.lookup(encoding)
        "".encode(info.name)
    except (LookupError, ValueError):
        raise InvalidInputError(
            f"encoding {encoding!r} is not known; give a name such as utf-8, utf-16, cp1252 or latin-1"
        ) from None
    return info.name


def _strict(data: bytes, encoding: str) -> DecodedText:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DecodingError(
            f"the data is not {encoding}: {error.reason} at byte {error.start:,} of {len(data):,}; "
            "give the right encoding, or repair the file"
        ) from None
    return DecodedText(text.removeprefix("\ufeff"), encoding)


def _utf16_without_mark(data: bytes) -> str | None:
    sample = data[:4096]
    half = len(sample) // 2
    if half < 2:
        return None
    even, odd = sample[: 2 * half : 2].count(0), sample[1 : 2 * half : 2].count(0)
    # English in UTF-16 has a zero in nearly every pair, always on the same side.
    if odd > 0.6 * half and even < 0.05 * half:
        return "utf-16-le"
    if even > 0.6 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _refuse_binary(data: bytes) -> None:
    sample = data[:_SAMPLE].rstrip(b"\0")  # files padded with zeros are text all the same
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if data and not sample:
        raise DecodingError(f"the data holds nothing but zero bytes ({len(data):,} of them); fetch the file again")
    if controls > max(_FEW_CONTROLS, _MAX_CONTROL_SHARE * len(sample)):
        raise DecodingError(
            f"the data looks binary ({controls:,} control characters in the first {len(sample):,} bytes); "
            "if it is text, give its encoding"
        )


def _patched(data: bytes) -> DecodedText:
    text = data.decode("utf-8", "nato_stance.cp1252")
    sample = text[:_SAMPLE]
    foreign = sum(not c.isascii() and c not in _TYPOGRAPHY for c in sample)
    letters = sum(c.isalpha() for c in sample)
    if foreign > _MAX_FOREIGN_SHARE * letters:
        raise DecodingError(
            f"the data is neither UTF-8 nor Windows-1252: read as a mix of both, it has {foreign:,} odd characters "
            f"to {letters:,} letters; give its encoding"
        )
    some_were_utf8 = len(text) < len(data)
    return DecodedText(text, "utf-8+cp1252" if some_were_utf8 else "cp1252")


def without_surrogates(text: str) -> str:
    """Replace lone surrogates, which no file can hold, by U+FFFD; the length and so every offset stays.

    Example:
        >>> without_surrogates("a\\ud800b")
        'a\ufffdb'
    """
    return _SURROGATES.sub("\ufffd", text)


@dataclass(frozen=True, slots=True)
class ExtractedPage:
    """An article taken out of a web page.

    Attributes:
        text: headings and paragraphs, one a line, without the page's furniture.
        title, date: as the page declares them (date as `YYYY-MM-DD`), or None.
    """

    text: str
    title: str | None
    date: str | None


def extract_html(data: bytes | str, *, encoding: str | None = None) -> ExtractedPage:
    """Take the article out of a web page, with trafilatura.

    Args:
        data: the page.
        encoding: as in `decode`; None also believes the page's own `charset`.

    Returns:
        The article's text, title and date.

    Raises:
        MissingDependencyError: trafilatura is not installed (extra `html`).
        DecodingError: the bytes are no text, or the page holds no article.
        InvalidInputError: the encoding is not known.

    Source: A. Barbaresi, Trafilatura, ACL-IJCNLP 2021 system demonstrations.

    Example:
        >>> page = "<html><body><article><p>" + "He said no to talks. " * 20 + "</p></article></body></html>"
        >>> extract_html(page).text[:20]
        'He said no to talks.'
    """
    try:
        from trafilatura import bare_extraction
    except ImportError as error:
        raise MissingDependencyError(
            f'HTML needs trafilatura ({error}); install it with: pip install "nato-stance[html]"'
        ) from error
    page = data if isinstance(data, str) else decode(data, encoding=encoding or _declared_charset(data)).text
    found = bare_extraction(page.replace("\0", " "), with_metadata=True, include_comments=False, include_tables=False)
    text = (found.text if found is not None else "") or ""
    if not text.strip():
        raise DecodingError(
            f"no article found in the page ({len(page):,} characters); save its words as .txt to score them"
        )
    return ExtractedPage(without_surrogates(text), found.title or None, found.date or None)


def _declared_charset(data: bytes) -> str | None:
    if data.startswith(tuple(mark for mark, _ in _MARKS)):
        return None
    declared = _META_CHARSET.search(data[:4096])
    if declared is None:
        return None
    name = declared.group(1).decode("ascii")
    try:
        codec = check_encoding(name)
        data.decode(codec)
    except (InvalidInputError, UnicodeDecodeError):
        return None  # pages lie about this; the bytes decide
    # A page that calls itself Latin-1 is Windows-1252, as browsers agree.
    return "cp1252" if codec in {"iso8859-1", "ascii"} and not data.isascii() else codec
