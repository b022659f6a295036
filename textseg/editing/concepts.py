"""Texts as concepts: what to follow, and what to leave."""

from __future__ import annotations

import re

from textseg.editing.prompts import changed_phrases

BETWEEN = re.compile(r"\s*,\s*|\s*\+|\s+(?=-)")  # a hyphen within a word does not part it


def signed_concepts(text: str) -> tuple[tuple[str, int], ...]:
    """Return the concepts that a text lists, each with its sign.

    >>> signed_concepts("blue hat, t-shirt -beard")
    (('blue hat', 1), ('t-shirt', 1), ('beard', -1))
    """
    parts = [part for part in BETWEEN.split(text.strip()) if part.strip("+- ")]
    found = tuple((part.strip("+- "), -1 if part.startswith("-") else 1) for part in parts)
    return found or (("", 1),)


def changed_concepts(source: str, target: str) -> tuple[tuple[str, int], ...]:
    """Return what a target text has otherwise, and what the source has there with a minus.

    Where the target says itself what to leave, that is all.
    """
    _, before, after = changed_phrases(source, target)
    found = signed_concepts(after)
    says = not before or any(sign < 0 for _, sign in found)
    return found if says else (*found, (before, -1))
