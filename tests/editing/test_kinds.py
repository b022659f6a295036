from __future__ import annotations

import doctest
from typing import get_args

import pytest

from textseg.editing import kinds
from textseg.editing.kinds import DEFAULTS, Change, kind_of_change
from textseg.errors import UnknownNameError
from textseg.registry.methods import METHODS, make_method, method_name


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
    assert kind_of_change(query, target) == kind


def test_every_kind_has_defaults() -> None:
    assert set(DEFAULTS) == set(get_args(Change))


@pytest.mark.parametrize("kind", get_args(Change))
def test_defaults_are_a_registered_method_with_options_that_it_has(kind: Change) -> None:
    usual = DEFAULTS[kind]
    assert usual.method in METHODS.names()
    method = make_method(usual.method, usual.options)
    assert method_name(method) == usual.method
    assert {name: getattr(method, name) for name in usual.options} == usual.options
    with pytest.raises(UnknownNameError):
        make_method(usual.method, {**usual.options, "heat": 1})
    assert 0 <= usual.grow <= 1


@pytest.mark.parametrize("kind", ["remove", "add"])
def test_what_removes_or_adds_starts_from_pure_noise(kind: Change) -> None:
    usual = DEFAULTS[kind]
    assert make_method(usual.method, usual.options).strength == 1


def test_another_thing_has_more_room_than_another_colour() -> None:
    assert DEFAULTS["replace"].grow > DEFAULTS["alter"].grow
