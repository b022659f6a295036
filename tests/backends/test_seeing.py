"""A model that is told what to change: what it sees, what it answers, what a scene does with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.testing import assert_close

import textseg
from tests.tiny import build_sd
from tests.tiny_seeing import (
    build_ip2p,
    build_ip2p_xl,
    build_kontext,
    build_qwen_edit,
    build_qwen_plus,
)
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.backends.instruct_pix2pix import InstructPix2Pix, TwoGuidances
from textseg.backends.qwen_image_edit import QwenImageEdit
from textseg.diffusion.counting import Counter
from textseg.diffusion.guidance import guide_of
from textseg.diffusion.sampling import draw_noise
from textseg.diffusion.seeing import sees
from textseg.encoded import encode_picture
from textseg.errors import InvalidInputError, MissingExtraError, UnsupportedError
from textseg.images import open_picture
from textseg.registry.families import load_family, wrap_family
from textseg.scene import Scene
from textseg.scene.comparing import INSTRUCTED
from textseg.segmentation.draws import plan_draws
from textseg.testing import check_model
from textseg.toolbox.changing import change_scene
from textseg.toolbox.selecting import Selecting

BUILDERS = [build_ip2p, build_ip2p_xl, build_kontext, build_qwen_edit, build_qwen_plus]
RGB = np.random.default_rng(0).random((22, 30, 3), np.float32)
MASK = np.pad(np.ones((8, 12), np.float32), ((4, 10), (8, 10)))


@pytest.fixture(params=BUILDERS, ids=lambda build: build.__name__.removeprefix("build_"))
def model(request: pytest.FixtureRequest) -> Any:
    return wrap_family(request.param())


@torch.no_grad()
def test_a_model_keeps_the_contract_beside_a_picture(model: Any) -> None:
    assert sees(model)
    assert sees(Counter(model).as_model)
    check_model(model)


@torch.no_grad()
def test_the_picture_and_the_instruction_have_a_say(model: Any) -> None:
    z, image = draw_noise((1, 4, 12, 16), seed=0), draw_noise((2, 3, 24, 32), seed=1).sigmoid()
    latents = model.encode_image(image)
    first, second = (model.beside(latents[[k]], image[[k]]) for k in range(2))
    told = ["make it red", ""]
    seen, other = (each.predict(z, 0.6, each.embed_text(told)[0]).eps for each in (first, second))
    assert (seen - other).norm() > 1e-3 * seen.norm()
    text = first.embed_text(told)
    assert (first.predict(z, 0.6, text[1]).eps - seen).norm() > 1e-3 * seen.norm()
    again = second.beside(latents[:1], image[:1])
    assert_close(again.predict(z, 0.6, again.embed_text(told)[0]).eps, seen, rtol=0, atol=0)


@torch.no_grad()
def test_a_scene_shows_its_picture_to_the_model_and_leaves_the_model_alone(model: Any) -> None:
    scene, read = Scene.open(RGB, model), encode_picture(model, open_picture(RGB), None)
    z, text = draw_noise(read.latents.shape, seed=0), read.model.embed_text(["make it red"])
    image = torch.tensor(RGB).permute(2, 0, 1)[None]
    expected = model.beside(read.latents, image).predict(z, 0.6, text).eps
    assert_close(read.model.predict(z, 0.6, text).eps, expected, rtol=0, atol=0)
    assert scene.model is model
    assert model._seen is None


def test_an_instruction_gets_a_mask_of_what_it_would_change(model: Any) -> None:
    found = Scene.open(RGB, model).segment("make the house blue", draws=2)
    assert found.soft.shape == RGB.shape[:2]
    assert np.isfinite(found.soft).all()
    assert (found.present, found.presence) == (True, 0.5)
    assert found.notes == (INSTRUCTED,)


@torch.no_grad()
def test_the_mask_is_made_of_the_relevance_of_watch_your_steps() -> None:
    """The mean of |eps(instruction, picture) - eps("", picture)|, asked of the network itself."""
    pipeline = build_ip2p()
    model, level = wrap_family(pipeline), 0.6
    read = encode_picture(model, open_picture(RGB), None)
    scene = Scene.open(RGB, model)
    found = scene.segment("make the house blue", draws=1, levels=[level])
    (draw,) = plan_draws(
        1,
        levels=[level],
        sigma_range=(0.1, 0.9),
        covered=model.sigma_range,
        seed=0,
        antithetic=False,
        early=False,
    )
    z = (1 - level) * read.latents + level * draw.noise(read.latents)[None]
    mean = read.latents / pipeline.vae.config.scaling_factor
    text = model.embed_text(["make the house blue", ""])
    time = torch.tensor([model._process.time(level)])
    x = model._process.seen(z, level)
    told, nothing = (
        pipeline.unet(torch.cat([x, mean], 1), time, text.embeddings[[k]]).sample for k in (0, 1)
    )
    expected = (told - nothing).abs().mean(1)[0]
    rows, columns = found.raw.difference.shape
    assert_close(
        torch.tensor(found.raw.difference), expected[:rows, :columns], rtol=1e-4, atol=1e-5
    )


def test_an_edit_is_made_by_the_instruction_where_it_would_change_something(model: Any) -> None:
    scene = Scene.open(RGB, model)
    plan = scene.plan("house", "blue house", steps=2)
    said = "turn the house into a blue house"
    assert (plan.words.source, plan.words.target) == ("", said)
    assert plan.segmentation is not None
    assert plan.segmentation.query == said
    assert scene.plan("", "", prompt="make it snow", steps=2).words.target == "make it snow"


@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("method", ["blended", "diffedit", "flowedit", "prompt_to_prompt"])
def test_an_edit_changes_what_is_masked_and_no_pixel_outside(
    model: Any, method: str, crop: bool
) -> None:
    if method == "prompt_to_prompt" and isinstance(model, QwenImageEdit):
        pytest.skip("nobody knows where the words are among the tokens of the picture")
    scene = Scene.open(RGB, model)
    found = scene.edit("house", "boat", method=method, steps=2, mask=MASK, crop=crop)
    outside = found.mask == 0
    assert np.array_equal(found.picture.rgb[outside], scene.rgb[outside])
    assert not np.array_equal(found.picture.rgb, scene.rgb)


def test_nobody_says_that_something_is_there_now_where_nothing_is_decided(model: Any) -> None:
    options: Any = {"steps": 2, "mask": MASK}
    made = change_scene(
        Scene.open(RGB, model), "house", "boat", selecting=Selecting(), check=True, options=options
    )
    assert made.look is None


@pytest.mark.parametrize("build", [build_ip2p, build_ip2p_xl, build_qwen_edit])
def test_without_a_picture_it_says_what_it_can_do(build: Callable[[], Any]) -> None:
    with pytest.raises(UnsupportedError, match="changes a picture as it is told") as caught:
        Scene.generate("tree", build(), steps=2, size=(24, 32))
    assert "Scene.open(picture, model)" in caught.value.hint


@torch.no_grad()
def test_a_picture_of_another_size_is_refused(model: Any) -> None:
    image = draw_noise((1, 3, 24, 32), seed=0).sigmoid()
    shown = model.beside(model.encode_image(image), image)
    with pytest.raises(InvalidInputError, match=r"picture of \(12, 16\) cells.*of \(16, 12\)"):
        shown.predict(draw_noise((1, 4, 16, 12), seed=0), 0.6, shown.embed_text([""]))


def test_kontext_makes_pictures_of_text_and_looks_at_them_then() -> None:
    scene = Scene.generate("tree", build_kontext(), steps=2, size=(24, 32))
    assert scene._encoded.model._seen.shape == scene.latents.shape  # type: ignore[attr-defined]  # Kontext's


def test_a_folder_is_known_by_its_pipeline(tmp_path: Path) -> None:
    build_ip2p().save_pretrained(tmp_path)
    model = load_family(tmp_path, device="cpu", local_files_only=True)
    assert isinstance(model, InstructPix2Pix)
    assert isinstance(guide_of(model), TwoGuidances)
    assert model.card.language.instructed
    assert (model.card.edits.alter.method, model.card.edits.alter.options["strength"]) == (
        "blended",
        1.0,
    )
    assert textseg.load(tmp_path, device="cpu").card.name == "InstructPix2Pix"


def test_other_networks_of_as_many_channels_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="takes 8 channels, where latents of 4 need 4"):
        wrap_pipeline(build_sd(unet={"in_channels": 8}))


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_what_shows_pictures_to_a_text_encoder_is_missed_by_its_name(tmp_path: Path) -> None:
    index = {"_class_name": "QwenImageEditPlusPipeline"}
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(MissingExtraError, match="torchvision"):
        load_family(tmp_path, device="cpu", local_files_only=True)


def test_the_plus_of_2511_is_told_that_the_picture_has_no_noise() -> None:
    assert build_qwen_plus().transformer.zero_cond_t
