"""Training of the autoencoder (diffusers' AutoencoderKL) on crops of picture-book scenes.

The loss is L1 + MSE on pixels and a weak KL term; the decoder also sees noised latents, so that it
stays in its range on what a diffusion model hands it (noise 0.1 of the latents' own deviation).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from textseg.lab.training.corpus import Corpus
from textseg.lab.training.optimizing import Precision, Trainer, autocast

LATENT_NOISE = 0.1
KL_WEIGHT = 1e-4
LOG_VARIANCE = -20.0


def new_autoencoder(channels: tuple[int, ...], latent_channels: int, *, size: int) -> AutoencoderKL:
    """Return an untrained autoencoder with stride 2 ** (len(channels) - 1).

    ``size`` is the side in pixels of the pictures that it is to be used for.
    """
    stages = len(channels)
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * stages,
        up_block_types=("UpDecoderBlock2D",) * stages,
        block_out_channels=channels,
        layers_per_block=1,
        latent_channels=latent_channels,
        norm_num_groups=8,
        sample_size=size,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def autoencoder_loss(model: AutoencoderKL, images: Tensor) -> Tensor:
    """Return the training loss of pictures (b, 3, h, w) in [-1, 1]."""
    posterior = model.encode(images).latent_dist
    latents = posterior.mean + LATENT_NOISE * torch.randn_like(posterior.mean)
    restored = model.decode(latents).sample.float()
    error = restored - images
    kl = 0.5 * (posterior.mean.float() ** 2 - 1).mean() + 0.5
    return torch.as_tensor(error.abs().mean() + 2 * error.square().mean() + KL_WEIGHT * kl)


@torch.no_grad()
def drop_variance(model: AutoencoderKL) -> None:
    """Make the posterior a point, in place.

    Training never samples it, so its variance is never learned; pipelines that sample from it would
    add arbitrary noise.
    """
    half = model.config.latent_channels
    model.quant_conv.weight[half:] = 0.0
    model.quant_conv.bias[half:] = LOG_VARIANCE


def crops(corpus: Corpus, *, batch: int, side: int, rng: np.random.Generator) -> Tensor:
    """Return random crops (batch, 3, side, side) in [-1, 1], mirrored half of the time."""
    size = corpus.images.shape[1]
    found = np.empty((batch, side, side, 3), np.uint8)
    for k in range(batch):
        top, left = rng.integers(0, size - side + 1, 2)
        crop = corpus.images[rng.integers(len(corpus.images)), top : top + side, left : left + side]
        found[k] = crop[:, ::-1] if rng.random() < 0.5 else crop
    return torch.from_numpy(found).permute(0, 3, 1, 2).float() / 127.5 - 1


def train_autoencoder(
    trainer: Trainer, corpus: Corpus, *, batch: int, side: int
) -> Iterator[tuple[Tensor]]:
    """Train until the trainer's last step, yielding the running loss of each step."""
    model = trainer.model
    for step in trainer.steps():
        rng = np.random.default_rng([trainer.seed, step])
        images = crops(corpus, batch=batch, side=side, rng=rng).to(trainer.device)
        with trainer.autocast():
            loss = autoencoder_loss(model, images.contiguous(memory_format=torch.channels_last))
        yield (trainer.update(loss),)


@torch.no_grad()
def encode_corpus(
    model: AutoencoderKL,
    corpus: Corpus,
    *,
    batch: int,
    device: torch.device,
    precision: Precision = "float32",
) -> Tensor:
    """Return the posterior means (n, c, h, w) of all pictures, float16 on the CPU."""
    parts = []
    for start in range(0, len(corpus.images), batch):
        images = torch.from_numpy(np.array(corpus.images[start : start + batch])).to(device)
        scaled = images.permute(0, 3, 1, 2).float() / 127.5 - 1
        with autocast(device, precision):
            mean = model.encode(
                scaled.contiguous(memory_format=torch.channels_last)
            ).latent_dist.mean
        parts.append(mean.half().cpu())
    return torch.cat(parts)


@torch.no_grad()
def psnr(model: AutoencoderKL, images: Tensor) -> float:
    """Return the reconstruction PSNR in dB of pictures (b, 3, h, w) in [-1, 1]."""
    restored = model.decode(model.encode(images).latent_dist.mean).sample.clamp(-1, 1)
    return float(10 * torch.log10(4 / (restored - images).square().mean()))
