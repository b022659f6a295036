from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from textseg.diffusion.guidance import ClassifierFree, Scale, extrapolated
from textseg.diffusion.model import Conditioning, DiffusionModel, Levels, Prediction
from textseg.diffusion.sampling import denoise_with, draw_noise, guided
from textseg.diffusion.solvers import Denoiser
from textseg.scene import Scene
from textseg.testing import GaussianModel

Z = draw_noise((2, 3, 8, 12), seed=0)


def length_kept(away: Tensor, towards: Tensor, scale: Scale) -> Tensor:
    """As Qwen-Image: every token of 2 x 2 cells has the length that it has without guidance."""
    mixed = extrapolated(away, towards, scale)
    kept, found = (
        torch.nn.functional.pixel_unshuffle(each, 2).norm(dim=1) for each in (towards, mixed)
    )
    return mixed * (kept / found).repeat_interleave(2, -1).repeat_interleave(2, -2)[:, None]


class Keeping(GaussianModel):
    guide = ClassifierFree(length_kept)


def told(
    model: DiffusionModel, text: Conditioning, reference: Conditioning, *, scale: Scale
) -> Denoiser:
    """As FLUX.1-dev: the network reads the scale, and is asked once."""
    scales = torch.as_tensor(scale, dtype=torch.float32).expand(len(text))
    return denoise_with(model, replace(text, further={**text.further, "scale": scales}))


class Distilled(GaussianModel):
    """Answers to a scale that it is told with what classifier-free guidance would give."""

    rows = 0
    guide = staticmethod(told)

    def predict(self, z: Tensor, sigma: Levels, text: Conditioning) -> Prediction:
        type(self).rows += len(z)
        teacher = GaussianModel(rate=self.rate)
        read, empty = (teacher.embed_text(prompts) for prompts in (text.prompts, [""] * len(z)))
        scales = text.further.get("scale", torch.ones(len(z)))
        away, towards = (teacher.predict(z, sigma, each).velocity for each in (empty, read))
        return Prediction.from_velocity(z, sigma, extrapolated(away, towards, scales))


def texts_of(model: DiffusionModel) -> tuple[Conditioning, Conditioning]:
    return model.embed_text(["tree", "house"]), model.embed_text([""])


def test_a_model_with_a_rule_of_its_own_is_guided_by_it() -> None:
    model = Keeping(rate=0.2)
    text, reference = texts_of(model)
    found = guided(model, text, reference, scale=4.0)(Z, 0.5).velocity
    plain = guided(GaussianModel(rate=0.2), text, reference, scale=4.0)(Z, 0.5).velocity
    unguided = denoise_with(model, text)(Z, 0.5).velocity
    tokens = [torch.nn.functional.pixel_unshuffle(v, 2) for v in (found, plain, unguided)]
    assert_close(tokens[0].norm(dim=1), tokens[2].norm(dim=1))
    assert (tokens[1].norm(dim=1) - tokens[2].norm(dim=1)).abs().max() > 0.1
    assert_close(torch.cosine_similarity(tokens[0], tokens[1], dim=1), torch.ones(2, 4, 6))


def test_a_model_that_is_told_the_scale_is_asked_once() -> None:
    model = Distilled(rate=0.2)
    text, reference = texts_of(model)
    Distilled.rows = 0
    found = guided(model, text, reference, scale=4.0)(Z, 0.5).velocity
    assert Distilled.rows == len(Z)
    expected = guided(GaussianModel(rate=0.2), text, reference, scale=4.0)(Z, 0.5).velocity
    assert_close(found, expected)


@pytest.mark.parametrize("model", [Keeping(rate=0.2), Distilled(rate=0.2)])
def test_scale_one_is_without_guidance_whatever_the_models_way(model: GaussianModel) -> None:
    text, reference = texts_of(model)
    found = guided(model, text, reference, scale=1)(Z, 0.5).velocity
    assert_close(found, GaussianModel(rate=0.2).predict(Z, 0.5, text).velocity)


@pytest.mark.parametrize("kind", [GaussianModel, Keeping, Distilled])
def test_each_prompt_may_have_a_scale_of_its_own(kind: type[GaussianModel]) -> None:
    model = kind(rate=0.2)
    text, reference = texts_of(model)
    found = guided(model, text, reference, scale=torch.tensor([4.0, 1.0]))(Z, 0.5).velocity
    for row, scale in enumerate((4.0, 1.0)):
        alone = guided(model, text[row : row + 1], reference, scale=scale)
        assert_close(found[row : row + 1], alone(Z[row : row + 1], 0.5).velocity)


def test_pictures_are_made_the_models_own_way() -> None:
    """The stand-in that counts what a network does has the model's way as well."""
    asked = [
        Scene.generate("a tree", kind(rate=0.2), size=(16, 24), steps=2, guidance=4.0).made
        for kind in (Distilled, GaussianModel)
    ]
    assert [made.evaluations for made in asked if made] == [3, 6]  # by the midpoint rule
