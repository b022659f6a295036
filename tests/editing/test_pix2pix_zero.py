"""A direction is added to the text, and words are looked at as in the picture."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.models.attention_processor import Attention, AttnProcessor
from torch import Tensor
from torch.testing import assert_close

from tests.editing.helpers import Exact, bench, method_with
from tests.joint import Joint, TextFirst
from tests.tiny import build_sd, build_xl
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.counting import Counter
from textseg.diffusion.model import Conditioning, DiffusionModel
from textseg.diffusion.regularised import divergence
from textseg.diffusion.sampling import denoise_with, guided, last, walk
from textseg.editing.base import EditMethod, edit_levels
from textseg.editing.directions import PLACES, redirected
from textseg.editing.pix2pix_zero import looks_at_words
from textseg.errors import UnsupportedError
from textseg.registry.models import load_model
from textseg.testing import GaussianModel

WORDS = {"source": "a red house", "target": "a blue house"}


@pytest.fixture(params=["sd", "xl", "picturebook", "joint", "flux"])
def model(request: pytest.FixtureRequest) -> DiffusionModel:
    if request.param == "picturebook":
        return load_model("picturebook", device="cpu")
    if request.param in ("joint", "flux"):
        return Joint() if request.param == "joint" else TextFirst()
    return wrap_pipeline(build_sd() if request.param == "sd" else build_xl())


def zero(**options: object) -> EditMethod:
    return method_with("pix2pix_zero", **options)


# ---------------------------------------------------------------- directions


def test_a_direction_is_the_mean_over_sentences_of_known_words_alone() -> None:
    model = load_model("picturebook", device="cpu")
    source, target = (model.embed_text([each]) for each in WORDS.values())
    unknown = ("by the sea", "in the city", "under a blue sky", "on a table")
    known = [place for place in PLACES if place not in unknown]
    before, after = (
        model.embed_text([f"a {phrase} {place}".strip() for place in known]).embeddings.mean(0)
        for phrase in ("red house", "blue house")
    )
    found = redirected(model, source, target)
    assert_close(found.embeddings[0], source.embeddings[0] + after - before, rtol=0, atol=1e-5)
    assert found.prompts == target.prompts
    assert found.unknown == ((),)


@pytest.mark.parametrize("target", ["a red house", "a red house and a tree"])
def test_without_a_counterpart_it_leads_from_prompt_to_prompt(
    target: str, model: DiffusionModel
) -> None:
    texts = model.embed_text(["a red house", target])
    found = redirected(model, texts[0], texts[1])
    assert_close(found.embeddings, texts[1].embeddings, rtol=0, atol=1e-5)
    assert (found.pooled is None) == (texts.pooled is None)
    if found.pooled is not None and texts.pooled is not None:
        assert_close(found.pooled, texts.pooled[1:], rtol=0, atol=1e-5)


def test_prompts_of_different_numbers_of_tokens_are_refused() -> None:
    model = wrap_pipeline(build_sd())
    text = model.embed_text(["a red house"])
    ragged = replace(text, mask=torch.ones(text.embeddings.shape[:2], dtype=torch.bool))
    with pytest.raises(UnsupportedError, match="different numbers of tokens"):
        redirected(model, ragged, text)


# ---------------------------------------------------------------- guidance by attention


class Kept(AttnProcessor):
    """Remembers its probabilities, (heads, cells, tokens) for one row."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = torch.empty(0)

    def __call__(
        self, attn: Attention, hidden_states: Tensor, encoder_hidden_states: Tensor, **_: Any
    ) -> Tensor:
        words = encoder_hidden_states
        projected = (attn.to_q(hidden_states), attn.to_k(words), attn.to_v(words))
        q, k, v = (attn.head_to_batch_dim(each) for each in projected)
        self.looks = attn.get_attention_scores(q, k)
        return attn.to_out[0](attn.batch_to_head_dim(self.looks @ v))


def test_a_step_is_that_of_the_authors_algorithm() -> None:
    """In their coordinates: x_t less .1 times the gradient, then a step of DDIM."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline), **WORDS)
    first, path = table.steps(zero(), table.everything)[0], table.made[0]
    unet = build_sd().unet
    keeping = {name: Kept() for name in unet.attn_processors if "attn2" in name}
    unet.set_attn_processor({
        name: keeping.get(name) or AttnProcessor() for name in unet.attn_processors
    })  # fmt: skip
    scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(4)
    (start, reached), t = (
        [1 / math.hypot(1 - sigma, sigma) for sigma in path.levels[:2]],  # x_t / z
        scheduler.timesteps[0],
    )
    x = path.states[0] * start
    with torch.no_grad():
        texts = Conditioning.cat([table.text(""), table.text(table.source)])
        texts = Conditioning.cat(
            [texts, redirected(table.model, texts[1], table.text("a blue house"))]
        )
        unet(x, t, texts.embeddings[1:2])
        wanted = [each.looks for each in keeping.values()]
    x.requires_grad_()
    unet(x, t, texts.embeddings[2:])
    loss = sum(
        (each.looks - before).square().sum((1, 2)).mean(0)
        for each, before in zip(keeping.values(), wanted, strict=True)
    )
    (slope,) = torch.autograd.grad(loss, [x])
    x = (x - 0.1 * slope).detach()
    with torch.no_grad():
        away, towards = unet(x.repeat(2, 1, 1, 1), t, texts.embeddings[[0, 2]]).sample.chunk(2)
    x = scheduler.step(away + 3.0 * (towards - away), t, x).prev_sample
    assert_close(first.z, x / reached, rtol=1e-4, atol=1e-4)
    assert slope.abs().max() > 1e-4


def test_a_step_down_the_gradient_brings_the_looks_nearer(model: DiffusionModel) -> None:
    """Compared with a step without it, from the same place."""
    table = bench(model, **WORDS)
    free, held = (
        table.steps(zero(attention_guidance=share, guidance=1.0), table.everything)[0]
        for share in (0.0, 0.1)
    )
    assert not torch.equal(free.z, held.z)
    path, text = table.made[0], table.text(table.target)
    start, sigma = path.states[0], path.levels[0]
    moved = start + (held.z - free.z)  # the step itself hardly differs
    with torch.no_grad():
        wanted, before, after = (
            looks_at_words(model, z, sigma, words)
            for z, words in ((start, table.text(table.source)), (start, text), (moved, text))
        )

    def distance(looks: list[Tensor]) -> float:
        pairs = zip(looks, wanted, strict=True)
        return sum(float((one - other).square().sum()) for one, other in pairs)

    assert distance(after) < distance(before)


def test_without_guidance_by_attention_it_is_guided_sampling_towards_the_direction(
    model: DiffusionModel,
) -> None:
    table = bench(model, **WORDS)
    method = zero(attention_guidance=0.0)
    found = table.run(method, table.everything)
    start = table.made[0].states[0]
    with torch.no_grad():
        text = redirected(model, table.text(table.source), table.text(table.target))
        denoise = guided(model, text, table.text(""), scale=3.0)
        expected = last(walk(denoise, start, edit_levels(model, method, table.latents)), start)
    assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_asking_for_what_is_there_steps_as_without_control(model: DiffusionModel) -> None:
    table = bench(model, source="a red house", target="a red house")
    first = table.steps(zero(guidance=1.0), table.everything)[0]
    (path,) = table.made
    with torch.no_grad():
        found = denoise_with(model, table.text("a red house"))(path.states[0], path.levels[0])
    expected = path.states[0] + (path.levels[1] - path.levels[0]) * found.velocity
    assert_close(first.z, expected, rtol=1e-4, atol=1e-4)


def test_the_inversion_can_be_regularised() -> None:
    table = bench(wrap_pipeline(build_sd()), **WORDS)
    for solver in ("euler", "regularised"):
        table.run(zero(inversion_solver=solver), table.everything)
    plain, regularised = (divergence(path.states[0]) for path in table.made)
    assert regularised < plain


def test_no_graph_is_left_and_each_step_asks_for_four_rows() -> None:
    counter = Counter(wrap_pipeline(build_sd()))
    table = bench(counter.as_model, **WORDS)
    steps = table.steps(zero(inversion_solver="euler"), table.everything)
    assert counter.rows == 4 + 4 * 4
    assert not any(step.z.requires_grad for step in steps)


def test_models_that_show_no_attention_are_refused_before_the_inversion() -> None:
    table = bench(GaussianModel())
    with pytest.raises(UnsupportedError, match="attention of the model 'gaussian'"):
        table.run(zero(), table.everything)
    assert table.made == []


def test_a_model_without_attentions_is_sampled() -> None:
    table = bench(Exact(rate=0.3), **WORDS)
    found = table.run(zero(), table.everything)
    assert_close(found, table.run(zero(attention_guidance=0.0), table.everything), rtol=0, atol=0)
