"""No text makes extraction slow: the time grows with the length, whatever the text is made of."""

from __future__ import annotations

import time

import pytest
from adversarial_texts import FAMILIES, MORE_FAMILIES

from nato_stance import extract_quotations

ALL = {**FAMILIES, **MORE_FAMILIES}
SMALL = 10_000
SECONDS_FOR_SMALL = 1.0
"""Generous: the slowest family takes a twentieth of it. A quadratic rule takes many times as long."""

LARGE = 10_000_000
SECONDS_FOR_LARGE = 20.0
MOST_GROWTH = 13.0


def seconds(text: str) -> float:
    """Processor time: what else the machine does must not decide."""
    start = time.process_time()
    extract_quotations(text)
    return time.process_time() - start


def least(text: str) -> float:
    """Return the least of some measurements, of more where they are short and so at the mercy of the machine."""
    first = seconds(text)
    return min(first, *(seconds(text) for _ in range(1 if first > 5 else 4)))


@pytest.mark.parametrize("family", ALL)
def test_small_texts_take_no_noticeable_time(family: str) -> None:
    text = ALL[family](SMALL)
    assert abs(len(text) - SMALL) < 10
    extract_quotations("“Yes,” said Ada Lom.")
    assert min(seconds(text), seconds(text)) < SECONDS_FOR_SMALL


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_ten_times_the_text_takes_about_ten_times_the_time(family: str) -> None:
    extract_quotations("“Yes,” said Ada Lom.")
    tenth, whole = FAMILIES[family](LARGE // 10), FAMILIES[family](LARGE)
    short, long = least(tenth), least(whole)
    assert long < SECONDS_FOR_LARGE
    assert long < MOST_GROWTH * short
