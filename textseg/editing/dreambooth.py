"""DreamBooth: fine tuning text-to-image diffusion models for subject-driven generation.

arXiv:2208.12242, section 3.2: a copy of the network is fitted to a few pictures of a subject and a
text for them that has a rare word; from then on the word means this subject. Here it is set into a
scene in two stages: the copy learns the picture outside the mask with the source prompt, then the
examples, and draws the target prompt inside the mask. Without examples it learns the picture alone.

What differs: keys and values of attention are fitted by default, with the numbers of Custom
Diffusion (arXiv:2212.04488), which takes a fraction of the memory; with ``rank``, what is added to
them is of low rank (LoRA, arXiv:2106.09685). The copy draws this one edit, so nothing keeps the
rest of the class as it was (section 3.3), and the text encoder stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor

from textseg.diffusion.card import Change
from textseg.diffusion.fitting import Lesson, refit, refit_low_rank, refitted, training_loss
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import Step, guided
from textseg.diffusion.twin import refittable
from textseg.editing.base import STRICT, Fitted, Fitting, Guidance, Need, Source, Steps, Strength
from textseg.editing.fits import (
    PATTERNS,
    FitSteps,
    Rate,
    Subject,
    Weights,
    drawn_inside,
    fingerprint,
    subject_text,
)


@dataclass(frozen=True, config=STRICT)
class DreamBooth:
    """Fit a copy to the scene, then to a subject, and draw the subject in the scene.

    Steps and rate are those of Custom Diffusion's example in diffusers, for each of the stages. For
    all weights DreamBooth's own example there takes 400 and 5e-6, for LoRA of rank 4 500 and 1e-4.
    """

    title: ClassVar[str] = "fit a copy of the network to scene and subject, and draw with it"
    paper: ClassVar[str] = "arXiv:2208.12242"
    suits: ClassVar[tuple[Change, ...]] = ("replace", "add")
    needs: ClassVar[tuple[Need, ...]] = ("gradients", "weights", "examples or none")
    cost: ClassVar[str] = "2 a step; once a picture 1 a step of both fits, and its gradient"

    strength: Strength = 1.0
    steps: Steps = 50
    guidance: Guidance = 7.5
    fit_steps: FitSteps = 250
    rate: Rate = 1e-5
    weights: Weights = "attention"
    rank: Annotated[
        int,
        Field(ge=0, le=1024, description="of what is added to weights; 0: they are fitted instead"),
    ] = 0
    subject: Subject = ""

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        """Yield the steps of drawing with the fitted copy."""
        refittable(model)
        stages = self._stages(model, source)
        told = (self._told(lesson) for stage in stages for lesson in stage)
        key = ("dreambooth", self.fit_steps, self.rate, self.weights, self.rank, *told)
        second = refitted(model, source.fit(key, lambda fitting: self._fit(fitting, stages)))
        return drawn_inside(
            model, self, source, guided(second, source.target, source.negative, scale=self.guidance)
        )

    def _stages(self, model: DiffusionModel, source: Source) -> list[list[Lesson]]:
        if not source.examples:
            return [[Lesson(source.latents, source.source)]]
        text = subject_text(model, source, self.subject)
        scene = Lesson(source.latents, source.source, where=1 - source.mask)
        return [[scene], [Lesson(each, text) for each in source.examples]]

    def _fit(self, fitting: Fitting, stages: list[list[Lesson]]) -> Fitted:
        of = len(stages) * self.fit_steps

        def loss(learner: DiffusionModel, number: int) -> Tensor:
            stage = stages[number // self.fit_steps]
            return training_loss(learner, stage[number % len(stage)], number)

        steps = fitting.watch(range(of), of)
        model, pattern, rate = fitting.model, PATTERNS[self.weights], self.rate
        if self.rank:
            return refit_low_rank(model, pattern, loss, steps=steps, rate=rate, rank=self.rank)
        return refit(model, pattern, loss, steps=steps, rate=rate)

    @staticmethod
    def _told(lesson: Lesson) -> tuple[str, ...]:
        where = () if lesson.where is None else (lesson.where,)
        return (*lesson.text.prompts, fingerprint(lesson.x0, *where))
