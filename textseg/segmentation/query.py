"""Texts that can be looked for."""

from __future__ import annotations

import unicodedata

from textseg.errors import QueryError

LONGEST_QUERY = 20_000  # characters; a model reads far fewer, and says which it left out


def clean_query(query: str, *, name: str = "query") -> str:
    """Return a query with its white space tidied; any script and emoji may be in it.

    Args:
        query: the text.
        name: what it is called when it is refused.

    Raises:
        QueryError: nothing is left, it holds control characters, or it is longer than 20 000.
    """
    text = " ".join(query.split())
    if not text:
        raise QueryError(f"the {name} is empty", hint='name what is meant, e.g. "tree"')
    if len(text) > LONGEST_QUERY:
        raise QueryError(
            f"the {name} has {len(text):,} characters, more than {LONGEST_QUERY:,}",
            hint="shorten it",
        )
    # Cc: control characters; Cs: halves of characters, left by bytes that are not UTF-8
    odd = next((sign for sign in text if unicodedata.category(sign) in ("Cc", "Cs")), None)
    if odd is not None:
        raise QueryError(f"the {name} holds the control character U+{ord(odd):04X}")
    return text
