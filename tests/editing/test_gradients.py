"""Edit methods that ask the model for gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
import torch
from torch.testing import assert_close

from tests.editing.helpers import Bench, bench
from tests.tiny import build_sd
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.model import DiffusionModel, Unclamped
from textseg.diffusion.sampling import Step, denoise_with, draw_noise
from textseg.editing.apply import FollowWalk, Latents, Paths, Words, edited_latents
from textseg.editing.base import Differentiating, EditMethod, Source
from textseg.testing import GaussianModel


@dataclass(frozen=True)
class Brighten:
    """One step up the slope of the brightness of the decoded estimate."""

    title: ClassVar[str] = "brighten"
    paper: ClassVar[str] = "none"
    needs_gradients: ClassVar[Literal[True]] = True

    strength: float = 1.0
    steps: int = 2
    guidance: float = 1.0

    def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
        path = source.invert(model.levels(self.steps), solver="euler", prompt="empty")
        assert not any(state.requires_grad for state in path.states)
        z = source.latents.clone().requires_grad_()
        found = denoise_with(model, source.target)(z, 0.5)
        (slope,) = torch.autograd.grad(model.decode_unclamped(found.x0).sum(), [z])
        yield Step(0, 1, 0.0, z + slope, found)


def result(table: Bench, method: EditMethod) -> Latents:
    words = Words(*(table.text(prompt) for prompt in ("tree", "house", "", "")))
    mask, paths = table.everything, Paths(table.latents)
    return edited_latents(
        table.model, paths, mask, method=method, words=words, seed=0, follow=FollowWalk()
    )


@pytest.mark.parametrize("model", [GaussianModel(rate=0.3), wrap_pipeline(build_sd())])
def test_a_method_that_says_so_may_take_gradients(model: DiffusionModel) -> None:
    assert isinstance(Brighten(), Differentiating)
    table = bench(model)
    found = result(table, Brighten()).z
    assert not found.requires_grad
    assert not torch.equal(found, table.latents)


def test_no_method_of_the_package_takes_them_unasked() -> None:
    @dataclass(frozen=True)
    class Plain:
        title: ClassVar[str] = "plain"
        paper: ClassVar[str] = "none"
        strength: float = 1.0
        steps: int = 2
        guidance: float = 1.0

        def run(self, model: DiffusionModel, source: Source) -> Iterator[Step]:
            assert not torch.is_grad_enabled()
            found = denoise_with(model, source.target)(source.latents, 0.5)
            yield Step(0, 1, 0.0, found.x0, found)

    result(bench(GaussianModel()), Plain())


@pytest.mark.parametrize("model", [GaussianModel(), wrap_pipeline(build_sd())])
def test_gradients_come_from_what_is_clamped_too(model: DiffusionModel) -> None:
    assert isinstance(model, Unclamped)
    latents = 50 * draw_noise((1, model.latent_channels, 8, 12), seed=0)
    outside = model.decode_unclamped(latents)
    assert ((outside < 0) | (outside > 1)).any()
    assert_close(outside.clamp(0, 1), model.decode_latents(latents))

    def slope(pixels: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        far = (outside < 0) | (outside > 1)
        return torch.autograd.grad(pixels[far].sum(), [z])[0]

    z = latents.clone().requires_grad_()
    assert not slope(model.decode_latents(z), z).any()
    assert slope(model.decode_unclamped(z), z).any()
