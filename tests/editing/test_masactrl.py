"""The target looks at the cells of the picture."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.models.attention_processor import Attention, AttnProcessor
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import bench, method_with
from tests.joint import Joint, TextFirst
from tests.tiny import build_sd, build_xl
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.attention import Attention as Call
from textseg.diffusion.attention import attending
from textseg.diffusion.counting import Counter
from textseg.diffusion.model import DiffusionModel
from textseg.diffusion.sampling import denoise_with, draw_noise
from textseg.editing.base import EditMethod, edit_levels
from textseg.editing.masactrl import mutual
from textseg.errors import UnsupportedError
from textseg.registry.models import load_model
from textseg.testing import GaussianModel

WORDS = {"source": "a red house", "target": "a big red house"}


@pytest.fixture(params=["sd", "xl", "picturebook", "joint", "flux"])
def model(request: pytest.FixtureRequest) -> DiffusionModel:
    if request.param == "picturebook":
        return load_model("picturebook", device="cpu")
    if request.param in ("joint", "flux"):
        return Joint() if request.param == "joint" else TextFirst()
    return wrap_pipeline(build_sd() if request.param == "sd" else build_xl())


def masactrl(**options: object) -> EditMethod:
    return method_with("masactrl", **{"first_step": 0.0, **options})


class Mutual(AttnProcessor):
    """Keys and values of all rows are those of the first: the source's."""

    def __call__(self, attn: Attention, hidden_states: Tensor, *_: object, **__: object) -> Tensor:
        k, v = (to(hidden_states[:1]).expand_as(hidden_states) for to in (attn.to_k, attn.to_v))
        q, k, v = (attn.head_to_batch_dim(each) for each in (attn.to_q(hidden_states), k, v))
        return attn.to_out[0](attn.batch_to_head_dim(attn.get_attention_scores(q, k) @ v))


@torch.no_grad()
def test_a_step_is_that_of_the_authors_algorithm() -> None:
    """In their coordinates, in the latter two of four layers: those on the way up."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline), **WORDS)
    first, path = table.steps(masactrl(first_layer=0.5), table.everything)[0], table.made[0]
    unet = copy.deepcopy(pipeline.unet)
    up = [name for name in unet.attn_processors if name.startswith("up") and "attn1" in name]
    assert len(up) == 2
    unet.set_attn_processor({
        name: Mutual() if name in up else AttnProcessor() for name in unet.attn_processors
    })  # fmt: skip
    scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(4)
    (start, reached), t = (
        [1 / math.hypot(1 - sigma, sigma) for sigma in path.levels[:2]],  # x_t / z
        scheduler.timesteps[0],
    )
    x = path.states[0] * start
    texts = torch.cat([table.text(prompt).embeddings for prompt in ("", "", table.target)])
    _, away, towards = unet(x.repeat(3, 1, 1, 1), t, texts).sample.chunk(3)
    x = scheduler.step(away + 3.0 * (towards - away), t, x).prev_sample
    assert_close(first.z, x / reached, rtol=1e-4, atol=1e-4)


def test_cells_look_at_the_cells_of_the_source_and_at_their_own_words(
    model: DiffusionModel,
) -> None:
    seen: list[tuple[Call, Call]] = []

    def watch(call: Call) -> Call:
        later = [] if call.layer.kind == "cross" else range(1, 99)
        seen.append((call, mutual(later)(call, [0])))
        return seen[-1][1]

    z = draw_noise((3, model.latent_channels, 8, 12), seed=0)
    with torch.no_grad():
        attending(model, watch).predict(z, 0.5, model.embed_text(["a", "b", "c"]))
    for before, after in seen[1:]:
        if before.layer.kind == "cross":
            continue
        cells = before.layer.picture
        for had, has in ((before.k, after.k), (before.v, after.v)):
            assert torch.equal(has[0, :, cells], had[2, :, cells])
            assert torch.equal(has[1:], had[1:])
            if before.layer.text is not None:
                assert torch.equal(has[0, :, before.layer.text], had[0, :, before.layer.text])
        assert torch.equal(after.q, before.q)
    assert seen[0][1] is seen[0][0]


def test_without_control_it_is_guided_sampling_from_the_inverted_picture(
    model: DiffusionModel,
) -> None:
    table = bench(model, **WORDS)
    for none in ({"first_step": 1.0}, {"first_layer": 1.0}):
        method = masactrl(**none)
        found = table.run(method, table.everything)
        levels = edit_levels(model, method, table.latents)
        expected = table.sampled(table.made[0].states[0], levels)
        assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(table.run(masactrl(), table.everything), found, atol=1e-4)


def test_asking_for_what_is_there_steps_as_without_control(model: DiffusionModel) -> None:
    """From the same place with the same words, target and source are the same."""
    table = bench(model, source="a red house", target="a red house")
    method = masactrl(guidance=1.0, inversion_prompt="source", first_layer=0.0)
    first = table.steps(method, table.everything)[0]
    (path,) = table.made
    with torch.no_grad():
        found = denoise_with(model, table.text("a red house"))(path.states[0], path.levels[0])
    expected = path.states[0] + (path.levels[1] - path.levels[0]) * found.velocity
    assert_close(first.z, expected, rtol=1e-4, atol=1e-4)


def test_control_begins_after_its_share_of_the_steps() -> None:
    model = wrap_pipeline(build_sd())

    def states(first: float) -> list[Tensor]:
        table = bench(model, **WORDS)
        return [step.z for step in table.steps(masactrl(first_step=first), table.everything)]

    half, never = states(0.5), states(1.0)
    for k in range(4):
        assert torch.equal(half[k], never[k]) == (k < 2)


def test_each_step_asks_for_three_rows() -> None:
    counter = Counter(wrap_pipeline(build_sd()))
    table = bench(counter.as_model, **WORDS)
    table.run(masactrl(inversion_solver="euler"), table.everything)
    assert counter.rows == 4 + 3 * 4


def test_models_that_show_no_attention_are_refused_before_the_inversion() -> None:
    table = bench(GaussianModel())
    with pytest.raises(UnsupportedError, match="attention of the model 'gaussian'"):
        table.run(masactrl(), table.everything)
    assert table.made == []
