"""What every model promises, whatever is behind it."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch.testing import assert_close
from transformers import PreTrainedTokenizerBase
from transformers.utils.logging import is_progress_bar_enabled

from tests.tiny import FAMILIES, block_of, in_training, network_of, with_dropout
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.sampling import denoise_with, draw_noise, walk
from textseg.errors import Cancelled, InvalidInputError
from textseg.picturebook import weights_folder
from textseg.progress import CancelToken
from textseg.registry.captioners import load_captioner
from textseg.registry.families import wrap_family
from textseg.registry.models import load_model, models
from textseg.scene import Scene
from textseg.testing import GaussianModel, check_model

PROMPTS = ["", "a red tree", "house"]


@pytest.fixture(params=["gaussian", *FAMILIES, *(info.name for info in models())])
def model(request: pytest.FixtureRequest, tiny_models) -> DiffusionModel:
    if request.param == "gaussian":
        return GaussianModel(rate=0.2)
    return tiny_models.get(request.param) or load_model(request.param, device="cpu")


def latents_of(model: DiffusionModel, rows: int, *, seed: int = 0) -> torch.Tensor:
    side = model.size_multiple // model.latent_stride
    return draw_noise((rows, model.latent_channels, 2 * side, 3 * side), seed=seed)


def middle(model: DiffusionModel) -> float:
    return sum(model.sigma_range) / 2


@torch.no_grad()
def test_a_model_keeps_the_contract(model: DiffusionModel) -> None:
    check_model(model)


@torch.no_grad()
def test_predictions_add_up_to_what_was_asked(model: DiffusionModel) -> None:
    low, high = model.sigma_range
    text = model.embed_text(PROMPTS)
    z = latents_of(model, 3)
    for sigma in (max(low, 0.01), middle(model), high):
        found = model.predict(z, sigma, text)
        scale = found.x0.abs().max().item()
        assert_close((1 - sigma) * found.x0 + sigma * found.eps, z, rtol=0, atol=1e-5 * (1 + scale))
        assert_close(found.velocity, found.eps - found.x0, rtol=1e-4, atol=1e-5 * (1 + scale))


@torch.no_grad()
def test_a_batch_gives_what_single_questions_give(model: DiffusionModel) -> None:
    text, z = model.embed_text(PROMPTS), latents_of(model, 3)
    together = model.predict(z, middle(model), text)
    for row, prompt in enumerate(PROMPTS):
        alone = model.predict(z[row : row + 1], middle(model), model.embed_text([prompt]))
        assert_close(alone.velocity, together.velocity[row : row + 1], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_level_for_each_row_gives_what_one_call_per_level_gives(model: DiffusionModel) -> None:
    low, high = model.sigma_range
    levels = torch.tensor([high, 0.8 * low + 0.2 * high, middle(model)])
    text, z = model.embed_text(PROMPTS), latents_of(model, 3)
    together = model.predict(z, levels, text)
    for row, sigma in enumerate(levels.tolist()):
        alone = model.predict(z[[row]], sigma, text[row])
        for name in ("x0", "eps", "velocity"):
            found, expected = getattr(together, name)[[row]], getattr(alone, name)
            assert_close(found, expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_levels_that_are_not_one_for_each_row_are_refused(model: DiffusionModel) -> None:
    text, z = model.embed_text(PROMPTS), latents_of(model, 3)
    for shape in ((), (1,), (2,), (3, 1)):
        with pytest.raises(InvalidInputError, match="3 rows of z"):
            model.predict(z, torch.full(shape, middle(model)), text)


@torch.no_grad()
def test_pictures_of_a_batch_do_not_see_each_other(model: DiffusionModel) -> None:
    side = model.size_multiple
    images = draw_noise((2, 3, 2 * side, 3 * side), seed=0).sigmoid()
    latents = model.encode_image(images)
    assert_close(model.encode_image(images[1:]), latents[1:], rtol=1e-4, atol=1e-5)
    assert_close(
        model.decode_latents(latents[1:]), model.decode_latents(latents)[1:], rtol=1e-4, atol=1e-5
    )


@torch.no_grad()
def test_the_same_seed_walks_to_the_same_picture(model: DiffusionModel) -> None:
    levels = model.levels(3)
    text = model.embed_text(["a red tree"])

    def sample(seed: int) -> torch.Tensor:
        z = model.prior(latents_of(model, 1, seed=seed), levels[0])
        *_, last = walk(denoise_with(model, text), z, levels)
        return model.decode_latents(last.z)

    assert_close(sample(5), sample(5), rtol=0, atol=0)
    assert not torch.equal(sample(5), sample(6))


@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (3, 2), (2, 5)])
@torch.no_grad()
def test_sizes_come_back_in_both_orientations(
    model: DiffusionModel, rows: int, columns: int
) -> None:
    height, width = rows * model.size_multiple, columns * model.size_multiple
    image = draw_noise((1, 3, height, width), seed=0).sigmoid()
    latents = model.encode_image(image)
    stride = model.latent_stride
    assert latents.shape == (1, model.latent_channels, height // stride, width // stride)
    found = model.predict(latents, middle(model), model.embed_text([""]))
    assert found.x0.shape == latents.shape
    decoded = model.decode_latents(found.x0)
    assert decoded.shape == image.shape
    assert decoded.min() >= 0
    assert decoded.max() <= 1


@torch.no_grad()
def test_the_prompt_matters(model: DiffusionModel) -> None:
    text, z = model.embed_text(["", "a red tree"]), latents_of(model, 1).expand(2, -1, -1, -1)
    empty, tree = model.predict(z, middle(model), text).eps
    assert not torch.equal(empty, tree)


@torch.no_grad()
def test_noise_is_scaled_as_the_level_mixes_it(model: DiffusionModel) -> None:
    """At the top, what is left of a picture is less than the model can tell from noise."""
    noise = latents_of(model, 1)
    high = model.sigma_range[1]
    assert_close(model.prior(noise), model.prior(noise, high), rtol=0, atol=0)
    assert high <= (model.prior(noise) / noise).mean() <= 1


# ---------------------------------------------------------------- left as it was found


def fingerprint(pipeline: Any) -> dict[str, Any]:
    """Everything in a pipeline, and around it, that a careless user of it could change."""
    found = {
        "around": around(),
        "pipeline": {name: id(value) for name, value in vars(pipeline).items()},
        "scheduler": trace(vars(pipeline.scheduler)),
    }
    for name, part in pipeline.components.items():
        if isinstance(part, torch.nn.Module):
            found |= traces(part, name)
        elif isinstance(part, PreTrainedTokenizerBase):
            found[name] = (repr(part), part.get_vocab())  # each call sets its padding anew
    return found


def around() -> dict[str, Any]:
    """What torch, numpy and Python keep for everybody."""
    return {
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "precision": (torch.get_default_dtype(), torch.get_float32_matmul_precision()),
        "device": torch.get_default_device(),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "generators": [
            hashlib.sha256(state).hexdigest()
            for state in (
                torch.random.get_rng_state().numpy().tobytes(),
                repr(np.random.get_state()).encode(),
                repr(random.getstate()).encode(),
            )
        ],
        "bars": is_progress_bar_enabled(),
    }


def traces(network: torch.nn.Module, name: str) -> dict[str, Any]:
    """What each module of a network holds: mode, hooks, processors, settings, weights."""
    found: dict[str, Any] = {}
    for path, module in network.named_modules():
        for key, value in vars(module).items():
            found[f"{name}.{path}.{key}"] = trace(value)
    return found


def trace(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        content = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        facts = (value.dtype, value.device, value.requires_grad, value.grad is None)
        return (id(value), facts, hashlib.sha256(content).hexdigest())
    if isinstance(value, Mapping):  # of parameters, modules, hooks, settings
        return {key: trace(item) for key, item in value.items()}
    if isinstance(value, torch.nn.Module):
        return id(value)  # what it holds has entries of its own
    return (id(value), repr(value)) if hasattr(value, "__dict__") else repr(value)


def settled(pipeline: Any) -> Any:
    """A pipeline that has read a text: at the first one transformers sets up hooks of its own."""
    wrap_family(pipeline).embed_text(["tree"])
    return pipeline


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_pipeline_is_bit_identical_after_use(family: str) -> None:
    pipeline = settled(FAMILIES[family]())
    before = fingerprint(pipeline)
    model = wrap_family(pipeline)
    check_model(model)
    list(walk(denoise_with(model, model.embed_text(["tree"])), latents_of(model, 1), (0.9, 0.5)))
    assert fingerprint(pipeline) == before


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_pipeline_is_bit_identical_after_an_error(family: str) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("half way")

    pipeline = settled(FAMILIES[family]())
    model = wrap_family(pipeline)
    text = model.embed_text(["tree"])
    for network in (network_of(pipeline), pipeline.vae.encoder, pipeline.vae.decoder):
        block_of(network).register_forward_pre_hook(fail)
    before = fingerprint(pipeline)
    for ask in (
        lambda: model.predict(latents_of(model, 1), middle(model), text),
        lambda: model.encode_image(torch.zeros(2, 3, 8, 8)),
        lambda: model.decode_latents(latents_of(model, 2)),
    ):
        with pytest.raises(RuntimeError, match="half way"):
            ask()
    assert fingerprint(pipeline) == before


RGB = np.random.default_rng(0).random((20, 28, 3), np.float32)
MASK = np.pad(np.ones((8, 12), bool), ((4, 8), (6, 10)))


def segment(model: Any, **options: Any) -> None:
    Scene.open(RGB, model).segment("tree", draws=2, **options)


def edit(model: Any, **options: Any) -> None:
    scene = Scene.open(RGB, model)
    scene.edit("tree", "house", mask=MASK, source="tree", steps=2, attempts=1, **options)


def generate(model: Any, **options: Any) -> None:
    multiple = load_model(model).size_multiple
    Scene.generate("tree", model, steps=2, size=(multiple, 2 * multiple), **options)


@pytest.fixture(scope="module", params=[*FAMILIES, "picturebook"])
def handed_over(request: pytest.FixtureRequest) -> Any:
    """A pipeline of each kind, right after it was trained, but for one frozen block."""
    if request.param in FAMILIES:
        pipeline = FAMILIES[request.param]()
    else:
        pipeline = StableDiffusionPipeline.from_pretrained(
            weights_folder(), safety_checker=None, local_files_only=True, dtype=torch.float32
        )
    network = network_of(in_training(settled(pipeline)))
    block_of(network).eval().requires_grad_(False)
    return pipeline


@pytest.mark.parametrize("work", [segment, edit, generate])
def test_a_model_is_left_as_it_was_found(handed_over: Any, work: Callable[..., None]) -> None:
    """And in its own mode already whenever somebody else can look at it."""
    before, training = fingerprint(handed_over), list[bool]()
    work(handed_over, progress=lambda _: training.append(network_of(handed_over).training))
    assert set(training) == {True}
    assert fingerprint(handed_over) == before


@pytest.mark.parametrize("work", [segment, edit, generate])
def test_a_model_is_left_as_it_was_found_after_an_error(
    handed_over: Any, work: Callable[..., None]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("half way")

    before = fingerprint(handed_over)
    hook = block_of(network_of(handed_over)).register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="half way"):
        work(handed_over)
    hook.remove()
    assert fingerprint(handed_over) == before


@pytest.mark.parametrize("work", [segment, edit, generate])
def test_a_model_is_left_as_it_was_found_after_a_cancel(
    handed_over: Any, work: Callable[..., None]
) -> None:
    token, before = CancelToken(), fingerprint(handed_over)
    with pytest.raises(Cancelled):
        work(handed_over, cancel=token, progress=lambda _: token.cancel())
    assert fingerprint(handed_over) == before


@pytest.fixture(scope="module")
def captioner() -> Any:
    """A captioner right after it was trained."""
    with torch.random.fork_rng(devices=[]):
        found = load_captioner(device="cpu")
    model = with_dropout(copy.deepcopy(found.model)).train()
    return dataclasses.replace(found, model=model)


def test_a_captioner_is_left_as_it_was_found(captioner: Any) -> None:
    picture = np.random.default_rng(0).random((20, 28, 3), np.float32)
    captioner.caption(picture)  # at the first one transformers sets up hooks of its own
    before = around(), traces(captioner.model, "captioner")
    Scene.open(picture, GaussianModel(), captioner=captioner).caption()
    assert (around(), traces(captioner.model, "captioner")) == before


def test_a_captioner_is_left_as_it_was_found_after_an_error(captioner: Any) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("half way")

    scene = Scene.open(RGB, GaussianModel(), captioner=captioner)
    before = around(), traces(captioner.model, "captioner")
    hook = captioner.model.text_decoder.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="half way"):
        scene.caption()
    hook.remove()
    assert (around(), traces(captioner.model, "captioner")) == before


class Wavering(GaussianModel):
    """Answers a little differently each time, as with dropout."""

    def predict(self, z: torch.Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        answer = super().predict(z, sigma, text)
        return dataclasses.replace(answer, velocity=torch.nn.functional.dropout(answer.velocity))


def test_a_model_that_answers_differently_each_time_breaks_the_contract() -> None:
    with torch.random.fork_rng(devices=[]), pytest.raises(AssertionError, match="each time"):
        check_model(Wavering())


def test_a_model_that_draws_from_the_global_generator_breaks_the_contract() -> None:
    class Drawing(GaussianModel):
        def encode_image(self, image: torch.Tensor) -> torch.Tensor:
            torch.rand(1)
            return super().encode_image(image)

    with torch.random.fork_rng(devices=[]), pytest.raises(AssertionError, match="generator"):
        check_model(Drawing())
