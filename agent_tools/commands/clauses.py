"""A command taken apart: one clause for each thing to do.

"don't touch the door; make the house blue with seed 3 and remove the tree" has two clauses, spares
the door in both, and gives the first a seed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure, Value
from agent_tools.commands.looks import TONE, is_adjective, is_colour, join_colours
from agent_tools.commands.places import is_place
from agent_tools.commands.things import EVERYTHING_BUT
from agent_tools.commands.wording import FILLER, GREETING, alternatives, bare

_NOTHING = re.compile(rf"(?:{GREETING}|{FILLER}|no|nope|nah|be a dear|be so kind)", re.IGNORECASE)
_SO_TOO = re.compile(  # "and the tree too": what was done before is to be done to it as well
    r"^(?:(?:and|also|plus|now|then|next|or|same|ok(?:ay)?)\b|what about|how about)"
    r"|\b(?:too|also|as well|likewise)(?:,? (?:please|pls|plz|thanks))?[\s.!?]*$",
    re.IGNORECASE,
)
HANDLE = r"img_[a-z0-9]{4,40}"
_FILE = r"[\w-]+\.(?:png|jpe?g|webp)"

_OBJECT = r"(?=\s+(?:the|it|them|a|an|my|everything|all|this|that|to|around)\b)"
_VERB = (
    rf"(?:{alternatives(*lexicon.VERBS)}|{alternatives(*lexicon.NOUNS_ALSO)}{_OBJECT}"
    rf"|cut\b(?=.+ out))"
)
_LAST_VERB = re.compile(
    alternatives(*lexicon.FIND, *lexicon.REMOVE, *lexicon.VERBS_OF["PLAIN"], *lexicon.COPY),
    re.IGNORECASE,
)
_GERUND = r"(?:leaving|keeping|sparing|touching|changing|making|removing|painting)\b"
_PREFIX = (
    r"(?:(?:please|also|then|just|now|finally|afterwards|i want you to|can you|could you"
    r"|you can) )*"
)
_WISH = r"i(?:'d| would)? (?:want|need|like|love|prefer) (?:it|them|this|that|the|a)\b"
_ONLY = r"(?:(?:only|just) )?"
_STAYS = r"(?:(?:should|must|can|has to) )?(?:stays?|remains?)"
_BREAK = re.compile(
    r"[;.!?]+(?:\s+|$)|,?\s+(?:and\s+)?(?:then|after (?:that|this)|(?<!before )and after"
    r"|afterwards|next(?! to))\b,?\s+"
    rf"|,?\s+(?:and|but|while|yet)\s+(?={_PREFIX}(?:{_VERB}|{_GERUND}|{_WISH}))"
    r"|,?\s+and\s+(?=(?:how (?:many|big)|what|where|which|is there|are there)\b)"
    rf"|,\s*(?={_PREFIX}(?:{_VERB}|{_WISH}|back to"
    r"|(?:can|could|should|may|might) (?:it|that|they|those|this)\b))"
    r"|(?<!everything)(?<!all),?\s+(?:and|but)\s+(?=the\s+[\w' ]+\s+should be\b)"
    rf"|(?:,|,?\s+(?:and|but))\s+(?={_ONLY}(?:the|my|his|her|its) [\w' ]+ {_STAYS}\b)",
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
        rf"{_ONLY}(?P<thing>.+?) {_STAYS}(?: .*)?",
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
    r"\b(?:everything|everywhere|every thing|anything|all|all the rest"
    r"|the whole (?:picture|image|thing|scene)"
    r"|(?:the )?(?<!same )(?:picture|image|photo))(?: else)?(?: in the (?:picture|image|photo))?,? "
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
    r"|continue|restore|start|i mean|i meant)\b.*|(?:use|open|load) img_\w+"
    r"|.*\b(?:called|named|changed|difference)\b.*",
    re.IGNORECASE,
)
_ABOUT_IT = re.compile(r"\b(?:it|them|that|they|those)\b", re.IGNORECASE)
_NOT_SO = re.compile(  # "don't make the house blue, make it green"
    rf"(?:don't|do not|never) (?!chang|touch|alter|edit){alternatives(*lexicon.VERBS)} "
    r"(?P<thing>(?:the|my|his|her|that|this) .+?)(?: (?:(?:in)?to )?"
    rf"(?:{TONE}|(?:much |so |too )?(?:big|small|bright|dark|larg|light)\w*))?",
    re.IGNORECASE,
)
_SAID_ONLY = re.compile(  # of no picture, where something else follows
    r"(?:it|that|this|he|she)(?:'s| is| was| looks) .+|i (?:don't|do not) like (?:it|that|this).*"
    r"|(?:don't|do not) (?:make|turn) .+|never ?mind.*|i(?:'ve| have)? changed my mind|(?:forget"
    r"|scrap) (?:it|that)|not (?:like )?that",
    re.IGNORECASE,
)
_STATEMENT = re.compile(  # "the jumper is red now", as the reason for what is said next
    r"(?:there(?:'s| is| are) (?:an? |some |(?:too|so) (?:many|much) )?|i (?:don't like|hate"
    r"|dislike) )(?P<seen>.+)|(?P<thing>(?:the|my|that|this|those"
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
_TAKEN = re.compile(r"^(?:take|you see|look at|as for|regarding|about) ", re.IGNORECASE)
_NO_TOPIC = lexicon.OTHER_VERBS.union(
    lexicon.NOT_IN_NAMES, *(verbs for verbs in lexicon.VERBS_OF.values())
)
MOST_TOPIC = 3  # words of a thing without an article: "sky, make it purple"
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
        after = pieces[at + 1][0] if at + 1 < len(pieces) else ""
        if _ABOUT_IT.search(after) and (other := _NOT_SO.fullmatch(piece)) is not None:
            clauses.append(Clause(other["thing"], topic=True))
            continue
        thing = _spared(piece)
        if thing is not None and (len(pieces) > 1 or not _COLOURED.search(piece)):
            spared += [] if _THE_REST.fullmatch(thing) else [thing]
            continue
        inside = _INSIDE.search(piece)
        if inside is not None:
            spared.append(_spared(inside["spare"]) or "")
            piece = piece[: inside.start()]
        if after and _SAID_ONLY.fullmatch(piece):
            clauses.append(Clause("", topic=True))
            continue
        stated = _STATEMENT.fullmatch(piece) if after else None
        if not stated and after and _names_only(piece, after):
            clauses.append(Clause(_TAKEN.sub("", piece), topic=True))
            continue
        more = more or any(not clause.topic for clause in clauses)
        clauses.append(_topic(stated) if stated else replace(_clause(piece), more=more))
    return Sentence(tuple(clauses), tuple(spared))


def _names_only(piece: str, after: str) -> bool:
    """Return whether a piece names what the next one is about: "the brown dog, make it black"."""
    words = _TAKEN.sub("", piece.lower()).split()
    named = words[0] in lexicon.DETERMINERS or (len(words) > 1 and is_adjective(words[0]))
    named = named or (len(words) <= MOST_TOPIC and _NO_TOPIC.isdisjoint(words))
    return named and not is_adjective(words[-1]) and _ABOUT_IT.search(after) is not None


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
    if len(said) > 1 and _LAST_VERB.fullmatch(said[-1][0]):  # "the blue car, select"
        said[-2:] = [(f"{said[-1][0]} {said[-2][0]}", said[-2][1])]
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
