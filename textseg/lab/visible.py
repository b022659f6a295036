"""What there is to see in a picture-book picture, as the renderer knows it, and in words."""

from __future__ import annotations

from dataclasses import dataclass

from textseg.picturebook.captions import SETTING_PHRASES
from textseg.picturebook.scenes import Rendered
from textseg.picturebook.shapes import COLORS, KINDS

MIN_AREA = 0.01
"""Share of the picture that a thing must visibly cover to be worth a word."""

KIND_NAMES, COLOR_NAMES = tuple(KINDS), tuple(COLORS)


@dataclass(frozen=True)
class Visible:
    """What there is to see in one picture.

    Attributes:
        things: (kind, colour, column as a share of the width) of each thing that covers at least
            `MIN_AREA`, from left to right.
        setting: a name of `SETTINGS`.
    """

    things: tuple[tuple[str, str, float], ...]
    setting: str


def with_article(text: str) -> str:
    """Return the text after "a", or "an" before a vowel."""
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def seen_in(rendered: Rendered) -> Visible:
    """Return what there is to see in a rendered scene."""
    areas = rendered.coverage.mean((1, 2))
    things = [
        (thing.kind, thing.color, thing.col)
        for thing, area in zip(rendered.scene.things, areas, strict=True)
        if area >= MIN_AREA
    ]
    return Visible(tuple(sorted(things, key=lambda thing: thing[2])), rendered.scene.setting)


def full_caption(seen: Visible) -> str:
    """Return the caption that names everything: things from left to right, then the setting."""
    named = [with_article(f"{color} {kind}") for kind, color, _ in seen.things]
    return f"{' and '.join(named)} {SETTING_PHRASES[seen.setting][0]}".strip()
