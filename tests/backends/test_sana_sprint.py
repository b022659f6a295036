from __future__ import annotations

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from tests.tiny_families_2 import build_sprint
from textseg.backends.sana_sprint import SanaSprint
from textseg.diffusion.guidance import TOLD
from textseg.diffusion.sampling import draw_noise, guided, last, walk
from textseg.errors import UnsupportedError

SIZES = [(24, 40), (36, 20)]  # 6 x 10 and 9 x 5 cells


def relative(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def asked(size: tuple[int, int], steps: int) -> dict[str, object]:
    return {
        "prompt": "a red tree",
        "height": size[0],
        "width": size[1],
        "num_inference_steps": steps,
        "intermediate_timesteps": 1.3 if steps == 2 else None,
        "guidance_scale": 4.0,
        "use_resolution_binning": False,
        "output_type": "latent",
        "generator": torch.Generator().manual_seed(1),
    }


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("size", SIZES)
@torch.no_grad()
def test_every_call_is_the_pipelines(size: tuple[int, int], steps: int) -> None:
    """Its steps are not: it draws new noise at each."""
    pipeline = build_sprint()
    pipeline.check_inputs = lambda **_: None  # sides that divide by 32
    model = SanaSprint.wrap(pipeline)
    text = model.embed_text(["a red tree", ""])
    denoise = guided(model, text[0], text[1], scale=4.0)
    levels = model.levels(steps)
    errors, step, half = [], pipeline.scheduler.step, pipeline.scheduler.config.sigma_data

    def recording(answer: Tensor, angle: Tensor, state: Tensor, **options: object) -> object:
        t = angle[0].double()
        z = state / half / (t.cos() + t.sin())
        x0 = (t.cos() * state - t.sin() * answer) / half
        found = denoise(z.float(), levels[len(errors)])
        errors.append(relative(found.x0, x0))
        return step(answer, angle, state, **options)

    pipeline.scheduler.step = recording
    noise = draw_noise((1, 4, size[0] // 4, size[1] // 4), seed=3)
    made = pipeline(**asked(size, steps), latents=noise).images
    assert len(errors) == steps == len(levels) - 1
    assert max(errors) < 2e-5
    if steps == 1:
        ours = last(walk(denoise, model.prior(noise), levels), noise)
        assert relative(ours, made) < 2e-5


def test_levels_are_those_of_its_angles(tiny_models) -> None:
    model = tiny_models["sana_sprint"]
    two = (1.0, pytest.approx(0.7827, abs=1e-4), 0.0)
    assert model.levels(2) == two
    assert model.levels(4) == pytest.approx((1.0, 0.7071, 0.5, 0.2929, 0.0), abs=1e-4)
    assert (model.card.sampling.steps, model.card.sampling.guidance) == (2, 4.5)


@torch.no_grad()
def test_the_network_is_told_a_guidance_that_it_knows(tiny_models) -> None:
    text = tiny_models["sana_sprint"].embed_text(["tree", ""])
    assert text.further[TOLD].tolist() == [4.5, 4.5]


def test_other_schedulers_are_refused() -> None:
    pipeline = build_sprint()
    pipeline.scheduler = FlowMatchEulerDiscreteScheduler()
    with pytest.raises(UnsupportedError, match="no levels for FlowMatchEuler"):
        SanaSprint.wrap(pipeline)
