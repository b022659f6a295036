"""What is said beside a command is passed over, and told; what may change it is asked about."""

from __future__ import annotations

import pytest

from agent_tools.commands import ToolCall, read

COW = ToolCall("segment_image", {"query": "cow"})
BESIDE = {  # a command, what is said beside it, and what of that is passed over
    "remove the branch, it drives me crazy": "it drives me crazy",
    "crop to the contract, we file tonight": "we file tonight",
    "remove the logo, legal is nervous": "legal is nervous",
    "blur the license plate, legal's on my back": "legal's on my back",
    "blur the patient's face, we have rules about that": "we have rules about that",
    "remove the tape before we print it": "before we print it",
    "make the bird twice as big so that people notice it": "so that people notice it",
    "replace the gate with a hedge for our calendar": "for our calendar",
    "make the door blue it's for my mum": "it's for my mum",
    "remove the car they need it tonight": "they need it tonight",
    "find the dog real fast": "real fast",
    "crop it tight on the rings, fast fast": "fast fast",
    "turn the cat into a lion no cap": "no cap",
    "we are tired, remove the dog": "we are tired",
    "remove the man he photobombed us": "he photobombed us",
    "find the car, being the vehicle in dispute": "being the vehicle in dispute",
    "replace the shed with a garage, as per the permit": "as per the permit",
    "make the door #4b5320, which is what the tin says": "which is what the tin says",
    "blur the board so nobody sees the answers": "so nobody sees the answers",
    "remove the pole, it would look far more natural": "it would look far more natural",
    "brighten the stairs, one sees there nothing": "one sees there nothing",
}
TELLING = """remove the cars, the red one stays
make it blue, no, green
blur the faces, not mine
blur the faces, she knows hers
remove the chairs, we need the left one
make the car red, my wife's is green
crop to the dog, I mean the cat
crop to the dog, let me see his tail
remove the people, my son is fine where he is
remove the people, I am fine
make the house blue, she said yellow
find the car, I'm talking about the truck
remove the tree, they want a bush there
make the roof red, only if it is grey
blur the background, keep it light
remove the lamps before cropping it
make the shirt red, his should be white
delete the birds, we like two of them
remove the bags, mine stays
move the cup to the right, it belongs in the corner
make the wall white, I'd rather have cream
brighten the room, it is dark outside
remove the boat, we changed our minds
because the car is old, make it blue
we have ducks, make them bigger
blur the faces, me included
remove the cow, I doubt it
remove the cow, they can have it
make the cow red, I regret it
remove the cow, just kidding
make the house blue so that the door stays red
blur the street so that only the cow is sharp
make the cow red, which is not what she wanted
make the cow red, it would look more blue
move the cow as it was""".splitlines()


@pytest.mark.parametrize("text", BESIDE)
def test_remark_is_passed_over_and_told(text: str) -> None:
    remark = BESIDE[text]
    plain = text.replace(remark, "").strip(" ,")
    assert read(text).calls == read(plain).calls
    assert read(text).said == f'{read(plain).said} (passing over "{remark}")'


@pytest.mark.parametrize("text", TELLING)
def test_what_may_change_a_command_is_never_passed_over(text: str) -> None:
    assert "passing over" not in read(text, (COW,)).said
    assert not read(text).calls


def test_remark_alone_is_no_command() -> None:
    assert read("they need it tonight").question
    assert read("the shutters, I want them tonight").question
