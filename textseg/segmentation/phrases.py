"""Phrases that can be looked for: what may be in them, and names put together from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

# How tightly words of a kind bind; a phrase most.
BINDING: Mapping[str, int] = {"or": 0, "and": 1, "less": 1, "not": 2, "rest": 2, "phrase": 3}
_PATTERN = re.compile(
    r"""
    (?: (?P<rest> (everything | all) \s+ (except | but (\s+ not)?) (\s+ for)? )
      | (?P<less> except (\s+ for)? | but \s+ not )
      | (?P<and> and ) | (?P<or> or ) | (?P<not> not )
    ) (?= [\s()"“”] | $ )
    | (?P<open> \( ) | (?P<close> \) )
    | (?P<quoted> "[^"]*" | “[^”]*” )
    | (?P<word> [^\s()"“”]+ )
    | (?P<stray> \S )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def quoted(phrase: str) -> str:
    """Return a phrase as ``parse_query`` reads it back, in quotes where it has to be.

    One that holds straight and curly quotation marks cannot be read back.
    """
    if all(token.kind == "word" for token in tokens_of(phrase)):
        return phrase
    return f"“{phrase}”" if '"' in phrase else f'"{phrase}"'


def joined(operator: Literal["and", "or"], names: Sequence[str]) -> str:
    """Return "a and b" or "a or b", with parentheses around names that would fall apart."""
    return f" {operator} ".join(_grouped(name, BINDING[operator]) for name in names)


def negated(name: str) -> str:
    """Return "not a", with parentheses around a name that would fall apart."""
    return f"not {_grouped(name, BINDING['not'])}"


def remarked(name: str, remark: str) -> str:
    """Return "a (remark)", with parentheses around a name that would fall apart."""
    return f"{_grouped(name, BINDING['phrase'])} ({remark})"


def _grouped(name: str, binding: int) -> str:
    """Return the name, in parentheses if an operator in it binds less than this."""
    depth, loosest = 0, BINDING["phrase"]
    for token in tokens_of(name):
        depth += (token.kind == "open") - (token.kind == "close")
        if depth == 0:
            loosest = min(loosest, BINDING.get(token.kind, loosest))
    return f"({name})" if loosest < binding else name


@dataclass(frozen=True)
class Token:
    """A word or sign of an expression.

    ``kind`` is the name of its group in the pattern, "end" after the last.
    """

    kind: str
    text: str
    start: int


def tokens_of(text: str) -> Iterator[Token]:
    """Yield the words and signs of an expression, in their order."""
    for found in _PATTERN.finditer(text):
        yield Token(found.lastgroup or "", found.group(), found.start())
