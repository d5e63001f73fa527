"""Masks, scopes and phrases: what a feature may and may not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nato_stance.families import spelling_keys
from nato_stance.features import FeatureExtractor, Item, outside
from nato_stance.keys import hash_of
from nato_stance.linear import KeyTable
from nato_stance.model_store import load_model
from nato_stance.semantics import Lexicon
from nato_stance.words import TOKEN, fold

_CLASSES = {
    "negation": ["no", "not", "never"],
    "negation_verbs": ["denied"],
    "conditional": ["if"],
    "contrast": ["but"],
    "talks": ["talks", "peace talks", "ready to talk", "negotiat*"],
    "danger": ["threat", "attack*"],
    "pseudo": ["not only"],
    "side_actors": ["russia", "china", "united states", "u.s."],
}


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return FeatureExtractor(Lexicon.folded(_CLASSES), {hash_of(w) for w in ("the", "we", "talks")})


def _keys(extractor: FeatureExtractor, *item: str | None) -> dict[str, set[int]]:
    encoded = extractor.encode([(item[0] or "", *(item[1:] or (None, None)))])  # type: ignore[arg-type]
    return {
        family: {int(k) for k in keys if k}
        for group in encoded.groups
        for family, keys in zip(group.families, group.keys, strict=True)
    }


def _states(extractor: FeatureExtractor, text: str) -> dict[str, int]:
    encoded = extractor.encode([(text, None, None)])
    forms = [extractor.types.forms[t] for t in encoded.sequence.types.tolist()]
    return dict(zip(forms, encoded.sequence.states.tolist(), strict=True))


@pytest.mark.parametrize(
    "swapped",
    ["China will attack.", "The United States will attack.", "U.S. will attack.", "Russia’s will attack."],
)
def test_named_actors_are_one(extractor: FeatureExtractor, swapped: str) -> None:
    plain = "The Russia will attack." if swapped.startswith("The") else "Russia will attack."
    assert _keys(extractor, plain) == _keys(extractor, swapped)


def test_other_names_and_numbers_are_masked(extractor: FeatureExtractor) -> None:
    assert _keys(extractor, "the Kowalski, 1991") == _keys(extractor, "the Wojcik Abramczyk, 2,024")


@pytest.mark.parametrize(
    ("curly", "straight"),
    [("We won’t talk", "We won't talk"), ("a “sham”", 'a "sham"'), ("war — peace", "war -- peace")],
)
def test_typography_changes_nothing(extractor: FeatureExtractor, curly: str, straight: str) -> None:
    assert _keys(extractor, curly) == _keys(extractor, straight)


def test_negation_ends_at_but_and_at_clause_marks(extractor: FeatureExtractor) -> None:
    states = _states(extractor, "we never attack but welcome talks, they grow")
    assert states["attack"] // 4 == 1
    assert states["welcome"] // 4 == states["talks"] // 4 == states["grow"] // 4 == 0


def test_a_denying_verb_reaches_past_commas_to_the_end_of_the_sentence(extractor: FeatureExtractor) -> None:
    states = _states(extractor, "Minsk denied, again, any attack. Snow fell")
    assert states["attack"] // 4 == 2
    assert states["fell"] // 4 == 0


def test_contracted_negation_counts_in_either_typography(extractor: FeatureExtractor) -> None:
    for text in ("we won't attack", "we won’t attack"):
        assert _states(extractor, text)["attack"] // 4 == 1


def test_conditions_know_their_side(extractor: FeatureExtractor) -> None:
    states = _states(extractor, "if they march, we fight")
    assert (states["march"] % 4, states["fight"] % 4) == (1, 2)
    assert _states(extractor, "we fight if they march")["fight"] % 4 == 3


def test_the_longest_phrase_wins(extractor: FeatureExtractor) -> None:
    encoded = extractor.encode([("peace talks and ready to talk and negotiating", None, None)])
    (group,) = (g for g in encoded.groups if g.families[0] == "class")
    spans = {(int(a), int(b)) for a, b in zip(group.first, group.last, strict=True)}
    assert spans == {(1, 2), (2, 2), (4, 6), (8, 8)}


def test_no_feature_reaches_over_more_than_two_consecutive_words(extractor: FeatureExtractor) -> None:
    a = _keys(extractor, "one two three four five six seven")
    b = _keys(extractor, "one two three nine five six seven")
    lost = set().union(*a.values()) - set().union(*b.values())
    # The word itself, and with the one before it and the one after it.
    assert len(lost) == 1 + 2


def test_segments_do_not_see_each_other(extractor: FeatureExtractor) -> None:
    inside = _keys(extractor, "a threat", "He called it a threat in May.", None)
    alone = _keys(extractor, "a threat")
    for family, keys in alone.items():
        assert keys <= inside[family]


def test_batches_do_not_matter(extractor: FeatureExtractor) -> None:
    items: list[Item] = [
        ("We never attack.", None, None),
        ("", None, None),
        ("talks", "He denied talks if asked.", "denied"),
        ("!!!", None, "said"),
    ]
    together = extractor.encode(items)
    for i, item in enumerate(items):
        alone = extractor.encode([item])
        for whole, part in zip(together.groups, alone.groups, strict=True):
            places = slice(whole.starts[2 * i], whole.starts[2 * i + 2])
            np.testing.assert_array_equal(whole.keys[:, places], part.keys)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aB'’.-–1,9:\"“!  \n\u00a0%\x00é", max_size=30))
@example("- a - b -")
@example("-")
@example(" - ")
@example("- -")
def test_remembered_chunks_give_the_tokens_of_the_whole_text(extractor: FeatureExtractor, text: str) -> None:
    types = extractor.encode([(text, None, None)]).types.tolist()
    assert [extractor.types.forms[t] for t in types[1:]] == [fold(token) for token in TOKEN.findall(text)]


def test_the_outside_keeps_offsets() -> None:
    context = "On Monday she called it “a firm answer”, again."
    rest = outside("a firm answer", context, None)
    assert len(rest) == len(context)
    assert "firm" not in rest
    assert rest[rest.index("again")] == context[context.index("again")]


def test_pieces_of_a_quotation_are_taken_out_of_the_context() -> None:
    rest = outside("We talk. We wait.", "“We talk,” she said. “We wait.”", None)
    assert "talk" not in rest
    assert "wait" not in rest
    assert "she said" in rest


def test_a_cue_is_not_counted_twice() -> None:
    assert outside("x y", "He denied x y", "denied").count("denied") == 1
    assert outside("x y", None, "denied").strip() == "denied"


def test_spelling_keys_are_one_for_each_run_of_three_to_five_letters() -> None:
    # <war> has three runs of three, two of four and one of five; it shares <wa, war and <war with <warning>.
    keys, starts = spelling_keys(["war", "warning", "war"])
    assert starts.tolist() == [0, 6, 6 + 7 + 6 + 5, 12 + 7 + 6 + 5]
    np.testing.assert_array_equal(keys[:, :6], keys[:, -6:])
    assert len(set(keys[0, :6].tolist()) & set(keys[0, 6:-6].tolist())) == 3


def test_the_key_table_finds_what_it_holds_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    keys = np.unique(rng.integers(1, 2**63, 40_000, dtype=np.uint64))
    table = KeyTable(keys[::2])
    np.testing.assert_array_equal(table.rows(keys[::2]), np.arange(1, len(keys[::2]) + 1))
    assert not table.rows(keys[1::2]).any()
    assert not table.rows(np.zeros(3, np.uint64)).any()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The U.S. build-up", ["the", "u.s.", "build", "up"]),
        ("Moscow’s 1,200 “troops”…", ["moscow", "1,200", '"', "troops", '"', "..."]),
        ("they won’t – ever", ["they", "won't", "--", "ever"]),
    ],
)
def test_tokens_are_folded(text: str, tokens: list[str]) -> None:
    assert [fold(t) for t in TOKEN.findall(text)] == tokens


@pytest.mark.parametrize("text", ["a", "“", "1", "a b", "—", "...", "é"])
def test_the_shortest_statements_are_labelled_when_all_other_words_are_known(text: str) -> None:
    # New words are spelled out together; here they have fewer letters than the longest run that is looked for.
    model = load_model()
    model.label_many([("We will talk tomorrow.", None, None)])
    assert model.label_many([(text, None, None)])[0].stance in ("threat", "dialogue", "deterrence", "none")
