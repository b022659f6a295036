"""DiffEdit (arXiv:2210.11427) on a Stable Diffusion pipeline, with nothing in between.

What this package does with every family of models stands here for one of them, in the terms of the
paper, to be read in an evening. A test holds the map to the package's, to the last digits.

    python examples/diffedit_from_scratch.py PICTURE QUERY TARGET --model FOLDER_OR_HUB_ID
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from diffusers import DiffusionPipeline
from PIL import Image
from torch import Tensor

DRAWS = 10  # noised copies of the picture, section 3.1
STRENGTH = 0.5  # the share of the noise at which text and picture are compared, section 3.1
RATIO = 0.8  # how far the picture is inverted, the "encoding ratio" of the paper
STEPS = 50
GUIDANCE = 7.5


class StableDiffusion:
    """The three networks of a pipeline, and the noise that they were trained with."""

    def __init__(self, pipeline: DiffusionPipeline) -> None:
        """Take a pipeline of Stable Diffusion 1."""
        self.pipeline = pipeline
        self.alpha_bar: Tensor = pipeline.scheduler.alphas_cumprod

    def read_text(self, text: str) -> Tensor:
        """Return the embeddings (1, 77, width) of a text."""
        tokens = self.pipeline.tokenizer(
            text, padding="max_length", truncation=True, return_tensors="pt"
        )
        return self.pipeline.text_encoder(tokens.input_ids)[0]

    def encode(self, image: Tensor) -> Tensor:
        """Return the latents (1, 4, h, w) of a picture (1, 3, H, W) in [0, 1]."""
        found = self.pipeline.vae.encode(2 * image - 1).latent_dist.mode()
        return found * self.pipeline.vae.config.scaling_factor

    def decode(self, latents: Tensor) -> Tensor:
        """Return the picture of latents."""
        found = self.pipeline.vae.decode(latents / self.pipeline.vae.config.scaling_factor).sample
        return (found / 2 + 0.5).clamp(0, 1)

    def predict_noise(self, x: Tensor, t: int, text: Tensor) -> Tensor:
        """Return the noise that the UNet sees in ``x``, where ``text`` says what is there."""
        return self.pipeline.unet(x, t, encoder_hidden_states=text).sample

    def add_noise(self, latents: Tensor, noise: Tensor, t: int) -> Tensor:
        """Return x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) noise."""
        a = self.alpha_bar[t]
        return a.sqrt() * latents + (1 - a).sqrt() * noise

    def ddim_step(self, x: Tensor, noise: Tensor, t: int, to: int) -> Tensor:
        """Return x at another time, up or down, by DDIM (arXiv:2010.02502, equation 12)."""
        now, then = self.alpha_bar[t], self.alpha_bar[to]
        clean = (x - (1 - now).sqrt() * noise) / now.sqrt()
        return then.sqrt() * clean + (1 - then).sqrt() * noise


def noise_difference(
    model: StableDiffusion, latents: Tensor, query: str, noises: Sequence[Tensor], t: int
) -> Tensor:
    """Return what step 1 makes: where the text changes what is taken for noise, (h, w), from 0 on.

    The same noised picture is asked about twice, once with the query and once with no text, and
    the absolute differences are averaged over channels and noises.
    """
    with_text, without = model.read_text(query), model.read_text("")
    total = torch.zeros(latents.shape[-2:])
    for noise in noises:
        x = model.add_noise(latents, noise, t)
        change = model.predict_noise(x, t, with_text) - model.predict_noise(x, t, without)
        total += change[0].abs().mean(0)
    return total / len(noises)


def cut_mask(difference: Tensor) -> Tensor:
    """Return the mask (1, 1, h, w): extremes are cut, the rest is scaled to [0, 1] and halved."""
    most = 3 * difference.mean()  # as the pipeline in diffusers has it
    return (difference.clamp(0, most) / most > 0.5).float()[None, None]


def edit(
    model: StableDiffusion, latents: Tensor, mask: Tensor, target: str, times: Sequence[int]
) -> Tensor:
    """Return what steps 2 and 3 make: the picture inverted, then decoded inside of the mask.

    ``times`` ascend from 0. Outside of the mask the latents are those of the inversion after every
    step (equation 6), so that what is there comes back.
    """
    empty, text = model.read_text(""), model.read_text(target)
    path = [latents]
    for now, then in pairwise(times):
        path.append(model.ddim_step(path[-1], model.predict_noise(path[-1], now, empty), now, then))
    x = path.pop()
    for now, then in pairwise(reversed(times)):
        away, towards = (model.predict_noise(x, now, words) for words in (empty, text))
        x = model.ddim_step(x, away + GUIDANCE * (towards - away), now, then)
        x = mask * x + (1 - mask) * path.pop()
    return x


@torch.no_grad()
def main(
    picture: Path,
    query: str,
    target: str,
    model: Annotated[str, typer.Option(help="Folder or hub id of a Stable Diffusion 1 pipeline.")],
    output: Path = Path("edited.png"),
) -> None:
    """Change what QUERY names in PICTURE into TARGET."""
    asked = StableDiffusion(DiffusionPipeline.from_pretrained(model))
    image = torch.from_numpy(np.asarray(Image.open(picture).convert("RGB"), np.float32) / 255)
    height, width = (side // 8 * 8 for side in image.shape[:2])
    image = image[:height, :width].permute(2, 0, 1)[None]
    latents, last = asked.encode(image), len(asked.alpha_bar) - 1
    noises = [torch.randn(latents.shape, generator=torch.manual_seed(k)) for k in range(DRAWS)]
    mask = cut_mask(noise_difference(asked, latents, query, noises, round(STRENGTH * last)))
    times = [round(k * last / STEPS) for k in range(round(RATIO * STEPS) + 1)]
    found = asked.decode(edit(asked, latents, mask, target, times))
    wide = torch.nn.functional.interpolate(mask, size=(height, width))
    both = wide * found + (1 - wide) * image
    Image.fromarray((255 * both[0].permute(1, 2, 0)).round().byte().numpy()).save(output)


if __name__ == "__main__":
    typer.run(main)
