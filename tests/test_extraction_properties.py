"""What holds for every text: an answer, spans that give the words back, the same answer again."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from generated_articles import article
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nato_stance import InvalidTypeError, NatoStanceError, Quotation, extract_quotations

FRAGMENTS = (
    *("“", "”", "‘", "’", '"', "'", "''", "``", "«", "»", "„", "‟", "‹", "›", "「", "」", "＂", "´", "`"),
    *("\n", "\n\n", "\r\n\r\n", "\r", "\u2028", "\t", "    ", "\u00a0", " "),
    *(".", ",", "?", "!", "…", "...", ":", ";", "–", "—", "-", "(", ")", "[", "]"),
    *(
        " said ",
        " says",
        " denied that ",
        " told ",
        " according to ",
        "According to ",
        " warned of ",
        " called ",
        " so ",
    ),
    *(" Ada Lom", " Bo Rask", " Captain Lom", " the mayor", " he ", " she ", " they ", " Moscow", " NATO", " a source"),
    *("We are ready to talk", "we will wait", "the road is open", "’90s", "don’t", "o'clock", "Q: ", "A: ", "Lom: "),
    *("10.42am", "@lom", "e\u0301", "ß", "Ж", "好", "ﷺ", "\u200b", "\ufeff", "\ud800", "\x00", "😀"),
)
pressed = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
mixed = st.lists(st.one_of(pressed, st.text(st.characters(exclude_categories=()), max_size=15)), max_size=6).map(
    "".join
)
anything = st.one_of(pressed, mixed, st.text(st.characters(exclude_categories=()), max_size=200))
many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = {"Ada Lom": "she", "Bo Rask": "he", "Carla Venn": "she", "Dario Holt": "he"}
NOUNS = ("mayor", "general", "minister", "envoy")
CLAUSES = ("the road is open", "we are ready to talk", "nobody has to be afraid", "the ships have left the bay")
MANNERS = (
    "“{Clause},” said {name}.",
    "{name} said: “{Clause}.”",
    "“{Clause},” the {noun} {name} told reporters. “{Other}.”",
    "{name} denied that {clause}.",
    "According to {name}, {clause}.",
    "{name} called it “a matter of days” and left.",
    "The {noun} {name} arrived on Monday. “{Clause},” {pronoun} said. {name} added that {other}.",
    "“{Clause},” {last} said.",
    "The harbour lay quiet, and the market was held as usual.",
)


@st.composite
def paragraphs(draw: st.DrawFn) -> str:
    """A paragraph whose quotations are all closed and attributed in itself."""
    clause, other = draw(st.permutations(CLAUSES))[:2]
    values = {"clause": clause, "other": other, "Clause": clause.capitalize(), "Other": other.capitalize()}
    name, noun = draw(st.sampled_from(sorted(NAMES))), draw(st.sampled_from(NOUNS))
    values |= {"name": name, "last": name.split()[-1], "noun": noun, "pronoun": NAMES[name]}
    return draw(st.sampled_from(MANNERS)).format(**values)


articles = st.lists(paragraphs(), min_size=1, max_size=5).map("\n\n".join)


def check_form(text: str, found: list[Quotation]) -> None:
    for q in found:
        assert q.kind in {"direct", "mixed", "indirect"}
        assert q.spans
        assert all(0 <= a < b <= len(text) for a, b in q.spans)
        assert all(first[1] <= second[0] for first, second in pairwise(q.spans))
        assert q.text == " ".join(text[a:b] for a, b in q.spans)
        assert q.text.strip()
        # A pronoun that stands for nobody in the article is a mention without a name; a name needs no mention.
        assert q.speaker_span is None or text[slice(*q.speaker_span)].strip()
        assert q.speaker is None or q.speaker.strip()
        assert (q.cue is None) == (q.cue_span is None)
        assert q.cue_span is None or text[slice(*q.cue_span)] == q.cue
        assert q.context_span is not None
        assert q.context == text[slice(*q.context_span)]


@many
@given(anything)
@example("")
@example("\ud800“\udfff” said \ud800")
@example("“" * 50 + "said Ada Lom." + "”" * 50)
def test_every_text_gives_an_answer_whose_spans_give_the_words_back(text: str) -> None:
    check_form(text, extract_quotations(text))


@many
@given(anything)
def test_statements_share_no_character_and_stand_in_reading_order(text: str) -> None:
    found = extract_quotations(text)
    spans = sorted(span for q in found for span in q.spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    starts = [q.spans[0][0] for q in found]
    assert starts == sorted(starts)


@many
@given(articles)
def test_the_form_holds_for_articles_too(text: str) -> None:
    found = extract_quotations(text)
    check_form(text, found)
    assert all(q.speaker and q.speaker_span and q.cue for q in found)
    assert len(found) >= sum("“" in p or "denied" in p or "According" in p for p in text.split("\n\n"))


@pytest.mark.parametrize("number", range(40))
def test_damaged_articles_keep_the_form(number: int) -> None:
    rng = random.Random(number)
    text = article(number)
    for _ in range(rng.randrange(1, 15)):
        at = rng.randrange(len(text))
        text = text[:at] + rng.choice(FRAGMENTS) * rng.randrange(2) + text[at + rng.randrange(4) :]
    check_form(text, extract_quotations(text))


@settings(max_examples=100, deadline=None)
@given(anything, anything)
def test_the_same_text_gives_the_same_answer_whatever_came_before(text: str, other: str) -> None:
    first = extract_quotations(text)
    extract_quotations(other)
    assert extract_quotations(text) == first


@settings(max_examples=100, deadline=None)
@given(articles, st.integers(min_value=1, max_value=4))
def test_blank_lines_in_front_only_shift_the_spans(text: str, n: int) -> None:
    shifted = extract_quotations("\n" * n + text)
    for before, after in zip(extract_quotations(text), shifted, strict=True):
        assert (before.kind, before.text, before.speaker, before.cue) == (
            after.kind,
            after.text,
            after.speaker,
            after.cue,
        )
        assert tuple((a + n, b + n) for a, b in before.spans) == after.spans


@many
@given(articles, st.lists(paragraphs(), min_size=1, max_size=3).map("\n\n".join))
def test_later_paragraphs_only_make_names_of_earlier_statements_fuller(text: str, later: str) -> None:
    before = extract_quotations(text)
    after = extract_quotations(f"{text}\n\n{later}")[: len(before)]
    assert [replace(q, speaker=None) for q in after] == [replace(q, speaker=None) for q in before]
    for old, new in zip(before, after, strict=True):
        # A full name that comes later can show that a surname is a man's, and so whom an earlier "he" means.
        if old.speaker_span is None or text[slice(*old.speaker_span)].lower() not in ("he", "she", "they"):
            assert set((old.speaker or "").split()) <= set((new.speaker or "").split())


@many
@given(articles, mixed)
def test_whatever_follows_leaves_closed_quotations_found(text: str, later: str) -> None:
    quoted = [q.spans for q in extract_quotations(text) if q.kind == "direct"]
    after = {span for q in extract_quotations(f"{text}\n\n{later}") for span in q.spans}
    assert {span for spans in quoted for span in spans} <= after


@settings(max_examples=100, deadline=None)
@given(paragraphs(), st.sampled_from(["“", "”", '"', "‘", "«"]), paragraphs())
def test_one_bad_mark_spoils_at_most_its_paragraph(first: str, mark: str, last: str) -> None:
    good = extract_quotations(f"{first}\n\nThe market was held.\n\n{last}")
    bad = extract_quotations(f"{first}\n\nThe market {mark} was held.\n\n{last}")
    assert [(q.kind, q.text, q.speaker) for q in good] == [
        (q.kind, q.text, q.speaker) for q in bad if "market" not in (q.context or "")
    ]


@pytest.mark.parametrize("value", [None, b"bytes", 3, ["text"]])
def test_what_is_no_text_is_refused_by_type(value: object) -> None:
    with pytest.raises(InvalidTypeError, match=type(value).__name__) as error:
        extract_quotations(value)  # type: ignore[arg-type]
    assert isinstance(error.value, TypeError)
    assert isinstance(error.value, NatoStanceError)
