"""Pipelines as people hand them over: of other tasks, compiled, moved off, with things added."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ControlNetModel,
    DiffusionPipeline,
    StableDiffusion3Img2ImgPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPAGPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.models.embeddings import ImageProjection, MultiIPAdapterImageProjection

from tests.tiny import TEXT_WIDTH, build_sd, build_sd3, build_xl
from textseg.errors import UnsupportedError
from textseg.registry.families import wrap_family
from textseg.scene import Scene

PICTURE = np.random.default_rng(0).random((32, 48, 3)).astype(np.float32)


def parts(pipeline: Any, **more: Any) -> dict[str, Any]:
    sd = {"requires_safety_checker": False} if "safety_checker" in pipeline.components else {}
    return {**pipeline.components, **sd, **more}


def answer(model: Any) -> torch.Tensor:
    z = torch.linspace(-2, 2, model.latent_channels * 8 * 12).reshape(1, -1, 8, 12)
    with torch.no_grad():
        return model.predict(z, 0.5, model.embed_text(["red tree"])).x0


def control() -> StableDiffusionControlNetPipeline:
    pipeline = build_sd()
    network = ControlNetModel.from_unet(pipeline.unet)
    return StableDiffusionControlNetPipeline(**parts(pipeline, controlnet=network))


OTHER_TASKS = {
    "img2img": (build_sd, lambda: StableDiffusionImg2ImgPipeline(**parts(build_sd()))),
    "inpaint": (build_sd, lambda: StableDiffusionInpaintPipeline(**parts(build_sd()))),
    "xl img2img": (build_xl, lambda: StableDiffusionXLImg2ImgPipeline(**parts(build_xl()))),
    "xl inpaint": (build_xl, lambda: StableDiffusionXLInpaintPipeline(**parts(build_xl()))),
    "sd3 img2img": (build_sd3, lambda: StableDiffusion3Img2ImgPipeline(**parts(build_sd3()))),
    "controlnet": (build_sd, control),
    "pag": (build_sd, lambda: StableDiffusionPAGPipeline(**parts(build_sd()))),
}


@pytest.mark.parametrize("name", OTHER_TASKS)
def test_pipelines_of_other_tasks_answer_as_the_text_to_image_one(name: str) -> None:
    plain, other = OTHER_TASKS[name]
    torch.testing.assert_close(
        answer(wrap_family(other())), answer(wrap_family(plain())), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("controlnet", ("the controlnet of the pipeline is not used",)),
        ("pag", ("the perturbed attention guidance of the pipeline is not used",)),
        ("img2img", ()),
    ],
)
def test_what_is_ignored_of_a_pipeline_is_said_with_the_masks(
    name: str, notes: tuple[str, ...]
) -> None:
    model = wrap_family(OTHER_TASKS[name][1]())
    assert model.notes == notes
    found = Scene.open(PICTURE, model).segment("tree", draws=2)
    assert set(notes) <= set(found.notes)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_compiled_parts_are_known_by_what_they_were(part: str) -> None:
    pipeline = build_sd()
    expected = answer(wrap_family(pipeline))
    setattr(pipeline, part, torch.compile(getattr(pipeline, part), backend="eager"))
    model = wrap_family(pipeline)
    torch.testing.assert_close(answer(model), expected, rtol=1e-5, atol=1e-5)
    assert Scene.open(PICTURE, model).segment("tree", draws=2).soft.shape == (32, 48)


def test_a_class_of_somebodys_own_is_known_by_what_it_is_derived_from() -> None:
    class OwnUNet(UNet2DConditionModel):
        """With something of its own."""

    pipeline = build_sd()
    expected = answer(wrap_family(pipeline))
    pipeline.unet.__class__ = OwnUNet
    torch.testing.assert_close(answer(wrap_family(pipeline)), expected, rtol=1e-5, atol=1e-5)


def test_an_ip_adapter_is_refused_with_the_word_that_takes_it_away() -> None:
    pipeline = build_sd()
    shown = ImageProjection(
        image_embed_dim=8, cross_attention_dim=TEXT_WIDTH, num_image_text_embeds=2
    )
    pipeline.unet.encoder_hid_proj = MultiIPAdapterImageProjection([shown])
    pipeline.unet.register_to_config(encoder_hid_dim_type="ip_image_proj")
    with pytest.raises(UnsupportedError, match="an IP-Adapter is loaded") as caught:
        wrap_family(pipeline)
    assert "pipeline.unload_ip_adapter()" in caught.value.hint


def test_a_copied_autoencoder_equals_the_original_and_has_none_of_its_hooks() -> None:
    pipeline = build_xl().to(torch.bfloat16)
    pipeline.vae.enable_group_offload(torch.device("cpu"), offload_type="leaf_level")
    state = torch.random.get_rng_state()
    model: Any = wrap_family(pipeline)
    assert torch.equal(torch.random.get_rng_state(), state)
    copied = model._autoencoder.network
    assert copied.dtype == torch.float32
    assert not any(hasattr(module, "_diffusers_hook") for module in copied.modules())
    kept = pipeline.vae.state_dict()
    for name, weight in copied.state_dict().items():
        torch.testing.assert_close(weight, kept[name].float(), rtol=0, atol=0)


def offloaded(kind: str) -> DiffusionPipeline:
    pytest.importorskip("accelerate")
    pipeline = build_xl()
    if kind == "group":
        cpu = torch.device("cpu")
        pipeline.unet.enable_group_offload(cpu, offload_device=cpu, offload_type="leaf_level")
    else:
        pipeline.enable_model_cpu_offload(device="cpu")
    return pipeline


@pytest.mark.parametrize("kind", ["group", "model"])
def test_offloaded_pipelines_answer_as_they_are(kind: str) -> None:
    model = wrap_family(offloaded(kind))
    expected = wrap_family(build_xl())
    torch.testing.assert_close(answer(model), answer(expected), rtol=1e-5, atol=1e-5)
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        pair = model.encode_image(image), expected.encode_image(image)
    torch.testing.assert_close(*pair, rtol=1e-5, atol=1e-5)
    assert Scene.open(PICTURE, model).segment("tree", draws=2).soft.shape == (32, 48)
