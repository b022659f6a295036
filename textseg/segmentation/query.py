"""Texts that can be looked for, and expressions of them: "house and not (door or window)".

    either = both ("or" both)...
    both   = one ("and" one | "except" one | "but not" one)...
    one    = "not" one | "everything except" one | "(" either ")" | phrase

"a except b" and "a but not b" mean "a and not b", "everything except a" means "not a". A phrase is
a run of words; what stands in double quotes belongs to a phrase whatever it says.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import ClassVar, Literal

from textseg.checking import clean_query
from textseg.errors import QueryError, UnknownNameError
from textseg.segmentation.mask import Mask
from textseg.segmentation.phrases import Token, joined, negated, quoted, tokens_of

DEEPEST = 50  # parentheses and negations within each other
MOST_PHRASES = 100  # in one expression
SHOWN = 30  # characters on either side of a mistake that are shown


def parse_query(text: str) -> Expression:
    """Return what an expression means; see the top of this file.

    "not" binds closest, then "and", then "or". Whether "everything except a and b" spares both is
    not to be guessed: an exception that goes on with "and" or "or" needs parentheses.

    Raises:
        QueryError: it cannot be read; the message shows the place.
    """
    return _Reader(clean_query(text)).whole()


class Expression(ABC):
    """What is to be found, put together from phrases; ``str`` gives it in words again."""

    @property
    def phrases(self) -> tuple[str, ...]:
        """The phrases in it, each once, in the order of their first place."""
        return tuple(dict.fromkeys(self._leaves()))

    @abstractmethod
    def mask(self, masks: Mapping[str, Mask]) -> Mask:
        """Return the mask that is meant, given the mask of each of ``phrases``.

        Raises:
            UnknownNameError: one of them is missing.
        """

    @abstractmethod
    def _leaves(self) -> Iterator[str]:
        """Yield the phrases in the order in which they stand."""


@dataclass(frozen=True)
class Phrase(Expression):
    """One text to look for."""

    text: str

    def mask(self, masks: Mapping[str, Mask]) -> Mask:
        """Return the mask of this text."""
        if self.text not in masks:
            raise UnknownNameError.among("phrase", self.text, masks)
        return masks[self.text]

    def _leaves(self) -> Iterator[str]:
        yield self.text

    def __str__(self) -> str:
        """Return the text, in quotes where it needs them."""
        return quoted(self.text)


@dataclass(frozen=True)
class _Several(Expression):
    word: ClassVar[Literal["and", "or"]]
    parts: tuple[Expression, ...]

    def mask(self, masks: Mapping[str, Mask]) -> Mask:
        """Return what the masks of the parts are together."""
        combine = and_ if self.word == "and" else or_
        return reduce(combine, (part.mask(masks) for part in self.parts))

    def _leaves(self) -> Iterator[str]:
        for part in self.parts:
            yield from part._leaves()

    def __str__(self) -> str:
        """Return the parts with the word between them."""
        return joined(self.word, [str(part) for part in self.parts])


class And(_Several):
    """Where all parts are."""

    word = "and"


class Or(_Several):
    """Where any part is."""

    word = "or"


@dataclass(frozen=True)
class Not(Expression):
    """Everything but the part."""

    part: Expression

    def mask(self, masks: Mapping[str, Mask]) -> Mask:
        """Return what is not in the mask of the part."""
        return ~self.part.mask(masks)

    def _leaves(self) -> Iterator[str]:
        return self.part._leaves()

    def __str__(self) -> str:
        """Return "not" and the part."""
        return negated(str(self.part))


class _Reader:
    """Reads one text by recursive descent, one method a line of the grammar."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth, self.found = text, 0, 0, 0
        self.tokens = [*tokens_of(text), Token("end", "", len(text))]

    def whole(self) -> Expression:
        found = self.either()
        if self.next.kind == "close":
            raise self.wrong("a parenthesis closes that was not opened")
        if self.next.kind != "end":
            raise self.wrong('"and" or "or" is missing')
        return found

    def either(self) -> Expression:
        parts = [self.both()]
        while self.take("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(_flat(Or, parts))

    def both(self) -> Expression:
        parts = [self.one()]
        while self.next.kind in ("and", "less"):
            parts.append(self.one() if self.take("and") else self.excepted("less"))
        return parts[0] if len(parts) == 1 else And(_flat(And, parts))

    def one(self) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"more than {DEEPEST} parentheses within each other")
        if self.next.kind == "rest":
            found: Expression = self.excepted("rest")
        elif self.take("not"):
            found = Not(self.one())
        elif self.take("open"):
            found = self.either()
            if not self.take("close"):
                raise self.wrong("a closing parenthesis is missing")
        else:
            found = self.phrase()
        self.depth -= 1
        return found

    def excepted(self, kind: str) -> Expression:
        self.take(kind)
        found = Not(self.one())
        # "... and not b" is clear: both are spared
        after = self.tokens[min(self.at + 1, len(self.tokens) - 1)].kind
        if self.next.kind == "or" or (self.next.kind == "and" and after not in ("not", "rest")):
            raise self.wrong(
                "it is not clear how far the exception goes",
                hint='put it in parentheses, e.g. "everything except (tree or house)"',
            )
        return found

    def phrase(self) -> Phrase:
        words = []
        while self.next.kind in ("word", "quoted"):
            text = self.next.text
            words.append(text if self.next.kind == "word" else text[1:-1])
            if not words[-1].strip():
                raise self.wrong("there is nothing between the quotation marks")
            self.at += 1
        if self.next.kind == "stray":
            raise self.wrong("a quotation mark has no partner")
        if not words:
            raise self.wrong("a phrase is missing")
        self.found += 1
        if self.found > MOST_PHRASES:
            raise self.wrong(f"there are more than {MOST_PHRASES} phrases")
        return Phrase(clean_query(" ".join(words)))

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self, kind: str) -> bool:
        """Go past the next token if it is of this kind, and return whether it was."""
        taken = self.next.kind == kind
        self.at += taken
        return taken

    def wrong(self, what: str, *, hint: str = "") -> QueryError:
        """Return the error that shows where the text cannot be read any further."""
        start = self.next.start
        before, after = self.text[:start], self.text[start:]
        before = before if len(before) <= SHOWN else f"…{before[-SHOWN:]}"
        after = after if len(after) <= SHOWN else f"{after[:SHOWN]}…"
        return QueryError(f"{what} at character {start + 1}, here: {before}⟦?⟧{after}", hint=hint)


def _flat(kind: type[And] | type[Or], parts: Sequence[Expression]) -> tuple[Expression, ...]:
    """Return the parts, those of the same kind replaced by their own parts."""
    return tuple(
        inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))
    )
