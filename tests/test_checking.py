from __future__ import annotations

import doctest

import pytest

from textseg import checking
from textseg.checking import range_words


def test_the_examples_in_the_docstrings_hold() -> None:
    done = doctest.testmod(checking)
    assert done.attempted >= 1
    assert done.failed == 0


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, ""),
        ({"least": 0, "most": 1}, "0 to 1"),
        ({"least": 0}, "at least 0"),
        ({"above": 0, "most": 1}, "above 0, at most 1"),
        ({"least": 0, "below": 9}, "at least 0, below 9"),
    ],
)
def test_ranges_are_said_in_words(limits: dict[str, float], words: str) -> None:
    assert range_words(**limits) == words
