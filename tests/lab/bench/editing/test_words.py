from __future__ import annotations

import pytest

from textseg.lab.bench.editing.words import PhraseChange, change_between


@pytest.mark.parametrize(
    ("source", "target", "blended", "query", "becomes"),
    [
        ("a [cat] on grass", "a [dog] on grass", "kitten puppy", "kitten", "puppy"),
        ("a bicycle", "a [rusty] bicycle", "bicycle bicycle", "bicycle", "bicycle"),
        ("a [cat] on grass", "a [dog] on grass", "", "cat", "dog"),
        ("a [cat] on [grass]", "a [dog] on [red sand]", "", "cat grass", "dog red sand"),
        ("a cat", "a cat [with a hat]", "", "", "with a hat"),
        ("a cat [with a hat]", "a cat", "", "with a hat", ""),
        ("a cat [with a hat]", "a cat", "hat", "with a hat", ""),
        ("a cat on grass", "a small dog on grass", "", "cat", "small dog"),
        ("A cat, asleep.", "a dog asleep", "", "cat", "dog"),
        ("a red red car", "a red car", "", "red", ""),
        ("a cat", "a cat", "", "", ""),
        ("photo of a cat", "an oil painting", "", "photo of a cat", "an oil painting"),
    ],
)
def test_query_and_target_come_from_words_marks_or_differences(
    source: str, target: str, blended: str, query: str, becomes: str
) -> None:
    assert change_between(source, target, blended=blended) == PhraseChange(query, becomes)
