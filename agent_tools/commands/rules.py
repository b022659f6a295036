"""Clauses read by what their words are for: "16:9 crop on the car".

A rule of the table ``rules`` of ``wording.txt`` says which kinds of `chunks` there must be, which
there may be, in whatever order, and what they mean; or it is a phrase that has kinds and words in
their order, some of them open. It has to account for every word: whatever a clause says more has no
reading, and is asked about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from agent_tools.commands import acts, edits, lexicon, work
from agent_tools.commands.calls import ARRANGE, ASK, EDIT, RETOUCH, UNDO, ToolCall, Unsure
from agent_tools.commands.chunks import KIND_NAMES, Chunk, scan
from agent_tools.commands.meanings import DETERMINED, MEANINGS, parts_of, whole
from agent_tools.commands.things import NamedThing, Talk, read_thing
from agent_tools.commands.wording import SLOTS, table

LONGEST = 16  # words of a clause that is looked at for two
CHANGES = (EDIT, RETOUCH, ARRANGE)
_JOINER = re.compile(r"^[,;:.!?]*\s*(?:(?:and|then|but) )?")
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
    "BEFORE": "to with",
}


_MORE: tuple[edits.Build, ...] = (
    *(work.to_original, work.undo, work.redo, work.put_back, work.regret, work.again, work.more),
    *(work.compare, work.export, work.list_them, work.same_with, work.rather, work.another),
    *(acts.describe_picture, acts.set_scene, acts.retouch, acts.ask, acts.ask_look, acts.crop),
    *(acts.cut_out_it, acts.rest_in_grey, acts.colour, acts.with_other, acts.move, acts.scale),
    *(acts.flip, edits.find, edits.remove, edits.generate, edits.ask_back, edits.recolour),
    *(edits.ask_colour, edits.add, edits.use_instead, edits.replace_with, edits.become),
    edits.ask_what,
)
_BUILDS = {**MEANINGS, **{build.__name__: build for build in _MORE}}
AS_SAID = ("prompt", "name")  # parts that keep their capitals
VERBATIM = ("generate", "export")  # whose parts keep every word
AFTERWARDS = ("same_with", "rather", "another", "more")  # what needs something done before
AGAIN_TOO = ("again", "to_original", "undo", "put_back")  # what "again" belongs to


def _slots() -> dict[str, str]:
    """Return the patterns that words in capitals stand for in a rule."""
    kinds: dict[str, list[str]] = {}
    for line in (*table("chunks"), *table("words")):
        head, _, pattern = line.partition(" = ")
        kinds.setdefault(head.partition(":")[0], []).append(pattern)
    return {**SLOTS, **{name: f"(?:{'|'.join(patterns)})" for name, patterns in kinds.items()}}


@dataclass(frozen=True)
class Rule:
    """Which kinds there must be, and may be, in any order, and what they mean.

    Attributes:
        must: kinds, with the links that may stand before them: "THING/on/to".
        may: kinds.
        build: what it means.
        implied: parts.
    """

    must: tuple[str, ...]
    may: frozenset[str]
    build: str
    implied: edits.Parts

    def covers(self, said: Sequence[Chunk]) -> bool:
        """Return whether it accounts for every chunk, and for every link before one."""
        # of two things the one that comes later has the links: they are written with it
        links = {kind.split("/")[0]: kind.split("/")[1:] for kind in sorted(self.must, key=len)}
        kinds = Counter(chunk.kind for chunk in said)
        if not said or not links.keys() <= kinds.keys() <= links.keys() | self.may:
            return False
        needed = Counter(kind.split("/")[0] for kind in self.must)
        more = kinds - needed
        if needed - kinds or not more.keys() <= self.may or more["THING"] > 1:
            return False
        return all(
            chunk.link.replace(" ", "_")
            in ("", *_LINKS.get(chunk.kind, "").split(), *links.get(chunk.kind, ()))
            for chunk in said
        )

    def calls(self, said: str | Sequence[Chunk], talk: Talk) -> list[ToolCall] | None:
        """Return the calls of the chunks of a clause; None where it does not account for them.

        Raises:
            Unsure: it does, but not everything that it needs is there.
        """
        if isinstance(said, str) or not self.covers(said):
            return None
        parts = {**parts_of(said), **self.implied}
        if "whole" in parts:
            whole(parts)
        return _BUILDS[self.build](parts, talk)


@dataclass(frozen=True)
class WordOrder:
    """Words in their order, some of them open, and what they mean."""

    pattern: re.Pattern[str]
    build: str
    implied: edits.Parts

    def calls(self, said: str | Sequence[Chunk], talk: Talk) -> list[ToolCall] | None:
        """Return the calls of a clause; None where it does not fit.

        Raises:
            Unsure: it fits, but not everything that it needs is there.
        """
        if not isinstance(said, str):
            return None
        text = said if self.build in VERBATIM else _without_fillers(said)
        text = text if self.build in AGAIN_TOO else text.removesuffix(" again")
        found = self.pattern.fullmatch(text)
        if found is None or (self.build in AFTERWARDS and not talk.past):
            return None
        parts = {name: part.strip(" ,") for name, part in found.groupdict().items() if part}
        lowered = {name: part.lower() for name, part in parts.items() if name not in AS_SAID}
        return _BUILDS[self.build]({**parts, **lowered, **self.implied}, talk)


@lru_cache(maxsize=16)
def _without_fillers(text: str) -> str:
    return FILLER.sub("", text).strip(" ,")


def _rule(line: str) -> Rule | WordOrder:
    """Return the rule of a line of the table."""
    words, _, meaning = line.partition(" => ")
    build, *more = meaning.split()
    implied = dict(part.split("=", 1) for part in more)
    must, _, may = words.partition(";")
    kinds = [kind.split("/")[0] for kind in f"{must} {may}".split()]
    if all(kind in CHUNK_KINDS for kind in kinds):
        return Rule(tuple(must.split()), frozenset(may.split()), build, implied)
    return WordOrder(
        re.compile("".join(map(_element, words.split())), re.IGNORECASE), build, implied
    )


def _element(said: str) -> str:
    """Return the pattern of a word of a rule, or of what is left open."""
    may, plain = said[0] == "?", said.removeprefix("?")
    if plain.startswith("..."):
        pattern = f"(?P<{plain[3:]}>.+?)"
    else:
        named = re.fullmatch(r"([a-z]+):(.+)", plain)
        pattern = (named[2] if named else plain).replace("_", " ")
        while (filled := SLOT.sub(lambda slot: KINDS[slot[0]], pattern)) != pattern:
            pattern = filled
        pattern = f"(?P<{named[1]}>{pattern})" if named else f"(?:{pattern})"
    return f"(?:{pattern}(?:,? |$)){'?' if may else ''}"


CHUNK_KINDS = {*KIND_NAMES, "THING", "PLACE", "LOOK", "TOUCH", "q"}
SLOT = re.compile(r"\b[A-Z][A-Z]+\b")
KINDS = _slots()
FILLER = re.compile(rf"(?:^|(?<=[\s,]))(?:{KINDS['FILLER']})(?:,? |$)", re.IGNORECASE)
RULES = tuple(map(_rule, lexicon.table("rules")))
ANY_ORDER = tuple(rule for rule in RULES if isinstance(rule, Rule))


def read_clause(text: str, talk: Talk) -> list[ToolCall] | None:
    """Return the calls of a clause by the first rule that accounts for it; None for no rule.

    Raises:
        Unsure: a rule fits, but not everything that it needs is there.
    """
    return _by_rules(text, talk, rules=RULES)


def read_in_two(text: str, talk: Talk) -> list[ToolCall] | None:
    """Return the calls of "tree green house yellow", where it can be cut in one way only."""
    words = text.lower().split()
    if len(words) > LONGEST:
        return None
    found = []
    for cut in range(1, len(words)):
        begin, rest = " ".join(words[:cut]), _JOINER.sub("", " ".join(words[cut:]))
        found += [*_with_kept(begin, rest, talk), *_with_kept(rest, begin, talk)]
        if rest.split(" ")[0] in lexicon.PREPOSITIONS | {"off"} or _sharp(rest, talk):
            continue
        first = _by_words(begin, talk)
        after = Talk.after(first) if first else talk
        second = (_by_words(rest, after) or read_in_two(rest, after)) if first else None
        asked = any(one.name in (ASK, UNDO) for one in (*(first or ()), *(second or ())))
        found += [[*first, *second]] if first and second and not asked else []
    named = [calls for calls in found if len({one.text("query") for one in calls}) > 1] or found
    return named[0] if named and all(each == named[0] for each in named) else None


def _by_rules(text: str, talk: Talk, *, rules: Sequence[Rule | WordOrder]) -> list[ToolCall] | None:
    said = _said(text.lower())
    question = None
    for rule in rules:
        try:
            made = rule.calls(said if isinstance(rule, Rule) else text, talk)
        except Unsure as why:
            question = question or why
            if isinstance(rule, WordOrder):
                raise
            continue
        changed = made and any(one.name in CHANGES for one in made)
        if made and not (changed and isinstance(rule, Rule) and _QUESTION.match(text)):
            return made
    if question is not None:
        raise question
    return None


def _by_words(text: str, talk: Talk) -> list[ToolCall] | None:
    """Return the calls of a clause whose words are all accounted for, in whatever order."""
    try:
        return _by_rules(text, talk, rules=ANY_ORDER)
    except Unsure:
        return None


def _said(text: str) -> tuple[Chunk, ...]:
    """Return the chunks of a text; none where it may be one name."""
    said = tuple(chunk for chunk in scan(text) if chunk.kind != ",")
    return () if len(said) == 2 and _is_one_name(*said) else said


def _is_one_name(chunk: Chunk, after: Chunk) -> bool:
    """Return whether what looks like a verb may belong to the name after it: "clear sky"."""
    named = after.kind == "THING" and not after.link and not DETERMINED.match(after.text)
    return named and chunk.text in _NOUNS_ALSO


def _with_kept(kept: str, made: str, talk: Talk) -> list[list[ToolCall]]:
    """Return the calls of "the dog in focus" and "the rest blurred"."""
    spared = _sharp(kept, talk) if re.search(r"\b(?:rest|else|background)\b", made) else None
    calls = _by_words(made, replace(talk, kept=(spared,))) if spared is not None else None
    return [calls] if calls else []


def _sharp(text: str, talk: Talk) -> NamedThing | None:
    """Return what a text only says to leave as it is: "the dog in focus"."""
    said = _said(text)
    if Rule(("SHARP", "THING"), frozenset(("MAKE", "ONLY")), "", {}).covers(said):
        try:
            return read_thing(parts_of(said)["thing"], talk)
        except Unsure:
            return None
    return None
