"""What every model promises, whatever is behind it."""

from __future__ import annotations

import hashlib

import pytest
import torch
from torch.testing import assert_close

from tests.tiny import FAMILIES
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import conditioned, draw_noise, walk
from textseg.errors import InvalidInputError
from textseg.registry import load_model, models
from textseg.testing import GaussianModel, check_model

OWN_NOTE = "_output_capturing_hooks_installed"
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
        *_, last = walk(conditioned(model, text), z, levels)
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


def fingerprint(pipeline) -> str:
    """Everything in a pipeline that a careless user of it could change."""
    digest = hashlib.sha256(torch.random.get_rng_state().numpy().tobytes())
    for name, part in sorted(pipeline.components.items()):
        digest.update(name.encode())
        if isinstance(part, torch.nn.Module):
            digest.update(weights_and_settings(part))
    scheduler = pipeline.scheduler
    digest.update(repr((scheduler.config, scheduler.timesteps.tolist())).encode())
    return digest.hexdigest()


def weights_and_settings(network: torch.nn.Module) -> bytes:
    plain = {
        name: value
        for name, value in vars(network).items()
        # transformers notes there, at the first use, that it has set up its own hidden states
        if isinstance(value, bool | int | float | str) and name != OWN_NOTE
    }
    settings = [network.config, sorted(plain.items()), network.forward.__func__]
    settings += [len(network._forward_hooks), [w.requires_grad for w in network.parameters()]]
    weights = (
        key.encode() + str(value.dtype).encode() + value.numpy().tobytes()
        for key, value in network.state_dict().items()
    )
    return repr(settings).encode() + b"".join(weights)


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_pipeline_is_bit_identical_after_use(family: str) -> None:
    pipeline = FAMILIES[family]()
    before = fingerprint(pipeline)
    model = wrap_pipeline(pipeline)
    check_model(model)
    list(walk(conditioned(model, model.embed_text(["tree"])), latents_of(model, 1), (0.9, 0.5)))
    assert fingerprint(pipeline) == before


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_a_pipeline_is_bit_identical_after_an_error(family: str) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("half way")

    pipeline = FAMILIES[family]()
    model = wrap_pipeline(pipeline)
    text = model.embed_text(["tree"])
    for network in (pipeline.unet, pipeline.vae.encoder, pipeline.vae.decoder):
        network.mid_block.register_forward_pre_hook(fail)
    before = fingerprint(pipeline)
    for ask in (
        lambda: model.predict(latents_of(model, 1), middle(model), text),
        lambda: model.encode_image(torch.zeros(2, 3, 8, 8)),
        lambda: model.decode_latents(latents_of(model, 2)),
    ):
        with pytest.raises(RuntimeError, match="half way"):
            ask()
    assert fingerprint(pipeline) == before
