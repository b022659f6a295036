"""A command made even: plain signs, one wording for what is said in several, politeness gone.

What stands in double quotes is one word from here on: its spaces and commas become signs that
nothing splits at, and ``release`` turns them back.
"""

from __future__ import annotations

import re
import unicodedata

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure
from agent_tools.commands.lexicon import hold_together
from agent_tools.commands.looks import TONE

WHAT_CAN_BE_DONE = (
    "I can find, count and describe things, recolour, replace, remove, add, retouch and move them, "
    "make and save pictures, and undo, e.g. 'make the red house blue' or 'find the tree'."
)

LONGEST = 1000  # characters; a longer text is a letter, not a command
SIGNS = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"'}
    | {"\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": ",", "\u2026": "."}
)


def alternatives(*phrases: str) -> str:
    """Return a pattern that matches any of the phrases, the longest that fits, as whole words."""
    ordered = sorted(phrases, key=len, reverse=True)
    return rf"(?:{'|'.join(map(re.escape, ordered))})(?![\w'-])"


GREETING, FILLER = (rf"(?:{'|'.join(lexicon.table(name))})" for name in ("greetings", "fillers"))
_INTERJECTION = rf"(?:(?:{FILLER}|no|nope|nah|right|cool|nice|perfect|lovely|yeah|yep)\s*[,.!;]+)"


PICTURE = rf"(?:{'|'.join(sorted(lexicon.PICTURES))}|drawing|painting|shot|view)"


PICTOGRAPH = "[\u2600-\u27a0\u27a2-\u27bf\u2b1b-\u2b55\U0001f000-\U0001faff]"  # no arrows
HANDLE = r"img_[a-z0-9]{4,40}"
SLOTS = {  # what words in capitals stand for in the tables
    **{name: alternatives(*verbs) for name, verbs in lexicon.VERBS_OF.items()},
    **{
        name: "|".join(sorted(words))
        for name, words in (
            ("PICTURES", lexicon.PICTURES),
            ("PEOPLE", lexicon.PEOPLE),
            ("WRITING", lexicon.WRITING),
            ("DETERMINERS", lexicon.DETERMINERS),
            ("NUMBERS", lexicon.NUMBERS),
            ("WEATHER", lexicon.SETTINGS | lexicon.WEATHERS),
        )
    },
    "NOUN_VERB": alternatives(*lexicon.NOUNS_ALSO),
    "TONE": TONE,
    "PIC": PICTURE,
    "HANDLE": HANDLE,
    "PICTO": rf"(?:{PICTOGRAPH}[{PICTOGRAPH[1:-1]}\ufe0f\u200d\u20e3]*\s*)+",
    "GREETING": GREETING,
    "HUSH": FILLER,
    "COUNT": "|".join((r"\d{1,6}", *lexicon.NUMBERS)),
}


def table(name: str) -> list[str]:
    """Return the lines of a table of ``wording.txt``, words in capitals filled in."""
    return [_filled(line) for line in lexicon.table(name)]


def pattern(name: str) -> re.Pattern[str]:
    """Return a pattern of the table ``patterns`` of ``wording.txt``; it ignores case."""
    return re.compile(_PATTERNS[name], re.IGNORECASE)


def _filled(line: str) -> str:
    return _SLOT.sub(lambda found: SLOTS.get(found[0], found[0]), line)


_SLOT = re.compile(r"(?<![A-Za-z])[A-Z][A-Z_]+(?![A-Za-z]| = )")
_PATTERNS: dict[str, str] = {}
for _line in table("patterns"):
    _name, _, _text = _line.partition(" = ")
    _PATTERNS[_name] = _SLOT.sub(lambda found: _PATTERNS.get(found[0], found[0]), _text)


_RGB = re.compile(r"\brgb ?\(? ?(\d{1,3})[, ]+(\d{1,3})[, ]+(\d{1,3}) ?\)?", re.IGNORECASE)
_SPELLINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), usual.strip().replace("_", " "))
    for pattern, _, usual in (line.partition("  =>") for line in table("spellings"))
)
_POLITE = re.compile(
    rf"^(?:(?:{_INTERJECTION}|no(?= (?:i|the|not|that|this)\b)|(?:{GREETING}|{FILLER}"
    rf"|{'|'.join(table('asking'))})(?![\w'-])[,!.:]*)\s*)+",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"(?:[\s,.!?:]*(?:\b(?:{'|'.join(table('closing'))})|:\)))+[\s,.!?:]*$|[\s,.!?:]+$",
    re.IGNORECASE,
)
_DOUBLED = ("put", "get", "swap", "crop", "blur", "flip", "cut")
_REGULAR = [verb for verb in (*lexicon.VERBS, *lexicon.NOUNS_ALSO) if " " not in verb]
_BASES = {
    **{f"{verb.removesuffix('e')}ing": verb for verb in _REGULAR if verb != "dye"},
    **{f"{verb}{verb[-1]}ing": verb for verb in _DOUBLED},
    "made": "make",
}
_DONE = {  # "I want the house painted red", "the bin should be removed"
    "cut out": "cut out",
    "cut": "cut",
    "copied": "copy",
    "made": "make",
    "found": "find",
    "taken out": "take out",
    "taken off": "take off",
    "picked out": "pick out",
    "taken away": "take away",
    "put": "put",
    "shown": "show",
    **{f"{verb}{verb[-1]}ed": verb for verb in ("swap", "crop", "blur", "flip", "dim", "trim")},
    **{f"{verb.removesuffix('e')}ed": verb for verb in _REGULAR},
}
_PASSIVE = re.compile(
    r"(?:(?P<wish>(?:(?:(?:i|we)(?:'d| would)?(?: really| quite| rather)? )?(?:want|need|like|love"
    r"|prefer|require)(?: to (?:have|see|get))?|have|get|see) )"
    r"|(?:can|could|should|would|may|must) )?(?P<thing>it|them|this|that|(?:all(?! the)"
    r"|(?:all )?(?:the|my|his|her|its|their|that|this|those|these)) "
    rf"(?!{alternatives(*_DONE)})[^ ,]+(?: [^,]+?)??)"
    r" (?:(?:should |must |can |could |may |will |(?:(?:ought|is|are|ha[sv]e?|needs?) )?to )?be "
    rf"|(?(wish)|(?!)))(?P<done>{alternatives(*_DONE)})(?P<rest> .+)?",
    re.IGNORECASE,
)


def even(text: str) -> str:
    """Return the text in plain signs and single spaces; capitals are kept unless all are.

    Raises:
        Unsure: it is empty, too long, or holds signs that cannot be seen.
    """
    if len(text) > LONGEST:
        raise Unsure(f"That is longer than {LONGEST:,} characters. What is to be done, in short?")
    plain = " ".join(unicodedata.normalize("NFC", text).translate(SIGNS).split())
    if not any(sign.isalnum() for sign in plain):
        raise Unsure(f"There are no words in that. {WHAT_CAN_BE_DONE}")
    plain = plain.lower() if plain.isupper() else plain
    plain = _RGB.sub(_hex, plain)
    for pattern, usual in _SPELLINGS:
        plain = pattern.sub(usual, plain)
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") for sign in plain):
        raise Unsure("There are signs in that text that cannot be seen. Please type it again.")
    whole = re.fullmatch(r"[\"'](?P<inside>[^\"]+)[\"'][.!]?", plain)
    return _quoted_as_one(whole["inside"].strip() if whole else plain)


def _hex(rgb: re.Match[str]) -> str:
    return "#" + "".join(f"{min(int(part), 255):02x}" for part in rgb.groups())


def _quoted_as_one(text: str) -> str:
    pattern = r'"([^"]+)"|(?<![\w])\'([^\']+)\'(?!\w)'
    return re.sub(pattern, lambda m: hold_together((m[1] or m[2]).strip()), text).replace('"', "")


def bare(clause: str) -> str:
    """Return a clause without politeness and closing signs, its verb in the plain form."""
    clause = _POLITE.sub("", clause.strip(" ,;:.!?()"), count=1) if clause else ""
    clause = _CLOSING.sub("", clause)
    if (done := _PASSIVE.fullmatch(clause)) is not None:
        clause = f"{_DONE[done['done'].lower()]} {done['thing']}{done['rest'] or ''}"
    first, space, rest = clause.partition(" ")
    return _BASES.get(first.lower(), first) + space + rest
