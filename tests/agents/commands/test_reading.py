"""What read() promises beyond the corpus."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_tools.commands import Reading, ToolCall, lexicon, read
from agent_tools.commands.calls import DEFAULTS, call, without_defaults
from agent_tools.commands.looks import Look, described
from agent_tools.commands.places import region_of, split_place, split_region
from agent_tools.operations import BY_NAME
from textseg.segmentation.picking import is_region_word

HOUSE = ToolCall("segment_image", {"query": "house"})
BLUE = ToolCall("edit_image", {"query": "red house", "target": "blue house"})
LANGUAGE = sorted(
    {
        *(*lexicon.VERBS, *lexicon.COLOURS, *lexicon.PREPOSITIONS, *lexicon.NOT_IN_NAMES),
        *(*lexicon.DETERMINERS, *lexicon.PRONOUNS_ONE, *lexicon.PICTURES, *lexicon.DEGREES),
        *("house", "tree", "left", "top", "largest", "second", "seed 3", "a.png", "img_ab12"),
        *(",", ";", ".", '"', "'s", "from", "colour of", "two", "20", "please", "as it is"),
    }
)
commands = st.lists(st.sampled_from(LANGUAGE), max_size=14).map(" ".join)


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=200) | commands, st.sampled_from([None, HOUSE, BLUE, ToolCall("undo")]))
def test_any_text_gives_calls_or_a_question_and_never_an_error(
    text: str, last: ToolCall | None
) -> None:
    reading = read(text, [last] if last else ())
    assert bool(reading.calls) != bool(reading.question)
    assert bool(reading.said) == bool(reading.calls)
    assert "\n" not in reading.said + reading.question


@settings(deadline=None)  # the machine may be busy
@given(commands)
def test_regions_are_words_that_can_be_picked_by_and_never_sent_as_a_query(text: str) -> None:
    for made in read(text).calls:
        region, query = made.text("region"), made.text("query")
        assert not region or is_region_word(region)
        assert not region_of(query)


@settings(deadline=None)  # the machine may be busy
@given(commands)
def test_calls_hold_known_arguments_that_differ_from_the_defaults(text: str) -> None:
    for made in read(text).calls:
        assert made.args.keys() <= DEFAULTS[made.name].keys()
        assert without_defaults(made.name, made.args) == made


def test_defaults_are_those_of_the_tools() -> None:
    unsaid = {"queries", "margin"}  # one search a thing, and no rule for how much room
    of_tools = {
        name: {
            key: "" if field.is_required() else field.default
            for key, field in operation.takes.model_fields.items()
            if key not in unsaid
        }
        for name, operation in BY_NAME.items()
    }
    assert of_tools == DEFAULTS


def test_reading_has_calls_or_a_question() -> None:
    with pytest.raises(AssertionError):
        Reading()
    with pytest.raises(AssertionError):
        Reading(calls=(HOUSE,), question="What?")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("make the red house blue", "recolour: red house -> blue house"),
        ("replace the tree with a boat", "replace: tree -> boat"),
        ("make the house older", "change: house -> older house"),
        ("make the house bigger", "scale: house (by 1.5)"),
        ("blur everything around the dog", "blur: everything except dog"),
        ("make the roof the same colour as the door", "match colour: roof (and door)"),
        ("how many trees are there?", "ask for the number: trees"),
        ("make it night", "setting: night"),
        ("save it as a.png and describe it", "save (named a.png); describe the picture"),
        ("remove the left tree", "remove: tree (left)"),
        ("add a cat to the left of the car", "add: cat (left of car)"),
        ("put a bird on top of my house", "add: bird (on house)"),
        ("add a tree near the house and undo", "add: tree (next to house); undo"),
        ("add a red ball on the left", "add: red ball (left)"),
        ("find everything but the sky", "find: everything except sky"),
        ("find the house but not the door", "find: house (sparing door)"),
        ("find the cat in house.png with seed 3", "find: cat (in house.png, seed 3)"),
        ("undo twice", "undo (2 times)"),
        ("list the last 5 pictures", "list the pictures (limit 5)"),
        (
            "draw a red house and make the house blue",
            "generate: a red house, then recolour: house -> blue house",
        ),
        (
            "make the house blue and remove the tree",
            "recolour: house -> blue house; remove: tree",
        ),
    ],
)
def test_what_was_read_is_said_on_one_line(text: str, said: str) -> None:
    assert read(text).said == said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("make the house nicer", "nicer"),
        ("frobnicate the house", "'frobnicate the house'"),
        ("outlined the tree blue somehow else", "Perhaps like"),
        ("add a boat", "Where shall I add"),
        ("sharpen the background", "I cannot do that"),
        ("blur the background", "of what"),
        ("why are there trees?", "how many there are"),
        ("find the cat in ../cat.png", "no paths"),
        ("mach das Haus blau", "English"),
        ("change the castle from the rocky shore to a lush forest", "what is around it"),
        ("raise the person's left arm", "raise the person's left arm"),
        ("extract the dog, including its collar and the grass around it", "including its collar"),
        ("the cow must be excommunicated", "excommunicated"),
        ("remove the tree (the left or the right one)", ""),
        ("make it blue", "What does 'it' stand for"),
        ("find the tree and the house and make it red", "the tree or the house"),
        ("make the house blue but leave the house alone", "or leave it alone"),
        ("find the man with the hat and the coat", "two ways"),
        ("undo 500 times", "up to 20"),
        ("a" * 1001, "1,000 characters"),
        ("make the \u202ehouse blue", "cannot be seen"),
        ("", "no words"),
    ],
)
def test_question_says_what_is_unclear(text: str, words: str) -> None:
    assert words in read(text).question


def test_nothing_of_a_text_is_done_when_a_part_is_not_understood() -> None:
    assert read("remove the tree and sharpen the background").calls == ()
    assert read("make the house blue and find the cat in /etc/cat.png").calls == ()


def test_after_several_calls_them_is_all_and_it_is_a_question() -> None:
    found = [ToolCall("segment_image", {"query": "tree"}), HOUSE]
    assert [made.text("query") for made in read("remove them", found).calls] == ["tree", "house"]
    assert "the tree or the house" in read("remove it", found).question


def test_after_a_removal_it_is_nothing_even_when_more_was_done() -> None:
    done = [BLUE, ToolCall("edit_image", {"operation": "remove", "query": "tree"})]
    assert "stand for" in read("make it red", done).question


def test_what_failed_is_still_what_it_was() -> None:
    (made,) = read("make it green", [BLUE], failed=True).calls
    assert (made.text("query"), made.text("target")) == ("red house", "green house")
    (made,) = read("make it green", [BLUE]).calls
    assert (made.text("query"), made.text("target")) == ("blue house", "green house")


def test_it_stays_in_the_picture_that_was_searched_but_not_in_one_that_was_edited() -> None:
    found = ToolCall("segment_image", {"query": "cat", "image": "a.png"})
    assert read("remove it", [found]).calls[0].text("image") == "a.png"
    edited = ToolCall("edit_image", {"query": "cat", "target": "dog", "image": "a.png"})
    assert read("remove it", [edited]).calls[0].args == {"operation": "remove", "query": "dog"}


def test_again_repeats_all_that_was_done() -> None:
    assert read("again", [HOUSE, BLUE]).calls == (HOUSE, BLUE)
    seeds = [made.args["seed"] for made in read("another seed", [HOUSE, BLUE]).calls]
    assert seeds == [1, 1]


def test_first_edit_of_a_named_picture_is_followed_by_edits_of_what_it_made() -> None:
    text = "in a.png find the cat, make the house blue and remove the tree"
    assert [made.text("image") for made in read(text).calls] == ["a.png", "a.png", ""]


@pytest.mark.parametrize(
    ("thing", "look", "name"),
    [
        ("house", Look("blue", "colour"), "blue house"),
        ("old red barn", Look("green", "colour"), "old green barn"),
        ("fire truck", Look("yellow", "colour"), "yellow fire truck"),
        ("man's old shirt", Look("yellow", "colour"), "man's old yellow shirt"),
        ("house with the red door", Look("blue", "colour"), "blue house with the red door"),
        ("dark green and white flag", Look("red", "colour"), "red flag"),
        ("wooden bridge", Look("stone", "material"), "stone bridge"),
        ("small house", Look("bigger", "size"), "bigger house"),
        ("light bulb", Look("red", "colour"), "red light bulb"),
        ("orange", Look("blue", "colour"), "blue orange"),
    ],
)
def test_new_look_takes_the_place_of_an_old_one_of_its_kind(
    thing: str, look: Look, name: str
) -> None:
    assert described(thing, [look]) == name


@pytest.mark.parametrize(
    ("phrase", "parts"),
    [
        ("left house", ("house", "left")),
        ("house on the left", ("house", "left")),
        ("biggest boat", ("boat", "largest")),
        ("2nd tree from the right", ("tree", "second from the right")),
        ("window in the upper left corner of the picture", ("window", "top left")),
        ("top hat", ("top hat", "")),
        ("top of the house", ("top of the house", "")),
        ("left side of the house", ("left side of the house", "")),
        ("left house on the right", ("house", "left, right")),
        ("house", ("house", "")),
    ],
)
def test_region_is_told_from_the_thing(phrase: str, parts: tuple[str, str]) -> None:
    assert split_region(phrase) == parts


def test_place_to_add_at_is_a_side_of_the_picture_not_of_a_thing() -> None:
    assert split_place("a Boat in the lower right corner") == ("a Boat", "bottom right")
    assert split_place("a boat on the left of the house") == ("a boat on the left of the house", "")
    assert split_place("a boat at the second") == ("a boat at the second", "")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("I want the bridge marked", "mark the bridge"),
        ("the walls should be painted white", "paint the walls white"),
        ("the window on the left, can that be red?", "make the left window red"),
        ("get the smallest of the boats blurred", "blur the smallest boats"),
        ("don't make the house blue, make it green", "make the house green"),
        ("don't crop the dog, just blur it", "blur the dog"),
        ("grey cat -> orange cat", "turn the grey cat into an orange cat"),
        ("corp to the dog", "crop to the dog"),
        ("car: delete", "delete the car"),
        ("the blue car, select", "select the blue car"),
        ("the sky's dull, give it more contrast", "more contrast for the sky"),
        ("the curtains are violet, they should be grey", "make the violet curtains grey"),
        ("state the colour of the car", "what colour is the car?"),
        ("is the post situated to the left of the door?", "is the post left of the door?"),
        ("how many windows has this house?", "how many windows are there?"),
        ("the hedge should be depicted as a fence", "the hedge should be a fence"),
        ("exchange the gnome against a sunflower", "replace the gnome with a sunflower"),
        ("the scooter has to go, have it out", "remove the scooter"),
        ("that pole's an eyesore, have it out", "remove the pole"),
        ("get shot of the nettles", "remove the nettles"),
        ("dim everything so the cow stands out", "dim everything except the cow"),
        ("brighten it by about a fifth", "brighten it by 20 percent"),
        ("save it as red barn dot png", "save it as 'red barn.png'"),
        ("hide the plate by blurring it", "blur the plate"),
        ("wait no go back", "go back"),
        (
            "first the rubbish bin away, then the bench red",
            "remove the rubbish bin, make the bench red",
        ),
        ("the boat looks far away, make it bigger", "make the boat bigger"),
        ("extract the yacht, including its full body, masts, and sails", "cut out the yacht"),
        ("extract the black blouse worn by the woman", "cut out the woman's black blouse"),
        ("remove the red streetcar (tram) in the image", "remove the red streetcar"),
        (
            "remove the tower, ensuring the background remains intact with trees, and flowers",
            "remove the tower",
        ),
        ("change the background from the snow to a beach", "replace the background with a beach"),
        ("adjust the brightness of the sky to make it sunnier", "brighten the sky"),
        ("extract the car present in the image", "cut out the car"),
        ("change the background of this photo to meadow", "change the background to meadow"),
        ("change the image to black and white style", "make the picture black and white"),
        ("ensure there's no horse in the image", "remove the horse"),
        ("the cow must be expunged from the image", "remove the cow"),
        ("place a bird to the top of the sign", "add a bird on top of the sign"),
        ("position an apple to the left of the man's arm", "add an apple left of the man's arm"),
        ("16:9 crop on the car", "crop to the car 16:9"),
        ("greener grass", "make the grass greener"),
        ("paint roof red walls white", "paint the roof red and the walls white"),
        ("remove tree add boat left", "remove the tree and add a boat on the left"),
        ("background blurry, dog sharp", "blur everything around the dog"),
        ("in the upper right corner a moon", "add a moon top right"),
        ("duplicate the chair, put the copy on the right", "copy the chair to the right"),
        ("I want that the car becomes yellow", "make the car yellow"),
        ("contrast up 20%", "increase the contrast by 20%"),
        ("dog position?", "where is the dog"),
        ("puppy make smaller, only half", "make the puppy half as big"),
        ("is there a dog in it or am i tripping", "is there a dog"),
        ("sampan at the left side of the bridge or not?", "is the sampan left of the bridge"),
        ("pagoda stay where?", "where is the pagoda"),
        ("restore the image to its initial state", "back to the original"),
        ("brighten it up, it's way too dark in there", "brighten the picture"),
        ("transparent png of the lamp", "cut out the lamp"),
        ("highlight the bag with an orange outline", "outline the bag in orange"),
        ("give the sign a red border", "outline the sign in red"),
        ("would it be possible for the roof to be red", "make the roof red"),
        ("don't change the kids just make the wall white", "make the wall white but not the kids"),
        ("✨ make the house \U0001f3e0 blue \U0001f937\u200d♀️", "make the house blue"),
        ("I should like to know where the dog is", "where is the dog"),
        ("when you have a moment, lighten the sky, if you would", "lighten the sky"),
        ("thank you very much. May I ask you to mirror the house?", "mirror the house"),
        ("blur the faces for privacy reasons", "blur the faces"),
        ("could you remove the folder on the left?", "take away the folder on the left"),
        ("kindly revert the most recent change", "undo"),
        ("show me the state before and the state after", "compare"),
        ("would you redo that last step?", "redo"),
        (
            "what proportion of the image does the lake occupy?",
            "how much space does the lake take up",
        ),
        ("return to the unmodified photograph", "back to the original"),
        ("the sky ought to be purple rather than blue", "turn the blue sky purple"),
        ("the lorry is to be exchanged for a bus", "replace the lorry with a bus"),
        ("crop tighter on the bride", "crop to the bride"),
        ("make more light on the door", "brighten the door"),
        ("take the cups off the desk", "remove the cups on the desk"),
        ("render the surroundings of the dog in shades of grey", "grey everything but the dog"),
        ("I need that car is red", "make the car red"),
        ("I need that background is blurred, only girl sharp", "blur everything around the girl"),
        ("make so that the cat is white", "make the cat white"),
        ("instead of horse I want to see camel", "replace the horse with a camel"),
        ("move boat little bit to right", "move the boat a little bit to the right"),
        ("all without mountain make black and white", "grey everything but the mountain"),
        ("house third from left, mark it", "mark the third house from the left"),
        ("is in the garden some cat?", "is there a cat"),
        ("make for me picture: old mill in forest", "draw old mill in forest"),
        ("wall paint with colour #ffeecc", "make the wall #ffeecc"),
        ("brand colour for the door: #112233", "make the door #112233"),
        ("I don't like the clown make him go away", "remove the clown"),
        ("save picture with name sunset.png", "save it as sunset.png"),
        ("B&W everything but the lipstick", "grey everything but the lipstick"),
        ("class, where is the triangle?", "where is the triangle"),
        ("make grandpa bigger please love", "make grandpa bigger"),
        ("cut only the vase", "cut out the vase"),
        ("delete everyone but the girl", "remove the people but not the girl"),
        ("undo x3", "undo three times"),
        ("I can't see the boat very well, could you make it brighter", "brighten the boat"),
        ("this man I don't need", "remove this man"),
        ("save for web as bottle.jpg", "save as bottle.jpg"),
    ],
)
def test_what_is_said_in_another_way_is_read_as_when_it_is_said_plainly(
    text: str, plain: str
) -> None:
    assert read(text).calls == read(plain).calls != ()


@pytest.mark.parametrize(
    "text",
    [
        "move the moon up close",
        "remove the tallest of the trees",
        "kick the ball",
        "headline font to Helvetica",
        "move the boat 100 pixels left",
        "yellow suits the car better",
        "colder colours",
        "dog leave cat",
        "make the boat a slightly darker shade of green",
        "find a better photo",
        "get everybody to open their eyes",
        "any chance of seeing the dog and the original",
        "give the dog a red collar",
        "the picture lacks contrast",
        "blur the \U0001f415 and the cat",
        "delete the folder in the middle of my drive",
        "convert the file to the DWG format",
        "return the dog to the left",
        "the shirt available in blue too?",
        "crop drawing on the wall",
        "I like that the house is blue",
        "\U0001f3e0 blue",
    ],
)
def test_words_that_nothing_accounts_for_are_asked_about(text: str) -> None:
    assert read(text).question


def test_rule_for_two_things_does_not_fit_one_thing_and_two_verbs() -> None:
    assert read("'s change change").question


@pytest.mark.parametrize("text", ["does the car look red", "is the car blue", "are the dogs big?"])
def test_question_never_changes_anything(text: str) -> None:
    assert {made.name for made in read(text).calls} <= {"ask_image"}


def test_what_may_be_one_name_is_not_taken_for_a_verb_and_a_thing() -> None:
    assert read("clear sky").calls == (ToolCall("segment_image", {"query": "clear sky"}),)


def test_call_leaves_out_what_is_not_given() -> None:
    made = call("edit_image", {"query": "cat", "target": "", "mask": None, "operation": "replace"})
    assert made.args == {"query": "cat"}


def test_reading_loads_no_heavy_library() -> None:
    code = "import sys, agent_tools.commands; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "diffusers", "langchain_core", "langgraph", "mcp", "skimage", "scipy"}
    assert heavy.isdisjoint(done.stdout.split())
