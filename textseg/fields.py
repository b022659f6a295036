"""What can be set, told to people: a field of arguments, or an option of a method.

Commands and panels draw their options from these, so that none of them is written down twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textseg.checking import Facts, range_words

_SAID = re.compile(r"(.*); (?:null|empty): (.*)")
_PLAIN = ("number", "integer", "boolean", "string")
TEXTS = "texts"  # the type of an option that takes any number of them


@dataclass(frozen=True)
class OptionInfo:
    """One option.

    Attributes:
        name: the keyword.
        type: "number", "integer", "boolean", "string", or "texts" for any number of those.
        default: its value unless given; None where it is found then.
        description: what it does.
        minimum: the lowest value, or what it must be above when ``open_below``; None: no limit.
        maximum: the highest value; None: no limit.
        open_below: the minimum itself is not allowed.
        choices: the only values, () where any of the type will do.
    """

    name: str
    type: str
    default: object
    description: str
    minimum: float | None = None
    maximum: float | None = None
    open_below: bool = False
    choices: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """The values that it can have, in words; "" where all of its type will do."""
        if self.choices:
            return ", ".join(self.choices)
        least, above = (None, self.minimum) if self.open_below else (self.minimum, None)
        return range_words(least=least, above=above, most=self.maximum)

    @property
    def about(self) -> str:
        """What it does, without what happens where it is not given."""
        said = _SAID.fullmatch(self.description)
        return said[1] if said else self.description

    @property
    def unless_given(self) -> str:
        """What happens where it is not given, in words; "" where ``default`` says it all."""
        said = _SAID.fullmatch(self.description)
        return said[2] if said else ""


def options_of(kind: type[Facts], *, texts: bool = False) -> dict[str, OptionInfo]:
    """Return the fields of a kind of arguments that are one plain value, by name.

    With ``texts`` also those that are any number of texts, none where nothing is given.
    """
    properties = kind.model_json_schema()["properties"].items()
    found = {name: read_option(name, facts) for name, facts in properties}
    taken = (*_PLAIN, TEXTS) if texts else _PLAIN
    return {name: option for name, option in found.items() if option.type in taken}


def read_option(name: str, facts: Mapping[str, Any]) -> OptionInfo:  # Any: a JSON schema
    """Return an option from its JSON schema, in which null may be another of its values."""
    values = {**facts, **next(iter(facts.get("anyOf", ())), {})}
    several = values.get("items", {}).get("type") == "string" and values.get("default") == []
    return OptionInfo(
        name=name,
        type=TEXTS if several else values.get("type", ""),
        default=values.get("default"),
        description=values.get("description", ""),
        minimum=values.get("minimum", values.get("exclusiveMinimum")),
        maximum=values.get("maximum"),
        open_below="exclusiveMinimum" in values,
        choices=tuple(values.get("enum", ())),
    )
