"""Indirect speech: what a reporting verb says somebody said, and nothing else."""

from __future__ import annotations

import pytest

from nato_stance import extract_quotations


def reported(text: str) -> list[tuple[str, str | None, str | None]]:
    return [(q.text, q.speaker, q.cue) for q in extract_quotations(text) if q.kind == "indirect"]


@pytest.mark.parametrize(
    ("text", "words", "cue"),
    [
        ("Oslo said that the pier was safe.", "the pier was safe", "said"),
        ("Oslo said the pier was safe.", "the pier was safe", "said"),
        ("Oslo said on Monday that the pier was safe.", "the pier was safe", "said"),
        ("Oslo told the council that the pier was safe.", "the pier was safe", "told"),
        ("Oslo denied that the pier was sinking.", "the pier was sinking", "denied"),
        ("Oslo denied any plan to close the pier.", "any plan to close the pier", "denied"),
        ("Oslo has denied harbouring plans against the pier.", "harbouring plans against the pier", "denied"),
        ("Oslo warned of a new storm.", "a new storm", "warned of"),
        ("Oslo called for more money for the pier.", "more money for the pier", "called for"),
        ("Oslo urged both towns to keep the pier open.", "both towns to keep the pier open", "urged"),
        ("Oslo labelled the pier as a danger.", "the pier as a danger", "labelled"),
        ("Oslo is demanding an answer from the council.", "an answer from the council", "demanding"),
        ("According to Oslo, the pier is safe.", "the pier is safe", "According to"),
        ("The pier is safe, according to Oslo.", "The pier is safe", "according to"),
        ("The pier is safe and will stay open, Oslo said on Monday.", "The pier is safe and will stay open", "said"),
        ("The pier will stay open, said Oslo.", "The pier will stay open", "said"),
        ("Oslo believes the pier is safe.", "the pier is safe", "believes"),
    ],
)
def test_patterns(text: str, words: str, cue: str) -> None:
    assert reported(text) == [(words, "Oslo", cue)]


def test_a_cue_in_the_middle_gives_two_spans() -> None:
    text = "The pier, Oslo said, had never been closed in winter."
    (quotation,) = extract_quotations(text)
    assert [text[a:b] for a, b in quotation.spans] == ["The pier", "had never been closed in winter"]


def test_each_coordinated_verb_has_its_own_complement() -> None:
    text = "Oslo denies any plan to close the pier and is demanding an apology from the council."
    assert [w for w, _, _ in reported(text)] == ["any plan to close the pier", "an apology from the council"]


def test_the_outer_speaker_counts() -> None:
    assert reported("The ministers had insisted that the pier was safe, said Anna Berg.") == [
        ("The ministers had insisted that the pier was safe", "Anna Berg", "said")
    ]


def test_quoted_words_make_the_statement_mixed_and_not_indirect() -> None:
    assert reported("Anna Berg said that the pier was “as safe as a church”.") == []


def test_a_clause_of_its_own_beside_quoted_words_is_kept() -> None:
    text = "“We wait,” Anna Berg said, adding that the pier would stay open."
    assert reported(text) == [("the pier would stay open", "Anna Berg", "adding")]


@pytest.mark.parametrize(
    "text",
    [
        "Oslo did not say whether the pier was safe.",
        "Oslo may say that the pier is safe.",
        "If Oslo says that the pier is safe, boats will come.",
        "I said that the pier was safe.",
        "Oslo said so.",
        "Oslo said nothing.",
        "The official asked not to be named.",
        "The report states and the claims of the town were filed.",
        "The ministry ordered four hundred trucks.",
        "Both states claimed the reef in 1974.",
        "The council added a new pier in 1950.",
        "Oslo named the pier after a king.",
    ],
)
def test_what_is_no_reported_speech(text: str) -> None:
    assert reported(text) == []


def test_headings_report_nothing() -> None:
    assert reported("Oslo says pier is safe\n\nThe town of Oslo repaired the old pier in the spring.") == []
