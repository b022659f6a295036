"""What a clause means whose words were told by their kinds, in any order, as calls.

Every function takes the parts that were said, by what they are for: the words of each kind by its
name in lower case (``parts["move"]``), what they say as ``parts["move_is"]`` and the link before
them as ``parts["move_link"]``; a second thing is ``other``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_tools.commands import acts, edits, lexicon
from agent_tools.commands.calls import ARRANGE, ToolCall, Unsure, Value, call
from agent_tools.commands.chunks import REST, WHOLE_PICTURE, Chunk
from agent_tools.commands.edits import Build, Parts
from agent_tools.commands.looks import read_touch
from agent_tools.commands.things import EVERYTHING_BUT, Talk, read_things

DETERMINED = re.compile(
    rf"(?:{'|'.join(sorted(lexicon.DETERMINERS | {'it', 'them'}))})\b|{EVERYTHING_BUT}"
)
_INDEFINITE = re.compile(r"(?:an?|some|another|one|two|three|\d+) ")


def parts_of(said: Sequence[Chunk]) -> Parts:
    """Return the parts that chunks say, for the functions of this file, `acts`, `edits`, `work`."""
    parts: Parts = {"first": said[0].kind}
    for at, chunk in enumerate(said):
        name = "other" if chunk.kind == "THING" and "thing" in parts else chunk.kind.lower()
        parts |= {name: chunk.text, f"{name}_is": chunk.value, f"{name}_link": chunk.link}
        parts[f"{name}_at"] = f"{at:02}"
    share = re.search(r"\d+", parts.get("share", ""))
    place, name = parts.get("place_is"), parts.get("thing", "")
    same: Parts = {
        "colour": parts.get("look", ""),
        "level": parts.get("level_is", ""),
        "action": parts.get("do_is", ""),
        "share": share[0] if share else "",
        "name": name,
        "thing": f"{name} on the {place}" if place and name else name,
    }
    return {key: text for key, text in {**parts, **same}.items() if text}


def whole(parts: Parts) -> None:
    """Raise ``Unsure`` where something else is named than the picture."""
    thing = parts.get("thing", "it")
    if thing not in ("it", "this", "that") and not WHOLE_PICTURE.fullmatch(thing):
        raise Unsure("I can do that with the picture as a whole.")


def _touched(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return what makes a thing "brighter" or "too dark" no longer."""
    touch = parts.get("touch") or parts["too_is"]
    about_it = talk.things and "contrast" not in touch
    thing = parts.get("thing") or ("it" if about_it else "the picture")
    other = read_touch(touch)
    if other is not None and "share" in parts:
        amount = int(parts["share"]) / 100
        scaled = read_touch(f"{parts['share']}% {touch}")
        other = scaled or call(other.name, {**other.args, "amount": amount})
    return edits.Wish(other=other).on(thing, talk)


def _changed(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the change of "house blue" and "blue for the house", but not of "blue house"."""
    name, look, make = parts["name"], parts["look"], parts.get("make", "")
    first, link = parts["thing_at"] < parts["look_at"], parts.get("thing_link", "")
    told = bool(make or parts.get("look_link")) or look.endswith("er")
    told = told if link != "to" else make == "apply"
    stated = make in ("is", "are", "was", "were", "looks", "it's", "that's")
    linked = link in ("for", "on", "of")
    if stated or _INDEFINITE.match(name) or (first and link) or not (first or told or linked):
        raise Unsure(f"What is to become of {name!r}?")
    return edits.changes(f"{parts['thing']} {look}", talk)


def _rest_spoilt(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return what is done around "only the dog in focus"."""
    around = f"{EVERYTHING_BUT}{parts['thing']}"
    return acts.retouch({"action": parts["sharp_is"], "thing": around}, talk)


def _cut_out(parts: Parts, talk: Talk) -> list[ToolCall]:
    if REST.fullmatch(parts["name"]):
        return acts.cut_out_it({}, talk)
    if parts.get("thing_link") == "to":
        return _cropped(parts, talk)
    return acts.retouch({"action": "cut_out", "thing": parts["thing"]}, talk)


def _cropped(parts: Parts, talk: Talk) -> list[ToolCall]:
    shape = re.search(r"square|\d+ ?[:x/] ?\d+", parts.get("aspect", ""))
    aspect = re.sub(r" ?[:x/] ?", ":", shape[0]) if shape else ""
    return acts.crop({"rest": f"to {parts['thing']} {aspect}".strip()}, talk)


def _recoloured_as(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return what gives a thing the colour of another one, or each that of the other."""
    action = "swap_colours" if "replace" in parts else "match_colour"
    one, other = parts["name"], parts.get("other", "")
    if not other and action == "swap_colours":
        one, _, other = one.partition(" and ")
    if not other or parts.get("thing_link", "") not in ("", "of", "on", "for", "between"):
        raise Unsure("Which is to have the colour of which?")
    return acts.with_other({"action": action, "thing": one, "other": other}, talk)


def _colour_asked(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the question for the colour in "roof colour", but not in "colder colours"."""
    word = parts["thing"].split()[0]
    named = parts["first"] == "THING" or parts["hue"].endswith("of")
    if "what" not in parts and (not named or word.endswith("er") or word in lexicon.OTHER_VERBS):
        raise Unsure("Which colour?")
    return acts.ask({"about": "colour", "thing": parts["thing"]}, talk)


def _moved(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the moving of "the boat 20% right"; what is new is added where it is put."""
    thing, how = parts.get("name", "it"), parts.get("move", "")
    new = _INDEFINITE.match(thing) is not None
    if new and ("put" in parts or how in ("sit", "stand")):
        return _added(parts, talk)
    if new or not (how or DETERMINED.match(thing)):
        raise Unsure("Shall I move it, or add it?")
    more = f"{parts.get('degree', '')} {parts.get('share', '')}{'%' if 'share' in parts else ''}"
    words = f"{thing} to the {parts['place_is']} {more}"
    return acts.move({"rest": " ".join(words.split())}, talk)


def _moved_beside(parts: Parts, talk: Talk) -> list[ToolCall]:
    other = parts["other"].removeprefix("the ")
    return acts.move({"rest": f"{parts['name']} next to the {other}"}, talk)


def _copied(parts: Parts, talk: Talk) -> list[ToolCall]:
    place = parts.get("place_is")
    rest = f"{parts['name']}{f' to the {place}' if place else ''}"
    return acts.move({"action": "copy", "rest": rest}, talk)


def _added(parts: Parts, talk: Talk) -> list[ToolCall]:
    thing = re.sub(r"^(?:one|another) ", "a ", parts["name"])
    return edits.add({"rest": f"{thing} on the {parts['place_is']}"}, talk)


def _placed(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the adding of "top left a moon" and "another moon top left"."""
    if parts["first"] != "PLACE" and not parts["name"].startswith("another "):
        raise Unsure("Shall I find it, or add it?")
    return _added(parts, talk)


def _scaled(parts: Parts, talk: Talk) -> list[ToolCall]:
    way = "down" if "grow_is" in parts or "less" in parts else "up"
    thing = f"{parts['thing']} {parts.get('degree', '')}".strip()
    to = "to" if parts.get("share_link") == "to" else "by"
    factor = {"factor": f"{to} {parts['share']}%"} if "share" in parts else {}
    return acts.scale({"verb": "scale", "way": way, "thing": thing, **factor}, talk)


def _multiplied(parts: Parts, talk: Talk) -> list[ToolCall]:
    if parts["double"] == "half" and parts["first"] == "DOUBLE":
        raise Unsure("Half of them, or half as big?")
    number = re.search(r"\d+(?:\.\d+)?", parts.get("double_is") or parts["double"])
    args: dict[str, Value | None] = {"action": "scale", "amount": float(number[0] if number else 1)}
    return [call(ARRANGE, {**each.args(), **args}) for each in read_things(parts["thing"], talk)]


def _replaced(parts: Parts, talk: Talk) -> list[ToolCall]:
    verbs = parts.get("replace", "") + parts.get("make", "")
    linked = parts.get("other_link") in ("into", "to", "with", "by")
    if not linked and verbs not in ("change", "exchange", "trade"):
        raise Unsure("Which is to become which? Say 'replace the ... with a ...'.")
    return edits.replace_with({"rest": f"{parts['name']} with {parts['other']}"}, talk)


def _mirrored(parts: Parts, talk: Talk) -> list[ToolCall]:
    if "thing" not in parts and parts["flip"] == "mirror":
        raise Unsure("Shall I find the mirror, or flip the picture?")
    return acts.flip(parts, talk)


MEANINGS: dict[str, Build] = {
    build.__name__.removeprefix("_"): build
    for build in (
        *(_touched, _changed, _rest_spoilt, _cut_out, _cropped, _recoloured_as, _colour_asked),
        *(_moved, _moved_beside, _copied, _added, _placed, _scaled, _multiplied),
        *(_replaced, _mirrored),
    )
}
