from __future__ import annotations

import doctest

import pytest

from textseg.diffusion.card import Change
from textseg.editing import kinds
from textseg.editing.kinds import kind_of_change


def test_the_examples_in_the_docstring_hold() -> None:
    done = doctest.testmod(kinds)
    assert done.attempted >= 1
    assert done.failed == 0


@pytest.mark.parametrize(
    ("query", "target", "kind"),
    [
        ("red house", "blue house", "alter"),
        ("a red house", "the house", "alter"),
        ("House", "old house.", "alter"),
        ("tree", "tree", "alter"),
        ("red house", "red boat", "replace"),
        ("house", "houseboat", "replace"),
        ("house on a meadow", "house on a beach", "replace"),
        ("house", "", "remove"),
        ("", "house", "add"),
        ("", "", "add"),
    ],
)
def test_the_nouns_tell_what_kind_of_change_it_is(query: str, target: str, kind: Change) -> None:
    assert kind_of_change(query, target, "a house on a meadow") == kind


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("a house on the beach.", "setting"),
        ("a house on a sunny beach", "setting"),
        ("a beach in a room", "replace"),
        ("", "replace"),
    ],
)
def test_another_setting_is_where_the_source_has_the_query_for_a_place(
    source: str, kind: Change
) -> None:
    assert kind_of_change("a beach", "snow", source) == kind
