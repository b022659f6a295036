"""Clauses read by what their words are for, in whatever order: "16:9 crop on the car".

A rule of the table ``rules`` of ``wording.txt`` says which kinds of `chunks` there must be, which
there may be, and what they mean. It has to account for every word: whatever a clause says more has
no reading, and is asked about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from agent_tools.commands import acts, edits, lexicon, work
from agent_tools.commands.calls import ARRANGE, ASK, EDIT, RETOUCH, ToolCall, Unsure, Value, call
from agent_tools.commands.chunks import REST, WHOLE_PICTURE, Chunk, scan
from agent_tools.commands.looks import read_touch
from agent_tools.commands.things import EVERYTHING_BUT, NamedThing, Talk, read_thing, read_things
from agent_tools.commands.wording import table

LONGEST = 16  # words of a clause that is looked at for two
CHANGES = (EDIT, RETOUCH, ARRANGE)
_JOINER = re.compile(r"^[,;:.!?]*\s*(?:(?:and|then|but) )?")
_DETERMINERS = lexicon.DETERMINERS | {"it", "them"}
_DETERMINED = re.compile(rf"(?:{'|'.join(sorted(_DETERMINERS))})\b|{EVERYTHING_BUT}")
_INDEFINITE = re.compile(r"(?:an?|some|another|one|two|three|\d+) ")
_NOUNS_ALSO = frozenset(lexicon.NOUNS_ALSO) | frozenset(
    "half double clear hide spot mark mask show cut off out stand trace fill sharp light line "
    "away".split()
)
_QUESTION = re.compile(
    r"(?:does|do (?:you|we|i)|is|are|was|were|has|did|what|which|who|whose|why|how|when"
    r"|where)\b"
)
_LINKS = {  # what may stand before a kind and says no more than that it belongs there
    "THING": "of",
    "LOOK": "in to into with as using of but",
    "SHARE": "by to",
    "DEGREE": "by",
    "ASPECT": "to in as into",
    "SETTING": "to into",
    "HUE": "in with",
    "CROP": "to",
    "ORIGINAL": "to at as in",
    "BEFORE": "to",
}


@dataclass(frozen=True)
class SaidChunks:
    """The chunks of a clause, by their kind."""

    chunks: tuple[Chunk, ...]

    def get(self, kind: str, at: int = 0) -> Chunk:
        """Return one of the chunks of a kind; an empty one where there is none."""
        found = [chunk for chunk in self.chunks if chunk.kind == kind]
        return found[at] if at < len(found) else Chunk(kind, "")

    @property
    def thing(self) -> str:
        """The name of the thing with its place."""
        name, place = self.get("THING").text, self.get("PLACE")
        return f"{name} on the {place.value}" if name and place.text else name

    @property
    def share(self) -> float:
        """How much was said in percent; 0 for nothing."""
        share = re.search(r"\d+", self.get("SHARE").text)
        return int(share[0]) / 100 if share else 0.0

    def parts(self) -> edits.Parts:
        """Return what was said as the functions of `acts`, `edits` and `work` take it."""
        parts = {
            "thing": self.thing,
            "colour": self.get("LOOK").text,
            "setting": self.get("SETTING").text,
            "level": self.get("LEVEL").value,
            "less": self.get("LESS").text,
            "share": str(round(100 * self.share)) if self.share else "",
            "action": self.get("DO").value,
        }
        return {name: part for name, part in parts.items() if part}


# -- what takes more than the parts


def _whole(said: SaidChunks, _talk: Talk) -> list[ToolCall]:
    """Raise ``Unsure`` where something else is named than the picture."""
    if said.thing and not WHOLE_PICTURE.fullmatch(said.thing) and said.thing != "it":
        raise Unsure("I can do that with the picture as a whole.")
    return []


def _touched(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    """Return what makes a thing "brighter" or "too dark" no longer."""
    thing = said.thing or ("it" if talk.things else "the picture")
    touch = said.get("TOUCH").text or said.get("TOO").value
    other = read_touch(touch)
    if other is not None and said.share:
        scaled = read_touch(f"{round(100 * said.share)}% {touch}")
        other = scaled or call(other.name, {**other.args, "amount": said.share})
    return edits.Wish(other=other).on(thing, talk)


def _changed(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    """Return the change of "house blue" and "blue for the house", but not of "blue house"."""
    thing, look = said.get("THING"), said.get("LOOK")
    if said.get("MAKE").text in ("is", "are", "was", "were", "looks", "it's", "that's"):
        raise Unsure(f"What is to become of {thing.text!r}?")
    first = said.chunks.index(thing) < said.chunks.index(look)
    told = said.get("MAKE").text or look.link or look.text.endswith("er")
    linked = thing.link in ("for", "on", "of")
    told = told if thing.link != "to" else said.get("MAKE").text == "apply"
    if _INDEFINITE.match(thing.text) or not (first or told or linked) or (first and thing.link):
        raise Unsure(f"What is to become of {thing.text!r}?")
    return edits.changes(f"{said.thing} {look.text}", talk)


def _rest_spoilt(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    """Return what is done around "only the dog in focus"."""
    thing = f"{EVERYTHING_BUT}{said.thing}"
    return acts.retouch({"action": said.get("SHARP").value, "thing": thing}, talk)


def _cut_out(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    thing = said.get("THING")
    if REST.fullmatch(thing.text):
        return acts.cut_out_it({}, talk)
    if thing.link == "to":
        return _cropped(said, talk)
    return acts.retouch({"action": "cut_out", "thing": said.thing}, talk)


def _cropped(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    shape = re.search(r"square|\d+ ?[:x/] ?\d+", said.get("ASPECT").text)
    aspect = re.sub(r" ?[:x/] ?", ":", shape[0]) if shape else ""
    return acts.crop({"rest": f"to {said.thing} {aspect}".strip()}, talk)


def _with_other(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    """Return what gives a thing the colour of another one, or each that of the other."""
    action = "swap_colours" if said.get("REPLACE").text else "match_colour"
    one, other = said.get("THING").text, said.get("THING", 1).text
    if not other and action == "swap_colours":
        one, _, other = one.partition(" and ")
    if not other or said.get("THING").link not in ("", "of", "on", "for", "between"):
        raise Unsure("Which is to have the colour of which?")
    return acts.with_other({"action": action, "thing": one, "other": other}, talk)


def _coloured(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    """Return the question for the colour in "roof colour", but not in "colder colours"."""
    first, known = said.thing.split()[0], said.get("WHAT").text
    named = said.chunks[0].kind == "THING" or said.get("HUE").text.endswith("of")
    if not known and (not named or first.endswith("er") or first in lexicon.OTHER_VERBS):
        raise Unsure("Which colour?")
    return acts.ask({"about": "colour", "thing": said.thing}, talk)


def _present(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    pointed = said.get("THERE").text in ("is this", "is that")
    if pointed and not said.thing.startswith(("a ", "an ")):
        raise Unsure("Is there what?")
    return acts.ask({"about": "presence", "thing": said.thing}, talk)


def _moved(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    """Return the moving of "the boat 20% right"; what is new is added where it is put."""
    thing, place, how = (
        said.get("THING").text or "it",
        said.get("PLACE").value,
        said.get("MOVE").text,
    )
    new = _INDEFINITE.match(thing) is not None
    if new and (said.get("PUT").text or how in ("sit", "stand")):
        return _added(said, talk)
    if new or not (how or _DETERMINED.match(thing)):
        raise Unsure("Shall I move it, or add it?")
    words = f"{thing} to the {place} {said.get('DEGREE').text} {said.get('SHARE').text}"
    return acts.move({"rest": " ".join(words.split())}, talk)


def _moved_beside(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    other = said.get("THING", 1).text.removeprefix("the ")
    return acts.move({"rest": f"{said.get('THING').text} next to the {other}"}, talk)


def _copied(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    place = said.get("PLACE").value
    rest = f"{said.get('THING').text}{f' to the {place}' if place else ''}"
    return acts.move({"action": "copy", "rest": rest}, talk)


def _added(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    thing = re.sub(r"^(?:one|another) ", "a ", said.get("THING").text)
    return edits.add({"rest": f"{thing} on the {said.get('PLACE').value}"}, talk)


def _placed(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    """Return the adding of "top left a moon" and "another moon top left"."""
    if said.chunks[0].kind != "PLACE" and not said.get("THING").text.startswith("another "):
        raise Unsure("Shall I find it, or add it?")
    return _added(said, talk)


def _scaled(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    way = "down" if said.get("GROW").value or said.get("LESS").text else "up"
    thing = f"{said.thing} {said.get('DEGREE').text}".strip()
    factor = {"factor": f"by {round(100 * said.share)}%"} if said.share else {}
    return acts.scale({"verb": "scale", "way": way, "thing": thing, **factor}, talk)


def _multiplied(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    times = said.get("DOUBLE")
    if times.text == "half" and said.chunks[0] == times:
        raise Unsure("Half of them, or half as big?")
    number = re.search(r"\d+(?:\.\d+)?", times.text)
    factor = float(times.value or (number[0] if number else 1))
    args: dict[str, Value | None] = {"action": "scale", "amount": factor}
    return [call(ARRANGE, {**thing.args(), **args}) for thing in read_things(said.thing, talk)]


def _replaced(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    one, other = said.get("THING"), said.get("THING", 1)
    traded = said.get("REPLACE").text + said.get("MAKE").text in ("change", "exchange", "trade")
    if other.link not in ("into", "to", "with", "by") and not traded:
        raise Unsure("Which is to become which? Say 'replace the ... with a ...'.")
    return edits.replace_with({"rest": f"{one.text} with {other.text}"}, talk)


def _flipped(said: SaidChunks, talk: Talk) -> list[ToolCall]:
    if len(said.chunks) == 1 and said.get("FLIP").text == "mirror":
        raise Unsure("Shall I find the mirror, or flip the picture?")
    return acts.flip(said.parts(), talk)


_OWN: dict[str, Callable[[SaidChunks, Talk], list[ToolCall]]] = {
    build.__name__.removeprefix("_"): build
    for build in (
        *(_touched, _changed, _rest_spoilt, _cut_out, _cropped, _with_other, _coloured, _present),
        *(_moved, _moved_beside, _copied, _added, _placed, _scaled, _multiplied, _replaced),
        *(_flipped,),
    )
}
_OF_PARTS: dict[str, edits.Build] = {
    build.__name__: build
    for build in (
        *(work.to_original, work.undo, work.redo, work.compare, work.list_them),
        *(acts.describe_picture, acts.set_scene, acts.retouch, acts.ask, acts.colour),
        *(edits.find, edits.remove),
    )
}


@dataclass(frozen=True)
class Rule:
    """Which kinds there must be, and may be, and what they mean.

    Attributes:
        must: kinds, with the links that may stand before them: "THING/on/to".
        may: kinds.
        build: a function of `_OWN`, or of `_OF_PARTS`.
        implied: parts.
        whole: the only thing that may be named is the picture.
    """

    must: tuple[str, ...]
    may: frozenset[str]
    build: str
    implied: edits.Parts
    whole: bool

    @classmethod
    def of(cls, line: str) -> Rule:
        """Return the rule of a line of the table."""
        kinds, _, meaning = line.partition(" => ")
        must, _, may = kinds.partition(";")
        build, *implied = meaning.split()
        told = dict(part.split("=") for part in implied)
        whole = told.pop("whole", "") != ""
        return cls(tuple(must.split()), frozenset(may.split()), build, told, whole)

    def covers(self, said: Sequence[Chunk]) -> bool:
        """Return whether it accounts for every chunk, and for every link before one."""
        # of two things the one that comes later has the links: they are written with it
        links = {kind.split("/")[0]: kind.split("/")[1:] for kind in sorted(self.must, key=len)}
        kinds = Counter(chunk.kind for chunk in said)
        if not links.keys() <= kinds.keys() <= links.keys() | self.may:
            return False
        more = kinds - Counter(kind.split("/")[0] for kind in self.must)
        if not more.keys() <= self.may or more["THING"] > 1 or len(said) < len(self.must):
            return False
        return all(
            chunk.link in ("", *_LINKS.get(chunk.kind, "").split(), *links.get(chunk.kind, ()))
            for chunk in said
        )

    def calls(self, said: SaidChunks, talk: Talk) -> list[ToolCall]:
        """Return the calls of a clause that the rule covers; ``Unsure`` where something lacks."""
        if self.whole:
            _whole(said, talk)
        if self.build in _OWN:
            return _OWN[self.build](said, talk)
        return _OF_PARTS[self.build]({**said.parts(), **self.implied}, talk)


RULES = tuple(map(Rule.of, table("rules")))


def read_chunks(text: str, talk: Talk) -> list[ToolCall] | None:
    """Return the calls that a clause stands for by its words alone; None where one is left over."""
    words = text.lower()
    made = _read_whole(words, talk) or _read_in_two(words, talk)
    asked = _QUESTION.match(words) and made and any(one.name in CHANGES for one in made)
    return None if asked else made


def _read_whole(text: str, talk: Talk) -> list[ToolCall] | None:
    said = _said(text)
    if len(said) == 2 and _is_one_name(*said):
        return None
    for rule in RULES:
        if rule.covers(said):
            try:
                return rule.calls(SaidChunks(said), talk)
            except Unsure:
                continue
    return None


def _said(text: str) -> tuple[Chunk, ...]:
    return tuple(chunk for chunk in scan(text) if chunk.kind != ",")


def _is_one_name(chunk: Chunk, after: Chunk) -> bool:
    """Return whether what looks like a verb may belong to the name after it: "clear sky"."""
    named = after.kind == "THING" and not after.link and not _DETERMINED.match(after.text)
    return named and chunk.text in _NOUNS_ALSO


def _read_in_two(text: str, talk: Talk) -> list[ToolCall] | None:
    """Return the calls of "tree green house yellow", where it can be cut in one way only."""
    words = text.split()
    if len(words) > LONGEST:
        return None
    found = []
    for cut in range(1, len(words)):
        begin, rest = " ".join(words[:cut]), _JOINER.sub("", " ".join(words[cut:]))
        found += [*_with_kept(begin, rest, talk), *_with_kept(rest, begin, talk)]
        if rest.split(" ")[0] in lexicon.PREPOSITIONS:
            continue
        first = _read_whole(begin, talk)
        second = read_chunks(rest, Talk.after(first)) if first else None
        found += [[*first, *second]] if first and second and second[0].name != ASK else []
    named = [calls for calls in found if len({one.text("query") for one in calls}) > 1] or found
    return named[0] if named and all(each == named[0] for each in named) else None


def _with_kept(kept: str, made: str, talk: Talk) -> list[list[ToolCall]]:
    """Return the calls of "the dog in focus" and "the rest blurred"."""
    spared = _sharp(kept, talk) if re.search(r"\b(?:rest|else|background)\b", made) else None
    calls = _read_whole(made, replace(talk, kept=(spared,))) if spared is not None else None
    return [calls] if calls else []


def _sharp(text: str, talk: Talk) -> NamedThing | None:
    """Return what a text only says to leave as it is: "the dog in focus"."""
    said = _said(text)
    if Rule(("SHARP", "THING"), frozenset(("MAKE",)), "", {}, whole=False).covers(said):
        try:
            return read_thing(SaidChunks(said).thing, talk)
        except Unsure:
            return None
    return None
