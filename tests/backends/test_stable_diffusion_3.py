from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusion3Img2ImgPipeline
from torch.testing import assert_close

from tests.editing.helpers import METHODS, method_with, runs_on
from tests.tiny import build_sd3
from tests.tiny_parts import TEXT_LENGTH, build_scheduler
from textseg.backends.parts import load_all
from textseg.backends.stable_diffusion_3 import KINDS, StableDiffusion3
from textseg.diffusion.card import CARD_FILE
from textseg.diffusion.sampling import draw_noise
from textseg.errors import InvalidInputError, UnsupportedError
from textseg.registry.models import load_model
from textseg.scene import Scene

T5_TOKENS = 256


def test_sizes_come_from_the_configs(tiny_models) -> None:
    model = tiny_models["sd3"]
    assert isinstance(model, StableDiffusion3)
    assert (model.latent_stride, model.size_multiple, model.latent_channels) == (2, 4, 16)
    sizes = model.card.sizes
    assert (sizes.native, sizes.largest) == (32, 80)
    assert model.sigma_range == (0.0, 1.0)


def test_latents_beyond_the_networks_positions_are_refused_in_words(tiny_models) -> None:
    model = tiny_models["sd3"]
    with pytest.raises(InvalidInputError, match="sides of at most 80 pixels, got 84"):
        model.predict(torch.zeros(1, 16, 8, 42), 0.5, model.embed_text([""]))


@torch.no_grad()
def test_tokens_are_those_of_clip_and_then_those_of_t5(tiny_models) -> None:
    text = tiny_models["sd3"].embed_text(["a tree's  ok", ""])
    assert text.embeddings.shape[1] == TEXT_LENGTH + T5_TOKENS
    first, empty = text.words
    assert first[:8] == (None, 0, 1, 1, 1, 2, 2, None)
    assert first[TEXT_LENGTH:][:9] == (0, 0, 1, 1, 1, 2, 2, 2, None)
    assert set(empty) == {None}
    assert text.notes == ((), ())


@torch.no_grad()
def test_without_t5_its_tokens_are_zeros_and_belong_to_no_word(tmp_path: Path) -> None:
    build_sd3(t5=False).save_pretrained(tmp_path)
    for model in (load_model(tmp_path, device="cpu"), load_model(build_sd3(t5=False))):
        text = model.embed_text(["tree " * 30])
        assert not text.embeddings[:, TEXT_LENGTH:].any()
        assert set(text.words[0][TEXT_LENGTH:]) == {None}
        (note,) = text.notes[0]
        assert note.startswith(f"truncated after {TEXT_LENGTH} tokens: 'tree tree")
        assert note.endswith("was not read")


@torch.no_grad()
def test_what_only_t5_reads_is_told_apart_from_what_nobody_reads(
    tiny_models, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tiny_models["sd3"].embed_text(["tree", "tree " * 22 + "house", "tree " * 260])
    assert text.notes[0] == ()
    assert text.notes[1] == (f"CLIP reads {TEXT_LENGTH} tokens: 'house' was read by T5 alone",)
    assert text.notes[2][1] == (
        f"truncated after {T5_TOKENS} tokens: 'tree tree tree tree tree' was not read"
    )
    assert capfd.readouterr() == ("", "")  # the pipeline would log it


@torch.no_grad()
def test_words_that_its_card_does_not_name_are_told(tiny_folders, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(tiny_folders["sd3"], folder)
    language = {"blank": "", "words": ["a", "tree"], "captioner": None, "found": "tried"}
    (folder / CARD_FILE).write_text(json.dumps({"language": language}), encoding="utf-8")
    model = StableDiffusion3.load(folder, device="cpu")
    text = model.embed_text(["a treee", "a tree"])
    assert text.unknown == (("treee",), ())
    assert text.notes == (("this model does not know 'treee' (did you mean 'tree'?)",), ())


def test_loading_prints_nothing(tiny_folders, capfd: pytest.CaptureFixture[str]) -> None:
    load_model(tiny_folders["sd3"], device="cpu")
    assert capfd.readouterr() == ("", "")


def test_it_computes_in_bfloat16_on_accelerators_unless_told_otherwise(tiny_folders) -> None:
    """A device without numbers stands in for one that is not here."""
    found = [
        load_all(tiny_folders["sd3"], KINDS, device=device, dtype=dtype, local_files_only=True)
        for device, dtype in (("meta", "auto"), ("meta", "float16"), ("cpu", "auto"))
    ]
    dtypes = [loaded.parts["transformer"].dtype for loaded in found]
    assert dtypes == [torch.bfloat16, torch.float16, torch.float32]


@torch.no_grad()
def test_lower_precision_comes_back_in_float32_and_near(tiny_folders, tiny_models) -> None:
    half = load_model(tiny_folders["sd3"], device="cpu", dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    z = draw_noise((1, 16, 8, 12), seed=0)
    answers = [
        m.predict(z, 0.6, m.embed_text(["tree"])).velocity for m in (half, tiny_models["sd3"])
    ]
    assert answers[0].dtype == torch.float32
    assert (answers[0] - answers[1]).norm() / answers[1].norm() < 0.05


@torch.no_grad()
def test_other_pipelines_of_the_same_network_answer_alike() -> None:
    pipeline = build_sd3()
    other = StableDiffusion3Img2ImgPipeline(**pipeline.components)
    z = draw_noise((1, 16, 8, 12), seed=0)
    answers = [
        model.predict(z, 0.6, model.embed_text(["tree"])).velocity
        for model in (load_model(pipeline), load_model(other))
    ]
    assert_close(*answers)


def test_variants_with_other_inputs_are_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"takes 33 channels.*inpainting"):
        StableDiffusion3.wrap(build_sd3(transformer={"in_channels": 33}))


def test_schedules_of_other_processes_are_refused() -> None:
    pipeline = build_sd3()
    pipeline.scheduler = build_scheduler()
    with pytest.raises(UnsupportedError, match=r"DDIMScheduler is not one of flow matching"):
        StableDiffusion3.wrap(pipeline)


@pytest.mark.parametrize("steps", [0, 1001])
def test_steps_that_a_schedule_does_not_have_are_refused(tiny_models, steps: int) -> None:
    with pytest.raises(InvalidInputError, match="steps must be from 1 to 1000"):
        tiny_models["sd3"].levels(steps)


def test_a_schedule_that_makes_no_numbers_of_a_single_step_asks_for_more() -> None:
    model = StableDiffusion3.wrap(build_sd3(shift=3.0, shift_terminal=0.02))
    assert len(model.levels(2)) == 3
    with pytest.raises(InvalidInputError, match="use more steps"):
        model.levels(1)


def test_a_scheduler_is_read_and_not_changed() -> None:
    pipeline = build_sd3()
    before, config = pipeline.scheduler.timesteps.clone(), dict(pipeline.scheduler.config)
    StableDiffusion3.wrap(pipeline).levels(3)
    assert torch.equal(pipeline.scheduler.timesteps, before)
    assert dict(pipeline.scheduler.config) == config


@pytest.mark.parametrize("sigma", [-0.01, 1.01])
def test_a_level_outside_the_process_is_refused(tiny_models, sigma: float) -> None:
    model = tiny_models["sd3"]
    with pytest.raises(InvalidInputError, match="from 0 to 1"):
        model.predict(torch.zeros(1, 16, 8, 8), sigma, model.embed_text([""]))


@pytest.fixture(scope="module")
def scene(tiny_models) -> Scene:
    picture = np.random.default_rng(0).random((30, 44, 3), np.float32)
    return Scene.open(picture, tiny_models["sd3"])


def test_things_are_found_in_masks_of_the_pictures_size(scene: Scene) -> None:
    found = scene.segment_all(["tree", "a red house"], draws=3)
    assert [item.soft.shape for item in found] == [(30, 44)] * 2
    assert not np.array_equal(found[0].soft, found[1].soft)


@pytest.mark.parametrize("method", METHODS)
def test_edits_change_pixels_inside_the_mask_and_none_outside(scene: Scene, method: str) -> None:
    mask = np.zeros((30, 44), np.float32)
    mask[8:20, 10:30] = 1
    if not runs_on(method, scene.model):
        pytest.skip("the model does not have what the method asks for")
    edit = scene.edit("tree", "a house", mask=mask, method=method_with(method))
    changed = (edit.picture.rgb != scene.rgb).any(-1)
    assert not changed[mask == 0].any()
    assert changed[mask > 0].mean() > 0.5


def test_a_picture_with_sides_beyond_its_positions_is_scaled_down_with_a_remark(
    tiny_models,
) -> None:
    model = tiny_models["sd3"]
    picture = np.random.default_rng(0).random((6, 160, 3), np.float32)
    found = Scene.open(picture, model).segment("tree", draws=1)
    assert found.soft.shape == (6, 160)
    assert any("sides of at most 80 pixels" in note for note in found.notes)
    with pytest.raises(InvalidInputError, match="sides of at most 80 pixels, not 84 x 16"):
        Scene.generate("tree", model, size=(16, 84))


def test_a_made_picture_can_be_edited_along_its_own_way(tiny_models) -> None:
    made = Scene.generate("a tree", tiny_models["sd3"], steps=3, size=(24, 40))
    assert made.rgb.shape == (24, 40, 3)
    mask = np.zeros((24, 40), np.float32)
    mask[4:16, 8:24] = 1
    edit = made.edit("tree", "a house", mask=mask, method="diffedit", crop=False)
    assert edit.evaluations.inversion == 0
