"""A command taken apart: made even, politeness gone, one clause for each thing to do.

"don't touch the door; make the house blue with seed 3 and remove the tree" has two clauses, spares
the door in both, and gives the first a seed. What stands in double quotes is one word from here on:
its spaces and commas become signs that nothing splits at, and ``release`` turns them back.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure, Value
from agent_tools.commands.lexicon import hold_together
from agent_tools.commands.looks import TONE, is_adjective, is_colour, join_colours
from agent_tools.commands.places import is_place
from agent_tools.commands.things import EVERYTHING_BUT

WHAT_CAN_BE_DONE = (
    "I can find, count and describe things, recolour, replace, remove, add, retouch and move them, "
    "make and save pictures, and undo, e.g. 'make the red house blue' or 'find the tree'."
)

LONGEST = 1000  # characters; a longer text is a letter, not a command
SIGNS = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"'}
    | {"\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": ",", "\u2026": "."}
)


_RGB = re.compile(r"\brgb ?\(? ?(\d{1,3})[, ]+(\d{1,3})[, ]+(\d{1,3}) ?\)?", re.IGNORECASE)
_SPELLINGS = tuple(  # one spelling for what is written in several
    (re.compile(pattern, re.IGNORECASE), usual)
    for pattern, usual in (
        (r"\s*(?:->|=>|\u2192)\s*| = ", " to "),
        (r"(?<=[a-z)])(?::|\s-+)\s+(?=[a-z#])", " "),  # "walls: light grey"
        (r"\b(?:no\.|nr\.?|number|num\.?)\s*(?=\d{1,2}\b)|#(?=\d{1,2}(?!\w))", ""),  # "house no. 4"
        (r"\b(?:hex|hex code|colou?r code|rgb)\b ?(?=#)", ""),
        (r"\bits (?=(?:too|so|way|very|a bit)\b)", "it's "),
        (r"\b(?:can|could) you (?=(?:still )?see\b)", "do you "),
        (r"\bwhats\b", "what's"),
        (r"\bwheres\b", "where's"),
        (r"\bdont\b", "don't"),
        (r"\bteh\b", "the"),
        (r"\bu\b", "you"),
        (r"\bthis (?:colou?r|shade|tone|blue|red|green|one)[,:]? (?=#)", ""),
        (r"\ball the way (?=(?:on|to|at|in)\b)", ""),
        (r"\bnumber (?=(?:one|two|three|four|five)\b)", ""),
        (r"\bwanna\b", "want to"),
        (r"\bgonna\b", "going to"),
    )
)


def alternatives(*phrases: str) -> str:
    """Return a pattern that matches any of the phrases, the longest that fits, as whole words."""
    ordered = sorted(phrases, key=len, reverse=True)
    return rf"(?:{'|'.join(map(re.escape, ordered))})(?![\w'-])"


GREETING = (
    r"(?:hey|hi|hello|good (?:morning|day|evening)|thanks?|thank you|ok(?:ay)?|yes|sure|great)"
)
_FILLER = r"(?:oh|oops|whoops|hm+|um+|uh|er|ah|well|wait|actually|sorry|hang on|alright|no wait)"
_INTERJECTION = rf"(?:(?:{_FILLER}|no|nope|nah|right|cool|nice|perfect|lovely|yeah|yep)\s*[,.!;]+)"
_ASKING = (
    r"(?:(?:would|do) you )?mind(?= \w+ing\b)|(?:would|do) you mind"
    r"|(?:can|could|would) (?:you|we) be able to|(?:can|could|would|will) (?:you|we)|why "
    r"(?:don't you|not)|you (?:should|could|must|can|may)"
    r"|(?:is|would it be|is it|be) possible(?: for you)? to|is there (?:any|a) way to"
    r"|(?:any|is there any) chance (?:you|of you|that you) (?:can|could|would)"
    r"|i(?:'m| was|'m just) wondering (?:if|whether) (?:you|we) (?:can|could)"
    r"|i (?:think|guess|suppose|believe)(?: you (?:should|could)| we (?:should|could))?"
    r"|(?:i(?:'d| would) (?:like|love|prefer)|i want|i need|i wish|i wanna)(?: you)? to"
    r"|do me a favou?r and|if you (?:don't mind|can|could)|be (?:so kind|a dear) (?:as |and "
    r")?(?:to)?"
    r"|(?:tell me|do you know|i(?:'d like to| want to)? know|any idea)(?= (?:how|what|where"
    r"|which)\b)"
    r"|if it(?:'s| is)(?:n't| not)? too much trouble|i was hoping (?:you|we) (?:can|could)"
    r"|(?:it would|it'd|that'd|would) be (?:great|nice|lovely|good|cool) (?:if (?:you|we) (?:can"
    r"|could|would)|to)"
    r"|possible to|any way to|fancy(?= \w+ing\b)|(?:do you )?(?:reckon|think) (?:you|we) (?:can"
    r"|could)"
    r"|(?:is|would) it (?:be )?ok(?:ay)? (?:to|if you)|if you could"
    r"|(?:can|could|may) i (?:have|get)(?= an? )|let me(?= (?:see|have)\b)|(?:shall|should) "
    r"(?:we|i)|i(?:'m| am) (?:trying|going) to|(?:how|what) about|try to|help "
    r"me(?: to)?|need to|gotta|go ahead and"
)
_POLITE = re.compile(
    rf"^(?:(?:{_INTERJECTION}|(?:{GREETING}|{_FILLER}|please|pls|plz|kindly|just|now|so|and|then"
    rf"|next|also|maybe|perhaps|finally|first|next up|only|quickly|simply|let us|let's|lets"
    rf"|{_ASKING}|for me)(?![\w'-])[,!.:]*)\s*)+",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:[\s,.!?:]*(?:\b(?:please|pls|plz|thanks?|thx|ty|cheers|mate|thank you(?: very much)?"
    r"|for me"
    r"|right now|now|then|that would be (?:great|nice|lovely|perfect|cool)|would that work"
    r"|instead|(?:and|but) nothing else|as well|too|also|if (?:you (?:can|could"
    r"|would)|possible"
    r"|that's ok(?:ay)?|you don't mind)|when you can|would you(?: mind)?|(?:will|can|could) you"
    r"|okay|ok"
    r"|somehow|real quick|quickly|lol|haha|i "
    r"guess|i think)|:\)))+[\s,.!?:]*$|[\s,.!?:]+$",
    re.IGNORECASE,
)
_NOTHING = re.compile(rf"(?:{GREETING}|{_FILLER}|no|nope|nah|be a dear|be so kind)", re.IGNORECASE)
_SO_TOO = re.compile(  # "and the tree too": what was done before is to be done to it as well
    r"^(?:(?:and|also|plus|now|then|next|or|same|ok(?:ay)?)\b|what about|how about)"
    r"|\b(?:too|also|as well|likewise)[\s.!?]*$",
    re.IGNORECASE,
)
_DOUBLED = ("put", "get", "swap", "crop", "blur", "flip", "cut")
_BASES = {
    "making": "make",
    **{f"{verb}{verb[-1]}ing": verb for verb in _DOUBLED},
    **{
        f"{verb.removesuffix('e')}ing": verb
        for verb in lexicon.VERBS
        if " " not in verb and verb not in ("make", "dye", *_DOUBLED)
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
    if not any(sign.isalnum() for sign in plain):
        raise Unsure(f"There are no words in that. {WHAT_CAN_BE_DONE}")
    plain = plain.lower() if plain.isupper() else plain
    plain = _RGB.sub(_hex, plain)
    for pattern, usual in _SPELLINGS:
        plain = pattern.sub(usual, plain)
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
    first, space, rest = clause.partition(" ")
    return _BASES.get(first.lower(), first) + space + rest


HANDLE = r"img_[a-z0-9]{4,40}"
MASK = r"mask_[a-z0-9]{4,40}"
_FILE = r"[\w-]+\.(?:png|jpe?g|webp)"

_OBJECT = r"(?=\s+(?:the|it|them|a|an|my|everything|all|this|that|to|around)\b)"
_VERB = (
    rf"(?:{alternatives(*lexicon.VERBS)}|{alternatives(*lexicon.NOUNS_ALSO)}{_OBJECT}"
    rf"|cut\b(?=.+ out))"
)
_GERUND = r"(?:leaving|keeping|sparing|touching|changing|making|removing|painting)\b"
_PREFIX = (
    r"(?:(?:please|also|then|just|now|finally|afterwards|i want you to|can you|could you"
    r"|you can) )*"
)
_WISH = r"i(?:'d| would)? (?:want|need|like|love|prefer) (?:it|them|this|that|the|a)\b"
_BREAK = re.compile(
    rf"[;.!?]+(?:\s+|$)|,?\s+(?:and\s+)?(?:then|after (?:that|this)|afterwards|next(?! to))\b,?\s+"
    rf"|,?\s+(?:and|but|while|yet)\s+(?={_PREFIX}(?:{_VERB}|{_GERUND}|{_WISH}))"
    r"|,?\s+and\s+(?=(?:how (?:many|big)|what|where|which|is there|are there)\b)"
    rf"|,\s*(?={_PREFIX}(?:{_VERB}|{_WISH}))"
    rf"|(?<!everything)(?<!all),?\s+(?:and|but)\s+(?=the\s+[\w' ]+\s+should be\b)",
    re.IGNORECASE,
)
_TOUCH = (
    r"(?:touch(?:ing)?|chang(?:e|ing)|alter(?:ing)?|edit(?:ing)?|modify(?:ing)?|affect(?:ing)?"
    r"|recolou?r(?:ing)?|colou?r(?:ing)?|paint(?:ing)?|remov(?:e|ing)|includ(?:e|ing)"
    r"|mess(?:ing)? with|blur(?:ring)?|mov(?:e|ing)|crop(?:ping)?|darken(?:ing)?|brighten(?:ing)?)"
)
_SPARE = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:do not|don't|dont|never|without|not|avoid) {_TOUCH} (?P<thing>.+)",
        r"(?:leave|leaving|keep|keeping|let) (?P<thing>.+?) "
        r"(?:alone|(?:just )?as (?:it is|they are)|as is|unchanged|untouched"
        r"|the way (?:it is|they are)|in place|out(?: of it)?|be|the same|intact|sharp)",
        r"(?:keep|keeping|leave|leaving) (?P<thing>.+?) (?:in (?:full )?|its )colou?rs?",
        rf"(?:leave|leaving|keep|keeping) (?P<thing>(?:the|my|all) .+?) {TONE}",
        r"(?P<thing>.+) (?:should|must|can|has to) (?:stay|remain)(?: .*)?",
        r"(?:leave|leaving|keep|keeping|spare|sparing|avoid) (?P<thing>(?:the|my|all) .+)",
    )
)
_COLOURED = re.compile(r"\bcolou?rs?$", re.IGNORECASE)
_THE_REST = re.compile(
    r"(?:everything|all|anything|nothing)(?: else)?|(?:all )?the rest(?: of .+)?"
)
_INSIDE = re.compile(  # "... without touching the tree", at the end of a clause
    rf",?\s+(?:(?:but|and|while)\s+)?(?P<spare>(?:without|not|avoid) {_TOUCH} .+)$", re.IGNORECASE
)
_EXCEPT = re.compile(
    r"(?<! do)(?<! it)(?<!same)(?<!picture)(?<!better)(?<!nicer),?\s+(?:except(?: for)?"
    r"|excluding|but "
    r"not|and not|other than|apart from|aside from|besides"
    r"|but(?= (?:the|my|his|her|its|their|for|that|this|those|these|not)\b)|(?:but )?(?:without"
    r"|not)(?= (?:the|my|his|her|its|their) (?!background)))\s+(?P<thing>.+)$",
    re.IGNORECASE,
)
_ALL_BUT = re.compile(
    r"\b(?:everything|every thing|anything|all|all the rest|the whole (?:picture|image|thing|scene)"
    r"|(?:the )?(?:picture|image|photo))(?: else)?(?: in the (?:picture|image|photo))?,? "
    r"(?:except(?: for)?|excluding|but(?: not)?(?! with)|other than|apart from|aside from|besides"
    r"|save for)\s+"
    r"|\b(?:(?:everything|all|anything|the (?:whole )?(?:area|rest|space|parts?)|the background"
    r"|whatever is)(?: (?:that is|that's|which is))? )"
    r"(?:around|behind|outside(?: of)?|surrounding|not|that is not|that isn't|which isn't) "
    r"|\bthe (?:background|surroundings) of (?=(?:the|my|his|her|this|that)\b)",
    re.IGNORECASE,
)
_NAMES_IT = re.compile(  # the file or handle in it is no picture to work on
    rf"(?:{alternatives(*lexicon.SAVE)}|keep|call|name|compare|go back|back|return|revert|undo"
    rf"|continue"
    r"|restore|start)\b.*|(?:use|open|load) img_\w+|.*\b(?:called|named|changed|difference)\b.*",
    re.IGNORECASE,
)
_SAID_ONLY = re.compile(  # of no picture, where something else follows
    r"(?:it|that|this|he|she)(?:'s| is| was| looks) .+|i (?:don't|do not) like (?:it|that|this).*"
    r"|(?:don't|do not) (?:make|turn) .+|never ?mind.*|i(?:'ve| have)? changed my mind|forget "
    r"(?:it|that)|not (?:like )?that",
    re.IGNORECASE,
)
_STATEMENT = re.compile(  # "the jumper is red now", as the reason for what is said next
    r"(?:there(?:'s| is| are) (?:an? |some |too many |so many )?|i (?:don't like|hate|dislike) "
    r")(?P<seen>.+)|(?P<thing>(?:the|my|that|this|those"
    r"|these) [\w' ]+?|left and right)(?<!better) (?:is|are|looks?|seems?|was|ruins?|spoils?"
    r"|bothers?|annoys?|distracts?|has|shouldn't|doesn't)"
    r" (?P<state>.+?)(?: (?:now|right now|at the moment))?",
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
        more: it was said as something to be done as well: "and the tree too".
        topic: it asks for nothing, and says what the next one is about.
    """

    text: str
    exclude: str = ""
    image: str = ""
    settings: dict[str, Value] = field(default_factory=dict)
    more: bool = False
    topic: bool = False


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
    pieces = _pieces(text)
    for at, (piece, more) in enumerate(pieces):
        thing = _spared(piece)
        if thing is not None and (len(pieces) > 1 or not _COLOURED.search(piece)):
            spared += [] if _THE_REST.fullmatch(thing) else [thing]
            continue
        inside = _INSIDE.search(piece)
        if inside is not None:
            spared.append(_spared(inside["spare"]) or "")
            piece = piece[: inside.start()]
        if at + 1 < len(pieces) and _SAID_ONLY.fullmatch(piece):
            clauses.append(Clause("", topic=True))
            continue
        stated = _STATEMENT.fullmatch(piece) if at + 1 < len(pieces) else None
        if not stated and at + 1 < len(pieces) and _names_only(piece, pieces[at + 1][0]):
            clauses.append(Clause(piece, topic=True))
            continue
        more = more or any(not clause.topic for clause in clauses)
        clauses.append(_topic(stated) if stated else replace(_clause(piece), more=more))
    return Sentence(tuple(clauses), tuple(spared))


def _names_only(piece: str, after: str) -> bool:
    """Return whether a piece names what the next one is about: "the brown dog, make it black"."""
    words = piece.lower().split()
    named = words[0] in lexicon.DETERMINERS and not is_adjective(words[-1])
    return named and re.search(r"\b(?:it|them)\b", after) is not None


def _topic(stated: re.Match[str]) -> Clause:
    """Return what a statement speaks of: "the red jumper" of "the jumper is red"."""
    if stated["seen"]:
        return Clause(stated["seen"], topic=True)
    article, _, noun = stated["thing"].lower().partition(" ")
    state = stated["state"].lower()
    return Clause(f"{article} {state} {noun}" if is_colour(state) else stated["thing"], topic=True)


def _pieces(text: str) -> list[tuple[str, bool]]:
    """Return the text cut where something new is to be done, politeness gone.

    With each goes whether it was said as something to be done as well.
    """
    pieces = [
        (bare(piece), bool(_SO_TOO.search(piece)))
        for piece in _BREAK.split(join_colours(text))
        if piece
    ]
    said = [each for each in pieces if each[0] and not _NOTHING.fullmatch(each[0])]
    for at in reversed(range(len(said) - 1)):
        if is_place(said[at][0]):  # "on the left, add a tree"
            place = re.sub(r"^the ", "in the ", said[at][0], flags=re.IGNORECASE)
            said[at : at + 2] = [(f"{said[at + 1][0]} {place}", said[at + 1][1])]
    return said


def _spared(piece: str) -> str | None:
    """Return what a clause only says to leave alone; None where it says something else."""
    for pattern in _SPARE:
        if (found := pattern.fullmatch(piece)) is not None:
            return found["thing"].lower()
    return None


def _clause(piece: str) -> Clause:
    if _NAMES_IT.fullmatch(piece):
        return Clause(piece)
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
