"""The things that a command is about: "the two left windows", "the tree and the car", "it"."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from PIL import ImageColor

from agent_tools.commands import lexicon
from agent_tools.commands.calls import (
    ARRANGE,
    ASK,
    CONTROLS,
    DEFAULTS,
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
from agent_tools.commands.looks import described, is_adjective, looks_of
from agent_tools.commands.places import region_of, split_region
from agent_tools.commands.wording import pattern
from textseg.segmentation.picking import PLACES

WHOLE = frozenset("blur grey dim brighten darken contrast saturate flip".split())  # of a picture
MOST_WORDS, LONGEST_NAME = 12, 120  # words, characters of a name; more is a sentence
EVERYTHING_BUT = "everything-except "  # how clauses.py writes that words stand for all the rest

_AND = re.compile(r",? and (?:also )?|, (?:and )?| & | as well as | along with ")
_DETERMINER = re.compile(rf"(?:whole|entire|{'|'.join(sorted(lexicon.DETERMINERS))}) ")
_ALL = re.compile(r"(?:all(?: of)?|both(?: of)?|every one of|each of) ")
_IN_PICTURE = pattern("in_picture")
_COUNT = re.compile(rf"(?:{'|'.join(sorted(set(lexicon.NUMBERS) - {'one'}))}|\d+) (?=\w)")
_VAGUE_COUNT = pattern("vague_count")
_ONE = re.compile(r"(?P<words>.*\b)ones?")
_NUMBER = re.compile(rf"(?:the )?(?:number )?([1-9]\d?|{'|'.join(lexicon.NUMBERS)})")
_OF_THEM = re.compile(r"^((?:the )?(?:very )?([\w-]+))(?= of (?:all )?(?:the|these|those|my)\b|$)")
_ONE_OF = re.compile(r"^ones? of (?:the |these |those |my )?(?:two |three |four |five )?(?=\w)")
_PAIR = pattern("pair")  # "the first and the last chair", "house 2 and 3"
_SOME = re.compile(r"(?:some(?: more)?|any|another|an? few|a bunch of|a handful of|several|many) ")
_NUMBERED = re.compile(r"(?P<thing>.*[a-z]) (?P<number>[1-9]\d?|two|three|four|five)")  # "tree 2"
_WHOLE = pattern("whole")
_AROUND = pattern("around")
_REST = pattern("rest")
# Where one thing lies of another, and what is left of words that belong to something else.
_RELATION = pattern("relation")
_ARTICLES = frozenset("the a an their our its my your his her that this these those".split())
_NEVER_LAST = ("left", "right", "up", "down", "first", "second", "third", "next", "finally")
_LEADING = lexicon.DETERMINERS | set(lexicon.NUMBERS) | {"and", "or", "of"}
_NAME = re.compile(r"[\w' \-\u2019]+")


@dataclass(frozen=True)
class NamedThing:
    """Something in a picture, as the tools' arguments name it."""

    query: str
    region: str = ""
    exclude: str = ""
    invert: bool = False
    image: str = ""

    def args(self) -> dict[str, Value | None]:
        """Return the arguments by which a tool finds it."""
        return {
            "image": self.image,
            "query": self.query,
            "exclude": self.exclude,
            "invert": self.invert or None,
            "region": self.region,
        }


@dataclass(frozen=True)
class Talk:
    """What was said and done before, as far as a command may lean on it.

    Attributes:
        past: the calls of the command before.
        things: what "it" or "them" may stand for.
        kept: what "the rest" leaves out, because the same command spares it.
        topic: the same command says what it is about: "the sky is dull, give it more contrast".
    """

    past: tuple[ToolCall, ...] = ()
    things: tuple[NamedThing, ...] = ()
    kept: tuple[NamedThing, ...] = ()
    topic: bool = False

    @classmethod
    def after(cls, calls: Sequence[ToolCall], *, failed: bool = False) -> Talk:
        """Return what can be spoken of after some calls; nothing after a removal.

        Args:
            calls: of one command, in order.
            failed: the last of them was refused: what it was to change has become nothing else.
        """
        about = [made for made in calls if made.name not in CONTROLS]
        last = _referent(about[-1], failed=failed) if about else None
        if last is None and not failed:
            return cls(tuple(calls))
        earlier = [_referent(made) for made in about[:-1]]
        things = dict.fromkeys(thing for thing in (*earlier, last) if thing is not None)
        return cls(tuple(calls), tuple(things))


def _referent(made: ToolCall, *, failed: bool = False) -> NamedThing | None:
    """Return what "it" is after a call; None where nothing is left to speak of."""
    region, exclude, query = made.text("region"), made.text("exclude"), made.text("query")
    if made.name in (SEGMENT, ASK) or (made.name == EDIT and failed and query):
        invert = bool(made.args.get("invert"))
        return NamedThing(query, region, exclude, invert, made.text("image")) if query else None
    if made.name in (RETOUCH, ARRANGE) and query:
        return NamedThing(query, region if made.text("action") != "move" else "")
    if made.name == EDIT and not failed and made.operation not in ("remove", "setting"):
        return NamedThing(made.text("target"), region, exclude)
    if made.name == GENERATE and not failed:
        name = undetermined(made.text("target") or made.text("prompt").lower())
        simple = made.text("target") or len(name.split()) <= 2
        return NamedThing(name) if simple and name[:1].isalpha() else None
    return None


def read_where(text: str, talk: Talk) -> list[NamedThing]:
    """Return where something is to be done; a thing without a name is the whole picture.

    Args:
        text: lower case: a thing, "the picture", "the rest", "around the dog" ...
        talk: what "it" and "the rest" may stand for.

    Raises:
        Unsure: it is not clear where.
    """
    if _WHOLE.fullmatch(text) or (text in ("it", "this", "that") and not talk.things):
        return [NamedThing("")]
    if (around := _AROUND.fullmatch(text)) is not None:
        return read_things(f"{EVERYTHING_BUT}{around['thing']}", talk)
    if _REST.fullmatch(text):
        kept = talk.kept or talk.things
        if len(kept) != 1:
            raise Unsure(f"{text.capitalize()} of what? Say e.g. 'everything around the dog'.")
        return [replace(kept[0], invert=not kept[0].invert)]
    return read_things(text, talk)


def is_rest(text: str) -> bool:
    """Return whether a text means all that was not named, as "everything else" does."""
    return _REST.fullmatch(text) is not None


def read_things(text: str, talk: Talk) -> list[NamedThing]:
    """Return the things that a text names, one for each part of "the tree and the house".

    Args:
        text: lower case.
        talk: what "it" may stand for.

    Raises:
        Unsure: it names nothing, or may be meant in two ways.
    """
    if re.search(r"\bor\b", text):
        raise Unsure(f"{release(text)!r}: which of them?")
    text = re.sub(r"^both (?=.+ and )", "", text.strip())
    parts = [part for part in _AND.split(_in_full(text)) if part.strip()]
    things = [thing for part in parts for thing in _read_part(part.strip(), talk)]
    if any(lexicon.PREPOSITIONS & set(thing.query.split()) for thing in things[:-1]):
        raise Unsure(
            f"{release(text)!r} can be read in two ways. Please give one command for each thing."
        )
    if len(things) > 1 and any(thing.invert for thing in things):
        raise Unsure("I can spare one thing when all the rest is meant. Which one?")
    return things


def _in_full(text: str) -> str:
    """Return "first chair and last chair" for "the first and the last chair"."""
    pair = _PAIR.fullmatch(text)
    if pair is None:
        return text
    if pair["name"]:
        return f"{pair['name']} {pair['one']} and {pair['name']} {pair['two']}"
    words = (pair["first"], pair["second"])
    if all(map(region_of, words)) or all(word in lexicon.COLOURS for word in words):
        return f"{words[0]} {pair['thing']} and {words[1]} {pair['thing']}"
    return text


def read_thing(text: str, talk: Talk) -> NamedThing:
    """Return the one thing that a text names; ``Unsure`` where it names several."""
    things = read_things(text, talk)
    if len(things) != 1:
        raise Unsure(f"{release(text)!r} are several things. Please name one of them.")
    return things[0]


def _read_part(part: str, talk: Talk) -> list[NamedThing]:
    if part.startswith(EVERYTHING_BUT):
        inner = _read_part(part.removeprefix(EVERYTHING_BUT), talk)
        return [replace(thing, invert=not thing.invert) for thing in inner]
    said = _IN_PICTURE.sub("", part)
    if said in lexicon.PRONOUNS_ONE | lexicon.PRONOUNS_MANY:
        return _meant(said, talk)
    if re.match(r"every (?:second|third|other|2nd|3rd)\b", said):
        raise Unsure(f"Which ones are {release(said)!r}? Say e.g. 'the left one' or 'tree 2'.")
    if (number := _NUMBER.fullmatch(said)) is not None:
        (thing,) = _meant("one", talk)
        return [replace(thing, region=str(lexicon.NUMBERS.get(number[1], number[1])))]
    said = _OF_THEM.sub(_with_one, said)
    words = _counted(said)
    if _VAGUE_COUNT.match(words):
        raise Unsure(f"Which ones are {release(said)!r}? Say e.g. 'the left one' or 'the largest'.")
    numbered = _NUMBERED.fullmatch(undetermined(words))
    if numbered is not None:
        return [
            NamedThing(
                check_name(numbered["thing"]),
                str(lexicon.NUMBERS.get(numbered["number"], numbered["number"])),
            )
        ]
    name, region = split_region(undetermined(words))
    name = _ONE_OF.sub("", name)
    if "," in region:
        raise Unsure(f"I can go by one of {region!r} only. Which one?")
    if (one := _ONE.fullmatch(name)) is not None:
        return [_one(one["words"].strip(), region, talk)]
    return [NamedThing(check_name(name), region)]


def _with_one(which: re.Match[str]) -> str:
    """Return "the smallest one" for "the smallest" (of the boats); "the top" is no such thing."""
    chooses = region_of(which[2]) and which[2] not in PLACES
    return f"{which[1]} one" if chooses else which[1]


def _meant(pronoun: str, talk: Talk) -> list[NamedThing]:
    known = talk.things
    if pronoun == "both" and len(known) == 1:  # of which there are two
        known = (replace(known[0], region=""),)
    if not known:
        raise Unsure(f"What does {pronoun!r} stand for? Please name it.")
    if pronoun in lexicon.PRONOUNS_ONE and len(known) > 1:
        names = " or ".join(f"the {thing.query}" for thing in known)
        raise Unsure(f"What does {pronoun!r} stand for: {names}?")
    return list(known)


def _one(words: str, region: str, talk: Talk) -> NamedThing:
    """Return what "the left one" or "the red one" stands for."""
    (thing,) = _meant("one", talk)
    looks = looks_of(words) if words and words not in lexicon.VAGUE else ()
    if words and not looks and not (words == "other" and region):
        raise Unsure(f"Which one is {words!r}? Please name the thing.")
    return replace(thing, query=described(thing.query, looks), region=region or thing.region)


def _counted(text: str) -> str:
    """Return "the windows" for "the two windows": all that there are; two of them is a question."""
    rest = undetermined(text)
    count = _COUNT.match(rest)
    if count is None or split_region(rest)[1].startswith(count[0]):  # "two largest houses"
        return text
    if rest == text:
        raise Unsure(f"Which ones are {release(text)!r}? Say e.g. 'the left one' or 'all'.")
    return rest[count.end() :]


def undetermined(text: str) -> str:
    """Return a name without the articles it begins with."""
    while (found := _ALL.match(text) or _DETERMINER.match(text)) is not None:
        text = text[found.end() :]
    return text


def read_target(text: str) -> str:
    """Return the name of what is to be there: "a castle" -> "castle", "two boats" -> "two boats".

    Raises:
        Unsure: it is no name.
    """
    name = undetermined(_IN_PICTURE.sub("", _SOME.sub("", text.strip())))
    if name in lexicon.PRONOUNS_ONE | lexicon.PRONOUNS_MANY:
        raise Unsure(f"What does {name!r} stand for? Please name it.")
    for part in re.split(r" and (?:an? |the |some )?", name):
        check_name(part)
    return release(name)


def check_name(name: str) -> str:
    """Return the name of a thing as it goes to the model, if it can be one.

    Raises:
        Unsure: it cannot: only adjectives, words that belong to a sentence, odd signs ...
    """
    words = name.split()
    plain = release(name)
    if not words or all(is_adjective(word) or word in lexicon.DETERMINERS for word in words):
        raise Unsure(f"{plain!r} what? Please name the thing.")
    end = next((k for k, word in enumerate(words) if word in lexicon.PREPOSITIONS), len(words))
    if end and is_adjective(words[end - 1]):
        raise Unread(f"I do not understand {plain!r} as the name of one thing. What is meant?")
    if region_of(name):
        raise Unsure(f"{plain!r} says where, not what. Please name the thing.")
    if lexicon.is_mistyped(words):
        raise Unsure(f"Is {plain!r} spelled as it is meant? Please say it again.")
    if words[-1] in lexicon.PICTURES and lexicon.VAGUE.issuperset(words[:-1]):
        raise Unsure("I change things in a picture, not the picture as a whole. Which thing?")
    odd = _odd(words) or _RELATION.findall(name)
    if odd or words[-1] in lexicon.PREPOSITIONS or words[0] in lexicon.PREPOSITIONS:
        raise Unread(f"I do not understand {plain!r} as the name of one thing. What is meant?")
    if max(len(words) - MOST_WORDS, len(plain) - LONGEST_NAME) > 0 or not any(
        sign.isalpha() for sign in plain
    ):
        raise Unsure("I do not understand that as the name of a thing. Please say it in short.")
    if not _NAME.fullmatch(plain) and "\ue000" not in name:
        raise Unread(f"I do not understand {plain!r} as the name of a thing.")
    return plain


def _odd(words: list[str]) -> list[str]:
    """Return the words that cannot be part of the name they stand in."""
    pairs = list(itertools.pairwise(words))
    bin_ = words[-1] == "can" and len(words) > 1  # "trash can"
    odd = [word for word in words[: len(words) - bin_] if word in lexicon.NOT_IN_NAMES]
    odd += [word for word in words if word in lexicon.NEVER_NOUNS]
    odd += [word for word in words[-1:] if word in lexicon.NO_THINGS]
    odd += [after for _, after in pairs[-1:] if after in _NEVER_LAST]
    odd += [word for pair in pairs[-1:] if _hangs(*pair) for word in pair]
    for before, word in pairs:
        leads = before in lexicon.PREPOSITIONS or before.endswith("ing")  # "riding a horse"
        odd += [word] if _is_misplaced(before, word) or (word in _ARTICLES and not leads) else []
    return odd


def _is_misplaced(before: str, word: str) -> bool:
    """Return whether a word can only belong to something else than the name it stands in."""
    if before in ("in", "with", "to") and word not in lexicon.COLOURS:
        return word in ImageColor.colormap
    leads = before in lexicon.PREPOSITIONS | lexicon.DEGREES | _LEADING or is_adjective(before)
    leads = leads or before.endswith(("'s", "s'", "ed", "ing", "ly")) or before.isdigit()
    return (is_adjective(word) or word in lexicon.VAGUE) and not leads


def _hangs(before: str, word: str) -> bool:
    """Return whether a name ends in an adjective of nothing: "bottle on transparent"."""
    adjective = is_adjective(word) and word not in lexicon.COLOURS
    return adjective and before in lexicon.PREPOSITIONS


def called(tool: str, thing: NamedThing, args: Mapping[str, Value | None]) -> ToolCall:
    """Return the call of a tool on a thing, or on the whole picture where the thing has no name.

    Raises:
        Unsure: the tool needs a thing, or does not go by what tells the thing.
    """
    made = call(tool, {**thing.args(), **args})
    if not thing.query and made.text("action") not in WHOLE:
        raise Unsure("Which thing do you mean? I do that with things in a picture.")
    if strange := made.args.keys() - DEFAULTS[tool].keys():
        raise Unsure(f"I can do that with one thing, and go by no {min(strange)!r} there.")
    return made
