"""What is answered before anything is parsed: what is about something else than these tools."""

from __future__ import annotations

import re

from agent_tools.commands import lexicon
from agent_tools.commands.calls import Unsure
from agent_tools.commands.wording import WHAT_CAN_BE_DONE, table

ANSWERS = (
    "Of a picture I can say what it shows, whether a thing is there, how many there are, where, "
    "how big and what colour they are: ask e.g. 'how many trees are there?'."
)
_ENGLISH = f"I read English only. {WHAT_CAN_BE_DONE}"
_SAID = {
    "ADDRESS": "I take no paths and no addresses. Name a picture by its handle, like "
    "img_ab12cd34ef, or a file in your folder, like house.png.",
    "ORDERS": "I only work on pictures and follow no other instructions. " + WHAT_CAN_BE_DONE,
    "FILES": "I never delete, overwrite, list or run files. I can remove things within a picture.",
    "UNABLE": f"I cannot do that with a picture. {WHAT_CAN_BE_DONE}",
    "STYLES": f"I change things in a picture, not its style. {WHAT_CAN_BE_DONE}",
    "HELP": WHAT_CAN_BE_DONE,
}
_START = r"(?:(?:please|now|just|(?:can|could|would) you|i want you to|let's|and|then)[ ,]+)*"
_REFUSED = tuple(
    (re.compile(pattern.replace("STARTING", _START), re.IGNORECASE), _SAID[name])
    for name, _, pattern in (line.partition(" = ") for line in table("refused"))
)


def refuse(text: str) -> None:
    """Raise the question that answers a text which is not to be parsed.

    Args:
        text: made even.

    Raises:
        Unsure: it is about something else than these tools, or not in English.
    """
    for pattern, answer in _REFUSED:
        if pattern.search(text):
            raise Unsure(answer)
    letters = [sign for sign in text if sign.isalpha()]
    if sum(ord(sign) > 0x24F for sign in letters) > len(letters) / 4:  # beyond Latin letters
        raise Unsure(_ENGLISH)
    if foreign := lexicon.FOREIGN.intersection(re.findall(r"[^\W\d_]+", text.lower())):
        raise Unsure(f"{min(foreign)!r} looks like another language. {_ENGLISH}")
