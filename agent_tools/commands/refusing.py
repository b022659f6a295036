"""What is answered before anything is parsed: what is about something else than these tools."""

from __future__ import annotations

import re

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure
from agent_tools.commands.wording import GREETING, WHAT_CAN_BE_DONE

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
