"""Quoted spans: which words stand between marks, whatever marks and however broken."""

from __future__ import annotations

import itertools

import pytest

from nato_stance.paragraphs import SENTENCE_END, ends_sentence, paragraphs
from nato_stance.quotes import quoted_spans


def words(text: str) -> list[str]:
    return [text[q.start : q.end] for q in quoted_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“The bridge holds,” she said.", ["The bridge holds,"]),
        ('"The bridge holds," she said.', ["The bridge holds,"]),
        ("''The bridge holds,'' she said.", ["The bridge holds,"]),
        ("``The bridge holds,'' she said.", ["The bridge holds,"]),
        ("„The bridge holds“, she said.", ["The bridge holds"]),
        ("«The bridge holds», she said.", ["The bridge holds"]),
        ("« The bridge holds », she said.", ["The bridge holds"]),
        ("»The bridge holds«, she said.", ["The bridge holds"]),
        ("‘The bridge holds,’ she said.", ["The bridge holds,"]),
        ("'The bridge holds,' she said.", ["The bridge holds,"]),
        ("”The bridge holds,” she said.", ["The bridge holds,"]),
        ("「The bridge holds」 she said.", ["The bridge holds"]),
    ],
)
def test_every_style_of_marks(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The allies’ troops and Russia’s fleet don’t move.",
        "The allies' troops and Russia's fleet don't move.",
        "Rock ’n’ roll of the ’90s, ’cause they liked ’em.",
        "He is 6'3\" tall and she is 5'9\".",
        "No marks at all.",
        "",
    ],
)
def test_apostrophes_and_inches_quote_nothing(text: str) -> None:
    assert words(text) == []


def test_an_apostrophe_inside_single_marks_does_not_end_the_quotation() -> None:
    assert words("‘We don’t count the allies’ ships,’ he said.") == ["We don’t count the allies’ ships,"]


def test_nested_quotations_stay_inside() -> None:
    assert words("“He told me ‘no’ and I said “why” twice,” she said. “So?”")[-1] == "So?"
    assert words("“He told me ‘no’ twice,” she said.") == ["He told me ‘no’ twice,"]
    assert words('“He told me "no" twice,” she said.') == ['He told me "no" twice,']
    assert words("‘He told me “no” twice,’ she said.") == ["He told me “no” twice,"]


def test_brackets_and_ellipses_inside_belong_to_the_words() -> None:
    assert words("“[W]e are ... ready (more or less),” he said.") == ["[W]e are ... ready (more or less),"]


def test_a_bad_mark_spoils_its_own_paragraph_only() -> None:
    bad = "“The talks failed in the end.\n\nNobody was surprised.\n\n“We go on,” she said."
    assert words(bad) == ["The talks failed in the end.", "We go on,"]


def test_several_paragraphs_that_reopen_are_joined() -> None:
    spans = quoted_spans("“One.\n\n“Two.\n\n“Three,” he said.\n\n“Four,” he said.")
    assert [s.joined for s in spans] == [False, True, True, False]
    assert [s.closed for s in spans] == [False, False, True, True]


def test_a_stray_opening_mark_splits_but_does_not_end() -> None:
    spans = quoted_spans("“Ships met at sea. “Planes met in the air,” he said.")
    assert [s.joined for s in spans] == [False, True]


def test_a_lost_closing_mark_is_found_at_the_attribution() -> None:
    assert words("“The talks go on, said Foreign Minister Keskinen.\n\n“We wait,” said her aide.") == [
        "The talks go on,",
        "We wait,",
    ]


def test_runs_of_marks_and_paragraphs_of_nothing_but_marks_are_no_prose() -> None:
    assert words("““““““““““ and ''''''''''") == []
    assert words("“a " * 500) == []


def test_spans_never_overlap_and_never_hold_their_marks() -> None:
    text = '“One,” he said, “two” and ‘three’. "Four" «five».'
    spans = quoted_spans(text)
    for before, after in itertools.pairwise(spans):
        assert before.outer_end <= after.outer_start
    assert all(text[s.start] not in '“"«‘' and text[s.end - 1] not in '”"»’' for s in spans)


def test_a_line_is_a_paragraph_unless_lines_are_wrapped() -> None:
    assert len(paragraphs("One.\nTwo.\n\nThree.")) == 3
    wrapped = "The minister said on Monday that\nthe talks would be held in the\ncapital and not on the coast."
    assert len(paragraphs(wrapped)) == 1
    assert paragraphs("  \r\n \u2028 ") == []


def test_sentences_do_not_end_at_abbreviations_and_initials() -> None:
    def after_stops(text: str) -> list[str]:
        found = SENTENCE_END.finditer(text)
        return [text[m.end() :].strip() for m in found if ends_sentence(text, m.start(), m.end(), len(text))]

    assert after_stops("Gen. A. B. Smith met U.S. Sen. Jones at 5 p.m. The talks went on. Why?")[-1] == "Why?"
    assert after_stops("Gen. A. B. Smith met U.S. Sen. Jones on 5 May. The talks went on. Why?") == [
        "The talks went on. Why?",
        "Why?",
    ]
    assert after_stops("Gen. Smith met Sen. Jones.") == []
