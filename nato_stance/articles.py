"""One article on its way in: where it comes from, its undecoded content, its digest, and what to say when it fails."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Literal

from nato_stance.records import ArticleTooLargeError, InvalidInputError, NatoStanceError
from nato_stance.text import decode, extract_html, without_surrogates

MAX_SIZE: Final = 20_000_000
"""Default limit of one article, in bytes."""

LARGEST_LIMIT: Final = 1_000_000_000_000
"""Largest limit that can be set, in bytes: far above any memory, far below what systems can count."""

ContentFormat = Literal["text", "html"]


@dataclass(frozen=True, slots=True)
class ReadableText:
    """An article's text as the offsets count it, with what its page or its row said about it.

    Attributes:
        text: the article.
        encoding: how bytes were read; None for text that came as a string.
        date, title: as given; for a web page, where nothing was given, as the page declares them.
        extracted: True when `text` exists nowhere but here, because it was taken out of a web page.
    """

    text: str
    encoding: str | None
    date: str | None
    title: str | None
    extracted: bool


@dataclass(frozen=True, slots=True)
class Article:
    """An article before anything was done to it; small enough to send to a worker, which decodes it.

    Attributes:
        article_id: as given, or made of the file's name; None if nobody named it.
        content: text, or the undecoded bytes of a file.
        source: path as given, `-` for standard input, None for an article passed from Python.
        format: `text` or `html`.
        encoding: encoding of bytes if it is known.
        date, title: as given, or None.
        location: where in the source it stands (`line 7`), or None when the source is this one article.
    """

    article_id: str | None
    content: str | bytes
    source: str | None = None
    format: ContentFormat = "text"
    encoding: str | None = None
    date: str | None = None
    title: str | None = None
    location: str | None = None

    @property
    def size(self) -> int:
        """Length of the content in bytes (for a string: of its UTF-8 form)."""
        return byte_size(self.content)

    def read(self) -> ReadableText:
        """Decode the content.

        Raises:
            NatoStanceError: as `text.decode` and `text.extract_html` do.

        Example:
            >>> Article("a1", b"\\xef\\xbb\\xbfHe said no.").read().text
            'He said no.'
        """
        if self.format == "html":
            page = extract_html(self.content, encoding=self.encoding)
            return ReadableText(page.text, None, self.date or page.date, self.title or page.title, extracted=True)
        if isinstance(self.content, str):
            return ReadableText(without_surrogates(self.content), None, self.date, self.title, extracted=False)
        decoded = decode(self.content, encoding=self.encoding)
        text = without_surrogates(decoded.text)
        return ReadableText(text, decoded.encoding, self.date, self.title, extracted=False)

    def digest(self) -> str:
        """Return the SHA-256 (hexadecimal) of all that bears on the result: content, how to read it, date and title."""
        content = self.content
        raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        how = (type(content).__name__, self.format, self.encoding, self.date, self.title)
        return hashlib.sha256(repr(how).encode("utf-8", "surrogatepass") + b"\0" + raw).hexdigest()


@dataclass(frozen=True, slots=True)
class ArticleFailure:
    """What went wrong with one article, file or row; every other article is scored all the same.

    Attributes:
        source: path as given, or None for an article passed from Python.
        article_id: the article's identifier as far as it was known.
        location: where in the source (`line 7`, `articles[3]`), or None.
        error: name of the error class.
        message: what was wrong and what to do.
    """

    source: str | None
    article_id: str | None
    location: str | None
    error: str
    message: str

    @classmethod
    def of(cls, error: BaseException, article: Article | None = None, **where: str | None) -> ArticleFailure:
        """Describe `error`; `where` (source, article_id, location) says what `article` does not."""
        known = {} if article is None else {k: getattr(article, k) for k in ("source", "article_id", "location")}
        place = {"source": None, "article_id": None, "location": None, **known, **where}
        return cls(**place, error=type(error).__name__, message=_message(error))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "source": self.source,
            "article_id": self.article_id,
            "location": self.location,
            "error": self.error,
            "message": self.message,
        }


def _message(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, NatoStanceError):
        return error.strerror if error.filename is None else f"{error.strerror}: {str(error.filename)!r}"
    return str(error) or type(error).__name__


def byte_size(content: str | bytes) -> int:
    """Return the length in bytes; of a string, of its UTF-8 form."""
    if isinstance(content, bytes) or content.isascii():
        return len(content)
    return len(content.encode("utf-8", "surrogatepass"))


def check_size(size: int, limit: int) -> None:
    """Refuse an article that is too large.

    Args:
        size: bytes of the article.
        limit: largest size allowed, in bytes.

    Raises:
        ArticleTooLargeError: `size` exceeds `limit`.

    Example:
        >>> check_size(30_000_000, 20_000_000)
        Traceback (most recent call last):
        nato_stance.records.ArticleTooLargeError: the article has 30,000,000 bytes, over the limit of 20,000,000; \
raise the limit with --max-size (max_size= from Python), or split the article
    """
    if size > limit:
        raise too_large(size, limit)


def too_large(size: int, limit: int, *, at_least: bool = False) -> ArticleTooLargeError:
    """Return the error of `check_size`; `at_least` says that reading stopped at `size`."""
    return ArticleTooLargeError(
        f"the article has {'at least ' if at_least else ''}{size:,} bytes, over the limit of {limit:,}; "
        "raise the limit with --max-size (max_size= from Python), or split the article"
    )


def check_limit(limit: object) -> int:
    """Return a size limit in bytes.

    Raises:
        InvalidInputError: it is not a whole number from 1 to a million million.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LARGEST_LIMIT:
        raise InvalidInputError(f"max_size is {limit!r}; give a whole number of bytes from 1 to {LARGEST_LIMIT:,}")
    return limit
