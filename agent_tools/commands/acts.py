"""What verbs ask for that need no new things: retouching, moving, questions, history, files.

Every function takes the parts that a rule found and what was said before, and raises
``Unsure`` where not everything that the tool needs is there.
"""

from __future__ import annotations

import re

from PIL import ImageColor

from agent_tools.commands import lexicon
from agent_tools.commands.calls import (
    ARRANGE,
    ASK,
    DESCRIBE,
    EDIT,
    RETOUCH,
    ToolCall,
    Unsure,
    Value,
    call,
)
from agent_tools.commands.edits import Parts, changes
from agent_tools.commands.lexicon import release
from agent_tools.commands.looks import LESS, USUAL_SCALE, is_colour, number_of, scaled
from agent_tools.commands.places import split_place
from agent_tools.commands.things import (
    EVERYTHING_BUT,
    Talk,
    called,
    read_thing,
    read_things,
    read_where,
)
from agent_tools.commands.wording import pattern

_ACTION_OF = {
    **{verb: action for action, verbs in lexicon.RETOUCH.items() for verb in verbs},
    **dict.fromkeys(("brightness", "exposure", "light"), "brighten"),
    **dict.fromkeys(("saturation", "vibrance", "color", "colors", "colour", "colours"), "saturate"),
    "contrast": "contrast",
}
_AMOUNT = pattern("amount")
_BY = pattern("by")
_ASPECT = pattern("aspect")
_COMING = pattern("coming")
_RELATIONS = {
    **{how: how for how in ("left of", "right of", "above", "below", "next to", "on")},
    "beside": "next to",
    "over": "above",
    "on top of": "on",
    "onto": "on",
    **dict.fromkeys(("underneath", "beneath", "under"), "below"),
}
_TOWARDS = pattern("towards")
_SLIGHTLY = re.compile(r"\b(?:(?:little |tiny |a )bit|a little|slightly|a touch|a tad)\b")
A_BIT, A_BIT_BIGGER = 0.1, 1.25  # how far, of the picture, and how much something is to change
_BEING = pattern("being")
_WAY = pattern("way")  # "up to the top right corner"
_PLAIN_COLOUR = pattern("plain_colour")
_ON_NOTHING = re.compile(r" (?:with|on|onto) an? (?:transparent|empty|plain|white) background$")
_ROOM = pattern("room")
_COLOUR_OF = re.compile(r"^(?:that|those|(?:the )?colou?rs?) of |(?:'s|s'|)(?: colou?rs?)$|'s$")
_UP_DOWN = {
    **dict.fromkeys(("upwards", "upward", "higher"), "up"),
    **dict.fromkeys(("downwards", "downward", "lower"), "down"),
    **dict.fromkeys(("center", "centre"), "middle"),
}
_SIDE = pattern("side")
_MIDDLE = pattern("middle")
_HERE = pattern("here")


def retouch(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return a change of pixels for each thing in "the background behind the girl a bit"."""
    action = parts.get("action") or _ACTION_OF[parts.get("level") or parts["verb"]]
    text = parts.get("thing") or ("it" if talk.topic and "it" in parts else "everything")
    share = int(parts["share"]) / 100 if "share" in parts else None
    if parts.get("less"):
        action = "darken" if action == "brighten" else action
        share = -share if share and action in LESS else share or LESS.get(action)
    args: dict[str, Value | None] = {"action": action, "amount": share}
    if (by := _BY.search(text)) is not None:
        args["amount"] = int(by["share"]) / 100
        text = _BY.sub("", text)
    text = _ON_NOTHING.sub("", _AMOUNT.sub("", text)).strip() or "everything"
    return [called(RETOUCH, thing, args) for thing in read_where(text, talk)]


def crop(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the crop of "it square around the cake"."""
    text = _ROOM.sub("", parts.get("rest") or parts["thing"])
    aspect = _ASPECT.search(text)
    shape = "" if aspect is None else aspect["aspect"].replace("x", ":").replace("square", "1:1")
    text = _ASPECT.sub("", text)
    before, around, after = text, _COMING.search(text), ""
    if around is not None:
        before, after = text[: around.start()], text[around.end() :].strip()
    if around is not None and before and before != "it":
        (whole,) = read_where(before.strip(), talk)
        if whole.query:
            raise Unsure("Crop to what? Say e.g. 'crop to the dog'.")
    where = read_where((after if around else before).strip(), talk)
    return [called(RETOUCH, thing, {"action": "crop", "aspect": shape}) for thing in where]


def colour(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the filling or outlining of things with a colour."""
    name = _PLAIN_COLOUR.sub("", parts.get("colour", ""))
    known = is_colour(name) or name in ImageColor.colormap
    if (name and not known) or (not name and parts["action"] == "fill"):
        raise Unsure("With which colour? Say e.g. 'red' or '#aa3300'.")
    args = {"action": parts["action"], "colour": release(name)}
    return [called(RETOUCH, thing, args) for thing in read_things(parts["thing"], talk)]


def with_other(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return what gives a thing the colour of another one, or each that of the other."""
    thing, other_name = (_COLOUR_OF.sub("", parts[part]).strip() for part in ("thing", "other"))
    other = read_thing(other_name, talk)
    if other.region or other.exclude or other.invert:
        raise Unsure(f"I go by all of {other.query!r}, and no part of it. Please name the thing.")
    args = {"action": parts["action"], "other": other.query}
    return [called(RETOUCH, each, args) for each in read_things(thing, talk)]


def move(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the moving, or copying, of "the car right by 10%" and "the ball next to the goal"."""
    action = parts.get("action", "move")
    if parts.get("to"):
        upright = {"action": action, "to": parts["to"]}
        return [called(ARRANGE, thing, upright) for thing in read_things(parts["thing"], talk)]
    said = parts.get("rest") or f"{parts['thing']} {parts['place']}"
    slight = _SLIGHTLY.search(said) is not None
    text = _BEING.sub(" ", _WAY.sub("", _AMOUNT.sub("", said)), count=1)
    args: dict[str, Value | None] = {"action": action, "amount": A_BIT if slight else None}
    if (share := _BY.search(text)) is not None:
        args["amount"] = int(share["share"]) / 100
        text = _BY.sub("", text)
    if (near := _TOWARDS.fullmatch(text)) is not None and not split_place(text)[1]:
        thing, args["to"] = near["thing"], _RELATIONS[near["how"].replace(" side", "")]
        args["other"] = read_thing(near["other"], talk).query
    elif (side := _SIDE.fullmatch(text) or _MIDDLE.fullmatch(text)) is not None:
        thing, args["to"] = side["thing"], _UP_DOWN.get(side["side"], side["side"])
    else:
        thing, args["to"] = split_place(re.sub(r" (?:to(?:wards)?|over) the ", " to the ", text))
    if not args["to"] and action == "move":
        raise Unsure("Where to? Say e.g. 'to the left', 'to the top right' or 'next to the tree'.")
    return [called(ARRANGE, each, args) for each in read_things(thing, talk)]


def scale(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the scaling of "the tree up by half" or "the car to 70%"."""
    verb, text = parts["verb"], _AMOUNT.sub("", parts["thing"])
    up = parts.get("way", "") != "down" and verb not in lexicon.SHRINK
    said = parts.get("factor", "")
    slight = _SLIGHTLY.search(parts["thing"]) is not None
    factor = (
        _factor(said, up=up) if said else scaled(A_BIT_BIGGER if slight else USUAL_SCALE, up=up)
    )
    if not said and verb in ("scale", "resize") and not parts.get("way"):
        raise Unsure("How big? Say e.g. 'to half its size', 'by 20%' or 'twice as big'.")
    args: dict[str, Value | None] = {"action": "scale", "amount": factor}
    return [called(ARRANGE, thing, args) for thing in read_things(text, talk)]


def _factor(text: str, *, up: bool) -> float:
    """Return how many times as big "by half", "to 70%" and "3x" are."""
    by, number = text.startswith("by "), re.search(r"\d+(?:\.\d+)?", text)
    said = text.removeprefix("by ").removeprefix("to ")
    value = float(number[0]) if number else number_of(said.split()[0])
    if "%" in text or "percent" in text:
        value /= 100
    if by and value < 1:
        return round(1 + value if up else 1 - value, 2)
    return round(value, 2) if text.startswith("to ") else scaled(value, up=up)


def flip(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the mirroring of things, or of the whole picture."""
    if re.search(r"\b(?:vertical(?:ly)?|upside|top to bottom)\b", parts.get("rest", "")):
        raise Unsure("I mirror left and right only. Shall I?")
    where = read_where(parts.get("thing") or "everything", talk)
    return [called(ARRANGE, thing, {"action": "flip"}) for thing in where]


# -- questions


def ask(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return a question about each thing, or about one and another."""
    args: dict[str, Value | None] = {"about": parts["about"]}
    if other := parts.get("other"):
        ones = (
            Talk(things=tuple(read_things(parts["thing"], talk)))
            if lexicon.ONES.search(other)
            else talk
        )
        args["other"] = read_thing(re.split(r" or ", _HERE.sub("", other))[0], ones).query
    text = _HERE.sub("", parts["thing"])
    while text != (text := _HERE.sub("", text)):
        pass
    text = re.sub(r"^(?:of )?(?:still )?(?:(?:any|an?|some|other|more than one|the) )?", "", text)
    text = re.sub(r" (?:sitting|standing|lying|hanging|parked|swimming|flying)$", "", text)
    text = re.sub(r"^(?:any|some)(?:one|body)$", "people", text)
    if parts["about"] == "presence":
        text = re.sub(r" or (?:an?|any|some) | or ", " and ", text)
    return [called(ASK, thing, args) for thing in read_things(text, talk)]


def ask_look(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the question for the colour in "is the house red"."""
    if parts["thing"] in lexicon.DETERMINERS:  # "the sky blue" is no shade of blue
        name, _, shade = parts["colour"].partition(" ")
        parts = {**parts, "thing": name, "colour": shade or name}
    if not all(map(is_colour, re.split(r" or ", parts["colour"]))):
        raise Unsure(
            "I can say whether things are there, how many, where, how big and what colour."
        )
    return ask({**parts, "about": "colour"}, talk)


def describe_picture(_parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return the describing of the picture."""
    return [ToolCall(DESCRIBE)]


# -- the picture as a whole


def set_scene(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the change of the whole picture to "at night"."""
    target = release(re.sub(r"^(?:(?:to|into|like|as) )?(?:(?:an?|the) )?", "", parts["setting"]))
    target = re.sub(r" (?:time|scene|weather|picture|version|setting|mood|vibe)$", "", target)
    if parts.get("it") == "it" and talk.things and target in lexicon.WEATHERS:
        return changes(f"it {target}", talk)
    return [call(EDIT, {"operation": "setting", "target": target})]


def cut_out_it(_parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the cutting out of the thing that was spoken of."""
    if len(talk.things) != 1 or talk.things[0].invert:
        raise Unsure("Behind what? Say e.g. 'cut out the dog', or 'blur everything around it'.")
    return [called(RETOUCH, talk.things[0], {"action": "cut_out"})]


def rest_in_grey(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the greying of all but a thing."""
    return retouch({"action": "grey", "thing": f"{EVERYTHING_BUT}{parts['thing']}"}, talk)
