"""Trains the embedded model from this repository alone: `python -m textseg.lab.training.train`.

Four stages, each resumed where a killed run stopped: render the corpus, train the autoencoder,
encode the corpus, train text encoder and denoiser together. The same code runs on CPU cores and on
a GPU (compiled steps there, rendering in workers). A warm restart begins the last stage with
the shipped weights and a fresh optimiser.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from tqdm import tqdm

from textseg.backends.unet_parts import load_parts
from textseg.errors import InvalidInputError
from textseg.lab.training.autoencoder import (
    drop_variance,
    encode_corpus,
    new_autoencoder,
    train_autoencoder,
)
from textseg.lab.training.batches import CaptionedLatents, Drawing, SeveralSizes
from textseg.lab.training.corpus import (
    Corpus,
    open_corpus,
    render_corpus,
    usable_cores,
    world_of_each,
)
from textseg.lab.training.denoiser import PredictionType, TextToNoise, new_denoiser, train_denoiser
from textseg.lab.training.export import export_pipeline
from textseg.lab.training.optimizing import Precision, RateSchedule, Trainer, chosen_precision
from textseg.lab.training.recipes import Recipe, add_recipe, parse_recipe
from textseg.lab.training.vocabulary import new_tokenizer

SHOWN = 20  # steps between two looks at the losses, each of which waits for a GPU
EXPORT_SECONDS = 600.0
"""How often what was trained so far is written, as if training ended there."""


def _autoencoder(
    recipe: Recipe,
    work: Path,
    corpus: Corpus,
    *,
    device: torch.device,
    precision: Precision,
    begin: Path | None,
) -> AutoencoderKL:
    """Train the autoencoder, or go on where a checkpoint is.

    It begins with that of the exported folder ``begin``, whatever its channels, or with a new one.
    """
    torch.manual_seed(recipe.seed)
    if begin is None:
        model = new_autoencoder(
            recipe.autoencoder_channels, recipe.latent_channels, size=recipe.side
        )
    else:
        model = load_networks(begin)[0].requires_grad_().train()
        model.register_to_config(sample_size=recipe.side, scaling_factor=1.0)
    model = model.to(device)
    schedule = RateSchedule(
        recipe.autoencoder_rate,
        recipe.autoencoder_steps,
        warmup=100,
        flat=0.4,
        seconds=recipe.autoencoder_seconds,
    )
    path = work / "autoencoder.pt"
    trainer = Trainer(model, schedule, path, recipe.seed, device, ema=0.995, precision=precision)
    losses = train_autoencoder(trainer, corpus, batch=recipe.autoencoder_batch, side=recipe.crop)
    _follow("autoencoder", trainer, losses)
    trainer.use_average()
    drop_variance(model)
    return model.eval()


def _corpus(recipe: Recipe, work: Path) -> Corpus:
    """Return the corpus of a recipe, rendered where it is not there yet."""
    folder = work / f"corpus{recipe.corpus_suffix}"
    render_corpus(
        folder,
        count=recipe.scenes,
        size=recipe.side,
        cells=recipe.cells,
        workers=usable_cores(),
        world=recipe.world,
        share=recipe.share,
    )
    return open_corpus(folder)


def _latents(
    vae: AutoencoderKL, path: Path, corpus: Corpus, *, device: torch.device, precision: Precision
) -> Tensor:
    """Encode the corpus once; returns latents (n, c, h, w) as the autoencoder gives them."""
    if not path.exists():
        found = encode_corpus(vae, corpus, batch=64, device=device, precision=precision)
        torch.save(found, path.with_suffix(".partial"))
        os.replace(path.with_suffix(".partial"), path)
    return torch.as_tensor(torch.load(path, weights_only=True))


def _batches(
    recipe: Recipe,
    work: Path,
    corpus: Corpus,
    vae: AutoencoderKL,
    *,
    device: torch.device,
    precision: Precision,
) -> Drawing:
    """Return what the denoiser trains on: latents of the corpus, and those at half its size."""

    def captioned(recipe: Recipe, corpus: Corpus) -> CaptionedLatents:
        path = work / f"latents{recipe.corpus_suffix}.pt"
        latents = _latents(vae, path, corpus, device=device, precision=precision)
        scaled = (latents.float() * vae.config.scaling_factor).half().to(device)
        worlds = world_of_each(recipe.scenes, world=recipe.world, share=recipe.share)
        return CaptionedLatents(corpus, scaled, new_tokenizer(), worlds=worlds)

    whole = captioned(recipe, corpus)
    if not recipe.halved:
        return whole
    half = replace(recipe, side=recipe.side // 2, halved=0.0)
    smaller = captioned(half, _corpus(half, work))
    return SeveralSizes([whole, smaller], [1 - recipe.halved, recipe.halved])


def _follow(
    stage: str,
    trainer: Trainer,
    losses: Iterator[tuple[Tensor, ...]],
    export: Callable[[], None] | None = None,
) -> None:
    """Train to the end, showing the losses; calls ``export`` from time to time."""
    exported = time.monotonic()
    bar = tqdm(losses, desc=stage, initial=trainer.step, total=trainer.schedule.total)
    for loss in bar:
        if trainer.step % SHOWN == 1:  # after a step of which the losses are complete
            bar.set_postfix_str(" ".join(f"{float(value):.4f}" for value in loss), refresh=False)
        if export is not None and time.monotonic() - exported > EXPORT_SECONDS:
            export()
            exported = time.monotonic()


def _new_networks(recipe: Recipe) -> TextToNoise:
    torch.manual_seed(recipe.seed)
    return new_denoiser(
        recipe.channels,
        recipe.heads,
        recipe.text_width,
        recipe.latent_channels,
        cells=recipe.cells,
    )


def load_networks(folder: Path) -> tuple[AutoencoderKL, TextToNoise]:
    """Return the networks of an exported folder in float32, ready to be trained further."""
    parts = load_parts(folder, device="cpu", dtype="float32", local_files_only=True)
    text: Any = parts.text_encoders[0]  # Any: of one encoder alone, so a CLIPTextModel
    return parts.vae, TextToNoise(parts.unet, text).requires_grad_()


def train(
    recipe: Recipe,
    work: Path,
    out: Path,
    *,
    device: torch.device,
    warm: Path | None = None,
    autoencoder: Path | None = None,
) -> None:
    """Run all stages and write the pipeline folder.

    Args:
        recipe: what to train.
        work: folder for corpus and checkpoints; a second call goes on from there.
        out: the folder that `StableDiffusionPipeline.from_pretrained` will load.
        device: where to train.
        warm: an exported folder whose autoencoder is kept and whose denoiser is trained further.
        autoencoder: an exported folder whose autoencoder is trained further, for a new denoiser.

    Raises:
        InvalidInputError: the denoiser of `warm` predicts something else.
    """
    if warm is not None:
        _check_prediction(warm, recipe.prediction)
    precision = chosen_precision(recipe.precision, device)
    corpus = _corpus(recipe, work)
    if warm is None:
        vae = _autoencoder(
            recipe, work, corpus, device=device, precision=precision, begin=autoencoder
        )
        networks = _new_networks(recipe)
    else:
        vae, networks = load_networks(warm)
        vae = vae.to(device)
        vae.register_to_config(sample_size=recipe.side)
        networks.unet.register_to_config(sample_size=recipe.cells)
    if warm is None:
        path = work / f"latents{recipe.corpus_suffix}.pt"
        latents = _latents(vae, path, corpus, device=device, precision=precision)
        vae.register_to_config(scaling_factor=1 / float(latents[:4096].float().std()))
    data = _batches(recipe, work, corpus, vae, device=device, precision=precision)
    networks = networks.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    trainer = Trainer(
        networks,
        RateSchedule(recipe.rate, recipe.steps, warmup=200, flat=0.25, seconds=recipe.seconds),
        work / "denoiser.pt",
        recipe.seed,
        device,
        optimizer="muon",
        precision=precision,
    )
    losses = train_denoiser(
        trainer,
        data,
        batch=recipe.batch,
        prediction=recipe.prediction,
        workers=usable_cores() - 1 if device.type == "cuda" else 0,  # else they share the cores
    )

    def export() -> None:
        with trainer.averaged():  # exporting halves the precision of what it is given
            export_pipeline(
                out, copy.deepcopy(vae).cpu(), copy.deepcopy(networks).cpu(), recipe.prediction
            )

    _follow("denoiser", trainer, losses, export)
    export()


def _check_prediction(folder: Path, wanted: PredictionType) -> None:
    config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    if (found := config["prediction_type"]) != wanted:
        raise InvalidInputError(
            f"the weights in {folder} are for {found!r}, not {wanted!r}",
            hint="train further what they predict, or begin anew",
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the embedded model; interrupted, the same command goes on."""
    parser = argparse.ArgumentParser(
        prog="python -m textseg.lab.training.train", description=main.__doc__
    )
    parser.add_argument("--work", type=Path, default=Path("training"), help="corpus, checkpoints")
    parser.add_argument(
        "--out", type=Path, default=Path("training/picturebook"), help="where the weights go"
    )
    parser.add_argument("--warm", type=Path, help="train these weights further")
    parser.add_argument("--autoencoder", type=Path, help="train that of these weights further")
    add_recipe(parser)
    told = parser.parse_args(arguments)
    try:
        recipe = parse_recipe(told)
    except InvalidInputError as error:
        parser.error(str(error))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")  # what autocasting leaves in float32
        torch.backends.cudnn.benchmark = True  # few shapes, asked for many times
    train(
        recipe,
        told.work,
        told.out,
        device=device,
        warm=told.warm,
        autoencoder=told.autoencoder,
    )


if __name__ == "__main__":
    main()
