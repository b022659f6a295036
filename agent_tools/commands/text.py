"""A command as it was typed, made even: one kind of quotes, one space, politeness gone.

What stands in double quotes is one word from here on: its spaces and commas become signs that
nothing splits at, and ``unquoted`` turns them back.
"""

from __future__ import annotations

import re
import unicodedata

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure

WHAT_CAN_BE_DONE = (
    "I can find, recolour, replace, remove or add things, generate a picture, list pictures and "
    "undo, e.g. 'make the red house blue' or 'find the tree'."
)

LONGEST = 1000  # characters; a longer text is a letter, not a command
SIGNS = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"'}
    | {"\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": ",", "\u2026": "."}
)
_GLUE = {" ": "\ue000", ",": "\ue001", ";": "\ue002", ".": "\ue003", "!": "\ue004", "?": "\ue005"}
_HOLD, _RELEASE = (
    str.maketrans(_GLUE),
    str.maketrans({sign: plain for plain, sign in _GLUE.items()}),
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
    return re.sub(pattern, lambda m: (m[1] or m[2]).strip().translate(_HOLD), text).replace('"', "")


def hold_together(text: str) -> str:
    """Return a text as one word, which nothing splits."""
    return text.translate(_HOLD)


def release(text: str) -> str:
    """Return a text with the spaces and commas that its quotes held together."""
    return " ".join(text.translate(_RELEASE).split())


def bare(clause: str) -> str:
    """Return a clause without politeness and closing signs, its verb in the plain form."""
    clause = _POLITE.sub("", clause.strip(" ,;:.!?()"), count=1) if clause else ""
    clause = _CLOSING.sub("", clause)
    first, space, rest = clause.partition(" ")
    return _BASES.get(first.lower(), first) + space + rest
