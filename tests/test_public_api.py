"""What a user who imports the package can rely on."""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import nato_stance

ERRORS = [n for n in nato_stance.__all__ if n.endswith("Error")]


def run_python(code: str, **environment: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_resolves_and_dir_lists_it() -> None:
    for name in nato_stance.__all__:
        assert getattr(nato_stance, name) is not None
    assert dir(nato_stance) == sorted(nato_stance.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        nato_stance.no_such_name  # noqa: B018


def test_importing_loads_neither_numpy_nor_the_training_stack() -> None:
    heavy = ("numpy", "sklearn", "scipy", "nltk", "joblib")
    code = f"import sys, nato_stance; print([m for m in {heavy} if m in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_importing_is_quick() -> None:
    # The best of five: what the package costs, not what the machine happens to be busy with.
    code = "import time; t = time.perf_counter(); import nato_stance; print(time.perf_counter() - t)"
    assert min(float(run_python(code)) for _ in range(5)) < 0.15


def test_scoring_needs_no_network_no_training_stack_and_no_nltk_data(tmp_path: Path) -> None:
    code = """
import socket, sys
def refuse(*a, **k): raise AssertionError("a socket was opened")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import nato_stance
text = '"We are ready for talks," said Anna Berg, the minister. Moscow denied any plans to attack.'
score = nato_stance.score_article(text)
assert len(score.statements) == 2, score
print([m for m in ("sklearn", "scipy", "nltk", "joblib", "pandas") if m in sys.modules])
"""
    assert run_python(code, NLTK_DATA=str(tmp_path), HOME=str(tmp_path)).strip() == "[]"


@pytest.mark.parametrize("name", ERRORS)
def test_errors_share_one_base_and_are_what_python_users_expect(name: str) -> None:
    error = getattr(nato_stance, name)
    assert issubclass(error, nato_stance.NatoStanceError)
    if name != "NatoStanceError":
        assert issubclass(error, (ValueError, TypeError, OSError, ImportError))


@pytest.mark.parametrize("name", [n for n in nato_stance.__all__ if callable(getattr(nato_stance, n))])
def test_every_public_object_is_documented(name: str) -> None:
    value = getattr(nato_stance, name)
    text = inspect.getdoc(value) or ""
    assert len(text) > 20, name
    if inspect.isfunction(value):
        for part in ("Args:", "Returns:", "Raises:", "Example"):
            assert part in text, f"{name} has no {part}"


def modules() -> list[str]:
    found = pkgutil.walk_packages(nato_stance.__path__, "nato_stance.")
    return ["nato_stance", *(m.name for m in found if not m.name.endswith("__main__"))]


@pytest.mark.parametrize("name", modules())
def test_the_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nato_stance.classify(b"talks"), TypeError, "decode"),
        (lambda: nato_stance.classify(None), TypeError, "NoneType"),
        (lambda: nato_stance.classify("   "), ValueError, "empty"),
        (lambda: nato_stance.classify("talks", context=3), TypeError, "context"),
        (lambda: nato_stance.classify("talks", min_confidence=1.5), ValueError, "between 0 and 1"),
        (lambda: nato_stance.classify("talks", min_confidence="high"), TypeError, "number"),
        (lambda: nato_stance.classify_many("talks"), TypeError, "list"),
        (lambda: nato_stance.classify_many(["a", 3]), TypeError, r"items\[1\]"),
        (lambda: nato_stance.classify_many([{"words": "a"}]), ValueError, "no 'text'"),
        (lambda: nato_stance.score_article(b"talks"), TypeError, "decode"),
        (lambda: nato_stance.score_article("talks", article_id=7), TypeError, "article_id"),
        (lambda: nato_stance.explain(""), ValueError, "empty"),
        (lambda: nato_stance.extract_quotations(5), TypeError, "str"),
    ],
)
def test_bad_arguments_name_what_was_wrong(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        call()  # type: ignore[operator]
    assert isinstance(caught.value, nato_stance.NatoStanceError)


@pytest.mark.parametrize("text", ["", "  \n\t ", "\x00\x00", "\ufeff", "a" * 50_000, "\ud800 \U0001f600 \u0301"])
def test_any_text_gives_a_result(text: str) -> None:
    score = nato_stance.score_article(text)
    assert score.statements == ()
    assert score.profile.n_statements == 0
    json.dumps(score.to_dict())


def test_a_label_is_consistent_and_its_probabilities_sum_to_one() -> None:
    texts = [
        "They will attack.",
        "We refuse to talk.",
        "The meeting is at noon.",
        "No one needs these missiles.",
        "Yes.",
    ]
    for label in nato_stance.classify_many(texts):
        present = [f for f in ("threat", "dialogue", "deterrence") if getattr(label, f) != "absent"]
        assert (label.stance == "none") == (not present)
        assert label.polarity == (None if label.stance == "none" else getattr(label, label.stance))
        assert sum(label.probabilities.values()) == pytest.approx(1)
        assert sum(label.tone_probabilities.values()) == pytest.approx(1)
        assert label.confidence == label.probabilities[label.stance]


def test_abstaining_marks_and_keeps_the_label() -> None:
    sure = nato_stance.classify("We are ready for talks.", min_confidence=0.0)
    unsure = nato_stance.classify("We are ready for talks.", min_confidence=1.0)
    assert (sure.abstained, unsure.abstained) == (False, True)
    assert (sure.stance, sure.confidence) == (unsure.stance, unsure.confidence)


def test_many_at_once_equal_one_by_one() -> None:
    texts = ["They will attack.", "We refuse to talk.", "The meeting is at noon."]
    assert nato_stance.classify_many(texts) == [nato_stance.classify(t) for t in texts]
    assert nato_stance.classify_many([]) == []


def test_statement_offsets_give_the_words_back(fixtures: Path) -> None:
    for path in sorted((fixtures / "articles").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        for statement in nato_stance.score_article(text).statements:
            assert statement.text == " ".join(text[a:b] for a, b in statement.spans)
            assert statement.stance in ("threat", "dialogue", "deterrence", "none")
