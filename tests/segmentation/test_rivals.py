from __future__ import annotations

import pytest

from textseg.diffusion.rivalry import Contrasts
from textseg.segmentation.rivals import EVERYDAY, rivals_of

SMALL = Contrasts(
    things=(("house", "home"), ("boat", "ship"), ("tree",)),
    qualities=((("red",), ("blue",), ("orange",)), (("wooden", "wood"), ("glass",))),
    count=2,
)


def test_a_rival_differs_in_one_word_or_names_another_thing_only() -> None:
    assert rivals_of("red house", SMALL, closed=True) == (
        *("blue house", "orange house"),
        *("red boat", "red tree"),
        *("boat", "tree"),
    )


def test_a_bare_query_is_weighed_against_other_things() -> None:
    assert rivals_of("house", SMALL, closed=True) == ("boat", "tree")


def test_each_quality_is_changed_alone() -> None:
    rivals = rivals_of("a red wooden boat", SMALL, closed=True)
    assert "a red glass boat" in rivals
    assert "a blue wooden boat" in rivals
    assert "a blue glass boat" not in rivals


@pytest.mark.parametrize(
    ("query", "rival"),
    [
        ("the house is red", "the tree is red"),
        ("a house in blue", "a house in orange"),
        ("Red houses.", "Red tree"),
        ("the red house there", "the blue house there"),
        ("house on the left of the tree", "boat on the left of the tree"),
    ],
)
def test_the_thing_and_its_quality_are_found_in_a_sentence(query: str, rival: str) -> None:
    assert rival in rivals_of(query, SMALL, closed=True)


@pytest.mark.parametrize("query", ["home", "houses", "Ship", "red ship", "red ships"])
def test_another_word_for_the_same_thing_is_no_rival(query: str) -> None:
    own = "house" if "h" == query.lower()[0] else "boat"
    assert not any(own in rival for rival in rivals_of(query, SMALL, closed=True))


def test_what_names_no_thing_has_no_other_thing_for_a_rival() -> None:
    assert rivals_of("snow", SMALL, closed=True) == ()
    assert rivals_of("red", SMALL, closed=True) == ("blue", "orange")


@pytest.mark.parametrize(
    ("query", "head"),
    [("zebra", "zebra"), ("a cup of tea", "cup"), ("the zebra on the left", "zebra"), ("on", "on")],
)
def test_in_an_open_vocabulary_any_word_may_name_the_thing(query: str, head: str) -> None:
    rivals = rivals_of(query, EVERYDAY, closed=False)
    assert query.replace(head, "person") in rivals
    assert len(rivals) == EVERYDAY.count


def test_every_query_has_the_same_number_of_things_against_it() -> None:
    words = {word for thing in EVERYDAY.things for word in thing}
    assert {len(rivals_of(word, EVERYDAY, closed=False)) for word in words} == {EVERYDAY.count}


def test_a_wide_word_is_not_weighed_against_what_it_covers() -> None:
    rivals = rivals_of("animal", EVERYDAY, closed=False)
    assert not {"dog", "cat", "bird", "horse"} & set(rivals)


def test_a_coloured_query_is_weighed_against_all_basic_colours() -> None:
    rivals = rivals_of("pink zebra", EVERYDAY, closed=False)
    assert sum(rival.endswith("zebra") for rival in rivals) == 10
    assert len(rivals) == 10 + 2 * EVERYDAY.count


@pytest.mark.parametrize("query", ["red house", "an orange", "a glass of water", "violet", "stone"])
def test_a_query_is_never_its_own_rival(query: str) -> None:
    for contrasts, closed in ((SMALL, True), (EVERYDAY, False)):
        assert query not in rivals_of(query, contrasts, closed=closed)
