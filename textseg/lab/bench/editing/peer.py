"""The peer: diffusers' deprecated DiffEdit pipeline from mask to picture, on the same weights.

It is called as its guide says: the source prompt, here the captioner's, describes the inversion and
is the negative prompt of the edit; 50 steps, strengths .5 and .8, guidance 7.5. Where that would
hold it back it gets what serves it better, as scenes of calibration showed:

* The inversion is not guided: with its default of 7.5 it does not lead back to the picture.
* The mask is that of the query against the empty prompt, as in our own, so that a second target
  needs no second mask; masks from source and target prompts did no better.
* Steps are spaced as the pipeline expects ("leading"): it puts the background back at the level
  before the one just reached, which with the weights' own spacing would end in noise.
* It is given the mean of the encoded picture, because it would draw a sample, and the embedded
  autoencoder was not trained to say how wide its samples may spread.

What it returns is taken as it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from textseg.editing.prompts import target_prompt
from textseg.editing.result import Evaluations
from textseg.images import to_tensor
from textseg.lab.bench.editing.tasks import Answer, Editing, EditTask
from textseg.lab.bench.metrics.pixels import Rgb
from textseg.lab.bench.peer import DiffEditMask
from textseg.registry.captioners import load_captioner

STEPS = 50  # the default of its calls
UNGUIDED = 1.0


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What a person keeps of the first edit: it serves all others of the same query.

    Attributes:
        caption: its source prompt.
        cells: (1, h, w) the mask.
        states: (1, steps, c, h, w) the inverted latents.
        evaluations: what mask and inversion cost.
    """

    caption: str
    cells: NDArray[np.int64]
    states: torch.Tensor
    evaluations: Evaluations


class DiffEditPeer(DiffEditMask):
    """`StableDiffusionDiffEditPipeline` on a pipeline folder, an `Editor`."""

    def __init__(self, folder: Path, *, steps: int | None = None) -> None:
        """Load the folder into the deprecated pipeline and count the rows of its network."""
        with _without_remarks():
            super().__init__(folder)
            pipeline = self._pipeline
            for name in ("scheduler", "inverse_scheduler"):
                scheduler = getattr(pipeline, name)
                spaced = type(scheduler).from_config(scheduler.config, timestep_spacing="leading")
                setattr(pipeline, name, spaced)
        self._steps, self._rows = steps or STEPS, 0
        pipeline.unet.register_forward_pre_hook(self._count)

    def open(self, image: Rgb) -> Editing:
        """Return what edits one picture; mask and inversion are kept for the same query."""
        return partial(self._edit, {})

    def _edit(self, kept: dict[str, _Prepared], task: EditTask) -> Answer:
        began, known = time.perf_counter(), kept.get(task.query)
        found = known or kept.setdefault(task.query, self._prepare(task))
        start = self._rows
        picture = self._pipeline(
            prompt=target_prompt(found.caption, task.query, task.target),
            negative_prompt=found.caption,
            mask_image=found.cells.copy(),  # the pipeline writes into it
            image_latents=found.states,
            num_inference_steps=self._steps,
            generator=_generator(task),
            output_type="np",
        ).images[0]
        spent = Evaluations() if known else found.evaluations
        stride = picture.shape[0] // found.cells.shape[1]
        return Answer(
            rgb=picture.astype(np.float32),
            mask=np.kron(found.cells[0], np.ones((stride, stride))).astype(np.float32),
            evaluations=replace(spent, decode=self._rows - start),
            seconds=time.perf_counter() - began,
        )

    def _prepare(self, task: EditTask) -> _Prepared:
        latents, start = self._latents(task.image), self._rows
        caption = load_captioner("picturebook", device="cpu").caption(task.image)
        cells = self._pipeline.generate_mask(
            image=latents,
            target_prompt=task.query,
            source_prompt="",
            num_inference_steps=self._steps,
            generator=_generator(task),
        )
        masked = self._rows
        states = self._pipeline.invert(
            prompt=caption,
            image=latents,
            num_inference_steps=self._steps,
            guidance_scale=UNGUIDED,
            generator=_generator(task),
        ).latents
        spent = Evaluations(mask=masked - start, inversion=self._rows - masked)
        return _Prepared(caption, cells, states, spent)

    @torch.no_grad()
    def _latents(self, rgb: Rgb) -> torch.Tensor:
        """Return the mean of what the autoencoder makes of a picture, as the network wants it."""
        vae = self._pipeline.vae
        encoded: torch.Tensor = vae.encode(2 * to_tensor(rgb) - 1).latent_dist.mean
        return encoded * float(vae.config.scaling_factor)

    def _count(self, module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._rows += len(inputs[0])


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Keep diffusers from saying again that its pipeline is deprecated: that is why it is here."""
    logger = logging.getLogger("diffusers")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _generator(task: EditTask) -> torch.Generator:
    return torch.Generator().manual_seed(task.seed)
