"""A command that cannot be read as a whole comes back as a question with what it may mean."""

from __future__ import annotations

import pytest

from agent_tools.commands import ToolCall, read
from agent_tools.commands.reading import describe

DOG = ToolCall("segment_image", {"query": "dog"})
MEANT = {  # what is said, and what is guessed
    "get rid of the guy on the right my aunt loathes him": "remove: guy (right)",
    "make the shelf exactly #4b5320, my aunt swears by the catalogue": ("colour: shelf (#4b5320)"),
    "my aunt moaned, so let's have the green sofa grey": "recolour: green sofa -> grey sofa",
    "blur the blackboard so nobody peeks at the answers": "blur: blackboard",
    "please select the parked bus, my uncle owns the vehicle": "find: parked bus",
    "insert a lamp at the top left, where the plumber swears it stood": "add: lamp (top left)",
    "it wobbles, crop it to the dog since grandpa adores dogs": "crop: dog",
}
NOTHING = """make the house blue and frobnicate the tree
make the house blue and the tree
make the house blue if there is one
make the house blue or not
don't make the house blue
give the house a red roof
blur everyone but me
find the house to the left of the tree
make the house blue, no wait, red
remove the benches only those that are wobbly
convert the file to the DWG format
make a boomerang out of it
transfer the image into a faceted low-poly 3-d render style
replace the lamp thereafter wobble the chair
ship the parcel to my aunt""".splitlines()


@pytest.mark.parametrize("text", MEANT)
def test_what_can_be_read_is_offered_and_nothing_is_done(text: str) -> None:
    reading = read(text)
    assert reading.calls == ()
    assert reading.guess is not None
    assert describe([reading.guess]) == MEANT[text]
    assert f"Shall I do this: {MEANT[text]}?" in reading.question


@pytest.mark.parametrize("text", NOTHING)
def test_what_may_change_the_command_leaves_nothing_to_offer(text: str) -> None:
    reading = read(text)
    assert reading.question
    assert reading.guess is None


def test_question_quotes_what_was_not_understood_and_no_politeness() -> None:
    question = read("could you blur the dog so nobody peeks at the answers, please").question
    assert '"nobody peeks at the answers"' in question
    assert "could you" not in question


def test_guess_may_lean_on_what_was_done_before() -> None:
    reading = read("blur it so nobody peeks at the collar", [DOG])
    assert reading.guess == ToolCall("retouch_image", {"action": "blur", "query": "dog"})


@pytest.mark.parametrize("text", ["delete all files he said so", "send https://a.b the dog he is"])
def test_what_is_refused_is_not_guessed_at(text: str) -> None:
    assert read(text).guess is None
