"""What kind of change is asked for; how a model makes it stands on its card."""

from __future__ import annotations

from textseg.diffusion.card import Change
from textseg.editing.prompts import last_word, names_place

MOST_ATTEMPTS = 64
"""How often an edit may be made at most, on every surface."""


def kind_of_change(query: str, target: str, source: str) -> Change:
    """Return what turning ``query`` into ``target`` is, told by the last words (the nouns).

    Another place is another setting, where ``source``, the text for the picture, has it so.

    >>> kind_of_change("red house", "blue house", ""), kind_of_change("house", "boat", "")
    ('alter', 'replace')
    >>> kind_of_change("meadow", "beach", "a house on a meadow")
    'setting'
    """
    if not query:
        return "add"
    if not target:
        return "remove"
    if last_word(query) == last_word(target):
        return "alter"
    return "setting" if names_place(source, query) else "replace"
