"""What "make", "replace", "add" and their like ask for: things, and what they are to become."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import (
    EDIT,
    GENERATE,
    RETOUCH,
    SEGMENT,
    ToolCall,
    Unread,
    Unsure,
    Value,
    call,
)
from agent_tools.commands.lexicon import release
from agent_tools.commands.looks import (
    Look,
    described,
    is_adjective,
    is_colour,
    looks_of,
    read_touch,
    without_colours,
)
from agent_tools.commands.places import region_of, split_place
from agent_tools.commands.things import (
    EVERYTHING_BUT,
    NamedThing,
    Talk,
    called,
    is_rest,
    read_target,
    read_thing,
    read_things,
    read_where,
)
from agent_tools.commands.wording import pattern

Parts = dict[str, str]  # what the named groups of a pattern matched
Build = Callable[[Parts, Talk], list[ToolCall]]  # makes calls of them

_FROM = re.compile(r" (?:from|off) the (?=(\w+))")
WRITTEN = re.compile(rf"\b(?:{'|'.join(sorted(lexicon.WRITING))})\b")
_BECOMING = re.compile(r"(?:(?:to )?(?:looks?|be|become|get|appear)|in(?:to)?|to) ")
NEVER_LAST = (lexicon.NOT_IN_NAMES | {EVERYTHING_BUT.strip()}) - frozenset(
    "everything all else rest colours colors can everywhere".split()
)
_BESIDE = re.compile(r" (?:on|at|in|to|over|under|of|behind|beside) (?:the|his|her|its|their|my) ")
_TO_BE_BESIDE = pattern("beside")
_IN_MASK = re.compile(r" (?:in|inside|into|at|on|within|under)(?: the)?(?: mask)? (mask_\w+)$")
_RELATION = {
    **dict.fromkeys(("next to", "beside", "near", "close to", "by"), "next to"),
    **dict.fromkeys(("above", "over"), "above"),
    **dict.fromkeys(("below", "under", "underneath", "beneath"), "below"),
    "on top of": "on",
}
_SHADED = {"dark": "darken", "bright": "brighten", "light": "brighten"}
_SIDES = pattern("sides")
_SAYS_NOTHING = frozenset().union(
    *(lexicon.DETERMINERS, lexicon.PICTURES, lexicon.PRONOUNS_ONE, lexicon.PRONOUNS_MANY),
    *(("new", "another"),),
)
_COPIES = frozenset(("copy", "copies", "variation", "variations", "duplicate", "version"))


def find(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return a search for each thing."""
    said = re.sub(r"^(?:any|some|a few) (?:of )?", "", parts["thing"])
    return [call(SEGMENT, thing.args()) for thing in read_things(said, talk)]


def remove(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return a removal for each thing."""
    return [call(EDIT, {"operation": "remove", **thing.args()}) for thing in _on(parts, talk)]


def _on(parts: Parts, talk: Talk) -> list[NamedThing]:
    """Return the things, "the cat from the sofa" taken for the cat on the sofa."""
    if talk.kept and is_rest(parts.get("thing", "")):
        return read_where(parts["thing"], talk)
    named = parts.get("thing") or f"{EVERYTHING_BUT}{parts['kept']}"
    said = _FROM.sub(lambda found: found[0] if region_of(found[1]) else " on the ", named)
    return read_things(said, talk)


def use_instead(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the edits of "a boat instead of the tree"."""
    target = read_target(parts["target"])
    ones = re.fullmatch(r"(?:the|this|that|these|those)(?: old| current)? ones?", parts["thing"])
    things = read_things(without_colours(target) if ones else parts["thing"], talk)
    return [call(EDIT, {**thing.args(), "target": target}) for thing in things]


def recolour(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the edits of "the colour of the house from red to blue", which is a red house."""
    thing, old = parts["thing"], looks_of(parts.get("old", ""))
    change = _read_change(parts["target"])
    if change is None or change.target or (parts.get("old") and not old):
        raise Unread(f"What colour is {release(parts['target'])!r}? I do not know it.")
    thing = re.sub(r"'s?$", "", thing)
    things = read_things({"its": "it", "their": "them"}.get(thing, thing), talk)
    if old:
        things = [replace(each, query=described(each.query, old)) for each in things]
    return [change.applied(each) for each in things]


def add(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return an edit for each thing in "a cloud on the left and a sun on the right"."""
    if parts["rest"].startswith(("the ", "it ", "them ", "this ", "that ")):
        raise Unsure("Shall I move it? Say where to, e.g. 'move the boat to the left'.")
    if WRITTEN.search(parts["rest"]) or re.match(r"(?:some|any)thing\b", parts["rest"]):
        raise Unsure("I write no texts, and add things that have a name. What shall I add?")
    calls = []
    for part in _placed(parts["rest"]):
        mask = _IN_MASK.search(part)
        thing, place = split_place(part[: mask.start()] if mask else part)
        beside = None if mask or place else _TO_BE_BESIDE.fullmatch(part)
        if beside is not None:
            thing = beside["thing"]
            side = beside["side"]  # of "on the left hand side of"
            words = f"{side} of" if side else _RELATION[beside["relation"]]
            other = read_thing(beside["other"], talk)
            if other.region or other.exclude or other.invert:
                raise Unsure(f"Beside which one: {release(beside['other'])!r}? Name one thing.")
            place = f"{words} {other.query}"
        if bool(mask) == bool(place) or _BESIDE.search(thing):
            raise Unsure(
                f"Where shall I add {release(part)!r}? I know places in the picture: left, right, "
                "top, bottom, middle, 'top left' ..., and 'left of the car'; or give the handle of "
                "a mask."
            )
        where = {"mask": mask[1]} if mask else {"region": place}
        calls.append(call(EDIT, {"operation": "add", "target": read_target(thing), **where}))
    return calls


def _placed(text: str) -> list[str]:
    """Return the parts of what is to be added that have a place each; the whole where none has."""
    parts = re.split(r",? and |, (?:and )?", text)
    placed = [bool(split_place(part)[1]) or "mask_" in part for part in parts]
    if any(placed) and not all(placed):
        raise Unsure("Please give a place for each thing to add, e.g. 'a boat on the left'.")
    return parts if all(placed) else [text]


def generate(parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return the making of a picture."""
    prompt = release(parts.get("prompt", ""))
    sides: dict[str, Value] = {}
    prompt = re.sub(r"^one ", "", prompt)
    prompt = re.sub(r"^an? (\d+ ?x ?\d+) (?:(?:picture|image|photo) of )?(.+)", r"\2, \1", prompt)
    if (size := _SIDES.search(prompt)) is not None:
        prompt, sides = prompt[: size.start()], {"width": int(size[1]), "height": int(size[2])}
    words = set(re.findall(r"\w+", prompt.lower()))
    if split_place(prompt)[1] and " of " not in prompt:
        raise Unsure("A new picture, or 'add' it to this one? Say 'add a ... on the left' to add.")
    if EVERYTHING_BUT.strip() in prompt or not words - _SAYS_NOTHING or words & _COPIES:
        raise Unsure("What is the picture to show?")
    if words & lexicon.VAGUE and len(words) <= 3:
        raise Unsure("What is the picture to show? Say it in words that can be painted.")
    return [call(GENERATE, {"prompt": prompt, **sides})]


def ask_back(parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return nothing: ask what the table asks."""
    raise Unsure(parts["question"].replace("_", " "))


def ask_what(parts: Parts, _talk: Talk) -> list[ToolCall]:
    """Return nothing: ask what a verb is about that stands alone."""
    raise Unsure(f"{parts['verb'].capitalize()} what?")


def ask_colour(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return nothing: ask for the colour in "change the colour of the house"."""
    names = " and ".join(thing.query for thing in read_things(parts["thing"], talk))
    raise Unsure(f"What colour is {names!r} to be?")


def become(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the edits of "the house blue" and "the house should be blue"."""
    return changes(parts.get("rest") or f"{parts['thing']} {parts['target']}", talk)


# -- things, and what they are to become

_AND = re.compile(r",? and (?:also )?|, (?:and )?")
_LOOK = re.compile(r"(?:to )?(?:looks?|seem|appear) (?!like )(.+)")
_LINK = re.compile(r"(?:back )?(?:(?:in)?to|as|in|with|be|become) ")
_INTO = re.compile(r"(?:(?:to )?(?:looks? like|be|become)|(?:in)?to(?: looking like)?) (.+)")
_SAME = pattern("same")
_ARTICLE = re.compile(r"an? (?!bit\b|little$|lot\b|touch$).+")
_WITH = re.compile(r"(?P<thing>.+?) (?:with|by|for) (?P<target>.+)")


@dataclass(frozen=True)
class Wish:
    """What a thing is to become: looks, the name of another thing, or what a tool makes of it."""

    looks: tuple[Look, ...] = ()
    target: str = ""
    other: ToolCall | None = None

    def on(self, things: str, talk: Talk) -> list[ToolCall]:
        """Return the calls that make this change, one a thing of those that a text names."""
        anywhere = self.other is not None or self.grey
        read = read_where if anywhere else read_things
        return [self.applied(thing) for thing in read(things, talk)]

    @property
    def grey(self) -> bool:
        """Whether it may mean that what is meant is to lose its colours."""
        return bool(self.looks) and self.looks[-1].words in ("black and white", "grey", "gray")

    def applied(self, thing: NamedThing) -> ToolCall:
        """Return the call that makes this change."""
        if self.other is not None:
            return called(self.other.name, thing, self.other.args)
        if self.looks and self.looks[0].words.startswith("#"):
            return called(RETOUCH, thing, {"action": "colour", "colour": self.looks[0].words})
        if self.grey and (thing.invert or not thing.query):
            return called(RETOUCH, thing, {"action": "grey"})
        if self.looks and thing.invert and self.looks[0].words in _SHADED:
            return called(RETOUCH, thing, {"action": _SHADED[self.looks[0].words]})
        if self.looks and thing.invert:
            raise Unsure("What is all the rest to become? Name a thing, e.g. 'snow'.")
        coloured = self.looks and all(look.kind == "colour" for look in self.looks)
        if not coloured and WRITTEN.search(thing.query):
            raise Unsure("I write no texts. I can find, recolour or remove the one that is there.")
        target = self.target or described(thing.query, self.looks)
        if target == thing.query:
            raise Unsure(f"{thing.query!r} is that already. What is it to become?")
        return call(EDIT, {**thing.args(), "target": target})


@dataclass(frozen=True)
class ChangeClause:
    """A part of a clause: the text that names things, and what they are to become."""

    things: str
    change: Wish

    def also(self, looks: Sequence[Look]) -> ChangeClause:
        """Return the same with looks that were said after an "and"; colours become one look."""
        first = self.change.looks
        if first and looks[0].kind == first[-1].kind == "colour":
            joiner = ", " if " and " in looks[0].words else " and "  # "red, white and blue"
            merged = Look(joiner.join((first[-1].words, looks[0].words)), "colour")
            looks, first = (merged, *looks[1:]), first[:-1]
        return ChangeClause(self.things, Wish((*first, *looks), self.change.target))


def changes(text: str, talk: Talk) -> list[ToolCall]:
    """Return the edits for what follows "make", "turn" or "paint".

    Args:
        text: lower case, e.g. "the house blue and the fence white".
        talk: what "it" may stand for.

    Raises:
        Unsure: a thing, or what it is to become, is missing or unclear.
    """
    found: list[ChangeClause] = []
    waiting: list[str] = []
    for part in _AND.split(text):
        started = bool(found) and not waiting
        more = looks_of(part) if started else ()
        if started and (read_touch(part) or (more and found[-1].change.other)):  # "blue and bigger"
            part = f"{found[-1].things} {part}"
        elif more:
            found[-1] = found[-1].also(more)
            continue
        changed = _split_change(part)
        if changed is None:
            waiting.append(part)
        else:
            found.append(ChangeClause(" and ".join([*waiting, changed.things]), changed.change))
            waiting = []
    if waiting:
        raise _unfinished(" and ".join(waiting), talk)
    return [made for each in found for made in each.change.on(each.things, talk)]


def replace_with(parts: Parts, talk: Talk) -> list[ToolCall]:
    """Return the edits for what follows "replace": "the tree with a boat and the car with a bus".

    Raises:
        Unsure: it is not clear what becomes what.
    """
    found: list[ChangeClause] = []
    waiting: list[str] = []
    for part in _AND.split(re.sub(r" out(?= (?:for|with|by) )", "", parts["rest"])):
        pair = _WITH.fullmatch(part)
        if pair is not None and _WITH.fullmatch(pair["target"]):
            raise Unsure(
                f"{release(part)!r} can be read in two ways. Say 'turn the ... into a ...'."
            )
        if pair is not None:
            things = " and ".join([*waiting, pair["thing"]])
            found.append(ChangeClause(things, _another(pair["target"])))
            waiting = []
        elif found and not waiting and _ARTICLE.fullmatch(part):  # "with a boat and a car"
            target = f"{found[-1].change.target} and {read_target(part)}"
            found[-1] = ChangeClause(found[-1].things, Wish(target=target))
        else:
            waiting.append(part)
    if waiting:
        raise _unfinished(" and ".join(waiting), talk)
    return [made for each in found for made in each.change.on(each.things, talk)]


def _split_change(part: str) -> ChangeClause | None:
    """Return the shortest name whose rest says what it is to become; None where there is none."""
    words = part.split()
    for cut in range(1, len(words)):
        things, rest = " ".join(words[:cut]), " ".join(words[cut:])
        if not _may_be_thing(things):
            continue
        change = _read_change(rest)
        if change is not None:
            return ChangeClause(things, change)
    return None


def _may_be_thing(text: str) -> bool:
    if text in lexicon.PRONOUNS_ONE | lexicon.PRONOUNS_MANY:
        return True
    words = [word for word in text.split() if word not in lexicon.DETERMINERS]
    dangling = lexicon.PREPOSITIONS | lexicon.DETERMINERS | lexicon.DEGREES | NEVER_LAST
    words = [word for word in words if word not in ("bit", "little", "lot", "touch", "tad")]
    if not words or is_adjective(words[-1]):
        return False
    return text.split()[-1] not in dangling and not all(map(is_adjective, words))


def _read_change(text: str) -> Wish | None:
    """Return what "blue", "look older", "into a castle" or "a castle" say; None for other words."""
    plain = _BECOMING.sub("", text, count=1)
    if (made := read_touch(plain)) is not None:
        return Wish(other=made)
    if (seems := _LOOK.fullmatch(text)) is not None and (
        looks := looks_of(seems[1], open_class=True)
    ):
        return Wish(looks)
    said = _LINK.sub("", text, count=1)
    if looks := looks_of(said):
        return Wish(looks)
    if is_colour(colour := re.sub(r"^an? (?:(?:nice|lovely|beautiful|pretty) )?", "", said)):
        return Wish(looks_of(colour))
    if (same := _SAME.fullmatch(plain)) is not None:
        other = read_thing(same["colour"] or same["shade"], Talk()).query
        return Wish(other=call(RETOUCH, {"action": "match_colour", "other": other}))
    into = _INTO.fullmatch(text)
    if into is None and _ARTICLE.fullmatch(text) is None:
        return None
    wish = _another(into[1] if into else text)
    return None if wish.target and re.fullmatch(r"(?:to )?be \w*[^s\W]", text) else wish


def _another(name: str) -> Wish:
    """Return the wish for "a castle", or for the looks of "a blue one"."""
    one = re.fullmatch(r"(?:an? |the )?(.+?) ones?", name)
    said = one[1] if one else re.sub(r"^an? ", "", name)
    looks = () if said in lexicon.NOUNS_TOO and not one else looks_of(said)
    return Wish(looks) if looks else Wish(target=read_target(name))


def _unfinished(things: str, talk: Talk) -> Unread:
    """Return the question that is left where things were named, but not what they become."""
    try:
        names = " and ".join(f"the {thing.query}" for thing in read_things(things, talk))
    except Unsure:
        names = f"{release(things)!r}"
    return Unread(f"What is to become of {names}? Say e.g. 'make the house blue'.")
