"""What can be set is told once, for people on every surface."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from textseg.checking import Facts
from textseg.fields import OptionInfo, options_of


class Painting(Facts):
    """Arguments of all kinds."""

    size: list[int] = Field(description="no plain value")
    words: dict[str, str] = Field(default_factory=dict, description="nor this")
    gloss: float | None = Field(
        default=None, gt=0, le=1, description="how much it shines; empty: matt; null: as it dries"
    )
    layers: int = Field(default=2, ge=1, description="of paint")
    style: Literal["oil", "chalk"] | None = Field(default=None, description="in which; null: any")
    signed: bool = Field(default=True, description="has a name")


def test_fields_are_options_as_those_of_a_method_are() -> None:
    gloss, layers, style, signed = options_of(Painting).values()
    assert gloss == OptionInfo(
        "gloss",
        "number",
        None,
        "how much it shines; empty: matt; null: as it dries",
        minimum=0,
        maximum=1,
        open_below=True,
    )
    assert layers == OptionInfo("layers", "integer", 2, "of paint", minimum=1)
    assert (style.type, style.choices, style.default) == ("string", ("oil", "chalk"), None)
    assert (signed.type, signed.default) == ("boolean", True)


def test_what_happens_where_it_is_not_given_is_told_apart() -> None:
    gloss, layers, *_ = options_of(Painting).values()
    assert (gloss.about, gloss.unless_given) == ("how much it shines; empty: matt", "as it dries")
    assert (layers.about, layers.unless_given) == ("of paint", "")
