"""Values from outside, checked, and errors about them that a person can read."""

from __future__ import annotations

import reprlib
import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from textseg.errors import InvalidInputError, QueryError, problem_words

LONGEST_QUERY = 20_000  # characters; a model reads far fewer, and says which it left out
MAX_PIXELS = 40_000_000  # of a picture, unless somebody allows more

Precision = Literal["auto", "float32", "bfloat16", "float16"]
"""What a model computes in; "auto" is the fastest that is safe on its device."""


class Facts(BaseModel):
    """What all arguments and results are: immutable, complete, nothing unknown in them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


FactsT = TypeVar("FactsT", bound=Facts)


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


def _tidied(text: str, name: str) -> str:
    return clean_query(text, name=name) if text.strip() else ""


Query = Annotated[str, AfterValidator(clean_query)]
Target = Annotated[str, AfterValidator(partial(_tidied, name="target"))]
Description = Annotated[str, AfterValidator(partial(clean_query, name="prompt"))]
Prompt = Annotated[str, AfterValidator(partial(_tidied, name="prompt"))]
QueryOrNone = Annotated[str, AfterValidator(partial(_tidied, name="query"))]


def check_arguments(kind: type[FactsT], values: Mapping[str, object]) -> FactsT:
    """Return arguments of a kind with these values.

    Raises:
        InvalidInputError: a value is wrong; one line that names it and what it could be.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise explain(error, kind) from None


def explain(error: ValidationError, kind: type[Facts] | None = None) -> InvalidInputError:
    """Return one readable line for what pydantic says about wrong arguments.

    Args:
        error: what was raised.
        kind: of the arguments; with it the line also says which numbers are allowed.
    """
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidInputError):
        return cause
    name = ".".join(str(part) for part in first["loc"])
    allowed = _allowed(kind, str(first["loc"][0])) if kind and first["loc"] else ""
    got = "" if first["type"] == "missing" else f", got {reprlib.repr(first['input'])}"
    return InvalidInputError(
        f"{name}: {problem_words(first)}{got}", hint=f"allowed: {allowed}" if allowed else ""
    )


def _allowed(kind: type[Facts], name: str) -> str:
    """Return the range of a field in words; "" where it has none, or there is no such field."""
    limits: dict[str, float] = {}
    if name in kind.model_fields:
        for part in kind.model_fields[name].metadata:
            for limit in ("ge", "gt", "le", "lt"):
                limits |= {limit: getattr(part, limit)} if hasattr(part, limit) else {}
    return range_words(
        least=limits.get("ge"),
        above=limits.get("gt"),
        most=limits.get("le"),
        below=limits.get("lt"),
    )


def range_words(
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> str:
    """Return a range in words; "" without limits.

    >>> range_words(above=0, most=1)
    'above 0, at most 1'
    """
    if least is not None and most is not None:
        return f"{least} to {most}"
    limits = {"at least": least, "above": above, "at most": most, "below": below}
    return ", ".join(f"{word} {value}" for word, value in limits.items() if value is not None)
