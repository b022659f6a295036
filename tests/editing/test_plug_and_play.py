"""What the network computes of the picture is given to the target."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import Attention, AttnProcessor
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import Exact, bench, method_with
from tests.joint import Joint
from tests.tiny import build_sd, build_xl
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.counting import Counter
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import denoise_with
from textseg.editing.base import EditMethod, edit_levels
from textseg.errors import UnsupportedError
from textseg.registry.models import load_model
from textseg.testing import GaussianModel

WORDS = {"source": "a red house", "target": "a big red boat"}
BLOCK = "up_blocks.0.resnets.1"  # of the four on the way up
LAYER = "up_blocks.0.attentions.1.transformer_blocks.0.attn1"  # the second on the way up


@pytest.fixture(params=["sd", "xl", "picturebook"])
def model(request: pytest.FixtureRequest) -> DiffusionModel:
    if request.param == "picturebook":
        return load_model("picturebook", device="cpu")
    return wrap_pipeline(build_sd() if request.param == "sd" else build_xl())


def pnp(**options: object) -> EditMethod:
    return method_with("plug_and_play", **options)


class TakenOver(AttnProcessor):
    """Queries and keys of all rows are those of the first: the source's."""

    def __call__(self, attn: Attention, hidden_states: Tensor, *_: object, **__: object) -> Tensor:
        q, k = (to(hidden_states[:1]).expand_as(hidden_states) for to in (attn.to_q, attn.to_k))
        q, k, v = (attn.head_to_batch_dim(each) for each in (q, k, attn.to_v(hidden_states)))
        mixed = attn.batch_to_head_dim(attn.get_attention_scores(q, k) @ v)
        return attn.to_out[0](mixed)


def with_control(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """A UNet changed as the authors' code changes it."""
    unet = copy.deepcopy(unet)
    unet.set_attn_processor({
        name: TakenOver() if name.startswith(LAYER) else AttnProcessor()
        for name in unet.attn_processors
    })  # fmt: skip
    unet.get_submodule(f"{BLOCK}.conv2").register_forward_hook(
        lambda module, given, answer: answer[:1].expand_as(answer)
    )
    return unet


@torch.no_grad()
def test_a_step_is_that_of_the_authors_algorithm() -> None:
    """In their coordinates, with rows in their order: picture, negative, target."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline), **WORDS)
    first, path = table.steps(pnp(), table.everything)[0], table.made[0]
    scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(4)
    (start, reached), t = (
        [1 / math.hypot(1 - sigma, sigma) for sigma in path.levels[:2]],  # x_t / z
        scheduler.timesteps[0],
    )
    x = path.states[0] * start
    texts = torch.cat([table.text(prompt).embeddings for prompt in ("", "", table.target)])
    _, away, towards = with_control(pipeline.unet)(x.repeat(3, 1, 1, 1), t, texts).sample.chunk(3)
    x = scheduler.step(away + 3.0 * (towards - away), t, x).prev_sample
    assert_close(first.z, x / reached, rtol=1e-4, atol=1e-4)


def test_without_control_it_is_guided_sampling_from_the_inverted_picture(
    model: DiffusionModel,
) -> None:
    table = bench(model, **WORDS)
    method = pnp(attention_share=0.0, feature_share=0.0)
    found = table.run(method, table.everything)
    expected = table.sampled(table.made[0].states[0], edit_levels(model, method, table.latents))
    assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(table.run(pnp(), table.everything), found, atol=1e-3)


def test_asking_for_what_is_there_steps_as_without_control(model: DiffusionModel) -> None:
    """From the same place with the same words, target and source are the same."""
    table = bench(model, source="a red house", target="a red house")
    method = pnp(guidance=1.0, inversion_prompt="source")
    first = table.steps(method, table.everything)[0]
    (path,) = table.made
    with torch.no_grad():
        found = denoise_with(model, table.text("a red house"))(path.states[0], path.levels[0])
    expected = path.states[0] + (path.levels[1] - path.levels[0]) * found.velocity
    assert_close(first.z, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("share", ["attention_share", "feature_share"])
def test_control_ends_after_its_share_of_the_steps(share: str) -> None:
    model = wrap_pipeline(build_sd())

    def states(made: float) -> list[Tensor]:
        shares = {"attention_share": 0.0, "feature_share": 0.0, share: made}
        table = bench(model, **WORDS)
        return [step.z for step in table.steps(pnp(**shares), table.everything)]

    half, whole = states(0.5), states(1)
    for k in range(4):
        assert torch.equal(half[k], whole[k]) == (k < 2)


def test_each_step_asks_for_three_rows() -> None:
    counter = Counter(wrap_pipeline(build_sd()))
    table = bench(counter.as_model, **WORDS)
    table.run(pnp(inversion_solver="euler"), table.everything)
    assert counter.rows == 4 + 3 * 4


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (GaussianModel(), "attention of the model 'gaussian'"),
        (Joint(), "'sd3' has no residual blocks"),
    ],
)
def test_other_models_are_refused_before_the_inversion(model: DiffusionModel, match: str) -> None:
    table = bench(model)
    with pytest.raises(UnsupportedError, match=match):
        table.run(pnp(), table.everything)
    assert table.made == []


def test_a_model_without_attentions_and_blocks_is_sampled() -> None:
    table = bench(Exact(rate=0.3))
    found = table.run(pnp(), table.everything)
    levels = edit_levels(table.model, pnp(), table.latents)
    assert_close(found, table.sampled(table.made[0].states[0], levels), rtol=0, atol=1e-6)
