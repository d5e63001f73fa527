"""Who said it: cues in every order, pronouns and descriptions, canonical names, and what is no statement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nato_stance import InvalidTypeError, Quotation, extract_quotations


def only(text: str) -> Quotation:
    found = [q for q in extract_quotations(text) if q.kind != "indirect"]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("text", "speaker", "cue"),
    [
        ("“The pier is safe,” Marta Lind said.", "Marta Lind", "said"),
        ("“The pier is safe,” said Marta Lind.", "Marta Lind", "said"),
        ("“The pier is safe,” said harbour master Marta Lind on Monday.", "Marta Lind", "said"),
        ("“The pier is safe,” Marta Lind, the harbour master of Oulu, said.", "Marta Lind", "said"),
        ("“The pier is safe,” Marta Lind told reporters.", "Marta Lind", "told"),
        ("Marta Lind on Sunday said: “The pier is safe.”", "Marta Lind", "said"),
        ("Marta Lind said that the pier was “safe” again.", "Marta Lind", "said"),
        ("Asked about the pier, Marta Lind replied: “It is safe.”", "Marta Lind", "replied"),
        ("According to Marta Lind, the pier is “safe enough for a band”.", "Marta Lind", "According to"),
        ("The pier is “safe enough for a band”, according to Marta Lind.", "Marta Lind", "according to"),
        ("For the harbour master, the pier is “safe enough for a band”.", "harbour master", "For"),
        ("Marta Lind: “The pier is safe.”", "Marta Lind", None),
        ("“The pier is safe.” – Marta Lind", "Marta Lind", None),
        ("Marta Lind, who runs the harbour, called the pier “safe”.", "Marta Lind", "called"),
        ("Marta Lind’s claim that the pier is “safe enough” met with laughter.", "Marta Lind", "claim"),
        ("Recalling the storm, Marta Lind said the pier was “made of luck”.", "Marta Lind", "said"),
        ("“The pier is safe,” a Finnish diplomat said.", "Finnish diplomat", "said"),
        ("“The pier is safe,” two officials in Oslo said.", "two officials in Oslo", "said"),
        ("Moscow called the pier “a provocation”.", "Moscow", "called"),
        ("“The pier is safe,” the Transport Ministry said.", "Transport Ministry", "said"),
        ("“The pier is safe,” it was announced.", None, None),
    ],
)
def test_order_of_cue_and_mention(text: str, speaker: str | None, cue: str | None) -> None:
    quotation = only(text)
    assert quotation.speaker == speaker
    if cue is not None or speaker is not None:
        assert quotation.cue == cue


def test_the_fullest_form_of_a_name_stands_for_all_its_mentions() -> None:
    found = extract_quotations(
        "“We wait,” Berg said.\n\nDr. Anna Maria Berg heads the mission. Mrs. Berg smiled.\n\n“We go on,” she said."
    )
    assert [q.speaker for q in found] == ["Anna Maria Berg", "Anna Maria Berg"]
    assert [q.speaker_span is not None for q in found] == [True, True]


def test_two_people_of_one_name_are_told_apart_by_title() -> None:
    text = "Hanna Berg met Oskar Berg. “We wait,” Mrs. Berg said. “We do not,” Mr. Berg said."
    assert [q.speaker for q in extract_quotations(text)] == ["Hanna Berg", "Oskar Berg"]


def test_pronouns_follow_gender_and_the_last_speaker() -> None:
    text = (
        "Minister Hanna Berg met General Oskar Falk.\n\n“We wait,” she said. “We do not,” he said.\n\n"
        "“We do wait,” she insisted."
    )
    assert [q.speaker for q in extract_quotations(text)] == ["Hanna Berg", "Oskar Falk", "Hanna Berg"]


def test_a_description_means_whoever_holds_the_post() -> None:
    text = (
        "NATO Secretary General Ilse Maren met President Tomas Rek.\n\n“We wait,” the president said.\n\n"
        "“We do not,” the NATO chief answered."
    )
    assert [q.speaker for q in extract_quotations(text)] == ["Tomas Rek", "Ilse Maren"]


def test_a_quotation_that_stands_alone_goes_on_with_the_speaker() -> None:
    text = "“We wait,” Hanna Berg said.\n\n“The ships are in port.”\n\nThe harbour was quiet."
    assert [q.speaker for q in extract_quotations(text)] == ["Hanna Berg", "Hanna Berg"]


def test_nobody_is_guessed_without_cue_or_running_speaker() -> None:
    quotation = only("“The ships are in port and nobody counts them.”")
    assert (quotation.speaker, quotation.speaker_span, quotation.cue) == (None, None, None)


def test_pieces_round_an_attribution_are_one_statement() -> None:
    quotation = only("“First,” said Hanna Berg, “we count. Then we talk,” and she left.")
    assert quotation.text == "First, we count. Then we talk,"
    assert len(quotation.spans) == 2


def test_fragments_under_one_cue_are_one_statement_and_a_new_cue_starts_another() -> None:
    text = "Hanna Berg called it “a farce” and “a shame”. She said it was “over”."
    assert [q.text for q in extract_quotations(text)] == ["a farce a shame", "over"]


def test_a_quotation_over_paragraphs_is_one_statement() -> None:
    text = "“We count the ships.\n\n“We count the planes,” Hanna Berg said.\n\n“And the trains,” she added."
    assert [q.text for q in extract_quotations(text)] == ["We count the ships. We count the planes,", "And the trains,"]


@pytest.mark.parametrize(
    "text",
    [
        "She spoke on NBC’s “Meet the Harbour” last week.",
        "The film “A Winter Pier” opens in May.",
        "Robert “Bobby” Lind left the room.",
        "The so-called “pier tax” is unpopular.",
        "The army named the drill “Winter Thistle”.",
        "They met during Operation “Quiet Water” in May.",
        "A cheap “liquidating trust” holds the pier.",
        '<a href="harbour.html">Harbour</a>',
        "Read more: “The pier that would not sink”",
    ],
)
def test_titles_names_and_scare_quotes_are_no_statements(text: str) -> None:
    assert [q for q in extract_quotations(text) if q.kind != "indirect"] == []


def test_a_headline_that_repeats_a_quotation_is_none() -> None:
    text = "Minister: pier ‘will never sink’\n\n“The pier will never sink,” Minister Hanna Berg said on Monday."
    assert [q.text for q in extract_quotations(text)] == ["The pier will never sink,"]


def test_a_headline_whose_words_the_article_does_not_have_is_kept() -> None:
    text = "Hanna Berg: “We will drown first”\n\nThe minister spoke on Monday about the old pier of the town."
    assert [q.text for q in extract_quotations(text)] == ["We will drown first"]


def test_interviews_give_answers_and_leave_questions_out() -> None:
    text = (
        "Harbour Weekly: Is the pier safe?\n\nBerg: It is. We count every plank.\n\n"
        "Harbour Weekly: And the ferry?\n\nBerg: The ferry sails at noon.\n\nHanna Berg runs the harbour."
    )
    found = extract_quotations(text)
    assert [(q.text, q.speaker) for q in found] == [
        ("It is. We count every plank.", "Hanna Berg"),
        ("The ferry sails at noon.", "Hanna Berg"),
    ]


def test_what_stands_round_the_article_is_left_out() -> None:
    text = "“We wait,” Hanna Berg said.\n\nShe left.\n\nLeave a comment\n\n“Be kind, be brief and be right.”"
    assert [q.text for q in extract_quotations(text)] == ["We wait,"]


def test_kinds() -> None:
    text = "“The pier is safe,” Hanna Berg said. She called it “a rock”. She denied that it was sinking."
    assert [q.kind for q in extract_quotations(text)] == ["direct", "mixed", "indirect"]


def test_context_carries_the_attribution_and_is_bounded() -> None:
    text = "Nobody slept.\n\nHanna Berg said on Monday that the pier was “a rock”. It rained."
    quotation = only(text)
    assert quotation.context == "Hanna Berg said on Monday that the pier was “a rock”."
    long = only("“" + "We count the ships and the planes. " * 60 + "That is all,” Hanna Berg said.")
    assert long.context is not None
    assert len(long.context) <= 600
    assert "Berg said" in long.context


def test_every_offset_slices_back() -> None:
    text = "“Déjà vu,” said Jiří Čech – “again”. According to him, “nothing” 😀 changed."
    for q in extract_quotations(text):
        assert q.text == " ".join(text[a:b] for a, b in q.spans)
        assert q.cue_span is None or text[slice(*q.cue_span)] == q.cue
        assert q.context_span is not None
        assert text[slice(*q.context_span)] == q.context


@pytest.mark.parametrize("text", ["", "\ud800“\udfff” he said", "“", "”" * 50, "\x00" * 10, "He said " * 500])
def test_any_text_gives_an_answer(text: str) -> None:
    assert isinstance(extract_quotations(text), list)


@pytest.mark.parametrize("value", [None, b"bytes", 3, ["x"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(InvalidTypeError, match="text must be a str"):
        extract_quotations(value)  # type: ignore[arg-type]


def test_spans_do_not_depend_on_later_paragraphs() -> None:
    head = "Storm warning\n\n“We wait,” Hanna Berg said. She denied that the pier was sinking.\n\nIt rained."
    tail = "\n\n“The pier is gone,” Oskar Falk said. He blamed the wind for the damage."
    alone = [(q.spans, q.kind) for q in extract_quotations(head)]
    longer = [(q.spans, q.kind) for q in extract_quotations(head + tail)]
    assert longer[: len(alone)] == alone


def run_extract(*arguments: str) -> int:
    from nato_stance.cli import main

    return main(["extract", *arguments])


def test_the_command_writes_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a1.txt"
    path.write_text("“We wait,” Hanna Berg said. She denied that it was over.", encoding="utf-8")
    assert run_extract(str(path)) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(r["article_id"], r["kind"], r["speaker"], r["spans"]) for r in rows] == [
        ("a1", "direct", "Hanna Berg", [[1, 9]]),
        ("a1", "indirect", "Hanna Berg", [[44, 55]]),
    ]


def test_the_command_shows_a_table_and_can_leave_indirect_speech_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a1.txt"
    path.write_text("“We wait,” Hanna Berg said. She denied that it was over.", encoding="utf-8")
    assert run_extract(str(path), "--format", "table", "--quoted-only") == 0
    out = capsys.readouterr().out
    assert "1 statement\n" in out
    assert "Hanna Berg" in out


def test_the_command_reports_what_it_cannot_read_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "good.txt"
    good.write_text("“We wait,” Hanna Berg said.", encoding="utf-8")
    target = tmp_path / "out.jsonl"
    assert run_extract(str(tmp_path / "none.txt"), str(good), "-o", str(target)) == 1
    assert "none.txt" in capsys.readouterr().err
    assert len(target.read_text(encoding="utf-8").splitlines()) == 1
