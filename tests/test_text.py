"""Bytes to text: which encodings are told apart, what offsets count, and what is refused with which advice."""

from __future__ import annotations

import contextlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nato_stance import DecodingError, InvalidInputError, InvalidTypeError
from nato_stance.text import decode, extract_html, without_surrogates

NEWS = "PRAGUE – “We will talk,” said Jiří Novák.\r\nHe paid €5.\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_encodings_are_recognised_and_line_ends_stay(encoding: str) -> None:
    assert decode(NEWS.encode(encoding)).text == NEWS


def test_windows_quotes_come_out_right() -> None:
    text = "“Never,” he said – not for €5. It’s over."
    assert decode(text.encode("cp1252")).text == text
    assert decode(b"\x93No,\x94").text == "“No,”"


def test_a_file_glued_together_from_two_encodings_comes_out_right() -> None:
    found = decode("“Talks,” said Jiří. ".encode() + "“Never,” she said.".encode("cp1252"))
    assert found.text == "“Talks,” said Jiří. “Never,” she said."
    assert found.encoding == "utf-8+cp1252"


def test_a_stray_nul_stays_where_it_is() -> None:
    assert decode(b"He said no.\0 Then yes.").text == "He said no.\0 Then yes."
    assert decode(b"padded" + b"\0" * 500).text.startswith("padded")


def test_a_given_encoding_is_believed() -> None:
    text = "Он сказал нет."
    assert decode(text.encode("cp1251"), encoding="windows-1251").text == text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7 and so on", "a PDF"),
        (b"PK\x03\x04 docx", "ZIP"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (bytes(range(256)) * 20, "binary"),
        (b"\0" * 50, "zero bytes"),
        ("Он сказал нет.".encode("cp1251"), "give its encoding"),
        ("新聞記事".encode("shift-jis"), "give its encoding"),
        ("odd".encode("utf-16") + b"x", "utf-16"),
    ],
)
def test_what_is_no_text_is_refused_with_advice(data: bytes, words: str) -> None:
    with pytest.raises(DecodingError, match=words):
        decode(data)


def test_a_wrong_encoding_names_the_place() -> None:
    with pytest.raises(DecodingError, match=r"not utf-8.*byte 3 of 5"):
        decode(b"abc\xff\xff", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"'no-such'.*utf-8"):
        decode(b"abc", encoding="no-such")
    with pytest.raises(InvalidTypeError, match="decoded already"):
        decode("abc")  # type: ignore[arg-type]


@given(st.text())
def test_any_text_in_utf8_comes_back(text: str) -> None:
    text = text.encode("utf-8", "replace").decode("utf-8")
    data = text.encode("utf-8")
    try:
        assert decode(data).text == text.removeprefix("\ufeff")
    except DecodingError:
        assert any(ord(c) < 32 or ord(c) == 127 for c in text) or not text.isascii() or text.startswith(("%PDF", "PK"))


@given(st.binary(max_size=300))
def test_any_bytes_give_text_or_a_typed_error(data: bytes) -> None:
    with contextlib.suppress(DecodingError):
        assert isinstance(decode(data).text, str)


def test_random_bytes_are_refused() -> None:
    with pytest.raises(DecodingError):
        decode(os.urandom(10_000))


def test_lone_surrogates_are_replaced_one_for_one() -> None:
    assert without_surrogates("a\ud83db\udc00") == "a\ufffdb\ufffd"


PAGE = """<html><head><title>Strait calm</title><meta charset="{charset}">
<meta property="article:published_time" content="2024-05-06T10:00:00Z"></head>
<body><nav><a href="/">Home</a><a href="/more">More stories</a></nav><article><h1>Strait calm</h1>
<p>“We are open to talks,” said Anna Bergström, the foreign minister, on the quay of the old harbour.</p>
<p>Officials counted four vessels, fewer than in the week before, and the ferry ran on its usual timetable.</p>
</article><footer>All rights reserved</footer></body></html>"""


@pytest.mark.parametrize("charset", ["utf-8", "windows-1252", "iso-8859-1"])
def test_a_web_page_gives_its_article_title_and_date(charset: str) -> None:
    pytest.importorskip("trafilatura")
    codec = "cp1252" if charset != "utf-8" else "utf-8"
    page = extract_html(PAGE.format(charset=charset).encode(codec))
    assert "“We are open to talks,” said Anna Bergström" in page.text
    assert "More stories" not in page.text
    assert (page.title, page.date) == ("Strait calm", "2024-05-06")


def test_a_page_that_lies_about_its_charset_is_read_by_its_bytes() -> None:
    pytest.importorskip("trafilatura")
    assert "Bergström" in extract_html(PAGE.format(charset="ascii").encode("utf-8")).text


def test_a_page_without_an_article_says_so() -> None:
    pytest.importorskip("trafilatura")
    with pytest.raises(DecodingError, match="no article"):
        extract_html(b"<html><body></body></html>")
