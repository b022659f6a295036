from __future__ import annotations

import doctest

import pytest

from textseg.editing import prompts
from textseg.editing.prompts import background_prompt, last_word, region_prompt, target_prompt

BOTH = "a red house and a tree on a meadow"
LIST = "a red house, a tree and a boat"
PLACED = "a red ball on the left and a blue ball on the right"


def test_the_examples_in_the_docstring_hold() -> None:
    done = doctest.testmod(prompts)
    assert done.attempted >= 2
    assert done.failed == 0


@pytest.mark.parametrize(
    ("caption", "query", "target", "expected"),
    [
        # phrase for phrase
        (BOTH, "red house", "blue house", "a blue house and a tree on a meadow"),
        (BOTH, "red house", "boat", "a boat and a tree on a meadow"),
        (BOTH, "tree", "boat", "a red house and a boat on a meadow"),
        (BOTH, "meadow", "beach", "a red house and a tree on a beach"),
        (LIST, "boat", "car", "a red house, a tree and a car"),
        ("a blue car and a red house", "red house", "green car", "a blue car and a green car"),
        (PLACED, "blue ball", "green ball", PLACED.replace("blue", "green")),
        # a noun for a noun keeps what is said of it, more words replace it all
        (BOTH, "house", "boat", "a red boat and a tree on a meadow"),
        (BOTH, "red", "blue", "a blue house and a tree on a meadow"),
        (BOTH, "house", "blue house", "a blue house and a tree on a meadow"),
        ("a large red house", "red house", "small blue house", "a small blue house"),
        ("an old red house", "red house", "blue house", "an old blue house"),
        ("a bowl of apples", "bowl", "basket", "a basket of apples"),
        ("a bowl of apples", "bowl of apples", "basket of plums", "a basket of plums"),
        ("two red houses and a tree", "red houses", "blue houses", "two blue houses and a tree"),
        # only the last word is named: the whole phrase goes
        ("a red home and a tree", "big home", "boat", "a boat and a tree"),
        # articles in the query, in the target, in between
        (BOTH, "the red house", "blue house", "a blue house and a tree on a meadow"),
        (BOTH, "a red house", "a blue house", "a blue house and a tree on a meadow"),
        (BOTH, "red house", "the blue house", "the blue house and a tree on a meadow"),
        ("the red house", "red house", "blue boat", "the blue boat"),
        ("the red house", "red house", "an igloo", "an igloo"),
        ("red house", "red house", "blue house", "blue house"),
        ("a red house in the snow", "in the snow", "at night", "a red house at night"),
        ("a red house in the snow", "in snow", "on the sea", "a red house on the sea"),
        ("a red house in the snow", "snow", "at night", "a red house at night"),
        # a and an
        ("a red house and a tree", "tree", "orange", "a red house and an orange"),
        ("a red house and an owl", "owl", "cat", "a red house and a cat"),
        ("a hat", "hat", "hour glass", "an hour glass"),
        ("a hat", "hat", "unicorn", "a unicorn"),
        ("a hat", "hat", "uninteresting hat", "an uninteresting hat"),
        ("a unicorn and a red hat", "red hat", "orange hat", "a unicorn and an orange hat"),
        ("A red house", "red house", "orange house", "An orange house"),
        ("An owl", "owl", "cat", "A cat"),
        # capital letters and punctuation
        ("A Red House and a Tree.", "red house", "blue house", "A blue house and a Tree."),
        ("A red house. A tree.", "tree", "boat", "A red house. A boat."),
        (LIST, "red house", "blue house", "a blue house, a tree and a boat"),
        (LIST, "house", "tower", "a red tower, a tree and a boat"),
        ('a "red house" and a tree', "tree", "boat", 'a "red house" and a boat'),
        ("a red  house\nand a tree", "Tree", "boat", "a red house and a boat"),
        # the first of several
        ("a red house and a blue house", "house", "boat", "a red boat and a blue house"),
        # not named at all: the target is all that is known
        (BOTH, "igloo", "blue igloo", "blue igloo"),
        ("a red home", "red house", "blue house", "blue house"),
        ("", "house", "blue  house", "blue house"),
        (BOTH, "", "a boat", "a boat"),
        ("a housewife", "house", "boat", "boat"),  # words, not letters
    ],
)
def test_the_target_takes_the_place_of_the_query(
    caption: str, query: str, target: str, expected: str
) -> None:
    assert target_prompt(caption, query, target) == expected


@pytest.mark.parametrize(
    ("caption", "query", "expected"),
    [
        ("a red house and a tree", "red house", "a tree"),
        ("a red house and a tree", "the tree", "a red house"),
        ("a red house and a tree", "house", "a tree"),  # its colour goes with it
        (BOTH, "tree", "a red house on a meadow"),
        (BOTH, "red house", "a tree on a meadow"),
        ("a house and a tree and a boat", "tree", "a house and a boat"),
        ("a house and a tree and a boat", "house", "a tree and a boat"),
        ("a house and a tree and a boat", "boat", "a house and a tree"),
        # lists
        (LIST, "tree", "a red house and a boat"),
        (LIST, "boat", "a red house, a tree"),
        (LIST, "red house", "a tree and a boat"),
        ("a house, a tree, and a boat", "tree", "a house and a boat"),
        ("a house, a tree, and a boat", "boat", "a house, a tree"),
        ("a house, a tree, a boat", "tree", "a house, a boat"),
        ("a house, a tree on a meadow", "tree", "a house on a meadow"),
        # what only led on to it
        ("a house with a tree", "tree", "a house"),
        ("a house with a tree and a car", "tree", "a house and a car"),
        ("a house with a tree", "house", "a tree"),
        ("a boat next to a tree", "tree", "a boat"),
        ("a house on a meadow and a tree", "meadow", "a house and a tree"),
        ("a red house in the snow", "snow", "a red house"),
        ("a red house in the snow", "in the snow", "a red house"),
        ("a woman holding a red umbrella in the rain", "umbrella", "a woman in the rain"),
        # where it was
        (PLACED, "red ball", "a blue ball on the right"),
        (PLACED, "blue ball", "a red ball on the left"),
        # what captions begin with
        ("there is a red house and a tree", "red house", "there is a tree"),
        ("there is a red house on a meadow", "red house", "on a meadow"),
        ("a picture of a house and a car", "house", "a picture of a car"),
        ("A photo of the house in the snow", "house", "in the snow"),
        ("we see a tree", "tree", ""),
        # nothing left, or nothing found
        ("a house", "house", ""),
        ("", "house", ""),
        (BOTH, "igloo", BOTH),
    ],
)
def test_an_empty_target_takes_the_phrase_out(caption: str, query: str, expected: str) -> None:
    assert target_prompt(caption, query, "") == expected


# ---------------------------------------------------------------- the place of the edit alone


@pytest.mark.parametrize(
    ("caption", "query", "target", "expected"),
    [
        # the phrase with the target, and the place
        (BOTH, "red house", "blue house", "a blue house on a meadow"),
        (BOTH, "red house", "red house", "a red house on a meadow"),
        (BOTH, "tree", "boat", "a boat on a meadow"),
        (BOTH, "the tree", "an old tree", "an old tree on a meadow"),
        ("a red house in the snow", "house", "boat", "a red boat in the snow"),
        ("a car and an owl at night", "owl", "cat", "a cat at night"),
        ("there is a tree indoors", "tree", "lamp", "a lamp indoors"),
        # no place is told
        (LIST, "tree", "orange", "an orange"),
        (LIST, "boat", "car", "a car"),
        # where something stands is said of that thing alone
        (PLACED, "red ball", "green ball", "a green ball"),
        (PLACED, "blue ball", "green ball", "a green ball"),
        ("a red ball on the left and a boat on the sea", "ball", "cup", "a red cup on the sea"),
        # the place is what changes
        (BOTH, "meadow", "beach", "on a beach"),
        ("a red house in the snow", "in the snow", "at night", "at night"),
        ("a red house in the snow", "snow", "deep snow", "in the deep snow"),
        # the caption does not name it
        (BOTH, "sky", "dark sky", "dark sky on a meadow"),
        ("a red house", "sky", "dark sky", "dark sky"),
        ("", "house", "blue house", "blue house"),
        # something is added
        (BOTH, "", "a boat", "a boat on a meadow"),
        (LIST, "", "a cat", "a cat"),
        # something is removed: the place is left
        (BOTH, "tree", "", "on a meadow"),
        (BOTH, "", "", "on a meadow"),
        (LIST, "tree", "", ""),
        (LIST, "tree", " ", ""),
        ("", "house", "", ""),
        (BOTH, "meadow", "", ""),
    ],
)
def test_what_is_told_of_the_region_is_the_target_and_the_place(
    caption: str, query: str, target: str, expected: str
) -> None:
    assert region_prompt(caption, query, target) == expected


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        (BOTH, "on a meadow"),
        ("a tree, a boat and a car on the sea", "on the sea"),
        ("a house at night.", "at night."),
        ("a house indoors", "indoors"),
        ("A cat On a mat", "On a mat"),
        ("at night a red house", "at night a red house"),
        ("a cat on a mat in the snow", "in the snow"),
        ("a boat in the middle of the sea", "in the middle of the sea"),
        ("a boat on the left.", ""),
        (PLACED, ""),
        (LIST, ""),
        ("", ""),
    ],
)
def test_the_place_is_what_follows_the_last_word_that_tells_of_one(
    caption: str, expected: str
) -> None:
    assert background_prompt(caption) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red house", "house"),
        ("A Red House.", "house"),
        ("tree", "tree"),
        ("the", ""),
        ("", ""),
        (" ", ""),
    ],
)
def test_the_noun_is_the_last_word(text: str, expected: str) -> None:
    assert last_word(text) == expected
