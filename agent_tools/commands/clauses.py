"""A command taken apart: made even, politeness gone, one clause for each thing to do.

"don't touch the door; make the house blue with seed 3 and remove the tree" has two clauses, spares
the door in both, and gives the first a seed. What stands in double quotes is one word from here on:
its spaces and commas become signs that nothing splits at, and ``release`` turns them back.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure, Value
from agent_tools.commands.lexicon import hold_together, join_colours
from agent_tools.commands.things import EVERYTHING_BUT, is_place

WHAT_CAN_BE_DONE = (
    "I can find, recolour, replace, remove or add things, generate a picture, list pictures and "
    "undo, e.g. 'make the red house blue' or 'find the tree'."
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


GREETING = (
    r"(?:hey|hi|hello|good (?:morning|day|evening)|thanks?|thank you|ok(?:ay)?|yes|sure|great)"
)
_POLITE = re.compile(
    rf"^(?:(?:{GREETING}|please|pls|kindly|just|now|so|well|and|then|next|also|maybe|perhaps|finally"
    r"|first|next up|only|go ahead and|(?:can|could|would|will) (?:you|we)|why (?:don't you|not)"
    r"|let us|let's|lets|(?:i(?:'d| would) like|i want|i need|i wish)(?: you)? to"
    r"|you (?:should|could|must|can|may)|(?:would|do) you mind|(?:how|what) about|try to"
    r"|help me(?: to)?"
    r"|be so kind (?:as )?to|for me)(?![\w'-])[,!.:]*\s*)+",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:[\s,.!?:]*\b(?:please|pls|thanks?|thank you(?: very much)?|for me|right now|now|instead"
    r"|(?:and|but) nothing else|as well|too|if you can|if possible|would you|will you|okay|ok))+"
    r"[\s,.!?:]*$|[\s,.!?:]+$",
    re.IGNORECASE,
)
_BASES = {
    "making": "make",
    "putting": "put",
    "getting": "get",
    "swapping": "swap",
    **{
        f"{verb.removesuffix('e')}ing": verb
        for verb in lexicon.VERBS
        if " " not in verb and verb not in ("make", "put", "swap", "dye")
    },
}


def even(text: str) -> str:
    """Return the text in plain signs and single spaces; capitals are kept unless all are.

    Raises:
        Unsure: it is empty, too long, or holds signs that cannot be seen.
    """
    if len(text) > LONGEST:
        raise Unsure(f"That is longer than {LONGEST:,} characters. What is to be done, in short?")
    plain = " ".join(unicodedata.normalize("NFC", text).translate(SIGNS).split())
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") for sign in plain):
        raise Unsure("There are signs in that text that cannot be seen. Please type it again.")
    if not any(sign.isalpha() for sign in plain):
        raise Unsure(f"There are no words in that. {WHAT_CAN_BE_DONE}")
    plain = plain.lower() if plain.isupper() else plain
    whole = re.fullmatch(r"[\"'](?P<inside>[^\"]+)[\"'][.!]?", plain)
    return _quoted_as_one(whole["inside"].strip() if whole else plain)


def _quoted_as_one(text: str) -> str:
    pattern = r'"([^"]+)"|(?<![\w])\'([^\']+)\'(?!\w)'
    return re.sub(pattern, lambda m: hold_together((m[1] or m[2]).strip()), text).replace('"', "")


def bare(clause: str) -> str:
    """Return a clause without politeness and closing signs, its verb in the plain form."""
    clause = _POLITE.sub("", clause.strip(" ,;:.!?()"), count=1) if clause else ""
    clause = _CLOSING.sub("", clause)
    first, space, rest = clause.partition(" ")
    return _BASES.get(first.lower(), first) + space + rest


HANDLE = r"img_[a-z0-9]{4,40}"
MASK = r"mask_[a-z0-9]{4,40}"
_FILE = r"[\w-]+\.(?:png|jpe?g|webp)"

_VERB = alternatives(*lexicon.VERBS)
_GERUND = r"(?:leaving|keeping|sparing|touching|changing|making|removing|painting)\b"
_PREFIX = r"(?:(?:please|also|then|just|now|finally|afterwards|i want you to|can you|could you) )*"
_BREAK = re.compile(
    rf"[;.!?]+(?:\s+|$)|,?\s+(?:and\s+)?(?:then|after (?:that|this)|afterwards|next(?! to))\b,?\s+"
    rf"|,?\s+(?:and|but|while|yet)\s+(?={_PREFIX}(?:{_VERB}|{_GERUND}))|,\s*(?={_PREFIX}{_VERB})"
    rf"|,?\s+(?:and|but)\s+(?=the\s+[\w' ]+\s+should be\b)",
    re.IGNORECASE,
)
_TOUCH = (
    r"(?:touch(?:ing)?|chang(?:e|ing)|alter(?:ing)?|edit(?:ing)?|modify(?:ing)?|affect(?:ing)?"
    r"|recolou?r(?:ing)?|colou?r(?:ing)?|paint(?:ing)?|remov(?:e|ing)|includ(?:e|ing)"
    r"|mess(?:ing)? with)"
)
_SPARE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:do not|don't|dont|never|without|not|avoid) {_TOUCH} (?P<thing>.+)",
        r"(?:leave|leaving|keep|keeping|let) (?P<thing>.+?) "
        r"(?:alone|(?:just )?as (?:it is|they are)|as is|unchanged|untouched"
        r"|the way (?:it is|they are)|in place|out(?: of it)?|be|the same|intact)",
        r"(?:leave|leaving|keep|keeping|spare|sparing|avoid) (?P<thing>(?:the|my|all) .+)",
    )
)
_THE_REST = re.compile(
    r"(?:everything|all|anything|nothing)(?: else)?|(?:all )?the rest(?: of .+)?"
)
_INSIDE = re.compile(  # "... without touching the tree", at the end of a clause
    rf",?\s+(?:(?:but|and|while)\s+)?(?P<spare>(?:without|not|avoid) {_TOUCH} .+)$", re.IGNORECASE
)
_EXCEPT = re.compile(
    r",?\s+(?:except(?: for)?|excluding|but not|and not|other than|apart from|aside from|besides"
    r"|but(?! with)|(?:but )?(?:without|not)(?= (?:the|my|his|her|its|their) ))\s+(?P<thing>.+)$",
    re.IGNORECASE,
)
_ALL_BUT = re.compile(
    r"\b(?:everything|every thing|anything|all|all the rest|the whole (?:picture|image))"
    r"(?: else)?(?: in the (?:picture|image|photo))?,? "
    r"(?:except(?: for)?|excluding|but(?: not)?|other than|apart from|aside from|besides"
    r"|save for)\s+",
    re.IGNORECASE,
)
_IMAGE = re.compile(
    rf"(?:\b(?:in|on|from|of|for|at|with|using|use|take|to)\s+)?(?:(?:the|my|this)\s+)?"
    rf"(?:(?:image|picture|photo|file)\s+)?\b(?P<image>{HANDLE}|{_FILE})(?![\w.]),?",
    re.IGNORECASE,
)
_SHARE = r"[01](?:\.\d+)?"
_SETTINGS = tuple(  # "with a threshold of 0.3", "(seed 4)"
    (
        argument,
        re.compile(
            r",?\s*\(?(?:\b(?:with|using|at|and|use)\s+)?(?:(?:an?|the)\s+)?"
            rf"\b{argument}(?:\s+(?:of|to|is|number))?[\s=:]+(?P<value>{number})\)?(?![\w.]*\w)",
            re.IGNORECASE,
        ),
    )
    for argument, number in (("seed", r"\d{1,15}"), ("threshold", _SHARE), ("strength", _SHARE))
)


@dataclass(frozen=True)
class Clause:
    """One thing to do.

    Attributes:
        text: what, from the verb on.
        exclude: the name of what this clause spares; "" for nothing.
        image: handle or file name; "" where none is named.
        settings: seed, threshold, strength, as far as given.
    """

    text: str
    exclude: str = ""
    image: str = ""
    settings: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Sentence:
    """All that a command says: what to do, in order, and what to spare in all of it."""

    clauses: tuple[Clause, ...]
    spared: tuple[str, ...] = ()


def take_apart(text: str) -> Sentence:
    """Return the clauses of a text that was made even.

    Raises:
        Unsure: two pictures are named for one thing to do.
    """
    clauses: list[Clause] = []
    spared: list[str] = []
    for piece in _pieces(text):
        thing = _spared(piece)
        if thing is not None:
            spared += [] if _THE_REST.fullmatch(thing) else [thing]
            continue
        inside = _INSIDE.search(piece)
        if inside is not None:
            spared.append(_spared(inside["spare"]) or "")
            piece = piece[: inside.start()]
        clauses.append(_clause(piece))
    return Sentence(tuple(clauses), tuple(spared))


def _pieces(text: str) -> list[str]:
    """Return the text cut where something new is to be done, politeness gone."""
    pieces = [bare(piece) for piece in _BREAK.split(join_colours(text)) if piece]
    said = [piece for piece in pieces if piece and not re.fullmatch(GREETING, piece, re.I)]
    for at in reversed(range(len(said) - 1)):
        if is_place(said[at]):  # "on the left, add a tree"
            said[at : at + 2] = [f"{said[at + 1]} {said[at]}"]
    return said


def _spared(piece: str) -> str | None:
    """Return what a clause only says to leave alone; None where it says something else."""
    for pattern in _SPARE:
        if (found := pattern.fullmatch(piece)) is not None:
            return found["thing"].lower()
    return None


def _clause(piece: str) -> Clause:
    piece, image = _without_image(piece)
    piece, settings = _without_settings(piece)
    piece = _ALL_BUT.sub(EVERYTHING_BUT, piece)
    found = _EXCEPT.search(piece)
    exclude = found["thing"].lower() if found else ""
    return Clause(bare(piece[: found.start()] if found else piece), exclude, image, settings)


def _without_image(piece: str) -> tuple[str, str]:
    named = [found["image"] for found in _IMAGE.finditer(piece)]
    if len(set(named)) > 1:
        raise Unsure(f"Which picture: {' or '.join(named)}? I work on one at a time.")
    return " ".join(_IMAGE.sub(" ", piece).split()), named[0] if named else ""


def _without_settings(piece: str) -> tuple[str, dict[str, Value]]:
    settings: dict[str, Value] = {}
    for argument, pattern in _SETTINGS:
        if (found := pattern.search(piece)) is not None:
            number = int if argument == "seed" else float
            settings[argument] = number(found["value"])
            piece = piece[: found.start()] + piece[found.end() :]
    return piece.strip(), settings
