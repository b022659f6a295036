"""How raw maps become soft masks: the settings that a model's card holds and a caller may give.

What they do is said by ``textseg.segmentation.soften`` and ``textseg.segmentation.refine``. The
defaults are those of a model of which nothing more is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict

from textseg.errors import InvalidInputError

Statistic = Literal["difference", "information", "evidence"]
Rule = Literal["otsu", "li", "triangle", "mean", "fixed"]
Refiner = Literal["bicubic", "guided", "walker"]
Look = Literal["whole", "zoom", "tiles"]


@dataclass(frozen=True)
class Strict:
    """What a model's card is made of: read from JSON it takes nothing unknown, converts nothing."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )


@dataclass(frozen=True)
class SoftenSettings(Strict):
    """How a raw map becomes a soft mask.

    Map, rule and scale are DiffEdit's (arXiv:2210.11427, section 3.1): the mean of the differences,
    cut at half of three times its own mean, as diffusers' pipeline does
    (``mask_thresholding_ratio``), without blur or filling. ``steepness`` has the slope at the cut
    that the ramp has there, which is cut off at three times the mean.

    Attributes:
        statistic: which raw map.
        blur: standard deviation of its Gaussian blur, in latent cells; 0 for none.
        attention: exponent of where the query's words are seen, as a share of the largest; the
            product of that and the map takes the map's place. 0 leaves it out; without effect where
            no attention was seen.
        power: exponent of the map in that product.
        rule: what finds the threshold on the blurred map. "fixed" takes ``scale`` itself.
        scale: multiplies the threshold found.
        steepness: slope at the threshold, the exponent of the Hill curve m^n / (m^n + t^n).
        head: let the cell head on the model's card say which cells are inside, in place of map and
            threshold, wherever all is there that it looks at.
        fill: largest hole that is filled, as a share of the map's area; 0 for none.
    """

    statistic: Statistic = "difference"
    blur: float = 0.0
    attention: float = 0.0
    power: float = 1.0
    rule: Rule = "mean"
    scale: float = 1.5
    steepness: float = 2.0
    fill: float = 0.0
    head: bool = False

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.statistic not in get_args(Statistic):
            raise InvalidInputError(
                f"statistic is difference, information or evidence, not {self.statistic!r}"
            )
        if self.rule not in get_args(Rule):
            raise InvalidInputError(
                f"rule is one of {', '.join(get_args(Rule))}, not {self.rule!r}"
            )
        if min(self.scale, self.steepness, self.power) <= 0:
            raise InvalidInputError(f"scale, steepness and power must be > 0, got {self}")
        if min(self.blur, self.attention) < 0 or not 0 <= self.fill <= 1:
            raise InvalidInputError(
                f"needs blur >= 0, attention >= 0 and 0 <= fill <= 1, got {self}"
            )


@dataclass(frozen=True)
class RefineSettings(Strict):
    """How a soft mask gets to the size of the picture.

    Radius, guide and cut were measured on street photographs with known masks (CamVid), whose masks
    were made into maps of 16 to 64 cells along the longer side (``textseg bench edges``): a wider
    window loses to plain enlarging there. So does, at 64 cells, a cut at half of the peak: with the
    steepness of ``SoftenSettings`` maps are not dark outside.

    Attributes:
        method: "bicubic" enlarges only, "guided" and "walker" look at the picture.
        radius: half the window of the guided filter, in latent cells.
        smoothness: the guided filter's regularisation: variance of colours in [0, 1] below which a
            window counts as flat.
        beta: how strongly colour differences stop the random walker.
        gate: largest departure from the coarse map, averaged over a cell, that is trusted; fades
            out up to twice that. 1 trusts everything.
        cut: where the mask ends up at 0.5, as a share of its peak (see ``settle``): windows that
            hold little of the thing flatten the refined mask, so that the value that was 0.5 in the
            cells no longer divides best. None leaves it where it is.
        steepness: slope there, the exponent of the Hill curve m^n / (m^n + t^n).
        guide_pixels: pixels at which a larger picture is looked at for its edges; the coefficients
            of the guided filter vary slowly.
        votes: share of the refined mask that is replaced by its means over superpixels of the
            picture, which hold together what has one colour; 0 for none.
        speck: area in latent cells below which pieces of what is inside, and holes in it, are taken
            for mistakes: the model saw nothing so small; 0 keeps all.
    """

    method: Refiner = "guided"
    radius: float = 1.0
    smoothness: float = 1e-4
    beta: float = 90.0
    gate: float = 1.0
    cut: float | None = 0.6
    steepness: float = 4.0
    guide_pixels: int = 65_536
    votes: float = 0.0
    speck: float = 0.0

    def __post_init__(self) -> None:
        """Check names and ranges."""
        if self.method not in get_args(Refiner):
            raise InvalidInputError(
                f"method is one of {', '.join(get_args(Refiner))}, not {self.method!r}"
            )
        if min(self.radius, self.smoothness, self.beta, self.gate, self.steepness) <= 0:
            raise InvalidInputError(
                f"radius, smoothness, beta, gate and steepness must be > 0, got {self}"
            )
        if self.cut is not None and not 0 < self.cut < 1:
            raise InvalidInputError(f"cut must lie inside (0, 1), got {self.cut}")
        if not 0 <= self.votes <= 1 or self.speck < 0:
            raise InvalidInputError(f"needs 0 <= votes <= 1 and speck >= 0, got {self}")
        if self.guide_pixels < 1:
            raise InvalidInputError(f"guide_pixels is at least 1, got {self.guide_pixels}")
