"""Training of the text encoder and the denoiser together, on cached latents of the corpus."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from textseg.lab.training.batches import Batch, Drawing, compared_rows, rows_ahead
from textseg.lab.training.grounding import (
    LayerRecord,
    contrast_loss,
    grounding_loss,
    locality_loss,
    recorded_attention,
)
from textseg.lab.training.optimizing import Trainer, compiled, compiling_pays
from textseg.lab.training.vocabulary import MAX_TOKENS, new_tokenizer

NOISE_CENTRE, NOISE_WIDTH = 0.3, 1.1
"""Levels are drawn as sigma = sigmoid(normal(centre, width)): most where meaning is decided.

That is so for pictures of ``CENTRED_AT`` cells. What is larger in cells is still to be seen under
more noise, so that its levels are centred higher, by the logarithm of how much larger it is: the
shift of arXiv:2301.11093, section 3.1, and arXiv:2403.03206, equation 23.
"""
CENTRED_AT = 16
GROUNDING_WEIGHT, CONTRAST_WEIGHT, LOCALITY_WEIGHT = 0.25, 0.1, 4.0
"""Of the losses that relate words to places, against the diffusion loss."""
PredictionType = Literal["v_prediction", "epsilon"]
"""What a network can be trained to say; diffusers' names for v and for the noise."""
LOCALITY_EVERY = 4
"""Every so many steps the locality loss is computed, with so many times its weight."""
FALSE_LEVELS = 0.5
"""Up to which level of noise rows with a false caption are asked."""


class TextToNoise(nn.Module):
    """The two networks that are trained together."""

    def __init__(self, unet: UNet2DConditionModel, text_encoder: CLIPTextModel) -> None:
        """Hold both networks."""
        super().__init__()
        self.unet = unet
        self.text_encoder = text_encoder

    def forward(self, noised: Tensor, timesteps: Tensor, ids: Tensor) -> Tensor:
        """Return what is predicted (b, c, h, w) of noised latents for token ids (b, tokens)."""
        hidden = self.text_encoder(ids).last_hidden_state
        return torch.as_tensor(self.unet(noised, timesteps, hidden).sample)


@dataclass(frozen=True)
class Denoised:
    """What the networks predict, and how they came to it.

    Attributes:
        output: (b, c, h, w) the predicted v, or the predicted noise.
        layers: what each cross-attention layer did.
    """

    output: Tensor
    layers: tuple[LayerRecord, ...]


Predict = Callable[[Tensor, Tensor, Tensor], Denoised]
"""Asks about noised latents (b, c, h, w) at timesteps (b,) for token ids (b, tokens)."""


@contextmanager
def recorded(model: TextToNoise, *, compiles: bool) -> Iterator[Predict]:
    """Yield the networks as a function that also returns its records; compiled if so wished.

    Only what most steps do is compiled, whole pictures with gradients: each further shape would
    take minutes. The recording processors stay in place from one call to the next: new ones would
    have to be compiled anew. On exit the network has its own ones back.
    """
    whole = (model.unet.config.sample_size,) * 2
    with recorded_attention(model.unet) as records:

        def predict(noised: Tensor, timesteps: Tensor, ids: Tensor) -> Denoised:
            output = model(noised, timesteps, ids)
            layers = tuple(records)
            records.clear()
            return Denoised(output, layers)

        fast = compiled(predict) if compiles else predict

        def choose(noised: Tensor, timesteps: Tensor, ids: Tensor) -> Denoised:
            most = torch.is_grad_enabled() and tuple(noised.shape[-2:]) == whole
            return (fast if most else predict)(noised, timesteps, ids)

        yield choose


def new_scheduler(prediction: PredictionType = "v_prediction") -> DDIMScheduler:
    """Return the noise schedule.

    With v prediction it goes up to pure noise (arXiv:2305.08891). There the noise alone says
    nothing of the picture, so a network that predicts it stops a little below, as usual.
    """
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type=prediction,
        rescale_betas_zero_snr=prediction == "v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,  # unused with trailing steps, but StableDiffusionPipeline insists
        set_alpha_to_one=True,
    )


def new_denoiser(
    channels: tuple[int, ...], heads: int, text_width: int, latent_channels: int, *, cells: int
) -> TextToNoise:
    """Return untrained networks; attention to the text at all but the finest resolution.

    ``cells`` is the side in latent cells of what they draw where nobody names a size.
    """
    inner = len(channels) - 1
    unet = UNet2DConditionModel(
        sample_size=cells,
        in_channels=latent_channels,
        out_channels=latent_channels,
        layers_per_block=1,
        block_out_channels=channels,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * inner,
        up_block_types=("CrossAttnUpBlock2D",) * inner + ("UpBlock2D",),
        cross_attention_dim=text_width,
        attention_head_dim=heads,  # diffusers reads this as the number of heads
        norm_num_groups=8,
    )
    tokenizer = new_tokenizer()
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=text_width,
        intermediate_size=2 * text_width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=MAX_TOKENS,
        projection_dim=text_width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return TextToNoise(unet, CLIPTextModel(config))


def training_levels(scheduler: DDIMScheduler, device: torch.device) -> Tensor:
    """Return sigma = s / (a + s) of every training timestep."""
    alphas = scheduler.alphas_cumprod.to(device)
    a, s = alphas.sqrt(), (1 - alphas).sqrt()
    return torch.as_tensor(s / (a + s))


@dataclass(frozen=True)
class Losses:
    """The parts of the training loss, each a scalar; all but the first relate words to places."""

    diffusion: Tensor
    grounding: Tensor
    contrast: Tensor
    locality: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        placed = GROUNDING_WEIGHT * self.grounding + CONTRAST_WEIGHT * self.contrast
        return self.diffusion + placed + LOCALITY_WEIGHT * self.locality


def denoiser_loss(
    predict: Predict, scheduler: DDIMScheduler, batch: Batch, *, locality: int = 1
) -> Losses:
    """Return the losses of a batch, with noise from torch's global generator.

    What the network is to predict is the scheduler's prediction type. The locality loss counts
    `locality` times; at 0 its reference is not asked.
    """
    b, device = len(batch.latents), batch.latents.device
    levels = training_levels(scheduler, device)
    centre = NOISE_CENTRE + math.log(max(batch.latents.shape[-2:]) / CENTRED_AT)
    sigma = torch.sigmoid(centre + NOISE_WIDTH * torch.randn(b, device=device))
    sigma[: batch.wrong] *= FALSE_LEVELS
    timesteps = torch.searchsorted(levels, sigma).clamp(0, len(levels) - 1)
    noise = torch.randn(batch.latents.shape, device=device)
    noised = scheduler.add_noise(batch.latents, noise, timesteps)
    truth = noise
    if scheduler.config.prediction_type == "v_prediction":
        truth = scheduler.get_velocity(batch.latents, noise, timesteps)
    predicted = predict(noised, timesteps, batch.ids)
    some = slice(0, compared_rows(b))
    weight = 1 - levels[timesteps]
    maps = [layer.attention for layer in predicted.layers]
    output, true = predicted.output, slice(batch.wrong, None)
    elsewhere = torch.zeros((), device=device)
    if locality:
        with torch.no_grad():
            ids = batch.empty.expand(len(noised[some]), -1)
            reference = predict(noised[some], timesteps[some], ids).output
        elsewhere = locality * locality_loss(
            output[some], reference, batch.target[some, 0], weight[some]
        )
    return Losses(
        (output[true].float() - truth[true]).square().mean(),
        grounding_loss(maps, batch.target, batch.words, weight),
        contrast_loss(predicted.layers, batch.regions, weight),
        elsewhere,
    )


def train_denoiser(
    trainer: Trainer,
    data: Drawing,
    *,
    batch: int,
    prediction: PredictionType = "v_prediction",
    workers: int = 0,
) -> Iterator[tuple[Tensor, ...]]:
    """Train to the trainer's last step, yielding the running total and the parts of each step.

    They are tensors where training is: to read one is to wait for the step. As many `workers` draw
    the rows of later steps meanwhile.
    """
    scheduler, first = new_scheduler(prediction), trainer.step
    with (
        recorded(trainer.model, compiles=compiling_pays(trainer.device)) as predict,
        rows_ahead(data, batch, seed=trainer.seed, first=first, workers=workers) as rows,
    ):
        for step, drawn in zip(trainer.steps(), rows, strict=False):
            with trainer.autocast():
                locality = 0 if step % LOCALITY_EVERY else LOCALITY_EVERY
                assembled = data.assembled(drawn)
                losses = denoiser_loss(predict, scheduler, assembled, locality=locality)
            running = trainer.update(losses.total)
            yield running, *(part.detach() for part in vars(losses).values())
