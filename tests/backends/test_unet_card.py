from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionPipeline,
    TCDScheduler,
)

from tests.tiny import build_sd, build_xl
from tests.tiny_parts import SD_BETAS
from textseg.backends.diffusers_unet import load_unet_model, wrap_pipeline
from textseg.backends.parts import load_all
from textseg.backends.unet_card import unet_card
from textseg.backends.unet_parts import KINDS, parts_of
from textseg.diffusion.card import CARD_FILE, ModelCard
from textseg.editing.diffedit import DiffEdit
from textseg.editing.flowedit import FlowEdit
from textseg.registry.methods import make_method, method_names
from textseg.scene import Scene
from textseg.testing import check_model


def card_of(pipeline: DiffusionPipeline, name: str = "owner/model") -> ModelCard:
    return unet_card(parts_of(pipeline), name)


def trailing(kind: type[EulerDiscreteScheduler] = EulerDiscreteScheduler) -> Any:
    return kind(**SD_BETAS, steps_offset=1, timestep_spacing="trailing")


def test_a_checkpoint_has_the_numbers_of_its_pipeline() -> None:
    card = card_of(build_sd())
    assert card.name == "Stable Diffusion"
    assert (card.sampling.steps, card.sampling.guidance) == (50, 7.5)
    assert card.sizes.native == 32  # 16 cells of 2 pixels
    assert card.language.words is None
    assert card.attempts.count == 1
    large = card_of(build_xl())
    assert (large.name, large.sampling.guidance) == ("Stable Diffusion XL", 5.0)


@pytest.mark.parametrize(
    ("sample", "expected"), [(16, (3.5, -2.5)), (64, (2.2, -3.8)), ((32, 64), (2.2, -3.8))]
)
def test_the_levels_of_masks_suit_the_number_of_cells(sample: Any, expected: Any) -> None:
    card = card_of(build_sd(unet={"sample_size": sample}))
    assert card.masks.levels.log_snr == pytest.approx(expected)
    assert card.attempts.levels.log_snr[1] == card.masks.levels.log_snr[1]
    assert card.attempts.levels.log_snr[0] == card.masks.levels.band_edges[0]


@pytest.mark.parametrize(
    ("scheduler", "name", "few"),
    [
        (lambda: LCMScheduler(**SD_BETAS, steps_offset=1), "owner/model", True),
        (lambda: TCDScheduler(**SD_BETAS, steps_offset=1), "owner/model", True),
        (trailing, "stabilityai/sd-turbo", True),
        (lambda: trailing(EulerAncestralDiscreteScheduler), "/models/SDXL-Lightning", True),
        (trailing, "owner/model", False),
        (lambda: EulerDiscreteScheduler(**SD_BETAS, steps_offset=1), "owner/turbo", False),
    ],
)
def test_few_step_models_are_told_by_scheduler_and_name(
    scheduler: Any, name: str, few: bool
) -> None:
    card = card_of(build_sd(scheduler=scheduler()), name)
    assert (card.sampling.steps, card.sampling.guidance) == ((4, 1.0) if few else (50, 7.5))
    assert card.name.endswith("few steps") == few


def test_a_network_that_is_told_its_guidance_has_few_steps() -> None:
    card = card_of(build_sd(unet={"time_cond_proj_dim": 8}))
    assert card.sampling.guidance == 1
    for change in (card.edits.alter, card.edits.replace, card.edits.remove, card.edits.add):
        assert (change.options["steps"], change.options["guidance"]) == (4, 1.0)
    made = {name: make_method(name, card.edits.named(name)) for name in method_names()}
    assert {(method.steps, method.guidance) for method in made.values()} == {(4, 1.0)}
    assert made["flowedit"] == FlowEdit(steps=4, guidance=1, source_guidance=1)


def test_what_is_there_is_changed_by_diffedit_as_published() -> None:
    habit = card_of(build_sd()).edits.replace
    assert make_method(habit.method, habit.options) == DiffEdit()
    assert (DiffEdit().steps, DiffEdit().guidance, DiffEdit().solver) == (50, 7.5, "euler")


@torch.no_grad()
def test_a_model_with_its_card_keeps_the_contract() -> None:
    check_model(wrap_pipeline(build_sd()), tolerance=1e-3)


def with_card(folder: Path, target: Path, **groups: Any) -> Path:
    shutil.copytree(folder, target)
    (target / CARD_FILE).write_text(json.dumps(groups), encoding="utf-8")
    return target


def test_the_card_in_a_folder_counts_for_the_folder_and_its_pipeline(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    sampling = {"steps": 3, "guidance": 2.0, "solver": "euler", "found": "tried"}
    folder = with_card(Path(tiny_folders["sd1"]), tmp_path / "own", name="own", sampling=sampling)
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, safety_checker=None, local_files_only=True
    )
    for model in (load_unet_model(folder, device="cpu"), wrap_pipeline(pipeline)):
        scene = Scene.generate("tree", model, size=(16, 24))
        assert scene.made is not None
        assert (scene.made.steps, scene.made.guidance, scene.made.card) == (3, 2.0, "own")


@pytest.mark.parametrize(
    ("device", "loaded_in"), [("meta", torch.bfloat16), ("cpu", torch.float32)]
)
def test_the_precision_of_the_card_is_for_accelerators(
    device: str, loaded_in: torch.dtype, tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    """A device without numbers stands in for one that is not here."""
    precision = {"accelerator": "bfloat16", "found": "tried"}
    folder = with_card(Path(tiny_folders["sd1"]), tmp_path / "own", precision=precision)
    found = load_all(folder, KINDS, device=device, dtype="auto", local_files_only=True)
    assert found.parts["unet"].dtype == loaded_in
