"""Trains captioner and judge: `python -m textseg.lab.training.train_readers`.

Everything comes from this repository, and a processor is enough. Four stages, each resumed where a
killed run stopped: render the training corpus (in the same folder it is the diffusion model's, and
rendered once) and the variants, train the captioner, train the judge. The two networks share
pictures and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from torch import nn
from tqdm import tqdm

from textseg.lab.training.captioner import (
    CaptionedPictures,
    CaptionerInTraining,
    export_captioner,
    new_captioner,
    train_captioner,
)
from textseg.lab.training.corpus import Corpus, open_corpus, render_corpus, usable_cores
from textseg.lab.training.judging import JudgeInTraining, export_judge, new_judge, train_judge
from textseg.lab.training.optimizing import Precision, RateSchedule, Trainer, chosen_precision
from textseg.lab.training.reading import READER_SIZE
from textseg.lab.training.regions import JudgedPictures
from textseg.lab.training.variants import Variants, open_variants, render_variants

CELLS = 16
"""Coverage is kept in cells of 8 pixels, as the diffusion model's training keeps it."""


@dataclass(frozen=True)
class ReadersRecipe:
    """Everything a run depends on.

    Attributes:
        scenes: training scenes to render.
        variants: how many of them are rendered once more, after an edit.
        variant_share: how often the captioner sees a variant.
        width: width of all encoders and of the decoder.
        layers: layers of the picture encoders.
        text_layers: layers of the captioner's decoder and of the judge's text encoder.
        captioner_steps: training steps of the captioner.
        captioner_batch: pictures a step.
        captioner_rate: its peak learning rate.
        judge_steps: training steps of the judge.
        judge_regions: regions a step.
        judge_pairs: scenes a step that are seen before and after their edit.
        judge_rate: its peak learning rate.
        precision: in which a step computes; "auto" measures which is faster here.
        seed: of weights and batches.
    """

    scenes: int = 65_536
    variants: int = 16_384
    variant_share: float = 0.3
    width: int = 128
    layers: int = 3
    text_layers: int = 2
    captioner_steps: int = 4800
    captioner_batch: int = 32
    captioner_rate: float = 1.5e-3
    judge_steps: int = 2500
    judge_regions: int = 40
    judge_pairs: int = 8
    judge_rate: float = 1.2e-3
    precision: Precision | Literal["auto"] = "auto"
    seed: int = 1


TINY = ReadersRecipe(
    scenes=24,
    variants=24,
    width=16,
    layers=1,
    text_layers=1,
    captioner_steps=3,
    captioner_batch=2,
    judge_steps=3,
    judge_regions=2,
    judge_pairs=2,
    precision="float32",
)
"""Runs through every stage in seconds; for tests."""


def new_trainer(
    model: nn.Module,
    steps: int,
    rate: float,
    *,
    checkpoint: Path | None,
    seed: int,
    precision: Precision = "float32",
) -> Trainer:
    """Return what trains one of the two, taking up its checkpoint if there is one."""
    device = next(model.parameters()).device
    warmup = min(100, steps)
    return Trainer(
        model, RateSchedule(rate, steps, warmup), checkpoint, seed, device, precision=precision
    )


def _follow(stage: str, trainer: Trainer, losses: Iterator[tuple[float, ...]]) -> None:
    bar = tqdm(losses, desc=stage, initial=trainer.step, total=trainer.schedule.total)
    for loss in bar:
        bar.set_postfix_str(" ".join(f"{value:.4f}" for value in loss), refresh=False)
    trainer.use_average()


def _captioner(recipe: ReadersRecipe, work: Path, corpus: Corpus, variants: Variants) -> None:
    torch.manual_seed(recipe.seed)
    model = CaptionerInTraining(
        new_captioner(width=recipe.width, layers=recipe.layers, decoder_layers=recipe.text_layers)
    )
    trainer = new_trainer(
        model,
        recipe.captioner_steps,
        recipe.captioner_rate,
        checkpoint=work / "captioner.pt",
        seed=recipe.seed,
        precision=chosen_precision(recipe.precision, torch.device("cpu")),
    )
    shares = (1 - recipe.variant_share, recipe.variant_share)
    data = CaptionedPictures((corpus, variants.corpus), shares)
    _follow("captioner", trainer, train_captioner(trainer, data, batch=recipe.captioner_batch))
    export_captioner(work / "captioner_weights", model.blip)


def _judge(recipe: ReadersRecipe, work: Path, corpus: Corpus, variants: Variants) -> None:
    torch.manual_seed(recipe.seed)
    model = JudgeInTraining(
        new_judge(width=recipe.width, layers=recipe.layers, text_layers=recipe.text_layers)
    )
    trainer = new_trainer(
        model,
        recipe.judge_steps,
        recipe.judge_rate,
        checkpoint=work / "judge.pt",
        seed=recipe.seed,
        precision=chosen_precision(recipe.precision, torch.device("cpu")),
    )
    losses = train_judge(
        trainer,
        JudgedPictures(corpus, variants),
        regions=recipe.judge_regions,
        pairs=recipe.judge_pairs,
    )
    _follow("judge", trainer, losses)
    export_judge(work / "judge_weights", model.clip)


def train(recipe: ReadersRecipe, work: Path) -> None:
    """Run all stages; the folders `captioner_weights` and `judge_weights` are the result.

    Args:
        recipe: what to train.
        work: folder for pictures, checkpoints and result; a second call goes on from there.
    """
    size, workers = READER_SIZE, usable_cores()
    corpus, variants = work / "corpus", work / "variants"
    render_corpus(corpus, count=recipe.scenes, size=size, cells=CELLS, workers=workers)
    render_variants(variants, count=recipe.variants, size=size, cells=CELLS, workers=workers)
    pictures, edited = open_corpus(corpus), open_variants(variants)
    _captioner(recipe, work, pictures, edited)
    _judge(recipe, work, pictures, edited)


def main(
    work: Annotated[
        Path, typer.Option(help="Folder for pictures, checkpoints and the result.")
    ] = Path("training"),
    captioner_steps: Annotated[int, typer.Option(min=1)] = ReadersRecipe.captioner_steps,
    judge_steps: Annotated[int, typer.Option(min=1)] = ReadersRecipe.judge_steps,
    scenes: Annotated[int, typer.Option(min=64, help="Scenes to render.")] = ReadersRecipe.scenes,
    seed: Annotated[int, typer.Option(min=0)] = ReadersRecipe.seed,
) -> None:
    """Train captioner and judge. Interrupt it whenever you like: the same command goes on."""
    variants = min(scenes, ReadersRecipe.variants)
    recipe = ReadersRecipe(
        scenes=scenes,
        variants=variants,
        captioner_steps=captioner_steps,
        judge_steps=judge_steps,
        seed=seed,
    )
    train(recipe, work)


if __name__ == "__main__":
    typer.run(main)
