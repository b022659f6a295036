"""ChordEdit: one-step low-energy transport for image editing (arXiv:2602.19083).

Algorithm 1, for models that make a picture in one step or a few: the difference between what the
target and the source prompt make of the noised picture is large and erratic at high noise. Taken at
two levels with the same noise, and averaged with weights of time (section 4), it can be followed in
one step. A second one, "proximal refinement", noises what came out a little and lets the target
prompt clean it.

What differs: the mask confines both steps. Levels are told as shares of the model's own schedule,
like the timesteps of the authors' experiments; what is compared are estimates of the clean picture,
which have one scale for models of all kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.model import Conditioning, DiffusionModel, Prediction
from textseg.diffusion.sampling import Step, guided
from textseg.editing.base import STRICT, Guidance, Need, Share, Source, Steps, Strength, edit_levels


@dataclass(frozen=True, config=STRICT)
class ChordEdit:
    """Follow one averaged difference, then clean; defaults of the paper for SD-Turbo.

    ``strength`` is the paper's t, ``window`` its delta, ``scale`` its lambda and ``refine`` its
    t_c; ``steps`` is how finely they are read from the schedule.
    """

    title: ClassVar[str] = "follow the difference of two texts in one step, for few-step models"
    paper: ClassVar[str] = "arXiv:2602.19083"
    suits: ClassVar[tuple[Change, ...]] = ("alter", "replace", "setting")
    needs: ClassVar[tuple[Need, ...]] = ()
    cost: ClassVar[str] = "5 in all, with guidance 10"

    strength: Strength = 0.9
    steps: Steps = 100
    guidance: Guidance = 1.0
    window: Annotated[
        Share, Field(description="how far below the first level the second lies, of the schedule")
    ] = 0.15
    scale: Annotated[float, Field(ge=0, le=10, description="how far to follow the difference")] = (
        1.0
    )
    refine: Annotated[
        Share, Field(description="level that the result is cleaned from; 0 does not clean it")
    ] = 0.3

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the transport, and the refinement where there is one."""
        levels = edit_levels(model, self, source.latents)
        last = len(levels) - 1
        window = min(round(self.window * self.steps), last - 1)
        cleaned = min(round(self.refine * self.steps), last)
        texts = Conditioning.cat([source.source, source.target])
        of_both = guided(model, texts, source.negative, scale=self.guidance)

        def compared(sigma: float) -> Prediction:
            return of_both(source.noised(model, sigma, 0).repeat(2, 1, 1, 1), sigma)

        high, low = compared(levels[0]), compared(levels[window])
        field = (last * _difference(low) + window * _difference(high)) / (last + window)
        z = source.latents + self.scale * source.mask * field
        yield Step(0, 1 + (cleaned > 0), levels[last - cleaned], z, low)
        if cleaned:
            sigma = levels[last - cleaned]
            denoise = guided(model, source.target, source.negative, scale=self.guidance)
            found = denoise((1 - sigma) * z + sigma * source.noise(0), sigma)
            z = source.latents + source.mask * (found.x0 - source.latents)
            yield Step(1, 2, levels[last], z, found)


def _difference(prediction: Prediction) -> Tensor:
    """Return what the target makes of the picture more than the source: R(x, t) of section 4."""
    away, towards = prediction.x0.chunk(2)
    return towards - away
