"""How clauses are built: the table of patterns in ``frames.txt``, made ready to be matched."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from agent_tools.commands import acts, edits, lexicon, looks, work
from agent_tools.commands.calls import ToolCall, Unsure
from agent_tools.commands.clauses import HANDLE
from agent_tools.commands.things import EVERYTHING_BUT, Talk
from agent_tools.commands.wording import GREETING, WHAT_CAN_BE_DONE, alternatives

AS_SAID = ("prompt", "name")  # parts that keep their capitals
AFTER = "same_with"  # the function of the first frame that needs something done before
_SLOT = re.compile(r"\b[A-Z]{2,}\b")
_HEAD = re.compile(r"\[(?P<build>\w+)(?P<implied>[^]]*)\]")
_IMPLIED = re.compile(r"(\w+)=((?<=question=).+|\S+)")
_BUILDS: dict[str, edits.Build] = {
    build.__name__: build
    for build in (
        *(work.to_original, work.redo, work.put_back, work.undo, work.regret),
        *(work.again, work.compare, work.export, work.list_them, acts.describe_picture, acts.ask),
        *(acts.ask_look, acts.set_scene, acts.retouch, acts.cut_out_it, acts.rest_in_grey),
        *(acts.crop, acts.colour, acts.with_other, acts.move, acts.scale, acts.flip),
        *(
            work.same_with,
            work.rather,
            work.another,
            work.more,
            edits.find,
            edits.remove,
            edits.generate,
        ),
        *(edits.ask_back, edits.recolour, edits.ask_colour, edits.add),
        *(edits.use_instead, edits.replace_with, edits.become),
        *(edits.ask_what,),
    )
}


@dataclass(frozen=True)
class Frame:
    """A pattern for a whole clause, what to make of its parts, and parts that it implies."""

    pattern: re.Pattern[str]
    build: edits.Build
    implied: edits.Parts


def read_clause(text: str, talk: Talk) -> list[ToolCall] | None:
    """Return the calls that a clause asks for; None where its verb is not known.

    Args:
        text: from the verb on.
        talk: what was done before: what "it" may stand for, and "again" repeats.

    Raises:
        Unsure: the verb is known, but not everything that it needs is there.
    """
    for frame in FRAMES if talk.past else _ALONE:
        said = text if frame.build in _WORK else text.removesuffix(" again")
        found = frame.pattern.fullmatch(said)
        if found is not None:
            parts = {
                name.rstrip("_0123456789"): part.strip()
                for name, part in found.groupdict().items()
                if part
            }
            lowered = {name: part.lower() for name, part in parts.items() if name not in AS_SAID}
            return frame.build({**parts, **lowered, **frame.implied}, talk)
    return None


def _frames() -> Iterator[Frame]:
    """Yield the frames of the table."""
    slots: dict[str, str] = {
        **{name: alternatives(*verbs) for name, verbs in lexicon.VERBS_OF.items()},
        "TONE": looks.TONE,
        "NUMBER": "|".join(lexicon.NUMBERS),
        "WEATHER": "|".join(sorted(lexicon.SETTINGS | lexicon.WEATHERS)),
        "HANDLE": HANDLE,
        "BUT": EVERYTHING_BUT.strip(),
    }
    build: edits.Build = edits.ask_what
    implied, patterns = "", list[str]()
    for line in _lines():
        if (head := _HEAD.fullmatch(line)) is not None:
            if patterns:
                yield _frame(build, implied, patterns, slots)
            build, implied, patterns = _BUILDS[head["build"]], head["implied"], []
        elif line[0] == " ":
            patterns.append(line.strip())
        else:
            name, _, pattern = line.partition(" = ")
            slots[name] = pattern
    yield _frame(build, implied, patterns, slots)


def _lines() -> Iterator[str]:
    """Yield the lines of the table, those that go on joined, without comments."""
    text = (files("agent_tools.commands") / "frames.txt").read_text("utf-8")
    for line in re.sub(r"\n {8}", "", text).splitlines():
        if line and line[0] != "#":
            yield line


def _frame(build: edits.Build, implied: str, patterns: list[str], slots: dict[str, str]) -> Frame:
    """Return a frame of several patterns; each group gets a number besides its name."""
    pattern = "|".join(patterns)
    while (filled := _SLOT.sub(lambda slot: slots[slot[0]], pattern)) != pattern:
        pattern = filled
    numbers = itertools.count()
    pattern = re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)
    pattern = re.sub(r"\(\?P<(\w+)>", lambda name: f"(?P<{name[1]}_{next(numbers)}>", pattern)
    told = {name: value.replace("-", " ") for name, value in _IMPLIED.findall(implied)}
    return Frame(re.compile(pattern, re.IGNORECASE), build, told)


FRAMES = tuple(_frames())
_ALONE = FRAMES[: next(k for k, frame in enumerate(FRAMES) if frame.build.__name__ == AFTER)]
_WORK = (work.again, work.to_original, work.undo, work.put_back)  # what "again" belongs to


# -- what is answered before anything is parsed

_ADDRESS = (
    "I take no paths and no addresses. Name a picture by its handle, like img_ab12cd34ef, or a "
    "file in your folder, like house.png."
)
_ORDERS = f"I only work on pictures and follow no other instructions. {WHAT_CAN_BE_DONE}"
_FILES = "I never delete, overwrite, list or run files. I can remove things within a picture."
_UNABLE = f"I cannot do that with a picture. {WHAT_CAN_BE_DONE}"
ANSWERS = (
    "Of a picture I can say what it shows, whether a thing is there, how many there are, where, "
    "how "
    "big and what colour they are: ask e.g. 'how many trees are there?'."
)
_STYLES = f"I change things in a picture, not its style. {WHAT_CAN_BE_DONE}"
_ENGLISH = f"I read English only. {WHAT_CAN_BE_DONE}"

_START = r"^(?:(?:please|now|just|can you|could you|would you|i want you to|let's|and|then)[ ,]+)*"
_AT_VERB = rf"(?:{_START}|(?:[,;.]|\band\b|\bthen\b)\s+(?:then\s+)?)"
_ABOUT_FILES = (
    r"(?:what|which|show|list)\b[^,;]*\b(?:files|folder)(?: (?:are|do|have|in|can)\b[^,;]*)?\??$"
)
_OTHER_VERBS = (
    r"rotate|rescale|sharpen|upscale|enhance|filter|straighten|animate|send|email|upload|print"
    r"|share|load|import|close|rename|translate"
    r"|write(?! (?:it|this|that|the (?:mask|picture|image)) (?:in)?to\b)|type|tilt|warp|stretch"
    r"|compress|adjust|undelete|merge|stitch|denoise|restore(?! (?:the|it|img))|smooth|post|tweet"
    r"|pixelate|vectorize|vectorise|record|play"
)

# pattern (anywhere in the lower-case text) -> what is answered
TABLE: tuple[tuple[str, str], ...] = (
    (r"\w+://|\bwww\.|\bfile:|\bdata:|\\|(?:^|\s)~|(?:^|[\s\"'(])\.{0,2}/|\w/\w*/|\.\./", _ADDRESS),
    (r"\b[a-z]:[\\/]|\w/\w+\.\w", _ADDRESS),
    (r"\binstructions?\b|\bsystem prompt|\byour prompt|\byou are now\b|\bpretend\b", _ORDERS),
    (r"\bact as\b|\bjailbreak|\brole ?play|\bpassword|\bapi key|\bsudo\b", _ORDERS),
    (r"[<{}`$|]", _ORDERS),
    (rf"^(?!{_ABOUT_FILES}).*\b(?:files|folders?|director(?:y|ies)|hard ?dis[ck]|drive)\b", _FILES),
    (rf"{_START}(?:run|execute|install|overwrite|eval|import|exec)\b", _FILES),
    (r"\b(?:delete|remove|erase|overwrite|wipe)\s+(?:\w+\s+){0,3}file\b", _FILES),
    (rf"{_AT_VERB}(?:{_OTHER_VERBS})\b", _UNABLE),
    (
        r"\b(?:video|gif|animation|movie|sepia|resolution|megapixels?|pdf|instagram|facebook)\b",
        _UNABLE,
    ),
    (
        r"\bin the style of\b|\b(?:look )?like an? (?:\w+ )?(?:watercolou?r|painting|sketch)",
        _STYLES,
    ),
    (r"\blike an? (?:\w+ )?(?:cartoon|drawing|photo(?:graph)?|anime|comic)\b", _STYLES),
    (
        rf"^(?:{GREETING}|help|what can you do|no|nothing|stop|wait|quit|exit|done|\s|[,.!?])+$",
        WHAT_CAN_BE_DONE,
    ),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), answer) for pattern, answer in TABLE)


def refuse(text: str) -> None:
    """Raise the question that answers a text which is not to be parsed.

    Args:
        text: made even.

    Raises:
        Unsure: it is about something else than these tools, or not in English.
    """
    for pattern, answer in _COMPILED:
        if pattern.search(text):
            raise Unsure(answer)
    letters = [sign for sign in text if sign.isalpha()]
    if sum(ord(sign) > 0x24F for sign in letters) > len(letters) / 4:  # beyond Latin letters
        raise Unsure(_ENGLISH)
    if foreign := lexicon.FOREIGN.intersection(re.findall(r"[^\W\d_]+", text.lower())):
        raise Unsure(f"{min(foreign)!r} looks like another language. {_ENGLISH}")
