"""What decides a mask, and where it was cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from textseg.diffusion.card import ModelCard
from textseg.diffusion.mask_settings import Look
from textseg.diffusion.rivalry import PresenceRule
from textseg.errors import UnknownNameError
from textseg.segmentation.refine import RefineSettings
from textseg.segmentation.soften import SoftenSettings


@dataclass(frozen=True, kw_only=True)
class SegmentSettings:
    """What decides a mask, besides picture, query and model; see ``noise_difference``.

    ``reference`` is the text that queries are compared with, ``card`` the name of the model card
    that decided what the caller did not; "" in what was kept before there were cards. ``presence``
    is what decides whether a query is in the picture at all, ``look`` where it is looked for again.
    """

    reference: str
    draws: int
    levels: int | tuple[float, ...] | None = None
    sigma_range: tuple[float, float]
    seed: int = 0
    antithetic: bool = False
    tolerance: float | None = None
    propagate: int | None = None
    soften: SoftenSettings
    refine: RefineSettings
    presence: PresenceRule = "calibrated"
    card: str = ""
    look: Look = "whole"

    def __post_init__(self) -> None:
        """Check the name of the look."""
        if self.look not in get_args(Look):
            raise UnknownNameError.among("look", self.look, get_args(Look))

    @classmethod
    def of_card(cls, card: ModelCard) -> SegmentSettings:
        """Return the settings of a caller who says nothing."""
        usual = card.masks
        return cls(
            reference=card.language.blank,
            draws=usual.levels.draws,
            sigma_range=usual.levels.sigma_range,
            soften=usual.soften,
            refine=usual.refine,
            presence=card.presence.rule,
            card=card.name,
        )

    @property
    def without_attention(self) -> SegmentSettings:
        """The same settings, but for where words are looked at: the plain map."""
        return replace(self, soften=replace(self.soften, attention=0.0, head=False))

    @property
    def of_maps(self) -> SegmentSettings:
        """What decides the raw maps: the same settings, but for what is made of them."""
        return replace(
            self,
            soften=SoftenSettings(),
            refine=RefineSettings(),
            presence="calibrated",
            look="whole",
        )


@dataclass(frozen=True)
class Threshold:
    """Where the raw map was cut: the rule, and the value it found in the units of ``statistic``."""

    statistic: str
    rule: str
    value: float
