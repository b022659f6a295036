"""Pipelines of diffusers as editors, told apart by the signature of their call.

One that takes a ``mask_image`` paints into a hole, one with an ``image`` alone follows an
instruction, unless it has a ``strength`` as well: then it makes a picture like the one given.
Nothing of a pipeline is changed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from textseg.editing.asking import EditorAnswer, Told, read_answer, refuse
from textseg.editing.letterbox import Letterbox
from textseg.editing.painting import Canvas
from textseg.errors import ModelError

ROUGHEST = 32  # pixels; some pipelines round sides to that, whatever their network takes
USUAL_SIDE = 1024  # of pictures that most editors of today are trained on
PACKED = 2  # cells a token and side, in most transformers


@dataclass(frozen=True, eq=False)
class PipelineEditor:
    """A pipeline of diffusers, asked with those arguments that its call has.

    Attributes:
        pipeline: loaded, on its device; Any, since each has a class of its own.
        side: pictures have about side^2 pixels when they are sent; None is what it was made for.
    """

    pipeline: Any
    side: int | None = None
    takes: Mapping[str, inspect.Parameter] = field(init=False)

    def __post_init__(self) -> None:
        """Read the signature of the call."""
        object.__setattr__(self, "takes", inspect.signature(self.pipeline).parameters)

    @property
    def name(self) -> str:
        """The class of the pipeline."""
        return type(self.pipeline).__name__

    @property
    def paints(self) -> bool:
        """Whether it fills a hole."""
        return "mask_image" in self.takes

    @property
    def instructed(self) -> bool:
        """Whether it wants to be told what to do, and not what is to be seen."""
        return not self.paints and "strength" not in self.takes

    def ask(self, canvas: Canvas, told: Told) -> EditorAnswer:
        """Return its picture; steps are counted where it reports them."""
        size = canvas.region.shape[0], canvas.region.shape[1]
        box = Letterbox.of(size, self.side or self._usual_side(), self._multiple())
        steps = _Steps(canvas)
        given = {**self._frame(box), **self._said(told), **self._usual(canvas.seed)}
        if "callback_on_step_end" in self.takes:
            given["callback_on_step_end"] = steps
        given["image"] = box.picture(canvas.rgb)
        if self.paints:
            given["mask_image"] = box.mask(canvas.region)
        canvas.follow.report("editing", 0, 1)
        answer = self.pipeline(**given)
        if not steps.made:
            canvas.follow.report("editing", 1, 1)
        flagged = getattr(answer, "nsfw_content_detected", None)
        if flagged and flagged[0]:
            raise ModelError(
                f"the safety checker of {self.name} took the picture away",
                hint="try another seed or other words",
            )
        rgb = read_answer(getattr(answer, "images", answer), self.name)
        return EditorAnswer(box.undo(rgb, name=self.name), steps.made)

    def _frame(self, box: Letterbox) -> dict[str, Any]:  # Any: arguments of a pipeline
        """Return what keeps the frame as it is sent; Kontext has two more wills of its own."""
        height, width = box.outer
        wanted = {
            "height": height,
            "width": width,
            "max_area": height * width,
            "_auto_resize": False,
        }
        return {name: value for name, value in wanted.items() if name in self.takes}

    def _said(self, told: Told) -> dict[str, Any]:  # Any: as above
        wanted = {
            "prompt": told.words,
            "negative_prompt": told.negative or None,
            "strength": told.strength,
            "num_inference_steps": told.steps,
        }
        guidance, usual = "guidance_scale", self.takes.get("true_cfg_scale")
        if usual is not None and usual.default > 1:  # guides by itself, but only with a negative
            guidance, wanted["negative_prompt"] = "true_cfg_scale", told.negative or " "
        wanted[guidance] = told.guidance
        for name, option in (("strength", told.strength), (guidance, told.guidance)):
            if name not in self.takes:
                refuse(self.name, name.removesuffix("_scale"), option)
        return {k: v for k, v in wanted.items() if k in self.takes and v is not None}

    def _usual(self, seed: int) -> dict[str, Any]:  # Any: as above
        wanted = {"generator": torch.Generator().manual_seed(seed), "output_type": "np"}
        return {name: value for name, value in wanted.items() if name in self.takes}

    def _multiple(self) -> int:
        return math.lcm(ROUGHEST, PACKED * int(getattr(self.pipeline, "vae_scale_factor", 8)))

    def _usual_side(self) -> int:
        network = getattr(self.pipeline, "unet", None) or getattr(
            self.pipeline, "transformer", None
        )
        cells = getattr(self.pipeline, "default_sample_size", None)
        cells = cells or getattr(getattr(network, "config", None), "sample_size", None)
        factor = getattr(self.pipeline, "vae_scale_factor", None)
        return cells * factor if isinstance(cells, int) and factor else USUAL_SIDE


@dataclass
class _Steps:
    """Counts the steps that a pipeline reports, shows them, and stops it between two of them."""

    canvas: Canvas
    made: int = 0

    def __call__(
        self, pipeline: Any, step: int, time: Any, tensors: dict[str, Any]
    ) -> dict[str, Any]:  # Any: of diffusers
        self.made += 1
        of = int(getattr(pipeline, "num_timesteps", 0) or step + 1)
        self.canvas.follow.report("editing", step + 1, of)
        return tensors
