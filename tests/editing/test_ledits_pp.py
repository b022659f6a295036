"""Concepts are followed and left with the noise maps of the picture."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad
from torch.testing import assert_close

from tests.editing.helpers import SEED, bench, method_with
from tests.joint import Joint
from tests.tiny import build_sd, build_xl
from textseg.backends.diffusers_unet import wrap_pipeline
from textseg.diffusion.attention import Attention, attending
from textseg.diffusion.counting import Counter
from textseg.diffusion.model import DiffusionModel
from textseg.editing.apply import numbered_noise
from textseg.editing.base import EditMethod, edit_levels
from textseg.editing.concepts import changed_concepts, signed_concepts
from textseg.errors import UnsupportedError
from textseg.registry.models import load_model
from textseg.testing import GaussianModel


@pytest.fixture(params=["sd", "xl", "picturebook", "joint"])
def model(request: pytest.FixtureRequest) -> DiffusionModel:
    if request.param == "picturebook":
        return load_model("picturebook", device="cpu")
    if request.param == "joint":
        return Joint()
    return wrap_pipeline(build_sd() if request.param == "sd" else build_xl())


def ledits(**options: object) -> EditMethod:
    return method_with("ledits_pp", **options)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a blue house", [("a blue house", 1)]),
        ("blue hat, t-shirt -beard", [("blue hat", 1), ("t-shirt", 1), ("beard", -1)]),
        ("-red house + boat,", [("red house", -1), ("boat", 1)]),
        ("", [("", 1)]),
    ],
)
def test_concepts_are_parted_and_signed(text: str, found: list[tuple[str, int]]) -> None:
    assert list(signed_concepts(text)) == found


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        ("a red house", "a blue house", [("blue house", 1), ("red house", -1)]),
        ("a house and a tree", "a house", [("", 1), ("and a tree", -1)]),
        ("a house", "tree, -house", [("tree", 1), ("house", -1)]),
        ("a house", "a house", [("", 1)]),
    ],
)
def test_what_two_texts_change_is_followed_and_left(
    source: str, target: str, found: list[tuple[str, int]]
) -> None:
    assert list(changed_concepts(source, target)) == found


@pytest.mark.parametrize("options", [{"guidance": 0.0}, {"concepts": "tree, -tree"}])
def test_what_changes_nothing_gives_the_picture_back(
    options: dict[str, object], model: DiffusionModel
) -> None:
    table = bench(model)
    found = table.run(ledits(**options), table.everything)
    assert_close(found, table.latents, rtol=0, atol=1e-4)
    assert (table.run(ledits(), table.everything) - table.latents).abs().max() > 1e-3


@torch.no_grad()
def test_it_is_the_algorithm_of_the_paper_on_a_network_that_predicts_noise() -> None:
    """Written out in x_t, with the sampler of diffusers: two concepts, one with each sign."""
    pipeline = build_sd()
    table = bench(wrap_pipeline(pipeline))
    method = ledits(strength=0.5, concepts="boat, -tree")
    scheduler = DDIMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
    scheduler.set_timesteps(4)
    times = scheduler.timesteps[-2:]
    texts = table.model.embed_text(["", "boat", "tree"]).embeddings
    noise, clean = numbered_noise(table.latents, SEED), scheduler.final_alpha_cumprod
    states = [
        signal.sqrt() * table.latents + (1 - signal).sqrt() * noise(k)
        for k, signal in enumerate(scheduler.alphas_cumprod[times])
    ]
    states.append(table.latents * (clean.sqrt() + (1 - clean).sqrt()))

    def mean(x: Tensor, time: Tensor, *, scale: float) -> Tensor:
        nothing, boat, tree = pipeline.unet(x.repeat(3, 1, 1, 1), time, texts).sample.chunk(3)
        eps = nothing + scale * (boat - nothing) - scale * (tree - nothing)
        drawn = torch.zeros_like(eps)
        return scheduler.step(eps, time, x, eta=1.0, variance_noise=drawn).prev_sample

    x = states[0]
    for k, time in enumerate(times):
        x = mean(x, time, scale=3.0) + states[k + 1] - mean(states[k], time, scale=0.0)
    found = table.run(method, table.everything)
    assert_close(found, x / (clean.sqrt() + (1 - clean).sqrt()), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_with_its_own_mask_a_concept_moves_where_it_is_looked_at_and_says_most() -> None:
    """M1 and M2 of the first step, by hand."""
    model = load_model("picturebook", device="cpu")
    table = bench(model, cells=(8, 12))
    share, looks = 0.6, list[Tensor]()
    options = {"concepts": "red tree", "strength": 0.5}
    method = ledits(own_mask=True, threshold=share, **options)
    start = edit_levels(model, method, table.latents)[0]
    noise = numbered_noise(table.latents, SEED)(0)
    z = (1 - start) * table.latents + start * noise
    text = model.embed_text(["", "red tree"])

    def watch(call: Attention) -> Attention:
        if call.layer.kind == "cross" and call.layer.stage != "mid" and call.layer.cells == 2 * 3:
            looks.append(call.probabilities()[1].mean(0)[:, [1, 2]].sum(-1).reshape(1, 1, 2, 3))
        return call

    found = attending(model, watch).predict(z.repeat(2, 1, 1, 1), start, text)
    assert len(looks) == 3  # one on the way down, two up
    says = (found.eps[1:] - found.eps[:1]).abs().sum(1, keepdim=True)
    side = torch.exp(-(torch.tensor([-1.0, 0.0, 1.0]) ** 2))
    blur = (side[:, None] * side / (side.sum() ** 2))[None, None]
    seen = conv2d(pad(torch.stack(looks).mean(0), (1, 1, 1, 1), mode="replicate"), blur)
    masks = [(each >= each.quantile(share)).float() for each in (seen, says)]
    mask = interpolate(masks[0], (8, 12)) * masks[1]
    assert 0 < mask.mean() < 1 - share + 0.01
    free, own = (
        table.steps(ledits(own_mask=each, threshold=share, **options), table.everything)[0].z
        for each in (False, True)
    )
    kept = table.steps(ledits(guidance=0.0, **options), table.everything)[0].z
    assert_close(own - kept, mask * (free - kept), rtol=1e-3, atol=1e-4)


def test_each_step_asks_for_two_rows_and_one_for_each_concept() -> None:
    counter = Counter(wrap_pipeline(build_sd()))
    table = bench(counter.as_model)
    table.run(ledits(strength=1.0, concepts="boat, tree, -house"), table.everything)
    assert counter.rows == 4 * (2 + 3)


def test_its_own_mask_wants_a_model_that_shows_its_attention() -> None:
    table = bench(GaussianModel(rate=0.3))
    table.run(ledits(), table.everything)
    with pytest.raises(UnsupportedError, match="attention of the model 'gaussian'"):
        table.run(ledits(own_mask=True), table.everything)
