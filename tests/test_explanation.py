"""Contributions add up to the scores, and their spans give the words back."""

from __future__ import annotations

import json

import pytest

import nato_stance
from nato_stance.linear import MAX_EXPLAINED
from nato_stance.records import InvalidInputError

_ITEMS = [
    ("We are ready to talk, but if anyone attacks us they will pay.", None, None),
    ("any plans to attack Finland", "On Monday Moscow denied any plans to attack Finland.", "denied"),
    ("We wait.", None, "warned"),
    ("?!", None, None),
]


@pytest.mark.parametrize("item", _ITEMS)
def test_contributions_add_up_to_every_score(item: tuple[str, str | None, str | None]) -> None:
    result = nato_stance.load_model().explain(*item)
    for name, score in result.scores.items():
        total = result.intercept[name] + sum(c.values[name] for c in result.contributions)
        assert total == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("item", _ITEMS)
def test_spans_give_the_words_back(item: tuple[str, str | None, str | None]) -> None:
    sources = dict(zip(("text", "context", "cue"), item, strict=True))
    result = nato_stance.load_model().explain(*item)
    assert result.label == nato_stance.load_model().label_many([item])[0]
    for part in result.contributions:
        if part.span is not None:
            assert (sources[part.source] or "")[slice(*part.span)] == part.words
    for source, span, word, _ in result.words():
        assert (sources[source] or "")[slice(*span)] == word


def test_words_of_the_context_are_marked_as_such() -> None:
    result = nato_stance.load_model().explain(*_ITEMS[1])
    assert {c.source for c in result.contributions if "denied" in c.words} == {"context"}
    assert {c.source for c in nato_stance.load_model().explain(*_ITEMS[2]).contributions if c.words} >= {"text", "cue"}


def test_the_table_names_label_scores_and_words() -> None:
    result = nato_stance.explain("We are ready to talk to them.")
    table = result.to_table(top=3)
    assert table.splitlines()[0].startswith(result.label.stance)
    for name in result.asked():
        assert name in table


def test_the_json_form_is_json() -> None:
    data = json.loads(json.dumps(nato_stance.explain("We are ready to talk.").to_dict(limit=5)))
    assert len(data["contributions"]) == 5


def test_a_text_too_long_to_explain_is_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidInputError, match=r"20000.*classify"):
        nato_stance.explain("word " * (MAX_EXPLAINED // 5 + 1))
