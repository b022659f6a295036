"""Pictures from text."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from textseg.checking import check_arguments, clean_query
from textseg.diffusion.counting import Counter
from textseg.diffusion.extras import notes_of
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import guided, walk
from textseg.diffusion.solvers import solver_named
from textseg.diffusion.trajectory import Trajectory
from textseg.editing.apply import FollowWalk, numbered_noise
from textseg.editing.options import MakingOptions
from textseg.images import Picture, to_rgb, to_uint8
from textseg.scene.opening import check_size
from textseg.scene.options import Made


@dataclass(frozen=True, eq=False)
class Generated:
    """A picture that was made from text, and the way it came about."""

    picture: Picture
    path: Trajectory
    made: Made


def generate_picture(
    model: DiffusionModel,
    prompt: str,
    *,
    negative: str,
    seed: int,
    steps: int | None,
    guidance: float | None,
    size: tuple[int, int] | None,
    follow: FollowWalk,
) -> Generated:
    """Return a picture that the model makes from text; see ``Scene.generate``."""
    start = time.perf_counter()
    prompt = clean_query(prompt, name="prompt")
    given = {"negative": negative, "seed": seed, "steps": steps, "guidance": guidance}
    check_arguments(MakingOptions, given)
    usual = model.card.sampling
    steps = usual.steps if steps is None else steps
    guidance = usual.guidance if guidance is None else guidance
    height, width = check_size(model, size)
    cells = (height // model.latent_stride, width // model.latent_stride)
    levels, counter = model.levels(steps, cells=cells), Counter(model)
    noise = numbered_noise(torch.zeros(1, model.latent_channels, *cells), seed)(0)
    with torch.no_grad():
        texts = model.embed_text([prompt, negative])
        z = model.prior(noise, levels[0])
        denoise = guided(counter.as_model, texts[0], texts[1], scale=guidance)
        walked = walk(denoise, z, levels, solver=solver_named(usual.solver))
        path = Trajectory.downwards(z, levels[0], follow.watch_steps("generating", walked))
        pixels = model.decode_latents(path.clean)
    rgb = to_uint8(to_rgb(pixels)).astype(np.float32) / np.float32(255)
    seconds = time.perf_counter() - start
    made = Made(prompt, negative, seed, steps, guidance, counter.rows, seconds, model.card.name)
    return Generated(Picture(rgb, None, "RGB", (*texts.notes[0], *notes_of(model))), path, made)
