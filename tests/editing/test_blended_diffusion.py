"""A CLIP model leads the sampler inside the mask, and ranks its samples."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import CLIP, Bench, bench, method_with
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.sampling import draw_noise
from textseg.editing.base import EditMethod
from textseg.editing.views import warped_views
from textseg.errors import ModelError, UnsupportedError
from textseg.matching import load_matcher, spherical_distance
from textseg.picturebook import weights_folder
from textseg.registry.models import load_model

JUDGE = str(CLIP["clip"])


def blended(**options: object) -> EditMethod:
    return method_with("blended_diffusion", **options)


def distance(table: Bench, z: Tensor, text: str) -> float:
    """Of the decoded picture as it is ranked: whole, squeezed into a square."""
    clip = load_matcher(JUDGE, "cpu")
    with torch.no_grad():
        pixels = table.model.decode_latents(z)
        seen = torch.nn.functional.adaptive_avg_pool2d(pixels, clip.side)
        return spherical_distance(clip.look(seen), clip.read(text)).item()


@pytest.mark.parametrize("scale", [0.0, 1000.0])
def test_a_step_is_that_of_the_authors_code(scale: float) -> None:
    """In their coordinates: the mean of DDPM plus its variance times the gradient, plus noise."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline), target="house")
    options = {"clip_scale": scale, "range_scale": 50.0, "samples": 1, "views": 1, "guidance": 0.0}
    method = blended(steps=4, strength=1.0, **options)
    first, second = table.steps(method, table.everything)[:2]
    bars = pipeline.scheduler.alphas_cumprod
    bar, before = (1 / (1 + (s / (1 - s)) ** 2) for s in (first.sigma, second.sigma))
    t = (bars - bar).abs().argmin()
    clip = load_matcher(JUDGE, "cpu")
    x = (first.z * bar**0.5 / (1 - first.sigma)).requires_grad_()
    empty = table.text("").embeddings
    eps = pipeline.unet(x, t, empty).sample
    x0 = (x - (1 - bar) ** 0.5 * eps) / bar**0.5
    picture = pipeline.vae.decode(x0 / pipeline.vae.config.scaling_factor).sample
    small = torch.nn.functional.adaptive_avg_pool2d(picture, clip.side)
    far = spherical_distance(clip.look((small + 1) / 2), clip.read("house")).sum()
    beyond = (picture - picture.clamp(-1, 1)).square().mean([1, 2, 3]).sum()
    (slope,) = torch.autograd.grad(scale * far + 50 * beyond, [x])
    alpha = bar / before
    variance = (1 - before) / (1 - bar) * (1 - alpha)
    mean = before**0.5 * (1 - alpha) * x0 + alpha**0.5 * (1 - before) * x
    noise = table.source_with(table.everything).noise(5 + 1)
    expected = mean / (1 - bar) - variance * slope + variance**0.5 * noise
    assert_close(
        second.z, expected.detach() * (1 - second.sigma) / before**0.5, rtol=1e-4, atol=1e-4
    )
    assert slope.abs().max() > 1e-4


def test_being_led_brings_the_picture_nearer_to_the_text() -> None:
    table = bench(load_model("picturebook", device="cpu"), cells=(4, 8), target="a red boat")
    free, led = (
        table.run(blended(clip_scale=scale, samples=1, steps=8), table.everything)
        for scale in (0.0, 30.0)
    )
    assert distance(table, led, "a red boat") < distance(table, free, "a red boat")


def test_of_several_samples_the_nearest_is_kept() -> None:
    table = bench(load_model("picturebook", device="cpu"), cells=(4, 8), target="a red boat")
    one = table.run(blended(samples=1), table.everything)
    steps = table.steps(blended(samples=4), table.everything)
    assert [len(step.z) for step in steps] == [4] * (len(steps) - 1) + [1]
    found = distance(table, steps[-1].z, "a red boat")
    assert found <= distance(table, one, "a red boat")


def test_only_what_is_inside_the_mask_is_looked_at() -> None:
    """With nothing inside there is no gradient, however large the scale."""
    table = bench(load_model("picturebook", device="cpu"), cells=(4, 8))
    found = (
        table.steps(blended(clip_scale=scale, range_scale=0.0), table.nothing)[0].prediction
        for scale in (0.0, 1e6)
    )
    assert_close(*(each.x0 for each in found), rtol=0, atol=0)


def test_views_are_the_picture_and_warps_of_it() -> None:
    picture = draw_noise((1, 3, 40, 56), seed=0)
    views = warped_views(picture, 200, side=16, seed=3)
    small = torch.nn.functional.adaptive_avg_pool2d(picture, 16)
    assert torch.equal(views[:1], small)
    same = sum(torch.allclose(view, small[0], atol=1e-4) for view in views[1:])
    assert 5 <= same <= 35  # .3 * .3 of them are neither turned nor seen askew
    assert torch.equal(views, warped_views(picture, 200, side=16, seed=3))
    assert not torch.equal(views, warped_views(picture, 200, side=16, seed=4))


def test_warps_keep_most_of_the_picture_in_view() -> None:
    views = warped_views(torch.ones(1, 1, 30, 20), 100, side=24, seed=0)
    shares = views.mean((1, 2, 3))
    assert shares.max() <= 1 + 1e-5
    assert 0.3 < shares.median() < 0.6  # corners are pulled in by .35 of a half side on average


def test_a_model_that_is_not_here_is_not_downloaded() -> None:
    table = bench(load_model("picturebook", device="cpu"), cells=(4, 8))
    with pytest.raises(ModelError, match="not on this machine") as caught:
        table.run(blended(clip="nobody/no-such-clip"), table.everything)
    assert "hf download nobody/no-such-clip" in str(caught.value)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    table = bench(load_model("picturebook", device="cpu"), cells=(4, 8))
    with pytest.raises(UnsupportedError, match="nameless model, not CLIP"):
        table.run(blended(clip=str(tmp_path)), table.everything)
    captioner = weights_folder().parent / "captioner_weights"
    with pytest.raises(UnsupportedError, match="blip model, not CLIP"):
        table.run(blended(clip=str(captioner)), table.everything)
