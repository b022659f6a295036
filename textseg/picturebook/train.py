"""Trains the embedded model from this repository alone: `python -m textseg.picturebook.train`.

Four stages, each resumed where a killed run stopped: render the corpus, train the autoencoder,
encode the corpus, train text encoder and denoiser together. The same code runs on CPU cores and on
a GPU (compiled steps there, rendering in workers). A warm restart begins the last stage with
the shipped weights and a fresh optimiser.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from tqdm import tqdm
from transformers import CLIPTextModel

from textseg.errors import InvalidInputError
from textseg.picturebook.autoencoder import (
    drop_variance,
    encode_corpus,
    new_autoencoder,
    train_autoencoder,
)
from textseg.picturebook.batches import CaptionedLatents
from textseg.picturebook.corpus import (
    Corpus,
    open_corpus,
    render_corpus,
    usable_cores,
    world_of_each,
)
from textseg.picturebook.denoiser import PredictionType, TextToNoise, new_denoiser, train_denoiser
from textseg.picturebook.export import export_pipeline
from textseg.picturebook.optimizing import Precision, Schedule, Trainer, chosen_precision
from textseg.picturebook.vocabulary import new_tokenizer
from textseg.picturebook.worlds import World


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on.

    Attributes:
        size: side of the pictures in pixels.
        scenes: how many training scenes are rendered.
        world: version of the world.
        share: how many of the scenes are of that version; the others are of version 1.
        autoencoder_channels: channels of the autoencoder's stages; its stride is 2 ** (stages - 1).
        latent_channels: channels of the latents.
        autoencoder_steps: training steps of the autoencoder.
        autoencoder_batch: crops a step.
        crop: side of the crops in pixels.
        channels: channels of the denoiser's stages.
        heads: attention heads.
        text_width: width of the text encoder.
        steps: training steps of the denoiser.
        batch: pictures a step.
        rate: peak learning rate of the denoiser.
        prediction: what the denoiser is to predict.
        precision: in which a step computes; "auto" measures which is faster here.
        seed: of weights, order, noise and captions.
    """

    size: int = 128
    scenes: int = 65_536
    world: World = 1
    share: float = 1.0
    autoencoder_channels: tuple[int, ...] = (16, 32, 64, 64)
    latent_channels: int = 4
    autoencoder_steps: int = 1700
    autoencoder_batch: int = 32
    crop: int = 64
    channels: tuple[int, ...] = (64, 96, 128)
    heads: int = 2
    text_width: int = 128
    steps: int = 6400
    batch: int = 64
    rate: float = 1.8e-3
    prediction: PredictionType = "v_prediction"
    precision: Precision | Literal["auto"] = "auto"
    seed: int = 1

    @property
    def cells(self) -> int:
        """Latent cells along a side."""
        return int(self.size // 2 ** (len(self.autoencoder_channels) - 1))

    @property
    def corpus_suffix(self) -> str:
        """Ends the names of corpus and latents, so that one mix is not taken for another.

        Those of version 1 have none: the readers are trained on the same corpus.
        """
        return "" if self.world == 1 else f"-world{self.world}-{self.share:g}"


TINY = Recipe(
    size=64,
    scenes=24,
    autoencoder_channels=(8, 8, 8, 8),
    autoencoder_steps=4,
    autoencoder_batch=2,
    crop=32,
    channels=(16, 16, 16),
    text_width=16,
    steps=6,
    batch=2,
    precision="float32",
)
"""Runs through every stage in seconds; for tests."""


def _autoencoder(
    recipe: Recipe, work: Path, corpus: Corpus, *, device: torch.device, precision: Precision
) -> AutoencoderKL:
    """Trains the autoencoder, or goes on where a checkpoint is; returns it with its scale set."""
    torch.manual_seed(recipe.seed)
    model = new_autoencoder(
        recipe.autoencoder_channels, recipe.latent_channels, size=recipe.size
    ).to(device)
    schedule = Schedule(2.5e-3, recipe.autoencoder_steps, warmup=100, flat=0.4)
    path = work / "autoencoder.pt"
    trainer = Trainer(model, schedule, path, recipe.seed, device, ema=0.995, precision=precision)
    losses = train_autoencoder(trainer, corpus, batch=recipe.autoencoder_batch, side=recipe.crop)
    _follow("autoencoder", trainer, losses)
    trainer.use_average()
    drop_variance(model)
    return model.eval()


def _latents(
    vae: AutoencoderKL, path: Path, corpus: Corpus, *, device: torch.device, precision: Precision
) -> Tensor:
    """Encodes the corpus once; returns latents (n, c, h, w) as the autoencoder gives them."""
    if not path.exists():
        found = encode_corpus(vae, corpus, batch=64, device=device, precision=precision)
        torch.save(found, path.with_suffix(".partial"))
        os.replace(path.with_suffix(".partial"), path)
    return torch.as_tensor(torch.load(path, weights_only=True))


def _follow(stage: str, trainer: Trainer, losses: object) -> None:
    bar = tqdm(losses, desc=stage, initial=trainer.step, total=trainer.schedule.total)
    for loss in bar:
        shown = loss if isinstance(loss, tuple) else (loss,)
        bar.set_postfix_str(" ".join(f"{value:.4f}" for value in shown), refresh=False)


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
    """Returns the networks of an exported folder in float32, ready to be trained further."""
    parts = {"torch_dtype": torch.float32, "local_files_only": True}
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", **parts)
    unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", **parts)
    text = CLIPTextModel.from_pretrained(
        folder / "text_encoder", dtype=torch.float32, local_files_only=True
    )
    return vae.eval(), TextToNoise(unet, text)


def train(
    recipe: Recipe, work: Path, out: Path, *, device: torch.device, warm: Path | None = None
) -> None:
    """Runs all stages and writes the pipeline folder.

    Args:
        recipe: what to train.
        work: folder for corpus and checkpoints; a second call goes on from there.
        out: the folder that `StableDiffusionPipeline.from_pretrained` will load.
        device: where to train.
        warm: an exported folder whose autoencoder is kept and whose denoiser is trained further.

    Raises:
        InvalidInputError: the denoiser of `warm` predicts something else.
    """
    if warm is not None:
        _check_prediction(warm, recipe.prediction)
    precision = chosen_precision(recipe.precision, device)
    folder = work / f"corpus{recipe.corpus_suffix}"
    render_corpus(
        folder,
        count=recipe.scenes,
        size=recipe.size,
        cells=recipe.cells,
        workers=usable_cores(),
        world=recipe.world,
        share=recipe.share,
    )
    corpus = open_corpus(folder)
    if warm is None:
        vae = _autoencoder(recipe, work, corpus, device=device, precision=precision)
        networks = _new_networks(recipe)
    else:
        vae, networks = load_networks(warm)
        vae = vae.to(device)
    path = work / f"latents{recipe.corpus_suffix}.pt"
    latents = _latents(vae, path, corpus, device=device, precision=precision)
    if warm is None:
        vae.register_to_config(scaling_factor=1 / float(latents[:4096].float().std()))
    scaled = (latents.float() * vae.config.scaling_factor).half()
    networks = networks.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    trainer = Trainer(
        networks,
        Schedule(recipe.rate, recipe.steps, warmup=200, flat=0.25),
        work / "denoiser.pt",
        recipe.seed,
        device,
        optimizer="muon",
        precision=precision,
    )
    worlds = world_of_each(recipe.scenes, world=recipe.world, share=recipe.share)
    data = CaptionedLatents(corpus, scaled, new_tokenizer(), worlds=worlds)
    losses = train_denoiser(trainer, data, batch=recipe.batch, prediction=recipe.prediction)
    _follow("denoiser", trainer, losses)
    trainer.use_average()
    export_pipeline(out, vae.cpu(), networks.cpu(), recipe.prediction)


def _check_prediction(folder: Path, wanted: PredictionType) -> None:
    config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    if (found := config["prediction_type"]) != wanted:
        raise InvalidInputError(
            f"the weights in {folder} are for {found!r}, not {wanted!r}",
            hint="train further what they predict, or begin anew",
        )


def main(
    work: Annotated[Path, typer.Option(help="Folder for corpus and checkpoints.")] = Path(
        "training"
    ),
    out: Annotated[Path, typer.Option(help="Where the weights go.")] = Path("training/picturebook"),
    steps: Annotated[
        int, typer.Option(min=1, help="Training steps of the denoiser.")
    ] = Recipe.steps,
    scenes: Annotated[int, typer.Option(min=64, help="Scenes to render.")] = Recipe.scenes,
    world: Annotated[int, typer.Option(min=1, max=2, help="Version of the world.")] = Recipe.world,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="Scenes of that version; the others are of 1.")
    ] = Recipe.share,
    rate: Annotated[float, typer.Option(help="Peak learning rate of the denoiser.")] = Recipe.rate,
    prediction: Annotated[
        PredictionType, typer.Option(help="What the denoiser is to predict.")
    ] = Recipe.prediction,
    seed: Annotated[int, typer.Option(min=0)] = Recipe.seed,
    warm: Annotated[Path | None, typer.Option(help="Train these weights further.")] = None,
) -> None:
    """Train the embedded model. Interrupt it whenever you like: the same command goes on."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = replace(
        Recipe(),
        steps=steps,
        scenes=scenes,
        world=world,  # type: ignore[arg-type]  # the option's range has the versions there are
        share=share,
        rate=rate,
        prediction=prediction,
        seed=seed,
    )
    train(recipe, work, out, device=device, warm=warm)


if __name__ == "__main__":
    typer.run(main)
